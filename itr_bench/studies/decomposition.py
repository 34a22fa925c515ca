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
from itr_bench.scoring.crossed import mean_test, seed_noise
from itr_bench.scoring.intervals import mean_intervals
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.statistics import Estimate, Tested, adjusted


@dataclass(frozen=True, kw_only=True)
class OfRelation(Tested):
    """One relation in both sets.

    Attributes:
        tweets_a, tweets_b: with this relation.
        a, b: accuracy on them.
        right_a, right_b: share of the tweets that are right in more than half of the samples.
    """

    relation: int
    tweets_a: int
    tweets_b: int
    a: float
    b: float
    right_a: float
    right_b: float

    @property
    def most_right(self) -> tuple[float, float]:
        return self.right_a, self.right_b


@dataclass(frozen=True)
class Decomposition:
    """A model on set A against the same on set B.

    Attributes:
        balanced_a, balanced_b: mean over relations, as if all were equally frequent.
        difference: of the accuracies as they are.
        balanced: of the balanced ones.
        domain, balance: the two parts of ``difference``.
        relations: one by one.
    """

    balanced_a: Estimate
    balanced_b: Estimate
    difference: Estimate
    balanced: Estimate
    domain: Estimate
    balance: Estimate
    relations: tuple[OfRelation, ...]


FEWEST_OF_RELATION = 10
"""Of fewer tweets of a relation in either set, a difference is not split."""

_WHOLE = (*("balanced_a", "balanced_b", "difference", "balanced", "domain", "balance"),)
"""The fields of :class:`Decomposition` that are estimates, in the order of their weights."""


def too_few(a: Predictions, b: Predictions) -> list[str]:
    """The relations that either set has too few tweets of, in words."""
    return [
        f"relation {int(relation)}: {counts[0]} and {counts[1]} tweets"
        for relation in RELATIONS
        if min(counts := [int((one.gold == relation).sum()) for one in (a, b)]) < FEWEST_OF_RELATION
    ]


def decompose(a: Predictions, b: Predictions) -> Decomposition:
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
    return Decomposition(**dict(zip(_WHOLE, found, strict=False)), relations=relations)


def _parts(predictions: Predictions) -> list[NDArray[np.float64]]:
    """The share of samples that are right, by relation: one value a tweet."""
    means = predictions.correct.mean(axis=1)
    return [means[predictions.gold == relation] for relation in RELATIONS]


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
    a: Predictions,
    b: Predictions,
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
        in_a, in_b = a.correct[a.gold == relation], b.correct[b.gold == relation]
        table = [[right[0], len(one) - right[0]], [right[1], len(other) - right[1]]]
        found.append(
            OfRelation(
                relation=int(relation),
                tweets_a=len(one),
                tweets_b=len(other),
                a=float(one.mean()),
                b=float(other.mean()),
                difference=difference.value,
                interval=difference.interval,
                right_a=right[0] / len(one),
                right_b=right[1] / len(other),
                p_value=float(fisher_exact(table).pvalue),
                mean_p_value=_mean_p_value(in_a, in_b),
            )
        )
    return tuple(found)


def _mean_p_value(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Of two sets of tweets, what is right in each, shapes (T, S)."""
    means = [one.mean(axis=1) for one in (a, b)]
    over_tweets = [mean.var(ddof=1) / len(mean) for mean in means]
    noises = [seed_noise(one) for one in (a, b)]
    # The tweets of B are no pairs of those of A: their variance adds up, as that of seeds does.
    return float(
        mean_test(
            means[0].mean() - means[1].mean(),
            over_tweets[0],
            len(a),
            over_tweets[1] + sum(noise.added for noise in noises),
            over_tweets[1] ** 2 / (len(b) - 1) + sum(noise.spread for noise in noises),
        )
    )


def corrected(found: Sequence[Decomposition]) -> list[Decomposition]:
    """The comparisons of one model, the p values of all their relations adjusted together."""
    relations = iter(adjusted([one for both in found for one in both.relations]))
    return [
        replace(both, relations=tuple(next(relations) for _ in both.relations)) for both in found
    ]
