"""How often answers change between two runs, beyond the chance in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.relation import QUESTIONS, Question
from itr_bench.scoring.outcomes import CODES, Outcomes
from itr_bench.studies.frame import Cell
from itr_bench.studies.statistics import Rows, Share, shared, shares


@dataclass(frozen=True)
class Change:
    """How often the answer to one question changes, as shares of pairs of samples.

    Attributes:
        raw: a sample of the task and one of the variant differ.
        alone: two samples of one and the same prompt differ, mean of task and variant; ``None``
            for one sample.
        beyond: the first less the second. It is zero where the answers have the same
            distribution for every tweet, whatever the chance in them. ``None`` likewise.
        read: pairs of samples in which both answers are yes or no.
        read_tweets: tweets with such a pair.
        turned: of these pairs, those with one yes and one no.
    """

    raw: Share
    alone: float | None
    beyond: Share | None
    read: int
    read_tweets: int
    turned: int


def _answers(outcomes: Outcomes, question: Question) -> NDArray[np.int8]:
    return outcomes.adds if question is Question.ADDS else outcomes.represented


def _change(a: Outcomes, b: Outcomes, question: Question) -> tuple[Rows, Rows, Rows, int]:
    """By tweet: the share of pairs of samples that differ between *a* and *b*, within each (the
    mean of both), and the first less the second; and what 1 is in their units.
    """
    in_a, in_b = shared(a, b)
    of_a, of_b = _answers(a, question)[in_a], _answers(b, question)[in_b]
    n, m = of_a.shape[1], of_b.shape[1]
    counts = [
        ((of_a == code).sum(axis=1, dtype=np.int64), (of_b == code).sum(axis=1, dtype=np.int64))
        for code in CODES.values()
    ]
    between = n * m - np.sum([x * y for x, y in counts], axis=0)
    within_a = n * (n - 1) - np.sum([x * (x - 1) for x, _ in counts], axis=0)
    within_b = m * (m - 1) - np.sum([y * (y - 1) for _, y in counts], axis=0)
    if min(n, m) == 1:  # then chance is not known of both, and is taken off of neither
        within_a, within_b = within_a * 0, within_b * 0
    ways_a, ways_b = max(1, n * (n - 1)), max(1, m * (m - 1))
    units = 2 * n * m * ways_a * ways_b
    alone = (within_a * ways_b + within_b * ways_a) * n * m
    raw = between * 2 * ways_a * ways_b
    return raw, alone, raw - alone, units


def _turned(a: Outcomes, b: Outcomes, question: Question) -> tuple[int, int, int]:
    """Pairs of samples that are yes or no in both, the tweets that have one, and of these pairs
    those that differ.
    """
    in_a, in_b = shared(a, b)
    of_a, of_b = _answers(a, question)[in_a], _answers(b, question)[in_b]
    (no_a, yes_a), (no_b, yes_b) = (
        [(of == code).sum(axis=1, dtype=np.int64) for code in (0, 1)] for of in (of_a, of_b)
    )
    read = (no_a + yes_a) * (no_b + yes_b)
    return int(read.sum()), int((read > 0).sum()), int((no_a * yes_b + yes_a * no_b).sum())


def changes(cell: Cell) -> dict[tuple[str, Question], Change]:
    """How often the answers change, by variant and question."""
    keys = [(task, question) for task in cell.variants for question in QUESTIONS]
    parts = [_change(cell.reference.outcomes, cell.variants[t].outcomes, q) for t, q in keys]
    found = iter(
        shares([row for raw, _, beyond, units in parts for row in ((raw, units), (beyond, units))])
    )
    out = {}
    for (task, question), (_, alone, _, units) in zip(keys, parts, strict=True):
        samples = cell.reference.outcomes.samples, cell.variants[task].outcomes.samples
        raw, beyond = next(found), next(found)
        known = min(samples) > 1
        out[task, question] = Change(
            raw,
            float(alone.mean()) / units if known else None,
            beyond if known else None,
            *_turned(cell.reference.outcomes, cell.variants[task].outcomes, question),
        )
    return out
