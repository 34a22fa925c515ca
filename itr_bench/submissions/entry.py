"""A result as the leaderboard takes it: what was submitted, and what of it could be checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from itr_bench.scoring import Outcomes, Score
from itr_bench.submissions.schema import Submission


class Badge(str, Enum):
    """How well a result is founded. The values stand in files and addresses."""

    REPORTED = "reported"
    """Figures only: nobody here could compute them."""
    RECOMPUTED = "recomputed"
    """Computed here from the submitted responses, against the data of the task."""
    RERUN = "rerun"
    """Recomputed, and a maintainer's own run agrees."""


@dataclass(frozen=True)
class Entry:
    """One model on one task.

    Attributes:
        submission: what was submitted.
        path: of its folder below the folder of submissions, with slashes.
        badge: how well it is founded.
        score: computed here from the responses; ``None`` where the data of the task is not here,
            or the prompts are those of another version, so that only what is claimed is known.
        outcomes: the answers by tweet and sample, likewise.
        kind: of the data: ``hub``, ``local``, ``demo`` or ``stand-in``.
        answer_format: that the prompts asked for, ``plain`` or ``explained``: as their hashes say;
            ``None`` where the prompts are not known here.
        current: whether it is on the task as it is here: version, prompts, tweets, labels, images.
        unchecked: what could not be checked, a sentence each.
    """

    submission: Submission
    path: str
    badge: Badge
    score: Score | None
    outcomes: Outcomes | None
    kind: str
    answer_format: str | None = None
    current: bool = False
    unchecked: tuple[str, ...] = ()
