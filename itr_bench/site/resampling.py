"""Bootstrap intervals for many models at once, by the same draws as ``scoring.intervals``.

One set of drawn tweets serves all models, so the figures are those that ``itr-bench compare``
prints, at a matrix product a board in place of a bootstrap a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from itr_bench.scoring.intervals import BOOTSTRAP_SEED, LEVEL, RESAMPLES

_BATCH = 1_000
_MODELS_AT_ONCE = 64


@lru_cache(maxsize=4)
def drawn_counts(tweets: int, seed: int = BOOTSTRAP_SEED) -> NDArray[np.float64]:
    """How often each tweet was drawn in each resample, shape (RESAMPLES, tweets)."""
    rng = np.random.default_rng(seed)
    counts = np.empty((RESAMPLES, tweets))
    offsets = np.arange(_BATCH)[:, None] * tweets
    for start in range(0, RESAMPLES, _BATCH):
        drawn = rng.integers(0, tweets, (_BATCH, tweets)) + offsets
        flat = np.bincount(drawn.ravel(), minlength=_BATCH * tweets)
        counts[start : start + _BATCH] = flat.reshape(_BATCH, tweets)
    return counts


def mean_intervals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 95 % percentile intervals of the means of *values* over tweets.

    Args:
        values: one row a model, one column a tweet, shape (M, T), T of at least 2.

    Returns:
        Low and high ends, shape (M, 2).
    """
    return joint_intervals([[values]])


def joint_intervals(
    domains: Sequence[Sequence[NDArray[np.float64]]],
) -> NDArray[np.float64]:
    """The intervals of the mean over several tasks.

    Tasks of one domain are over the same tweets, which are drawn once for all of them; domains are
    drawn independently.

    Args:
        domains: by domain, by task: shape (M, T), T the same within a domain.

    Returns:
        Low and high ends, shape (M, 2).
    """
    models = len(domains[0][0])
    tasks = sum(len(domain) for domain in domains)
    tails = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    found = np.empty((models, 2))
    for start in range(0, models, _MODELS_AT_ONCE):
        part = slice(start, start + _MODELS_AT_ONCE)
        means: NDArray[np.float64] | float = 0.0
        for number, domain in enumerate(domains):
            total = np.sum([values[part] for values in domain], axis=0)
            counts = drawn_counts(total.shape[1], BOOTSTRAP_SEED + number)
            means = means + (total @ counts.T) / total.shape[1]
        found[part] = np.percentile(np.asarray(means) / tasks, tails, axis=1).T
    return found
