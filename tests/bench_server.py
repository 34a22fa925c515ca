"""``itr_server`` against ``async_openai``, on a server that answers at once: rate and memory.

Photographs of 1200 x 900 pixels, some 180 kB of JPEG each, and the demo's pictures; ten seeds. Each
run is a process of its own, and so is the server. Run: python -m tests.bench_server
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from itr_bench.data.sets import get_set

TWEETS = {"itr_server": 350, "async_openai": 40}


def photographs(archive: Path, count: int) -> None:
    """Write *count* pictures of the size and the weight of photographs into a zip."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(count):
            coarse = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
            grain = rng.normal(0, 9, (900, 1200, 3))
            large = np.asarray(Image.fromarray(coarse).resize((1200, 900)), dtype=float) + grain
            buffer = io.BytesIO()
            picture = Image.fromarray(large.clip(0, 255).astype(np.uint8))
            picture.save(buffer, "JPEG", quality=72)
            file.writestr(f"{number + 1}.jpg", buffer.getvalue())


def serve() -> None:
    """Serve until the parent is gone; the address is the first line written."""
    from tests.chat_server import Answer, ChatServer, completion

    server = ChatServer(lambda body: Answer(completion("Yes")), keep=False)
    print(server.url, flush=True)
    sys.stdin.read()


def peaks(process: subprocess.Popen[bytes]) -> list[float]:
    """The resident memory of *process* in MB, once a second, until it ends."""
    import psutil

    found = []
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            found.append(watched.memory_info().rss / 2**20)
        except psutil.Error:
            break
        time.sleep(1)
    return found


def run(model: str, task: str, tweets: int, url: str, out: Path) -> dict[str, float]:
    """One run: requests a second of generation, memory at its first third and at most.

    Seconds of processor time a request, the start of the program included, depend less on what else
    the machine does.
    """
    name = "model" if model == "itr_server" else "model_version"
    command = [
        *(sys.executable, "-m", "itr_bench.cli.main", "run", "--model", model, "--model_args"),
        f"{name}=m,base_url={url},api_key=x" + ("" if name == "model" else ",num_cpus=16"),
        *("--tasks", task, "--limit", str(tweets), "--out", str(out), "--name", model),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    log, begun = out / model / task / "responses.jsonl", 0.0
    first = threading.Event()

    def wait_for_first() -> None:
        nonlocal begun
        while process.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.02)
        begun = time.perf_counter()
        first.set()

    threading.Thread(target=wait_for_first, daemon=True).start()
    memory = peaks(process)
    taken = time.perf_counter() - begun
    first.wait()
    if process.returncode:
        raise SystemExit(f"{model} on {task} ended with {process.returncode}")
    requests = sum(1 for _ in log.open())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    busy = memory[-max(2, int(taken)) :]
    return {
        "requests": requests,
        "rate": round(requests / taken, 1),
        "cpu_ms_a_request": round(1000 * cpu / requests, 1),
        "third_mb": round(max(busy[: max(1, len(busy) // 3)])),
        "most_mb": round(max(memory)),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["ITR_BENCH_HOME"] = str(folder / "home")
        photographs(folder / "images.zip", TWEETS["itr_server"])
        counts = get_set("ltec").relations or ()
        relations = [relation for relation, count in enumerate(counts) for _ in range(count)]
        lines = [f"{r}\t{n + 1}\tTeksts {n}\tText {n}" for n, r in enumerate(relations)]
        table = "relation\ttweet_id\ttext\tEnglish\n" + "\n".join(lines) + "\n"
        (folder / "tweets.tsv").write_text(table, encoding="utf-8")
        subprocess.run(
            [
                *(sys.executable, "-m", "itr_bench.cli.main", "data", "build", "ltec"),
                *("--tweets", str(folder / "tweets.tsv"), "--images", str(folder / "images.zip")),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.bench_server", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        try:
            for task in ("ltec_itr_lv", "itr_demo_lv"):
                found = {}
                for model, most in TWEETS.items():
                    tweets = min(most, 24) if task == "itr_demo_lv" else most
                    found[model] = run(model, task, tweets, url, folder / "runs")
                    print(f"{task:12} {model:13} {json.dumps(found[model])}", flush=True)
                ratio = found["itr_server"]["rate"] / found["async_openai"]["rate"]
                print(f"{task:12} {ratio:.1f} times the rate (aim with photographs: 30)")
        finally:
            server.kill()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
