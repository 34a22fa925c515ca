"""``itr-bench study``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itr_bench.cli import run_options
from itr_bench.errors import ItrBenchError, RunError, bullet_list

if TYPE_CHECKING:
    from itr_bench.models.spec import ModelSpec
    from itr_bench.runs.plan import TaskPlan
    from itr_bench.studies.study import Material, Study
    from itr_bench.tasks.spec import TaskSpec


def _list(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from itr_bench.studies.study import studies

    with_ = context.make_formatter()
    with_.write_dl([(study.name, study.question) for study in studies().values()])
    click.echo(with_.getvalue().rstrip())
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


@click.group("study", cls=_Studies, short_help="Run what a question needs.")
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
    processes: int | None,
    ray: str | None,
    dry_run: bool,
) -> None:
    """Run the tasks that this study compares, and print what they show.

    The same command resumes what was begun.
    """
    from itr_bench.seeds import read_seeds
    from itr_bench.studies.study import get_study

    name = click.get_current_context().info_name or ""
    study = get_study(name)
    bases = bases_of(study, base)
    if study.execute is not None:
        given = run_options.given()
        unused = [given[name] for name in _OF_VLMS if name in given]
        if unused:
            raise RunError(f"study {name} runs no VLM: leave {', '.join(unused)} away")
        chosen = read_seeds(seeds) if "seeds" in given else None
        _without_runs(study, bases, model, model_args, out, limit, chosen, dry_run=dry_run)
        return
    sys.exit(
        _with_runs(
            study,
            bases,
            model=(model, model_args, gen_kwargs),
            seeds=seeds,
            place=(out, folder),
            limit=limit,
            processes=processes,
            ray=ray,
            dry_run=dry_run,
        )
    )


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
    *,
    model: tuple[str, str, str],
    seeds: str,
    place: tuple[Path, str | None],
    limit: int | None,
    processes: int | None,
    ray: str | None,
    dry_run: bool,
) -> int:
    """Run a study's tasks, print what they show, and return the exit status."""
    from itr_bench.cli.run import (
        command_line,
        executed,
        report_missing,
    )
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs.configuring import folder_name, refuse_launchers
    from itr_bench.runs.execute import RunConfig, check_machine
    from itr_bench.runs.run_folder import is_run_folder
    from itr_bench.seeds import read_seeds
    from itr_bench.studies.study import Material
    from itr_bench.studies.translation_quality import with_quality

    refuse_launchers()
    chosen = read_seeds(seeds)
    name, model_args, gen_kwargs = model
    asked = resolve_model(name, model_args=model_args, gen_kwargs=gen_kwargs)
    out, named = place
    folder = out / folder_name(named, asked)
    tasks, skipped = _possible(study, bases, asked)
    _say_skipped(skipped)
    if dry_run:
        from itr_bench.cli import dry_run as dry

        dry.show(asked, tasks, chosen, folder, limit)
        return 0
    if not all(is_run_folder(folder / task.name) for task in tasks):
        check_machine(asked)  # before any data is fetched
    plans, refused = _planned(tasks, bases, asked, chosen, limit)
    _say_skipped(refused)
    config = RunConfig(asked, plans, folder, command_line(), processes=processes, ray=ray)
    runs = executed(config)
    scored = [run.scored for run in runs if run.scored is not None]
    unfinished = {
        run.scored.files[0]: f"{len(run.missing)} of {run.plan.total} responses are missing"
        for run in runs
        if run.scored is not None and run.missing
    }
    show(study, with_quality(Material(runs=scored, unfinished=unfinished)))
    click.echo(f"\nThe runs are in {folder}")
    return report_missing(runs)


def _possible(
    study: Study, bases: Sequence[str], model: ModelSpec
) -> tuple[list[TaskSpec], list[str]]:
    """The tasks of a study that can be run here, and why the others cannot."""
    from itr_bench.data.sets import get_set
    from itr_bench.runs import plan
    from itr_bench.runs.settings import settings_of
    from itr_bench.tasks.spec import get_task

    tasks: dict[TaskSpec, None] = {}
    skipped = []
    for base in bases:
        for name in study.tasks(base):
            try:
                task = get_task(name)
                spec = get_set(task.set_name)
                if spec.supply is not None and not plan.data_is_here(task):
                    raise RunError(f"its data is not here. {spec.supply}")
                settings_of(task, model)
            except ItrBenchError as error:
                if name == base:
                    raise
                skipped.append(f"{name}: {error}")
            else:
                tasks[task] = None
    return list(tasks), skipped


def _planned(
    tasks: Sequence[TaskSpec],
    bases: Sequence[str],
    model: ModelSpec,
    seeds: Sequence[int],
    limit: int | None,
) -> tuple[list[TaskPlan], list[str]]:
    """The plans of the tasks, and why some have none."""
    from itr_bench.runs import plan

    plans, refused = [], []
    for task in tasks:
        try:
            plans.append(plan.plan_task(task, model, seeds, limit))
        except ItrBenchError as error:
            if task.name in bases:
                raise
            refused.append(f"{task.name}: {error}")
    return plans, refused


def _say_skipped(skipped: Sequence[str]) -> None:
    if skipped:
        click.echo(f"left out of the study:\n{bullet_list(skipped, most=40)}", err=True)


def _without_runs(
    study: Study,
    bases: Sequence[str],
    model: str,
    model_args: str,
    out: Path,
    limit: int | None,
    seeds: Sequence[int] | None,
    *,
    dry_run: bool,
) -> None:
    """A study that runs no VLM."""
    from itr_bench.models.arguments import parse_arguments
    from itr_bench.studies.study import Job, Material, read_result

    assert study.execute is not None
    arguments = parse_arguments(model_args, "--model_args")
    if dry_run:
        click.echo(f"study {study.name}: {model} on {', '.join(bases)}, results below {out}")
        return
    job = Job(model, arguments, bases, out, limit, seeds, lambda line: click.echo(line, err=True))
    files = study.execute(job)
    show(study, Material(results=[read_result(file) for file in files]))
    click.echo("\nThe results are in:\n" + "\n".join(f"  {file}" for file in files))


def show(study: Study, material: Material) -> None:
    from itr_bench.studies.formatting import as_text

    section = study.analyse(material)
    if section is None:
        click.echo(f"{study.title}: nothing to compare yet.")
    else:
        click.echo(as_text(study, section))
