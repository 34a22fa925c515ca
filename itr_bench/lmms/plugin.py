"""What lmms-eval loads: an entry point of the group ``lmms_eval.models``.

lmms-eval 0.7.3 has an entry point for models and none for tasks, but it loads the models'
before it looks for tasks. So the models' entry point also adds the folder of our tasks, and
``--tasks ltec_itr_lv`` works without any option or environment variable.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from typing import Any

from itr_bench.errors import ItrBenchError, unknown_name
from itr_bench.lmms.stopping import stop
from itr_bench.lmms.task_files import task_files, task_folders


def register() -> list[Any]:
    """Make the tasks known to lmms-eval and return the manifests of our models."""
    from lmms_eval.api.task import ConfigurableTask
    from lmms_eval.models.registry_v2 import ModelManifest
    from lmms_eval.tasks import TaskManager
    from tenacity import retry_if_exception_type, retry_if_not_exception_type

    if not hasattr(TaskManager.initialize_tasks, "__wrapped__"):
        TaskManager.initialize_tasks = _with_our_tasks(TaskManager.initialize_tasks)
        TaskManager.match_tasks = _data_before_model(TaskManager.match_tasks)
        # Loading is tried five times over, also where a second try cannot help.
        ConfigurableTask.download.retry.retry = retry_if_exception_type(
            Exception
        ) & retry_if_not_exception_type(ItrBenchError)
    return [
        ModelManifest(
            model_id="itr_baseline", simple_class_path="itr_bench.lmms.baseline.Baseline"
        ),
        ModelManifest(model_id="itr_vlm", chat_class_path="itr_bench.lmms.vlm.SharedImageVlm"),
    ]


def _with_our_tasks(initialize_tasks: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    @functools.wraps(initialize_tasks)
    def wrapper(
        self: Any, include_path: str | list[str] | None = None, include_defaults: bool = True
    ) -> dict[str, Any]:
        named = [include_path] if isinstance(include_path, str) else list(include_path or [])
        return initialize_tasks(
            self,
            include_path=[*named, *map(str, task_folders())],
            include_defaults=include_defaults,
        )

    return wrapper


def _data_before_model(match_tasks: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Open the data of the named tasks first: a model can take minutes to load."""

    @functools.wraps(match_tasks)
    def wrapper(self: Any, task_list: list[str]) -> list[str]:
        matched = match_tasks(self, task_list)
        try:
            for name in task_list:
                if not self._name_is_registered(name):
                    _suggest(name)
            for name in matched:
                members = self._get_config(name)["task"] if self._name_is_group(name) else [name]
                _open(members)
        except ItrBenchError as error:
            stop(error)
        return matched

    return wrapper


def _open(tasks: list[Any]) -> None:
    """Open the data of those *tasks* that are ours."""
    from itr_bench.data.catalog import TASKS, base_task, family
    from itr_bench.lmms.documents import task_data

    for task in tasks:
        if isinstance(task, str) and family(task) in TASKS:
            task_data(base_task(task))


def _suggest(name: str) -> None:
    """Raise for an unknown *name* that is near one of ours; the rest is lmms-eval's to refuse."""
    ours = task_files()
    if difflib.get_close_matches(name, ours, n=1, cutoff=0.8):
        raise ItrBenchError(unknown_name("task", name, ours))
