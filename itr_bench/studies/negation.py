"""A question against its negation: do the answers fit together?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itr_bench.relation import Question
from itr_bench.scoring.intervals import resampled_totals
from itr_bench.scoring.predictions import Predictions, shared
from itr_bench.studies.statistics import FEWEST, Interval, ends

DEALS = 2_000


@dataclass(frozen=True)
class Negation:
    """A question against its negation, whose answers are turned round already.

    Attributes:
        tweets: that both runs share.
        parsed_tweets: of these, those where both are parsed in a pair of samples.
        alike: share of pairs of samples that give the same answer, of those where both are parsed.
        by_chance: what it would be if the answers to a question and to its negation knew nothing
            of each other.
        kappa: Cohen's, between the two; ``None`` where neither ever differs from itself.
        alike_interval, kappa_interval: 95 % over tweets.
        p_value: permutation test of a kappa below zero, in which the answers to the negations are
            dealt anew to the tweets; doubled, so that 0.05 is 2.5 % on this side.
        yes, yes_negated: share of the word yes among the parsed answers, to the question and to its
            negation as it was asked.
        yes_interval, yes_negated_interval: 95 % over tweets.
        parsed: share of the pairs in which both answers were parsed.

    Intervals and the test are ``None`` on fewer than :data:`FEWEST` tweets whose answers are
    parsed.
    """

    tweets: int
    parsed_tweets: int
    alike: float | None
    alike_interval: Interval | None
    by_chance: float | None
    kappa: float | None
    kappa_interval: Interval | None
    p_value: float | None
    yes: float | None
    yes_negated: float | None
    yes_interval: Interval | None
    yes_negated_interval: Interval | None
    parsed: float


def negation(plain: Predictions, negated: Predictions, question: Question) -> Negation:
    """Compare the answers to *question* with those to its negation."""
    in_a, in_b = shared(plain, negated)
    of_a, of_b = plain.answers(question)[in_a], negated.answers(question)[in_b]
    counts_a, counts_b = (
        np.stack([(of == code).sum(axis=1, dtype=np.int64) for code in (0, 1)])
        for of in (of_a, of_b)
    )
    pairs = (counts_a[:, None] * counts_b[None]).reshape(4, -1)  # no no, no yes, yes no, yes yes
    tweets, ways = pairs.shape[1], of_a.shape[1] * of_b.shape[1]
    totals = pairs.sum(axis=1, keepdims=True)
    both = pairs.sum(axis=0) > 0
    kappa = _known(_kappa(totals))
    counted = np.concatenate([pairs, counts_a, counts_b[::-1]])
    enough = [int(one.sum()) >= FEWEST for one in (both, counts_a.any(0), counts_b.any(0))]
    sums = resampled_totals(counted).astype(np.float64) if any(enough) else np.empty((8, 0))
    return Negation(
        tweets=tweets,
        parsed_tweets=int(both.sum()),
        alike=_known(_alike(totals)),
        alike_interval=ends(_alike(sums[:4])) if enough[0] else None,
        by_chance=_known(_by_chance(totals)),
        kappa=kappa,
        kappa_interval=ends(_kappa(sums[:4])) if enough[0] else None,
        p_value=_p_value(counts_a[:, both], counts_b[:, both])
        if enough[0] and kappa is not None
        else None,
        yes=_share(counts_a[1].sum(), counts_a.sum()),
        yes_negated=_share(counts_b[0].sum(), counts_b.sum()),
        yes_interval=ends(_last(sums[4:6])) if enough[1] else None,
        yes_negated_interval=ends(_last(sums[6:])) if enough[2] else None,
        parsed=float(totals.sum() / (tweets * ways)),
    )


def _p_value(counts_a: NDArray[np.int64], counts_b: NDArray[np.int64]) -> float:
    """Twice how often kappa is as low when the answers of *counts_b* are dealt to other tweets.
    Both are answers no and yes by tweet, shape (2, T).
    """
    dealt = counts_b.astype(np.float64)[:, _deals(counts_b.shape[1])]
    sums = np.moveaxis(dealt @ counts_a.T.astype(np.float64), 2, 0).reshape(4, -1)
    observed = (counts_a @ counts_b.T).reshape(4, 1)
    # Where kappa does not exist, the deal is no evidence.
    above = _kappa(sums) > _kappa(observed) + 1e-12
    return min(1.0, 2 * float((1 + (~above).sum()) / (1 + DEALS)))


@lru_cache(maxsize=2)
def _deals(tweets: int) -> NDArray[np.intp]:
    """Orders of the tweets, shape (DEALS, T)."""
    rng = np.random.default_rng(0)
    return rng.permuted(np.tile(np.arange(tweets), (DEALS, 1)), axis=1)


def _alike(sums: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[0] + sums[3]) / sums.sum(axis=0))


def _by_chance(sums: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        p = sums / sums.sum(axis=0)
        return np.asarray((p[0] + p[1]) * (p[0] + p[2]) + (p[2] + p[3]) * (p[1] + p[3]))


def _kappa(sums: NDArray[Any]) -> NDArray[np.float64]:
    by_chance = _by_chance(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            (_alike(sums) - by_chance) / np.where(by_chance < 1, 1 - by_chance, np.nan)
        )


def _last(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.asarray(sums[1] / sums.sum(axis=0))


def _known(value: NDArray[np.float64]) -> float | None:
    return float(value[0]) if np.isfinite(value[0]) else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
