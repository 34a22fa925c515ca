"""The Python API, and the examples that show it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import itr_bench
from itr_bench.answers import Parser, Reading, Rule
from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError, RunError, ScoreError
from itr_bench.relation import Answer
from tests import forked

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
GOLD = "relation\ttweet_id\n0\t101\n1\t102\n2\t103\n3\t104\n"
RESPONSES = "id\tadds\trepr\n101\tYes\tYes\n102\tYes\tNo\n103\tNo\tYes\n104\tmaybe\tNo\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    responses, gold = tmp_path / "mine.tsv", tmp_path / "gold.tsv"
    responses.write_text(RESPONSES)
    gold.write_text(GOLD)
    return responses, gold


@pytest.mark.parametrize(
    ("response", "options", "answer", "rule"),
    [
        ("Yes.", {}, "yes", "leading"),
        ("**Answer:** NO; **EXPLANATION:** yes", {}, "no", "marker"),
        ("Nē, attēls neko nepapildina.", {"lang": "lv"}, "no", "leading"),
        (None, {}, "failed", "failed"),
        ("1. Yes 2. No", {"parser": "both", "question": "represented"}, "no", "numbered"),
        (
            "Yes, it is unrelated to the text",
            {"parser": "negated", "question": "adds", "tweet_id": "1"},
            "no",
            "leading",
        ),
    ],
)
def test_parse(response: str | None, options: dict[str, str], answer: str, rule: str) -> None:
    reading = itr_bench.parse(response, **options)  # type: ignore[arg-type]
    assert (reading.answer.value, reading.rule.value) == (answer, rule)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lang": "fr"}, "unknown language 'fr'"),
        ({"parser": "yesno"}, "Did you mean 'yes-no'?"),
        ({"parser": "both"}, "has to know which question was asked"),
        ({"parser": "both", "question": "add"}, "unknown question 'add'. Did you mean 'adds'?"),
    ],
)
def test_parse_refuses(options: dict[str, str], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        itr_bench.parse("Yes", **options)  # type: ignore[arg-type]


def test_score_is_that_of_the_command_line(files: tuple[Path, Path]) -> None:
    responses, gold = files
    results = itr_bench.score(responses, gold=gold)
    assert results[0].score.accuracy == 0.75
    assert results[0].score.unparseable_rate == 0.125
    arguments = ["score", str(responses), "--gold", str(gold)]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert json.loads(done.output) == [json.loads(json.dumps(run.as_dict())) for run in results]
    assert f"{results}\n" in CliRunner().invoke(cli, arguments).output
    table = results.to_pandas()
    assert list(table["accuracy"]) == [0.75] and list(table["tweets"]) == [4]
    assert table["signature"][0] == str(results[0].signature)


def test_a_parser_of_ones_own_stands_in_the_signature(files: tuple[Path, Path]) -> None:
    never = Parser("never", 3, lambda response, language: Reading(Answer.NO, Rule.WORDS))
    (run,) = itr_bench.score(files[0], gold=files[1], parser=never)
    assert run.score.accuracy == 0.25
    assert "parser:never.3.en" in str(run.signature)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: itr_bench.score("none.tsv"), "no such file or folder"),
        (lambda: itr_bench.evaluate("qwen2vl", "itr_demo_lv"), "Did you mean 'qwen2_vl'?"),
        (
            lambda: itr_bench.evaluate("itr_baseline", "itr_demo", seeds="ten"),
            "seeds 'ten': expected",
        ),
        (lambda: itr_bench.load("itr_demo"), "is a group, expected a task"),
    ],
)
def test_errors_are_those_of_the_command_line(call: Callable[[], object], message: str) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    with pytest.raises(ItrBenchError, match=message):
        call()


def test_evaluate_resumes_and_compares(tmp_path: Path) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    options = {"seeds": [7, 8], "out": tmp_path, "model_args": {"strategy": "uniform"}}
    results = itr_bench.evaluate("itr_baseline", ["itr_demo_lv", "itr_demo_en"], **options)  # type: ignore[arg-type]
    assert [run.task for run in results] == ["itr_demo_lv", "itr_demo_en"]
    assert results.folder is not None and results.folder.parent == tmp_path
    written = (results.folder / "itr_demo_lv" / "responses.jsonl").read_bytes()
    again = itr_bench.evaluate("itr_baseline", "itr_demo_lv", **options)  # type: ignore[arg-type]
    assert again[0].score == results[0].score
    assert (results.folder / "itr_demo_lv" / "responses.jsonl").read_bytes() == written
    with pytest.raises(RunError, match="seeds"):
        itr_bench.evaluate("itr_baseline", "itr_demo_lv", **{**options, "seeds": 3})  # type: ignore[arg-type]

    other = itr_bench.evaluate(
        "itr_baseline", "itr_demo_lv", seeds=1, out=tmp_path, name="m", model_args={}
    )
    compared = itr_bench.compare(results[0], other[0])
    assert compared.comparison.tweets == 24
    assert compared.significance.better == 0
    assert "not significantly different" in str(compared)
    same = itr_bench.compare(tmp_path / results.folder.name / "itr_demo_lv", other[0])
    assert same.comparison == compared.comparison
    with pytest.raises(ScoreError, match="2 runs, expected one"):
        itr_bench.compare(results.folder, other[0])
    with pytest.raises(ScoreError, match="nothing to compare"):
        itr_bench.compare(results[1], other[0])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples(example: Path, tmp_path: Path) -> None:
    env = {**os.environ, "MPLBACKEND": "agg"}
    output = tmp_path / "output.txt"
    if "evaluate(" in example.read_text():
        pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
        status = forked.run(forked.script, str(example), output=output, env=env)
    else:
        with output.open("w") as file:
            command = [sys.executable, str(example)]
            status = subprocess.run(command, stdout=file, cwd=tmp_path, check=False).returncode
    printed = output.read_text()
    assert status == 0, printed
    assert {
        "add_a_parser": "'*****' yes\n'*' no\n'***' none\nNone failed\n",
        "evaluate_a_model": "itr_baseline uniform  itr_demo_lv",
        "load_the_data": "24 tweets: {'adds_represented': 6,",
        "plot_a_comparison": "percentage points, not significantly different",
        "score_your_responses": "accuracy: 0.75",
    }[example.stem] in printed
