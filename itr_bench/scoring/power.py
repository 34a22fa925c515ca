"""What difference between two models can be told with so many tweets."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from itr_bench.errors import ScoreError

_SLACK = 1e-9
"""For shares that come from a division: 35 of 350 tweets must stay 35."""


def power(difference: float, discordant: float, tweets: int, level: float = 0.05) -> float:
    """Return the power of the two-sided exact McNemar test: how often it tells two models apart.

    The number of discordant tweets is binomial, and so is the number of these that the better
    model has right; the test rejects where its p value is below *level*.

    Args:
        difference: true difference of the accuracies, 0 to *discordant*.
        discordant: share of tweets that exactly one of the two has right, 0 to 1.
        tweets: their number, at least 1.
        level: of significance, between 0 and 1.

    Returns:
        A probability, 0 to 1.

    Raises:
        ScoreError: an argument is out of its range.
    """
    from scipy.stats import binom

    _check(discordant, tweets, level)
    if not 0 <= difference <= discordant + _SLACK:
        raise ScoreError(
            f"difference: expected 0 to {discordant}, the share of discordant tweets; "
            f"found {difference}"
        )
    if not discordant:
        return 0.0
    n = np.arange(tweets + 1)
    better = min((discordant + difference) / (2 * discordant), 1.0)
    # The most tweets that the one with fewer may have right where the test still rejects.
    most = binom.ppf(level / 2, n, 0.5) - 1
    rejected = binom.cdf(most, n, better) + binom.sf(n - most - 1, n, better)
    return float(binom.pmf(n, tweets, discordant) @ rejected)


def smallest_difference(
    discordant: float, tweets: int, level: float = 0.05, wanted: float = 0.8
) -> float | None:
    """Return the smallest difference of accuracies that is told with a power of *wanted*.

    Args:
        discordant, tweets, level: as of :func:`power`.
        wanted: the power, between 0 and 1.

    Returns:
        A whole number of tweets by *tweets*; ``None`` where none up to *discordant* is enough.

    Raises:
        ScoreError: an argument is out of its range.
    """
    _check(discordant, tweets, level)
    if not 0 < wanted < 1:
        raise ScoreError(f"wanted power: expected a number between 0 and 1; found {wanted}")
    # The power grows with the difference.
    possible = range(1, int(discordant * tweets + _SLACK) + 1)
    found = bisect_left(
        possible, wanted, key=lambda count: power(count / tweets, discordant, tweets, level)
    )
    return possible[found] / tweets if found < len(possible) else None


def _check(discordant: float, tweets: int, level: float) -> None:
    if not 0 <= discordant <= 1:
        raise ScoreError(f"share of discordant tweets: expected 0 to 1; found {discordant}")
    if tweets < 1:
        raise ScoreError(f"number of tweets: expected 1 or more; found {tweets}")
    if not 0 < level < 1:
        raise ScoreError(f"level: expected a number between 0 and 1; found {level}")
