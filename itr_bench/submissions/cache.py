"""Keeping what was found about a submission, by the hash of all that it depends on."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import itr_bench
from itr_bench.data.catalog import TASKS, family
from itr_bench.data.manifest import kind_of
from itr_bench.errors import DataError
from itr_bench.relation import QUESTIONS
from itr_bench.scoring import Outcomes, Score
from itr_bench.scoring.intervals import Interval
from itr_bench.submissions import files
from itr_bench.submissions.entry import Badge, Entry
from itr_bench.submissions.findings import Finding, Severity
from itr_bench.submissions.layout import FILES
from itr_bench.submissions.published import leaderboard_folder
from itr_bench.submissions.reference import (
    Reference,
    try_reference,
    version_here,
)
from itr_bench.submissions.schema import Submission
from itr_bench.submissions.validate import Checked

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
            self._sums = _read(folder / "sums.json") or {}

    def key(self, submission: Path) -> str | None:
        """What the findings about a folder depend on; ``None`` where that cannot be told."""
        if self.folder is None:
            return None
        try:
            names = sorted(path.name for path in submission.iterdir())
            if names != sorted(FILES):
                return None
            sums = [self._sum(submission / name) for name in FILES]
        except (OSError, ValueError):
            return None
        facts = [code_hash(), self._trial, files.shown(submission), sums]
        facts.append(_reference_key(submission.name))
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _sum(self, path: Path) -> str:
        about = path.lstat()
        stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
        known = self._sums.get(str(path))
        if known is None or known[:4] != stamp:
            known = [*stamp, files.sha256(files.read_file(path))]
        if time.time_ns() - max(stamp[1:3]) > _SETTLED_NS:
            self._used[str(path)] = known
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
        _write(self.folder / "sums.json", self._used)
        for path in (self.folder / "checked").glob("*.json"):
            if path.stem not in keys:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / "checked" / f"{key}.json"


def _reference_key(folder: str) -> str:
    """What the task of that name asks.

    Raises:
        DataError: as :func:`try_reference`; a check would do the same.
    """
    if family(folder) not in TASKS:
        return "none"
    found = try_reference(folder)
    return found.key if isinstance(found, Reference) else f"none {version_here(folder)}"


def _read(path: Path) -> Any:
    """What :func:`_write` wrote; ``None`` where it is not there, or damaged."""
    try:
        digest, _, value = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return json.loads(value) if digest.decode("latin-1") == files.sha256(value) else None


def _write(path: Path, value: object) -> None:
    """Keep *value* behind its hash; where the disk refuses, it is found anew the next time."""
    text = json.dumps(value).encode()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        partial.write_bytes(files.sha256(text).encode() + b"\n" + text)
        partial.replace(path)


def _packed(checked: Checked) -> dict[str, Any]:
    entry = checked.entry
    return {
        "folder": checked.folder,
        "findings": [asdict(finding) for finding in checked.findings],
        "fingerprint": checked.fingerprint,
        "distinct": checked.distinct,
        "texts": base64.b64encode(checked.texts).decode(),
        "entry": entry
        and {
            "submission": entry.submission.model_dump_json(),
            "badge": entry.badge,
            "score": entry.score and entry.score.as_dict(),
            "answers": entry.outcomes and _codes(entry.outcomes),
            "answer_format": entry.answer_format,
            "current": entry.current,
            "unchecked": entry.unchecked,
        },
    }


def _codes(outcomes: Outcomes) -> str:
    codes = np.stack([outcomes.adds, outcomes.represented]).astype(np.int8)
    return base64.b64encode(codes.tobytes()).decode()


def _unpacked(found: dict[str, Any]) -> Checked:
    checked = Checked(
        found["folder"],
        tuple(Finding(**{**f, "severity": Severity(f["severity"])}) for f in found["findings"]),
        None,
        found["fingerprint"],
        found["distinct"],
        base64.b64decode(found["texts"]),
    )
    kept = found["entry"]
    if kept is None:
        return checked
    submission = Submission.model_validate_json(kept["submission"])
    score = None if kept["score"] is None else _score(kept["score"])
    entry = Entry(
        submission=submission,
        path=checked.folder,
        badge=Badge(kept["badge"]),
        score=score,
        outcomes=None if score is None else _outcomes(kept["answers"], submission, score.samples),
        kind=kind_of(submission.run.data),
        answer_format=kept["answer_format"],
        current=kept["current"],
        unchecked=tuple(kept["unchecked"]),
    )
    return replace(checked, entry=entry)


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


def _outcomes(codes: str, submission: Submission, samples: int) -> Outcomes:
    reference = try_reference(submission.run.task)
    if isinstance(reference, DataError):
        raise reference
    labels = reference.labels
    flat = np.frombuffer(base64.b64decode(codes), dtype=np.int8)
    adds, represented = flat.reshape(len(QUESTIONS), len(labels), samples)
    return Outcomes(
        tweet_ids=tuple(labels),
        gold=np.array(list(labels.values()), dtype=np.int8),
        adds=adds,
        represented=represented,
    )
