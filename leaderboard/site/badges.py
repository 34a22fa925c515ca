"""The badge that others embed."""

from __future__ import annotations

from markupsafe import escape


def badge_svg(text: str) -> str:
    """A badge that says *text*, ``NAME: FIGURE``."""
    name, _, figure = text.rpartition(": ")
    left, right = 8 + 7 * len(name) + 8, 8 + 7 * len(figure) + 8
    style = "font:11px Verdana,DejaVu Sans,sans-serif"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{escape(text)}"><title>{escape(text)}</title>'
        f'<rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="#0b4f92"/>'
        f'<g fill="#fff" text-anchor="middle" style="{style}">'
        f'<text x="{left / 2}" y="14">{escape(name)}</text>'
        f'<text x="{left + right / 2}" y="14">{escape(figure)}</text></g></svg>\n'
    )
