"""Paired differences and rates with intervals over tweets, many at once; tests with Holm.

All intervals are 95 % percentile bootstraps that resample tweets and keep the samples of a tweet
together (:mod:`itr_bench.scoring.intervals`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import ScoreError
from itr_bench.relation import Question
from itr_bench.scoring.comparison import exact_mcnemar, holm
from itr_bench.scoring.intervals import mean_intervals
from itr_bench.scoring.outcomes import Outcomes
from itr_bench.scoring.power import smallest_difference

LEVEL = 0.05
"""Of significance, for all tests of a study and model together."""

FEWEST = 6
"""On fewer tweets McNemar's two-sided test cannot get below 0.05, whatever they say."""

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

    def right(self, outcomes: Outcomes) -> NDArray[np.bool_]:
        """What is right, shape (T, S), for all tweets."""
        if self.question is None:
            return outcomes.correct
        gold = outcomes.gold
        if self.question is Question.ADDS:
            return np.asarray(outcomes.adds == (gold < 2)[:, None])
        return np.asarray(outcomes.represented == (gold % 2 == 0)[:, None])


ACCURACY = Measure()


@dataclass(frozen=True)
class Paired:
    """A paired difference, A less B. Shares between 0 and 1.

    Attributes:
        tweets: that both answered, and that the measure is about.
        a, b: share that is right.
        difference: of the two.
        interval: 95 % over tweets; ``None`` on fewer than :data:`FEWEST` tweets.
        only_a, only_b: tweets that only one has right, in more than half of its samples.
        p_value: exact McNemar test on these; ``None`` likewise.
        adjusted: by Holm's method.
        tests: over so many tests.
    """

    tweets: int
    a: float
    b: float
    difference: float
    interval: Interval | None
    only_a: int
    only_b: int
    p_value: float | None
    adjusted: float | None = None
    tests: int = 0

    @property
    def told(self) -> int:
        """1 where A is told to be better, -1 where B is, else 0: the adjusted test and the
        interval have to agree.
        """
        if self.adjusted is None or self.interval is None or self.adjusted >= LEVEL:
            return 0
        low, high = self.interval
        return int(low > 0 and self.only_a > self.only_b) - int(
            high < 0 and self.only_b > self.only_a
        )


@dataclass(frozen=True)
class Contrast:
    """Two runs and what is compared of them."""

    a: Outcomes
    b: Outcomes
    measure: Measure = ACCURACY


def compared(families: Sequence[Sequence[Contrast]]) -> list[list[Paired]]:
    """Compare, with the p values of each family adjusted together by Holm's method.

    Raises:
        ScoreError: two runs share no tweet, or disagree on a label.
    """
    # Two passes: all intervals are one matrix product.
    rows: list[tuple[Rows, int]] = []
    found: list[list[Paired]] = []
    for family in families:
        done = []
        for contrast in family:
            one, units, differences = _difference(contrast)
            done.append(one)
            rows.append((differences, units))
        found.append(done)
    ends = iter(intervals(rows))
    return [_adjusted([replace(one, interval=next(ends)) for one in family]) for family in found]


def compared_by(names: Sequence[str], parts: Sequence[Sequence[Contrast]]) -> list[list[Paired]]:
    """Compare each of *parts*; those of one name, such as one model's, are one family."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    families = compared([[c for i in own for c in parts[i]] for own in places.values()])
    found: list[list[Paired]] = [[] for _ in parts]
    for own, family in zip(places.values(), families, strict=True):
        results = iter(family)
        for i in own:
            found[i] = [next(results) for _ in parts[i]]
    return found


def _difference(contrast: Contrast) -> tuple[Paired, int, Rows]:
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
        a=_mean(hits_a, units),
        b=_mean(hits_b, units),
        difference=_mean(differences, units),
        interval=None,
        only_a=only_a,
        only_b=only_b,
        p_value=float(exact_mcnemar(only_a, only_b)) if tweets >= FEWEST else None,
    )
    return found, units, differences


def _mean(rows: Rows, units: int) -> float:
    return float(rows.sum()) / (len(rows) * units) if len(rows) else 0.0


def _adjusted(family: Sequence[Paired]) -> list[Paired]:
    tested = [i for i, one in enumerate(family) if one.p_value is not None]
    p_values = holm([one.p_value for one in family if one.p_value is not None])
    found = list(family)
    for place, p_value in zip(tested, p_values, strict=True):
        found[place] = replace(found[place], adjusted=p_value, tests=len(tested))
    return found


def shared(a: Outcomes, b: Outcomes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the tweets that both answered stand in each.

    Raises:
        ScoreError: there are none, or their labels differ.
    """
    if a.tweet_ids == b.tweet_ids:
        in_a = in_b = np.arange(len(a.tweet_ids))
    else:
        place = {tweet: i for i, tweet in enumerate(b.tweet_ids)}
        both = [(i, place[tweet]) for i, tweet in enumerate(a.tweet_ids) if tweet in place]
        if not both:
            raise ScoreError("share no tweet")
        in_a, in_b = np.array(both).T
    if (a.gold[in_a] != b.gold[in_b]).any():
        raise ScoreError("disagree on the label of a tweet")
    return in_a, in_b


def intervals(rows: Sequence[tuple[Rows, int]]) -> list[Interval | None]:
    """The intervals of many means of whole numbers.

    Args:
        rows: for each, one number a tweet, and what 1 is in these units.

    Returns:
        ``None`` for fewer than :data:`FEWEST` tweets.
    """
    found: list[Interval | None] = [None] * len(rows)
    by_size: dict[int, list[int]] = {}
    for place, (values, _) in enumerate(rows):
        by_size.setdefault(len(values), []).append(place)
    for size, places in by_size.items():
        if size < FEWEST:
            continue
        ends = mean_intervals([np.stack([rows[place][0] for place in places])])
        for place, (low, high) in zip(places, ends, strict=True):
            units = rows[place][1]
            found[place] = (float(low) / units, float(high) / units)
    return found


@dataclass(frozen=True)
class Share:
    """A share of tweets and samples with its interval."""

    value: float
    interval: Interval | None


def shares(rows: Sequence[tuple[Rows, int]]) -> list[Share]:
    """The means of *rows*, as :func:`intervals` takes them, with their intervals."""
    ends = intervals(rows)
    return [
        Share(_mean(values, units), interval)
        for (values, units), interval in zip(rows, ends, strict=True)
    ]


def hits(outcomes: Outcomes, measure: Measure = ACCURACY) -> tuple[Rows, int]:
    """How many samples of each tweet are right, and how many there are."""
    return measure.right(outcomes).sum(axis=1, dtype=np.int64), outcomes.samples


def resampled(
    statistics: NDArray[np.float64], final: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """What *final* makes of the sums over each of 2,000 resamples of the tweets.

    For what is no mean, such as a kappa or the largest of several means.

    Args:
        statistics: shape (K, T).
        final: takes sums of shape (K, R), for R resamples, and returns what has R last.
    """
    return final(statistics @ _counts(statistics.shape[1]).T)


@lru_cache(maxsize=4)
def _counts(tweets: int) -> NDArray[np.float64]:
    """How often each tweet is drawn in each resample, shape (R, T)."""
    drawn = np.random.default_rng(0).multinomial(tweets, np.full(tweets, 1 / tweets), size=2_000)
    return drawn.astype(np.float64)


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
