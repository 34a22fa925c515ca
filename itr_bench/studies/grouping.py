"""Runs in groups: those of one model under one run configuration, and of them a task with its
variants; what is missing, and what has to be kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from itr_bench.errors import ScoreError
from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import Predictions, shared
from itr_bench.scoring.signature import digest
from itr_bench.studies.study import Material
from itr_bench.tasks.examples import FILE, SPLIT, TIRT
from itr_bench.tasks.spec import EXPLAINED, LIKELIHOOD, get_task
from itr_bench.tasks.variants import MARK

_APART = (
    *("model_args", "dtype", "content", "revision", "force_simple", "generation_kwargs"),
    *("system_instruction", "chat_template", "training"),
)
"""The settings that runs must have in common to be compared."""

_EXAMPLES = re.compile(rf"\+(?P<source>{SPLIT}|{TIRT}|{FILE})-[0-9a-f]{{12}}$")
"""What follows the identity of the data of a task with examples in context."""

T = TypeVar("T")

_NOTED = ("seeding", "device", "engine", "batch_size")


@dataclass(frozen=True)
class Subject:
    """One model under one run configuration, with its runs by task.

    Attributes:
        name: the model's, with a number where the model was run under several configurations.
        model: how tables call the model.
        runs: by task.
    """

    name: str
    model: str
    runs: Mapping[str, Run]


@dataclass(frozen=True)
class VariantRun:
    """A variant of a task, A, and the task as it is, B, run by one subject."""

    subject: str
    base: str
    task: str
    run: Run
    reference: Run

    @property
    def a(self) -> Predictions:
        return self.run.predictions

    @property
    def b(self) -> Predictions:
        return self.reference.predictions

    @property
    def title(self) -> str:
        """Model and task."""
        return f"{self.subject}, {self.base}"

    @property
    def label(self) -> str:
        """The variant as tables name it."""
        return label(self.task)


def with_variant(base: str, variant: str) -> str:
    """The task that is *variant* of *base*; a suffix stays at the end."""
    task = get_task(base)
    return f"{task.plain}{MARK}{variant}{task.suffix}"


def variant_of(task: str) -> str:
    """The variant in the name of *task*, or nothing."""
    return get_task(task).variant.name


def subjects_of(material: Material) -> tuple[list[Subject], list[str]]:
    """The runs by subject, in the order of names; what was kept apart or left out, a sentence each.

    Runs of one model under other settings, fine-tuned or fine-tuned otherwise, on placeholder
    pictures, of another version of a task or of other data of the same task are subjects of their
    own.
    """
    runs = sorted(material.runs, key=lambda run: (run.model, run.task, run.files))
    groups = grouped((run for run in runs if not run.task.endswith(LIKELIHOOD)), _configuration)
    notices: list[str] = []
    by_model: dict[str, list[dict[str, Run]]] = {}
    for key, alike in sorted(groups.items()):
        by_model.setdefault(key[0], []).extend(_by_data(alike, notices))
    subjects = []
    for model, own in by_model.items():
        subjects += [Subject(model + number, model, by_task) for by_task, number in numbered(own)]
        if len(own) > 1:
            settings = [_settings(by_task) for by_task in own]
            notices.append(kept_apart(f"Runs of {model}", settings, "another run"))
    for subject in subjects:
        notices += _noted(subject)
    notices += [
        f"{_place(run)} is in progress: {material.unfinished[run.files[0]]}. What is "
        "complete is reported; the tweets of a run are in the order of the set."
        for run in material.runs
        if run.files and run.files[0] in material.unfinished
    ]
    return subjects, notices


def _configuration(run: Run) -> tuple[str, ...]:
    settings: Mapping[str, Any] = run.generation or {}
    return (
        run.model,
        run.adapter or "",
        str(run.placeholder),
        run.version or "",
        digest({name: settings.get(name) for name in _APART}),
    )


def _by_data(runs: Sequence[Run], notices: list[str]) -> list[dict[str, Run]]:
    """The runs by task; more than one dictionary where a task was run on several data."""
    data: dict[str, set[str]] = {}
    for run in runs:
        data.setdefault(get_task(run.task).plain, set()).add(data_of(run))
    # Which data of one set goes with which of another is not known unless it is the same: each
    # data of a set that has several stands by itself, with what else was run on this very data.
    several = {identity for known in data.values() if len(known) > 1 for identity in known}
    by_data = grouped(runs, lambda run: (data_of(run),) if data_of(run) in several else ())
    return [
        {task: _largest(own, notices) for task, own in grouped(alike, lambda run: run.task).items()}
        for _, alike in sorted(by_data.items())
    ]


def _largest(runs: Sequence[Run], notices: list[str]) -> Run:
    """Of the runs of one place that with most tweets, then most samples, then the first path."""
    taken, *others = sorted(runs, key=lambda run: (*(-n for n in _size(run)), run.files))
    for other in others:
        how = "under the same configuration" if taken.data == other.data else "with other examples"
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


def _place(run: Run) -> str:
    return str(Path(run.files[0]).parent) if run.files else f"{run.model} on {run.task}"


def _settings(by_task: Mapping[str, Run]) -> dict[str, str]:
    """What can set subjects of one model apart, as text."""
    run = next(iter(by_task.values()))
    found = {
        "adapter": str(run.adapter),
        "version of the task": str(run.version),
        "data": ", ".join(sorted({data_of(run) or "not known" for run in by_task.values()})),
    }
    settings: Mapping[str, Any] = run.generation or {}
    found |= {
        name: str(settings[name])
        for name in _APART
        if name != "training" and settings.get(name) is not None
    }
    return found | {
        f"training.{name}": digest(value) if isinstance(value, Mapping) else str(value)
        for name, value in (run.training or {}).items()
    }


def numbered(members: Iterable[T]) -> list[tuple[T, str]]:
    """Each of several *members* that are called alike with " [1]", " [2]" and so on; the only one
    with nothing.
    """
    own = list(members)
    return [(one, f" [{i}]" if len(own) > 1 else "") for i, one in enumerate(own, 1)]


def kept_apart(what: str, members: Sequence[Mapping[str, str]], no_difference: str) -> str:
    """What differs between several *members* that are called alike, by the number of each."""
    names = sorted({name for member in members for name in member})
    differing = [name for name in names if len({one.get(name) for one in members}) > 1]
    said = []
    for one, number in numbered(members):
        own = ", ".join(f"{name} {one.get(name, 'not known')}" for name in differing)
        said.append(f"{number.strip()} {own or no_difference}")
    return f"{what} are not alike and are kept apart: {'; '.join(said)}."


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


def variant_runs(
    material: Material, tasks: Callable[[str], Sequence[str]]
) -> tuple[list[VariantRun], list[str]]:
    """The variants that a study compares with their task, for each subject.

    Args:
        material: the runs.
        tasks: the study's tasks for a base task, the base first.

    Returns:
        The variants, by subject and task; and what is missing or kept apart, a sentence each.
    """
    subjects, notices = subjects_of(material)
    variants: list[VariantRun] = []
    for subject in subjects:
        for base in sorted({get_task(task).reference for task in subject.runs}):
            wanted = [task for task in tasks(base) if task != base]
            there = [task for task in wanted if task in subject.runs]
            if not there:
                continue
            reference = subject.runs.get(base)
            if reference is None:
                models = [other.model for other in subjects if base in other.runs]
                elsewhere = subject.model in models
                why = "was run with another configuration" if elsewhere else "itself was not run"
                notices.append(
                    f"{subject.name}: {base} {why}, so its variants ({_labels(there)}) cannot "
                    "be compared with it."
                )
                continue
            own = []
            for task in there:
                run = subject.runs[task]
                try:
                    shared(run.predictions, reference.predictions)
                except ScoreError as error:
                    notices.append(f"{subject.name}: {task} is left out: {base} and it {error}.")
                else:
                    own.append(VariantRun(subject.name, base, task, run, reference))
            missing = [task for task in wanted if task not in there]
            if own and missing:
                notices.append(f"{subject.name}, {base}: not run: {_labels(missing)}.")
            variants += own
    return variants, notices


def _labels(tasks: Sequence[str]) -> str:
    return ", ".join(map(label, tasks))


def label(task: str) -> str:
    """A variant as tables name it."""
    variant = variant_of(task)
    if not variant:
        return "explained" if task.endswith(EXPLAINED) else "as it is"
    return variant
