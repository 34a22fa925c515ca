"""Figures that need no threshold: how well P(yes) ranks the tweets, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from itr_bench.relation import Answer, Question, Relation

BINS = 10


@dataclass(frozen=True)
class JudgedLikelihood:
    """P(yes) and P(no) after one question about one tweet, and the tweet's relation."""

    tweet_id: str
    question: Question
    relation: int
    yes: float
    no: float


@dataclass(frozen=True)
class LikelihoodScore:
    """The figures of one question. ``None`` is "does not exist here".

    Attributes:
        auc: area under the ROC curve of P(yes) / (P(yes) + P(no)) over tweets: how often a tweet
            whose answer is yes ranks above one whose answer is no; 0.5 is chance. ``None`` where
            one of the answers has no tweet.
        calibration_error: expected calibration error of the same share: its mean distance from the
            frequency of yes, over 10 bins of equal width, weighted by tweets; 0 to 1.
        mass: mean of P(yes) + P(no), 0 to 1: how much of what the model would say is either.
    """

    auc: float | None
    calibration_error: float
    mass: float

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON writes them."""
        return asdict(self)


def likelihood_scores(
    likelihoods: Sequence[JudgedLikelihood],
) -> dict[Question, LikelihoodScore]:
    """Score the likelihoods of each question that has any."""
    return {
        question: _score([item for item in likelihoods if item.question is question])
        for question in Question
        if any(item.question is question for item in likelihoods)
    }


def _score(items: Sequence[JudgedLikelihood]) -> LikelihoodScore:
    gold = np.array([Relation(item.relation).answer(item.question) is Answer.YES for item in items])
    mass = np.array([item.yes + item.no for item in items])
    # Where neither is possible, either is as likely.
    share = np.array([item.yes for item in items]) / np.where(mass > 0, mass, 1)
    share = np.where(mass > 0, share, 0.5)
    return LikelihoodScore(
        auc=_auc(share, gold),
        calibration_error=_calibration_error(share, gold),
        mass=float(mass.mean()),
    )


def _auc(share: np.ndarray[Any, Any], gold: np.ndarray[Any, Any]) -> float | None:
    """By ranks (Mann & Whitney 1947); ties count half."""
    from scipy.stats import rankdata

    yes, no = int(gold.sum()), int((~gold).sum())
    if not yes or not no:
        return None
    ranks = rankdata(share)
    return float((ranks[gold].sum() - yes * (yes + 1) / 2) / (yes * no))


def _calibration_error(share: np.ndarray[Any, Any], gold: np.ndarray[Any, Any]) -> float:
    """Naeini et al. 2015, for the answer yes."""
    bins = np.minimum((share * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    gap = np.bincount(bins, share, BINS) - np.bincount(bins, gold, BINS)
    return float(np.abs(gap).sum() / count.sum())
