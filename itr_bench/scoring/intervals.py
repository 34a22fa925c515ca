"""Bootstrap intervals that resample tweets and keep the samples of a tweet together.

Ten samples of one tweet are not ten tweets: resampling single responses would make every
interval about three times too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
BOOTSTRAP_SEED = 0
LEVEL = 0.95


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
    from scipy.stats import bootstrap

    if len(values) < 2:
        return None
    result = bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=1_000,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return Interval(float(interval.low), float(interval.high), float(result.standard_error))
