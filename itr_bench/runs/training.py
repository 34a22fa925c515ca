"""What the settings of a run say of the training of its models, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WHOLE = 100
"""All of the training tweets, in per cent."""

_ADAPT = {"lora": "LoRA", "full": "all weights"}


def trained_on(languages: str, share: int) -> str:
    """The data of a training: languages, and the *share* in per cent where it is not all."""
    return languages + (f", {share} % of the data" if share < WHOLE else "")


def how_trained(training: Mapping[str, Any]) -> str:
    """How models were trained, in short; *training* is as signed."""
    parts = [
        trained_on(training["languages"], training["share"]),
        _ADAPT[training["adapt"]],
        f"{training['folds']} folds",
        f"{training['steps']} steps",
    ]
    return ", ".join([*parts, *(["shuffled labels"] if training["shuffled_labels"] else [])])


def unlike(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> list[str]:
    """In what two trainings differ, by the names of the settings; weights follow from the rest."""
    if a is None or b is None:
        one, other = ("none" if found is None else how_trained(found) for found in (a, b))
        return [] if a is b else [f"fine-tuning ({one} and {other})"]
    names = [name for name in a if a[name] != b.get(name)]
    return [
        f"training.{name}"
        + ("" if isinstance(a[name], Mapping) else f" ({a[name]} and {b.get(name)})")
        for name in names
        if name != "weights" or names == ["weights"]
    ]
