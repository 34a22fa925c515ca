"""Quotations of a tweet in a response: found, and masked so that the answer stays the same.

A quotation is eight or more consecutive words of the tweet. Two texts say the same words when
their letters and digits are the same in order, after NFKD and case folding, without marks: what
stands between (punctuation, markdown, line breaks, invisible characters, nothing) does not count,
nor do diacritics. So whatever quotes by ``\\w+`` after NFKC and case folding quotes here.
"""

from __future__ import annotations

import functools
import html
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from itr_bench.errors import ItrBenchError

LEAST = 8
"""So many consecutive words are a quotation."""

SIGN = "▮"
"""Stands for a masked word, and counts as one, so that masking makes no new neighbours."""

_LETTER = "x"  # for words that must stay words for the parser
_ANSWERS = frozenset({"yes", "y", "ja", "no", "n", "ne"})  # those of the parser, folded

Span = tuple[int, int]


class QuotationError(ItrBenchError):
    """A quotation cannot be masked without changing the answer."""


class _Folded(dict[int, str]):
    """By code point: its letters and digits, decomposed and in folded case, without marks."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", chr(code)).casefold()
        letters = (c for c in unicodedata.normalize("NFKD", decomposed) if c.isalnum())
        self[code] = "".join(letters)
        return self[code]


_FOLDED = _Folded({ord(SIGN): SIGN})


def folded(text: str) -> str:
    """The letters and digits of *text*, decomposed and in folded case, without marks."""
    return text.translate(_FOLDED)


def quotations(response: str, texts: Sequence[str]) -> list[Span]:
    """Where *response* quotes any of *texts*.

    Args:
        texts: a tweet's text in all its forms: raw, and without links.

    Returns:
        Spans ``(start, end)`` of *response* from the first letter of a quotation to its last,
        each as long as it can be, in order, without overlap. Takes time linear in the length of
        the response.
    """
    windows, shortest = _windows(tuple(texts))
    if len(response) < shortest and response.isascii():  # most responses
        return []
    letters = folded(response)
    if len(letters) < shortest:
        return []
    present = [window for window in windows if window in letters]
    if not present:
        return []
    origin = [place for place, char in enumerate(response) for _ in _FOLDED[ord(char)]]
    found = sorted(
        (start, start + len(window))
        for window in present
        for start in _occurrences(window, letters)
        if _is_edge(origin, start) and _is_edge(origin, start + len(window))
    )
    merged: list[Span] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return [(origin[start], _with_marks(response, origin[end - 1] + 1)) for start, end in merged]


@functools.lru_cache(maxsize=16384)
def _windows(texts: tuple[str, ...]) -> tuple[frozenset[str], float]:
    """All runs of :data:`LEAST` consecutive words of *texts*, as their letters in a row.

    A text counts as it stands and with ``&amp;`` as ``&``, as models write it. The second value
    is the length of the shortest run, infinite where there is none.
    """
    found: set[str] = set()
    for text in {form for given in texts for form in (given, html.unescape(given))}:
        words = [text[start:end].translate(_FOLDED) for start, end in _words(text, 0, len(text))]
        for first in range(len(words) - LEAST + 1):
            found.add("".join(words[first : first + LEAST]))
    return frozenset(found), min(map(len, found), default=math.inf)


def _words(text: str, start: int, end: int) -> Iterator[Span]:
    """The words between *start* and *end*: letters and digits with marks among and after them."""
    place = start
    while place < end:
        first = place
        while place < end and (
            _FOLDED[ord(text[place])] or (place > first and _is_invisible(text[place]))
        ):
            place += 1
        if place > first:
            yield first, place
        place += 1


def _is_invisible(char: str) -> bool:
    """Whether *char* stands within a word: a combining mark, a zero width, a soft hyphen."""
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")


def _with_marks(text: str, end: int) -> int:
    while end < len(text) and unicodedata.category(text[end])[0] == "M":
        end += 1
    return end


def _occurrences(window: str, folded: str) -> Iterator[int]:
    start = folded.find(window)
    while start >= 0:
        yield start
        start = folded.find(window, start + 1)


def _is_edge(origin: Sequence[int], place: int) -> bool:
    """Whether a word may begin or end before letter *place*: anything else stands there."""
    return place in (0, len(origin)) or origin[place] - origin[place - 1] != 1


# Masking


def masked(response: str, texts: Sequence[str], read: Callable[[str], object]) -> str:
    """Return *response* with its quotations of *texts* masked, and nothing else changed.

    The first way that keeps what is read: a sign for each word; the same, with *yes* and *no*
    left; letters in the place of the sign, since a parser may skip signs like punctuation, with
    and without *yes* and *no*; at last, all words but those on which the answer depends.

    Args:
        texts: as in :func:`quotations`.
        read: what is read from a response, such as its answer; it stays equal.

    Raises:
        QuotationError: no way keeps the answer and leaves no quotation.
    """
    spans = quotations(response, texts)
    if not spans:
        return response
    answer = read(response)
    words = [word for start, end in spans for word in _words(response, start, end)]

    def keeps(candidate: str) -> bool:
        return read(candidate) == answer

    for candidate in _candidates(response, words, keeps):
        if keeps(candidate) and not quotations(candidate, texts):
            return candidate
    raise QuotationError(
        f"a quotation of the tweet cannot be masked without changing the answer, {answer!r}; "
        "please report it, by tweet id and sample"
    )


def _candidates(
    response: str, words: Sequence[Span], keeps: Callable[[str], bool]
) -> Iterator[str]:
    other = [word for word in words if response[slice(*word)].translate(_FOLDED) not in _ANSWERS]
    for sign in (_as_sign, _as_letters):
        for chosen in (words, other):
            yield _put(response, {word: sign(response[slice(*word)]) for word in chosen})
    put: dict[Span, str] = {}
    for sign in (_as_sign, _as_letters):
        _settle(response, [word for word in words if word not in put], sign, put, keeps)
    yield _put(response, put)


def _as_sign(_: str) -> str:
    return SIGN


def _as_letters(word: str) -> str:
    return _LETTER * len(word)


def _settle(
    response: str,
    words: Sequence[Span],
    sign: Callable[[str], str],
    put: dict[Span, str],
    keeps: Callable[[str], bool],
) -> None:
    """Add to *put* what of *words* can be masked; by halves, so that few words cost few readings.

    What is masked in *put* already stays so.
    """
    more = {word: sign(response[slice(*word)]) for word in words}
    if keeps(_put(response, {**put, **more})):
        put.update(more)
    elif len(words) > 1:
        half = len(words) // 2
        _settle(response, words[:half], sign, put, keeps)
        _settle(response, words[half:], sign, put, keeps)


def _put(text: str, pieces: Mapping[Span, str]) -> str:
    """Return *text* with what stands at the spans of *pieces* replaced."""
    kept: list[str] = []
    place = 0
    for (start, end), piece in sorted(pieces.items()):
        kept += [text[place:start], piece]
        place = end
    return "".join([*kept, text[place:]])
