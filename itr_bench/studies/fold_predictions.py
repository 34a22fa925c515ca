"""The results of the study ``no-vlm``: fold predictions as JSON, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import DataError, ScoreError
from itr_bench.relation import QUESTIONS, RELATIONS, Answer
from itr_bench.scoring import Predictions, ReadItem, Score, pair, score
from itr_bench.studies.encoder_work import check_facts
from itr_bench.studies.encoders.trained import Division
from itr_bench.studies.study import Result

NAME = "no-vlm"
TRAINED = "trained inside the set by cross-validation; no zero-shot result"

_LETTERS = {True: "y", False: "n"}
_ANSWERS = {"y": Answer.YES, "n": Answer.NO}


def content(said: NDArray[np.bool_], division: Division) -> dict[str, Any]:
    """The fold predictions: for each tweet its relation, and a letter a seed for each question."""
    answers = {
        tweet: [
            int(division.relations[place]),
            *("".join(_LETTERS[bool(yes)] for yes in said[:, q, place]) for q in (0, 1)),
        ]
        for place, tweet in enumerate(division.tweet_ids)
    }
    return {"answers": answers}


@dataclass(frozen=True)
class Row:
    """A reference row with its score; *name* marks it as trained."""

    name: str
    result: Result
    predictions: Predictions
    score: Score


def read_rows(results: Sequence[Result]) -> list[Row]:
    """Score the fold predictions of *results* like any other answers.

    Returns:
        By name; rows of one name and task, made under different conditions, are numbered.

    Raises:
        DataError: a content is not what this study writes.
    """
    by_place: dict[tuple[str, str, str], list[Result]] = {}
    for result in sorted(results, key=lambda result: (result.model, result.task, result.path)):
        by_place.setdefault((result.model, result.task, result.data), []).append(result)
    return [
        _row(f"{model} [{number}] (trained)" if len(alike) > 1 else f"{model} (trained)", result)
        for (model, _, _), alike in by_place.items()
        for number, result in enumerate(alike, 1)
    ]


def _row(name: str, result: Result) -> Row:
    check_facts(result, seeds=list, folds=int)
    seeds, answers = result.facts["seeds"], result.content.get("answers")
    items = []
    try:
        if not isinstance(answers, dict):
            raise ValueError("no answers")
        for tweet, (relation, *letters) in answers.items():
            if relation not in RELATIONS or [len(one) for one in letters] != [len(seeds)] * 2:
                raise ValueError(f"tweet {tweet}: {[relation, *letters]!r}")
            items += [
                ReadItem(tweet, question, relation, tuple(_ANSWERS[letter] for letter in one))
                for question, one in zip(QUESTIONS, letters, strict=True)
            ]
        predictions = pair(items)
    except (ValueError, TypeError, KeyError, ScoreError) as error:
        raise DataError(
            f"{result.path}: not the fold predictions of the study {NAME} ({error}); make it again"
        ) from error
    return Row(name, result, predictions, score(predictions))
