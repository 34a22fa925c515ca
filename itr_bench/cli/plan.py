"""``itr-bench run --plan``: many runs from one file, and how far they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from tabulate import tabulate
from tqdm import tqdm

from itr_bench.cli.dry_run import pace
from itr_bench.runs.cost import duration
from itr_bench.runs.plan_file import PlannedRun, read_plan
from itr_bench.runs.queue import LOG, Queue, failure
from itr_bench.runs.state import TaskState, is_running, task_state

_EVERY_S = 60
"""How often it is said how far the runs are, where there is no terminal to show a bar."""


_ALIGNED = (*("left",) * 3, *("right",) * 3)


def plan_command(
    path: Path, out: Path, *, at_once: int, ray: str | None, dry_run: bool, cost: str | None
) -> int:
    """Run what a plan says, or print what would be run; return the exit status.

    Raises:
        ItrBenchError: the plan cannot be read, or says what cannot be run.
    """
    runs = read_plan(path)
    if dry_run:
        click.echo(_table(runs, out, cost))
        return 0
    waiting = [run for run in runs if not all(one.is_complete for one in _states(run, out))]
    with Queue(waiting, out, at_once=at_once, ray=ray) as queue:
        queue.run(_shown(queue, waiting, out))
    click.echo(_table(runs, out, None))
    click.echo(f"\nThe runs are in {out}")
    if not queue.failed:
        return 0
    click.echo(
        f"itr-bench: error: {len(queue.failed)} of {len(runs)} runs failed; fix what they say and "
        "give the same command again: only what is missing is run",
        err=True,
    )
    return 1


def _states(run: PlannedRun, out: Path) -> list[TaskState]:
    return [
        task_state(task, run.model, run.seeds, out / run.name / task.name, run.limit)
        for task in run.tasks
    ]


def _table(runs: Sequence[PlannedRun], out: Path, cost: str | None) -> str:
    """The state of every task of every run, what is left to generate, and what failed why."""
    rows = []
    reasons = []
    to_do, seconds, unknown = 0, 0.0, 0
    for run in runs:
        failed = failure(out / run.name)
        states = _states(run, out)
        for task, state in zip(run.tasks, states, strict=True):
            row = [run.name, task.name, _word(state, out / run.name / task.name, failed)]
            row += ["?" if state.tweets is None else str(state.total), str(state.done)]
            to_do += max(0, state.to_do)
            if cost is not None:
                found = pace(cost, task, run.model, run.seeds, out)
                if state.tweets is None or found is None:
                    unknown += not state.is_complete
                    row.append("not measured")
                else:
                    more = state.to_do / state.a_tweet * found.seconds
                    seconds += more
                    row.append(duration(more))
            rows.append(row)
            if state.refusal:
                reasons.append(f"{run.name}, {task.name}: {state.refusal}")
        if failed and not all(state.is_complete for state in states):
            reasons.append(f"{run.name}: {failed}\n  its log: {out / run.name / LOG}")
    heads = ["run", "task", "state", "generations", "done"] + (["cost"] if cost else [])
    lines = [tabulate(rows, heads, disable_numparse=True, colalign=_ALIGNED[: len(heads)])]
    lines.append(f"\nto generate in all: {to_do}")
    if cost is not None:
        lines.append(
            f"cost in all: {duration(seconds)} of one replica"
            + (f", and {unknown} tasks that were not measured" if unknown else "")
        )
    return "\n".join([*lines, *(f"\n{reason}" for reason in reasons)])


def _word(state: TaskState, folder: Path, failed: str | None) -> str:
    if is_running(folder):
        return "running"
    if state.is_complete:
        return "done"
    if state.refusal:
        return "refused"
    if failed:
        return "failed"
    return "part" if state.done else "open"


def _shown(queue: Queue, waiting: Sequence[PlannedRun], out: Path) -> Callable[[], None]:
    """What shows how far the queue is: one bar for all runs, a line where one ends."""
    states = [state for run in waiting for state in _states(run, out)]
    total, at_first = (sum(getattr(one, name) for one in states) for name in ("total", "done"))
    bar = tqdm(
        total=total or None,
        initial=at_first,
        unit=" gen",
        file=sys.stderr,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
    told: set[str] = set()
    last = time.monotonic()

    def show() -> None:
        nonlocal last
        for name in (*queue.done, *queue.failed):
            if name not in told:
                told.add(name)
                why = queue.failed.get(name)
                tqdm.write(f"{name}: failed: {why}" if why else f"{name}: done", file=sys.stderr)
        now = queue.responses(waiting)
        names = ", ".join(one.run.name for one in queue.running) or "nothing"
        words = f"{len(told)} of {len(waiting)} runs ended, running {names}"
        bar.set_description_str(words, refresh=False)
        bar.update(now - bar.n)
        if bar.disable and time.monotonic() - last >= _EVERY_S:
            last = time.monotonic()
            tqdm.write(f"{words}; {now} of {total} generations", file=sys.stderr)
        if len(told) == len(waiting):
            bar.close()

    return show
