"""``itr-bench run --dry-run``: the plan in words. Loads no model and fetches nothing."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import click

from itr_bench.errors import RunError
from itr_bench.models.adapters import Seeding
from itr_bench.models.arguments import format_arguments, without_secrets
from itr_bench.models.machine import missing
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import QUESTIONS
from itr_bench.runs import commands, plan
from itr_bench.runs.cost import Pace, duration, measured
from itr_bench.runs.settings import prompts_in_short, settings_of
from itr_bench.runs.state import TaskState, task_state
from itr_bench.tasks import documents
from itr_bench.tasks.spec import TaskSpec

_SEEDED = {
    Seeding.PROCESS: "before each request, one request at a time",
    Seeding.REQUEST: "by the adapter, each request by itself",
    Seeding.PAYLOAD: "by the server, each request by itself",
    Seeding.NONE: "NOT: this adapter takes no seed, and responses differ from run to run",
}

_NO_IMAGE = ("image", "none")

MEASURED = "measured"
"""The value of ``--cost`` without one."""


def show(
    model: ModelSpec,
    tasks: Sequence[TaskSpec],
    seeds: Sequence[int],
    folder: Path,
    limit: int | None,
    cost: str | None = None,
    replicas: int = 1,
) -> None:
    """Print what a run would do, and what it would cost on so many *replicas*."""
    arguments = without_secrets(model.arguments)
    click.echo(
        f"model       {model.name}" + (f", preset {model.preset.name}" if model.preset else "")
    )
    click.echo(f"adapter     {model.adapter}, {format_arguments(arguments) or 'no arguments'}")
    click.echo(f"seeds       {len(seeds)}: {', '.join(map(str, seeds))}")
    click.echo(f"seeded      {_SEEDED[model.handling.seeding]}")
    if not model.seeds_can_differ:
        click.echo(
            "            seeds cannot differ: nothing is left to chance, one seed says as much"
        )
    kind = model.preset.kind if model.preset else None
    differing = commands.from_paper(model, seeds)
    _list(kind or "paper", differing, f"as in the {kind}" if kind else None)
    found = missing(model.adapter, model.arguments, force_simple=model.force_simple)
    lacks = [f"{name} ({hint})" for name, hint in found.items()]
    _list("missing", lacks, "nothing is missing on this machine")
    total, seconds = 0, 0.0
    for task in tasks:
        one, more = _task(task, model, seeds, folder / task.name, limit, cost)
        total, seconds = total + one, seconds + more
    if len(tasks) > 1:
        click.echo(f"\nto generate in all: {total}")
    if seconds and (len(tasks) > 1 or replicas > 1):
        shared = f"; {duration(seconds / replicas)} by {replicas} replicas" if replicas > 1 else ""
        click.echo(f"cost in all: {duration(seconds)} of one replica{shared}")


def _list(name: str, lines: Sequence[str], otherwise: str | None) -> None:
    shown = list(lines) or ([otherwise] if otherwise else [])
    for number, line in enumerate(shown):
        click.echo(f"{'' if number else name:12}{line}")


def _task(
    task: TaskSpec,
    model: ModelSpec,
    asked: Sequence[int],
    folder: Path,
    limit: int | None,
    cost: str | None,
) -> tuple[int, float]:
    """Print the plan of one task, and return the responses to generate and their seconds."""
    settings = settings_of(task, model)
    state = task_state(task, model, asked, folder, limit)
    generation = format_arguments(settings.generation)
    click.echo(f"\n{task.name}")
    click.echo(f"  folder      {folder}")
    if not plan.data_is_here(task):
        click.echo("  data        not on this machine yet; fetched, or asked for, by the run")
    seconds = 0.0
    if state.tweets is None:
        click.echo("  tweets      not known before the data is there")
    else:
        click.echo(
            f"  generations {state.tweets} tweets x {len(QUESTIONS)} questions x "
            f"{len(settings.seeds(asked))} seeds = {state.total}: {state.done} done, "
            f"{state.to_do} to do"
        )
        if cost is not None:
            seconds = _cost(state, pace(cost, task, model, asked, folder.parents[1]))
    for number, line in enumerate(state.refusal.splitlines()):
        click.echo(f"  {'' if number else 'REFUSED':12}{line}")
    click.echo(f"  settings    {generation}")
    variant = task.variant
    if variant.name:
        click.echo(f"  variant     {variant.title}")
    shown = [part for part in settings.wording["order"] if (part, variant.picture) != _NO_IMAGE]
    click.echo(f"  prompt      {', '.join(shown)}; {settings.wording['answer_format']} answers")
    for prompt in prompts_in_short(task, settings):
        click.echo(textwrap.indent(prompt.rstrip(), " " * 14))
    context = variant.context
    if context:
        click.echo(
            f"  examples    {2 * context.shots} before each question, "
            f"{'with' if context.images else 'without'} images; "
            f"{documents.held_out(task)} tweets held out for them"
        )
    click.echo(f"  plain       {commands.plain_command(task, model, len(settings.seeds(asked)))}")
    return max(0, state.to_do), seconds


def pace(
    cost: str, task: TaskSpec, model: ModelSpec, asked: Sequence[int], out: Path
) -> Pace | None:
    """The pace that ``--cost`` asks to reckon with; ``None`` where none was measured."""
    if cost == MEASURED:
        return measured(task, model, asked, out)
    try:
        seconds = float(cost)
    except ValueError:
        seconds = -1
    if not 0 < seconds < math.inf:
        raise RunError(f"--cost {cost}: expected the seconds of a tweet, or no value")
    return Pace(seconds, "as given")


def _cost(state: TaskState, found: Pace | None) -> float:
    """Print what a task costs, and return its seconds."""
    if found is None:
        click.echo(
            "  cost        not known: measure it on a few tweets, --limit 8 --name trial, or give "
            "--cost SECONDS"
        )
        return 0
    tweets = state.to_do / state.a_tweet
    seconds = tweets * found.seconds
    click.echo(
        f"  cost        {tweets:.0f} tweets x {found.seconds:.2f} s = {duration(seconds)} of one "
        f"replica ({found.source})"
    )
    return seconds
