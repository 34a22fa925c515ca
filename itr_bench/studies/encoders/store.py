"""Embeddings that were computed, kept by encoder and content in one SQLite file an encoder."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itr_bench.data import home
from itr_bench.errors import DataError
from itr_bench.scoring.signature import digest

FOLDER = "embeddings"

_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors"
    " (kind TEXT, content TEXT, tokens INTEGER, vector BLOB, PRIMARY KEY (kind, content))"
)
_AT_ONCE = 500


class Store:
    """The vectors of one encoder, below :func:`itr_bench.data.home.home`.

    What is added is there at once and whole: a killed process loses only what it had not added.

    Args:
        metadata: all that can change an embedding; another encoder or version has another file.

    Raises:
        DataError: the file is damaged, or the disk refuses.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.path: Path = home.home() / FOLDER / f"{digest(metadata)}.sqlite"
        with home.writing("embeddings"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as file:
            file.execute(_TABLE)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=60)) as file, file:
                yield file
        except sqlite3.Error as error:
            raise DataError(
                f"cannot use the stored embeddings {self.path}: {error}. Delete the file (they are "
                f"computed again), make room, or set {home.ENVIRONMENT} to another folder."
            ) from error

    def read(
        self, kind: str, contents: Sequence[str]
    ) -> dict[str, tuple[NDArray[np.float32], int]]:
        """The vectors that are there, and their number of tokens (0 for images), by content.

        Args:
            kind: ``image`` or ``text``.
            contents: SHA-256 of what was embedded.
        """
        found = {}
        with self._open() as file:
            for start in range(0, len(contents), _AT_ONCE):
                asked = contents[start : start + _AT_ONCE]
                marks = ",".join("?" * len(asked))
                rows = file.execute(
                    "SELECT content, tokens, vector FROM vectors"
                    f" WHERE kind = ? AND content IN ({marks})",
                    (kind, *asked),
                )
                for content, tokens, vector in rows:
                    found[content] = np.frombuffer(vector, "<f4").astype(np.float32), tokens
        return found

    def add(
        self,
        kind: str,
        contents: Sequence[str],
        vectors: NDArray[np.float32],
        tokens: Sequence[int],
    ) -> None:
        """Keep *vectors*, one row each of *contents*."""
        rows = [
            (kind, content, count, vector.astype("<f4").tobytes())
            for content, vector, count in zip(contents, vectors, tokens, strict=True)
        ]
        with self._open() as file:
            file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
