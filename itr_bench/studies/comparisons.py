"""Paired comparisons: the one way in which studies compare runs, and say and draw what they find.

All comparisons of a model in a study are one family of tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol, TypeVar

import numpy as np

from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.relation import RELATIONS, Question, Relation
from itr_bench.report.drawing import Bar, Reference
from itr_bench.report.words import p_equals, percent
from itr_bench.runs.run import Run
from itr_bench.scoring.metrics import UNIFORM_CHANCE
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.formatting import in_points, interval_in_points
from itr_bench.studies.section import Cell, Claim, Figure, Lines, Row, Table, difference
from itr_bench.studies.statistics import (
    ACCURACY,
    FEWEST,
    Contrast,
    Interval,
    Measure,
    Paired,
    Tested,
    compared_by,
    detectable,
)

QUESTIONS = {Question.ADDS: "adds", Question.REPRESENTED: "represented"}

WITH_QUESTIONS = (ACCURACY, *map(Measure, QUESTIONS))
"""Accuracy, and the share of right answers to each question."""

ZERO = Reference("no difference", 0.0)

_MOST_BARS = 40

Differences = Mapping[Measure, Paired]

T = TypeVar("T")


class Sides(Protocol):
    """Two runs of one model, or a model's and another, on the same tweets."""

    @property
    def subject(self) -> str: ...
    @property
    def a(self) -> Predictions: ...
    @property
    def b(self) -> Predictions: ...


TwoRuns = TypeVar("TwoRuns", bound=Sides)


def compare(
    sides: Sequence[TwoRuns], measures: Sequence[Measure] = (ACCURACY,)
) -> list[tuple[TwoRuns, Differences]]:
    """Each of *sides* with its differences, A less B, by measure."""
    contrasts = [[Contrast(one.a, one.b, measure) for measure in measures] for one in sides]
    compared = compared_by([one.subject for one in sides], contrasts)
    return [
        (one, dict(zip(measures, own, strict=True)))
        for one, own in zip(sides, compared, strict=True)
    ]


def accuracy_differences(compared: Iterable[tuple[object, Differences]]) -> list[Paired]:
    """The differences of accuracy of what was *compared*."""
    return [differences[ACCURACY] for _, differences in compared]


# Claims


def claims_of(
    compared: Iterable[tuple[T, Differences]],
    *,
    title: Callable[[T], str],
    sentence: Callable[[T, Differences], str],
    sides: Callable[[T], tuple[str, str]],
    name: Callable[[T], str],
    absent: str,
) -> list[Claim]:
    """Under each title, a claim for each significant difference of accuracy, and one for all others
    that were tested.

    Args:
        compared: what was compared, and its differences.
        title: what a claim is about, such as the model and the task.
        sentence: says a significant difference.
        sides: how its test calls A and B.
        name: of another one.
        absent: what the others do not have, such as "gap".
    """
    claims = []
    for about, own in grouped(compared, lambda one: title(one[0])).items():
        others = []
        for what, differences in own:
            one = differences[ACCURACY]
            if one.significant:
                text = f"{about}: {sentence(what, differences)}"
                claims.append(Claim(text, test_of(one, *sides(what)), finding=True))
            elif one.p_value is not None:
                others.append(name(what))
        claims += not_significant(others, about, absent)
    return claims


def test_of(paired: Paired, a: str, b: str) -> str:
    """The test behind a paired difference, with its numbers."""
    if paired.p_value is None or paired.mean_p_value is None:
        return f"none: {paired.tweets} tweets are fewer than the {FEWEST} that the tests need"
    of = f" on {paired.family}" if paired.family else ""
    seeds = "; a run has one seed: for this seed only" if paired.samples == 1 else ""
    return (
        f"exact McNemar test on {paired.tweets} tweets: {paired.only_a} right only {a}, "
        f"{paired.only_b} only {b}, {p_equals(paired.p_value)}; t test of the mean difference "
        f"(tweets and seeds as crossed clusters), {p_equals(paired.mean_p_value)}; by Holm's "
        f"method over the {count(paired.tests, 'comparison')} of this study{of} "
        f"{holm_p_values(paired)}; 95 % interval of the difference over tweets "
        f"{interval_in_points(paired.interval)}{seeds}"
    )


def holm_p_values(one: Tested) -> str:
    """The p values of both tests by Holm's method."""
    return " and ".join(p_equals(p) for p in (one.adjusted, one.mean_adjusted) if p is not None)


def not_significant(names: Sequence[str], title: str, absent: str) -> list[Claim]:
    """One claim for all comparisons that were tested and found nothing."""
    if not names:
        return []
    between = "; " if any("," in name for name in names) else ", "
    return [
        Claim(
            f"{title}: no significant {absent} for {between.join(names)}.",
            "the tests are those of the table; not significant means that a p value adjusted by "
            "Holm's method is 0.05 or more, or that the two tests, or test and interval, do not "
            "see the same side",
            finding=False,
        )
    ]


# Limits and notices


def limits(paired: Sequence[Paired]) -> list[str]:
    """What paired comparisons of this size cannot show."""
    tested = [one for one in paired if one.p_value is not None]
    few = len(paired) - len(tested)
    sentences = []
    if few:
        sentences.append(
            f"{count(few, 'comparison is', 'comparisons are')} on fewer than {FEWEST} "
            "tweets: no test and no interval was computed."
        )
    alike = grouped(tested, lambda one: (one.family, one.tweets))
    return [*sentences, *(_limit(name, n, own) for (name, n), own in sorted(alike.items()))]


def _limit(name: str, tweets: int, tested: Sequence[Paired]) -> str:
    """What difference comparisons of one family on so many tweets can find."""
    whose = f"{name}: of" if name else "Of"
    discordant = median((one.only_a + one.only_b) / tweets for one in tested)
    if not discordant:
        return (
            f"{whose} {tweets} tweets, both runs have the very same right in most samples in half "
            "or more of the comparisons: what difference could be found cannot be computed."
        )
    share = (
        f"{whose} {tweets} tweets, {percent(discordant)} % are right in most samples of "
        f"exactly one of two runs (median over {count(len(tested), 'comparison')}). "
    )
    tests = max(one.tests for one in tested)
    alone, together = detectable(discordant, tweets), detectable(discordant, tweets, tests)
    if alone is None:
        return (
            share + "Where two runs differ on only this share of tweets, a difference of any size "
            "is found less than 8 times out of 10: one that is not significant may still exist."
        )
    text = (
        f"Then McNemar's test alone finds a difference under {in_points(alone)} less than 8 times "
        "out of 10"
    )
    if tests > 1:
        text += f"; as one of {tests} comparisons, corrected, " + (
            "any difference" if together is None else f"one under {in_points(together)}"
        )
    return (
        f"{share}{text}. This is about tweets that are right in most samples, which is not "
        "accuracy where a model varies between seeds; and the t test has to agree. A difference "
        "that is not significant may still exist."
    )


def data_notices(runs: Iterable[Run]) -> list[str]:
    """That pictures are placeholders, and that a set was seen in part."""
    seen = list(runs)
    notices = []
    if any(run.placeholder for run in seen):
        notices.append("Some pictures are placeholders: these figures are no result.")
    sizes = {(len(run.predictions.tweet_ids), run.set_size) for run in seen}
    parts = [f"{some} of {whole}" for some, whole in sorted(sizes, key=str) if some != whole]
    if parts:
        notices.append(f"Some runs saw a part of the set: {', '.join(parts)} tweets.")
    return notices


# Tables and charts


def p_cells(paired: Paired, prefix: str = "") -> Row:
    """The adjusted p values of both tests."""
    return (
        Cell(f"{prefix}p, McNemar Holm", paired.adjusted, "p"),
        Cell(f"{prefix}p, mean Holm", paired.mean_adjusted, "p"),
    )


def question_cells(differences: Differences, what: str) -> Row:
    """The differences in right answers to each question, which are called *what*."""
    cells: list[Cell] = []
    for question, called in QUESTIONS.items():
        name, one = called.capitalize(), differences[Measure(question)]
        cells += difference(f"{name}, {what}", one.difference, one.interval, f"{name}, interval")
        cells += p_cells(one, f"{name}, ")
    return cells


def measure_name(measure: Measure) -> str:
    """What a measure counts, as tables name it."""
    if measure.relation is not None:
        return f"{measure.relation} {Relation(measure.relation).label}"
    return "relation" if measure.question is None else QUESTIONS[measure.question]


@dataclass(frozen=True)
class Line:
    """A comparison in a figure.

    Attributes:
        heading: whose lines stand together.
        label: of the line.
        paired: the difference.
        first, last: what stands before and behind it in the table.
    """

    heading: str
    label: str
    paired: Paired
    first: Row
    last: Row = ()


@dataclass(frozen=True)
class Headings:
    """How a figure of differences calls A, B and their difference; and the tweets that only A, and
    only B, has right, where these are columns.
    """

    a: str
    b: str
    difference: str
    axis: str
    only: tuple[str, str] | None = None


def difference_figure(
    title: str, caption: str, table: str, lines: Sequence[Line], names: Headings
) -> Figure:
    """Accuracy of A less that of B, a line each; *lines* has at least one."""
    groups: dict[str, list[Bar]] = {}
    rows = []
    for line in lines:
        one = line.paired
        groups.setdefault(line.heading, []).append(bar(line.label, one.difference, one.interval))
        only = zip(names.only or (), (one.only_a, one.only_b), strict=False)
        rows.append(
            [
                *line.first,
                Cell("Tweets", one.tweets, "count"),
                Cell(f"{names.a} %", one.a, "percent"),
                Cell(f"{names.b} %", one.b, "percent"),
                *difference(names.difference, one.difference, one.interval),
                *(Cell(title, tweets, "count") for title, tweets in only),
                *p_cells(one),
                *line.last,
            ]
        )
    axis = f"{names.axis}, percentage points"
    lines_ = charts([*groups.items()], [ZERO], axis, symmetric=True)
    return Figure(title, caption, Table.of(table, rows), lines_)


def levels(predictions: Sequence[Predictions]) -> list[Reference]:
    """Chance, and the majority class where it is the same for all: lines of a chart."""
    chance = f"chance {percent(UNIFORM_CHANCE)}"
    majorities = {
        float(np.bincount(one.gold, minlength=len(RELATIONS)).max()) / len(one.gold)
        for one in predictions
    }
    if len(majorities) != 1:
        return [Reference(chance, 100 * UNIFORM_CHANCE)]
    majority = majorities.pop()
    label = f"majority class {percent(majority)}"
    if abs(majority - UNIFORM_CHANCE) < 1e-9:
        return [Reference(f"chance and {label}", 100 * majority, majority=True)]
    return [
        Reference(chance, 100 * UNIFORM_CHANCE),
        Reference(label, 100 * majority, majority=True),
    ]


def scaled(interval: Interval | None) -> Interval | None:
    """An interval of shares in per cent."""
    return None if interval is None else (100 * interval[0], 100 * interval[1])


def bar(label: str, value: float, interval: Interval | None, points: Sequence[float] = ()) -> Bar:
    """A share or a difference as a line of a chart."""
    return Bar(label, 100 * value, scaled(interval), tuple(100 * point for point in points))


def charts(
    groups: Sequence[tuple[str, Sequence[Bar]]],
    references: Sequence[Reference],
    axis: str,
    *,
    symmetric: bool = False,
) -> tuple[Lines, ...]:
    """Bars below the heading of their group, over as many charts as they need."""
    lines: list[list[Bar]] = [[]]
    for heading, bars in groups:
        head = [Bar(heading, None, heading=True)] if len(groups) > 1 and heading else []
        if lines[-1] and len(lines[-1]) + len(head) + len(bars) > _MOST_BARS:
            lines.append([])
        lines[-1] += [*head, *bars]
    return tuple(Lines(tuple(one), tuple(references), axis, symmetric) for one in lines if one)
