"""The leaderboard's models whose accuracy and number of parameters are known."""

from __future__ import annotations

from collections.abc import Sequence

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.published import Published
from itr_bench.leaderboard.site.board import make_boards
from itr_bench.leaderboard.site.rows import Row
from itr_bench.studies.study import BoardModel
from itr_bench.tasks.spec import EXPLAINED


def board_models(entries: Sequence[Entry], published: Sequence[Published]) -> list[BoardModel]:
    """The results of the leaderboard whose accuracy and number of parameters are known: one for
    each model and task, the answer format being part of a task's name. What was computed from
    responses goes before what is claimed, and that before what a paper reports; then what saw most
    tweets, then samples.
    """
    found: dict[tuple[str, str], BoardModel] = {}
    for board in make_boards(entries, published, trial=False):
        for row in sorted(board.main.rows, key=_best_known):
            task = board.task + EXPLAINED if row.explained else board.task
            key = (task, row.folder or row.name)
            if row.kind == "baseline" or key in found:
                continue
            if row.accuracy is None or row.parameters is None:
                continue
            found[key] = BoardModel(
                name=row.name,
                task=task,
                accuracy=row.accuracy,
                parameters=row.parameters,
                interval=row.interval,
                source=row.kind
                if row.source is None
                else f"{row.source.authors} {row.source.year}",
            )
    return list(found.values())


def _best_known(row: Row) -> tuple[bool, bool, int, int, str, str]:
    """Sorts results of one model: the one to show first."""
    computed = row.interval is not None
    size = (-(row.tweets or 0), -(row.samples or 0))
    return (not computed, row.kind != "entry", *size, row.name, row.state or "")
