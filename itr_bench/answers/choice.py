"""A direct choice among the four relations: its options, and how the chosen one is read.

The options stand in another order for every tweet, which its id alone decides; each relation stands
at each place equally often, in expectation. Prompt and reading ask the same function for it.

========== ===================================================================================
letter     the letter after ``Answer:`` or *answer is*, the last *final* one if there is one (boxes,
           tags and JSON fields are final), else the first; or the only one named as *option B*,
           *B is true* or *I think it's B*; or the one that the response begins with; or the only
           one that is marked as an option's, at the beginning or the end
words      the only option whose words stand in the response, *but* being read as *and*
none       everything else; a letter and words that contradict each other; two letters

A letter that is denied (*not B*, *B is wrong*, *B: no*) or asked (*B?*) is passed over.
========== ===================================================================================

A bare *A* at the beginning counts only before punctuation: elsewhere it is an article.
"""

from __future__ import annotations

import hashlib
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
    marker_span,
    unquoted,
)
from itr_bench.relation import RELATIONS, Answer, Question, Relation

LETTERS = "ABCD"

_WORDS = {
    Relation.of(adds=adds, represented=represented): (
        f"The image {'adds' if adds else 'does not add'} to the text meaning, and the text is "
        f"{'' if represented else 'not '}represented in the image."
    )
    for adds in (True, False)
    for represented in (True, False)
}

_OPEN = r"[\s*_\"'`“({\[]{0,6}"
_CLOSE = r"[*_\"'`”)}\].]{0,4}"
_OPTION = r"[\s*_\"'`“({\[]{0,6}([a-d])(?![\w'’])"
_ARTICLE = r"\s*a[ \t]+(?!(?:because|since|as|due|is|and|or|which|the)\b)[^\W\d_]"
_ANSWER = re.compile(
    r"(?<!\w)(?:(final\s{1,4}(?:answer|response)|conclusion|verdict)|answer)(?:\s+is)?"
    r"(?:\s+(?:option|statement|letter))?"
    rf"[\s*_\"'`]{{0,4}}:?(?!{_ARTICLE}){_OPTION}"
)
_LIST = (
    rf"[a-d](?![\w'’])(?:{_CLOSE}\s{{0,2}}(?:,|/|&|-|and|or|nor)\s{{0,2}}(?:option\s)?"
    rf"\(?[a-d](?![\w'’])){{0,3}}{_CLOSE}"
)
# Up to four words, but none of an option's own: "... not represented in the image (B)".
_WORDS_TO = r"(?:(?!add|text|image|represented)[^\W\d_]{2,20}\s+){0,4}?"
_WRONG = (
    rf"(?:not(?!\s+(?:option\s+)?{_OPEN}[a-d](?![\w'’]))|wrong|false|incorrect|untrue|neither"
    r"|impossible|unlikely|lie)(?!\w)"
)
_CROSS = "[❌✗✘✖❎]"
_DENIED = re.compile(
    r"\(?(?:(?<!\w)(?:not|neither|nor|never|cannot|none\s+of|except|excluding|without|unlike|than"
    rf"|instead\s+of|opposite\s+of|(?:wrong|mistake)\s+to\s+(?:choose|pick|select|say|answer))|n['’]t)\s+{_WORDS_TO}{_OPEN}{_LIST}"
    r"|(?<!\w)(?:wrong|false|incorrect)\s+(?:answer|option|statement|choice|letter)s?(?:\s+(?:is|are))?"
    rf"\s*:?\s*{_OPEN}{_LIST}"
    rf"|(?<![\w'’])\(?{_LIST}(?:\s*[:=–—-]\s*(?:no|maybe|perhaps)(?!\w)"
    rf"|\s*[:=–—-]?\s*(?:{_WRONG}|{_CROSS})|\s*no(?=[.,;!\n]|$)"
    r"|\s+(?:is|are|was|were|would|could|can|may|might|should|does|do|seems?)(?:n['’]t|not"
    r"|\s+(?:an?\s+)?(?:(?!because|since|as|and|but|so|while)[^\W\d_]{2,20}\s+){0,3}?"
    rf"{_WRONG})|[^.;:!,?\n]{{0,40}}\?)"
    rf"|{_CROSS}\s*(?:option\s+)?{_OPEN}{_LIST}"
    # "If there were a cake, it would be A", but not "If I had to choose, I would say A".
    r"|(?<!\w)if(?!\s+(?:i\s+(?:had|have|must|were\s+to|am)|forced|pressed|only\s+one)(?!\w))"
    r"\s[^.;!?\n]{0,120}?\s(?:would|could|might)\s[^.;!?\n]*"
)
_CHOSEN = r"(?:\s+(?:option|statement|letter))?"
_NAMED = re.compile(
    rf"(?<!\w)(?<!a\s)(?:option|statement|choice|letter)(?:\s+is)?:?{_OPTION}"
    rf"|(?<!\w)(?:choose|pick|select):?{_CHOSEN}(?!{_ARTICLE}){_OPTION}"
    r"|(?<!\w)\(?([a-d])\)?(?:\s+is\s+(?:the\s+)?(?:true|correct|right)|\s*[:=]\s*(?:yes|true|correct))"
    r"(?!\w)(?!\s+(?:only\s+)?(?:if|when)(?!\w))"
    r"|(?:(?<!\w)i(?:['’]d|\s+would)\s+(?:go\s+with|say|answer)"
    r"|(?<!\w)i\s+think\s+(?:that\s+)?it(?:['’]s|\s+is)"
    r"|(?<!\w)(?:answer|statement|option|choice|letter)(?:\s+(?:that|which)\s+is)?"
    r"(?:\s+(?:true|correct|right))?\s+(?:is|would\s+be|must\s+be):?)"
    rf"{_CHOSEN}{_OPTION}(?={_CLOSE}[!\s]*$)"
)
_LEADING = re.compile(
    rf"{_OPTION}(?=[*_\"'`”]{{0,4}}(?:[\])}}.:,;!]|\s-{{1,2}}\s|\n|$|\s+(?:because|since)\b))"
)
_LISTED = re.compile(r"(?<!\w)\(?([a-d])\)|(?:^|\n)[\s*_-]{0,6}([a-d])[.:]")
_JOINED = re.compile(
    r"[*_\"'`”)\].]{0,4}(?:\s*(?:,|/|&|and\b|or\b)\s*(?:(?:maybe|perhaps|possibly|even|option)\s+)?\(?[a-d](?![\w'’])"
    r"|\s*\n\s*\(?[a-d]\)?[.:]?\s*(?:\n|$))"
)
_BARE = re.compile(r"(?<![\w'’-])[b-d](?![\w'’-])")
_AT_AN_END = re.compile(r"(?:^|[\n.:!]\s*|\b(?:is|be)\s+)[\W_]{0,6}$")
_ELSE = re.compile(
    r"(?<!\w)(?:but|or|though|although|and|while)(?!\w)[^.;!?\n]*?(?<![\w'’-])"
    r"(?:([b-d])(?![\w'’-])|(a)(?=\s+(?:is|also|fits|could|might|would|seems|too)(?!\w)|[.,;!?)]|$))"
)
_NEAR = 200  # signs
# Sentences of plain words: with "?" where one asks.
_SENTENCE_END = re.compile(r"[.;!\n]+|(\?)")
_DENIES = re.compile(
    r"\b(?:not|false|wrong|incorrect|untrue|neither|nor|never|cannot|if|whether|disagree|doubt"
    r"|nobody|hardly|unlikely|could|would|might|may|maybe|opposite|unsure|unclear)\b|n t\b"
)
_TAKES_BACK = re.compile(
    r"(?:(?:this|that|it|i|or|is|was|does|would|nope|false|wrong|incorrect|untrue|not|never)\b.*|no$)"
)
_SPACE = re.compile(r"[\W_]+")
_SAID = {relation: _SPACE.sub(" ", words.lower()).strip() for relation, words in _WORDS.items()}

_HALVES = {
    Question.ADDS: {
        Answer.YES: "the image adds to the text meaning",
        Answer.NO: "the image does not add to the text meaning",
    },
    Question.REPRESENTED: {
        Answer.YES: "the text is represented in the image",
        Answer.NO: "the text is not represented in the image",
    },
}


def order(tweet_id: str) -> tuple[Relation, ...]:
    """The relations in the order in which a tweet's prompt offers them.

    They are sorted by the SHA-256 of a seed, the tweet's id and the relation's number.
    """

    def rank(relation: Relation) -> bytes:
        return hashlib.sha256(f"itr-bench options 1\n{tweet_id}\n{int(relation)}".encode()).digest()

    return tuple(sorted(RELATIONS, key=rank))


def options(tweet_id: str) -> list[str]:
    """The lines of a tweet's prompt that offer the relations, each with its letter."""
    offered = zip(LETTERS, order(tweet_id), strict=True)
    return [f"{letter}) {_WORDS[relation]}" for letter, relation in offered]


def read_choice(response: str | None, language: str, asked: Asked) -> Reading:
    """Read the chosen relation, and from it the answer to the question that is *asked*.

    Args:
        response: the text as generated; ``None`` where a framework gave none.
        language: ``"en"``: the options are in English.
        asked: the tweet, whose id says what the letters stand for, and the question.
    """
    if response is None or clear.is_failure(response):
        return FAILED
    text = clear.cleared(response)
    if not text.strip(EDGE):
        return EMPTY
    explanation = EXPLANATION.search(text)
    if explanation is not None:
        short = text[: explanation.start()]
        last = None if short.strip(EDGE) else marker_span(text, is_last=True)
        text = short if last is None else f"answer: {text[slice(*last)]}"
    offered = order(asked.tweet_id)
    words, is_denied = _worded(text)
    if is_denied:
        return UNPARSEABLE
    own = None if words is None else LETTERS[offered.index(words)].lower()
    if own is not None and own in _letters(" ".join(_DENIED.findall(text))):
        return UNPARSEABLE
    text = _DENIED.sub("|", text)
    letter = _letter(text)
    if own is not None and _named_at_all(text) - {own}:
        return UNPARSEABLE
    lettered = None if letter is None else offered[LETTERS.index(letter.upper())]
    if lettered is None and words is None:
        return UNPARSEABLE
    if lettered is not None and words is not None and lettered is not words:
        return UNPARSEABLE
    if lettered is not None and words is None and _contradicts(text, lettered):
        return UNPARSEABLE
    if lettered is not None:
        return Reading(lettered.answer(asked.question), Rule.LETTER)
    assert words is not None
    return Reading(words.answer(asked.question), Rule.WORDS)


def _letter(text: str) -> str | None:
    core = text.strip(EDGE)
    if len(core) == 1:
        return core if core.upper() in LETTERS else None
    answers = unquoted(list(_ANSWER.finditer(text)), text)
    if answers:
        final = [mark for mark in answers if mark.group(1)]
        return _alone(text, final[-1] if final else answers[0], 2)
    listed = _listed(text)
    named = list(_NAMED.finditer(text))
    if named:
        letters = {_alone(text, mark, mark.lastindex or 0) for mark in named}
        contradicted = len(listed - letters) > 0 and len(listed) < len(LETTERS)
        return letters.pop() if len(letters) == 1 and not contradicted else None
    leading = _LEADING.match(text)
    if leading is not None:
        others = (listed | set(_BARE.findall(text, leading.end(1)))) - {leading.group(1)}
        return None if others else _alone(text, leading, 1)
    if len(listed) != 1:
        return None
    letter = listed.pop()
    place = core.rfind(letter) if core.endswith(letter) else -1
    return letter if place > 0 and _AT_AN_END.search(core, max(0, place - 20), place) else None


def _listed(text: str) -> set[str]:
    return {one or other for one, other in _LISTED.findall(text)}


def _named_at_all(text: str) -> set[str]:
    leading = _LEADING.match(text)
    return _listed(text) | set(_BARE.findall(text)) | ({leading.group(1)} if leading else set())


def _alone(text: str, mark: re.Match[str], group: int) -> str | None:
    """The letter of *mark*; ``None`` where another one is joined to it."""
    letter, end = mark.group(group), mark.end(group)
    joined = _JOINED.match(text, end)
    if joined is not None and _letters(joined.group()) != {letter}:
        return None
    stop = _SENTENCE_END.search(text, end, end + _NEAR)
    other = _ELSE.search(text, end, stop.end() if stop else end + _NEAR)
    return None if other and (other.group(1) or other.group(2)) != letter else letter


def _letters(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w'’])[a-d](?![\w'’])", text))


def _contradicts(text: str, lettered: Relation) -> bool:
    """Whether half of an option stands in *text*, which is not a half of the one that is chosen."""
    plain = _SPACE.sub(" ", text)
    for question, halves in _HALVES.items():
        said = {answer for answer, half in halves.items() if half in plain}
        if len(said) == 1 and said != {lettered.answer(question)}:
            return True
    return False


def _worded(text: str) -> tuple[Relation | None, bool]:
    """The only relation whose words stand in *text*, and whether they are denied or asked."""
    sentences = [
        _SPACE.sub(" ", sentence).strip().replace(" but ", " and ") + asked
        for sentence, asked in _sentences(text)
    ]
    found = {
        relation: place
        for relation, said in _SAID.items()
        for place, sentence in enumerate(sentences)
        if said in sentence
    }
    if len(found) != 1:
        return None, False
    ((relation, place),) = found.items()
    rest = sentences[place].replace(_SAID[relation], "|")
    following = next(filter(None, sentences[place + 1 :]), "")
    is_denied = (
        "?" in rest
        or _DENIES.search(rest) is not None
        or rest.endswith("| no")
        or following == "?"
        or (_TAKES_BACK.match(following) is not None and _asks_or_denies(following))
    )
    return relation, is_denied


def _asks_or_denies(sentence: str) -> bool:
    return (
        sentence in ("no", "nope") or sentence.endswith("?") or _DENIES.search(sentence) is not None
    )


def _sentences(text: str) -> list[tuple[str, str]]:
    """The sentences of *text*, each with a question mark or nothing."""
    parts = _SENTENCE_END.split(text)
    return [(part, mark or "") for part, mark in zip(parts[::2], [*parts[1::2], ""], strict=True)]
