"""A set of hostile submissions, made one by one from a good one: each is refused with a clear
finding, or does no harm.

``test_validate.py`` says what is found at which line; here every field and every way of spoiling a
file comes once. Harmless is what leaves score, answers and name as they were. What is harmless is
listed: all else has to be refused.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from itr_bench.leaderboard import collect as collecting
from itr_bench.leaderboard import files
from itr_bench.leaderboard.collect import collect
from itr_bench.leaderboard.entry import Badge
from itr_bench.leaderboard.findings import Severity
from itr_bench.leaderboard.schema import ClaimedScore
from itr_bench.leaderboard.validate import Checked
from tests.submissions import write
from tests.test_validate import (
    RESPONSES,
    SUBMISSION,
    SUMS,
    Change,
    Draft,
    drop,
    good,
    line,
    put,
    put_down,
    raw,
    row,
    sign,
    spoilt,
    whole,
)

TODAY = datetime.date(2026, 11, 29)
Case = tuple[str, tuple[Change, ...]]


def signed(draft: Draft) -> None:
    """As ``sign``, as far as the spoilt metadata have a signature at all."""
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError, RecursionError):
        sign(draft)


# Metadata: every field, in every way


def fields(facts: dict[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    """The fields by dotted names, those of objects within included."""
    for name, value in facts.items():
        yield start + name, value
        if isinstance(value, dict):
            yield from fields(value, f"{start}{name}.")


def other_values(value: Any) -> dict[str, Any]:
    """What may be put in the place of *value*, by what it is."""
    if isinstance(value, bool):
        return {"text": str(value).lower(), "number": int(value)}
    if isinstance(value, int | float):
        numbers = {"NaN": float("nan"), "infinite": float("inf"), "below zero": -1, "huge": 10**400}
        return {"text": str(value), "in a list": [value], **numbers}
    if isinstance(value, str):
        hidden = {"invisible": "\u200b", "turned": f"{value[:1]}\u202e{value[1:]}"}
        return {"number": 7, "empty": "", **hidden, "long": value + "x" * 3000}
    if isinstance(value, list):
        return {"object": {}, "text": json.dumps(value), "of wrong things": [None, *value[1:]]}
    return {"list": [value], "with more in it": {**(value or {}), "\u202emore": 1}, "text": "{}"}


def of_fields() -> Iterator[Case]:
    for name, value in fields(spoilt().facts):
        follows = name.startswith("run.") and name not in ("run.prompt", "run.signature")
        end = (signed,) if follows else ()
        yield f"{name}: left out", (drop(name), *end)
        yield f"{name}: null", (put(name, None), *end)
        for what, other in other_values(value).items():
            yield f"{name}: {what}", (put(name, other), *end)


WAYS = ("left out", "null")
HARMLESS_FIELDS = {
    # What may be unknown, and what a submitter says of a model
    *(
        f"model.{name}: {way}"
        for name in (
            *("snapshot", "date", "released", "parameters", "submitter.github"),
            *("paper", "code", "hardware", "remark"),
        )
        for way in WAYS
    ),
    *("model.hardware: text", "model.remark: text"),
    # What a run may not know
    *(f"run.{name}: null" for name in ("command", "adapter", "harness", "precision", "hardware")),
    "run.generation: null",
    # Versions and settings are what the run says of itself; they are signed
    *(f"run.libraries.{name}: left out" for name in ("torch", "transformers")),
    *(f"run.generation.generation_kwargs: {way}" for way in (*WAYS, "list", "text")),
    *(
        f"run.generation.generation_kwargs.temperature: {way}"
        for way in (*WAYS, "text", "in a list", "below zero")
    ),
    *(f"run.generation.order: {way}" for way in (*WAYS, "object", "text", "of wrong things")),
}


# Names, dates, versions and seeds that are well formed and wrong

DEEP = {"x": json.loads("[" * 60 + "]" * 60)}
WRONG = {
    "a version that never was": (put("run.version", "0"), signed),
    "a version to come": (put("run.version", "99"), signed),
    "a version in words": (put("run.version", "latest"), signed),
    "a parser that never was": (put("run.parser", "yes-no.99.lv"), signed),
    "another language's parser": (put("run.parser", "yes-no.2.lv"), signed),
    "another parser": (put("run.parser", "both.1.en"), signed),
    "a task of another set": (put("run.task", "tirt"), signed),
    "a task that is none": (put("run.task", "itr_demo_xx"), signed),
    "a task as a path": (put("run.task", "../../itr_demo_lv"), signed),
    "data of another kind": (put("run.data", "hub-0123456789ab"), signed),
    "data with another hash": (put("run.data", "demo-0123456789ab"), signed),
    "data without a hash": (put("run.data", "demo"), signed),
    "a seed twice": (put("run.seeds", [8263, 8263, 29960]), signed),
    "seeds in another order": (put("run.seeds", [10652, 8263, 29960]), signed),
    "a seed too few": (put("run.seeds", [8263, 10652]), signed),
    "a seed too many": (put("run.seeds", [8263, 10652, 29960, 1]), signed),
    "no seeds": (put("run.seeds", []), signed),
    "a huge seed": (put("run.seeds", [8263, 10652, 10**30]), signed),
    "more samples than responses": (put("run.samples", 4), signed),
    "fewer samples than responses": (put("run.samples", 2), signed),
    "another prompt": (put("run.prompt", "0123456789ab"),),
    "deep settings": (put("run.generation", DEEP), signed),
    "settings that part the signature": (
        put("run.generation", {"a|task:other.1|b": "x|y,z=1"}),
        signed,
    ),
    "before the benchmark": (put("submitted", "0001-01-01"),),
    "in the future": (put("submitted", "2099-01-01"),),
    "no day of the year": (put("submitted", "2026-02-30"),),
    "a day with an hour": (put("submitted", "2026-01-31T00:00:00"),),
    "a day in other digits": (put("submitted", "٢٠٢٦-٠١-٣١"),),
    "format 0": (put("format", 0),),
    "format 2": (put("format", 2),),
    "more tweets": (put("score.tweets", 25),),
    "more samples": (put("score.samples", 4),),
    "a better accuracy": (put("score.accuracy", 0.999999),),
    "an accuracy with more digits": (put("score.accuracy", 0.1234567),),
    "a narrower interval": (put("score.interval", [0.4, 0.41]),),
    "an interval the wrong way round": (put("score.interval", [0.9, 0.1]),),
    "no unparseable responses": (put("score.unparseable_rate", 0.0),),
    "an identifier as a path": (put("model.id", "../model-0"),),
    "an identifier without an organisation": (put("model.id", "model-0"),),
    "an identifier of another model": (put("model.id", "made-up/model-1"),),
    "a revision in capitals": (put("model.revision", good()[0].model.state.upper()),),
    "a branch as a revision": (put("model.revision", "main"),),
    "a revision and a snapshot": (put("model.snapshot", "x"), put("model.date", "2026-01-01")),
    "a link that runs": (put("model.paper", "javascript:alert(1)"),),
    "a link without a scheme": (put("model.code", "//example.org"),),
    "a link with a blank": (put("model.paper", "https://example.org/a b"),),
    "markup for a name": (put("model.name", "<b>x</b>"),),
    "the name of a baseline": (put("model.name", "Majority class"),),
    "the name of people": (put("model.name", "Human annotators"),),
    "the name of another": (put("model.name", "Made-up 1"),),
    "the name of another in other letters": (put("model.name", "Mаde-up 1"),),
    "a name of blanks": (put("model.name", "\u2003"),),
    "a name of invisible letters": (put("model.name", "\u3164\u3164"),),
    "two lines for a name": (put("model.name", "a\u2028b"),),
    "no parameters": (put("model.parameters", 0),),
    "more parameters than there can be": (put("model.parameters", 10**16),),
    "an account that is none": (put("model.submitter.github", "a b"),),
    "a command over two lines": (put("run.command", "a\nb"),),
}
BECAME_WRONG = {
    **dict.fromkeys(("data of another kind", "data with another hash"), "apart"),
    **dict.fromkeys(
        (
            *("the name of a baseline", "the name of people", "the name of another"),
            "the name of another in other letters",
        ),
        "look",
    ),
    **dict.fromkeys(("settings that part the signature", "markup for a name"), "harmless"),
}


# Files: bytes that are no JSON, or are it twice


def edited(name: str, change: Callable[[bytes], bytes]) -> Change:
    return lambda draft: draft.exchanged.append((name, change))


def moved(lines: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Change the order or the number of the responses' lines."""
    return edited(RESPONSES, lambda content: b"".join(lines(content.splitlines(keepends=True))))


def extra(text: bytes) -> Callable[[bytes], bytes]:
    """An object with *text* as its first field, in the metadata and in a line alike."""
    return lambda content: content.replace(b"{", b"{" + text, 1)


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "a blank": lambda content: b" ",
    "cut in the middle": lambda content: content[: len(content) // 2],
    "without its last line break": lambda content: content[:-1],
    "with another line break": lambda content: content + b"\n",
    "twice": lambda content: content + content,
    "with a mark of byte order": lambda content: b"\xef\xbb\xbf" + content,
    "in UTF-16": lambda content: content.decode().encode("utf-16"),
    "in UTF-32": lambda content: content.decode().encode("utf-32-le"),
    "in Latin 1": lambda content: content.replace(b'"', b'"\xe9', 1),
    "with a byte of zero": lambda content: content.replace(b'"', b'"\0', 1),
    "with half a surrogate pair": lambda content: content.replace(
        b'": "', b'": "\\udc00', 1
    ).replace(b'":"', b'":"\\udc00', 1),
    "with line ends of Windows": lambda content: content.replace(b"\n", b"\r\n"),
    "with line ends of old Macs": lambda content: content.replace(b"\n", b"\r"),
    "with a comment": lambda content: b"// x\n" + content,
    "with a comma at the end": lambda content: content.replace(b"}\n", b",}\n", 1),
    "with a key twice": extra(b'"format":1,"tweet_id":"1",'),
    "with a name of no field": extra(b'"x":1,'),
    "with 40,000 open brackets": lambda content: b"[" * 40_000 + content,
    "with a number of 5,000 digits": extra(b'"tokens":' + b"9" * 5000 + b","),
    "a list": lambda content: b"[" + content.strip().replace(b"\n", b"") + b"]\n",
    "a text": lambda content: b'"x"\n',
    "a number": lambda content: b"1e999\n",
    "null": lambda content: b"null\n",
    "in single quotes": lambda content: content.replace(b'"', b"'"),
    "a program of YAML": lambda content: b"!!python/object:x {}\n",
    "compressed": lambda content: b"\x1f\x8b\x08\x00" + content,
}


def of_bytes() -> Iterator[Case]:
    for name in (SUBMISSION, RESPONSES):
        for what, change in BYTES.items():
            yield f"{name}: {what}", (edited(name, change),)
    for what in ("empty", "cut in the middle", "twice", "in UTF-16", "with line ends of Windows"):
        yield f"{SUMS}: {what}", (edited(SUMS, BYTES[what]),)
    yield f"{SUMS}: in capitals", (edited(SUMS, bytes.upper),)
    yield f"{SUMS}: of another file", (raw(SUMS, b"responses.jsonl", b"other.jsonl"),)
    yield f"{SUMS}: wrong", (edited(SUMS, lambda c: b"0" * 64 + c[64:]),)
    yield f"{SUMS}: of a path", (raw(SUMS, b"responses.jsonl", b"../responses.jsonl"),)
    yield f"{SUMS}: too large", (whole(SUMS, b"0" * 5000),)
    yield f"{SUBMISSION}: too large", (edited(SUBMISSION, lambda c: c + b" " * 300_000),)


HARMLESS_BYTES = {
    f"{SUBMISSION}: {what}"
    for what in (
        *("without its last line break", "with another line break"),
        "with line ends of old Macs",
    )
}


# Responses

FIRST = json.loads(json.dumps(spoilt().rows[0]))
OF_LINES: dict[str, tuple[Change, ...]] = {
    "the first line removed": (moved(lambda lines: lines[1:]), signed),
    "the last line removed": (moved(lambda lines: lines[:-1]), signed),
    "a tweet removed": (moved(lambda lines: lines[6:]), signed),
    "a line doubled": (moved(lambda lines: [lines[0], *lines]), signed),
    "all lines doubled": (moved(lambda lines: lines * 2), signed),
    "two lines swapped": (moved(lambda lines: [lines[1], lines[0], *lines[2:]]), signed),
    "lines in reverse": (moved(lambda lines: lines[::-1]), signed),
    "a blank line": (moved(lambda lines: [lines[0], b"\n", *lines[1:]]), signed),
    "two responses in a line": (moved(lambda ls: [ls[0].strip() + ls[1], *ls[2:]]), signed),
    "a line with blanks": (moved(lambda ls: [b" " + ls[0], *ls[1:]]), signed),
    "another order of fields": (
        line(1, json.dumps(dict(reversed(FIRST.items())), separators=(",", ":")).encode()),
    ),
    "escapes for letters": (raw(RESPONSES, b'"adds"', b'"\\u0061dds"'),),
    "the right relation beside": (row(1, relation=0),),
    "a field more": (row(1, correct=True),),
    "a tweet of another set": (row(1, tweet_id="42"), signed),
    "another question": (row(1, question="both"), signed),
    "the other question": (row(1, question="represented"), signed),
    "another seed": (row(1, seed=1), signed),
    "another sample": (row(1, sample=2), signed),
    "a sample that is none": (row(1, sample=999), signed),
    "another image": (row(1, image_sha256="0" * 64), signed),
    "no image": (row(1, image_sha256="none"), signed),
    "another prompt": (row(1, prompt_hash="0" * 12), signed),
    "a failed request": (row(1, response="[LMMS_EVAL_REQUEST_FAILED after 3] 500"), signed),
    "a reason that is none": (row(1, finish_reason="because"), signed),
    "more tokens than can be": (row(1, tokens=10**30), signed),
}


def of_lines() -> Iterator[Case]:
    yield from OF_LINES.items()
    for name, value in FIRST.items():
        yield f"{name}: left out", ((lambda d, name=name: d.rows[0].pop(name)), signed)
        for what, other in {"null": None, **other_values(value)}.items():
            yield f"{name}: {what}", (row(1, **{name: other}), signed)


HARMLESS_LINES = {
    # A line is found by what stands in it
    *("two lines swapped", "lines in reverse"),
    # Nobody can know how many tokens there were
    *("tokens: null", "more tokens than can be", "tokens: huge"),
    # No page shows a response
    "response: turned",
}


# Answers of another


def copied(change: Callable[[str, int], str], turn: int = 0) -> Change:
    """Put another model's responses in the place of all, each after *change*, samples turned."""

    def copy_responses(draft: Draft) -> None:
        theirs = spoilt(number=1)
        draft.facts["score"] = theirs.facts["score"]
        texts = [one["response"] for one in theirs.rows]
        for start in range(0, len(texts), 3):
            texts[start : start + 3] = texts[start + turn : start + 3] + texts[start : start + turn]
        for number, one in enumerate(draft.rows):
            one["response"] = change(texts[number], number)
        sign(draft)

    return copy_responses


COPIES: dict[str, tuple[Change, ...]] = {
    "a copy": (copied(lambda text, _: text),),
    "a copy with a blank at each end": (copied(lambda text, _: f" {text} "),),
    "a copy with a full stop more": (copied(lambda text, _: f"{text}."),),
    "a copy in capitals": (copied(lambda text, _: text.upper()),),
    "a copy with some in capitals": (copied(lambda text, i: text.upper() if i % 7 else text),),
    "a copy with the samples turned": (copied(lambda text, _: text, turn=1),),
    "a copy with invisible letters": (copied(lambda text, _: f"{text}\u200b"),),
    "a copy in wide letters": (copied(lambda text, _: f"{text}".replace("Yes", "Ｙｅｓ")),),
    "a copy with explanations": (copied(lambda text, i: f"{text} This is the reason {i}."),),
}


# Folders


def linked(folder: Path, name: str) -> None:
    """Put a link in the place of a file."""
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")


def linked_whole(folder: Path) -> None:
    """Put a link in the place of the folder."""
    folder.rename(folder.parents[3] / "moved")
    folder.symlink_to(folder.parents[3] / "moved", target_is_directory=True)


FOLDERS: dict[str, Callable[[Path], object]] = {
    **{f"without {n}": lambda f, n=n: (f / n).unlink() for n in (SUBMISSION, RESPONSES, SUMS)},
    **{f"a link for {n}": lambda f, n=n: linked(f, n) for n in (SUBMISSION, RESPONSES, SUMS)},
    "a link for the folder": linked_whole,
    "a file more": lambda f: (f / "x.py").write_text("print()"),
    "a hidden file more": lambda f: (f / ".x").write_text(""),
    "a folder within": lambda f: (f / "more").mkdir(),
    "a submission within": lambda f: put_down(f, spoilt(), "x"),
    "a folder for a file": lambda f: ((f / SUMS).unlink(), (f / SUMS).mkdir()),
    "a pipe for a file": lambda f: ((f / SUMS).unlink(), os.mkfifo(f / SUMS)),
    "a name in capitals": lambda f: (f / SUMS).rename(f / SUMS.lower()),
    "under another task": lambda f: f.rename(f.with_name("itr_demo_en")),
    "under another state": lambda f: f.parent.rename(f.parent.with_name("0" * 40)),
    "under another model": lambda f: f.parents[1].rename(f.parents[1].with_name("made-up__x")),
    "a level too high": lambda f: f.rename(f.parents[2] / f.name),
    "a level too deep": lambda f: (
        f.rename(f.parent / "x"),
        f.mkdir(),
        (f.parent / "x").rename(f / "x"),
    ),
}


# The set


def outcome(folder: Path, others: Sequence[Checked], claimed: ClaimedScore) -> str | None:
    """``None`` where the submission in *folder* is refused as it should be, else what it became.

    Raises:
        AssertionError: a finding that says nothing, or that nobody foresaw.
    """
    name = files.shown(folder)
    collected = collect(folder.parents[2], trial=True, others=others, today=TODAY)
    own = [one for one in collected.all_findings if one.path.startswith(name.partition("/")[0])]
    assert all(one.code != "internal" and one.message.strip() for one in own), own
    entry = collected.entries[0] if collected.entries else None
    errors = [one for one in own if one.severity is Severity.ERROR]
    assert bool(errors) == (entry is None), own
    if entry is None:
        return None
    if entry.score is None:
        assert (entry.badge, entry.current) == (Badge.REPORTED, False)
        assert entry.unchecked
        return "apart"
    assert entry.submission.score == claimed == ClaimedScore.of(entry.score)
    assert entry.submission.model.id == good()[0].model.id
    return "look" if any(one.severity is Severity.LOOK for one in own) else "harmless"


SETS: dict[str, tuple[Callable[[], Iterator[Case]], dict[str, str]]] = {
    "fields": (of_fields, dict.fromkeys(HARMLESS_FIELDS, "harmless")),
    "wrong": (lambda: iter(WRONG.items()), BECAME_WRONG),
    "bytes": (of_bytes, dict.fromkeys(HARMLESS_BYTES, "harmless")),
    "lines": (of_lines, dict.fromkeys(HARMLESS_LINES, "harmless")),
    # The same answers in other words: another model may have them
    "copies": (lambda: iter(COPIES.items()), {"a copy with explanations": "look"}),
}


@pytest.fixture
def no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask git nothing: nothing here was ever committed."""
    monkeypatch.setattr(collecting, "arrivals", lambda _: {})


@pytest.mark.parametrize("name", SETS)
def test_hostile_submissions_are_refused_or_harmless(
    tmp_path: Path, no_history: None, name: str
) -> None:
    cases, expected = SETS[name]
    write(tmp_path / "others", *good(1))
    others = collect(tmp_path / "others", trial=True, today=TODAY).checked
    claimed = good(int(name == "copies"))[0].score
    found: dict[str, str] = {}
    for number, (case, changes) in enumerate(cases()):
        try:
            became = outcome(put_down(tmp_path / str(number), spoilt(*changes)), others, claimed)
        except Exception as error:  # all of the set, at once
            became = f"{type(error).__name__}: {error}"[:300]
        if became is not None:
            found[case] = became
    assert found == expected


@pytest.mark.parametrize("spoil", FOLDERS.values(), ids=FOLDERS)
def test_hostile_folders_are_refused(
    tmp_path: Path, no_history: None, spoil: Callable[[Path], object]
) -> None:
    spoil(put_down(tmp_path / "all", spoilt()))
    collected = collect(tmp_path / "all", trial=True, today=TODAY)
    assert collected.entries == []
    assert any(one.severity is Severity.ERROR and one.message for one in collected.all_findings)
    assert not any(one.code == "internal" for one in collected.all_findings)
