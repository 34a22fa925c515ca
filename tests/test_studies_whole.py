"""All seven studies, whole, by the command line: baselines, tiny checkpoints, and one report."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from itr_bench.cli.main import cli
from itr_bench.data.sets import LTEC_BALANCED
from itr_bench.models.tiny import make_checkpoint
from itr_bench.relation import RELATIONS
from itr_bench.runs.response_log import RESPONSES
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.studies.study import studies
from itr_bench.tasks import documents
from tests.conftest import needs
from tests.tiny_encoders import make

pytestmark = [pytest.mark.slow, needs("torch", "lmms_eval")]

DEMO = "itr_demo_lv"
TIRT = 40
BASELINE = ("--model", "itr_baseline", "--model_args", "strategy=uniform", "--seeds", "2")
WORDS = ("tea", "bread", "river", "city", "cat", "train", "today", "again", "nobody", "good")


@dataclass(frozen=True)
class World:
    """Made-up data, models and runs of all studies."""

    folder: Path

    @property
    def runs(self) -> Path:
        return self.folder / "studies"

    def invoke(self, *arguments: object) -> Result:
        home = {"ITR_BENCH_HOME": str(self.folder / "home")}
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], env=home)

    def done(self, *arguments: object) -> str:
        result = self.invoke(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output


def _text(*key: object) -> str:
    draw = random.Random(str(key))
    return " ".join(draw.choice(WORDS) for _ in range(8))


def _table(path: Path, *lines: tuple[object, ...]) -> Path:
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    return path


def _build(world: World) -> None:
    """LTEC, two systems (the manual English itself, and its words reversed), and TIRT."""
    left = list(LTEC_BALANCED)
    relations = []
    while any(left):  # the relations take turns, so that the first tweets have all four
        for relation in RELATIONS:
            if left[relation]:
                left[relation] -= 1
                relations.append(int(relation))
    ids = range(1000, 1000 + len(relations))
    english = [_text("en", i) for i in ids]
    ltec = zip(relations, ids, [_text("lv", i) for i in ids], english, strict=True)
    header = ("relation", "tweet_id", "text", "English")
    systems = {
        "same": english,
        "reversed": [" ".join(text.split()[::-1]) for text in english],
    }
    placeholder = (
        "--tweets",
        _table(world.folder / "ltec.tsv", header, *ltec),
        "--placeholder-images",
    )
    world.done("data", "build", "ltec", *placeholder)
    for system, texts in systems.items():
        lines = zip(ids, texts, strict=True)
        file = _table(world.folder / f"{system}.tsv", ("tweet_id", "text"), *lines)
        world.done("data", "build", "ltec_en_mt", "--tweets", file, "--system", system)
    tirt = [(i % 4, 5000 + i, _text("tirt", i)) for i in range(TIRT)]
    file = _table(world.folder / "tirt.tsv", header[:3], *tirt)
    world.done("data", "build", "tirt", "--tweets", file, "--placeholder-images")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    documents._task_data.cache_clear()
    _build(made)
    qwen = make_checkpoint("qwen2_vl", made.folder / "qwen", seed=2)
    clip = make("clip", made.folder / "clip")
    tiny = ("--model", "itr_vlm", "--model_args", f"pretrained={qwen},device=cpu", "--limit", "6")
    demo = ("--base", DEMO)
    out = ("--out", made.runs)
    made.done("study", "language", *BASELINE, "--limit", "40", *out)
    made.done("study", "transfer", *BASELINE, "--limit", "40", *out)
    made.done("study", "prompt", *BASELINE, *demo, *out)
    made.done("study", "image-ablation", *tiny, *demo, "--seeds", "2", *out)
    made.done("study", "in-context", *tiny, *demo, "--seeds", "2", *out)
    encoder = ("--model", clip, "--model_args", "device=cpu", *demo, *out)
    made.done("study", "no-vlm", *encoder, "--seeds", "1")
    made.done("study", "retrieval", *encoder)
    yield made
    documents._task_data.cache_clear()


@pytest.fixture(scope="module")
def report(world: World) -> dict[str, Any]:
    folder = world.folder / "report"
    world.done("report", world.runs, "--out", folder)
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def _figure(report: dict[str, Any], study: str, title: str) -> list[dict[str, Any]]:
    """The rows of a figure, by the titles of the columns."""
    (section,) = [one for one in report["studies"] if one["study"] == study]
    (figure,) = [one for one in section["figures"] if one["title"] == title]
    titles = [column["title"] for column in figure["columns"]]
    return [dict(zip(titles, row, strict=True)) for row in figure["rows"]]


def test_the_report_has_every_study_with_numbers(report: dict[str, Any]) -> None:
    # Training has its whole runs in a file of its own.
    assert [one["study"] for one in report["studies"]] == [
        name for name in studies() if name != "training"
    ]
    for section in report["studies"]:
        assert section["figures"], section["study"]
        assert all(figure["rows"] for figure in section["figures"])
        assert section["limits"], section["study"]
        untested = any("no test and no interval" in limit for limit in section["limits"])
        assert section["claims"] or untested, section["study"]
    assert report["left_out"] == [] and report["trial"] is True


def test_the_variants_of_each_study_are_in_its_figure(report: dict[str, Any]) -> None:
    blind = _figure(report, "image-ablation", f"Accuracy without one side, {DEMO}")
    assert [row["Variant"] for row in blind] == [
        *("no-image", "grey-image", "other-image", "shuffled-words", "other-text")
    ]
    shots = _figure(report, "in-context", f"Gain by examples in context, {DEMO}")
    kinds = [f"shots-{number}{kind}" for kind in ("", "-text") for number in (1, 2, 4)]
    assert [row["Examples"] for row in shots] == kinds
    assert {row["From"] for row in shots} == {"split"}
    asked = {row["Asked"]: row for row in _figure(report, "prompt", f"Other ways to ask, {DEMO}")}
    assert len(asked) == 15 and {"both", "choice", "negated", "explained"} <= set(asked)
    rows = {row["Model"] for row in _figure(report, "no-vlm", f"Accuracy without a VLM, {DEMO}")}
    assert {"clip (trained)", "text-linear (trained)"} <= rows


def test_accuracy_stands_against_the_quality_of_translations(
    world: World, report: dict[str, Any]
) -> None:
    rows = _figure(report, "language", "Accuracy and the quality of the translation")
    quality = {row["System"]: (row["BLEU"], row["chrF2"]) for row in rows}
    # The one system is the reference itself; the other has its words, and so its characters.
    assert quality["same"] == pytest.approx((100, 100))
    bleu, chrf = quality["reversed"]
    assert bleu < 30 and 50 < chrf < 95
    scored = json.loads(world.done("data", "mt-score", "--json"))
    assert quality == {
        one["system"]: tuple(one["metrics"][key]["score"] for key in ("bleu", "chrf"))
        for one in scored["systems"]
    }
    printed = world.done("study", "language", *BASELINE, "--limit", "40", "--out", world.runs)
    assert f" {bleu:.2f} " in printed and f" {chrf:.2f} " in printed
    gaps = _figure(report, "language", "Gap between languages")
    assert {row["Second"] for row in gaps} >= {"English by same", "English by reversed"}


def test_tirt_is_set_against_ltec(report: dict[str, Any]) -> None:
    rows = _figure(report, "transfer", "LTEC against TIRT")
    assert [(row["LTEC in"], row["LTEC tweets"], row["TIRT tweets"]) for row in rows] == [
        ("Latvian", 40, TIRT),
        ("English, as published", 40, TIRT),
    ]
    for row in rows:
        # Ten tweets of each relation on both sides: nothing is left for the balance.
        assert row["Of the balance"] == pytest.approx(0)
        assert row["Difference"] == pytest.approx(row["Of the domain"])
    by_relation = _figure(report, "transfer", "LTEC against TIRT, relation by relation")
    assert len(by_relation) == 8


def test_the_same_runs_give_the_same_bytes(world: World, report: dict[str, Any]) -> None:
    again = world.folder / "again"
    world.done("report", world.runs, "--out", again)
    for name in ("index.html", "report.json"):
        assert (again / name).read_bytes() == (world.folder / "report" / name).read_bytes()


def test_a_run_in_progress_is_named_and_all_else_is_there(world: World, tmp_path: Path) -> None:
    runs = shutil.copytree(world.runs, tmp_path / "runs")
    (folder,) = runs.glob(f"*/{DEMO}~no-image")
    journal = folder / RESPONSES
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    world.done("report", runs, "--out", tmp_path / "report")
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    rows = {
        row["Variant"]: row
        for row in _figure(found, "image-ablation", f"Accuracy without one side, {DEMO}")
    }
    assert len(rows) == 5
    assert 0 < rows["no-image"]["Tweets"] < 6 == rows["grey-image"]["Tweets"]
    (blind,) = [one for one in found["studies"] if one["study"] == "image-ablation"]
    assert any("no-image" in one and "in progress" in one for one in blind["notices"])


@pytest.mark.parametrize("strategy", ["majority", "uniform", "always_yes", "always_no"])
def test_a_baseline_answers_in_the_form_that_is_asked(
    world: World, tmp_path: Path, strategy: str
) -> None:
    tasks = [DEMO, *(f"{DEMO}~{variant}" for variant in ("both", "choice", "negated"))]
    world.done(
        *("run", "--model", "itr_baseline", "--model_args", f"strategy={strategy}"),
        *("--tasks", ",".join(tasks), "--seeds", "2", "--out", tmp_path),
    )
    plain, *others = (read_run_folder(next(tmp_path.rglob(task))).predictions for task in tasks)
    for task, found in zip(tasks[1:], others, strict=True):
        for question in ("adds", "represented"):
            before, after = getattr(plain, question), getattr(found, question)
            assert np.isin(after, (0, 1)).all(), task
            if strategy == "majority" or (strategy != "uniform" and not task.endswith("negated")):
                assert (after == before).all(), task
            elif strategy != "uniform":  # the same word to the question in the negative
                assert (after == 1 - before).all(), task
