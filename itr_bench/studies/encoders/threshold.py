"""Yes or no by a threshold on one number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Threshold:
    """A rule that says yes on one side of a number.

    Attributes:
        cut: the number; an infinite one makes the answer always the same.
        above: whether yes is predicted above it, else below.
    """

    cut: float
    above: bool

    def says_yes(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the answers, shape as *values*."""
        return np.asarray(values > self.cut if self.above else values < self.cut)


def fit(values: NDArray[np.float64], yes: NDArray[np.bool_], *, both_ways: bool) -> Threshold:
    """Return the threshold that has the most answers right.

    A cut lies halfway between two neighbours. Where several are equally right, the one that always
    says the same is taken, then the widest gap, then the lowest cut.

    Args:
        values: finite, shape (T,), T at least 1.
        yes: the right answers, shape (T,).
        both_ways: whether yes may also be predicted below the cut; else only above.
    """
    order = np.argsort(values, kind="stable")
    ordered, right = values[order], yes[order]
    # right_above[k]: right answers when the k lowest are no and all others yes.
    right_above = np.concatenate([[0], np.cumsum(~right)]) + (
        right.sum() - np.concatenate([[0], np.cumsum(right)])
    )
    gaps = np.diff(ordered)
    best: tuple[int, bool, float, float] | None = None
    chosen = Threshold(-math.inf, above=True)
    for above in (True, False) if both_ways else (True,):
        hits = right_above if above else len(values) - right_above
        for k in [0, len(values), *(np.flatnonzero(gaps > 0) + 1).tolist()]:
            inside = 0 < k < len(values)
            width = float(gaps[k - 1]) if inside else math.inf
            cut = float(ordered[k - 1] + width / 2) if inside else (-1 if k == 0 else 1) * math.inf
            rating = (int(hits[k]), not inside, width, -cut)
            if best is None or rating > best:
                best, chosen = rating, Threshold(cut, above)
    return chosen
