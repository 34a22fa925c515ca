"""The log of a translation: what a system said, on the disk before anything else is asked.

A folder below ``ITR_BENCH_HOME/translations`` for each configuration:

====================== ================================================================
``configuration.json`` all that could change an output: model, revision, settings, texts
``outputs.jsonl``      one line an output, appended; one write and one fsync a batch
====================== ================================================================

A killed process leaves at most a torn last line, which is cut off when the log is opened.
The lines hold texts of tweets: the folder is the user's own, as the data sets are.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from itr_bench.data import home
from itr_bench.data.manifest import text_hash
from itr_bench.errors import DataError
from itr_bench.storage import (
    AppendLog,
    DamagedLineError,
    locked,
    parse_line,
    to_line,
    write_whole,
)

CONFIGURATION = "configuration.json"
LINES = "outputs.jsonl"

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


class OutputLog:
    """The outputs of one configuration, by string and limit. Open it with :func:`opened`."""

    def __init__(self, folder: Path) -> None:
        """Open the log of *folder*; a torn last line is cut off.

        Raises:
            DataError: it is damaged anywhere but at its end, or the disk refuses.
        """
        self.folder = folder
        self._path = folder / LINES
        self._open()

    def _open(self) -> None:
        self._found: dict[tuple[str, int], Output] = {}
        self._stopped: dict[str, Output] = {}
        try:
            with home.writing(f"the log {self._path.name!r}"):
                self._log = AppendLog(self._path, self._take)
        except DamagedLineError as error:
            raise DataError(
                f"{self._path}, line {error.number}: damaged ({error}). Delete this line, and the "
                "same command translates its text again."
            ) from None

    def _take(self, line: bytes) -> None:
        fields = parse_line(line)
        if not isinstance(fields, dict) or fields.keys() != _FIELDS:
            raise ValueError(f"expected the fields {', '.join(sorted(_FIELDS))}")
        string, limit = fields.pop("string"), fields.pop("limit")
        self._keep(string, limit, Output(**fields))

    def _keep(self, string: str, limit: int, output: Output) -> None:
        self._found[string, limit] = output
        if output.end == STOP:
            self._stopped[string] = output

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
        where an output is cut off is part of the configuration.
        """
        return self._found.get((string, limit)) or self._stopped.get(string)

    def add(self, outputs: Iterable[tuple[str, Output]], limit: int) -> None:
        """Write *outputs*, by string; they are on the disk when this returns."""
        new = list(outputs)
        if not new:
            return
        with home.writing(f"the log {self._path.name!r}"):
            self._log.append(_line(string, limit, output) for string, output in new)
        for string, output in new:
            self._keep(string, limit, output)

    def forget(self, strings: Collection[str]) -> None:
        """Drop the outputs for *strings*, so that they are asked for again."""
        kept = {key: output for key, output in self._found.items() if key[0] not in strings}
        if len(kept) == len(self._found):
            return
        with home.writing(f"the log {self._path.name!r}"):
            lines = [_line(*key, output) for key, output in kept.items()]
            write_whole(self._path, b"".join(lines))
        self._log.close()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._log.close()


@contextlib.contextmanager
def opened(set_name: str, configuration: Mapping[str, Any]) -> Iterator[OutputLog]:
    """Open the log of *configuration*, new or resumed, for this process alone.

    Args:
        set_name: of the set that is made, ``ltec_fr_mt@SYSTEM``.
        configuration: JSON values.

    Raises:
        DataError: another process has it open, it is damaged, or cannot be written.
    """
    text = json.dumps(configuration, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    name = f"{set_name}-{text_hash(text)[:12]}"
    folder = home.home() / "translations" / name
    busy = DataError(
        f"another process is making this very translation, in {folder}. Wait for it: what it did "
        "is kept, and the same command resumes."
    )
    with contextlib.ExitStack() as stack:
        with home.writing(f"the log {name!r}"):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder / "lock", busy))
            write_whole(folder / CONFIGURATION, text.encode())
        yield stack.enter_context(contextlib.closing(OutputLog(folder)))


def logs(set_name: str) -> list[tuple[Path, Mapping[str, Any], int]]:
    """The logs of a set that are here: folder, configuration, number of outputs."""
    found = []
    for folder in sorted((home.home() / "translations").glob(f"{set_name}-*")):
        with contextlib.suppress(OSError, ValueError):
            configuration = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
            lines = folder / LINES
            count = lines.read_bytes().count(b"\n") if lines.exists() else 0
            found.append((folder, configuration, count))
    return found


_FIELDS = {"string", "limit", "text", "end", "served"}


def _line(string: str, limit: int, output: Output) -> bytes:
    return to_line({"string": string, "limit": limit, **asdict(output)})
