"""One result in full: confusion, questions, samples and tweets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from itr_bench.leaderboard.site.rows import QUESTIONS
from itr_bench.relation import RELATIONS
from itr_bench.scoring.metrics import Score
from itr_bench.scoring.predictions import UNPARSEABLE, Predictions

_KINDS = (
    ("a", "●", "right in all samples"),
    ("b", "◕", "right in more than half"),
    ("c", "◔", "right in half or fewer"),
    ("d", "○", "right in none"),
    ("u", "?", "unparseable in more than half"),
)


def detail(score: Score, predictions: Predictions, names: Sequence[str] | None) -> dict[str, Any]:
    """The tables of one result, for the template.

    Args:
        names: of the samples: their seeds, where each has one of its own.
    """
    gold_yes = (predictions.gold < 2, predictions.gold % 2 == 0)
    answers = (predictions.adds, predictions.represented)
    kinds = _tweet_kinds(predictions)
    return {
        "confusion": _confusion(score),
        "questions": [
            {
                "label": QUESTIONS[question],
                "accuracy": accuracy,
                "majority": float(max(gold.mean(), 1 - gold.mean())),
            }
            for question, accuracy, gold in zip(
                QUESTIONS, (score.adds_accuracy, score.represented_accuracy), gold_yes, strict=True
            )
        ],
        "macro_f1": score.macro_f1,
        "agreement": score.sample_agreement,
        "failed": score.failed_rate,
        "seeded": names is not None,
        "samples": [
            {
                "name": names[s] if names is not None and s < len(names) else str(s + 1),
                "accuracy": score.accuracy_by_sample[s],
                "shares": [
                    float(share)
                    for one in answers
                    for share in (
                        (one[:, s] == 1).mean(),
                        (one[:, s] == 0).mean(),
                        (one[:, s] < 0).mean(),
                    )
                ],
            }
            for s in range(predictions.samples)
        ],
        "right_shares": [
            share
            for gold in gold_yes
            for share in (float(gold.mean()), 1 - float(gold.mean()), 0.0)
        ],
        "sample_count": predictions.samples,
        "legend": [
            {"css": css, "sign": sign, "text": text, "count": int((kinds == number).sum())}
            for number, (css, sign, text) in enumerate(_KINDS)
        ],
        "grid": _grid(predictions, kinds),
        "tweets": _tweets(predictions),
    }


def _confusion(score: Score) -> list[dict[str, Any]]:
    lines = []
    for relation, counts in zip(RELATIONS, score.confusion, strict=True):
        total = sum(counts)
        cells = [
            {
                "count": count,
                "shade": f"{count / total if total else 0:.2f}",
                "right": column == relation,
            }
            for column, count in enumerate(counts)
        ]
        lines.append({"label": relation.label, "cells": cells, "recall": score.recall[relation]})
    return lines


def _tweet_kinds(predictions: Predictions) -> Any:
    """Which of the kinds of cells each tweet is, shape (T,)."""
    correct = predictions.correct.sum(axis=1)
    unparseable = (predictions.predicted == UNPARSEABLE).sum(axis=1)
    samples = predictions.samples
    rules = [correct == samples, correct * 2 > samples, unparseable * 2 > samples, correct > 0]
    return np.select(rules, [0, 1, 4, 2], default=3)


def _grid(predictions: Predictions, kinds: Any) -> list[dict[str, Any]]:
    correct = predictions.correct.sum(axis=1)
    blocks = []
    for relation in RELATIONS:
        cells = []
        for i in np.flatnonzero(predictions.gold == relation):
            css, sign, _ = _KINDS[int(kinds[i])]
            tweet = escape(predictions.tweet_ids[i])
            cells.append(
                f'<i class="{css}" title="{tweet}: {correct[i]}/{predictions.samples}">{sign}</i>'
            )
        if cells:
            # Only ids, which are escaped, and numbers stand in it.
            blocks.append({"label": relation.label, "cells": cells, "html": Markup("".join(cells))})
    return blocks


def _tweets(predictions: Predictions) -> Markup:
    correct = predictions.correct.sum(axis=1)
    unparseable = (predictions.predicted == UNPARSEABLE).sum(axis=1)
    return Markup("").join(
        Markup(
            f"<tr><td>{escape(tweet)}</td><td>{gold}</td><td>{right}</td><td>{missing}</td></tr>\n"
        )
        for tweet, gold, right, missing in zip(
            predictions.tweet_ids, predictions.gold, correct, unparseable, strict=True
        )
    )
