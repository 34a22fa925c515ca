"""Do examples in context help? One, two and four an answer, with and without their images."""

from __future__ import annotations

import re
from collections.abc import Sequence

from itr_bench.nouns import count
from itr_bench.report import words
from itr_bench.studies.frame import (
    Cell,
    arrange,
    cells,
    examples_of,
    label,
    variant_of,
    with_variant,
)
from itr_bench.studies.section import Claim, Column, Figure, Section, Table, Value
from itr_bench.studies.statistics import ACCURACY, Contrast, Measure, Paired, compared_by
from itr_bench.studies.study import Material, Study
from itr_bench.studies.wording import (
    QUESTIONS,
    ZERO,
    bar,
    charts,
    data_notices,
    limits,
    not_told,
    of_questions,
    p_columns,
    p_values,
    question_columns,
    test_of,
)

SHOTS = (1, 2, 4)
_NAME = re.compile(r"shots-(?P<number>\d+)(?P<text>-text)?")
_MEASURES = (ACCURACY, *map(Measure, QUESTIONS))


def tasks(base: str) -> tuple[str, ...]:
    """The task, and the task after examples."""
    names = [f"shots-{number}{kind}" for kind in ("", "-text") for number in SHOTS]
    return (base, *(with_variant(base, name) for name in names))


def analyse(material: Material) -> Section | None:
    """Gains against no examples, by their number."""
    arranged = arrange(material)
    found, missing = cells(arranged, tasks)
    if not found:
        notices = (*arranged.notices, *missing)
        return Section(notices=notices) if notices else None
    gains = compared_by(
        [cell.subject for cell in found],
        [
            [
                Contrast(run.predictions, cell.reference.predictions, measure)
                for run in cell.variants.values()
                for measure in _MEASURES
            ]
            for cell in found
        ],
    )
    by_cell = [
        dict(zip([(t, m) for t in cell.variants for m in _MEASURES], own, strict=True))
        for cell, own in zip(found, gains, strict=True)
    ]
    everything = list(zip(found, by_cell, strict=True))
    return Section(
        paragraphs=(
            "The task after examples in context against the task without, on the tweets that both "
            "scored: where examples come from the set itself, they are not among them. The number "
            "is of examples an answer, so half of what is shown.",
        ),
        claims=[claim for one in everything for claim in _claims(*one)],
        figures=[
            _figure(base, [one for one in everything if one[0].base == base])
            for base in dict.fromkeys(cell.base for cell in found)
        ],
        limits=[
            *limits([one[task, ACCURACY] for one in by_cell for task, m in one if m is ACCURACY]),
            "One choice of examples was tried: how much depends on which examples are shown, "
            "these runs do not say.",
        ],
        notices=(
            *data_notices([r for c in found for r in (c.reference, *c.variants.values())]),
            *arranged.notices,
            *missing,
        ),
    )


_Gains = dict[tuple[str, Measure], Paired]


def _named(task: str) -> str:
    found = _NAME.fullmatch(variant_of(task))
    if found is None:
        return label(task)
    number = int(found["number"])
    kind = " without images" if found["text"] else ""
    return count(number, "example an answer", "examples an answer") + kind


def _claims(cell: Cell, gains: _Gains) -> list[Claim]:
    claims, untold = [], []
    for task in cell.variants:
        one = gains[task, ACCURACY]
        if one.told:
            verb = "gains" if one.difference > 0 else "loses"
            claims.append(
                Claim(
                    f"{cell.title}: with {_named(task)}, the model {verb} "
                    f"{words.percent(abs(one.difference))} points.",
                    test_of(one, "with the examples", "without"),
                    told=True,
                )
            )
        elif one.p_value is not None:
            untold.append(_named(task))
    return claims + not_told(untold, cell.title, "a gain or loss")


def _figure(base: str, found: Sequence[tuple[Cell, _Gains]]) -> Figure:
    rows: list[tuple[Value, ...]] = []
    groups = []
    for cell, own in found:
        bars = []
        for task in cell.variants:
            one = own[task, ACCURACY]
            bars.append(bar(label(task), one.difference, one.interval))
            source = examples_of(cell.variants[task])
            row: list[Value] = [cell.subject, label(task), source, one.tweets, one.b, one.a]
            row += [one.difference, one.interval, *p_values(one)]
            parts = of_questions([own[task, Measure(question)] for question in QUESTIONS])
            rows.append((*row, *parts))
        groups.append((cell.subject, bars))
    columns = (
        Column("Model"),
        Column("Examples"),
        Column("From"),
        Column("Tweets", "count"),
        Column("Without %", "percent"),
        Column("With %", "percent"),
        Column("Gain", "points"),
        Column("95 % interval", "points-interval"),
        *p_columns(),
        *question_columns("gain"),
    )
    return Figure(
        f"Gain by examples in context, {base}",
        "Accuracy with examples less accuracy without, with its 95 % interval. Right of zero, the "
        "examples help.",
        Table(f"{base}: gains against no examples, paired by tweet", columns, tuple(rows)),
        charts(groups, [ZERO], "Gain of accuracy, points", symmetric=True),
    )


STUDY = Study(
    name="context",
    title="Context",
    question="Do examples in context help, and is it their images or their texts?",
    tasks=tasks,
    analyse=analyse,
)
