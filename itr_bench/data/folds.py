"""Folds for cross-validation inside a set: stratified, and nothing shared between them.

By ranks of SHA-256, not by scikit-learn's StratifiedGroupKFold: before 1.8 that one does not
stratify when it shuffles, and its folds may differ between versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import DataError, bullet_list
from itr_bench.grouped import grouped
from itr_bench.relation import QUESTIONS, RELATIONS, Relation


def tied(*keys: Sequence[str], links: Iterable[tuple[int, int]] = ()) -> NDArray[np.int64]:
    """Return the group of each tweet: tweets that share any key, directly or by others, are one.

    Args:
        keys: for each kind of thing that tweets may share (image, text), one key a tweet; at
            least one kind.
        links: further pairs of tweets that belong together, by their places.

    Returns:
        Shape (T,), groups numbered in the order of their first tweet.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(keys[0])
    pairs = list(links)
    for kind in keys:
        first: dict[str, int] = {}
        pairs += [(i, first.setdefault(key, i)) for i, key in enumerate(kind)]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(count, count))
    found = connected_components(graph, directed=False)[1]
    _, first_of, group = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first_of))[group].astype(np.int64)


def check(relations: NDArray[np.int8], groups: NDArray[np.int64], count: int) -> None:
    """Refuse what cannot be divided or learned from.

    Args:
        relations: the right relations, shape (T,).
        groups: as :func:`tied` gives them.

    Raises:
        DataError: fewer than two folds, fewer tweets than folds, a relation with fewer, or a
            question with one answer only. Tweets that share an image or text count once.
    """
    problems = [] if count >= 2 else [f"folds={count}: expected 2 or more"]
    there = len(np.unique(groups))
    if there < count:
        problems.append(
            f"tweets with images and texts of their own: {there}, expected {count} or more for "
            f"{count} folds"
        )
    else:
        for relation in RELATIONS:
            having = len(np.unique(groups[relations == relation]))
            if 0 < having < count:
                problems.append(
                    f"relation {int(relation)} ({relation.label}): tweets of its own: {having}, "
                    f"expected {count} or more for {count} folds"
                )
    for question in QUESTIONS:
        answers = {Relation(r).answer(question).value for r in np.unique(relations)}
        if len(answers) < 2:
            problems.append(
                f"all tweets have the same answer to {question.value!r}: nothing to learn"
            )
    if problems:
        raise DataError(
            "cross-validation inside this set is not possible:\n"
            f"{bullet_list(problems)}\n"
            "Take more tweets, or fewer folds."
        )


def make_folds(
    relations: NDArray[np.int8],
    groups: NDArray[np.int64],
    names: Sequence[str],
    count: int,
    seed: int,
) -> NDArray[np.int64]:
    """Divide tweets into folds of about equal size and shares of relations, groups kept whole.

    Large groups go first, the rest in the order of SHA-256 of seed and name; each to the fold that
    has the fewest tweets of its relations, then the fewest tweets.

    Args:
        relations, groups: as for :func:`check`.
        names: ids of the tweets; a group is named by its smallest.

    Returns:
        The fold of each tweet, shape (T,), 0 to *count* - 1; the same for tweets in any order.
    """
    members = grouped(range(len(groups)), groups.tolist().__getitem__)

    def rank(tweets: list[int]) -> tuple[int, str]:
        name = min(names[tweet] for tweet in tweets)
        return -len(tweets), hashlib.sha256(f"fold {seed} {name}".encode()).hexdigest()

    fold_of = np.empty(len(relations), np.int64)
    of_relation = np.zeros((count, len(RELATIONS)), np.int64)
    for tweets in sorted(members.values(), key=rank):
        wanted = np.bincount(relations[tweets], minlength=len(RELATIONS))
        crowd = of_relation @ wanted
        best = min(range(count), key=lambda f: (crowd[f], of_relation[f].sum(), f))
        fold_of[tweets] = best
        of_relation[best] += wanted
    return fold_of
