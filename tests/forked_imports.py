"""What each run of lmms-eval imports and reads, for the process that is forked: see ``forked``."""

from __future__ import annotations

import copy
import functools
import importlib
from pathlib import Path
from typing import Any

import lmms_eval.__main__
import lmms_eval.cli.dispatch
import lmms_eval.tasks
from lmms_eval.tasks import TaskManager
from loguru import logger

for _module in (
    *("itr_bench.models.baseline", "itr_bench.lmms.hooks", "itr_bench.models.vlm"),
    *("itr_bench.scoring.metrics", "transformers.models.auto.modeling_auto"),
):
    importlib.import_module(_module)


def read_own_tasks_once() -> None:
    """Let this process read lmms-eval's own 3,400 task files once, which takes 4 s; all others
    each time."""
    read = TaskManager._get_task_and_group
    if hasattr(read, "__wrapped__"):
        return
    own = Path(lmms_eval.tasks.__file__).parent
    manager = object.__new__(TaskManager)  # to make a whole one reads our tasks, too
    manager.logger = logger
    kept = read(manager, str(own))

    @functools.wraps(read)
    def once(self: TaskManager, folder: str) -> dict[str, Any]:
        return copy.deepcopy(kept) if Path(folder) == own else dict(read(self, folder))

    TaskManager._get_task_and_group = once


read_own_tasks_once()
