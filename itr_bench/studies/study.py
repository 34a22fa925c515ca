"""What a study is, what it is given, and what studies that run no VLM leave.

A study is a module of this package with a constant ``STUDY``; adding one touches no other file.
"""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import itr_bench.studies
from itr_bench.errors import DataError, ItrBenchError, unknown_name
from itr_bench.runs.manifest import write_json
from itr_bench.runs.run import Run
from itr_bench.studies.section import Section
from itr_bench.translation.quality import Quality

RESULT = "study_result.json"
"""The file of one :class:`Result`, in a folder of its own."""

_FORMAT = 2
"""Rises where what a study writes changes: since 2, retrieval says how many pairs are right."""

_DEEPEST = 20
"""Levels of lists and objects in a result; what a study writes has five."""

Log = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What a study that runs no VLM leaves: one model on one task.

    Attributes:
        study: the study's name.
        model: how to call the model in tables.
        task: name of the base task.
        data: identity of the data.
        metadata: all that can change the content: encoder, commit, folds, seed, versions.
        content: the study's own; what its ``analyse`` reads. No text of a tweet.
        path: the file that it was read from.
    """

    study: str
    model: str
    task: str
    data: str
    metadata: Mapping[str, Any]
    content: Mapping[str, Any]
    path: str = ""

    @property
    def placeholder(self) -> bool:
        """Whether the pictures were placeholders, so that it is no result."""
        return self.data.startswith("placeholder")


def write_result(folder: Path, result: Result) -> Path:
    """Write *result* to its file in *folder*, whole or not at all; return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RESULT
    fields_ = {name: value for name, value in asdict(result).items() if name != "path"}
    write_json(path, {"format": _FORMAT, **fields_})
    return path


def read_result(path: Path) -> Result:
    """Read a result.

    Raises:
        DataError: it cannot be read, is of another format, lacks a field or holds a number that is
            not finite.
    """
    try:
        found = json.loads(path.read_bytes(), parse_constant=_no_number, parse_float=_finite)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    _check_format(path, found.get("format") if isinstance(found, dict) else None)
    expected = {one.name for one in fields(Result)} - {"path"}
    if found.keys() - {"format"} != expected:
        raise DataError(f"{path}: expected the fields {', '.join(sorted(expected))}")
    for name in expected:
        kind = dict if name in ("metadata", "content") else str
        if not isinstance(found[name], kind):
            raise DataError(f"{path}: {name} is {found[name]!r}, expected {kind.__name__}")
        if _is_deep(found[name]):
            raise DataError(f"{path}: {name} is nested more than {_DEEPEST} deep; make it again")
    return Result(**{name: found[name] for name in expected}, path=str(path))


def _is_deep(value: object, levels: int = _DEEPEST) -> bool:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deep(one, levels - 1) for one in within)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number that a study writes; make the result again")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _check_format(path: Path, there: object) -> None:
    """Refuse another format than this one.

    Raises:
        DataError: says whether it is older, newer, or no study's result.
    """
    if type(there) is not int or there < 1:
        raise DataError(f"{path}: not a study's result: format is {there!r}, expected {_FORMAT}")
    if there < _FORMAT:
        raise DataError(
            f"{path}: a result of format {there}, of an older itr-bench; expected {_FORMAT}. Move "
            "it away and run the study again"
        )
    if there > _FORMAT:
        raise DataError(
            f"{path}: a result of format {there}, of a newer itr-bench; expected {_FORMAT}. Update "
            "itr-bench, or run the study again with this one"
        )


@dataclass(frozen=True)
class BoardModel:
    """A result of the leaderboard, for accuracy against parameters.

    Attributes:
        name: of the model.
        task: that the accuracy is on.
        accuracy: share, 0 to 1.
        parameters: number of them.
        interval: 95 % over tweets, ``None`` where there are no responses.
        source: where the accuracy stands.
    """

    name: str
    task: str
    accuracy: float
    parameters: int
    interval: tuple[float, float] | None
    source: str


@dataclass(frozen=True)
class Material:
    """All that a report is made from; each study takes what it needs.

    Attributes:
        runs: of any tasks.
        results: of studies that run no VLM.
        board: the leaderboard's models with known parameters.
        quality: of translations, by the task that shows them and the identity of its data.
        quality_unknown: why that of some translations is not known, a sentence each.
        unfinished: what is still missing, by the first file of a run in progress.
    """

    runs: Sequence[Run] = ()
    results: Sequence[Result] = ()
    board: Sequence[BoardModel] = ()
    quality: Mapping[tuple[str, str], Quality] = field(default_factory=dict)
    quality_unknown: Sequence[str] = ()
    unfinished: Mapping[str, str] = field(default_factory=dict)

    def results_of(self, study: str) -> list[Result]:
        """The results of one study."""
        return [result for result in self.results if result.study == study]


@dataclass(frozen=True)
class Job:
    """What a study that runs no VLM is asked to do.

    Attributes:
        model: as given by ``--model``.
        arguments: of ``--model_args``, by name.
        bases: the base tasks; their data is here.
        out: folder of all studies; its own is ``out / study / model / base``.
        limit: only the first so many tweets.
        seeds: as given by ``--seeds``; ``None`` where nothing is said.
        log: takes what a user should know meanwhile.
    """

    model: str
    arguments: Mapping[str, Any]
    bases: Sequence[str]
    out: Path
    limit: int | None
    seeds: Sequence[int] | None
    log: Log


@dataclass(frozen=True)
class Study:
    """A question, the tasks that answer it, and what is made of their runs.

    Attributes:
        name: as the command line spells it: lower-case letters and hyphens.
        title: of its section.
        question: that it answers, one sentence.
        tasks: the names of the tasks for a base task, the base itself first; none where the study
            has nothing to run for it.
        analyse: what the runs show; ``None`` where they hold nothing for this study. Pure.
        execute: for a study that runs no VLM: does the work and returns the files that it wrote.
    """

    name: str
    title: str
    question: str
    tasks: Callable[[str], tuple[str, ...]]
    analyse: Callable[[Material], Section | None]
    execute: Callable[[Job], Sequence[Path]] | None = None


@lru_cache(maxsize=1)
def studies() -> Mapping[str, Study]:
    """All studies by name, in the order of their names.

    Raises:
        ItrBenchError: two modules claim one name.
    """
    found: dict[str, Study] = {}
    for study in _listed():
        if study.name in found:
            raise ItrBenchError(f"two studies are called {study.name!r}; rename one of them")
        found[study.name] = study
    return dict(sorted(found.items()))


def _listed() -> Iterator[Study]:
    for module in pkgutil.iter_modules(itr_bench.studies.__path__):
        content = importlib.import_module(f"{itr_bench.studies.__name__}.{module.name}")
        study = getattr(content, "STUDY", None)
        if isinstance(study, Study):
            yield study


def get_study(name: str) -> Study:
    """Return the study called *name*; underscores stand for hyphens.

    Raises:
        ItrBenchError: there is none; the message names the nearest.
    """
    known = studies()
    plain = name.replace("_", "-")
    if plain not in known:
        raise ItrBenchError(unknown_name("study", name, known))
    return known[plain]
