"""The run folder: what is written lasts, what was edited is refused."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.answers import Asked, get_parser
from itr_bench.errors import RunError, ScoreError
from itr_bench.relation import Answer, Question
from itr_bench.runs.manifest import (
    MANIFEST,
    differences,
    read_manifest,
    write_json,
    write_manifest,
)
from itr_bench.runs.response import Response
from itr_bench.runs.response_log import RESPONSES, ResponseLog, read_responses
from itr_bench.runs.run_folder import is_run_folder, read_run_folder, run_folders
from itr_bench.scoring.signature import digest

SEEDS = (8263, 10652)
PROMPTS = {f"{tweet} {q.value}": digest(f"{tweet} {q}") for tweet in "123" for q in Question}


def record(tweet: str, question: str, seed: int, response: str = "Yes") -> Response:
    return Response(
        tweet_id=tweet,
        question=question,
        sample=(*SEEDS, seed).index(seed),
        seed=seed,
        response=response,
        tokens=3,
        relation=int(tweet),
        prompt_hash=PROMPTS[f"{tweet} {question}"],
        image_sha256="f" * 64,
    )


ALL = [record(tweet, q.value, seed) for tweet in "123" for q in Question for seed in SEEDS]
MANIFEST_OF_ALL: dict[str, Any] = {
    "model": "m",
    "command": "itr-bench run --model m",
    "language": "en",
    "set_size": 3,
    "sessions": [],
    "configuration": {
        "task": "itr_demo_lv",
        "task_version": "1",
        "data": "demo-1",
        "tweets": 3,
        "prompts": digest(PROMPTS),
        "order": ["image", "text"],
        "answer_format": "plain",
        "model_args": {"x": 1},
        "seeds": list(SEEDS),
        "seeding": "request",
        "dtype": None,
        "content": "commit:1",
        "revision": None,
        "device": "cpu",
        "force_simple": False,
        "engine": {},
        "generation": {"max_new_tokens": 4},
        "adapter_class": "a.B (chat)",
        "libraries": {"itr-bench": "0.1.0", "lmms-eval": "0.7.3", "torch": "2"},
    },
}


def written(folder: Path, records: list[Response]) -> Path:
    write_manifest(folder, MANIFEST_OF_ALL)
    log = ResponseLog(folder)
    for one in records:
        log.append([one])
    log.close()
    return folder


# Records


@given(st.text())
def test_any_response_comes_back(response: str) -> None:
    one = record("1", "adds", 5, response)
    line = one.log_line()
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert Response.of_log_line(line[:-1]) == one


@pytest.mark.parametrize("response", ["", "\ud800 half", "a\u2028b\r\n\x00", '","check":"0"}'])
def test_odd_responses_come_back(response: str) -> None:
    one = record("1", "adds", 5, response)
    assert Response.of_log_line(one.log_line()[:-1]) == one


@given(st.data())
def test_no_byte_of_a_line_can_be_changed_unseen(data: st.DataObject) -> None:
    line = bytearray(record("2", "represented", 7, "Jā, “attēlā”").log_line()[:-1])
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    line[place] = other
    with pytest.raises(ValueError, match="checksum"):
        Response.of_log_line(bytes(line))


CONTENT = record("1", "adds", 5).as_dict()
WRONG = [
    ({**CONTENT, "relation": 4}, "question 'adds' or relation 4"),
    ({**CONTENT, "relation": [1]}, "question 'adds' or relation [1]"),
    ({**CONTENT, "question": "other"}, "question 'other' or relation 1"),
    ({**CONTENT, "response": None}, "expected a text as response and a whole number as seed"),
    ({**CONTENT, "seed": 1.5}, "expected a text as response and a whole number as seed"),
    ({**CONTENT, "more": 1}, "expected the fields image_sha256, prompt_hash, question"),
    ({"tweet_id": "1"}, "expected the fields image_sha256, prompt_hash, question"),
    (b'{"a":1}{"b":2}', "Extra data: line 1 column 8 (char 7)"),
    (b'{"a":}', "Expecting value: line 1 column 6 (char 5)"),
    (b'{"a":"\xff"}', "'utf-8' codec can't decode byte 0xff in position 6"),
]


@pytest.mark.parametrize(("content", "message"), WRONG)
def test_what_is_no_record_is_refused_in_spite_of_its_checksum(
    content: dict[str, Any] | bytes, message: str
) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    check = hashlib.sha256(body).hexdigest()[:12]
    with pytest.raises(ValueError) as caught:
        Response.of_log_line(body[:-1] + f',"check":"{check}"}}'.encode())
    assert str(caught.value).startswith(message)


# The log


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    written(tmp_path, ALL)
    records = read_responses(tmp_path / RESPONSES)
    assert list(records.values()) == ALL
    again = ResponseLog(tmp_path)
    assert (again.responses, again.cut_off) == (records, 0)
    again.close()


@pytest.mark.parametrize("kept", range(0, 260, 13))
def test_a_line_torn_anywhere_is_cut_off(tmp_path: Path, kept: int) -> None:
    written(tmp_path, ALL[:2])
    path = tmp_path / RESPONSES
    whole = path.read_bytes()
    third = ALL[2].log_line()
    torn = third[: min(kept, len(third) - 1)]
    path.write_bytes(whole + torn)
    log = ResponseLog(tmp_path)
    assert (len(log.responses), log.cut_off) == (2, len(torn))
    assert path.read_bytes() == whole
    log.append([ALL[2]])
    log.close()
    assert path.read_bytes() == whole + third


def test_zeros_that_a_power_cut_left(tmp_path: Path) -> None:
    written(tmp_path, ALL[:2])
    with (tmp_path / RESPONSES).open("ab") as file:
        file.write(bytes(500))
    log = ResponseLog(tmp_path)
    assert (len(log.responses), log.cut_off) == (2, 500)
    log.close()


def lines_of(records: list[Response]) -> list[bytes]:
    return [one.log_line() for one in records]


DAMAGE = [
    (2, b"", "line 3: no checksum at its end"),
    (1, b"{}\n", "line 2: no checksum at its end"),
    (1, ALL[1].log_line().replace(b"Yes", b"No!"), "line 2: its checksum does not fit"),
    (
        1,
        record("1", "adds", SEEDS[0], "No").log_line(),
        "line 2: its tweet, question and seed have",
    ),
    (0, b"\xff\xfe\n", "line 1: no checksum at its end"),
    (3, ALL[3].log_line().replace(b"Yes", b"No!"), "line 4: its checksum does not fit"),
]


@pytest.mark.parametrize(("place", "line", "message"), DAMAGE)
def test_damage_in_the_middle_is_refused_with_its_line(
    tmp_path: Path, place: int, line: bytes, message: str
) -> None:
    written(tmp_path, [])
    lines = lines_of(ALL[:4])
    lines[place] = line or b"\n"
    (tmp_path / RESPONSES).write_bytes(b"".join(lines))
    with pytest.raises(RunError) as caught:
        ResponseLog(tmp_path)
    assert message in str(caught.value)
    assert "generated again" in str(caught.value)
    assert (tmp_path / RESPONSES).read_bytes() == b"".join(lines)


def test_the_same_record_twice_is_one(tmp_path: Path) -> None:
    written(tmp_path, [])
    (tmp_path / RESPONSES).write_bytes(b"".join(lines_of([*ALL[:2], ALL[0]])))
    assert list(read_responses(tmp_path / RESPONSES).values()) == ALL[:2]


def test_a_disk_that_fills_up_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ResponseLog(tmp_path)
    log.append([ALL[0]])
    write = os.write
    left = 40

    def until_full(handle: int, content: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        written, left = write(handle, content[:left]), 0
        return written

    monkeypatch.setattr(os, "write", until_full)
    with pytest.raises(RunError, match=r"responses.jsonl: No space left on device. What was answ"):
        log.append([ALL[1]])
    assert (tmp_path / RESPONSES).read_bytes() == ALL[0].log_line()
    assert list(log.responses) == [ALL[0].key]

    # Of several that came together, those are kept that there is room for.
    room = len(ALL[2].log_line())

    def for_one(handle: int, content: bytes) -> int:
        nonlocal room
        if len(content) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        room -= len(content)
        return write(handle, content)

    monkeypatch.setattr(os, "write", for_one)
    with pytest.raises(RunError, match="No space left on device"):
        log.append([ALL[2], ALL[1]])
    assert (tmp_path / RESPONSES).read_bytes() == ALL[0].log_line() + ALL[2].log_line()
    assert list(log.responses) == [ALL[0].key, ALL[2].key]
    monkeypatch.setattr(os, "write", write)
    log.append([ALL[1]])
    log.close()
    assert read_responses(tmp_path / RESPONSES) == {one.key: one for one in ALL[:3]}


def test_a_record_is_on_the_disk_when_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    log = ResponseLog(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    log.append([ALL[0]])
    log.append([ALL[1]])
    log.close()
    assert synced == [len(ALL[0].log_line()), len(ALL[0].log_line() + ALL[1].log_line())]


# The manifest


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST_OF_ALL)
    found = read_manifest(tmp_path)
    assert found.items() >= MANIFEST_OF_ALL.items()
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def edited(change: Any) -> Any:
    def edit(path: Path) -> None:
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return edit


EDITS = [
    (edited(lambda m: m["configuration"].update(seeds=[1])), "does not fit its checksum"),
    (edited(lambda m: m.update(set_size=2)), "does not fit its checksum"),
    (edited(lambda m: m.update(model="better")), "does not fit its checksum"),
    (edited(lambda m: m.update(language="lv")), "does not fit its checksum"),
    (edited(lambda m: m.update(more=1)), "does not fit its checksum"),
    (
        edited(lambda m: m.update(format=2)),
        "format 2, this version of itr-bench reads and writes 1",
    ),
    (edited(lambda m: m.pop("format")), "not the manifest of a run"),
    (edited(lambda m: m.pop("configuration")), "does not fit its checksum"),
    (edited(lambda m: m.pop("sessions")), "expected also"),
    (edited(lambda m: m.update(sessions=3)), "expected also"),
    (lambda path: path.write_text("{"), "cannot read"),
    (lambda path: path.write_text("[1]"), "not the manifest of a run"),
    (lambda path: path.write_bytes(b"\xff"), "cannot read"),
    (lambda path: path.unlink(), "no manifest.json in it"),
]


@pytest.mark.parametrize(("edit", "message"), EDITS)
def test_an_edited_manifest_is_refused(tmp_path: Path, edit: Any, message: str) -> None:
    written(tmp_path, ALL)
    edit(tmp_path / MANIFEST)
    with pytest.raises(RunError, match=message):
        read_run_folder(tmp_path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, [1])
    (tmp_path / ".a.json.partial").mkdir()
    with pytest.raises(RunError, match=r"cannot write .*a\.json"):
        write_json(path, [2])
    assert json.loads(path.read_text()) == [1]


def test_differences_are_named_with_both_values() -> None:
    there = {"a": 1, "b": {"c": [1], "d": 2}, "e": {"f": 1}}
    asked = {"a": 1, "b": {"c": [2], "d": 2}, "e": None, "g": 0}
    assert differences(there, asked) == {
        "b.c": ([1], [2]),
        "e": ({"f": 1}, None),
        "g": (None, 0),
    }


# Reading


def test_a_run_is_read_with_its_signature(tmp_path: Path) -> None:
    run = read_run_folder(written(tmp_path, ALL[::-1]))
    assert (run.model, run.task, run.seeds, run.set_size) == ("m", "itr_demo_lv", SEEDS, 3)
    assert {item.answers for item in run.items} == {(Answer.YES, Answer.YES)}
    assert run.score.tweets == 3 and not run.is_part
    assert run.prompt == digest(PROMPTS)
    assert run.harness == "0.7.3"
    assert "?" not in str(run.signature)
    assert "torch=2" in str(run.signature)


SIGNED = [
    ("seeds", [10652, 8263]),
    ("task_version", "2"),
    ("data", "demo-2"),
    ("adapter_class", "c.D (chat)"),
    ("order", ["text", "image"]),
    ("answer_format", "explained"),
    ("model_args", {"x": 2}),
    ("generation", {"max_new_tokens": 5}),
    ("seeding", "process"),
    ("dtype", "float16"),
    ("content", "commit:2"),
    ("revision", "main"),
    ("device", "NVIDIA L4"),
    ("force_simple", True),
    ("engine", {"shared": True, "rows_in_flight": 40}),
    ("libraries", {"itr-bench": "0.2.0", "lmms-eval": "0.7.3", "torch": "2"}),
    ("libraries", {"itr-bench": "0.1.0", "lmms-eval": "0.7.4", "torch": "2"}),
    ("libraries", {"itr-bench": "0.1.0", "lmms-eval": "0.7.3", "torch": "3"}),
]


def test_the_signature_follows_every_condition(tmp_path: Path) -> None:
    written(tmp_path, ALL)
    seen = {str(read_run_folder(tmp_path).signature)}
    for key, value in SIGNED:
        conditions = {**MANIFEST_OF_ALL["configuration"], key: value}
        write_manifest(tmp_path, {**MANIFEST_OF_ALL, "configuration": conditions})
        signature = str(read_run_folder(tmp_path).signature)
        assert signature not in seen, key
        seen.add(signature)


def test_the_language_is_the_tasks(tmp_path: Path) -> None:
    written(tmp_path, ALL)
    write_manifest(tmp_path, {**MANIFEST_OF_ALL, "language": "xx"})
    assert read_run_folder(tmp_path).language == "en"


def test_a_model_that_says_none_is_unparseable_not_failed(tmp_path: Path) -> None:
    said = [Response(**{**vars(one), "response": " None"}) for one in ALL]
    run = read_run_folder(written(tmp_path, said))
    assert {item.answers for item in run.items} == {(Answer.NONE, Answer.NONE)}
    assert run.score.tweets == 3


def test_the_same_words_are_read_for_each_tweet_and_question(tmp_path: Path) -> None:
    said = {"both": "1. Yes 2. No", "choice": "A"}
    for variant, response in said.items():
        folder = _folder(tmp_path / variant)
        written(folder, [Response(**{**vars(one), "response": response}) for one in ALL])
        task = f"itr_demo_lv~{variant}"
        conditions = {**MANIFEST_OF_ALL["configuration"], "task": task}
        write_manifest(folder, {**MANIFEST_OF_ALL, "configuration": conditions})
        run = read_run_folder(folder)
        for item in run.items:
            asked = Asked(item.tweet_id, item.question)
            assert set(item.answers) == {get_parser(variant).read(response, "en", asked).answer}
        assert len({item.answers for item in run.items}) == 2


def test_only_complete_tweets_of_an_unfinished_run_count(tmp_path: Path) -> None:
    run = read_run_folder(written(tmp_path, ALL[:-1]))
    assert run.score.tweets == 2 and run.is_part
    with pytest.raises(ScoreError, match="no tweet is complete yet; give the command"):
        read_run_folder(written(_folder(tmp_path / "early"), ALL[1:4]))


def test_prompts_of_another_run_are_refused(tmp_path: Path) -> None:
    records = [Response(**{**vars(one), "prompt_hash": "0" * 12}) for one in ALL]
    with pytest.raises(RunError, match=r"its prompts are not those of manifest\.json"):
        read_run_folder(written(tmp_path, records))


def test_run_folders_are_found(tmp_path: Path) -> None:
    for name in ("b/y", "a/x"):
        written(_folder(tmp_path / name), ALL)
    (_folder(tmp_path / "c") / MANIFEST).write_text("{}")
    assert [path.name for path in run_folders(tmp_path)] == ["x", "y"]
    assert list(run_folders(tmp_path / "a" / "x")) == [tmp_path / "a" / "x"]
    assert not is_run_folder(tmp_path)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
