"""What a release would hold: the tasks, their licences, and what keeps data out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from itr_bench.data import home
from itr_bench.data.release_files import Release, config_name
from itr_bench.errors import DataError, bullet_list
from itr_bench.release import licences
from itr_bench.tasks.loading import TaskData, open_task
from itr_bench.tasks.spec import TASKS, TRIAL, get_task

TRIAL_KINDS = ("placeholder", "demo")
"""Kinds of data of which no score is a result."""


@dataclass(frozen=True)
class Planned:
    """A config to be written: its data, and what is decided of it."""

    data: TaskData
    ids_only: bool
    sources: tuple[dict[str, object], ...]
    licences: tuple[str, ...]
    obstacles: tuple[str, ...]

    @property
    def task(self) -> str:
        """The task, of translations with its system."""
        return _task(self.data)

    @property
    def set_name(self) -> str:
        """The set, of translations with its system."""
        return self.data.tweets.manifest.set_name

    @property
    def kind(self) -> str:
        """The kind of the data."""
        return self.data.tweets.manifest.kind

    @property
    def relations(self) -> tuple[int, int, int, int]:
        """Number of tweets by relation."""
        first, second, third, fourth = self.data.tweets.manifest.relations
        return first, second, third, fourth


def check_tasks(release: Release, where: str) -> None:
    """Check that there are the tasks that *release*, read at *where*, is for.

    Raises:
        DataError: there is none of that name here.
    """
    for config in release.configs:
        try:
            get_task(config.task)
        except DataError as error:
            raise DataError(f"{where}: made by a newer itr-bench, or damaged: {error}") from error


def _same_data(name: str) -> str:
    """The first task that shows the same text of the same set."""
    task = get_task(name)
    set_name, at, system = task.set_name.partition("@")
    first = next(t for t in TASKS.values() if (t.set_name, t.language) == (set_name, task.language))
    return first.name + at + system


def tasks_here() -> list[str]:
    """The tasks whose data is built here, one for each text of each set."""
    found = []
    for task in TASKS.values():
        if task.family in TRIAL or _same_data(task.name) != task.name:
            continue
        systems = home.systems(task.set_name)
        if systems:
            found += [f"{task.name}@{system}" for system in systems]
        elif home.is_built(task.set_name):
            found.append(task.name)
    return found


def plan(
    tasks: Sequence[str] = (),
    *,
    ids_only_for: Sequence[str] = (),
    stated: Mapping[str, str] | None = None,
    trial: bool = False,
) -> list[Planned]:
    """Say what a release would hold.

    Args:
        tasks: the tasks; none for all whose data is built here.
        ids_only_for: tasks and sets of which only ids, labels and hashes are to be given, in
            every config that has their texts or images. The sets of
            :data:`itr_bench.release.licences.IDS_ONLY` are so in any case.
        stated: licences (SPDX) of sources that state none that is known, by system or set.
        trial: whether placeholder pictures and demo data may be in it.

    Raises:
        DataError: unknown tasks, two for the same data, data that is not here, or of a kind
            that is no release; all in one message where possible.
    """
    names = list(tasks) or tasks_here()
    if not names:
        raise DataError(
            "no data is built here. Build it (itr-bench data build ltec), or name tasks, which "
            "are then fetched: --tasks ltec_itr_lv,ltec_itr_en_manual"
        )
    problems = []
    for name in names:
        first = _same_data(name)
        if first != name:
            problems.append(f"{name} has the same data as {first}: name that one")
    if problems:
        raise DataError(f"cannot be exported:\n{bullet_list(problems)}")
    stated = stated or {}
    opened = [open_task(get_task(name)) for name in names]
    withheld = _withheld(opened, (*licences.IDS_ONLY, *ids_only_for))
    planned = [
        _plan_one(data, hidden, stated) for data, hidden in zip(opened, withheld, strict=True)
    ]
    problems += _idle_licences(opened, stated)
    asked = {name for one in planned for name in _called(one.data)}
    problems += [f"--ids-only-for {n}: not in this release" for n in ids_only_for if n not in asked]
    folded = [config_name(one.task).lower() for one in planned]
    for one, name in zip(planned, folded, strict=True):
        if folded.count(name) > 1:
            problems.append(f"{one.task}: named twice, or like another one but for capitals")
        if name.endswith("."):
            problems.append(f"{one.task}: ends with a dot, which not every system can store")
        if one.kind in TRIAL_KINDS and not trial:
            problems.append(f"{one.task}: {one.kind} data is no release; to try it out: --trial")
    if problems:
        raise DataError(f"cannot be exported:\n{bullet_list(problems)}")
    return planned


def _names(data: TaskData) -> tuple[str, ...]:
    """The names that a licence can be stated of: system and sets."""
    own = data.tweets.manifest.system or data.tweets.manifest.set_name
    return (own, *(() if data.images is data.tweets else (data.images.manifest.set_name,)))


def _idle_licences(opened: Sequence[TaskData], stated: Mapping[str, str]) -> list[str]:
    """What is wrong with *stated* licences that no source takes."""
    problems = []
    for name in sorted(stated):
        sources = [
            source
            for data in opened
            for named, tweets in zip(_names(data), (data.tweets, data.images), strict=False)
            if named == name
            for source in tweets.manifest.sources
        ]
        if not sources:
            problems.append(f"--licence {name}=...: not in this release")
        elif all(licences.find(licences.spelled(source)) for source in sources):
            problems.append(
                f"--licence {name}={stated[name]}: its sources state a licence themselves "
                f"({licences.shown(sources)}), which holds; leave it out"
            )
    return problems


def _withheld(opened: Sequence[TaskData], names: Sequence[str]) -> list[bool]:
    """Of each task, whether only ids, labels and hashes of it may be given.

    Where the images of a set are withheld, so is every task on tweets of that set: those of its
    other texts, of its translations, and of a set that shares tweets with it.
    """
    asked = [not _called(data).isdisjoint(names) for data in opened]
    tweets: set[str] = set()
    for data, own in zip(opened, asked, strict=True):
        if own and (data.images is data.tweets or data.images.manifest.set_name in names):
            tweets.update(data.images.tweet_ids)
    return [
        own or not tweets.isdisjoint(data.images.tweet_ids)
        for data, own in zip(opened, asked, strict=True)
    ]


def _called(data: TaskData) -> set[str]:
    """The names of a task and of its sets, with and without the system."""
    full = (data.spec.name, data.tweets.manifest.set_name, data.images.manifest.set_name)
    return {*full, *(name.partition("@")[0] for name in full), _task(data)}


def _task(data: TaskData) -> str:
    system = data.tweets.manifest.system
    return data.spec.name.partition("@")[0] + (f"@{system}" if system else "")


def _plan_one(data: TaskData, ids_only: bool, stated: Mapping[str, str]) -> Planned:
    own, *base = _names(data)
    sources = licences.with_licences(data.tweets.manifest.sources, own, stated)
    found, obstacles = licences.settle(sources, own)
    for name in base:
        images = licences.with_licences(data.images.manifest.sources, name, stated)
        more, further = licences.settle(images, name)
        sources += images
        found += tuple(licence for licence in more if licence not in found)
        obstacles += further
    return Planned(
        data=data,
        ids_only=ids_only,
        sources=tuple(_without_folders(source) for source in sources),
        licences=found,
        obstacles=() if ids_only else obstacles,
    )


def _without_folders(value: Any) -> Any:
    """*value* with absolute paths, such as that of a model's checkpoint, as the last part only."""
    if isinstance(value, dict):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(one) for one in value]
    if isinstance(value, str):
        for path in (PurePosixPath(value), PureWindowsPath(value)):
            if path.is_absolute():
                return path.name
    return value
