"""Which part of a response is its answer, and which is reasoning, by the table of ``marks``.

Every step takes time linear in the length of the response.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from itr_bench.answers.marks import MARKS, WORDS, Kind, Marks

Span = tuple[int, int]
"""Start and end of a part of a text, in characters."""

_CHANNELS = [marks for marks in MARKS if marks.kind is not Kind.ANSWER]
_BY_OPENING = {marks.opening.lower(): marks for marks in _CHANNELS}
_BY_CLOSING = {
    closing: tuple(marks for marks in _CHANNELS if marks.closing.lower() == closing)
    for closing in {marks.closing.lower() for marks in _CHANNELS} - {""}
}
_KNOWN = {*_BY_OPENING, *_BY_CLOSING}

# Marks of a family that no row names, by their shape: brackets around a name of thinking.
_NAME = (
    r"[\w:.|/-]{0,24}?(?:think|thought|reason|analys|reflect|scratchpad|rationale|monolog|pārdom"
    r"|(?<![a-z])(?:cot|plan|draft|observe)(?![a-z]))"
    r"[\w:.|/-]{0,24}"
)
_OPENING_BRACKETS, _CLOSING_BRACKETS = "<[{◁《【⟨〈", ">]}▷》】⟩〉"
_BRACKET = re.compile(f"[{re.escape(_OPENING_BRACKETS)}]")
_SHAPES = "|".join(
    rf"{re.escape(opening)}{_NAME}\s{{0,4}}{re.escape(closing)}"
    for opening, closing in zip(_OPENING_BRACKETS, _CLOSING_BRACKETS, strict=True)
)
_CLOSES = re.compile(r"/|(?<![a-z])(?:end|close|stop|finish|suffix)(?![a-z])")
_LITERALS = "|".join(re.escape(mark) for mark in sorted(_KNOWN, key=len, reverse=True))
_MARK = re.compile(rf"{_LITERALS}|<unused\d{{1,4}}>(?:\s?thought)?|{_SHAPES}", re.IGNORECASE)

_BY_WORDS = {words.opening: words for words in WORDS}
_WORDS = re.compile(
    r"\s*(?:<\|start\|>)?(?:assistant\s{0,4})?("
    + "|".join(re.escape(words.opening) for words in WORDS)
    + ")"
)
_GOES_ON = re.compile(r"[a-z\s:,.–—-]|$")  # "analysis of the image" is prose


def drop_reasoning(text: str) -> str:
    """Return *text* without reasoning, channels that are not final and other people's turns."""
    if _BRACKET.search(text) is None and _WORDS.match(text) is None:  # nearly always
        return text
    kept = kept_spans(text)
    return text if kept == [(0, len(text))] else "".join(text[start:end] for start, end in kept)


def kept_spans(text: str) -> list[Span]:
    """The parts of *text* that are left without reasoning, in order; ``marks`` says why."""
    begin, end = _without_words(text)
    answer = _Answer(begin)
    for mark in _marks_of(text, begin, end):
        if mark.closes:
            answer.close(mark)
        elif mark.kind is Kind.TURN:
            start = mark.start if answer.start is None else answer.start
            if not answer.thought and (answer.kept or text[start : mark.start].strip()):
                end = mark.start
                break
        else:
            answer.open(mark)
    return answer.parts(end)


@dataclass(frozen=True)
class _Mark:
    """A mark where it stands in a text, with the rows of the table that it is of."""

    start: int
    end: int
    closes: bool
    rows: tuple[Marks, ...] = ()

    @property
    def kind(self) -> Kind:
        return self.rows[0].kind if self.rows else Kind.REASONING


@dataclass
class _Answer:
    """What has been kept of a text that is being read.

    Attributes:
        start: of what is being kept; ``None`` within reasoning and after a final channel.
        kept: the parts before it.
        final: the final channel that was opened.
        thought: what opened the reasoning; ``True`` where no row of the table names it.
    """

    start: int | None
    kept: list[Span] = field(default_factory=list)
    final: Marks | None = None
    thought: Marks | bool = False

    def open(self, mark: _Mark) -> None:
        if mark.kind is Kind.FINAL:
            self.kept, self.start, self.final, self.thought = [], mark.end, mark.rows[0], False
        elif not self.thought:
            if self.start is not None:
                self.kept.append((self.start, mark.start))
            self.start, self.thought = None, mark.rows[0] if mark.rows else True

    def close(self, mark: _Mark) -> None:
        is_of_thought = not mark.rows or (mark.kind is Kind.REASONING and mark.rows[0].alone)
        if self.thought:
            if is_of_thought or self.thought in mark.rows:
                self.start, self.thought = mark.end, False
        elif self.final in mark.rows:
            if self.start is not None:
                self.kept.append((self.start, mark.start))
            self.start = None
        elif self.final is None and is_of_thought:  # what opened it stands in the prompt
            self.kept, self.start = [], mark.end

    def parts(self, end: int) -> list[Span]:
        if self.thought:
            return []
        return self.kept if self.start is None else [*self.kept, (self.start, end)]


def marks_by_shape(text: str) -> set[str]:
    """The marks of reasoning in *text* that no row of the table names, in lower case."""
    marks = _marks_of(text, 0, len(text))
    return {text[mark.start : mark.end].lower() for mark in marks if not mark.rows}


def _without_words(text: str) -> Span:
    """The part of *text* that follows reasoning in words; all of it where it begins otherwise."""
    found = _WORDS.match(text)
    if found is None:
        return 0, len(text)
    words = _BY_WORDS[found.group(1)]
    begin = found.end()
    if words.kind is Kind.REASONING:
        end = text.rfind(words.closing, begin) if words.closing else -1
        if end >= 0:
            begin = end + len(words.closing)
        elif words.glued and _GOES_ON.match(text, begin):
            return 0, len(text)
        else:
            return len(text), len(text)
    elif _GOES_ON.match(text, begin):
        return 0, len(text)
    ends = {row.closing for row in WORDS if row.kind is Kind.FINAL and row.family == words.family}
    closing = max(ends, default="")
    end = text.rfind(closing, begin) if closing else -1
    return begin, end if end >= 0 else len(text)


def _marks_of(text: str, begin: int, end: int) -> Iterator[_Mark]:
    """Each mark between *begin* and *end*.

    A mark in brackets other than ``<`` that is not written as in the table counts only with a
    slash, or where one with a slash follows, for prose has brackets too: ``[thinking]``. Of
    reserved tokens that no row names, one opens where *thought* follows, and any closes what such
    a one opened.
    """
    found = list(_MARK.finditer(text, begin, end))
    slashed = [mark.start() for mark in found if mark.group()[0] != "<" and "/" in mark.group()]
    is_in_reserved = False
    for mark in found:
        name = mark.group().lower()
        start, stop = mark.span()
        if name.startswith("<unused"):
            name = name.removesuffix("thought").rstrip()
            is_opening = name != mark.group().lower() and name not in _BY_CLOSING
            if name not in _KNOWN:
                if is_opening or is_in_reserved:
                    yield _Mark(start, stop, not is_opening)
                is_in_reserved = is_opening
                continue
        if name in _BY_OPENING and (name[0] == "<" or mark.group() == _BY_OPENING[name].opening):
            yield _Mark(start, stop, False, (_BY_OPENING[name],))
        elif name in _BY_CLOSING:
            yield _Mark(start, stop, True, _BY_CLOSING[name])
        elif _CLOSES.search(name):
            yield _Mark(start, stop, True)
        elif name[0] == "<" or (slashed and start < slashed[-1]):
            yield _Mark(start, stop, False)
