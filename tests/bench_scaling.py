"""``make bench``: several replicas of a model, as processes here and as actors of Ray.

Nothing here is asserted: machines differ. The aims stand beside the figures. Made-up models sleep,
so that other work on the machine disturbs little.

    python -m tests.bench_scaling [engines] [speed] [simulation]
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import psutil

from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec, resolve_model
from itr_bench.runs import workers
from itr_bench.runs.execute import RunConfig, execute
from itr_bench.runs.plan import Request, TaskPlan, plan_task
from itr_bench.runs.replicas import Block, Done, Ready, Replicas
from itr_bench.tasks.spec import get_task
from tests.conftest import ROOT

TWEETS = 350
SPEED_TWEETS = 42
REQUEST_S = 0.02
"""What a response of the made-up model takes, where overhead is measured."""

REPLICAS, BLOCK_S, SIMULATED = 64, 4.0, 700
"""A simulation: replicas, seconds a block on average, and blocks."""

HOOK = {
    "worker_process_setup_hook": "tests.bench_scaling.install",
    "env_vars": {"PYTHONPATH": str(ROOT)},
}


class Sleeping:
    """A made-up model: each response takes its time, or each block takes a time of its own."""

    observed = None
    begun: ClassVar[list[float]] = []

    def __init__(self, spec: ModelSpec, plans: Sequence[TaskPlan]) -> None:
        self._of_blocks = spec.arguments.get("strategy") == "blocks"
        names = ("adapter_class", "content", "device", "dtype")
        self.configuration = {**dict.fromkeys(names), "engine": {}, "libraries": {"itr-bench": "0"}}

    def respond(
        self, task: str, requests: Sequence[Request], on_responses: Any, *, batch_size: int | None
    ) -> None:
        self.begun.append(time.perf_counter())
        if self._of_blocks:
            time.sleep(block_seconds(requests))
            on_responses([(request, Output(text="Yes", tokens=1)) for request in requests])
            return
        for request in requests:
            time.sleep(REQUEST_S)
            on_responses([(request, Output(text="Yes", tokens=1))])


def block_seconds(requests: Sequence[Request]) -> float:
    """How long a block takes: some take three times as long as others."""
    return BLOCK_S * random.Random(requests[0].doc_id).lognormvariate(-0.08, 0.4)


def install() -> None:
    """Put it in the place of all models of this process."""
    module: Any = ModuleType("itr_bench.runs.generation")
    module.Model = Sleeping
    sys.modules[module.__name__] = module


def work(*arguments: Any) -> None:
    """A worker of the own pool with the made-up model."""
    install()
    workers._work(*arguments)


def tweets(folder: Path, count: int) -> None:
    """A set of made-up tweets."""
    from itr_bench.data import build

    os.environ["ITR_BENCH_HOME"] = str(folder / "home")
    lines = [f"{i % 4}\t{1000 + i}\tMade-up words about tweet {i}" for i in range(count)]
    file = folder / "tweets.tsv"
    file.write_text("\n".join(["relation\ttweet_id\ttext", *lines]), "utf-8")
    build.build("tirt", file, None, placeholder=True)


def config(folder: Path, name: str, strategy: str, **more: Any) -> RunConfig:
    model = resolve_model("itr_baseline", model_args={"strategy": strategy})
    plan = plan_task(get_task("tirt"), model, [1])
    return RunConfig(model, [plan], folder / name, "bench", **more)


def quiet(line: str) -> None:
    """Take what a run says."""


def memory() -> float:
    """Megabytes of the processes below this one, what they share counted once."""
    children = psutil.Process().children(recursive=True)
    return sum(child.memory_full_info().pss for child in children) / 1e6


def engines(folder: Path) -> None:
    """Start-up, memory and overhead of the own pool and of Ray's local mode, side by side."""
    from itr_bench.runs.ray_replicas import RayReplicas

    tweets(folder, TWEETS)
    workers._work = work
    install()
    execute(config(folder, "one", "each"), quiet)
    one = time.perf_counter() - Sleeping.begun[0]
    print(f"one process, {TWEETS * 2} requests of {REQUEST_S * 1000:.0f} ms: {one:.1f} s")
    for name in ("own pool", "Ray, local"):
        plan = config(folder, name, "each")
        start = time.perf_counter()
        backend: Any
        if name == "own pool":
            backend = workers.Processes(plan.model, plan.plans, 2)
        else:
            connect()
            backend = RayReplicas(
                "local", plan.model, plan.plans, count=2, gpus_each=None, log=quiet
            )
        with Replicas(backend, plan.model, plan.plans, quiet):
            print(
                f"{name}: 2 replicas after {time.perf_counter() - start:.1f} s, "
                f"{memory():.0f} MB in {len(psutil.Process().children(recursive=True))} processes"
            )
        # From the first block on: loading stands above.
        begun: list[float] = []
        ask = type(backend).ask

        def first(
            self: Any, replica: int, block: Block, ask: Any = ask, begun: list[float] = begun
        ) -> None:
            begun.append(time.perf_counter())
            ask(self, replica, block)

        type(backend).ask = first
        for count in (1, 2):
            begun.clear()
            more = {"ray": "local"} if name != "own pool" else {}
            chosen = config(folder, f"{name} {count}", "each", processes=count, **more)
            if count == 1 and name == "own pool":
                continue  # is the process itself
            execute(chosen, quiet)
            taken = time.perf_counter() - begun[0]
            print(
                f"{name}: {count} replicas, {taken:.1f} s, {one / taken:.2f}x, overhead "
                f"{100 * (taken * count / one - 1):.1f} % (aim: under 5 %)"
            )
        type(backend).ask = ask
    import ray

    ray.shutdown()


def connect(cpus: int = 2) -> None:
    import ray

    os.environ.update(RAY_USAGE_STATS_ENABLED="0", PYTHONPATH=str(ROOT))
    ray.init(
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env=HOOK,
    )


def speed(folder: Path) -> None:
    """Two replicas on two cores against one process, of a model that is the cost."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before anything imports PyTorch
    from tests.bench_engine import make_checkpoint

    tweets(folder, SPEED_TWEETS)
    make_checkpoint("qwen2_vl", folder / "tiny")
    arguments = {"pretrained": str(folder / "tiny"), "device": "cpu"}
    model = resolve_model("itr_vlm", model_args=arguments, gen_kwargs={"max_new_tokens": 8})
    plan = plan_task(get_task("tirt"), model, list(range(1, 11)))
    taken = []
    for name, more in (("one", {}), ("two", {"processes": 2})):
        execute(RunConfig(model, [plan], folder / name, "bench", **more), quiet)
        taken.append(session_seconds(folder / name / "tirt"))
    one, two = taken
    print(
        f"{SPEED_TWEETS * 20} responses of a model of 50 million parameters: one process", end=" "
    )
    print(f"{one:.0f} s, two {two:.0f} s, {one / two:.2f}x (aim: 1.8x on idle cores)")


def session_seconds(folder: Path) -> float:
    """How long a run's only session took, without loading; to the second."""
    import datetime
    import json

    (session,) = json.loads((folder / "manifest.json").read_text())["sessions"]
    start, end = (datetime.datetime.fromisoformat(session[name]) for name in ("start", "end"))
    return (end - start).total_seconds()


def simulation(folder: Path) -> None:
    """How busy many replicas of Ray are until the last block is handed out."""
    from itr_bench.runs.ray_replicas import RayReplicas

    tweets(folder, SIMULATED)
    connect(REPLICAS)
    install()
    spans: dict[int, list[tuple[float, float]]] = {}
    begun: list[float] = []
    ask, messages = RayReplicas.ask, RayReplicas.messages

    def timed_ask(self: RayReplicas, replica: int, block: Block) -> None:
        now = time.perf_counter()
        begun.append(now)
        spans.setdefault(replica, []).append((now, block_seconds(block.requests)))
        ask(self, replica, block)

    def timed_messages(self: RayReplicas) -> Iterator[Any]:
        for replica, message in messages(self):
            if isinstance(message, Ready):
                ready.append(replica)
            elif isinstance(message, Done):
                ends.append(time.perf_counter())
            yield replica, message

    def loading(self: RayReplicas) -> list[int]:
        """Something, until all are there: many processes on few cores start one after the other."""
        return [] if len(ready) == REPLICAS else [0]

    ready: list[int] = []
    ends: list[float] = []
    RayReplicas.loading = property(loading)  # type: ignore[assignment]
    RayReplicas.ask = timed_ask  # type: ignore[method-assign]
    RayReplicas.messages = timed_messages  # type: ignore[method-assign]
    chosen = config(folder, "many", "blocks", ray="local", processes=REPLICAS, batch_size=2)
    start = time.perf_counter()
    execute(chosen, quiet)
    first, last = begun[0], begun[-1]
    busy = sum(
        min(seconds, last - at) for spent in spans.values() for at, seconds in spent if at < last
    )
    print(
        f"{len(spans)} replicas at work after {first - start:.0f} s; {len(begun)} blocks of "
        f"{BLOCK_S:.0f} s on average: {100 * busy / (len(spans) * (last - first)):.1f} % busy "
        f"until the last was handed out, after {last - first:.0f} s (aim: 95 %); all done after "
        f"{ends[-1] - first:.0f} s"
    )
    import ray

    ray.shutdown()


def main() -> None:
    parts = {"engines": engines, "speed": speed, "simulation": simulation}
    if len(sys.argv) != 2:  # each with data of its own, which a process opens once
        for name in sys.argv[1:] or parts:
            subprocess.run([sys.executable, "-m", "tests.bench_scaling", name], check=True)
        return
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        parts[sys.argv[1]](Path(folder))


if __name__ == "__main__":
    main()
