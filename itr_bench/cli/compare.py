"""``itr-bench compare``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
from tabulate import tabulate

from itr_bench.cli.runs import read_runs
from itr_bench.cli.tables import interval
from itr_bench.data.manifest import kind_of
from itr_bench.data.sets import get_set
from itr_bench.errors import ScoreError
from itr_bench.runs.run import Run
from itr_bench.scoring import compare, holm
from itr_bench.tasks.spec import get_task


@click.command("compare", short_help="Compare runs on the same tweets.")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def command(runs: tuple[Path, ...], as_json: bool) -> None:
    """Compare all RUNS of one task with each other (folders of runs or of files of samples).

    For each pair: the difference of accuracies with a 95 % interval that resamples tweets, the
    tweets that only one of them has right (in more than half of its samples), the exact
    McNemar test on these, and its p value after Holm's correction for all pairs of the task.
    JSON also has mean_p_value, of a t test of the difference over tweets and seeds.

    Runs are compared on the same data. Only TIRT, of which everybody has the tweets that were
    still available, is compared on the tweets that two runs share: these must have the same
    labels and images, and the same texts where the prompts are worded alike.

    \b
    Example:
      itr-bench compare runs/
      itr-bench compare runs/qwen2-vl-7b out/llava_hf/
    """
    read = read_runs(runs, plain_allowed=False)
    pairs = [
        (a, b) for a, b in itertools.combinations(read, 2) if a.task == b.task and _comparable(a, b)
    ]
    if not pairs:
        raise ScoreError(
            "nothing to compare: no two runs of the same task on the same data among "
            + ", ".join(f"{run.model} ({run.task}, {run.data})" for run in read)
        )
    found = [compare(a.predictions, b.predictions) for a, b in pairs]
    adjusted = [0.0] * len(pairs)
    for task in sorted({a.task for a, _ in pairs}):
        places = [i for i, (a, _) in enumerate(pairs) if a.task == task]
        for place, p in zip(places, holm([found[i].p_value for i in places]), strict=True):
            adjusted[place] = p
    if as_json:
        out = [
            {"task": a.task, "a": a.model, "b": b.model, **asdict(c), "p_holm": p}
            for (a, b), c, p in zip(pairs, found, adjusted, strict=True)
        ]
        click.echo(json.dumps(out, indent=2, ensure_ascii=False))
        return
    rows = [
        [
            a.task,
            _name(a, read),
            _name(b, read),
            _shared(c.tweets, a.score.tweets, b.score.tweets),
            f"{100 * c.difference:+.1f}",
            interval(c.interval),
            f"{c.only_a} / {c.only_b}",
            f"{c.p_value:.4f}",
            f"{p:.4f}",
        ]
        for (a, b), c, p in sorted(
            zip(pairs, found, adjusted, strict=True), key=lambda row: row[0][0].task
        )
    ]
    header = ["task", "A", "B", "tweets", "A - B, points", "95 % interval", "only A / only B"]
    header += ["p (McNemar)", "p (Holm)"]
    click.echo(tabulate(rows, header, tablefmt="simple", disable_numparse=True))
    click.echo(
        "\nThe interval is over all samples; McNemar takes a tweet as right where more than half\n"
        "of its samples are. So the two can disagree."
    )
    for a, b in pairs:
        of_a, of_b = a.signature.fields(), b.signature.fields()
        differing = [
            f"{key} ({of_a[key]} and {of_b[key]})" for key in of_a if of_a[key] != of_b[key]
        ]
        if differing:
            click.echo(
                f"{a.task}: {_name(a, read)} and {_name(b, read)} differ in {', '.join(differing)}"
            )


def _comparable(a: Run, b: Run) -> bool:
    """Whether two runs of a task are on the same tweets, or on samples of the same source.

    Raises:
        ScoreError: a tweet that both samples have with different images.
    """
    if a.data == b.data:
        return True
    if a.data is None or b.data is None or kind_of(a.data) != kind_of(b.data):
        return False
    if get_set(get_task(a.task).set_name).relations is not None:
        return False
    differing = _differing(a.images, b.images)
    # Prompts that are worded alike differ only where the texts do.
    of_texts = _differing(a.prompts, b.prompts)
    shared = a.prompts.keys() & b.prompts.keys()
    what = f"images of {len(differing)} tweets"
    if not differing and len(of_texts) < len(shared):
        differing = sorted({item.split()[0] for item in of_texts})
        what = f"texts of {len(differing)} tweets"
    if differing:
        raise ScoreError(
            f"{a.model} and {b.model} saw different {what} of {a.task} "
            f"({', '.join(differing[:3])}{', ...' if len(differing) > 3 else ''}): build the set "
            "from the same tweets and run one of them again, or compare them apart"
        )
    return bool(shared)


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> list[str]:
    return sorted(key for key in a.keys() & b.keys() if a[key] != b[key])


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
