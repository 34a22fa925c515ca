"""Files and folders of finished runs, read as runs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from itr_bench.answers import DEFAULT_PARSER, Parser
from itr_bench.errors import ItrBenchWarning, ScoreError, bullet_list
from itr_bench.runs.lmms_log import is_our_task, is_samples_file, read_samples, samples_files
from itr_bench.runs.plain_files import read_plain
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import (
    UnfinishedError,
    not_begun,
    read_run_folder,
    run_folders,
)
from itr_bench.scoring.signature import digest


def read_runs(
    paths: Sequence[Path],
    *,
    gold: Path | None = None,
    task: str | None = None,
    language: str | None = None,
    parser: Parser = DEFAULT_PARSER,
    plain_allowed: bool = True,
) -> list[Run]:
    """Read all runs that *paths* hold.

    Args:
        paths: folders of runs or of files of samples, such files, or the plain files of one run.
        gold: a TSV with the right relations, for plain files.
        task: the task whose data gives the right relations, and that samples are checked with.

    Raises:
        ScoreError: a file is missing, unreadable, or does not fit the others.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise ScoreError(
            f"no such file or folder:\n{bullet_list(missing)}\n"
            "If lmms-eval was to write it, the run failed: look at what it printed."
        )
    folders: list[Path] = []
    samples: list[Path] = []
    plain: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = list(run_folders(path))
            for folder in not_begun(path):
                warnings.warn(f"{folder}: not begun", ItrBenchWarning, stacklevel=2)
            folders += found
            samples += _samples_below(path, required=not found)
        else:
            (samples if is_samples_file(path) else plain).append(path)
    if plain and not plain_allowed:
        raise ScoreError(
            f"{plain[0]}: expected ..._samples_<task>.jsonl of lmms-eval, a folder of "
            "`itr-bench run`, or a folder with them"
        )
    if plain and (samples or folders):
        raise ScoreError("score plain files and other runs one after the other")
    if plain:
        return [_plain_run(plain, gold, task, language, parser)]
    if gold is not None:
        raise ScoreError("--gold goes with plain files; other runs hold their labels")
    runs = [*_begun(folders), *map(read_samples, samples)]
    if task is not None:
        for run in runs:
            _check_labels(run, task)
    return runs


def _begun(folders: Sequence[Path]) -> list[Run]:
    """The runs of *folders*; of several, those without a complete tweet are left out and named."""
    runs: list[Run] = []
    unfinished: list[UnfinishedError] = []
    for folder in folders:
        try:
            runs.append(read_run_folder(folder))
        except UnfinishedError as error:
            unfinished.append(error)
    if unfinished and not runs:
        raise unfinished[0]
    for left_out in unfinished:
        warnings.warn(str(left_out), ItrBenchWarning, stacklevel=3)
    return runs


def _samples_below(folder: Path, *, required: bool) -> list[Path]:
    """The files of samples of our tasks below *folder*, at least one where it is *required*."""
    found = samples_files(folder)
    ours = [file for file in found if is_our_task(file)]
    if ours:
        if len(ours) < len(found):
            others = len(found) - len(ours)
            text = f"{folder}: {others} files of other tasks are left out"
            warnings.warn(text, ItrBenchWarning, stacklevel=2)
        return ours
    if not required:
        return []
    if any(folder.rglob("*_results.json")):
        raise ScoreError(f"{folder} has results but no samples: run again with --log_samples")
    raise ScoreError(
        f"{folder}: no run in it: no folder of `itr-bench run`, and no ..._samples_<task>.jsonl of "
        "our tasks. lmms-eval writes them with "
        "--log_samples --output_path, and ends with status 0 also when it failed: look at what it "
        "printed."
    )


def _plain_run(
    paths: list[Path], gold: Path | None, task: str | None, language: str | None, parser: Parser
) -> Run:
    if gold is not None and task is not None:
        raise ScoreError("give --gold or --task, not both")
    if gold is None and task is None:
        raise ScoreError(
            f"{paths[0]}: plain files need the right relations: give --gold TSV or --task NAME"
        )
    if gold is not None:
        from itr_bench.data.tsv import read_tweets

        rows = read_tweets(gold, {})
        labels = {row.values["tweet_id"]: int(row.values["relation"]) for row in rows}
        data_id = f"gold-{digest(sorted(labels.items()))}"
        return read_plain(
            paths,
            labels,
            task=gold.stem,
            language=language or "en",
            data=data_id,
            parser=parser,
        )
    from itr_bench.tasks.loading import open_task
    from itr_bench.tasks.spec import get_task

    assert task is not None
    data = open_task(get_task(task))
    return read_plain(
        paths,
        data.tweets.labels,
        task=task,
        language=language or data.spec.answer_language,
        data=data.identity,
        parser=parser,
    )


def _check_labels(run: Run, task: str) -> None:
    """Check a run against the data of *task*: its identity, its ids and its labels."""
    from itr_bench.tasks.loading import open_task
    from itr_bench.tasks.spec import get_task

    data = open_task(get_task(task))
    labels = data.tweets.labels
    problems = sorted(
        {
            f"tweet {item.tweet_id}: relation {item.relation} in the run, "
            f"{labels.get(item.tweet_id, 'not there')} in the data"
            for item in run.items
            if labels.get(item.tweet_id) != item.relation
        }
    )
    if run.data != data.identity:
        problems.insert(0, f"the run was made on data {run.data}, {task} is {data.identity} here")
    if problems:
        raise ScoreError(f"{run.files[0]} does not fit {task}:\n{bullet_list(problems)}")
