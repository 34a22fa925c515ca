"""Pairs of languages: which runs are of the same tweets, and what to call them."""

from __future__ import annotations

from dataclasses import dataclass

from itr_bench.data.languages import LANGUAGES
from itr_bench.data.manifest import content_of
from itr_bench.data.sets import SETS, get_set
from itr_bench.errors import ScoreError
from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import Predictions, shared
from itr_bench.studies.grouping import Subject, data_of, variant_of
from itr_bench.tasks.spec import EXPLAINED, TASKS, get_task


@dataclass(frozen=True)
class LanguagePair:
    """A model on the same tweets in two languages."""

    subject: str
    first: Run
    second: Run

    @property
    def a(self) -> Predictions:
        return self.first.predictions

    @property
    def b(self) -> Predictions:
        return self.second.predictions

    @property
    def names(self) -> tuple[str, str]:
        """What the texts are."""
        return name_of(self.first), name_of(self.second)

    @property
    def title(self) -> str:
        """The difference, as tables and charts name it."""
        suffix = ", explained" if self.first.task.endswith(EXPLAINED) else ""
        return f"{' − '.join(self.names)}{suffix}"


def images_of(task: str) -> str:
    """The set that holds the images of *task*."""
    spec = SETS[TASKS[get_task(task).family].set_name]
    return spec.base or spec.name


def language_pairs(subject: Subject, notices: list[str]) -> list[LanguagePair]:
    """Of the runs of a model: the first language with each other, people with each machine."""
    plain = [run for task, run in sorted(subject.runs.items()) if not variant_of(task)]
    by_images = grouped(plain, lambda run: images_of(run.task) + get_task(run.task).suffix)
    pairs = []
    for runs in by_images.values():
        first, *others = sorted(runs, key=_place)
        manual = [run for run in others if get_task(run.task).family == "ltec_itr_en_manual"]
        wanted = [(first, other) for other in others]
        wanted += [
            (by_people, run)
            for by_people in manual
            for run in (first, *others)
            if _is_machine(run, get_task(by_people.task).language)
        ]
        for a, b in wanted:
            why = _unfit(a, b)
            if why:
                notices.append(f"{subject.name}: {name_of(a)} and {name_of(b)} {why}.")
            else:
                pairs.append(LanguagePair(subject.name, a, b))
    return pairs


def _is_machine(run: Run, language: str) -> bool:
    task = get_task(run.task)
    return get_set(task.set_name).is_translation and task.language == language


def _place(run: Run) -> tuple[int, str]:
    """Latvian first, then what people translated, then machines."""
    names = list(TASKS)
    return names.index(get_task(run.task).family), run.task


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
    return get_task(run.task).plain, data_of(run)


def system_of(run: Run) -> str:
    """The translation system of a run: by its task, else by the identity of its data."""
    named = get_task(run.task).set_name.partition("@")[2]
    return named or content_of(run.data or "").partition("-")[2]
