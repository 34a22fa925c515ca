"""The spread of accuracies over wordings, and whether it is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.scoring.crossed import seed_noise
from itr_bench.scoring.intervals import resampled_totals
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.choosing import Extreme, extremes
from itr_bench.studies.statistics import FEWEST, Share, shares


@dataclass(frozen=True)
class Spread:
    """Accuracies over the wordings of one model.

    Attributes:
        names: of the wordings, the paper's first.
        tweets: that all wordings share.
        accuracies: of each.
        mean: of them, with its interval over tweets.
        deviation: sample standard deviation (n - 1) over wordings.
        samples: fewest of a wording; with one, noise of the seed is not seen.
        expected: the deviation that wordings of one accuracy would show by chance, the median.
        p_value: how often wordings of one accuracy would show this deviation or more.
        best, worst: the extremes.
    """

    names: tuple[str, ...]
    tweets: int
    accuracies: tuple[float, ...]
    mean: Share
    deviation: float
    samples: int
    expected: float
    p_value: float
    best: Extreme
    worst: Extreme


def spread(wordings: Mapping[str, Predictions]) -> Spread | None:
    """The spread over *wordings*; ``None`` where there are fewer than two or too few tweets."""
    if len(wordings) < 2:
        return None
    right = _on_common_tweets(list(wordings.values()))
    tweets = len(right[0])
    if tweets < FEWEST:
        return None
    # Whole numbers: what is right of each wording, as if all had as many samples.
    units = math.lcm(*(one.shape[1] for one in right))
    hits = np.stack([one.sum(axis=1, dtype=np.int64) * (units // one.shape[1]) for one in right])
    means = hits.sum(axis=1) / (tweets * units)
    best, worst = extremes(hits / units)
    deviation = float(means.std(ddof=1))
    by_chance = _by_chance(right, hits, units)
    return Spread(
        names=tuple(wordings),
        tweets=tweets,
        accuracies=tuple(float(mean) for mean in means),
        mean=shares([(hits.sum(axis=0), units * len(right))])[0],
        deviation=deviation,
        samples=min(one.shape[1] for one in right),
        expected=float(np.median(by_chance)),
        p_value=float((1 + (by_chance >= deviation - 1e-12).sum()) / (1 + len(by_chance))),
        best=best,
        worst=worst,
    )


def _on_common_tweets(runs: Sequence[Predictions]) -> list[NDArray[np.bool_]]:
    """What is right by run, on the tweets that all have, shapes (T, S)."""
    places = [{tweet: i for i, tweet in enumerate(run.tweet_ids)} for run in runs]
    common = [tweet for tweet in runs[0].tweet_ids if all(tweet in own for own in places)]
    return [
        run.correct[[own[tweet] for tweet in common]] for run, own in zip(runs, places, strict=True)
    ]


def _by_chance(
    right: Sequence[NDArray[np.bool_]], hits: NDArray[np.int64], units: int
) -> NDArray[np.float64]:
    """Deviations over wordings of one accuracy, shape (resamples,): each accuracy less its own
    mean, over resampled tweets, with what seeds add. Nothing is dealt among the wordings: they may
    have one accuracy and still be right on other tweets.
    """
    sums = resampled_totals(hits).astype(np.float64) - hits.sum(axis=1, keepdims=True)
    centred = sums / (hits.shape[1] * units)
    rng = np.random.default_rng(0)
    for place, noise in enumerate(_noise(right)):
        if noise > 0:  # by its estimate from so many seeds
            freedom = right[place].shape[1] - 1
            centred[place] += np.sqrt(noise) * rng.standard_t(freedom, centred.shape[1])
    return np.asarray(centred.std(axis=0, ddof=1))


def _noise(right: Sequence[NDArray[np.bool_]]) -> list[float]:
    """What seeds add to the variance of each accuracy: beyond what one seed does to all wordings,
    where they have the same number of seeds, three or more.
    """
    wordings, samples = len(right), {one.shape[1] for one in right}
    if len(samples) > 1 or min(samples) < 3:
        return [seed_noise(one).added for one in right]
    mean = np.mean(right, axis=0)
    # The mean holds a part of each wording's own noise.
    return [seed_noise(one - mean).added * wordings / (wordings - 1) for one in right]
