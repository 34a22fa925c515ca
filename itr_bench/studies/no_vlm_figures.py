"""The claims and figures of the study ``no-vlm``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from itr_bench.relation import RELATIONS
from itr_bench.report import words
from itr_bench.runs.run import Run
from itr_bench.scoring import Score
from itr_bench.scoring.references import FEWEST, Side, sides
from itr_bench.studies.fold_predictions import TRAINED, Row
from itr_bench.studies.section import Claim, Column, Figure, Table, Value
from itr_bench.studies.statistics import Paired, Share, hits, shares
from itr_bench.studies.wording import (
    ZERO,
    bar,
    charts,
    levels,
    not_told,
    p_columns,
    p_values,
    test_of,
)


@dataclass(frozen=True)
class Beside:
    """A model's run on the data of some rows, and the rows that it can be compared with."""

    title: str
    name: str
    run: Run
    rows: Sequence[Row]


def standing_claim(title: str, row: Row) -> Claim:
    """Where a row stands against the majority class, which it may have learned as any other."""
    found, against = row.score, sides(row.score)
    if found.interval is None or against is None:
        return Claim(
            f"{row.name}, {title}: accuracy {words.percent(found.accuracy)} % on too few tweets to "
            "say more.",
            f"none: {found.tweets} tweets are fewer than the {FEWEST} that an interval needs",
            told=False,
        )
    ends = (found.interval.low, found.interval.high)
    return Claim(
        f"{row.name}, {title}: accuracy {words.percent(found.accuracy)} %, "
        f"{against.majority.value} the majority class ({words.percent(found.majority_class)} %).",
        f"95 % interval over {found.tweets} tweets {words.interval(ends)} %; it and an exact "
        "binomial one have to lie on one side as a whole; one claim a row, not corrected",
        told=against.majority is not Side.NOT_DIFFERENT,
    )


def score_figure(title: str, rows: Sequence[Row], runs: Sequence[Beside]) -> Figure:
    known = [(row.name, row.predictions, row.score) for row in rows]
    known += [(one.name, one.run.predictions, one.run.score) for one in runs]
    # As in the table of runs: one accuracy has one interval.
    accuracies = shares([hits(predictions) for _, predictions, _ in known])
    bars = [
        bar(
            name,
            accuracy.value,
            accuracy.interval,
            one.accuracy_by_sample if one.samples > 1 else (),
        )
        for (name, _, one), accuracy in zip(known, accuracies, strict=True)
    ]
    columns = (
        Column("Model"),
        Column("Tweets", "count"),
        Column("Samples", "count"),
        Column("Accuracy %", "percent"),
        Column("95 % interval", "interval"),
        Column("Macro F1 %", "percent"),
        Column("Adds %", "percent"),
        Column("Represented %", "percent"),
        *(Column(f"Recall of {int(relation)} %", "percent") for relation in RELATIONS),
    )
    return Figure(
        f"Accuracy without a VLM, {title}",
        "Accuracy with its 95 % interval over tweets; small points are samples: one a seed, for "
        f"the trained rows one a division into folds. Trained: {TRAINED}.",
        Table(
            f"{title}: scores of the trained rows and of the runs",
            columns,
            tuple(
                _score_row(name, one, accuracy)
                for (name, _, one), accuracy in zip(known, accuracies, strict=True)
            ),
        ),
        charts([("", bars)], levels([predictions for _, predictions, _ in known]), "Accuracy, %"),
    )


def _score_row(name: str, one: Score, accuracy: Share) -> tuple[Value, ...]:
    return (
        *(name, one.tweets, one.samples, accuracy.value, accuracy.interval, one.macro_f1),
        *(one.adds_accuracy, one.represented_accuracy, *one.recall),
    )


def difference_figure(title: str, found: Sequence[tuple[Beside, Sequence[Paired]]]) -> Figure:
    groups = []
    table: list[tuple[Value, ...]] = []
    for beside, own in found:
        bars = []
        for row, one in zip(beside.rows, own, strict=True):
            bars.append(bar(row.name, one.difference, one.interval))
            table.append(
                (
                    *(
                        beside.name,
                        row.name,
                        one.tweets,
                        one.a,
                        one.b,
                        one.difference,
                        one.interval,
                    ),
                    *(one.only_a, one.only_b, *p_values(one)),
                )
            )
        groups.append((beside.name, bars))
    return Figure(
        f"Models against the trained rows, {title}",
        "Accuracy of the model less that of the row, with its 95 % interval. Left of zero, the row "
        "is better.",
        Table(
            f"{title}: differences, paired by tweet",
            (
                Column("Model"),
                Column("Row"),
                Column("Tweets", "count"),
                Column("Model %", "percent"),
                Column("Row %", "percent"),
                Column("Difference", "points"),
                Column("95 % interval", "points-interval"),
                Column("Only model", "count"),
                Column("Only row", "count"),
                *p_columns(),
            ),
            tuple(table),
        ),
        charts(
            groups,
            [ZERO],
            "Difference of accuracy, points",
            symmetric=True,
        ),
    )


def difference_claims(beside: Beside, found: Sequence[Paired]) -> list[Claim]:
    claims, untold = [], []
    title = f"{beside.name}, {beside.title}"
    for row, one in zip(beside.rows, found, strict=True):
        if not one.told:
            if one.p_value is not None:
                untold.append(row.name)
            continue
        side = "above" if one.told > 0 else "below"
        claims.append(
            Claim(
                f"{title}: {words.percent(abs(one.difference))} points {side} {row.name}.",
                test_of(one, beside.name, row.name),
                told=True,
            )
        )
    return claims + not_told(untold, title, "a difference of accuracy")
