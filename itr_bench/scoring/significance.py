"""Whether two models differ: the one place that decides it.

Two tests have to reject, and to see the same side. The exact McNemar test counts the tweets that
most of a model's samples have right. A t test of the mean paired difference counts tweets and seeds
as crossed clusters (``crossed.py``). McNemar alone would mislead where a model's samples disagree:
one right in four of ten samples counts as wrong there, so a model that varies would lose to a
steady one of the same accuracy. Where several pairs are tested together, the p values of each test
are adjusted by Holm's method (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.05
"""Of significance, for all pairs that are tested together."""


class Tested(Protocol):
    """A pair with the results of both tests, not adjusted."""

    @property
    def difference(self) -> float: ...
    @property
    def only_a(self) -> int: ...
    @property
    def only_b(self) -> int: ...
    @property
    def p_value(self) -> float: ...
    @property
    def mean_p_value(self) -> float: ...


@dataclass(frozen=True)
class Significance:
    """Whether the two of a pair differ significantly.

    Attributes:
        p_value: exact McNemar test, adjusted by Holm's method.
        mean_p_value: t test of the mean difference, likewise.
        better: 1 where A is significantly better, -1 where B is, else 0.
        tests: how many pairs were tested together.
        reason: why, in a few words.
    """

    p_value: float
    mean_p_value: float
    better: int
    tests: int
    reason: str


def decide(pairs: Sequence[Tested], level: float = LEVEL) -> list[Significance]:
    """Decide for *pairs* that are tested together, each A against B.

    Returns:
        one for each pair, in their order.
    """
    p_values = holm([pair.p_value for pair in pairs])
    of_means = holm([pair.mean_p_value for pair in pairs])
    found = []
    for pair, p_value, of_mean in zip(pairs, p_values, of_means, strict=True):
        side = int(better(pair.difference, pair.only_a, pair.only_b, p_value, of_mean, level))
        reason = _reason(side, p_value < level, of_mean < level)
        found.append(Significance(p_value, of_mean, side, len(pairs), reason))
    return found


def better(
    difference: ArrayLike,
    only_a: ArrayLike,
    only_b: ArrayLike,
    p_value: ArrayLike,
    mean_p_value: ArrayLike,
    level: float = LEVEL,
) -> NDArray[np.int8]:
    """Return 1 where A is significantly better, -1 where B is, else 0.

    Args:
        difference: of the accuracies, A less B.
        only_a, only_b: tweets that only one has right in more than half of its samples.
        p_value: of the exact McNemar test, adjusted where several pairs are tested together.
        mean_p_value: of the t test of the mean difference, likewise.
        level: below which a test rejects.
    """
    rejected = np.maximum(p_value, mean_p_value) < level
    side = np.sign(np.asarray(difference, np.float64))
    agree = side == np.sign(np.subtract(only_a, only_b))
    return np.where(rejected & agree, side, 0).astype(np.int8)


def _reason(side: int, mcnemar: bool, mean: bool) -> str:
    if side:
        return "both tests reject"
    if mcnemar and mean:
        return "the tests disagree on which is better"
    if mcnemar or mean:
        return f"only {'the McNemar test' if mcnemar else 'the t test'} rejects"
    return "no test rejects"


def exact_mcnemar(only_a: ArrayLike, only_b: ArrayLike) -> NDArray[np.float64]:
    """Return the two-sided p values of the exact McNemar test (McNemar 1947, by the binomial).

    Args:
        only_a, only_b: counts of tweets that only A, or only B, has right; shapes that broadcast.

    Returns:
        One p value a pair of counts, 0 to 1; 1 where both counts are 0.
    """
    from scipy.special import bdtr  # scipy.stats takes seconds to import

    fewer, discordant = np.minimum(only_a, only_b), np.add(only_a, only_b)
    # Half a million pairs of models have few distinct pairs of counts.
    span = int(discordant.max(initial=0)) + 1
    distinct, where = np.unique(fewer.astype(np.int64) * span + discordant, return_inverse=True)
    of_distinct = np.minimum(2 * bdtr(*np.divmod(distinct, span), 0.5), 1.0)
    p_values: NDArray[np.float64] = of_distinct[where].reshape(discordant.shape)
    return p_values


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted by Holm's step-down method for testing them together."""
    return [float(p) for p in holm_array(np.asarray(p_values, dtype=np.float64))]


def holm_array(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As :func:`holm`, for an array of shape (N,).

    Not by statsmodels: it takes seconds to import, and collects garbage at each call.
    """
    order = np.argsort(p_values)
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted
