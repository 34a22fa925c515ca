"""A result as the leaderboard takes it: what was submitted, and what of it could be checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from itr_bench.data.manifest import content_of
from itr_bench.leaderboard.schema import Submission
from itr_bench.runs.run_folder import NOT_OBSERVED
from itr_bench.scoring.metrics import Score
from itr_bench.scoring.predictions import Predictions
from itr_bench.tasks.spec import get_task

_CONDITIONS = {
    "adapter": "adapter",
    "harness": "version of lmms-eval",
    "package": "version of itr-bench",
    "libraries": "versions of libraries",
    "precision": "precision",
    "generation": "generation settings",
    "parser": "parser",
    "samples": "number of samples",
    "seeds": "seeds",
}
"""What may differ between two runs of one :attr:`Entry.pair`, by its name in a run's facts."""

_HARMLESS = frozenset({"samples", "seeds"})
"""Those that make no accuracy better or worse."""


class Badge(str, Enum):
    """How well a result is founded, the least first. The values stand in files and addresses."""

    REPORTED = "reported"
    RECOMPUTED = "recomputed"
    RERUN = "rerun"


@dataclass(frozen=True)
class Entry:
    """One model on one task.

    Attributes:
        submission: what was submitted.
        path: of its folder below the folder of submissions, with slashes.
        badge: how well it is founded.
        score: computed here from the responses; ``None`` where the data of the task is not here,
            or the prompts are those of another version, so that only what is claimed is known.
        predictions: the answers by tweet and sample, likewise.
        kind: of the data: ``hub``, ``local``, ``demo`` or ``placeholder``.
        answer_format: that the prompts asked for, ``plain`` or ``explained``: as their hashes say;
            ``None`` where the prompts are not known here.
        current: whether it is on the task as it is here: version, prompts, tweets, labels, images.
        unchecked: what could not be checked, a sentence each.
    """

    submission: Submission
    path: str
    badge: Badge
    score: Score | None
    predictions: Predictions | None
    kind: str
    answer_format: str | None = None
    current: bool = False
    unchecked: tuple[str, ...] = ()

    @property
    def without_image(self) -> bool:
        """Whether it is a result without the image."""
        return get_task(self.submission.run.task).without_image

    @property
    def sent(self) -> object:
        """What the run's settings say of what was sent to the model: values sent otherwise than
        asked, or ``not observed``; ``None`` where nothing is to be said.
        """
        return (self.submission.run.generation or {}).get("sent")

    @property
    def not_observed(self) -> bool:
        """Whether nobody could see with which settings the model was asked."""
        return self.sent == NOT_OBSERVED

    @property
    def pair(self) -> tuple[str | None, ...]:
        """What a result without the image has in common with the one beside which it stands: state
        of the model, task, version, tweets and prompts, and with these the answer format.
        """
        card, run = self.submission.model, self.submission.run
        task = get_task(run.task).reference
        state = self.submission.state
        return (card.folder, state, task, run.version, content_of(run.data), run.prompt)

    @property
    def untrained_pair(self) -> tuple[str | None, ...]:
        """The same of the checkpoint that a fine-tuned model was made of."""
        card = self.submission.model
        return (card.folder, card.state, *self.pair[2:])

    @property
    def is_fine_tuned(self) -> bool:
        """Whether the model was fine-tuned with cross-validation."""
        return self.submission.training is not None

    @property
    def saw_data(self) -> str:
        """What the submitter says of the training, but for fine-tuning with cross-validation:
        ``yes``, ``no`` or ``unknown``.
        """
        return self.submission.model.saw_before


@dataclass(frozen=True)
class Differing:
    """How the runs of two results differ."""

    names: tuple[str, ...]
    """Of what differs, for people."""
    harmless: bool
    """Whether none of it makes an accuracy better or worse."""

    @property
    def sentences(self) -> list[str]:
        """What is to be said of it."""
        if not self.names:
            return []
        more = "" if self.harmless else " The difference may come from that as well."
        return [f"The two runs also differ in: {', '.join(self.names)}.{more}"]


def differing(one: Entry, other: Entry) -> Differing:
    """In what the runs of a result with the image and of one without differ beside the image."""
    runs = one.submission.run, other.submission.run
    fields = [name for name in _CONDITIONS if getattr(runs[0], name) != getattr(runs[1], name)]
    return Differing(tuple(_CONDITIONS[name] for name in fields), _HARMLESS.issuperset(fields))
