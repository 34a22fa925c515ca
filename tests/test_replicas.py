"""Handing out blocks to replicas, against a backend that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from itr_bench.errors import ItrBenchError, RunError
from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec, resolve_model
from itr_bench.runs.plan import Request, TaskPlan, plan_task
from itr_bench.runs.ray_replicas import Room, room
from itr_bench.runs.replicas import (
    Answered,
    Block,
    Died,
    Done,
    Failed,
    Message,
    Ready,
    Replicas,
)
from itr_bench.tasks.spec import get_task
from tests.conftest import needs

ONE: dict[str, Any] = {"device": "cpu", "libraries": {"torch": "1"}, "engine": {}}
OTHER: dict[str, Any] = {**ONE, "libraries": {"torch": "2"}}
SEEDS = (1, 2)


class Until(NamedTuple):
    """What follows comes when the block of this number is handed out."""

    block: int


Script = dict[int, list[Message | int | Until]]


class Scripted:
    """A backend without processes.

    Replicas answer what they are asked, each block in full. *script* says what happens in place of
    that, by the number of the block that is handed out: so many answers, or a message.
    """

    def __init__(
        self, *first: Message, script: Script | None = None, late: Sequence[Message] = ()
    ) -> None:
        self._queue: list[tuple[int, Message]] = list(enumerate(first))
        self._late: list[tuple[int, Message]] = list(enumerate(late, len(first)))
        self._held: list[tuple[int, int, Message]] = []
        self._loading = set(range(len(first)))
        self._script = script or {}
        self.asked: list[tuple[int, Block]] = []
        self.refused: dict[int, str] = {}
        self.replaced: dict[int, str] = {}
        self.next = len(first)
        self.ended: bool | None = None

    @property
    def loading(self) -> Collection[int]:
        return self._loading

    def messages(self) -> Iterator[tuple[int, Message]]:
        assert self._queue, "the driver waits for what never comes"
        now, self._queue = self._queue, []
        for replica, message in now:
            self._loading.discard(replica)
            yield replica, message
        late, self._late = self._late, []
        self._queue += late

    def ask(self, replica: int, block: Block) -> None:
        number = len(self.asked)
        self.asked.append((replica, block))
        full: list[Message] = [Answered([(one, answer(one))], None) for one in block.requests]
        until = number
        for part in self._script.get(number, [len(full), Done()]):
            if isinstance(part, Until):
                until = part.block
                continue
            told = [full.pop(0) for _ in range(part)] if isinstance(part, int) else [part]
            self._held += [(until, replica, message) for message in told]
        self._queue += [held[1:] for held in self._held if held[0] <= number]
        self._held = [held for held in self._held if held[0] > number]

    def where(self, replica: int) -> str:
        return f"replica {replica}"

    def refuse(self, replica: int, error: ItrBenchError) -> None:
        self.refused[replica] = str(error)

    def replace(self, replica: int, why: str) -> None:
        self.replaced[replica] = why
        self._queue.append((self.next, Ready(ONE)))
        self.next += 1

    def end(self, *, at_once: bool) -> None:
        self.ended = at_once


def answer(request: Request) -> Output:
    return Output(text=f"Yes {request.doc_id} {request.seed}")


@pytest.fixture(scope="module")
def model() -> ModelSpec:
    return resolve_model("itr_baseline")


@pytest.fixture(scope="module")
def plan(model: ModelSpec) -> TaskPlan:
    return plan_task(get_task("itr_demo_lv"), model, SEEDS, 6)


def respond(backend: Scripted, model: ModelSpec, plan: TaskPlan) -> list[Request]:
    """The requests in the order in which their responses came, each checked."""
    got: list[Request] = []

    def on_responses(came: Sequence[tuple[Request, Output]]) -> None:
        assert all(output == answer(request) for request, output in came)
        got.extend(request for request, _ in came)

    with Replicas(backend, model, [plan], print) as replicas:
        replicas.respond(plan.task, plan.missing({}), on_responses, batch_size=4)
    return got


LOST: list[tuple[str, Script]] = [
    ("nothing", {}),
    ("before an answer", {1: [Died("signal SIGKILL")]}),
    ("in the middle of a block", {1: [1, Died("signal SIGKILL")]}),
    ("after its last answer", {2: [4, Died("signal SIGKILL")]}),
    ("twice over one block", {0: [Died("one")], 2: [2, Died("two")]}),
]


@pytest.mark.parametrize(("when", "script"), LOST, ids=[name for name, _ in LOST])
def test_nothing_is_lost_and_nothing_comes_twice(
    when: str, script: Script, model: ModelSpec, plan: TaskPlan
) -> None:
    backend = Scripted(Ready(ONE), Ready(ONE), script=script)
    got = respond(backend, model, plan)
    assert sorted(got, key=lambda one: (one.doc_id, one.seed)) == plan.missing({})
    assert len(backend.replaced) == sum(
        isinstance(part, Died) for parts in script.values() for part in parts
    )
    assert backend.ended is False


def test_whoever_is_free_gets_the_next_whole_tweets(model: ModelSpec, plan: TaskPlan) -> None:
    slow: Script = {0: [1, Until(5), 3, Done()]}
    backend = Scripted(Ready(ONE), Ready(ONE), Ready(ONE), script=slow)
    respond(backend, model, plan)
    assert [replica for replica, _ in backend.asked] == [0, 1, 2, 1, 2, 1]
    for _, block in backend.asked:
        assert len({request.doc_id // 2 for request in block.requests}) == 1  # one tweet
        assert len(block.requests) == 2 * len(SEEDS)


def test_a_block_that_kills_three_replicas_ends_the_run(model: ModelSpec, plan: TaskPlan) -> None:
    backend = Scripted(Ready(ONE), script={number: [Died("bad picture")] for number in range(9)})
    with pytest.raises(
        RunError, match=r"3 replicas died over the same 4 requests, the last one: bad picture"
    ):
        respond(backend, model, plan)
    assert backend.ended is True


def test_an_error_of_the_adapter_ends_the_run_and_says_where(
    model: ModelSpec, plan: TaskPlan
) -> None:
    backend = Scripted(Ready(ONE), script={2: [1, Failed(RunError("no such setting"))]})
    with pytest.raises(RunError, match="replica 0: no such setting"):
        respond(backend, model, plan)


def test_replicas_of_another_kind_are_refused(model: ModelSpec, plan: TaskPlan) -> None:
    # most are alike
    backend = Scripted(Ready(OTHER), Ready(ONE), Ready(ONE))
    respond(backend, model, plan)
    assert list(backend.refused) == [0]
    assert "libraries.torch: '1' there, '2' here" in backend.refused[0]
    assert {replica for replica, _ in backend.asked} == {1, 2}
    # one that joins later
    backend = Scripted(Ready(ONE), late=[Ready(OTHER), Ready(ONE)])
    respond(backend, model, plan)
    assert list(backend.refused) == [1]
    assert {replica for replica, _ in backend.asked} == {0, 2}
    # an earlier session decides
    backend = Scripted(Ready(OTHER), Ready(ONE), Ready(ONE))
    with Replicas(backend, model, [plan], print, OTHER) as replicas:
        assert replicas.configuration == OTHER
        assert replicas.count == 1
    # nobody can say which kind is the right one
    backend = Scripted(Ready(ONE), Ready(OTHER))
    with pytest.raises(RunError, match="replica 1 is configured unlike replica 0"):
        Replicas(backend, model, [plan], print)
    assert backend.ended is True


def test_a_replica_that_cannot_load_is_refused(model: ModelSpec, plan: TaskPlan) -> None:
    backend = Scripted(Failed(RunError("no GPU here")), Ready(ONE))
    assert len(respond(backend, model, plan)) == plan.total
    assert backend.refused == {0: "no GPU here"}


# What a replica takes of a node

EIGHT, FOUR, CORES = ({"CPU": 32.0, "GPU": 8.0}, {"CPU": 16.0, "GPU": 4.0}, {"CPU": 16.0})


@pytest.mark.parametrize(
    ("adapter", "given", "nodes", "count", "asked", "expected", "fits"),
    [
        ("itr_vlm", "", [EIGHT, FOUR, CORES], None, None, Room(1), 12),
        ("itr_vlm", "", [EIGHT, FOUR], None, 0.5, Room(0.5), 24),
        ("itr_vlm", "", [EIGHT, FOUR], None, 0.3, Room(0.3), 36),
        ("itr_vlm", "", [EIGHT, FOUR], None, 3, Room(3), 3),
        ("itr_vlm", "device=cpu", [EIGHT, FOUR, {"CPU": 0.0}], None, None, Room(0, 16), 3),
        ("itr_vlm", "", [CORES, CORES], None, None, Room(0, 16), 2),
        ("itr_vlm", "", [CORES, CORES], 4, None, Room(0, 8), 4),
        ("itr_vlm", "", [CORES, CORES], 1, None, Room(0, 16), 2),
        ("itr_vlm", "", [CORES], 64, None, Room(0, 1), 16),
        ("itr_vlm", "", [], None, None, Room(0, 1), 0),
        ("itr_baseline", "", [EIGHT], 2, None, Room(0, 16), 2),
        ("vllm", "", [EIGHT], None, None, Room(1), 8),
        ("vllm", "tensor_parallel_size=4", [EIGHT, FOUR], None, None, Room(1, parts=4), 3),
        (
            *("vllm", "tensor_parallel_size=8,pipeline_parallel_size=2", [EIGHT, EIGHT]),
            *(None, 16, Room(1, parts=16), 1),
        ),
    ],
)
@needs("lmms_eval")
def test_room(
    adapter: str,
    given: str,
    nodes: list[dict[str, float]],
    count: int | None,
    asked: float | None,
    expected: Room,
    fits: int,
) -> None:
    found = room(resolve_model(adapter, model_args=given), nodes, count, asked)
    assert (found, found.fits(nodes)) == (expected, fits)


@needs("lmms_eval")
def test_an_engine_that_lays_a_model_over_other_gpus() -> None:
    model = resolve_model("vllm", model_args="tensor_parallel_size=4")
    with pytest.raises(RunError, match="--gpus-per-replica 2: vllm lays this model over 4 GPUs"):
        room(model, [EIGHT], None, 2)
