"""The scores of one run on one task."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itr_bench.relation import RELATIONS, Question
from itr_bench.scoring.intervals import RESAMPLES, Interval, mean_interval
from itr_bench.scoring.predictions import Predictions

UNIFORM_CHANCE = 1 / len(RELATIONS)


@dataclass(frozen=True)
class Score:
    """All figures of a run. Shares are between 0 and 1; ``None`` is "does not exist here".

    Attributes:
        tweets: number of tweets scored.
        samples: number of samples (seeds) a question.
        unpaired: number of tweets left out because one question was missing.
        accuracy: 4-class accuracy, both answers right, mean over samples; unparseable is wrong.
        accuracy_sd: sample standard deviation (n - 1) of the samples' accuracies.
        accuracy_by_sample: the accuracy of each sample.
        interval: 95 % bootstrap interval of ``accuracy`` over tweets.
        macro_f1: unweighted mean F1 of the four relations, mean over samples.
        adds_accuracy, represented_accuracy: share of right answers to each question.
        recall: share of right predictions by gold relation; ``None`` where it has no tweet.
        confusion: predictions counted over samples, 4 rows (gold) by 5 columns (predicted
            relation 0 to 3, then unparseable).
        unparseable_rate: share of responses in which no answer could be read.
        failed_rate: share of requests that failed; not part of ``unparseable_rate``.
        sample_agreement: share of pairs of samples of a tweet that predict the same.
        majority_class: share of the most frequent relation: the accuracy of always naming it.
        uniform_chance: expected accuracy of answering at random.
    """

    tweets: int
    samples: int
    unpaired: int
    accuracy: float
    accuracy_sd: float | None
    accuracy_by_sample: tuple[float, ...]
    interval: Interval | None
    macro_f1: float
    adds_accuracy: float
    represented_accuracy: float
    recall: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    unparseable_rate: float
    failed_rate: float
    sample_agreement: float | None
    majority_class: float
    uniform_chance: float

    def as_dict(self) -> dict[str, Any]:
        """The score as JSON writes it."""
        return asdict(self)


def score(predictions: Predictions, *, resamples: int = RESAMPLES) -> Score:
    """Score a run.

    Args:
        predictions: the paired answers.
        resamples: number of bootstrap resamples of the interval.
    """
    gold, predicted, correct = predictions.gold, predictions.predicted, predictions.correct
    by_sample = correct.mean(axis=0)
    tables = [_confusion(gold, predicted[:, s]) for s in range(predictions.samples)]
    total = np.sum(tables, axis=0)
    support = np.bincount(gold, minlength=len(RELATIONS))
    answers = np.stack([predictions.adds, predictions.represented])
    return Score(
        tweets=len(gold),
        samples=predictions.samples,
        unpaired=len(predictions.unpaired),
        accuracy=float(by_sample.mean()),
        accuracy_sd=float(by_sample.std(ddof=1)) if predictions.samples > 1 else None,
        accuracy_by_sample=tuple(float(a) for a in by_sample),
        interval=mean_interval(correct.mean(axis=1), resamples=resamples),
        macro_f1=float(np.mean([_macro_f1(table) for table in tables])),
        adds_accuracy=_answer_accuracy(predictions, Question.ADDS),
        represented_accuracy=_answer_accuracy(predictions, Question.REPRESENTED),
        recall=tuple(
            float(total[r, r] / total[r].sum()) if support[r] else None for r in RELATIONS
        ),
        confusion=tuple(tuple(int(count) for count in row) for row in total),
        unparseable_rate=float((answers == -1).mean()),
        failed_rate=float((answers == -2).mean()),
        sample_agreement=_agreement(predicted),
        majority_class=float(support.max() / len(gold)),
        uniform_chance=UNIFORM_CHANCE,
    )


def _answer_accuracy(predictions: Predictions, question: Question) -> float:
    right = predictions.answers(question) == predictions.is_yes(question)[:, None]
    return float(right.mean())


def _confusion(gold: NDArray[np.int8], predicted: NDArray[np.int8]) -> NDArray[np.int64]:
    """Counts by gold relation (4 rows) and predicted relation or unparseable (5 columns)."""
    table = np.zeros((len(RELATIONS), len(RELATIONS) + 1), dtype=np.int64)
    np.add.at(table, (gold, predicted), 1)  # unparseable is -1: the last column
    return table


def _macro_f1(table: NDArray[np.int64]) -> float:
    """Mean F1 over the relations that occur as gold or as prediction; unparseable lowers recall."""
    right = np.diagonal(table)
    of_gold, of_predicted = table.sum(axis=1), table[:, : len(RELATIONS)].sum(axis=0)
    present = (of_gold + of_predicted) > 0
    return float((2 * right[present] / (of_gold + of_predicted)[present]).mean())


def _agreement(predicted: NDArray[np.int8]) -> float | None:
    """Share of equal pairs among the samples of a tweet; two unparseable predictions are equal."""
    samples = predicted.shape[1]
    if samples < 2:
        return None
    counts = np.stack([(predicted == value).sum(axis=1) for value in (-1, *RELATIONS)])
    return float((counts * (counts - 1)).sum(axis=0).mean() / (samples * (samples - 1)))
