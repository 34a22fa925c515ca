"""``--model itr_server`` and ``async_openai``: what an answer is, and what a server may do."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from itr_bench.data.images import decode
from itr_bench.models.completion import read_body
from itr_bench.models.output import Output
from itr_bench.models.server_client import is_upright_rgb
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks import documents
from itr_bench.tasks.spec import get_task
from tests.chat_server import (
    Answer,
    ChatServer,
    by_prompt_and_seed,
    completion,
    prompt_of,
    serving,
)
from tests.conftest import needs
from tests.test_run import TASK, Done, invoke

pytestmark = needs("lmms_eval")

# What an answer is

REFUSED = {"type": "refusal", "refusal": "I will not."}
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "No, or so."}]}
ANSWERS: list[tuple[Any, Output]] = [
    (completion("Yes"), Output("Yes", 2, "stop")),
    (completion("Yes", "length"), Output("Yes", 2, "length")),
    (completion("Yes", "max_tokens"), Output("Yes", 2, "length")),
    (completion("Yes", "eos"), Output("Yes", 2, "stop")),
    (completion("Yes", None), Output("Yes", 2, None)),
    (completion("Yes", "tool_calls"), Output("Yes", 2, None)),
    (completion("", "length"), Output("", 2, "length")),
    (completion(None, "length"), Output("", 2, "length")),
    (completion(None, "length", reasoning_content="Yes, I"), Output("", 2, "length")),
    (completion("No", reasoning_content="Yes, at first"), Output("No", 2, "stop")),
    (completion(None, refusal="I cannot say Yes to that."), Output("", 2, "refusal")),
    (completion("Yes", refusal="No."), Output("", 2, "refusal")),
    (completion("Yes, the", "content_filter"), Output("", 2, "content_filter")),
    (completion(None, "content_filter"), Output("", 2, "content_filter")),
    (completion([{"type": "text", "text": "Yes"}]), Output("Yes", 2, "stop")),
    (completion([THOUGHT, {"type": "text", "text": "Yes"}]), Output("Yes", 2, "stop")),
    (completion([{"type": "output_text", "text": "Y"}, "es"]), Output("Yes", 2, "stop")),
    (completion([REFUSED]), Output("", 2, "refusal")),
    (completion("None"), Output("None", 2, "stop")),
    (completion("\ud800 half"), Output("\ud800 half", 2, "stop")),
    ({**completion("Yes"), "usage": None}, Output("Yes", None, "stop")),
]
FAILURES: list[tuple[Any, str]] = [
    (completion("Yes, the", "error"), "the server answered with an error: finish_reason error"),
    ({"error": {"message": "out of memory"}}, "answered with an error: out of memory"),
    ({"error": "busy", "choices": completion()["choices"]}, "answered with an error: busy"),
    ({"choices": []}, "the server's answer has no choices: {'choices': []}"),
    ({"id": "1"}, "the server's answer has no choices"),
    ({"choices": None}, "the server's answer has no choices"),
    ({"choices": [{"finish_reason": "stop"}]}, "the server's answer has no message"),
    (completion({"text": "Yes"}), "the server's answer is neither text nor parts"),
    (completion([1]), "the server's answer is neither text nor parts"),
    ([1], "the server's answer is no object: [1]"),
    (b"<html><body>Yes</body></html>", "the server's answer is not JSON: <html><body>Yes"),
    (b'{"choices":[{"message":{"content":"Yes', "the server's answer is not JSON"),
    (b"", "the server's answer is not JSON"),
    (b"\xff\xfe", "the server's answer is not JSON"),
]


def body_of(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.mark.parametrize(("value", "expected"), ANSWERS)
def test_what_is_an_answer(value: Any, expected: Output) -> None:
    assert read_body(body_of(value)) == expected


@pytest.mark.parametrize(("value", "message"), FAILURES)
def test_what_is_a_failure(value: Any, message: str) -> None:
    found = read_body(body_of(value))
    assert found.text == "" and found.failure is not None
    assert message in found.failure


# Pictures


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    gradient = Image.merge("RGB", [Image.linear_gradient("L")] * 3).resize((60, 40))
    gradient.convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif.tobytes()}


FILES = [
    (saved("JPEG"), True),
    (saved("PNG"), True),
    (saved("JPEG", **turned(1)), True),
    (saved("JPEG", **turned(6)), False),
    (saved("JPEG", "L"), False),
    (saved("JPEG", "CMYK"), False),
    (saved("PNG", "RGBA"), False),
    (saved("PNG", "P"), False),
    (saved("PNG", "L"), False),
    (saved("PNG", transparency=(1, 2, 3)), False),
    (saved("GIF"), False),
    (saved("WEBP"), False),
]


@pytest.mark.parametrize(("file", "expected"), FILES)
def test_files_that_are_sent_as_they_are(file: bytes, expected: bool) -> None:
    assert is_upright_rgb(file) is expected
    with Image.open(io.BytesIO(file)) as picture:  # as a server decodes it
        same = picture.convert("RGB").tobytes() == decode(file).tobytes()
    assert same or not expected


# Whole runs

FILTERED = "The response was filtered due to the prompt triggering a content management policy."
FILTERED_BY_AZURE = Answer(
    {"error": {"message": FILTERED, "type": None, "param": "prompt", "code": "content_filter"}}, 400
)
FILTERED_BEHIND_LITELLM = Answer(
    {"error": {"message": f"litellm.ContentPolicyViolationError: {FILTERED}", "code": "400"}}, 400
)
Command = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def command(
        server: ChatServer | str,
        *more: str,
        args: str = "max_retries=1",
        model: str = "itr_server",
        limit: int = 4,
        seeds: str = "2",
        out: str = "runs",
        task: str = TASK,
    ) -> Done:
        url = server if isinstance(server, str) else server.url
        arguments = f"model=m,base_url={url},{args}"
        options = ("--model", model, "--model_args", arguments, "--tasks", task, "--name", "r")
        rest = ("--seeds", seeds, "--limit", str(limit), "--out", str(tmp_path / out))
        status, stdout, stderr = invoke("run", *options, *rest, *more)
        return Done(status, stdout, stderr, tmp_path / out / "r" / task)

    yield command


def pictures(body: dict[str, Any]) -> list[str]:
    """The pictures of a request, as addresses that hold the data."""
    return [
        part["image_url"]["url"]
        for turn in body["messages"]
        if isinstance(turn["content"], list)
        for part in turn["content"]
        if part["type"] == "image_url"
    ]


def test_a_whole_run(run: Command) -> None:
    with serving() as server:
        entry = {"id": "m", "created": 7, "owned_by": "us", "max_model_len": 4096}
        server.others["/v1/models"] = Answer({"data": [{"id": "other"}, entry]})
        server.others["/version"] = Answer({"version": "0.21"})
        done = run(server)
        assert (done.status, len(done.records)) == (0, 16), done.err
        assert {record["finish_reason"] for record in done.records} == {"stop"}
        assert all(record["tokens"] == 2 for record in done.records)
        bodies = server.requests
    # Each response is that of its own prompt and seed.
    assert len({(prompt_of(body), body["seed"]) for body in bodies}) == 16
    answers = Counter(read_body(body_of(by_prompt_and_seed(body).body)).text for body in bodies)
    assert Counter(done.responses.values()) == answers
    assert {body["seed"] for body in bodies} == set(PAPER_SEEDS[:2])
    assert {(b["model"], b["max_tokens"], b["temperature"]) for b in bodies} == {("m", 512, 0.2)}
    assert not any("stop" in body or "top_p" in body for body in bodies)
    # Side by side, with one and the same picture: the pixels are those of the tweet's image.
    shown = [pictures(body) for body in bodies]
    assert all(len(urls) == 1 for urls in shown)
    places: dict[str, list[int]] = {}
    for place, (url,) in enumerate(shown):  # as they came, some of two pictures under way
        places.setdefault(url, []).append(place)
    assert len(places) == 4 and all(max(own) - min(own) < 8 for own in places.values())
    document = documents.documents(get_task(TASK))[0]
    image = documents.image(document)
    sent = Image.open(io.BytesIO(base64.b64decode(shown[0][0].partition(",")[2])))
    assert image is not None and sent.convert("RGB").tobytes() == image.tobytes()
    kinds = [[part["type"] for part in body["messages"][0]["content"]] for body in bodies]
    assert kinds == [["image_url", "text"]] * 16
    manifest = done.manifest
    assert manifest["observed"] == {"engine": "openai", "sent": {}}
    served = manifest["configuration"]["engine"]["served"]
    assert served["version"] == "0.21"
    assert served["model"] == {"id": "m", "owned_by": "us", "max_model_len": 4096}
    assert manifest["sessions"][0]["base_url"] == server.url


def test_text_first_and_no_picture(run: Command) -> None:
    with serving() as server:
        assert run(server, task=f"{TASK}~text-first", limit=1).status == 0
        assert run(server, task=f"{TASK}~no-image", limit=1).status == 0
        assert run(server, task=f"{TASK}~grey-image", limit=1).status == 0
        kinds = [[part["type"] for part in b["messages"][0]["content"]] for b in server.requests]
        assert kinds == [["text", "image_url"]] * 4 + [["text"]] * 4 + [["image_url", "text"]] * 4
        (grey,) = pictures(server.requests[-1])
        colours = Image.open(io.BytesIO(base64.b64decode(grey.partition(",")[2]))).getcolors()
        assert colours is not None and [colour for _, colour in colours] == [(128, 128, 128)]


SETTINGS = [
    ("do_sample=false", {"temperature": 0, "max_tokens": 512}),
    ("temperature=null,do_sample=null", {"max_tokens": 512}),
    (
        "top_p=0.5,top_k=3,min_p=0.1,repetition_penalty=1.1",
        {
            "temperature": 0.2,
            "max_tokens": 512,
            "top_p": 0.5,
            "top_k": 3,
            "min_p": 0.1,
            "repetition_penalty": 1.1,
        },
    ),
]


@pytest.mark.parametrize(("given", "sent"), SETTINGS)
def test_settings_are_sent(run: Command, given: str, sent: dict[str, Any]) -> None:
    with serving() as server:
        done = run(server, "--gen_kwargs", given, limit=1, seeds="1")
        assert done.status == 0, done.err
        (body, _) = server.requests
    assert {k: v for k, v in body.items() if k not in ("messages", "model", "seed")} == sent


def test_a_server_with_another_name_for_the_limit(run: Command) -> None:
    def newer(body: dict[str, Any]) -> Answer:
        if "max_tokens" in body:
            said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return Answer({"error": {"message": said}}, 400)
        return by_prompt_and_seed(body)

    with serving(newer) as server:
        done = run(server, limit=1)
        assert (done.status, len(done.records)) == (0, 4), done.err
        assert server.requests[-1]["max_completion_tokens"] == 512


def test_several_are_under_way(run: Command) -> None:
    def slow(body: dict[str, Any]) -> Answer:
        answer = by_prompt_and_seed(body)
        answer.delay_s = 0.05
        return answer

    with serving(slow) as server:
        assert run(server, args="concurrent=5").status == 0
        assert server.most_at_once == 5
        refused = run(server, "--batch-size", "3", out="other")
    assert "give --model_args concurrent=N" in refused.err


def test_faults_that_pass(run: Command) -> None:
    """Each request meets one of these first, and is repeated."""
    faults = [
        Answer({"error": {"message": "slow down"}}, 429, {"retry-after": "0.01"}),
        Answer({"error": {"message": "busy"}}, 503, {"retry-after-ms": "5"}),
        Answer(completion("Yes"), cut=20),
        Answer(b"<html>502 Bad gateway</html>"),
        Answer({"choices": []}),
    ]
    seen: Counter[tuple[str, int]] = Counter()

    def faulty(body: dict[str, Any]) -> Answer:
        key = (prompt_of(body), body["seed"])
        seen[key] += 1
        return faults[len(seen) % len(faults)] if seen[key] == 1 else by_prompt_and_seed(body)

    with serving(faulty) as server:
        done = run(server, args="max_retries=2")
        assert (done.status, len(done.records)) == (0, 16), done.err
        assert server.count == 32
    assert len(done.responses) == 16


@pytest.mark.parametrize("model", ["itr_server", "async_openai"])
@pytest.mark.parametrize(
    ("body", "missing", "reason", "text"),
    [
        (completion([{"type": "text", "text": "Yes"}]), 0, "stop", "Yes"),
        (completion(None, "length"), 0, "length", ""),
        (completion(None, refusal="No."), 0, "refusal", ""),
        (completion("Yes, the", "content_filter"), 0, "content_filter", ""),
        (completion("Yes, the", "error"), 2, None, None),
        ({"error": {"message": "Yes, lost"}}, 2, None, None),
        (FILTERED_BY_AZURE, 0, "content_filter", ""),
        (FILTERED_BEHIND_LITELLM, 0, "content_filter", ""),
        (Answer({"error": {"message": "too large", "code": "other"}}, 400), 2, None, None),
    ],
)
def test_odd_answers_are_kept_or_asked_again(
    run: Command, model: str, body: Any, missing: int, reason: str | None, text: str | None
) -> None:
    """Of the first tweet's first question; the others are answered in full."""
    first = documents.documents(get_task(TASK))[0]["text"]
    odd = True

    def behave(asked: dict[str, Any]) -> Answer:
        is_odd = odd and first in prompt_of(asked) and "adding" in prompt_of(asked)
        if is_odd:
            return body if isinstance(body, Answer) else Answer(body)
        return by_prompt_and_seed(asked)

    key = "api_key=x,max_retries=1" + (",retry_backoff_s=0" if model == "async_openai" else "")
    with serving(behave) as server:
        done = run(server, model=model, args=key)
        assert (done.status, 16 - len(done.records)) == (int(missing > 0), missing), done.err
        if missing:
            assert f"{missing} of 16 responses are missing" in done.err
            odd = False
            again = run(server, model=model, args=key)
            assert (again.status, len(again.records)) == (0, 16)
            return
        found = [one for one in done.records if one.get("finish_reason") == reason]
        odd_ones = [one for one in found if one["response"] == text]
        assert len(odd_ones) >= 2
        if reason in ("refusal", "content_filter"):
            counted = read_run_folder(done.folder).finish_reasons
            assert counted == {"stop": 14, reason: 2}


def test_one_tweet_that_fails_ends_no_run(run: Command) -> None:
    """Its 20 requests are refused, one after the other, at first and when the run is resumed."""
    first = documents.documents(get_task(TASK))[0]["text"]

    def refuses(body: dict[str, Any]) -> Answer:
        if first in prompt_of(body):
            return Answer({"error": {"message": "image too large"}}, 400)
        return by_prompt_and_seed(body)

    with serving(refuses) as server:
        done = run(server, seeds="paper", args="concurrent=1")
        assert (done.status, len(done.records)) == (1, 60)
        assert "20 of 80 responses are missing, 20 requests failed" in done.err
        assert "status 400: image too large; it refuses a setting" in done.err
        again = run(server, seeds="paper", args="concurrent=1")
        assert (again.status, len(again.records), server.count) == (1, 60, 100)
        server.behaviour = by_prompt_and_seed
        assert run(server, seeds="paper").status == 0


def test_many_failures_between_answers_are_counted_and_no_more(run: Command) -> None:
    """19 of 20 requests fail: none is written down, and the words stay few."""

    def seldom(body: dict[str, Any]) -> Answer:
        if server.count % 20:
            said = {"error": {"message": "lost " * 2000}}
            return Answer(said, 500, {"x-should-retry": "false"})
        return by_prompt_and_seed(body)

    with serving(seldom, keep=False) as server:
        done = run(server, limit=24, seeds="20", args="max_retries=0,concurrent=1")
    assert (done.status, server.count, len(done.records)) == (1, 960, 48)
    assert "912 of 960 responses are missing, 912 requests failed" in done.err
    assert len(done.err.splitlines()) < 10 and len(done.err) < 2000
    assert {file.name for file in done.folder.iterdir()} == {
        *(".lock", "manifest.json", "responses.jsonl")
    }


def test_a_kill_loses_nothing_of_what_was_seen(run: Command, tmp_path: Path) -> None:
    """The server takes its time with the sixth request; the run is killed meanwhile."""

    def slow(body: dict[str, Any]) -> Answer:
        answer = by_prompt_and_seed(body)
        answer.delay_s = 3600 if server.count > 5 else 0
        return answer

    allow = ("--allow-different", "seed")
    with serving(slow) as server:
        arguments = f"model=m,base_url={server.url},concurrent=1,seeds=none"
        options = ("--model", "itr_server", "--model_args", arguments, "--tasks", TASK)
        rest = ("--seeds", "2", "--limit", "4", "--name", "r", "--out", str(tmp_path / "runs"))
        killed = subprocess.Popen(
            [sys.executable, "-m", "itr_bench.cli.main", "run", *options, *rest, *allow],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + 600
            while server.count < 6 and killed.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            killed.kill()
            assert killed.wait() == -signal.SIGKILL
        left = Done(0, "", "", tmp_path / "runs" / "r" / TASK)
        assert len(left.records) == 5
        assert left.manifest["observed"] == {"engine": "openai", "sent": {}}
        assert [one["responses"] for one in left.manifest["sessions"]] == [0]
        server.behaviour = by_prompt_and_seed
        done = run(server, *allow, args="concurrent=1,seeds=none")
    assert (done.status, len(done.records)) == (0, 16)
    assert [one["responses"] for one in done.manifest["sessions"]] == [5, 11]


STOPS: list[tuple[Answer, str]] = [
    (
        Answer({"error": {"message": "Incorrect API key"}}, 401),
        "status 401: Incorrect API key; the key is",
    ),
    (
        Answer({"error": {"message": "The model `m` does not exist"}}, 404),
        "status 404: The model `m` does not exist; no such model or no such path",
    ),
    (
        Answer({"error": {"message": "'temperature' does not support 0.2"}}, 400),
        "it refuses a setting (--gen_kwargs NAME=null takes one away), an argument or the key",
    ),
    (Answer({"detail": "extra fields: seed"}, 422), "or give seeds=none"),
]


@pytest.mark.parametrize("model", ["itr_server", "async_openai"])
@pytest.mark.parametrize(("answer", "message"), STOPS)
def test_what_ends_a_run_soon(run: Command, answer: Answer, message: str, model: str) -> None:
    with serving(lambda body: answer) as server:
        args = "api_key=x,max_retries=1" + ("" if model == "itr_server" else ",retry_backoff_s=0")
        done = run(server, model=model, args=args, limit=24, seeds="paper")
        assert done.status == 1
        assert server.url in done.err and message in done.err, done.err
        assert server.count <= 64
        assert done.records == []


def test_a_dead_port(run: Command) -> None:
    with serving() as server:
        url = server.url
    done = run(url)
    assert done.status == 1
    assert f"{url}: Connection error" in done.err
    assert "start the server, or correct --model_args base_url=..." in done.err


def test_a_server_that_dies_and_comes_up_elsewhere(run: Command) -> None:
    with serving() as server:

        def dies(body: dict[str, Any]) -> Answer:
            if server.count > 50:
                return Answer(
                    {"error": {"message": "shutting down"}}, 503, {"x-should-retry": "false"}
                )
            return by_prompt_and_seed(body)

        server.behaviour = dies
        done = run(server, limit=24, seeds="3", args="max_retries=0,concurrent=4")
        assert done.status == 1
        assert "20 requests in a row failed" in done.err
        assert "with another base_url if it moved" in done.err
        assert len(done.records) == 50
        old = server.url
    with serving() as server:
        again = run(server, limit=24, seeds="3", args="max_retries=0,concurrent=8")
        assert (again.status, len(again.responses), len(again.records)) == (0, 144, 144), again.err
        assert server.count == 94
        assert [session["base_url"] for session in again.manifest["sessions"]] == [old, server.url]


def test_another_server_is_not_taken_without_a_word(run: Command) -> None:
    with serving() as server:
        server.others["/version"] = Answer({"version": "1"})
        server.behaviour = lambda body: (
            by_prompt_and_seed(body)
            if server.count <= 5
            else Answer({"error": {"message": "lost"}}, 500, {"x-should-retry": "false"})
        )
        assert run(server, args="max_retries=0").status == 1
        server.others["/version"] = Answer({"version": "2"})
        server.behaviour = by_prompt_and_seed
        again = run(server)
    assert again.status == 1
    assert "engine.served.version: '1' there, '2' now" in again.err


def test_failures_between_answers_are_asked_again(run: Command) -> None:
    """Every second request fails: nothing is lost, nothing counted twice."""

    def half(body: dict[str, Any]) -> Answer:
        if body["seed"] == PAPER_SEEDS[0]:
            return Answer({"error": {"message": "lost"}}, 500, {"x-should-retry": "false"})
        return by_prompt_and_seed(body)

    with serving(half) as server:
        done = run(server, limit=24, args="max_retries=0,concurrent=1")
        assert (done.status, len(done.records)) == (1, 48)
        assert "48 of 96 responses are missing, 48 requests failed" in done.err
        server.behaviour = by_prompt_and_seed
        again = run(server, limit=24)
        assert (again.status, len(again.records), len(again.responses)) == (0, 96, 96)
        assert server.count == 96 + 48


def test_a_server_that_takes_no_seed(run: Command) -> None:
    with serving() as server:
        done = run(server, args="seeds=none", limit=1)
        assert done.status == 0
        assert not any("seed" in body for body in server.requests)
    configuration = done.manifest["configuration"]
    assert (configuration["seeding"], configuration["model_args"]) == ("none", {"seeds": "none"})
    generation = read_run_folder(done.folder).generation
    assert generation is not None and generation["seeding"] == "none"


WRONG_ARGUMENTS = [
    ("itr_server", "concurent=3", "unknown argument of itr_server 'concurent'. Did you mean 'conc"),
    ("itr_server", "concurrent=0", "concurrent=0: expected a whole number from 1"),
    ("itr_server", "limit_name=x", "unknown limit_name 'x'"),
]


@pytest.mark.parametrize(("model", "args", "message"), WRONG_ARGUMENTS)
def test_wrong_arguments(run: Command, model: str, args: str, message: str) -> None:
    done = run("http://127.0.0.1:9/v1", model=model, args=args)
    assert done.status == 1
    assert message in done.err


def test_an_address_is_needed(run: Command) -> None:
    done = run("", args="timeout=1")
    assert "itr_server needs a model and an address: --model_args model=NAME,base_url=" in done.err


def test_plain_lmms_eval(tmp_path: Path) -> None:
    """The same adapter under lmms-eval's own evaluator, a seed of the paper's a sample."""
    import lmms_eval.evaluator

    with serving() as server:
        found = lmms_eval.evaluator.simple_evaluate(
            model="itr_server",
            model_args=f"model=m,base_url={server.url}",
            tasks=[TASK],
            limit=4,
            repeats=3,
            log_samples=True,
        )
        assert found is not None
        samples = found["samples"][TASK]
        assert Counter(body["seed"] for body in server.requests) == dict.fromkeys(
            PAPER_SEEDS[:3], 4
        )
    assert len(samples) == 4


def always(content: str | None, finish: str = "stop") -> Callable[[dict[str, Any]], Answer]:
    return lambda body: Answer(completion(content, finish))


WARNINGS: list[tuple[Callable[[dict[str, Any]], Answer], tuple[str, ...], list[str]]] = [
    (
        always("Yes"),
        (),
        ["each question got the same response with all seeds, although", "all 40 answers are yes"],
    ),
    (always("Yes"), ("--gen_kwargs", "do_sample=false"), ["all 40 answers are yes"]),
    (always("Yes", "length"), ("--gen_kwargs", "top_k=1"), ["40 of 40 responses ended at the lim"]),
    (always(None, "content_filter"), (), ["40 of 40 responses were stopped by a content filter"]),
    (by_prompt_and_seed, (), []),
]


@pytest.mark.parametrize(("behaviour", "options", "expected"), WARNINGS)
def test_warnings(
    run: Command,
    behaviour: Callable[[dict[str, Any]], Answer],
    options: tuple[str, ...],
    expected: list[str],
) -> None:
    with serving(behaviour) as server:
        done = run(server, *options, limit=10)
    assert done.status == 0
    for warning in expected:
        assert f"{TASK}: {warning}" in done.err
    if not expected:
        assert f"{TASK}: " not in done.err
