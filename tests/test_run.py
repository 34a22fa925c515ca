"""``itr-bench run``: killed, resumed, refused, and the same every time."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import multiprocessing
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from filelock import FileLock

from itr_bench.cli.main import cli
from itr_bench.data.manifest import folder_hash
from itr_bench.errors import ItrBenchError
from itr_bench.runs.replicas import Block, Failed, Ready
from itr_bench.runs.response import Response
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks.spec import get_task
from tests import forked
from tests.conftest import needs
from tests.served import served

pytestmark = [pytest.mark.slow, needs("torch", "lmms_eval")]

TASK = "itr_demo_lv"
FAKE = ("--model", "fake", "--tasks", TASK, "--seeds", "3", "--name", "r")


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global adapters
    from tests import adapters


@pytest.fixture(autouse=True)
def fake() -> Iterator[type[adapters.Fake]]:
    adapters.register()
    adapters.Fake.loaded.clear()
    adapters.Fake.asked.clear()
    yield adapters.Fake


@dataclass(frozen=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "responses.jsonl").open()]

    @property
    def responses(self) -> dict[tuple[str, str, int], str]:
        return {(r["tweet_id"], r["question"], r["seed"]): r["response"] for r in self.records}

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return found


Command = Callable[..., Done]


def invoke(*arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process."""
    found = CliRunner().invoke(cli, arguments)
    if isinstance(found.exception, ItrBenchError):
        return 1, found.stdout, found.stderr + str(found.exception)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.stdout, found.stderr


@pytest.fixture
def run(tmp_path: Path) -> Command:
    def command(*arguments: str, out: str = "runs", task: str = TASK, name: str = "r") -> Done:
        status, stdout, stderr = invoke("run", *arguments, "--out", str(tmp_path / out))
        return Done(status, stdout, stderr, tmp_path / out / name / task)

    return command


def wrong(what: str, at: int = 0, **more: object) -> tuple[str, str]:
    given = {"wrong": what, "at": at, **more}
    return "--model_args", ",".join(f"{key}={value}" for key, value in given.items())


# What a run leaves


def test_a_whole_run(run: Command, fake: type[adapters.Fake]) -> None:
    done = run(*FAKE)
    assert done.status == 0
    assert "24 tweets, 3 samples a question" in done.out
    assert len(done.responses) == len(done.records) == 24 * 2 * 3
    assert {r["seed"] for r in done.records} == set(PAPER_SEEDS[:3])
    order = [r["tweet_id"] for r in done.records]
    assert len([1 for a, b in itertools.pairwise(order) if a != b]) == 23
    scores = json.loads((done.folder / "scores.json").read_text())
    assert scores["tweets_in_set"] == scores["score"]["tweets"] == 24
    assert f"seeds:{','.join(map(str, PAPER_SEEDS[:3]))}" in scores["signature"]["line"]
    assert "?" not in scores["signature"]["line"]
    assert done.manifest["sessions"][0]["end"] is not None
    assert fake.loaded == [{"batch_size": 1}]
    assert all(settings["max_new_tokens"] == 512 for _, settings in fake.asked)
    assert not any("seed" in settings for _, settings in fake.asked)
    # The folder can be published: no text of a tweet is in it.
    texts = [prompt.split("\n")[1] for prompt, _ in fake.asked]
    files = [path.read_text() for path in done.folder.iterdir()]
    assert len(texts) == 144 and not any(text in file for text in texts for file in files)

    again = run(*FAKE)
    assert (again.status, again.out) == (0, done.out)
    assert len(fake.loaded) == 1  # nothing was loaded for it


def test_every_generation_is_seeded_by_itself(run: Command) -> None:
    whole = run(*FAKE).responses
    few = run(*FAKE[:-4], "--seeds", f"{PAPER_SEEDS[1]},", "--limit", "5", "--name", "r", out="few")
    assert few.status == 0
    assert "PART OF THE SET, 5 of 24 tweets" in few.out
    assert len(few.responses) == 10
    assert few.responses.items() <= whole.items()
    assert len(set(whole.values())) > 50


def test_groups_and_several_tasks(run: Command) -> None:
    done = run(*FAKE[:2], "--tasks", "itr_demo", "--seeds", "1", "--limit", "4", "--name", "r")
    assert done.status == 0
    for task in ("itr_demo_lv", "itr_demo_en"):
        assert (done.folder.parent / task / "scores.json").exists()
        assert task in done.out
    status, out, _ = invoke("score", str(done.folder.parent.parent))
    assert status == 0 and out.count("\nfake   ") == 2, out
    assert out.count("\nfake: PART OF THE SET, 4 of 24 tweets\n") == 2
    assert out.count("\nfake: NOT OBSERVED") == 2
    second = run(
        *(*FAKE[:2], "--tasks", TASK, "--seeds", "2,", "--limit", "4", "--name", "s"), name="s"
    )
    status, out, _ = invoke("compare", str(second.folder.parent.parent), "--json")
    assert status == 0
    assert [found["task"] for found in json.loads(out)] == [TASK]


@pytest.mark.parametrize(
    ("model", "options", "text_first", "explained"),
    [
        ("llama-3.2-11b", (), False, True),
        ("llava-next-7b", (), True, False),
        ("qwen2-vl-7b", (), False, False),
    ],
)
def test_order_and_answer_format_reach_the_prompt(
    model: str, options: tuple[str, ...], text_first: bool, explained: bool
) -> None:
    """The chat that lmms-eval's task hands to an adapter, with the preset's settings in it."""
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs import generation, plan

    found = resolve_model(model)
    planned = plan.plan_task(get_task("itr_demo_en"), found, [1], 1)

    class Chat:
        is_simple = False
        task_dict: dict[str, Any] = {}  # noqa: RUF012

    loaded = generation.Model.__new__(generation.Model)
    loaded._spec, loaded._lm = found, Chat()
    request = loaded._build(planned)[0]
    prompt, messages, _, doc_id, task, split = request.args
    (turn,) = messages(Chat.task_dict[task][split][doc_id])
    kinds = [part["type"] for part in turn["content"]]
    assert kinds == (["text", "image"] if text_first else ["image", "text"])
    assert ("**EXPLANATION:**" in prompt) == explained
    assert turn["content"][kinds.index("text")]["text"] == prompt
    assert planned.configuration["answer_format"] == ("explained" if explained else "plain")


@pytest.mark.parametrize("fails", [False, True])
def test_the_block_after_the_next_call_is_expected_in_it(fails: bool) -> None:
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs import generation, plan

    found = resolve_model("qwen2-vl-7b")
    planned = plan.plan_task(get_task(TASK), found, [1, 2], 5)
    log: list[tuple[str, list[int]]] = []

    class Adapter:
        rows_in_flight = 8  # 2 questions x 2 seeds: two tweets

        def expect(self, documents: list[int]) -> None:
            log.append(("expect", documents))

        def expect_nothing(self) -> None:
            log.append(("nothing", []))

    class Model(generation.Model):
        def __init__(self) -> None:
            self._spec, self._lm, self._plans = found, Adapter(), {TASK: planned}

        def _instances(self, task: str, batch: Sequence[Any]) -> list[int]:
            return sorted({request.doc_id for request in batch})

        def _respond(self, task: str, batch: Sequence[Any], on_responses: Any) -> None:
            log.append(("ask", self._instances(task, batch)))
            if fails:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if fails else contextlib.nullcontext():
        Model().respond(TASK, planned.missing({}), lambda came: None, batch_size=None)
    first = [("expect", [4, 5, 6, 7]), ("ask", [0, 1, 2, 3])]
    rest = [("expect", [8, 9]), ("ask", [4, 5, 6, 7]), ("expect", []), ("ask", [8, 9])]
    assert log == [*first, *([] if fails else rest), ("nothing", [])]


def test_the_plan_reads_the_definitions_as_lmms_eval_does() -> None:
    from lmms_eval.tasks import TaskManager, get_task_dict

    from itr_bench.tasks import definitions

    tasks = {task.name: task for task in definitions.expand(["itr_demo", "itr_demo_lv_explained"])}
    for adapter in ("qwen2_vl", "llava_hf", "llama_vision"):
        manager = TaskManager("ERROR", include_defaults=False, model_name=adapter)
        for name, task in get_task_dict(list(tasks), manager, "simple").items():
            ours = definitions.define(tasks[name], adapter)
            assert ours.generation == task.config.generation_kwargs
            assert ours.version == str(task.VERSION)
            theirs = {key: task.lmms_eval_specific_kwargs[key] for key in ours.wording}
            wording = {**ours.wording, "answer_format": theirs["answer_format"]}
            assert theirs == wording
            if not ours.task.explained:
                assert theirs == ours.wording


@pytest.mark.parametrize(
    "text",
    [
        "a=1,b=x",
        "a=1.5,b=true,c=False,d=1e-3",
        'a={"x":1,"y":[1,2]},b=2',
        "a='x,y',b=3",
        "a=[1,2],b=-1",
        " a=1 , b=2 ",
        "a=b=c",
        "",
    ],
)
def test_arguments_are_read_as_lmms_eval_reads_them(text: str) -> None:
    from lmms_eval.utils import simple_parse_args_string

    from itr_bench.models.arguments import parse_arguments

    assert parse_arguments(text, "--x") == simple_parse_args_string(text)


# Interrupted and resumed


def test_killed_at_random_moments_a_run_ends_as_if_it_had_not_been(
    run: Command, tmp_path: Path
) -> None:
    paused = (*FAKE, "--model_args", "pause=0.005")
    whole = run(*paused)
    out, log = tmp_path / "killed", tmp_path / "log.txt"
    folder = out / "r" / TASK
    arguments = ("run", *paused, "--out", str(out))
    chance = random.Random(0)  # eight times, together less than the run takes
    for _ in range(8):
        moment = str(chance.uniform(0.001, 0.1))
        status = forked.run(adapters.itr_bench_killed_within, moment, *arguments, output=log)
        assert status == -signal.SIGALRM, log.read_text()[-3000:]
        assert (folder / "responses.jsonl").stat().st_size
        # What was seen stands before the first response.
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["observed"] == {"engine": None, "sent": {}}
    assert forked.run(adapters.itr_bench, *arguments, output=log) == 0, log.read_text()[-3000:]
    resumed = Done(0, "", "", folder)
    assert resumed.responses == whole.responses
    assert len(resumed.records) == len(whole.records)  # none was generated twice
    sessions = resumed.manifest["sessions"]
    assert len(sessions) >= 8
    assert sum(session["responses"] for session in sessions) == len(whole.records)
    assert resumed.manifest["configuration"] == whole.manifest["configuration"]


SEEN = [
    (("vllm", {}), ("vllm", {}), ("vllm", {})),
    (("vllm", {"top_p": 0.9}), ("vllm", {"top_p": 0.9}), ("vllm", {"top_p": 0.9})),
    (("vllm", {"seed": 3}), ("vllm", {"seed": 4}), ("vllm", {"seed": "varies"})),
    (("vllm", {}), ("vllm", {"top_p": 0.9}), ("vllm", {"top_p": "varies"})),
    (("vllm", {"seed": "varies"}), ("vllm", {"seed": 4}), ("vllm", {"seed": "varies"})),
    (("vllm", {}), (None, {}), (None, {})),
    (("vllm", {}), ("transformers", {}), (None, {})),
]


@pytest.mark.parametrize(("one", "other", "both"), SEEN)
def test_what_was_seen_in_parts_of_a_run(one: Any, other: Any, both: Any) -> None:
    from itr_bench.runs.asked import Observed

    assert Observed(*one).joined(Observed(*other)) == Observed(*both)
    assert Observed(*other).joined(Observed(*one)) == Observed(*both)


@pytest.mark.parametrize("cut", [1, 2, 30, 10**4], ids=["newline", "brace", "check", "lines"])
def test_a_torn_last_line_is_cut_off_and_generated_again(run: Command, cut: int) -> None:
    whole = run(*FAKE)
    journal = whole.folder / "responses.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[:-cut])
    resumed = run(*FAKE)
    assert resumed.status == 0
    assert "the last line was torn" in resumed.err
    assert journal.read_bytes() == content


def test_interrupted(run: Command) -> None:
    done = run(*FAKE, *wrong("interrupt", at=50))
    assert done.status == 130
    assert "give the same command again to resume" in done.err
    assert len(done.records) == 50
    assert done.manifest["sessions"][-1]["responses"] == 50


def test_an_unfinished_run_is_scored_as_a_part(run: Command) -> None:
    done = run(*FAKE, *wrong("raise", at=50))
    status, out, _ = invoke("score", str(done.folder))
    assert status == 0
    assert "PART OF THE SET, 8 of 24 tweets" in out  # 6 responses a tweet
    early = run(*FAKE, *wrong("raise", at=5), out="early")
    status, _, err = invoke("score", str(early.folder))
    assert status == 1
    assert "no tweet is complete yet; give the command of the run again" in err


# Refused

CHANGES = [
    (("--seeds", "2"), "seeds: [8263, 10652, 29960] there, [8263, 10652] now"),
    (("--limit", "3"), "tweets: 24 there, 3 now"),
    (("--gen_kwargs", "temperature=0.9"), "generation.temperature: 0.2 there, 0.9 now"),
    (("--gen_kwargs", "temperature=null"), "generation.temperature: 0.2 there, None now"),
    (("--gen_kwargs", "top_k=3"), "generation.top_k: None there, 3 now"),
    (("--model_args", "at=7"), "model_args.at: None there, 7 now"),
    (("--model_args", "revision=abc"), "revision: None there, 'abc' now"),
    (("--model_args", "pretrained=a/b"), "checkpoint: None there, 'a/b' now"),
    (("--model_args", "model=b"), "model_args.model: None there, 'b' now"),
    (("--force_simple",), "force_simple: False there, True now"),
    (("--model", "itr_baseline"), "adapter: 'fake' there, 'itr_baseline' now"),
]


@pytest.mark.parametrize(("options", "message"), CHANGES)
def test_other_conditions_are_refused_by_name(
    run: Command, options: tuple[str, ...], message: str
) -> None:
    first = run(*FAKE)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    done = run(*FAKE, *options)
    assert done.status == 1
    assert message in done.err
    assert "--name NAME" in done.err
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("device", "GPU X", "device: 'GPU X' there, 'cpu' now"),
        ("dtype", "float16", "dtype: 'float16' there, None now"),
        ("content", "commit:1", "content: 'commit:1' there, None now"),
        ("libraries", {"torch": "0"}, "libraries.torch: '0' there, "),
        ("engine", {"rows_in_flight": 8}, "engine.rows_in_flight: 8 there, None now"),
    ],
)
def test_what_is_found_after_loading_is_compared_as_well(
    run: Command, key: str, value: object, message: str
) -> None:
    from itr_bench.runs.manifest import write_manifest

    done = run(*FAKE, *wrong("interrupt", at=9))
    manifest = done.manifest
    manifest["configuration"][key] = value
    write_manifest(done.folder, manifest)
    again = run(*FAKE, *wrong("interrupt", at=9))
    assert again.status == 1
    assert message in again.err
    assert len(again.records) == 9


def test_what_changes_no_score_is_not_refused(run: Command) -> None:
    done = run(*FAKE, *wrong("interrupt", at=9))
    for option in ("device=cpu", "timeout=3", "api_key=hidden-one"):
        again = run(*FAKE, *wrong("interrupt", at=9, **dict([option.split("=")])))
        assert again.status == 130
    assert len(again.records) > len(done.records[:9])
    assert "hidden-one" not in (done.folder / "manifest.json").read_text()


def test_two_processes_in_one_folder(run: Command, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "r" / TASK
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        other = subprocess.run(
            [
                *(sys.executable, "-m", "itr_bench.cli.main", "run", "--model", "itr_baseline"),
                *("--tasks", TASK, "--name", "r", "--out", str(tmp_path / "runs")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    assert other.returncode == 1
    assert f"another process is running in {folder}" in other.stderr
    assert not (folder / "responses.jsonl").exists()


def test_started_by_torchrun(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    done = run(*FAKE)
    assert done.status == 1
    assert "use --processes N" in done.err


BAD_OPTIONS = [
    (("--model", "qwen2-vl-7"), "unknown model 'qwen2-vl-7'. Did you mean 'qwen2-vl-7b'?"),
    (("--model", "qwen2_wl"), "unknown model 'qwen2_wl'. Did you mean 'qwen2_vl'?"),
    (("--tasks", "itr_demo_lw"), "unknown task 'itr_demo_lw'. Did you mean 'itr_demo_lv'?"),
    (("--tasks", "tirt"), "the data set 'tirt' cannot be fetched. TIRT is published"),
    (("--seeds", "papr"), "seeds 'papr': expected `paper`"),
    (("--seeds", "1,1"), "seeds '1,1': expected"),
    (("--name", "a/b"), "--name 'a/b': expected the name of a folder"),
    (("--model_args", "pause"), "--model_args: 'pause', expected name=value"),
    (("--model_args", "at=1,at=2"), "'at' stands twice"),
    (("--gen_kwargs", "seed=4"), "give the seeds by --seeds"),
    (("--batch-size", "4"), "fake does not seed each request by itself"),
    (("--model", "qwen2-vl-7b"), "GPU: or run on the CPU, which takes days for a large model"),
    (("--model_args", "device=cuda"), "GPU: or run on the CPU"),
    (("--model", "itr_baseline", "--model_args", "strategy=x"), "unknown strategy 'x'"),
    (("--model", "qwen2_vl", "--model_args", "pretrained=/nowhere"), "qwen2_vl could not be load"),
    (("--model", "defaulted"), "defaulted was given no checkpoint: give --model_args pretrained=N"),
    (
        ("--model", "qwen2_vl"),
        "qwen2_vl was given no checkpoint: give --model_args pretrained=NAME",
    ),
    (("--model_args", "at=1e999"), "'at=1e999', expected a finite number"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options(
    run: Command, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr("itr_bench.models.machine.gpu_count", lambda: 0)
    done = run(*FAKE, *options)
    assert done.status == 1
    assert message in done.err
    assert not (done.folder / "manifest.json").exists()


# Faults of adapters


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("raise", "fake raised ValueError: the model has had enough (adapters.py, line "),
        ("fewer", "fake gave 0 responses to 1 requests (tweet "),
    ],
)
def test_an_adapter_that_fails_in_mid_run(run: Command, what: str, message: str) -> None:
    done = run(*FAKE, *wrong(what, at=13))
    assert done.status == 1
    assert message in done.err
    assert f"{TASK}, tweet 1000000000000000003, adds, seed {PAPER_SEEDS[1]}" in done.err or (
        what == "fewer"
    )
    assert len(done.records) == 13


@pytest.mark.parametrize("what", ["none", "failed"])
def test_failed_requests_are_asked_again(
    run: Command, fake: type[adapters.Fake], what: str
) -> None:
    done = run(*FAKE, *wrong(what, at=100))
    assert done.status == 1
    assert "44 of 144 responses are missing, 44 requests failed" in done.err
    assert "PART OF THE SET, 16 of 24 tweets" in done.out
    assert len(done.records) == 100
    again = run(*FAKE, *wrong(what, at=100))
    assert again.status == 0
    assert len(fake.asked) == 144 + 44
    assert again.responses == run(*FAKE, out="whole").responses


def test_a_model_that_says_nothing(run: Command) -> None:
    done = run(*FAKE, *wrong("empty"))
    assert done.status == 0  # saying nothing is an answer, and a wrong one
    assert "the first 20 responses are all empty" in done.err
    assert "100.0 % unparseable" in done.out
    assert "the first 20" not in run(*FAKE, *wrong("empty", at=1), out="spoke").err


def test_a_model_that_says_none(run: Command) -> None:
    done = run(*FAKE, *wrong("word"))
    assert done.status == 0
    assert set(done.responses.values()) == {"None"}
    assert "100.0 % unparseable" in done.out


@pytest.mark.parametrize("adapter", ["hiding", "hiding_chat"])
def test_errors_that_an_adapter_takes_for_empty_responses(run: Command, adapter: str) -> None:
    options = ("--model", adapter, *FAKE[2:])
    failed = run(*options, *wrong("raise", at=11))
    assert failed.status == 1
    assert "133 requests failed" in failed.err
    assert "ValueError: out of memory" in failed.err
    assert Counter(failed.responses.values()) == {"": 6, "Yes": 5}  # saying nothing is an answer


def test_what_is_computed_together_does_not_depend_on_interruptions(
    run: Command, monkeypatch: pytest.MonkeyPatch, fake: type[adapters.Fake]
) -> None:
    from itr_bench.models import adapters as handled

    blocks = handled.Handling(handled.Seeding.REQUEST, batch=None)
    monkeypatch.setitem(handled._HANDLING, "together", blocks)
    options = ("--model", "together", *FAKE[2:])
    whole = run(*options)
    assert (whole.status, len(fake.asked)) == (0, 144)
    assert whole.manifest["configuration"]["engine"] == {"shared": True, "rows_in_flight": 12}
    journal = whole.folder / "responses.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    fake.asked.clear()
    kept = [line for number, line in enumerate(lines) if number not in (3, 40, 41, 143)]
    journal.write_bytes(b"".join(kept))
    again = run(*options)
    assert again.responses == whole.responses
    assert len(again.records) == 144
    assert again.manifest["sessions"][-1]["responses"] == 4
    assert len(fake.asked) == 3 * 12  # a block is two tweets of six responses
    # Failed requests of a block leave the others of it as they are.
    failing = run(*options, *wrong("failed", at=100), out="failing")
    assert (failing.status, len(failing.records)) == (1, 144 - 16)
    assert "16 of 144 responses are missing, 16 requests failed" in failing.err
    other = run(*options, "--model_args", "rows_in_flight=6", out="other").responses
    assert other != whole.responses


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"temperature": 0.2, "do_sample": True}, {"temperature": 0.2}),
        ({"temperature": 0.2, "do_sample": False}, {"temperature": 0}),
        ({"do_sample": True}, {}),
        ({}, {"temperature": 0.2}),
        ({"temperature": 0.2, "until": [], "top_p": 0.5}, {"temperature": 0.2, "top_p": 0.5}),
        ({"temperature": 0.2, "until": "x"}, {"temperature": 0.2, "stop": ["x"]}),
        ({"temperature": 0.2, "until": ["x", "y"]}, {"temperature": 0.2, "stop": ["x", "y"]}),
        (
            {"temperature": 0.2, "top_k": 3, "min_p": 0.1, "repetition_penalty": 1.1},
            {
                "temperature": 0.2,
                "extra_body": {"top_k": 3, "min_p": 0.1, "repetition_penalty": 1.1},
            },
        ),
    ],
)
def test_a_server_is_sent_the_settings(settings: dict[str, Any], sent: dict[str, Any]) -> None:
    from itr_bench.models.async_openai import sent as send

    payload = {"temperature": 0.2, "max_tokens": 5}
    assert send(payload, settings) == {"max_tokens": 5, **sent}


@pytest.mark.parametrize("form", ["--model_args {}", "--model-args={}", "--gen_kwargs {}"])
def test_the_command_is_kept_without_secrets(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    from itr_bench.cli.run import command_line

    given = (
        'revision=0123456,base_url=http://u:hidden@h/v1?k=hidden,extra_headers={"A":"hidden"},'
        'x={"auth":"hidden","b":[1,2]},api_keys=hidden'
    )
    monkeypatch.setattr(sys, "argv", ["x", "run", *form.format(given).split(" "), "--name", "r"])
    kept = 'revision=0123456,base_url=http://h/v1,x={"b":[1,2]}'
    assert shlex.split(command_line()) == [
        *("itr-bench", "run"),
        *form.format(kept).split(" "),
        *("--name", "r"),
    ]


def test_responses_at_the_limit_are_counted(run: Command) -> None:
    done = run(*FAKE, "--gen_kwargs", "max_new_tokens=7")
    at_limit = sum(r["tokens"] >= 7 for r in done.records)
    assert 0 < at_limit < 144
    assert f"{at_limit} of 144 responses ended at the limit of 7 tokens" in done.err


def test_an_image_that_cannot_be_read(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from itr_bench.data import tweet_set

    decode = tweet_set.decode
    calls = []

    def torn(content: bytes, where: str) -> Any:
        calls.append(1)
        return decode(content if len(calls) <= 6 else b"torn", where)

    monkeypatch.setattr(tweet_set, "decode", torn)
    done = run(*FAKE)
    assert done.status == 1
    assert "tweet 1000000000000000002, adds" in done.err
    assert len(done.records) == 6


def test_a_full_disk(run: Command, tmp_path: Path) -> None:
    whole = run(*FAKE)
    log = tmp_path / "log.txt"
    arguments = ("run", *FAKE, "--out", str(tmp_path / "full"))
    assert forked.run(adapters.itr_bench_on_a_full_disk, *arguments, output=log) == 1
    assert "responses.jsonl: File too large. What was answered before is kept" in log.read_text()
    journal = tmp_path / "full" / "r" / TASK / "responses.jsonl"
    kept = journal.read_bytes()
    assert 9000 < len(kept) < 10000
    assert kept.endswith(b"}\n")
    again = run(*FAKE, out="full")
    assert again.status == 0
    assert "torn" not in again.err
    assert again.responses == whole.responses


# Several processes


def test_two_processes_find_what_one_finds(run: Command) -> None:
    arguments = (
        *("--model", "itr_baseline", "--model_args", "strategy=uniform", "--tasks", "itr_demo"),
        *("--seeds", "4", "--name", "r"),
    )
    one = run(*arguments)
    two = run(*arguments, "--processes", "2", out="two")
    assert (one.status, two.status) == (0, 0), two.err
    assert two.responses == one.responses
    assert two.manifest["configuration"] == one.manifest["configuration"]
    assert one.out.split("\n\n")[0] == two.out.split("\n\n")[0]


def test_a_worker_that_dies_or_raises(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from itr_bench.runs import workers

    monkeypatch.setattr(workers, "_work", adapters.work)
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: forked.context())
    died = run(*FAKE, *wrong("die", at=20), "--processes", "2")
    assert died.status == 1
    assert "of 2 died (signal SIGKILL). What was answered is kept" in died.err
    assert len(died.records) >= 20
    raised = run(*FAKE, *wrong("raise", at=20), "--processes", "2", out="raised")
    assert raised.status == 1
    assert "the model has had enough" in raised.err
    assert len(raised.records) >= 20


@dataclass
class FailingModel:
    """As ``generation.Model``; *error* comes out of it where a response is asked for."""

    error: Exception
    configuration: ClassVar[dict[str, Any]] = {}

    def respond(self, *_: Any, **__: Any) -> None:
        raise self.error


LAST_WORDS = [
    (
        KeyError("image_grid_thw"),
        r"a worker raised KeyError: 'image_grid_thw' \(test_run.py, line \d+\); its whole "
        r"traceback stands above. What was answered is kept; fix the cause and give the same "
        r"command again.",
        True,
    ),
    (ItrBenchError("a message of ours"), "a message of ours", False),
]


@pytest.mark.parametrize("parent_is_there", [True, False])
@pytest.mark.parametrize(("error", "message", "traceback"), LAST_WORDS)
def test_what_a_worker_says_of_an_exception(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
    message: str,
    traceback: bool,
    parent_is_there: bool,
) -> None:
    from itr_bench.runs import generation, workers

    monkeypatch.setattr(generation, "Model", lambda *_: FailingModel(error))
    monkeypatch.setattr(workers.signal, "signal", lambda *_: None)
    ours, theirs = multiprocessing.Pipe()
    ours.send(Block("task", [], None))
    if not parent_is_there:
        ours.close()
    workers._work(theirs, adapters.Fake, [], {})  # type: ignore[arg-type]
    if parent_is_there:
        assert ours.recv() == Ready({})
        said = ours.recv()
        assert isinstance(said, Failed) and re.fullmatch(message, str(said.error))
    shown = capfd.readouterr().err
    assert ("Traceback" in shown and "in respond" in shown) == (traceback and parent_is_there)
    assert shown.rstrip().endswith("KeyError: 'image_grid_thw'") or not shown


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    parent = forked.start(
        adapters.itr_bench,
        *("run", *FAKE, "--model_args", "pause=0.2", "--processes", "2"),
        *("--out", str(tmp_path / "runs")),
        output=tmp_path / "log.txt",
        own_group=True,
    )
    journal = tmp_path / "runs" / "r" / TASK / "responses.jsonl"
    try:
        until = time.monotonic() + forked.TIMEOUT_S
        while (
            parent.is_alive()
            and (not journal.exists() or not journal.stat().st_size)
            and time.monotonic() < until
        ):
            time.sleep(0.1)
        assert journal.stat().st_size
        children = _children(parent.pid)
        assert len(children) >= 2
        parent.kill()
        parent.join()
        until = time.monotonic() + forked.TIMEOUT_S  # seldom more than a second
        while any(map(_alive, children)) and time.monotonic() < until:
            time.sleep(0.1)
        assert not [child for child in children if _alive(child)]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


# Stock adapters


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("decord", reason="the extra `eval` is not installed")
    from itr_bench.models.tiny import make_checkpoint

    return make_checkpoint("qwen2_vl", tmp_path_factory.mktemp("tiny") / "qwen2_vl", seed=2)


def test_a_stock_adapter_is_seeded_request_by_request(run: Command, checkpoint: Path) -> None:
    arguments = (
        *("--model", "qwen2_vl", "--tasks", TASK, "--limit", "3", "--name", "r"),
        *("--model_args", f"pretrained={checkpoint},device=cpu,device_map=cpu"),
        *("--gen_kwargs", "max_new_tokens=8,temperature=1.5"),
    )
    done = run(*arguments, "--seeds", "4")
    assert done.status == 0
    by_item: dict[tuple[str, str], set[str]] = {}
    for (tweet, question, _), text in done.responses.items():
        by_item.setdefault((tweet, question), set()).add(text)
    assert max(map(len, by_item.values())) > 1  # seeds differ
    alone = run(*arguments, "--seeds", f"{PAPER_SEEDS[3]},", out="alone")
    assert alone.responses.items() <= done.responses.items()
    configuration = done.manifest["configuration"]
    assert configuration["content"].startswith("sha256:")
    assert (configuration["device"], configuration["dtype"]) == ("cpu", "float32")
    assert configuration["checkpoint"] == "/".join(checkpoint.parts[-2:])
    assert str(checkpoint) not in json.dumps(configuration)
    # Another checkpoint in the same place is another model.
    (done.folder / "responses.jsonl").write_bytes(
        b"".join((done.folder / "responses.jsonl").read_bytes().splitlines(True)[:-1])
    )
    other = checkpoint / "generation_config.json"
    before = other.read_text()
    other.write_text(before + "\n")
    try:
        folder_hash.cache_clear()
        refused = run(*arguments, "--seeds", "4")
    finally:
        other.write_text(before)
    assert refused.status == 1
    assert "content: 'sha256:" in refused.err


# A server with faults


class _Server(http.server.BaseHTTPRequestHandler):
    """Answers by prompt and seed; every eighth new request meets a fault first."""

    FAULTS = ("drop", "truncate", "429", "500", "delay")

    def do_POST(self) -> None:
        state: Any = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = next(p["text"] for p in body["messages"][-1]["content"] if p["type"] == "text")
        key = (prompt, body.get("seed"))
        with state.lock:
            state.requests.append((prompt, body))
            state.attempts[key] += 1
            if state.attempts[key] == 1:
                state.distinct += 1
                first = state.distinct
            else:
                first = 1
        if "croissant" in prompt and not state.forgiving:
            self.send_error(400)
            return
        fault = self.FAULTS[first // 8 % len(self.FAULTS)] if first % 8 == 0 else ""
        if fault == "drop":
            self.connection.close()
        elif fault in ("429", "500"):
            self.send_error(int(fault))
        else:
            time.sleep(0.3 if fault == "delay" else 0)
            self._answer(prompt, body, truncate=fault == "truncate")

    def _answer(self, prompt: str, body: dict[str, Any], *, truncate: bool) -> None:
        text = "Yes" if (body["seed"] + len(prompt)) % 2 else "No"
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        content = json.dumps({**answer, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if truncate else content)
        if truncate:
            self.connection.close()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0)
    found: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    found.requests, found.attempts, found.distinct = [], Counter(), 0
    found.forgiving, found.lock = False, threading.Lock()
    with served(found):
        yield found


def at(server: Any, cpus: int) -> tuple[str, ...]:
    return (
        *("--model", "async_openai", "--name", "r", "--seeds", "2", "--model_args"),
        f"model_version=m,base_url=http://127.0.0.1:{server.server_address[1]}/v1,api_key=hidden,"
        f"max_retries=2,retry_backoff_s=0,num_cpus={cpus}",
    )


def test_a_server_with_faults(run: Command, server: Any) -> None:
    arguments = (*at(server, 4), "--tasks", "itr_demo_en")
    done = run(*arguments, task="itr_demo_en")
    assert done.status == 1
    assert "4 of 96 responses are missing, 4 requests failed" in done.err
    assert "400" in done.err
    assert len(done.records) == 92
    assert all(r["tokens"] == 2 for r in done.records)
    server.forgiving = True
    asked = len(server.requests)
    again = run(*arguments, task="itr_demo_en")
    assert again.status == 0
    assert len(again.responses) == len(again.records) == 96
    assert len(server.requests) - asked == 4
    # Each request carried its seed, and the response is that seed's.
    assert Counter(body["seed"] for _, body in server.requests).keys() == set(PAPER_SEEDS[:2])
    lengths = {(prompt, body["seed"]) for prompt, body in server.requests}
    assert len(lengths) == 96
    words = Counter("Yes" if (seed + len(prompt)) % 2 else "No" for prompt, seed in lengths)
    assert Counter(again.responses.values()) == words
    assert server.requests[0][1]["max_tokens"] == 512
    assert "hidden" not in (again.folder / "manifest.json").read_text()
    assert again.manifest["configuration"]["device"] is None


def test_the_requests_of_a_tweet_are_adjacent(run: Command, server: Any) -> None:
    server.forgiving = True
    settings = ("--gen_kwargs", "top_p=0.5,top_k=3,do_sample=false")
    done = run(*at(server, 1), "--tasks", "itr_demo", *settings, task="itr_demo_en")
    assert done.status == 0
    bodies = [body for _, body in server.requests]
    assert {(b["temperature"], b["top_p"], b["top_k"]) for b in bodies} == {(0, 0.5, 3)}
    texts = [prompt.split("\n")[1] for prompt, _ in server.requests]
    changes = sum(a != b for a, b in itertools.pairwise(texts))
    assert changes == 24 * 2 - 1  # both tasks, each tweet once


def test_a_server_that_is_down(run: Command) -> None:
    done = run(
        *("--model", "async_openai", "--tasks", TASK, "--seeds", "1", "--name", "r"),
        *("--model_args", "model_version=m,base_url=http://127.0.0.1:9/v1,api_key=x"),
        *("--model_args", "base_url=http://127.0.0.1:9/v1,api_key=x,max_retries=1,num_cpus=48"),
    )
    assert done.status == 1
    assert "http://127.0.0.1:9/v1/: Connection error" in done.err
    assert "start the server, or correct --model_args base_url=..." in done.err


# Looking ahead


def test_dry_run_loads_and_fetches_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-X", "importtime", "-m", "itr_bench.cli.main", "run", "--dry-run"),
            *("--model", "llava_hf", "--model_args", "pretrained=a/b,token=hidden"),
            *("--tasks", "ltec_itr_lv,tirt,itr_demo_lv", "--out", str(tmp_path / "runs")),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "350 tweets x 2 questions x 10 seeds = 7000: 0 done, 7000 to do" in done.stdout
    assert "24 tweets x 2 questions x 10 seeds = 480" in done.stdout
    assert "not known before the data is there" in done.stdout
    assert "to generate in all: 7480" in done.stdout
    assert (
        "lmms-eval --model llava_hf --model_args pretrained=a/b --tasks ltec_itr_lv --repeats 10 "
        "--log_samples --output_path out/" in done.stdout
    )
    assert "text, image; plain answers" in done.stdout
    assert "hidden" not in done.stdout
    assert not (tmp_path / "runs").exists()
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"torch", "lmms_eval", "transformers"}


def test_dry_run_counts_what_is_done_and_what_differs(run: Command) -> None:
    run(*FAKE, *wrong("interrupt", at=50))
    done = run(*FAKE, *wrong("interrupt", at=50), "--dry-run")
    assert "144: 50 done, 94 to do" in done.out
    assert "REFUSED" not in done.out
    other = run(*FAKE, *wrong("interrupt", at=9), "--seeds", "1", "--limit", "2", "--dry-run")
    assert "4: 4 done, 0 to do" in other.out
    assert "REFUSED" in other.out
    assert "model_args.at: 50 there, 9 now" in other.out
    assert "tweets: 24 there, 2 now" in other.out
    preset = run(
        *("--model", "qwen2-vl-7b", "--tasks", TASK, "--seeds", "2", "--dry-run"),
        *("--model_args", "quantization=none,dtype=float32,device=cpu"),
        *("--gen_kwargs", "max_new_tokens=8"),
    )
    for line in (
        "quantization: 4bit in the paper, none here",
        "dtype: bfloat16 in the paper, float32 here",
        "max_new_tokens: 512 in the paper, 8 here",
        "seeds: the ten of the paper, 2 here",
        "seeds cannot differ",
        "--gen_kwargs max_new_tokens=8",
    ):
        assert line in preset.out
    assert "device:" not in preset.out


def test_the_journal_is_read_before_anything_is_loaded(
    run: Command, fake: type[adapters.Fake]
) -> None:
    done = run(*FAKE, *wrong("interrupt", at=50))
    journal = done.folder / "responses.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[6] = lines[6].replace(b'"response":"', b'"response":"Yes. ')
    journal.write_bytes(b"".join(lines))
    again = run(*FAKE, *wrong("interrupt", at=50))
    assert again.status == 1
    assert "responses.jsonl, line 7: its checksum does not fit" in again.err
    record = Response.of_log_line(lines[0].rstrip(b"\n"))
    for field, value, message in (
        ("tweet_id", "77", "tweet 77, adds): not among the tweets of this run"),
        ("seed", 77, "seed 77 is none of this run's"),
        ("prompt_hash", "0" * 12, "prompt_hash is '000000000000', expected"),
        ("image_sha256", "0", "image_sha256 is '0', expected"),
        ("relation", 3, "relation is 3, expected 0"),
    ):
        changed = Response(**{**vars(record), field: value})
        journal.write_bytes(changed.log_line())
        again = run(*FAKE, *wrong("interrupt", at=50))
        assert again.status == 1
        assert message in again.err
    assert len(fake.loaded) == 1


def test_tasks_that_were_not_begun_are_named(
    run: Command, recwarn: pytest.WarningsRecorder
) -> None:
    done = run(*FAKE[:2], "--tasks", "itr_demo", "--seeds", "1", "--name", "r", *wrong("raise", 9))
    assert done.status == 1
    folder = done.folder.parent
    status, out, err = invoke("score", str(folder))
    said = err + "".join(str(warning.message) for warning in recwarn)
    assert (status, "PART OF THE SET, 4 of 24 tweets" in out) == (0, True)
    begun = next(path.parent for path in folder.rglob("manifest.json"))
    (other,) = [path for path in folder.iterdir() if path != begun]
    assert f"{other}: not begun" in said


def test_of_several_runs_those_without_a_complete_tweet_are_left_out(
    run: Command, recwarn: pytest.WarningsRecorder
) -> None:
    run(*FAKE, out="runs/a")
    early = run(*FAKE, *wrong("raise", at=5), out="runs/b")
    status, out, err = invoke("score", str(early.folder.parents[2]))
    said = err + "".join(str(warning.message) for warning in recwarn)
    assert status == 0 and "24 tweets" in out
    assert f"{early.folder}: no tweet is complete yet" in said
