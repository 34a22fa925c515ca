"""A run from what a user asks for, checked before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from itr_bench.errors import RunError
from itr_bench.models.spec import ModelSpec, check_batch_size

if TYPE_CHECKING:
    from itr_bench.runs.execute import RunConfig
    from itr_bench.tasks.spec import TaskSpec


def configure(
    model: ModelSpec,
    tasks: Sequence[TaskSpec],
    seeds: Sequence[int],
    folder: Path,
    *,
    command: str,
    limit: int | None = None,
    processes: int = 1,
    batch_size: int | None = None,
) -> RunConfig:
    """Check that *model* can be run here and plan it on *tasks*; their data is opened.

    Args:
        model: the model.
        tasks: the tasks.
        seeds: with which each question is asked.
        folder: of the run; each task gets a folder in it.
        command: how it was asked for, for the manifest.
        limit: number of tweets, the first ones; all by default.
        processes: how many processes generate.
        batch_size: requests at a time, for adapters that take batches.

    Raises:
        ItrBenchError: a launcher started this process; a package or GPU is missing; or data
            that is not there and cannot be fetched.
    """
    from itr_bench.runs.execute import RunConfig, check_machine
    from itr_bench.runs.plan import plan_task
    from itr_bench.runs.run_folder import is_run_folder

    refuse_launchers()
    check_batch_size(batch_size, model)
    if not all(is_run_folder(folder / task.name) for task in tasks):
        check_machine(model)  # before any data is fetched
    return RunConfig(
        model=model,
        plans=[plan_task(task, model, seeds, limit) for task in tasks],
        folder=folder,
        command=command,
        processes=processes,
        batch_size=batch_size,
    )


def refuse_launchers() -> None:
    """Refuse to be started several times over by a launcher."""
    if os.environ.get("WORLD_SIZE", "1") not in ("", "1"):
        raise RunError(
            f"started {os.environ['WORLD_SIZE']} times by torchrun or accelerate; start it once "
            "and use --processes N"
        )


def folder_name(name: str | None, model: ModelSpec) -> str:
    """The name of the run's folder: the one asked for, or the model's."""
    if name is None:
        return model.folder_name
    if not name or Path(name).name != name or name.startswith("."):
        raise RunError(f"--name {name!r}: expected the name of a folder, not a path")
    return name
