"""Values as people read them, and sections as text for a terminal and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, get_args

from itr_bench.report.words import (
    NOT_AVAILABLE,
    interval,
    number,
    p_value,
    parameters,
    percent,
    points,
    points_interval,
)
from itr_bench.studies.section import Figure, Kind, Scatter, Section, Table, Value
from itr_bench.studies.statistics import Interval
from itr_bench.studies.study import Study

NUMERIC: frozenset[Kind] = frozenset(get_args(Kind)) - {"text"}
"""The kinds of columns that stand at the right."""


def text_of(value: Value, kind: Kind) -> str:
    """A value of a column of *kind*."""
    if value is None:
        return NOT_AVAILABLE
    if isinstance(value, str):
        return value
    if not all(map(math.isfinite, value if isinstance(value, tuple) else (value,))):
        return NOT_AVAILABLE
    if isinstance(value, tuple):
        if kind == "number-interval":
            return f"{number(value[0])} to {number(value[1])}"
        return interval(value) if kind == "interval" else points_interval(value)
    if kind == "parameters":
        return parameters(int(value))
    formats = {"percent": percent, "difference": points, "p": p_value, "number": number}
    return formats[kind](value) if kind in formats else str(value)


def in_points(value: float) -> str:
    """The size of a difference of shares, in words."""
    return f"{percent(abs(value))} percentage points"


def signed_points(value: float) -> str:
    """A difference of shares with its sign, in words."""
    return f"{points(value)} percentage points"


def interval_in_points(value: Interval | None) -> str:
    """The interval of a difference of shares, in words."""
    return "no interval" if value is None else f"{points_interval(value)} percentage points"


def as_text(study: Study, section: Section) -> str:
    """A section for a terminal: claims with tests, notices, the numbers, the limits."""
    blocks = [
        [study.title, study.question],
        [line for one in section.claims for line in (f"* {one.text}", f"  [{one.test}]")],
        [f"Note: {notice}" for notice in section.notices],
        *([figure.title, _table(figure.table)] for figure in section.figures),
        [f"The data cannot show: {limit}" for limit in section.limits],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _table(table: Table) -> str:
    from tabulate import tabulate

    return tabulate(
        [
            [text_of(value, column.kind) for value, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ],
        [column.title for column in table.columns],
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right" if column.kind in NUMERIC else "left" for column in table.columns],
    )


def as_json(study: Study, section: Section) -> dict[str, Any]:
    """A section as JSON writes it: shares between 0 and 1, ``null`` for not available."""
    return {
        "study": study.name,
        "title": study.title,
        "question": study.question,
        "claims": [asdict(claim) for claim in section.claims],
        "notices": list(section.notices),
        "figures": [_figure(figure) for figure in section.figures],
        "limits": list(section.limits),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    fits = [chart.fit for chart in figure.charts if isinstance(chart, Scatter) and chart.fit]
    return {
        "title": figure.title,
        "caption": figure.caption,
        "columns": [asdict(column) for column in figure.table.columns],
        "rows": [list(row) for row in figure.table.rows],
        **({"fit": fits[0]} if fits else {}),
    }
