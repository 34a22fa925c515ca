"""Files that last: written whole or not at all, appended to line by line, locked."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from itr_bench.errors import ItrBenchError

__all__ = [
    "AppendLog",
    "DamagedLineError",
    "Lock",
    "Timeout",
    "check_disk",
    "clear_leftovers",
    "locked",
    "parse_line",
    "replacing",
    "sync_folder",
    "to_line",
    "write_json",
    "write_whole",
]

_CHECKSUM_DIGITS = 12
_ENDING_LENGTH = len(',"check":""}') + _CHECKSUM_DIGITS
_JSON = json.JSONDecoder()
_WRITING = "lock"
"""In a folder that becomes another one; held as long as it is written."""


class Lock(FileLock):
    """A lock on a file that one holder has at a time; ``acquire`` raises :class:`Timeout`.

    A class of our own, because lmms-eval's evaluator makes ``FileLock`` itself reentrant: after
    ``lmms_eval.evaluator._enable_reentrant_filelocks`` the thread that holds a ``FileLock`` gets a
    second one on the same file, while subclasses are left as they are.
    """


@contextlib.contextmanager
def locked(path: Path, busy: ItrBenchError, *, timeout_s: float = 0) -> Iterator[None]:
    """Hold the lock *path*.

    Raises:
        ItrBenchError: *busy*, where another process has held it for *timeout_s*.
        OSError: the disk refuses.
    """
    lock = Lock(path, timeout=timeout_s)
    try:
        lock.acquire()
    except Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def check_disk(path: Path, kind: type[ItrBenchError], advice: str = "") -> Iterator[None]:
    """Turn what the disk refuses at *path* into an error of *kind* that ends with *advice*."""
    try:
        yield
    except OSError as error:
        said = f"cannot write {path}: {error.strerror or error}"
        raise kind(f"{said}. {advice}" if advice else said) from error


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file of *folder* last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Put *content* in the place of the file *path*, whole or not at all.

    What a killed process left of an earlier try is overwritten.

    Raises:
        OSError: the disk refuses; the old file is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write *value* as indented JSON, as :func:`write_whole` does."""
    content = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, content.encode(errors="backslashreplace"))


@contextlib.contextmanager
def replacing(folder: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield an empty folder that becomes *folder* if the block succeeds; else nothing is changed.

    Args:
        folder: a path without links, whose parents are made.
        replace: whether what is there gives way; else it is refused.

    Raises:
        OSError: the disk refuses; or *folder* is there, which is not to be replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder)
    beside = Path(tempfile.mkdtemp(".tmp", f".{folder.name}.", folder.parent))
    lock = Lock(beside / _WRITING)
    lock.acquire()
    new = beside / "new"
    try:
        new.mkdir()
        yield new
        if replace and os.path.lexists(folder):
            folder.rename(beside / "old")
        new.rename(folder)
        sync_folder(folder.parent)
    finally:
        _remove(beside, folder, lock)


def clear_leftovers(folder: Path) -> None:
    """Remove what killed processes left beside *folder*; what a running one writes stays.

    Of a folder that was moved away and whose place is empty, the content comes back.
    """
    for left in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.*.tmp/{_WRITING}")):
        if "." in left.parent.name.removeprefix(f".{folder.name}.").removesuffix(".tmp"):
            continue  # of a folder of a longer name
        lock = Lock(left, timeout=0)
        with contextlib.suppress(Timeout):  # it still runs, maybe in another container
            lock.acquire()
            _remove(left.parent, folder, lock)


def _remove(beside: Path, folder: Path, lock: Lock) -> None:
    """Remove the folder that was written in; what was on its way out of *folder* goes back."""
    if os.path.lexists(beside / "old") and not os.path.lexists(folder):
        (beside / "old").rename(folder)
    lock.release()
    shutil.rmtree(beside, ignore_errors=True)


# Append-only logs of JSON lines, each with a checksum


class DamagedLineError(ValueError):
    """A line of a log cannot be read.

    Attributes:
        number: of the line, from 1.
    """

    def __init__(self, number: int, reason: object) -> None:
        super().__init__(str(reason))
        self.number = number


def to_line(fields: dict[str, Any]) -> bytes:
    """A line of a log with its line break, and a checksum that an edit by hand breaks."""
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    try:
        content = body.encode()
    except UnicodeEncodeError:  # half a surrogate pair, from a server's JSON
        content = json.dumps(fields, separators=(",", ":")).encode()
    return content[:-1] + _ending(content) + b"\n"


def parse_line(line: bytes) -> Any:
    """The JSON value in a *line* without its line break.

    Raises:
        ValueError: it is not what :func:`to_line` writes; the message says in what.
    """
    content, ending = line[:-_ENDING_LENGTH] + b"}", line[-_ENDING_LENGTH:]
    if ending != _ending(content):
        if not (ending.startswith(b',"check":"') and ending.endswith(b'"}')):
            raise ValueError("no checksum at its end")
        raise ValueError("its checksum does not fit: it was edited, or the disk is failing")
    text = content.decode(errors="surrogatepass")
    value, end = _JSON.raw_decode(text)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _ending(content: bytes) -> bytes:
    """The last field of the line that has *content* before it, with the closing brace."""
    checksum = hashlib.sha256(content).hexdigest()[:_CHECKSUM_DIGITS]
    return b',"check":"%b"}' % checksum.encode()


class AppendLog:
    """A file of lines that only grows. Only one process writes, with a lock held.

    What :meth:`append` wrote is on the disk when it returns. A kill leaves at most a torn last
    line, which the next opening cuts off.

    Attributes:
        cut_off: how many bytes of a torn last line were cut off at opening.
    """

    def __init__(self, path: Path, take: Callable[[bytes], None]) -> None:
        """Open the log *path*, made where it is missing.

        Args:
            take: called with each line; raises ValueError where it cannot be read.

        Raises:
            DamagedLineError: damage anywhere but at the end.
            OSError: the disk refuses.
        """
        self.path = path
        is_new = not path.exists()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            if is_new:
                sync_folder(path.parent)
            self._size = self.read(path, take)
            self.cut_off = os.fstat(self._handle).st_size - self._size
            if self.cut_off:
                os.ftruncate(self._handle, self._size)
                os.fsync(self._handle)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def read(path: Path, take: Callable[[bytes], None]) -> int:
        """Give each whole line of a log to *take*; return their length in bytes.

        Raises:
            DamagedLineError: damage anywhere but at the end.
            OSError: the file cannot be read.
        """
        content = path.read_bytes()
        lines = content.split(b"\n")
        torn = lines.pop()  # what follows the last line break: nothing, in a whole file
        whole = len(content) - len(torn)
        for number, line in enumerate(lines, start=1):
            try:
                take(line)
            except (ValueError, TypeError, RecursionError) as error:
                if number == len(lines) and not _is_json(line):
                    return whole - len(line) - 1
                raise DamagedLineError(number, error) from error
        return whole

    def append(self, lines: Iterable[bytes]) -> None:
        """Write *lines*, each with its line break, and wait until they are on the disk.

        Raises:
            OSError: the disk refuses; the file ends with the last whole line before these.
        """
        content = b"".join(lines)
        try:
            written = 0
            while written < len(content):
                written += os.write(self._handle, content[written:])
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(content)

    def rewrite(self, lines: Iterable[bytes]) -> None:
        """Put *lines* in place of all that is there, at once or not at all.

        Raises:
            OSError: the disk refuses; the file is as it was then.
        """
        content = b"".join(lines)
        write_whole(self.path, content)
        os.close(self._handle)
        self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND)
        self._size = len(content)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
