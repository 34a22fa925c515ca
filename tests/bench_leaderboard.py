"""``make bench``: the leaderboard of 200 submissions, and a site of 200 models, from nothing.

Made-up submissions of 350 tweets x 2 questions x 10 seeds each, 50 models on four tasks (1.4
million responses), drawn by a seeded generator; every fifth response is an explanation of its own.
The site of 200 models on four tasks is made of predictions in memory. Nothing here is asserted:
machines differ. The aims stand beside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SUBMITTED, SHOWN = 50, 200
"""Models: with files that are checked, and on pages alone."""
TASKS = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_en_mt", "tirt")
SAMPLES = 10
SHORT = ("Yes", "No", "Yes.", "No.", "**Answer:** YES", "**Answer:** NO", "Hm.")


def build_data() -> None:
    """The four sets with made-up tweets and placeholder pictures, in ITR_BENCH_HOME."""
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
        build.build("ltec", ltec, None, placeholder=True)
        build.build_translation("ltec_en_mt", translated, system="made-up")
        build.build("tirt", tirt, None, placeholder=True)


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


def make_site(out: Path) -> None:
    """A site of SHOWN made-up models on four tasks."""
    from itr_bench.leaderboard.site.build import build_site
    from tests.site_entries import many

    build_site(out, many(SHOWN, number=350, samples=3), [])


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="itr-bench-"))
    os.environ["ITR_BENCH_HOME"] = str(folder / "home")
    try:
        build_data()
        root, site = folder / "leaderboard" / "submissions", folder / "site"
        for number in range(SUBMITTED):
            make_model(root, number)
        command = [sys.executable, "-m", "itr_bench.cli.main", "leaderboard", "build", "--trial"]
        whole, memory = measured([*command, "--submissions", str(root), "--out", str(site)])
        usable = first_view(site)
        print(
            f"leaderboard  {SUBMITTED * len(TASKS)} submissions checked and shown: {whole:.1f} s, "
            f"{memory:.0f} MB; first page usable after "
            f"{'(not measured)' if usable is None else f'{usable:.0f} ms'}",
            flush=True,
        )
        command = [sys.executable, "-m", "tests.bench_leaderboard", str(folder / "many")]
        whole, memory = measured(command)
        print(f"             site of {SHOWN} models: {whole:.1f} s, {memory:.0f} MB")
        print("             aims: 30 s and 300 MB each; the page 1,000 ms")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    make_site(Path(sys.argv[1])) if sys.argv[1:] else main()
