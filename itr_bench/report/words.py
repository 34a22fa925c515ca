"""Figures as people read them, the same on every page, in every table and message."""

from __future__ import annotations

NOT_AVAILABLE = "–"

NOT_DIFFERENT = "not significantly different"


def percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent, without the sign."""
    return NOT_AVAILABLE if value is None else f"{100 * value:.{digits}f}"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    if value is None:
        return NOT_AVAILABLE
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\u2212")


def interval(value: tuple[float, float] | None) -> str:
    """An interval of shares in per cent."""
    return NOT_AVAILABLE if value is None else f"{percent(value[0])} to {percent(value[1])}"


def points_interval(value: tuple[float, float]) -> str:
    """An interval of differences in percentage points."""
    return f"{points(value[0])} to {points(value[1])}"


def number(value: float) -> str:
    """A number with two digits."""
    return f"{value:.2f}".replace("-", "\u2212")


def parameters(value: int | None) -> str:
    """A number of parameters."""
    if value is None:
        return NOT_AVAILABLE
    if value < 10**6:
        return f"{value}"
    number, unit = (value / 10**9, "B") if value >= 10**9 else (value / 10**6, "M")
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"


def p_value(value: float) -> str:
    """A p value to three digits, small ones as a bound."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_equals(value: float) -> str:
    """A p value in a sentence: ``p = 0.012``, ``p < 0.001``."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"
