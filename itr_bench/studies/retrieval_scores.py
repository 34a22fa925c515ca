"""The ranks of the study ``retrieval``: their means, and the gaps between languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from itr_bench.data.languages import LANGUAGES
from itr_bench.relation import Relation
from itr_bench.scoring.crossed import mean_test
from itr_bench.scoring.intervals import exact_interval, mean_intervals
from itr_bench.scoring.significance import exact_mcnemar
from itr_bench.studies.encoder_job import read_content
from itr_bench.studies.encoders.ranking import CUTOFFS, recall, reciprocal
from itr_bench.studies.languages import images_of
from itr_bench.studies.statistics import FEWEST, Estimate, Paired, adjusted
from itr_bench.studies.study import Result
from itr_bench.tasks.spec import get_task

NAME = "retrieval"
DIRECTIONS = {"text_to_image": "text to image", "image_to_text": "image to text"}
MEASURES = (*(f"recall at {cutoff}" for cutoff in CUTOFFS), "MRR")

FEW = 10
"""Of fewer queries that are right, or wrong, or differ, no resampling tells enough."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """The ranks of one encoder on one task, by direction, shapes (T,).

    *right_pairs* of the T * T pairs of text and image are right. *number* is " [1]", " [2]" and so
    on where the encoder has several results on the task, which are not alike.
    """

    result: Result
    tweets: tuple[str, ...]
    relations: NDArray[np.int8]
    ranks: Mapping[str, NDArray[np.int32]]
    right_pairs: int
    number: str = ""

    @property
    def name(self) -> str:
        """The language, and which of several results on it."""
        return self.language + self.number

    @property
    def chance(self) -> float:
        """Recall at 1 of a random order, the mean over queries; the same in both directions."""
        return self.right_pairs / len(self.tweets) ** 2

    @property
    def language(self) -> str:
        """The language of the texts, with the system that translated them."""
        task = get_task(self.result.task)
        _, mt, system = task.set_name.partition("_mt")
        name = LANGUAGES[task.language].name
        return f"{name} (machine{f', {system[1:]}' if system else ''})" if mt else name

    def values(self, direction: str) -> Values:
        """What the measures are means of, shape (4, T)."""
        found = self.ranks[direction]
        return np.stack([*(recall(found, cutoff) for cutoff in CUTOFFS), reciprocal(found)])


def read_ranks(result: Result, number: str = "") -> Ranked:
    """Read the ranks in *result*.

    Raises:
        DataError: its content is not what this study writes.
    """
    read = partial(_ranked, result, number)
    return read_content(result, "ranks", read, pictures=str, encoder=dict)


def _ranked(result: Result, number: str) -> Ranked:
    content = result.content
    tweets = tuple(map(str, content["tweets"]))
    relations = [Relation(relation) for relation in content["relations"]]
    ranks = {name: np.array(content[name], np.int64) for name in DIRECTIONS}
    sizes = {len(relations), *(len(one) for one in ranks.values())}
    if len(tweets) < 1 or sizes != {len(tweets)} or len(set(tweets)) < len(tweets):
        raise ValueError("one relation and two ranks for each tweet are expected")
    if any(one.min() < 1 or one.max() > len(tweets) for one in ranks.values()):
        raise ValueError(f"ranks are not 1 to {len(tweets)}")
    right = content["right_pairs"]
    if type(right) is not int or not len(tweets) <= right <= len(tweets) ** 2:
        raise ValueError(f"right_pairs is {right!r}, expected {len(tweets)} or more")
    get_task(result.task)
    return Ranked(
        result,
        tweets,
        np.array(relations, np.int8),
        {name: one.astype(np.int32) for name, one in ranks.items()},
        right,
        number,
    )


def means(values: Values) -> list[Estimate]:
    """The means of rows, shape (M, T), with their intervals by a bootstrap over tweets."""
    if values.shape[1] < FEWEST:
        return [Estimate(float(row.mean()), None) for row in values]
    return [
        Estimate(float(row.mean()), (float(low), float(high)))
        for row, (low, high) in zip(values, mean_intervals([values]), strict=True)
    ]


def scores(values: Values) -> list[Estimate]:
    """As :func:`means`, of scores between 0 and 1. Where fewer than :data:`FEW` tweets have a score
    of 1, or fewer than that have another, those intervals are too narrow, and a share has the exact
    binomial one (Clopper and Pearson 1934).
    """
    found = []
    for row, mean in zip(values, means(values), strict=True):
        hits, misses = int((row == 1).sum()), int((row == 0).sum())
        few = min(hits, misses) < FEW and hits + misses == len(row)
        found.append(
            replace(mean, interval=exact_interval(hits, misses)) if mean.interval and few else mean
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Gap(Paired):
    """What two languages differ by at rank 1, paired by tweet: the first less the second. A rank
    has no seeds, so that the t test is over queries alone.

    Attributes:
        first, second: the languages.
        direction: of the retrieval.
        differences: one a measure.
    """

    first: Ranked
    second: Ranked
    direction: str
    differences: tuple[Estimate, ...]


def _gap(first: Ranked, second: Ranked, direction: str) -> Gap:
    """Compare two languages in one direction."""
    values_a, values_b = first.values(direction), second.values(direction)
    place = {tweet: i for i, tweet in enumerate(second.tweets)}
    values_b = values_b[:, [place[tweet] for tweet in first.tweets]]
    differences = means(values_a - values_b)
    at_1 = values_a[0] - values_b[0]
    only_a, only_b, tweets = int((at_1 > 0).sum()), int((at_1 < 0).sum()), len(first.tweets)
    p_value = of_mean = None
    if tweets >= FEWEST:
        p_value = float(exact_mcnemar(only_a, only_b))
        of_mean = float(mean_test(at_1.mean(), at_1.var(ddof=1) / tweets, tweets, 0, 0))
    return Gap(
        first=first,
        second=second,
        direction=direction,
        differences=tuple(differences),
        tweets=tweets,
        samples=1,
        a=float(values_a[0].mean()),
        b=float(values_b[0].mean()),
        difference=differences[0].value,
        interval=differences[0].interval,
        only_a=only_a,
        only_b=only_b,
        p_value=p_value,
        mean_p_value=of_mean,
    )


def _why_apart(a: Ranked, b: Ranked) -> str | None:
    """Why two results on one set are not compared, or ``None``."""
    if a.result.metadata["pictures"] != b.result.metadata["pictures"]:
        return "saw other pictures"
    if set(a.tweets) != set(b.tweets):
        return "are about other tweets"
    relations = dict(zip(b.tweets, b.relations, strict=True))
    if any(relations[t] != r for t, r in zip(a.tweets, a.relations, strict=True)):
        return "disagree on the label of a tweet"
    return None


def _languages(ranked: Sequence[Ranked]) -> list[tuple[Ranked, Ranked]]:
    """All pairs of results on one set in two languages."""
    return [
        (a, b)
        for a, b in combinations(ranked, 2)
        if a.language != b.language and images_of(a.result.task) == images_of(b.result.task)
    ]


def not_compared(ranked: Sequence[Ranked]) -> list[str]:
    """Which languages of one encoder are not compared, and why."""
    return [
        f"{a.result.model}: {a.name} and {b.name} {why}, and are not compared."
        for a, b in _languages(ranked)
        if (why := _why_apart(a, b)) is not None
    ]


def gaps(ranked: Sequence[Ranked]) -> list[Gap]:
    """The gaps between the languages of one encoder, on the same tweets and pictures."""
    return adjusted(
        [
            _gap(a, b, direction)
            for a, b in _languages(ranked)
            if _why_apart(a, b) is None
            for direction in DIRECTIONS
        ]
    )
