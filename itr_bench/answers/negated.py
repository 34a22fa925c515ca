"""Answers to a question that is asked in the negative, turned round.

*Is it the case that the image does not add to the text meaning?* By the convention of this module,
*yes* says that it does not add, and *no* that it does. But some say *no* to agree with the negative
("No, it is unrelated"), and some answer the question that was not asked ("Yes, it shows a cake").
So a bare *yes* or *no* is taken by the convention, and one with more words only where these words
say the same, about the very question, and nothing in them says the opposite.

For *no* that is a statement that it adds or is represented, and no negative word at all; for *yes*
one that it does not, and none that it does. A negative statement that is denied ("it is not true
that the image does not add") says that it does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from itr_bench.answers import text as clear
from itr_bench.answers.asked import Asked
from itr_bench.answers.likelihood import read_likelihood
from itr_bench.answers.parser import UNPARSEABLE, Reading, read_answer
from itr_bench.relation import Answer, Question

_TURNED = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}

# What is no statement of its own: the question once more, and the forms of an answer.
_ECHO = re.compile(
    r"is it the case that the (?:image does not add to the text meaning"
    r"|text is not represented in the image)\s*\?"
)
_FORM = re.compile(
    r"(?<!\w)(?:yes|no|jā|nē|ja|ne|final|short|my|the answer is|answer|atbilde|response|explanation"
    r"|skaidrojums|assistant|(?:i|we) (?:would )?(?:say|think)|it is|it['’]s|that is|that['’]s"
    r"|this is|[^\W\d_])(?!\w)"
)
_FIRST_NO = re.compile(
    r"(?<!\w)(?:no|nē|ne)(?=[\W_]*(?:$|[.,;:!?\n*}\"”<)]|\s+(?:the|it|this)(?!\w)))"
)
_WORD = re.compile(r"[^\W\d_]")
_NOT_ONLY = re.compile(
    r"(?<!\w)(?:nothing|no(?:ne|\s+one)?)\s+(?:else|other|fewer|less|wonder|question)(?!\w)|"
    r"(?:not|n['’]t)\s+(?:only|just|merely|simply)(?!\w)|(?<!\w)(?:no|without(?:\s+an?y?)?)\s+doubts?(?!\w)"
)
_TEXT = r"(?:text|tweet|caption|words|author|sentence|message|phrase)(?:\s+(?:alone|itself))?"
_FEW = r"(?:(?!(?:and|but|which|that)(?!\w))[^\W\d_]+\s+){0,3}?"
# "... that is not in the text" says what the image has more, not that it lacks something.
_BEYOND = re.compile(
    rf"(?:not|n['’]t)\s+(?:\w+\s+){{0,3}}?(?:in|by|from)\s+the\s+{_TEXT}(?!\w)"
    rf"|(?:the\s+)?{_TEXT}\s+{_FEW}(?:(?:does|do|did|is|can|could)\s?(?:not|n['’]t)|cannot|lacks?"
    r"|fails?|hardly|seems|\w+s\s+(?:no|nothing|little|hardly))(?!\w)[^.,;!?\n]*"
)
_NOT = r"(?:(?<!\w)(?:not|never)|n['’]t)\s+"
_TRUE = r"(?:the\s+case|true|correct|right|accurate|so)"
_FALSE = r"(?:false|untrue|incorrect|wrong|inaccurate)"
_THAT = r"(?:\s+to\s+say)?\s+that(?!\w)"
_DENIED = re.compile(
    rf"(?:(?:{_NOT}{_TRUE}|(?<!\w){_FALSE}){_THAT}"
    rf"|{_NOT}(?:think|believe|feel|find|agree)(?!\s+(?:of|more))(?:\s+that)?(?!\w))(?P<claim>[^.;!?\n]*)"
)
_DISSENT = re.compile(rf"(?:{_NOT}{_TRUE}|(?<!\w){_FALSE})(?!\w)")
_ASSENT = re.compile(rf"(?:(?<!\w){_TRUE}|(?<!\w)agree)(?!\w)(?!\s+that)")

_NEGATION = (
    r"(?:(?<!\w)(?:not|never|nor|neither|cannot|nothing|nowhere|none|no|hardly|barely|scarcely"
    r"|fails?|failed|nav|neviens|nekas|neko)|n['’]t)(?!\w)"
)
_TWICE = re.compile(
    rf"{_NEGATION}\s+(?:[^\W\d_]+\s+){{0,8}}?(?:not|without|unrelated|irrelevant|redundant|decorative"
    r"|missing|miss|absent|left\s+out|hidden|hard|difficult|trouble|difference|better|need|den(?:y|ied)"
    r"|fails?|agree)"
    r"(?!\w)"
)
_NEGATIVE = re.compile(
    rf"{_NEGATION}|(?<!\w)(?:without|lack\w*|absent|missing|left\s+out|little|few|only|merely|just"
    r"|simply|purely|solely|instead|rather|different|otherwise|but(?!\s+also)|yet|however|though|although|lost|opposite|else|zero|0|alone|should|need\w*|supposed|far"
    r"|stretch|questionable|best|noise|confus\w*|itself|rarely|seldom|same(?!\s+as)|hard|badly|above"
    r"|next\s+to|outside|elsewhere|hashtags?|author|how|almost|virtually|poorly|loosely|contradict\w*|while|whereas|would|could|might"
    r"|may|if|whether|disagree\w*|doubt\w*|den(?:y|ies)|ir+elevant|redundant|decorative|generic"
    r"|repeat\w*|duplicat\w*|separate\w*|independent\w*|un(?!der|til|i[tqv])\w+|ne[^\W\d_]{3,}|bez"
    rf"|{_FALSE})(?!\w)"
)
_ADVERBS = (
    r"(?:(?:also|does|even|indeed|well|clearly|fully|partly|partially|directly|indirectly|accurately"
    r"|actually|visually|literally|certainly|definitely|really|clearly|explicitly|implicitly|exactly"
    r"|perfectly|greatly|significantly|effectively|thereby|thus)\s+){0,2}"
)
_MORE = (
    r"(?:some\s+|any\s+|a\s+lot\s+of\s+)?(?:additional|more|extra|further|new|context\w*|visual"
    r"|information|meaning|details?|insight|clarity|depth|evidence)"
)
_ADDS = (
    r"(?:add(?:s|ing)?|contribut(?:es?|ing)|enhanc(?:es?|ing)|enrich(?:es|ing)?"
    r"|complement(?:s|ing)?|supplement(?:s|ing)?|extend(?:s|ing)?|deepen(?:s|ing)?"
    rf"|(?:giv|provid)(?:es?|ing)\s+{_MORE}|br(?:ings?|inging)\s+{_MORE}"
    r"|papildina|sniedz\s+papildu)(?!\w)(?!\s+(?:nothing|no|little|hardly|neither)(?!\w))"
)
_IMAGE = r"(?:image|picture|photo(?:graph)?|attēls|visuals?|it|this|that|which|and|also)"
_SHOWN = (
    r"(?:represented|reflected|shown|depicted|displayed|illustrated|visible|seen|present|portrayed"
    r"|visuali[sz]ed|attēlots|redzams)"
)
_SHOWS = (
    r"(?:represents?|depicts?|shows?|illustrates?|reflects?|portrays?|displays?|contains?|match(?:es)?"
    r"|corresponds?\s+to)"
)
_CONTENT = r"(?:text|tweet|content|message|words|meaning|it|this|teksts)"
_IS = r"(?:is|are|was|were|can\s+be|ir)"
_BETWEEN = (
    r"(?:(?!(?:text|tweet|words|image|picture|photo|and|but|to|not|never|cannot|fails?|hardly|barely"
    r"|what|that|which)(?!\w))[^\W\d_]+\s+){0,3}?"
)


@dataclass(frozen=True)
class _Words:
    """What words say of one question.

    Attributes:
        holds: that it adds, or is represented.
        fails: that it does not.
        perhaps: words that may say that it does, and so do not go with *fails*.
    """

    holds: re.Pattern[str]
    fails: re.Pattern[str]
    perhaps: re.Pattern[str]


_SUBJECT = r"(?:image|picture|photo(?:graph)?|it|this|that|which|attēls)"
_OWN = (
    r"(?:(?!(?:text|tweet|caption|words|author|sentence|message|phrase|and|but)(?!\w))[^\W\d_]+\s+)"
    r"{0,5}?"
)
_ADDING = rf"(?<!\w){_IMAGE}\s+{_BETWEEN}{_ADVERBS}(?:is\s+)?{_ADVERBS}{_ADDS}"
_GAP = r"\s+(?:(?!(?:but|and|although|though|what|that|which|who)(?!\w))[^\W\d_]+\s+){0,6}?"
# Once what fails is taken out: "but the text is not represented" goes on in the same way.
_GONE = "denied"
_BUT = (
    r"(?<!\w)(?:but|however|though|although|yet|still)(?!\w)"
    rf"(?!,?(?:\s+[^\W\d_]+){{0,5}}?\s+{_GONE}(?!\w))"
)
_WORDS = {
    Question.ADDS: _Words(
        holds=re.compile(rf"{_ADDING}|(?<!\w)(?:it|image)\s+does\s*(?=[.,;!\n]|$)"),
        fails=re.compile(
            # It is the image that does not: "the author does not add" says something else.
            rf"(?<!\w){_SUBJECT}\s+{_OWN}(?:[^\W\d_]+n['’]t|{_NEGATION}){_GAP}(?:add\w*|contribut\w*"
            r"|enhanc\w*|enrich\w*|complement\w*|supplement\w*|extend\w*|chang\w+|alter\w*|affect\w*"
            r"|provid\w+|giv\w+|bring\w*|convey\w*|relat\w+|relevan\w+|connect\w*|additional|extra"
            r"|further|new)(?!\w)"
            rf"|(?<!\w){_SUBJECT}\s+{_OWN}(?:unrelated|irrelevant|redundant|decorative|nothing\s+to\s+do"
            r"\s+with|adds?\s+(?:\w+\s+)?(?:nothing|no|little))(?!\w)"
            rf"|(?<!\w)(?:nothing|none|neither|no){_GAP}(?:add\w*|extra|further|new|connection|relation)(?!\w)"
            r"|(?<!\w)(?:and|so)\s+does\s?(?:not|n['’]t)\s+(?:add|contribute|change)(?!\w)"
            r"|(?<!\w)nepapildina|(?<!\w)nav\s+saistīts"
            r"|(?<!\w)(?:it|this|that|image)\s+(?:does|is)\s?(?:not|n['’]t)\s*(?=[.,;!\n]|$)"
            rf"|(?<!\w){_SUBJECT}\s+{_OWN}(?:repeats|duplicates|(?:only|merely|just|simply)\s+(?:illustrates"
            r"|repeats|shows|depicts|represents))\s"
        ),
        perhaps=re.compile(
            rf"{_ADDING}|(?<!\w)(?:it|image)\s+does\s*(?=[.,;!\n]|$)"
            rf"|{_BUT}|(?<!\w)without\s+the\s+(?:image|picture)(?!\w)"
            r"|(?<!\w)(?:helps?|clarif\w+|support\w*|reinforc\w*|expand\w*|essential|makes?)(?!\w)"
            r"|(?<!\w)add(?:s|ing)\s+(?!nothing|no|little|anything)"
        ),
    ),
    Question.REPRESENTED: _Words(
        holds=re.compile(
            rf"(?<!\w){_CONTENT}\s+{_BETWEEN}{_IS}\s+{_ADVERBS}{_SHOWN}(?!\w)"
            r"(?!\s+(?:in|by)\s+the\s+(?:tweet|caption|text)(?!\w))"
            rf"|(?<!\w){_IMAGE}\s+{_ADVERBS}{_SHOWS}\s+(?:exactly\s+)?"
            rf"(?:(?:the\s+)?(?!words){_CONTENT}(?!['’]s)|what\s+the\s+{_TEXT}"
            rf"|(?:[^\W\d_]+\s+){{1,5}}?(?:mentioned|described|named|stated)\s+(?:in|by)\s+the\s+{_TEXT})"
            r"(?!\w)|(?<!\w)it\s+is\s*(?=[.,;!\n]|$)"
        ),
        fails=re.compile(
            # Not everything that is not shown is what the text says: "the price is not shown".
            rf"(?<!\w)(?:no|none|nothing|neither|nowhere|hardly|barely|fails?)(?!\w){_GAP}"
            rf"(?:{_SHOWN}|represent\w*|in\s+the\s+(?:image|picture|photo)|appears?|found|show|depict"
            r"|mention|correspond\w*)(?!\w)"
            rf"|(?<!\w)(?!words){_CONTENT}\s+{_BETWEEN}(?:(?:is|are|was|were|does|do|can|could)\s?(?:not|n['’]t)"
            rf"|cannot|nav)\s+(?:be\s+)?{_ADVERBS}(?:{_SHOWN}|appear|in\s+the\s+(?:image|picture)|found)"
            r"(?!\w)"
            r"|(?<!\w)(?:image|picture|photo|it|that|which)\s+(?:does|do|did|is|can)\s?(?:not|n['’]t)\s+"
            r"(?:\w+ly\s+)?(?:represent\w*|depict|show|contain|reflect|include|match|correspond|portray"
            r"|relat\w+)(?!\w)(?!\s+(?:the\s+)?words)"
            rf"|(?:(?<!\w)not|n['’]t)\s+{_ADVERBS}(?:represented|depicted|reflected|related)(?!\w)"
            r"|(?<!\w)(?:absent|missing|unrelated|unrepresented|irrelevant)(?!\w)|nothing\s+to\s+do\s+with"
            rf"|(?<!\w)(?:it|this|text)\s+{_IS}\s?(?:not|n['’]t)\s*(?=[.,;!\n]|$)"
            r"|(?<!\w)(?:shows?|depicts?)\s[^.,;!?\n]{0,60}?,?\s+(?:not|instead\s+of)"
            r"\s+(?:an?|the|any)(?!\w)"
        ),
        perhaps=re.compile(
            r"(?<!\w)(?!no\s|nor\s|neither\s|none\s|nothing\s|not\s)[^\W\d_]+\s+(?!(?:no|not)\s)"
            rf"(?:[^\W\d_]+\s+)?{_IS}\s+(?!not)(?:\w+ly\s+|also\s+|both\s+|all\s+)?{_SHOWN}(?!\w)"
            rf"|(?<!\w){_IMAGE}\s+{_ADVERBS}{_SHOWS}\s+(?:exactly\s+)?(?:the|same|what|{_CONTENT})"
            rf"(?!\w)|(?<!\w){_IS}\s+(?:t?here|on)(?!\w)"
            rf"|(?<!\w)there\s+(?:is|are)(?!\w)(?!\s+(?:not?|neither|nothing|{_GONE})(?!\w))|(?<!\w)we\s+(?:can\s+)?see(?!\w)"
            r"|(?<!\w)appears?\s+in(?!\w)|(?<!\w)(?:literal\w*|fully|entirely|completely|exact\w*)(?!\w)"
            r"|(?<!\w)it\s+is\s*(?=[.,;!\n]|$)"
            rf"|{_BUT}"
        ),
    ),
}


def turned(reading: Reading) -> Reading:
    """*reading* with yes for no and no for yes; unparseable and failed stay."""
    return Reading(_TURNED.get(reading.answer, reading.answer), reading.rule)


def read_negated(response: str | None, language: str, asked: Asked) -> Reading:
    """Read as :func:`itr_bench.answers.read_answer` does, and turn the answer round.

    Args:
        response: the text as generated; ``None`` where a framework gave none.
        language: ``"en"`` or ``"lv"``.
        asked: which of the two questions is asked in the negative.

    Returns:
        Unparseable also where the words beside yes or no do not say the same as the turned answer.
    """
    reading = read_answer(response, language)
    if response is None or reading.answer not in _TURNED:
        return reading
    said = _ECHO.sub(" ", clear.cleared(response))
    agrees = _agrees_with_no if reading.answer is Answer.NO else _agrees_with_yes
    return turned(reading) if agrees(said, asked.question) else UNPARSEABLE


def _agrees_with_no(said: str, question: Question) -> bool:
    """Whether words beside a *no* say that it does add, or is represented."""
    rest, claims = _without_claims(said, question)
    if claims - {True} or _ASSENT.search(_DISSENT.sub(" ", rest)):
        return False
    if not claims and not _says_anything(rest):
        return True
    if "?" in rest:
        return False
    dissents = bool(claims) or _DISSENT.search(rest) is not None
    rest = _FIRST_NO.sub(" ", _own(_DISSENT.sub(" ", rest), question))
    if _NEGATIVE.search(rest):
        return False
    return dissents or _WORDS[question].holds.search(rest) is not None


def _agrees_with_yes(said: str, question: Question) -> bool:
    """Whether words beside a *yes* say that it does not add, or is not represented."""
    rest, claims = _without_claims(said, question)
    if claims - {False} or _DISSENT.search(rest):
        return False
    rest = _ASSENT.sub(" ", rest)
    if not claims and not _says_anything(rest):
        return True
    if "?" in rest:
        return False
    words, rest = _WORDS[question], _own(rest, question)
    if _TWICE.search(rest) or _NOT_ONLY.search(said):
        return False
    rest, fails = words.fails.subn(f" {_GONE} ", rest)
    return words.perhaps.search(rest) is None and (bool(claims) or fails > 0)


def _without_claims(said: str, question: Question) -> tuple[str, set[bool | None]]:
    """*said* without the claims that it denies, and what denying each of them says.

    That it holds, that it does not, or ``None`` where that cannot be told.
    """
    return _DENIED.sub(" ", said), {
        _denied(found["claim"], _WORDS[question]) for found in _DENIED.finditer(said)
    }


def _denied(claim: str, words: _Words) -> bool | None:
    if words.fails.search(claim):
        return True
    return False if words.holds.search(claim) or words.perhaps.search(claim) else None


def _own(said: str, question: Question) -> str:
    """*said* without negatives that deny nothing."""
    said = _NOT_ONLY.sub(" ", said)
    return _BEYOND.sub(" ", said) if question is Question.ADDS else said


def _says_anything(rest: str) -> bool:
    return _WORD.search(_FORM.sub(" ", rest)) is not None


def read_negated_likelihood(response: str | None, language: str = "en") -> Reading:
    """Read as a likelihood, and turn the answer round."""
    return turned(read_likelihood(response, language))
