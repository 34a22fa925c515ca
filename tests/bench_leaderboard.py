"""``make bench``: the leaderboard from 10 to 1,000 models on four tasks, in time and memory.

Made-up submissions of 350 tweets x 2 questions x 10 seeds each (28 million responses in all at
1,000 models, some 6 GB on the disk), drawn by a seeded generator; every fifth response is an
explanation of its own. Nothing here is asserted: machines differ. The aims stand beside.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

SIZES = (10, 100, 1000)
TASKS = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_en_mt", "tirt")
SAMPLES = 10
SHORT = ("Yes", "No", "Yes.", "No.", "**Answer:** YES", "**Answer:** NO", "Hm.")


def build_data() -> None:
    """The four sets with made-up tweets and stand-in pictures, in ITR_BENCH_HOME."""
    from itr_bench.data import build
    from itr_bench.data.sets import LTEC_BALANCED

    relations = [r for r, count in enumerate(LTEC_BALANCED) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        ltec, translated, tirt = (Path(folder) / f"{n}.tsv" for n in ("ltec", "mt", "tirt"))
        rows = [
            f"{r}\t{10**18 + i}\tMade-up words of tweet {i} http://t.co/{i}\tIn English {i}"
            for i, r in enumerate(relations)
        ]
        ltec.write_text("\n".join(["relation\ttweet_id\ttext\tEnglish", *rows]), "utf-8")
        rows = [f"{10**18 + i}\tMade-up English words {i}" for i in range(len(relations))]
        translated.write_text("\n".join(["tweet_id\ttext", *rows]), "utf-8")
        rows = [f"{i % 4}\t{2 * 10**18 + i}\tMade-up words {i}" for i in range(len(relations))]
        tirt.write_text("\n".join(["relation\ttweet_id\ttext", *rows]), "utf-8")
        build.build("ltec", ltec, None, stand_in=True)
        build.build_translation("ltec_en_mt", translated, system="made-up")
        build.build("tirt", tirt, None, stand_in=True)


def make_model(root: Path, number: int) -> None:
    """All submissions of the made-up model *number*, below *root*."""
    for task in TASKS:
        _make(root, number, task)


def _make(root: Path, number: int, task: str) -> None:
    from itr_bench.leaderboard import layout
    from itr_bench.leaderboard.reference import open_reference
    from itr_bench.relation import Question, Relation
    from itr_bench.runs.response import Response
    from itr_bench.seeds import PAPER_SEEDS
    from tests.submissions import card, describe

    reference = open_reference(task)
    rng = np.random.default_rng([number, *task.encode()])
    right = 0.45 + 0.25 * np.random.default_rng(number).random()
    items = sorted(reference.items.items())
    hits = rng.random((len(items), SAMPLES)) < right
    kinds = rng.random((len(items), SAMPLES))
    found = []
    for ((tweet, question), expected), hit, kind in zip(items, hits, kinds, strict=True):
        truth = Relation(expected.relation).answer(Question(question)).value == "yes"
        for sample, seed in enumerate(PAPER_SEEDS):
            yes = truth == bool(hit[sample])
            if kind[sample] < 0.2:
                text = (
                    f"**Answer:** {'YES' if yes else 'NO'}; **EXPLANATION:** the image shows what "
                    f"number {kind[sample]:.9f} stands for, and the words speak of it"
                )
            elif kind[sample] > 0.98:
                text = SHORT[-1]
            else:
                text = SHORT[2 * int(3 * (kind[sample] - 0.2) / 0.78) + (not yes)]
            found.append(
                Response.model_construct(
                    tweet_id=tweet,
                    question=question,
                    sample=sample,
                    seed=seed,
                    response=text,
                    tokens=3,
                    prompt_hash=expected.prompt_hashes["plain"],
                    image_sha256=expected.image_sha256,
                )
            )
    submission = describe(card(number), task, found, list(PAPER_SEEDS))
    folder = root / layout.relative_folder(submission)
    folder.mkdir(parents=True)
    # As layout.write does it, but without waiting for the disk.
    contents = layout.contents(submission, found)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds, and the most memory of the process and its children together, in MiB."""
    import psutil

    start = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        total = 0
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
        most = max(most, total)
        time.sleep(0.25)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, most / 2**20


def first_view(site: Path) -> float | None:
    """Milliseconds until the first page's table answers, in headless Chromium; the best of five."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        return None
    from selenium import webdriver
    from selenium.webdriver.support.wait import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(flag)
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        times = []
        ready = "return Number(document.documentElement.dataset.ready || 0)"
        for _ in range(5):
            chrome.get((site / "index.html").resolve().as_uri())
            times.append(WebDriverWait(chrome, 60).until(lambda c: c.execute_script(ready)))
        return float(min(times))
    finally:
        chrome.quit()


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    folder = Path(tempfile.mkdtemp(prefix="itr-bench-"))
    os.environ["ITR_BENCH_HOME"] = str(folder / "home")
    try:
        build_data()
        root, site = folder / "leaderboard" / "submissions", folder / "site"
        made = 0
        print("leaderboard  models  responses  from scratch  memory  one more  page usable")
        for size in sizes:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(os.cpu_count(), context) as pool:
                numbers = range(made, size)
                list(pool.map(make_model, [root] * len(numbers), numbers))
            made = size
            shutil.rmtree(folder / "home" / "leaderboard", ignore_errors=True)
            command = [sys.executable, "-m", "itr_bench.cli.main", "leaderboard", "build"]
            command += ["--trial", "--submissions", str(root), "--out", str(site)]
            whole, memory = measured(command)
            time.sleep(2)
            make_model(root, size)
            made += 1
            again, _ = measured(command)
            usable = first_view(site)
            count = size * len(TASKS) * 350 * 2 * SAMPLES
            shown = "not measured" if usable is None else f"{usable:.0f} ms"
            print(
                f"             {size:6}  {count:9,}  {whole:9.1f} s  {memory:5.0f} M  "
                f"{again:6.1f} s  {shown}",
                flush=True,
            )
        print("             aims at 1,000 models: under 600 s, 2,048 M, 10 s; at 100: 1,000 ms")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
