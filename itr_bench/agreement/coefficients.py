"""Coefficients of agreement from one table of ratings, and their bootstrap over tweets.

Every coefficient is a function of sums over tweets: shares of categories, agreeing pairs, joint
counts of two annotators. So the bootstrap weighs those sums instead of calling a library 10,000
times. `statsmodels` has no missing ratings and no AC1, `irrCAC` stops at old versions of NumPy,
`krippendorff` has alpha alone; the tests hold the formulas against all three and against
published examples.

Sources: Cohen 1960 (Educational and Psychological Measurement 20), Fleiss 1971 (Psychological
Bulletin 76), Gwet 2014 (Handbook of Inter-Rater Reliability, 4th edition: Fleiss' kappa and AC1
where ratings are missing), Krippendorff 2011 (Computing Krippendorff's Alpha-Reliability).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MISSING = -1
_EXACT = 1e-12  # below it, 1 - expected agreement is rounding

Floats = NDArray[np.float64]
Ratings = NDArray[np.int8]


@dataclass(frozen=True)
class Estimates:
    """Coefficients of B weighings of the tweets; ``nan`` where one is not defined.

    Attributes:
        overall: shape (B,) by name, in the order of reports.
        by_pair: Cohen's kappa of each pair of annotators, shape (B,) by their positions.
    """

    overall: dict[str, Floats]
    by_pair: dict[tuple[int, int], Floats]


def joint_counts(ratings: Ratings, pair: tuple[int, int], categories: int) -> Floats:
    """Where each tweet falls in the table of two annotators, shape (T, categories squared)."""
    first, second = ratings[:, pair[0]].astype(np.intp), ratings[:, pair[1]].astype(np.intp)
    both = np.flatnonzero((first != MISSING) & (second != MISSING))
    out = np.zeros((len(ratings), categories**2))
    out[both, first[both] * categories + second[both]] = 1
    return out


def category_counts(ratings: Ratings, categories: int) -> Floats:
    """How many annotators chose each category, shape (T, categories)."""
    return np.stack([(ratings == k).sum(axis=1) for k in range(categories)], axis=1).astype(float)


def estimate(
    ratings: Ratings, categories: int, weights: Floats, *, ordinal: bool = False
) -> Estimates:
    """Compute all coefficients for several weighings of the tweets at once.

    Args:
        ratings: shape (T, A), 0 to *categories* - 1, or :data:`MISSING`.
        categories: how many categories could be chosen, whether each was or not.
        weights: shape (B, T), how often each tweet counts; ones give the coefficients themselves.
        ordinal: whether the categories have an order; adds ``krippendorff_alpha_ordinal``.

    Returns:
        ``raw_agreement`` (mean over tweets of the share of agreeing pairs), ``cohen_kappa`` (the
        mean over pairs of annotators), ``fleiss_kappa``, ``krippendorff_alpha``, ``gwet_ac1``.
    """
    counts = category_counts(ratings, categories)
    number = counts.sum(axis=1)
    rated, paired = number >= 1, number >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        agreeing = np.where(
            paired, (counts * (counts - 1)).sum(axis=1) / (number * (number - 1)), 0
        )
        chosen = weights @ np.where(rated[:, None], counts / number[:, None], 0)
        shares = chosen / (weights @ rated.astype(float))[:, None]
        observed = (weights @ agreeing) / (weights @ paired.astype(float))
        by_chance = (shares**2).sum(axis=1)
        ac1_by_chance = (shares * (1 - shares)).sum(axis=1) / (categories - 1)

        pairs = counts[:, :, None] * counts[:, None, :]
        pairs[:, range(categories), range(categories)] -= counts
        pairs *= np.where(paired, 1 / (number - 1), 0)[:, None, None]
        coincidences = (weights @ pairs.reshape(len(pairs), -1)).reshape(-1, categories, categories)

    by_pair = {
        pair: _cohen(weights @ joint_counts(ratings, pair, categories), categories)
        for pair in combinations(range(ratings.shape[1]), 2)
    }
    overall = {
        "raw_agreement": observed,
        "cohen_kappa": _mean_of_defined(list(by_pair.values()), len(weights)),
        "fleiss_kappa": _beyond_chance(observed, by_chance),
        "krippendorff_alpha": _alpha(coincidences, ordinal=False),
        "gwet_ac1": _beyond_chance(observed, ac1_by_chance),
    }
    if ordinal:
        overall["krippendorff_alpha_ordinal"] = _alpha(coincidences, ordinal=True)
    return Estimates(overall, by_pair)


def resampled_weights(
    ratings: Ratings, resamples: int, seed: int
) -> tuple[Ratings, Iterator[Floats]]:
    """Return the distinct rows of *ratings*, and weights that resample the tweets.

    Drawing tweets with replacement and drawing the counts of equal rows from a multinomial
    distribution are the same thing; the second does not grow with the number of tweets.

    Returns:
        the rows, shape (P, A), and blocks of weights, (B, P) each, *resamples* in all.
    """
    rows, frequency = np.unique(ratings, axis=0, return_counts=True)
    tweets = len(ratings)
    block = max(1, min(500, 4_000_000 // len(rows)))
    generator = np.random.default_rng(seed)

    def blocks() -> Iterator[Floats]:
        for start in range(0, resamples, block):
            size = min(block, resamples - start)
            yield generator.multinomial(tweets, frequency / tweets, size=size).astype(float)

    return rows, blocks()


def _beyond_chance(observed: Floats, expected: Floats) -> Floats:
    possible = 1 - expected
    defined = possible > _EXACT
    return np.where(defined, (observed - expected) / np.where(defined, possible, 1), np.nan)


def _cohen(joint: Floats, categories: int) -> Floats:
    """Cohen's kappa of tables of two annotators, shape (B, categories squared)."""
    total = joint.sum(axis=1)
    shares = np.full((len(joint), categories, categories), np.nan)
    some = total > 0
    shares[some] = (joint[some] / total[some, None]).reshape(-1, categories, categories)
    observed = shares.trace(axis1=1, axis2=2)
    expected = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
    return _beyond_chance(observed, expected)


def _mean_of_defined(kappas: list[Floats], size: int) -> Floats:
    """The mean over the pairs that have a kappa (Light 1971 where all have one)."""
    table = np.array(kappas).reshape(-1, size)
    defined = ~np.isnan(table)
    number = defined.sum(axis=0)
    total = np.where(defined, table, 0).sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _alpha(coincidences: Floats, *, ordinal: bool) -> Floats:
    """Krippendorff's alpha of coincidence matrices, shape (B, categories, categories)."""
    chosen = coincidences.sum(axis=2)
    total = chosen.sum(axis=1)
    if ordinal:
        # The ranks between two categories: all of those between, and half of both ends.
        middle = chosen.cumsum(axis=1) - chosen / 2
        distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    else:
        distance = np.broadcast_to(1 - np.eye(chosen.shape[1]), coincidences.shape)
    observed = (coincidences * distance).sum(axis=(1, 2))
    expected = (chosen[:, :, None] * chosen[:, None, :] * distance).sum(axis=(1, 2))
    defined = expected > _EXACT
    return np.where(defined, 1 - (total - 1) * observed / np.where(defined, expected, 1), np.nan)
