"""How often answers change between two runs, beyond the chance in each.

Runs have the same seeds, so their samples come in pairs that share the generator's noise: of a
model that does not see what the variant changes, such a pair is equal, while two samples of one
prompt differ. Pairs of one seed and pairs of two seeds are never counted together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.relation import QUESTIONS, Question
from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import CODES, shared
from itr_bench.studies.grouping import VariantRun
from itr_bench.studies.statistics import Estimate, Rows, mean, shares

_Answers = NDArray[np.int8]
_SeedPairs = Sequence[tuple[int, int]]
"""The places of samples of one seed, in the first run and in the second."""


@dataclass(frozen=True)
class Change:
    """How often the answer to one question changes, as shares of pairs of samples.

    Attributes:
        raw: a sample of the task and one of the variant, of two seeds, differ. Where a run has
            one sample, those of one seed, if there are any.
        alone: two samples of one and the same prompt differ, mean of task and variant; ``None``
            where a run has one sample.
        beyond: the first less the second. Zero on average where the answers have the same
            distribution for every tweet, and exactly zero where both runs have the same answers,
            seed by seed. ``None`` likewise.
        of_one_seed: whether the following count pairs of one seed; all pairs, where the runs have
            no seed in common.
        parsed: pairs of samples in which both answers are yes or no.
        parsed_tweets: tweets with such a pair.
        turned: of these pairs, those with one yes and one no.
    """

    raw: Estimate
    alone: float | None
    beyond: Estimate | None
    of_one_seed: bool
    parsed: int
    parsed_tweets: int
    turned: int


@dataclass(frozen=True)
class _Counted:
    """By tweet: the share of pairs of samples that differ between two runs, and within each (the
    mean of both; ``None`` where it is not known), in *units* of one.
    """

    between: Rows
    alone: Rows | None
    units: int


def _seed_pairs(a: Run, b: Run) -> _SeedPairs:
    """Samples of one seed; where a run does not state its seeds, those of one place."""
    own, other = _seeds(a), _seeds(b)
    if own is None or other is None:
        return [(i, i) for i in range(min(a.predictions.samples, b.predictions.samples))]
    place = {seed: i for i, seed in enumerate(other)}
    return [(i, place[seed]) for i, seed in enumerate(own) if seed in place]


def _seeds(run: Run) -> tuple[int, ...] | None:
    seeds = run.seeds
    return seeds if seeds and len(set(seeds)) == run.predictions.samples == len(seeds) else None


def _counted(a: _Answers, b: _Answers, pairs: _SeedPairs) -> _Counted:
    n, m = a.shape[1], b.shape[1]
    counts = [
        ((a == code).sum(axis=1, dtype=np.int64), (b == code).sum(axis=1, dtype=np.int64))
        for code in CODES.values()
    ]
    all_pairs = n * m - np.sum([x * y for x, y in counts], axis=0)
    of_a, of_b = _of_one_seed(a, b, pairs)
    of_one_seed = (of_a != of_b).sum(axis=1, dtype=np.int64)
    if min(n, m) == 1:
        if pairs:
            return _Counted(of_one_seed, None, len(pairs))
        return _Counted(all_pairs, None, n * m)
    within_a = n * (n - 1) - np.sum([x * (x - 1) for x, _ in counts], axis=0)
    within_b = m * (m - 1) - np.sum([y * (y - 1) for _, y in counts], axis=0)
    ways, ways_a, ways_b = n * m - len(pairs), 2 * n * (n - 1), 2 * m * (m - 1)
    units = math.lcm(ways, ways_a, ways_b)
    return _Counted(
        (all_pairs - of_one_seed) * (units // ways),
        within_a * (units // ways_a) + within_b * (units // ways_b),
        units,
    )


def _of_one_seed(a: _Answers, b: _Answers, pairs: _SeedPairs) -> tuple[_Answers, _Answers]:
    return a[:, [i for i, _ in pairs]], b[:, [j for _, j in pairs]]


def _turned(a: _Answers, b: _Answers, pairs: _SeedPairs) -> tuple[int, int, int]:
    """Pairs of samples that are yes or no in both, the tweets that have one, and of these pairs
    those that differ.
    """
    if pairs:
        of_a, of_b = _of_one_seed(a, b, pairs)
        both = (of_a >= 0) & (of_b >= 0)
        return int(both.sum()), int(both.any(axis=1).sum()), int((both & (of_a != of_b)).sum())
    (no_a, yes_a), (no_b, yes_b) = (
        [(of == code).sum(axis=1, dtype=np.int64) for code in (0, 1)] for of in (a, b)
    )
    parsed = (no_a + yes_a) * (no_b + yes_b)
    return int(parsed.sum()), int((parsed > 0).sum()), int((no_a * yes_b + yes_a * no_b).sum())


def changes(variants: Sequence[VariantRun]) -> list[dict[Question, Change]]:
    """How often the answers change, for each variant by question."""
    counted: list[_Counted] = []
    turned: list[tuple[bool, int, int, int]] = []
    for variant in variants:
        pairs = _seed_pairs(variant.reference, variant.run)
        in_task, in_variant = shared(variant.b, variant.a)
        for question in QUESTIONS:
            of_task = variant.b.answers(question)[in_task]
            of_variant = variant.a.answers(question)[in_variant]
            counted.append(_counted(of_task, of_variant, pairs))
            turned.append((bool(pairs), *_turned(of_task, of_variant, pairs)))
    raws = shares([(one.between, one.units) for one in counted])
    beyonds = iter(
        shares([(one.between - one.alone, one.units) for one in counted if one.alone is not None])
    )
    changed = iter(
        Change(
            raw,
            None if one.alone is None else mean(one.alone, one.units),
            None if one.alone is None else next(beyonds),
            *own,
        )
        for one, raw, own in zip(counted, raws, turned, strict=True)
    )
    return [{question: next(changed) for question in QUESTIONS} for _ in variants]
