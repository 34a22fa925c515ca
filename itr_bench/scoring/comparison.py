"""Two runs on the same tweets: is one better, and by how much?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from itr_bench.errors import ScoreError
from itr_bench.scoring.intervals import RESAMPLES, Interval, mean_interval
from itr_bench.scoring.outcomes import Outcomes


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
    """

    tweets: int
    difference: float
    interval: Interval | None
    only_a: int
    only_b: int
    p_value: float


def compare(a: Outcomes, b: Outcomes, *, resamples: int = RESAMPLES) -> Comparison:
    """Compare two runs on the tweets that both answered.

    Raises:
        ScoreError: they share no tweet, or disagree on a tweet's label.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    index_b = {tweet: i for i, tweet in enumerate(b.tweet_ids)}
    in_a = [i for i, tweet in enumerate(a.tweet_ids) if tweet in index_b]
    in_b = [index_b[a.tweet_ids[i]] for i in in_a]
    if not in_a:
        raise ScoreError("the two runs share no tweet: compare runs of one task")
    if (a.gold[in_a] != b.gold[in_b]).any():
        raise ScoreError("the two runs disagree on labels: they were scored on different data")
    mean_a, mean_b = a.correct[in_a].mean(axis=1), b.correct[in_b].mean(axis=1)
    right_a, right_b = mean_a > 0.5, mean_b > 0.5
    table = [
        [int((right_a & right_b).sum()), int((right_a & ~right_b).sum())],
        [int((~right_a & right_b).sum()), int((~right_a & ~right_b).sum())],
    ]
    return Comparison(
        tweets=len(in_a),
        difference=float(np.mean(mean_a - mean_b)),
        interval=mean_interval(mean_a - mean_b, resamples=resamples),
        only_a=table[0][1],
        only_b=table[1][0],
        p_value=float(mcnemar(table, exact=True).pvalue),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted by Holm's step-down method for testing them together."""
    from statsmodels.stats.multitest import multipletests

    if not p_values:
        return []
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]
