"""What all charts share: colours, and matplotlib's drawing as an SVG element of a page.

Names of models are never matplotlib's to read: it draws places for labels, which are filled in.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

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


def svg(
    draw: Callable[[Any], None],
    *,
    size: tuple[int, int],
    box: tuple[int, int, int, int],
    labels: Sequence[str],
    ident: str,
    css: str,
    title: str,
    description: str,
) -> Markup:
    """An SVG element with one pair of axes. A unit of matplotlib's is a pixel in it.

    Args:
        draw: draws on matplotlib's axes.
        size: width and height in pixels.
        box: left, bottom, width and height of the axes, likewise.
        labels: what stands in the places that :func:`place_label` made, by their numbers.
        ident: what names in it begin with, unique in the page; letters, digits and hyphens.
        css: the class of the element.
        title: read by screen readers.
        description: likewise; what is to be seen.
    """
    width, height = size
    body = re.sub(
        r">label-(\d+)-<",
        lambda found: f">{escape(labels[int(found[1])])}<",
        _for_page(_drawn(draw, size, box), ident),
    )
    return Markup(
        f'<svg class="{css}" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{ident}-title {ident}-desc">\n'
        f'<title id="{ident}-title">{escape(title)}</title>\n'
        f'<desc id="{ident}-desc">{escape(description)}</desc>\n{body}</svg>'
    )


def place_label(axes: Any, number: int, at: tuple[float, float], offset: int, **how: Any) -> None:
    """Leave a place for the label of that *number*, *offset* pixels from *at* in x."""
    axes.annotate(
        f"label-{number}-", at, xytext=(offset, 0), textcoords="offset points", va="center", **how
    )


def reference_style(reference: Reference) -> dict[str, Any]:
    """How the line of a reference is drawn."""
    return {
        "color": MAJORITY if reference.majority else CHANCE,
        "linestyle": (0, (5, 3)) if reference.majority else (0, (1.5, 2.5)),
        "linewidth": 1.6,
        "zorder": 2,
    }


def _drawn(
    draw: Callable[[Any], None], size: tuple[int, int], box: tuple[int, int, int, int]
) -> str:
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context():
        rcdefaults()  # whatever this machine's settings are
        rcParams.update(_RC)
        width, height = size
        made = Figure(figsize=(width / 72, height / 72), dpi=72)
        made.patch.set_visible(False)
        left, bottom, across, down = box
        axes = made.add_axes((left / width, bottom / height, across / width, down / height))
        axes.patch.set_visible(False)
        draw(axes)
        file = io.StringIO()
        FigureCanvasSVG(made).print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return file.getvalue()


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
