"""Answers to a question that is asked in the negative, turned round.

*Is it the case that the image does not add to the text meaning?* By the convention of this module,
*yes* says that it does not add, and *no* that it does. Some say *no* to agree with the negative
("No, the text is not represented"). Where any part of the response says in words the opposite of
the turned answer, the response is unread; a bare *yes* or *no* is taken by the convention.
"""

from __future__ import annotations

import re

from itr_bench.answers import text as clear
from itr_bench.answers.likelihood import read_likelihood
from itr_bench.answers.parser import UNREAD, Reading, read_answer
from itr_bench.relation import Answer

_TURNED = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}

_SHOWN = r"(?:represented|reflected|shown|depicted|displayed|illustrated|visible|seen|present)"
_NAME = (
    r"(?:add(?:s|ed|ing)?|contribut(?:es?|ing)|represent(?:s|ing|ation)?|provides?"
    rf"|{_SHOWN})(?!\w)"
)
_NEGATION = (
    r"(?:(?<!\w)(?:not|never|nor|neither|cannot|nothing|nowhere|none|hardly|fails?|without)|n['’]t"
    r"|(?<=[a-z] )no)(?!\w)"
)
_FEW_WORDS = r"(?:\s+[^\W\d_]+){0,5}?\s+"
_DENIES = re.compile(
    rf"{_NEGATION}{_FEW_WORDS}{_NAME}|(?<!\w)(?:adds?|adding)\s+(?:\w+\s+)?(?:nothing|no)(?!\w)"
    r"|(?<!\w)(?:it|this|that|they)\s+(?:(?:does|is|do|are)\s+not|(?:does|is|do|are)n['’]t)\s*"
    r"(?=[.,;!\n]|$)"
)
_AFFIRMS = re.compile(
    r"(?<!\w)(?:image|picture|photo|it)\s+(?:\w+ly\s+|does\s+|also\s+)?"
    r"(?:adds?|contributes?|provides?|represents?|is\s+adding)"
    r"(?!\w)(?!\s+(?:\w+\s+)?(?:nothing|no)(?!\w))"
    rf"|(?<!\w)(?:text|it)\s+(?:is|are)\s+(?:\w+ly\s+|also\s+)?{_SHOWN}(?!\w)"
    r"|(?<!\w)(?:it|this|that|they)\s+(?:does|is|do|are)\s*(?=[.,;!\n]|$)"
)
_NOT_THE_CASE = re.compile(r"(?:not|n['’]t)\s+the\s+case[^.,;!\n]*")


def turned(reading: Reading) -> Reading:
    """*reading* with yes for no and no for yes; unread and failed stay."""
    return Reading(_TURNED.get(reading.answer, reading.answer), reading.rule)


def read_negated(response: str | None, language: str = "en") -> Reading:
    """Read as :func:`itr_bench.answers.read_answer` does, and turn the answer round.

    Unread where other words of the response say the opposite of the turned answer.
    """
    reading = read_answer(response, language)
    if response is None or reading.answer not in _TURNED:
        return reading
    opposite = _DENIES if reading.answer is Answer.NO else _AFFIRMS
    said = _NOT_THE_CASE.sub(" ", clear.cleared(response))
    return UNREAD if opposite.search(said) else turned(reading)


def read_negated_likelihood(response: str | None, language: str = "en") -> Reading:
    """Read as a likelihood, and turn the answer round."""
    return turned(read_likelihood(response, language))
