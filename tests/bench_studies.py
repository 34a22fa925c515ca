"""``make bench``: the analysis of many runs, at 20 models x 20 variants x 350 tweets x 10 seeds.

The runs are made up: a model has a skill, a tweet a difficulty, a variant a cost. They are written
as run folders (about 1 GB), and read as `itr-bench report` reads them. Every second model answers
in one word, the others in a sentence that no other response has. Nothing here is asserted: machines
differ. The aims stand beside the figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from itr_bench.answers.choice import LETTERS, order
from itr_bench.relation import QUESTIONS, Answer, Question, Relation
from itr_bench.runs.manifest import write_manifest
from itr_bench.runs.response import Response
from itr_bench.runs.response_log import RESPONSES
from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import ReadItem
from itr_bench.scoring.signature import digest
from itr_bench.studies import image_ablation, in_context, prompt
from itr_bench.studies.load import load
from itr_bench.studies.page import make, write
from itr_bench.studies.study import BoardModel, Material
from itr_bench.tasks.spec import get_task

MODELS, TWEETS, SAMPLES = 20, 350, 10
BASE = "ltec_itr_lv"


def tasks(wanted: int = 20) -> list[str]:
    """A task and its variants, of several studies."""
    known = [*image_ablation.tasks(BASE), *prompt.tasks(BASE), *in_context.tasks(BASE)]
    others = [task for task in dict.fromkeys(known) if task != BASE]
    return [BASE, *others[: wanted - 1]]


def made_up(
    model: str, task: str, tweets: int, samples: int, rng: np.random.Generator, skill: float
) -> Run:
    """A run whose answers depend on model, task and tweet."""
    gold = np.sort(np.arange(tweets) % 7 % 4)
    cost = 0.12 * ("image" in task or "other" in task or "shuffled" in task)
    items = []
    for question in QUESTIONS:
        right = gold < 2 if question.value == "adds" else gold % 2 == 0
        hard = np.clip(skill - cost + 0.25 * np.random.default_rng(1).normal(size=tweets), 0, 1)
        hit = rng.random((tweets, samples)) < hard[:, None]
        yes = np.where(hit, right[:, None], ~right[:, None])
        items += [
            ReadItem(
                str(10**18 + i),
                question,
                int(gold[i]),
                tuple(Answer.YES if one else Answer.NO for one in yes[i]),
            )
            for i in range(tweets)
        ]
    return Run(
        model=model,
        task=task,
        items=tuple(items),
        files=(f"runs/{model}/{task}/responses.jsonl",),
        set_size=tweets,
        seeds=tuple(range(samples)),
        version="1",
        data="demo-000000000000",
        adapter="made_up",
        generation={},
        libraries={},
    )


def material(
    models: int, names: list[str], tweets: int = TWEETS, samples: int = SAMPLES
) -> Material:
    """The runs of *models* on the tasks *names*, and a board of as many models."""
    runs = list(made_up_runs(models, names, tweets, samples))
    return Material(runs=runs, board=board_of(runs))


def made_up_runs(models: int, names: list[str], tweets: int, samples: int) -> Iterator[Run]:
    """The runs of *models* on the tasks *names*, one after the other."""
    rng = np.random.default_rng(0)
    for number in range(models):
        skill = 0.55 + 0.3 * number / max(1, models - 1)
        name = f"org/model-{number + 1}-{size_of(number)}b"
        for task in names:
            yield made_up(name, task, tweets, samples, rng, skill)


def size_of(number: int) -> int:
    """The parameters of a model, in thousand millions."""
    return 2 ** (number % 6 + 1)


def board_of(runs: Sequence[Run]) -> list[BoardModel]:
    """A leaderboard of the runs on the base task."""
    board = []
    for run in (run for run in runs if run.task == BASE):
        size = int(run.model.rsplit("-", 1)[1][:-1]) * 10**9
        accuracy = float(run.predictions.correct.mean())
        ends = (accuracy - 0.04, accuracy + 0.04)
        board.append(BoardModel(run.model, BASE, accuracy, size, ends, "made up"))
    return board


_CONDITIONS = {
    "task_version": "1",
    "data": "demo-000000000000",
    "order": ["image", "text"],
    "answer_format": "plain",
    "model_args": {},
    "seeding": "request",
    "dtype": "float16",
    "content": None,
    "revision": None,
    "device": "none",
    "force_simple": False,
    "engine": {},
    "generation": {},
    "adapter_class": "made_up",
    "libraries": {"itr-bench": "0.0.0"},
}


def write_run(folder: Path, run: Run, *, wordy: bool) -> None:
    """Write *run* as a run folder; *wordy* responses are sentences, no two alike."""
    parser, lines = get_task(run.task).parser, []
    answers = {(item.tweet_id, item.question): item.answers for item in run.items}
    prompts = {
        f"{tweet} {q.value}": digest(f"{run.task} {tweet} {q.value}") for tweet, q in answers
    }
    for item in run.items:
        tweet, question = item.tweet_id, item.question.value
        image = hashlib.sha256(tweet.encode()).hexdigest()
        both = zip(*(answers[tweet, one] for one in QUESTIONS), strict=True)
        for sample, (seed, pair) in enumerate(zip(run.seeds or (), both, strict=True)):
            said = _said(parser, tweet, item.question, pair)
            said += f". Number {len(lines)} of {run.task} says so of the image." * wordy
            response = Response(
                tweet_id=tweet,
                question=item.question.value,
                sample=sample,
                seed=seed,
                response=said,
                tokens=20 if wordy else 2,
                prompt_hash=prompts[f"{tweet} {question}"],
                image_sha256=image,
                relation=item.relation,
            )
            lines.append(response.log_line())
    folder.mkdir(parents=True)
    (folder / RESPONSES).write_bytes(b"".join(lines))
    conditions = {
        **_CONDITIONS,
        "task": run.task,
        "tweets": run.set_size,
        "prompts": digest(prompts),
        "seeds": list(run.seeds or ()),
    }
    manifest = {"model": run.model, "set_size": run.set_size, "sessions": []}
    write_manifest(folder, {**manifest, "configuration": conditions})


def _said(parser: str, tweet: str, question: Question, pair: tuple[Answer, Answer]) -> str:
    """A response from which *parser* reads the answer of *pair* that is asked for."""
    adds, represented = (answer is Answer.YES for answer in pair)
    yes = adds if question is Question.ADDS else represented
    if parser == "both":
        return f"1. {_word(adds)} 2. {_word(represented)}"
    if parser == "choice":
        return LETTERS[order(tweet).index(Relation.of(adds=adds, represented=represented))]
    return _word(yes != (parser == "negated"))


def _word(yes: bool) -> str:
    return "Yes" if yes else "No"


def write_all(folder: Path) -> None:
    """Write the runs of all models on all tasks below *folder*."""
    for number, run in enumerate(made_up_runs(MODELS, tasks(), TWEETS, SAMPLES)):
        wordy = number // len(tasks()) % 2 == 1
        write_run(folder / run.model / run.task, run, wordy=wordy)


def child(folder: Path) -> None:
    """Read, analyse and write a report, and print what it took."""
    start, started = time.perf_counter(), sum(os.times()[:4])
    found = load([folder]).material
    read, reading = time.perf_counter(), sum(os.times()[:4]) - started
    before = _highest_memory()
    report = make(Material(runs=found.runs, board=board_of(found.runs)))
    analysed = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        page = write(Path(out), report)
        size = page.stat().st_size / 1e6
    done = time.perf_counter()
    memory = _highest_memory()
    print(
        json.dumps(
            {
                "runs": len(found.runs),
                "read": read - start,
                "reading": reading,
                "analyse": analysed - read,
                "page": done - analysed,
                "size": size,
                "before": before,
                "memory": memory,
            }
        )
    )


def _highest_memory() -> float:
    """In MiB: of this process, and as much as its largest child for each of the two that read."""
    own, child = (
        resource.getrusage(who).ru_maxrss / 2**10
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own + 2 * child


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_all(Path(folder))
        line = [sys.executable, "-m", "tests.bench_studies", "--child", folder]
        found = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    whole = found["read"] + found["analyse"] + found["page"]
    each = found["reading"] / (MODELS * 20 * TWEETS * 2 * SAMPLES) * 1e6
    print(
        f"studies      {found['runs']} runs, {TWEETS} tweets x {SAMPLES} seeds: read from disk in "
        f"{found['read']:.1f} s ({found['reading']:.1f} s of processor, {each:.1f} us a response)"
    )
    print(
        f"             analysed in {found['analyse']:.1f} s, page of {found['size']:.1f} MB in "
        f"{found['page']:.1f} s; together {whole:.1f} s (aim: under 60 s)"
    )
    print(
        f"             highest memory {found['memory']:.0f} M (aim: under 2000 M), after reading "
        f"{found['before']:.0f} M"
    )


if __name__ == "__main__":
    main()
