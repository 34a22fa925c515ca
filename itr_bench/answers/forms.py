"""Forms of responses that no parser knows yet, so that a run says that its figures may be wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from itr_bench.answers.marks import MARKS
from itr_bench.answers.reasoning import marks_by_shape
from itr_bench.answers.text import visible
from itr_bench.relation import Answer

_LEAST = 3
_SHARE = 0.01
_WORDS = 3
_TAG = re.compile(r"<(/?)([a-z][\w:.|-]{1,30})>|<\|(begin|start|end)_(?:of_)?([\w-]{2,30})\|>")
_KNOWN = frozenset(mark.lower() for marks in MARKS for mark in (marks.opening, marks.closing))
_HTML = re.compile(
    r"br|hr|em|strong|[uo]l|li|div|span|code|pre|table|t(?:head|body|[rdh])|su[bp]|small|html|body"
    r"|img|h[1-6]|output"
)


def new_forms(read: Iterable[tuple[str | None, Answer]]) -> tuple[str, ...]:
    """Say which new forms responses have, a sentence each.

    Args:
        read: responses of one run, each with the answer that was read.

    Returns:
        Each unknown pair of marks, and each beginning that more than 1 % of the responses share
        that are unparseable, at least three.
    """
    pairs: Counter[str] = Counter()
    beginnings: Counter[str] = Counter()
    total = 0
    for response, answer in read:
        total += 1
        if response is None:
            continue
        pairs.update(_unknown_pairs(response))
        if answer is Answer.NONE:
            beginnings[" ".join(visible(response[:200]).casefold().split()[:_WORDS])] += 1
    least = max(_LEAST, int(_SHARE * total) + 1)
    return (
        *(
            f"{count} of {total} responses hold marks that no parser knows by name, {pair}"
            for pair, count in pairs.most_common()
        ),
        *(
            f"{count} of {total} responses are unparseable and begin alike, {beginning!r:.60}"
            for beginning, count in beginnings.most_common()
            if beginning and count >= least
        ),
    )


def _unknown_pairs(response: str) -> set[str]:
    """The pairs of marks in *response* that no table has, each as ``opening…closing``."""
    if "<" not in response and "[/" not in response and "/" not in response:
        return set()
    text = visible(response).lower()
    marks = marks_by_shape(text)
    opened: dict[str, str] = {}
    closed: dict[str, str] = {}
    for tag in _TAG.finditer(text):
        if tag.group() in _KNOWN or (tag[2] and _HTML.fullmatch(tag[2])):
            continue
        closes = tag[1] == "/" or tag[3] == "end"
        (closed if closes else opened).setdefault(tag[2] or tag[4], tag.group())
    found = {f"{opened[name]}…{closed[name]}" for name in opened.keys() & closed.keys()}
    rest = {mark for mark in marks if not any(mark in pair for pair in found)}
    return found | ({"…".join(sorted(rest))} if rest else set())
