"""What leaves an adapter is what is recorded; what differs from what was asked is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from itr_bench.models.boundary import Asked, Call, Watch, differences
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.seeds import PAPER_SEEDS
from tests.conftest import needs
from tests.test_run import TASK, Done, invoke

pytestmark = needs("lmms_eval")


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global adapters
    from tests import adapters


PAPER = {"max_new_tokens": 512, "temperature": 0.2, "do_sample": True, "until": []}
OWN = {"do_sample": False, "temperature": 1.0, "top_p": 1.0, "top_k": 50, "num_beams": 1}
VLLM = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}

# asked, sent, what is usual there, what differs
DIFFERENCES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (PAPER, {**OWN, **PAPER}, OWN, {}),
    (PAPER, {**OWN, **PAPER, "top_p": None}, OWN, {}),
    (PAPER, {**OWN, **PAPER, "top_p": 0.9}, OWN, {"top_p": (1.0, 0.9)}),
    (PAPER, {**OWN, **PAPER, "top_k": None}, OWN, {"top_k": (50, None)}),
    (PAPER, {**OWN, **PAPER, "max_new_tokens": 4096}, OWN, {"max_new_tokens": (512, 4096)}),
    (PAPER, {**OWN, **PAPER, "num_beams": 4}, OWN, {"num_beams": (1, 4)}),
    (PAPER, {**OWN, **PAPER, "temperature": 0.7}, OWN, {"temperature": (0.2, 0.7)}),
    (PAPER, {**OWN, "max_new_tokens": 512}, OWN, {"do_sample": (True, False)}),
    # The checkpoint's own, kept and taken away
    (PAPER, {**OWN, **PAPER, "top_k": 1}, {**OWN, "top_k": 1}, {}),
    (PAPER, {**OWN, **PAPER}, {**OWN, "top_k": 1}, {"top_k": (1, 50)}),
    ({"max_new_tokens": 5}, {**OWN, "max_new_tokens": 5}, OWN, {}),
    (
        {"max_new_tokens": 5},
        {**OWN, **PAPER, "max_new_tokens": 5},
        OWN,
        {"do_sample": (False, True)},
    ),
    # Greedy, in whose settings of sampling nothing lies
    ({**PAPER, "do_sample": False}, {**OWN, "max_new_tokens": 512, "temperature": 0.2}, OWN, {}),
    ({**PAPER, "do_sample": False}, {**OWN, **PAPER}, OWN, {"do_sample": (False, True)}),
    ({**PAPER, "temperature": 0}, {**OWN, **PAPER}, OWN, {"do_sample": (False, True)}),
    # Engines that know no do_sample
    (PAPER, {**VLLM, "max_new_tokens": 512, "temperature": 0.2}, VLLM, {}),
    (
        PAPER,
        {**VLLM, "max_new_tokens": 4096, "temperature": 0.2, "top_p": 0.95},
        VLLM,
        {"max_new_tokens": (512, 4096), "top_p": (1.0, 0.95)},
    ),
    (
        {**PAPER, "do_sample": False},
        {**VLLM, "max_new_tokens": 512, "temperature": 0.2},
        VLLM,
        {"do_sample": (False, True)},
    ),
    ({**PAPER, "do_sample": False}, {**VLLM, "max_new_tokens": 512, "temperature": 0}, VLLM, {}),
    # Requests, in which nothing is usual
    (PAPER, {"max_new_tokens": 512, "temperature": 0.2}, {}, {}),
    (PAPER, {"max_new_tokens": 512}, {}, {"temperature": (0.2, None)}),
    (
        {**PAPER, "top_k": 3},
        {"max_new_tokens": 512, "temperature": 0.2},
        {},
        {"top_k": (3, None)},
    ),
    ({"max_new_tokens": 5, "do_sample": True}, {"max_new_tokens": 5}, {}, {}),
]


@pytest.mark.parametrize(("asked", "sent", "usual", "expected"), DIFFERENCES)
def test_what_differs(
    asked: dict[str, Any], sent: dict[str, Any], usual: dict[str, Any], expected: dict[str, Any]
) -> None:
    call = Call("engine", sent, usual, (1,), 1)
    assert differences(Asked(asked, frozenset([1, 2]), 1), call) == expected


@pytest.mark.parametrize(
    ("seeds", "sent", "expected"),
    [
        (frozenset([1, 2]), (2, 1), {}),
        (frozenset([1, 2]), (1, 3), {"seed": (1, 3)}),
        (frozenset([1, 2]), None, {"seed": (1, None)}),
        (None, None, {}),
    ],
)
def test_seeds(seeds: Any, sent: Any, expected: dict[str, Any]) -> None:
    assert differences(Asked({}, seeds, 0), Call("e", {}, {}, sent, None)) == expected


@pytest.mark.parametrize(
    ("asked", "sent", "expected"),
    [(1, 1, {}), (1, None, {}), (1, 0, {"pictures": (1, 0)}), (0, 1, {"pictures": (0, 1)})],
)
def test_pictures(asked: int, sent: int | None, expected: dict[str, Any]) -> None:
    assert differences(Asked({}, None, asked), Call("e", {}, {}, None, sent)) == expected


# Whole runs with a model of transformers behind an adapter

Command = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Command]:
    adapters.register()

    def command(model: str, model_args: str, *more: str, out: str = "runs", seeds: int = 1) -> Done:
        arguments = ("--model", model, "--model_args", model_args, "--tasks", TASK, "--name", "r")
        rest = ("--seeds", str(seeds), "--limit", "2", "--out", str(tmp_path / out))
        status, stdout, stderr = invoke("run", *arguments, *rest, *more)
        return Done(status, stdout, stderr, tmp_path / out / "r" / TASK)

    yield command


FEW = ("--gen_kwargs", "max_new_tokens=4")


def test_what_is_sent_as_asked_is_observed(run: Command) -> None:
    done = run("generating", "pause=0", *FEW, seeds=2)
    assert (done.status, len(done.records)) == (0, 8)
    assert done.manifest["observed"] == {"engine": "transformers", "sent": {}}
    generation = read_run_folder(done.folder).generation
    assert generation is not None and "sent" not in generation


SENT_OTHERWISE = [
    ("adds=top_p,added=0.9", "top_p: 1.0 expected, 0.9 sent; --gen_kwargs top_p=1.0"),
    (
        "adds=max_new_tokens,added=6",
        "max_new_tokens: 4 expected, 6 sent; --gen_kwargs max_new_tokens=6",
    ),
    ("drops=temperature", "temperature: 0.2 expected, 1.0 sent; --gen_kwargs temperature=1.0"),
    ("drops=do_sample", "do_sample: true expected, false sent; --gen_kwargs do_sample=false"),
    ("reseeds=true", f"seed: {PAPER_SEEDS[0]} expected, 1 sent\n"),
]


@pytest.mark.parametrize(("wrong", "message"), SENT_OTHERWISE)
def test_what_is_sent_otherwise_ends_the_run_at_the_first_tweet(
    run: Command, wrong: str, message: str
) -> None:
    done = run("generating", wrong, *FEW)
    assert done.status == 1
    assert message in done.err
    assert "tweet 1000000000000000001, adds" in done.err
    assert done.records == []


def test_a_difference_that_is_allowed_is_recorded_and_signed(run: Command) -> None:
    plain = run("generating", "pause=0", *FEW, out="plain")
    allow = ("--allow-different", "top_p, temperature")
    done = run("generating", "adds=top_p,added=0.9", *FEW, *allow)
    assert (done.status, len(done.records)) == (0, 4)
    assert done.manifest["observed"] == {"engine": "transformers", "sent": {"top_p": 0.9}}
    assert done.manifest["configuration"]["allow_different"] == ["temperature", "top_p"]
    generation = read_run_folder(done.folder).generation
    assert generation is not None
    assert generation["sent"] == {"temperature": None, "top_p": 0.9}
    signatures = {str(read_run_folder(one.folder).signature) for one in (plain, done)}
    assert len(signatures) == 2
    other = run("generating", "adds=top_p,added=0.9", *FEW, "--allow-different", "top_p")
    assert other.status == 1
    assert "allow_different: ['temperature', 'top_p'] there, ['top_p'] now" in other.err
    unknown = run("generating", "pause=0", "--allow-different", "topp", out="unknown")
    assert "--allow-different: unknown setting 'topp'. Did you mean 'top_p'?" in unknown.err


def test_an_engine_that_is_not_known_is_not_observed(run: Command) -> None:
    done = run("fake", "pause=0")
    assert done.status == 0
    assert done.manifest["observed"] == {"engine": None, "sent": {}}
    generation = read_run_folder(done.folder).generation
    assert generation is not None and generation["sent"] == "not observed"
    assert "NOT OBSERVED" in done.out


def test_a_baseline_sends_nothing(run: Command) -> None:
    done = run("itr_baseline", "strategy=uniform")
    assert "observed" not in done.manifest
    assert "NOT OBSERVED" not in done.out


@pytest.mark.parametrize("repeats", ["false", "true"])
def test_an_exception_is_a_failure_whatever_the_adapter_makes_of_it(
    run: Command, repeats: str
) -> None:
    wrong = f"wrong=raise,at=3,repeats={repeats}"
    done = run("generating", wrong, *FEW, seeds=2)
    assert done.status == 1
    assert "5 of 8 responses are missing, 5 requests failed (the last with 'Runtime" in done.err
    assert len(done.records) == 3
    again = run("generating", wrong, *FEW, seeds=2)
    assert (again.status, len(again.records)) == (1, 6)
    assert all(record["response"].startswith("Yes") for record in again.records)


# vLLM and SGLang by their published interfaces: fakes that record, no engines


@dataclass
class SamplingParams:
    """As ``vllm.SamplingParams``, with the defaults of vLLM."""

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    max_tokens: int | None = 16


@dataclass
class LLM:
    """As ``vllm.LLM``: records and answers Yes."""

    batches: list[int] = field(default_factory=list)

    def __init__(self, model: str, **more: Any) -> None:
        self.batches = BATCHES

    def chat(self, messages: Any, sampling_params: Any = None, **more: Any) -> list[Any]:
        self.batches.append(len(messages))
        return [SimpleNamespace(outputs=[SimpleNamespace(text="Yes")]) for _ in messages]

    def get_metrics(self) -> list[Any]:
        return []


BATCHES: list[int] = []


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    module, entry = ModuleType("vllm"), ModuleType("vllm.entrypoints.llm")
    module.__spec__ = ModuleSpec("vllm", None)
    vars(module).update(LLM=LLM, SamplingParams=SamplingParams)
    vars(entry).update(LLM=LLM)
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setitem(sys.modules, "vllm.entrypoints", ModuleType("vllm.entrypoints"))
    monkeypatch.setitem(sys.modules, "vllm.entrypoints.llm", entry)
    for name in ("lmms_eval.models.simple.vllm", "lmms_eval.models.chat.vllm"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    BATCHES.clear()
    return BATCHES


def test_the_adapter_of_vllm_is_told_what_to_do(run: Command, vllm: list[int]) -> None:
    done = run("vllm", "model=a/b", seeds=3)
    assert done.status == 1
    assert "max_new_tokens: 512 expected, 4096 sent; --model_args max_new_tokens=512" in done.err
    assert "top_p: 1.0 expected, 0.95 sent; --gen_kwargs top_p=1.0" in done.err
    assert "--allow-different max_new_tokens,top_p" in done.err
    assert vllm == []
    mended = run("vllm", "model=a/b,max_new_tokens=512", "--gen_kwargs", "top_p=1.0", seeds=3)
    assert mended.status == 0, mended.err
    assert mended.manifest["observed"] == {"engine": "vllm", "sent": {}}
    assert vllm == [12]  # all of two tweets at once
    greedy = ("--gen_kwargs", "top_p=1.0,do_sample=false")
    sampled = run("vllm", "model=a/b,max_new_tokens=512", *greedy, out="greedy")
    assert "do_sample: false expected, true sent; --gen_kwargs temperature=0" in sampled.err


class Engine:
    """As ``sglang.Engine``."""

    def generate(self, prompt: Any = None, sampling_params: Any = None, **more: Any) -> str:
        return "Yes"


def test_the_engine_of_sglang(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sglang.srt.entrypoints.engine")
    vars(module).update(Engine=Engine)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    watch = Watch()
    watch.begin(Asked(PAPER, None, 1))
    with watch.installed():
        Engine().generate("p", [{"max_new_tokens": 512, "temperature": 0.2, "top_p": 1.0}])
        assert (watch.engine, watch.calls, watch.differing) == ("sglang", 1, {})
        with pytest.raises(BaseException, match="top_p"):
            Engine().generate("p", {"max_new_tokens": 512, "temperature": 0.2, "top_p": 0.95})
    assert watch.differing == {"top_p": (None, 0.95)}
    Engine().generate("p", {"top_p": 0.1})
    assert watch.calls == 2  # no longer watched
