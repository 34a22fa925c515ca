"""The pages across tasks and models, and the pages of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itr_bench.data.catalog import LEADERBOARD, base_task
from itr_bench.site import words
from itr_bench.site.across import Average, AverageRow, Gap, GapRow, averages, gaps
from itr_bench.site.board import Board
from itr_bench.site.charts import Bar, Reference, interval_chart
from itr_bench.site.encode import comparison_data
from itr_bench.site.history import HistoryItem
from itr_bench.site.model_page import ModelResults
from itr_bench.site.pages import MOST_IN_CHART, Site
from itr_bench.submissions.published import Figure


def average_page(site: Site, boards: Sequence[Board]) -> str:
    """The mean accuracies of complete models."""
    by_task = {board.task: board for board in boards}
    return site.render(
        "average.html",
        "average.html",
        averages=[
            _average(one, [by_task[task] for task in one.tasks], number)
            for number, one in enumerate(averages(boards), 1)
        ],
    )


def _average(one: Average, boards: Sequence[Board], number: int) -> dict[str, Any]:
    main = one.tasks == LEADERBOARD
    title = "The four tasks" if main else "The two tasks of the demo"
    left_out = words.count(len(one.left_out), "model or state is", "models or states are")
    parts = [board.main.references for board in boards]
    return {
        "title": title,
        "average": one,
        "finding": _average_finding(one),
        "left_out": left_out,
        "chart": _average_chart(one, title, f"average-chart-{number}") if one.rows else None,
        "shown": MOST_IN_CHART,
        "cut": max(0, len(one.rows) - MOST_IN_CHART),
        "baselines": [
            ("Majority class", one.majority, [part.majority for part in parts]),
            ("Uniform chance", one.chance, [part.chance for part in parts]),
        ],
    }


def _average_finding(one: Average) -> str:
    if not one.rows:
        return "No model has responses on all of these tasks yet."
    above = sum(row.interval[0] > one.chance for row in one.rows)
    text = f"{words.count(len(one.rows), 'result')} on all tasks, {above} above chance (25.0 %)"
    if one.majority is None:
        return text + "; the majority class of a task is not known here."
    over = sum(row.interval[0] > one.majority for row in one.rows)
    return (
        text + f", {over} above the mean of the majority classes ({words.percent(one.majority)} %)."
    )


def _average_chart(one: Average, title: str, ident: str) -> Any:
    lines = [Reference(f"chance {words.percent(one.chance)}", 100 * one.chance)]
    if one.majority is not None and one.majority > one.chance:
        label = f"majority class {words.percent(one.majority)}"
        lines.append(Reference(label, 100 * one.majority, majority=True))
    return interval_chart(
        [_average_bar(row) for row in one.rows[:MOST_IN_CHART]],
        lines,
        ident=ident,
        title=f"Mean accuracy: {title}",
        description=_average_finding(one) + " The table below has all the figures.",
        axis="Mean accuracy, %",
    )


def _average_bar(row: AverageRow) -> Bar:
    return Bar(row.row.name, 100 * row.mean, (100 * row.interval[0], 100 * row.interval[1]))


def languages_page(site: Site, boards: Sequence[Board]) -> str:
    """The paired differences between languages."""
    return site.render(
        "languages.html",
        "languages.html",
        gaps=[_gap(gap, number) for number, gap in enumerate(gaps(boards), 1)],
    )


def _gap(gap: Gap, number: int) -> dict[str, Any]:
    title = f"{gap.a.short} against {gap.b.short}"
    finding = _gap_finding(gap)
    chosen = sorted(gap.rows, key=lambda row: row.adjusted)[:MOST_IN_CHART]
    shown = [row for row in gap.rows if row in chosen]
    chart = None
    if shown:
        chart = interval_chart(
            [_gap_bar(row) for row in shown],
            [Reference("no gap; so chance and majority class", 0.0)],
            ident=f"gap-chart-{number}",
            title=f"Difference of accuracy: {title}",
            description=finding + " The table below has all the figures.",
            axis=f"{gap.b.short} better  ←  points  →  {gap.a.short} better",
            symmetric=True,
        )
    return {
        "gap": gap,
        "title": title,
        "finding": finding,
        "chart": chart,
        "shown": MOST_IN_CHART,
        "cut": max(0, len(gap.rows) - MOST_IN_CHART),
    }


def _gap_bar(row: GapRow) -> Bar:
    ends = (100 * row.interval[0], 100 * row.interval[1])
    return Bar(row.a.name, 100 * row.difference, ends)


def _gap_finding(gap: Gap) -> str:
    if not gap.rows:
        return "No model has responses in both languages on the same tweets yet."
    told = [row.told for row in gap.rows if row.told]
    if not told:
        results = words.count(len(gap.rows), "result")
        return f"Of {results} in both languages, the test tells no gap for any."
    first = told.count(1)
    return (
        f"Of {words.count(len(gap.rows), 'result')} in both languages, {first} "
        f"{'is' if first == 1 else 'are'} better on {gap.a.short}, {len(told) - first} better on "
        f"{gap.b.short}; for the other {len(gap.rows) - len(told)} the test tells no gap."
    )


def models_page(site: Site, boards: Sequence[Board], models: Sequence[ModelResults]) -> str:
    """The list of all models."""
    references = [board.main.references for board in boards]
    return site.render(
        "models.html",
        "models.html",
        tasks=site.boards,
        models=[_model_line(model, site.boards) for model in models],
        baselines=[
            ("Majority class", [one.majority for one in references]),
            ("Uniform chance", [one.chance for one in references]),
        ],
    )


def _model_line(model: ModelResults, tasks: Sequence[str]) -> dict[str, Any]:
    figures = [one.figure for one in model.figures]
    return {
        "folder": model.folder,
        "name": model.name,
        "organisation": model.organisation,
        "best": [_best(model, task, figures) for task in tasks],
        "states": len({entry.submission.model.state for entry in model.entries}),
        "parameters": model.parameters,
        "open_weights": model.open_weights,
    }


def _best(model: ModelResults, task: str, figures: Sequence[Figure]) -> tuple[float | None, bool]:
    """The best accuracy on a task, and whether it is a reported figure only."""
    own = [
        entry.submission.score.accuracy if entry.score is None else entry.score.accuracy
        for entry in model.entries
        if base_task(entry.submission.run.task) == task
    ]
    if own:
        return (max(own), False)
    reported = [one.accuracy for one in figures if one.task == task and one.accuracy is not None]
    return (max(reported) / 100, True) if reported else (None, False)


def compare_page(site: Site, boards: Sequence[Board]) -> str:
    """The page on which results are put side by side."""
    data, count = comparison_data(boards)
    return site.render("compare.html", "compare.html", data=data, any=count > 0)


def about_page(site: Site, refused: Sequence[str]) -> str:
    """The method."""
    tweets = 350
    return site.render(
        "about.html",
        "about.html",
        power=words.power_table(tweets),
        badges=words.BADGES.items(),
        refused=sorted(refused),
        refused_count=words.count(len(refused), "submission"),
    )


def submit_page(site: Site) -> str:
    """How to submit."""
    return site.render("submit.html", "submit.html")


def history_page(site: Site, items: Sequence[HistoryItem], folders: set[str]) -> str:
    """What was added or changed, and why."""

    def address(item: HistoryItem) -> str | None:
        folder = (item.model_id or "").replace("/", "__", 1)
        return f"models/{folder}.html" if folder in folders else None

    shown = [
        {"date": item.date, "what": item.what, "why": item.why, "address": address(item)}
        for item in items
    ]
    return site.render("history.html", "history.html", items=shown)
