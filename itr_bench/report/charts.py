"""Charts as inline SVG: matplotlib draws them, the page's style sheet colours them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from itr_bench.report.drawing import (
    BAND,
    MAJORITY,
    MARK,
    MUTED,
    PAGE,
    RULE,
    Bar,
    Reference,
    place_label,
    reference_style,
    svg,
)

# In pixels.
_RIGHT, _TOP, _BOTTOM = 50, 44, 40
_PLOT, _LINE = 350, 21
_NARROW_PLOT, _NARROW_RIGHT = 180, 42
"""For phones."""
_NARROW_WIDEST = 110
_WIDEST = 160
"""Of a name, where nothing else is said; the whole of it stands in the table."""


def interval_charts(
    bars: Sequence[Bar],
    references: Sequence[Reference],
    *,
    ident: str,
    axis: str,
    short_axis: str | None = None,
    **options: Any,
) -> Markup:
    """The same chart twice, for wide and for narrow screens; the style sheet shows one of them.

    Args:
        bars, references, ident, axis: as of :func:`interval_chart`, and so are the *options*.
        short_axis: title of the axis where there is less room.
    """
    wide = interval_chart(bars, references, ident=ident, axis=axis, **options)
    narrow = interval_chart(
        bars, references, ident=f"{ident}-narrow", axis=short_axis or axis, narrow=True, **options
    )
    return wide + Markup("\n") + narrow


def interval_chart(
    bars: Sequence[Bar],
    references: Sequence[Reference],
    *,
    axis: str,
    symmetric: bool = False,
    narrow: bool = False,
    widest: int = _WIDEST,
    **texts: str,
) -> Markup:
    """A chart of intervals, a line each, from above in the order given.

    Args:
        bars: at least one.
        references: the vertical lines.
        axis: title of the axis.
        symmetric: whether zero is in the middle.
        narrow: whether names stand above the intervals.
        widest: most room for a name, in pixels; longer ones are cut.
        texts: ``ident``, ``title`` and ``description``, as :func:`drawing.svg` takes them.
    """
    widest = min(widest, _NARROW_WIDEST) if narrow else widest
    # Bold letters are about an eighth wider.
    labels = [
        _short(bar.label, bar.suffix, widest * 8 // 9 if bar.heading else widest) for bar in bars
    ]
    across, right = (_NARROW_PLOT, _NARROW_RIGHT) if narrow else (_PLOT, _RIGHT)
    left, down = 16 + max(map(_width, labels)), _LINE * len(bars)

    def draw(axes: Any) -> None:
        _draw(axes, bars, references, symmetric)
        _names(axes, bars)
        axes.set_xlabel(axis, color=MUTED)

    return svg(
        draw,
        size=(left + across + right, _TOP + _BOTTOM + down),
        box=(left, _BOTTOM, across, down),
        labels=labels,
        css="chart narrow" if narrow else "chart",
        **texts,
    )


def _draw(axes: Any, bars: Sequence[Bar], references: Sequence[Reference], symmetric: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(*_limits(bars, references, symmetric))
    axes.tick_params(axis="x", colors=MUTED, length=3)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    _bands(axes, bars)
    low, high = axes.get_xlim()
    for reference in references:
        style = reference_style(reference)
        axes.axvline(reference.value, **style)
        # A row of text each, towards the middle: names can neither meet nor be cut.
        right = reference.value > low + 0.62 * (high - low)
        axes.annotate(
            reference.label,
            (reference.value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 20 if reference.majority else 6),
            textcoords="offset points",
            ha="center" if symmetric else "right" if right else "left",
            color=style["color"],
        )
    _marks(axes, bars)


def _names(axes: Any, bars: Sequence[Bar]) -> None:
    """The labels, at the left. Not as ticks, each of which takes matplotlib long."""
    axes.set_yticks([])
    for y, bar in enumerate(bars):
        place_label(
            axes,
            y,
            (0, y),
            -8,
            xycoords=("axes fraction", "data"),
            ha="right",
            fontweight="bold" if bar.heading else "normal",
            zorder=5,
        )


def _marks(axes: Any, bars: Sequence[Bar]) -> None:
    """Everything of the bars; few calls, since each takes matplotlib long."""
    lines = [(y, *bar.interval) for y, bar in enumerate(bars) if bar.interval is not None]
    if lines:
        axes.hlines(*zip(*lines, strict=True), color=MARK, linewidth=2, zorder=3)
    small = [(point, y) for y, bar in enumerate(bars) for point in bar.points]
    if small:
        axes.plot(*zip(*small, strict=True), "|", color=MUTED, markersize=9, zorder=2.5)
    own = [(bar.majority, y) for y, bar in enumerate(bars) if bar.majority is not None]
    if own:
        at, ys = zip(*own, strict=True)
        low, high = [y - 0.42 for y in ys], [y + 0.42 for y in ys]
        axes.vlines(at, low, high, color=MAJORITY, linewidth=2, zorder=2.6)
    for checked, marker, size in ((True, "o", 7.0), (False, "D", 6.5)):
        chosen = [
            (bar.value, y)
            for y, bar in enumerate(bars)
            if bar.value is not None and bar.checked is checked
        ]
        if chosen:
            axes.plot(
                *zip(*chosen, strict=True),
                marker,
                markersize=size,
                color=MARK,
                markerfacecolor=MARK if checked else PAGE,
                markeredgewidth=1.5,
                zorder=4,
                clip_on=False,
            )


def _bands(axes: Any, bars: Sequence[Bar]) -> None:
    """Shade every other tier, and name each at the right of its first line."""
    shown = [(bar.tier, y) for y, bar in enumerate(bars) if bar.tier is not None]
    shaded = [y for tier, y in shown if tier % 2]
    if shaded:
        axes.barh(shaded, 1, 1, 0, transform=axes.get_yaxis_transform(), color=BAND, zorder=0)
    for tier in sorted({tier for tier, _ in shown}):
        axes.annotate(
            f"tier {tier}",
            (1, min(y for one, y in shown if one == tier)),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=MUTED,
        )


def _limits(
    bars: Sequence[Bar], references: Sequence[Reference], symmetric: bool
) -> tuple[float, float]:
    values = [value for bar in bars for value in (*(bar.interval or ()), *bar.points)]
    values += [bar.value for bar in bars if bar.value is not None]
    values += [bar.majority for bar in bars if bar.majority is not None]
    values += [reference.value for reference in references]
    low, high = min(values), max(values)
    if symmetric:
        widest = max(5.0, -low, high) * 1.05
        return (-widest, widest)
    room = max(2.0, (high - low) * 0.06)
    return (max(0.0, low - room), min(100.0, high + room))


def _short(label: str, suffix: str, widest: int) -> str:
    """A label that fits, its *suffix* in any case."""
    room = widest - _width(suffix)
    if _width(label) <= room:
        return label + suffix
    kept = label
    while kept and _width(kept) + _width("…") > room:
        kept = kept[:-1]
    return kept.rstrip() + "…" + suffix


def _width(label: str) -> int:
    """About the width of a label at the size of the charts, generously."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" or char in "mwMW@%—" for char in label)
    return 7 * len(label) + 6 * wide
