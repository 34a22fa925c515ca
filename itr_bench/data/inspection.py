"""Looking at a set: its figures, and whether it is what its manifest says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from itr_bench.data.images import check_image
from itr_bench.data.loading import base_of, open_set
from itr_bench.data.manifest import Manifest, content_hash
from itr_bench.data.sets import build_again
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS


def verify_set(name: str) -> Manifest:
    """Check a set against its manifest: the file, every image, every text and label.

    Images are not decoded again. Each was decoded whole when the set was built; its bytes are
    the same if their SHA-256 is the one in the column, and the column is the same if the content
    hash over all tweets is the manifest's.

    Raises:
        DataError: all that does not agree, in one message; or the set is not there.
    """
    tweets = open_set(name)  # which checks the file
    if tweets.spec.is_translation:
        base_of(tweets)
    manifest, problems = tweets.manifest, []
    if not tweets.spec.is_translation:
        for row, (tweet, sha256) in enumerate(
            zip(tweets.tweet_ids, tweets.image_hashes, strict=True)
        ):
            content, file = tweets.image_file(row)
            if hashlib.sha256(content or b"").hexdigest() != sha256:
                problems.append(f"tweet {tweet}, {file}: another SHA-256 than its own column")
    texts = zip(*(tweets.texts(language) for language in tweets.spec.texts), strict=True)
    found = content_hash(
        zip(tweets.tweet_ids, tweets.relations, texts, tweets.image_hashes, strict=True)
    )
    if found != manifest.content_sha256:
        problems.append("ids, labels, texts or images differ from the manifest's content hash")
    if problems:
        raise DataError(
            f"the data set {name!r} is not what its manifest says:\n{bullet_list(problems)}\n"
            f"{build_again(tweets.spec.name)}"
        )
    return manifest


def describe_set(name: str) -> dict[str, Any]:
    """Return the figures of a set: counts, text lengths, image sizes, hashes.

    Lengths are in characters, sizes in pixels, each as minimum, median and maximum.

    Raises:
        DataError: the set is not there and cannot be fetched.
    """
    tweets = open_set(name)

    def spread(values: Sequence[int]) -> dict[str, float]:
        return {"min": min(values), "median": median(values), "max": max(values)}

    images: dict[str, Any] = {}
    if not tweets.spec.is_translation:
        facts = [
            check_image(tweets.image_file(row)[0], tweet)
            for row, tweet in enumerate(tweets.tweet_ids)
        ]
        images = {
            "image_width": spread([fact.width for fact in facts]),
            "image_height": spread([fact.height for fact in facts]),
            "image_formats": dict(sorted(Counter(fact.format for fact in facts).items())),
        }
    manifest = tweets.manifest
    return {
        "set": name,
        "title": tweets.spec.title,
        "kind": manifest.kind,
        "tweets": manifest.tweets,
        "relations": {str(int(r)): manifest.relations[r] for r in RELATIONS},
        "majority_class": max(manifest.relations) / manifest.tweets,
        "text_length": {
            language: spread([len(text) for text in tweets.texts(language)])
            for language in tweets.spec.texts
        },
        **images,
        "content_sha256": manifest.content_sha256,
        "parquet_sha256": manifest.parquet_sha256 or None,
        "system": manifest.system,
        "sources": list(manifest.sources),
        "notes": list(manifest.notes),
        "built": None if tweets.spec.bundled else manifest.built,
    }
