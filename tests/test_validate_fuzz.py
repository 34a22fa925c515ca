"""The validator on mutated submissions, and on the inputs that fuzzing found worth keeping."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itr_bench.leaderboard import layout
from itr_bench.leaderboard.entry import Badge
from itr_bench.leaderboard.findings import Severity
from itr_bench.scoring.signature import by_name
from tests.fuzzing import contents_of, examine, fitting_sums, good

SUBMISSION, RESPONSES, SUMS = layout.FILES
CORPUS = Path(__file__).parent / "corpus" / "validate"
QUICK = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that is emptied after all examples of a test."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


# Bytes

PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            b"\n",
            b"\r\n",
            b"\0",
            b'"',
            b"\\",
            b"{",
            b"}",
            b"[" * 500,
            b",",
            b":",
            b"\xff",
            b"\xef\xbb\xbf",
        ]
    ),
    st.sampled_from(
        [b"NaN", b"1e999", b"-0", b"\\ud800", b"\\u0000", "\u202e".encode(), b"9" * 5000]
    ),
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from([SUBMISSION, RESPONSES, SUMS]),
        st.floats(0, 1),
        st.integers(0, 300),
        PIECES,
    ),
    min_size=1,
    max_size=4,
)


@QUICK
@given(edits=EDITS, fit=st.booleans())
def test_bytes(edits: list[tuple[str, float, int, bytes]], fit: bool, root: Path) -> None:
    contents = dict(good())
    for name, where, length, piece in edits:
        content = contents[name]
        start = int(where * len(content))
        contents[name] = content[:start] + piece + content[start + length :]
    if fit:
        contents[SUMS] = fitting_sums(contents)
    checked = examine(contents, root)
    if not fit and contents != good():
        assert checked.entry is None


# Values

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["../x", "/etc/passwd", "<script>", "itr_demo_en", "tirt", "hub-0123456789ab"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where all values within *value* stand."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, one in inner:
        yield (*place, key)
        yield from places(one, (*place, key))


FACTS = json.loads(good()[SUBMISSION])
ROWS = [json.loads(line) for line in good()[RESPONSES].splitlines()]


@QUICK
@given(
    place=st.sampled_from(sorted(places(FACTS), key=str)),
    value=JSON,
    how=st.sampled_from(["replace", "delete", "add"]),
)
def test_values_of_the_metadata(place: tuple[Any, ...], value: Any, how: str, root: Path) -> None:
    facts = json.loads(good()[SUBMISSION])
    inner = facts
    for key in place[:-1]:
        inner = inner[key]
    if how == "replace":
        inner[place[-1]] = value
    elif how == "delete":
        del inner[place[-1]]
    elif isinstance(inner, dict):
        inner[f"{place[-1]}x"] = value
    contents = {**good(), SUBMISSION: json.dumps(facts, indent=1).encode()}
    contents[SUMS] = fitting_sums(contents)
    checked = examine(contents, root)
    changed = json.dumps(facts, sort_keys=True) != json.dumps(FACTS, sort_keys=True)
    signed = facts["run"].get("generation") if place[:2] == ("run", "generation") else None
    if isinstance(signed, dict):  # a setting that is null is not set
        changed = by_name(signed) != by_name(FACTS["run"]["generation"])
    if changed and place[0] in ("score", "run", "format"):
        free = ("command", "hardware", "precision", "source")  # nothing follows from these
        assert checked.findings or place[1:2] in [(name,) for name in free]


@QUICK
@given(
    numbers=st.lists(st.integers(0, len(ROWS) - 1), min_size=1, max_size=3),
    name=st.sampled_from([*ROWS[0], "more"]),
    value=JSON,
    how=st.sampled_from(["replace", "delete", "drop", "twice"]),
)
def test_values_of_responses(
    numbers: list[int], name: str, value: Any, how: str, root: Path
) -> None:
    rows: list[dict[str, Any]] = [dict(one) for one in ROWS]
    for number in numbers:
        if how == "replace":
            rows[number][name] = value
        elif how == "delete":
            rows[number].pop(name, None)
        elif how == "twice":
            rows.append(dict(rows[number]))
    if how == "drop":
        rows = [one for number, one in enumerate(rows) if number not in numbers]
    lines = [json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in rows]
    contents = {**good(), RESPONSES: "".join(f"{x}\n" for x in lines).encode("utf-8", "replace")}
    contents[SUMS] = fitting_sums(contents)
    checked = examine(contents, root)
    if contents[RESPONSES] != good()[RESPONSES] and name not in ("response", "tokens"):
        assert checked.entry is None
    if how in ("drop", "twice"):
        assert checked.entry is None


def test_changed_answers_are_never_accepted_as_they_were(root: Path) -> None:
    """Each answer turned, one by one: the figures no longer follow."""
    for number, one in enumerate(ROWS):
        text = one["response"]
        turned = {"Yes": "No", "No": "Yes"}.get(text[:-1] if text.endswith(".") else text)
        if turned is None:
            continue
        lines = good()[RESPONSES].splitlines(keepends=True)
        old = json.dumps(text).encode()
        assert old in lines[number]
        lines[number] = lines[number].replace(old, json.dumps(turned).encode())
        contents = {**good(), RESPONSES: b"".join(lines)}
        contents[SUMS] = fitting_sums(contents)
        checked = examine(contents, root)
        assert checked.entry is None and {f.code for f in checked.findings} == {"score"}


def test_good_submission_is_good(root: Path) -> None:
    checked = examine(good(), root)
    assert checked.findings == ()
    assert checked.entry is not None and checked.entry.badge is Badge.RECOMPUTED


# What the fuzzer kept

INPUTS = sorted(CORPUS.iterdir())


def test_corpus(root: Path) -> None:
    """All inputs in one test: each takes milliseconds. They reach both ends and most findings."""
    codes = set()
    accepted = 0
    for path in INPUTS:
        try:
            checked = examine(contents_of(path.read_bytes()), root)
        except AssertionError as error:
            raise AssertionError(f"{path.name}: {error}") from error
        codes |= {f.code for f in checked.findings if f.severity is Severity.ERROR}
        accepted += checked.entry is not None
    assert len(INPUTS) >= 24 and accepted >= 2
    assert codes >= {"schema", "checksum", "checksums", "response", "signature", "task", "score"}
