"""How accuracy varies over wordings: is it more than chance, and the best and the worst without the
winner's curse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.scoring.crossed import seed_noise
from itr_bench.scoring.intervals import resampled_totals
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.statistics import FEWEST, Estimate, Interval, shares

_SPLITS = 1_000
_SEED = 0


@dataclass(frozen=True)
class Extreme:
    """The best, or the worst, of V variants.

    Attributes:
        place: which of them; the first of several.
        tied: how many share this accuracy, itself included.
        observed: its accuracy on all tweets, which is biased: the best of many owes a part of its
            lead to these very tweets.
        interval: 95 % for its accuracy on such tweets, wide enough for whichever is chosen:
            a simultaneous bootstrap interval over all variants.
        held_out: accuracy on one half of the tweets of what is the best on the other half, mean
            over 1,000 random halves: what choosing one gives.
        stable: in what share of the splits the same variant is chosen as on all tweets; ``None``
            where several share the accuracy.
    """

    place: int
    tied: int
    observed: float
    interval: Interval | None
    held_out: float
    stable: float | None


@dataclass(frozen=True)
class PromptVariation:
    """How much the accuracy of one model varies with the wording of the prompt.

    Attributes:
        names: of the wordings, the paper's first.
        tweets: that all wordings share.
        accuracies: of each.
        mean: of them, with its interval over tweets.
        sd: sample standard deviation (n - 1) over wordings.
        samples: fewest of a wording; with one, noise of the seed is not seen.
        sd_by_chance: the SD that wordings of one accuracy would show by chance, the median.
        p_value: how often wordings of one accuracy would show this SD or more.
        best, worst: the extremes.
    """

    names: tuple[str, ...]
    tweets: int
    accuracies: tuple[float, ...]
    mean: Estimate
    sd: float
    samples: int
    sd_by_chance: float
    p_value: float
    best: Extreme
    worst: Extreme


def prompt_variation(wordings: Mapping[str, Predictions]) -> PromptVariation | None:
    """The variation over *wordings*; ``None`` for fewer than two, or on too few tweets."""
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
    sd = float(means.std(ddof=1))
    by_chance = _by_chance(right, hits, units)
    return PromptVariation(
        names=tuple(wordings),
        tweets=tweets,
        accuracies=tuple(float(mean) for mean in means),
        mean=shares([(hits.sum(axis=0), units * len(right))])[0],
        sd=sd,
        samples=min(one.shape[1] for one in right),
        sd_by_chance=float(np.median(by_chance)),
        p_value=float((1 + (by_chance >= sd - 1e-12).sum()) / (1 + len(by_chance))),
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
    """SDs over wordings of one accuracy, shape (resamples,): each accuracy less its own
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


def extremes(accuracies: NDArray[np.float64]) -> tuple[Extreme, Extreme]:
    """The best and the worst of V variants on T tweets.

    Args:
        accuracies: of each variant and tweet, the share of samples that are right; shape (V, T),
            T at least 2.
    """
    wide = _simultaneous(accuracies)
    return _extreme(accuracies, 1, wide), _extreme(accuracies, -1, wide)


def _extreme(accuracies: NDArray[np.float64], sign: int, wide: float | None) -> Extreme:
    tweets = accuracies.shape[1]
    means = accuracies.mean(axis=1)
    place = int(np.argmax(sign * means))
    mean = float(means[place])
    tied = int(np.isclose(means, means[place], rtol=0, atol=1e-9).sum())
    # Halves of the tweets, T / 2 of them each; the other half is what is left.
    ranks = np.random.default_rng(_SEED).random((_SPLITS, tweets)).argsort(axis=1)
    first = (ranks < tweets // 2).astype(np.float64)
    sums = accuracies @ first.T
    chosen = np.argmax(sign * sums, axis=0)
    rest = (accuracies.sum(axis=1)[:, None] - sums) / (tweets - tweets // 2)
    return Extreme(
        place=place,
        tied=tied,
        observed=mean,
        interval=None if wide is None else (max(0.0, mean - wide), min(1.0, mean + wide)),
        held_out=float(rest[chosen, np.arange(_SPLITS)].mean()),
        stable=float((chosen == place).mean()) if tied == 1 else None,
    )


def _simultaneous(accuracies: NDArray[np.float64]) -> float | None:
    """Half the width of an interval that holds for all variants together: 95 % of the resamples
    have no variant's mean further from its mean over all tweets. ``None`` on too few tweets.
    """
    tweets = accuracies.shape[1]
    if tweets < FEWEST:
        return None
    means = accuracies.mean(axis=1)
    away = np.abs(resampled_totals(accuracies) / tweets - means[:, None]).max(axis=0)
    return float(np.percentile(away, 95))
