"""Balanced subsets of labelled tweets, the same on every machine, and explaining a given one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS, Relation

TIRT_SIZE = 450
"""Size of the paper's TIRT set (Rikters & Marrese-Taylor 2025); which 450 was not published."""

SEED = 1
"""The seed of a draw for which none is named."""


def quotas(available: Mapping[Relation, int], size: int) -> dict[Relation, int]:
    """Return how many tweets of each relation a balanced subset of *size* holds.

    As equal as the numbers allow: a relation with fewer than its share gives all it has, the
    others share the rest, and what cannot be shared equally goes to the lowest relation ids.

    Args:
        size: tweets to draw, 1 to all of them.

    Raises:
        DataError: more than there are, or none.
    """
    total = sum(available.values())
    if not 1 <= size <= total:
        raise DataError(f"a subset of {size} tweets: expected 1 to {total}, the number available")
    found = dict.fromkeys(RELATIONS, 0)
    for _ in range(size):  # each tweet is of the relation that has the fewest so far
        left = [r for r in RELATIONS if found[r] < available.get(r, 0)]
        found[min(left, key=found.__getitem__)] += 1
    return found


def draw(labels: Mapping[str, Relation], size: int, seed: int = SEED) -> tuple[str, ...]:
    """Draw a balanced subset of labelled tweets.

    The tweets of a relation are ranked by the SHA-256 of ``SEED:TWEET_ID`` and the first ones
    taken, so that the subset depends on labels, size and seed alone, whatever the order of the
    list, the machine and the version of Python; and a smaller subset is part of a larger one.

    Args:
        labels: relation by tweet id.
        size: tweets to draw, 1 to all of them.

    Returns:
        *size* tweet ids, in the order of their numbers.

    Raises:
        DataError: *size* is more than there are, or none.
    """
    taken = quotas(Counter(labels.values()), size)
    drawn: list[str] = []
    for relation in RELATIONS:
        ids = [tweet for tweet, label in labels.items() if label == relation]
        drawn += sorted(ids, key=lambda tweet: _rank(tweet, seed))[: taken[relation]]
    return tuple(sorted(drawn, key=lambda tweet: (int(tweet), tweet)))


def _rank(tweet: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{tweet}".encode()).digest()


@dataclass(frozen=True)
class Explanation:
    """How a subset stands to the full list.

    Attributes:
        full: number of tweets by relation in the full list.
        counts: the same in the subset.
        balanced: the counts of a balanced subset of that size.
        seed: the seed that was tried.
        drawn: whether :func:`draw` with that seed takes exactly these tweets.
    """

    size: int
    full: Mapping[Relation, int]
    counts: Mapping[Relation, int]
    balanced: Mapping[Relation, int]
    seed: int
    drawn: bool

    @property
    def is_balanced(self) -> bool:
        """Whether it is as equal by relation as the full list allows."""
        return self.counts == self.balanced

    @property
    def words(self) -> str:
        """The counts as a phrase: what was taken whole, and how many of each other relation."""
        whole = [r for r in RELATIONS if 0 < self.counts[r] == self.full[r]]
        parts = [f"all {self.counts[r]} of relation {int(r)}" for r in whole]
        for count in sorted({self.counts[r] for r in RELATIONS if r not in whole}, reverse=True):
            same = [r for r in RELATIONS if r not in whole and self.counts[r] == count]
            each = "each " if len(same) > 1 else ""
            plural = "relations" if len(same) > 1 else "relation"
            parts.append(f"{count} {each}of {plural} {_and([str(int(r)) for r in same])}")
        return _and(parts)


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def explain(
    subset: Mapping[str, Relation], full: Mapping[str, Relation], seed: int = SEED
) -> Explanation:
    """Explain a subset by the full list that it is from.

    Raises:
        DataError: tweets that are not in the full list, or have another label there.
    """
    problems = [f"tweet {tweet}: not in the full list" for tweet in subset if tweet not in full]
    problems += [
        f"tweet {tweet}: relation {int(label)}, but {int(full[tweet])} in the full list"
        for tweet, label in subset.items()
        if full.get(tweet, label) != label
    ]
    if problems:
        raise DataError(f"not a subset of the full list:\n{bullet_list(problems)}")
    counts = Counter(subset.values())
    available = Counter(full.values())
    return Explanation(
        size=len(subset),
        full={r: available[r] for r in RELATIONS},
        counts={r: counts[r] for r in RELATIONS},
        balanced=quotas(available, len(subset)),
        seed=seed,
        drawn=set(subset) == set(draw(full, len(subset), seed)),
    )


def as_tsv(labels: Mapping[str, Relation]) -> str:
    """Return labels as a list that can be shared: ids and relations only, by number of id."""
    ids = sorted(labels, key=lambda tweet: (int(tweet), tweet))
    return "\n".join(["tweet_id\trelation", *(f"{t}\t{int(labels[t])}" for t in ids)]) + "\n"
