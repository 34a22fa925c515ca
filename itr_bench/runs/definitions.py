"""The task definitions read without lmms-eval, which takes seconds to import.

The rules are lmms-eval's: a file overrides what it includes, of several included files the
first named one wins, and what stands below a model's name is taken by the exact ``--model``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from itr_bench.data.catalog import EXPLAINED, LIKELIHOOD
from itr_bench.errors import RunError, unknown_name
from itr_bench.lmms.task_files import task_files


@dataclass(frozen=True)
class Definition:
    """What a task's definition says to one model.

    Attributes:
        name: of the task.
        version: of the definition.
        generation: generation settings.
        wording: prompt, questions, answer formats, and which of them: for ``render``.
    """

    name: str
    version: str
    generation: Mapping[str, Any]
    wording: Mapping[str, Any]

    @property
    def explained(self) -> bool:
        """Whether the task itself asks for the explained answer format."""
        return self.name.endswith(EXPLAINED)

    @property
    def likelihood(self) -> bool:
        """Whether it scores P(yes) and P(no) in place of generating."""
        return self.name.endswith(LIKELIHOOD)


class _Loader(yaml.SafeLoader):
    """Functions are named in the definitions; their names are kept."""


_Loader.add_constructor("!function", lambda loader, node: node.value)


def expand(names: Iterable[str]) -> tuple[str, ...]:
    """Return the tasks that *names* of tasks and groups stand for, each once, in order.

    Raises:
        RunError: a name is none of ours; the message names the nearest.
    """
    found: dict[str, None] = {}
    for name in names:
        content = _content(name)
        members = content["task"]
        found.update(dict.fromkeys(expand(members) if "group" in content else [name]))
    return tuple(found)


def define(name: str, adapter: str) -> Definition:
    """Return the definition of task *name* as it is for *adapter*.

    Raises:
        RunError: it is no task of ours.
    """
    content = _content(name)
    wordings = content["lmms_eval_specific_kwargs"]
    own = content["model_specific_generation_kwargs"]
    wording = dict(wordings.get(adapter, wordings["default"]))
    if name.endswith(EXPLAINED):
        wording["answer_format"] = "explained"
    return Definition(
        name=name,
        version=str(content["metadata"]["version"]),
        generation={**content["generation_kwargs"], **own.get(adapter, own["default"])},
        wording=wording,
    )


@functools.lru_cache(maxsize=256)
def _content(name: str) -> dict[str, Any]:
    files = task_files()
    if name not in files:
        raise RunError(unknown_name("task", name, files))
    return _read(files[name])


@functools.lru_cache(maxsize=64)
def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    included = content.pop("include", [])
    merged: dict[str, Any] = {}
    for name in reversed([included] if isinstance(included, str) else included):
        merged.update(_read((path.parent / name).resolve()))
    return {**merged, **content}
