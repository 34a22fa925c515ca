"""The figures of the language study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from itr_bench.data.catalog import EXPLAINED
from itr_bench.results.run import Run
from itr_bench.studies.frame import Subject, variant_of
from itr_bench.studies.pairs import Pair, name_of, system_of
from itr_bench.studies.section import Column, Dot, Figure, Scatter, Table, Value
from itr_bench.studies.statistics import ACCURACY, Measure, Paired, hits, shared, shares
from itr_bench.studies.study import Material
from itr_bench.studies.wording import ZERO, bar, charts, measure_name


def _title(pair: Pair) -> str:
    suffix = ", explained" if pair.a.task.endswith(EXPLAINED) else ""
    return f"{name_of(pair.a)} − {name_of(pair.b)}{suffix}"


def gap_figure(found: Sequence[tuple[Pair, Mapping[Measure, Paired]]]) -> Figure:
    rows: list[tuple[Value, ...]] = []
    groups: dict[str, list[tuple[str, Paired]]] = {}
    for pair, own in found:
        one = own[ACCURACY]
        groups.setdefault(_title(pair), []).append((pair.subject, one))
        row: list[Value] = [pair.subject, name_of(pair.a), name_of(pair.b), one.tweets]
        row += [one.a, one.b, one.difference, one.interval, one.only_a, one.only_b]
        rows.append((*row, one.p_value, one.adjusted))
    columns = (
        Column("Model"),
        Column("First"),
        Column("Second"),
        Column("Tweets", "count"),
        Column("First %", "percent"),
        Column("Second %", "percent"),
        Column("Gap", "points"),
        Column("95 % interval", "points-interval"),
        Column("Only first right", "count"),
        Column("Only second right", "count"),
        Column("p, alone", "p"),
        Column("p, Holm", "p"),
    )
    lines = [
        (title, [bar(subject, one.difference, one.interval) for subject, one in own])
        for title, own in groups.items()
    ]
    return Figure(
        "Gap between languages",
        "Accuracy on the first less accuracy on the second, with its 95 % interval. Right of zero, "
        "the first is better.",
        Table("Gaps, paired by tweet", columns, tuple(rows)),
        tuple(
            replace(chart, axis=f"{title}, points")
            for title, bars in lines
            for chart in charts([("", bars)], [ZERO], "", symmetric=True)
        ),
    )


def carrier_figures(found: Sequence[tuple[Pair, Mapping[Measure, Paired]]]) -> list[Figure]:
    """By question and by relation: where a gap comes from."""
    by_question: list[tuple[Value, ...]] = []
    by_relation: list[tuple[Value, ...]] = []
    for pair, own in found:
        whole = own[ACCURACY].tweets
        for measure, one in own.items():
            row: list[Value] = [pair.subject, _title(pair), measure_name(measure), one.tweets]
            row += [one.difference if one.tweets else None, one.interval]
            if measure.question is not None:
                by_question.append((*row, one.p_value, one.adjusted))
            elif measure.relation is not None:
                part = one.difference * one.tweets / whole
                by_relation.append((*row, part, one.p_value, one.adjusted))
    columns = (
        Column("Model"),
        Column("Gap"),
        Column("On"),
        Column("Tweets", "count"),
        Column("Difference", "points"),
        Column("95 % interval", "points-interval"),
        Column("p, alone", "p"),
        Column("p, Holm", "p"),
    )
    with_part = (*columns[:6], Column("Part of the gap", "points"), *columns[6:])
    return [
        Figure(
            "What carries the gap, by relation",
            "The difference of accuracy on the tweets of one relation, and the part of the gap "
            "that it makes: the difference times the relation's share of the tweets.",
            Table("Gaps by relation", with_part, tuple(by_relation)),
        ),
        Figure(
            "What carries the gap, by question",
            "The difference in right answers to one question.",
            Table("Gaps by question", columns, tuple(by_question)),
        ),
    ]


def flip_figure(pairs: Sequence[Pair]) -> Figure:
    rows: list[tuple[Value, ...]] = []
    for pair in pairs:
        for only, ids in zip(("the first", "the second"), flips(pair.a, pair.b), strict=True):
            rows.append((pair.subject, _title(pair), only, len(ids), " ".join(ids) or "none"))
    columns = (
        Column("Model"),
        Column("Gap"),
        Column("Right only on"),
        Column("Tweets", "count"),
        Column("Ids"),
    )
    return Figure(
        "Tweets that flip",
        "Tweets that a model has right in one language only, in more than half of its samples.",
        Table("Tweets that flip, by id", columns, tuple(rows)),
    )


def flips(a: Run, b: Run) -> tuple[list[str], list[str]]:
    """The ids of the tweets that only *a*, and that only *b*, has right in most samples."""
    in_a, in_b = shared(a.outcomes, b.outcomes)
    right_a = a.outcomes.correct[in_a].mean(axis=1) > 0.5
    right_b = b.outcomes.correct[in_b].mean(axis=1) > 0.5
    ids = [a.outcomes.tweet_ids[place] for place in in_a]

    def chosen(mask: Sequence[bool]) -> list[str]:
        return [tweet for tweet, yes in zip(ids, mask, strict=True) if yes]

    return chosen(right_a & ~right_b), chosen(right_b & ~right_a)


def quality_figure(subjects: Sequence[Subject], material: Material) -> list[Figure]:
    """Accuracy against the quality of the translation, where that is known of two or more."""
    known = [
        (subject.name, run, material.quality[run.task])
        for subject in subjects
        for run in subject.runs.values()
        if run.task in material.quality and not variant_of(run.task)
    ]
    if len({run.task.removesuffix(EXPLAINED) for _, run, _ in known}) < 2:
        return []
    accuracies = shares([hits(run.outcomes) for _, run, _ in known])
    rows: list[tuple[Value, ...]] = []
    dots = []
    for (subject, run, quality), accuracy in zip(known, accuracies, strict=True):
        ends = accuracy.interval
        system = system_of(run) + (", explained" if run.task.endswith(EXPLAINED) else "")
        scaled = None if ends is None else (100 * ends[0], 100 * ends[1])
        dots.append(
            Dot(f"{subject}, {system}", quality.score, 100 * accuracy.value, scaled, run.stand_in)
        )
        row: list[Value] = [subject, system, quality.score]
        rows.append((*row, accuracy.value, accuracy.interval))
    metric = known[0][2].metric
    columns = (
        Column("Model"),
        Column("System"),
        Column(metric, "number"),
        Column("Accuracy %", "percent"),
        Column("95 % interval", "interval"),
    )
    return [
        Figure(
            "Accuracy and the quality of the translation",
            "Each point is a model on the translations of one system. No test is made: systems "
            "differ in more than this one score, and there are few of them.",
            Table(f"Accuracy and {metric} against the published English", columns, tuple(rows)),
            (Scatter(tuple(dots), metric, "Accuracy, %"),),
        )
    ]
