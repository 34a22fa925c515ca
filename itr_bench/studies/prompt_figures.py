"""What the study ``prompt`` found of a task and its variants, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from itr_bench.relation import QUESTIONS, Question
from itr_bench.scoring.significance import LEVEL
from itr_bench.studies.frame import Cell, label
from itr_bench.studies.negation import Negation
from itr_bench.studies.section import Column, Figure, Table, Value
from itr_bench.studies.spread import Spread
from itr_bench.studies.statistics import Paired, shares
from itr_bench.studies.wording import QUESTIONS as QUESTION_NAMES
from itr_bench.studies.wording import ZERO, bar, charts, levels, p_columns, p_values

SPREAD = "spread"
"""The name of the test of a spread; those of negations have their question's."""


@dataclass(frozen=True)
class Found:
    """A task and its variants, and what they show.

    Attributes:
        drops: of the variants, by task.
        spread: over the wordings; ``None`` where there are too few.
        negations: by question, where the negation was run.
        adjusted: p values of spread and negations by Holm's method, over the subject's *tests*.
    """

    cell: Cell
    drops: Mapping[str, Paired]
    spread: Spread | None
    negations: Mapping[Question, Negation]
    adjusted: Mapping[str, float] = field(default_factory=dict)
    tests: int = 0

    @property
    def p_values(self) -> list[tuple[str, float | None]]:
        """Those of spread and negations, alone."""
        negated = [(question.value, one.p_value) for question, one in self.negations.items()]
        return [(SPREAD, None if self.spread is None else self.spread.p_value), *negated]

    def told(self, name: str) -> bool:
        """Whether the spread, or that a negation does not fit, is told."""
        return self.adjusted.get(name, 1.0) < LEVEL


def figures(base: str, found: Sequence[Found]) -> list[Figure]:
    """The figures about one task."""
    return [
        *_spread_figure(base, found),
        _variant_figure(base, found),
        _yes_figure(base, [one.cell for one in found]),
        *_negation_figure(base, found),
    ]


def _spread_figure(base: str, found: Sequence[Found]) -> list[Figure]:
    known = [(one, one.spread) for one in found if one.spread is not None]
    if not known:
        return []
    columns = (
        Column("Model"),
        Column("Wordings", "count"),
        Column("Tweets", "count"),
        Column("Mean %", "percent"),
        Column("95 % interval", "interval"),
        Column("sd, points", "percent"),
        Column("sd by chance, median", "percent"),
        Column("p of the spread", "p"),
        Column("p, Holm", "p"),
        Column("Best"),
        Column("Its accuracy %, biased", "percent"),
        Column("95 % interval, all wordings together", "interval"),
        Column("Best by the other half %", "percent"),
        Column("Same choice %", "percent"),
        Column("Worst"),
        Column("Its accuracy %, biased", "percent"),
        Column("95 % interval, all wordings together", "interval"),
        Column("Worst by the other half %", "percent"),
        Column("Same choice %", "percent"),
    )
    rows: list[tuple[Value, ...]] = []
    for own, one in known:
        row: list[Value] = [own.cell.subject, len(one.names), one.tweets, one.mean.value]
        row += [one.mean.interval, one.deviation, one.expected, one.p_value]
        row.append(own.adjusted[SPREAD])
        for extreme in (one.best, one.worst):
            name = one.names[extreme.place] if extreme.tied == 1 else f"several ({extreme.tied})"
            row += [name, extreme.observed, extreme.interval]
            row += [extreme.honest, extreme.stable]
        rows.append(tuple(row))
    bars = [bar(f.cell.subject, s.mean.value, s.mean.interval, s.accuracies) for f, s in known]
    return [
        Figure(
            f"Accuracy over the wordings, {base}",
            "The point is the mean over the wordings with its 95 % interval over tweets; each "
            "small stroke is one wording.",
            Table(f"{base}: the paper's wording and its paraphrases", columns, tuple(rows)),
            charts(
                [("", bars)],
                levels([f.cell.reference.predictions for f, _ in known]),
                "Accuracy, %",
            ),
        )
    ]


def _variant_figure(base: str, found: Sequence[Found]) -> Figure:
    rows: list[tuple[Value, ...]] = []
    groups = []
    for own in found:
        subject, drops = own.cell.subject, own.drops
        groups.append(
            (subject, [bar(label(t), o.difference, o.interval) for t, o in drops.items()])
        )
        for task, one in drops.items():
            row: list[Value] = [subject, label(task), one.tweets, one.a, one.difference]
            rows.append((*row, one.interval, *p_values(one)))
    columns = (
        Column("Model"),
        Column("Asked"),
        Column("Tweets", "count"),
        Column("Accuracy %", "percent"),
        Column("Difference", "points"),
        Column("95 % interval", "points-interval"),
        *p_columns(),
    )
    return Figure(
        f"Other ways to ask, {base}",
        "Accuracy less that of the task as it is, with its 95 % interval. p1 to p8 are paraphrases "
        "of both questions; defined gives definitions with them; both asks both questions at once, "
        "and choice for one of the four relations.",
        Table(f"{base}: differences against the task as it is", columns, tuple(rows)),
        charts(groups, [ZERO], "Difference of accuracy, points", symmetric=True),
    )


def _yes_figure(base: str, found: Sequence[Cell]) -> Figure:
    """How often the model answers yes; there are more lines than a chart bears."""
    rows: list[tuple[Value, ...]] = []
    for cell in found:
        keys = [
            (name, run.predictions, question)
            for name, run in {cell.base: cell.reference, **cell.variants}.items()
            for question in QUESTIONS
        ]
        counts = [getattr(predictions, question.value) for _, predictions, question in keys]
        yes = shares([((c == 1).sum(axis=1, dtype=np.int64), c.shape[1]) for c in counts])
        for (task, predictions, question), answers, share in zip(keys, counts, yes, strict=True):
            right = predictions.gold < 2 if question is Question.ADDS else predictions.gold % 2 == 0
            unread = float((answers < 0).mean())
            row: list[Value] = [cell.subject, label(task), QUESTION_NAMES[question]]
            rows.append((*row, share.value, share.interval, float(right.mean()), unread))
    columns = (
        Column("Model"),
        Column("Asked"),
        Column("Question"),
        Column("Yes %", "percent"),
        Column("95 % interval", "interval"),
        Column("Yes by the labels %", "percent"),
        Column("Unread or failed %", "percent"),
    )
    return Figure(
        f"How often the answer is yes, {base}",
        "Of the negated question, the answer as it was turned round. What could not be read is "
        "neither yes nor no.",
        Table(f"{base}: share of yes", columns, tuple(rows)),
    )


def _negation_figure(base: str, found: Sequence[Found]) -> list[Figure]:
    rows: list[tuple[Value, ...]] = []
    groups = []
    for own in found:
        subject, bars = own.cell.subject, []
        for question, one in own.negations.items():
            row: list[Value] = [subject, QUESTION_NAMES[question], one.tweets, one.read_tweets]
            row += [one.alike, one.alike_interval, one.by_chance, one.kappa, one.kappa_interval]
            row += [one.p_value, own.adjusted.get(question.value)]
            rows.append((*row, one.yes, one.yes_negated, one.read))
            if one.alike is not None:
                bars.append(bar(QUESTION_NAMES[question], one.alike, one.alike_interval))
        if bars:
            groups.append((subject, bars))
    if not rows:
        return []
    columns = (
        Column("Model"),
        Column("Question"),
        Column("Tweets", "count"),
        Column("Both read", "count"),
        Column("Alike %", "percent"),
        Column("95 % interval", "interval"),
        Column("By chance %", "percent"),
        Column("Kappa", "number"),
        Column("95 % interval", "number-interval"),
        Column("p of a kappa below 0", "p"),
        Column("p, Holm", "p"),
        Column("Says yes to the question %", "percent"),
        Column("Says yes to the negation %", "percent"),
        Column("Both read, samples %", "percent"),
    )
    return [
        Figure(
            f"A question and its negation, {base}",
            "Share of answers that fit together: yes to one and no to the other. By chance: if the "
            "two knew nothing of each other. Kappa takes that off.",
            Table(f"{base}: consistency", columns, tuple(rows)),
            charts(groups, [], "Answers that fit together, %"),
        )
    ]
