"""Is a mean paired difference zero, where tweets and seeds both vary?

All samples of one seed share the generator's state, whatever the tweet, so that a whole sample can
turn out well or badly. Tweets alone would say too little of it: the variance of a mean over T
tweets and S seeds is that over tweets, and that over seeds less what both contain (tweets and seeds
as crossed clusters; Cameron, Gelbach and Miller 2011). Degrees of freedom by Satterthwaite 1946.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class SeedNoise:
    """What seeds add to the variance of a mean over tweets and seeds.

    Attributes:
        added: variance beyond that over tweets, 0 or more; 0 for one seed, of which nothing tells.
        spread: square of the variance over seeds, by its degrees of freedom.
    """

    added: float
    spread: float


NO_NOISE = SeedNoise(0.0, 0.0)


def seed_noise(values: NDArray[np.generic]) -> SeedNoise:
    """Return what seeds add to the variance of the mean of *values*, shape (T, S)."""
    tweets, seeds = values.shape
    if tweets < 2 or seeds < 2:
        return NO_NOISE
    # Sums of squares by totals: whole numbers are exact, and a leaderboard has thousands of runs.
    numbers = values.astype(np.float64)
    by_tweet, by_seed = numbers @ np.ones(seeds), np.ones(tweets) @ numbers
    cells = tweets * seeds
    middle = by_seed.sum() ** 2
    of_tweets = tweets * (by_tweet @ by_tweet) - middle
    of_seeds = seeds * (by_seed @ by_seed) - middle
    rest = cells * np.vdot(numbers, numbers) - middle - of_tweets - of_seeds
    over_seeds = of_seeds / (seeds - 1) / cells**2
    both = rest / ((tweets - 1) * (seeds - 1)) / cells**2
    return SeedNoise(float(max(over_seeds - both, 0.0)), float(over_seeds**2 / (seeds - 1)))


def noise_between(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> SeedNoise:
    """Return the noise of the mean difference of two runs on the same tweets.

    Args:
        a, b: what is right, of shapes (T, S) and (T, R). Runs of as many seeds, three or more, are
            paired seed by seed, since what a seed does to both is no difference; else the noise of
            both is added up.
    """
    if a.shape == b.shape and a.shape[1] >= 3:
        return seed_noise(a.astype(np.int8) - b.astype(np.int8))
    one, other = seed_noise(a), seed_noise(b)
    return SeedNoise(one.added + other.added, one.spread + other.spread)


def mean_test(
    difference: ArrayLike,
    variance: ArrayLike,
    tweets: int,
    noise: ArrayLike,
    spread: ArrayLike,
    between: tuple[float, float] = (0.0, 1.0),
) -> NDArray[np.float64]:
    """Return the two-sided p values of a t test that a mean paired difference is zero.

    Args:
        difference: means of the paired differences, shape (N,).
        variance: of these means, over tweets.
        tweets: how many, at least 2.
        noise: :attr:`SeedNoise.added`, of the differences or added up over both runs.
        spread: :attr:`SeedNoise.spread` likewise.
        between: p values below the first stand as 0 and those above the second as 1: of many pairs,
            few need to be known better.

    Returns:
        One p value a difference, 0 to 1; where nothing varies 1 for no difference, 0 for any.
    """
    from scipy.special import ndtri, stdtr, stdtrit  # scipy.stats takes seconds to import

    apart = np.abs(np.asarray(difference, np.float64))
    over_tweets = np.asarray(variance, np.float64)
    whole = over_tweets + np.asarray(noise, np.float64)
    varies = whole > 0
    scale = np.where(varies, whole, 1.0)
    distance = np.where(varies, apart / np.sqrt(scale), np.where(apart > 0, np.inf, 0.0))
    spreads = np.square(over_tweets) / (tweets - 1) + np.asarray(spread, np.float64)
    freedom = np.where(varies, np.square(scale) / np.where(varies, spreads, 1.0), tweets - 1)
    least, most = between
    # The next smaller whole number of degrees of freedom has the larger critical value, and the
    # normal distribution the smallest.
    critical = np.append(np.inf, np.abs(stdtrit(np.arange(1, tweets), least / 2)))
    below = distance > critical[np.minimum(freedom, tweets - 1).astype(int)]
    p_values = np.where(below, 0.0, 1.0)
    open_ = ~below & (distance >= -ndtri(most / 2))
    p_values[open_] = 2 * stdtr(freedom[open_], -distance[open_])
    return p_values
