"""A model as it is to be loaded and asked, made of what the command line says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from itr_bench.errors import RunError, unknown_name
from itr_bench.models.adapters import EVERYTHING, Handling, Seeding, check_adapter, handling
from itr_bench.models.arguments import (
    CHECKPOINT,
    check_finite,
    model_name,
    parse_arguments,
    without_secrets,
)
from itr_bench.models.boundary import KEYS
from itr_bench.models.presets import Preset, presets

_UNSAFE = re.compile(r"[^A-Za-z0-9._+]+")
_NOTHING = ("null", "none", "None")


@dataclass(frozen=True)
class ModelSpec:
    """A model as it is to be loaded and asked.

    Attributes:
        adapter: lmms-eval's ``--model``.
        arguments: of the adapter, by name.
        preset: the preset that it came from, if any.
        generation: settings over those of a task; ``None`` takes one away.
        force_simple: whether to take the simple class of an adapter that has both.
        allow_different: the settings that may be sent otherwise than they were asked for.
    """

    adapter: str
    arguments: Mapping[str, Any]
    preset: Preset | None
    generation: Mapping[str, Any]
    force_simple: bool
    allow_different: tuple[str, ...] = ()

    @property
    def handling(self) -> Handling:
        """How the adapter is driven."""
        found = handling(self.adapter, force_simple=self.force_simple)
        if self.adapter == "itr_server" and self.arguments.get("seeds") == "none":
            return replace(found, seeding=Seeding.NONE)
        return found

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint as it was asked for; ``None`` for what has none, such as a baseline."""
        found = self.arguments.get(self.checkpoint_argument)
        return None if found is None else str(found)

    @property
    def checkpoint_argument(self) -> str:
        """The argument that names the checkpoint."""
        other = self.handling.overriding
        return other if other and self.arguments.get(other) else self.handling.checkpoint

    @property
    def address(self) -> str | None:
        """Where the server is, for adapters that ask one; without user and query."""
        names = self.handling.addresses
        given = self.arguments.get("base_url") or next(filter(None, map(os.environ.get, names)), "")
        return str(without_secrets({"base_url": str(given)})["base_url"]) or None

    @property
    def name(self) -> str:
        """How tables call it."""
        named = {self.checkpoint_argument: self.checkpoint} if self.checkpoint else {}
        rest = {k: v for k, v in self.arguments.items() if k not in CHECKPOINT or not named}
        return model_name(self.adapter, {**rest, **named})

    @property
    def folder_name(self) -> str:
        """How its folder is called where nothing else is asked for."""
        if self.preset is not None:
            return self.preset.name
        name = self.name if self.name.startswith(self.adapter) else f"{self.adapter}-{self.name}"
        return _UNSAFE.sub("-", name).strip("-.")

    @property
    def seeds_can_differ(self) -> bool:
        """Whether its preset leaves anything to chance; ``True`` where that is not known."""
        return self.preset is None or self.preset.seeds_can_differ


def resolve_model(
    name: str,
    *,
    model_args: str | Mapping[str, Any] = "",
    gen_kwargs: str | Mapping[str, Any] = "",
    force_simple: bool = False,
    allow_different: Sequence[str] = (),
) -> ModelSpec:
    """Return the model that *name* stands for: a preset, or an adapter of lmms-eval.

    Args:
        name: of the preset or the adapter.
        model_args: ``k=v,...`` or a mapping, over those of the preset one by one.
        gen_kwargs: likewise, over those of preset and task; ``null`` takes one away.
        force_simple: as lmms-eval's option of that name.
        allow_different: names of :data:`itr_bench.models.boundary.KEYS`.

    Raises:
        ItrBenchError: an unknown name, or arguments that cannot be read.
    """
    given = _given(model_args, "--model_args")
    generation = {
        key: None if value in _NOTHING else value
        for key, value in _given(gen_kwargs, "--gen_kwargs").items()
    }
    if "seed" in generation:
        raise RunError("--gen_kwargs seed=...: give the seeds by --seeds")
    for key in allow_different:
        if key not in KEYS:
            raise RunError(f"--allow-different: {unknown_name('setting', key, KEYS)}")
    allowed = tuple(sorted(set(allow_different)))
    preset = presets().get(name)
    if preset is None:
        check_adapter(name)
        arguments = {**handling(name, force_simple=force_simple).defaults, **given}
        return ModelSpec(name, arguments, None, generation, force_simple, allowed)
    arguments = {handling(preset.adapter).checkpoint: preset.checkpoint, **preset.model_args}
    return ModelSpec(
        preset.adapter,
        {**arguments, **given},
        preset,
        {**preset.generation, **generation},
        force_simple,
        allowed,
    )


def _given(arguments: str | Mapping[str, Any], option: str) -> Mapping[str, Any]:
    if isinstance(arguments, str):
        return parse_arguments(arguments, option)
    check_finite(arguments, option)
    return arguments


def check_batch_size(batch_size: int | None, model: ModelSpec) -> None:
    """Check the number of requests at a time that was asked for.

    Raises:
        RunError: the adapter answers several requests from one random stream or as one padded
            batch, so that responses would depend on it; or it forms its batches by itself.
    """
    if batch_size is not None and model.handling.batch == EVERYTHING:
        raise RunError(
            f"--batch-size {batch_size}: {model.adapter} keeps several requests under way by "
            "itself; give --model_args concurrent=N"
        )
    if batch_size is not None and model.handling.batch is None:
        raise RunError(
            f"--batch-size {batch_size}: {model.adapter} forms its batches by itself; give "
            "--model_args rows_in_flight=N to bound them"
        )
    if batch_size is not None and batch_size > 1 and not model.handling.takes_batches:
        raise RunError(
            f"--batch-size {batch_size}: {model.adapter} does not seed each request by itself, so "
            "its responses would depend on the batch size; leave the option out, and it gets one "
            "request at a time"
        )
