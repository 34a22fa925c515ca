"""Where the values of a JSON text stand, and what readers of JSON pass over in silence."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from itr_bench.leaderboard.characters import first_hidden

Place = tuple[str | int, ...]
"""The names and numbers that lead to a value, from the outermost object."""

DEEPEST = 32
"""Nothing of ours is nested deeper than 6."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True)
class Fault:
    """Something that stands in a text and should not.

    Attributes:
        line: counted from 1.
    """

    place: Place
    line: int
    message: str


@dataclass(frozen=True)
class Places:
    """Where the values of a text stand.

    Attributes:
        lines: line of each value, counted from 1; of a member, the line of its name.
        faults: what stands twice, is no number, is hidden, or nested too deep.
    """

    lines: Mapping[Place, int]
    faults: tuple[Fault, ...]

    def line(self, *place: str | int) -> int | None:
        """The line of the value at *place*, or of the nearest value around it that is there."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None


@dataclass
class _Open:
    """An object or an array that is being read."""

    place: Place
    names: set[str] | None
    """Of an object, so far; an array has none."""
    name: str | None = None
    """Whose value comes next."""
    count: int = 0

    def next(self) -> Place:
        """The place of the value that comes next."""
        return (*self.place, self.count if self.name is None else self.name)


@dataclass
class _Reader:
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)

    def take(self, token: str, line: int) -> None:
        top = self.stack[-1] if self.stack else None
        if token in "}]":
            self.stack.pop()
        elif token == ",":
            assert top is not None
            top.name = None
            top.count += 1
        elif top is not None and top.names is not None and top.name is None:
            self._name(token, line, top, top.names)
        elif token != ":":
            self._value(token, line, top.next() if top else ())

    def _name(self, token: str, line: int, top: _Open, names: set[str]) -> None:
        top.name = json.loads(token)
        place = top.next()
        if top.name in names:
            self.faults.append(Fault(place, line, "stands twice in one object"))
        names.add(str(top.name))
        self.lines[place] = line
        self._hidden(token, line, place)

    def _value(self, token: str, line: int, place: Place) -> None:
        self.lines.setdefault(place, line)
        if token in "{[":
            self.stack.append(_Open(place, set() if token == "{" else None))
            if len(self.stack) == DEEPEST + 1:
                self.faults.append(Fault(place, line, f"nested deeper than {DEEPEST} levels"))
        elif token[0] == '"':
            self._hidden(token, line, place)
        elif token not in ("true", "false", "null") and not math.isfinite(float(token)):
            self.faults.append(Fault(place, line, f"{token:.40} is no number that can be kept"))

    def _hidden(self, token: str, line: int, place: Place) -> None:
        char = first_hidden(json.loads(token), allowed="\t\n\r")
        if char is not None:
            said = f"the character U+{ord(char):04X}, which cannot be shown"
            self.faults.append(Fault(place, line, said))


def read_places(text: str) -> Places:
    """Find the places in *text*.

    Args:
        text: JSON that some reader has taken; names that stand twice, NaN and Infinity may be
            in it.
    """
    reader = _Reader()
    line, last = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", last, token.start())
        last = token.start()
        reader.take(token.group(), line)
        if len(reader.stack) > DEEPEST:
            break
    return Places(reader.lines, tuple(reader.faults))
