"""Everything that the paths of a command line hold, read for a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from itr_bench.errors import DataError, ItrBenchError, ScoreError, bullet_list
from itr_bench.runs.lmms_log import is_our_task, is_samples_file, read_samples, samples_files
from itr_bench.runs.manifest import read_manifest
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import read_run_folder, run_folders
from itr_bench.studies.formatting import as_text
from itr_bench.studies.study import RESULT, Material, Result, read_result, studies


@dataclass(frozen=True)
class Loaded:
    """What was read.

    Attributes:
        material: the runs and results.
        left_out: what could not be read, and why.
    """

    material: Material
    left_out: tuple[str, ...]


def load(paths: Sequence[Path], *, progress: bool = False) -> Loaded:
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
    disable = None if progress else True
    for source in tqdm(sources, desc="reading", unit="run", disable=disable, leave=False):
        try:
            if source.name == RESULT:
                results.append(_result(source))
                continue
            run = read_run_folder(source) if source.is_dir() else read_samples(source)
            _ = run.predictions  # pairs the answers, or says why they cannot be
            missing = _missing(source, run) if source.is_dir() else None
        except ItrBenchError as error:
            left_out.append(str(error))
            continue
        runs.append(run)
        if missing:
            unfinished[run.files[0]] = missing
    if not runs and not results:
        raise ScoreError(f"nothing that can be reported:\n{bullet_list(left_out)}")
    results = _without_copies(results, left_out)
    # By content, so that the order of the paths makes no difference.
    runs.sort(key=lambda run: (run.model, run.task, run.files))
    results.sort(
        key=lambda one: (one.study, one.model, one.task, one.data, str(one.metadata), one.path)
    )
    material = Material(runs=tuple(runs), results=tuple(results), unfinished=unfinished)
    return Loaded(material, tuple(sorted(left_out)))


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
    kept: list[Result] = []
    for result in sorted(results, key=lambda one: one.path):
        twins = [one for one in kept if replace(one, path=result.path) == result]
        if twins:
            left_out.append(f"{result.path}: the same result as {twins[0].path}")
        else:
            kept.append(result)
    return kept


def _sources(paths: Sequence[Path]) -> list[Path]:
    """Run folders, files of samples and results, each once."""
    sources: dict[Path, Path] = {}
    problems = []
    for path in paths:
        here = list(_below(path))
        if not here:
            problems.append(f"{path}: {_why_nothing(path)}")
        sources.update({one.resolve(): one for one in here})
    if problems:
        raise ScoreError(
            f"not a run:\n{bullet_list(problems)}\n"
            "Expected folders of `itr-bench run` or `itr-bench study`, or what lmms-eval leaves "
            "with --log_samples --output_path."
        )
    return list(sources.values())


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


def _missing(folder: Path, run: Run) -> str | None:
    """What a run in progress has still to do."""
    expected = int(read_manifest(folder)["configuration"]["tweets"])
    complete = len(run.predictions.tweet_ids)
    return None if complete >= expected else f"{complete} of {expected} tweets are complete"
