"""Two runs on the same tweets: is one better, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import ScoreError
from itr_bench.scoring.crossed import mean_test, noise_between
from itr_bench.scoring.intervals import RESAMPLES, Interval, mean_interval
from itr_bench.scoring.predictions import Predictions
from itr_bench.scoring.significance import exact_mcnemar


@dataclass(frozen=True)
class Comparison:
    """The paired comparison of run A with run B.

    Attributes:
        tweets: number of tweets that both runs answered; only these are compared.
        difference: accuracy of A less accuracy of B, between -1 and 1.
        interval: 95 % bootstrap interval of the difference over tweets.
        only_a, only_b: tweets that only A, or only B, has right (in more than half of its
            samples).
        p_value: exact McNemar test on these two counts.
        mean_p_value: t test of the difference, with tweets and seeds as crossed clusters
            (``crossed.py``); 1 for a single tweet.
    """

    tweets: int
    difference: float
    interval: Interval | None
    only_a: int
    only_b: int
    p_value: float
    mean_p_value: float


def compare(a: Predictions, b: Predictions, *, resamples: int = RESAMPLES) -> Comparison:
    """Compare two runs on the tweets that both answered.

    Raises:
        ScoreError: they share no tweet, or disagree on a tweet's label.
    """
    index_b = {tweet: i for i, tweet in enumerate(b.tweet_ids)}
    in_a = [i for i, tweet in enumerate(a.tweet_ids) if tweet in index_b]
    in_b = [index_b[a.tweet_ids[i]] for i in in_a]
    if not in_a:
        raise ScoreError("the two runs share no tweet: compare runs of one task")
    if (a.gold[in_a] != b.gold[in_b]).any():
        raise ScoreError("the two runs disagree on labels: they were scored on different data")
    mean_a, mean_b = a.correct[in_a].mean(axis=1), b.correct[in_b].mean(axis=1)
    right_a, right_b = mean_a > 0.5, mean_b > 0.5
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    return Comparison(
        tweets=len(in_a),
        difference=float(np.mean(mean_a - mean_b)),
        interval=mean_interval(mean_a - mean_b, resamples=resamples),
        only_a=only_a,
        only_b=only_b,
        p_value=float(exact_mcnemar(only_a, only_b)),
        mean_p_value=_mean_p_value(a.correct[in_a], b.correct[in_b]),
    )


def _mean_p_value(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    if len(a) < 2:
        return 1.0
    differences = a.mean(axis=1) - b.mean(axis=1)
    noise = noise_between(a, b)
    variance = differences.var(ddof=1) / len(a)
    return float(mean_test(differences.mean(), variance, len(a), noise.added, noise.spread))
