"""``make bench``: the package's own speed, as ratios and rates within one run.

Nothing here is asserted: machines differ. The aims stand beside the figures.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TWEETS, SAMPLES = 350, 10
SHORT = (
    "Yes",
    "No.",
    "**Answer:** YES; **EXPLANATION:** The image shows the cake that the text names.",
    "No, the text is not represented in the image, which shows a dog on a sofa.",
    "The image shows a price list. So, yes, it adds to the meaning.",
    "The image shows a plate of food, the text speaks of a trip to the sea, and so the picture "
    "gives more context to the words. Therefore, the answer is yes.",
    "I'm sorry, but I cannot tell from the picture alone.",
    "Nē, attēls nepapildina teksta nozīmi.",
)
HOSTILE = (
    *("yes no ", "**", " ", "answer: ", "<think>", "no text. ", "(", "yes, ", "\u0323\u0301"),
    *("<", "<answer>", "[think]", "\\boxed{", '{"answer": 1}', 'answer: "'),
)
THOUGHTS = {
    "English": ("<think>", "Hmm, yes, the soup is there; the answer: no? ", "</think>No"),
    "Latvian": ("◁think▷", "Jā, attēlā ir zupa; atbilde: nē? ", "◁/think▷Nē"),
}


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of some runs: the least disturbed one."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def parsing() -> None:
    from itr_bench.answers import read_answer

    responses = [SHORT[i % len(SHORT)] for i in range(70_000)]
    taken = seconds(lambda: [read_answer(text) for text in responses])
    print(f"parsing      {len(responses) / taken:,.0f} short responses a second (aim: 50,000)")
    for language, (opening, thought, answer) in THOUGHTS.items():
        text = opening + thought * (60_000 // len(thought)) + answer
        rate = len(text.encode()) / seconds(lambda text=text: read_answer(text)) / 1e6
        print(f"             {rate:.0f} MB/s of 60 kB of {language} reasoning (aim: 20)")
    print("             growth from 1/4 to 1 megabyte of hostile input (linear: 4):")
    for unit in HOSTILE:
        quarter, whole = (_reading(unit, size) for size in (2**18, 2**20))
        print(f"             {unit!r:12} {whole / quarter:.1f}x, {whole:.2f} s a megabyte")


def _reading(unit: str, size: int) -> float:
    from itr_bench.answers import read_answer

    text = unit * (size // len(unit))
    return seconds(lambda: read_answer(text), 3)


_OWN = """
import sys, time
import lmms_eval.evaluator
from itr_bench.tasks import documents
from itr_bench.tasks.spec import get_task
from itr_bench.lmms import hooks
from tests.bench import SAMPLES, SHORT
start = time.perf_counter()
docs = documents.documents(get_task("tirt"))
wording = {"prompt": "{{ language }} {{ text }} {{ question }} {{ answer_format }}",
           "questions": {"adds": "a", "represented": "r"}, "answer_formats": {"plain": "p"},
           "answer_format": "plain"}
rows = list(docs)
for row in rows:
    hooks.prompt(row, wording)
built = time.perf_counter()
read = [hooks.read_responses(row, [SHORT[(i + s) % len(SHORT)] for s in range(SAMPLES)])
        for i, row in enumerate(rows)]
parsed = time.perf_counter()
items = [found["relation_accuracy"] for found in read]
for metric in (hooks.relation_accuracy, hooks.standard_error, hooks.ci95_low, hooks.ci95_high,
               hooks.samples_sd, hooks.macro_f1, hooks.unparseable_rate):
    metric(items)
print(len(rows), built - start, parsed - built, time.perf_counter() - parsed)
"""


def own_share() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ITR_BENCH_HOME"] = folder
        tweets = Path(folder) / "tweets.tsv"
        rows = [
            f"{i % 4}\t{1000 + i}\tMade-up words about tweet {i} http://t.co/{i}"
            for i in range(TWEETS)
        ]
        tweets.write_text("\n".join(["relation\ttweet_id\ttext", *rows]), "utf-8")
        from itr_bench.data import build

        build.build("tirt", tweets, None, placeholder=True)
        start_up = seconds(
            lambda: subprocess.run(
                [sys.executable, "-m", "lmms_eval", "--tasks", "list"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            ),
            3,
        )
        done = subprocess.run(
            [sys.executable, "-c", _OWN], capture_output=True, text=True, check=True, cwd=Path.cwd()
        )
    documents, *parts = done.stdout.split()[-4:]
    own = sum(map(float, parts))
    print(
        f"own share    {own / start_up:.1%} of lmms-eval's start-up (aim: under 5 %): "
        f"{own:.2f} s of {start_up:.1f} s"
    )
    print(
        f"             {documents} documents and prompts {float(parts[0]):.2f} s, "
        f"{TWEETS * 2 * SAMPLES:,} responses read {float(parts[1]):.2f} s, "
        f"scores with 10,000 resamples {float(parts[2]):.2f} s"
    )


def main() -> None:
    print(
        f"machine      {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}"
    )
    parsing()
    own_share()


if __name__ == "__main__":
    main()
