"""Charts as inline SVG: matplotlib draws them, the page's style sheet colours them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup, escape

from itr_bench.report.drawing import Bar, Drawing, Reference, with_labels

_NARROW_WIDEST = 110
_WIDEST = 160
"""Of a name, in pixels, where nothing else is said; the whole of it stands in the table."""


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
    ident: str,
    title: str,
    description: str,
    axis: str,
    symmetric: bool = False,
    narrow: bool = False,
    widest: int = _WIDEST,
) -> Markup:
    """A chart of intervals, a line each, from above in the order given.

    Args:
        bars: at least one.
        references: the vertical lines.
        ident: unique in the page; letters, digits and hyphens.
        title: read by screen readers.
        description: likewise; what is to be seen.
        axis: title of the axis.
        symmetric: whether zero is in the middle.
        narrow: whether names stand above the intervals.
        widest: most room for a name, in pixels; longer ones are cut.
    """
    widest = min(widest, _NARROW_WIDEST) if narrow else widest
    # Bold letters are about an eighth wider.
    labels = [
        _short(bar.label, bar.suffix, widest * 8 // 9 if bar.heading else widest) for bar in bars
    ]
    drawing = Drawing(
        bars=tuple(replace(bar, label="", suffix="") for bar in bars),
        references=tuple(references),
        ident=ident,
        axis=axis,
        symmetric=symmetric,
        narrow=narrow,
        room=max(_width(label) for label in labels),
    )
    body = with_labels(drawing.body(), labels)
    css = "chart narrow" if narrow else "chart"
    width, height = drawing.size
    return Markup(
        f'<svg class="{css}" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{ident}-title {ident}-desc">\n'
        f'<title id="{ident}-title">{escape(title)}</title>\n'
        f'<desc id="{ident}-desc">{escape(description)}</desc>\n{body}</svg>'
    )


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
