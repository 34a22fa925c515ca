"""Values as people read them, and sections as text for a terminal and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, get_args

from itr_bench.report import words
from itr_bench.studies.section import Figure, Kind, Lines, Section, Value
from itr_bench.studies.study import Study

NUMERIC: frozenset[Kind] = frozenset(get_args(Kind)) - {"text"}
"""The kinds of columns that stand at the right."""


def text_of(value: Value, kind: Kind) -> str:
    """A value of a column of *kind*."""
    if value is None:
        return words.NOT_AVAILABLE
    if isinstance(value, str):
        return value
    if not all(map(math.isfinite, value if isinstance(value, tuple) else (value,))):
        return words.NOT_AVAILABLE
    if isinstance(value, tuple):
        if kind == "number-interval":
            return f"{words.number(value[0])} to {words.number(value[1])}"
        return words.interval(value) if kind == "interval" else words.points_interval(value)
    if kind == "percent":
        return words.percent(value)
    if kind == "points":
        return words.points(value)
    if kind == "p":
        return words.p_value(value)
    if kind == "parameters":
        return words.parameters(int(value))
    if kind == "number":
        return words.number(value)
    return str(value)


def as_text(study: Study, section: Section) -> str:
    """A section for a terminal: notices, claims with tests, the numbers, the limits."""
    from tabulate import tabulate

    lines = [study.title, study.question, ""]
    if section.notices:
        lines += [*(f"Note: {notice}" for notice in section.notices), ""]
    for claim in section.claims:
        lines += [f"* {claim.text}", f"  [{claim.test}]"]
    for figure in section.figures:
        table = figure.table
        lines += [
            "",
            figure.title,
            tabulate(
                [
                    [text_of(value, c.kind) for value, c in zip(row, table.columns, strict=True)]
                    for row in table.rows
                ],
                [column.title for column in table.columns],
                tablefmt="simple",
                disable_numparse=True,
                colalign=[
                    "right" if column.kind in NUMERIC else "left" for column in table.columns
                ],
            ),
        ]
    lines += ["", *(f"Cannot be shown: {limit}" for limit in section.limits)]
    return "\n".join(lines).rstrip()


def as_json(study: Study, section: Section) -> dict[str, Any]:
    """A section as JSON writes it: shares between 0 and 1, ``null`` for not available."""
    return {
        "study": study.name,
        "title": study.title,
        "question": study.question,
        "notices": list(section.notices),
        "claims": [asdict(claim) for claim in section.claims],
        "figures": [_figure(figure) for figure in section.figures],
        "limits": list(section.limits),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    fits = [chart.fit for chart in figure.charts if not isinstance(chart, Lines) and chart.fit]
    return {
        "title": figure.title,
        "caption": figure.caption,
        "columns": [asdict(column) for column in figure.table.columns],
        "rows": [list(row) for row in figure.table.rows],
        **({"fit": fits[0]} if fits else {}),
    }
