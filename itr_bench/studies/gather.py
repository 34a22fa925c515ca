"""Everything that the paths of a command line hold, read for a report."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from itr_bench.errors import DataError, ItrBenchError, ScoreError, bullet_list
from itr_bench.runs.lmms_log import is_our_task, is_samples_file, read_samples, samples_files
from itr_bench.runs.manifest import read_manifest
from itr_bench.runs.response_log import RESPONSES
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import read_run_folder, run_folders
from itr_bench.studies.shown import as_text
from itr_bench.studies.study import RESULT, Material, Result, read_result, studies

_PROCESSES = 2
"""They read at the same time where there is much; a third one would wait for this one."""

_MUCH = 64 * 2**20
"""Bytes of responses: two seconds of reading, as long as processes need to start."""


@dataclass(frozen=True)
class Gathered:
    """What was read.

    Attributes:
        material: the runs and results.
        left_out: what could not be read, and why.
    """

    material: Material
    left_out: tuple[str, ...]


def gather(paths: Sequence[Path], *, progress: bool = False) -> Gathered:
    """Read all runs and results at and below *paths*.

    What is damaged or not complete enough is left out and named; the rest is read.

    Raises:
        ScoreError: a path is not there or holds no run, or nothing at all could be read.
    """
    sources = _sources(sorted(set(paths)))
    runs: list[Run] = []
    results: list[Result] = []
    unfinished: dict[str, str] = {}
    left_out: list[str] = []
    of_runs = [source for source in sources if source.name != RESULT]
    for found in _bar(_read_all(of_runs), len(of_runs), progress):
        if isinstance(found, ItrBenchError):
            left_out.append(str(found))
            continue
        run, missing = found
        runs.append(run)
        if missing:
            unfinished[run.files[0]] = missing
    for source in sources:
        if source.name == RESULT:
            try:
                results.append(_result(source))
            except ItrBenchError as error:
                left_out.append(str(error))
    if not runs and not results:
        raise ScoreError(f"nothing that can be reported:\n{bullet_list(left_out)}")
    results = _without_copies(results, left_out)
    # By content, so that the order of the paths makes no difference.
    runs.sort(key=lambda run: (run.model, run.task, run.files))
    results.sort(
        key=lambda one: (one.study, one.model, one.task, one.data, str(one.facts), one.path)
    )
    return Gathered(
        Material(runs=tuple(runs), results=tuple(results), unfinished=unfinished),
        tuple(sorted(left_out)),
    )


def _result(path: Path) -> Result:
    """Read a result that its study can show by itself.

    Raises:
        DataError: it is damaged, or of a study that is not known here.
    """
    result = read_result(path)
    study = studies().get(result.study)
    if study is None:
        raise DataError(
            f"{path}: a result of the study {result.study!r}, which this itr-bench does not have; "
            f"it has {', '.join(studies())}. Use the version that made it"
        )
    try:
        section = study.analyse(Material(results=(result,)))
        if section is not None:
            as_text(study, section)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: its content is not as the study {result.study} writes it "
            f"({type(error).__name__}: {error}). Run the study again"
        ) from error
    return result


def _without_copies(results: Sequence[Result], left_out: list[str]) -> list[Result]:
    """Each result once, from its first path."""
    found: list[Result] = []
    for result in sorted(results, key=lambda one: one.path):
        twins = [one for one in found if replace(one, path=result.path) == result]
        if twins:
            left_out.append(f"{result.path}: the same result as {twins[0].path}")
        else:
            found.append(result)
    return found


def _sources(paths: Sequence[Path]) -> list[Path]:
    """Run folders, files of samples and results, each once."""
    found: dict[Path, Path] = {}
    problems = []
    for path in paths:
        here = list(_below(path))
        if not here:
            problems.append(f"{path}: {_why_nothing(path)}")
        found.update({one.resolve(): one for one in here})
    if problems:
        raise ScoreError(
            f"not a run:\n{bullet_list(problems)}\n"
            "Expected folders of `itr-bench run` or `itr-bench study`, or what lmms-eval leaves "
            "with --log_samples --output_path."
        )
    return list(found.values())


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from run_folders(path)
        yield from (file for file in samples_files(path) if is_our_task(file))
        yield from sorted(path.rglob(RESULT))
    elif path.is_file() and (path.name == RESULT or is_samples_file(path)):
        yield path


def _why_nothing(path: Path) -> str:
    if not path.exists():
        return "no such file or folder"
    if not path.is_dir():
        return "neither a file of samples nor a study's result"
    if any(path.rglob("*_results.json")):
        return "results but no samples: run again with --log_samples"
    return "no run in it"


_Found: TypeAlias = tuple[Run, str | None] | ItrBenchError
"""A run and what it has still to do, or why it cannot be read."""


def _read_all(sources: Sequence[Path]) -> Iterator[_Found]:
    """The runs of *sources*, in their order."""
    if (os.cpu_count() or 1) < _PROCESSES or sum(map(_size, sources)) < _MUCH:
        yield from map(_read, sources)
        return
    context = multiprocessing.get_context("spawn")
    # Ctrl-C is for this process, which ends the others.
    ignored = (signal.SIGINT, signal.SIG_IGN)
    try:
        with ProcessPoolExecutor(_PROCESSES, context, signal.signal, ignored) as pool:
            yield from pool.map(_read, sources)
    except BrokenProcessPool as error:
        raise ScoreError(
            "a process that reads runs was ended from outside, perhaps for want of memory; "
            "give fewer runs at a time"
        ) from error


def _size(source: Path) -> int:
    """The bytes of a run's responses."""
    try:
        return (source / RESPONSES if source.is_dir() else source).stat().st_size
    except OSError:  # reading it says so
        return 0


def _read(source: Path) -> _Found:
    try:
        if source.is_dir():
            run = read_run_folder(source)
            return run, _missing(source, run)
        run = read_samples(source)
        _ = run.predictions  # pairs the answers, or says why they cannot be
        return run, None
    except ItrBenchError as error:
        return error


def _missing(folder: Path, run: Run) -> str | None:
    """What a run in progress has still to do."""
    wanted = int(read_manifest(folder)["configuration"]["tweets"])
    there = len(run.predictions.tweet_ids)
    return None if there >= wanted else f"{there} of {wanted} tweets are complete"


def _bar(found: Iterable[_Found], total: int, progress: bool) -> Iterable[_Found]:
    if not progress:
        return found
    from tqdm import tqdm

    bar: Iterable[_Found] = tqdm(
        found, total=total, desc="reading", unit="run", disable=None, leave=False
    )
    return bar
