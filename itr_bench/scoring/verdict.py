"""What may be said of a score against its references."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from itr_bench.scoring.metrics import Score


class Standing(str, Enum):
    """Where the interval over tweets lies; the values are what people read."""

    ABOVE_MAJORITY = "above the majority class"
    ABOVE_CHANCE = "above chance, not above the majority class"
    NOT_TOLD = "not told from chance"
    BELOW_CHANCE = "below chance"
    UNKNOWN = "too few tweets to say"


class Side(str, Enum):
    """On which side of a reference the interval over tweets lies."""

    ABOVE = "above"
    NOT_TOLD = "not told from"
    BELOW = "below"


@dataclass(frozen=True)
class Sides:
    """Where a score stands against each of its two references."""

    chance: Side
    majority: Side


def sides(score: Score) -> Sides | None:
    """Say on which side of each reference the whole interval lies; ``None`` without an interval."""
    if score.interval is None:
        return None
    low, high = score.interval.low, score.interval.high
    return Sides(_side(low, high, score.uniform_chance), _side(low, high, score.majority_class))


def _side(low: float, high: float, reference: float) -> Side:
    if low > reference:
        return Side.ABOVE
    return Side.BELOW if high < reference else Side.NOT_TOLD


def standing(score: Score) -> Standing:
    """Say where a score stands: the whole interval must lie above, or below, a reference."""
    found = sides(score)
    if found is None:
        return Standing.UNKNOWN
    if found.majority is Side.ABOVE:
        return Standing.ABOVE_MAJORITY
    return _AGAINST_CHANCE[found.chance]


_AGAINST_CHANCE = {
    Side.ABOVE: Standing.ABOVE_CHANCE,
    Side.NOT_TOLD: Standing.NOT_TOLD,
    Side.BELOW: Standing.BELOW_CHANCE,
}
