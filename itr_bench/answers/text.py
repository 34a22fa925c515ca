"""What is cleared away before a response is read: reasoning, template tokens, odd Unicode.

Every step takes time linear in the length of the response.
"""

from __future__ import annotations

import re
import unicodedata

# What frameworks put in the place of a response that never came.
FAILURE_PREFIXES = ("[LMMS_EVAL_REQUEST_FAILED", "[LMMS_EVAL_BUDGET_EXCEEDED")
FAILURES = frozenset(
    {"None", 'Error: can only concatenate str (not "NoneType") to str'}  # of `async_openai`
)

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0f\ufeff]")
_LONGEST_PIECE = 1024
_PIECES = re.compile(rf"\s+|\S{{1,{_LONGEST_PIECE}}}")
_THINK = re.compile(r"<(/?)(?:think|thinking|thought|reasoning|analysis)\s{0,4}>")
_TEMPLATE_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|</answer>|<(?:eos|bos|pad|unk|end_of_turn|start_of_turn)>|\[/?inst\]"
)


def is_failure(response: str) -> bool:
    """Whether *response* is a framework's mark of a request that failed."""
    stripped = response.strip()
    return stripped in FAILURES or stripped.startswith(FAILURE_PREFIXES)


def cleared(response: str) -> str:
    """Return *response* as rules read it: folded, without reasoning and template tokens."""
    return drop_template_tokens(drop_reasoning(fold(response)))


def fold(response: str) -> str:
    """Return *response* in lower case, composed (NFKC: also full-width letters), visible."""
    if not response.isascii():
        response = _INVISIBLE.sub("", _compose(response))
    return response.lower()


def _compose(text: str) -> str:
    """NFKC, piece by piece where it is long: sorting a run of marks takes quadratic time."""
    if len(text) <= _LONGEST_PIECE:
        return unicodedata.normalize("NFKC", text)
    return "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECES.findall(text))


def drop_reasoning(text: str) -> str:
    """Return *text* without what stands between think tags.

    A tag that is never closed leaves nothing; a closing tag that was never opened (some
    chat templates open it in the prompt) makes all that precedes it reasoning.
    """
    if "<" not in text:
        return text
    kept: list[str] = []
    start, inside = 0, False
    for tag in _THINK.finditer(text):
        if tag.group(1):
            if not inside:
                kept.clear()
            inside, start = False, tag.end()
        elif not inside:
            kept.append(text[start : tag.start()])
            inside = True
    return "" if inside else "".join([*kept, text[start:]])


def drop_template_tokens(text: str) -> str:
    """Return *text* with leftovers of chat templates (``</s>``, ``<|im_end|>``) as line breaks."""
    if "<" not in text and "[" not in text:
        return text
    return _TEMPLATE_TOKEN.sub("\n", text)
