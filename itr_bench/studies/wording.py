"""Sentences that all studies share, and the bars of their charts."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from itr_bench.nouns import count
from itr_bench.relation import RELATIONS, Question, Relation
from itr_bench.report import words
from itr_bench.report.drawing import Bar, Reference
from itr_bench.runs.run import Run
from itr_bench.scoring.metrics import UNIFORM_CHANCE
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.section import Claim, Column, Lines, Value
from itr_bench.studies.statistics import FEWEST, Interval, Measure, Paired, detectable

QUESTIONS = {Question.ADDS: "adds", Question.REPRESENTED: "represented"}

_MOST_BARS = 40

ZERO = Reference("no difference", 0.0)


def p_columns(prefix: str = "") -> tuple[Column, Column]:
    """The adjusted p values of both tests of a paired difference, see :func:`p_values`."""
    return Column(f"{prefix}p, McNemar Holm", "p"), Column(f"{prefix}p, mean Holm", "p")


def p_values(found: Paired) -> tuple[float | None, float | None]:
    """What stands in the columns of :func:`p_columns`."""
    return found.adjusted, found.mean_adjusted


def question_columns(what: str) -> tuple[Column, ...]:
    """The columns of :func:`of_questions`, for differences that are called *what*."""
    return tuple(
        column
        for name in map(str.capitalize, QUESTIONS.values())
        for column in (
            Column(f"{name}, {what}", "points"),
            Column(f"{name}, interval", "points-interval"),
            *p_columns(f"{name}, "),
        )
    )


def of_questions(found: Sequence[Paired]) -> tuple[Value, ...]:
    """The paired differences of both questions, as columns of a table."""
    return tuple(value for one in found for value in (one.difference, one.interval, *p_values(one)))


def measure_name(measure: Measure) -> str:
    """What a measure counts, as tables name it."""
    if measure.relation is not None:
        return f"{measure.relation} {Relation(measure.relation).label}"
    return "relation" if measure.question is None else QUESTIONS[measure.question]


def in_points(interval: Interval | None) -> str:
    """An interval of a difference, in words."""
    return "no interval" if interval is None else words.points_interval(interval)


def test_of(found: Paired, a: str, b: str) -> str:
    """The test behind a paired difference, with its numbers."""
    if (
        found.p_value is None
        or found.mean_p_value is None
        or found.adjusted is None
        or found.mean_adjusted is None
    ):
        return f"none: {found.tweets} tweets are fewer than the {FEWEST} that the tests need"
    of = f" on {found.family}" if found.family else ""
    return (
        f"exact McNemar test on {found.tweets} tweets: {found.only_a} right only {a}, "
        f"{found.only_b} only {b}, p {p_of(found.p_value)}; t test of the mean difference (tweets "
        f"and seeds as crossed clusters), p {p_of(found.mean_p_value)}; by Holm's method over the "
        f"{count(found.tests, 'comparison')} of this study{of} p {p_of(found.adjusted)} and p "
        f"{p_of(found.mean_adjusted)}; 95 % interval of the difference over tweets "
        f"{in_points(found.interval)} points{_of_seeds(found)}"
    )


def _of_seeds(found: Paired) -> str:
    return "; a run has one seed: for this seed only" if found.samples == 1 else ""


def p_of(value: float) -> str:
    """A p value behind the letter: "= 0.012" or "< 0.001"."""
    text = words.p_value(value)
    return text if text.startswith("<") else f"= {text}"


def not_told(names: Sequence[str], title: str, what: str) -> list[Claim]:
    """One claim for all comparisons of a model that tell nothing."""
    if not names:
        return []
    between = "; " if any("," in name for name in names) else ", "
    return [
        Claim(
            f"{title}: {what} is not told for {between.join(names)}.",
            "the tests are those of the table; not told means that a p value adjusted by Holm's "
            "method is 0.05 or more, or that what stands beside it does not see the same side",
            told=False,
        )
    ]


def limits(found: Sequence[Paired]) -> list[str]:
    """What paired comparisons of this size cannot show."""
    tested = [one for one in found if one.p_value is not None]
    few = len(found) - len(tested)
    said = []
    if few:
        said.append(
            f"{count(few, 'comparison is', 'comparisons are')} on fewer than {FEWEST} "
            "tweets: no test and no interval was computed."
        )
    of_one: dict[tuple[str, int], list[Paired]] = {}
    for one in sorted(tested, key=lambda one: one.tweets):
        of_one.setdefault((one.family, one.tweets), []).append(one)
    return [*said, *(_limit(name, n, own) for (name, n), own in sorted(of_one.items()))]


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
        f"{whose} {tweets} tweets, {words.percent(discordant)} % are right in most samples of "
        f"exactly one of two runs (median over {count(len(tested), 'comparison')}). "
    )
    tests = max(one.tests for one in tested)
    alone, together = detectable(discordant, tweets), detectable(discordant, tweets, tests)
    if alone is None:
        return (
            share + "Where two runs differ on only this share of tweets, a difference of any size "
            "is found less than 8 times out of 10: what is not told here may still be there."
        )
    text = (
        f"Then McNemar's test alone finds a difference under {words.percent(alone)} points less "
        "than 8 times out of 10"
    )
    if tests > 1:
        text += f"; as one of {tests} comparisons, corrected, " + (
            "any difference" if together is None else f"one under {words.percent(together)} points"
        )
    return (
        f"{share}{text}. The points are of tweets that are right in most samples, which is not "
        "accuracy where a model varies between seeds; and the t test has to agree. What is not "
        "told may still be there."
    )


def data_notices(runs: Sequence[Run]) -> list[str]:
    """That pictures are stand-ins, that data is made up, and that a set was seen in part."""
    said = []
    if any(run.stand_in for run in runs):
        said.append("Some pictures are stand-ins: these figures are no result.")
    seen = {(len(run.predictions.tweet_ids), run.set_size) for run in runs}
    parts = [f"{some} of {whole}" for some, whole in sorted(seen, key=str) if some != whole]
    if parts:
        said.append(f"Some runs saw a part of the set: {', '.join(parts)} tweets.")
    return said


def levels(found: Sequence[Predictions]) -> list[Reference]:
    """Chance, and the majority class where it is the same for all: lines of a chart."""
    chance = f"chance {words.percent(UNIFORM_CHANCE)}"
    majorities = {
        float(np.bincount(one.gold, minlength=len(RELATIONS)).max()) / len(one.gold)
        for one in found
    }
    if len(majorities) != 1:
        return [Reference(chance, 100 * UNIFORM_CHANCE)]
    majority = majorities.pop()
    label = f"majority class {words.percent(majority)}"
    if abs(majority - UNIFORM_CHANCE) < 1e-9:
        return [Reference(f"chance and {label}", 100 * majority, majority=True)]
    return [
        Reference(chance, 100 * UNIFORM_CHANCE),
        Reference(label, 100 * majority, majority=True),
    ]


def bar(label: str, value: float, interval: Interval | None, points: Sequence[float] = ()) -> Bar:
    """A share or a difference as a line of a chart."""
    return Bar(
        label=label,
        value=100 * value,
        interval=None if interval is None else (100 * interval[0], 100 * interval[1]),
        points=tuple(100 * point for point in points),
    )


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
