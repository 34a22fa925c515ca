"""Examples in context, in whole runs: several images in a prompt, by our engine and others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError
from itr_bench.models.tiny import ARCHITECTURES, make_checkpoint
from itr_bench.runs.lmms_log import read_samples
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.scoring.signature import digest
from itr_bench.tasks import documents
from itr_bench.tasks.examples import ENVIRONMENT
from itr_bench.tasks.spec import get_task
from tests.conftest import RunLmmsEval, needs

pytestmark = [pytest.mark.slow, needs("torch", "lmms_eval")]


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global logger, torch, engine, plain, Engine, Job, Kind, Vlm, load, Way, trials
    import torch
    from loguru import logger

    from itr_bench.engine import engine, plain
    from itr_bench.engine.engine import Engine, Job, Kind
    from itr_bench.engine.loading import Vlm, load
    from itr_bench.engine.rows import Way
    from itr_bench.engine.trials import trials


TASK = "itr_demo_lv~shots-1"
SAMPLING = {"max_new_tokens": 6, "do_sample": True, "temperature": 1.0}
IMAGE_FIRST, TEXT_FIRST = ("image", "text"), ("text", "image")

Tokens = list[list[tuple[int, ...]]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny")
    return {name: make_checkpoint(name, root / name, seed=2) for name in ARCHITECTURES}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, Vlm]:
    return {name: load(str(folder), device="cpu") for name, folder in folders.items()}


@pytest.fixture(params=ARCHITECTURES)
def vlm(request: pytest.FixtureRequest, loaded: dict[str, Vlm]) -> Vlm:
    return loaded[request.param]


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)


# The engine


def picture(number: int) -> Image.Image:
    size = (60 + 25 * number, 130 - 10 * number)
    ramp = bytes((x * (3 + number) + 7 * y) % 256 for y in range(size[1]) for x in range(size[0]))
    return Image.frombytes("L", size, ramp).convert("RGB")


def turn(text: str, order: Sequence[str]) -> dict[str, Any]:
    parts = {"image": {"type": "image"}, "text": {"type": "text", "text": text}}
    return {"role": "user", "content": [parts[part] for part in order]}


def chat(examples: int, question: str, order: Sequence[str], shown: bool = True) -> list[Any]:
    turns = []
    for n in range(examples):
        turns.append(turn(f"Soup no {n}. {question}", order if shown else ("text",)))
        answer = {"type": "text", "text": ("Yes", "No")[n % 2]}
        turns.append({"role": "assistant", "content": [answer]})
    return [*turns, turn(f"Beer. {question}", order)]


def jobs(order: Sequence[str]) -> list[Job]:
    """Prompts with none to eight examples with images, one with text alone, two of the same."""
    found = [
        Job(tuple(map(picture, range(n + 1))), (chat(n, "Adds?", order),), ((1, 2),))
        for n in (0, 1, 2, 4, 8)
    ]
    text_only = tuple(chat(2, question, order, shown=False) for question in ("Adds?", "Shown?"))
    found.append(Job((picture(3),), text_only, ((1,), (2, 3))))
    both = tuple(chat(1, question, order) for question in ("Adds?", "Shown?"))
    found.append(Job((picture(4), picture(1)), both, ((1,), (2, 3))))
    return found


def tokens(made: Engine, given: Sequence[Job]) -> list[Tokens]:
    return [[[g.ids for g in p] for p in job] for job in made.generate(given, SAMPLING)]


def one_by_one(vlm: Vlm, given: Sequence[Job]) -> list[Tokens]:
    found = []
    for job in given:
        of_job = []
        for prompt, seeds in zip(job.chats, job.seeds, strict=True):
            ready = plain.inputs(vlm.model, vlm.processor, job.images, prompt)
            made = [plain.generate(vlm.model, ready, SAMPLING, seed) for seed in seeds]
            of_job.append([tuple(ids) for ids in made])
        found.append(of_job)
    return found


@pytest.mark.parametrize("order", [IMAGE_FIRST, TEXT_FIRST])
def test_several_images_give_the_tokens_of_one_by_one_generation(
    vlm: Vlm, order: tuple[str, ...], warnings: list[str]
) -> None:
    made = Engine(vlm)
    several = Kind(images=2)
    assert made.way(several, trials(several, vlm)[0]) is Way.ATTENTION and not warnings
    expected = one_by_one(vlm, jobs(order))
    assert tokens(made, jobs(order)) == expected
    # A model that says the same whatever it is shown would make this test vacuous.
    assert len({ids for job in expected for prompt in job for ids in prompt}) > 8


def test_every_image_and_answer_counts(loaded: dict[str, Vlm]) -> None:
    """Another image or another answer in an example changes what is generated after it."""
    vlm = loaded["qwen2_vl"]
    first = jobs(IMAGE_FIRST)[2]
    turned = json.loads(json.dumps(first.chats[0]).replace('"Yes"', '"No"'))
    changed = [
        first,
        Job((picture(5), *first.images[1:]), first.chats, first.seeds),
        Job((first.images[1], first.images[0], first.images[2]), first.chats, first.seeds),
        Job(first.images, (turned,), first.seeds),
    ]
    seeds = (tuple(range(8)),)
    found = tokens(Engine(vlm), [Job(job.images, job.chats, seeds) for job in changed])
    assert len({repr(one) for one in found}) == 4


def test_where_several_images_cannot_be_shared_one_can(
    loaded: dict[str, Vlm], monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    vlm = loaded["llava_next"]
    right = engine.why_not
    monkeypatch.setattr(
        engine,
        "why_not",
        lambda vlm, own, *a, **k: "told so" if len(own.images) > 1 else right(vlm, own, *a, **k),
    )
    made = Engine(vlm, trials=partial(trials, vlm=vlm))
    assert made.way(Kind()) is Way.ATTENTION
    assert made.way(Kind(images=2)) is None
    given = jobs(IMAGE_FIRST)[:3]
    assert tokens(made, given) == one_by_one(vlm, given)
    (said,) = warnings
    assert "with several images is generated one by one" in said and "told so" in said


# Whole runs


def run(out: Path, folder: Path, tasks: str, *more: str) -> tuple[int, str]:
    found = CliRunner().invoke(
        cli,
        [
            *("run", "--model", "itr_vlm", "--model_args", f"pretrained={folder},device=cpu"),
            *("--gen_kwargs", "max_new_tokens=4", "--seeds", "2", "--name", "r"),
            *("--tasks", tasks, "--out", str(out), *more),
        ],
    )
    if isinstance(found.exception, ItrBenchError):
        return 1, f"{found.output}{found.exception}"
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


def responses(folder: Path) -> dict[tuple[str, str, int], Mapping[str, Any]]:
    lines = map(json.loads, (folder / "responses.jsonl").open())
    return {(r["tweet_id"], r["question"], r["seed"]): r for r in lines}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_whole_run(tmp_path: Path, folders: dict[str, Path], architecture: str) -> None:
    tasks = [TASK, "itr_demo_lv~shots-2-text", "itr_demo_en~shots-1_likelihood"]
    status, said = run(tmp_path, folders[architecture], ",".join(tasks))
    assert status == 0, said
    for task in tasks:
        found = read_run_folder(tmp_path / "r" / task)
        assert len(found.items) == 16 and found.set_size == 8
        base = task.removesuffix("_likelihood")
        assert found.data == documents.identity(get_task(base))
        shown = documents.examples(get_task(base))
        assert shown is not None and found.generation is not None
        assert found.generation["examples"] == shown.facts()
        assert not {item.tweet_id for item in found.items} & shown.held_out
        score = found.as_dict()["score"]
        assert score["majority_class"] == 0.25 and score["tweets"] == 8
        manifest = (tmp_path / "r" / task / "manifest.json").read_text()
        assert not any(e.text in manifest for of in shown.shown.values() for e in of)


def test_it_goes_on_where_it_was_and_refuses_other_examples(
    tmp_path: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "r" / TASK
    assert run(tmp_path, folders["qwen2_vl"], TASK)[0] == 0
    whole = responses(folder)
    journal = folder / "responses.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:9]))
    assert run(tmp_path, folders["qwen2_vl"], TASK)[0] == 0
    assert responses(folder) == whole and len(whole) == 8 * 2 * 2
    file = tmp_path / "e.jsonl"
    Image.new("RGB", (30, 20)).save(tmp_path / "p.png")
    file.write_text(
        "".join(
            json.dumps({"text": f"Soup {n}", "relation": n, "image": f"p{n}.png"}) + "\n"
            for n in range(4)
        )
    )
    for n in range(4):
        Image.new("RGB", (30 + n, 20)).save(tmp_path / f"p{n}.png")
    monkeypatch.setenv(ENVIRONMENT, str(file))
    status, said = run(tmp_path, folders["qwen2_vl"], TASK)
    assert status == 1 and "examples.identity: 'split-" in said and "data: 'demo-" in said
    assert responses(folder) == whole
    status, said = run(tmp_path / "other", folders["qwen2_vl"], TASK)
    assert status == 0 and "24 tweets, 2 samples a question" in said


def test_the_examples_decide_what_is_said(tmp_path: Path, folders: dict[str, Path]) -> None:
    tasks = ("itr_demo_lv", TASK, "itr_demo_lv~shots-2", "itr_demo_lv~shots-1-text")
    assert run(tmp_path, folders["llava_next"], ",".join(tasks))[0] == 0
    found = [responses(tmp_path / "r" / task) for task in tasks]
    in_common = sorted(found[1])
    assert len({tuple(of[key]["response"] for key in in_common) for of in found}) == 4


def test_lmms_evals_own_chat_adapter(
    tmp_path: Path, lmms_eval: RunLmmsEval, folders: dict[str, Path], home: Path
) -> None:
    given = f"pretrained={folders['llava_next']},device=cpu,device_map=cpu"
    done = lmms_eval(
        *("--model", "llava_hf", "--model_args", given, "--tasks", TASK),
        *("--gen_kwargs", "max_new_tokens=4"),
        home=home,
    )
    assert done.status == 0, done.output
    samples = done.samples(TASK)
    assert len(samples) == 16
    assert done.figures(TASK)["reference_majority_class"] == 0.25
    (file,) = done.folder.rglob(f"*_samples_{TASK}.jsonl")
    found = read_samples(file)
    assert found.data == documents.identity(get_task(TASK))
    # The same prompts, to the letter, as our own adapter was asked; but for the order of the parts.
    assert run(tmp_path, folders["llava_next"], TASK)[0] == 0
    planned = responses(tmp_path / "r" / TASK)
    for sample in samples:
        item = sample["item"]
        key = (item["tweet_id"], item["question"], 8263)
        assert digest(sample["input"]) == planned[key]["prompt_hash"]


@pytest.mark.parametrize(
    ("adapter", "more", "env", "message"),
    [
        ("qwen2_vl", (), {}, "--model qwen2_vl cannot run itr_demo_lv~shots-1"),
        ("itr_vlm", (), {ENVIRONMENT: "no.jsonl"}, "ITR_BENCH_EXAMPLES=no.jsonl: no such file"),
        ("llava_hf", ("--force_simple",), {}, "this adapter asked for a single one"),
    ],
)
def test_refused_under_lmms_eval(
    lmms_eval: RunLmmsEval,
    folders: dict[str, Path],
    home: Path,
    adapter: str,
    more: tuple[str, ...],
    env: dict[str, str],
    message: str,
) -> None:
    """The first two before anything is loaded: there is no such checkpoint."""
    given = "pretrained=no/such"
    if more:
        given = f"pretrained={folders['llava_next']},device=cpu,device_map=cpu"
    done = lmms_eval(
        *("--model", adapter, "--model_args", given, "--tasks", TASK, *more), home=home, env=env
    )
    assert done.status == 1 and message in done.output
    assert not list(done.folder.rglob("*_results.json"))
