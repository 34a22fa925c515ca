"""The tweets of a task as an encoder is given them."""

from __future__ import annotations

import numpy as np

from itr_bench.studies.encoders.embed import Pairs
from itr_bench.tasks.documents import without_links
from itr_bench.tasks.loading import TaskData


def pairs_of(data: TaskData, limit: int | None = None) -> Pairs:
    """Return the tweets of *data*, or the first *limit* of them."""
    tweets = slice(limit)
    rows = data.image_rows[tweets]
    return Pairs(
        tweet_ids=data.tweets.tweet_ids[tweets],
        relations=np.array(data.tweets.relations[tweets], np.int8),
        texts=[without_links(text) for text in data.texts[tweets]],
        image_keys=data.tweets.image_hashes[tweets],
        image=lambda i: data.images.image(rows[i]),
    )
