"""What matplotlib draws of a chart: all but the labels, for which it leaves places.

Names of models are never matplotlib's to read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

_INK = {
    "#010101": "var(--text)",
    "#010102": "var(--muted)",
    "#010103": "var(--rule)",
    "#010104": "var(--mark)",
    "#010105": "var(--page)",
    "#010106": "var(--chance)",
    "#010107": "var(--majority)",
    "#010108": "var(--band)",
}
TEXT, MUTED, RULE, MARK, PAGE, CHANCE, MAJORITY, BAND = _INK

# Sizes in pixels: a unit of matplotlib's is a pixel here.
_RIGHT, _TOP, _BOTTOM = 50, 44, 40
_PLOT = 350
_LINE = 21
_NARROW_PLOT, _NARROW_RIGHT = 180, 42
"""For phones."""

_RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "itr-bench",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": TEXT,
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Bar:
    """One line of a chart. Values in per cent or in points.

    Attributes:
        label: the name.
        value: the point; ``None`` for a line that is nothing but its label.
        interval: the line through it.
        points: smaller points: the samples.
        checked: a full point; else a hollow one, for what could not be computed here.
        tier: what stands at the right; results of one tier share a band.
        majority: a reference of this line alone.
        suffix: what follows the label and is never cut.
        heading: whether the label is that of the lines below, not of a line.
    """

    label: str
    value: float | None
    interval: tuple[float, float] | None = None
    points: tuple[float, ...] = ()
    checked: bool = True
    tier: int | None = None
    majority: float | None = None
    suffix: str = ""
    heading: bool = False


@dataclass(frozen=True)
class Reference:
    """A vertical line through the chart."""

    label: str
    value: float
    majority: bool = False


@dataclass(frozen=True)
class Drawing:
    """All that decides what is drawn."""

    bars: tuple[Bar, ...]
    """Without labels."""
    references: tuple[Reference, ...]
    ident: str
    axis: str
    symmetric: bool
    narrow: bool
    """Whether it is for a phone."""
    room: int
    """For labels at the left, in pixels."""

    @property
    def _left(self) -> int:
        return 16 + self.room

    @property
    def _plot(self) -> tuple[int, int]:
        return (_NARROW_PLOT if self.narrow else _PLOT, _LINE * len(self.bars))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self._plot
        right = _NARROW_RIGHT if self.narrow else _RIGHT
        return (self._left + width + right, _TOP + _BOTTOM + height)

    def body(self) -> str:
        """What stands within the SVG element, with a place for each label."""
        (width, height), (across, down) = self.size, self._plot

        def draw(axes: Any) -> None:
            _draw(axes, self.bars, self.references, self.symmetric)
            _names(axes, self.bars)
            axes.set_xlabel(self.axis, color=MUTED, fontsize=12)

        box = (self._left / width, _BOTTOM / height, across / width, down / height)
        return figure(draw, self.size, box, self.ident)


def figure(
    draw: Callable[[Any], None],
    size: tuple[int, int],
    box: tuple[float, float, float, float],
    ident: str,
) -> str:
    """What stands within the SVG element of a figure with one pair of axes.

    Args:
        draw: draws on matplotlib's axes.
        size: width and height in pixels.
        box: left, bottom, width and height of the axes, as shares of the figure.
        ident: what names in it begin with, unique in the page.
    """
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context():
        rcdefaults()  # whatever this machine's settings are
        rcParams.update(_RC)
        made = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
        made.patch.set_visible(False)
        axes = made.add_axes(box)
        axes.patch.set_visible(False)
        draw(axes)
        file = io.StringIO()
        FigureCanvasSVG(made).print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return _for_page(file.getvalue(), ident)


def with_labels(body: str, labels: Sequence[str]) -> str:
    """What :meth:`Drawing.body` drew, with a label a bar."""
    return re.sub(r">label-(\d+)-<", lambda found: f">{escape(labels[int(found[1])])}<", body)


def _draw(axes: Any, bars: Sequence[Bar], references: Sequence[Reference], symmetric: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(*_limits(bars, references, symmetric))
    axes.tick_params(axis="x", colors=MUTED, length=3, labelsize=12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    _bands(axes, bars)
    low, high = axes.get_xlim()
    for reference in references:
        color = MAJORITY if reference.majority else CHANCE
        dashes = (0, (5, 3)) if reference.majority else (0, (1.5, 2.5))
        axes.axvline(reference.value, color=color, linewidth=1.6, linestyle=dashes, zorder=2)
        # A row of text each, towards the middle: names can neither meet nor be cut.
        right = reference.value > low + 0.62 * (high - low)
        axes.annotate(
            reference.label,
            (reference.value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 20 if reference.majority else 6),
            textcoords="offset points",
            ha="center" if symmetric else "right" if right else "left",
            color=color,
            fontsize=12,
        )
    _marks(axes, bars)


def _names(axes: Any, bars: Sequence[Bar]) -> None:
    """The labels, at the left. Not as ticks, each of which takes matplotlib long."""
    axes.set_yticks([])
    for y, bar in enumerate(bars):
        axes.annotate(
            f"label-{y}-",
            (0, y),
            xycoords=("axes fraction", "data"),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=TEXT,
            fontsize=12,
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
            fontsize=12,
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


def _for_page(svg: str, ident: str) -> str:
    """Strip what is a file's, make names unique in the page, colour by the style sheet."""
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    body = svg[svg.index("<defs>") : svg.rindex("</svg>")]
    used = set(re.findall(r'xlink:href="#([^"]+)"|url\(#([^)]+)\)', body))
    names = {one for pair in used for one in pair if one}
    body = re.sub(
        r' id="([^"]+)"',
        lambda found: f' id="{ident}-{found[1]}"' if found[1] in names else "",
        body,
    )
    body = re.sub(r'xlink:href="#', f'href="#{ident}-', body)
    body = re.sub(r"url\(#", f"url(#{ident}-", body)
    body = re.sub(r'<style type="text/css">.*?</style>', "", body, flags=re.DOTALL)
    body = re.sub(r"#01010[1-8]", lambda found: _INK[found[0]], body)
    body = body.replace(" font-family: 'DejaVu Sans';", "")
    return re.sub(r"\s*\n\s*", " ", body).replace("> <", ">\n<")
