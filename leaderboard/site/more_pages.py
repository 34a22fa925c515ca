"""The pages across tasks and models, and the pages of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itr_bench.leaderboard.published import Figure
from itr_bench.leaderboard.schema import folder_of
from itr_bench.leaderboard.site import wording
from itr_bench.leaderboard.site.across import Average, AverageRow, Gap, GapRow, averages, gaps
from itr_bench.leaderboard.site.board import Board
from itr_bench.leaderboard.site.encode import comparison_data
from itr_bench.leaderboard.site.history import HistoryItem
from itr_bench.leaderboard.site.model_page import ModelResults
from itr_bench.leaderboard.site.pages import MOST_IN_CHART, Site
from itr_bench.leaderboard.site.rows import QUESTIONS, TITLES
from itr_bench.nouns import count
from itr_bench.report import words
from itr_bench.report.charts import interval_charts
from itr_bench.report.drawing import Bar, Reference
from itr_bench.scoring.metrics import UNIFORM_CHANCE
from itr_bench.scoring.references import FEWEST
from itr_bench.tasks.spec import LEADERBOARD, get_task


def average_page(site: Site, boards: Sequence[Board]) -> str:
    """The mean accuracies of complete models."""
    by_task = {board.task: board for board in boards}
    return site.render(
        "average.html",
        "average.html",
        averages=[
            _average(site, one, [by_task[task] for task in one.tasks], number)
            for number, one in enumerate(averages(boards), 1)
        ],
    )


def _average(site: Site, one: Average, boards: Sequence[Board], number: int) -> dict[str, Any]:
    main = one.tasks == LEADERBOARD
    title = "The four tasks" if main else " and ".join(board.short for board in boards)
    left_out = count(len(one.left_out), "model or state is", "models or states are")
    references = [board.main.references for board in boards]
    lines: list[tuple[AverageRow | None, str, float | None, Sequence[float | None]]] = [
        *((row, row.row.name, row.mean, row.parts) for row in one.rows),
        (None, "Majority class", one.majority, [part.majority for part in references]),
        (None, "Uniform chance", one.chance, [part.chance for part in references]),
    ]
    return {
        "title": title,
        "average": one,
        "finding": _average_finding(one),
        "left_out": left_out,
        "chart": _average_chart(site, one, title, f"average-chart-{number}") if one.rows else None,
        "shown": MOST_IN_CHART,
        "cut": max(0, len(one.rows) - MOST_IN_CHART),
        "lines": sorted(lines, key=lambda line: (line[2] is None, -(line[2] or 0))),
    }


def _average_finding(one: Average) -> str:
    if not one.rows:
        text = "No model has responses on all of these tasks yet."
        if one.tasks != LEADERBOARD:
            return text
        return text + (
            f" {TITLES['tirt'][0]} and {TITLES['ltec_itr_en_mt'][0]} need local data, which "
            "cannot be fetched: they are scored only where it is at hand."
        )
    above = sum(row.interval[0] > one.chance for row in one.rows)
    text = (
        f"{count(len(one.rows), 'result')} on all tasks, {above} above chance "
        f"({words.percent(one.chance)} %)"
    )
    if one.majority is None:
        return text + "; the majority class of a task is not known here."
    over = sum(row.interval[0] > one.majority for row in one.rows)
    return (
        text + f", {over} above the mean of the majority classes ({words.percent(one.majority)} %)."
    )


def _average_chart(site: Site, one: Average, title: str, ident: str) -> Any:
    lines = [Reference(f"chance {words.percent(one.chance)}", 100 * one.chance)]
    if one.majority is not None and one.majority > one.chance:
        label = f"majority class {words.percent(one.majority)}"
        lines.append(Reference(label, 100 * one.majority, majority=True))
    return interval_charts(
        [_bar(row.row.name, row.mean, row.interval) for row in one.rows[:MOST_IN_CHART]],
        lines,
        ident=ident,
        title=f"Mean accuracy: {title}",
        description=_average_finding(one) + " The table below has all the figures.",
        axis="Mean accuracy, %",
    )


def _bar(name: str, value: float, interval: tuple[float, float]) -> Bar:
    return Bar(name, 100 * value, (100 * interval[0], 100 * interval[1]))


def languages_page(site: Site, boards: Sequence[Board]) -> str:
    """The paired differences between languages."""
    return site.render(
        "languages.html",
        "languages.html",
        gaps=[_gap(site, gap, number) for number, gap in enumerate(gaps(boards), 1)],
    )


def _gap(site: Site, gap: Gap, number: int) -> dict[str, Any]:
    title = f"{gap.a.short} against {gap.b.short}"
    finding = _gap_finding(gap)
    shown = most_telling(gap.rows)
    chart = None
    if shown:
        chart = interval_charts(
            [_bar(row.a.name, row.difference, row.interval) for row in shown],
            [Reference("no gap; so chance and majority class", 0.0)],
            ident=f"gap-chart-{number}",
            title=f"Difference of accuracy: {title}",
            description=finding + " The table below has all the figures.",
            axis=f"{gap.b.short} better  ←  percentage points  →  {gap.a.short} better",
            short_axis="Difference, percentage points",
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


def most_telling(rows: Sequence[GapRow]) -> list[GapRow]:
    """Those of *rows* that a chart shows, in the same order: by evidence, in either direction."""
    # After Holm many are 1: then p itself and the size decide.
    ordered = sorted(rows, key=lambda row: (row.adjusted, row.p_value, -abs(row.difference)))
    chosen = {id(row) for row in ordered[:MOST_IN_CHART]}
    return [row for row in rows if id(row) in chosen]


def _gap_finding(gap: Gap) -> str:
    if not gap.rows:
        return "No model has responses in both languages on the same tweets yet."
    better = [row.better for row in gap.rows if row.better]
    if not better:
        results = count(len(gap.rows), "result")
        return f"Of {results} in both languages, none differs significantly between them."
    first = better.count(1)
    return (
        f"Of {count(len(gap.rows), 'result')} in both languages, {first} "
        f"{'is' if first == 1 else 'are'} better on {gap.a.short}, {len(better) - first} better on "
        f"{gap.b.short}; the other {len(gap.rows) - len(better)} do not differ significantly."
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
        "name": model.newest.name,
        "organisation": model.newest.organisation,
        "best": [_best(model, task, figures) for task in tasks],
        "saw_data": any(one.saw_data == "yes" for one in model.entries),
        "states": len({one.submission.state for one in model.entries if not one.is_fine_tuned}),
        "fine_tuned": any(one.is_fine_tuned for one in model.entries),
        "parameters": model.newest.parameters,
        "open_weights": model.newest.open_weights,
    }


def _best(model: ModelResults, task: str, figures: Sequence[Figure]) -> tuple[float | None, str]:
    """The best accuracy on a task without fine-tuning, and what is to be said of it.

    A figure that was computed here goes before any that was not; one on the task as it is here
    before one on another version or other data.
    """
    entries = [
        one
        for one in model.entries
        if get_task(one.submission.run.task).family == task
        and not (one.without_image or one.is_fine_tuned)
    ]
    scored = [(one.current, one.score.accuracy) for one in entries if one.score is not None]
    reported = [one.accuracy for one in figures if one.task == task and one.accuracy is not None]
    if scored:
        current, best = max(scored)
        return best, "" if current else "other version or data"
    if entries:
        return max(one.submission.score.accuracy for one in entries), "claimed"
    return (max(reported) / 100, "reported") if reported else (None, "")


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
        power=wording.power_table(tweets),
        questions=list(QUESTIONS.values()),
        chance=UNIFORM_CHANCE,
        fewest=FEWEST,
        badges=wording.BADGES.items(),
        refused=sorted(refused),
        refused_count=count(len(refused), "submission"),
    )


def submit_page(site: Site) -> str:
    """How to submit."""
    return site.render("submit.html", "submit.html")


def history_page(site: Site, items: Sequence[HistoryItem], folders: set[str]) -> str:
    """What was added or changed, and why."""

    def address(item: HistoryItem) -> str | None:
        folder = folder_of(item.model or "")
        return f"models/{folder}.html" if folder in folders else None

    shown = [
        {"date": item.date, "what": item.what, "why": item.why, "address": address(item)}
        for item in items
    ]
    return site.render("history.html", "history.html", items=shown)
