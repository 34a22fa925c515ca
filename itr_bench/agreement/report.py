"""Agreement of annotators: coefficients with intervals, and why one is not available."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from itr_bench.agreement import coefficients
from itr_bench.agreement.coefficients import Floats
from itr_bench.agreement.files import FIDELITY
from itr_bench.agreement.tables import Table, read_annotations
from itr_bench.errors import DataError

RESAMPLES = 10_000
SEED = 0
# With more resamples without a value than that, those with one no longer stand for all.
_MOST_UNDEFINED = 0.05
_SAME = 1e-9  # resamples that differ by rounding alone


@dataclass(frozen=True)
class Coefficient:
    """A coefficient, at most 1, with its percentile interval; what is not defined is ``None``.

    Attributes:
        undefined_resamples: resamples in which it had no value, left out of the interval.
        note: why value or interval is missing, or what the value leaves out.
    """

    value: float | None
    low: float | None
    high: float | None
    undefined_resamples: int
    note: str | None


@dataclass(frozen=True)
class Agreement:
    """The agreement of the annotators on one question, the relation, or fidelity.

    Attributes:
        table: the ratings.
        counts: ratings by annotator and category, shape (annotators, categories).
        overlap: tweets with two ratings or more.
        overall: coefficients by name.
        pairs: for each pair of annotators their names, the tweets that both rated, and Cohen's
            kappa.
    """

    table: Table
    counts: Floats
    overlap: int
    overall: dict[str, Coefficient]
    pairs: tuple[tuple[str, str, int, Coefficient], ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        table = self.table
        return {
            "what": table.what,
            "system": table.system or None,
            "categories": list(table.categories),
            "tweets": len(table.tweet_ids),
            "tweets_with_two_or_more": self.overlap,
            "ratings": int(self.counts.sum()),
            "annotators": {
                name: {k: int(n) for k, n in zip(table.categories, counts, strict=True)}
                for name, counts in zip(table.annotators, self.counts, strict=True)
            },
            "coefficients": {name: vars(found) for name, found in self.overall.items()},
            "cohen_kappa_by_pair": [
                {"annotators": [first, second], "tweets": tweets, **vars(found)}
                for first, second, tweets, found in self.pairs
            ],
        }


def agreement(
    paths: Sequence[Path],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Agreement]:
    """Read annotation files and measure the agreement of each thing that they rate.

    Args:
        paths: files as :func:`~itr_bench.agreement.tables.read_annotations` takes them.
        confidence: share of the percentile intervals, above 0 and below 1.
        resamples: bootstrap resamples of the tweets; the same ones for all coefficients.
        seed: of the resamples.

    Raises:
        DataError: anything wrong with the files.
    """
    if not 0 < confidence < 1:
        raise DataError(f"confidence {confidence}: expected a share above 0 and below 1")
    return [
        measure(table, confidence=confidence, resamples=resamples, seed=seed)
        for table in read_annotations(paths)
    ]


def measure(table: Table, *, confidence: float, resamples: int, seed: int) -> Agreement:
    """Measure the agreement of one table."""
    ratings, size = table.ratings, len(table.categories)
    estimate = functools.partial(coefficients.estimate, ordinal=table.what == FIDELITY)
    point = estimate(ratings, size, np.ones((1, len(ratings))))
    rows, blocks = coefficients.resampled_weights(ratings, resamples, seed)
    bar = tqdm(blocks, desc=f"resampling, {table.what}", disable=None, leave=False)
    drawn = [estimate(rows, size, weights) for weights in bar]
    rated = ratings != coefficients.MISSING
    overlap = int((rated.sum(axis=1) >= 2).sum())

    pairs = []
    for (first, second), value in point.by_pair.items():
        both = int((rated[:, first] & rated[:, second]).sum())
        draws = np.concatenate([one.by_pair[first, second] for one in drawn])
        found = _coefficient(float(value[0]), draws, confidence, both)
        pairs.append((table.annotators[first], table.annotators[second], both, found))
    overall = {
        name: _coefficient(
            float(value[0]),
            np.concatenate([one.overall[name] for one in drawn]),
            confidence,
            overlap,
        )
        for name, value in point.overall.items()
    }
    with_kappa = sum(found.value is not None for *_, found in pairs)
    if 0 < with_kappa < len(pairs):
        kappa = overall["cohen_kappa"]
        part = f"mean of the {with_kappa} of {len(pairs)} pairs that have one"
        note = part if kappa.note is None else f"{part}; {kappa.note}"
        overall["cohen_kappa"] = dataclasses.replace(kappa, note=note)
    counts = [coefficients.category_counts(one[:, None], size).sum(axis=0) for one in ratings.T]
    return Agreement(table, np.stack(counts), overlap, overall, tuple(pairs))


def _coefficient(value: float, draws: Floats, confidence: float, overlap: int) -> Coefficient:
    """Put a value, its resamples and the number of tweets that it rests on together."""
    undefined = int(np.isnan(draws).sum())
    if math.isnan(value):
        note = (
            "no tweet has two ratings"
            if overlap == 0
            else "one category only: agreement beyond chance is not defined"
        )
        return Coefficient(None, None, None, undefined, note)
    if overlap == 1:
        note = "no interval: one tweet only has two ratings"
    elif undefined > _MOST_UNDEFINED * len(draws):
        note = f"no interval: not defined in {undefined} of {len(draws)} resamples"
    elif np.nanmax(draws) - np.nanmin(draws) < _SAME:
        # Without a disagreement there is nothing that a resample could show.
        note = "no interval: the same in every resample"
    else:
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(draws, [tail, 1 - tail])
        return Coefficient(value, float(low), float(high), undefined, None)
    return Coefficient(value, None, None, undefined, note)
