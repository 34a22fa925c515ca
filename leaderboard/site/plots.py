"""Accuracy against parameters, over time, and with and without the image."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from itr_bench.leaderboard.site.board import Board
from itr_bench.leaderboard.site.pages import Site, references
from itr_bench.leaderboard.site.rows import Row
from itr_bench.nouns import count
from itr_bench.report import words
from itr_bench.report.scatter import Point, scatter_chart


@dataclass(frozen=True)
class Plot:
    """A chart, and the same as a table."""

    ident: str
    title: str
    finding: str
    chart: Markup | None
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def plots_page(site: Site, boards: Sequence[Board]) -> str:
    """The page of all plots."""
    return site.render(
        "plots.html",
        "plots.html",
        boards=[
            {"title": board.title, "short": board.short, "plots": plots(board)} for board in boards
        ],
    )


def plots(board: Board) -> list[Plot]:
    """The three plots of a board."""
    return [_by_size(board), _over_time(board), _without_image(board)]


def _rows(board: Board) -> list[Row]:
    return [row for row in board.main.rows if row.kind != "baseline" and row.accuracy is not None]


def _ends(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if interval is None else (100 * interval[0], 100 * interval[1])


def _point(row: Row, x: float | datetime.date, **options: Any) -> Point:
    return Point(
        row.name,
        x,
        100 * (row.accuracy or 0),
        _ends(row.interval),
        checked=row.reference_level is not None,
        **options,
    )


def _made(
    board: Board,
    ident: str,
    title: str,
    finding: str,
    points: Sequence[Point],
    columns: tuple[str, ...],
    lines: Sequence[tuple[str, ...]],
    **options: Any,
) -> Plot:
    ident = f"{ident}-{board.task}".replace("_", "-")
    chart = None
    if points:
        lead = options.pop("lead")
        chart = scatter_chart(
            points,
            references(board.main),
            ident=ident,
            title=f"{title}, {board.title}",
            description=f"{finding} The table below the plot has all the figures.",
            axes=(lead, "Accuracy, %"),
            **options,
        )
    return Plot(ident, title, finding, chart, columns, tuple(lines))


def _by_size(board: Board) -> Plot:
    rows = [row for row in _rows(board) if row.parameters]
    rows.sort(key=lambda row: (row.parameters or 0, row.name))
    finding = "No result of a model whose size is known is here yet."
    if rows:
        best = max(rows, key=lambda row: row.accuracy or 0)
        finding = (
            f"{count(len(rows), 'result')} of models of {words.parameters(rows[0].parameters)} to "
            f"{words.parameters(rows[-1].parameters)} parameters; the best is that of {best.name} "
            f"({words.parameters(best.parameters)}, {words.percent(best.accuracy)} %)."
        )
    return _made(
        board,
        "size",
        "Accuracy against parameters",
        finding,
        [_point(row, float(row.parameters or 0)) for row in rows],
        ("Model", "Parameters", "Accuracy %", "95 % interval"),
        [
            (
                row.name,
                words.parameters(row.parameters),
                words.percent(row.accuracy),
                words.interval(row.interval),
            )
            for row in rows
        ],
        lead="Parameters",
        log=True,
    )


def _over_time(board: Board) -> Plot:
    dated = sorted(
        (
            (datetime.date.fromisoformat(row.released or row.submitted or ""), row)
            for row in _rows(board)
            if row.kind == "entry"
        ),
        key=lambda pair: (pair[0], pair[1].name),
    )
    finding = "No result that was submitted is here yet."
    if dated:
        best = max(dated, key=lambda pair: pair[1].accuracy or 0)
        finding = (
            f"{count(len(dated), 'result')} from {dated[0][0]} to {dated[-1][0]}; the best is that "
            f"of {best[1].name} ({best[0]}, {words.percent(best[1].accuracy)} %). By the day of "
            "the model's release, or of the submission where that is not known."
        )
    return _made(
        board,
        "time",
        "Accuracy over time",
        finding,
        [_point(row, day) for day, row in dated],
        ("Model", "Day", "Of", "Accuracy %", "95 % interval"),
        [
            (
                row.name,
                str(day),
                "release" if row.released else "submission",
                words.percent(row.accuracy),
                words.interval(row.interval),
            )
            for day, row in dated
        ],
        lead="Day of release, else of submission",
    )


def _without_image(board: Board) -> Plot:
    rows = [row for row in _rows(board) if row.accuracy_without_image is not None]
    finding = "No result without the image is here yet."
    if rows:
        better = sum((row.accuracy or 0) > (row.accuracy_without_image or 0) for row in rows)
        finding = (
            f"Of {count(len(rows), 'result')} with a counterpart without the image, {better} "
            f"{'has' if better == 1 else 'have'} the higher accuracy with it. The models' pages "
            "say which differences are significant."
        )
    return _made(
        board,
        "image",
        "With and without the image",
        finding,
        [
            _point(
                row,
                100 * (row.accuracy_without_image or 0),
                x_interval=_ends(row.without_image.interval if row.without_image else None),
            )
            for row in rows
        ],
        ("Model", "With the image %", "95 % interval", "Without %", "95 % interval, without"),
        [
            (
                row.name,
                words.percent(row.accuracy),
                words.interval(row.interval),
                words.percent(row.accuracy_without_image),
                words.interval(row.without_image.interval if row.without_image else None),
            )
            for row in rows
        ],
        lead="Accuracy without the image, %",
        diagonal=True,
    )
