"""Files of the user's, written whole or not at all, and none that is there lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from itr_bench import storage
from itr_bench.errors import DataError


def refuse_output(path: Path, inputs: Iterable[Path] = (), *, begins: str | None = None) -> None:
    """Refuse to write *path* where that would lose something; call it before any work.

    Args:
        begins: how files of this kind begin. Where it is given, one that begins otherwise is
            not replaced: for files that the user did not name, or whose name is easily mixed up.

    Raises:
        DataError: *path* is one of the *inputs*, by whatever name; or something is there that
            is no regular file, or that does not begin so.
    """
    with storage.check_disk(path, DataError):
        # With the folder resolved: missing/../name is name once the folder is made.
        there = Path(os.path.realpath(path.parent), path.name)
        if not os.path.lexists(there):
            return
        for given in inputs:
            if there.exists() and given.exists() and there.samefile(given):
                raise DataError(
                    f"{path} is an input ({given}) and would be overwritten; name another file"
                )
        # A link too: it would be replaced, not what it leads to.
        if there.is_symlink() or not there.is_file():
            raise DataError(
                f"cannot write {path}: it is there and no regular file; name another file"
            )
        if begins is not None:
            with there.open("rb") as file:
                ours = file.read(len(begins.encode())) == begins.encode()
            if not ours:
                raise DataError(
                    f"{path} is there already and was not written by this command; name another "
                    "file, or move it away"
                )


def write_text(path: Path, text: str) -> None:
    r"""Write *text* to *path* in UTF-8, whole or not at all, with the folders that it needs.

    What UTF-8 cannot hold, half a surrogate of a file name, is written as ``\udcXX``.

    Raises:
        DataError: it cannot be written; what was there before is then still there.
    """
    with storage.check_disk(path, DataError):
        path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_whole(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, content: Any) -> None:
    """As :func:`write_text`, for JSON values."""
    with storage.check_disk(path, DataError):
        path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_json(path, content)


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes *out* if the block succeeds, and is removed if not.

    Raises:
        DataError: *out* is there already, or cannot be written.
    """
    with storage.check_disk(out, DataError):
        if os.path.lexists(out):
            raise DataError(f"{out} is there already; name a new folder, or remove it")
        with storage.replacing(Path(os.path.realpath(out)), replace=False) as new:
            yield new
