"""The task definitions: the files that come with the package, and those made from them.

A machine translation is the English one's definition over another set, so the tasks of further
languages and of named systems are files of three lines, written when they are asked for.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from importlib import resources
from pathlib import Path

from itr_bench.data import home
from itr_bench.data.catalog import TASKS, base_task, get_set

_PATTERN = "ltec_itr_en_mt"


def task_folders() -> tuple[Path, ...]:
    """The folders of all definitions, from a wheel or an editable install."""
    return (_shipped(), _write_made())


def task_files() -> dict[str, Path]:
    """The files of all tasks and groups by name."""
    return {path.stem: path for folder in task_folders() for path in folder.rglob("*.yaml")}


def _shipped() -> Path:
    return Path(str(resources.files("itr_bench.tasks")))


def _write_made() -> Path:
    """The folder of the definitions that are made, with one of every language and system here."""
    folder = _folder()
    shipped = {path.stem: path for path in _shipped().rglob("*.yaml")}
    variants = [name for name in shipped if base_task(name) == _PATTERN]
    for task in TASKS.values():
        if not get_set(task.set_name).is_translation:
            continue
        for base in (task.name, *(f"{task.name}@{s}" for s in home.systems(task.set_name))):
            for variant in variants:
                name = base + variant.removeprefix(_PATTERN)
                path = folder / f"{name}.yaml"
                if name not in shipped and not path.exists():
                    path.write_text(
                        f"include: {json.dumps(str(shipped[variant]))}\ntask: {name}\n"
                        f"dataset_name: {base}\n",
                        encoding="utf-8",
                    )
    return folder


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="itr-bench-tasks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
