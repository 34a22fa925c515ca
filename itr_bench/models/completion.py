"""What a server's answer is: a response, a response without an answer, or a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from itr_bench.models.output import FinishReason, Output

_SHOWN = 200
"""So many characters of what a server sent stand in a failure."""

_REASONS: dict[str, FinishReason] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens"), "length"),
    **dict.fromkeys(("content_filter", "safety", "recitation"), "content_filter"),
    "refusal": "refusal",
}
_FILTERED = ("content_filter", "content_policy_violation")
_FILTERED_BY_LITELLM = "ContentPolicyViolationError"
_BROKEN = frozenset({"error", "abort", "aborted", "cancelled", "canceled"})


def read_body(body: bytes) -> Output:
    """What the body of an answer with status 200 is."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return Output(failure=f"the server's answer is not JSON: {_shown(body)}")
    if not isinstance(found, dict):
        return Output(failure=f"the server's answer is no object: {_shown(body)}")
    return read_completion(found)


def read_completion(completion: Mapping[str, Any]) -> Output:
    """What a chat completion in the format of OpenAI is.

    =============================================== ============================================
    text, ``finish_reason`` stop or length           a response
    null or empty text                               an empty response, with its reason
    a refusal, a content filter                      an empty response, with its reason; see
                                                     also :func:`filtered`
    text in parts                                    the parts' texts, those of reasoning left out
    ``finish_reason`` error, an error in its place,  a failure
    no choices, no message
    =============================================== ============================================

    ``reasoning_content`` is no part of the response.
    """
    if completion.get("error"):
        return Output(failure=f"the server answered with an error: {_message(completion['error'])}")
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return Output(failure=f"the server's answer has no choices: {_shown(completion)}")
    choice = choices[0]
    given = str(choice.get("finish_reason") or "").lower()
    if choice.get("error") or given in _BROKEN:
        why = _message(choice.get("error") or f"finish_reason {given}")
        return Output(failure=f"the server answered with an error: {why}")
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return Output(failure=f"the server's answer has no message: {_shown(completion)}")
    usage = completion.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    tokens = tokens if isinstance(tokens, int) and tokens > 0 else None
    text, refused = _text(message.get("content"))
    if text is None:
        shown = _shown(message.get("content"))
        return Output(failure=f"the server's answer is neither text nor parts: {shown}")
    reason = _REASONS.get(given)
    if message.get("refusal") or refused:
        reason = "refusal"
    if reason in ("refusal", "content_filter"):  # what was said before is no answer
        text = ""
    return Output(text, tokens, reason)


def filtered(error: Exception) -> dict[str, Any] | None:
    """The completion in the place of an *error* of a content filter; ``None`` for other errors.

    Azure refuses a prompt with status 400 and ``"code": "content_filter"``; the litellm proxy
    passes it on as a message that names its own exception.
    """
    if getattr(error, "status_code", None) != 400:
        return None
    if getattr(error, "code", None) not in _FILTERED and _FILTERED_BY_LITELLM not in str(error):
        return None
    message = {"role": "assistant", "content": None}
    choice = {"index": 0, "finish_reason": "content_filter", "message": message}
    whole = {"id": "", "object": "chat.completion", "created": 0, "model": ""}
    return {**whole, "choices": [choice]}


def _text(content: object) -> tuple[str | None, bool]:
    """The text of a message's content, ``None`` if it is of no known kind; whether it refuses."""
    if content is None or isinstance(content, str):
        return content or "", False
    if not isinstance(content, list):
        return None, False
    texts, refused = [], False
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, Mapping):
            return None, False
        elif part.get("type") in ("text", "output_text") and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif part.get("type") == "refusal":
            refused = True
    return "".join(texts), refused


def _message(error: object) -> str:
    if isinstance(error, Mapping):
        error = error.get("message") or error
    return _shown(error)


def _shown(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
