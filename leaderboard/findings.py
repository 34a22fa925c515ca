"""What a check found, and how people and programs are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from itr_bench.leaderboard.characters import is_hidden
from itr_bench.leaderboard.layout import SUBMISSION
from itr_bench.leaderboard.places import Place, Places

MOST_OF_A_KIND = 5
MOST_KEPT = 1000
"""So many findings of a kind are kept about one file; the rest is counted."""

_LONGEST = 400
_LONGEST_KEPT = 2000


class Severity(str, Enum):
    """What follows from a finding."""

    ERROR = "error"
    """It is refused until this is fixed."""
    UNCHECKED = "unchecked"
    """It could not be checked here; the badge may be a lesser one."""
    LOOK = "look"
    """A person should look."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        severity: what follows from it.
        code: the check, in a word or two with hyphens.
        path: the file or folder, below the folder of submissions.
        line: of the file, counted from 1; ``None`` for the whole of it.
        message: what was expected, what was found, what to do.
    """

    severity: Severity
    code: str
    path: str
    line: int | None
    message: str

    @property
    def place(self) -> str:
        """File and line, as editors take them."""
        return self.path if self.line is None else f"{self.path}:{self.line}"


class Collector:
    """The findings about one submission, as they come.

    Attributes:
        folder: of the submission, as findings call it.
        failed: whether any is an error.
        places: where the metadata says what, once it is read.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.failed = False
        self.places: Places | None = None
        self._kept: list[Finding] = []
        self._counts: Counter[tuple[str, str, Severity]] = Counter()

    def take(self, finding: Finding) -> None:
        """Take a finding, or count it where there are many of its kind."""
        self.failed |= finding.severity is Severity.ERROR
        kind = (finding.path, finding.code, finding.severity)
        self._counts[kind] += 1
        if self._counts[kind] <= MOST_KEPT:
            self._kept.append(finding)

    def add(
        self, severity: Severity, code: str, name: str, message: str, line: int | None = None
    ) -> None:
        """Take a finding about the file *name* of the submission."""
        place = f"{self.folder}/{name}"
        self.take(Finding(severity, code, place, line, message[:_LONGEST_KEPT]))

    def error(self, code: str, name: str, message: str, line: int | None = None) -> None:
        """Take an error about the file *name* of the submission."""
        self.add(Severity.ERROR, code, name, message, line)

    def claim(self, code: str, message: str, place: str | Place | None = None) -> None:
        """Take an error about what the metadata says at *place*; as text, with dots between."""
        where = tuple(place.split(".")) if isinstance(place, str) else place
        line = self.places.line(*where) if self.places and where is not None else None
        self.error(code, SUBMISSION, message, line)

    def all(self) -> tuple[Finding, ...]:
        """All of them, and how many more there were of a kind."""
        more = (
            Finding(severity, code, path, None, f"and {count - MOST_KEPT} more like it")
            for (path, code, severity), count in self._counts.items()
            if count > MOST_KEPT
        )
        return (*self._kept, *more)


def plain(text: str) -> str:
    """Return hostile *text* for one line of a terminal or a comment: no control, not endless."""
    shown = "".join(
        f"\\u{ord(char):04x}" if is_hidden(char) else char for char in text[: 2 * _LONGEST]
    )
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."


def fewer(findings: Iterable[Finding], most: int = MOST_OF_A_KIND) -> list[Finding]:
    """The first *most* findings of each file and kind, with a count of the rest; sorted."""
    kept: list[Finding] = []
    seen: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], Finding] = {}
    for finding in sorted(findings, key=lambda f: (f.path, f.code, f.line or 0, f.message)):
        kind = (finding.path, finding.code)
        seen[kind] += 1
        if seen[kind] <= most:
            kept.append(finding)
        last[kind] = finding
    kept += [
        replace(last[kind], line=None, message=f"and {count - most} more like it")
        for kind, count in seen.items()
        if count > most
    ]
    order = list(Severity)
    return sorted(
        kept, key=lambda f: (f.path, order.index(f.severity), f.code, f.line or 10**9, f.message)
    )


def as_text(findings: Sequence[Finding]) -> str:
    """The findings for a terminal, a line each."""
    return "\n".join(
        f"{plain(f.place)}: {f.severity.value} ({f.code}): {plain(f.message)}" for f in findings
    )


def as_markdown(findings: Sequence[Finding]) -> str:
    """The findings for a comment; whatever they quote is shown, never rendered."""
    if not findings:
        return "No findings.\n"
    lines = ["| what | where | |", "| --- | --- | --- |"]
    lines += [
        f"| {f.severity.value}: {f.code} | {code(f.place)} | {code(f.message)} |" for f in findings
    ]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """*text* as a code span of Markdown that stays within its cell."""
    return "`" + plain(text).replace("`", "'").replace("|", "\N{BROKEN BAR}") + "`"


def dumps(value: object) -> str:
    """JSON that any terminal can show."""
    return json.dumps(value, indent=2, default=str)
