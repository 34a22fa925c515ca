"""What leaves an adapter, captured where it leaves: settings, seeds, pictures, exceptions.

Adapters of lmms-eval do not do all that they are asked: some add settings, some ignore some, some
take an exception for an empty response. So the calls that they make are watched: ``generate`` of
transformers, the engines of vLLM and SGLang in this process, the client of ``openai``, and our
own client and shared-image engine. The adapters stay unaware of it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p")
"""Settings that mean nothing where the likeliest token is taken."""

OTHERS = ("max_new_tokens", "repetition_penalty", "num_beams")
KEYS = ("do_sample", *SAMPLING, *OTHERS, "seed", "pictures")
"""What is compared, and may be allowed to differ."""

_OFF: dict[str, tuple[Any, ...]] = {
    "top_p": (1, None),
    "top_k": (0, -1, None),
    "min_p": (0, None),
    "typical_p": (1, None),
    "repetition_penalty": (1, None),
    "num_beams": (1, None),
}
"""Values that turn a setting off."""


@dataclass(frozen=True)
class Call:
    """One call that left an adapter.

    Attributes:
        engine: what was called.
        settings: the settings, resolved, by the names of transformers.
        usual: what they are where an adapter gives none: the checkpoint's or the engine's own.
        seeds: the seeds; ``None`` where the call carries none.
        pictures: the number of pictures of each prompt; ``None`` where that cannot be seen.
    """

    engine: str
    settings: Mapping[str, Any]
    usual: Mapping[str, Any]
    seeds: tuple[int, ...] | None = None
    pictures: int | None = None


@dataclass(frozen=True)
class Asked:
    """What an adapter was asked for.

    Attributes:
        settings: the generation settings of the task, those that are not to be given left out.
        seeds: of the requests; ``None`` where the adapter takes none.
        pictures: of each prompt.
    """

    settings: Mapping[str, Any]
    seeds: frozenset[int] | None
    pictures: int


def differences(asked: Asked, call: Call) -> dict[str, tuple[Any, Any]]:
    """In what *call* differs from what was asked for: the value expected, and the value sent."""
    wanted = {name: value for name, value in asked.settings.items() if value is not None}
    found: dict[str, tuple[Any, Any]] = {}
    greedy, sent_greedy = _is_greedy(wanted), _is_greedy(call.settings)
    expected_greedy = _is_greedy(call.usual) if greedy is None else greedy
    names: tuple[str, ...] = OTHERS
    if expected_greedy is not None and bool(expected_greedy) != bool(sent_greedy):
        found["do_sample"] = (not expected_greedy, not sent_greedy)
    elif not expected_greedy:
        names += SAMPLING
    for name in names:
        expected, sent = wanted.get(name, call.usual.get(name)), call.settings.get(name)
        if not _same(name, expected, sent):
            found[name] = (expected, sent)
    if asked.seeds is not None:
        strange = [seed for seed in call.seeds or () if seed not in asked.seeds]
        if call.seeds is None or strange:
            found["seed"] = (min(asked.seeds), strange[0] if strange else None)
    if call.pictures is not None and call.pictures != asked.pictures:
        found["pictures"] = (asked.pictures, call.pictures)
    return found


def _is_greedy(settings: Mapping[str, Any]) -> bool | None:
    """Whether *settings* take the likeliest token; ``None`` where they do not say."""
    sampled, temperature = settings.get("do_sample"), settings.get("temperature")
    if sampled is False or temperature == 0:
        return True
    return None if sampled is None and temperature is None else False


def _same(name: str, one: Any, other: Any) -> bool:
    off = _OFF.get(name, (None,))
    if one in off and other in off:
        return True
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


# Readers: a call of an engine, as a Call


def _of_transformers(model: Any, arguments: Mapping[str, Any]) -> Call:
    import torch

    given = dict(arguments.get("kwargs") or {})
    config, rest = model._prepare_generation_config(arguments.get("generation_config"), **given)
    own, _ = model._prepare_generation_config(None)
    names = ("do_sample", *SAMPLING, *OTHERS)
    return Call(
        "transformers",
        {name: getattr(config, name, None) for name in names},
        {name: getattr(own, name, None) for name in names},
        (torch.initial_seed(),),
        _pictures_of_inputs(arguments.get("inputs"), rest),
    )


def _pictures_of_inputs(inputs: Any, rest: Mapping[str, Any]) -> int | None:
    """How many pictures a model's inputs hold, where their names tell."""
    if rest.get("image_grid_thw") is not None:
        return len(rest["image_grid_thw"])
    if rest.get("inputs_embeds") is not None:
        return None  # they may be among the embeddings
    held = [name for name, value in rest.items() if value is not None]
    if any("pixel" in name or "image" in name or "vis" in name for name in held):
        return None  # some; how many is a matter of the family
    return 0 if inputs is not None or "input_ids" in held else None


def _of_vllm(engine: Any, arguments: Mapping[str, Any]) -> Call | None:
    given = arguments.get("sampling_params")
    params: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    if not params or params[0] is None:
        return None
    own = type(params[0])()
    for other in params[1:]:
        if _vllm_settings(other) != _vllm_settings(params[0]):
            params[0] = other  # what differs from its neighbours differs from what was asked, too
    seeds = tuple(param.seed for param in params if param.seed is not None)
    prompts = arguments.get("messages", arguments.get("prompts"))
    return Call(
        "vllm",
        _vllm_settings(params[0]),
        _vllm_settings(own),
        seeds if len(seeds) == len(params) else None,
        _pictures_of_prompts(prompts),
    )


def _vllm_settings(params: Any) -> dict[str, Any]:
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    found = {name: getattr(params, name, None) for name in names}
    return {**found, "max_new_tokens": params.max_tokens}


def _pictures_of_prompts(prompts: Any) -> int | None:
    """The pictures of the first of several prompts: a chat, or a prompt with its data."""
    first = prompts[0] if isinstance(prompts, list | tuple) and prompts else prompts
    if isinstance(first, Mapping) and "role" in first:
        return _pictures_of_chat(prompts)
    if isinstance(first, list | tuple):
        return _pictures_of_chat(first)
    if isinstance(first, Mapping):
        images = (first.get("multi_modal_data") or {}).get("image", ())
        return len(images) if isinstance(images, list | tuple) else 1
    return None


def _pictures_of_chat(messages: Any) -> int:
    parts = (
        part
        for message in messages
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )
    return sum(
        isinstance(part, Mapping) and str(part.get("type", "")).startswith(("image", "input_image"))
        for part in parts
    )


_SGLANG_OWN = {"temperature": 1.0, "max_new_tokens": 128}


def _of_sglang(engine: Any, arguments: Mapping[str, Any]) -> Call | None:
    given = arguments.get("sampling_params")
    params: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    if not params or not isinstance(params[0], Mapping):
        return None
    names = (*SAMPLING, "max_new_tokens", "repetition_penalty")
    seeds = tuple(p["sampling_seed"] for p in params if p.get("sampling_seed") is not None)
    images = arguments.get("image_data")
    return Call(
        "sglang",
        {**_SGLANG_OWN, **{name: params[0][name] for name in names if name in params[0]}},
        _SGLANG_OWN,
        seeds if len(seeds) == len(params) else None,
        len(images) if isinstance(images, list | tuple) and len(params) == 1 else None,
    )


def _of_openai(client: Any, arguments: Mapping[str, Any]) -> Call:
    given = {name: value for name, value in arguments.items() if _is_given(value)}
    more = given.get("extra_body") or {}
    settings = {**more, **{name: given[name] for name in SAMPLING if name in given}}
    limit = given.get("max_completion_tokens", given.get("max_tokens"))
    seed = given.get("seed", more.get("seed"))
    return Call(
        "openai",
        {**settings, "max_new_tokens": limit},
        {},
        None if seed is None else (seed,),
        _pictures_of_chat(given["messages"]),
    )


def _of_server_client(client: Any, arguments: Mapping[str, Any]) -> Call:
    sent = arguments["parameters"]
    given = {**sent, "messages": arguments["chat"].messages, "extra_body": sent}
    return _of_openai(client, given)


def _is_given(value: Any) -> bool:
    return value is not None and type(value).__name__ not in ("NotGiven", "Omit")


def _of_shared_engine(engine: Any, arguments: Mapping[str, Any]) -> Call:
    jobs, settings = arguments["jobs"], arguments["settings"]
    return Call(
        "itr_vlm",
        dict(settings),
        {},
        tuple(seed for job in jobs for of_chat in job.seeds for seed in of_chat),
        len(jobs[0].images),
    )


Reader = Callable[[Any, Mapping[str, Any]], Call | None]

_BOUNDARIES: tuple[tuple[str, str, str, Reader], ...] = (
    ("transformers.generation.utils", "GenerationMixin", "generate", _of_transformers),
    ("vllm.entrypoints.llm", "LLM", "generate", _of_vllm),
    ("vllm.entrypoints.llm", "LLM", "chat", _of_vllm),
    ("sglang.srt.entrypoints.engine", "Engine", "generate", _of_sglang),
    ("sglang.srt.entrypoints.engine", "Engine", "async_generate", _of_sglang),
    ("openai.resources.chat.completions.completions", "Completions", "create", _of_openai),
    ("openai.resources.chat.completions.completions", "AsyncCompletions", "create", _of_openai),
    ("itr_bench.models.server_client", "ServerClient", "send", _of_server_client),
    ("itr_bench.engine.engine", "Engine", "generate", _of_shared_engine),
)
"""Module, class and method that is watched, and what reads its arguments."""


_LIMITS = {"vllm": "max_new_tokens", "vllm_generate": "max_new_tokens"}
"""Adapters with a limit of tokens of their own, which a request cannot lower: its argument."""


class DifferentError(BaseException):
    """A call is not what was asked for; no ``except Exception`` of an adapter stops it."""


@dataclass
class Watch:
    """The calls that leave an adapter while it is asked for a batch.

    Attributes:
        asked: what it was asked for.
        allowed: the keys that may differ.
        engine: what it called, once it called something that is known.
        sent: of the keys that may differ, what was sent; of the first call.
        differing: what differs that may not: the value expected, and the value sent.
        calls: how many calls there were in this batch.
        raised: what the last call of this batch raised.
    """

    allowed: Sequence[str] = ()
    asked: Asked | None = None
    engine: str | None = None
    sent: dict[str, Any] = field(default_factory=dict)
    differing: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    calls: int = 0
    raised: str | None = None
    _depth: int = 0

    def begin(self, asked: Asked) -> None:
        """Begin a batch."""
        self.asked, self.differing, self.calls, self.raised = asked, {}, 0, None

    @contextlib.contextmanager
    def installed(self, adapter: Any = None) -> Iterator[None]:
        """Watch, while the block runs, the engines that are loaded, and *adapter*'s own model."""
        patched: list[tuple[type, str, Any]] = []
        if "openai" in sys.modules:  # it imports its parts when they are first used
            importlib.import_module("openai.resources.chat.completions.completions")
        for module, kind_name, method, reader in _BOUNDARIES:
            kind = getattr(sys.modules.get(module), kind_name, None)
            if not isinstance(kind, type):
                continue
            original = vars(kind).get(method)
            if original is not None:
                patched.append((kind, method, original))
                setattr(kind, method, self._watched(original, reader))
        inner = getattr(adapter, "model", None)
        own = getattr(inner, "__dict__", {}).get("generate")
        if callable(own):  # its exceptions, at least
            inner.generate = self._watched_exceptions(own)  # type: ignore[union-attr]
        try:
            yield
        finally:
            if callable(own):
                inner.generate = own  # type: ignore[union-attr]
            for kind, method, original in reversed(patched):
                setattr(kind, method, original)

    def _watched_exceptions(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            self.raised = None
            try:
                return original(*args, **kwargs)
            except Exception as error:
                self.raised = f"{type(error).__name__}: {error}"
                raise

        return watched

    def _watched(self, original: Callable[..., Any], reader: Reader) -> Callable[..., Any]:
        signature = inspect.signature(original)

        def look(owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if self._depth or self.asked is None:
                return  # within another call
            self.calls += 1
            self.raised = None
            call = None
            with contextlib.suppress(Exception):  # a form that is not known is not observed
                arguments = dict(signature.bind(owner, *args, **kwargs).arguments)
                call = reader(owner, arguments)
            if call is not None:
                self._check(call)

        def failed(error: BaseException) -> None:
            if not self._depth:
                self.raised = f"{type(error).__name__}: {error}"

        if inspect.iscoroutinefunction(inspect.unwrap(original)):

            @functools.wraps(original)
            async def watched(owner: Any, *args: Any, **kwargs: Any) -> Any:
                look(owner, args, kwargs)
                try:
                    return await original(owner, *args, **kwargs)
                except Exception as error:
                    failed(error)
                    raise

        else:

            @functools.wraps(original)
            def watched(owner: Any, *args: Any, **kwargs: Any) -> Any:
                look(owner, args, kwargs)
                self._depth += 1
                try:
                    return original(owner, *args, **kwargs)
                except Exception as error:
                    self._depth -= 1
                    failed(error)
                    self._depth += 1
                    raise
                finally:
                    self._depth -= 1

        return watched

    def _check(self, call: Call) -> None:
        assert self.asked is not None
        found = differences(self.asked, call)
        if self.engine is None:
            self.engine = call.engine
            self.sent = {name: sent for name, (_, sent) in found.items() if name in self.allowed}
        refused = {name: values for name, values in found.items() if name not in self.allowed}
        if refused:
            self.differing = refused
            raise DifferentError(", ".join(refused))

    def why_different(self, adapter: str) -> str:
        """What differs, with both values and how to fix each."""
        lines = []
        for name, (expected, sent) in self.differing.items():
            way = self._way_out(adapter, name, expected, sent)
            lines.append(f"  - {name}: {_plain(expected)} expected, {_plain(sent)} sent{way}")
        names = ",".join(self.differing)
        return "\n".join(
            [
                f"{adapter} does not send what it is asked for:",
                *lines,
                "Give what stands beside each, take --model itr_vlm or itr_server, or record the "
                f"difference with the run: --allow-different {names}",
            ]
        )

    def _way_out(self, adapter: str, name: str, expected: Any, sent: Any) -> str:
        """The argument that removes a difference, as the end of its line."""
        if name in ("seed", "pictures"):
            return ""
        if adapter in _LIMITS and name == "max_new_tokens" and expected is not None:
            return f"; --model_args {_LIMITS[adapter]}={_plain(expected)}"
        if name == "do_sample":
            return f"; --gen_kwargs {'temperature=0' if expected is False else 'do_sample=false'}"
        given = (self.asked.settings if self.asked else {}).get(name) is not None
        # What was not asked for, the adapter adds; asked for in so many words, it may be sent.
        value = sent if given or expected is None else expected
        return f"; --gen_kwargs {name}={_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
