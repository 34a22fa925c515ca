"""The results that papers report: figures only, with what is not known left empty."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from itr_bench.data.catalog import TASKS
from itr_bench.errors import DataError, bullet_list, unknown_name
from itr_bench.submissions.schema import Address, Line, ModelId, Paragraph, problems_of

PerCent = Annotated[float, Field(ge=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Source(_Strict):
    """Where the figures stand."""

    title: Line
    authors: Line
    year: int
    address: Address
    table: Line | None = Field(description="Of the source; empty where that is not known here.")
    seeds: int | None = Field(description="How many the mean and the deviation are over.")
    tweets: dict[Line, int] = Field(description="By task: how many tweets a figure is over.")
    not_reported: list[Line] = Field(description="What the source leaves out, or we do not know.")


class Figure(_Strict):
    """One reported figure, in per cent."""

    task: Line | None = Field(description="Empty where the text it was on is not known.")
    accuracy: PerCent | None = Field(description="Mean over seeds; empty where not known.")
    deviation: PerCent | None = Field(description="Over seeds; empty where not known.")
    remark: Paragraph | None = None


class PublishedModel(_Strict):
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
        return self.id.replace("/", "__", 1)


class Published(_Strict):
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
    try:
        found = Published.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = [f"{field or 'file'}: {problem}" for field, problem in problems_of(error)]
        raise DataError(f"{path} is not as expected:\n{bullet_list(problems)}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    for model in found.models:
        for figure in model.figures:
            if figure.task is not None and figure.task not in TASKS:
                raise DataError(f"{path}, {model.name}: {unknown_name('task', figure.task, TASKS)}")
    return found
