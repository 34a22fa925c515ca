"""``itr-bench compare``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import click
from tabulate import tabulate

from itr_bench.report import words
from itr_bench.runs.comparing import Compared, compare_runs
from itr_bench.runs.reading import read_runs
from itr_bench.runs.run import Run
from itr_bench.runs.tables import DASH


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
@click.option("-v", "--verbose", is_flag=True, help="Show the signatures too.")
def command(runs: tuple[Path, ...], as_json: bool, verbose: bool) -> None:
    """Compare all RUNS of one task with each other (folders of runs or of files of samples).

    For each pair: the difference of accuracies with a 95 % interval that resamples tweets, the
    tweets that only one of them has right (in more than half of its samples), and two tests: the
    exact McNemar test on these, and a t test of the mean difference over tweets and seeds. Their p
    values are adjusted by Holm's method for all pairs of the task. Two models differ significantly
    where both are below 0.05 and agree on which is better; the leaderboard decides by the same.

    Runs are compared on the same data. Only TIRT, of which everybody has the tweets that were
    still available, is compared on the tweets that two runs share: these must have the same
    labels and images, and the same texts where the prompts are worded alike.

    \b
    Example:
      itr-bench compare runs/
      itr-bench compare runs/qwen2-vl-7b out/llava_hf/
    """
    read = read_runs(runs, plain_allowed=False)
    compared = compare_runs(read)
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in compared], indent=2, ensure_ascii=False))
        return
    for task in dict.fromkeys(pair.a.task for pair in compared):
        own_pairs = [one for one in compared if one.a.task == task]
        click.echo(_table(task, own_pairs, read))
    click.echo(
        "McNemar takes a tweet as right where more than half of its samples are; the interval and\n"
        "the t test take all samples. p values are adjusted by Holm's method over the pairs."
    )
    for pair in compared:
        if verbose:
            click.echo(f"{_name(pair.a, read)}: {pair.a.signature}")
            click.echo(f"{_name(pair.b, read)}: {pair.b.signature}")
        if differing := pair.unlike():
            names = f"{_name(pair.a, read)} and {_name(pair.b, read)}"
            click.echo(f"{pair.a.task}: {names} differ in {', '.join(differing)}")


def _table(task: str, compared: Sequence[Compared], read: list[Run]) -> str:
    """The pairs of a task; models are numbered, so that names of any length fit."""
    runs = list({id(run): run for one in compared for run in (one.a, one.b)}.values())
    runs.sort(key=lambda run: -run.score.accuracy)
    number = {id(run): i for i, run in enumerate(runs, start=1)}
    legend = [
        f"  {number[id(run)]}  {_name(run, read)}: {100 * run.score.accuracy:.1f} %" for run in runs
    ]
    rows = []
    for one in compared:
        c, decided = one.comparison, one.significance
        a, b = number[id(one.a)], number[id(one.b)]
        ends = c.interval
        verdict = {1: f"{a} is better", -1: f"{b} is better", 0: words.NOT_DIFFERENT}
        rows.append(
            [
                f"{a} - {b}",
                _shared(c.tweets, one.a.score.tweets, one.b.score.tweets),
                words.points(c.difference),
                DASH if ends is None else words.points_interval((ends.low, ends.high)),
                f"{c.only_a} / {c.only_b}",
                words.p_value(decided.p_value),
                words.p_value(decided.mean_p_value),
                f"{verdict[decided.better]}: {decided.reason}",
            ]
        )
    header = ["pair", "tweets", "difference", "95 % interval", "only one", "McNemar", "t test"]
    table = tabulate(
        rows,
        [*header, "verdict"],
        tablefmt="simple",
        disable_numparse=True,
        maxcolwidths=[None, 12, *[None] * 5, 18],
    )
    return "\n".join([task, "", *legend, "", table, ""])


def _shared(tweets: int, of_a: int, of_b: int) -> str:
    return f"{tweets} of {of_a}" if of_a == of_b else f"{tweets} of {of_a} and {of_b}"


def _name(run: Run, among: list[Run]) -> str:
    """The model's name, with what tells its files from another run's of the same name."""
    twins = [other for other in among if (other.model, other.task) == (run.model, run.task)]
    if len(twins) == 1:
        return run.model
    paths = [Path(twin.files[0]).absolute().parent.parts for twin in twins]
    own = Path(run.files[0]).absolute().parent.parts
    first, last = _alike(paths), _alike([path[::-1] for path in paths])
    return f"{run.model} ({'/'.join(own[first : len(own) - last]) or own[-1]})"


def _alike(paths: list[tuple[str, ...]]) -> int:
    """How many parts all *paths* begin with."""
    together = zip(*paths, strict=False)
    return len(list(itertools.takewhile(lambda parts: len(set(parts)) == 1, together)))
