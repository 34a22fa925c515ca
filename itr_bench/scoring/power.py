"""What difference between two models so many tweets can show."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import ScoreError
from itr_bench.scoring.significance import exact_mcnemar

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
    from scipy.special import bdtr, bdtrc  # scipy.stats takes seconds to import

    _check(discordant, tweets, level)
    if not 0 <= difference <= discordant + _SLACK:
        raise ScoreError(
            f"difference: expected 0 to {discordant}, the share of discordant tweets; "
            f"found {difference}"
        )
    if not discordant:
        return 0.0
    better = min((discordant + difference) / (2 * discordant), 1.0)
    most = _most_of_fewer(tweets, level)
    n = np.arange(tweets + 1)[most >= 0]
    most = most[most >= 0]
    rejected = bdtr(most, n, better) + bdtrc(n - most - 1, n, better)
    of_n = np.diff(bdtr(np.arange(tweets + 1), tweets, discordant), prepend=0.0)
    return float(of_n[n] @ rejected)


@lru_cache(maxsize=64)
def _most_of_fewer(tweets: int, level: float) -> NDArray[np.int64]:
    """For 0 to *tweets* discordant ones: the most that the model with fewer of them may have right
    where the test still rejects; -1 where it never does.
    """
    fewer = np.arange(tweets // 2 + 1)[:, None]
    n = np.arange(tweets + 1)
    rejects = (exact_mcnemar(fewer, np.maximum(n - fewer, fewer)) < level) & (2 * fewer <= n)
    return np.asarray(rejects.sum(axis=0) - 1)


def smallest_difference(
    discordant: float, tweets: int, level: float = 0.05, wanted: float = 0.8
) -> float | None:
    """Return the smallest difference of accuracies that is found with a power of *wanted*.

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
