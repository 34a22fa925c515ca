"""The task definitions: the files that come with the package, and those made from them.

A machine translation is the English one's definition over another set, so the tasks of further
languages and of named systems are files of three lines. A variant is a task's definition with
another prompt, or over other documents. Both are written when they are asked for.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from itr_bench.data import home
from itr_bench.data.sets import get_set
from itr_bench.errors import ItrBenchError, unknown_name
from itr_bench.tasks.spec import TASKS, get_task
from itr_bench.tasks.variants import MARK
from itr_bench.tasks.wordings import worded
from itr_bench.yaml_file import UniqueKeyLoader, read_yaml

_PATTERN = "ltec_itr_en_mt"


def task_folders() -> tuple[Path, ...]:
    """The folders of all definitions, from a wheel or an editable install."""
    return (_shipped(), _write_made())


def task_files() -> dict[str, Path]:
    """The files of all tasks and groups by name, without variants."""
    return {
        path.stem: path
        for folder in task_folders()
        for path in folder.rglob("*.yaml")
        if MARK not in path.stem
    }


def task_file(name: str) -> Path:
    """The file of a task, a variant of one, or a group.

    Raises:
        ItrBenchError: there is none of that name; the message names the nearest.
    """
    files = task_files()
    if MARK not in name:
        if name not in files:
            raise ItrBenchError(unknown_name("task", name, files))
        return files[name]
    task = get_task(name)
    included = task_file(task.reference)
    path = _folder() / f"{name}.yaml"
    if not path.exists():
        found: dict[str, Any] = {
            "include": str(included),
            "task": name,
            "dataset_name": task.base,
        }
        if task.variant.wording or task.variant.order:
            kwargs = read_definition(included)["lmms_eval_specific_kwargs"]
            found["lmms_eval_specific_kwargs"] = worded(kwargs, task.variant)
        path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")  # YAML, too
    return path


class _Loader(UniqueKeyLoader):
    """Functions are named in the definitions; their names are kept."""


_Loader.add_constructor("!function", lambda loader, node: node.value)


@functools.lru_cache(maxsize=256)
def read_definition(path: Path) -> dict[str, Any]:
    """What a file says, with what it includes.

    The rules are lmms-eval's: a file overrides what it includes, and of several included files the
    first named one wins.
    """
    content: dict[str, Any] = read_yaml(path, loader=_Loader)
    included = content.pop("include", [])
    merged: dict[str, Any] = {}
    for name in reversed([included] if isinstance(included, str) else included):
        merged.update(read_definition((path.parent / name).resolve()))
    return {**merged, **content}


def _shipped() -> Path:
    return Path(str(resources.files("itr_bench.tasks")))


def _write_made() -> Path:
    """The folder of the definitions that are made, with one of every language and system here."""
    folder = _folder()
    shipped = {path.stem: path for path in _shipped().rglob("*.yaml")}
    forms = [name for name in shipped if name.startswith(_PATTERN)]
    for task in TASKS.values():
        if not get_set(task.set_name).is_translation:
            continue
        for base in (task.family, *(f"{task.family}@{s}" for s in home.systems(task.set_name))):
            for form in forms:
                name = base + form.removeprefix(_PATTERN)
                path = folder / f"{name}.yaml"
                if name not in shipped and not path.exists():
                    path.write_text(
                        f"include: {json.dumps(str(shipped[form]))}\ntask: {name}\n"
                        f"dataset_name: {base}\n",
                        encoding="utf-8",
                    )
    return folder


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="itr-bench-tasks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
