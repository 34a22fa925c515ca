"""One response to one of ``yes``, ``no``, ``none`` or ``failed``.

The rules in the order in which they are tried; the first that decides is named in the
result. ``docs/answers.md`` has the same table with examples.

========== ===================================================================================
failed     nothing came: no response, ``None``, ``[LMMS_EVAL_REQUEST_FAILED...]``
empty      nothing is left to read: an empty response, or reasoning that never ended
marker     what follows ``Answer:`` or ``Atbilde:``; the last *final* one if there is one, else
           the first. Final are boxes, tags, JSON fields, ``Final answer:`` and ``Conclusion:``
leading    the response begins with a yes or no
clause     the only yes or no that stands as a clause of its own
none       everything else
========== ===================================================================================

What follows ``EXPLANATION`` or ``Skaidrojums`` counts only where nothing precedes it that could be
read, and then by its last marker alone. A marker within a quotation is the tweet's. In every rule a
*no* that belongs to a phrase (*no text*) is no answer, nor is a word that its opposite follows at
once or after ``or``, ``/``, ``vai``: that is an echo of the choice. *Ja* and *Ne* without their
diacritics count only as the whole answer. In Latvian text *no* ("from") is a preposition unless
punctuation or an English word follows, as in *No, the image* or *No the image*.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

from itr_bench.answers import text as clear
from itr_bench.answers.reasoning import Span
from itr_bench.errors import ScoreError, unknown_name
from itr_bench.relation import Answer

LANGUAGES = ("en", "lv")


class Rule(str, Enum):
    """The rule that decided; those after ``LIKELIER`` are of other parsers than ``yes-no``."""

    FAILED = "failed"
    EMPTY = "empty"
    MARKER = "marker"
    LEADING = "leading"
    CLAUSE = "clause"
    LIKELIER = "likelier"
    NUMBERED = "numbered"
    NAMED = "named"
    IN_ORDER = "in order"
    LETTER = "letter"
    WORDS = "words"
    NONE = "none"


@dataclass(frozen=True)
class Reading:
    """What was read from a response, and by which rule."""

    answer: Answer
    rule: Rule


FAILED = Reading(Answer.FAILED, Rule.FAILED)
EMPTY = Reading(Answer.NONE, Rule.EMPTY)
UNPARSEABLE = Reading(Answer.NONE, Rule.NONE)
_READ = {
    (answer, rule): Reading(answer, rule)
    for answer in (Answer.YES, Answer.NO)
    for rule in (Rule.MARKER, Rule.LEADING, Rule.CLAUSE)
}

_WHOLE = {
    **dict.fromkeys(("yes", "y", "jā", "ja"), Answer.YES),
    **dict.fromkeys(("no", "n", "nē", "ne"), Answer.NO),
}
_STRONG = {"yes": Answer.YES, "jā": Answer.YES, "no": Answer.NO, "nē": Answer.NO}

EDGE = "".join(chr(c) for c in range(128) if not chr(c).isalnum()) + "“”„‟‘’‚‛«»‹›…–—•·、。✅❌"
_NONWORD = re.compile(r"[\W_]*")
EXPLANATION = re.compile(
    r"(?<!\w)(?:explanation|skaidrojums)[\s*_\"'`]{0,8}:"
    r"|(?:^|[\n;*{])[\s*_\"'`{#]{0,8}(?:explanation|skaidrojums)\b"
)
# A conclusion is often a sentence of prose, which decides nothing.
_SAYS_IT = r"(?=[\s*_\"'`]{0,8}:[\s*_\"'`“„({\[$]{0,8}(?:yes|no|jā|nē|ja|ne|y|n)(?!\w))"
_MARKER = re.compile(
    r"(?<!\w)(?:(?P<final>(?:final[\s_*]{1,4}|galīgā\s{1,4}|gala\s{1,4})"
    r"(?:answer|response|atbilde)"
    rf"|(?:conclusion|secinājums|(?<=[*\n])(?:verdict|response)){_SAYS_IT})|answer|atbilde)"
    r"(?:\s{1,4}(?:is|ir))?(?:\s{0,4}\([^()\n]{0,24}\))?[\s*_\"'`]{0,8}:"
    r"|\n[\s*_]{0,4}[#*][#*_ ]{0,6}(?:(?P<heading>final (?:answer|response)|galīgā atbilde"
    r"|conclusion|verdict|response|secinājums)|answer|atbilde)[*_ ]{0,4}\n"
    # "Yes, but wait ... So my final answer is No.": what a model ends with corrects how it began.
    r"|(?<=[.!?,;\n]\s)(?P<stated>(?:so,? |therefore,? )?(?:my|the) final answer is"
    r"|(?:so|therefore|thus|hence),? (?:my|the) answer is"
    r"|(?:tāpēc|tātad|tādēļ),? (?:mana )?atbilde ir)(?=[\s*_\"'`“„]{1,6}(?:yes|no|jā|nē)"
    r"[\s*_\"'`”“]{0,6}(?:[.!\n]|$))"
)
_MARKER_WORDS = ("answer", "atbilde", "response", "conclusion", "verdict", "secinājums")
# A tweet has 280 signs. A quote that a word precedes closes or is an apostrophe.
_QUOTATION = re.compile(
    r"[“„][^“”„\"\n]{1,300}[“”\"]|«[^«»\n]{1,300}»|(?<!\w)\"[^\"\n]{1,300}\"(?!\w)"
    r"|(?<!\w)['‘][^'‘’\n]{1,300}['’](?!\w)"
)
_OF_THE_QUOTATION = re.compile(
    r"\s+(?!is\s+(?:the|my)\s+(?:\w+\s+)?(?:answer|reply|response)(?!\w))(?:is|was|are|were|says?|said|reads?|refers?|means?|appears?|stands?|suggests?|indicates?"
    r"|sounds?|comes?|seems?|in|on|from|by|and|ir|bija)(?!\w)"
)
_QUOTES = re.compile("[\"'“„«‘]")
_LABEL = re.compile(
    r"(?:assistant|asistents|ai|bot|model|response|reply|output|answer|atbilde|a)\b([\W_]+)"
)
_LIST_NUMBER = re.compile(r"\d{1,2}[.)]\s*")
_LEADING = re.compile(r"(yes|no|jā|nē)(?!\w|[-'’]\w)")
_LONE_LETTER = re.compile(r"([yn])[*_\"'`.)\]}]{0,6}[ \t]{0,4}(?=[\n;]|$)")
_CHOICE = re.compile(
    r"(?:\s*\([^()\n]{0,60}\))?[\W\d_]*(?:maybe[\W_]+)?"
    r"(?:(?:or|and|vs|versus|vai|un)\b[\W\d_]*)?(yes|no|jā|nē|ja|ne|y|n)(?!\w)"
)
_JOINED = re.compile(r"[\W\d_]{0,8}(?:/|\b(?:or|and|vs|versus|vai|un)\b)[\W\d_]{0,8}$")
# A bare "no" answers at the end, before punctuation that ends a clause, and before words that
# begin a sentence about it. Anything else makes a phrase of it: "no text", "no “cake”", "no one".
_AFTER_NO = re.compile(
    r"[\W_]*$|[*_\"'`”’»)\]}]*(?:[.,;:!?…—–\n\r]|\s+-{1,3}\s|\s:\s|\s?</|<br)"
    r"|\s[(\[](?:\d{1,3}\s?%|(?:very\s)?(?:high|medium|low)\s|confidence)"
    r"|[\s*_\"'`“”‘’„«»‹›(\[{]+(?:the|this|that|it|its|there|they|these|those|because|since|as|i|we"
    r"|you|he|she|in|but|so|not|and|or|vai|un|yes|no|jā|nē)(?![\w-])"
)
_NUMERO = re.compile(r"(?<!\w)no ?\.? ?\d")
# "Yes if ..., no if ...", "Yes: 60 %, No: 40 %" explain a choice where both words stand so.
_CONDITION = re.compile(r"[\s*_\"'`“”‘’,]*(?:if|when|unless|means|ja|nozīmē)\b|[\s*_\"'`”’]*[=:]")
# "No... actually, yes": a model that corrects itself at once.
_CORRECTED = re.compile(
    r"[\W_]{1,8}(?:(?:yes|no|jā|nē)[\W_]{1,4})?"
    r"(?:wait|actually|sorry|i mean|correction|pagaidi|precīzāk|pareizāk)(?!\w)"
)
_CLAUSE_START = re.compile(r"[.,;:!?\n][\W\d_]{0,8}(yes|no|jā|nē)(?!\w)")
# "Yes is not right", "Yes would be wrong" speak of the word.
_OF_THE_WORD = re.compile(
    r"[*_\"'`”’]*\s+(?:(?:is|was)\s+(?:not|wrong|incorrect)|isn['’]t|wasn['’]t|would|could|should"
    r"|might|may|cannot|can['’]t)\b"
)
_OPTION = re.compile(r"(?<!\w)(?:\d{1,2}|[a-d])[.)]\s{0,4}(yes|no|jā|nē)(?!\w)")
_ECHO = re.compile(
    r"(?<!\w)(?:(?:yes|jā|ja)[\W_]{0,6}(?:/|\b(?:or|vs|vai)\b)[\W_]{0,6}(?:no|nē|ne)"
    r"|(?:no|nē|ne)[\W_]{0,6}(?:/|\b(?:or|vs|vai)\b)[\W_]{0,6}(?:yes|jā|ja))(?!\w)"
)
_WORD = re.compile(r"(?<!\w)(?:yes|no|jā|nē)(?!\w)")
# No colon: "The sign reads: No." is the sign's word. No brackets: "no (visible) text".
_CLAUSE_END = re.compile(r"[.,;!?\n\r—–|]+|\s-{1,3}\s|\s(?=(?:because|since|jo)\s)")
_LEAD_IN = (
    r"(?:(?:and|so|then|thus|hence|therefore|overall|well|okay|ok|finally|ultimately|in short"
    r"|in conclusion|in summary|to conclude|conclusion|un|tātad|tāpēc|tādēļ|kopumā|manuprāt)"
    r"(?:\s*:)?\s+)*"
    r"(?:(?:i|we)\s*(?:would|'d|’d|will|'ll|’ll|must|have to)?\s*"
    r"(?:say|mean|answer|reply|respond|think|believe|conclude|go with)\s+"
    r"(?:that\s+|with\s+)?(?:a\s+)?"
    r"|(?:(?:the|my|our)\s+)?(?:(?:final|short|correct|best)\s+)?(?:answer|reply|response|verdict)"
    r"(?:\s+to\s+(?:the|this|your)\s+question)?"
    r"(?:\s+(?:is|would be|must be|should be)\s+(?:a\s+|simply\s+|therefore\s+)?|\s*:\s*)"
    r"|(?:it|that)(?:\s+is|'s|’s)\s+a\s+"
    r"|(?:es\s+)?(?:teiktu|atbildētu|sacītu|domāju|saku|atbildu)\s+(?:ka\s+)?|ka\s+"
    r"|(?:(?:mana|pareizā|galīgā)\s+)?atbilde(?:\s+uz\s+(?:šo\s+)?jautājumu)?\s+(?:ir|būtu)\s+)?"
)
_CLAUSE = re.compile(
    rf"({_LEAD_IN})[*_`]*([\"'“‘„«]?)[*_`]*(yes|no|jā|nē)[*_`]*([\"'”’“»]?)[*_`]*"
    r"(?:\s+(?:indeed|definitely|absolutely|it (?:does|is)(?: not)?|it (?:doesn|isn)['’]t))?"
)
_LATVIAN_LEAD_INS = ("ka ", "teiktu ", "atbildētu ", "sacītu ", "domāju ", "saku ", "ir ", "būtu ")
_LONGEST_CLAUSE = 100
_ANY_WORD = re.compile(r"(?<!\w)(?:yes|no|jā|nē|ja|ne|y|n)(?!\w)")


def read_answer(response: str | None, language: str = "en") -> Reading:
    """Read the answer from one raw *response* of a model.

    Args:
        response: the text as generated; ``None`` where a framework gave none.
        language: ``"en"`` or ``"lv"``, the language that the response is expected in. Both
            languages' words are read in either; in Latvian text *no* is a preposition.

    Returns:
        The answer and the rule that decided. Takes time linear in the length.

    Raises:
        ScoreError: an unknown language.
    """
    if language not in LANGUAGES:
        raise ScoreError(unknown_name("language", language, LANGUAGES))
    if response is None or clear.is_failure(response):
        return FAILED
    return decide(clear.cleared(response), language)[0]


def decide(text: str, language: str) -> tuple[Reading, Span]:
    """Read *text*, cleared; also the part of it that decided, empty where nothing did."""
    core = text.strip(EDGE)
    if not core:
        return EMPTY, (0, 0)
    if core in _WHOLE:
        return _READ[_WHOLE[core], Rule.LEADING], (0, len(text))
    explanation = EXPLANATION.search(text)
    short = text if explanation is None else text[: explanation.start()]
    has_markers = any(word in text for word in _MARKER_WORDS)  # spares most responses the search
    marked = marker_span(short) if has_markers else None
    if marked is not None:
        return _decided(_read_piece(short[slice(*marked)], language), Rule.MARKER, marked)
    leading = read_leading(short)
    if leading is not None:
        return _READ[leading, Rule.LEADING], (0, _first_word_end(short))
    answer, place = _read_clauses(short, language)
    if answer is None and explanation is not None and has_markers:
        begin = explanation.start()
        marked = marker_span(text[begin:], is_last=True)
        if marked is not None:
            place = begin + marked[0], begin + marked[1]
            return _decided(_read_piece(text[slice(*place)], language), Rule.MARKER, place)
    return _decided(answer, Rule.CLAUSE, place)


def _decided(answer: Answer | None, rule: Rule, place: Span) -> tuple[Reading, Span]:
    return (UNPARSEABLE, (0, 0)) if answer is None else (_READ[answer, rule], place)


def after_marker(text: str) -> str | None:
    """What follows the marker that counts, up to the next marker; ``None`` without a marker."""
    place = marker_span(text)
    return None if place is None else text[slice(*place)]


def marker_span(text: str, *, is_last: bool = False) -> Span | None:
    """Where what the marker that counts points at stands; ``None`` without a marker.

    The last final marker counts, and without one the first, or the last where *is_last*. One that
    nothing follows, and one that a quotation holds, is none.
    """
    markers = unquoted(list(_MARKER.finditer(text)), text)
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    found = [
        (marker, end)
        for marker, end in zip(markers, ends, strict=False)
        if text[marker.end() : end].strip(EDGE)
    ]
    if not found:
        return None
    final = [one for one in found if one[0]["final"] or one[0]["heading"] or one[0]["stated"]]
    marker, end = final[-1] if final else found[-1 if is_last else 0]
    return marker.end(), end


def unquoted(markers: list[re.Match[str]], text: str) -> list[re.Match[str]]:
    """The *markers* in *text* that no quotation holds; a response may be one whole quotation.

    One that ends with the quotation or after it is no part of it: ``'answer':`` names a field.
    """
    if not markers or _QUOTES.search(text) is None:
        return markers
    quoted = [quotation.span() for quotation in _QUOTATION.finditer(text)]
    if len(quoted) == 1 and not (text[: quoted[0][0]] + text[quoted[0][1] :]).strip(EDGE):
        return markers

    def is_quoted(marker: re.Match[str]) -> bool:
        place = bisect_right(quoted, (marker.start() + 1, 0)) - 1
        return place >= 0 and marker.end() < quoted[place][1]

    return [marker for marker in markers if not is_quoted(marker)]


def _read_piece(piece: str, language: str) -> Answer | None:
    """Read what a marker points at."""
    field = re.split(r"[;\n]", piece.lstrip(EDGE), maxsplit=1)[0].strip(EDGE)
    if field in _WHOLE:
        following = piece.lstrip(EDGE)[len(field) :]
        if not _opposite_follows(following, 0, _WHOLE[field]):
            return _WHOLE[field]
    leading = read_leading(piece)
    return leading if leading is not None else _read_clauses(piece, language)[0]


def _lists_options(text: str) -> bool:
    """Whether *text* numbers both answers, as in "1. Yes 2. No"."""
    return len({_STRONG[option.group(1)] for option in _OPTION.finditer(text)}) > 1


def read_leading(text: str) -> Answer | None:
    """The yes or no that *text*, cleared, begins with; ``None`` where it begins otherwise."""
    if _lists_options(text):
        return None
    start = _skip(text, 0)
    label = _LABEL.match(text, start)
    if label is not None and (":" in label.group(1) or "\n" in label.group(1)):
        start = _skip(text, label.end())
    number = _LIST_NUMBER.match(text, start)
    if number is not None:
        start = _skip(text, number.end())
    rest = text[start:].rstrip(EDGE)
    if rest in _WHOLE:
        return _WHOLE[rest]
    letter = _LONE_LETTER.match(text, start)
    if letter is not None:
        answer = _WHOLE[letter.group(1)]
        return None if _opposite_follows(text, letter.end(), answer) else answer
    word = _LEADING.match(text, start)
    if word is None or not _is_answer_word(text, word):
        return None
    answer = _STRONG[word.group(1)]
    if _opposite_follows(text, word.end(), answer) or _begins_quotation(text, word):
        return None
    corrected = _CORRECTED.match(text, word.end())
    if corrected is not None and any(
        _STRONG[other.group()] is not answer for other in _WORD.finditer(text, word.end())
    ):
        return None
    if _CONDITION.match(text, word.end()) and any(
        _STRONG[other.group(1)] is not answer for other in _CLAUSE_START.finditer(text, word.end())
    ):
        return None
    return answer


def _begins_quotation(text: str, word: re.Match[str]) -> bool:
    """Whether *word* begins words that are quoted within a sentence: ``"Yes, we can" is ...``."""
    quotation = _QUOTATION.match(text, word.start() - 1) if word.start() else None
    if quotation is None or not text[word.end() : quotation.end() - 1].strip(EDGE):
        return False
    return _OF_THE_QUOTATION.match(text, quotation.end()) is not None


def _first_word_end(text: str) -> int:
    """Where the first yes or no of *text* ends."""
    word = _ANY_WORD.search(text)
    return word.end() if word else len(text)


def _read_clauses(text: str, language: str) -> tuple[Answer | None, Span]:
    """The only answer that stands as a clause in *text*, and where one does."""
    place = (0, 0)
    if _WORD.search(text) is None or _ECHO.search(text) or _lists_options(text):
        return None, place
    if _QUOTES.search(text):
        text = _QUOTATION.sub(_without_clauses, text)
    text = _NUMERO.sub(lambda numero: " " * len(numero.group()), text)
    found: set[Answer] = set()
    start = 0
    for end in _CLAUSE_END.finditer(text + "\n"):
        clause, start, begin = text[start : end.start()], end.end(), start
        if len(clause) > _LONGEST_CLAUSE or _WORD.search(clause) is None:
            continue
        match = _CLAUSE.fullmatch(clause.strip(" \t~#>-*_`"))
        if match is None:
            continue
        lead_in, opened, word, closed = match.groups()
        if (opened or closed) and not lead_in:
            continue  # a quoted word by itself is somebody else's
        if language == "lv" and word == "no" and lead_in.endswith(_LATVIAN_LEAD_INS):
            continue
        found.add(_STRONG[word])
        place = begin, end.start()
    return (found.pop(), place) if len(found) == 1 else (None, place)


def _without_clauses(quotation: re.Match[str]) -> str:
    """A quotation without clauses of its own; of a single word, as it stands."""
    words = quotation.group()
    first = _CLAUSE_END.search(words)
    return words if first is None else words[: first.start()] + "·" * (len(words) - first.start())


def _skip(text: str, start: int) -> int:
    """The position of the first letter or digit from *start* on."""
    skipped = _NONWORD.match(text, start)
    return skipped.end() if skipped else start


def _is_answer_word(text: str, word: re.Match[str]) -> bool:
    """Whether a leading word answers, or is spoken of, or a *no* is part of a phrase."""
    if _OF_THE_WORD.match(text, word.end()):
        return False
    if word.group(1) != "no":
        return True
    if _NUMERO.match(text, word.start()):
        return False
    return _AFTER_NO.match(text, word.end()) is not None


def _opposite_follows(text: str, start: int, answer: Answer) -> bool:
    """Whether the other answer follows from *start* at once, or after an ``or``."""
    following = _CHOICE.match(text, start)
    if following is None or _WHOLE[following.group(1)] is answer:
        return False
    word = following.group(1)
    if _JOINED.search(text[start : following.start(1)][-40:]):
        return True
    if word not in _STRONG:
        return False
    return word != "no" or _AFTER_NO.match(text, following.end()) is not None
