"""Keeping what was found about a submission, by the hash of all that it depends on."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import itr_bench
from itr_bench.data.manifest import kind_of
from itr_bench.errors import DataError
from itr_bench.leaderboard import files
from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.findings import Finding, Severity
from itr_bench.leaderboard.layout import FILES
from itr_bench.leaderboard.published import leaderboard_folder
from itr_bench.leaderboard.reference import Reference, try_reference, version_here
from itr_bench.leaderboard.schema import Submission
from itr_bench.leaderboard.validate import Checked
from itr_bench.relation import QUESTIONS
from itr_bench.scoring import Predictions, Score
from itr_bench.scoring.intervals import Interval
from itr_bench.tasks.spec import get_task, leaderboard_task

_NOT_DECIDING = ("cli", "engine", "site")
_LIBRARIES = ("numpy", "scipy", "pydantic", "pydantic-core", "jinja2")
_SETTLED_NS = 2 * 10**9
"""A file that changed less long ago may change again without its time telling."""


@functools.lru_cache(maxsize=1)
def code_hash() -> str:
    """The SHA-256 of what decides what is found: code, published results, versions."""
    root = Path(itr_bench.__file__).parent
    digest = hashlib.sha256()
    sources = [
        path
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] not in _NOT_DECIDING
    ]
    published = sorted((leaderboard_folder() / "published").glob("*.yaml"))
    for path in [*sources, *published]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    versions = [sys.version, *map(importlib.metadata.version, _LIBRARIES)]
    digest.update("\0".join(versions).encode())
    return digest.hexdigest()


class Cache:
    """What was found, in a folder; or nothing is kept, where there is none.

    The hash of a file is remembered by its size, time and inode, as version control does.
    """

    def __init__(self, folder: Path | None, *, trial: bool) -> None:
        self.folder = folder
        self._trial = trial
        self._sums: dict[str, list[Any]] = {}
        self._used: dict[str, list[Any]] = {}
        if folder is not None:
            with contextlib.suppress(OSError):  # then nothing is kept
                (folder / "checked").mkdir(parents=True, exist_ok=True)
            self._sums = json.loads(_read(folder / "sums.json") or "{}")

    def key(self, submission: Path) -> str | None:
        """What the findings about a folder depend on; ``None`` where that cannot be told."""
        if self.folder is None:
            return None
        try:
            with os.scandir(submission) as found:
                if sorted(one.name for one in found) != sorted(FILES):
                    return None
            sums = [self._sum(f"{submission}/{name}") for name in FILES]
        except (OSError, ValueError):
            return None
        place = submission.parts[-files.DEPTH :]
        facts = [code_hash(), self._trial, place, sums, _reference_key(submission.name)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _sum(self, path: str) -> str:
        about = os.lstat(path)
        stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
        known = self._sums.get(path)
        if known is None or known[:4] != stamp:
            known = [*stamp, files.sha256(files.read_file(Path(path)))]
        if time.time_ns() - max(stamp[1:3]) > _SETTLED_NS:
            self._used[path] = known
        return str(known[4])

    def get(self, key: str | None) -> Checked | None:
        """What is kept under *key*."""
        if self.folder is None or key is None:
            return None
        found = _read(self._path(key))
        return None if found is None else _unpacked(found)

    def put(self, key: str | None, checked: Checked) -> None:
        """Keep *checked* under *key*."""
        if self.folder is None or key is None:
            return
        _write(self._path(key), _packed(checked))

    def close(self, keys: set[str]) -> None:
        """Keep the hashes of this time's files, and drop what is under none of *keys*."""
        if self.folder is None:
            return
        _write(self.folder / "sums.json", json.dumps(self._used).encode())
        with contextlib.suppress(OSError):
            for path in (self.folder / "checked").iterdir():
                if path.name not in keys:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / "checked" / key


def _reference_key(folder: str) -> str:
    """What the task of that name asks; of a name that nothing is taken of, nothing.

    Raises:
        DataError: as :func:`try_reference`; a check would do the same.
    """
    if leaderboard_task(folder) is None:
        return "none"
    try:
        get_task(folder)
    except DataError:  # of the system in its name
        return "none"
    found = try_reference(folder)
    return found.key if isinstance(found, Reference) else f"none {version_here(folder)}"


def _read(path: Path) -> bytes | None:
    """What :func:`_write` wrote; ``None`` where it is not there, or damaged."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if digest.decode("latin-1") == files.sha256(content) else None


def _write(path: Path, content: bytes) -> None:
    """Keep *content* behind its hash; where the disk refuses, it is found anew the next time."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        partial.write_bytes(files.sha256(content).encode() + b"\n" + content)
        partial.replace(path)


def _packed(checked: Checked) -> bytes:
    """A line of JSON, then the hashes of the responses and the answers as they are in memory."""
    entry = checked.entry
    facts = {
        "folder": checked.folder,
        "findings": [asdict(finding) for finding in checked.findings],
        "fingerprint": checked.fingerprint,
        "distinct": checked.distinct,
        "texts": len(checked.texts),
        "entry": entry
        and {
            "submission": entry.submission.model_dump_json(),
            "badge": entry.badge,
            "score": entry.score and entry.score.as_dict(),
            "answer_format": entry.answer_format,
            "current": entry.current,
            "unchecked": entry.unchecked,
        },
    }
    answers = entry.predictions if entry else None
    codes = b"" if answers is None else np.stack([answers.adds, answers.represented]).tobytes()
    return json.dumps(facts).encode() + b"\n" + checked.texts + codes


def _unpacked(content: bytes) -> Checked:
    line, _, arrays = content.partition(b"\n")
    found = json.loads(line)
    texts, codes = arrays[: found["texts"]], arrays[found["texts"] :]
    kept = found["entry"]
    return Checked(
        found["folder"],
        tuple(Finding(**{**f, "severity": Severity(f["severity"])}) for f in found["findings"]),
        None if kept is None else _entry(kept, found["folder"], codes),
        found["fingerprint"],
        found["distinct"],
        texts,
    )


def _entry(kept: dict[str, Any], folder: str, codes: bytes) -> Entry:
    submission = Submission.model_validate_json(kept["submission"])
    score = None if kept["score"] is None else _score(kept["score"])
    return Entry(
        submission=submission,
        path=folder,
        badge=Badge(kept["badge"]),
        score=score,
        predictions=None if score is None else _predictions(codes, submission, score.samples),
        kind=kind_of(submission.run.data),
        answer_format=kept["answer_format"],
        current=kept["current"],
        unchecked=tuple(kept["unchecked"]),
    )


def _score(found: dict[str, Any]) -> Score:
    interval = found["interval"]
    return Score(
        **{
            **found,
            "interval": None if interval is None else Interval(**interval),
            "accuracy_by_sample": tuple(found["accuracy_by_sample"]),
            "recall": tuple(found["recall"]),
            "confusion": tuple(map(tuple, found["confusion"])),
        }
    )


def _predictions(codes: bytes, submission: Submission, samples: int) -> Predictions:
    reference = try_reference(submission.run.task)
    if isinstance(reference, DataError):
        raise reference
    labels = reference.labels
    flat = np.frombuffer(codes, dtype=np.int8)
    adds, represented = flat.reshape(len(QUESTIONS), len(labels), samples)
    return Predictions(
        tweet_ids=tuple(labels),
        gold=np.array(list(labels.values()), dtype=np.int8),
        adds=adds,
        represented=represented,
    )
