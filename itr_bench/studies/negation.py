"""A question against its negation: do the answers fit together?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.relation import Question
from itr_bench.scoring.outcomes import Outcomes
from itr_bench.studies.statistics import FEWEST, Interval, ends, resampled, shared


@dataclass(frozen=True)
class Negation:
    """A question against its negation, whose answers are turned round already.

    Attributes:
        tweets: that both runs share.
        read_tweets: of these, those where both are read in a pair of samples.
        alike: share of pairs of samples that give the same answer, of those where both are read.
        kappa: Cohen's, between the two; ``None`` where neither ever differs from itself.
        kappa_interval: 95 % over tweets.
        yes, yes_negated: share of the word yes among the read answers, to the question and to its
            negation as it was asked.
        yes_interval, yes_negated_interval: 95 % over tweets.
        read: share of the pairs in which both answers could be read.
    """

    tweets: int
    read_tweets: int
    alike: float | None
    alike_interval: Interval | None
    kappa: float | None
    kappa_interval: Interval | None
    yes: float | None
    yes_negated: float | None
    yes_interval: Interval | None
    yes_negated_interval: Interval | None
    read: float


def negation(plain: Outcomes, negated: Outcomes, question: Question) -> Negation:
    """Compare the answers to *question* with those to its negation."""
    in_a, in_b = shared(plain, negated)
    name = question.value
    of_a, of_b = getattr(plain, name)[in_a], getattr(negated, name)[in_b]
    counts_a = np.stack([(of_a == code).sum(axis=1) for code in (0, 1)]).astype(np.float64)
    counts_b = np.stack([(of_b == code).sum(axis=1) for code in (0, 1)]).astype(np.float64)
    pairs = (counts_a[:, None] * counts_b[None]).reshape(4, -1)  # no no, no yes, yes no, yes yes
    tweets, ways = pairs.shape[1], of_a.shape[1] * of_b.shape[1]
    enough = tweets >= FEWEST
    totals = pairs.sum(axis=1, keepdims=True)
    return Negation(
        tweets=tweets,
        read_tweets=int((pairs.sum(axis=0) > 0).sum()),
        alike=_known(_alike(totals)),
        alike_interval=ends(resampled(pairs, _alike)) if enough else None,
        kappa=_known(_kappa(totals)),
        kappa_interval=ends(resampled(pairs, _kappa)) if enough else None,
        yes=_share(counts_a[1].sum(), counts_a.sum()),
        yes_negated=_share(counts_b[0].sum(), counts_b.sum()),
        yes_interval=ends(resampled(counts_a, _last)) if enough else None,
        yes_negated_interval=ends(resampled(counts_b[::-1], _last)) if enough else None,
        read=float(totals.sum() / (tweets * ways)),
    )


def _alike(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[0] + sums[3]) / sums.sum(axis=0))


def _kappa(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        p = sums / sums.sum(axis=0)
        by_chance = (p[0] + p[1]) * (p[0] + p[2]) + (p[2] + p[3]) * (p[1] + p[3])
        return np.asarray(
            (p[0] + p[3] - by_chance) / np.where(by_chance < 1, 1 - by_chance, np.nan)
        )


def _last(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.asarray(sums[1] / sums.sum(axis=0))


def _known(value: NDArray[np.float64]) -> float | None:
    return float(value[0]) if np.isfinite(value[0]) else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
