"""The templates, and the pages of boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from itr_bench.leaderboard.published import leaderboard_folder
from itr_bench.leaderboard.site import cells, wording
from itr_bench.leaderboard.site.board import Board, Group
from itr_bench.leaderboard.site.rows import QUESTIONS, TITLES, Row
from itr_bench.report import words
from itr_bench.report.charts import interval_charts
from itr_bench.report.drawing import Bar, Reference
from itr_bench.tasks.spec import LEADERBOARD, get_task

MOST_IN_CHART = 40
MOST_ON_BOARD = 12
_BEST, _NEAREST, _WORST = 5, 3, 1
"""Of a longer board: the ends, and those about which the majority class leaves most doubt."""


EXAMPLE = (
    "Fresh rye bread, only today!",
    "a photo of a price list at a bakery",
    "yes, it has the prices",
    "no, it shows no bread",
)
"""A made-up tweet: text, image, and both answers."""


@dataclass(frozen=True)
class Link:
    """An entry of the navigation."""

    address: str
    title: str
    first_of_group: bool = False


def board_address(task: str) -> str:
    """The file of a board."""
    return "index.html" if task == LEADERBOARD[0] else f"{task}.html"


def task_title(task: str) -> str:
    """A task for people, with what its name says of system, image and answer format."""
    spec = get_task(task)
    title = TITLES[spec.family][0] if spec.family in TITLES else spec.family
    title += f", translated by {spec.system}" if spec.system else ""
    title += ", without the image" if spec.without_image else ""
    return f"{title}, explained answers" if spec.explained else title


def navigation(boards: Sequence[str]) -> tuple[Link, ...]:
    """The pages of a site with *boards*, in the order of the tabs."""
    return (
        *(Link(board_address(task), TITLES[task][0]) for task in boards),
        Link("average.html", "Average", True),
        Link("languages.html", "Language gap"),
        Link("plots.html", "Plots"),
        Link("models.html", "Models", True),
        Link("compare.html", "Compare"),
        Link("about.html", "About", True),
        Link("submit.html", "Submit"),
        Link("history.html", "History"),
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(leaderboard_folder() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        percent=words.percent,
        points=words.points,
        interval=words.interval,
        points_interval=words.points_interval,
        parameters=words.parameters,
        p_value=words.p_value,
        state=wording.state,
        against=wording.against,
        against_short=wording.against_short,
        title_of=task_title,
    )
    environment.globals.update(
        saw_data=wording.SAW_DATA,
        not_observed=wording.NOT_OBSERVED,
        number=cells.number,
        na=cells.NA,
    )
    return environment


@dataclass(frozen=True)
class Site:
    """What all pages share."""

    boards: tuple[str, ...]
    """Tasks that have a board."""
    trial: bool
    updated: str | None = None
    """The day of the last change, YYYY-MM-DD."""
    url: str | None = None
    """The address at which it is published, with a slash at its end; for what needs a whole one."""
    repository: str | None = None
    """The address of the repository that holds the submissions."""

    def folder_link(self, path: str) -> str | None:
        """The address of a submission's folder in the repository."""
        if self.repository is None:
            return None
        return f"{self.repository}/tree/main/leaderboard/submissions/{quote(path)}"

    def render(self, template: str, address: str, **values: Any) -> str:
        """A page, as it goes to *address* below the root of the site."""
        return (
            _environment()
            .get_template(template)
            .render(
                root="../" * address.count("/"),
                current=address,
                trial=self.trial,
                navigation=navigation(self.boards),
                site=self,
                **values,
            )
        )


def references(group: Group) -> list[Reference]:
    """The lines of a chart over the tweets of *group*."""
    chance, majority = group.references.chance, group.references.majority
    found = [Reference(f"chance {words.percent(chance)}", 100 * chance)]
    if majority is not None:
        label = f"majority class {words.percent(majority)}"
        # Where the classes are of equal size, one line is both.
        if abs(majority - chance) < 1e-9:
            return [Reference(f"chance and {label}", 100 * majority, majority=True)]
        found.append(Reference(label, 100 * majority, majority=True))
    return found


def bar(row: Row, *, state: bool = False, **values: Any) -> Bar:
    """A row as a line of a chart, with the *state* of the model where its name is not enough."""
    interval = row.interval
    return Bar(
        label=row.name,
        value=100 * (row.accuracy or 0),
        interval=None if interval is None else (100 * interval[0], 100 * interval[1]),
        checked=row.reference_level is not None,
        tier=row.tier,
        suffix=(f" {wording.state(row.state)[:7]}" if state and row.state else "")
        + (", explained" if row.explained else ""),
        **values,
    )


def board_page(site: Site, board: Board, boards: Sequence[Board]) -> str:
    """The page of one task."""
    rows = [row for row in board.main.rows if row.kind != "baseline" and row.accuracy is not None]
    shown = chart_rows(rows, board.main.references.majority or board.main.references.chance)
    group = board.main
    elsewhere = [
        Link(board_address(other.task), other.short)
        for other in boards
        if site.trial and not group.entries and other.main.entries
    ]
    return site.render(
        "board.html",
        board_address(board.task),
        board=board,
        first=board.task == LEADERBOARD[0],
        example=EXAMPLE,
        questions=list(QUESTIONS.values()),
        leader=wording.leader(board),
        finding=wording.finding(board),
        power=wording.power(group),
        chart=_board_chart(site, board, shown) if shown else None,
        cut=sum(one for one in shown if isinstance(one, int)),
        results=len(rows),
        caption=_caption(board),
        elsewhere=elsewhere,
    )


def chart_rows(rows: Sequence[Row], reference: float) -> list[Row | int]:
    """The rows that a chart shows, in order, with the numbers of those left out between them.

    All where they fit. Else the best, the worst, those nearest the *reference*, and every reported
    figure.
    """
    if len(rows) <= MOST_ON_BOARD:
        return list(rows)
    chosen = {*range(_BEST), *range(len(rows) - _WORST, len(rows))}
    by_distance = sorted(range(len(rows)), key=lambda i: abs((rows[i].accuracy or 0) - reference))
    chosen.update(by_distance[:_NEAREST])
    chosen.update(i for i, row in enumerate(rows) if row.kind == "published")
    found: list[Row | int] = []
    before = -1
    for i in sorted(chosen):
        if i - before > 1:
            found.append(i - before - 1)
        found.append(rows[i])
        before = i
    return found


def _caption(board: Board) -> str:
    group = board.main
    tweets = group.tweets or (sum(group.references.relations) if group.references.relations else 0)
    over = f"{tweets} tweets" if tweets else "tweets whose labels are not here"
    version = f", version {group.version} of the task" if group.version else ""
    return (
        f"{board.title}: {over}{version}. Accuracy: both questions right; an unparseable "
        "response counts as wrong."
    )


def _board_chart(site: Site, board: Board, rows: Sequence[Row | int]) -> Markup:
    same = Counter((row.name, row.explained) for row in rows if isinstance(row, Row))
    return interval_charts(
        [
            Bar(f"({row} left out)", None)
            if isinstance(row, int)
            else bar(row, state=same[row.name, row.explained] > 1)
            for row in rows
        ],
        references(board.main),
        ident="chart",
        title=f"Accuracy on {board.title}",
        description=" ".join(wording.finding(board))
        + " The table below the chart has all the figures.",
        axis="Accuracy, %",
    )
