"""The current table in Markdown, for the README."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.published import Published
from itr_bench.leaderboard.site.board import Board, make_boards
from itr_bench.leaderboard.site.rows import Row
from itr_bench.report import words

START, END = "<!-- leaderboard -->", "<!-- /leaderboard -->"
_SPECIAL = frozenset("\\`*_{}[]<>()#+!|~&")


def markdown_table(
    entries: Sequence[Entry], published: Sequence[Published], *, trial: bool = False
) -> str:
    """One line a model, one column a task; the references below.

    Args:
        trial: whether tasks to try things out on have columns, where they have entries.
    """
    boards = make_boards(entries, published, trial=trial)
    header = ["model", *(board.short for board in boards)]
    lines = ["| " + " | ".join(header) + " |", "| --- " + "| ---: " * len(boards) + "|"]
    models: dict[tuple[str, ...], dict[str, Row]] = {}
    for board in boards:
        for row in board.main.rows:
            models.setdefault(_line_of(row), {})[board.task] = row
    lines += [
        _line(cells, boards)
        for _, cells in sorted(models.items(), key=lambda item: _order(item[0], item[1], boards))
    ]
    notes = {
        f"- {escaped(unplaced.model.name)}: "
        f"{_figure(unplaced.figure.accuracy, unplaced.figure.deviation)}. "
        f"{escaped(unplaced.figure.remark or '')}".rstrip()
        for board in boards
        for unplaced in board.unplaced
    }
    if notes:
        lines += ["", "Reported, but with no place in the table:", "", *sorted(notes)]
    return "\n".join(lines)


def _line_of(row: Row) -> tuple[str, ...]:
    return (row.kind, row.name, *map(str, row.key))


def _order(line: tuple[str, ...], cells: dict[str, Row], boards: Sequence[Board]) -> tuple[object]:
    """Models by accuracy on the first task, then the references."""
    own = [cells[board.task].accuracy if board.task in cells else None for board in boards]
    found = tuple((value is None, -(value or 0)) for value in own)
    return ((line[0] == "baseline", found, line),)


def _line(cells: dict[str, Row], boards: Sequence[Board]) -> str:
    row = next(iter(cells.values()))
    name = escaped(row.name) + (" (explained)" if row.explained else "")
    if row.kind == "baseline":
        name = f"*{name}*"
    return "| " + " | ".join([name, *(_cell(cells.get(board.task)) for board in boards)]) + " |"


def _cell(row: Row | None) -> str:
    if row is None or row.accuracy is None:
        return "n/a"
    if row.kind == "baseline":
        return words.percent(row.accuracy, 2)
    if row.kind == "published":
        return f"{words.percent(row.accuracy, 2)} reported"
    if row.badge is Badge.REPORTED:
        return f"{words.percent(row.accuracy)} claimed"
    interval = f" ({words.interval(row.interval)})" if row.interval is not None else ""
    tier = f", tier {row.tier}" if row.tier is not None else ""
    rerun = ", rerun" if row.badge is Badge.RERUN else ""
    return f"{words.percent(row.accuracy)}{interval}{tier}{rerun}"


def _figure(accuracy: float | None, deviation: float | None) -> str:
    parts = [] if accuracy is None else [f"{accuracy:.2f} %"]
    parts += [] if deviation is None else [f"SD across seeds {deviation:.2f}"]
    return ", ".join(parts) or "named without a figure"


def escaped(text: str) -> str:
    """*text* as Markdown shows it to the letter."""
    kept = (char for char in text if unicodedata.category(char) not in ("Cc", "Cf"))
    return "".join("\\" + char if char in _SPECIAL else char for char in kept)


def replaced(text: str, table: str, path: Path) -> str:
    """Return the *text* of file *path* with *table* between its two marks.

    Raises:
        ItrBenchError: a mark is missing, or stands twice.
    """
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ItrBenchError(f"{path}: expected one line {START} and one line {END} after it")
    before, rest = text.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n\n{table}\n\n{END}{after}"
