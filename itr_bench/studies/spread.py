"""The spread of accuracies over wordings, and whether it is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.scoring.outcomes import Outcomes
from itr_bench.studies.choosing import Extreme, extremes
from itr_bench.studies.statistics import FEWEST, Share, hits, shares


@dataclass(frozen=True)
class Spread:
    """Accuracies over the wordings of one model.

    Attributes:
        names: of the wordings, the paper's first.
        tweets: that all wordings share.
        accuracies: of each.
        mean: of them, with its interval over tweets.
        deviation: sample standard deviation (n - 1) over wordings.
        expected: the deviation that wordings which do not differ would show by chance, the square
            root of the mean over resampled tweets with answers dealt anew among wordings.
        p_value: of the spread, by the same dealing.
        best, worst: the extremes.
    """

    names: tuple[str, ...]
    tweets: int
    accuracies: tuple[float, ...]
    mean: Share
    deviation: float
    expected: float
    p_value: float
    best: Extreme
    worst: Extreme


DEALS = 2_000


def spread(wordings: Mapping[str, Outcomes]) -> Spread | None:
    """The spread over *wordings*; ``None`` where there are fewer than two or too few tweets."""
    if len(wordings) < 2:
        return None
    rights = _on_common_tweets(list(wordings.values()))
    variants, tweets = rights.shape
    if tweets < FEWEST:
        return None
    means = rights.mean(axis=1)
    best, worst = extremes(rights)
    deviation = float(means.std(ddof=1))
    dealt = _dealt(rights)
    units = 10_000 * variants
    total = np.rint(rights.sum(axis=0) * 10_000).astype(np.int64)
    return Spread(
        names=tuple(wordings),
        tweets=tweets,
        accuracies=tuple(float(mean) for mean in means),
        mean=shares([(total, units)])[0],
        deviation=deviation,
        expected=float(np.sqrt((dealt**2).mean())),
        p_value=float((1 + (dealt >= deviation - 1e-12).sum()) / (1 + DEALS)),
        best=best,
        worst=worst,
    )


def _on_common_tweets(runs: Sequence[Outcomes]) -> NDArray[np.float64]:
    """Share of right samples by run and tweet, on the tweets that all have, shape (V, T)."""
    common = set(runs[0].tweet_ids).intersection(*(run.tweet_ids for run in runs))
    rows = []
    for run in runs:
        right, samples = hits(run)
        kept = [i for i, tweet in enumerate(run.tweet_ids) if tweet in common]
        rows.append(right[kept] / samples)
    return np.stack(rows)


def _dealt(rights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations over wordings where each tweet deals its results anew among them: what the
    deviation is where the wording makes no difference. Shape (deals,).
    """
    rng = np.random.default_rng(0)
    found = np.empty(DEALS)
    step = 100
    for start in range(0, DEALS, step):
        order = rng.random((step, *rights.shape), dtype=np.float32).argsort(axis=1)
        dealt = np.take_along_axis(np.broadcast_to(rights, order.shape), order, axis=1)
        found[start : start + step] = dealt.mean(axis=2).std(axis=1, ddof=1)
    return found
