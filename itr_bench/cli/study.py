"""``itr-bench study``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from itr_bench.cli import run_options
from itr_bench.errors import ItrBenchError, RunError, bullet_list

if TYPE_CHECKING:
    from itr_bench.models.spec import ModelSpec
    from itr_bench.studies.study import Job, Material, Study
    from itr_bench.tasks.spec import TaskSpec

T = TypeVar("T")


def _list(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from itr_bench.studies.study import studies

    formatter = context.make_formatter()
    formatter.write_dl([(study.name, study.question) for study in studies().values()])
    click.echo(formatter.getvalue().rstrip())
    context.exit()


class _Studies(click.Group):
    """A group whose commands are the studies; one with options of its own has a module here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from itr_bench.studies.study import studies

        return list(studies())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        from itr_bench.studies.study import get_study

        name = get_study(cmd_name).name
        if name == "training":
            from itr_bench.cli.study_training import command as own

            return own
        return _run

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from itr_bench.studies.study import studies

        with formatter.section("Studies"):
            formatter.write_dl([(study.name, study.question) for study in studies().values()])


@click.group("study", cls=_Studies)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list,
    help="List the studies and the questions that they answer.",
)
def command() -> None:
    """Run the tasks that a study compares, and print what they show.

    A study runs its base task and variants of it through `itr-bench run`: the same seeds, the
    same folders, resumed by the same command. What another study has run already is not run
    again. Tasks whose data is not here, or that the model cannot do, are named and left out.
    `itr-bench report OUT` makes a page of all studies together.

    \b
    Examples:
      itr-bench study --list
      itr-bench study image-ablation --model qwen2-vl-7b --out studies/
      itr-bench study prompt --model qwen2-vl-7b --base ltec_itr_lv,ltec_itr_en_manual
      itr-bench study language --model itr_baseline --base itr_demo_lv --seeds 1
      itr-bench study training --help
    """


@click.command()
@click.option(
    "--model",
    required=True,
    help="As of `itr-bench run`; of a study without a VLM, its encoder or other model.",
)
@run_options.MODEL_ARGS
@run_options.BASE
@run_options.SEEDS
@run_options.OUT
@run_options.NAME
@run_options.GEN_KWARGS
@run_options.LIMIT
@run_options.PROCESSES
@run_options.RAY
@run_options.DRY_RUN
def _run(
    model: str,
    model_args: str,
    base: str,
    seeds: str,
    out: Path,
    folder: str | None,
    gen_kwargs: str,
    limit: int | None,
    dry_run: bool,
    **replicas: Any,
) -> None:
    """Run the tasks that this study compares, and print what they show.

    The same command resumes what was begun.
    """
    from itr_bench.models.arguments import parse_arguments
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs.configuring import folder_name, refuse_launchers
    from itr_bench.seeds import read_seeds
    from itr_bench.studies.study import Job, get_study

    name = click.get_current_context().info_name or ""
    study = get_study(name)
    bases = bases_of(study, base)
    if study.execute is not None:
        given = run_options.given()
        unused = [given[name] for name in _OF_VLMS if name in given]
        if unused:
            raise RunError(f"study {name} runs no VLM: leave {', '.join(unused)} away")
        chosen = read_seeds(seeds) if "seeds" in given else None
        arguments = parse_arguments(model_args, "--model_args")
        if dry_run:
            click.echo(f"study {study.name}: {model} on {', '.join(bases)}, results below {out}")
            return
        _execute(study, Job(model, arguments, bases, out, limit, chosen, _log))
        return
    refuse_launchers()
    chosen = read_seeds(seeds)
    asked = resolve_model(model, model_args=model_args, gen_kwargs=gen_kwargs)
    runs = out / folder_name(folder, asked)
    sys.exit(_with_runs(study, bases, asked, runs, chosen, limit, dry_run=dry_run, **replicas))


_OF_VLMS = ("folder", "gen_kwargs", "processes", "ray")
"""The parameters that mean nothing to a study without a VLM."""


def bases_of(study: Study, given: str) -> list[str]:
    """The tasks of ``--base``, each once.

    Raises:
        ItrBenchError: there is none, one is unknown or a variant, or the study compares
            nothing with it.
    """
    from itr_bench.studies.grouping import variant_of
    from itr_bench.tasks.spec import get_task

    bases = list(dict.fromkeys(task.strip() for task in given.split(",") if task.strip()))
    if not bases:
        raise RunError(f"--base is {given!r}: expected one or more tasks, such as ltec_itr_lv")
    problems = []
    for base in bases:
        try:
            get_task(base)
        except ItrBenchError as error:
            problems.append(str(error))
        else:
            if variant_of(base):
                problems.append(f"{base} is a variant; take {get_task(base).reference}")
            elif not study.tasks(base):
                problems.append(f"study {study.name}: it has nothing to compare with {base}")
    if problems:
        raise RunError(f"--base:\n{bullet_list(problems)}")
    return bases


def _with_runs(
    study: Study,
    bases: Sequence[str],
    model: ModelSpec,
    folder: Path,
    seeds: Sequence[int],
    limit: int | None,
    *,
    dry_run: bool,
    **replicas: Any,
) -> int:
    """Run a study's tasks, print what they show, and return the exit status."""
    from itr_bench.cli.run import command_line, executed, report_missing
    from itr_bench.runs import plan
    from itr_bench.runs.execute import RunConfig, check_machine
    from itr_bench.runs.run_folder import is_run_folder
    from itr_bench.studies.study import Material
    from itr_bench.studies.translation_quality import with_quality
    from itr_bench.tasks.spec import get_task

    names = [name for base in bases for name in study.tasks(base)]
    tasks = _where_possible(names, bases, lambda name: _runnable(name, model))
    if dry_run:
        from itr_bench.cli import dry_run as dry

        dry.show(model, tasks, seeds, folder, limit)
        return 0
    if not all(is_run_folder(folder / task.name) for task in tasks):
        check_machine(model)  # before any data is fetched
    plans = _where_possible(
        [task.name for task in tasks],
        bases,
        lambda name: plan.plan_task(get_task(name), model, seeds, limit),
    )
    runs = executed(RunConfig(model, plans, folder, command_line(), **replicas))
    scored = [run.scored for run in runs if run.scored is not None]
    unfinished = {
        run.scored.files[0]: f"{len(run.missing)} of {run.plan.total} responses are missing"
        for run in runs
        if run.scored is not None and run.missing
    }
    show(study, with_quality(Material(runs=scored, unfinished=unfinished)))
    click.echo(f"\nThe runs are in {folder}")
    return report_missing(runs)


def _runnable(name: str, model: ModelSpec) -> TaskSpec:
    """The task called *name*.

    Raises:
        ItrBenchError: its data cannot be had, or *model* cannot do it.
    """
    from itr_bench.data.sets import get_set
    from itr_bench.runs.plan import data_is_here
    from itr_bench.runs.settings import settings_of
    from itr_bench.tasks.spec import get_task

    task = get_task(name)
    spec = get_set(task.set_name)
    if spec.supply is not None and not data_is_here(task):
        raise RunError(f"its data is not here. {spec.supply}")
    settings_of(task, model)
    return task


def _where_possible(
    names: Sequence[str], bases: Sequence[str], make: Callable[[str], T]
) -> list[T]:
    """What *make* makes of each task; those that it refuses are named, unless it is a base."""
    made, skipped = [], []
    for name in dict.fromkeys(names):
        try:
            made.append(make(name))
        except ItrBenchError as error:
            if name in bases:
                raise
            skipped.append(f"{name}: {error}")
    if skipped:
        _log(f"left out of the study:\n{bullet_list(skipped, most=40)}")
    return made


def _execute(study: Study, job: Job) -> None:
    """Do the work of a study that runs no VLM, and print what it shows."""
    from itr_bench.studies.study import Material, read_result

    assert study.execute is not None
    files = study.execute(job)
    show(study, Material(results=[read_result(file) for file in files]))
    click.echo("\nThe results are in:\n" + "\n".join(f"  {file}" for file in files))


def _log(line: str) -> None:
    click.echo(line, err=True)


def show(study: Study, material: Material) -> None:
    from itr_bench.studies.formatting import as_text

    section = study.analyse(material)
    if section is None:
        click.echo(f"{study.title}: nothing to compare yet.")
    else:
        click.echo(as_text(study, section))
