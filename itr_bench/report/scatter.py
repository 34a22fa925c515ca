"""A scatter of points with intervals as inline SVG, drawn by matplotlib with its own ticks."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from itr_bench.report import drawing
from itr_bench.report.words import parameters


@dataclass(frozen=True)
class Point:
    """One result.

    Attributes:
        label: the name; shown where the pointer rests.
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


def scatter_chart(
    points: Sequence[Point],
    references: Sequence[drawing.Reference],
    *,
    ident: str,
    title: str,
    description: str,
    axes: tuple[str, str],
    log: bool = False,
    diagonal: bool = False,
    width: int = 640,
    height: int = 360,
) -> Markup:
    """A chart of *points*.

    Args:
        points: at least one.
        references: horizontal lines.
        ident: unique in the page; letters, digits and hyphens.
        title: read by screen readers.
        description: likewise; what is to be seen.
        axes: titles of the two.
        log: whether *x* is a number of parameters on a logarithmic axis.
        diagonal: whether to draw where both are equal.
        width, height: in pixels.
    """

    def draw(plot: Any) -> None:
        _draw(plot, points, references, log, diagonal)
        plot.set_xlabel(axes[0], color=drawing.MUTED, fontsize=12)
        plot.set_ylabel(axes[1], color=drawing.MUTED, fontsize=12)

    body = drawing.figure(draw, (width, height), (0.09, 0.15, 0.68, 0.79), ident)
    return Markup(
        f'<svg class="scatter" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" aria-labelledby="{ident}-title {ident}-desc">\n'
        f'<title id="{ident}-title">{escape(title)}</title>\n'
        f'<desc id="{ident}-desc">{escape(description)}</desc>\n{body}</svg>'
    )


def _draw(
    plot: Any,
    points: Sequence[Point],
    references: Sequence[drawing.Reference],
    log: bool,
    diagonal: bool,
) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    for side in ("top", "right"):
        plot.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        plot.spines[side].set_color(drawing.RULE)
    plot.tick_params(colors=drawing.MUTED, length=3, labelsize=12, which="both")
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
    for reference in references:
        color = drawing.MAJORITY if reference.majority else drawing.CHANCE
        dashes = (0, (5, 3)) if reference.majority else (0, (1.5, 2.5))
        plot.axhline(reference.value, color=color, linewidth=1.6, linestyle=dashes, zorder=2)
        plot.annotate(
            reference.label,
            (1, reference.value),
            xycoords=("axes fraction", "data"),
            xytext=(6, 1 if reference.majority else -1),
            textcoords="offset points",
            ha="left",
            va="bottom" if reference.majority else "top",
            color=color,
            fontsize=12,
        )
    plot.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    if log:
        plot.set_xscale("log")
        plot.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        plot.margins(x=0.08)
        plot.xaxis.set_major_formatter(FuncFormatter(lambda value, _: parameters(round(value))))
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
