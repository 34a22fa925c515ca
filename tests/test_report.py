"""The report: one page of finished runs, readable from the disk."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from markupsafe import escape
from selenium import webdriver

from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError, ScoreError
from itr_bench.nouns import count
from itr_bench.report.charts import interval_charts
from itr_bench.report.scatter import Point, named_charts
from itr_bench.runs.manifest import MANIFEST
from itr_bench.runs.response_log import RESPONSES
from itr_bench.studies.comparisons import bar, charts
from itr_bench.studies.formatting import text_of
from itr_bench.studies.load import load
from itr_bench.studies.page import make, write
from itr_bench.studies.section import Column, Figure, Section, Table
from itr_bench.studies.study import RESULT, Material, studies, write_result
from itr_bench.studies.study import Result as StudyResult
from itr_bench.tasks.spec import get_task
from itr_bench.translation.quality import Measured, Quality
from tests.bench_studies import BASE, material, tasks
from tests.browser import axe_violations, headless_chromium


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def study_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of a baseline on the demo: image-ablation and language."""
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    out = tmp_path_factory.mktemp("studies")
    for study in ("image-ablation", "language"):
        done = invoke(
            *("study", study, "--model", "itr_baseline", "--base", "itr_demo_lv"),
            *("--model_args", "strategy=uniform", "--seeds", "2", "--out", out),
        )
        assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def full() -> Material:
    """Made-up runs of all studies that read runs."""
    languages = [
        *("ltec_itr_en_manual", "ltec_itr_en_mt@opus", "ltec_itr_en_mt@nllb"),
        *("ltec_itr_lv_instruct_lv", "tirt"),
    ]
    found = material(2, [*tasks(100), *languages], tweets=60, samples=2)
    quality = {
        (f"ltec_itr_en_mt@{system}", "demo-000000000000"): Quality(
            system,
            "made up",
            60,
            None,
            {key: Measured(score, None, "") for key in ("bleu", "chrf")},
        )
        for system, score in (("opus", 61.5), ("nllb", 70.25))
    }
    board = material(6, [BASE], tweets=20, samples=1).board
    return replace(found, quality=quality, board=board)


class _Page(HTMLParser):
    """What the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "aria-labelledby":
                self.references += (value or "").split()
            if name in ("src", "href") and not (value or "").startswith(("#", "data:")):
                self.outside.append(value or "")


def test_a_report_of_real_runs(study_runs: Path, tmp_path: Path) -> None:
    done = invoke("report", study_runs, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "report" / "index.html").read_text()
    found = _Page(text)
    assert "script" not in found.tags
    assert found.outside == ["report.json"]
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.references) <= set(found.ids)
    assert "Trial:" in text
    data = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {"image-ablation", "language"} <= {study["study"] for study in data["studies"]}
    assert len(data["runs"]) == 7
    assert data["trial"] is True
    again = invoke("report", study_runs, "--out", tmp_path / "again")
    assert again.exit_code == 0
    for name in ("index.html", "report.json"):
        one, other = (tmp_path / folder / name for folder in ("report", "again"))
        assert one.read_bytes() == other.read_bytes()
    # In its place, a second time.
    assert invoke("report", study_runs, "--out", tmp_path / "report").exit_code == 0


def test_no_text_of_a_tweet_is_in_it(study_runs: Path, tmp_path: Path) -> None:
    from itr_bench.tasks.loading import open_task

    invoke("report", study_runs, "--out", tmp_path)
    written = "".join((tmp_path / name).read_text() for name in ("index.html", "report.json"))
    for task in ("itr_demo_lv", "itr_demo_en"):
        texts = open_task(get_task(task)).texts
        assert texts and not any(text[:30] in written for text in texts)


def test_each_figure_has_its_numbers_and_each_claim_its_test(full: Material) -> None:
    report = make(full)
    names = {study.name for study, _ in report.sections}
    assert names >= {"image-ablation", "in-context", "language", "prompt", "transfer"}
    for study, section in report.sections:
        assert section.limits, study.name
        for figure in section.figures:
            assert figure.table.rows, figure.title
            widths = {len(row) for row in figure.table.rows}
            assert widths == {len(figure.table.columns)}
        for claim in section.claims:
            assert claim.test and claim.text.endswith(".")


def test_the_page_shows_every_number_of_the_tables(full: Material, tmp_path: Path) -> None:
    report = make(full)
    page = write(tmp_path, report).read_text()
    for _, section in report.sections:
        for figure in section.figures:
            for row in figure.table.rows[:5]:
                for value, column in zip(row, figure.table.columns, strict=True):
                    if value is not None:
                        assert escape(text_of(value, column.kind)) in page
    data = json.loads((tmp_path / "report.json").read_text())
    shown = [figure for study in data["studies"] for figure in study["figures"]]
    assert any(figure.get("fit") for figure in shown)
    assert all(isinstance(row, list) for figure in shown for row in figure["rows"])


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "percent", "–"),
        (0.1234, "percent", "12.3"),
        (-0.1234, "difference", "\u221212.3"),
        (0.0001, "difference", "0.0"),
        ((0.1, 0.25), "interval", "10.0 to 25.0"),
        ((-0.1, 0.25), "difference-interval", "\u221210.0 to +25.0"),
        (0.00001, "p", "< 0.001"),
        (7, "count", "7"),
        (7 * 10**9, "parameters", "7 B"),
        (0.456, "number", "0.46"),
        ((61.2, 70.255), "number-interval", "61.20 to 70.25"),
        (float("nan"), "percent", "–"),
        (float("inf"), "number", "–"),
        ((0.1, float("nan")), "interval", "–"),
        (-0.456, "number", "\u22120.46"),
        ("text", "text", "text"),
    ],
)
def test_values_as_people_read_them(value: Any, kind: Any, text: str) -> None:
    assert text_of(value, kind) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1, "tweet"), "1 tweet"),
        ((0, "tweet"), "0 tweets"),
        ((2, "gap is", "gaps are"), "2 gaps are"),
    ],
)
def test_numbers_stand_with_their_noun(arguments: tuple[Any, ...], text: str) -> None:
    assert count(*arguments) == text


def test_hostile_names_are_text(full: Material, tmp_path: Path) -> None:
    name = "<script>alert(1)</script>&\"'"
    runs = [replace(run, model=name) for run in full.runs if run.model == full.runs[0].model]
    page = write(tmp_path, make(Material(runs=runs), [name])).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_what_all_studies_say_stands_once_and_makes_no_empty_sections(
    full: Material, tmp_path: Path
) -> None:
    run = full.runs[0]
    lonely = Material(runs=[run], unfinished={run.files[0]: "1 of 2 tweets are complete"})
    report = make(lonely)
    assert len(report.sections) > 1
    page = write(tmp_path, report).read_text()
    assert page.count("is in progress: 1 of 2 tweets") == 1
    assert re.findall(r'<section class="result" id="(.*?)"', page) == ["runs"]


def test_a_scatter_chart_names_its_points_apart() -> None:
    points = [Point(f"model {i}", 1 + i / 100, 30.0 + i / 100) for i in range(6)]
    drawn = str(_scatter(points, title="t & u", axes=("x", "y")))
    # twice, for wide and for narrow
    assert len(re.findall(r"<use [^>]*style=\"fill: var\(--mark\)", drawn)) == 12
    heights = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>model', drawn)]
    assert len(heights) == 6
    assert all(b - a >= 15 for a, b in itertools.pairwise(heights))
    assert "t &amp; u" in drawn


def _scatter(points: list[Point], *, title: str = "t", **options: Any) -> str:
    return named_charts(points, [], ident="c", title=title, description="seen", **options)


@pytest.mark.parametrize(
    ("sizes", "wide", "narrow"),
    [
        ((2e9, 64e9), "2 B, 5 B, 10 B, 20 B, 50 B", "2 B, 5 B, 10 B, 20 B, 50 B"),
        (
            (0.3e9, 40e9),
            "500 M, 1 B, 2 B, 5 B, 10 B, 20 B",
            "1 B, 10 B",
        ),
        ((6e9, 8e9), "6 B", "6 B"),
    ],
)
def test_numbers_of_parameters_do_not_meet(
    sizes: tuple[float, float], wide: str, narrow: str
) -> None:
    points = [Point("m", x, 30.0) for x in sizes]
    drawn = _scatter(points, axes=("Parameters", "Accuracy, %"), log=True).split("</svg>")
    for svg, ticks in zip(drawn, (wide, narrow), strict=False):
        found = re.findall(r' x="([\d.]+)"[^>]*>([\d.]+ [MB])<', svg)
        assert ", ".join(name for _, name in found) == ticks
        places = [float(x) for x, _ in found]
        assert all(b - a >= 40 for a, b in itertools.pairwise(places))


def test_headings_of_a_chart_are_bold_and_names_are_not() -> None:
    (chart,) = charts([("group", [bar("name", 0.1, None)]), ("other", [])], [], "axis")
    drawn = interval_charts(
        chart.bars, [], ident="c", title="t", description="d", axis=chart.axis, widest=290
    )
    shown = re.findall(r'<text style="([^"]*)"[^>]*>(group|name|other)</text>', drawn)
    assert [(name, "font-weight: 700" in style) for style, name in shown] == [
        *(("group", True), ("name", False), ("other", True))
    ] * 2


# Bad input


def test_what_is_no_run_is_refused_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    done = invoke("report", tmp_path / "empty", tmp_path / "file.txt", tmp_path / "nothing")
    assert isinstance(done.exception, ItrBenchError)
    said = str(done.exception)
    assert "empty: no run in it" in said
    assert "file.txt: neither" in said
    assert "nothing: no such file" in said


def test_a_damaged_run_is_left_out_and_named(study_runs: Path, tmp_path: Path) -> None:
    runs = shutil.copytree(study_runs, tmp_path / "runs")
    manifest = next(runs.rglob("itr_demo_lv~no-image")) / MANIFEST
    manifest.write_text(manifest.read_text().replace("itr_baseline", "other"))
    done = invoke("report", runs, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "report" / "report.json").read_text())
    assert len(data["left_out"]) == 1 and "no-image" in data["left_out"][0]
    (study,) = [study for study in data["studies"] if study["study"] == "image-ablation"]
    assert any("not run: no-image" in notice for notice in study["notices"])


def test_a_run_in_progress_is_reported_as_far_as_it_goes(study_runs: Path, tmp_path: Path) -> None:
    runs = shutil.copytree(study_runs, tmp_path / "runs")
    journal = next(runs.rglob("itr_demo_lv~no-image")) / RESPONSES
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:42]))
    found = load([runs])
    assert list(found.material.unfinished.values()) == ["10 of 24 tweets are complete"]
    section = studies()["image-ablation"].analyse(found.material)
    assert section is not None
    rows = {row[1]: row for row in section.figures[0].table.rows}
    assert rows["no-image"][2] == 10
    assert any("in progress" in notice for notice in section.notices)
    journal.write_bytes(lines[0])
    assert "no tweet is complete yet" in load([runs]).left_out[0]


def test_nothing_that_can_be_read_is_an_error(study_runs: Path, tmp_path: Path) -> None:
    one = next(study_runs.rglob("itr_demo_lv"))
    copy = shutil.copytree(one, tmp_path / "run")
    (copy / MANIFEST).write_text("{}")
    done = invoke("report", copy, "--out", tmp_path / "report")
    assert isinstance(done.exception, ItrBenchError)
    assert "nothing that can be reported" in str(done.exception)
    assert not (tmp_path / "report").exists()


def test_damaged_and_unknown_results_are_left_out_and_named(
    study_runs: Path, tmp_path: Path
) -> None:
    runs = shutil.copytree(study_runs, tmp_path / "runs")
    for study in ("no-vlm", "astrology"):
        write_result(
            runs / study, StudyResult(study, "m", "itr_demo_lv", "demo-0", {}, {"made": "up"})
        )
    (runs / "half").mkdir()
    (runs / "half" / RESULT).write_text('{"format": 2')
    more = shutil.copytree(next(study_runs.rglob("itr_demo_lv")), tmp_path / "more")
    for out, paths in (("one", (runs, more)), ("other", (more, runs))):
        done = invoke("report", *paths, "--out", tmp_path / out)
        assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "one" / "report.json").read_text())
    said = "\n".join(data["left_out"])
    assert len(data["left_out"]) == 3
    assert f"{runs / 'no-vlm' / RESULT} is damaged" in said
    assert "a result of the study 'astrology'" in said
    assert f"cannot read {runs / 'half' / RESULT}" in said
    for name in ("index.html", "report.json"):
        one, other = (tmp_path / folder / name for folder in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_a_result_that_its_study_stumbles_over_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def analyse(material: Material) -> Section | None:
        return Section(paragraphs=[one.content["said"] for one in material.results])

    study = replace(studies()["no-vlm"], name="made-up", analyse=analyse)
    monkeypatch.setattr("itr_bench.studies.load.studies", lambda: {"made-up": study})
    for name, content in (("bad", {}), ("good", {"said": "so"})):
        write_result(
            tmp_path / name, StudyResult("made-up", name, "itr_demo_lv", "demo-0", {}, content)
        )
    found = load([tmp_path])
    assert [one.model for one in found.material.results] == ["good"]
    (said,) = found.left_out
    assert "its content is not as the study made-up writes it (KeyError: 'said')" in said


def test_results_of_another_format_numbers_that_are_none_and_copies_are_named(
    tmp_path: Path,
) -> None:
    answers = {str(i): [i % 4, "y", "n"] for i in range(8)}
    metadata = {"tweets": 8, "tweets_in_set": 8, "seeds": [1], "folds": 5}
    good = StudyResult("no-vlm", "m", "itr_demo_lv", "demo-0", metadata, {"answers": answers})
    for name in ("a", "b"):
        write_result(tmp_path / name, good)
    for name, old, new in (
        ("older", '"format": 2', '"format": 1'),
        ("newer", '"format": 2', '"format": 3'),
        ("nan", '"folds": 5', '"folds": NaN'),
    ):
        file = write_result(tmp_path / name, good)
        file.write_text(file.read_text().replace(old, new))
    done = invoke("report", tmp_path, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "report" / "report.json").read_text())
    assert len(data["results"]) == 1
    copy, nan, newer, older = sorted(data["left_out"], key=lambda line: line.split("/")[-2])
    assert copy == f"{tmp_path / 'b' / RESULT}: the same result as {tmp_path / 'a' / RESULT}"
    assert "format 3, of a newer itr-bench" in newer
    assert "NaN is no number" in nan
    assert "format 1, of an older itr-bench" in older


def test_a_study_that_fails_says_so_and_the_others_are_there(
    full: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def analyse(material: Material) -> Section | None:
        raise ScoreError("tweet 7 has two labels")

    known = {**studies(), "prompt": replace(studies()["prompt"], analyse=analyse)}
    monkeypatch.setattr("itr_bench.studies.page.studies", lambda: known)
    page = write(tmp_path, make(full)).read_text()
    (section,) = re.findall(r'<section class="result" id="prompt">.*?</section>', page, re.DOTALL)
    assert "The study prompt could not be made: tweet 7 has two labels" in section
    assert 'id="image-ablation"' in page and 'id="transfer"' in page


def test_what_is_not_known_is_null_in_valid_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = (Column("Model"), Column("A", "percent"), Column("B", "number-interval"))
    table = Table("t", columns, (("m", float("nan"), (float("-inf"), 1.5)),))
    study = replace(
        studies()["prompt"], analyse=lambda _: Section(figures=[Figure("f", "c", table)])
    )
    monkeypatch.setattr("itr_bench.studies.page.studies", lambda: {"prompt": study})
    page = write(tmp_path, make(Material())).read_text()

    def refuse(name: str) -> None:
        raise AssertionError(name)

    data = json.loads((tmp_path / "report.json").read_text(), parse_constant=refuse)
    assert data["studies"][0]["figures"][0]["rows"] == [["m", None, [None, 1.5]]]
    assert page.count(">–<") == 2 and ">nan" not in page.lower()


@pytest.mark.parametrize("name", ["index.html", "report.json"])
@pytest.mark.parametrize("kind", ["text", "folder", "dangling"])
def test_nothing_foreign_is_replaced(full: Material, tmp_path: Path, name: str, kind: str) -> None:
    there = tmp_path / name
    if kind == "text":
        there.write_text("Made by itr-bench, says somebody else.")
    elif kind == "folder":
        there.mkdir()
    else:
        there.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ItrBenchError, match="not made by itr-bench"):
        write(tmp_path, make(Material(runs=full.runs[:1])))
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_page_of_somebody_else_is_not_replaced(full: Material, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>My diary</p>")
    with pytest.raises(ItrBenchError, match="not made by itr-bench"):
        write(tmp_path, make(Material(runs=full.runs[:1])))
    assert (tmp_path / "index.html").read_text() == "<p>My diary</p>"
    assert not (tmp_path / "report.json").exists()
    with pytest.raises(ItrBenchError, match="is a file"):
        write(tmp_path / "index.html", make(Material(runs=full.runs[:1])))


# In a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    with headless_chromium("1200,900") as found:
        yield found


@pytest.fixture(scope="module")
def page(full: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [run for run in full.runs if run.model == full.runs[0].model]
    report = make(replace(full, runs=runs), ["a run that was damaged"])
    return write(tmp_path_factory.mktemp("report"), report)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_accessible_wide_and_narrow(
    chromium: webdriver.Chrome, page: Path, scheme: str, width: int
) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        chromium.get(page.as_uri())
        violations = axe_violations(chromium)
        over = chromium.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        charts = chromium.execute_script(
            "return [...document.querySelectorAll('svg.chart')].filter("
            "one => one.getBoundingClientRect().width > 0).map("
            "one => one.classList.contains('narrow'))"
        )
        background = chromium.execute_script(
            "return getComputedStyle(document.body).backgroundColor"
        )
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert violations == []
    assert over == 0
    assert charts and set(charts) == {width == 360}
    assert background == {"light": "rgb(253, 253, 251)", "dark": "rgb(22, 24, 27)"}[scheme]
    assert [entry["message"] for entry in chromium.get_log("browser")] == []
