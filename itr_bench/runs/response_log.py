"""The log of a run's responses: one line a response, on the disk before it counts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from itr_bench.errors import RunError
from itr_bench.runs.response import Key, Response
from itr_bench.storage import AppendLog, DamagedLineError, check_disk, locked

RESPONSES = "responses.jsonl"

_WRITING_S = 60


def refused_by_disk(path: Path) -> contextlib.AbstractContextManager[None]:
    """Turn what the disk refuses into an error that says what to do."""
    return check_disk(
        path,
        RunError,
        "What was answered before is kept; make room or grant write access, then give the same "
        "command again.",
    )


def make_folder(folder: Path) -> None:
    """Make *folder* where it is missing.

    Raises:
        RunError: the disk refuses.
    """
    with refused_by_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def locked_folder(folder: Path, lock: str, busy: str, *, timeout_s: float = 0) -> Iterator[None]:
    """Hold the *lock* of a folder, which is made where it is missing.

    Raises:
        RunError: *busy*, where another process has held it for *timeout_s*; or the disk refuses.
    """
    make_folder(folder)
    with contextlib.ExitStack() as stack:
        with refused_by_disk(folder):
            stack.enter_context(locked(folder / lock, RunError(busy), timeout_s=timeout_s))
        yield


@contextlib.contextmanager
def one_writes(folder: Path) -> Iterator[None]:
    """Let no other process write at the same time what all of them find in *folder*.

    Raises:
        RunError: another one writes for ever, or the disk refuses.
    """
    busy = f"another process has been writing in {folder} for {_WRITING_S} s; see what it does"
    with locked_folder(folder, ".writing-lock", busy, timeout_s=_WRITING_S):
        yield


class ResponseLog:
    """The responses of a run, appended one by one. Only one process writes.

    Attributes:
        responses: by key, in the order of the file.
        cut_off: how many bytes of a torn last line were cut off at opening.
    """

    def __init__(self, folder: Path) -> None:
        """Open the log of *folder*, made where it is missing; a torn last line is cut off.

        Raises:
            RunError: damage anywhere but at the end, with the line; or the disk refuses.
        """
        self.path = folder / RESPONSES
        self.responses: dict[Key, Response] = {}
        with refused_by_disk(self.path), _damage(self.path):
            self._log = AppendLog(self.path, lambda line: _take(self.responses, line))
        self.cut_off = self._log.cut_off

    def append(self, responses: Sequence[Response]) -> None:
        """Write *responses* and wait until they are on the disk: once for all, since it takes long.

        Raises:
            RunError: the disk refuses; the file ends with the last response that it has room for.
        """
        with refused_by_disk(self.path):
            try:
                self._append(responses)
            except OSError:
                for response in responses:
                    self._append([response])

    def _append(self, responses: Sequence[Response]) -> None:
        if responses:
            self._log.append(response.log_line() for response in responses)
            self.responses.update((response.key, response) for response in responses)

    def arrange(self, keys: Sequence[Key]) -> None:
        """Put a complete log in the order of *keys*, however its responses came.

        Raises:
            RunError: the disk refuses; the file is as it was then.
        """
        if list(self.responses) == list(keys):
            return
        self.responses = {key: self.responses[key] for key in keys}
        with refused_by_disk(self.path):
            self._log.rewrite(response.log_line() for response in self.responses.values())

    def close(self) -> None:
        """Close the file."""
        self._log.close()


def read_responses(path: Path) -> dict[Key, Response]:
    """The responses of a log by key; a torn last line is left out.

    Raises:
        RunError: damage anywhere but at the end.
    """
    responses: dict[Key, Response] = {}
    try:
        with _damage(path):
            AppendLog.read(path, lambda line: _take(responses, line))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error}") from error
    return responses


def _take(responses: dict[Key, Response], line: bytes) -> None:
    response = Response.of_log_line(line)
    known = responses.setdefault(response.key, response)
    if known is not response and known != response:
        raise ValueError("its tweet, question and seed have another response above")


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DamagedLineError as error:
        raise RunError(
            f"{path}, line {error.number}: {error}. Take the line out and give the same command "
            "again: what is missing is generated again."
        ) from error


def check_responses(
    path: Path,
    responses: Mapping[Key, Response],
    expected: Mapping[tuple[str, str], Sequence[object]],
    seeds: Sequence[int],
) -> None:
    """Check that *responses* belong to a task.

    Args:
        responses: in the order of the file.
        expected: by tweet and question: relation, hash of the prompt, hash of the image.

    Raises:
        RunError: a tweet, question or seed that is none of the run's, or another label, prompt
            or image; with the response.
    """
    names = ("relation", "prompt_hash", "image_sha256")
    for number, response in enumerate(responses.values(), start=1):
        where = f"{path}, record {number} (tweet {response.tweet_id}, {response.question})"
        item = expected.get((response.tweet_id, response.question))
        if item is None:
            raise RunError(f"{where}: not among the tweets of this run. {_TAKE_OUT}")
        if response.seed not in seeds:
            raise RunError(f"{where}: seed {response.seed} is none of this run's. {_TAKE_OUT}")
        for name, right in zip(names, item, strict=True):
            value = getattr(response, name)
            if value != right:
                raise RunError(f"{where}: {name} is {value!r}, expected {right!r}. {_TAKE_OUT}")


_TAKE_OUT = "Take it out, or choose another folder with --name."
