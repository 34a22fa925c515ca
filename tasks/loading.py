"""The data of a task: its set opened, fetched where it is not there yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from itr_bench.data.loading import base_of, open_set
from itr_bench.data.manifest import content_hash
from itr_bench.data.schema import RELATION_NAMES
from itr_bench.data.tweet_set import TweetSet
from itr_bench.tasks.spec import TaskSpec, get_task

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class TaskData:
    """The tweets of one task.

    Attributes:
        texts: the text that the task shows of each tweet, raw.
        tweets: the set with ids and labels.
        images: the set with the images, with the tweets in the order of ``tweets``.
        image_rows: for each tweet, its row in ``images``.
        identity: kind and hash of exactly this data, as signatures state it.
    """

    spec: TaskSpec
    texts: Sequence[str]
    tweets: TweetSet
    images: TweetSet
    image_rows: Sequence[int]
    identity: str


def open_task(task: TaskSpec) -> TaskData:
    """Open the data of *task*.

    Raises:
        DataError: as :func:`open_set`; or translations that belong to another state of the
            tweets.
    """
    tweets = open_set(task.set_name)
    images = tweets
    if tweets.spec.is_translation:
        images = base_of(tweets)
    texts = tweets.texts(task.language)
    row = {tweet: i for i, tweet in enumerate(images.tweet_ids)}
    digest = content_hash(
        (tweet, relation, [text], image)
        for tweet, relation, text, image in zip(
            tweets.tweet_ids, tweets.relations, texts, tweets.image_hashes, strict=True
        )
    )
    system = tweets.manifest.system
    return TaskData(
        spec=task,
        texts=texts,
        tweets=tweets,
        images=images,
        image_rows=[row[tweet] for tweet in tweets.tweet_ids],
        identity=f"{tweets.manifest.kind}-{digest[:12]}" + (f"-{system}" if system else ""),
    )


def load(name: str) -> datasets.Dataset:
    """The data of task *name*, as :func:`itr_bench.load` gives it."""
    import datasets

    data = open_task(get_task(name))
    features = datasets.Features(
        {
            "tweet_id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "relation": datasets.ClassLabel(names=list(RELATION_NAMES)),
            "image_sha256": datasets.Value("string"),
        }
    )
    table = pa.table(
        [data.tweets.tweet_ids, list(data.texts), data.tweets.relations, data.tweets.image_hashes],
        schema=features.arrow_schema,
    )
    # The images stay where they are, mapped from the disk; the tweets are put beside them.
    images = data.images.image_dataset()
    beside = {row: tweet for tweet, row in enumerate(data.image_rows)}
    tweets = datasets.Dataset(table.take(pa.array(map(beside.get, range(len(images))))))
    parts = [tweets.select_columns(["tweet_id", "text", "relation"]), images]
    parts.append(tweets.select_columns(["image_sha256"]))
    return datasets.concatenate_datasets(parts, axis=1).select(data.image_rows)
