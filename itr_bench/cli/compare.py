"""``itr-bench compare``."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from tabulate import tabulate

from itr_bench.cli.runs import read_runs
from itr_bench.cli.tables import interval
from itr_bench.data.manifest import kind_of
from itr_bench.data.sets import get_set
from itr_bench.errors import ScoreError
from itr_bench.report import words
from itr_bench.runs.run import Run
from itr_bench.scoring import Comparison, Significance, compare, decide
from itr_bench.tasks.spec import get_task

_CHECKPOINT = re.compile(
    r"(^|\.)(pretrained|model|model_version|model_id_name|revision|content|checkpoint\w*)$"
)
"""Settings that name the model: two models differ in them, which is no news."""


@click.command("compare", short_help="Compare runs on the same tweets.")
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
    pairs = [
        (a, b) for a, b in itertools.combinations(read, 2) if a.task == b.task and _comparable(a, b)
    ]
    if not pairs:
        raise ScoreError(
            "nothing to compare: no two runs of the same task on the same data among "
            + ", ".join(f"{run.model} ({run.task}, {run.data})" for run in read)
        )
    found = [compare(a.predictions, b.predictions) for a, b in pairs]
    decided: list[Significance | None] = [None] * len(pairs)
    tasks = list(dict.fromkeys(a.task for a, _ in pairs))
    for task in tasks:
        places = [i for i, (a, _) in enumerate(pairs) if a.task == task]
        own = decide([found[i] for i in places])
        for place, one in zip(places, own, strict=True):
            decided[place] = one
    compared = [
        Compared(a, b, comparison, one)
        for (a, b), comparison, one in zip(pairs, found, decided, strict=True)
        if one is not None
    ]
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in compared], indent=2, ensure_ascii=False))
        return
    for task in tasks:
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
        if differing := _unlike(pair.a, pair.b):
            names = f"{_name(pair.a, read)} and {_name(pair.b, read)}"
            click.echo(f"{pair.a.task}: {names} differ in {', '.join(differing)}")


@dataclass(frozen=True)
class Compared:
    """Two runs, and whether they differ."""

    a: Run
    b: Run
    comparison: Comparison
    significance: Significance

    def as_dict(self) -> dict[str, object]:
        """The comparison as JSON writes it."""
        decided = self.significance
        return {
            "task": self.a.task,
            "a": self.a.model,
            "b": self.b.model,
            **asdict(self.comparison),
            "p_holm": decided.p_value,
            "mean_p_holm": decided.mean_p_value,
            "better": {1: "a", -1: "b", 0: None}[decided.better],
            "reason": decided.reason,
        }


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
        rows.append(
            [
                f"{a} - {b}",
                _shared(c.tweets, one.a.score.tweets, one.b.score.tweets),
                words.points(c.difference),
                interval(c.interval),
                f"{c.only_a} / {c.only_b}",
                words.p_value(decided.p_value),
                words.p_value(decided.mean_p_value),
                f"{_verdict(decided, a, b)}: {decided.reason}",
            ]
        )
    header = ["pair", "tweets", "difference", "95 % interval", "only one", "McNemar", "t test"]
    table = tabulate(
        rows,
        [*header, "verdict"],
        tablefmt="simple",
        disable_numparse=True,
        maxcolwidths=[None, 12, *[None] * 5, 24],
    )
    return "\n".join([task, "", *legend, "", table, ""])


def _verdict(decided: Significance, a: int, b: int) -> str:
    if decided.better:
        return f"{a if decided.better > 0 else b} is better"
    return words.NOT_DIFFERENT


def _unlike(a: Run, b: Run) -> list[str]:
    """In what two runs differ beside the model, by the names of the settings."""
    of_a, of_b = a.signature.fields(), b.signature.fields()
    found = []
    for key in of_a:
        if of_a[key] == of_b[key]:
            continue
        if key != "generation" or a.generation is None or b.generation is None:
            found.append(f"{key} ({of_a[key]} and {of_b[key]})")
            continue
        settings_a, settings_b = _flat(a.generation), _flat(b.generation)
        for name in sorted(settings_a.keys() | settings_b.keys()):
            one, other = settings_a.get(name), settings_b.get(name)
            if one != other and not _CHECKPOINT.search(name):
                found.append(f"{name} ({_value(one)} and {_value(other)})")
    return found


def _flat(settings: Mapping[str, object], start: str = "") -> dict[str, object]:
    """Nested settings by their names, such as ``generation_kwargs.temperature``."""
    found: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{start}{name}.")
        else:
            found[start + name] = value
    return found


def _value(value: object) -> str:
    """A setting, short enough for a message."""
    text = "not set" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


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
