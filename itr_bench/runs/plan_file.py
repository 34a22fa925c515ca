"""A file that plans many runs, models x tasks x variants: its fields, and the runs it means."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from itr_bench.errors import ItrBenchError, RunError, bullet_list
from itr_bench.models.arguments import format_arguments
from itr_bench.models.spec import ModelSpec, check_batch_size, resolve_model
from itr_bench.runs.configuring import folder_name
from itr_bench.runs.settings import settings_of
from itr_bench.seeds import read_seeds, seeds_text
from itr_bench.tasks.definitions import expand
from itr_bench.tasks.spec import TaskSpec
from itr_bench.yaml_file import read_yaml

BASE = "base"
"""How a plan calls the task itself among its variants."""

Names = Annotated[list[str], Field(min_length=1)]
Arguments = dict[str, str | int | float | bool | None]
Seeds = str | int | Annotated[list[int], Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    """No unknown field, no text in the place of a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PlannedModel(_Strict):
    """One model of a plan; what it leaves out is as for all models."""

    model: str = Field(description="A preset, or an adapter of lmms-eval.")
    name: str | None = Field(default=None, description="Of its folder; by default the model's.")
    model_args: Arguments = Field(
        default={}, description="As --model_args, over those of the preset."
    )
    gen_kwargs: Arguments = Field(
        default={}, description="As --gen_kwargs, over those of all models."
    )
    tasks: Names | None = Field(default=None, description="In place of the tasks of all models.")
    variants: Names | None = Field(
        default=None, description="In place of the variants of all models."
    )
    seeds: Seeds | None = Field(default=None, description="In place of the seeds of all models.")
    limit: Count | None = Field(default=None, description="Only the first so many tweets.")
    processes: Count | None = Field(default=None, description="How many replicas.")
    gpus_per_replica: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="GPUs of each replica, on Ray."
    )
    batch_size: Count | None = Field(default=None, description="As --batch-size.")
    force_simple: bool = Field(default=False, description="As --force-simple.")
    allow_different: list[str] = Field(default=[], description="As --allow-different.")


class PlanFile(_Strict):
    """What a plan says: models, and what holds for all of them."""

    models: Annotated[list[str | PlannedModel], Field(min_length=1)] = Field(
        description="Presets by name, or models with settings of their own."
    )
    tasks: Names | None = Field(default=None, description="Tasks or groups.")
    variants: Names = Field(default=[BASE], description="Of each task; `base` is the task itself.")
    seeds: Seeds = Field(default="paper", description="`paper`, a count, or a list.")
    gen_kwargs: Arguments = Field(default={}, description="As --gen_kwargs.")
    limit: Count | None = Field(default=None, description="Only the first so many tweets.")


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan: a model on its tasks.

    Attributes:
        limit: number of tweets, the first ones; all by default.
        command: the command that is the same run, but for where and on what; without secrets.
    """

    name: str
    model: ModelSpec
    tasks: tuple[TaskSpec, ...]
    seeds: tuple[int, ...]
    limit: int | None
    processes: int | None
    gpus_per_replica: float | None
    batch_size: int | None
    command: str


def read_plan(path: Path) -> list[PlannedRun]:
    """The runs that a plan means, every name in it looked up.

    Raises:
        RunError: the file cannot be read, or says what cannot be run; all problems together.
    """
    try:
        plan = PlanFile.model_validate(read_yaml(path, RunError))
    except ValidationError as error:
        raise RunError(f"{path} is no plan:\n{bullet_list(_in_words(error))}") from error
    runs: dict[str, PlannedRun] = {}
    problems = []
    for number, one in enumerate(plan.models):
        model = PlannedModel(model=one) if isinstance(one, str) else one
        where = f"models.{number} ({model.name or model.model})"
        try:
            run = _run(plan, model)
            if run.name in runs:
                raise RunError(f"its folder would be {run.name}, as above; give it another `name`")
            runs[run.name] = run
        except ItrBenchError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise RunError(f"{path}:\n{bullet_list(problems, most=30)}")
    return list(runs.values())


def _in_words(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_context=False):
        parts = [str(part) for part in one["loc"] if part not in ("str", "PlannedModel")]
        # Arguments may hold a key.
        untold = one["type"] in ("missing", "extra_forbidden") or "model_args" in one["loc"]
        shown = "" if untold else f"; found {one['input']!r}"
        if one["loc"][-1:] != ("str",) or not isinstance(one["input"], dict):
            yield f"{'.'.join(parts) or 'the file'}: {one['msg']}{shown:.80}"


def _run(plan: PlanFile, model: PlannedModel) -> PlannedRun:
    generation = {**plan.gen_kwargs, **model.gen_kwargs}
    seeds = seeds_text(plan.seeds if model.seeds is None else model.seeds)
    limit = plan.limit if model.limit is None else model.limit
    spec = resolve_model(
        model.model,
        model_args=model.model_args,
        gen_kwargs=generation,
        force_simple=model.force_simple,
        allow_different=model.allow_different,
    )
    check_batch_size(model.batch_size, spec)
    tasks = _tasks(plan, model)
    for task in tasks:
        settings_of(task, spec)
    name = folder_name(model.name, spec)
    options: dict[str, object] = {
        "--model": model.model,
        "--model_args": format_arguments(model.model_args),
        "--tasks": ",".join(task.name for task in tasks),
        "--seeds": seeds,
        "--gen_kwargs": format_arguments(generation),
        "--limit": limit,
        "--allow-different": ",".join(model.allow_different),
        "--batch-size": model.batch_size,
        "--name": name,
    }
    words = [[option, str(value)] for option, value in options.items() if value not in (None, "")]
    words += [["--force-simple"]] if model.force_simple else []
    return PlannedRun(
        name=name,
        model=spec,
        tasks=tasks,
        seeds=read_seeds(seeds),
        limit=limit,
        processes=model.processes,
        gpus_per_replica=model.gpus_per_replica,
        batch_size=model.batch_size,
        command=shlex.join(["itr-bench", "run", *itertools.chain(*words)]),
    )


def _tasks(plan: PlanFile, model: PlannedModel) -> tuple[TaskSpec, ...]:
    names = model.tasks or plan.tasks
    if names is None:
        raise RunError("no tasks: give `tasks` for all models, or for this one")
    variants = model.variants or plan.variants
    return expand(
        task.name if variant == BASE else f"{task.name}~{variant}"
        for task in expand(names)
        for variant in variants
    )
