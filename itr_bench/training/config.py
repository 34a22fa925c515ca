"""What is trained, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from itr_bench.errors import RunError
from itr_bench.runs.training import WHOLE

Adapt = Literal["lora", "full"]
Balance = Literal["none", "weights", "sampling"]

FOLDS = 5

AT_ONCE = 2
"""Tweets in the memory at a time: little is padded, and a decoder of billions is busy."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; with the data and the checkpoint it decides the weights.

    Attributes:
        languages: of the texts that it is trained on.
        folds: their number.
        epochs: passes over the tweets of one language; they give the number of steps, which is the
            same for several languages and for a part of the data.
        batch_size: tweets a step, both questions of each.
        learning_rate: the highest; it rises for :attr:`warmup` and then falls to zero (cosine).
        warmup: part of the steps in which the learning rate rises, 0 to 1.
        adapt: ``lora``, or ``full`` for all weights.
        rank: of LoRA's matrices.
        alpha: of LoRA; what is added is scaled by ``alpha / rank``.
        balance: what is done about relations of different size: ``none``; ``weights`` in the loss,
            so that yes and no count alike for each question; ``sampling``, so that each relation
            is seen alike.
        share: how much of the training tweets is used, in per cent.
        shuffled_labels: whether the relations are dealt out anew by chance: what is then reached is
            what the procedure reaches without anything to learn.
        early_stopping: after so many epochs without a lower loss on an inner split, training stops
            and the best weights are taken; 0 for never.
        seed: of the folds, the initialisation and the order of the data.
    """

    languages: tuple[str, ...]
    folds: int = FOLDS
    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 1e-4
    warmup: float = 0.1
    adapt: Adapt = "lora"
    rank: int = 16
    alpha: int = 32
    balance: Balance = "none"
    share: int = WHOLE
    shuffled_labels: bool = False
    early_stopping: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            RunError: names the setting, the value and what was expected.
        """
        for name in ("epochs", "batch_size", "rank", "alpha"):
            check_number(name, getattr(self, name), 1, None)
        check_number("folds", self.folds, 2, None)
        check_number("share", self.share, 1, WHOLE)
        check_number("early_stopping", self.early_stopping, 0, None)
        check_number("warmup", self.warmup, 0, 1)
        check_number("seed", self.seed, 0, 2**32 - self.folds)  # each fold has one of its own
        if not 0 < self.learning_rate < math.inf:
            raise RunError(f"learning_rate is {self.learning_rate}, expected a number above 0")

    @property
    def label(self) -> str:
        """What sets it apart from other trainings of the same study, for folders and tables."""
        parts = ["+".join(self.languages)]
        parts += [f"{self.share}pct"] if self.share < WHOLE else []
        parts += ["shuffled"] if self.shuffled_labels else []
        return "-".join(parts)

    def steps(self, tweets: int) -> int:
        """The number of steps, for a set of so many *tweets*."""
        return self.epochs * self.steps_an_epoch(tweets)

    def steps_an_epoch(self, tweets: int) -> int:
        """The steps in which the tweets outside a fold are seen once in one language."""
        return math.ceil(tweets * (self.folds - 1) / self.folds / self.batch_size)

    def as_dict(self) -> Mapping[str, Any]:
        """All settings that matter, as manifests and signatures state them."""
        found = {**asdict(self), "languages": "+".join(self.languages)}
        if self.adapt == "full":
            del found["rank"], found["alpha"]
        return found


def check_number(name: str, value: float, least: float, most: float | None) -> None:
    """Refuse a setting below *least* or above *most*.

    Raises:
        RunError: names it, its value and what was expected.
    """
    if value < least or (most is not None and value > most):
        expected = f"{least} or more" if most is None else f"{least} to {most}"
        raise RunError(f"{name} is {value}, expected {expected}")
