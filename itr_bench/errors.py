"""The errors that a user can fix, all below one base class."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ItrBenchError(Exception):
    """Something that the user can fix. The message says what, where, and what to do next."""


class ItrBenchWarning(UserWarning):
    """Something that the user should know and that stops nothing."""


class DataError(ItrBenchError):
    """Input data, or the cache that holds it, is missing, unreadable or inconsistent."""


class ScoreError(ItrBenchError):
    """Responses cannot be scored as they are."""


class RunError(ItrBenchError):
    """A run cannot start, resume, or be read as it is."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a *name* that is none of the *known* ones, with the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(names)}"


def bullet_list(problems: Iterable[str], *, most: int = 10) -> str:
    """Return *problems* as indented lines, the first *most* of them and a count of the rest."""
    lines = list(problems)
    shown = [f"  - {line}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"  - ... and {len(lines) - most} more")
    return "\n".join(shown)
