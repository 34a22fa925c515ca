"""The folder in which data is kept, and writing there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_dir

from itr_bench import storage
from itr_bench.errors import DataError

ENVIRONMENT = "ITR_BENCH_HOME"
MANIFEST = "manifest.json"


def home() -> Path:
    """Return the folder of all data: ``ITR_BENCH_HOME``, or the user's cache directory."""
    named = os.environ.get(ENVIRONMENT, "").strip()
    return Path(named).expanduser() if named else Path(user_cache_dir("itr-bench"))


def set_folder(name: str) -> Path:
    """Return the folder of the built set *name*, whether it is there or not."""
    return home() / "sets" / name


def is_built(name: str) -> bool:
    """Whether set *name* is there: its manifest is the last thing that is written."""
    return (set_folder(located(name)) / MANIFEST).exists()


def systems(name: str) -> tuple[str, ...]:
    """The systems of which translations *name* (``ltec_en_mt``) are there, sorted."""
    folders = (home() / "sets").glob(f"{name}@*")
    return tuple(sorted(f.name.partition("@")[2] for f in folders if (f / MANIFEST).exists()))


def located(name: str) -> str:
    """The set that *name* stands for: translations of no named system are those of the only one."""
    found = () if "@" in name else systems(name)
    return f"{name}@{found[0]}" if len(found) == 1 else name


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write {what} below {home()}: {error.strerror or error}. Make room or grant "
            f"write access there, or set {ENVIRONMENT} to another folder."
        ) from error


@contextlib.contextmanager
def locked(name: str, *, patience_s: float = 3600) -> Iterator[None]:
    """Hold the lock of set *name*, so that two processes never build it at once."""
    folder = set_folder(name)
    lock = folder.parent / ".locks" / f"{name}.lock"  # where no set can stand
    busy = DataError(
        f"another process has been building {name!r} for over {patience_s / 60:.0f} minutes. Wait "
        f"for it, or end it and delete {lock}."
    )
    with contextlib.ExitStack() as stack:
        with writing(f"the data set {name!r}"):
            lock.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(storage.locked(lock, busy, timeout_s=patience_s))
            storage.clear_leftovers(folder)
        yield


@contextlib.contextmanager
def replacing(name: str) -> Iterator[Path]:
    """Yield an empty folder that takes the place of set *name* if the block succeeds.

    Call with the set's lock held.
    """
    with writing(f"the data set {name!r}"), storage.replacing(set_folder(name)) as new:
        yield new
