"""The answers to both questions in one response, separated by rule; the first that decides.

========== ===================================================================================
numbered   a 1 and a 2, each once, in this order and without a 3, stand before what they mark; or
           the response is two words with their numbers in brackets, as in "Yes (1), No (2)"
named      *add...* and *represent...*, each once with a colon or question mark, mark it, also where
           numbers stand before
in order   exactly two lines, or else two sentences, begin with a yes or no: each answers the
           question that it names, else the first is *adds*; or the response is two such words, as
           in "Yes and no"; or one word for both, as in "Yes to both"
none       everything else: one answer, three answers, other numbers, a choice ("Yes or No") or a
           question ("Yes?"), a name in the negative ("does not add: yes"), two answers on one
           question
========== ===================================================================================

Each part is read by the rules of ``yes-no``. Of a part that they cannot read, the question is
unparseable, and the other one is not.
"""

from __future__ import annotations

import re

from itr_bench.answers import text as clear
from itr_bench.answers.asked import Asked
from itr_bench.answers.parser import (
    EDGE,
    EMPTY,
    EXPLANATION,
    FAILED,
    UNPARSEABLE,
    Reading,
    Rule,
    after_marker,
    marker_span,
    read_answer,
    read_leading,
)
from itr_bench.relation import Answer, Question

_PAIR = tuple[Answer, Answer]

_NUMBER = re.compile(
    r"(?<![\w.,])(?:(?:question|answer|q|a)[\s#]{0,3})?\(?([1-9])[*_\"'`]{0,4}"
    r"(?:\)?[.:)](?!\d)|\s-{1,2}\s|\s{1,4}is(?!\w))"
)
_NAME = re.compile(
    r"(?<!\w)(add(?:s|ing|ition)?|represent(?:ed|s|ation)?)\b[^:?\n.;]{0,40}[:?][*_\"'`]{0,4}"
)
_WORD = r"(yes|no|jā|nē)"
_TRAILING = re.compile(
    rf"{_WORD}\s*\(([12])\)\s*[,;.]?\s*(?:(?:and|un)\s+)?{_WORD}\s*\(([12])[).]*"
)
_NAMES = re.compile(r"(?<!\w)(?<!in )(add(?:s|ed|ing|itional)?|represent(?:ed|s|ing|ation)?)(?!\w)")
_DENIED = re.compile(
    r"(?<!\w)(?:not|nothing|never|neither|nor|none|cannot|without|hardly|fails?|lacks?|if|whether"
    r"|or|could|might|may|maybe|wrong|false|incorrect|un(?:sure|clear|certain)|ne|nav)(?!\w)"
    r"|n['’]t(?!\w)"
)
_TWO = re.compile(
    rf"(?:^|:\s*){_WORD}(?:\s*[,;.]\s*|\s+|\s*&\s*)(?:(?:and|then|un)\s+)?{_WORD}(?=[.;,!\n](?!\s*(?:or|and|maybe)(?!\w))|$)"
)
_TO_BOTH = re.compile(
    rf"(?:{_WORD}\s+(?:to|for)\s+both|both(?:\s+(?:answers|questions))?(?:\s+(?:are|is))?\s*:?\s*{_WORD})"
    r"(?!\w)"
)
_ANY = re.compile(rf"(?<!\w){_WORD}(?!\w)")
_QUESTIONED = re.compile(rf"(?<!\w){_WORD}[*_\"'`”’]*\?")
_MARKUP = re.compile(r"[*_\"'`“”„‟‘’«»]+")
_BOTH = re.compile(r"(?<!\w)(?:(?:to|for|of)\s+both|both)(?!\w)")
_END = re.compile(r"[.;!?\n]|\Z")
_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+")
_HEADING = 3  # words at most
_ANSWERS = {"yes": Answer.YES, "jā": Answer.YES, "no": Answer.NO, "nē": Answer.NO}


def read_both(response: str | None, language: str, asked: Asked) -> Reading:
    """Read the answer to the question that is *asked*, of a response to both.

    Args:
        response: the text as generated; ``None`` where a framework gave none.
        language: ``"en"`` or ``"lv"``.
        asked: which of the two questions, *adds* being the first.
    """
    if response is None or clear.is_failure(response):
        return FAILED
    text = clear.cleared(response)
    if not text.strip(EDGE):
        return EMPTY
    found = _pair(text, language)
    if found is None:
        return UNPARSEABLE
    answers, rule = found
    answer = answers[0 if asked.question is Question.ADDS else 1]
    return UNPARSEABLE if answer is Answer.NONE else Reading(answer, rule)


def _pair(text: str, language: str) -> tuple[_PAIR, Rule] | None:
    """The answers to *adds* and *represented*, and the rule that told them apart.

    Those after a final marker come first, then those anywhere, and those of an explanation last.
    """
    explanation = EXPLANATION.search(text)
    short = text[: explanation.start()] if explanation else text
    found = None
    final = after_marker(text) if "final answer:" in text else None
    if final is not None:
        found = _pair_in(final, final, language)
    if found is None:
        found = _pair_in(text, short, language)
    if found is None and explanation is not None and not short.strip(EDGE):
        place = marker_span(text, is_last=True)
        found = place and _pair_in(text[slice(*place)], text[slice(*place)], language)
    return found


def _pair_in(text: str, short: str, language: str) -> tuple[_PAIR, Rule] | None:
    """The answers in *text*, *short* being that without explanation."""
    if _denies_a_name(short):
        return None
    for piece in dict.fromkeys((text, short)):
        for rule, marks in ((Rule.NUMBERED, _numbered), (Rule.NAMED, _named)):
            parts = marks(piece)
            if parts is None:
                continue
            adds, represented = (_read(read_answer(part, language).answer) for part in parts)
            # "1. Image adds: Yes 2. Text represented: No" is read by the names.
            if rule is Rule.NAMED or Answer.NONE is not adds or Answer.NONE is not represented:
                return (adds, represented), rule
    if _NUMBER.search(short):  # of one, or of more than two
        return None
    if _QUESTIONED.search(short):
        return None
    marked = after_marker(short)
    in_order = _in_order(short if marked is None else marked)
    return None if in_order is None else (in_order, Rule.IN_ORDER)


def _read(answer: Answer) -> Answer:
    return Answer.NONE if answer is Answer.FAILED else answer


def _numbered(text: str) -> tuple[str, str] | None:
    marks = list(_NUMBER.finditer(text))
    if [mark.group(1) for mark in marks] != ["1", "2"]:
        return _trailing(text)
    if _ANY.search(text, 0, marks[0].start()):  # what the numbers mark may stand before them
        return _trailing(text)
    parts = text[marks[0].end() : marks[1].start()], text[marks[1].end() :]
    crossed = _names(parts[0]) == {"represented"} and _names(parts[1]) == {"adds"}
    return None if crossed else parts


def _trailing(text: str) -> tuple[str, str] | None:
    """The words of "Yes (1), No (2)", in either order."""
    found = _TRAILING.fullmatch(_MARKUP.sub("", text).strip())
    if found is None:
        return None
    first, number, second, other = found.groups()
    if number == other:
        return None
    return (first, second) if number == "1" else (second, first)


def _names(text: str) -> set[str]:
    """Which questions *text* names."""
    return {"adds" if name.startswith("add") else "represented" for name in _NAMES.findall(text)}


def _denies_a_name(text: str) -> bool:
    """Whether a name that marks an answer is in the negative, as in "does not add: yes"."""
    start = 0
    for mark in _NAME.finditer(text):
        label = max(start, *(text.rfind(end, start, mark.start()) for end in "\n;.?!:"))
        if _DENIED.search(text, label, mark.end()):
            return True
        start = mark.end()
    return False


def _named(text: str) -> tuple[str, str] | None:
    marks = list(_NAME.finditer(text))
    names = ["adds" if mark.group(1).startswith("add") else "represented" for mark in marks]
    if sorted(names) != ["adds", "represented"] or _ANY.search(text, 0, marks[0].start()):
        return None
    first = text[marks[0].end() : marks[1].start()]
    # What leads up to the second name, such as "text", is no part of the first answer.
    cut = max(first.rfind(end) for end in "\n;,.")
    parts = {names[0]: first[:cut] if cut > 0 else first, names[1]: text[marks[1].end() :]}
    return parts["adds"], parts["represented"]


def _in_order(text: str) -> _PAIR | None:
    plain = _MARKUP.sub("", text).strip(EDGE)
    words = [_ANSWERS[word] for word in _ANY.findall(plain)]
    if _BOTH.search(plain):
        return (words[0], words[0]) if len(words) == 1 and _to_both(plain) else None
    lines = [line for line in text.splitlines() if line.strip(EDGE)]
    for units in (lines, [one for line in lines for one in _SENTENCE_END.split(line)]):
        leading = [read_leading(unit) if _ANY.search(unit) else None for unit in units]
        places = [place for place, answer in enumerate(leading) if answer is not None]
        if len(places) == 2:
            first, second = leading[places[0]], leading[places[1]]
            assert first is not None and second is not None
            return _by_name((first, second), units, places)
        if len(places) > 2:
            return None
    two = _TWO.search(plain)
    if two is None or len(words) != 2:
        return None
    before = plain[: two.start(1)]
    named = [name[:3] for name in _NAMES.findall(before)]
    if named not in ([], ["add", "rep"]) or _DENIED.search(before):
        return None
    return _ANSWERS[two.group(1)], _ANSWERS[two.group(2)]


def _by_name(answers: _PAIR, units: list[str], places: list[int]) -> _PAIR | None:
    """Two answers, each to the question that it names, else in order."""
    first = _about(units, 0, places[0], places[1])
    second = _about(units, places[0] + 1, places[1], len(units))
    if len(first) > 1 or len(second) > 1:
        return None
    if first == {"represented"}:
        return (answers[1], answers[0]) if second == {"adds"} else None
    if second == {"adds"}:
        return None
    # "No. No, the text is not represented." may say one thing twice.
    if not first and second and answers[0] is answers[1]:
        return None
    return answers


def _about(units: list[str], start: int, place: int, end: int) -> set[str]:
    """The questions named by the answer at *place*, or asked or headed from *start* up to it.

    Where it names none, what follows it up to *end* counts.
    """
    asked = [unit for unit in units[start:place] if "?" in unit or len(unit.split()) <= _HEADING]
    named = _names(_SENTENCE_END.split(units[place].strip(), maxsplit=1)[0])
    if not named:
        named = _names(" ".join(unit for unit in units[place:end] if "?" not in unit))
    return named | _names(" ".join(asked))


def _to_both(plain: str) -> bool:
    """Whether a sentence says one word to both questions, and neither denies nor asks it."""
    found = _TO_BOTH.search(plain)
    if found is None:
        return False
    start = max(plain.rfind(end, 0, found.start()) for end in ".;!?\n") + 1
    end = _END.search(plain, found.end())
    assert end is not None
    return end.group() != "?" and not _DENIED.search(plain, start, end.start())
