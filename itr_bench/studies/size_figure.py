"""Accuracy against parameters, as figure, claim and limit."""

from __future__ import annotations

from collections.abc import Sequence

from itr_bench.nouns import count
from itr_bench.report import words
from itr_bench.studies.section import Claim, Column, Dot, Figure, Scatter, Table, Value
from itr_bench.studies.size import FEWEST_MODELS, MOST_PERMUTED, Fit
from itr_bench.studies.study import BoardModel
from itr_bench.studies.wording import p_of


def by_size(
    task: str, models: Sequence[BoardModel], found: Fit | None
) -> tuple[Figure, Claim | None, str | None]:
    """Figure, claim and limit of accuracy against parameters on one task, and their line."""
    ordered = sorted(models, key=lambda m: (m.parameters, m.name, m.source))
    rows: list[tuple[Value, ...]] = [
        (m.name, m.parameters, m.accuracy, m.interval, m.source) for m in ordered
    ]
    columns = (
        Column("Model"),
        Column("Parameters", "parameters"),
        Column("Accuracy %", "percent"),
        Column("95 % interval", "interval"),
        Column("From"),
    )
    figure = Figure(
        f"Accuracy and parameters, {task}",
        "All models of the leaderboard whose number of parameters and accuracy in this answer "
        "format are known, one result each: one computed from responses before a reported one. "
        "Hollow: reported only, without an interval."
        + (
            ""
            if found is None
            else " The line is Theil and Sen's; the interval of its slope stands above."
        ),
        Table(f"{task}: accuracy and parameters", columns, tuple(rows)),
        (
            Scatter(
                tuple(
                    Dot(
                        m.name,
                        m.parameters,
                        100 * m.accuracy,
                        None if m.interval is None else (100 * m.interval[0], 100 * m.interval[1]),
                        m.interval is None,
                    )
                    for m in ordered
                ),
                "Parameters",
                "Accuracy, %",
                () if found is None else tuple((x, 100 * y) for x, y in found.line),
                log=True,
            ),
        ),
    )
    if found is None:
        return (
            figure,
            None,
            (
                f"{task}: {count(len(models), 'model')} with known parameters and "
                f"accuracy; a line and a test need {FEWEST_MODELS} of more than one size. Neither "
                "was computed."
            ),
        )
    return (
        figure,
        _claim(task, len(models), found),
        ("Models of a board are no random sample, and differ in more than size."),
    )


def _claim(task: str, models: int, found: Fit) -> Claim:
    low, high = found.interval
    said = (
        f"{words.points(found.slope)} points a doubling of the parameters"
        if found.told
        else "no relation of accuracy and parameters is told"
    )
    return Claim(
        f"{task}: {said}.",
        f"Kendall's test over {models} models, tau {words.number(found.tau)}, {_p(found)}; slope "
        f"after Theil and Sen {words.points(found.slope)} points a doubling, 95 % interval over "
        f"models {words.points(low)} to {words.points(high)}",
        found.told,
    )


def _p(found: Fit) -> str:
    if found.p_value is None or found.adjusted is None:
        return f"p {words.NOT_AVAILABLE} (ties among more than {MOST_PERMUTED})"
    return (
        f"p {p_of(found.p_value)}, by Holm's method over the {count(found.tests, 'test')} of "
        f"accuracy against parameters {p_of(found.adjusted)}"
    )
