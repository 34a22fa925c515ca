"""The report: one static page and one JSON file, made of the sections of all studies."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from itr_bench.data.manifest import kind_of
from itr_bench.errors import ItrBenchError, RunError
from itr_bench.leaderboard.published import leaderboard_folder
from itr_bench.report.charts import interval_charts
from itr_bench.report.scatter import named_charts
from itr_bench.runs.response_log import refused_by_disk
from itr_bench.runs.run import Run
from itr_bench.storage import write_whole
from itr_bench.studies.formatting import NUMERIC, as_json, text_of
from itr_bench.studies.section import Figure, Lines, Scatter, Section
from itr_bench.studies.statistics import accuracies
from itr_bench.studies.study import Material, Study, studies
from itr_bench.version import __version__

PAGE, DATA = "index.html", "report.json"
_NAMES = 290
"""Room for the names of a chart's lines, in pixels: as wide as the narrow charts."""
_MARKERS = {
    PAGE: '<meta name="generator" content="itr-bench report">',
    DATA: '"made_by": "itr-bench report"',
}
"""What only a report has, near the start of its files."""

_NO_RESULT = ("placeholder", "demo")
"""The kinds of data that no result is made on."""


@dataclass(frozen=True)
class Report:
    """What a report says.

    Attributes:
        sections: of the studies that found something to say.
        material: what it was made from.
        left_out: what could not be read.
    """

    sections: tuple[tuple[Study, Section], ...]
    material: Material
    left_out: tuple[str, ...] = ()


def make(material: Material, left_out: Sequence[str] = ()) -> Report:
    """Let every study say what *material* shows; one that cannot says so."""
    sections = [(study, _section(study, material)) for study in studies().values()]
    return Report(
        tuple((study, section) for study, section in sections if section is not None),
        material,
        tuple(sorted(left_out)),
    )


def _section(study: Study, material: Material) -> Section | None:
    try:
        return study.analyse(material)
    except ItrBenchError as error:
        return Section(notices=(f"The study {study.name} could not be made: {error}",))


def write(folder: Path, report: Report) -> Path:
    """Write page and JSON into *folder*, each whole or not at all; return the page.

    Raises:
        RunError: the folder holds something else, or the disk refuses.
    """
    _refuse_foreign(folder)
    runs = _runs(report.material.runs)
    contents = {DATA: _json(report, runs), PAGE: page(report, runs)}
    with refused_by_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_whole(folder / name, content.encode(errors="backslashreplace"))
    return folder / PAGE


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; name a folder for the report")
    for name, marker in _MARKERS.items():
        there = folder / name
        if not os.path.lexists(there):
            continue
        try:
            ours = there.is_file() and marker in there.read_bytes()[:2_000].decode(errors="replace")
        except OSError as error:
            raise RunError(f"cannot read {there}: {error}. Name another folder.") from error
        if not ours:
            raise RunError(
                f"{there} was not made by itr-bench report; nothing is replaced. Name another "
                "folder."
            )


def _runs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The table of runs."""
    ordered = sorted(runs, key=lambda run: (run.model, run.task, run.files))
    found = accuracies(run.predictions for run in ordered)
    return [
        {
            "model": run.model,
            "task": run.task,
            "tweets": len(answers.tweet_ids),
            "samples": answers.samples,
            "accuracy": accuracy.value,
            "interval": accuracy.interval,
            "no_answer": float(
                np.mean([run.predictions.adds < 0, run.predictions.represented < 0])
            ),
            "data": run.data,
            "signature": str(run.signature),
        }
        for run, accuracy in zip(ordered, found, strict=True)
        for answers in (run.predictions,)
    ]


def page(report: Report, runs: Sequence[Mapping[str, Any]]) -> str:
    """The page as HTML: readable from the disk, without scripts and other files."""
    common = _common_notices(report)
    return (
        _environment()
        .get_template("report.html")
        .render(
            style=_style(),
            common=common,
            sections=_own_sections(report, common),
            left_out=report.left_out,
            runs=runs,
            results=report.material.results,
            trial=_is_trial(report.material),
            numeric=NUMERIC,
            version=__version__,
            draw=_draw,
        )
    )


def _common_notices(report: Report) -> list[str]:
    """What several studies say of the runs, each once."""
    counts = Counter(notice for _, section in report.sections for notice in set(section.notices))
    ordered = dict.fromkeys(notice for _, section in report.sections for notice in section.notices)
    return [notice for notice in ordered if counts[notice] > 1]


def _own_sections(report: Report, common: Sequence[str]) -> list[tuple[Study, Section]]:
    """The sections without what stands above them all; one with nothing else is left out."""
    own = [
        (study, replace(section, notices=[n for n in section.notices if n not in common]))
        for study, section in report.sections
    ]
    return [(study, section) for study, section in own if any(vars(section).values())]


def _is_trial(material: Material) -> bool:
    data = [run.data for run in material.runs] + [result.data for result in material.results]
    return any(kind_of(one or "") in _NO_RESULT for one in data)


def _json(report: Report, runs: Sequence[Mapping[str, Any]]) -> str:
    content: dict[str, Any] = {
        "made_by": "itr-bench report",
        "format": 1,
        "itr_bench": __version__,
        "trial": _is_trial(report.material),
        "left_out": list(report.left_out),
        "studies": [as_json(study, section) for study, section in report.sections],
        "runs": runs,
        "results": [
            {name: getattr(r, name) for name in ("study", "model", "task", "data", "metadata")}
            for r in report.material.results
        ],
    }
    return json.dumps(_known(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _known(value: Any) -> Any:
    """*value* with null for each number that is not finite: JSON has none of these."""
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _draw(chart: Lines | Scatter, ident: str, figure: Figure) -> Markup:
    description = f"{figure.caption} The table below the chart has all the figures."
    if isinstance(chart, Scatter):
        return named_charts(
            chart.points,
            chart.references,
            ident=ident,
            title=figure.title,
            description=description,
            axes=(chart.x_axis, chart.y_axis),
            log=chart.log,
            fit=chart.fit,
        )
    return interval_charts(
        chart.bars,
        chart.references,
        ident=ident,
        title=figure.title,
        description=description,
        axis=chart.axis,
        symmetric=chart.symmetric,
        widest=_NAMES,
    )


def _style() -> Markup:
    """The style sheet of the leaderboard, and what the report adds."""
    files = [leaderboard_folder() / "assets" / "site.css", _templates() / "report.css"]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return Markup(text)  # ours, and without an end tag


def _templates() -> Path:
    return Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_templates()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["show"] = text_of
    return environment
