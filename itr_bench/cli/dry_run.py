"""``itr-bench run --dry-run``: the plan in words. Loads no model and fetches nothing."""

from __future__ import annotations

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
from itr_bench.runs.settings import prompts_in_short, settings_of
from itr_bench.tasks import documents
from itr_bench.tasks.spec import TaskSpec

_SEEDED = {
    Seeding.PROCESS: "before each request, one request at a time",
    Seeding.REQUEST: "by the adapter, each request by itself",
    Seeding.PAYLOAD: "by the server, each request by itself",
    Seeding.NONE: "NOT: this adapter takes no seed, and responses differ from run to run",
}

_NO_IMAGE = ("image", "none")


def show(
    model: ModelSpec,
    tasks: Sequence[TaskSpec],
    seeds: Sequence[int],
    folder: Path,
    limit: int | None,
) -> None:
    """Print what a run would do."""
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
    total = 0
    for task in tasks:
        total += _task(task, model, seeds, folder / task.name, limit)
    if len(tasks) > 1:
        click.echo(f"\nto generate in all: {total}")


def _list(name: str, lines: Sequence[str], otherwise: str | None) -> None:
    shown = list(lines) or ([otherwise] if otherwise else [])
    for number, line in enumerate(shown):
        click.echo(f"{'' if number else name:12}{line}")


def _task(
    task: TaskSpec, model: ModelSpec, asked: Sequence[int], folder: Path, limit: int | None
) -> int:
    """Print the plan of one task, and return the number of responses to generate."""
    settings = settings_of(task, model)
    seeds = settings.seeds(asked)
    known = plan.tweets_known(task)
    tweets = known if known is None or limit is None else min(limit, known)
    done, refusal = _there(task, model, asked, folder, limit)
    generation = format_arguments(settings.generation)
    click.echo(f"\n{task.name}")
    click.echo(f"  folder      {folder}")
    if not plan.data_is_here(task):
        click.echo("  data        not on this machine yet; fetched, or asked for, by the run")
    open_ = 0
    if tweets is None:
        click.echo("  tweets      not known before the data is there")
    else:
        total = tweets * len(QUESTIONS) * len(seeds)
        done = min(done, total)
        open_ = total - done
        click.echo(
            f"  generations {tweets} tweets x {len(QUESTIONS)} questions x {len(seeds)} seeds = "
            f"{total}: {done} done, {open_} to do"
        )
    for number, line in enumerate(refusal.splitlines()):
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
    click.echo(f"  plain       {commands.plain_command(task, model, len(seeds))}")
    return open_


def _there(
    task: TaskSpec, model: ModelSpec, seeds: Sequence[int], folder: Path, limit: int | None
) -> tuple[int, str]:
    """How many of the responses asked for are in *folder*, and why it would be refused, if so."""
    if not folder.is_dir():
        return 0, ""
    from itr_bench.runs.execute import checked_manifest, refuse_differences
    from itr_bench.runs.manifest import MANIFEST, differences, read_manifest
    from itr_bench.runs.response import Key, Response
    from itr_bench.runs.response_log import RESPONSES, read_responses

    responses: dict[Key, Response] = {}
    done = 0
    try:
        if (folder / RESPONSES).exists():
            responses = read_responses(folder / RESPONSES)
        if not responses and not (folder / MANIFEST).exists():
            return 0, ""
        if plan.data_is_here(task):
            planned = plan.plan_task(task, model, seeds, limit)
            done = planned.total - len(planned.missing(responses))
            checked_manifest(folder, planned, responses)
        else:
            settings = settings_of(task, model)
            chosen = settings.seeds(seeds)
            done = sum(response.seed in chosen for response in responses.values())
            now = plan.configuration_without_data(settings, model, seeds)
            there = read_manifest(folder)["configuration"]
            refuse_differences(folder, differences({key: there.get(key) for key in now}, now))
    except RunError as error:
        return done, str(error)
    return done, ""
