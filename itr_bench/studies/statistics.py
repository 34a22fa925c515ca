"""Paired differences and rates with intervals over tweets, many at once; tests with Holm.

All intervals are 95 % percentile bootstraps that resample tweets and keep the samples of a tweet
together (:mod:`itr_bench.scoring.intervals`). A difference is significant where two tests agree, as
on the leaderboard (:mod:`itr_bench.scoring.ranking` says why one is not enough).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from itr_bench.grouped import grouped
from itr_bench.relation import Question
from itr_bench.scoring import references
from itr_bench.scoring.crossed import SeedNoise, mean_test, noise_between
from itr_bench.scoring.intervals import mean_intervals
from itr_bench.scoring.power import smallest_difference
from itr_bench.scoring.predictions import Predictions, shared
from itr_bench.scoring.significance import LEVEL, better, exact_mcnemar, holm

FEWEST = references.FEWEST
"""On fewer tweets there is no interval and no test: percentile intervals are too narrow there."""

Interval = tuple[float, float]
Rows = NDArray[np.int64]
"""One whole number a tweet, shape (T,)."""


@dataclass(frozen=True)
class Measure:
    """What is counted as right: the relation, or one answer; on all tweets or on those of one
    relation.
    """

    question: Question | None = None
    relation: int | None = None

    def right(self, predictions: Predictions) -> NDArray[np.bool_]:
        """What is right, shape (T, S), for all tweets."""
        if self.question is None:
            return predictions.correct
        answers, is_yes = predictions.answers(self.question), predictions.is_yes(self.question)
        return np.asarray(answers == is_yes[:, None])


ACCURACY = Measure()


@dataclass(frozen=True)
class Estimate:
    """A share of tweets and samples, or a difference of shares, with its 95 % interval."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A difference, A less B, under two tests; on fewer than :data:`FEWEST` tweets under none.

    Attributes:
        difference: of two shares, between -1 and 1.
        interval: 95 % over tweets; ``None`` on fewer than :data:`FEWEST`.
        p_value: of a test that counts the tweets that are right in more than half of the samples:
            the exact McNemar test of pairs, Fisher's exact test of two sets.
        mean_p_value: t test of the difference, with tweets and seeds as crossed clusters
            (:mod:`itr_bench.scoring.crossed`).
        adjusted, mean_adjusted: these, each by Holm's method, once :func:`adjusted` was called.
        tests: over so many comparisons.
    """

    difference: float
    interval: Interval | None = None
    p_value: float | None = None
    mean_p_value: float | None = None
    adjusted: float | None = None
    mean_adjusted: float | None = None
    tests: int = 0

    @property
    def most_right(self) -> tuple[float, float]:
        """How many tweets, or which share, A and B have right, as the first test counts them."""
        raise NotImplementedError

    @property
    def significant(self) -> int:
        """1 where A is significantly better, -1 where B is, else 0: both adjusted tests have to be
        below :data:`LEVEL` and to see the same side.
        """
        if self.adjusted is None or self.mean_adjusted is None:
            return 0
        return int(better(self.difference, *self.most_right, self.adjusted, self.mean_adjusted))


AnyTested = TypeVar("AnyTested", bound=Tested)


def adjusted(family: Sequence[AnyTested]) -> list[AnyTested]:
    """*family* with the p values of each test adjusted together by Holm's method."""
    found = list(family)
    tested = [i for i, one in enumerate(family) if one.p_value is not None]
    p_values = holm([one.p_value for one in family if one.p_value is not None])
    of_means = holm([one.mean_p_value for one in family if one.mean_p_value is not None])
    for place, p_value, of_mean in zip(tested, p_values, of_means, strict=True):
        one = found[place]
        found[place] = replace(one, adjusted=p_value, mean_adjusted=of_mean, tests=len(tested))
    return found


@dataclass(frozen=True, kw_only=True)
class Paired(Tested):
    """A difference that is paired by tweet.

    Attributes:
        tweets: that both answered, and that the measure is about.
        samples: of the run that has fewer. Of one, the tests know nothing of other seeds.
        a, b: share that is right.
        only_a, only_b: tweets that only one has right, in more than half of its samples.
        family: whose comparisons are tested together, such as a model's name.
    """

    tweets: int
    samples: int
    a: float
    b: float
    only_a: int
    only_b: int
    family: str = ""

    @property
    def most_right(self) -> tuple[float, float]:
        return self.only_a, self.only_b


@dataclass(frozen=True)
class Contrast:
    """Two runs and what is compared of them."""

    a: Predictions
    b: Predictions
    measure: Measure = ACCURACY


@dataclass(frozen=True)
class _Measured:
    """A comparison, with what its interval and its t test are made of."""

    paired: Paired
    differences: Rows
    units: int
    noise: SeedNoise


def compared(families: Sequence[Sequence[Contrast]]) -> list[list[Paired]]:
    """Compare, with the p values of each family adjusted together by Holm's method.

    Raises:
        ScoreError: two runs share no tweet, or disagree on a label.
    """
    # Two passes: all intervals are one matrix product, all t tests of one size one call.
    measured = [_measured(contrast) for family in families for contrast in family]
    ends = intervals([(one.differences, one.units) for one in measured])
    whole = iter(
        replace(one.paired, interval=interval, mean_p_value=p_value)
        for one, interval, p_value in zip(measured, ends, _mean_p_values(measured), strict=True)
    )
    return [adjusted([next(whole) for _ in family]) for family in families]


def compared_by(names: Sequence[str], parts: Sequence[Sequence[Contrast]]) -> list[list[Paired]]:
    """Compare each of *parts*; those of one name, such as one model's, are one family."""
    places = grouped(range(len(names)), names.__getitem__)
    families = compared([[c for i in own for c in parts[i]] for own in places.values()])
    found: list[list[Paired]] = [[] for _ in parts]
    for (name, own), family in zip(places.items(), families, strict=True):
        results = iter(family)
        for i in own:
            found[i] = [replace(next(results), family=name) for _ in parts[i]]
    return found


def _measured(contrast: Contrast) -> _Measured:
    a, b, measure = contrast.a, contrast.b, contrast.measure
    in_a, in_b = shared(a, b)
    if measure.relation is not None:
        of_relation = a.gold[in_a] == measure.relation
        in_a, in_b = in_a[of_relation], in_b[of_relation]
    right_a, right_b = measure.right(a)[in_a], measure.right(b)[in_b]
    units = math.lcm(a.samples, b.samples)
    hits_a = right_a.sum(axis=1, dtype=np.int64) * (units // a.samples)
    hits_b = right_b.sum(axis=1, dtype=np.int64) * (units // b.samples)
    most_a, most_b = 2 * hits_a > units, 2 * hits_b > units
    only_a, only_b = int((most_a & ~most_b).sum()), int((most_b & ~most_a).sum())
    tweets = len(in_a)
    differences = hits_a - hits_b
    found = Paired(
        tweets=tweets,
        samples=min(a.samples, b.samples),
        a=mean(hits_a, units),
        b=mean(hits_b, units),
        difference=mean(differences, units),
        only_a=only_a,
        only_b=only_b,
        p_value=float(exact_mcnemar(only_a, only_b)) if tweets >= FEWEST else None,
    )
    return _Measured(found, differences, units, noise_between(right_a, right_b))


def _mean_p_values(measured: Sequence[_Measured]) -> list[float | None]:
    """The t tests of the mean differences; ``None`` on fewer than :data:`FEWEST` tweets."""
    found: list[float | None] = [None] * len(measured)
    by_size = grouped(range(len(measured)), lambda place: measured[place].paired.tweets)
    for tweets, places in by_size.items():
        if tweets < FEWEST:
            continue
        own = [measured[place] for place in places]
        p_values = mean_test(
            [one.paired.difference for one in own],
            [one.differences.var(ddof=1) / tweets / one.units**2 for one in own],
            tweets,
            [one.noise.added for one in own],
            [one.noise.spread for one in own],
        )
        for place, p_value in zip(places, p_values, strict=True):
            found[place] = float(p_value)
    return found


def mean(rows: Rows, units: int) -> float:
    """The mean of whole numbers in *units* of one; 0 where there are none."""
    return float(rows.sum()) / (len(rows) * units) if len(rows) else 0.0


def intervals(rows: Sequence[tuple[Rows, int]]) -> list[Interval | None]:
    """The intervals of many means of whole numbers.

    Args:
        rows: for each, one number a tweet, and what 1 is in these units.

    Returns:
        ``None`` for fewer than :data:`FEWEST` tweets.
    """
    found: list[Interval | None] = [None] * len(rows)
    for size, places in grouped(range(len(rows)), lambda place: len(rows[place][0])).items():
        if size < FEWEST:
            continue
        ends = mean_intervals([np.stack([rows[place][0] for place in places])])
        for place, (low, high) in zip(places, ends, strict=True):
            units = rows[place][1]
            found[place] = (float(low) / units, float(high) / units)
    return found


def shares(rows: Sequence[tuple[Rows, int]]) -> list[Estimate]:
    """The means of *rows*, as :func:`intervals` takes them, with their intervals."""
    ends = intervals(rows)
    return [
        Estimate(mean(values, units), interval)
        for (values, units), interval in zip(rows, ends, strict=True)
    ]


def hits(predictions: Predictions) -> tuple[Rows, int]:
    """How many samples of each tweet are right, and how many there are."""
    return predictions.correct.sum(axis=1, dtype=np.int64), predictions.samples


def accuracies(runs: Iterable[Predictions]) -> list[Estimate]:
    """The accuracies of *runs*: one accuracy has one interval, wherever it is shown."""
    return shares([hits(predictions) for predictions in runs])


def ends(values: NDArray[np.float64]) -> Interval | None:
    """The 2.5th and 97.5th percentile of what was resampled, what does not exist left out."""
    known = values[np.isfinite(values)]
    if len(known) < len(values) / 2:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


@lru_cache(maxsize=256)
def detectable(discordant: float, tweets: int, tests: int = 1) -> float | None:
    """The smallest difference that McNemar's test finds 8 times out of 10, as one of so many
    *tests* with the strictest level of Holm's method; ``None`` where there is none.
    """
    if tweets < FEWEST or not discordant:
        return None
    return smallest_difference(discordant, tweets, LEVEL / tests)
