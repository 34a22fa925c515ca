"""Cells that pages hold by the ten thousand: a macro of Jinja takes five times as long."""

from __future__ import annotations

from markupsafe import Markup, escape

from itr_bench.report.words import NOT_AVAILABLE

NA = Markup('<span class="na" title="not available">{}</span>').format(NOT_AVAILABLE)
"""What stands for a number that is not known."""


def number(text: str, value: float | None, applies: bool = True, css: str = "") -> Markup:
    """A cell with a number as *text*, sorted by its *value*; a dash where it does not apply."""
    cell = f'<td class="{f"n {css}".strip()}" data-order='
    if not applies:
        return Markup(f'{cell}"-2">–</td>')
    if value is None:
        return Markup(f'{cell}"-1">{NA}</td>')
    return Markup(f'{cell}"{value}">{escape(text)}</td>')
