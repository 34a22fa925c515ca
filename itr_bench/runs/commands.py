"""A run in other words: the nearest command of plain lmms-eval, and what differs from the paper."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from itr_bench.models.adapters import handling
from itr_bench.models.arguments import IDENTITY, PLACE, format_arguments, is_secret, pieces
from itr_bench.models.spec import ModelSpec
from itr_bench.models.turns import takes_turns
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks.definitions import define
from itr_bench.tasks.spec import TaskSpec


def from_paper(model: ModelSpec, seeds: Sequence[int]) -> list[str]:
    """In what a run of a preset differs from it, a line each; nothing for other models."""
    preset = model.preset
    if preset is None:
        return []
    there: dict[str, Any] = {**preset.model_args, **preset.generation}
    here: dict[str, Any] = {**model.arguments, **model.generation}
    neutral = {*PLACE, *IDENTITY, "rows_in_flight"}
    lines = [
        f"{key}: {_shown(there.get(key))} in the {preset.kind}, {_shown(here.get(key))} here"
        for key in sorted({*there, *here})
        if here.get(key) != there.get(key) and key not in neutral and not is_secret(key)
    ]
    if model.checkpoint != preset.checkpoint:
        lines.append(
            f"checkpoint: {preset.checkpoint} in the {preset.kind}, {model.checkpoint} here"
        )
    if tuple(seeds) != PAPER_SEEDS:
        lines.append(f"seeds: the ten of the paper, {len(seeds)} here")
    return lines


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)


def without_secrets_in(text: str) -> str:
    """``k=v,...`` as it may be kept: each pair as it was given, or cleared, or left out."""
    pairs = (piece.partition("=") for piece in pieces(text))
    return ",".join(filter(None, (format_arguments({k.strip(): v}) for k, _, v in pairs)))


def plain_command(task: TaskSpec, model: ModelSpec, samples: int) -> str:
    """The command of plain lmms-eval that comes nearest: its own adapter, its own seeding."""
    adapter, arguments = model.adapter, dict(model.arguments)
    has_turns = task.variant.context is not None
    generation = {
        key: value
        for key, value in model.generation.items()
        if value is not None and define(task, adapter).generation.get(key) != value
    }
    if model.preset is not None and (takes_turns(model.preset.stock.adapter) or not has_turns):
        stock = model.preset.stock
        adapter = stock.adapter
        arguments = {handling(adapter).checkpoint: model.checkpoint, **stock.model_args}
        own = define(task, adapter).generation
        generation = {
            key: value
            for key, value in model.generation.items()
            if value != model.preset.generation.get(key) and own.get(key) != value
        }
    line = ["lmms-eval", "--model", adapter]
    line += ["--model_args", format_arguments(arguments)] if arguments else []
    line += ["--tasks", task.name]
    line += ["--repeats", str(samples)] if samples > 1 else []
    if generation and not task.likelihood:  # of which nothing is generated
        line += ["--gen_kwargs", format_arguments(generation)]
    line += ["--force_simple"] if model.force_simple else []
    return shlex.join([*line, "--log_samples", "--output_path", "out/"])
