"""Resampling of tweets for scores that are no means: intervals and paired tests.

Both take the statistics of each tweet, shape (T, K), and what makes a score of their sums.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from itr_bench.scoring.intervals import LEVEL

Final = Callable[[list[float]], float]
"""The score of K summed statistics."""

RESAMPLES = 1_000
TRIALS = 10_000
SEED = 12345
"""All three as sacrebleu has them by default."""

_TRIALS_AT_ONCE = 500


def bootstrap_interval(
    statistics: NDArray[np.float64], final: Final, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval over tweets, ``None`` for fewer than two.

    The resamples are those of ``sacrebleu``, whose interval, a mean and a half width, has the
    width of this one. Not its ``n_bootstrap``: up to 2.6.0 it ends in a TypeError where some
    resamples score 0 and others do not.
    """
    tweets = len(statistics)
    if tweets < 2:
        return None
    rng = np.random.default_rng(seed)
    scores = sorted(
        final(statistics[rng.choice(tweets, size=tweets)].sum(axis=0).tolist())
        for _ in range(resamples)
    )
    beyond = round(resamples * (1 - LEVEL) / 2)
    return scores[beyond], scores[-beyond - 1]


def randomisation_test(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    final: Final,
    *,
    trials: int = TRIALS,
    seed: int = SEED,
) -> float:
    """Return the p value of the paired approximate randomisation test, two-sided.

    Each trial swaps the two systems' outputs of about half of the tweets; counted is how often
    the scores then differ at least as much as they do (Riezler & Maxwell 2005, ACL W05-0908).

    Not ``sacrebleu.significance.PairedTest``: up to 2.6.0 it counts only trials that differ
    *more*, so that two systems that differ in no or in one tweet get p = 1 / (trials + 1).
    """
    total_a, total_b, swap = a.sum(axis=0), b.sum(axis=0), b - a
    # The last bit must not make equal differences unequal.
    observed = abs(final(total_a.tolist()) - final(total_b.tolist())) - 1e-9
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, trials, _TRIALS_AT_ONCE):
        count = min(_TRIALS_AT_ONCE, trials - start)
        moved = rng.integers(2, size=(count, len(swap))).astype(np.float64) @ swap
        for one, other in zip((total_a + moved).tolist(), (total_b - moved).tolist(), strict=True):
            extreme += abs(final(one) - final(other)) >= observed
    return (extreme + 1) / (trials + 1)
