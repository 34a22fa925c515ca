"""A scatter chart as inline SVG, coloured by the page's style sheet.

Names of models stand at the right of their points, moved apart where they would meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from itr_bench.report.words import parameters
from itr_bench.studies.section import Dot, Scatter

_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 30, 300, 44
_WIDTH, _HEIGHT = 440, 300
_NARROW_WIDTH, _NARROW_RIGHT = 262, 20
_LINE = 15
_TICK = 44
"""Pixels that the number of a tick needs, such as 500 M."""
_MOST_NAMED = 18
"""Names on more points would hide them; the table has all."""


def scatter(chart: Scatter, *, ident: str, title: str, description: str) -> Markup:
    """The chart twice, for wide and for narrow screens; the style sheet shows one of them."""
    return Markup("\n").join(
        _drawn(chart, f"{ident}{'-narrow' if narrow else ''}", title, description, narrow)
        for narrow in (False, True)
    )


def _drawn(chart: Scatter, ident: str, title: str, description: str, narrow: bool) -> Markup:
    right = _NARROW_RIGHT if narrow else _RIGHT
    across = _NARROW_WIDTH if narrow else _WIDTH
    width, height = _LEFT + across + right, _TOP + _HEIGHT + _BOTTOM
    xs = [dot.x for dot in chart.dots]
    ys = [value for dot in chart.dots for value in (dot.y, *(dot.interval or ()))]
    ys += [value for _, value in chart.fit]
    ys += [reference.value for reference in chart.references]
    x_ticks, x_low, x_high = _log_axis(xs, across) if chart.log else _axis(xs, 4)
    y_ticks, y_low, y_high = _axis(ys, 5)

    def x(value: float) -> float:
        low, high = (math.log(x_low), math.log(x_high)) if chart.log else (x_low, x_high)
        at = math.log(value) if chart.log else value
        return round(_LEFT + (at - low) / (high - low) * across, 1)

    def y(value: float) -> float:
        inside = min(max(value, y_low), y_high)
        return round(_TOP + (y_high - inside) / (y_high - y_low) * _HEIGHT, 1)

    parts = [Markup("")]
    bottom = _TOP + _HEIGHT
    for tick in y_ticks:
        parts.append(_line(_LEFT, y(tick), _LEFT + across, y(tick), "var(--rule)", 0.6))
        parts.append(_text(_LEFT - 7, y(tick) + 4, _number(tick), "end"))
    for tick in x_ticks:
        parts.append(_line(x(tick), bottom, x(tick), bottom + 4, "var(--rule)", 1))
        name = parameters(round(tick)) if chart.log else _number(tick)
        parts.append(_text(x(tick), bottom + 18, name, "middle"))
    parts.append(_line(_LEFT, bottom, _LEFT + across, bottom, "var(--rule)", 1))
    parts.append(_text(_LEFT + across / 2, bottom + 38, chart.x_axis, "middle"))
    parts.append(_text(_LEFT, _TOP - 16, chart.y_axis, "start"))
    for reference in chart.references:
        color = "var(--majority)" if reference.majority else "var(--chance)"
        at = y(reference.value)
        parts.append(_line(_LEFT, at, _LEFT + across, at, color, 1.2))
        # Above one line and below the other: they may be near to each other.
        beside = at - 5 if reference.majority else at + 14
        parts.append(_text(_LEFT + 4, beside, reference.label, "start", color))
    if chart.fit:
        line = [f"{x(at)},{y(value)}" for at, value in chart.fit]
        parts.append(
            Markup(
                '<polyline points="{}" fill="none" stroke="var(--mark)" stroke-width="1.6" '
                'stroke-dasharray="5 3"/>\n'
            ).format(" ".join(line))
        )
    if not narrow and len(chart.dots) <= _MOST_NAMED:
        placed = sorted(chart.dots, key=lambda dot: y(dot.y))
        for dot, at in zip(placed, _apart([y(dot.y) for dot in placed]), strict=True):
            parts.append(_line(x(dot.x) + 6, y(dot.y), _LEFT + across + 6, at, "var(--rule)", 0.8))
            parts.append(_text(_LEFT + across + 9, at + 4, _short(dot), "start", "var(--text)"))
    for dot in chart.dots:
        if dot.interval is not None:
            parts.append(
                _line(x(dot.x), y(dot.interval[0]), x(dot.x), y(dot.interval[1]), "var(--mark)", 2)
            )
    for dot in chart.dots:
        fill = "var(--page)" if dot.hollow else "var(--mark)"
        parts.append(
            Markup(
                '<circle cx="{}" cy="{}" r="4.5" fill="{}" stroke="var(--mark)" '
                'stroke-width="1.5"/>\n'
            ).format(x(dot.x), y(dot.y), fill)
        )
    css = "chart narrow" if narrow else "chart"
    return (
        Markup(
            f'<svg class="{css}" role="img" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" aria-labelledby="{ident}-title {ident}-desc">\n'
            f'<title id="{ident}-title">{escape(title)}</title>\n'
            f'<desc id="{ident}-desc">{escape(description)}</desc>\n'
        )
        + Markup("").join(parts)
        + Markup("</svg>")
    )


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float) -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}"/>\n').format(
        x1, y1, x2, y2, color, width
    )


def _text(x: float, y: float, text: str, anchor: str, color: str = "var(--muted)") -> Markup:
    return Markup(
        '<text x="{}" y="{}" text-anchor="{}" font-size="12" fill="{}">{}</text>\n'
    ).format(x, y, anchor, color, text)


def _short(dot: Dot) -> str:
    return dot.label if len(dot.label) <= 42 else dot.label[:41].rstrip() + "…"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\u2212")


def _axis(values: Sequence[float], ticks: int) -> tuple[list[float], float, float]:
    """Round ticks and the ends of an axis that holds all values; scores are not below zero."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(values), max(values)
    room = max(0.5, 0.06 * (high - low))
    found = MaxNLocator(nbins=ticks, steps=[1, 2, 5, 10]).tick_values(
        max(0.0, low - room), high + room
    )
    return [float(tick) for tick in found], float(found[0]), float(found[-1])


def _log_axis(values: Sequence[float], across: int) -> tuple[list[float], float, float]:
    """Ticks at 1, 2 and 5 times powers of ten, at the powers alone where numbers would meet, at the
    least value where there is none; and the ends of an axis that holds all values, *across* pixels
    long.
    """
    low, high = min(values) / 1.15, max(values) * 1.15
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    close = math.log10(2) / math.log10(high / low) * across
    firsts = (1, 2, 5) if close >= _TICK else (1,)
    ticks = [first * 10.0**power for power in powers for first in firsts]
    return [tick for tick in ticks if low <= tick <= high] or [min(values)], low, high


def _apart(wanted: Sequence[float]) -> list[float]:
    """Places near the *wanted* ones, from above, at least a line from each other."""
    found: list[float] = []
    for place in wanted:
        found.append(max(place, found[-1] + _LINE) if found else place)
    over = found[-1] - (_TOP + _HEIGHT) if found else 0
    limit = found[-1] - max(0.0, over) if found else 0.0
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], limit)
        limit = found[number] - _LINE
    return [round(place, 1) for place in found]
