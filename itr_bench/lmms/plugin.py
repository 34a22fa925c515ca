"""What lmms-eval loads: an entry point of the group ``lmms_eval.models``.

lmms-eval 0.7.3 has an entry point for models and none for tasks, but it loads the models'
before it looks for tasks. So the models' entry point also adds the folder of our tasks, and
``--tasks ltec_itr_lv`` works without any option or environment variable.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import Any

from itr_bench.errors import ItrBenchError, unknown_name
from itr_bench.models.imageless import check_image
from itr_bench.models.stopping import stop, under_command_line
from itr_bench.models.turns import check_turns
from itr_bench.packages import filelock_problem
from itr_bench.tasks.task_files import task_file, task_files, task_folders


def register() -> list[Any]:
    """Make the tasks known to lmms-eval and return the manifests of our models."""
    problem = filelock_problem()
    if problem and under_command_line():
        stop(ItrBenchError(problem))  # the evaluator would fail on it, with status 0
    from lmms_eval.api.task import ConfigurableTask
    from lmms_eval.models.registry_v2 import ModelManifest
    from lmms_eval.tasks import TaskManager
    from tenacity import retry_if_exception_type, retry_if_not_exception_type

    if not hasattr(TaskManager.initialize_tasks, "__wrapped__"):
        TaskManager.initialize_tasks = _with_our_tasks(TaskManager.initialize_tasks)
        TaskManager.match_tasks = _data_before_model(TaskManager.match_tasks)
        TaskManager.load_task_or_group = _variants_made(TaskManager.load_task_or_group)
        # Loading is tried five times over, also where a second try cannot help.
        ConfigurableTask.download.retry.retry = retry_if_exception_type(
            Exception
        ) & retry_if_not_exception_type(ItrBenchError)
    return [
        ModelManifest(
            model_id="itr_baseline", simple_class_path="itr_bench.models.baseline.Baseline"
        ),
        ModelManifest(model_id="itr_server", chat_class_path="itr_bench.models.server.Server"),
        ModelManifest(model_id="itr_vlm", chat_class_path="itr_bench.models.vlm.SharedImageVlm"),
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
        try:
            _make_variants(self, task_list)
            matched = match_tasks(self, task_list)
            for name in task_list:
                if not self._name_is_registered(name):
                    _suggest(name)
            for name in matched:
                members = self._get_config(name)["task"] if self._name_is_group(name) else [name]
                _open(members, self.model_name)
        except ItrBenchError as error:
            stop(error)
        return matched

    return wrapper


def _variants_made(load: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Make the definitions of variants when they are asked for from Python."""

    @functools.wraps(load)
    def wrapper(self: Any, task_list: Any = None, *rest: Any, **more: Any) -> dict[str, Any]:
        _make_variants(self, [task_list] if isinstance(task_list, str) else task_list or [])
        return load(self, task_list, *rest, **more)

    return wrapper


def _make_variants(manager: Any, names: Iterable[Any]) -> None:
    """Add those of *names* that are ours to what *manager* knows: variants, and translations that
    were built after it was made.
    """
    from itr_bench.tasks.spec import is_ours

    for name in names:
        if not is_ours(name) or name in manager._task_index:
            continue
        path = task_file(name)
        manager._task_index[name] = {"type": "task", "yaml_path": str(path)}
        manager._all_tasks.append(name)
        manager._all_subtasks.append(name)


def _open(tasks: list[Any], adapter: str | None) -> None:
    """Open the data of those *tasks* that are ours, examples included."""
    from itr_bench.tasks.documents import examples, task_data
    from itr_bench.tasks.spec import get_task, is_ours

    for task in tasks:
        if is_ours(task):
            spec = get_task(task)
            if spec.variant.context and adapter:
                check_turns(spec, adapter)
            check_image(spec, adapter or "")
            task_data(spec)
            examples(spec)


def _suggest(name: str) -> None:
    """Raise for an unknown *name* that is near one of ours; the rest is lmms-eval's to refuse."""
    ours = task_files()
    if difflib.get_close_matches(name, ours, n=1, cutoff=0.8):
        raise ItrBenchError(unknown_name("task", name, ours))
