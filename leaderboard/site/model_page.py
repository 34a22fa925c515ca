"""The page of one model. It depends on nothing but the model's own results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.published import PublishedModel
from itr_bench.leaderboard.schema import ModelCard
from itr_bench.leaderboard.site import model_detail, without_image, wording
from itr_bench.leaderboard.site.badges import badge_svg
from itr_bench.leaderboard.site.encode import result_key
from itr_bench.leaderboard.site.pages import Site, bar, task_title
from itr_bench.leaderboard.site.rows import QUESTIONS, TITLES, Reported, Row, entry_row
from itr_bench.relation import RELATIONS
from itr_bench.report import words
from itr_bench.report.charts import interval_charts
from itr_bench.report.drawing import Bar, Reference
from itr_bench.scoring.metrics import UNIFORM_CHANCE
from itr_bench.tasks.spec import get_task


@dataclass(frozen=True)
class ModelResults:
    """All that the page of a model shows."""

    folder: str
    entries: tuple[Entry, ...]
    figures: tuple[Reported, ...]
    """The figures that papers report, of any text."""

    @property
    def address(self) -> str:
        """The file of the page."""
        return f"models/{self.folder}.html"

    @property
    def newest(self) -> ModelCard | PublishedModel:
        """What the newest submission says of the model, or else a paper."""
        if not self.entries:
            return self.figures[0].model
        newest = max(self.entries, key=lambda one: (one.submission.submitted, one.path))
        return newest.submission.model


def collect(entries: Sequence[Entry], figures: Sequence[Reported]) -> list[ModelResults]:
    """The results by model, in the order of their names."""
    own: dict[str, list[Entry]] = {}
    reported: dict[str, list[Reported]] = {}
    for entry in entries:
        own.setdefault(entry.submission.model.folder, []).append(entry)
    for figure in figures:
        reported.setdefault(figure.model.folder, []).append(figure)
    models = [
        ModelResults(
            folder,
            tuple(sorted(own.get(folder, []), key=_order)),
            tuple(reported.get(folder, [])),
        )
        for folder in sorted(own.keys() | reported.keys())
    ]
    return sorted(models, key=lambda model: (model.newest.name.casefold(), model.folder))


def _order(entry: Entry) -> tuple[str, int, str]:
    """By state, then by task in the order of the boards."""
    task = entry.submission.run.task
    base = get_task(task).family
    place = list(TITLES).index(base) if base in TITLES else len(TITLES)
    return (entry.submission.state, place, task)


def model_page(site: Site, model: ModelResults) -> str:
    """Render the page of *model*."""
    pairs = {(entry.pair, entry.without_image): entry for entry in model.entries}
    results = [
        _result(site, entry, pairs.get((entry.pair, not entry.without_image)))
        for entry in model.entries
    ]
    shown = [
        one for one in results if one["row"].accuracy is not None and one["row"].training is None
    ]
    badge = badge_text(model)
    return site.render(
        "model.html",
        model.address,
        model=model.newest,
        contents=_contents(model, results),
        badge_svg=None if badge is None else Markup(badge_svg(badge)),
        badge_code=None if badge is None else _badge_code(site, model, badge),
        chart=_chart(model, shown) if shown else None,
        summary=results,
        results=results,
        any_without_image=any(entry.without_image for entry in model.entries),
        several_states=len({entry.submission.state for entry in model.entries}) > 1,
        cards=_cards(model),
        figures=model.figures,
        sources=list({one.source.address: one.source for one in model.figures}.values()),
        relations=[relation.label for relation in RELATIONS],
        questions=list(QUESTIONS.values()),
        chance=UNIFORM_CHANCE,
    )


def _contents(model: ModelResults, results: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The anchors and titles of the page's parts."""
    several = len({one["row"].state for one in results}) > 1
    return [
        *([("reported", "Reported figures")] if model.figures else []),
        ("card", "The model"),
        *([("embed", "Badge")] if badge_text(model) else []),
        *((one["anchor"], one["title"] + f", {one['state']}" * several) for one in results),
    ]


def badge_text(model: ModelResults) -> str | None:
    """What the badge to embed says: the newest result computed here, on the first task that has
    one; ``None`` where there is none.
    """
    scored = [
        one
        for one in model.entries
        if one.score is not None and one.current and not (one.without_image or one.is_fine_tuned)
    ]
    if not scored:
        return None
    newest_first = sorted(scored, key=lambda one: one.submission.submitted, reverse=True)
    first = min(newest_first, key=lambda one: _order(one)[1])
    assert first.score is not None
    title = task_title(first.submission.run.task)
    return f"itr-bench, {title}: {words.percent(first.score.accuracy)} %"


def _badge_code(site: Site, model: ModelResults, text: str) -> str:
    base = site.url or "https://ADDRESS-OF-THIS-SITE/"
    return f"[![{text}]({base}models/{model.folder}.svg)]({base}{model.address})"


def _chart(model: ModelResults, results: Sequence[Mapping[str, Any]]) -> Markup:
    several = len({one["row"].state for one in results}) > 1
    bars: list[Bar] = []
    for state, of_state in groupby(results, key=lambda one: one["row"].state):
        if several:
            bars.append(Bar(wording.state(state), None, heading=True))
        bars += map(_bar, of_state)
    return interval_charts(
        bars,
        [Reference(f"chance {words.percent(UNIFORM_CHANCE)}", 100 * UNIFORM_CHANCE)],
        ident="chart",
        title=f"Accuracy of {model.newest.name} by task",
        description=" ".join(f"{one['title']}: {one['sentence']}" for one in results),
        axis="Accuracy, %",
    )


def _bar(one: Mapping[str, Any]) -> Bar:
    """The line of a result in the chart."""
    row, entry = one["row"], one["row"].entry
    samples = entry.score.accuracy_by_sample if entry.score is not None else ()
    majority = None if one["majority"] is None else 100 * one["majority"]
    drawn = bar(row, points=tuple(100 * value for value in samples), majority=majority)
    label = task_title(get_task(row.task).reference)
    return replace(drawn, label=label, suffix=", no image" if one["is_without_image"] else "")


def _cards(model: ModelResults) -> list[dict[str, Any]]:
    """The metadata by state; of the papers' figures where nothing was submitted."""
    cards = {}
    for entry in model.entries:
        card = entry.submission.model
        cards[card.state, entry.is_fine_tuned] = {
            "state": card.state,
            "is_commit": card.revision is not None,
            "parameters": card.parameters,
            "open_weights": card.open_weights,
            "released": card.released,
            "licence": card.licence,
            "saw": f"yes, fine-tuned with cross-validation; before that: {entry.saw_data}"
            if entry.is_fine_tuned
            else card.saw_this_data,
            "submitter": card.submitter.name
            + (f" (github.com/{card.submitter.github})" if card.submitter.github else ""),
            "paper": card.paper,
            "code": card.code,
            "remark": card.remark,
        }
    if cards:
        return list(cards.values())
    known = model.figures[0].model
    empty = dict.fromkeys(("state", "released", "saw", "submitter", "paper", "code", "remark"))
    return [
        {
            **empty,
            "is_commit": False,
            "parameters": known.parameters,
            "open_weights": known.open_weights,
            "licence": known.licence,
        }
    ]


def _anchor(entry: Entry) -> str:
    return f"{entry.submission.state}-{entry.submission.run.task}"


def _result(site: Site, entry: Entry, other: Entry | None) -> dict[str, Any]:
    """One result for the template; *other* is its counterpart without the image, or with it."""
    run, training = entry.submission.run, entry.submission.training
    row = entry_row(entry)
    majority = None if entry.score is None else entry.score.majority_class
    detail = None
    if entry.score is not None and entry.predictions is not None:
        detail = model_detail.detail(entry.score, entry.predictions, _sample_names(entry))
    return {
        "anchor": _anchor(entry),
        "title": task_title(run.task) + (f", fine-tuned on {training.words}" if training else ""),
        "state": wording.state(entry.submission.model.state),
        "row": row,
        "majority": majority,
        "sentence": _sentence(row, majority),
        "compare": urlencode({"task": get_task(row.task).family, "models": result_key(row)})
        if detail is not None and not (entry.without_image or entry.is_fine_tuned)
        else None,
        "is_without_image": entry.without_image,
        "other": None if other is None else _anchor(other),
        "with_and_without": (
            [] if other is None or entry.without_image else without_image.sentences(entry, other)
        ),
        "unchecked": entry.unchecked,
        "detail": detail,
        "run": run,
        "training": training,
        "submitted": entry.submission.submitted,
        "reason": entry.submission.reason,
        "path": entry.path,
        "link": site.folder_link(entry.path),
        "sent": wording.sent(entry),
        "generation": run.generation
        and json.dumps(run.generation, sort_keys=True, ensure_ascii=False),
    }


def _sentence(row: Row, majority: float | None) -> str:
    interval = (
        "no interval" if row.interval is None else f"95 % interval {words.interval(row.interval)}"
    )
    seeds = "" if row.sd is None else f", SD across seeds {words.percent(row.sd)}"
    lines = f"chance {words.percent(UNIFORM_CHANCE)} %"
    if majority is not None:
        lines += f", majority class {words.percent(majority)} %"
    accuracy = f"{words.percent(row.accuracy)} % ({interval}{seeds})"
    return f"{accuracy}, where {lines}: {wording.against(row)}."


def _sample_names(entry: Entry) -> list[str] | None:
    """The seeds, where each sample has one of its own."""
    run = entry.submission.run
    if run.seeded_each and run.seeds is not None and len(run.seeds) == run.samples:
        return [str(seed) for seed in run.seeds]
    return None
