"""How a response was read: what was dropped, which words decided, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass

from itr_bench.answers.parser import EDGE, FAILED, Reading, decide
from itr_bench.answers.reasoning import Span, kept_spans
from itr_bench.answers.text import cleared, is_failure, visible


@dataclass(frozen=True)
class Explanation:
    """How one response was read by ``yes-no``.

    Attributes:
        reading: the answer and the rule that decided.
        text: the response without invisible signs.
        dropped: the parts of *text* that are no answer, in order.
        decided: the part of *text* that decided; ``None`` where none did, or where the words that
            did do not stand in it as they were read: ``true`` is read as *yes*.
        words: the words that decided, as they were read; empty where none did.
    """

    reading: Reading
    text: str
    dropped: tuple[Span, ...] = ()
    decided: Span | None = None
    words: str = ""


def explain(response: str | None, language: str) -> Explanation:
    """Say how :func:`itr_bench.answers.read_answer` reads *response*."""
    if response is None or is_failure(response):
        return Explanation(FAILED, response or "")
    text = visible(response)
    kept = kept_spans(text)
    ends = [0, *(place for span in kept for place in span), len(text)]
    dropped = tuple(
        (start, end) for start, end in zip(ends[::2], ends[1::2], strict=True) if start < end
    )
    read = cleared(response)
    reading, place = decide(read, language)
    words = read[slice(*place)].strip(EDGE)
    if not words:
        return Explanation(reading, text, dropped)
    lowered = text.lower()
    found = (
        (at, at + len(words))
        for start, end in kept
        if len(lowered) == len(text) and (at := lowered.find(words, start, end)) >= 0
    )
    return Explanation(reading, text, dropped, next(found, None), words)
