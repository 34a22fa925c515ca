"""Runs brought into order: which belong to one model under one set of conditions, which are a task
and its variants, and what of them is missing or has to be kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.errors import ScoreError
from itr_bench.nouns import count
from itr_bench.runs.run import Run
from itr_bench.scoring.signature import digest
from itr_bench.studies.statistics import shared
from itr_bench.studies.study import Material
from itr_bench.tasks.examples import FILE, SPLIT, TIRT
from itr_bench.tasks.spec import EXPLAINED, LIKELIHOOD, base_task, reference_task, without_variant
from itr_bench.tasks.variants import MARK

_APART = (
    *("model_args", "dtype", "content", "revision", "force_simple", "generation_kwargs"),
    *("system_instruction", "chat_template"),
)
"""The settings of a run that make it another model's, as far as a comparison goes."""

_EXAMPLES = re.compile(rf"\+(?P<source>{SPLIT}|{TIRT}|{FILE})-[0-9a-f]{{12}}$")
"""What follows the identity of the data of a task with examples in context."""

_NOTED = ("seeding", "device", "engine", "batch_size")


@dataclass(frozen=True)
class Subject:
    """One model under one set of conditions, with its runs by task.

    Attributes:
        name: the model's, with a number where the model has several sets of conditions.
        model: how tables call the model.
        runs: by task.
    """

    name: str
    model: str
    runs: Mapping[str, Run]


@dataclass(frozen=True)
class Cell:
    """A task and its variants, run by one subject.

    Attributes:
        subject: name of the model.
        base: name of the task.
        reference: its run.
        variants: the runs of the variants that are there, by task.
    """

    subject: str
    base: str
    reference: Run
    variants: Mapping[str, Run]

    @property
    def title(self) -> str:
        """Model and task."""
        return f"{self.subject}, {self.base}"


@dataclass(frozen=True)
class Arranged:
    """All that a study compares.

    Attributes:
        subjects: by name.
        notices: what was kept apart or left out, a sentence each.
    """

    subjects: tuple[Subject, ...]
    notices: tuple[str, ...]


def with_variant(base: str, variant: str) -> str:
    """The task that is *variant* of *base*; a suffix stays at the end."""
    plain = base_task(base)
    return f"{plain}{MARK}{variant}{base[len(plain) :]}"


def variant_of(task: str) -> str:
    """The variant in the name of *task*, or nothing."""
    return base_task(task).partition(MARK)[2]


def arrange(material: Material) -> Arranged:
    """Sort the runs into subjects.

    Runs of one model under other settings, on stand-in pictures, of another version of a task or of
    other data of the same task are subjects of their own.
    """
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in sorted(material.runs, key=lambda run: (run.model, run.task, run.files)):
        if not run.task.endswith(LIKELIHOOD):
            groups.setdefault(_conditions(run), []).append(run)
    notices: list[str] = []
    parts: dict[str, list[tuple[tuple[str, ...], dict[str, Run]]]] = {}
    for key, runs in sorted(groups.items()):
        for edition, by_task in enumerate(_editions(runs, notices)):
            parts.setdefault(key[0], []).append(((*key, str(edition)), by_task))
    subjects = []
    for model, alike in parts.items():
        for number, (_, by_task) in enumerate(alike, 1):
            name = model if len(alike) == 1 else f"{model} [{number}]"
            subjects.append(Subject(name, model, by_task))
        if len(alike) > 1:
            notices.append(_kept_apart(model, [by_task for _, by_task in alike]))
    for subject in subjects:
        notices += _noted(subject)
    notices += [
        f"{_place(run)} is in progress: {material.unfinished[run.files[0]]}. What is "
        "complete is reported; the tweets of a run are in the order of the set."
        for run in material.runs
        if run.files and run.files[0] in material.unfinished
    ]
    return Arranged(tuple(subjects), tuple(notices))


def _conditions(run: Run) -> tuple[str, ...]:
    settings: Mapping[str, Any] = run.generation or {}
    return (
        run.model,
        run.adapter or "",
        str(run.stand_in),
        run.version or "",
        digest({name: settings.get(name) for name in _APART}),
    )


def _editions(runs: Sequence[Run], notices: list[str]) -> list[dict[str, Run]]:
    """The runs by task; more than one dictionary where a task was run on several data."""
    data: dict[str, set[str]] = {}
    for run in runs:
        data.setdefault(_set_of(run), set()).add(data_of(run))
    # Which data of one set goes with which of another is not known unless it is the same: each
    # data of a set that has several stands by itself, with what else was run on this very data.
    several = {identity for known in data.values() if len(known) > 1 for identity in known}
    found: dict[tuple[str, ...], dict[str, list[Run]]] = {}
    for run in runs:
        edition = (data_of(run),) if data_of(run) in several else ()
        found.setdefault(edition, {}).setdefault(run.task, []).append(run)
    return [
        {task: _largest(own, notices) for task, own in by_task.items()}
        for _, by_task in sorted(found.items())
    ]


def _largest(runs: Sequence[Run], notices: list[str]) -> Run:
    """Of the runs of one place that with most tweets, then most samples, then the first path."""
    taken, *others = sorted(runs, key=lambda run: (*(-n for n in _size(run)), run.files))
    for other in others:
        how = "under the same conditions" if taken.data == other.data else "with other examples"
        notices.append(
            f"{taken.model} was run on {taken.task} twice {how}: {_sized(taken)} is taken, "
            f"{_sized(other)} is left out."
        )
    return taken


def _size(run: Run) -> tuple[int, int]:
    return len(run.predictions.tweet_ids), run.predictions.samples


def _sized(run: Run) -> str:
    tweets, samples = _size(run)
    return f"{_place(run)} ({count(tweets, 'tweet')}, {count(samples, 'sample')} of each)"


def data_of(run: Run) -> str:
    """The identity of the data, without that of examples in context."""
    return _EXAMPLES.sub("", run.data or "")


def examples_of(run: Run) -> str | None:
    """Where the examples in context are from: ``split``, ``tirt`` or ``file``."""
    found = _EXAMPLES.search(run.data or "")
    return found["source"] if found else None


def _set_of(run: Run) -> str:
    """What has one identity of data: a task with its variants."""
    return without_variant(run.task)


def _place(run: Run) -> str:
    return str(Path(run.files[0]).parent) if run.files else f"{run.model} on {run.task}"


def _kept_apart(model: str, alike: Sequence[Mapping[str, Run]]) -> str:
    described = []
    facts = [_facts(by_task) for by_task in alike]
    names = sorted({name for fact in facts for name in fact})
    differing = [name for name in names if len({fact.get(name) for fact in facts}) > 1]
    for number, fact in enumerate(facts, 1):
        own = ", ".join(f"{name} {fact.get(name, 'not known')}" for name in differing)
        described.append(f"[{number}] {own or 'another run'}")
    return f"Runs of {model} are not alike and are kept apart: {'; '.join(described)}."


def _facts(by_task: Mapping[str, Run]) -> dict[str, str]:
    """What can set subjects of one model apart, as text."""
    run = next(iter(by_task.values()))
    found = {
        "adapter": str(run.adapter),
        "version of the task": str(run.version),
        "data": ", ".join(sorted({data_of(run) or "not known" for run in by_task.values()})),
    }
    settings: Mapping[str, Any] = run.generation or {}
    return found | {name: str(settings[name]) for name in _APART if settings.get(name) is not None}


def _noted(subject: Subject) -> list[str]:
    """What differs between the runs of a subject and need not, but may, change an answer."""
    runs = list(subject.runs.values())
    seen: dict[str, set[str]] = {
        "the seeds": {str(run.seeds) for run in runs},
        "the version of lmms-eval": {str(run.harness) for run in runs},
        "the version of itr-bench": {run.package for run in runs},
        "the versions of the libraries": {digest(run.libraries) for run in runs},
    }
    for name in _NOTED:
        seen[f"the setting {name}"] = {str((run.generation or {}).get(name)) for run in runs}
    differing = [name for name, values in seen.items() if len(values) > 1]
    if not differing:
        return []
    verb = "differs" if len(differing) == 1 else "differ"
    return [f"{subject.name}: {', '.join(differing)} {verb} between its runs."]


def cells(
    arranged: Arranged, tasks: Callable[[str], Sequence[str]]
) -> tuple[list[Cell], list[str]]:
    """The tasks of which a study has at least one variant, for each subject.

    Args:
        arranged: the subjects.
        tasks: the study's tasks for a base task, the base first.

    Returns:
        The cells, by subject and task; and what is missing, a sentence each.
    """
    found, notices = [], []
    for subject in arranged.subjects:
        for base in sorted({reference_task(task) for task in subject.runs}):
            wanted = [task for task in tasks(base) if task != base]
            there = {task: subject.runs[task] for task in wanted if task in subject.runs}
            if not there:
                continue
            reference = subject.runs.get(base)
            if reference is None:
                elsewhere = any(
                    base in other.runs
                    for other in arranged.subjects
                    if other.model == subject.model
                )
                why = "was run under other conditions" if elsewhere else "itself was not run"
                notices.append(
                    f"{subject.name}: {base} {why}, so its variants ({_variants(there)}) cannot "
                    "be compared with it."
                )
                continue
            missing = [task for task in wanted if task not in there]
            for task, run in list(there.items()):
                try:
                    shared(run.predictions, reference.predictions)
                except ScoreError as error:
                    notices.append(f"{subject.name}: {task} is left out: {base} and it {error}.")
                    del there[task]
            if not there:
                continue
            if missing:
                notices.append(f"{subject.name}, {base}: not run: {_variants(missing)}.")
            found.append(Cell(subject.name, base, reference, there))
    return found, notices


def _variants(tasks: Sequence[str] | Mapping[str, Run]) -> str:
    return ", ".join(label(task) for task in tasks)


def label(task: str) -> str:
    """A variant as tables name it."""
    variant = variant_of(task)
    if not variant:
        return "explained" if task.endswith(EXPLAINED) else "as it is"
    return variant
