"""Translation quality against accuracy: a point a model and system, as SVG, and its numbers."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from markupsafe import escape

from itr_bench.data.files import refuse_output, write_whole
from itr_bench.translation.points import Point
from itr_bench.translation.quality import LABELS

# The colours of the leaderboard's style sheet by day.
_PAGE, _TEXT, _MUTED, _RULE = "#fdfdfb", "#1b1c1e", "#595c61", "#d5d6d3"
_MARK, _CHANCE, _MAJORITY = "#0b4f92", "#a8430b", "#6b2f86"
_OTHERS = "#b9bbb8"

# Sizes in pixels: a unit of matplotlib's is a pixel here.
_LEFT, _TOP, _BOTTOM = 62, 116, 58
_WIDTH, _HEIGHT = 230, 170
_BETWEEN, _BELOW = 24, 44
_NARROWEST = 470
"""Of the whole, for its title."""
_COLUMNS = 3
_LINE = 16
_TILT = 40
"""Of the systems' names, in degrees."""

_HEADER = ",".join(field.name for field in fields(Point)) + "\n"
"""How its CSV begins."""

_RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "itr-bench",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": _TEXT,
    "text.parse_math": False,  # names are names
    "axes.unicode_minus": False,
}


def write(path: Path, found: Sequence[Point], *, metric: str, language: str) -> Path:
    """Write the plot as SVG to *path*, and its numbers as CSV beside it.

    Args:
        path: ends in ``.svg``.
        found: the points, at least one.
        metric: the quality's key, for the axis.
        language: the language of the translations, in English.

    Returns:
        The path of the CSV file.

    Raises:
        DataError: the disk refuses; no file is left in part.
    """
    table = io.StringIO()
    table.write(_HEADER)
    lines = csv.writer(table, lineterminator="\n")
    lines.writerows(asdict(point).values() for point in found)
    beside = path.with_suffix(".csv")
    svg = draw(found, metric=metric, language=language)
    write_whole(beside, table.getvalue())
    write_whole(path, svg)
    return beside


def refuse(path: Path, inputs: Sequence[Path]) -> None:
    """Refuse what :func:`write` would overwrite: *inputs*, or another CSV than one of its own.

    Raises:
        DataError: as :func:`~itr_bench.data.files.refuse_output`.
    """
    refuse_output(path, inputs)
    refuse_output(path.with_suffix(".csv"), inputs, begins=_HEADER)


def draw(found: Sequence[Point], *, metric: str, language: str) -> str:
    """The plot as SVG text: a panel a model, the others' lines behind it.

    Arguments as of :func:`write`.
    """
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    models = _by_model(found)
    columns = min(_COLUMNS, len(models))
    rows = math.ceil(len(models) / columns)
    names = max(7.4 * len(_short(point.system)) for point in found)
    top = _TOP + round(names * math.sin(math.radians(_TILT)))
    right = round(names * math.cos(math.radians(_TILT)))
    width = max(_NARROWEST, _LEFT + columns * (_WIDTH + _BETWEEN) - _BETWEEN + right)
    height = top + rows * (_HEIGHT + _BELOW) - _BELOW + _BOTTOM
    title = f"Translation quality and accuracy, tweets in {language}"
    with rc_context():
        rcdefaults()  # whatever this machine's settings are
        rcParams.update(_RC)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=_PAGE)
        for place, model in enumerate(models):
            row, column = divmod(place, columns)
            left = _LEFT + column * (_WIDTH + _BETWEEN)
            bottom = height - top - row * (_HEIGHT + _BELOW) - _HEIGHT
            box = (left / width, bottom / height, _WIDTH / width, _HEIGHT / height)
            axes = figure.add_axes(box, facecolor=_PAGE)
            lowest = place + columns >= len(models)
            _frame(axes, found, labels=(lowest, column == 0))
            _lines(axes, models, model)
            if row == 0:
                _systems(axes, found)
            if lowest:
                label = f"{LABELS[metric]} of the translation into {language}"
                axes.set_xlabel(label, color=_MUTED, labelpad=8)
            if column == 0:
                axes.set_ylabel("accuracy, %", color=_MUTED, labelpad=8)
        figure.text(12 / width, 1 - 22 / height, title, fontsize=14, fontweight="bold")
        _legend(figure, found, width, height)
        file = io.StringIO()
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return _described(file.getvalue(), title, _description(found, metric))


def _by_model(found: Sequence[Point]) -> dict[str, list[Point]]:
    """The points of each model by quality; first the model with the highest accuracy."""
    best: dict[str, list[Point]] = {}
    for point in sorted(found, key=lambda p: -p.accuracy):
        best.setdefault(point.model, []).append(point)
    return {model: sorted(own, key=lambda p: p.quality) for model, own in best.items()}


def _frame(axes: Any, found: Sequence[Point], *, labels: tuple[bool, bool]) -> None:
    """Limits, grid and references, alike in all panels; *labels* of the x and the y axis."""
    from matplotlib.ticker import MaxNLocator

    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(_RULE)
    axes.tick_params(colors=_MUTED, length=3, labelbottom=labels[0], labelleft=labels[1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
    values = [100 * value for point in found for value in _heights(point)]
    x = [point.quality for point in found]
    room = max(1.0, 0.08 * (max(x) - min(x)))
    axes.set_xlim(min(x) - room, max(x) + room)
    axes.set_ylim(max(0.0, min(values) - 3), min(100.0, max(values) + 3))
    axes.grid(axis="y", color=_RULE, linewidth=0.6)
    for quality in sorted(set(x)):
        axes.axvline(quality, color=_RULE, linewidth=0.6, zorder=1)
    axes.set_axisbelow(True)
    for value, color, dashes in _references(found):
        axes.axhline(100 * value, color=color, linewidth=1.6, linestyle=dashes, zorder=2)


def _heights(point: Point) -> list[float]:
    """All that has to be seen of a point, in the direction of the accuracy."""
    values = (point.accuracy, point.accuracy_low, point.accuracy_high)
    return [v for v in (*values, point.majority_class, point.uniform_chance) if v is not None]


def _references(found: Sequence[Point]) -> list[tuple[float, str, Any]]:
    """Value, colour and dashes of majority class and chance."""
    return [
        (found[0].majority_class, _MAJORITY, (0, (5, 3))),
        (found[0].uniform_chance, _CHANCE, (0, (1.5, 2.5))),
    ]


def _lines(axes: Any, models: Mapping[str, Sequence[Point]], model: str) -> None:
    """The points of *model* with their intervals, joined; the other models' lines in grey."""
    for other, points in models.items():
        if other != model:
            x, y = [p.quality for p in points], [100 * p.accuracy for p in points]
            axes.plot(x, y, color=_OTHERS, linewidth=1, zorder=2.5)
    own = models[model]
    intervals = [
        (p.quality, 100 * p.accuracy_low, 100 * p.accuracy_high)
        for p in own
        if p.accuracy_low is not None and p.accuracy_high is not None
    ]
    if intervals:
        axes.vlines(*zip(*intervals, strict=True), color=_MARK, linewidth=2, zorder=3)
    hollow = any(point.stand_in for point in own)
    axes.plot(
        [point.quality for point in own],
        [100 * point.accuracy for point in own],
        "o-",
        color=_MARK,
        linewidth=1,
        markersize=7,
        markerfacecolor=_PAGE if hollow else _MARK,
        zorder=4,
    )
    axes.set_title(_short(model), loc="left", fontsize=12, fontweight="bold", color=_TEXT, pad=8)


def _systems(axes: Any, found: Sequence[Point]) -> None:
    """The systems' names above a panel, each as near to its place as the others let it."""
    at = sorted({(point.quality, point.system) for point in found})
    low, high = axes.get_xlim()
    wanted = [(x - low) / (high - low) * _WIDTH for x, _ in at]
    gap = _LINE / math.sin(math.radians(_TILT))
    for (x, system), pixel in zip(at, _spread(wanted, gap, 0, _WIDTH), strict=True):
        line = {"arrowstyle": "-", "color": _RULE, "linewidth": 0.8, "relpos": (0, 0)}
        axes.annotate(
            _short(system),
            (x, 1 + 26 / _HEIGHT),
            xycoords=("data", "axes fraction"),
            xytext=(pixel / _WIDTH, 1 + 38 / _HEIGHT),
            textcoords="axes fraction",
            rotation=_TILT,
            rotation_mode="anchor",
            color=_MUTED,
            arrowprops={**line, "shrinkA": 0, "shrinkB": 0},
        )


def _legend(figure: Any, found: Sequence[Point], width: int, height: int) -> None:
    """What the lines are, below the title."""
    from matplotlib.lines import Line2D

    left = 12.0
    y = 1 - 42 / height
    for (value, color, dashes), label in zip(
        _references(found), ("majority class", "chance"), strict=True
    ):
        ends = (left / width, (left + 26) / width)
        at = (y + 4 / height, y + 4 / height)
        figure.add_artist(Line2D(ends, at, color=color, linewidth=1.6, linestyle=dashes))
        text = f"{label} {100 * value:.1f}"
        figure.text((left + 32) / width, y, text, color=color)
        left += 50 + 7.4 * len(text)
    figure.text(left / width, y, "bars: 95 %", color=_MUTED)
    if any(point.stand_in for point in found):
        note = "STAND-IN PICTURES: no accuracy here is a result"
        figure.text(12 / width, 1 - 62 / height, note, color=_CHANCE, fontweight="bold")


def _spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the *wanted* ones, at least *gap* apart and, if they fit, within the limits."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed: list[float] = []
    for i in order:
        placed.append(max(wanted[i], placed[-1] + gap if placed else low))
    limit = high
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - gap
    return [placed[order.index(i)] for i in range(len(wanted))]


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def _description(found: Sequence[Point], metric: str) -> str:
    """All points in words, for who does not see them."""
    lines = []
    for point in found:
        interval = (
            ""
            if point.accuracy_low is None or point.accuracy_high is None
            else f" ({100 * point.accuracy_low:.1f} to {100 * point.accuracy_high:.1f})"
        )
        lines.append(
            f"{point.model} on {point.system} ({LABELS[metric]} {point.quality:.1f}): "
            f"{100 * point.accuracy:.1f}{interval}"
        )
    references = (
        f"Majority class {100 * found[0].majority_class:.1f}, "
        f"uniform chance {100 * found[0].uniform_chance:.1f}."
    )
    return f"Accuracy in per cent with 95 % interval. {'; '.join(lines)}. {references}"


def _described(svg: str, title: str, description: str) -> str:
    """Put title and description where screen readers look for them."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', svg, count=2)
    opening = re.search(r"<svg [^>]*", svg)
    assert opening is not None
    named = ' role="img" aria-labelledby="plot-title plot-description">\n' + (
        f' <title id="plot-title">{escape(title)}</title>\n'
        f' <desc id="plot-description">{escape(description)}</desc>'
    )
    return svg[: opening.end()] + named + svg[opening.end() + 1 :]
