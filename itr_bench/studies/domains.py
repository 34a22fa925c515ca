"""Two sets of tweets: what of a difference is the domain, and what the balance of the relations.

The difference of accuracies over relations r with shares w and accuracies a,
``sum w1 a1 - sum w2 a2``, is split after Kitagawa (1955, JASA 50:272) into
``sum (w1 + w2) / 2 * (a1 - a2)``, the domain, and ``sum (w1 - w2) * (a1 + a2) / 2``, the balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from itr_bench.relation import RELATIONS
from itr_bench.scoring.comparison import holm
from itr_bench.scoring.intervals import mean_intervals
from itr_bench.scoring.outcomes import Outcomes
from itr_bench.studies.statistics import LEVEL, Interval


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; both between -1 and 1."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class OfRelation:
    """One relation in both sets.

    Attributes:
        tweets_a, tweets_b: with this relation.
        a, b: accuracy on them.
        difference: A less B.
        p_value: Fisher's exact test on the tweets that are right in more than half of the samples.
        adjusted: by Holm's method, once :func:`adjusted` was called.
    """

    relation: int
    tweets_a: int
    tweets_b: int
    a: float
    b: float
    difference: Estimate
    p_value: float
    adjusted: float = 1.0

    @property
    def told(self) -> bool:
        """Whether the adjusted test and the interval tell a difference."""
        low, high = self.difference.interval
        return self.adjusted < LEVEL and not low <= 0 <= high


@dataclass(frozen=True)
class Transfer:
    """Set A against set B.

    Attributes:
        accuracy_a, accuracy_b: as they are.
        balanced_a, balanced_b: mean over relations, as if all were equally frequent.
        difference: of the accuracies as they are.
        balanced: of the balanced ones.
        domain, balance: the two parts of ``difference``.
        relations: one by one.
    """

    accuracy_a: Estimate
    accuracy_b: Estimate
    balanced_a: Estimate
    balanced_b: Estimate
    difference: Estimate
    balanced: Estimate
    domain: Estimate
    balance: Estimate
    relations: tuple[OfRelation, ...]


FEWEST_OF_RELATION = 10
"""Of fewer tweets of a relation in either set, a difference is not split."""

_WHOLE = (
    *("accuracy_a", "accuracy_b", "balanced_a", "balanced_b"),
    *("difference", "balanced", "domain", "balance"),
)
"""The fields of :class:`Transfer` that are estimates, in the order of their weights."""


def too_few(a: Outcomes, b: Outcomes) -> list[str]:
    """The relations that either set has too few tweets of, in words."""
    return [
        f"relation {int(relation)}: {counts[0]} and {counts[1]} tweets"
        for relation in RELATIONS
        if min(counts := [int((one.gold == relation).sum()) for one in (a, b)]) < FEWEST_OF_RELATION
    ]


def transfer(a: Outcomes, b: Outcomes) -> Transfer:
    """Compare a model on two sets of tweets that have nothing to do with each other.

    Intervals draw the tweets of each relation and set by themselves, so that class shares stay
    as they are.

    Args:
        a, b: each with at least 10 tweets of every relation (see :func:`too_few`).
    """
    parts_a, parts_b = _parts(a), _parts(b)
    shares_a = np.array([len(part) for part in parts_a]) / len(a.tweet_ids)
    shares_b = np.array([len(part) for part in parts_b]) / len(b.tweet_ids)
    even = np.full(len(RELATIONS), 1 / len(RELATIONS))
    none = np.zeros(len(RELATIONS))
    middle, apart = (shares_a + shares_b) / 2, (shares_a - shares_b) / 2
    weights = [
        (shares_a, none),
        (none, shares_b),
        (even, none),
        (none, even),
        (shares_a, -shares_b),
        (even, -even),
        (middle, -middle),
        (apart, apart),
        *((one, -one) for one in np.eye(len(RELATIONS))),
    ]
    found = _weighted([*parts_a, *parts_b], [np.concatenate(pair) for pair in weights])
    relations = _relations(a, b, parts_a, parts_b, found[len(_WHOLE) :])
    return Transfer(**dict(zip(_WHOLE, found, strict=False)), relations=relations)


def _parts(outcomes: Outcomes) -> list[NDArray[np.float64]]:
    """The share of samples that are right, by relation: one value a tweet."""
    means = outcomes.correct.mean(axis=1)
    return [means[outcomes.gold == relation] for relation in RELATIONS]


def _weighted(
    parts: Sequence[NDArray[np.float64]], weights: Sequence[NDArray[np.float64]]
) -> list[Estimate]:
    """Sums of the parts' means, each sum with weights of its own, with their intervals."""
    table = np.array(weights)
    ends = mean_intervals([np.outer(table[:, place], part) for place, part in enumerate(parts)])
    means = np.array([part.mean() for part in parts])
    return [
        Estimate(float(value), (float(low), float(high)))
        for value, (low, high) in zip(table @ means, ends, strict=True)
    ]


def _relations(
    a: Outcomes,
    b: Outcomes,
    parts_a: Sequence[NDArray[np.float64]],
    parts_b: Sequence[NDArray[np.float64]],
    differences: Sequence[Estimate],
) -> tuple[OfRelation, ...]:
    from scipy.stats import fisher_exact  # scipy.stats takes seconds to import

    found = []
    for relation, one, other, difference in zip(
        RELATIONS, parts_a, parts_b, differences, strict=True
    ):
        right = [int((part > 0.5).sum()) for part in (one, other)]
        table = [[right[0], len(one) - right[0]], [right[1], len(other) - right[1]]]
        found.append(
            OfRelation(
                relation=int(relation),
                tweets_a=len(one),
                tweets_b=len(other),
                a=float(one.mean()),
                b=float(other.mean()),
                difference=difference,
                p_value=float(fisher_exact(table).pvalue),
            )
        )
    return tuple(found)


def adjusted(found: Sequence[Transfer]) -> list[Transfer]:
    """The comparisons of one model, the p values of all their relations adjusted together."""
    p_values = iter(holm([one.p_value for both in found for one in both.relations]))
    return [
        replace(
            both,
            relations=tuple(replace(one, adjusted=next(p_values)) for one in both.relations),
        )
        for both in found
    ]
