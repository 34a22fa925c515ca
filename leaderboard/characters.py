"""The characters that nobody sees, or that change how the rest is shown."""

from __future__ import annotations

import unicodedata

_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_JOINERS = "\u200c\u200d"
"""Hidden too, but letters of some scripts and emoji are made with them."""


_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols by their category that show nothing: fillers and the empty braille cell."""


def is_hidden(char: str) -> bool:
    """Whether *char* is a control, a mark of direction, or another one that shows nothing."""
    return unicodedata.category(char) in _CATEGORIES


def has_visible(text: str) -> bool:
    """Whether any character of *text* shows something."""
    return any(
        unicodedata.category(char)[0] in "LNPS" and char not in _BLANK_LETTERS for char in text
    )


def first_hidden(text: str, allowed: str = "") -> str | None:
    """The first hidden character of *text* that is neither *allowed* nor a joiner."""
    if text.isprintable():
        return None
    return next((c for c in text if is_hidden(c) and c not in allowed + _JOINERS), None)
