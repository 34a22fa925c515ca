"""What the settings of a run say of the training of its models, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHOLE = 100
_ADAPT = {"lora": "LoRA", "full": "all weights"}


def trained_on(languages: str, share: int) -> str:
    """The data of a training: languages, and the *share* in per cent where it is not all."""
    return languages + (f", {share} % of the data" if share < _WHOLE else "")


def how_trained(training: Mapping[str, Any]) -> str:
    """How models were trained, in short; *training* is as signed."""
    parts = [
        trained_on(training["languages"], training["share"]),
        _ADAPT[training["adapt"]],
        f"{training['folds']} folds",
        f"{training['steps']} steps",
    ]
    return ", ".join([*parts, *(["shuffled labels"] if training["shuffled_labels"] else [])])
