"""The validator under attack: each change of a good submission, and exactly what is found."""

from __future__ import annotations

import copy
import datetime
import functools
import hashlib
import json
import os
import re
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from itr_bench import storage
from itr_bench.cli.main import cli
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.leaderboard import claims, files, layout
from itr_bench.leaderboard import collect as collecting
from itr_bench.leaderboard.collect import Collected, collect, with_reruns
from itr_bench.leaderboard.comment import LONGEST, comment
from itr_bench.leaderboard.entry import Badge
from itr_bench.leaderboard.findings import MOST_KEPT, Finding, Severity, as_markdown, as_text, fewer
from itr_bench.leaderboard.places import read_places
from itr_bench.leaderboard.reference import open_reference
from itr_bench.leaderboard.responses import LONGEST_LINE, MOST_FAULTY_LINES
from itr_bench.leaderboard.schema import ClaimedScore, Submission, response_line
from itr_bench.leaderboard.site.board import make_boards
from itr_bench.leaderboard.validate import check
from itr_bench.runs.response import Response
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.intervals import BOOTSTRAP_SEED, RESAMPLES
from itr_bench.scoring.signature import Signature, digest
from itr_bench.tasks import documents
from tests.conftest import ROOT
from tests.submissions import card, describe, make, write

SUBMISSION, RESPONSES, SUMS = layout.FILES
HIDDEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
TWEET = "1000000000000000001"
EIGHT = "a bb ccc dddd eeeee ffffff ggggggg hhhhhhhh"


@functools.cache
def good(number: int = 0, **changes: Any) -> tuple[Submission, list[Response]]:
    return make(number, **changes)


# Changing a good submission


@dataclass
class Draft:
    """A good submission, to be spoilt: its metadata, its responses, and bytes to exchange."""

    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    exchanged: list[tuple[str, Callable[[bytes], bytes]]] = field(default_factory=list)

    def contents(self) -> dict[str, bytes]:
        """The files, with sums that fit, before the sums themselves are exchanged."""
        text = json.dumps(self.facts, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass")
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in self.rows]
        found = {SUBMISSION: text + b"\n", RESPONSES: "".join(f"{x}\n" for x in lines).encode()}
        for name, change in self.exchanged:
            if name != SUMS:
                found[name] = change(found[name])
        found[SUMS] = "".join(
            f"{hashlib.sha256(content).hexdigest()}  {name}\n"
            for name, content in sorted(found.items())
        ).encode()
        for name, change in self.exchanged:
            if name == SUMS:
                found[SUMS] = change(found[SUMS])
        return found


Change = Callable[[Draft], None]


def put(name: str, value: Any) -> Change:
    """Put *value* into a field of the metadata."""

    def change(draft: Draft) -> None:
        *above, last = name.split(".")
        functools.reduce(lambda found, part: found[part], above, draft.facts)[last] = value

    return change


def drop(name: str) -> Change:
    """Take a field out of the metadata."""

    def change(draft: Draft) -> None:
        *above, last = name.split(".")
        del functools.reduce(lambda found, part: found[part], above, draft.facts)[last]

    return change


def row(number: int, **values: Any) -> Change:
    """Change fields of the response in the line *number*, counted from 1."""
    return lambda draft: draft.rows[number - 1].update(values)


def rows(keep: Callable[[dict[str, Any]], bool], **values: Any) -> Change:
    """Change fields of the responses that *keep* chooses; without fields, drop the others."""

    def change(draft: Draft) -> None:
        for one in draft.rows:
            if keep(one):
                one.update(values)
        if not values:
            draft.rows[:] = [one for one in draft.rows if keep(one)]

    return change


def raw(name: str, old: bytes, new: bytes) -> Change:
    """Exchange bytes of a file; the first time they occur."""

    def change(content: bytes) -> bytes:
        assert old in content, (name, old)
        return content.replace(old, new, 1)

    return lambda draft: draft.exchanged.append((name, change))


def whole(name: str, new: bytes) -> Change:
    """Put other bytes in the place of a file."""
    return lambda draft: draft.exchanged.append((name, lambda _: new))


def line(number: int, new: bytes) -> Change:
    """Put other bytes in the place of a line of the responses, counted from 1."""

    def change(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number - 1] = new
        return b"\n".join(lines)

    return lambda draft: draft.exchanged.append((RESPONSES, change))


def put_figures(value: float) -> list[Change]:
    """Put the same share in the place of all accuracies."""
    names = ("accuracy", "adds_accuracy", "represented_accuracy")
    return [put(f"score.{name}", value) for name in names]


def sign(draft: Draft) -> None:
    """Make prompt, signature and counts fit the rest, as somebody who cheats would."""
    run = draft.facts["run"]
    asked = {f"{one['tweet_id']} {one['question']}": one["prompt_hash"] for one in draft.rows[::-1]}
    run["prompt"] = digest(asked)
    draft.facts["score"]["tweets"] = len({one["tweet_id"] for one in draft.rows})
    draft.facts["score"]["samples"] = run["samples"]
    run["signature"] = str(
        Signature(
            **{name: run[name] for name in ("task", "version", "samples", "prompt", "parser")},
            **{name: run[name] for name in ("data", "adapter", "generation", "harness")},
            package=run["package"],
            libraries=run["libraries"],
            seeds=run["seeds"],
            tweets=draft.facts["score"]["tweets"],
            bootstrap=f"{RESAMPLES}.{BOOTSTRAP_SEED}",
        )
    )


def spoilt(*changes: Change, number: int = 0) -> Draft:
    """The good submission *number* after *changes*."""
    submission, found = copy.deepcopy(good(number))
    draft = Draft(
        submission.model_dump(mode="json"),
        [json.loads(response_line(one)) for one in sorted(found, key=layout.place)],
    )
    for change in changes:
        change(draft)
    return draft


def put_down(root: Path, draft: Draft, folder: str | None = None) -> Path:
    """Write a draft where the good submission would lie."""
    place = root / (folder or str(layout.relative_folder(good()[0])))
    place.mkdir(parents=True)
    for name, content in draft.contents().items():
        (place / name).write_bytes(content)
    return place


# What is expected


@dataclass(frozen=True)
class Expect:
    """A finding: *at* is its line, or what stands in it alone, or so many lines above it."""

    code: str
    name: str = SUBMISSION
    at: int | str | None = None
    severity: str = "error"
    below: int = 0

    def resolved(self, folder: Path) -> tuple[str, str, str, int | None]:
        at = self.at
        if isinstance(at, str):
            lines = (folder / self.name).read_text("utf-8", "surrogateescape").split("\n")
            (at,) = (number for number, text in enumerate(lines, 1) if at in text)
            at += self.below
        return self.severity, self.code, self.name, at


def told(collected: Collected, folder: str) -> list[tuple[str, str, str, int | None]]:
    """What was found about a folder, as :meth:`Expect.resolved` has it."""
    return sorted(
        (f.severity.value, f.code, f.path.removeprefix(f"{folder}/"), f.line)
        for f in collected.all_findings
        if f.path.startswith(folder)
    )


def by_place(found: list[tuple[str, str, str, int | None]]) -> list[tuple[Any, ...]]:
    return sorted(found, key=lambda one: tuple(map(str, one)))


def checked(root: Path, folder: Path, expected: list[Expect], *, trial: bool = True) -> Collected:
    """Check *root* and the findings about *folder*; nothing else may be touched by them."""
    other = write(root, *good(1))
    before = untouched(root)
    collected = collect(root, trial=trial)
    name = files.shown(folder)
    found = by_place(told(collected, name))
    assert found == by_place([one.resolved(folder) for one in expected]), collected.all_findings
    refused = any(one.severity == "error" for one in expected)
    entries = {entry.path for entry in collected.entries}
    assert (name not in entries) is refused
    assert (files.shown(other) in entries) is trial
    assert untouched(root) == before
    harmless(collected)
    arguments = ["validate", *(["--trial"] if trial else []), str(folder)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == int(refused), done.output
    assert not HIDDEN.search(done.output), done.output
    return collected


def untouched(root: Path) -> dict[Path, tuple[int, ...]]:
    """What changes with every file and folder below *root*, but by being read."""
    found = {path: path.lstat() for path in root.rglob("*")}
    return {p: (a.st_ino, a.st_mode, a.st_size, a.st_ctime_ns) for p, a in found.items()}


def harmless(collected: Collected) -> None:
    """Check that findings can be shown anywhere: nothing hidden, nothing rendered."""
    findings = collected.all_findings
    assert all(f.code != "internal" for f in findings), findings
    assert not HIDDEN.search(as_text(findings)), findings
    assert len(as_text(findings).split("\n")) == max(1, len(findings))
    worded = comment(collected, collected.entries)
    assert not HIDDEN.search(worded)
    for text in worded.split("\n"):
        spans = text.split("`")
        assert len(spans) % 2, text
        outside = "".join(spans[::2])
        assert not re.search(r"[<>@&\[\]!]", outside), text
        assert not text.startswith("|") or "|" not in "".join(spans[1::2]), text


def schema(at: int | str | None = None) -> Expect:
    return Expect("schema", SUBMISSION, at)


def response(at: int, code: str = "response") -> Expect:
    return Expect(code, RESPONSES, at)


EMPTY: dict[str, Any] = {}
DEEP: Any = functools.reduce(lambda inner, _: [inner], range(40), 1)

# A table: what is done to the metadata, and the line that is named.
METADATA = {
    "right-to-left name": ([put("model.name", "abc\u202ecba")], [schema("abc\u202ecba")]),
    "mark of direction in settings": (
        [put("run.generation.x", ["a", {"b": "c\u2066d"}]), sign],
        [schema("c\u2066d")],
    ),
    "mark of direction in a name of settings": (
        [put("run.generation.x\u200fy", 1), sign],
        [schema("x\u200fy")],
    ),
    "mark of direction in a nested name": (
        [put("run.generation.x", {"x\u200fy": 1}), sign],
        [schema("x\u200fy")],
    ),
    "zero width": ([put("model.name", "GPT\u200b-9")], [schema("GPT\u200b-9")]),
    "control character": ([put("model.name", "a\x07b")], [schema('"a\\u0007b"')]),
    "escape of a terminal": ([put("reason", "a\x1b[2Jb")], [schema('"reason"')]),
    "line break": ([put("model.name", "a\nb")], [schema('"a\\nb"')]),
    "control character in settings": (
        [put("run.generation.x", "a\x00b"), sign],
        [schema('"x": "a\\u0000b"')],
    ),
    "half a surrogate pair": (
        [raw(SUBMISSION, b'"name": "Made-up 0"', b'"name": "\\ud800"')],
        [schema('"name": "\\ud800"')],
    ),
    "name of the submitter, not of the model": (
        [put("model.submitter.name", " x")],
        [schema('"name": " x"')],
    ),
    "tweets of the score": ([put("score.tweets", "24")], [schema('"tweets": "24"')]),
    "name missing in the submitter": ([drop("model.submitter.name")], [schema('"submitter"')]),
    "name missing in the model": ([drop("model.name")], [schema('"model": {')]),
    "field missing in the run": ([drop("run.seeds")], [schema('"run": {')]),
    "field missing in the file": ([drop("format")], [schema(1)]),
    "field of no schema": ([put("model.rank", 1)], [schema('"rank"')]),
    "field of no schema in the file": ([put("name", "x")], [schema('"name": "x"')]),
    "name with a dot": ([put("run.libraries", {"a.b": 7}), sign], [schema('"a.b"')]),
    "name with a blank": ([put("run.libraries", {" a": "b"}), sign], [schema('" a"')]),
    "second of three seeds": ([put("run.seeds", [8263, "x", 3])], [schema('"x"')]),
    "second end of the interval": ([put("score.interval", [0.1, "0.9"])], [schema('"0.9"')]),
    "one end of the interval": ([put("score.interval", [0.1])], [schema('"interval"')]),
    "number as text": ([put("model.parameters", "7")], [schema('"parameters": "7"')]),
    "truth as number": ([put("run.samples", True)], [schema('"samples": true')]),
    "fraction of a parameter": ([put("model.parameters", 1.5)], [schema('"parameters"')]),
    "no parameters": ([put("model.parameters", 0)], [schema('"parameters"')]),
    "accuracy over 1": ([put("score.accuracy", 1.000001)], [schema('"accuracy"')]),
    "NaN": ([put("score.accuracy", float("nan"))], [schema('"accuracy": NaN')]),
    "Infinity": ([put("score.accuracy_sd", float("inf"))], [schema("Infinity")]),
    "NaN in settings": ([put("run.generation.x", [float("nan")]), sign], [schema("  NaN")]),
    "-Infinity in settings": ([put("run.generation.x", -float("inf")), sign], [schema('"x"')]),
    "1e999 in settings": (
        [put("run.generation.x", 17.25), sign, raw(SUBMISSION, b"17.25", b"1e999")],
        [schema("1e999")],
    ),
    "5000 digits": (
        [raw(SUBMISSION, b'"samples": 3,', b'"samples": ' + b"9" * 5000 + b",")],
        [schema("9" * 5000)],
    ),
    "4000 digits": ([put("run.seeds", [10**4000, 1, 2])], [schema("1" + "0" * 4000)]),
    "40 levels": (
        [put("run.generation.x", DEEP), sign],
        [Expect("schema", SUBMISSION, '"x": [', below=29)],
    ),
    "300 levels": (
        [put("run.generation.x", 17.25), raw(SUBMISSION, b"17.25", b"[" * 300 + b"]" * 300)],
        [schema("[" * 300)],
    ),
    "100,000 levels": (
        [put("run.generation.x", 17.25), raw(SUBMISSION, b"17.25", b"[" * 100_000)],
        [schema("[" * 300)],
    ),
    "name that stands twice": (
        [raw(SUBMISSION, b'"licence": "MIT"', b'"licence": "MIT",\n"licence": "X"')],
        [schema('"licence": "X"')],
    ),
    "escaped name that stands twice": (
        [raw(SUBMISSION, b'"licence": "MIT"', b'"\\u006cicence": "X",\n"licence": "MIT"')],
        [schema('"licence": "MIT"')],
    ),
    "folder above in the id": ([put("model.id", "../etc")], [schema('"id"')]),
    "absolute id": ([put("model.id", "/etc/passwd")], [schema('"id"')]),
    "three parts in the id": ([put("model.id", "a/b/c")], [schema('"id"')]),
    "id that begins with a point": ([put("model.id", "made-up/.git")], [schema('"id"')]),
    "folder above in the snapshot": (
        [
            put("model.revision", None),
            put("model.snapshot", "../x"),
            put("model.date", "2026-01-31"),
        ],
        [schema('"snapshot"')],
    ),
    "absolute snapshot": (
        [put("model.revision", None), put("model.snapshot", "/x"), put("model.date", "2026-01-31")],
        [schema('"snapshot"')],
    ),
    "short revision": ([put("model.revision", "abc123")], [schema('"revision"')]),
    "revision and snapshot": ([put("model.snapshot", "s")], [schema('"model": {')]),
    "no such day": (
        [put("submitted", "2026-02-30")],
        [Expect("schema", SUBMISSION, '"submitted"')],
    ),
    "address of a script": ([put("model.paper", "javascript:alert(1)")], [schema('"paper"')]),
    "other format": ([put("format", 2)], [schema('"format"')]),
    "cut off": ([raw(SUBMISSION, b'"run": {', b'"run": ')], [schema('"task"')]),
    "empty": ([whole(SUBMISSION, b"")], [schema(1)]),
    "a list": ([whole(SUBMISSION, b"\n[]\n")], [schema(2)]),
    "byte order mark": ([raw(SUBMISSION, b"{", b"\xef\xbb\xbf{")], [schema(1)]),
    "UTF-16": ([whole(SUBMISSION, '{"format": 1}'.encode("utf-16"))], [schema(1)]),
    "no UTF-8": (
        [raw(SUBMISSION, b'"name": "Made-up 0"', b'"name": "Made-up \xff"')],
        [schema('"name": "Made-up')],
    ),
}

IMAGE = "f" * 64


def of_tweet(one: dict[str, Any]) -> bool:
    return bool(one["tweet_id"] == TWEET)


def of_item(one: dict[str, Any]) -> bool:
    return of_tweet(one) and one["question"] == "adds"


def long_line(length: int) -> bytes:
    start, end = good_line(1).split(b'"tokens"')
    text = start.rindex(b'"response":"') + len(b'"response":"')
    there = len(start[:text]) + len(b'","tokens"' + end)
    return start[:text] + b"x" * (length - there) + b'","tokens"' + end


def good_line(number: int) -> bytes:
    return spoilt().contents()[RESPONSES].split(b"\n")[number - 1]


MISSING = Expect("missing-response", RESPONSES)
UNASKED = Expect("missing-tweet", RESPONSES)
PROMPT, SIGNATURE, TWEETS = (
    Expect("prompt", SUBMISSION, '"prompt"'),
    Expect("signature", SUBMISSION, '"signature"'),
    Expect("score", SUBMISSION, '"tweets"'),
)
# The same, of the responses. What was taken out is missing; what was spoilt as well.
LINES = {
    "a tweet is missing": ([rows(lambda r: not of_tweet(r)), sign], [UNASKED, UNASKED]),
    "a tweet is missing, and all claims are of the rest of them": (
        [rows(lambda r: not of_tweet(r))],
        [UNASKED, UNASKED, PROMPT, SIGNATURE, TWEETS],
    ),
    "a question is missing": ([rows(lambda r: not of_item(r)), sign], [UNASKED, MISSING]),
    "a sample is missing": ([rows(lambda r: not (of_item(r) and r["sample"] == 1))], [MISSING]),
    "a seed is missing": ([rows(lambda r: r["sample"] < 2), sign], [MISSING] * 48),
    "a sample too many": (
        [row(3, sample=3)],
        [MISSING, response(3, "sample")],
    ),
    "999 samples claimed": (
        [put("run.samples", 999), sign],
        [MISSING] * 48 + [Expect("seeds", SUBMISSION, '"seeds"')],
    ),
    "one twice": ([line(2, good_line(1))], [MISSING, response(2, "twice")]),
    "an unknown tweet": (
        [rows(of_tweet, tweet_id="7"), sign],
        [UNASKED, UNASKED, *(response(n, "unknown-tweet") for n in range(1, 7))],
    ),
    "a wrong prompt in one": (
        [row(2, prompt_hash="0" * 12)],
        [response(2, "hash"), response(2, "prompt-hash")],
    ),
    "a wrong prompt": (
        [rows(of_item, prompt_hash="0" * 12), sign],
        [response(n, "prompt-hash") for n in (1, 2, 3)],
    ),
    "an image hash of one": (
        [row(2, image_sha256=IMAGE)],
        [response(2, "hash"), response(2, "image-hash")],
    ),
    "image hashes of one question": (
        [rows(of_item, image_sha256=IMAGE)],
        [response(n, "hash") for n in (4, 5, 6)] + [response(n, "image-hash") for n in (1, 2, 3)],
    ),
    "image hashes of a tweet": (
        [rows(of_tweet, image_sha256=IMAGE)],
        [response(n, "image-hash") for n in range(1, 7)],
    ),
    "a wrong seed": ([row(2, seed=1)], [response(2, "seed")]),
    "no seed": ([row(2, seed=None)], [response(2, "seed")]),
    "seeds exchanged": (
        [lambda d: d.facts["run"]["seeds"].reverse(), sign],
        [response(n, "seed") for n in range(1, 145) if n % 3 != 2],
    ),
    "fewer seeds than samples": (
        [put("run.seeds", [8263]), sign],
        [Expect("seeds", SUBMISSION, '"seeds"')],
    ),
    "no seeds": ([put("run.seeds", None), sign], [Expect("seeds", SUBMISSION, '"seeds"')]),
    "the same seed for all": (
        [put("run.seeds", [8263] * 3), rows(lambda r: True, seed=8263), sign],
        [Expect("seeds", SUBMISSION, '"seeds"')],
    ),
    "a blank": (
        [line(1, good_line(1).replace(b'"tokens":', b'"tokens": '))],
        [MISSING, response(1, "not-canonical")],
    ),
    "an escape": (
        [line(1, good_line(1).replace(b'"adds"', b'"\\u0061dds"'))],
        [MISSING, response(1, "not-canonical")],
    ),
    "a field that stands twice": (
        [line(1, good_line(1).replace(b'"tokens":3', b'"tokens":9,"tokens":3'))],
        [MISSING, response(1, "not-canonical")],
    ),
    "a carriage return": (
        [line(1, good_line(1) + b"\r")],
        [MISSING, response(1, "not-canonical")],
    ),
    "a field too many": (
        [line(1, good_line(1).replace(b'"tokens":3', b'"tokens":3,"x":1'))],
        [MISSING, response(1)],
    ),
    "30 fields too many": (
        [
            line(
                1,
                good_line(1).replace(b"{", b"{" + b"".join(b'"x%d":1,' % n for n in range(30)), 1),
            )
        ],
        [MISSING, response(1)],
    ),
    "a number as text": (
        [line(1, good_line(1).replace(b'"sample":0', b'"sample":"0"'))],
        [MISSING, response(1)],
    ),
    "NaN": (
        [line(1, good_line(1).replace(b'"tokens":3', b'"tokens":NaN'))],
        [MISSING, response(1)],
    ),
    "5000 digits": (
        [line(1, good_line(1).replace(b'"tokens":3', b'"tokens":' + b"3" * 5000))],
        [MISSING, response(1)],
    ),
    "deep JSON": ([line(1, b"[" * 50_000)], [MISSING, response(1)]),
    "half a surrogate pair": (
        [line(1, good_line(1).replace(b'"response":"', b'"response":"\\ud83d'))],
        [MISSING, response(1)],
    ),
    "no UTF-8": (
        [line(1, good_line(1).replace(b'"response":"', b'"response":"\xff'))],
        [MISSING, response(1)],
    ),
    "a null byte": ([line(1, b"\0" + good_line(1))], [MISSING, response(1)]),
    "folder above as the tweet": (
        [line(1, good_line(1).replace(TWEET.encode(), b"../../etc"))],
        [MISSING, response(1)],
    ),
    "an empty line": ([line(2, b"")], [MISSING, response(2)]),
    "10 MB in a line": ([line(2, long_line(10**7))], [MISSING, response(2, "long-line")]),
    "a line a byte too long": (
        [line(2, long_line(LONGEST_LINE + 1))],
        [MISSING, response(2, "long-line")],
    ),
    "cut off in a line": (
        [lambda d: d.exchanged.append((RESPONSES, lambda c: c[:-40]))],
        [MISSING, response(144), response(144, "last-line")],
    ),
    "cut off at the line break": (
        [lambda d: d.exchanged.append((RESPONSES, lambda c: c[:-1]))],
        [response(144, "last-line")],
    ),
    "empty": (
        [whole(RESPONSES, b"")],
        [Expect("empty", RESPONSES), PROMPT, SIGNATURE, TWEETS],
    ),
    "3 million line breaks": (
        [whole(RESPONSES, b"\n" * 3_000_000)],
        [
            TWEETS,
            Expect("too-many-faults", RESPONSES),
            *(response(n) for n in range(1, MOST_FAULTY_LINES + 1)),
        ],
    ),
    "no file of text": (
        [whole(RESPONSES, b"\x89PNG\r\n\x1a\n" + bytes(1000))],
        [TWEETS, response(1), response(2), response(3), response(3, "last-line")],
    ),
}

ACCURACY = good()[0].score.accuracy
UNREAD_REPRESENTED = sum(
    one.response == "Hm." and one.question == "represented" for one in good()[1]
)

CLAIMS = {
    "signature edited": (
        [
            lambda d: put(
                "run.signature", d.facts["run"]["signature"].replace("seeds:8", "seeds:9")
            )(d)
        ],
        [SIGNATURE],
    ),
    "signature cut": (
        [lambda d: put("run.signature", d.facts["run"]["signature"].rpartition("|")[0])(d)],
        [SIGNATURE],
    ),
    "adapter edited": ([put("run.adapter", "other")], [SIGNATURE]),
    "temperature edited": (
        [put("run.generation.generation_kwargs", {"temperature": 0})],
        [SIGNATURE],
    ),
    "prompts edited": ([put("run.prompt", "0" * 12)], [PROMPT]),
    "parser unknown": (
        [put("run.parser", "../guess.1.en"), sign],
        [Expect("parser", SUBMISSION, '"parser"')],
    ),
    "parser of another version": (
        [put("run.parser", "yes-no.3.en"), sign],
        [Expect("parser", SUBMISSION, '"parser"')],
    ),
    "parser of another language": (
        [put("run.parser", "yes-no.2.lv"), sign],
        [Expect("parser", SUBMISSION, '"parser"')],
    ),
    "tweets claimed": ([put("score.tweets", 350)], [TWEETS]),
    "samples claimed": ([put("score.samples", 10)], [Expect("score", SUBMISSION, '"samples": 10')]),
    "data of no form": (
        [put("run.data", "mine"), sign],
        [Expect("data", SUBMISSION, '"data"'), Expect("unchecked", SUBMISSION, None, "unchecked")],
    ),
    "demo data called another": (
        [lambda d: put("run.data", d.facts["run"]["data"].replace("demo-", "hub-"))(d), sign],
        [Expect("placeholder", SUBMISSION, '"data"')],
    ),
    "two models with one folder": (
        [put("model.id", "a__b/c")],
        [Expect("schema", SUBMISSION, '"id"')],
    ),
    "another model": ([put("model.id", "Made-Up/model-0")], [Expect("path")]),
    "another revision": ([put("model.revision", "0" * 40)], [Expect("path")]),
    "a snapshot": (
        [put("model.revision", None), put("model.snapshot", "s"), put("model.date", "2026-01-31")],
        [Expect("path")],
    ),
    "folder above as task": (
        [put("run.task", "../itr_demo_lv"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    "absolute task": (
        [put("run.task", "/etc/passwd"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    "a task without a table": (
        [put("run.task", "ltec_itr_full_lv"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    "likelihoods": (
        [put("run.task", "itr_demo_lv_likelihood"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    "likelihoods under another name": (
        [put("run.task", "itr_demo_lv_likelihood_explained"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    "a variant twice": (
        [put("run.task", "itr_demo_lv_explained_explained"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    **{
        f"another variant, {variant}": (
            [put("run.task", f"itr_demo_lv{variant}"), sign],
            [Expect("path"), Expect("task", SUBMISSION, '"task"')],
        )
        for variant in ("~grey-image", "~p1", "~no-image~no-image", "~no-image_likelihood", "~")
    },
    **{
        f"of a system, {rest}": (
            [put("run.task", f"ltec_itr_en_mt@x{rest}"), sign],
            [Expect("path"), Expect("task", SUBMISSION, '"task"')],
        )
        for rest in (
            *("~p1", "~other-text", "~shots-4", "~p1_explained", "_likelihood", "~"),
            *("~no-image_likelihood", "~no-image~no-image", "~no-image_explained_explained"),
        )
    },
    "with the image, called without": (
        [put("run.task", "itr_demo_lv~no-image"), sign],
        [Expect("path"), *(response(n, "image-hash") for n in range(1, 145))],
    ),
    "without the image, called with": (
        [rows(lambda one: True, image_sha256="none"), sign],
        [response(n, "image-hash") for n in range(1, 145)],
    ),
    "one tweet without the image": (
        [rows(of_tweet, image_sha256="none"), sign],
        [response(n, "image-hash") for n in range(1, 7)],
    ),
    "other data, without the image": (
        [put("run.data", "hub-0123456789ab"), rows(of_tweet, image_sha256="none"), sign],
        [
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            *(response(n, "image-hash") for n in range(1, 7)),
        ],
    ),
    "other data, without the image by name alone": (
        [put("run.data", "hub-0123456789ab"), put("run.task", "itr_demo_lv~no-image"), sign],
        [
            Expect("path"),
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            *(response(n, "image-hash") for n in range(1, 145)),
        ],
    ),
    "without the image, of a system": (
        [put("run.task", "itr_demo_lv@x~no-image"), sign],
        [Expect("path"), Expect("task", SUBMISSION, '"task"')],
    ),
    "another task, asked in other words": (
        [put("run.task", "itr_demo_lv_explained"), sign],
        [Expect("path"), *(response(n, "prompt-hash") for n in range(1, 145))],
    ),
    "other data": (
        [put("run.data", "local-0123456789ab"), sign],
        [Expect("unchecked", SUBMISSION, None, "unchecked")],
    ),
    "other data, on one tweet": (
        [put("run.data", "hub-0123456789ab"), rows(of_tweet), sign],
        [
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            Expect("tweets"),
        ],
    ),
    "other data, unread rate edited": (
        [put("run.data", "hub-0123456789ab"), put("score.unparseable_rate", 0.5), sign],
        [
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            Expect("score", SUBMISSION, '"unparseable_rate"'),
        ],
    ),
    "other data, too good": (
        [
            put("run.data", "hub-0123456789ab"),
            rows(lambda one: one["response"] == "Hm.", response="No."),
            put("score.unparseable_rate", 0.0),
            *put_figures(0.99),
            put("score.interval", [0.9, 1.0]),
            put("score.accuracy_sd", 0.01),
            sign,
        ],
        [
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            Expect("too-good", SUBMISSION, None, "look"),
        ],
    ),
    **{
        f"other data, {name} {value}": (
            [put("run.data", "hub-0123456789ab"), put(f"score.{name}", value), sign],
            [
                Expect("unchecked", SUBMISSION, None, "unchecked"),
                Expect("score", SUBMISSION, f'"{name}"'),
            ],
        )
        for name, value in (
            ("interval", None),
            ("interval", [0.5, 0.3]),
            ("interval", [-1e300, 1e300]),
            ("interval", [0.2, 1.000001]),
            ("interval", [ACCURACY + 2e-6, 0.9]),
            ("interval", [0.1, ACCURACY - 2e-6]),
            ("accuracy_sd", None),
            ("accuracy_sd", 0.8),
            ("accuracy_sd", 0.59),
            ("macro_f1", 0.0),
        )
    },
    **{
        f"other data, accuracy {value}": (
            [
                put("run.data", "hub-0123456789ab"),
                put("score.accuracy", value),
                put("score.interval", [0.0, 1.0]),
                sign,
            ],
            [
                Expect("unchecked", SUBMISSION, None, "unchecked"),
                Expect("score", SUBMISSION, '"accuracy"'),
            ],
        )
        for value in (0.65, 0.1)
    },
    "other data, more right than read": (
        [
            put("run.data", "hub-0123456789ab"),
            rows(lambda r: bool(r["question"] == "adds"), response="Hm."),
            put("score.unparseable_rate", round((72 + UNREAD_REPRESENTED) / 144, 6)),
            sign,
        ],
        [
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            Expect("score", SUBMISSION, '"accuracy"'),
            Expect("score", SUBMISSION, '"adds_accuracy"'),
        ],
    ),
    "an earlier version of the task": (
        [put("run.version", "0"), rows(lambda r: True, prompt_hash="0" * 12), sign],
        [Expect("unchecked", SUBMISSION, None, "unchecked")],
    ),
    "an earlier version of the task, another image": (
        [put("run.version", "0"), rows(of_tweet, image_sha256=IMAGE), sign],
        [
            Expect("unchecked", SUBMISSION, None, "unchecked"),
            *(response(n, "image-hash") for n in range(1, 7)),
        ],
    ),
    **{
        f"version {version} of the task": (
            [put("run.version", version), sign],
            [
                Expect("version", SUBMISSION, '"version"'),
                Expect("unchecked", SUBMISSION, None, "unchecked"),
            ],
        )
        for version in ("2", "10", None, "01", "1.0", "-1", "one", "9" * 200)
    },
}


@pytest.mark.parametrize("samples", [1, 2, 10])
@pytest.mark.parametrize(("right", "unread"), [(0.0, 0.0), (0.1, 0.5), (0.6, 0.02), (1.0, 0.0)])
@pytest.mark.parametrize("number", [0, 1])
def test_true_figures_fit_each_other(
    number: int, right: float, unread: float, samples: int, tmp_path: Path
) -> None:
    made = make(number, right=right, unread=unread, samples=samples, version="0")
    found = check(write(tmp_path, *made), trial=True)
    assert found.entry is not None and found.entry.badge is Badge.REPORTED, found.findings
    assert {f.code for f in found.findings} <= {"unchecked", "too-good"}


SHA = b"0" * 64
CHECKSUMS = {
    "wrong": ([whole(SUMS, SHA + b"  responses.jsonl\n" + SHA + b"  submission.json\n")], 2),
    "one missing": ([whole(SUMS, SHA + b"  responses.jsonl\n")], 1),
    "one too many": (
        [lambda d: d.exchanged.append((SUMS, lambda c: c + SHA + b"  /etc/passwd\n"))],
        1,
    ),
    "one twice": ([lambda d: d.exchanged.append((SUMS, lambda c: c + c))], 1),
    "empty": ([whole(SUMS, b"")], 1),
    "no line break": ([lambda d: d.exchanged.append((SUMS, lambda c: c[:-1]))], 1),
    "capitals": ([lambda d: d.exchanged.append((SUMS, lambda c: c[:64].upper() + c[64:]))], 1),
    "one blank": ([lambda d: d.exchanged.append((SUMS, lambda c: c.replace(b"  ", b" ")))], 1),
    "carriage return": (
        [lambda d: d.exchanged.append((SUMS, lambda c: c.replace(b"\n", b"\r\n", 1)))],
        1,
    ),
    "no ASCII": ([lambda d: d.exchanged.append((SUMS, lambda c: b"\xff" + c))], 1),
    "another order": (
        [lambda d: d.exchanged.append((SUMS, lambda c: b"\n".join(c.split(b"\n")[1::-1]) + b"\n"))],
        1,
    ),
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(*row_, id=f"{kind}: {name}".replace(" ", "-"))
        for kind, table in (("metadata", METADATA), ("lines", LINES), ("claims", CLAIMS))
        for name, row_ in table.items()
    ],
)
def test_attack(changes: list[Change], expected: list[Expect], tmp_path: Path) -> None:
    checked(tmp_path, put_down(tmp_path, spoilt(*changes)), expected)


@pytest.mark.parametrize(("changes", "count"), CHECKSUMS.values(), ids=CHECKSUMS)
def test_checksums(changes: list[Change], count: int, tmp_path: Path) -> None:
    expected = [Expect("checksums", SUMS)]
    if count == 2:
        expected = [Expect("checksum", SUBMISSION), Expect("checksum", RESPONSES)]
    checked(tmp_path, put_down(tmp_path, spoilt(*changes)), expected)


def test_good_submission_is_recomputed(tmp_path: Path) -> None:
    collected = checked(tmp_path, put_down(tmp_path, spoilt()), [])
    entry = collected.entries[0]
    assert entry.badge is Badge.RECOMPUTED and entry.kind == "demo" and entry.unchecked == ()
    assert entry.score is not None
    assert ClaimedScore.of(entry.score) == good()[0].score


def test_demo_is_refused_without_trial(tmp_path: Path) -> None:
    expected = [Expect("task", SUBMISSION, '"task"'), Expect("placeholder", SUBMISSION, '"data"')]
    checked(tmp_path, put_down(tmp_path, spoilt()), expected, trial=False)


FIGURES = [name for name in ClaimedScore.model_fields if name not in ("tweets", "samples")]


@pytest.mark.parametrize("name", FIGURES)
def test_figure_off_by_a_millionth(name: str, tmp_path: Path) -> None:
    value = getattr(good()[0].score, name)
    off = [value[0], round(value[1] + 1e-6, 6)] if name == "interval" else round(value + 1e-6, 6)
    draft = spoilt(put(f"score.{name}", off))
    checked(tmp_path, put_down(tmp_path, draft), [Expect("score", SUBMISSION, f'"{name}"')])


@pytest.mark.parametrize("name", ["accuracy_sd", "interval"])
def test_figure_left_out(name: str, tmp_path: Path) -> None:
    draft = spoilt(put(f"score.{name}", None))
    checked(tmp_path, put_down(tmp_path, draft), [Expect("score", SUBMISSION, f'"{name}"')])


def test_changed_answer_changes_figures(tmp_path: Path) -> None:
    draft = spoilt()
    number = next(n for n, one in enumerate(draft.rows, 1) if one["response"].startswith("Yes"))
    folder = put_down(tmp_path, spoilt(row(number, response="No")))
    found = collect(folder, trial=True).all_findings
    names = {f.message.split(":")[0] for f in found}
    assert {f.code for f in found} == {"score"}
    assert "score.adds_accuracy" in names or "score.represented_accuracy" in names


@pytest.mark.parametrize(("source", "accepted"), [("itr-bench run", True), ("lmms-eval", False)])
def test_the_word_none(source: str, accepted: bool, tmp_path: Path) -> None:
    """A run folder holds no failed request, so the model itself said it: unread, not failed."""
    submission, found = good()
    number = next(n for n, one in enumerate(found) if one.response == "Hm.")
    found = [*found]
    found[number] = replace(found[number], response="None")
    run = submission.run.model_copy(update={"source": source})
    folder = write(tmp_path, submission.model_copy(update={"run": run}), found)
    collected = collect(folder, trial=True)
    assert [f.code for f in collected.all_findings] == ([] if accepted else ["failed", "score"])
    if not accepted:
        order = sorted(found, key=layout.place)
        assert collected.all_findings[0].line == 1 + order.index(found[number])


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("response", response(1, "quotation")),
        ("reason", Expect("quotation", SUBMISSION, '"reason"')),
        ("model.remark", Expect("quotation", SUBMISSION, '"remark"')),
        ("run.command", Expect("quotation", SUBMISSION, '"command"')),
        ("model.name", Expect("quotation", SUBMISSION, '"name": "it says')),
        ("model.submitter.name", Expect("quotation", SUBMISSION, '"name": "it says')),
        ("model.licence", Expect("quotation", SUBMISSION, '"licence"')),
        ("run.precision", Expect("quotation", SUBMISSION, '"precision"')),
        ("run.generation.order", Expect("quotation", SUBMISSION, '"order"')),
        ("run.generation.deep", Expect("quotation", SUBMISSION, "it says")),
        ("run.generation.[key]", Expect("quotation", SUBMISSION, "it says")),
    ],
)
def test_quotation_of_a_tweet(
    place: str, expected: Expect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = open_reference("itr_demo_lv")
    texts = {**reference.texts, TWEET: (EIGHT, EIGHT)}
    changed = replace(reference, texts=texts)
    monkeypatch.setattr("itr_bench.leaderboard.validate.open_reference", lambda _: changed)
    quoting = f"it says “{EIGHT.upper()}”"
    if place == "response":
        text = spoilt().rows[0]["response"]
        change = row(1, response=f"{text}\n\nEXPLANATION: {quoting}")
    elif place.endswith("deep"):
        change = put(place, [1, {"x": [quoting]}])
    elif place.endswith("[key]"):
        change = put(f"run.generation.{quoting}", 1)
    else:
        change = put(place, quoting)
    folder = put_down(tmp_path, spoilt(change, sign))
    found = [
        f
        for f in collect(folder, trial=True).all_findings
        if f.code != "score"  # a long response may be read otherwise
    ]
    assert [(f.severity.value, f.code, Path(f.path).name, f.line) for f in found] == [
        expected.resolved(folder)
    ]
    assert EIGHT not in as_text(found) and EIGHT.upper() not in as_text(found)


def test_quotation_where_the_data_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures cannot be recomputed; what may not be published is looked for all the same."""
    reference = open_reference("itr_demo_lv")
    changed = replace(reference, texts={**reference.texts, TWEET: (EIGHT, EIGHT)})
    monkeypatch.setattr("itr_bench.leaderboard.validate.open_reference", lambda _: changed)
    text = f"{spoilt().rows[0]['response']} {EIGHT}"
    draft = spoilt(put("run.data", "hub-0123456789ab"), put("reason", EIGHT), sign)
    draft.rows[0]["response"] = text
    found = collect(put_down(tmp_path, draft), trial=True).all_findings
    quoted = [Path(f.path).name for f in found if f.code == "quotation"]
    assert sorted(quoted) == [RESPONSES, SUBMISSION]


def test_what_an_older_parser_read_is_read_again(tmp_path: Path) -> None:
    older = put_down(
        tmp_path, spoilt(put("run.parser", "yes-no.1.en"), sign, put("score.unparseable_rate", 0.5))
    )
    found = collect(older, trial=True)
    (finding,) = found.all_findings
    assert (finding.severity, finding.code) == (Severity.UNCHECKED, "unchecked")
    assert finding.message == (
        "The figures as submitted, which yes-no.1.en read; those here are of yes-no.2.en, which "
        "has read the same responses again."
    )
    (entry,) = found.entries
    assert entry.score is not None
    assert entry.score.unparseable_rate != 0.5


@pytest.mark.parametrize(
    "named", ["yes-no.9.en", "yes-no.0.en", "yes-no.x.en", "yes-no.2", "both.1.en"]
)
def test_a_parser_that_never_was_is_refused(named: str, tmp_path: Path) -> None:
    folder = put_down(tmp_path, spoilt(put("run.parser", named), sign))
    (finding,) = collect(folder, trial=True).all_findings
    assert finding.message == (
        f"{named}, this version of itr-bench reads itr_demo_lv with yes-no.2.en"
    )


@pytest.fixture(autouse=True)
def version_0_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there had been a version 0 of the tasks: an earlier one than that of today."""
    monkeypatch.setattr(claims, "FIRST_VERSION", 0)


@pytest.mark.parametrize(
    ("changes", "current"),
    [
        ([], True),
        ([put("run.version", "0"), sign], False),
        ([put("run.data", "hub-0123456789ab"), sign], False),
    ],
)
def test_current(changes: list[Change], current: bool, tmp_path: Path) -> None:
    """Only what is on the task as it is here is recomputed."""
    put_down(tmp_path, spoilt(*changes))
    (entry,) = collect(tmp_path, trial=True).entries
    assert entry.current is current
    assert entry.badge is (Badge.RECOMPUTED if current else Badge.REPORTED)
    assert (entry.score is None, entry.predictions is None) == (not current, not current)


HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "a|b`c`d*e_f[g](javascript:x)",
    "@someone #1 &lt;b&gt; {{ 7*7 }} ]]>",
    "${jndi:ldap://x} %s %n \\u202e",
    "عربي עברית Ω 𝔘 👩‍👩‍👧",
    "x" * 200,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_but_honest_text_is_taken_and_never_rendered(text: str, tmp_path: Path) -> None:
    changes = [put("model.name", text), put("model.organisation", text), put("reason", text)]
    changes += [put("model.submitter.name", text), put("run.libraries", {text: text})]
    changes += [put("model.paper", "https://a.b/?onload=x&#$!*")]
    folder = put_down(tmp_path, spoilt(*changes, sign))
    collected = checked(tmp_path, folder, [])
    assert "<" not in re.sub("`[^`]*`", "", comment(collected, collected.entries))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_findings_is_never_rendered(text: str, tmp_path: Path) -> None:
    changes = [put("run.task", text), put("run.parser", text), put("run.data", text)]
    changes += [put("run.signature", text)]
    folder = put_down(tmp_path, spoilt(*changes))
    codes = ["data", "path", "signature", "task"]
    collected = collect(folder, trial=True)
    assert sorted(f.code for f in collected.all_findings) == codes
    harmless(collected)
    done = CliRunner().invoke(cli, ["validate", "--trial", "--json", str(folder)])
    assert done.exit_code == 1
    assert len(json.loads(done.output)["findings"]) == 4


@pytest.mark.parametrize(
    "text", ["\u202e\u0007\x1b[31m", "\ud800", "\u2028\u2029\x85", "\U000e0041"]
)
def test_findings_show_no_hidden_character(text: str) -> None:
    finding = Finding(Severity.ERROR, "x", f"a{text}b", 3, f"c{text}d\ne|`f")
    for shown in (as_text([finding]), as_markdown([finding])):
        assert not HIDDEN.search(shown)
        assert all(char not in shown for char in text if char not in "[31m")
    assert json.loads(json.dumps([finding.message])) == [finding.message]
    assert as_markdown([finding]).count("\n") == 3


# How files lie


def link_to_file(folder: Path) -> None:
    secret = folder.parents[3] / "secret"
    secret.write_bytes((folder / RESPONSES).read_bytes())
    (folder / RESPONSES).unlink()
    (folder / RESPONSES).symlink_to(secret)


def link_to_itself(folder: Path) -> None:
    (folder / RESPONSES).unlink()
    (folder / RESPONSES).symlink_to(RESPONSES)


def link_to_passwd(folder: Path) -> None:
    (folder / SUMS).unlink()
    (folder / SUMS).symlink_to("/etc/passwd")


def fifo(folder: Path) -> None:
    (folder / RESPONSES).unlink()
    os.mkfifo(folder / RESPONSES)


def unix_socket(folder: Path) -> None:
    (folder / RESPONSES).unlink()
    before = Path.cwd()
    os.chdir(folder)  # the name of a socket may be 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(RESPONSES)
    finally:
        os.chdir(before)


def folder_as_file(folder: Path) -> None:
    (folder / RESPONSES).unlink()
    (folder / RESPONSES).mkdir()


def sparse(folder: Path) -> None:
    os.truncate(folder / RESPONSES, 2**40)


def just_too_large(folder: Path) -> None:
    with (folder / SUBMISSION).open("ab") as file:
        file.write(b" " * files.LARGEST[SUBMISSION])


UNREADABLE = Expect("unreadable", RESPONSES)
LINK = Expect("link", RESPONSES)
LYING: dict[str, tuple[Callable[[Path], Any], list[Expect]]] = {
    "link to a file": (link_to_file, [LINK, UNREADABLE]),
    "link to itself": (link_to_itself, [LINK, UNREADABLE]),
    "link to /etc/passwd": (link_to_passwd, [Expect("link", SUMS), Expect("unreadable", SUMS)]),
    "link more": (
        lambda folder: (folder / "more").symlink_to("/etc"),
        [Expect("link", "more"), Expect("unexpected-file", "more")],
    ),
    "FIFO": (fifo, [UNREADABLE]),
    "socket": (unix_socket, [UNREADABLE]),
    "folder in the place of a file": (folder_as_file, [UNREADABLE, Expect("depth", RESPONSES)]),
    "a tebibyte of nothing": (sparse, [UNREADABLE]),
    "a byte too large": (just_too_large, [Expect("unreadable", SUBMISSION)]),
    "no metadata": (
        lambda folder: (folder / SUBMISSION).unlink(),
        [Expect("missing-file", SUBMISSION)],
    ),
    "no responses": (
        lambda folder: (folder / RESPONSES).unlink(),
        [Expect("missing-file", RESPONSES)],
    ),
    "no sums": (lambda folder: (folder / SUMS).unlink(), [Expect("missing-file", SUMS)]),
    "a picture": (
        lambda folder: (folder / "a.png").write_bytes(b"x"),
        [Expect("unexpected-file", "a.png")],
    ),
    "an archive": (
        lambda folder: (folder / "responses.jsonl.gz").write_bytes(b"\x1f\x8b"),
        [Expect("unexpected-file", "responses.jsonl.gz")],
    ),
    "hidden file": (
        lambda folder: (folder / ".x").write_bytes(b""),
        [Expect("unexpected-file", ".x")],
    ),
    "read-me": (
        lambda folder: (folder / "README.md").write_bytes(b""),
        [Expect("unexpected-file", "README.md")],
    ),
    "same but for case": (
        lambda folder: (folder / "Responses.jsonl").write_bytes(b""),
        [
            Expect("unexpected-file", "Responses.jsonl"),
            Expect("same-but-for-case", RESPONSES),
        ],
    ),
    "folder below": (
        lambda folder: (folder / "x").mkdir(),
        [Expect("unexpected-file", "x"), Expect("depth", "x")],
    ),
}


@pytest.mark.parametrize(("change", "expected"), LYING.values(), ids=LYING)
def test_files_that_lie_wrong(
    change: Callable[[Path], Any], expected: list[Expect], tmp_path: Path
) -> None:
    root = tmp_path / "submissions"
    folder = put_down(root, spoilt())
    change(folder)
    refused = bool(expected)
    name = files.shown(folder)
    for path in (root, folder):
        collected = collect(path, trial=True)
        found = by_place(told(collected, name))
        wanted = by_place([one.resolved(folder) for one in expected])
        if path == folder:  # a folder below might be a submission of its own: it is not
            wanted = [one for one in wanted if one[1] != "depth"]
            found = [one for one in found if one[1] != "depth"]
        assert found == wanted, collected.all_findings
        assert bool(collected.entries) is not refused
        harmless(collected)
    done = CliRunner().invoke(cli, ["validate", "--trial", str(folder)])
    assert done.exit_code == int(refused), done.output


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """The names of files and folders in bytes that are no UTF-8, and with marks of direction."""
    folder = put_down(tmp_path, spoilt())
    os.close(os.open(os.fsencode(folder) + b"/\xff\xfe", os.O_CREAT))
    put_down(tmp_path, spoilt(), "a\u202eb/\x1b[2J/`x`|<b>")
    collected = checked(tmp_path, folder, [Expect("unexpected-file", "\\udcff\\udcfe")])
    assert collected.refused == [files.shown(folder), "a\\u202eb/\\u001b[2J/`x`|<b>"][::-1]
    done = CliRunner().invoke(cli, ["validate", "--trial", str(tmp_path)])
    assert done.exit_code == 1 and not HIDDEN.search(done.output)
    assert "a\\u202eb/\\u001b[2J/`x`|<b>: refused, 1 error\n" in done.output


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    folder = write(elsewhere, *good())
    write(root, *good(1))
    links = {
        "etc": Path("/etc"),
        "loop": root,
        "made-up__model-0": elsewhere / "made-up__model-0",
        "made-up__model-1/x": folder.parent,
        "broken": Path("nowhere"),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    collected = collect(root, trial=True)
    assert len(collected.checked) == 1 and collected.entries == []  # a link lies beside its state
    assert {(f.code, f.path) for f in collected.all_findings} == {("link", n) for n in links}
    assert not collected.accepted


@pytest.mark.parametrize("depth", ["", "x/", "x/y/", "x/y/z/", "x/y/z/u/v/w/"])
def test_depth_of_folders(depth: str, tmp_path: Path) -> None:
    """The same submission once more at a wrong depth is no second entry."""
    write(tmp_path, *good())
    inner = layout.relative_folder(good()[0])
    cut = "/".join(inner.parts[1:]) if not depth else f"{depth}{inner}"
    put_down(tmp_path, spoilt(), cut)
    collected = collect(tmp_path, trial=True)
    assert [entry.path for entry in collected.entries] == [str(inner)]
    assert {f.code for f in collected.all_findings} == (
        {"depth"} if depth else {"path", "identical"}
    )
    assert not collected.accepted


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_path_may_be_any_of_the_folders(part: int, tmp_path: Path) -> None:
    folder = write(tmp_path, *good())
    path = tmp_path.joinpath(*layout.relative_folder(good()[0]).parts[:part])
    collected = collect(path, trial=True)
    assert collected.accepted and [e.path for e in collected.entries] == [files.shown(folder)]


def test_folders_that_differ_in_case_alone(tmp_path: Path) -> None:
    write(tmp_path, *good())
    write(tmp_path, *make(2, model=card(2, id="Made-Up/Model-0")))
    collected = collect(tmp_path, trial=True)
    assert [(f.code, f.path) for f in collected.all_findings] == [
        ("same-but-for-case", "made-up__model-0")
    ]
    assert not collected.accepted


def test_what_lies_beside_the_submissions(tmp_path: Path) -> None:
    write(tmp_path, *good())
    (tmp_path / "README.md").write_text("x")
    (tmp_path / ".gitkeep").write_text("")
    assert collect(tmp_path, trial=True).accepted
    (tmp_path / "more.txt").write_text("x")
    assert not collect(tmp_path, trial=True).accepted


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 20)
    folder = write(tmp_path, *good())
    for number in range(20):
        (tmp_path / f"x{number}").mkdir()
    collected = collect(tmp_path, trial=True)
    assert [(f.code, f.path) for f in collected.findings] == [("too-many-files", ".")]
    assert not collected.accepted and collect(folder, trial=True).accepted


def test_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *good())
    shut = tmp_path / "shut"
    shut.mkdir()
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if Path(path) == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    collected = collect(tmp_path, trial=True)
    assert [(f.code, f.path) for f in collected.all_findings] == [("unreadable", "shut")]
    assert len(collected.entries) == 1


@pytest.mark.parametrize("path", ["nothing", "file"])
def test_path_that_is_no_folder(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="expected a folder of submissions"):
        collect(tmp_path / path)


def test_comment_that_cannot_be_written(tmp_path: Path) -> None:
    folder = write(tmp_path, *good())
    arguments = ["validate", "--trial", str(folder), "--comment", str(tmp_path / "no" / "x.md")]
    done = CliRunner().invoke(cli, arguments)
    assert isinstance(done.exception, ItrBenchError)
    assert "cannot write" in str(done.exception)


def test_empty_folder_is_not_accepted(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["validate", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output.startswith("no submission there")


# Many findings, many submissions


def test_findings_of_a_kind_are_counted(tmp_path: Path) -> None:
    submission, found = make(0, samples=10)
    spoilt_lines = [replace(one, seed=1, image_sha256=IMAGE) for one in found]
    folder = write(tmp_path, submission, spoilt_lines * 1)
    codes = [f.code for f in check(folder, trial=True).findings]
    assert codes.count("seed") == 480 and codes.count("image-hash") == 480
    shown = fewer(check(folder, trial=True).findings)
    assert [f.message for f in shown if f.line is None] == ["and 475 more like it"] * 2

    facts = spoilt(put("run.libraries", {f" {n}": 1 for n in range(2 * MOST_KEPT)}))
    (folder / SUBMISSION).write_bytes(facts.contents()[SUBMISSION])
    many = [f for f in check(folder, trial=True).findings if f.code == "schema"]
    assert len(many) == MOST_KEPT + 1
    assert many[-1].message == f"and {3 * MOST_KEPT} more like it"
    assert len({f.line for f in many[:-1]}) == MOST_KEPT // 2


def test_messages_are_not_endless(tmp_path: Path) -> None:
    folder = put_down(tmp_path, spoilt(put("run." + "x" * 200_000, 1)))
    (one,) = collect(folder, trial=True).all_findings
    assert one.code == "schema" and len(one.message) <= 2000


def test_comment_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "FEW", 1000)  # starting processes takes longer
    for number in range(300):
        (tmp_path / f"x{number}").mkdir()
        (tmp_path / f"x{number}" / ("y" * 200)).write_text("")
    worded = comment(collect(tmp_path, trial=True), [])
    assert LONGEST - 1000 < len(worded) < LONGEST + 100
    assert worded.splitlines()[-1].endswith("lines more: see `itr-bench validate`.")


def test_bad_ones_stop_no_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One good submission among one of each attack."""
    monkeypatch.setattr(collecting, "FEW", 1000)
    attacks = [*METADATA.values(), *LINES.values(), *CLAIMS.values()]
    for number, (changes, _) in enumerate(attacks):
        put_down(tmp_path, spoilt(*changes), f"x{number}/state/itr_demo_lv")
    kept = write(tmp_path, *good(1))
    collected = collect(tmp_path, trial=True)
    assert [entry.path for entry in collected.entries] == [files.shown(kept)]
    assert len(collected.refused) == len(attacks)
    assert not [f for f in collected.all_findings if f.code == "internal"]
    done = CliRunner().invoke(cli, ["validate", "--trial", "--json", str(tmp_path)])
    assert done.exit_code == 1
    facts = json.loads(done.stdout)
    assert not facts["accepted"]
    assert [one["path"] for one in facts["submissions"] if one["accepted"]] == [files.shown(kept)]
    assert len(facts["findings"]) == len(collected.all_findings)


def test_what_nobody_foresaw_refuses_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, broken = write(tmp_path, *good()), write(tmp_path, *good(1))

    def failing(folder: Path, *, trial: bool) -> Any:
        if folder == broken:
            raise RuntimeError("never seen")
        return check(folder, trial=trial)

    monkeypatch.setattr(collecting, "check", failing)
    collected = collect(tmp_path, trial=True)
    assert [entry.path for entry in collected.entries] == [files.shown(kept)]
    assert [f.code for f in collected.all_findings] == ["internal"]


def test_too_good(tmp_path: Path) -> None:
    collected = collect(write(tmp_path, *good(3, right=1.0, unread=0.0)), trial=True)
    (one,) = collected.all_findings
    assert (one.severity, one.code, one.line) == (Severity.LOOK, "too-good", None)
    assert "accuracy 100.0 %" in one.message
    assert collected.accepted


# Copies


def copied(number: int) -> tuple[Submission, list[Response]]:
    """The responses of the good submission under the name of another model."""
    submission, found = good()
    return submission.model_copy(update={"model": card(number)}), found


def test_copy_of_another_model(tmp_path: Path) -> None:
    write(tmp_path, *good())
    copy_ = write(tmp_path, *copied(5))
    collected = collect(tmp_path, trial=True)
    assert collected.entries == [] and len(collected.refused) == 2
    found = [(f.severity, f.code, Path(f.path).name) for f in collected.all_findings]
    assert found == [(Severity.ERROR, "identical", RESPONSES)] * 2
    assert files.shown(copy_) in collected.all_findings[0].message


def test_copy_of_what_is_there_already(tmp_path: Path) -> None:
    """In a pull request only the new one is checked, and only it is refused."""
    there, new = tmp_path / "there", tmp_path / "new"
    write(there, *good())
    write(new, *copied(5))
    arguments = ["validate", "--trial", str(new)]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    done = CliRunner().invoke(cli, [*arguments, "--against", str(there)])
    assert done.exit_code == 1
    assert done.output.count("(identical)") == 1
    done = CliRunner().invoke(cli, ["validate", "--trial", str(there), "--against", str(there)])
    assert done.exit_code == 0, done.output


def test_refused_copy_takes_nothing_with_it(tmp_path: Path) -> None:
    kept = write(tmp_path, *good())
    copy_ = write(tmp_path, *copied(5))
    (copy_ / "more").write_text("x")
    collected = collect(tmp_path, trial=True)
    assert [entry.path for entry in collected.entries] == [files.shown(kept)]
    assert sorted(f.code for f in collected.all_findings) == ["identical", "unexpected-file"]
    assert {f.path.split("/")[0] for f in collected.all_findings} == {"made-up__model-5"}


def test_other_state_of_a_model_is_no_copy(tmp_path: Path) -> None:
    submission, found = good()
    write(tmp_path, submission, found)
    again = submission.model.model_copy(update={"revision": "1" * 40})
    write(tmp_path, submission.model_copy(update={"model": again}), found)
    assert collect(tmp_path, trial=True).accepted


def with_card(
    base: tuple[Submission, list[Response]], day: str = "2026-01-31", **changes: Any
) -> tuple[Submission, list[Response]]:
    """A submission under a changed card, of another day."""
    model = base[0].model.model_copy(update=changes)
    return base[0].model_copy(update={"model": model, "submitted": day}), base[1]


def found_in(collected: Collected) -> list[tuple[str, str, str]]:
    return [
        (f.severity.value, f.code, "/".join(f.path.split("/")[::3])) for f in collected.findings
    ] + [
        (f.severity.value, f.code, f.path.split("/")[0])
        for one in collected.checked
        for f in one.findings
    ]


def test_the_first_of_two_copies_stays_whatever_their_dates(tmp_path: Path) -> None:
    root = tmp_path / "submissions"
    submission, found = copied(5)
    write(root, submission.model_copy(update={"submitted": "2026-02-28"}), found)
    commit(tmp_path)
    write(root, *good())
    collected = collect(root, trial=True)
    assert [one.arrived for one in collected.checked] == [None, 1]  # what is not committed is last
    commit(tmp_path)
    collected = collect(root, trial=True)
    assert [one.arrived for one in collected.checked] == [2, 1]
    assert found_in(collected) == [
        ("error", "identical", "made-up__model-0"),
        ("look", "identical", "made-up__model-5"),
    ]
    assert [entry.submission.model.id for entry in collected.entries] == ["made-up/model-5"]
    assert collected.checked[1].findings[0].message.endswith("another model, which came later")


def without_image(number: int, **options: Any) -> tuple[Submission, list[Response]]:
    return make(number, "itr_demo_lv~no-image", **options)


def test_a_result_without_the_image_is_recomputed(tmp_path: Path) -> None:
    submission, found = without_image(0)
    place = write(tmp_path, submission, found)
    assert place.name == "itr_demo_lv~no-image"
    write(tmp_path, *good())
    collected = collect(tmp_path, trial=True)
    assert collected.all_findings == []
    sighted, blind = collected.entries
    assert (sighted.without_image, blind.without_image) == (False, True)
    assert sighted.pair == blind.pair
    assert blind.badge is Badge.RECOMPUTED and blind.score is not None
    assert ClaimedScore.of(blind.score) == submission.score


@pytest.mark.parametrize("rest", ["", "_explained", "~no-image", "~no-image_explained"])
def test_a_result_of_a_system_is_of_the_leaderboard(rest: str, tmp_path: Path) -> None:
    place = f"{layout.relative_folder(good()[0]).parent}/ltec_itr_en_mt@x{rest}"
    put_down(tmp_path, spoilt(put("run.task", f"ltec_itr_en_mt@x{rest}"), sign), place)
    codes = {finding.code for finding in collect(tmp_path, trial=True).all_findings}
    assert codes == {"tweets", "unchecked"} | ({"image-hash"} if "~" in rest else set())


def blind_copy(submission: Submission, found: list[Response]) -> tuple[Submission, list[Response]]:
    """The very responses of a result with the image, called without."""
    blind = [replace(one, image_sha256="none") for one in found]
    seeds = submission.run.seeds
    return describe(submission.model, "itr_demo_lv~no-image", blind, seeds), blind


@pytest.mark.parametrize(
    ("texts", "looks"), [({}, 2), ({"text": "Yes."}, 0)], ids=["several texts", "one text"]
)
def test_one_run_that_stands_for_both_is_looked_at(
    texts: dict[str, str], looks: int, tmp_path: Path
) -> None:
    """A model that does not look may answer the same without the image: nothing is refused."""
    submission, found = good()
    if texts:
        found = [replace(one, response=texts["text"]) for one in found]
        submission = describe(submission.model, "itr_demo_lv", found, submission.run.seeds)
    write(tmp_path, submission, found)
    write(tmp_path, *blind_copy(submission, found))
    collected = collect(tmp_path, trial=True)
    assert found_in(collected) == [("look", "identical", "made-up__model-0")] * looks
    assert collected.accepted and len(collected.entries) == 2
    said = [finding.message.rpartition(", which is ")[2] for finding in collected.all_findings]
    both = ["the same model without the image", "the same model with the image"]
    assert said == both[:looks]


def test_near_copies_with_and_without_the_image(tmp_path: Path) -> None:
    """No copy of another model hides behind that of its own."""
    write(tmp_path, *wordy(0, 0, 0))
    submission, found = wordy(0, 0, 0)
    found[0] = replace(found[0], response="Yes, another word.")
    write(tmp_path, *blind_copy(submission, found))
    own = [("look", "nearly-identical", "made-up__model-0")]
    collected = collect(tmp_path, trial=True)
    assert found_in(collected) == own * 2 and collected.accepted
    write(tmp_path, *wordy(5, 0, 3))
    held = [("error", "nearly-identical", f"made-up__model-{number}") for number in (0, 0, 5)]
    assert sorted(found_in(collect(tmp_path, trial=True))) == sorted([*own * 2, *held])


def test_a_copy_hides_behind_no_missing_image(tmp_path: Path) -> None:
    write(tmp_path, *good())
    submission, found = copied(5)
    blind = [replace(one, image_sha256="none") for one in found]
    copy_of = describe(submission.model, "itr_demo_lv~no-image", blind, submission.run.seeds)
    write(tmp_path, copy_of, blind)
    assert ("error", "identical", "made-up__model-5") in found_in(collect(tmp_path, trial=True))


def test_an_accuracy_too_good_without_the_image_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, *without_image(0, right=1.0, unread=0.0))
    collected = collect(tmp_path, trial=True)
    assert found_in(collected) == [("look", "too-good", "made-up__model-0")]
    assert collected.accepted


def test_a_rerun_without_the_image_gives_its_badge(tmp_path: Path) -> None:
    for root in ("there", "reruns"):
        write(tmp_path / root, *without_image(0))
    write(tmp_path / "there", *good())
    reruns = collect(tmp_path / "reruns", trial=True).entries
    entries, findings = with_reruns(collect(tmp_path / "there", trial=True), reruns)
    assert findings == []
    assert [(one.without_image, one.badge) for one in entries] == [
        (False, Badge.RECOMPUTED),
        (True, Badge.RERUN),
    ]


def test_comment_compares_with_the_same_model_with_the_image(tmp_path: Path) -> None:
    write(tmp_path / "new", *without_image(0))
    write(tmp_path / "there", *without_image(1))
    new = collect(tmp_path / "new", trial=True)
    start = f"`{new.entries[0].path}` against the same model with the image: "
    said = comment(new, collect(tmp_path / "there", trial=True).entries)
    assert f"{start}no such result on the same tweets and prompts.\n" in said
    assert "the nearest" not in said
    write(tmp_path / "there", *good())
    there = collect(tmp_path / "there", trial=True).entries
    said = comment(new, there)
    compared = compare(new.entries[0].predictions, there[0].predictions)  # type: ignore[arg-type]
    assert (
        f"{start}accuracy {100 * compared.difference:+.1f} percentage points, 95 % interval "
        in said
    )
    tests = f"exact McNemar p = {compared.p_value:.3f}, t test p = {compared.mean_p_value:.3f}.\n"
    assert tests in said and "also differ" not in said
    run = there[0].submission.run.model_copy(update={"generation": {"temperature": 2.0}})
    hot = replace(there[0], submission=there[0].submission.model_copy(update={"run": run}))
    also = "The two runs also differ in: generation settings. The difference may come from that"
    assert f"{tests}{also} as well.\n" in comment(new, [hot])


@pytest.mark.parametrize("name", ["itr_demo_lv~foo", "itr_demo_lv@x", "itr_demo_lv~no-image@x"])
def test_a_folder_named_after_no_task_stops_no_other(name: str, tmp_path: Path) -> None:
    place = write(tmp_path / "there", *good())
    write(tmp_path / "there", *good(1))
    place.rename(place.with_name(name))
    collected = collect(tmp_path / "there", trial=True)
    assert found_in(collected) == [("error", "path", "made-up__model-0")]
    assert [entry.submission.model.id for entry in collected.entries] == ["made-up/model-1"]


def test_a_variant_hides_no_copy(tmp_path: Path) -> None:
    write(tmp_path / "there", *good())
    submission, found = copied(5)
    reference = open_reference("itr_demo_lv")
    asked = [
        replace(
            one,
            prompt_hash=reference.items[one.tweet_id, one.question].prompt_hashes["explained"],
        )
        for one in found
    ]
    seeds = submission.run.seeds
    variant = describe(submission.model, "itr_demo_lv_explained", asked, seeds)
    write(tmp_path / "new", variant, asked)
    there = collect(tmp_path / "there", trial=True)
    assert there.accepted
    assert collect(tmp_path / "new", trial=True).accepted
    collected = collect(tmp_path / "new", trial=True, others=there.checked)
    assert found_in(collected) == [("error", "identical", "made-up__model-5")]


def wordy(number: int, other: int, differing: int) -> tuple[Submission, list[Response]]:
    """Explanations of model *number*, but for the first *differing* of 144 those of *other*."""
    submission, found = make(number)
    said = [
        replace(one, response=f"Yes, word {number if place < differing else other}-{place}.")
        for place, one in enumerate(found)
    ]
    return describe(submission.model, "itr_demo_lv", said, submission.run.seeds), said


@pytest.mark.parametrize(("differing", "looks"), [(1, 2), (7, 2), (8, 0), (144, 0)])
def test_near_copies(differing: int, looks: int, tmp_path: Path) -> None:
    """137 of 144 are 95.1 %, 136 are 94.4 %."""
    write(tmp_path, *wordy(0, 0, 0))
    write(tmp_path, *wordy(5, 0, differing))
    collected = collect(tmp_path, trial=True)
    assert [(f.severity.value, f.code) for f in collected.all_findings] == [
        ("error", "nearly-identical")
    ] * looks
    assert collected.accepted is not bool(looks)
    if looks:
        (new,) = (one for one in collected.checked if one.folder.startswith("made-up__model-5"))
        share = f"{100 * (144 - differing) / 144:.1f} % of the responses are those of made-up__mod"
        assert share in new.findings[0].message


def test_a_near_copy_is_held_back_until_a_maintainer_has_looked(tmp_path: Path) -> None:
    root = tmp_path / "submissions"
    write(root, *wordy(0, 0, 0))
    commit(tmp_path)
    late = write(root, *wordy(5, 0, 1))
    commit(tmp_path)
    collected = collect(root, trial=True)
    assert [entry.submission.model.id for entry in collected.entries] == ["made-up/model-0"]
    (held,) = (f for f in collected.all_findings if f.severity is Severity.ERROR)
    assert held.path == f"{files.shown(late)}/{RESPONSES}"
    assert "Held back until a maintainer has looked" in held.message
    item = {"submission": files.shown(late), "why": "Another checkpoint of one family."}
    (tmp_path / "reviewed.yaml").write_text(json.dumps([item]))
    collected = collect(root, trial=True)
    assert len(collected.entries) == 2 and collected.accepted
    (tmp_path / "reviewed.yaml").write_text('[{"submission": 1}]')
    with pytest.raises(DataError, match=r"reviewed\.yaml is not as expected"):
        collect(root, trial=True)


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text, sample: text + " ",
        lambda text, sample: text + ".",
        lambda text, sample: text.swapcase(),
        lambda text, sample: f"**{text}**",
    ],
    ids=["blank", "full stop", "case", "bold"],
)
def test_a_copy_in_disguise_is_refused(disguise: Any, tmp_path: Path) -> None:
    write(tmp_path, *wordy(0, 0, 0))
    submission, found = wordy(5, 0, 0)
    said = [replace(one, response=disguise(one.response, one.sample)) for one in found]
    write(tmp_path, describe(submission.model, "itr_demo_lv", said, submission.run.seeds), said)
    codes = [(f.severity.value, f.code) for f in collect(tmp_path, trial=True).all_findings]
    assert ("error", "identical") in codes


def test_a_copy_with_rotated_samples_is_refused(tmp_path: Path) -> None:
    write(tmp_path, *wordy(0, 0, 0))
    submission, found = wordy(5, 0, 0)
    texts = {(one.tweet_id, one.question, one.sample): one.response for one in found}
    said = [
        replace(one, response=texts[one.tweet_id, one.question, (one.sample + 1) % 3])
        for one in found
    ]
    write(tmp_path, describe(submission.model, "itr_demo_lv", said, submission.run.seeds), said)
    assert {(f.severity.value, f.code) for f in collect(tmp_path, trial=True).all_findings} == {
        ("error", "identical")
    }


def test_the_same_answers_in_other_words_are_looked_at(tmp_path: Path) -> None:
    write(tmp_path, *wordy(0, 0, 0))
    submission, found = wordy(5, 0, 0)
    said = [
        replace(one, response=f"No, {i}." if one.question == "adds" else f"Yes, {i}.")
        for i, one in enumerate(found)
    ]
    worded = [replace(one, response=one.response.replace(",", ", thing")) for one in said]
    for number, own in ((3, said), (4, worded)):
        model = card(number)
        write(tmp_path, describe(model, "itr_demo_lv", own, submission.run.seeds), own)
    collected = collect(tmp_path, trial=True)
    assert collected.accepted
    assert found_in(collected) == []  # all alike to a question: any two such models agree
    some = [replace(one, response="Yes, so.") if i == 0 else one for i, one in enumerate(said)]
    more = [
        replace(one, response="Yes, as it is.") if i == 0 else one for i, one in enumerate(worded)
    ]
    for number, own in ((3, some), (4, more)):
        folder = write(
            tmp_path / "b", describe(card(number), "itr_demo_lv", own, [8263, 10652, 29960]), own
        )
        assert folder.is_dir()
    assert [f.code for f in collect(tmp_path / "b", trial=True).all_findings] == [
        "same-answers"
    ] * 2


def test_near_copies_with_fewer_samples_or_in_few_words(tmp_path: Path) -> None:
    submission, found = wordy(5, 0, 3)
    first = [one for one in found if one.sample == 0]
    seeds = (submission.run.seeds or [])[:1]
    write(tmp_path / "a", *wordy(0, 0, 0))
    write(tmp_path / "a", describe(submission.model, "itr_demo_lv", first, seeds), first)
    assert {f.code for f in collect(tmp_path / "a", trial=True).all_findings} == {
        "nearly-identical"
    }
    submission, found = copied(5)
    changed = [replace(found[0], response="Hm, hm."), *found[1:]]
    write(tmp_path / "b", *good())
    write(
        tmp_path / "b",
        describe(submission.model, "itr_demo_lv", changed, submission.run.seeds),
        changed,
    )
    assert collect(tmp_path / "b", trial=True).all_findings == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("saw_this_data", "yes"), ("parameters", None), ("licence", "X"), ("open_weights", True)],
)
def test_one_state_has_one_card(field: str, value: Any, tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "new"
    first = write(there, *good())
    assert getattr(good()[0].model, field) != value
    second = write(new, *with_card(good(0, task="itr_demo_en"), **{field: value}))
    others = collect(there, trial=True).checked
    collected = collect(new, trial=True, others=others)
    assert found_in(collected) == [("error", "card", "made-up__model-0")]
    (finding,) = collected.all_findings
    assert finding.path == f"{files.shown(second)}/{SUBMISSION}"
    assert f"in {files.shown(first)}/{SUBMISSION} it is" in finding.message
    assert f"model.{field} is {value!r}" in finding.message
    # Another state may differ, and what is replaced does not count.
    other = with_card(good(0, task="itr_demo_en"), revision="1" * 40, **{field: value})
    write(tmp_path / "other", *other)
    assert collect(tmp_path / "other", trial=True, others=others).all_findings == []
    write(tmp_path / "same", *with_card(good(), **{field: value}))
    assert collect(tmp_path / "same", trial=True, others=others).all_findings == []


def commit(root: Path) -> None:
    """Commit all that lies in *root*, a repository."""
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q", root], check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", root, "add", "-A"], check=True)
    subprocess.run(["git", "-C", root, *identity, "commit", "-qm", "some"], check=True)


@pytest.mark.parametrize(
    ("first", "severities"),
    [
        (None, ["error", "error"]),  # no history: neither stays
        ("itr_demo_lv", ["error", "look"]),
        ("itr_demo_en", ["look", "error"]),
    ],
)
def test_the_later_of_two_cards_is_refused(
    first: str | None, severities: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "submissions"
    made = {
        "itr_demo_en": with_card(good(0, task="itr_demo_en"), "2025-06-01", licence="X"),
        "itr_demo_lv": good(),
    }
    for task in sorted(made, key=lambda task: task != first):
        write(root, *made[task])
        if first is not None:
            commit(tmp_path)
    collected = collect(root, trial=True)
    assert [s for s, code, _ in found_in(collected) if code == "card"] == severities
    assert len(collected.entries) == severities.count("look")


@pytest.mark.parametrize("field", ["name", "organisation"])
def test_a_model_is_called_the_same(field: str, tmp_path: Path) -> None:
    write(tmp_path, *good())
    other = card(0, revision="1" * 40, licence="Y", **{field: "Other"})
    write(tmp_path, *make(2, model=other))
    write(tmp_path, *good(1))
    collected = collect(tmp_path, trial=True)
    assert found_in(collected) == [("look", "card", "made-up__model-0")] * 2
    assert any(f"model.{field} is 'Other'" in f.message for f in collected.all_findings)
    assert collected.accepted


def test_case_against_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "there", *good())
    write(tmp_path / "new", *make(2, model=card(2, id="Made-Up/Model-0")))
    write(tmp_path / "same", *good())
    others = collect(tmp_path / "there", trial=True).checked
    collected = collect(tmp_path / "new", trial=True, others=others)
    assert found_in(collected) == [("error", "same-but-for-case", "Made-Up__Model-0")]
    assert "differs from made-up__model-0, which is there" in collected.all_findings[0].message
    assert collected.entries == []
    assert collect(tmp_path / "same", trial=True, others=others).accepted


@pytest.mark.parametrize(
    ("day", "accepted"),
    [("2026-01-31", True), ("2026-02-01", True), ("2026-02-02", False), ("9999-12-31", False)],
)
def test_days_to_come(day: str, accepted: bool, tmp_path: Path) -> None:
    folder = write(tmp_path, *with_card(good(), day))
    collected = collect(folder, trial=True, today=datetime.date(2026, 1, 31))
    found = [(f.severity.value, f.code) for f in collected.all_findings]
    assert found == ([] if accepted else [("error", "submitted")])
    assert bool(collected.entries) is accepted
    assert collect(folder, trial=True).accepted is not day.startswith("9")
    done = CliRunner().invoke(cli, ["validate", "--trial", str(folder)])
    assert (done.exit_code, "(submitted)" in done.output) == (
        (1, True) if day.startswith("9") else (0, False)
    )


def test_models_of_two_words_may_agree(tmp_path: Path) -> None:
    for number in (0, 5):
        submission, found = make(number)
        says = [replace(one, response="Yes") for one in found]
        seeds = submission.run.seeds
        write(tmp_path, describe(submission.model, "itr_demo_lv", says, seeds), says)
    collected = collect(tmp_path, trial=True)
    assert [(f.severity, f.code) for f in collected.all_findings] == [
        (Severity.LOOK, "identical")
    ] * 2
    assert len(collected.entries) == 2


# Reruns


def rerun_of(number: int, **changes: Any) -> tuple[Submission, list[Response]]:
    """Another draw under the name of model 0."""
    return make(number, model=card(0), **changes)


@pytest.mark.parametrize(
    ("rerun", "badge", "message"),
    [
        (lambda: rerun_of(0), Badge.RERUN, None),
        (lambda: rerun_of(7, right=0.6), Badge.RERUN, None),
        (lambda: rerun_of(7, right=1.0, unread=0.0), Badge.RECOMPUTED, "accuracy differs by +"),
        (lambda: rerun_of(7, right=0.0), Badge.RECOMPUTED, "accuracy differs by -"),
        (lambda: make(9), Badge.RECOMPUTED, "a rerun of no submission here"),
        (
            lambda: make(0, "itr_demo_en", model=card(0)),
            Badge.RECOMPUTED,
            "a rerun of no submission here",
        ),
    ],
)
def test_reruns(rerun: Any, badge: Badge, message: str | None, tmp_path: Path) -> None:
    write(tmp_path / "all", *good())
    write(tmp_path / "reruns", *rerun())
    collected = collect(tmp_path / "all", trial=True)
    reruns = collect(tmp_path / "reruns", trial=True)
    assert reruns.accepted
    (entry,), findings = with_reruns(collected, reruns.entries)
    assert entry.badge is badge
    if message is None:
        assert findings == []
    else:
        (finding,) = findings
        assert (finding.severity, finding.code) == (Severity.LOOK, "rerun")
        assert message in finding.message


def changed_run(**changes: Any) -> Change:
    return lambda draft: draft.facts["run"].update(changes)


def test_rerun_in_other_words(tmp_path: Path) -> None:
    write(tmp_path / "all", *good())
    reference = open_reference("itr_demo_lv")
    draft = spoilt(sign)
    for one in draft.rows:
        expected = reference.items[one["tweet_id"], one["question"]]
        one["prompt_hash"] = expected.prompt_hashes["explained"]
    sign(draft)
    put_down(tmp_path / "reruns", draft)
    reruns = collect(tmp_path / "reruns", trial=True)
    assert reruns.accepted
    (entry,), (finding,) = with_reruns(collect(tmp_path / "all", trial=True), reruns.entries)
    assert entry.badge is Badge.RECOMPUTED
    assert "in other words" in finding.message


def test_rerun_of_what_could_not_be_scored(tmp_path: Path) -> None:
    draft = spoilt(put("run.data", "hub-0123456789ab"), sign)
    put_down(tmp_path, draft)
    collected = collect(tmp_path, trial=True)
    (entry,), (finding,) = with_reruns(collected, collected.entries)
    assert entry.badge is Badge.REPORTED and entry.score is None
    assert "could not be compared" in finding.message


# The comment


def test_comment_compares_what_can_be_compared(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "all", *make(number))
    put_down(tmp_path / "all", spoilt(put("run.version", "0"), sign, number=0), "x/y/itr_demo_lv")
    there = collect(tmp_path / "all", trial=True)
    write(tmp_path / "new", *make(8))
    worded = comment(collect(tmp_path / "new", trial=True), there.entries)
    assert "**1 submission checked: accepted.**" in worded
    assert worded.endswith("\n\nNo findings.\n")
    assert worded.count("| `Made-up ") == 5
    assert "Holm's method over these 4" in worded

    old = spoilt(put("run.version", "0"), sign)
    put_down(tmp_path / "old", old)
    worded = comment(collect(tmp_path / "old", trial=True), there.entries)
    assert "as claimed" in worded and "Holm" not in worded
    assert "no data here. As a rerun it leaves the badge *recomputed*." in worded
    worded = comment(there, [])
    assert "**5 submissions checked: not accepted yet.**" in worded
    assert worded.count("Nothing else on `itr_demo_lv`") == 4


@pytest.mark.parametrize(
    ("rerun", "said"),
    [
        (
            lambda: rerun_of(0),
            ": accuracy +0.0 percentage points, 95 % interval 0.0 to 0.0, ",
        ),
        (lambda: rerun_of(7), "which holds zero. As a rerun it gives the badge *rerun*."),
        (
            lambda: rerun_of(7, right=1.0, unread=0.0),
            "which does not hold zero. As a rerun it leaves the badge *recomputed*.",
        ),
        (lambda: make(9), ": no submission there that it could be a rerun of."),
    ],
)
def test_comment_on_reruns(rerun: Any, said: str, tmp_path: Path) -> None:
    write(tmp_path / "all", *good())
    write(tmp_path / "reruns", *rerun())
    file = tmp_path / "comment.md"
    arguments = ["validate", "--trial", str(tmp_path / "reruns"), "--comment", str(file)]
    for option in ("--rerun-of", "--against"):
        done = CliRunner().invoke(cli, [*arguments, option, str(tmp_path / "all")])
        assert done.exit_code == 0, done.output
        shown = option == "--rerun-of" or "no submission" not in said
        assert (said in file.read_text()) is shown
    done = CliRunner().invoke(cli, [*arguments, "--against", "/", "--rerun-of", "/"])
    assert done.exit_code == 2 and "give --against or --rerun-of" in done.output


# Places in JSON

TEXT = """{
  "model": {
    "name": "a \\"b\\": c",
    "submitter": {"name": "d"}
  },
  "a.b": [
    1,
    {"x": [2,
      3]}
  ], "score": {}
}
"""


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((), 1),
        (("model",), 2),
        (("model", "name"), 3),
        (("model", "submitter"), 4),
        (("model", "submitter", "name"), 4),
        (("model", "submitter", "github"), 4),
        (("model", "id"), 2),
        (("a.b",), 6),
        (("a.b", 0), 7),
        (("a.b", 1), 8),
        (("a.b", 1, "x", 1), 9),
        (("a.b", 5), 6),
        (("score", "tweets"), 10),
        (("name",), 1),
    ],
)
def test_places(place: tuple[str | int, ...], expected: int) -> None:
    places = read_places(TEXT)
    assert places.line(*place) == expected
    assert places.faults == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n"a": 2}', [(("a",), 2, "stands twice in one object")]),
        ('{"a": {"b": 1}, "b": [{"b": 1}, {"b": 1}]}', []),
        ('["a", "a"]', []),
        ("[1e308, 1e-999, -0, 12345678901234567890]", []),
        ("[NaN]", [((0,), 1, "NaN is no number that can be kept")]),
        ("-1e999", [((), 1, "-1e999 is no number that can be kept")]),
        ('["\\u200d\\u200c\\n\\t"]', []),
        ('["\\u00ad"]', [((0,), 1, "the character U+00AD, which cannot be shown")]),
        ("[" * 32 + "]" * 32, []),
        ("[" * 33 + "]" * 33, [((0,) * 32, 1, "nested deeper than 32 levels")]),
    ],
)
def test_faults(text: str, expected: list[tuple[Any, int, str]]) -> None:
    assert [(f.place, f.line, f.message) for f in read_places(text).faults] == expected


# The real set


@pytest.fixture
def ltec(placeholder_home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The 350 tweets of LTEC, with placeholder pictures."""
    monkeypatch.setenv("ITR_BENCH_HOME", str(placeholder_home))
    for kept in (documents._task_data, open_reference):
        kept.cache_clear()
    yield
    for kept in (documents._task_data, open_reference):
        kept.cache_clear()


def test_the_350_tweets(ltec: None, tmp_path: Path) -> None:
    submission, found = make(1, "ltec_itr_lv", samples=10)
    folder = write(tmp_path, submission, found)
    assert len(found) == 7000
    collected = collect(tmp_path, trial=True)
    (entry,) = collected.entries
    assert collected.all_findings == []
    assert entry.badge is Badge.RECOMPUTED and entry.kind == "placeholder"
    assert entry.score is not None and entry.score.tweets == 350
    assert round(entry.score.accuracy, 6) == submission.score.accuracy

    refused = collect(tmp_path)
    assert [(f.severity, f.code) for f in refused.all_findings] == [(Severity.ERROR, "placeholder")]
    assert CliRunner().invoke(cli, ["validate", str(folder)]).exit_code == 1


def test_placeholders_called_real(ltec: None, tmp_path: Path) -> None:
    real = open_reference("ltec_itr_lv").data.replace("placeholder-", "hub-")
    submission, found = make(1, "ltec_itr_lv", samples=1, data=real)
    collected = collect(write(tmp_path, submission, found))
    assert [f.code for f in collected.all_findings] == ["placeholder"]
    assert "that very data is placeholder-" in collected.all_findings[0].message


def test_task_without_data_here(tmp_path: Path) -> None:
    draft = spoilt(put("run.task", "tirt"), put("run.data", "local-0123456789ab"), sign)
    folder = put_down(tmp_path, draft, f"made-up__model-0/{card().revision}/tirt")
    collected = collect(folder)
    assert [(f.severity.value, f.code) for f in collected.all_findings] == [
        ("unchecked", "unchecked")
    ]
    (entry,) = collected.entries
    assert (entry.badge, entry.score, entry.predictions) == (Badge.REPORTED, None, None)


def test_number_of_tweets_is_known_without_data(tmp_path: Path) -> None:
    draft = spoilt(put("run.task", "ltec_itr_en_mt"), put("run.data", "local-0123456789ab"), sign)
    folder = put_down(tmp_path, draft, f"made-up__model-0/{card().revision}/ltec_itr_en_mt")
    found = [f for f in collect(folder).all_findings if f.severity is Severity.ERROR]
    assert [(f.code, f.message) for f in found] == [("tweets", "24 tweets, ltec_itr_en_mt has 350")]


# What failed once


def test_a_version_that_never_was_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "FIRST_VERSION", 1)
    found = collect(put_down(tmp_path, spoilt(put("run.version", "0"), sign)), trial=True)
    errors = [f for f in found.all_findings if f.severity is Severity.ERROR]
    assert [(f.code, "which never was" in f.message) for f in errors] == [("version", True)]


@pytest.mark.parametrize("day", ["0001-01-01", "2019-06-30", "2025-04-30"])
def test_a_day_before_the_benchmark_is_refused(day: str, tmp_path: Path) -> None:
    collected = collect(write(tmp_path, *with_card(good(), day)), trial=True)
    (finding,) = collected.all_findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "submitted")
    assert "before the benchmark" in finding.message and collected.entries == []


def test_build_leaves_out_what_validate_refuses(tmp_path: Path) -> None:
    """A day to come, a twin but for case, a link in the folder: by the same call."""
    root, out = tmp_path / "submissions", tmp_path / "site"
    write(root, *with_card(good(0), "2099-01-01"))
    linked = write(root, *good(1))
    (linked.parent / "link").symlink_to("/etc")
    twin = write(root, *good(2))
    twin.parents[1].rename(root / "Made-Up__Model-2")
    write(root, *good(2))
    write(root, *good(3))
    arguments = ["leaderboard", "build", "--trial", "--submissions", str(root), "--out", str(out)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "1 results" in done.output
    assert [path.name for path in (out / "models").glob("made-up*.html")] == [
        "made-up__model-3.html"
    ]
    refused = CliRunner().invoke(cli, ["validate", "--trial", str(root)])
    assert refused.exit_code == 1


def test_leftovers_of_a_killed_command_are_cleared_by_the_next(tmp_path: Path) -> None:
    folder = write(tmp_path, *good())
    killed = folder.with_name(f".{folder.name}.a1.tmp")
    running = folder.with_name(f".{folder.name}.b2.tmp")
    for left in (killed, running):
        (left / "new").mkdir(parents=True)
        (left / "new" / SUBMISSION).write_text("{")
        (left / "lock").touch()
    collected = collect(tmp_path, trial=True)
    assert collected.accepted and len(collected.entries) == 1
    assert [f.code for f in collected.all_findings] == ["leftover"] * 2
    with storage.Lock(running / "lock"):
        layout.write(folder, *good(), replace=True)
    assert not killed.exists() and running.exists()
    folder.rename(killed)  # killed between the two moves
    killed.rename(folder.with_name("x"))
    (killed / "new").mkdir(parents=True)
    (killed / "lock").touch()
    folder.with_name("x").rename(killed / "old")
    storage.clear_leftovers(folder)
    assert (folder / SUBMISSION).is_file() and not killed.exists()


def test_yaml_that_is_nested_too_deep_is_named(tmp_path: Path) -> None:
    for name in ("history.yaml", "published/deep.yaml"):
        root = tmp_path / name.replace("/", "-")
        (root / "submissions").mkdir(parents=True)
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("[" * 5000 + "]" * 5000)
        arguments = ["leaderboard", "build", "--submissions", str(root / "submissions")]
        done = CliRunner().invoke(cli, [*arguments, "--out", str(root / "site")])
        assert done.exit_code == 1
        assert isinstance(done.exception, DataError) or "nested too deep" in done.output
        assert "nested too deep" in f"{done.output}{done.exception}"


@pytest.mark.parametrize("name", ["\u200d", "\u3164", "\u2800\u2800", "\u115f\u1160", "\u0301"])
def test_a_name_that_cannot_be_seen_is_refused(name: str, tmp_path: Path) -> None:
    found = collect(put_down(tmp_path, spoilt(put("model.name", name))), trial=True).all_findings
    assert [f.code for f in found] == ["schema"] and "can be seen" in found[0].message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Made-up 1", "is that of made-up/model-1 as well"),
        ("MADE UP 1.", "is that of made-up/model-1 as well"),
        ("Human annotators", "is that of a reference"),
        ("Majority class", "is that of a reference"),
    ],
)
def test_names_of_others_and_of_references_are_looked_at(
    name: str, said: str, tmp_path: Path
) -> None:
    write(tmp_path / "there", *good(1))
    others = collect(tmp_path / "there", trial=True).checked
    write(tmp_path / "new", *with_card(good(), name=name))
    collected = collect(tmp_path / "new", trial=True, others=others)
    (finding,) = collected.all_findings
    assert (finding.severity, finding.code) == (Severity.LOOK, "name") and said in finding.message


def test_line_ends_of_windows_are_one_finding_a_file(tmp_path: Path) -> None:
    folder = write(tmp_path, *good())
    for name in layout.FILES:
        path = folder / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    found = collect(folder, trial=True).all_findings
    assert [(f.severity, f.code) for f in found] == [(Severity.ERROR, "line-ends")] * 3
    assert "core.autocrlf" in found[0].message
    attributes = (ROOT / ".gitattributes").read_text().splitlines()
    assert "leaderboard/submissions/** -text" in attributes


def test_a_model_that_saw_the_data_stands_in_no_tier(tmp_path: Path) -> None:
    write(tmp_path, *with_card(make(0, right=1.0, unread=0.0), saw_this_data="yes"))
    for number in (1, 2):
        write(tmp_path, *make(number))
    boards = make_boards(collect(tmp_path, trial=True).entries, [], trial=True)
    (board,) = (one for one in boards if one.task == "itr_demo_lv")
    assert [row.name for row in board.main.trained] == ["Made-up 0"]
    assert "Made-up 0" not in {row.name for row in board.main.rows}
    assert {one.row.name for one in board.main.comparable} == {"Made-up 1", "Made-up 2"}
