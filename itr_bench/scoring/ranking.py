"""Many models on the same tweets, summed up as tiers.

A tier holds the models that do not differ significantly from its leader, by the two tests of
``significance.py`` adjusted over all pairs. Tiers are a summary: two models in neighbouring tiers
may be tied with each other, and two in one tier may differ significantly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import ScoreError
from itr_bench.scoring.crossed import SeedNoise, mean_test
from itr_bench.scoring.significance import LEVEL, better, exact_mcnemar, holm_array

_SMALL = 0.001
"""P values below this are nowhere shown to more digits."""


@dataclass(frozen=True)
class Ranking:
    """M models, by accuracy and by tier.

    Attributes:
        order: indices of the models by accuracy, highest first, equal ones as they came;
            shape (M,).
        tiers: the tier of each model, 1 is the best; shape (M,), in the order of the input.
        p_values: exact McNemar test of each pair, adjusted by Holm's method over all pairs;
            shape (M, M), symmetric, 1 on the diagonal.
        mean_p_values: t test of the mean difference, likewise; what is below 0.001 may stand as 0.
        apart: whether the two of a pair differ significantly; shape (M, M), symmetric.
        median_discordant: median over pairs of the share of tweets that exactly one of the two
            has right, 0 to 1; ``None`` for fewer than two models.
    """

    order: NDArray[np.intp]
    tiers: NDArray[np.intp]
    p_values: NDArray[np.float64]
    mean_p_values: NDArray[np.float64]
    apart: NDArray[np.bool_]
    median_discordant: float | None


def rank(shares: NDArray[np.float64], noise: Sequence[SeedNoise], level: float = LEVEL) -> Ranking:
    """Rank M models on the same T tweets.

    The best model leads tier 1. Going down by accuracy, a model joins the tier above it, unless
    it differs significantly from that tier's leader: then it leads the next tier. Models of equal
    accuracy share a tier.

    Args:
        shares: of a model's samples, those that have a tweet right; shape (M, T), 0 to 1.
        noise: of each model's seeds, see :func:`~itr_bench.scoring.crossed.seed_noise`.
        level: of significance, for all pairs together.

    Raises:
        ScoreError: the shares have another shape, there is no tweet, or *noise* is of another
            number of models.
    """
    if shares.ndim != 2 or not shares.shape[1]:
        raise ScoreError(
            "expected shares of right samples of shape (models, tweets), at least one tweet; found "
            f"shape {shares.shape}"
        )
    if len(noise) != len(shares):
        raise ScoreError(f"expected the noise of {len(shares)} models; found that of {len(noise)}")
    # A mean over sorted shares: the order of tweets must not decide between equal models.
    accuracy = np.sort(shares, axis=1).mean(axis=1)
    only, p_values, median_discordant = _tests(shares > 0.5)
    of_means = _mean_p_values(shares, accuracy, noise)
    apart = better(accuracy[:, None] - accuracy, only, only.T, p_values, of_means, level) != 0
    return Ranking(
        order=np.argsort(-accuracy, kind="stable"),
        tiers=_tiers(shares, accuracy, apart),
        p_values=p_values,
        mean_p_values=of_means,
        apart=apart,
        median_discordant=median_discordant,
    )


def _tests(
    right: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.float64], float | None]:
    """Of all pairs: tweets that only the first has right, adjusted p values; and the median share
    of discordant tweets.
    """
    models, tweets = right.shape
    p_values = np.ones((models, models))
    # float32 has a fast matrix product, and counts exactly up to 2 ** 24 tweets.
    numbers = right.astype(np.float32)
    only = (numbers @ (1 - numbers).T).astype(np.int32)
    if models < 2:
        return only, p_values, None
    a, b = np.triu_indices(models, 1)
    only_a, only_b = only[a, b], only[b, a]
    p_values[a, b] = p_values[b, a] = holm_array(exact_mcnemar(only_a, only_b))
    return only, p_values, float(np.median(only_a + only_b) / tweets)


def _mean_p_values(
    shares: NDArray[np.float64],
    accuracy: NDArray[np.float64],
    noise: Sequence[SeedNoise],
) -> NDArray[np.float64]:
    """The t test of the mean paired difference, adjusted over all pairs; shape (M, M)."""
    models, tweets = shares.shape
    found = np.ones((models, models))
    if tweets < 2:
        return found
    centred = shares - accuracy[:, None]
    products = centred @ centred.T / (tweets * (tweets - 1))
    variances = np.diagonal(products)
    of_mean = np.maximum(variances[:, None] + variances - 2 * products, 0)
    added, spread = np.array([(one.added, one.spread) for one in noise]).reshape(models, 2).T
    a, b = np.triu_indices(models, 1)
    p_values = mean_test(
        accuracy[a] - accuracy[b],
        of_mean[a, b],
        tweets,
        added[a] + added[b],
        spread[a] + spread[b],
        between=(_SMALL / max(len(a), 1), 1.0),  # Holm's method makes no more of it than _SMALL
    )
    found[a, b] = found[b, a] = holm_array(p_values)
    return found


def _tiers(
    shares: NDArray[np.float64], accuracy: NDArray[np.float64], apart: NDArray[np.bool_]
) -> NDArray[np.intp]:
    # Of equal accuracies the answers say which comes first, not the order of the input: it must
    # not decide who leads a tier.
    order = np.lexsort((*shares.T, -accuracy))
    tiers = np.ones(len(order), dtype=np.intp)
    leaders = list(order[:1])
    for above, model in pairwise(order):
        if accuracy[model] < accuracy[above] and apart[leaders[-1], model]:
            leaders.append(model)
        tiers[model] = len(leaders)
    return tiers
