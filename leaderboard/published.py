"""The results that papers report: figures only, with what is not known left empty."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from itr_bench.errors import DataError, unknown_name
from itr_bench.leaderboard.schema import (
    Address,
    Line,
    ModelId,
    Paragraph,
    Strict,
    folder_of,
    maintained,
)
from itr_bench.tasks.spec import TASKS

PerCent = Annotated[float, Field(ge=0, le=100)]


class Source(Strict):
    """Where the figures stand."""

    title: Line
    authors: Line
    year: int
    address: Address
    table: Line | None = Field(description="Of the source; empty where that is not known here.")
    seeds: int | None = Field(description="How many the mean and the deviation are over.")
    tweets: dict[Line, int] = Field(description="By task: how many tweets a figure is over.")
    not_reported: list[Line] = Field(description="What the source leaves out, or we do not know.")


class Figure(Strict):
    """One reported figure, in per cent."""

    task: Line | None = Field(description="Empty where the text it was on is not known.")
    among: list[Line] = Field(
        default_factory=list,
        description="Where task is empty: the tasks that it may be on; empty where not known.",
    )
    accuracy: PerCent | None = Field(description="Mean over seeds; empty where not known.")
    deviation: PerCent | None = Field(description="Over seeds; empty where not known.")
    remark: Paragraph | None = None


class PublishedModel(Strict):
    """A model with what is reported of it."""

    name: Line
    organisation: Line
    id: ModelId
    parameters: int | None
    licence: Line | None
    open_weights: bool
    precision: Line | None
    figures: list[Figure]

    @property
    def folder(self) -> str:
        """The name of the model's page, the same as that of its submissions."""
        return folder_of(self.id)


class Published(Strict):
    """One file of published results."""

    format: Literal[1]
    source: Source
    models: list[PublishedModel]


def leaderboard_folder() -> Path:
    """The folder of published results, templates and assets, from a wheel or a clone."""
    return Path(str(resources.files("itr_bench.leaderboard")))


def read_published(folder: Path) -> list[Published]:
    """Read all files of published results in *folder*, by name.

    Raises:
        DataError: a file is not as it should be; all that is wrong with it, by field.
    """
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def _read(path: Path) -> Published:
    found = maintained(path, Published)
    for model in found.models:
        for figure in model.figures:
            _check_tasks(f"{path}, {model.name}", figure)
    return found


def _check_tasks(place: str, figure: Figure) -> None:
    """A figure names its task, or those that it may be on, and only such as there are."""
    if figure.task is not None and figure.among:
        raise DataError(
            f"{place}: expected task or among, and not both; found {figure.task} and "
            f"{', '.join(figure.among)}. Leave among out where the task is known"
        )
    for task in (*figure.among, *([] if figure.task is None else [figure.task])):
        if task not in TASKS:
            raise DataError(f"{place}: {unknown_name('task', task, TASKS)}")
