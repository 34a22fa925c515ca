"""Pairs of languages: which runs are of the same tweets, and what to call them."""

from __future__ import annotations

from dataclasses import dataclass

from itr_bench.data.languages import LANGUAGES
from itr_bench.data.manifest import content_of
from itr_bench.data.sets import SETS, get_set
from itr_bench.errors import ScoreError
from itr_bench.nouns import count
from itr_bench.runs.run import Run
from itr_bench.studies.frame import Subject, data_of, variant_of
from itr_bench.studies.statistics import shared
from itr_bench.tasks.spec import TASKS, family, get_task, without_variant


@dataclass(frozen=True)
class Pair:
    """A model on the same tweets in two languages."""

    subject: str
    a: Run
    b: Run


def images_of(task: str) -> str:
    """The set that holds the images of *task*."""
    spec = SETS[TASKS[family(task)].set_name]
    return spec.base or spec.name


def pairs_of(subject: Subject, notices: list[str]) -> list[Pair]:
    """Of the runs of a model: the first language with each other, people with each machine."""
    groups: dict[str, list[Run]] = {}
    for task, run in sorted(subject.runs.items()):
        if not variant_of(task):
            suffix = get_task(task).suffix
            groups.setdefault(images_of(task) + suffix, []).append(run)
    found = []
    for runs in groups.values():
        ordered = sorted(runs, key=_place)
        first = ordered[0]
        manual = [run for run in ordered[1:] if family(run.task) == "ltec_itr_en_manual"]
        wanted = [(first, other) for other in ordered[1:]]
        wanted += [
            (one, run)
            for one in manual
            for run in ordered
            if _is_machine(run, get_task(one.task).language)
        ]
        for a, b in wanted:
            why = _unfit(a, b)
            if why:
                notices.append(f"{subject.name}: {name_of(a)} and {name_of(b)} {why}.")
            else:
                found.append(Pair(subject.name, a, b))
    return found


def _is_machine(run: Run, language: str) -> bool:
    task = get_task(run.task)
    return get_set(task.set_name).is_translation and task.language == language


def _place(run: Run) -> tuple[int, str]:
    """Latvian first, then what people translated, then machines."""
    names = list(TASKS)
    return names.index(family(run.task)), run.task


def _unfit(a: Run, b: Run) -> str | None:
    """Why two runs cannot be compared, or ``None``."""
    try:
        shared(a.predictions, b.predictions)
    except ScoreError as error:
        return str(error)
    both = a.images.keys() & b.images.keys()
    differing = sum(a.images[tweet] != b.images[tweet] for tweet in both)
    return f"saw other images of {count(differing, 'tweet')}" if differing else None


def name_of(run: Run) -> str:
    """The text that a run saw, and who wrote it."""
    task = get_task(run.task)
    language = LANGUAGES[task.language].name
    if get_set(task.set_name).is_translation:
        return f"{language} by {system_of(run) or 'machine'}"
    if task.answer_language == "lv":
        return f"{language}, asked in Latvian"
    return language if task.language == "lv" else f"{language}, as published"


def quality_key(run: Run) -> tuple[str, str]:
    """Where the quality of the translations that *run* saw stands: all answer formats share it."""
    return without_variant(run.task), data_of(run)


def system_of(run: Run) -> str:
    """The translation system of a run: by its task, else by the identity of its data."""
    named = get_task(run.task).set_name.partition("@")[2]
    return named or content_of(run.data or "").partition("-")[2]
