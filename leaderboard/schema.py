"""The format of a submission: what each of its files may say, and nothing else.

The JSON Schema in ``docs/`` is made of these classes.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import to_json

from itr_bench.errors import DataError, bullet_list
from itr_bench.leaderboard.characters import first_hidden, has_visible
from itr_bench.runs.response import Digest, Response, TweetId
from itr_bench.runs.training import trained_on
from itr_bench.scoring.metrics import Score
from itr_bench.scoring.signature import digest
from itr_bench.yaml_file import read_yaml

T = TypeVar("T")

FORMAT = 1

TRAINED = "--trained-"
"""In the name of a state's folder: before what a fine-tuned model was trained on."""

DECIMALS = 6
"""Claimed scores are rounded to so many places, and agree there to the last."""

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
# Without two low lines in a row, so that a folder's name belongs to one model.
_ORGANISATION = r"[A-Za-z0-9](_?[A-Za-z0-9.-]){0,95}"


def _shown(text: str) -> str:
    """Text that a page can show as it is meant."""
    hidden = first_hidden(text)
    if hidden is not None:
        raise ValueError(f"the character U+{ord(hidden):04X}, which cannot be shown")
    if text != text.strip() or not text:
        raise ValueError("expected text without blanks around it")
    if not has_visible(text):
        raise ValueError("expected text that can be seen")
    return text


def _day(text: str) -> str:
    datetime.date.fromisoformat(text)
    return text


Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_shown)]
Paragraph = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_shown)]
Address = Annotated[
    str,
    StringConstraints(
        max_length=500,
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#@!$&*+,;=%-]*)?$",
    ),
]
ModelId = Annotated[str, StringConstraints(pattern=rf"^{_ORGANISATION}/{_PART}$", max_length=193)]
Revision = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Snapshot = Annotated[str, StringConstraints(pattern=rf"^{_PART}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Date = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_day)
]


def folder_of(model_id: str) -> str:
    """The name of a model's folder and page, from ORGANISATION/MODEL."""
    return model_id.replace("/", "__", 1)


class Strict(BaseModel):
    """No unknown field, no text in the place of a number, no NaN, no change afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Submitter(Strict):
    """Who submits."""

    name: Line = Field(description="A person or a group.")
    github: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,39}$")] | None = Field(
        default=None, description="Account that a maintainer can ask."
    )


class ModelCard(Strict):
    """What the submitter says of the model; the file that ``itr-bench submit`` takes."""

    name: Line = Field(description="How tables call the model.")
    organisation: Line = Field(description="Who made it.")
    id: ModelId = Field(
        description="ORGANISATION/MODEL: of the Hugging Face Hub, or made of the API's names."
    )
    revision: Revision | None = Field(
        default=None, description="The commit of the weights, 40 digits. Or snapshot and date."
    )
    snapshot: Snapshot | None = Field(
        default=None, description="What the API calls this state of the model."
    )
    date: Date | None = Field(
        default=None, description="The day the API was asked, YYYY-MM-DD; with snapshot."
    )
    released: Date | None = Field(
        default=None, description="The day the model was released, YYYY-MM-DD."
    )
    parameters: Annotated[int, Field(gt=0, le=10**15)] | None = Field(
        default=None, description="Number of parameters; empty where it is not known."
    )
    licence: Line = Field(description="Of the weights, by its SPDX name where it has one.")
    open_weights: bool = Field(description="Whether anybody can have the weights.")
    saw_this_data: Literal["yes", "no", "unknown"] = Field(
        description="Whether training saw these tweets or their labels."
    )
    base_saw_this_data: Literal["yes", "no", "unknown"] | None = Field(
        default=None,
        description="Of a model that was fine-tuned with cross-validation: whether it saw them "
        "before that. Else empty.",
    )
    submitter: Submitter
    paper: Address | None = Field(default=None, description="Address of a paper on the model.")
    code: Address | None = Field(default=None, description="Address of its code.")
    hardware: Line | None = Field(
        default=None, description="What it ran on, where the run itself does not say."
    )
    remark: Paragraph | None = Field(default=None, description="What a reader should know.")

    @model_validator(mode="after")
    def _one_state(self) -> ModelCard:
        if (self.revision is None) == (self.snapshot is None):
            raise ValueError("expected a revision (weights) or a snapshot (API), and not both")
        if (self.snapshot is None) != (self.date is None):
            raise ValueError("expected snapshot and date together")
        return self

    @property
    def folder(self) -> str:
        """The name of the model's folder, and of its page."""
        return folder_of(self.id)

    @property
    def saw_before(self) -> Literal["yes", "no", "unknown"]:
        """Whether the model saw the data before any fine-tuning with cross-validation."""
        return self.base_saw_this_data or self.saw_this_data

    @property
    def state(self) -> str:
        """The name of the folder of this very state of the model."""
        return self.revision or f"{self.snapshot}--{self.date}"


class RunFacts(Strict):
    """How the responses were made. What stands in the signature is checked against it."""

    task: Line = Field(description="Name of the task, a variant included.")
    version: Line | None = Field(description="Version of the task's definition.")
    data: Line = Field(description="Kind and hash of the data.")
    source: Literal["itr-bench run", "lmms-eval"] = Field(description="What ran it.")
    command: Paragraph | None = Field(description="The command that reproduces it.")
    adapter: Line | None = Field(description="The harness's adapter of the model.")
    harness: Line | None = Field(description="Version of lmms-eval.")
    package: Line = Field(description="Version of itr-bench.")
    libraries: dict[Line, Line] = Field(description="Versions of the libraries.")
    precision: Line | None = Field(description="Of the weights: dtype and quantization.")
    hardware: Line | None = Field(description="What it ran on.")
    generation: dict[Line, JsonValue] | None = Field(description="Settings, as signed.")
    seeds: list[int] | None = Field(description="As signed.")
    seeded_each: bool = Field(
        description="Whether each response has a seed of its own: the one of its sample."
    )
    samples: Annotated[int, Field(ge=1, le=1000)] = Field(description="Responses a question.")
    parser: Line = Field(description="Parser, its version and the language it reads.")
    prompt: Digest = Field(description="Digest of all prompts.")
    signature: Paragraph = Field(description="The signature's line.")


class ClaimedScore(Strict):
    """The score as the submitter's computer found it, rounded to six places."""

    tweets: int
    samples: int
    accuracy: Share
    accuracy_sd: Annotated[float, Field(ge=0)] | None
    interval: Annotated[list[float], Field(min_length=2, max_length=2)] | None
    macro_f1: Share
    adds_accuracy: Share
    represented_accuracy: Share
    unparseable_rate: Share

    @classmethod
    def of(cls, score: Score) -> ClaimedScore:
        """The figures of *score*, rounded."""
        found: dict[str, Any] = {
            name: None if (value := getattr(score, name)) is None else round(value, DECIMALS)
            for name in cls.model_fields
            if name not in ("tweets", "samples", "interval")
        }
        ends = None
        if score.interval is not None:
            ends = [round(end, DECIMALS) for end in (score.interval.low, score.interval.high)]
        return cls(tweets=score.tweets, samples=score.samples, interval=ends, **found)


class Training(Strict):
    """That the model was fine-tuned with cross-validation: each response is of a model that was
    trained on the other folds. All but ``base`` and ``content`` is as signed.
    """

    base: Line = Field(description="The checkpoint before the training.")
    content: Line | None = Field(description="Hash or commit of that checkpoint, as signed.")
    languages: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(\+[a-z]{2,3})*$")] = Field(
        description="Of the texts that it was trained on, joined by +."
    )
    tasks: Annotated[dict[Line, Line], Field(min_length=1)] = Field(
        description="The tasks that it was trained on, with kind and hash of their data."
    )
    folds: Annotated[int, Field(ge=2, le=100)] = Field(description="Their number.")
    fold_hash: Digest = Field(description="Digest of the fold of each tweet.")
    share: Annotated[int, Field(ge=1, le=100)] = Field(
        description="Per cent of the training tweets that were used."
    )
    shuffled_labels: bool = Field(
        description="Whether the labels were dealt out by chance: a control, not a result."
    )
    adapt: Literal["lora", "full"] = Field(description="LoRA, or all weights.")
    rank: Count | None = Field(default=None, description="Of LoRA.")
    alpha: Count | None = Field(default=None, description="Of LoRA.")
    steps: Count = Field(description="Of each fold's training.")
    epochs: Count = Field(description="Passes over the tweets of one language.")
    batch_size: Count = Field(description="Tweets a step.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(description="The highest.")
    warmup: Share = Field(description="Part of the steps in which the learning rate rises.")
    balance: Literal["none", "weights", "sampling"] = Field(
        description="What was done about relations of different size."
    )
    early_stopping: Annotated[int, Field(ge=0)] = Field(
        description="Epochs without a lower loss on an inner split that end it; 0 for never."
    )
    seed: int = Field(description="Of folds, first weights and order.")
    weights: dict[Line, Line] = Field(description="Hash of the weights of each fold, from 1.")

    def signed(self) -> dict[str, Any]:
        """As the signature has it."""
        return self.model_dump(exclude={"base", "content"}, exclude_none=True)

    @property
    def words(self) -> str:
        """What it was trained on."""
        return trained_on(self.languages, self.share)

    @property
    def label(self) -> str:
        """The end of the name of the state's folder; the same for a rerun, whose weights differ."""
        share = f"-{self.share}pct" if self.share < 100 else ""
        settings = self.model_dump(exclude={"weights", "base"})
        return f"{TRAINED}{self.languages}{share}-{digest(settings)}"


class FoldTweets(Strict):
    """The tweets that the model of one fold is made of."""

    train: list[TweetId] = Field(description="It was trained on them.")
    inner: list[TweetId] = Field(description="They decided when its training stopped.")


class Folds(Strict):
    """The file ``folds.json``, of a fine-tuned model alone: ids, no texts."""

    hash: Digest = Field(description="Digest of ``fold_of``.")
    fold_of: Annotated[dict[TweetId, Annotated[int, Field(ge=0)]], Field(max_length=10**5)] = Field(
        description="The fold of each tweet of the set, from 0: which model predicts it."
    )
    folds: list[FoldTweets] = Field(description="The model of each fold, in their order.")


class Submission(Strict):
    """The file ``submission.json``: one model on one task."""

    format: Literal[1] = Field(description="Version of this format.")
    submitted: Date = Field(description="The day it was made, YYYY-MM-DD.")
    reason: Paragraph = Field(description="Why it is added or changed, for the history.")
    model: ModelCard
    run: RunFacts
    training: Training | None = Field(
        default=None, description="Of a model that was fine-tuned with cross-validation."
    )
    score: ClaimedScore

    @property
    def state(self) -> str:
        """The name of the folder of this very state of the model, its fine-tuning included."""
        return self.model.state + ("" if self.training is None else self.training.label)


RESPONSE: TypeAdapter[Response] = TypeAdapter(Response)
"""What checks a line of ``responses.jsonl``."""


def response_line(response: Response) -> bytes:
    """A response as a submission holds it: in this order, without blanks or a line break."""
    return to_json(response.as_dict())


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the files: of ``responses.jsonl`` that of a line."""
    line = RESPONSE.json_schema()
    del line["properties"]["relation"]  # in the log of a run alone
    line["description"] = "One line of ``responses.jsonl``: written in this order, without blanks."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A submission to the leaderboard of itr-bench, format {FORMAT}",
        "submission.json": Submission.model_json_schema(),
        "responses.jsonl": line,
        "folds.json": Folds.model_json_schema(),
    }


def maintained(path: Path, kind: type[T], *, each: str = "") -> T:
    """What a YAML file of the maintainers' says, as *kind*.

    Args:
        each: what its items are called, where it is a list of items; an empty file has none.

    Raises:
        DataError: it cannot be read, or all that is not as expected, by field.
    """
    found = read_yaml(path)
    try:
        return TypeAdapter(kind).validate_python([] if each and found is None else found)
    except ValidationError as error:
        problems = [f"{each}{field or 'file'}: {problem}" for field, problem in problems_of(error)]
        raise DataError(f"{path} is not as expected:\n{bullet_list(problems)}") from error


def problems_of(error: Any) -> list[tuple[str, str]]:
    """What pydantic found, in a person's words: the field, and what is wrong with it."""
    found = []
    for one in error.errors(include_url=False, include_context=False):
        field = ".".join(str(part) for part in one["loc"])
        message = re.sub(r"^Value error, ", "", one["msg"])
        untold = one["type"] in ("missing", "extra_forbidden")
        shown = "" if untold else f"; found {one['input']!r:.80}"
        found.append((field, message + shown))
    return found
