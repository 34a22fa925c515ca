"""The one record of a response, from the model to the submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import ConfigDict, Field, StringConstraints

from itr_bench.models.output import FinishReason
from itr_bench.relation import RELATIONS, Question
from itr_bench.storage import parse_line, to_line
from itr_bench.tasks.showing import NO_PICTURE

QuestionName = Literal["adds", "represented"]

Key = tuple[str, str, int]
"""Tweet, question and seed of a response."""

TweetId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
ImageHash = Annotated[str, StringConstraints(pattern=rf"^([0-9a-f]{{64}}|{NO_PICTURE})$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]

_QUESTIONS = frozenset(question.value for question in Question)
_RELATIONS = tuple(map(int, RELATIONS))


ENDED: Mapping[str, str] = {
    "length": "ended at the limit of tokens",
    "refusal": "refused",
    "content_filter": "stopped by a content filter",
}
"""The reasons for an end that a reader should know of, in words."""


@dataclass(frozen=True)
class Response:
    """One response: a line of a run's log, and a line of a submission.

    Submissions check the patterns of the fields; a run reads back what it wrote.

    Attributes:
        question: ``adds`` or ``represented``.
        sample: the place of its seed among those of the run, from 0.
        seed: the seed of this very generation; ``None`` where it had none of its own.
        tokens: how many tokens were generated, ``None`` where that is not known.
        image_sha256: SHA-256 of the image's file, or that the task shows none.
        finish_reason: why the response ended; ``None`` where that is not known.
        relation: the right relation, 0 to 3; in the log of a run alone.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    tweet_id: TweetId
    question: QuestionName
    sample: Annotated[int, Field(ge=0, lt=1000)]
    seed: int | None
    response: Annotated[
        str, Field(description="The raw response; quotations of the tweet are masked.")
    ]
    tokens: Annotated[int, Field(ge=0)] | None
    prompt_hash: Digest
    image_sha256: Annotated[
        ImageHash,
        Field(description=f"Of the image's file; {NO_PICTURE!r} where the task shows no image."),
    ]
    finish_reason: (
        Annotated[
            FinishReason,
            Field(description="Why it ended; left out where that is not known."),
        ]
        | None
    ) = None
    relation: int | None = None

    @property
    def key(self) -> Key:
        """What it answers, in a run."""
        return self.tweet_id, self.question, cast("int", self.seed)

    def as_dict(self) -> dict[str, Any]:
        """Its fields in the order of the files, without those at the end that are not known."""
        found = vars(self).copy()
        for name in _OPTIONAL:
            if found[name] is None:
                del found[name]
        return found

    def log_line(self) -> bytes:
        """The response as a line of a run's log."""
        return to_line(self.as_dict())

    @classmethod
    def of_log_line(cls, line: bytes) -> Response:
        """Read a *line* of a run's log, without its line break.

        Raises:
            ValueError: it is not what :meth:`log_line` writes; the message says in what.
        """
        found = parse_line(line)
        if not isinstance(found, dict) or found.keys() - {"finish_reason"} != _LOGGED:
            raise ValueError(f"expected the fields {', '.join(sorted(_LOGGED))}")
        question, relation = found["question"], found["relation"]
        if question not in _QUESTIONS or relation not in _RELATIONS:
            raise ValueError(f"question {question!r} or relation {relation!r}")
        if not isinstance(found["response"], str) or not isinstance(found["seed"], int):
            raise ValueError("expected a text as response and a whole number as seed")
        # A report reads millions: the constructor of a frozen dataclass takes six times as long.
        response = object.__new__(cls)
        object.__setattr__(response, "__dict__", {**_DEFAULTS, **found})
        return response


_OPTIONAL = ("finish_reason", "relation")
_DEFAULTS = dict.fromkeys((field.name for field in fields(Response)), None)
_LOGGED = _DEFAULTS.keys() - {"finish_reason"}
