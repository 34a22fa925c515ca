"""lmms-eval's own task files, read once a process, and all others fast."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import IO, Any

import yaml


class _Loader(yaml.CFullLoader):  # type: ignore[misc]
    """PyYAML's full loader on libyaml, which is eight times as fast."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.name = getattr(stream, "name", "")  # which lmms-eval finds functions by


def _full_load(stream: IO[bytes]) -> Any:
    _Loader.yaml_constructors = yaml.FullLoader.yaml_constructors  # with lmms-eval's own
    return yaml.load(stream, _Loader)


def read_fast() -> None:
    """Let lmms-eval read task files on libyaml in this process."""
    yaml.full_load = _full_load


def read_own_tasks_once() -> None:
    """Let this process read lmms-eval's own 3,400 task files once; all others each time."""
    import lmms_eval.tasks
    from lmms_eval.tasks import TaskManager
    from loguru import logger

    read = TaskManager._get_task_and_group
    if hasattr(read, "__wrapped__"):
        return
    read_fast()
    own = Path(lmms_eval.tasks.__file__).parent
    manager = object.__new__(TaskManager)  # to make a whole one reads our tasks, too
    manager.logger = logger
    kept = read(manager, str(own))

    @functools.wraps(read)
    def once(self: TaskManager, folder: str) -> dict[str, Any]:
        return copy.deepcopy(kept) if Path(folder) == own else dict(read(self, folder))

    TaskManager._get_task_and_group = once
