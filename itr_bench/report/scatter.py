"""A scatter of points with intervals as inline SVG, drawn by matplotlib with its own ticks."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from itr_bench.report import drawing
from itr_bench.report.words import parameters

# In pixels.
_LEFT, _TOP, _BOTTOM = 58, 22, 54
_WIDTH, _HEIGHT = 435, 284
_ROOM, _NAMES = 147, 300
"""At the right: for the labels of references, and for the names of points."""
_NARROW_WIDTH, _NARROW_ROOM = 250, 20
_LINE = 15
_TICK = 44
"""What the number of a tick needs, such as 500 M."""
_MOST_NAMED = 18
"""Names on more points would hide them; the table has all."""
_LONGEST = 42


@dataclass(frozen=True)
class Point:
    """One result.

    Attributes:
        label: the name.
        x: a number, or a day.
        y: in per cent.
        interval: of *y*.
        checked: a full point; else a hollow one.
        x_interval: of a number *x*.
    """

    label: str
    x: float | datetime.date
    y: float
    interval: tuple[float, float] | None = None
    checked: bool = True
    x_interval: tuple[float, float] | None = None


def named_charts(
    points: Sequence[Point], references: Sequence[drawing.Reference], *, ident: str, **options: Any
) -> Markup:
    """The chart twice, for wide screens with names at the points, and for narrow ones without.

    Args:
        points, references, ident: as of :func:`scatter_chart`, and so are the *options*.
    """
    named = len(points) <= _MOST_NAMED
    wide = scatter_chart(
        points, references, ident=ident, css="chart", named=named, room=_NAMES, **options
    )
    narrow = scatter_chart(
        points,
        references,
        ident=f"{ident}-narrow",
        css="chart narrow",
        across=_NARROW_WIDTH,
        room=_NARROW_ROOM,
        **options,
    )
    return wide + Markup("\n") + narrow


def scatter_chart(
    points: Sequence[Point],
    references: Sequence[drawing.Reference],
    *,
    axes: tuple[str, str],
    log: bool = False,
    diagonal: bool = False,
    fit: Sequence[tuple[float, float]] = (),
    css: str = "scatter",
    named: bool = False,
    across: int = _WIDTH,
    room: int = _ROOM,
    **texts: str,
) -> Markup:
    """A chart of *points*.

    Args:
        points: at least one.
        references: horizontal lines.
        axes: titles of the two.
        log: whether *x* is a number of parameters on a logarithmic axis.
        diagonal: whether to draw where both are equal.
        fit: points of a line, from left to right.
        css: the class of the element.
        named: whether the names of the points stand at the right, moved apart where they would
            meet.
        across: the width of the plot in pixels.
        room: at the right of it, in pixels; labels of references stand there if they fit.
        texts: ``ident``, ``title`` and ``description``, as :func:`drawing.svg` takes them.
    """

    def draw(plot: Any) -> None:
        _draw(plot, points, log, diagonal)
        _reference_lines(plot, references, inside=room != _ROOM)
        if fit:
            plot.plot(*zip(*fit, strict=True), color=drawing.MARK, linewidth=1.6, dashes=(5, 3))
        plot.set_ylim(bottom=max(0.0, plot.get_ylim()[0]))
        plot.set_xlabel(axes[0], color=drawing.MUTED)
        plot.set_ylabel(axes[1], color=drawing.MUTED)
        if named:
            _names(plot, points)

    return drawing.svg(
        draw,
        size=(_LEFT + across + room, _TOP + _HEIGHT + _BOTTOM),
        box=(_LEFT, _BOTTOM, across, _HEIGHT),
        labels=[_short(point.label) for point in points],
        css=css,
        **texts,
    )


def _draw(plot: Any, points: Sequence[Point], log: bool, diagonal: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    for side in ("top", "right"):
        plot.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        plot.spines[side].set_color(drawing.RULE)
    plot.tick_params(colors=drawing.MUTED, length=3, which="both")
    plot.grid(color=drawing.RULE, linewidth=0.6)
    plot.set_axisbelow(True)
    for point in points:
        if point.interval is not None:
            plot.vlines(point.x, *point.interval, color=drawing.MARK, linewidth=1.5, zorder=3)
        if point.x_interval is not None:
            plot.hlines(point.y, *point.x_interval, color=drawing.MARK, linewidth=1.5, zorder=3)
        plot.plot(
            [point.x],
            [point.y],
            "o",
            color=drawing.MARK,
            markerfacecolor=drawing.MARK if point.checked else drawing.PAGE,
            markersize=7,
            zorder=4,
        )
    plot.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    if log:
        _log_axis(plot, [float(point.x) for point in points])  # type: ignore[arg-type]
    elif isinstance(points[0].x, datetime.date):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]
        plot.xaxis.set_major_locator(locator)
        plot.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        days = [point.x for point in points if isinstance(point.x, datetime.date)]
        edge = max((max(days) - min(days)) / 20, datetime.timedelta(days=15))
        plot.set_xlim(min(days) - edge, max(days) + edge)
    if diagonal:
        low = min(plot.get_xlim()[0], plot.get_ylim()[0])
        high = max(plot.get_xlim()[1], plot.get_ylim()[1])
        plot.plot([low, high], [low, high], color=drawing.MUTED, linewidth=1, zorder=1)
        plot.set_xlim(low, high)
        plot.set_ylim(low, high)


def _log_axis(plot: Any, values: Sequence[float]) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, at the powers alone where numbers would meet, at the
    least value where there is none.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = min(values) / 1.15, max(values) * 1.15
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    close = math.log10(2) / math.log10(high / low) * plot.bbox.width
    firsts = (1, 2, 5) if close >= _TICK else (1,)
    ticks = [first * 10.0**power for power in powers for first in firsts]
    plot.set_xscale("log")
    plot.set_xlim(low, high)
    shown = [tick for tick in ticks if low <= tick <= high] or [min(values)]
    plot.xaxis.set_major_locator(FixedLocator(shown))
    plot.xaxis.set_minor_locator(NullLocator())
    plot.xaxis.set_major_formatter(FuncFormatter(lambda value, _: parameters(round(value))))


def _reference_lines(plot: Any, references: Sequence[drawing.Reference], inside: bool) -> None:
    """The labels at the right of the plot, or *inside* at its left: above one line, below others,
    which may be near to it.
    """
    for reference in references:
        style = drawing.reference_style(reference)
        plot.axhline(reference.value, **style)
        plot.annotate(
            reference.label,
            (0 if inside else 1, reference.value),
            xycoords=("axes fraction", "data"),
            xytext=(6, 1 if reference.majority else -1),
            textcoords="offset points",
            ha="left",
            va="bottom" if reference.majority else "top",
            color=style["color"],
        )


def _names(plot: Any, points: Sequence[Point]) -> None:
    """A place for each name at the right, with a line to its point."""
    within = plot.transData + plot.transAxes.inverted()
    at = [within.transform((point.x, point.y)) for point in points]
    order = sorted(range(len(points)), key=lambda number: -at[number][1])
    places = _apart([(1 - at[number][1]) * _HEIGHT for number in order])
    beyond = 1 + 6 / plot.bbox.width
    for number, place in zip(order, places, strict=True):
        (x, y), height = at[number], 1 - place / _HEIGHT
        plot.plot(
            [x + 6 / plot.bbox.width, beyond],
            [y, height],
            transform=plot.transAxes,
            color=drawing.RULE,
            linewidth=0.8,
            clip_on=False,
        )
        drawing.place_label(plot, number, (beyond, height), 3, xycoords="axes fraction")


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1].rstrip() + "…"


def _apart(wanted: Sequence[float]) -> list[float]:
    """Places near the *wanted* ones, from above, at least a line from each other."""
    found: list[float] = []
    for place in wanted:
        found.append(max(place, found[-1] + _LINE) if found else place)
    limit = min(found[-1], _HEIGHT)
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], limit)
        limit = found[number] - _LINE
    return found
