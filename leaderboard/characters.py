"""The characters that nobody sees, or that change how the rest is shown."""

from __future__ import annotations

import unicodedata

_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_JOINERS = "\u200c\u200d"
"""Hidden too, but letters of some scripts and emoji are made with them."""


def is_hidden(char: str) -> bool:
    """Whether *char* is a control, a mark of direction, or another one that shows nothing."""
    return unicodedata.category(char) in _CATEGORIES


def first_hidden(text: str, allowed: str = "") -> str | None:
    """The first hidden character of *text* that is neither *allowed* nor a joiner."""
    if text.isprintable():
        return None
    return next((c for c in text if is_hidden(c) and c not in allowed + _JOINERS), None)
