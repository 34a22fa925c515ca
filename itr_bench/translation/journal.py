"""The journal of a translation: what a system said, on the disk before anything else is asked.

A folder below ``ITR_BENCH_HOME/translations`` for each set of conditions:

=================== ===================================================================
``conditions.json`` all that could change an output: model, revision, settings, texts
``journal.jsonl``   one line an output, appended; one write and one fsync a batch
=================== ===================================================================

A killed process leaves at most a torn last line, which is cut off when the journal is opened.
The lines hold texts of tweets: the folder is the user's own, as the data sets are.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.data import home
from itr_bench.errors import DataError
from itr_bench.storage import Lock, Timeout

CONDITIONS = "conditions.json"
LINES = "journal.jsonl"

STOP, LENGTH = "stop", "length"
"""How an output ended: by itself, or cut off. Anything else is the reason why there is none."""


@dataclass(frozen=True)
class Output:
    """What a system said to one string.

    Attributes:
        text: the translation.
        end: :data:`STOP`, :data:`LENGTH`, or why there is no translation.
        served: what a server says that it is, with the version where it tells.
    """

    text: str
    end: str = STOP
    served: str = ""


class Journal:
    """The outputs of one set of conditions, by string and limit. Open with :func:`opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / LINES
        self._found = _read(self._path)
        self._stopped = _stopped(self._found)

    def __len__(self) -> int:
        """How many outputs there are."""
        return len(self._found)

    @property
    def served(self) -> list[str]:
        """What servers said that they are, sorted."""
        return sorted({output.served for output in self._found.values() if output.served})

    def find(self, string: str, limit: int) -> Output | None:
        """Return the output for *string* with at most *limit* new tokens, if it is there.

        What ended by itself under another limit is as good: a limit that changes more than
        where an output is cut off is one of the conditions.
        """
        return self._found.get((string, limit)) or self._stopped.get(string)

    def add(self, outputs: Iterable[tuple[str, Output]], limit: int) -> None:
        """Write *outputs*, by string; they are on the disk when this returns."""
        new = {(string, limit): output for string, output in outputs}
        if not new:
            return
        lines = "".join(map(_line, new, new.values()))
        with home.writing(f"the journal {self._path.name!r}"), self._path.open("ab") as file:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
        self._found.update(new)
        self._stopped.update(_stopped(new))

    def forget(self, strings: Collection[str]) -> None:
        """Drop the outputs for *strings*, so that they are asked for again."""
        kept = {key: output for key, output in self._found.items() if key[0] not in strings}
        if len(kept) == len(self._found):
            return
        part = self._path.with_suffix(".part")
        with home.writing(f"the journal {self._path.name!r}"):
            with part.open("wb") as file:
                file.write("".join(map(_line, kept, kept.values())).encode())
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        self._found, self._stopped = kept, _stopped(kept)


@contextlib.contextmanager
def opened(set_name: str, conditions: Mapping[str, Any]) -> Iterator[Journal]:
    """Open the journal of *conditions*, new or gone on with, for this process alone.

    Args:
        set_name: of the set that is made, ``ltec_fr_mt@SYSTEM``.
        conditions: JSON values.

    Raises:
        DataError: another process has it open, it is damaged, or cannot be written.
    """
    text = json.dumps(conditions, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    name = f"{set_name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder = home.home() / "translations" / name
    with home.writing(f"the journal {name!r}"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(
                f"another process is making this very translation, in {folder}. Wait for it: what "
                "it did is kept, and the same command goes on."
            ) from None
        try:
            part = folder / f"{CONDITIONS}.part"
            part.write_text(text, encoding="utf-8")
            part.replace(folder / CONDITIONS)
        except OSError:
            lock.release()
            raise
    try:
        yield Journal(folder)
    finally:
        lock.release()


def journals(set_name: str) -> list[tuple[Path, Mapping[str, Any], int]]:
    """The journals of a set that are here: folder, conditions, number of outputs."""
    found = []
    for folder in sorted((home.home() / "translations").glob(f"{set_name}-*")):
        with contextlib.suppress(OSError, ValueError):
            conditions = json.loads((folder / CONDITIONS).read_text(encoding="utf-8"))
            lines = folder / LINES
            count = lines.read_bytes().count(b"\n") if lines.exists() else 0
            found.append((folder, conditions, count))
    return found


def _stopped(found: Mapping[tuple[str, int], Output]) -> dict[str, Output]:
    return {string: output for (string, _), output in found.items() if output.end == STOP}


def _line(key: tuple[str, int], output: Output) -> str:
    values = [*key, output.text, output.end, output.served]
    return json.dumps([*values, _check(values)], ensure_ascii=False) + "\n"


def _check(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]


def _read(path: Path) -> dict[tuple[str, int], Output]:
    """Read the lines of a journal; a torn last one is cut off."""
    if not path.exists():
        return {}
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if whole != raw:
        with home.writing(f"the journal {path.name!r}"):
            os.truncate(path, len(whole))
    found = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            string, limit, text, end, served, check = json.loads(line)
            if check != _check([string, limit, text, end, served]):
                raise ValueError("its checksum does not fit")
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: damaged ({error}). Delete this line, and the same command "
                "translates its text again."
            ) from None
        found[string, limit] = Output(text, end, served)
    return found
