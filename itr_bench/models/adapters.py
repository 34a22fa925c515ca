"""How each of lmms-eval's model adapters is driven: who sets its seeds, and in what batches."""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from itr_bench.errors import RunError, unknown_name
from itr_bench.models.presets import presets


class Seeding(str, Enum):
    """How a seed reaches a generation. The values stand in signatures."""

    PROCESS = "process"
    """The random generators of this process are seeded before each request."""
    REQUEST = "request"
    """The seed is among the request's generation settings."""
    PAYLOAD = "payload"
    """The seed is put into the payload that goes to the server."""
    NONE = "none"
    """It does not: the adapter calls something that takes no seed from it."""


@dataclass(frozen=True)
class Handling:
    """How an adapter is driven.

    Attributes:
        seeding: how a seed reaches a generation.
        batch: requests at a time; ``None`` for fixed blocks of tweets, as many as the adapter's
            ``rows_in_flight`` hold.
        checkpoint: the argument that names the checkpoint.
        overriding: another name of that argument, which wins where both are given.
        addresses: variables of the environment that say where the server is.
        defaults: arguments that are given unless the user gives others.
        packages: import names of packages that its module takes for optional, and which it cannot
            do without; see also :func:`imports`.
        processor: arguments that it has none for, set on its image processor after loading.
    """

    seeding: Seeding = Seeding.PROCESS
    batch: int | None = 1
    checkpoint: str = "pretrained"
    overriding: str | None = None
    addresses: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    processor: tuple[str, ...] = ()

    @property
    def takes_batches(self) -> bool:
        """Whether several requests may be given at once without a response depending on it."""
        return self.batch != 1


EVERYTHING = 2**31
"""More requests at a time than there are: an adapter that takes them one by one as it can."""

_VLLM, _SGLANG = ("vllm",), ("sglang",)
_ADDRESSES = ("OPENAI_API_BASE", "OPENAI_BASE_URL")
_SERVER = Handling(
    Seeding.PAYLOAD,
    batch=512,
    checkpoint="model_version",
    overriding="model",
    addresses=_ADDRESSES,
    # Requests come tweet by tweet; its own order would part a tweet's questions.
    defaults={"prefix_aware_queue": False},
)
_UNSEEDED = Handling(Seeding.NONE, checkpoint="model_version")
_UNSEEDED_BY_MODEL = replace(_UNSEEDED, checkpoint="model")
_HANDLING = {
    "itr_vlm": Handling(Seeding.REQUEST, batch=None),
    "itr_baseline": Handling(Seeding.REQUEST, batch=32),
    "itr_server": Handling(
        Seeding.PAYLOAD,
        batch=EVERYTHING,
        checkpoint="model",
        addresses=("OPENAI_BASE_URL",),
        packages=("openai",),
    ),
    # It forms batches of its own from what it is given, of one request unless it is told otherwise.
    "vllm": Handling(
        Seeding.REQUEST,
        batch=256,
        checkpoint="model",
        defaults={"batch_size": 256},
        packages=_VLLM,
    ),
    "phi3v": Handling(checkpoint="model_id_name", processor=("num_crops",)),
    **dict.fromkeys(
        ("async_openai", "async_openai_compatible", "async_openai_compatible_chat"), _SERVER
    ),
    **dict.fromkeys(
        (
            *("openai", "openai_compatible", "openai_compatible_chat"),
            *("litellm", "litellm_chat", "litellm_compatible"),
        ),
        replace(_UNSEEDED, overriding="model", addresses=_ADDRESSES),
    ),
    **dict.fromkeys(("gemini", "gemini_api"), replace(_UNSEEDED, overriding="model")),
    **dict.fromkeys(("claude", "gpt4v", "qwen_vl_api", "reka", "srt_api", "batch_gpt4"), _UNSEEDED),
    "generation_api": _UNSEEDED_BY_MODEL,
    "vllm_generate": replace(_UNSEEDED_BY_MODEL, packages=_VLLM),
    **dict.fromkeys(("aero_realtime_vllm", "whisper_vllm"), Handling(packages=_VLLM)),
    "sglang": replace(_UNSEEDED_BY_MODEL, packages=_SGLANG),
    "llava_sglang": replace(_UNSEEDED, checkpoint="pretrained", packages=_SGLANG),
}


def handling(adapter: str, *, force_simple: bool = False) -> Handling:
    """Return how *adapter* is driven; one that is not listed is taken for a local model."""
    found = _HANDLING.get(adapter, Handling())
    if adapter == "vllm" and force_simple:
        # The simple class samples a whole batch by the settings of its last request.
        return replace(found, batch=1, defaults={})
    return found


def check_adapter(name: str) -> None:
    """Check that lmms-eval has an adapter called *name*.

    Raises:
        RunError: it has none, and there is no preset of that name; the message names the
            nearest of both. Or lmms-eval is not installed.
    """
    tables = _tables()
    known = {*_HANDLING, *tables.simple, *tables.chat, *tables.aliases}
    if name not in known and _has_plugins():
        from lmms_eval.models import list_available_models  # takes some 20 s

        known.update(list_available_models(include_aliases=True))
    if name not in known:
        message = unknown_name("model", name, [*known, *presets()])
        hint = message.split(" Known: ")[0]
        raise RunError(
            f"{hint} `itr-bench models` lists the presets, `lmms-eval models` the adapters."
        )


@dataclass(frozen=True)
class _Tables:
    """lmms-eval's own tables: the class of an adapter by its name, and the names of aliases."""

    simple: Mapping[str, str]
    chat: Mapping[str, str]
    aliases: Mapping[str, str]


@functools.lru_cache(maxsize=1)
def _tables() -> _Tables:
    """The tables, read without importing lmms-eval, which takes seconds."""
    source = (_lmms_eval() / "models" / "__init__.py").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _NAMES:
                assert isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
                found[target.id] = ast.literal_eval(node.value)
    simple, chat, aliases = (found.get(name, {}) for name in _NAMES)
    return _Tables(simple, chat, {alias: name for name in aliases for alias in aliases[name]})


_NAMES = ("AVAILABLE_SIMPLE_MODELS", "AVAILABLE_CHAT_TEMPLATE_MODELS", "MODEL_ALIASES")


def _lmms_eval() -> Path:
    """The folder of lmms-eval's package."""
    spec = importlib.util.find_spec("lmms_eval")
    if spec is None or spec.origin is None:
        raise RunError(
            "lmms-eval is not installed: pip install 'itr-bench[eval]' (PyTorch with CUDA is 7 GB)"
        )
    return Path(spec.origin).parent


@functools.lru_cache(maxsize=64)
def imports(adapter: str, *, force_simple: bool = False) -> tuple[str, ...]:
    """The packages that the module of lmms-eval's *adapter* imports, come what may, by import name.

    They are read from its source. There are none for adapters that are not lmms-eval's own.
    """
    tables = _tables()
    name = tables.aliases.get(adapter, adapter)
    kind = (
        "simple" if name not in tables.chat or (force_simple and name in tables.simple) else "chat"
    )
    named = getattr(tables, kind).get(name)
    if named is None:
        return ()
    module = named.rpartition(".")[0] if "." in named else f"lmms_eval.models.{kind}.{name}"
    return tuple(sorted(_imported(module, set())))


def _imported(module: str, seen: set[str]) -> set[str]:
    """What a module of lmms-eval imports at its top, also by adapters that it takes."""
    file = _lmms_eval().joinpath(*module.split(".")[1:]).with_suffix(".py")
    if module in seen or not file.is_file():
        return set()
    seen.add(module)
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module and not node.level else []
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("lmms_eval.models."):
                found |= _imported(name, seen)
            elif name.partition(".")[0] not in {*sys.stdlib_module_names, "lmms_eval"}:
                found.add(name.partition(".")[0])
    return found


def _has_plugins() -> bool:
    """Whether others may bring adapters, which only lmms-eval itself can name."""
    return (
        "lmms_eval.models" in sys.modules  # where this process may have registered some
        or bool(os.environ.get("LMMS_EVAL_PLUGINS"))
        or any(
            not point.value.startswith("itr_bench.")
            for point in entry_points(group="lmms_eval.models")
        )
    )
