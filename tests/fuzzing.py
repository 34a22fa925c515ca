"""What must hold of the validator for any input, and the inputs as the fuzzer keeps them.

An input is one submission. Its first byte is ``=`` where the sums are to fit; then come the three
files, parted by the byte 1C. So that inputs stay small, ``={...}`` in the place of the metadata is
a good submission with these changes, and a line ``=3-17`` among the responses stands for these
lines of the good one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itr_bench.answers import get_parser
from itr_bench.leaderboard import layout
from itr_bench.leaderboard.entry import Badge
from itr_bench.leaderboard.findings import Severity, as_markdown, as_text
from itr_bench.leaderboard.reference import open_reference
from itr_bench.leaderboard.validate import Checked, check
from itr_bench.relation import Question, Relation
from tests.submissions import make

SUBMISSION, RESPONSES, SUMS = layout.FILES
TASK = "itr_demo_lv"
SEPARATOR = b"\x1c"
_RANGE = re.compile(rb"=(\d{1,3})-(\d{1,3})")


@functools.cache
def good() -> dict[str, bytes]:
    """The files of a good submission."""
    submission, found = make(0, TASK, samples=2)
    return layout.contents(submission, found)


@functools.cache
def good_folder() -> str:
    """Where it lies."""
    return str(layout.relative_folder(make(0, TASK, samples=2)[0]))


# The input


def contents_of(data: bytes) -> dict[str, bytes]:
    """The files that an input stands for."""
    metadata, responses, sums, *_ = [*data[1:].split(SEPARATOR, 2), b"", b""]
    found = {SUBMISSION: _metadata(metadata), RESPONSES: _responses(responses), SUMS: sums}
    if data[:1] == b"=":
        found[SUMS] = fitting_sums(found)
    return found


def _metadata(part: bytes) -> bytes:
    if part[:1] != b"=":
        return part
    try:
        changes = json.loads(part[1:] or b"{}")
    except (ValueError, RecursionError):
        return part
    facts = _merged(json.loads(good()[SUBMISSION]), changes)
    return json.dumps(facts, indent=2).encode()


def _merged(facts: Any, changes: Any) -> Any:
    if not isinstance(changes, dict) or not isinstance(facts, dict):
        return changes
    return {**facts, **{name: _merged(facts.get(name), value) for name, value in changes.items()}}


def _responses(part: bytes) -> bytes:
    lines = good()[RESPONSES].split(b"\n")
    found = []
    for line in part.split(b"\n"):
        match = _RANGE.fullmatch(line)
        found += lines[int(match[1]) - 1 : int(match[2])] if match else [line]
    return b"\n".join(found)


def fitting_sums(contents: Mapping[str, bytes]) -> bytes:
    """The sums of the two other files."""
    names = (RESPONSES, SUBMISSION)
    lines = (f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in names)
    return "".join(lines).encode()


# What must hold


def examine(contents: Mapping[str, bytes], root: Path) -> Checked:
    """Check a submission of these files below *root*, and what must hold of any.

    Raises:
        AssertionError: what does not hold.
    """
    folder = root / good_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    before = _state(root)
    checked = check(folder, trial=True)
    assert _state(root) == before, "the folder was changed"
    assert {n: (folder / n).read_bytes() for n in contents} == dict(contents)
    errors = [f for f in checked.findings if f.severity is Severity.ERROR]
    assert (checked.entry is None) is bool(errors), checked.findings
    for finding in checked.findings:
        assert finding.code != "internal"
        assert finding.path.startswith(good_folder()) and finding.message
        lines = contents.get(Path(finding.path).name, b"").count(b"\n") + 1
        assert finding.line is None or 1 <= finding.line <= lines, finding
    _shown(checked)
    if checked.entry is not None:
        assert fitting_sums(contents) == contents[SUMS]
        if checked.entry.badge is Badge.RECOMPUTED:
            _as_claimed(contents, reworded=bool(checked.entry.unchecked))
    return checked


def _state(root: Path) -> dict[Path, tuple[int, ...]]:
    found = {path: path.lstat() for path in root.rglob("*")}
    return {p: (a.st_ino, a.st_mode, a.st_size, a.st_ctime_ns) for p, a in found.items()}


def _shown(checked: Checked) -> None:
    text, table = as_text(checked.findings), as_markdown(checked.findings)
    for char in text:
        assert char.isprintable() or char == "\n" or unicodedata.category(char) == "Zs", repr(char)
    assert text.count("\n") == max(0, len(checked.findings) - 1)
    for row in table.splitlines():
        assert row.count("`") % 2 == 0 and "<" not in "".join(row.split("`")[::2])


def _as_claimed(contents: Mapping[str, bytes], *, reworded: bool) -> None:
    """Recompute in another way what was accepted as recomputed."""
    facts = json.loads(contents[SUBMISSION])
    rows = [json.loads(line) for line in contents[RESPONSES].decode().split("\n")[:-1]]
    reference = open_reference(TASK)
    samples = facts["run"]["samples"]
    places = sorted((r["tweet_id"], r["question"], r["sample"]) for r in rows)
    assert places == sorted((*item, s) for item in reference.items for s in range(samples))
    ours = facts["run"]["source"] == "itr-bench run"
    right: dict[tuple[str, int], bool] = {}
    unread = 0
    for one in rows:
        expected = reference.items[one["tweet_id"], one["question"]]
        assert one["image_sha256"] == expected.image_sha256
        assert reworded or one["prompt_hash"] in expected.prompt_hashes.values()
        answer = get_parser("yes-no").read(one["response"], "en").answer.value
        assert ours or answer != "failed"
        unread += answer in ("none", "failed")
        truth = Relation(expected.relation).answer(Question(one["question"])).value
        key = (one["tweet_id"], one["sample"])
        right[key] = right.get(key, True) and answer == truth
    assert facts["score"]["accuracy"] == round(sum(right.values()) / len(right), 6)
    assert facts["score"]["unparseable_rate"] == round(unread / len(rows), 6)
