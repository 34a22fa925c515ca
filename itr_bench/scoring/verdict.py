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
    if score.interval is None:
        return Standing.UNKNOWN
    low, high = score.interval.low, score.interval.high
    if low > score.majority_class:
        return Standing.ABOVE_MAJORITY
    if high < score.uniform_chance:
        return Standing.BELOW_CHANCE
    if low > score.uniform_chance:
        return Standing.ABOVE_CHANCE
    return Standing.NOT_TOLD
