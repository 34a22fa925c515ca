"""Folds of which no tweet, text or picture stands on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from itr_bench.data.folds import check, make_folds, tied
from itr_bench.data.manifest import text_hash
from itr_bench.data.near_copies import alike_pictures, alike_texts, plain_text, thumbnails
from itr_bench.errors import DataError, RunError, bullet_list
from itr_bench.runs.training import WHOLE
from itr_bench.scoring.signature import digest
from itr_bench.tasks.loading import TaskData, open_task
from itr_bench.tasks.spec import TASKS, TaskSpec
from itr_bench.training.config import TrainingConfig

_POOLS = {"ltec": "ltec_full"}
"""Sets whose tweets are all in a larger one; that one is divided."""

FOLDS = "folds.json"
"""In the folder of a training: what :meth:`Folds.write` writes."""

_INNER = 10
"""One in so many of the training tweets is held out for early stopping."""


@dataclass(frozen=True)
class Pool:
    """The tweets that a study trains on and predicts.

    Attributes:
        data: of the set, with the pictures.
        tweet_ids, relations, groups: one entry a tweet; tweets of one group have a text or picture
            in common, or nearly so, directly or through others.
    """

    data: TaskData
    tweet_ids: tuple[str, ...]
    relations: NDArray[np.int8]
    groups: NDArray[np.int64]

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The place of each tweet."""
        return {tweet: place for place, tweet in enumerate(self.tweet_ids)}


def pool_of(bases: Sequence[TaskSpec]) -> Pool:
    """Open the set that the tweets of *bases* are from, and find what is alike in it.

    Raises:
        DataError: as of :func:`common_pool`, or data is not there and cannot be fetched.
    """
    name = common_pool(bases)
    task = next(task for task in TASKS.values() if task.set_name == name)
    data = open_task(task)
    tweets = data.tweets
    bar = tqdm(
        data.image_rows, desc="comparing pictures", unit="picture", disable=None, leave=False
    )
    small = thumbnails(data.images.image(row) for row in bar)
    links = alike_pictures(small)
    keys: list[Sequence[str]] = [tweets.image_hashes]
    for language in tweets.spec.texts:
        texts = tweets.texts(language)
        links += alike_texts(texts)
        # What is empty without its links is a copy of nothing.
        keys.append(
            [
                text_hash(plain_text(t) or own)
                for own, t in zip(tweets.tweet_ids, texts, strict=True)
            ]
        )
    return Pool(
        data,
        tuple(tweets.tweet_ids),
        np.asarray(tweets.relations, np.int8),
        tied(*keys, links=links),
    )


def common_pool(bases: Sequence[TaskSpec]) -> str:
    """The name of the set that the tweets of *bases* are from.

    Raises:
        DataError: they are of different sets.
    """
    names = {pool_name(task) for task in bases}
    if len(names) > 1:
        raise DataError(
            f"--base: the tasks are of different sets ({', '.join(sorted(names))}): train on one "
            "set at a time"
        )
    return names.pop()


def pool_name(task: TaskSpec) -> str:
    """The name of the set that the tweets of *task* are from."""
    from itr_bench.data.sets import get_set

    spec = get_set(task.set_name)
    own = spec.base or spec.name
    return _POOLS.get(own, own)


@dataclass(frozen=True)
class Folds:
    """Which model predicts which tweet.

    Attributes:
        pool: the tweets.
        count: the number of folds.
        seed: of the division.
        fold_of: the fold of each tweet, shape (T,).
    """

    pool: Pool
    count: int
    seed: int
    fold_of: NDArray[np.int64]

    @property
    def hash(self) -> str:
        """Digest of which tweet is in which fold, as signatures state it."""
        return digest(self.by_tweet)

    @property
    def by_tweet(self) -> dict[str, int]:
        """The fold of each tweet, by its id."""
        return dict(zip(self.pool.tweet_ids, self.fold_of.tolist(), strict=True))

    def training(self, fold: int, config: TrainingConfig) -> Part:
        """The tweets that the model of *fold* is trained on, and those of its inner split.

        Of less than the whole, smaller shares are part of larger ones, groups whole.

        Raises:
            DataError: too few tweets are left, or all of one answer to a question.
        """
        pool = self.pool
        outside = np.flatnonzero(self.fold_of != fold)
        if config.share < WHOLE:
            outside = _share_of(outside, pool, config.share, self.seed)
        inner = np.empty(0, np.int64)
        if config.early_stopping:
            inner_fold = make_folds(
                pool.relations[outside],
                pool.groups[outside],
                [pool.tweet_ids[tweet] for tweet in outside],
                _INNER,
                self.seed,
            )
            inner, outside = outside[inner_fold == 0], outside[inner_fold != 0]
        relations = pool.relations.copy()
        if config.shuffled_labels:
            # Within the training tweets: the held-out ones stay what they are.
            seed = int.from_bytes(
                hashlib.sha256(f"{config.seed} {fold}".encode()).digest()[:4], "big"
            )
            shuffled = np.random.default_rng(seed).permutation(pool.relations[outside])
            relations[outside] = shuffled
        part = Part(
            tuple(pool.tweet_ids[tweet] for tweet in outside),
            tuple(pool.tweet_ids[tweet] for tweet in inner),
            dict(zip(pool.tweet_ids, relations.tolist(), strict=True)),
        )
        self._check_learnable(fold, part, config)
        self._check_apart(fold, [*outside, *inner])
        return part

    def _check_learnable(self, fold: int, part: Part, config: TrainingConfig) -> None:
        there = {part.relations[tweet] for tweet in part.train}
        lacking = set(np.unique(self.pool.relations).tolist()) - there
        if (
            len(part.train) < config.batch_size
            or lacking
            or (config.early_stopping and not part.inner)
        ):
            names = ", ".join(map(str, sorted(lacking))) or "none"
            raise DataError(
                f"fold {fold + 1} of {self.count} leaves {len(part.train)} tweets to train on and "
                f"{len(part.inner)} for its inner split, at {config.share} % of the data; "
                f"relations without a tweet: {names}. Take a larger --share, another set, or a "
                "smaller --batch-size"
            )

    def _check_apart(self, fold: int, seen: Sequence[int]) -> None:
        held_out = np.flatnonzero(self.fold_of == fold)
        groups = self.pool.groups
        both = sorted(set(groups[held_out].tolist()) & set(groups[np.asarray(seen)].tolist()))
        if both:  # a fault of this package, never of a user
            tweet = self.pool.tweet_ids[int(np.flatnonzero(groups == both[0])[0])]
            raise RunError(f"fold {fold + 1}: what is alike to tweet {tweet} is on both sides")

    def write(self, path: Path, parts: Sequence[Part]) -> None:
        """Write which tweet is in which fold, and what the model of each fold is trained on (of
        *parts*), whole or not at all.
        """
        from itr_bench.runs.manifest import write_json

        trained_on = [{"train": part.train, "inner": part.inner} for part in parts]
        write_json(path, {"hash": self.hash, "fold_of": self.by_tweet, "folds": trained_on})


@dataclass(frozen=True)
class Part:
    """What one model is trained on.

    Attributes:
        train: tweets that it learns from.
        inner: tweets that decide when it has learned enough.
        relations: by tweet, the relation that it is taught.
    """

    train: tuple[str, ...]
    inner: tuple[str, ...]
    relations: Mapping[str, int]


def divide(pool: Pool, config: TrainingConfig) -> Folds:
    """Divide *pool*: stratified by relation, groups whole, the same on every machine.

    Raises:
        DataError: there are too few tweets, or all have the same answer to a question.
    """
    check(pool.relations, pool.groups, config.folds)
    fold_of = make_folds(pool.relations, pool.groups, pool.tweet_ids, config.folds, config.seed)
    return Folds(pool, config.folds, config.seed, fold_of)


def _share_of(tweets: NDArray[np.int64], pool: Pool, share: int, seed: int) -> NDArray[np.int64]:
    """So many per cent of *tweets*, stratified, groups whole; smaller shares lie in larger ones."""

    def rank(own: Sequence[int]) -> bytes:
        name = min(pool.tweet_ids[tweet] for tweet in own)
        return hashlib.sha256(f"share {seed} {name}".encode()).digest()

    groups: dict[int, list[int]] = {}
    for tweet in tweets.tolist():
        groups.setdefault(int(pool.groups[tweet]), []).append(tweet)
    by_relation: dict[int, list[list[int]]] = {}
    for own in groups.values():  # a group of several relations goes with the first of its tweets
        by_relation.setdefault(int(pool.relations[own[0]]), []).append(own)
    taken: list[int] = []
    for of_relation in by_relation.values():
        most = max(1, round(sum(map(len, of_relation)) * share / WHOLE))
        chosen: list[int] = []
        for own in sorted(of_relation, key=rank):
            if len(chosen) >= most:
                break
            chosen += own
        taken += chosen
    return np.sort(np.asarray(taken, np.int64))


def missing_tweets(pool: Pool, task: TaskSpec, tweet_ids: Sequence[str]) -> None:
    """Refuse a task with tweets that *pool* does not have.

    Raises:
        DataError: names some of them.
    """
    lacking = sorted(set(tweet_ids) - pool.place.keys())
    if lacking:
        raise DataError(
            f"{task.name}: {len(lacking)} of its tweets are not in {pool.data.spec.set_name}, "
            f"which is divided into folds:\n{bullet_list(lacking, most=5)}"
        )
