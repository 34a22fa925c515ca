"""What may be said of a score against its references.

The bootstrap says too little of few tweets, and nothing where all are right or none. So a second
interval has to agree with the one that is shown: the exact binomial one for the effective number of
tweets, those that would have the bootstrap's standard error if each were right or wrong as a whole
(Korn and Graubard 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from itr_bench.scoring.intervals import LEVEL, exact_interval
from itr_bench.scoring.metrics import Score

FEWEST = 10
"""On fewer tweets nothing is said: their standard error is not known well enough."""


class ReferenceLevel(str, Enum):
    """Where a score stands; the values are what people read."""

    ABOVE_MAJORITY = "above the majority class"
    ABOVE_CHANCE = "above chance, not above the majority class"
    NOT_DIFFERENT = "not significantly different from chance"
    BELOW_CHANCE = "below chance"
    UNKNOWN = "too few tweets to say"


class Side(str, Enum):
    """On which side of a reference both intervals over tweets lie."""

    ABOVE = "above"
    NOT_DIFFERENT = "not significantly different from"
    BELOW = "below"


@dataclass(frozen=True)
class Sides:
    """Where a score stands against each of its two references."""

    chance: Side
    majority: Side


def sides(score: Score) -> Sides | None:
    """Say on which side of each reference both intervals lie as a whole.

    Returns:
        ``None`` on fewer than :data:`FEWEST` tweets.
    """
    if score.interval is None or score.tweets < FEWEST:
        return None
    low, high = _exact(score, score.interval.standard_error)
    low, high = min(low, score.interval.low), max(high, score.interval.high)
    return Sides(_side(low, high, score.uniform_chance), _side(low, high, score.majority_class))


def _exact(score: Score, standard_error: float) -> tuple[float, float]:
    """The exact binomial interval for the effective number of tweets."""
    accuracy, tweets, most = score.accuracy, score.tweets, score.tweets * score.samples
    variance = standard_error**2
    # Never more than all samples of all tweets; where all are right or none, one a tweet.
    effective = min(accuracy * (1 - accuracy) / variance, most) if variance else tweets
    effective *= _known(tweets)
    return exact_interval(accuracy * effective, (1 - accuracy) * effective)


@lru_cache(maxsize=64)
def _known(tweets: int) -> float:
    """What is left of the effective number, the standard error being estimated from *tweets*."""
    from scipy.special import ndtri, stdtrit  # scipy.stats takes seconds to import

    tail = (1 - LEVEL) / 2
    return float((ndtri(tail) / stdtrit(tweets - 1, tail)) ** 2)


def _side(low: float, high: float, reference: float) -> Side:
    if low > reference:
        return Side.ABOVE
    return Side.BELOW if high < reference else Side.NOT_DIFFERENT


def reference_level(score: Score) -> ReferenceLevel:
    """Say where a score stands against chance and the majority class, by its :func:`sides`."""
    found = sides(score)
    if found is None:
        return ReferenceLevel.UNKNOWN
    if found.majority is Side.ABOVE:
        return ReferenceLevel.ABOVE_MAJORITY
    return _AGAINST_CHANCE[found.chance]


_AGAINST_CHANCE = {
    Side.ABOVE: ReferenceLevel.ABOVE_CHANCE,
    Side.NOT_DIFFERENT: ReferenceLevel.NOT_DIFFERENT,
    Side.BELOW: ReferenceLevel.BELOW_CHANCE,
}
