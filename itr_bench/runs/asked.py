"""What a run asks of a model, and what it sees to leave the model's adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from itr_bench.models.adapters import Seeding
from itr_bench.models.boundary import Asked
from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.plan import Request, TaskPlan

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


def asked_of(plan: TaskPlan, model: ModelSpec, requests: Sequence[Request]) -> Asked:
    """What an adapter is asked for with *requests* of one task."""
    variant = plan.settings.definition.task.variant
    pictures = int(variant.picture != "none")
    if variant.context is not None and variant.context.images:
        pictures += 2 * variant.context.shots
    takes_seeds = model.handling.seeding is not Seeding.NONE
    return Asked(
        plan.settings.generation,
        frozenset(request.seed for request in requests) if takes_seeds else None,
        pictures,
    )
