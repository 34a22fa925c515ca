"""``itr_server`` on real servers of this machine: `transformers serve`, and litellm's proxy.

The extra `test` brings what `transformers serve` needs. litellm wants older libraries than
transformers: put it into an environment of its own and name its command in ITR_BENCH_LITELLM.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests import forked
from tests.chat_server import Answer, completion, serving
from tests.conftest import needs
from tests.test_run import TASK, Done, invoke

pytestmark = [pytest.mark.slow, needs("lmms_eval")]

_PATIENCE_S = 240
LITELLM = os.environ.get("ITR_BENCH_LITELLM") or shutil.which("litellm")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(
    main: Callable[..., None], arguments: Sequence[str], port: int, log: Path
) -> Iterator[BaseProcess]:
    """A server while the block runs, from when something answers at its port on."""
    process = forked.start(main, *arguments, output=log, env=ENVIRONMENT, own_group=True)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not _answers(port):
            if not process.is_alive() or time.monotonic() > until:
                pytest.fail(f"{main.__name__} does not serve: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process
    finally:
        _kill(process)


def _kill(process: BaseProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # which may have no group yet
    process.join()


ENVIRONMENT = {**os.environ, "NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def run(out: Path, url: str, args: str, *more: str, seeds: str = "2", tweets: int = 3) -> Done:
    arguments = (
        *("--model", "itr_server", "--model_args", f"base_url={url},{args}", "--tasks", TASK),
        *("--name", "r", "--limit", str(tweets), "--seeds", seeds, "--out", str(out), *more),
    )
    status, stdout, stderr = invoke("run", *arguments)
    return Done(status, stdout, stderr, out / "r" / TASK)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not all(importlib.util.find_spec(name) for name in ("fastapi", "uvicorn")):
        pytest.skip("the extra `test` is not installed")
    from itr_bench.models.tiny import make_checkpoint

    folder = make_checkpoint("qwen2_vl", tmp_path_factory.mktemp("tiny") / "qwen2_vl", seed=2)
    path = folder / "generation_config.json"  # this server samples only where the checkpoint does
    path.write_text(json.dumps({**json.loads(path.read_text()), "do_sample": True}))
    return folder


def serve(checkpoint: Path, port: int) -> tuple[str, ...]:
    """The arguments of `transformers serve`."""
    return (str(checkpoint), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu")


def test_transformers_serve(checkpoint: Path, tmp_path: Path) -> None:
    """Answered, killed in the middle, and resumed elsewhere: as if nothing had happened."""
    args = f"model={checkpoint},concurrent=1,max_retries=0"
    short = ("--gen_kwargs", "max_new_tokens=6,temperature=1.5")
    port, other = free_port(), free_port()
    with running(forked.serve, serve(checkpoint, port), port, tmp_path / "log") as server:
        url = f"http://127.0.0.1:{port}/v1"
        whole = run(tmp_path / "whole", url, args, *short)
        assert (whole.status, len(whole.responses)) == (0, 12), whole.err
        assert whole.manifest["observed"] == {"engine": "openai", "sent": {}}
        assert all(1 <= record["tokens"] <= 6 for record in whole.records)
        assert {record["finish_reason"] for record in whole.records} <= {"stop", "length"}
        texts = [(t, q, r) for (t, q, _), r in whole.responses.items()]
        assert len(set(texts)) > 6  # the two seeds differ
        part = run(tmp_path / "part", url, args, *short, tweets=1)
        assert part.responses.items() <= whole.responses.items()
        _kill(server)
        gone = run(tmp_path / "moved", url, args, *short)
        assert gone.status == 1
        assert "start the server, or correct --model_args base_url=..." in gone.err
    with running(forked.serve, serve(checkpoint, other), other, tmp_path / "log2"):
        url = f"http://127.0.0.1:{other}/v1"
        log = whole.folder / "responses.jsonl"
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:5]))
        again = run(tmp_path / "whole", url, args, *short)
        assert (again.status, again.responses) == (0, whole.responses), again.err
        refused = run(tmp_path / "top_k", url, args, *short[:1], f"{short[1]},min_p=0.1")
        assert refused.status == 1
        assert "status 422" in refused.err and "seeds=none" in refused.err


@pytest.mark.skipif(LITELLM is None, reason="no litellm proxy: ITR_BENCH_LITELLM names its command")
def test_the_proxy_of_litellm(tmp_path: Path) -> None:
    """In front of a server that fails now and then; with a right key and a wrong one."""
    seen: set[str] = set()

    def behave(body: dict[str, object]) -> Answer:
        key = json.dumps(body, sort_keys=True)
        if key not in seen and len(seen) % 3 == 0:
            seen.add(key)
            return Answer({"error": {"message": "slow down"}}, 429)
        seen.add(key)
        return Answer(completion("Yes", reasoning_content="No, or so."))

    port = free_port()
    with serving(behave) as upstream:
        settings = {
            "model_list": [
                {
                    "model_name": "m",
                    "litellm_params": {
                        "model": "openai/behind",
                        "api_base": upstream.url,
                        "api_key": "x",
                        "max_retries": 0,
                    },
                }
            ],
            "general_settings": {"master_key": "sk-right"},
        }
        (tmp_path / "config.yaml").write_text(json.dumps(settings))
        command = [str(LITELLM), "--config", str(tmp_path / "config.yaml"), "--port", str(port)]
        with running(forked.execute, [*command, "--host", "127.0.0.1"], port, tmp_path / "log"):
            url = f"http://127.0.0.1:{port}/v1"
            wrong = run(tmp_path / "wrong", url, "model=m,api_key=sk-wrong")
            assert wrong.status == 1
            # Without a data base of keys, it says of a wrong one that there is none.
            assert "status 400: No connected db." in wrong.err and "or the key" in wrong.err
            unknown = run(tmp_path / "unknown", url, "model=n,api_key=sk-right")
            assert unknown.status == 1
            assert url in unknown.err and unknown.records == []
            done = run(tmp_path / "done", url, "model=m,api_key=sk-right")
            assert (done.status, set(done.responses.values())) == (0, {"Yes"}), done.err
            assert done.manifest["observed"] == {"engine": "openai", "sent": {}}
    bodies = upstream.requests
    assert {body["model"] for body in bodies} == {"behind"}
    assert all("seed" in body and body["temperature"] == 0.2 for body in bodies)
