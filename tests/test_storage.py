"""Locks that hold, also after lmms-eval's evaluator made `FileLock` reentrant."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import filelock
import pytest
from filelock import FileLock

from itr_bench import storage
from itr_bench.data import home as homes
from itr_bench.errors import ItrBenchError
from itr_bench.runs import execute
from itr_bench.storage import Lock, Timeout
from itr_bench.translation import output_log

ROOT = Path(__file__).parent.parent


@pytest.fixture
def reentrant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call lmms-eval's function; it is cut out of its file, which takes 20 s to import."""
    package = importlib.util.find_spec("lmms_eval")
    if package is None or package.origin is None:
        pytest.skip("the extra `eval` is not installed")
    file = Path(package.origin).parent / "evaluator.py"
    (function,) = (
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "_enable_reentrant_filelocks"
    )
    names: dict[str, Any] = {"os": os}
    exec(compile(ast.Module([function], []), file, "exec"), names)
    kind = type(FileLock)
    monkeypatch.setattr(kind, "__call__", kind.__call__)  # put back at the end
    names[function.name]()


def test_the_lock_is_not_made_reentrant(reentrant: None, tmp_path: Path) -> None:
    with FileLock(tmp_path / "theirs", timeout=0), FileLock(tmp_path / "theirs", timeout=0):
        pass  # lmms-eval's function did what it is for
    with Lock(tmp_path / "ours", timeout=0):
        with pytest.raises(Timeout):
            Lock(tmp_path / "ours", timeout=0).acquire()
        with pytest.raises(filelock.Timeout):
            FileLock(tmp_path / "ours", timeout=0).acquire()
    with Lock(tmp_path / "ours", timeout=0):
        pass


class Plan:
    task = "itr_demo_lv"


@pytest.mark.parametrize(
    "opened",
    [
        lambda folder: output_log.opened("s", {"a": 1}),
        lambda folder: homes.locked("s", patience_s=0),
        lambda folder: execute._opened(Plan(), folder, print),
    ],
    ids=["translation", "data set", "run"],
)
def test_what_is_open_is_not_opened_again(
    opened: Callable[[Path], AbstractContextManager[Any]],
    reentrant: None,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execute, "checked_manifest", lambda *_: None)
    refused = pytest.raises(ItrBenchError, match="another process")
    with opened(tmp_path), refused, opened(tmp_path):
        pass
    with opened(tmp_path):
        pass


def test_what_another_one_is_writing_is_not_cleared_up(reentrant: None, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    with storage.replacing(folder) as one, storage.replacing(folder) as other:
        (one / "one").touch()
        (other / "other").touch()
    assert [path.name for path in folder.iterdir()] == ["one"]
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(5, "Input/output error")])
def test_what_is_there_survives_an_error_at_any_moment(
    error: BaseException, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "old").touch()
    rename, calls = Path.rename, itertools.count(1)

    def broken(self: Path, target: Path) -> Path:
        moved = rename(self, target) if (call := next(calls)) != 2 or after != 2 else self
        if call == after:
            raise error
        return moved

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(type(error)), storage.replacing(folder) as new:
        (new / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["it", "old"]


def test_nothing_else_locks() -> None:
    files = [
        path for top in ("itr_bench", "tasks", "leaderboard") for path in (ROOT / top).rglob("*.py")
    ]
    locking = [
        path.name
        for path in files
        if re.search(r"^ *(from|import) filelock", path.read_text(), re.M)
    ]
    assert locking == ["storage.py"]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_is_replaced_whole_or_not_at_all(is_there: bool, tmp_path: Path) -> None:
    folder = tmp_path / "above" / "it"
    if is_there:
        folder.mkdir(parents=True)
        (folder / "old").touch()
    with pytest.raises(ZeroDivisionError), storage.replacing(folder) as new:
        (new / "half").touch()
        raise ZeroDivisionError
    assert [path.name for path in folder.parent.rglob("*")] == (["it", "old"] if is_there else [])
    with storage.replacing(folder) as new:
        (new / "new").touch()
    assert [path.name for path in folder.parent.rglob("*")] == ["it", "new"]


def test_what_came_meanwhile_is_kept_where_nothing_is_to_be_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    with pytest.raises(OSError), storage.replacing(folder, replace=False):
        folder.mkdir()
        (folder / "theirs").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["it", "theirs"]


def test_what_was_left_beside_another_folder_stays(tmp_path: Path) -> None:
    (tmp_path / ".set@a.b.x.tmp" / "old").mkdir(parents=True)
    (tmp_path / ".set@a.b.x.tmp" / "lock").touch()
    storage.clear_leftovers(tmp_path / "set@a")
    assert not (tmp_path / "set@a").exists()
    storage.clear_leftovers(tmp_path / "set@a.b")
    assert [path.name for path in tmp_path.iterdir()] == ["set@a.b"]
