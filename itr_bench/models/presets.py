"""The presets: the models of the paper as the paper ran them, and today's as they are published."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from itr_bench.errors import RunError, bullet_list, unknown_name
from itr_bench.yaml_file import parse_yaml

FILE = "presets.yaml"
PAPER = "arXiv:2505.05040"
PARTS = ("image", "text")
ANSWER_FORMATS = ("plain", "explained")


@dataclass(frozen=True)
class Stock:
    """The stock adapter of lmms-eval that comes nearest to a preset, and its arguments."""

    adapter: str
    model_args: Mapping[str, Any]


@dataclass(frozen=True)
class Preset:
    """A model that is known by a name; the head of ``presets.yaml`` says what each field holds."""

    name: str
    checkpoint: str
    adapter: str
    model_args: Mapping[str, Any]
    order: tuple[str, ...]
    answer_format: str
    generation: Mapping[str, Any]
    seeds_can_differ: bool
    remarks: tuple[str, ...]
    source: str
    stock: Stock

    @property
    def kind(self) -> str:
        """What its settings are those of: ``paper`` or ``preset``."""
        return "paper" if self.source == PAPER else "preset"


# What YAML has to give for each field.
_TYPES: dict[str, type] = {
    "checkpoint": str,
    "adapter": str,
    "model_args": dict,
    "order": list,
    "answer_format": str,
    "generation": dict,
    "seeds_can_differ": bool,
    "remarks": list,
    "source": str,
    "stock": dict,
}
_STOCK_TYPES: dict[str, type] = {"adapter": str, "model_args": dict}


@functools.lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """All presets by name."""
    file = resources.files("itr_bench.models") / FILE
    return parse_presets(file.read_text(encoding="utf-8"))


def get_preset(name: str) -> Preset:
    """Return the preset called *name*.

    Raises:
        RunError: there is none of that name; the message names the nearest.
    """
    if name not in presets():
        raise RunError(unknown_name("preset", name, presets()))
    return presets()[name]


def parse_presets(text: str) -> dict[str, Preset]:
    """Read presets from YAML.

    Raises:
        RunError: not YAML, or a field that is unknown, missing or of the wrong kind; all such
            problems in one message, each with preset and field.
    """
    found = parse_yaml(text, FILE, RunError)
    if not isinstance(found, dict) or not found:
        raise RunError(f"{FILE}: expected presets by name")
    problems: list[str] = []
    for name, entry in found.items():
        problems += [f"{name}: {problem}" for problem in _problems(entry, _TYPES)]
        if isinstance(entry, dict) and isinstance(entry.get("stock"), dict):
            stock = _problems(entry["stock"], _STOCK_TYPES)
            problems += [f"{name}: stock: {problem}" for problem in stock]
    if problems:
        raise RunError(f"{FILE} has errors:\n{bullet_list(problems)}")
    return {name: _preset(name, entry) for name, entry in found.items()}


def _problems(entry: object, types: Mapping[str, type]) -> list[str]:
    """What is wrong with one mapping of the file."""
    if not isinstance(entry, dict):
        return ["expected fields by name"]
    problems = [unknown_name("field", str(key), types) for key in entry if key not in types]
    for key, kind in types.items():
        if key not in entry:
            problems.append(f"field {key!r} is missing")
        elif not isinstance(entry[key], kind):
            problems.append(f"{key} is {entry[key]!r}, expected a {kind.__name__}")
        elif key == "order" and sorted(entry[key]) != list(PARTS):
            problems.append(f"order is {entry[key]!r}, expected image and text, each once")
        elif key == "answer_format" and entry[key] not in ANSWER_FORMATS:
            problems.append(unknown_name("answer_format", entry[key], ANSWER_FORMATS))
    return problems


def _preset(name: str, entry: Mapping[str, Any]) -> Preset:
    fields = {
        **entry,
        "order": tuple(entry["order"]),
        "remarks": tuple(entry["remarks"]),
        "stock": Stock(**entry["stock"]),
    }
    return Preset(name=name, **fields)
