"""The ``k=v,...`` arguments of models: read, named, and cleared of what must not be kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itr_bench.errors import ItrBenchError

CHECKPOINT = ("pretrained", "model_version", "model_id_name", "model")
"""Arguments that name the checkpoint, in the order in which they are looked for."""

IDENTITY = frozenset({*CHECKPOINT, "model_name", "revision"})
"""Arguments that say which model it is."""

PLACE = frozenset(
    {
        *("base_url", "device", "device_map", "batch_size", "num_cpus", "work_dir", "timeout"),
        *("max_retries", "retry_backoff_s", "prefix_aware_queue", "concurrent", "peft"),
    }
)
"""Arguments that say where and how fast it runs, or where its parts are.

A run compares ``base_url`` and the content of ``peft`` by themselves.
"""

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET = re.compile(
    r"(?:key|secret|password|pwd|pass|credential|auth|authorization|bearer|header|cookie)s?|passwd"
    r"|\w*(?:apikey|token|password)|(?:api|auth|access|hf|bearer|refresh|session)tokens"
)
# Tokens of a vocabulary, not of an account.
_OF_VOCABULARY = frozenset(
    {
        *("pad", "padding", "start", "end", "stop", "bos", "eos", "eot", "eoi", "boi", "sep"),
        *("cls", "mask", "unk", "special", "image", "img", "video", "audio", "vision", "visual"),
        *("text", "think", "patch", "media", "frame", "frames", "newline", "row", "per"),
        *("first", "last"),
    }
)
_OF_ACCOUNT = frozenset({"api", "auth", "access", "hf", "bearer", "refresh", "session"})
_USER_INFO = re.compile(r"(?<=//)[^/@\s,]+@")
_QUERY = re.compile(r"(\b\w+://[^\s,?#'\"]*)[?#][^\s,'\"]*")
_BEARER = re.compile(r"\bbearer\s+[^\s,'\"]+", re.IGNORECASE)
_NAMED = re.compile(r"""([A-Za-z][\w-]*)["'\\]*\s*[:=]""")
_HIDDEN = "..."
_OPENING, _CLOSING = "{[", "}]"


def parse_arguments(text: str, option: str) -> dict[str, Any]:
    """Read ``k=v,...`` as lmms-eval reads it.

    Args:
        text: the pairs. A comma inside quotes, braces or brackets separates nothing; ``true``
            and ``false`` become booleans, digits whole numbers, other numbers floats. Unlike
            there, a revision and the name of a model stay text: ``0123456`` is a commit.
        option: the option it was given with, for errors.

    Raises:
        ItrBenchError: a piece without ``=``, a name that stands twice, or a number that is none.
    """
    given: dict[str, str] = {}
    for piece in pieces(text.strip()):
        name, sign, value = piece.partition("=")
        if not sign or not name.strip():
            raise ItrBenchError(f"{option}: {piece!r}, expected name=value pairs with commas")
        if name in given:
            raise ItrBenchError(f"{option}: {name!r} stands twice; give it once")
        given[name] = value
    check_finite(given, option)
    return {
        name: value.strip() if _is_text(name) else _value(value) for name, value in given.items()
    }


def check_finite(arguments: Mapping[str, Any], option: str) -> None:
    """Refuse numbers that are not finite; ``nan`` in YAML is text, and would be sent as one.

    Raises:
        ItrBenchError: there is one.
    """
    for name, value in arguments.items():
        number = value if _is_text(name) or not isinstance(value, str) else _value(value)
        if isinstance(number, float) and not math.isfinite(number):
            raise ItrBenchError(f"{option}: '{name}={value!s:.80}', expected a finite number")


def _is_text(name: str) -> bool:
    return name in IDENTITY or name.endswith("revision")


def pieces(text: str) -> list[str]:
    """Part *text* at its commas, but for those inside quotes, braces or brackets."""
    found, start, depth, quote = [], 0, 0, ""
    for place, char in enumerate(text):
        if char in "\"'" and text[place - 1 : place] != "\\":
            quote = "" if char == quote else quote or char
        elif not quote and char in _OPENING + _CLOSING:
            depth += 1 if char in _OPENING else -1
        elif char == "," and not quote and depth == 0:
            found.append(text[start:place])
            start = place + 1
    return [piece.strip() for piece in [*found, text[start:]] if piece.strip()]


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.isdecimal() and len(text) < 300:  # with more digits it is no finite float
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def format_arguments(arguments: Mapping[str, Any]) -> str:
    """Write *arguments* as ``k=v,...``, secrets left out."""
    return ",".join(f"{k}={v}" for k, v in without_secrets(arguments).items())


def is_secret(name: str) -> bool:
    """Whether the value of an argument called *name* is never written anywhere."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    *before, last = words
    if last == "token":
        return not _OF_VOCABULARY & set(before)
    if last == "tokens":
        return bool(_OF_ACCOUNT & set(before))
    return _SECRET.fullmatch(last) is not None or words[-3:] == ["access", "key", "id"]


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return *arguments* as they may be kept and shown."""
    return {key: _shown(value) for key, value in arguments.items() if not is_secret(str(key))}


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    return text_without_secrets(value) if isinstance(value, str) else value


def text_without_secrets(text: str) -> str:
    """Return *text* without what follows an address's ``?``, and without secrets in JSON.

    Text that names a secret and is no JSON is left out whole.
    """
    if text.lstrip()[:1] in tuple(_OPENING):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            shown = _shown(found)
            return text if shown == found else json.dumps(shown, separators=(",", ":"))
    text = _QUERY.sub(r"\1", _USER_INFO.sub("", text))
    text = _BEARER.sub(f"Bearer {_HIDDEN}", text)
    return _HIDDEN if any(map(is_secret, _NAMED.findall(text))) else text


def settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The *arguments* that can change what a given model answers, sorted by name."""
    return dict(sorted(_settings(arguments).items()))


def _settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    kept = without_secrets(arguments)
    return {k: v for k, v in kept.items() if k not in IDENTITY and k not in PLACE}


def model_name(adapter: str, arguments: Mapping[str, Any]) -> str:
    """How tables call a model: by its checkpoint's last two parts, else adapter and settings."""
    for key in CHECKPOINT:
        if arguments.get(key):
            return "/".join(Path(str(arguments[key])).parts[-2:])
    return " ".join([adapter, *(str(value) for value in _settings(arguments).values())])
