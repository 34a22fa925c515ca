"""What is cleared away before a response is read: reasoning, template tokens, odd Unicode.

What remains states each answer that a box, a tag or a JSON field holds in one way, as
``final answer: ...`` on a line of its own. Every step takes time linear in the length of the
response.
"""

from __future__ import annotations

import json
import re
import unicodedata

from itr_bench.answers.marks import MARKS, Kind
from itr_bench.answers.reasoning import drop_reasoning

# What frameworks put in the place of a response that never came.
FAILURE_PREFIXES = ("[LMMS_EVAL_REQUEST_FAILED", "[LMMS_EVAL_BUDGET_EXCEEDED")
FAILURES = frozenset(
    {"None", 'Error: can only concatenate str (not "NoneType") to str'}  # of `async_openai`
)

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0f\ufeff]")
_LONGEST_PIECE = 1024
_TEMPLATE_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<(?:\|[a-z_]{1,20}|[a-z_]{1,20}\|)>|</?s>"
    r"|<(?:eos|bos|pad|unk|unused\d{1,4}|end_of_turn|start_of_turn)>|\[/?inst\]"
    r"|</?(?:b|em|strong)>",
    re.IGNORECASE,
)

_OPENINGS = [marks.opening.lower() for marks in MARKS if marks.kind is Kind.ANSWER]
_CLOSINGS = {marks.closing.lower() for marks in MARKS if marks.kind is Kind.ANSWER} - {"}"}
_ANSWER = re.compile("|".join(map(re.escape, _OPENINGS)))
_ANSWER_END = re.compile("|".join(map(re.escape, _CLOSINGS)))
_TAG = re.compile(
    "|".join(re.escape(mark) for mark in (*_OPENINGS, *_CLOSINGS) if mark[0] == "<"), re.IGNORECASE
)
_LATEX = re.compile(r"\\(?:text)?color\{[^{}]{0,20}\}|\\[a-z]+\s?|[{}$]|\\[()\[\]!,;: ]")
_FENCE = re.compile(r"```[a-z]{0,12}\s{0,2}\n")
_BRACE = re.compile(r"[{}]")
_FINAL = "\nfinal answer: "

_JSON = json.JSONDecoder()
_MOST_OBJECTS = 8
_ANSWER_FIELD = re.compile(
    r"(?:the |my |your )?(?:final |short |galīgā |gala )?(?:answer|response|verdict|conclusion"
    r"|prediction|label|result|decision|choice|option|atbilde|secinājums)"
)
_EXPLANATION_FIELD = re.compile(
    r"expla|reason|ration|motiv|justif|though|think|analy|comment|descri|evidence|skaidroj"
    r"|pamatoj|confiden|caption"
)


def is_failure(response: str) -> bool:
    """Whether *response* is a framework's mark of a request that failed."""
    stripped = response.strip()
    return stripped in FAILURES or stripped.startswith(FAILURE_PREFIXES)


def cleared(response: str) -> str:
    """Return *response* as rules read it.

    In lower case, without reasoning and template tokens; each answer in a box, a tag or JSON as a
    line ``final answer: ...``.
    """
    text = drop_reasoning(visible(response)).lower()
    if "<" in text or "\\" in text:
        text = _state_marked(text)
    if "```" in text:
        text = _FENCE.sub("\n", text)
    if "<" in text or "[" in text:
        text = _TEMPLATE_TOKEN.sub("\n", text)
    return _state_json(text) if "{" in text else text


def message(text: str) -> str:
    """Return what a model says in *text*, to the letter: without reasoning and marks around it."""
    return _TEMPLATE_TOKEN.sub("", _TAG.sub("", drop_reasoning(text))).strip()


def visible(response: str) -> str:
    """Return *response* composed (NFKC: also full-width letters), without invisible signs."""
    return response if response.isascii() else _INVISIBLE.sub("", _compose(response))


def _compose(text: str) -> str:
    """NFKC, piece by piece where it is long: sorting a run of marks takes quadratic time."""
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + _LONGEST_PIECE
        if end < len(text):
            end = text.rfind(" ", start, end) + 1 or end
        pieces.append(unicodedata.normalize("NFKC", text[start:end]))
        start = end
    return "".join(pieces)


def _state_marked(text: str) -> str:
    """*text* with each box and tag as a line that states its content."""
    pieces: list[str] = []
    start = 0
    for mark in _ANSWER.finditer(text):
        if mark.start() < start:
            continue  # within a box
        pieces.append(_ANSWER_END.sub("\n", text[start : mark.start()]))
        start = mark.end()
        if mark.group()[0] == "\\":
            start = _box_end(text, mark.end())
            content = _LATEX.sub(" ", text[mark.end() : start])
            pieces.append(f"{_FINAL}{content}\n")
        else:
            pieces.append(_FINAL)
    return "".join([*pieces, _ANSWER_END.sub("\n", text[start:])])


def _box_end(text: str, start: int) -> int:
    """Where the brace that stands before *start* is closed; the end of *text* where it is not."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.end()
    return len(text)


def _state_json(text: str) -> str:
    """*text* with each JSON object as lines that state its fields, explanations last."""
    pieces: list[str] = []
    start, place = 0, text.find("{")
    for _ in range(_MOST_OBJECTS):
        if place < 0:
            break
        try:
            found, end = _JSON.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        pieces += [text[start:place], _lines(found)]
        start, place = end, text.find("{", end)
    return "".join([*pieces, text[start:]])


def _lines(found: dict[str, object]) -> str:
    """The fields of a JSON object, one a line; the answer, or the only one there is, as final."""
    answers, others, explanations = [], [], []
    for key, value in found.items():
        name, said = key.replace("_", " ").strip(), _value(value)
        if _ANSWER_FIELD.fullmatch(name):
            answers.append(said)
        elif _EXPLANATION_FIELD.search(name):
            explanations.append(" ".join(said.split()))
        else:
            others.append((name, said))
    if not answers and len(others) == 1 and not others[0][0].isdecimal():
        answers, others = [others[0][1]], []
    return "".join(
        [
            *(f"{_FINAL}{said}" for said in answers),
            *(f"\n{name}: {said}" for name, said in others),
            *(f"\nexplanation: {said}" for said in explanations),
            "\n",
        ]
    )


def _value(value: object) -> str:
    """A field's value in words: true is yes and false is no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(map(_value, value))
    if isinstance(value, dict):
        inner = [inner for key, inner in value.items() if not _EXPLANATION_FIELD.search(key)]
        return _value(inner[0]) if len(inner) == 1 else ""
    if value in ("true", "false"):
        return "yes" if value == "true" else "no"
    return "" if value is None else str(value)
