"""Bootstrap intervals that resample tweets and keep the samples of a tweet together.

Ten samples of one tweet are not ten tweets: resampling single responses would make every
interval about three times too narrow. A resample is how often each tweet was drawn, so the totals
of many models over all resamples are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
BOOTSTRAP_SEED = 0
LEVEL = 0.95

_BATCH = 250
_MODELS_AT_ONCE = 256


@dataclass(frozen=True)
class Interval:
    """A two-sided percentile interval at :data:`LEVEL`, with the bootstrap's standard error."""

    low: float
    high: float
    standard_error: float


def mean_interval(
    values: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED
) -> Interval | None:
    """Return the interval of the mean of one value a tweet, shape (T,).

    Returns:
        ``None`` for fewer than two tweets: there is nothing to resample.
    """
    if len(values) < 2:
        return None
    means = resampled_totals(values[None].astype(np.float64), resamples=resamples, seed=seed) / len(
        values
    )
    low, high = _ends(means)[0]
    return Interval(float(low), float(high), float(means.std(ddof=1)))


def mean_intervals(domains: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Return, for many models, the intervals of the sum of their means over domains.

    Those of one domain are drawn as those of :func:`mean_interval`; further domains are drawn
    independently. Whole numbers are added exactly: then the interval of a model does not depend
    on which others are there.

    Args:
        domains: for each, one row a model and one column a tweet, shape (M, T), T at least 2.

    Returns:
        Low and high ends, shape (M, 2).
    """
    models, tweets = domains[0].shape
    found = np.empty((models, 2))
    for start in range(0, models, _MODELS_AT_ONCE):
        part = slice(start, start + _MODELS_AT_ONCE)
        sums = resampled_totals(domains[0][part])
        for number, values in enumerate(domains[1:], 1):
            totals = resampled_totals(values[part], seed=BOOTSTRAP_SEED + number)
            sums = sums + totals.astype(np.float64) * (tweets / values.shape[1])
        found[part] = _ends(sums) / tweets
    return found


def exact_interval(right: float, wrong: float) -> tuple[float, float]:
    """Return the exact binomial interval of a share (Clopper and Pearson 1934).

    Args:
        right, wrong: counts, 0 or more; of an effective number of tweets, fractions.
    """
    from scipy.special import betaincinv  # scipy.stats takes seconds to import

    tail = (1 - LEVEL) / 2
    low = betaincinv(right, wrong + 1, tail) if right else 0.0
    high = betaincinv(right + 1, wrong, 1 - tail) if wrong else 1.0
    return float(low), float(high)


def resampled_totals(
    values: NDArray[Any], *, resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED
) -> NDArray[Any]:
    """The sum of *values*, shape (M, T), over the tweets of each resample, shape (M, resamples).

    For what is no mean, such as a kappa or the largest of several means.
    """
    models, tweets = values.shape
    whole = np.issubdtype(values.dtype, np.integer)
    # float32 has the faster product, and counts exactly up to 2 ** 24.
    small = whole and int(np.abs(values).max(initial=0)) * tweets < 2**24
    dtype = np.float32 if small else np.float64
    numbers, drawn = values.astype(dtype), _drawn(tweets, resamples, seed)
    totals = np.empty((models, resamples), dtype)
    for start in range(0, resamples, _BATCH):
        part = slice(start, start + _BATCH)
        totals[:, part] = numbers @ drawn[part].astype(dtype).T
    return totals


@lru_cache(maxsize=2)
def _drawn(tweets: int, resamples: int, seed: int) -> NDArray[np.unsignedinteger[Any]]:
    """How often each tweet is drawn in each resample, shape (resamples, tweets)."""
    rng = np.random.default_rng(seed)
    counts = np.empty((resamples, tweets), np.min_scalar_type(tweets))
    for start in range(0, resamples, _BATCH):
        size = min(_BATCH, resamples - start)
        drawn = rng.integers(0, tweets, (size, tweets)) + np.arange(size)[:, None] * tweets
        flat = np.bincount(drawn.ravel(), minlength=size * tweets)
        counts[start : start + size] = flat.reshape(size, tweets)
    return counts


def _ends(values: NDArray[Any]) -> NDArray[np.float64]:
    """The percentiles of each row at both ends of :data:`LEVEL`, shape (M, 2).

    Between two values on a line, as numpy's do, which take five times as long.
    """
    ordered = np.sort(values, axis=1)
    places = (ordered.shape[1] - 1) * np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    low, high = ordered[:, below].astype(float), ordered[:, above].astype(float)
    return np.asarray(low + (places - below) * (high - low))
