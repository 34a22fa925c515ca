"""The files of one submission: where they lie, and how they are written.

=================== =================================================================
``submission.json``  model, run and claimed score: :class:`Submission`, indented
``responses.jsonl``  one :class:`Response` a line, in the order of :func:`place`
``folds.json``       of a fine-tuned model alone: :class:`Folds`, its ids sorted
``SHA256SUMS``       the hashes of the others, as ``sha256sum`` writes them
=================== =================================================================
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from itr_bench import storage
from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.schema import Folds, Submission, response_line
from itr_bench.runs.response import Response

SUBMISSION = "submission.json"
RESPONSES = "responses.jsonl"
FOLDS = "folds.json"
SUMS = "SHA256SUMS"
FILES = (SUBMISSION, RESPONSES, SUMS)
"""Of every submission; those of a fine-tuned model have :data:`FOLDS` as well."""

_SUM = re.compile(r"([0-9a-f]{64})  ([^/\0]+)")


class LayoutError(ItrBenchError):
    """The folder of a submission cannot be written as asked."""


def relative_folder(submission: Submission) -> PurePosixPath:
    """The folder of *submission* below the folder of all: model, its state, task."""
    return PurePosixPath(submission.model.folder, submission.state, submission.run.task)


def place(response: Response) -> tuple[str, str, int]:
    """By what the lines of the responses are sorted: tweet id as text, question, sample."""
    return response.tweet_id, response.question, response.sample


def folds_bytes(folds: Folds) -> bytes:
    """The file of *folds*."""
    found = {
        "hash": folds.hash,
        "fold_of": dict(sorted(folds.fold_of.items())),
        "folds": [{"train": sorted(one.train), "inner": sorted(one.inner)} for one in folds.folds],
    }
    return f"{json.dumps(found, indent=1)}\n".encode()


def contents(
    submission: Submission, responses: Iterable[Response], folds: Folds | None = None
) -> dict[str, bytes]:
    """The files of a submission, by name; the same bytes for the same input."""
    facts = json.dumps(
        submission.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False
    )
    lines = [response_line(response) + b"\n" for response in sorted(responses, key=place)]
    files = {SUBMISSION: f"{facts}\n".encode(), RESPONSES: b"".join(lines)}
    if folds is not None:
        files[FOLDS] = folds_bytes(folds)
    sums = (
        sums_line(name, hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    )
    return {**files, SUMS: "".join(sums).encode()}


def write(
    folder: Path,
    submission: Submission,
    responses: Iterable[Response],
    folds: Folds | None = None,
    *,
    replace: bool = False,
) -> None:
    """Write a submission into *folder*, whole or not at all.

    Args:
        folder: of this very submission, see :func:`relative_folder`.
        responses: in any order.
        folds: of a fine-tuned model.

    Raises:
        LayoutError: *folder* is there and is not to be replaced; or the disk refuses.
    """
    if not replace and os.path.lexists(folder):
        raise LayoutError(
            f"{folder} is there already. Give --replace to write it anew, or move it away."
        )
    files = contents(submission, responses, folds)
    advice = "Make room or grant write access, then give the same command again."
    with (
        storage.check_disk(folder, LayoutError, advice),
        storage.replacing(folder, replace=replace) as new,
    ):
        for name, content in files.items():
            storage.write_whole(new / name, content)


def sums_line(name: str, sha256: str) -> str:
    """One line of the sums, with its line break."""
    return f"{sha256}  {name}\n"


def parse_sums(content: bytes) -> dict[str, str]:
    """The hashes of the other files by name.

    Raises:
        ValueError: *content* is not what :func:`write` writes; the message says in what.
    """
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is no ASCII") from None
    if not text.endswith("\n"):
        raise ValueError("expected a line break at its end")
    found: dict[str, str] = {}
    for number, line in enumerate(text[:-1].split("\n"), start=1):
        match = _SUM.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number}: expected 64 hexadecimal digits, two blanks, a name")
        if match.group(2) in found:
            raise ValueError(f"line {number}: {match.group(2)!r:.80} stands twice")
        found[match.group(2)] = match.group(1)
    expected = sorted((SUBMISSION, RESPONSES))
    if [name for name in found if name != FOLDS] != expected or list(found) != sorted(found):
        raise ValueError(f"expected the files {' and '.join(expected)}, in this order")
    return found
