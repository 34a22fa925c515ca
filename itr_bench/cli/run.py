"""``itr-bench run``."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itr_bench.cli import run_options

if TYPE_CHECKING:
    from itr_bench.runs.execute import RunConfig, TaskRun

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


@click.command("run")
@click.option("--model", help="A preset (`itr-bench models`) or an lmms-eval model.")
@run_options.MODEL_ARGS
@click.option("--tasks", help="Tasks or groups, with commas between them.")
@run_options.SEEDS
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder of all runs; this one goes to OUT/NAME/TASK.",
)
@click.option("--name", help="Name of the run's folder; by default the preset's or the model's.")
@run_options.GEN_KWARGS
@run_options.ALLOW_DIFFERENT
@run_options.LIMIT
@run_options.PROCESSES
@run_options.RAY
@click.option(
    "--gpus-per-replica",
    type=run_options.FiniteRange(0),
    metavar="N",
    help="GPUs of each replica on Ray, also a part of one; by default 1, or none without GPUs.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Requests at a time, for models that seed each request by itself.",
)
@click.option(
    "--force_simple",
    "--force-simple",
    is_flag=True,
    help="As lmms-eval's: the simple class of an adapter that has a chat class, too.",
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Run the many runs of a file: models x tasks x variants (docs/scaling.md).",
)
@click.option(
    "--at-once",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many runs of the plan run at a time.",
)
@run_options.DRY_RUN
@click.option(
    "--cost",
    is_flag=False,
    flag_value="measured",
    metavar="[SECONDS]",
    help="With --dry-run: the hours that are left, by the seconds a tweet took in a run of OUT, or "
    "by so many SECONDS.",
)
def command(
    model: str | None,
    model_args: str,
    tasks: str | None,
    seeds: str,
    out: Path,
    name: str | None,
    gen_kwargs: str,
    allow_different: str,
    limit: int | None,
    processes: int | None,
    ray: str | None,
    gpus_per_replica: float | None,
    batch_size: int | None,
    force_simple: bool,
    plan: Path | None,
    at_once: int,
    dry_run: bool,
    cost: str | None,
) -> None:
    """Ask MODEL both questions about every tweet of TASKS, once with each seed.

    Every response is on the disk before it counts, so the run can be killed at any moment: the
    same command resumes it. Each generation is seeded by itself; a result depends
    neither on the number of processes nor on where a run was interrupted.

    Ends with status 0 only if every response is there; 1 if anything failed or is missing.

    \b
    Examples:
      itr-bench run --model qwen2-vl-7b --tasks ltec_itr_lv,ltec_itr_en_manual
      itr-bench run --model qwen2_5_vl --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct \\
          --tasks ltec_itr_lv --seeds 3 --out runs/
      itr-bench run --model qwen2-vl-7b --tasks ltec_itr --ray auto
      itr-bench run --plan plan.yaml --dry-run --cost
    """
    if cost is not None and not dry_run:
        raise click.UsageError("--cost goes with --dry-run.")
    from itr_bench.runs.configuring import configure, folder_name, refuse_launchers

    if plan is not None:
        from itr_bench.cli.plan import plan_command

        other = [option for key, option in run_options.given().items() if key not in _OF_PLANS]
        if other:
            raise click.UsageError(f"{other[0]} does not go with --plan: write it into the file.")
        refuse_launchers()
        with interruptible(out):
            status = plan_command(plan, out, at_once=at_once, ray=ray, dry_run=dry_run, cost=cost)
        sys.exit(status)
    if model is None or tasks is None:
        missing = "--model" if model is None else "--tasks"
        raise click.UsageError(f"Missing option '{missing}', or '--plan' for many runs.")
    if at_once > 1:
        raise click.UsageError("--at-once goes with --plan.")
    from itr_bench.models.spec import check_batch_size, resolve_model
    from itr_bench.seeds import read_seeds
    from itr_bench.tasks.definitions import expand

    refuse_launchers()
    chosen = read_seeds(seeds)
    asked = resolve_model(
        model,
        model_args=model_args,
        gen_kwargs=gen_kwargs,
        force_simple=force_simple,
        allow_different=[key.strip() for key in allow_different.split(",") if key.strip()],
    )
    check_batch_size(batch_size, asked)
    chosen_tasks = expand([task.strip() for task in tasks.split(",") if task.strip()])
    folder = out / folder_name(name, asked)
    if dry_run:
        from itr_bench.cli.dry_run import show

        show(asked, chosen_tasks, chosen, folder, limit, cost, processes or 1)
        return
    config = configure(
        asked,
        chosen_tasks,
        chosen,
        folder,
        command=command_line(),
        limit=limit,
        processes=processes,
        batch_size=batch_size,
        ray=ray,
        gpus_per_replica=gpus_per_replica,
    )
    sys.exit(_run(config))


_OF_PLANS = ("out", "plan", "at_once", "ray", "dry_run", "cost")
"""The parameters that go with --plan; all others stand in the file."""


@contextlib.contextmanager
def interruptible(folder: Path) -> Iterator[None]:
    """Let Ctrl-C end the process with :data:`INTERRUPTED`, saying what is kept in *folder*."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            f"\nitr-bench: interrupted. What was answered is kept in {folder}; give the same "
            "command again to resume.",
            err=True,
        )
        sys.exit(INTERRUPTED)


def executed(config: RunConfig) -> list[TaskRun]:
    """Execute the run, which Ctrl-C ends as of :func:`interruptible`."""
    from tqdm import tqdm

    from itr_bench.runs.execute import execute

    with interruptible(config.folder):
        return execute(config, lambda line: tqdm.write(line, file=sys.stderr))


def _run(config: RunConfig) -> int:
    """Execute the run, print its scores, and return the exit status."""
    from itr_bench.runs import tables

    runs = executed(config)
    scored = [run.scored for run in runs if run.scored is not None]
    if scored:
        click.echo(tables.summary(scored) if len(scored) > 1 else tables.details(scored[0]))
        click.echo()
    for line in tables.new_forms(scored):
        click.echo(line, err=True)
    click.echo(f"The run is in {config.folder}")
    return report_missing(runs)


def report_missing(runs: Sequence[TaskRun]) -> int:
    """Say what is missing, and return the exit status."""
    lacking = [run.lacking for run in runs if run.lacking]
    for words in lacking:
        click.echo(
            f"itr-bench: error: {words}; give the same command again to ask for them", err=True
        )
    return 1 if lacking else 0


def command_line() -> str:
    """The command as it was given, secrets left out."""
    from itr_bench.runs.commands import without_secrets_in

    words = ["itr-bench", *sys.argv[1:]]
    for place, word in enumerate(words):
        option, sign, value = word.partition("=")
        if option not in _WITH_ARGUMENTS:
            continue
        if sign:
            words[place] = f"{option}={without_secrets_in(value)}"
        elif place + 1 < len(words):
            words[place + 1] = without_secrets_in(words[place + 1])
    return shlex.join(words)


_WITH_ARGUMENTS = ("--model_args", "--model-args", "--gen_kwargs", "--gen-kwargs")
