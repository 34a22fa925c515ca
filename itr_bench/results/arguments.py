"""The ``k=v,...`` arguments of models: read, named, and cleared of what must not be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itr_bench.errors import ItrBenchError

SECRET = re.compile(
    r"(?:^|[_-])(?:api)?(?:key|token|secret|password|passwd|credentials?)$", re.IGNORECASE
)
"""Names of arguments whose values are never written anywhere."""

CHECKPOINT = ("pretrained", "model_version", "model_id_name", "model")
"""Arguments that name the checkpoint, in the order in which they are looked for."""

IDENTITY = frozenset({*CHECKPOINT, "model_name", "revision"})
"""Arguments that say which model it is."""

PLACE = frozenset(
    {
        *("base_url", "device", "device_map", "batch_size", "num_cpus", "work_dir", "timeout"),
        *("max_retries", "retry_backoff_s", "prefix_aware_queue"),
        *("rows_in_flight", "tweets_in_flight"),
    }
)
"""Arguments that say where and how fast it runs, not what it answers."""

_USER_INFO = re.compile(r"(?<=//)[^/@\s,]+@")
_OPENING, _CLOSING = "{[", "}]"


def parse_arguments(text: str, option: str) -> dict[str, Any]:
    """Read ``k=v,...`` as lmms-eval reads it.

    Args:
        text: the pairs. A comma inside quotes, braces or brackets separates nothing; ``true``
            and ``false`` become booleans, digits whole numbers, other numbers floats.
        option: the option it was given with, for errors.

    Raises:
        ItrBenchError: a piece without ``=``, or a name that stands twice.
    """
    found: dict[str, Any] = {}
    for piece in _pieces(text.strip()):
        name, sign, value = piece.partition("=")
        if not sign or not name.strip():
            raise ItrBenchError(f"{option}: {piece!r}, expected name=value pairs with commas")
        if name in found:
            raise ItrBenchError(f"{option}: {name!r} stands twice; give it once")
        found[name] = _value(value)
    return found


def _pieces(text: str) -> list[str]:
    pieces, start, depth, quote = [], 0, 0, ""
    for place, char in enumerate(text):
        if char in "\"'" and text[place - 1 : place] != "\\":
            quote = "" if char == quote else quote or char
        elif not quote and char in _OPENING + _CLOSING:
            depth += 1 if char in _OPENING else -1
        elif char == "," and not quote and depth == 0:
            pieces.append(text[start:place])
            start = place + 1
    return [piece.strip() for piece in [*pieces, text[start:]] if piece.strip()]


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.isdecimal():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def format_arguments(arguments: Mapping[str, Any]) -> str:
    """Write *arguments* as ``k=v,...``, secrets left out."""
    return ",".join(f"{k}={v}" for k, v in without_secrets(arguments).items())


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return *arguments* as they may be kept and shown."""
    return {
        key: _USER_INFO.sub("", value) if isinstance(value, str) else value
        for key, value in arguments.items()
        if not SECRET.search(key)
    }


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
