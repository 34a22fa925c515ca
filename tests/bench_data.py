"""``make bench``: a data set in time and memory, at the size of LTEC's and as it grows.

First 812 drawn pictures of 147 MB, as large and as slow to decode as photographs, built from a zip
file. Then placeholder pictures for more and more tweets. Each step is a process of its own; imports
are counted apart. Nothing here is asserted: machines differ. The aims stand beside the figures.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from itr_bench.data.sets import get_set
from itr_bench.tasks.spec import get_task

SIZES = (350, 3_500, 35_000)
FIRST_ID = 10**18


def _pictures(archive: Path, count: int) -> None:
    """A zip file of JPEG files of 1200 x 900 pixels, gradients under noise; every 40th is a PNG."""
    import io
    import zipfile

    import numpy as np
    from PIL import Image

    width, height = 1200, 900
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 5.1, (height, width, 1)).astype("float32")  # 182 kB a file on average
    small = rng.integers(0, 255, (240, 252, 3)).astype("uint8")
    y, x = np.mgrid[0:height, 0:width].astype("float32")
    ramps = np.stack([x / width, y / height, (x + y) / (width + height)], axis=2) * 255
    with zipfile.ZipFile(archive, "w") as file:
        for i in range(count):
            buffer = io.BytesIO()
            if i % 40 == 39:
                Image.fromarray(np.roll(small, i, axis=0)).save(buffer, "PNG")
            else:
                pixels = np.clip(ramps + np.roll(noise, (37 * i, 91 * i), axis=(0, 1)), 0, 255)
                Image.fromarray(pixels.astype("uint8")).save(buffer, "JPEG", quality=85)
            suffix = "png" if i % 40 == 39 else "jpg"
            file.writestr(f"{FIRST_ID + i}.{suffix}", buffer.getvalue())


def make(archive: str, count: str) -> Callable[[], object]:
    return lambda: _pictures(Path(archive), int(count))


def build(name: str, tweets: str, images: str = "") -> Callable[[], object]:
    from itr_bench.data import build as building

    where = Path(images) if images else None
    return lambda: building.build(name, Path(tweets), where, placeholder=where is None)


def verify(name: str) -> Callable[[], object]:
    from itr_bench.data.inspection import verify_set

    return lambda: verify_set(name)


def open_task(task: str) -> Callable[[], object]:
    from itr_bench.data import loading

    return lambda: loading.open_task(get_task(task))


def first(task: str) -> Callable[[], object]:
    load = _loader()
    return lambda: load(task)[0]["image"].size


def every(task: str) -> Callable[[], object]:
    load = _loader()
    return lambda: [tweet["image"].size for tweet in load(task)]


def as_a_run(task: str) -> Callable[[], object]:
    from itr_bench.data import loading

    def work() -> list[tuple[int, int]]:
        data = loading.open_task(get_task(task))
        return [data.images.image(row).size for row in data.image_rows]

    return work


def _loader() -> Callable[[str], Any]:
    import datasets  # noqa: F401, its import is counted apart
    from PIL import Image

    from itr_bench.data import loading

    Image.preinit()
    return loading.load


STEPS = {step.__name__: step for step in (make, build, verify, open_task, first, every, as_a_run)}


def child(step: str, arguments: list[str]) -> None:
    """Do one step and print what it took."""
    import psutil

    start = time.perf_counter()
    work = STEPS[step](*arguments)
    process = psutil.Process()
    moved = process.io_counters()
    imported, before = time.perf_counter(), time.process_time()
    work()
    done, after = time.perf_counter(), time.process_time()
    moved_by_now = process.io_counters()
    print(
        json.dumps(
            {
                "imports": imported - start,
                "seconds": done - imported,
                "processor": after - before,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
                "read": (moved_by_now.read_chars - moved.read_chars) / 1e6,
                "written": (moved_by_now.write_chars - moved.write_chars) / 1e6,
            }
        )
    )


def measured(step: str, *arguments: str) -> dict[str, float]:
    """What a step took in a process of its own: seconds, MiB at its highest, MB of input/output."""
    # This process stays small: a child's highest memory begins with its parent's.
    line = [sys.executable, "-m", "tests.bench_data", "--step", step, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(line)}\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def full_size(folder: Path) -> None:
    archive, tweets = folder / "pictures.zip", folder / "full.tsv"
    counts = get_set("ltec_full").relations or ()
    measured("make", str(archive), str(sum(counts)))
    size = archive.stat().st_size / 1e6
    relations = [relation for relation, count in enumerate(counts) for _ in range(count)]
    rows = [
        f"{relation}\t{FIRST_ID + i}\tMade-up words of tweet {i} http://t.co/{i}\tIn English {i}"
        for i, relation in enumerate(relations)
    ]
    tweets.write_text("\n".join(["relation\ttweet_id\ttext\tEnglish", *rows]), "utf-8")
    print(f"data set     {len(rows)} pictures, {size:.0f} MB in a zip file;")
    print("             seconds (of them processor time), highest memory with imports")

    def show(what: str, found: dict[str, float], words: str) -> None:
        print(
            f"             {what:26} {found['seconds']:6.2f} s ({found['processor']:5.2f} s)  "
            f"{found['memory']:4.0f} M  {words}".rstrip(),
            flush=True,
        )

    built = measured("build", "ltec_full", str(tweets), str(archive))
    show(
        "build",
        built,
        f"(aim: under 500 M) {size / built['seconds']:.1f} MB/s; read {built['read']:.0f} MB with "
        f"the file's own hash, written {built['written']:.0f} MB",
    )
    verified = measured("verify", "ltec_full")
    share = verified["seconds"] / built["seconds"]
    show("verify", verified, f"{share:.1%} of building (aim: under 10 %)")
    task = "ltec_itr_full_lv"
    for what in ("first example, first time", "first example, again"):
        found = measured("first", task)
        whole = found["seconds"] + found["imports"]
        show(what, found, f"(aim: under 1 s, imports apart); with imports {whole:.1f} s")
    show("all examples", measured("every", task), "mapped pages counted as memory")
    show("all images as a run", measured("as_a_run", task), "")


def growth(folder: Path, sizes: tuple[int, ...]) -> None:
    steps = (("verify", "tirt"), ("open_task", "tirt"), ("first", "tirt"), ("first", "tirt"))
    print("placeholders    tweets      build  a tweet   verify     open    first    again  memory")
    for size in sizes:
        tweets = folder / f"{size}.tsv"
        rows = [f"{i % 4}\t{FIRST_ID + i}\tMade-up words of tweet {i}" for i in range(size)]
        tweets.write_text("\n".join(["relation\ttweet_id\ttext", *rows]), "utf-8")
        os.environ["ITR_BENCH_HOME"] = str(folder / str(size))
        built = measured("build", "tirt", str(tweets))
        rest = [measured(*step) for step in steps]
        times = "".join(f"{found['seconds']:7.2f} s" for found in rest)
        memory = max(found["memory"] for found in [built, *rest])
        each = built["seconds"] / size * 1e3
        print(
            f"             {size:6}  {built['seconds']:7.1f} s  {each:4.1f} ms{times}  "
            f"{memory:4.0f} M",
            flush=True,
        )
    print("             build draws the pictures; first and again: example, as above")


def main() -> None:
    if sys.argv[1:2] == ["--step"]:
        child(sys.argv[2], sys.argv[3:])
        return
    with tempfile.TemporaryDirectory(prefix="itr-bench-") as name:
        folder = Path(name)
        os.environ["ITR_BENCH_HOME"] = str(folder / "home")
        full_size(folder)
        growth(folder, tuple(map(int, sys.argv[1:])) or SIZES)


if __name__ == "__main__":
    main()
