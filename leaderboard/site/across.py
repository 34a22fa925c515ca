"""What stands across tasks: the average of complete models, and the gap between languages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.leaderboard.entry import Badge
from itr_bench.leaderboard.site.board import Board, Comparable
from itr_bench.leaderboard.site.rows import ModelKey, Row
from itr_bench.scoring.crossed import mean_test, noise_between
from itr_bench.scoring.intervals import mean_intervals
from itr_bench.scoring.significance import better, exact_mcnemar, holm_array
from itr_bench.tasks.spec import LEADERBOARD, TRIALS

_PAIRS = (
    ("ltec_itr_lv", "ltec_itr_en_manual"),
    ("ltec_itr_lv", "ltec_itr_en_mt"),
    ("ltec_itr_en_manual", "ltec_itr_en_mt"),
    *TRIALS,
)


@dataclass(frozen=True)
class AverageRow:
    """One model that is complete, in one answer format."""

    row: Row
    """Of the first task; stands for the model."""
    parts: tuple[float, ...]
    """Accuracy by task."""
    mean: float
    interval: tuple[float, float]
    badge: Badge
    """The weakest of its results."""


@dataclass(frozen=True)
class LeftOut:
    """A model that is not complete."""

    row: Row
    missing: tuple[str, ...]
    """The tasks without a score, or with one on other tweets than the rest; none of them where the
    answer formats differ between the tasks.
    """


@dataclass(frozen=True)
class Average:
    """The mean accuracy over tasks, of the models that have them all."""

    tasks: tuple[str, ...]
    rows: tuple[AverageRow, ...]
    left_out: tuple[LeftOut, ...]
    chance: float
    majority: float | None


@dataclass(frozen=True)
class GapRow:
    """One model on the same tweets in two languages; *a* less *b*."""

    a: Row
    b: Row
    difference: float
    interval: tuple[float, float]
    only_a: int
    only_b: int
    p_value: float
    adjusted: float
    """By Holm's method over all models of the two languages."""
    mean_adjusted: float
    """Of the t test of the difference, likewise."""

    @property
    def better(self) -> int:
        """1 or -1 where the first or the second language is significantly better, else 0."""
        return int(
            better(self.difference, self.only_a, self.only_b, self.adjusted, self.mean_adjusted)
        )


@dataclass(frozen=True)
class Gap:
    """Two languages."""

    a: Board
    b: Board
    rows: tuple[GapRow, ...]
    """By difference, the widest in favour of *a* first."""


def averages(boards: Sequence[Board]) -> tuple[Average, ...]:
    """The average over the four tasks, and in a trial over each set to try things out on."""
    by_task = {board.task: board for board in boards}
    groups = [tasks for tasks in (LEADERBOARD, *TRIALS) if by_task.keys() >= set(tasks)]
    return tuple(_average(tasks, by_task) for tasks in groups)


def _average(tasks: Sequence[str], boards: Mapping[str, Board]) -> Average:
    found = {task: _by_key(boards[task]) for task in tasks}
    keys = sorted({key for rows in found.values() for key in rows})
    complete, left_out = [], []
    for key in keys:
        missing = tuple(task for task in tasks if key not in found[task])
        rows = [found[task][key].row for task in tasks if key in found[task]]
        if missing or len({row.answer_format for row in rows}) > 1:
            left_out.append(LeftOut(rows[0], missing))
        else:
            complete.append(key)
    majorities = [boards[task].main.references.majority for task in tasks]
    known = [majority for majority in majorities if majority is not None]
    return Average(
        tasks=tuple(tasks),
        rows=tuple(_average_rows(complete, tasks, found)),
        left_out=tuple(sorted(left_out, key=lambda one: one.row.name.casefold())),
        chance=boards[tasks[0]].main.references.chance,
        majority=float(np.mean(known)) if len(known) == len(tasks) else None,
    )


def _by_key(board: Board) -> dict[ModelKey, Comparable]:
    """The results of a board's main table that are on the same tweets, by model."""
    return {one.row.key: one for one in board.main.comparable}


def _average_rows(
    keys: Sequence[ModelKey],
    tasks: Sequence[str],
    found: Mapping[str, Mapping[ModelKey, Comparable]],
) -> list[AverageRow]:
    if not keys:
        return []
    # Tasks on the same tweets are resampled together. A result is over a whole set, so two tasks
    # share all tweets or none.
    results = [[found[task][key] for task in tasks] for key in keys]
    units = _units(results)
    domains: dict[tuple[str, ...], NDArray[np.int64]] = {}
    for column in zip(*results, strict=True):
        ids, hits = column[0].predictions.tweet_ids, _in_units(column, units)
        domains[ids] = domains[ids] + hits if ids in domains else hits
    intervals = mean_intervals(list(domains.values())) / (len(tasks) * units[:, None])
    rows = []
    for row, interval in zip(results, intervals, strict=True):
        parts = tuple(float(one.shares.mean()) for one in row)
        ends = (float(interval[0]), float(interval[1]))
        badge = weakest(one.row.badge for one in row)
        rows.append(AverageRow(row[0].row, parts, float(np.mean(parts)), ends, badge))
    return sorted(rows, key=lambda one: (-one.mean, one.row.name.casefold(), one.row.key))


def _units(results: Iterable[Sequence[Comparable]]) -> NDArray[np.int64]:
    """For each model, into how many units one tweet is divided, so that the samples of each of its
    results are whole units: what is added up then is exact.
    """
    return np.array([math.lcm(*(one.predictions.samples for one in row)) for row in results])


def _in_units(results: Sequence[Comparable], units: NDArray[np.int64]) -> NDArray[np.int64]:
    """What each model has right, in its units, shape (M, T)."""
    pairs = zip(results, units, strict=True)
    return np.stack([one.hits * (unit // one.predictions.samples) for one, unit in pairs])


def weakest(badges: Iterable[Badge | None]) -> Badge:
    """The badge that all of the results behind *badges* have at least."""
    return min((badge or Badge.REPORTED for badge in badges), key=list(Badge).index)


def gaps(boards: Sequence[Board]) -> tuple[Gap, ...]:
    """The gaps between the languages of LTEC, and in a trial between those to try out."""
    by_task = {board.task: board for board in boards}
    return tuple(
        Gap(by_task[a], by_task[b], tuple(_gap_rows(by_task[a], by_task[b])))
        for a, b in _PAIRS
        if a in by_task and b in by_task
    )


def _gap_rows(board_a: Board, board_b: Board) -> list[GapRow]:
    in_a, in_b = _by_key(board_a), _by_key(board_b)
    pairs = [(one, in_b[key]) for key, one in in_a.items() if key in in_b]
    pairs = [
        (a, b)
        for a, b in pairs
        if a.predictions.tweet_ids == b.predictions.tweet_ids
        and a.row.answer_format == b.row.answer_format
    ]
    if not pairs or len(pairs[0][0].hits) < 2:
        return []
    units = _units(pairs)
    hits_a, hits_b = (_in_units(column, units) for column in zip(*pairs, strict=True))
    differences = (hits_a - hits_b).mean(axis=1) / units
    intervals = mean_intervals([hits_a - hits_b]) / units[:, None]
    right_a, right_b = np.stack([a.right for a, _ in pairs]), np.stack([b.right for _, b in pairs])
    only_a, only_b = (right_a & ~right_b).sum(axis=1), (right_b & ~right_a).sum(axis=1)
    p_values = exact_mcnemar(only_a, only_b)
    adjusted = holm_array(p_values)
    noise = [noise_between(a.predictions.correct, b.predictions.correct) for a, b in pairs]
    tweets = hits_a.shape[1]
    mean_p_values = mean_test(
        differences,
        (hits_a - hits_b).var(axis=1, ddof=1) / (tweets * units**2),
        tweets,
        [one.added for one in noise],
        [one.spread for one in noise],
    )
    mean_adjusted = holm_array(mean_p_values)
    rows = [
        GapRow(
            a=a.row,
            b=b.row,
            difference=float(differences[i]),
            interval=(float(intervals[i, 0]), float(intervals[i, 1])),
            only_a=int(only_a[i]),
            only_b=int(only_b[i]),
            p_value=float(p_values[i]),
            adjusted=float(adjusted[i]),
            mean_adjusted=float(mean_adjusted[i]),
        )
        for i, (a, b) in enumerate(pairs)
    ]
    return sorted(rows, key=lambda one: (-one.difference, one.a.name.casefold(), one.a.key))
