"""What a run asks of a model, and what it sees to leave the model's adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from itr_bench.models.adapters import Seeding
from itr_bench.models.boundary import Asked
from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.plan import Request, TaskPlan

VARIES = "varies"
"""Was sent with different values in parts of a run."""

OnResponses = Callable[[Sequence[tuple[Request, Output]]], None]
"""Takes what came of requests: those that came together, so that they reach the disk together."""


class Observed(NamedTuple):
    """What was seen to leave an adapter.

    Attributes:
        engine: what it called; ``None`` for nothing that is known.
        sent: what was sent in place of what may differ.
    """

    engine: str | None
    sent: dict[str, Any]

    def joined(self, other: Observed) -> Observed:
        """What holds of two parts of a run: *not observed* if one was not, ``varies`` by key."""
        if self.engine != other.engine:
            return Observed(None, {})
        sent = {
            name: self.sent.get(name) if self.sent.get(name) == other.sent.get(name) else VARIES
            for name in sorted({*self.sent, *other.sent})
        }
        return Observed(self.engine, sent)


def asked_of(plan: TaskPlan, model: ModelSpec, requests: Sequence[Request]) -> Asked:
    """What an adapter is asked for with *requests* of one task."""
    variant = plan.settings.task.variant
    pictures = int(variant.picture != "none")
    if variant.context is not None and variant.context.images:
        pictures += 2 * variant.context.shots
    takes_seeds = model.handling.seeding is not Seeding.NONE
    return Asked(
        plan.settings.generation,
        frozenset(request.seed for request in requests) if takes_seeds else None,
        pictures,
    )
