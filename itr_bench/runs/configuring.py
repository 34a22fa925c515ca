"""A run from what a user asks for, checked before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from itr_bench.errors import RunError
from itr_bench.models.spec import ModelSpec, check_batch_size
from itr_bench.packages import has_package, how_to_install

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
    processes: int | None = None,
    batch_size: int | None = None,
    ray: str | None = None,
    gpus_per_replica: float | None = None,
) -> RunConfig:
    """Check that *model* can be run here and plan it on *tasks*; their data is opened.

    Args:
        limit: number of tweets, the first ones; all by default.
        folder, command, processes, batch_size, ray, gpus_per_replica: as of ``RunConfig``.

    Raises:
        ItrBenchError: a launcher started this process; a package or GPU is missing; options that
            do not go together; or data that is not there and cannot be fetched.
    """
    from itr_bench.runs.execute import RunConfig, check_machine
    from itr_bench.runs.plan import plan_task
    from itr_bench.runs.run_folder import is_run_folder

    refuse_launchers()
    check_batch_size(batch_size, model)
    _check_ray(model, ray, gpus_per_replica)
    if ray is None and not all(is_run_folder(folder / task.name) for task in tasks):
        check_machine(model)  # before any data is fetched
    return RunConfig(
        model=model,
        plans=[plan_task(task, model, seeds, limit) for task in tasks],
        folder=folder,
        command=command,
        processes=processes,
        batch_size=batch_size,
        ray=ray,
        gpus_per_replica=gpus_per_replica,
    )


def _check_ray(model: ModelSpec, ray: str | None, gpus_per_replica: float | None) -> None:
    if ray is None:
        if gpus_per_replica is not None:
            raise RunError(
                "--gpus-per-replica: only Ray shares GPUs out; add --ray local, auto or an address"
            )
        return
    if model.adapter == "itr_server":
        raise RunError(
            "--ray: a server answers for itr_server, so replicas gain nothing; leave the option "
            "out and give --model_args concurrent=N"
        )
    if not has_package("ray"):
        raise RunError(f"--ray needs the package ray: {how_to_install('ray')}")


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
