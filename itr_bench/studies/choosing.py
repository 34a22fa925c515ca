"""The best and the worst of several variants, without the winner's curse.

The best of many on some tweets owes a part of its lead to these very tweets: its accuracy there
is too high an estimate of what it would reach on others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.scoring.intervals import resampled_totals
from itr_bench.studies.statistics import FEWEST, Interval

SPLITS = 1_000
_SEED = 0


@dataclass(frozen=True)
class Extreme:
    """The best, or the worst, of V variants.

    Attributes:
        place: which of them; the first of several.
        tied: how many share this accuracy, itself included.
        observed: its accuracy on all tweets, which is biased.
        interval: 95 % for its accuracy on such tweets, wide enough for whichever is chosen:
            a simultaneous bootstrap interval over all variants.
        honest: accuracy on one half of the tweets of what is the best on the other half, mean over
            1,000 random halves: what choosing one gives.
        stable: in what share of the splits the same variant is chosen as on all tweets; ``None``
            where several share the accuracy.
    """

    place: int
    tied: int
    observed: float
    interval: Interval | None
    honest: float
    stable: float | None


def extremes(accuracies: NDArray[np.float64]) -> tuple[Extreme, Extreme]:
    """The best and the worst of V variants on T tweets.

    Args:
        accuracies: of each variant and tweet, the share of samples that are right; shape (V, T),
            T at least 2.
    """
    wide = _simultaneous(accuracies)
    return _extreme(accuracies, 1, wide), _extreme(accuracies, -1, wide)


def _extreme(accuracies: NDArray[np.float64], sign: int, wide: float | None) -> Extreme:
    tweets = accuracies.shape[1]
    means = accuracies.mean(axis=1)
    place = int(np.argmax(sign * means))
    mean = float(means[place])
    tied = int(np.isclose(means, means[place], rtol=0, atol=1e-9).sum())
    # Halves of the tweets, T / 2 of them each; the other half is what is left.
    ranks = np.random.default_rng(_SEED).random((SPLITS, tweets)).argsort(axis=1)
    first = (ranks < tweets // 2).astype(np.float64)
    sums = accuracies @ first.T
    chosen = np.argmax(sign * sums, axis=0)
    rest = (accuracies.sum(axis=1)[:, None] - sums) / (tweets - tweets // 2)
    return Extreme(
        place=place,
        tied=tied,
        observed=mean,
        interval=None if wide is None else (max(0.0, mean - wide), min(1.0, mean + wide)),
        honest=float(rest[chosen, np.arange(SPLITS)].mean()),
        stable=float((chosen == place).mean()) if tied == 1 else None,
    )


def _simultaneous(accuracies: NDArray[np.float64]) -> float | None:
    """Half the width of an interval that holds for all variants together: 95 % of the resamples
    have no variant's mean further from its mean over all tweets. ``None`` on too few tweets.
    """
    tweets = accuracies.shape[1]
    if tweets < FEWEST:
        return None
    means = accuracies.mean(axis=1)
    away = np.abs(resampled_totals(accuracies) / tweets - means[:, None]).max(axis=0)
    return float(np.percentile(away, 95))
