"""What a study says: claims with their tests, figures with their numbers, limits.

Nothing is drawn or formatted here, so that a page, a terminal and JSON show the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from itr_bench.report.drawing import Bar, Reference
from itr_bench.report.scatter import Point
from itr_bench.studies.statistics import Interval

Kind = Literal[
    "text",
    "percent",
    "interval",
    "difference",
    "difference-interval",
    "p",
    "count",
    "number",
    "number-interval",
    "parameters",
]
"""How a column's values are shown. Shares and differences of shares are between -1 and 1;
an interval is a pair of them. A number is as it is, and so is its interval.
"""

Value = str | int | float | Interval | None


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Cell:
    """A value with the column that it stands in; ``None`` is "not available"."""

    title: str
    value: Value
    kind: Kind = "text"


Row = Sequence[Cell]


def share(title: str, value: float | None, interval: Interval | None) -> Row:
    """A share and its interval."""
    return (Cell(f"{title} %", value, "percent"), Cell("95 % interval", interval, "interval"))


def difference(
    title: str, value: float | None, interval: Interval | None, of_interval: str = "95 % interval"
) -> Row:
    """A difference of shares and its interval."""
    return (
        Cell(title, value, "difference"),
        Cell(of_interval, interval, "difference-interval"),
    )


def number(title: str, value: float | None, interval: Interval | None) -> Row:
    """A number and its interval."""
    return (Cell(title, value, "number"), Cell("95 % interval", interval, "number-interval"))


@dataclass(frozen=True)
class Table:
    """Numbers as they are.

    Attributes:
        caption: what the rows are.
        columns: the first names the row.
        rows: one value a column.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    @classmethod
    def of(cls, caption: str, rows: Sequence[Row]) -> Table:
        """A table of *rows*, at least one, all with the columns of the first."""
        columns = tuple(Column(cell.title, cell.kind) for cell in rows[0])
        return cls(caption, columns, tuple(tuple(cell.value for cell in row) for row in rows))


@dataclass(frozen=True)
class Lines:
    """A chart of intervals, a line each; values in per cent or percentage points.

    Attributes:
        bars: from above; one without a value is a heading.
        references: vertical lines.
        axis: title of the axis.
        symmetric: whether zero is in the middle: for differences.
    """

    bars: tuple[Bar, ...]
    references: tuple[Reference, ...]
    axis: str
    symmetric: bool = False


@dataclass(frozen=True)
class Scatter:
    """A chart of points in two directions.

    Attributes:
        points: at least one.
        x_axis, y_axis: titles of the axes.
        fit: points (x, y) of a line, from left to right; may be empty.
        log: whether x is drawn by its logarithm.
        references: horizontal lines.
    """

    points: tuple[Point, ...]
    x_axis: str
    y_axis: str
    fit: tuple[tuple[float, float], ...] = ()
    log: bool = False
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A chart, what is to be seen in it, and its numbers. No chart where there is nothing to draw.

    Attributes:
        title: its heading.
        caption: how to read it.
        table: all numbers of it.
        charts: drawn one below the other.
    """

    title: str
    caption: str
    table: Table
    charts: tuple[Lines | Scatter, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence and the test behind it.

    Attributes:
        text: what is claimed, or that there is no significant difference.
        test: the test, with its numbers.
        finding: whether something was found: a significant difference, or what was counted.
    """

    text: str
    test: str
    finding: bool


@dataclass(frozen=True)
class Section:
    """A study's part of a report.

    Attributes:
        claims: what was found.
        paragraphs: what was compared, and how.
        figures: with their numbers.
        limits: what the data cannot show at this size.
        notices: what is missing, in progress or kept apart.
    """

    claims: Sequence[Claim] = ()
    paragraphs: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    limits: Sequence[str] = ()
    notices: Sequence[str] = ()
