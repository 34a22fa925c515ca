"""Two runs on the same tweets: is one better, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass

from itr_bench.errors import ScoreError
from itr_bench.scoring.crossed import mean_test, noise_between
from itr_bench.scoring.intervals import RESAMPLES, Interval, mean_interval
from itr_bench.scoring.predictions import Predictions, shared
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
    try:
        in_a, in_b = shared(a, b)
    except ScoreError as error:
        raise ScoreError(
            f"the two runs {error}: compare runs of one task, on the same data"
        ) from error
    right_a, right_b = a.correct[in_a], b.correct[in_b]
    mean_a, mean_b = right_a.mean(axis=1), right_b.mean(axis=1)
    most_a, most_b = mean_a > 0.5, mean_b > 0.5
    only_a, only_b = int((most_a & ~most_b).sum()), int((~most_a & most_b).sum())
    tweets, differences, mean_p_value = len(in_a), mean_a - mean_b, 1.0
    if tweets > 1:
        noise, variance = noise_between(right_a, right_b), differences.var(ddof=1) / tweets
        mean_p_value = float(
            mean_test(differences.mean(), variance, tweets, noise.added, noise.spread)
        )
    return Comparison(
        tweets=tweets,
        difference=float(differences.mean()),
        interval=mean_interval(differences, resamples=resamples),
        only_a=only_a,
        only_b=only_b,
        p_value=float(exact_mcnemar(only_a, only_b)),
        mean_p_value=mean_p_value,
    )
