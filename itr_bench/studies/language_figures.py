"""The figures of the language study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from itr_bench.runs.run import Run
from itr_bench.studies.frame import Subject, variant_of
from itr_bench.studies.pairs import Pair, name_of, quality_key, system_of
from itr_bench.studies.section import Column, Dot, Figure, Scatter, Table, Value
from itr_bench.studies.statistics import ACCURACY, Measure, Paired, hits, shared, shares
from itr_bench.studies.study import Material
from itr_bench.studies.wording import ZERO, bar, charts, measure_name, p_columns, p_values
from itr_bench.tasks.spec import EXPLAINED
from itr_bench.translation.quality import LABELS


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
        rows.append((*row, *p_values(one)))
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
        *p_columns(),
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
                by_question.append((*row, *p_values(one)))
            elif measure.relation is not None:
                part = one.difference * one.tweets / whole
                by_relation.append((*row, part, *p_values(one)))
    columns = (
        Column("Model"),
        Column("Gap"),
        Column("On"),
        Column("Tweets", "count"),
        Column("Difference", "points"),
        Column("95 % interval", "points-interval"),
        *p_columns(),
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
    in_a, in_b = shared(a.predictions, b.predictions)
    right_a = a.predictions.correct[in_a].mean(axis=1) > 0.5
    right_b = b.predictions.correct[in_b].mean(axis=1) > 0.5
    ids = [a.predictions.tweet_ids[place] for place in in_a]

    def chosen(mask: Sequence[bool]) -> list[str]:
        return [tweet for tweet, yes in zip(ids, mask, strict=True) if yes]

    return chosen(right_a & ~right_b), chosen(right_b & ~right_a)


_QUALITIES = ("bleu", "chrf")


def quality_figure(
    subjects: Sequence[Subject], material: Material
) -> tuple[list[Figure], list[str]]:
    """Accuracy beside the quality of the translation, as far as that is known; drawn against it
    where it is known of two systems or more. And what is to be said where it is not.
    """
    known = [
        (subject.name, run, material.quality[quality_key(run)])
        for subject in subjects
        for run in subject.runs.values()
        if quality_key(run) in material.quality and not variant_of(run.task)
    ]
    if not known:
        return [], []
    accuracies = shares([hits(run.predictions) for _, run, _ in known])
    rows: list[tuple[Value, ...]] = []
    dots: dict[str, list[Dot]] = {key: [] for key in _QUALITIES}
    for (subject, run, quality), accuracy in zip(known, accuracies, strict=True):
        ends = accuracy.interval
        system = system_of(run) + (", explained" if run.task.endswith(EXPLAINED) else "")
        scaled = None if ends is None else (100 * ends[0], 100 * ends[1])
        row: list[Value] = [subject, system]
        for key in _QUALITIES:
            one = quality.metrics[key]
            row += [one.score, one.interval]
            point = (one.score, 100 * accuracy.value)
            dots[key].append(Dot(f"{subject}, {system}", *point, scaled, run.stand_in))
        rows.append((*row, accuracy.value, ends))
    columns = [Column("Model"), Column("System")]
    for key in _QUALITIES:
        columns += [Column(LABELS[key], "number"), Column("95 % interval", "number-interval")]
    columns += [Column("Accuracy %", "percent"), Column("95 % interval", "interval")]
    several = len({quality_key(run) for _, run, _ in known}) > 1
    figure = Figure(
        "Accuracy and the quality of the translation",
        "BLEU and chrF2 of all translations of a system against the published English, as "
        "itr-bench data mt-score gives them, and the accuracy of a model on them."
        + (" Each point is a model on the translations of one system." if several else ""),
        Table("Accuracy, BLEU and chrF2", tuple(columns), tuple(rows)),
        tuple(
            Scatter(tuple(own), f"{LABELS[key]} of the translation", "Accuracy, %")
            for key, own in dots.items()
        )
        if several
        else (),
    )
    said = (
        "No test is made of accuracy against the quality of the translation: systems differ in "
        "more than these scores, and there are few of them."
        if several
        else "The quality of the translation is known of one machine system only: how accuracy "
        "goes with it needs two or more."
    )
    return [figure], [said]
