"""``itr-bench compare``: the same verdict as the leaderboard, and what two runs differ in."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.leaderboard.reference import open_reference
from itr_bench.relation import Answer, Question, Relation
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.crossed import seed_noise
from itr_bench.scoring.ranking import rank
from itr_bench.scoring.significance import better, decide
from tests.test_submit import run_folder

TASK = "itr_demo_en"


def answering(right: float) -> Any:
    """Answers of which a share is right, by tweet, question and seed."""
    relations = {tweet: e.relation for (tweet, _), e in open_reference(TASK).items.items()}

    def say(tweet: str, question: str, seed: int) -> str:
        answer = Relation(relations[tweet]).answer(Question(question))
        wrong = np.random.default_rng([int(tweet) % 2**31, len(question), seed]).random() >= right
        return "Yes." if (answer is Answer.YES) != wrong else "No."

    return say


def compared(*arguments: object) -> str:
    done = CliRunner().invoke(cli, ["compare", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        # difference, tweets that only one has right, both p values
        ((0.2, 9, 1, 0.01, 0.01), 1),
        ((-0.2, 1, 9, 0.01, 0.01), -1),
        ((0.2, 9, 1, 0.01, 0.06), 0),
        ((0.2, 9, 1, 0.06, 0.01), 0),
        ((0.2, 1, 9, 0.01, 0.01), 0),  # the tests disagree on which is better
        ((0.2, 5, 5, 0.01, 0.01), 0),
        ((0.0, 9, 1, 0.01, 0.01), 0),
    ],
)
def test_two_models_differ_where_both_tests_agree(arguments: Any, expected: int) -> None:
    assert better(*arguments) == expected


def test_compare_and_the_leaderboard_say_the_same(tmp_path: Path) -> None:
    shares = (0.2, 0.5, 0.55, 0.9, 0.95, 1.0)
    folders = [
        run_folder(tmp_path / f"m{i}" / TASK, answering(share)) for i, share in enumerate(shares)
    ]
    runs = [read_run_folder(folder).predictions for folder in folders]
    ranking = rank(
        np.stack([one.correct.mean(axis=1) for one in runs]),
        [seed_noise(one.correct) for one in runs],
    )
    pairs = list(combinations(range(len(runs)), 2))
    # The leaderboard adds the noise of two runs up; compare pairs them seed by seed.
    decided = decide([compare(runs[a], runs[b], resamples=2) for a, b in pairs])
    assert [one.better != 0 for one in decided] == [bool(ranking.apart[pair]) for pair in pairs]
    assert {one.reason for one in decided} >= {"both tests reject", "no test rejects"}
    found = json.loads(compared(*folders, "--json"))
    assert [one["better"] for one in found] == [
        {1: "a", -1: "b", 0: None}[one.better] for one in decided
    ]
    assert [one["mean_p_holm"] for one in found] == [one.mean_p_value for one in decided]


def test_the_table_fits_100_columns_and_says_the_verdict_with_its_reason(tmp_path: Path) -> None:
    for name, share in (("good", 1.0), ("poor", 0.1), ("fair", 0.98)):
        run_folder(tmp_path / ("x" * 60 + name) / TASK, answering(share))
    text = compared(tmp_path)
    assert max(map(len, text.splitlines())) <= 100
    flat = " ".join(text.split())
    assert "< 0.001" in flat and "1 is better: both" in flat
    assert "not significantly" in flat and "no test rejects" in flat
    assert "0.0000" not in flat and "task:itr_demo_en" not in flat
    assert "task:itr_demo_en" in compared(tmp_path, "-v")


def test_what_two_runs_differ_in_is_named(tmp_path: Path) -> None:
    run_folder(tmp_path / "a", content=f"commit:{'a' * 40}")
    run_folder(tmp_path / "b", content=f"commit:{'b' * 40}")
    assert "differ in" not in compared(tmp_path / "a", tmp_path / "b")  # two checkpoints
    run_folder(tmp_path / "c", generation={"temperature": 0.7, "max_new_tokens": 512})
    run_folder(tmp_path / "d", generation={"temperature": 0.2, "max_new_tokens": 512})
    text = compared(tmp_path / "c", tmp_path / "d")
    assert "differ in generation_kwargs.temperature (0.7 and 0.2)" in text


def test_scores_fit_100_columns_and_signatures_are_asked_for(tmp_path: Path) -> None:
    for number in range(12):
        run_folder(tmp_path / f"{number}{'x' * 50}" / TASK, answering(0.5))
    done = CliRunner().invoke(cli, ["score", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 100
    assert len(done.output.splitlines()) < 60 and "signature" not in done.output
    verbose = CliRunner().invoke(cli, ["score", str(tmp_path), "-v"])
    assert "signature, in common: " in verbose.output
