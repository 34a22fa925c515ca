"""What the study of fine-tuning says of runs whose gains are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.formatting import as_text
from itr_bench.studies.section import Scatter
from itr_bench.studies.study import Material, Result, get_study
from itr_bench.studies.training import analyse
from tests.test_studies import predictions_of, run_of

TWEETS = 200
GOLD = np.arange(TWEETS, dtype=np.int8) % 4
FACTS: dict[str, Any] = {
    "folds": 5,
    "epochs": 3,
    "adapt": "lora",
    "seed": 1,
    "steps": 100,
    "share": 100,
    "shuffled_labels": False,
    "fold_hash": "abc",
    "tasks": {},
    "weights": {},
}


def right_on(share: float) -> Predictions:
    """So many of the tweets are right, the first ones; both answers are wrong on the others."""
    answer = np.where(np.arange(TWEETS) < share * TWEETS, GOLD, 3 - GOLD)
    return predictions_of(GOLD, (answer < 2)[:, None], (answer % 2 == 0)[:, None])


def before(share: float, task: str = "itr_demo_lv") -> Run:
    return run_of(task, right_on(share), "m", generation={"content": "sha256:1"})


def after(right: float, languages: str = "lv", task: str = "itr_demo_lv", **facts: Any) -> Run:
    training = {**FACTS, "languages": languages, **facts}
    generation = {"content": "sha256:1", "training": training}
    return run_of(task, right_on(right), f"m, trained on {languages}", generation=generation)


CLAIMS: list[tuple[list[Run], list[str]]] = [
    (
        [before(0.3), after(0.6)],
        ["trained on lv, the model gains 30.0 percentage points (30.0 % to 60.0 %)."],
    ),
    (
        [before(0.6), after(0.3)],
        ["trained on lv, the model loses 30.0 percentage points (60.0 % to 30.0 %)."],
    ),
    ([before(0.3), after(0.31)], ["no significant gain or loss for trained on lv."]),
    (
        [before(0.3), after(0.5), after(0.7, "lv+en")],
        [
            "trained on lv, the model gains 20.0",
            "trained on lv+en, the model gains 40.0",
            "(texts in Latvian): training on lv+en in place of lv helps: 20.0 percentage points.",
        ],
    ),
    (
        [after(0.5, "en", "itr_demo_en"), after(0.2, "lv+en", "itr_demo_en")],
        ["(texts in English): training on lv+en in place of en harms: 30.0 percentage points."],
    ),
    # Of another number of steps: more languages may be more training.
    ([after(0.2), after(0.7, "lv+en", steps=200)], []),
    ([after(0.2), after(0.7, "lv", "itr_demo_en")], []),
    (
        [before(0.3), after(0.3, shuffled_labels=True)],
        ["no significant gain or loss for trained on lv, shuffled labels."],
    ),
]


@pytest.mark.parametrize(("runs", "expected"), CLAIMS)
def test_claims(runs: Sequence[Run], expected: list[str]) -> None:
    section = analyse(Material(runs=runs))
    assert section is not None
    assert len(section.claims) == len(expected)
    for claim, text in zip(section.claims, expected, strict=True):
        assert text in claim.text
    as_text(get_study("training"), section)


def test_learning_curve_and_matrix() -> None:
    runs = [before(0.3), *(after(0.3 + share / 250, share=share) for share in (10, 50, 100))]
    section = analyse(Material(runs=[*runs, after(0.6, task="itr_demo_en")]))
    assert section is not None
    (curve,) = [one for one in section.figures if one.title.startswith("Learning curve")]
    assert [(row[0], round(float(str(row[1])), 3)) for row in curve.table.rows] == [
        *((10, 0.34), (50, 0.5), (100, 0.7)),
    ]
    (chart,) = curve.charts
    assert isinstance(chart, Scatter)
    assert [point.x for point in chart.points] == [10, 50, 100]
    (matrix,) = [one for one in section.figures if one.title == "Trained on, tested on"]
    assert matrix.table.rows[0][:2] == ("m", "lv")
    assert [column.title for column in matrix.table.columns][2::2] == [
        *("itr_demo_en %", "itr_demo_lv %"),
    ]


def test_relations_before_and_after() -> None:
    section = analyse(Material(runs=[before(0.5), after(1.0)]))
    assert section is not None
    (figure,) = [one for one in section.figures if one.title == "By relation"]
    assert [(row[3], row[4], row[5], row[7]) for row in figure.table.rows] == [
        ("0 adds, represented", 50, 0.5, 1.0),
        ("1 adds, not represented", 50, 0.5, 1.0),
        ("2 adds nothing, represented", 50, 0.5, 1.0),
        ("3 adds nothing, not represented", 50, 0.5, 1.0),
    ]


def test_what_is_missing_is_said() -> None:
    section = analyse(Material(runs=[after(0.5)]))
    assert section is not None
    assert any("there is no run without training" in notice for notice in section.notices)
    assert analyse(Material(runs=[before(0.5)])) is None


def test_cost() -> None:
    fold = {"steps": 100, "memory": 2**30, "tweets": 160, "way": "one sequence a tweet"}
    folds = [{**fold, "seconds": 10.0, "losses": [2.0, 0.5]}, {**fold, "seconds": 20.0}]
    folds[1]["losses"] = [1.0, 0.1]
    result = Result("training", "m, trained on lv", "itr_demo_lv", "d", {}, {"folds": folds})
    section = analyse(Material(results=[result]))
    assert section is not None
    (figure,) = section.figures
    assert figure.table.rows == (
        ("m, trained on lv", 2, 100, 15.0, 1024, 1.5, 0.3, "one sequence a tweet"),
    )
