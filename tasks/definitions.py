"""The task definitions read without lmms-eval, which takes seconds to import.

The rules are lmms-eval's: what stands below a model's name is taken by the exact ``--model``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from itr_bench.tasks.spec import TaskSpec, get_task
from itr_bench.tasks.task_files import read_definition, task_file


@dataclass(frozen=True)
class Definition:
    """What a task's definition says to one model.

    Attributes:
        wording: prompt, questions, answer formats, and which of them: for ``render``.
    """

    task: TaskSpec
    version: str
    generation: Mapping[str, Any]
    wording: Mapping[str, Any]

    def seeds(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Those of the seeds *asked* for that make a difference: a likelihood is the same always.

        Its one response stands under the first seed.
        """
        return tuple(asked[:1] if self.task.likelihood else asked)


def expand(names: Iterable[str]) -> tuple[TaskSpec, ...]:
    """Return the tasks that *names* of tasks and groups stand for, each once, in order.

    Raises:
        ItrBenchError: a name is none of ours; the message names the nearest.
    """
    tasks: dict[TaskSpec, None] = {}
    for name in names:
        content = _content(name)
        members = expand(content["task"]) if "group" in content else (get_task(name),)
        tasks.update(dict.fromkeys(members))
    return tuple(tasks)


def define(task: TaskSpec, adapter: str) -> Definition:
    """Return the definition of *task* as it is for *adapter*."""
    content = _content(task.name)
    wordings = content["lmms_eval_specific_kwargs"]
    own = content["model_specific_generation_kwargs"]
    wording = dict(wordings.get(adapter, wordings["default"]))
    if task.explained:
        wording["answer_format"] = "explained"
    return Definition(
        task=task,
        version=str(content["metadata"]["version"]),
        generation={**content["generation_kwargs"], **own.get(adapter, own["default"])},
        wording=wording,
    )


@functools.lru_cache(maxsize=256)
def _content(name: str) -> dict[str, Any]:
    return read_definition(task_file(name))
