"""``itr-bench run --ray`` on a cluster of two and three nodes on this machine, with real kills."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError
from itr_bench.runs import ray_replicas
from itr_bench.runs.plan import Request
from itr_bench.runs.replicas import LOSSES
from itr_bench.seeds import PAPER_SEEDS
from tests import light_model
from tests.conftest import ROOT, needs

pytestmark = [pytest.mark.slow, needs("ray", "torch", "lmms_eval")]

TASK = "itr_demo_lv"
RUN = ("--model", "itr_baseline", "--tasks", TASK, "--seeds", "2", "--name", "r")


def ours() -> list[psutil.Process]:
    """The processes of Ray that this one started, or that outlived one that it started."""
    found = []
    for process in psutil.process_iter(["environ"]):
        mark = (process.info["environ"] or {}).get("ITR_BENCH_TEST_RAY")
        if mark == str(os.getpid()) and process.pid != os.getpid():
            found.append(process)
    return found


def replicas() -> list[psutil.Process]:
    """The processes of replicas on this machine."""
    lines = {one: (one.info["cmdline"] or [""])[0] for one in psutil.process_iter(["cmdline"])}
    return [process for process, line in lines.items() if line.startswith("ray::Replica")]


def until(condition: Callable[[], object], wait_s: float = 120) -> None:
    """Wait for a condition."""
    end = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class Nodes:
    """The cluster, and what starts and ends its nodes."""

    cluster: Any
    folder: Path
    client_port: int
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def client_address(self) -> str:
        """For machines that are no part of it."""
        return f"ray://{str(self.cluster.address).partition(':')[0]}:{self.client_port}"

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def pause(self, seconds: float) -> None:
        """From now on, so many seconds a response."""
        (self.folder / "next").write_text(str(seconds))
        (self.folder / "next").replace(self.folder / "pause")

    def done(self, what: str) -> int:
        """How often a node did something: ``one answers``."""
        return (self.folder / "done").read_text().splitlines().count(what)

    def answers(self) -> int:
        """How many responses all nodes gave."""
        return (self.folder / "done").read_text().count(" answers\n")

    def add(self, name: str, **more: Any) -> None:
        given = {"num_cpus": 1, "object_store_memory": 80 * 2**20, **more}
        given["include_log_monitor"] = False  # a node has 30 s to start
        self.kept[name] = self.cluster.add_node(node_name=name, **given)

    def remove(self, *names: str) -> None:
        for name in names:
            self.cluster.remove_node(self.kept.pop(name), allow_graceful=False)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A cluster of two nodes, *one* and *two*, each with room for a replica."""
    if not os.environ.get("ITR_BENCH_RAY"):
        pytest.skip("clusters of Ray take minutes, most of them waiting: make test-ray")
    folder = tmp_path_factory.mktemp("ray")
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",  # whoever runs the tests may have a token
        "RAY_raylet_start_wait_time_s": "120",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        light_model.FOLDER: str(folder),
        "ITR_BENCH_TEST_RAY": str(os.getpid()),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        import ray
        from ray.cluster_utils import Cluster

        found = Nodes(Cluster(), folder, free_port())
        # A node that is gone is noticed within 2 s, not 10.
        health = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}
        try:
            found.add(
                "one",
                include_dashboard=False,
                dashboard_port=0,
                ray_client_server_port=found.client_port,
                _system_config=health,
            )
            found.add("two")
            yield found
        finally:
            ray.shutdown()
            found.cluster.shutdown()
    _, left = psutil.wait_procs(ours(), timeout=20)
    for process in left:
        process.kill()
    assert not left


HOOK = {
    "env_vars": {
        "PYTHONPATH": str(ROOT),
        # What Ray makes of `worker_process_setup_hook`; its client drops that without a word.
        "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": "tests.light_model.install",
    },
}


@pytest.fixture
def light(nodes: Nodes) -> Iterator[Nodes]:
    """The cluster, this process connected to it, with a model that is there at once."""
    import ray

    if not ray.is_initialized():
        ray.init(nodes.address, runtime_env=HOOK, log_to_driver=False, logging_level="ERROR")
    nodes.pause(0)
    (nodes.folder / "done").write_text("")
    yield nodes
    nodes.pause(0)
    nodes.remove(*(name for name in nodes.kept if name in REFUSED))


@dataclass(frozen=True)
class Done:
    """What a run left."""

    status: int
    err: str
    folder: Path

    @property
    def lines(self) -> list[bytes]:
        return (self.folder / "responses.jsonl").read_bytes().splitlines()

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return found

    def check(self) -> None:
        """Every response is there once, in the order of the plan, and is the right one."""
        assert self.status == 0, self.err
        expected = [
            light_model.text(Request(document, seed))
            for document in range(48)
            for seed in PAPER_SEEDS[:2]
        ]
        assert [json.loads(line)["response"] for line in self.lines] == expected


def invoke(out: Path, *arguments: str) -> Done:
    found = CliRunner().invoke(cli, ["run", *arguments, "--out", str(out)])
    message = ""
    if isinstance(found.exception, ItrBenchError):
        message = str(found.exception)
    elif found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Done(found.exit_code, found.stderr + message, out / "r" / TASK)


def count(out: Path) -> int:
    """How many responses are on the disk."""
    log = out / "r" / TASK / "responses.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


# First, while this process is not connected


def test_without_the_package_of_rays_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    done = invoke(tmp_path, *RUN, "--ray", "ray://127.0.0.1:1")
    assert done.status == 1
    assert done.err.endswith(
        "--ray needs the package grpc, which is not installed.\n"
        "Install it: pip install 'itr-bench[ray]'"
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "nobody answers there ([Errno 111] Connection refused)"),
        ("ray://127.0.0.1:1", "nobody answers there ([Errno 111] Connection refused)"),
        ("ray://nonsense:x", "'x' is no port. Expected"),
        ("nonsense", "Invalid address format: nonsense"),
    ],
)
def test_an_address_of_nobody(address: str, message: str, tmp_path: Path) -> None:
    done = invoke(tmp_path, *RUN, "--ray", address)
    assert done.status == 1
    assert f"--ray {address}: {message}" in done.err
    assert "start one with `ray start --head`" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gpus-per-replica", "1"), "only Ray shares GPUs out; add --ray"),
        (
            ("--ray", "auto", "--model", "itr_server", "--model_args", "model=m,base_url=http://h"),
            "a server answers for itr_server, so replicas gain nothing",
        ),
    ],
)
def test_options_that_do_not_go_together(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = invoke(tmp_path, *RUN, *arguments)
    assert done.status == 1
    assert message in done.err


def test_a_real_model_on_two_nodes_as_in_one_process(nodes: Nodes, tmp_path: Path) -> None:
    from itr_bench.models.tiny import make_checkpoint

    checkpoint = tmp_path / "tiny"
    make_checkpoint("qwen2_vl", checkpoint)
    command = (
        *("--model", "itr_vlm", "--model_args", f"pretrained={checkpoint},device=cpu"),
        *("--gen_kwargs", "max_new_tokens=3,temperature=1", "--limit", "6", *RUN[2:]),
    )
    one = invoke(tmp_path / "one", *command)
    assert one.status == 0, one.err
    assert len(one.lines) == 6 * 2 * 2
    assert len({json.loads(line)["response"] for line in one.lines}) > 3
    assert one.manifest["sessions"][0]["processes"] == 1
    for name, address in ("two", nodes.address), ("client", nodes.client_address):
        two = invoke(tmp_path / name, *command, "--ray", address)
        assert two.status == 0, two.err
        assert two.lines == one.lines
        assert two.manifest["configuration"] == one.manifest["configuration"]
        assert two.manifest["sessions"][0]["processes"] == 2
        until(lambda: not replicas())


# Then, connected


def test_replicas_killed_and_nodes_that_go_and_come(light: Nodes, tmp_path: Path) -> None:
    light.pause(0.1)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(invoke, tmp_path, *RUN, "--ray", light.address)

        def wait(condition: Callable[[], object]) -> None:
            until(lambda: run.done() or condition())
            assert not run.done(), run.result().err

        wait(lambda: count(tmp_path) >= 4)
        light.pause(HELD)
        replicas()[0].send_signal(signal.SIGKILL)
        wait(lambda: light.done("one loads") + light.done("two loads") == 3)
        light.remove("two")
        before = light.done("one answers")
        light.pause(0.3)
        wait(lambda: light.done("one answers") >= before + 4)
        light.pause(HELD)
        light.add("three", wait=False, num_cpus=2, num_gpus=2)
        for name in REFUSED:
            light.add(name, wait=False)
        light.cluster.wait_for_nodes()
        wait(lambda: light.done("three loads") and light.done("broken loads") == LOSSES)
        wait(lambda: all(light.done(f"{name} loads") for name in REFUSED))
        light.pause(0.5)
        wait(lambda: light.done("three answers"))
        light.pause(0.02)
        done = run.result()
    done.check()
    said = re.sub(r"replica \d+ on node (\w+) \(.*?\)", r"\1", done.err)
    assert "one died: The actor is dead because its worker process has died." in said
    assert "two died: the actor's node was terminated unexpectedly" in said
    assert re.search(r"^three is ready; \d at work$", said, re.MULTILINE)
    for name, why in REFUSED.items():
        assert f"{name} is not used: {why}" in said
        assert light.done(f"{name} answers") == 0
    assert "the driver of this GPU is too old" in said  # of the log of its node


HELD = 600
"""A pause until the test goes on."""

REFUSED = {
    "odd": "it is configured unlike the others:\n  - libraries.torch: '2.15' there, '9.9' here",
    "bare": "lmms-eval is not installed",
    "broken": "3 replicas died while starting: ",
}


def test_a_model_over_two_gpus(light: Nodes, tmp_path: Path) -> None:
    """The engine's own workers find the GPUs in the group that its replica stands in."""
    given = "pretrained=made/up,tensor_parallel_size=2"
    command = ("--model", "vllm", "--model_args", given, *RUN[2:], "--limit", "2")
    done = invoke(tmp_path, *command, "--ray", light.address)
    assert done.status == 0, done.err
    assert light.done("three ray [{'CPU': 1.0, 'GPU': 1.0}, {'CPU': 1.0, 'GPU': 1.0}]") == 1
    assert light.done("three answers") == len(done.lines) == 2 * 2 * 2


class Dying(ray_replicas.Replica):
    """Dies before it says where it is."""

    def place(self) -> ray_replicas.Placed:
        os._exit(1)


def test_replicas_that_never_get_so_far(
    light: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_replicas, "Replica", Dying)
    done = invoke(tmp_path, *RUN, "--ray", light.address)
    assert done.status == 1
    assert re.search(
        r"\d replicas in a row died before a node had any, the last: The actor is dead because its "
        r"worker process has died\..* What was answered is kept",
        done.err,
    )
    until(lambda: not replicas())


_DRIVER = f"""
import functools
import ray
from itr_bench.cli.main import main
ray.init = functools.partial(ray.init, runtime_env={HOOK!r})
main()
"""


@pytest.mark.parametrize("to", ["address", "client_address"])
def test_the_driver_killed_and_started_again(to: str, light: Nodes, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "err"
    command = [sys.executable, "-c", _DRIVER, "run", *RUN, "--ray", getattr(light, to)]
    # The server of Ray's client keeps the replicas of one who is gone for so many seconds.
    environment = {**os.environ, "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1"}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, "--out", str(out)], stderr=log.open("w"), env=environment
        )

    light.pause(0.1)
    driver = start()
    try:
        until(lambda: driver.poll() is not None or count(out) >= 8)
    finally:
        driver.kill()
        driver.wait()
    kept = count(out)
    assert 8 <= kept < 96, log.read_text()
    until(lambda: not replicas())
    answered = light.answers()
    light.pause(0)
    status = start().wait()
    done = Done(status, log.read_text(), out / "r" / TASK)
    done.check()
    assert light.answers() - answered == 96 - kept  # nothing is asked for twice
    assert [session["responses"] for session in done.manifest["sessions"]] == [kept, 96 - kept]


def test_a_full_disk_on_the_driver(
    light: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.write, 4000

    def write(handle: int, content: bytes) -> int:
        nonlocal room
        if b'"tweet_id"' not in content:
            return real(handle, content)
        if len(content) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room -= len(content)
        return real(handle, content)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        full = invoke(tmp_path, *RUN, "--ray", light.address)
    assert full.status == 1
    assert "No space left on device. What was answered before is kept" in full.err
    kept = len(full.lines)
    assert 0 < kept < 96
    until(lambda: not replicas())
    done = invoke(tmp_path, *RUN, "--ray", light.address)
    done.check()
    assert [session["responses"] for session in done.manifest["sessions"]] == [kept, 96 - kept]
