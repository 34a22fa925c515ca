"""The pages of the leaderboard, without a browser: what they say, and that they are sound.

Golden pages stand in tests/golden/site/. They are our own output, looked at in a browser when they
were made. After an intended change, renew them and read the difference:
    ITR_BENCH_RENEW_GOLDEN=1 python -m pytest tests/test_site.py -k golden
Charts are left out of them, since matplotlib's versions draw differently.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.published import Figure, leaderboard_folder, read_published
from itr_bench.leaderboard.site.across import averages, gaps
from itr_bench.leaderboard.site.board import make_boards
from itr_bench.leaderboard.site.build import MARKER, build_site
from itr_bench.leaderboard.site.encode import right_counts, script_json, thousandths
from itr_bench.leaderboard.site.history import HistoryItem, merged
from itr_bench.leaderboard.site.model_page import ModelResults
from itr_bench.leaderboard.site.more_pages import _best, most_telling
from itr_bench.leaderboard.site.pages import chart_rows, task_title
from itr_bench.leaderboard.site.plots import plots
from itr_bench.leaderboard.site.publish import BRANCHES, publish
from itr_bench.leaderboard.site.rows import Reported, Row
from itr_bench.leaderboard.site.serve import server
from itr_bench.leaderboard.site.without_image import sentences
from itr_bench.leaderboard.site.wording import finding, leader, power
from itr_bench.report.charts import interval_chart
from itr_bench.report.drawing import Bar, Reference
from itr_bench.report.words import p_value, parameters, points
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.intervals import mean_intervals
from itr_bench.scoring.metrics import score
from itr_bench.scoring.power import smallest_difference
from itr_bench.scoring.predictions import Predictions
from itr_bench.scoring.references import Side
from itr_bench.tasks.spec import LEADERBOARD, TRIAL, TRIALS
from tests.served import served
from tests.site_entries import (
    ALPHA,
    BETA,
    GAMMA,
    HOSTILE,
    HOSTILE_MODEL,
    LTEC,
    Made,
    entry,
    many,
    predictions,
    published,
    small,
)

GOLDEN = Path(__file__).parent / "golden" / "site"
PAGES = ("index.html", "models/made-up__beta-13b.html")


def files_of(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return small()


@pytest.fixture(scope="module")
def site(entries: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "out"
    items = [HistoryItem("2026-02-01", "A rule changed <i>", "To be fairer & clearer.")]
    build_site(folder, entries, published(), history=items, refused=["evil__model/<b>/tirt"])
    return folder


class Page(HTMLParser):
    """What the tests ask of a page: ids, links, tags, and the text of tables."""

    VOID = frozenset(("meta", "link", "br", "input", "img", "hr", "col"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.events: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "unclosed elements"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.events += [name for name in found if name.startswith("on")]
        if "id" in found:
            self.ids.append(found["id"])
        if tag in ("a", "link", "script", "use"):
            self.links.append({"tag": tag, **found})
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data

    def row(self, name: str) -> list[str]:
        """The cells of the first row that has a cell beginning with *name*."""
        for row in self.rows:
            cells = [" ".join(cell.split()) for cell in row]
            if any(cell.startswith(name) for cell in cells):
                return cells
        raise AssertionError(f"no row for {name}")


def page(site: Path, name: str) -> Page:
    return Page((site / name).read_text(encoding="utf-8"))


# The pages as a whole


@pytest.mark.parametrize("name", PAGES)
def test_golden_page(site: Path, name: str) -> None:
    text = (site / name).read_text(encoding="utf-8")
    text = re.sub(r"<svg.*?</svg>", "<!-- chart -->", text, flags=re.DOTALL)
    path = GOLDEN / name.replace("/", "--")
    if os.environ.get("ITR_BENCH_RENEW_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "see the top of this file on how to renew it"


def test_same_bytes_for_the_same_input(site: Path, entries: list[Entry], tmp_path: Path) -> None:
    items = [HistoryItem("2026-02-01", "A rule changed <i>", "To be fairer & clearer.")]
    build_site(
        tmp_path / "elsewhere" / "again",
        entries[::-1],
        published(),
        history=items,
        refused=["evil__model/<b>/tirt"],
    )
    again = files_of(tmp_path / "elsewhere" / "again")
    assert again == files_of(site)
    assert not [name for name, text in again.items() if str(tmp_path).encode() in text]


def test_every_page_is_there(site: Path) -> None:
    found = {name for name in files_of(site) if name.endswith(".html")}
    assert found >= {
        "index.html",
        "ltec_itr_en_manual.html",
        "ltec_itr_en_mt.html",
        "tirt.html",
        "average.html",
        "languages.html",
        "models.html",
        "compare.html",
        "about.html",
        "submit.html",
        "history.html",
        "models/made-up__alpha-7b.html",
        "models/paper__placeless.html",
        "models/hostile__one.of-them.html",
    }
    assert not any("demo" in name for name in found)


def test_every_link_and_anchor_resolves(site: Path) -> None:
    pages = {name: page(site, name) for name in files_of(site) if name.endswith(".html")}
    checked = 0
    for name, one in pages.items():
        assert len(one.ids) == len(set(one.ids)), f"{name}: an id stands twice"
        for link in one.links:
            address = link.get("href") or link.get("src") or ""
            if link["tag"] == "script" and not address:
                continue
            if address.startswith(("http://", "https://", "data:,")):
                assert link["tag"] == "a" or address == "data:,", f"{name}: loads {address}"
                if link["tag"] == "a":
                    assert link["rel"] == "nofollow noopener noreferrer"
                continue
            path, _, anchor = address.partition("#")
            target = os.path.normpath(Path(name).parent / path) if path else name
            assert (site / target).is_file(), f"{name}: {address}"
            if anchor and "=" not in anchor:
                assert anchor in pages[target].ids, f"{name}: {address}"
            checked += 1
    assert checked > 300


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for name, content in files_of(site).items():
        if name.endswith((".html", ".css")):
            text = content.decode()
            assert "@import" not in text
            assert not re.search(r"(src|srcset|poster)\s*=\s*[\"']?(https?:)?//", text), name
            assert not re.search(r"url\((?!#)", text), name


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of 100 models."""
    folder = tmp_path_factory.mktemp("hundred") / "site"
    build_site(folder, many(100, ["ltec_itr_lv"], number=24, samples=2), [])
    return folder


def test_first_view_at_100_models_is_small(hundred: Path) -> None:
    names = ("index.html", "assets/site.css", "assets/tables.js", "assets/dataTables.min.js")
    sizes = {name: len(gzip.compress((hundred / name).read_bytes())) for name in names}
    assert sum(sizes.values()) < 300_000, sizes


def test_100_models_start(hundred: Path, record_property: Callable[[str, object], None]) -> None:
    browser = pytest.importorskip("tests.browser", reason="no selenium")
    with browser.headless_chromium("1600,1000") as chromium:
        chromium.get((hundred / "index.html").as_uri())
        milliseconds = browser.wait(chromium, "return document.documentElement.dataset.ready")
        shown = chromium.execute_script(
            "return document.querySelectorAll('#results tbody tr').length"
        )
    assert shown == 104
    record_property("milliseconds_until_the_table_answers", milliseconds)
    print(f"100 models: the table answers {milliseconds} ms after navigation began")


def test_model_page_of_four_full_tasks_is_small(tmp_path: Path) -> None:
    full = [
        entry(ALPHA, task, number=350, samples=3) for task in ("ltec_itr_lv", *LTEC[1:], "tirt")
    ]
    build_site(tmp_path / "out", full, [])
    assert (tmp_path / "out" / "models" / "made-up__alpha-7b.html").stat().st_size < 250_000


# Hostile names


def test_hostile_names_are_shown_and_never_raw(site: Path) -> None:
    shown = 0
    for name, content in files_of(site).items():
        if not name.endswith(".html"):
            continue
        text = content.decode()
        found = Page(text)
        assert "img" not in found.tags
        assert not found.events, name
        assert "<script>alert" not in text
        assert "onerror=alert(1)>" not in text.replace("&gt;", "\0")
        scripts = [link for link in found.links if link["tag"] == "script"]
        assert len(scripts) == found.tags.count("script")
        for script in scripts:
            assert script.get("src", "").lstrip("./").startswith("assets/") or (
                script.get("type") == "application/json"
            )
        shown += "{{7*7}}" in text
    assert shown >= 5
    row = page(site, "index.html").row(HOSTILE[:20])
    assert row[1].startswith(" ".join(HOSTILE.split()))


def test_text_of_script_json_cannot_end_the_script() -> None:
    text = script_json({"a": "</script><!-- & \u2028"})
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == {"a": "</script><!-- & \u2028"}


@pytest.mark.parametrize(
    "label", ["$a_b$", "<b>&\"'", 'id="x" url(#a) #010101', "label-1-", "漢字😀"]
)
def test_chart_takes_names_as_they_are(label: str) -> None:
    svg = interval_chart(
        [Bar(label, 30.0, (25.0, 35.0)), Bar("other", 20.0, None, checked=False)],
        [Reference("chance 25.0", 25.0), Reference("majority", 32.3, majority=True)],
        ident="c",
        title=label,
        description="d",
        axis="Accuracy, %",
    )
    found = Page(svg)
    escaped = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
    assert f">{escaped}</text>" in svg
    assert 'role="img" ' in svg and 'aria-labelledby="c-title c-desc"' in svg
    assert all(one.startswith("c-") for one in found.ids)
    assert "b" not in found.tags
    assert "#0101" not in svg.replace(escaped, "")


# What the tables say


def test_board_says_what_may_be_said(site: Path) -> None:
    found = page(site, "index.html")
    header = [" ".join(cell.split()) for cell in found.rows[0]]
    alpha = dict(zip(header, found.row("Alpha 7B"), strict=True))
    assert alpha["Model"] == "Alpha 7B Made Up, 0000000000 ↗"
    assert alpha["Tweets × seeds"] == "60 × 3"
    assert alpha["Badge"] == "recomputed"
    assert alpha["Against references"] in ("above majority", "above chance", "n.s. from chance")
    gamma = dict(zip(header, found.row("Gamma closed"), strict=True))
    assert gamma["95 % interval"] == "–"  # a claimed interval is nobody's here
    assert gamma["Tier"] == "–"
    assert gamma["Against references"] == "–"
    assert (gamma["Parameters"], gamma["Weights"], gamma["Badge"]) == (
        "–",
        "closed",
        "reported",
    )
    figured = dict(zip(header, found.row("Figured"), strict=True))
    assert figured["Accuracy %"] == "33.1"
    assert figured["95 % interval"] == figured["SD"] == figured["Unparseable %"] == "–"
    assert found.row("Uniform chance")[2] == "25.0"
    assert any("explained" in cell for row in found.rows for cell in row)


def test_results_that_are_not_current_stand_apart(entries: list[Entry]) -> None:
    board = make_boards(entries, [], trial=False)[0]
    assert board.main.version == "1" and board.main.data == "aaaaaaaaaaaa"
    delta, gamma = board.others  # what could be scored comes first
    assert [row.name for row in delta.entries] == ["Delta old"]
    assert [row.name for row in gamma.entries] == ["Gamma closed"]
    assert not {"Delta old", "Gamma closed"} & {row.name for row in board.main.rows}
    assert delta.entries[0].tier == 1 and gamma.entries[0].tier is None


FORGED = [Made(f"Forged {i}", 0.9, state=i) for i in range(3)]


@pytest.mark.parametrize(
    "options",
    [
        {"version": "999"},
        {"data": "hub-ffffffffffff"},
        {"version": "999", "data": "hub-ffffffffffff"},
        {"parser": "yes-no.999.en", "current": False},
        {"version": "999", "scored": False},
        {"scored": False},
    ],
)
def test_claims_of_version_or_data_never_make_the_main_table(options: dict[str, object]) -> None:
    honest = [entry(made, "ltec_itr_lv") for made in (ALPHA, BETA)]
    forged = [entry(made, "ltec_itr_lv", **options) for made in FORGED]
    board = make_boards([*forged, *honest], [], trial=False)[0]
    assert [row.name for row in board.main.entries] == ["Alpha 7B", "Beta 13B"]
    assert {row.name for group in board.others for row in group.entries} == {
        made.name for made in FORGED
    }
    alone = make_boards(forged, published(), trial=False)[0]
    assert {row.kind for row in alone.main.rows} == {"published", "baseline"}
    assert alone.main.references.relations == (113, 72, 113, 52)  # of the catalogue
    assert not alone.main.entries and alone.main.version is None
    gold = tuple(np.bincount(predictions(ALPHA, "ltec_itr_lv").gold, minlength=4))
    expected = None if options.get("scored") is False else gold
    assert [group.references.relations for group in alone.others] == [expected]


def test_main_table_does_not_ask_which_kind_the_data_is_of() -> None:
    both = [entry(ALPHA, "tirt"), entry(BETA, "tirt", data="hub-cccccccccccc", current=True)]
    board = make_boards(both, [], trial=False)[3]
    assert not board.others and len(board.main.entries) == 2


def test_translations_of_several_systems_are_never_in_one_table() -> None:
    mt = "ltec_itr_en_mt"
    other = {"data": "local-cccccccccccc-other", "current": True}
    some = [entry(ALPHA, mt), entry(BETA, mt), entry(GAMMA, f"{mt}@other", **other)]
    board = make_boards(some, [], trial=False)[2]
    assert [row.name for row in board.main.entries] == ["Alpha 7B", "Beta 13B"]
    (apart,) = board.others
    assert apart.data == "cccccccccccc-other"
    assert [row.name for row in apart.entries] == ["Gamma closed"]
    assert task_title(f"{mt}@other_explained") == (
        "LTEC machine English, translated by other, explained answers"
    )


# Without the image


def test_blind_score_stands_beside_the_sighted_one(site: Path) -> None:
    found = page(site, "index.html")
    header = [" ".join(cell.split()) for cell in found.rows[0]]
    assert header[2:5] == ["Accuracy %", "95 % interval", "Without image %"]
    mean = {True: 0.0, False: 0.0}
    for without in mean:
        (one,) = (
            one
            for one in small()
            if (one.path.split("/")[0], one.submission.run.task, one.without_image)
            == ("made-up__beta-13b", "ltec_itr_lv" + "~no-image" * without, without)
        )
        assert one.score is not None
        mean[without] = one.score.accuracy
    beta = [row for row in found.rows if any("Beta 13B" in cell for cell in row)]
    shown = {
        " ".join(row[1].split()).removesuffix(" ↗").rpartition(", ")[2]: row[4] for row in beta
    }
    assert shown == {"0000000000": f"{100 * mean[True]:.1f}", "explained answers": "–"}
    assert found.row("Figured")[4] == "–"
    assert {found.row(name)[4] for name in ("Majority class", "Always yes")} == {"–"}
    assert "without the image" not in (site / "index.html").read_text().lower().replace(
        "accuracy without the image, same tweets and prompts", ""
    )


def test_blind_results_change_nothing_else() -> None:
    """No rank, tier, count, average or gap: the rows are the same but for the one column."""
    entries = [entry(Made(f"M{i}", i / 8), task) for i in range(6) for task in (*LTEC, "tirt")]
    without = [
        *(entry(Made(f"M{i}", 0.9), task, blind=True) for i in range(6) for task in LTEC),
        entry(Made("Alone", 0.9), "ltec_itr_lv", blind=True),
        entry(Made("Other data", 0.9), "tirt", blind=True, data="local-ffffffffffff"),
    ]
    plain = make_boards(entries, published(), trial=False)
    boards = make_boards([*without, *entries], published(), trial=False)

    def bare(rows: tuple[Row, ...]) -> list[Row]:
        return [dataclasses.replace(row, without_image=None) for row in rows]

    for board, expected in zip(boards, plain, strict=True):
        assert bare(board.main.rows) == list(expected.main.rows)
        assert (board.others, board.claimed) == (expected.others, expected.claimed)
        assert finding(board) == finding(expected)
        assert power(board.main) == power(expected.main)
        with_blind = {row.name for row in board.main.rows if row.without_image}
        assert with_blind == ({f"M{i}" for i in range(6)} if board.task in LTEC else set())
    (average,), (expected_average,) = averages(boards), averages(plain)
    assert [row.mean for row in average.rows] == [row.mean for row in expected_average.rows]
    assert len(average.left_out) == len(expected_average.left_out)
    assert [[row.difference for row in gap.rows] for gap in gaps(boards)] == [
        [row.difference for row in gap.rows] for gap in gaps(plain)
    ]


@pytest.mark.parametrize(
    ("options", "beside"),
    [
        ({}, True),
        ({"samples": 2}, True),
        ({"parser": "yes-no.9.en"}, True),  # the model's page says so
        ({"explained": True}, False),
        ({"version": "0"}, False),
        ({"data": "hub-ffffffffffff"}, False),
        ({"data": "local-aaaaaaaaaaaa"}, True),  # the same content
        ({"prompt": "ba9876543210"}, False),
    ],
)
def test_blind_is_of_the_same_tweets_and_prompts(options: dict[str, object], beside: bool) -> None:
    some = [entry(BETA, "ltec_itr_lv"), entry(BETA, "ltec_itr_lv", blind=True, **options)]
    board = make_boards(some, [], trial=False)[0]
    (row,) = board.main.entries
    assert (row.accuracy_without_image is not None) is beside
    assert not board.others and row.answer_format == "plain"


def test_blind_is_of_the_same_state_and_system() -> None:
    mt = "ltec_itr_en_mt"
    other = {"data": "local-cccccccccccc-other", "current": True}
    newer = dataclasses.replace(BETA, state=2)
    some = [
        entry(BETA, mt),
        entry(newer, mt, blind=True),
        entry(BETA, f"{mt}@other", **other),
        entry(BETA, f"{mt}@other", blind=True, **other),
    ]
    board = make_boards(some, [], trial=False)[2]
    rows = [row for group in (board.main, *board.others) for row in group.entries]
    assert {row.task: row.without_image is not None for row in rows} == {
        mt: False,
        f"{mt}@other": True,
    }
    assert task_title(f"{mt}@other~no-image_explained") == (
        "LTEC machine English, translated by other, without the image, explained answers"
    )


def made_of(right: list[int], samples: int = 1) -> Entry:
    """A result on tweets of relation 0, right where *right* says so, in all samples."""
    answers = np.array([right] * samples, dtype=np.int8).T
    ids = tuple(str(10**18 + i) for i in range(len(right)))
    found = Predictions(ids, np.zeros(len(right), np.int8), answers, answers)
    return dataclasses.replace(
        entry(BETA, "ltec_itr_lv"), predictions=found, score=score(found, resamples=50)
    )


LOSES = "this score depends on the image being there."
GAINS = "this score does not show that the image is of use to the model."
SAME = "not significantly different: this score does not show that the image is used."


@pytest.mark.parametrize(
    ("only_with", "only_without", "p", "said"),
    [
        # Two-sided exact binomial tests at 0.5: scipy.stats.binomtest(k, n).pvalue
        (20, 0, "p < 0.001", LOSES),
        (0, 20, "p < 0.001", GAINS),
        (8, 2, "p = 0.109", SAME),
        (6, 0, "p = 0.031", LOSES),
        (5, 0, "p = 0.062", SAME),  # though the interval lies beside zero
        (3, 3, "p = 1.000", SAME),
        (0, 0, "p = 1.000", SAME),
    ],
)
def test_what_is_said_of_a_score_without_the_image(
    only_with: int, only_without: int, p: str, said: str
) -> None:
    both = [1] * 10 + [0] * 10
    sighted = made_of([1] * only_with + [0] * only_without + both)
    without = made_of([0] * only_with + [1] * only_without + both)
    text = " ".join(sentences(sighted, without))
    counts = f"{only_with} right only with the image, {only_without} only without"
    assert f"{counts}, {p}; t test of the difference, over tweets and seeds: p " in text
    assert [one in text for one in (LOSES, GAINS, SAME)].count(True) == 1 and said in text
    points_of = 100 * (only_with - only_without) / len(sighted.predictions.gold)  # type: ignore[union-attr]
    shown = f"{points_of:+.1f}".replace("-", "\N{MINUS SIGN}").replace("+0.0", "0.0")
    assert f"That is a difference of {shown} percentage points (95 % interval over" in text
    assert "Unparseable" not in text and "differ in" not in text


def test_what_is_said_where_little_is_known() -> None:
    few = sentences(made_of([1]), made_of([0]))
    assert few[1:] == ["On too few tweets to say whether they differ."]
    claimed = entry(GAMMA, "ltec_itr_lv", blind=True, scored=False)
    (alone,) = sentences(entry(GAMMA, "ltec_itr_lv"), claimed)
    assert alone.endswith(
        "%, as claimed. Nothing could be computed here, so the two are not compared."
    )
    run = claimed.submission.run.model_copy(update={"precision": "int4"})
    coarse = claimed.submission.model_copy(update={"run": run})
    said = sentences(
        entry(GAMMA, "ltec_itr_lv", scored=False), dataclasses.replace(claimed, submission=coarse)
    )
    assert said[1:] == [
        "The two runs also differ in: precision. The difference may come from that as well."
    ]
    other = sentences(made_of([1, 0, 1]), made_of([1, 0, 1], samples=2))
    run = made_of([1, 0]).submission.run
    changed = run.model_copy(update={"precision": "float16", "generation": {"temperature": 1}})
    sighted = made_of([1, 0, 1])
    hot = dataclasses.replace(
        sighted, submission=sighted.submission.model_copy(update={"run": changed})
    )
    assert sentences(sighted, hot)[-1] == (
        "The two runs also differ in: precision, generation settings. The difference may come from "
        "that as well."
    )
    assert "differ in" not in " ".join(other)  # the metadata say the same here


def test_a_difference_that_may_have_another_cause_is_not_laid_to_the_image() -> None:
    sighted, without = made_of([1] * 20 + [0] * 10), made_of([0] * 30)

    def said_with(**changes: object) -> str:
        run = without.submission.run.model_copy(update=changes)
        submission = without.submission.model_copy(update={"run": run})
        return " ".join(sentences(sighted, dataclasses.replace(without, submission=submission)))

    lower = "Without the image the accuracy is lower, by both tests"
    assert f"{lower}: {LOSES}" in said_with()
    text = said_with(seeds=[4, 5], samples=2)
    assert f"{lower}: {LOSES} The two runs also differ in: number of samples, seeds." in text
    assert "may come from" not in text
    for name, value in (
        *(("adapter", "x"), ("libraries", {}), ("package", "0.9.9")),
        *(("precision", "int4"), ("harness", "0"), ("generation", {"max_new_tokens": 1})),
    ):
        text = said_with(**{name: value})
        assert f"{lower}. The two runs also differ in: " in text and LOSES not in text
        assert text.endswith("The difference may come from that as well.")


def test_a_blind_score_under_other_conditions_is_marked(tmp_path: Path) -> None:
    """Else a model would only have to be run badly without the image."""
    sighted, other = entry(BETA, "ltec_itr_lv"), entry(ALPHA, "ltec_itr_lv")
    same = entry(ALPHA, "ltec_itr_lv", blind=True, samples=2)  # seeds: no mark
    blind_one = entry(BETA, "ltec_itr_lv", blind=True)
    assert blind_one.score is not None
    run = blind_one.submission.run.model_copy(update={"generation": {"max_new_tokens": 1}})
    worse = dataclasses.replace(
        blind_one, submission=blind_one.submission.model_copy(update={"run": run})
    )
    shown = f"{100 * blind_one.score.accuracy:.1f}"
    note = "* The score without the image was run under other conditions"
    for one, mark in ((blind_one, ""), (worse, "*")):
        build_site(tmp_path / "out", [sighted, other, same, one], [])
        found = page(tmp_path / "out", "index.html")
        assert found.row("Beta 13B")[4] == shown + mark
        assert not found.row("Alpha 7B")[4].endswith("*")
        assert (note in (tmp_path / "out/index.html").read_text()) is bool(mark)
        text = (tmp_path / "out" / "data" / "results.csv").read_text()
        beta = next(row for row in csv.DictReader(text.splitlines()) if row["model"] == "Beta 13B")
        assert beta["settings_without_image"] == ("other" if mark else "same")


def test_model_page_compares_with_and_without_the_image(site: Path) -> None:
    text = (site / "models" / "made-up__alpha-7b.html").read_text()
    assert "LTEC Latvian, without the image" in text
    assert "The two runs also differ in: number of samples, seeds." in text
    state = f"{2:040x}"
    start = text.index(f'<h2 id="{state}-tirt~no-image">')
    assert "No result of this state with the image" in text[start:]
    assert text.count("The result with the image") == text.count("The result without the image")
    assert text.count("Signature</p>") == 7
    gamma = (site / "models" / "made-up__gamma-closed.html").read_text()
    assert "%, as claimed. Nothing could be computed here" in gamma
    alpha = page(site, "models.html").row("Alpha 7B")
    header = [" ".join(cell.split()) for cell in page(site, "models.html").rows[0]]
    tirt = next(one for one in small() if one.path.endswith("/tirt"))
    assert tirt.score is not None
    assert dict(zip(header, alpha, strict=True))["TIRT %"] == f"{100 * tirt.score.accuracy:.1f}"


def test_downloads_have_the_blind_score(site: Path) -> None:
    rows = list(csv.DictReader((site / "data" / "results.csv").read_text().splitlines()))
    assert not [row for row in rows if "~" in row["task"]]
    found = {
        (row["model"], row["answers"]): (
            row["accuracy_without_image"],
            row["interval_low_without_image"],
            row["interval_high_without_image"],
        )
        for row in rows
        if row["task"] == "ltec_itr_lv" and row["accuracy_without_image"]
    }
    results = {one.submission.model.name: one for one in small() if one.without_image}
    beta = results["Beta 13B"].score
    assert beta is not None and beta.interval is not None
    figures = (beta.accuracy, beta.interval.low, beta.interval.high)
    assert found["Beta 13B", "plain"] == tuple(str(round(one, 6)) for one in figures)
    claimed = results["Gamma closed"].submission.score.accuracy
    assert found["Gamma closed", ""] == (str(claimed), "", "")
    assert set(found) == {("Alpha 7B", "plain"), ("Beta 13B", "plain"), ("Gamma closed", "")}


# Other tables


def test_other_tables_are_by_version_data_and_parser() -> None:
    apart = [
        {"version": "9"},
        {"version": "10"},
        {"version": "10", "data": "local-dddddddddddd"},
        {"version": "10", "data": "hub-dddddddddddd", "parser": "other.1.en"},
        {"version": "11", "scored": False},
    ]
    some = [entry(ALPHA, "tirt", **one) for one in apart]
    board = make_boards(some, [], trial=False)[3]
    assert [(one.version, one.data, one.parser) for one in board.others] == [
        ("10", "dddddddddddd", "yes-no.1.en"),
        ("10", "dddddddddddd", "other.1.en"),
        ("10", "cccccccccccc", "yes-no.1.en"),
        ("9", "cccccccccccc", "yes-no.1.en"),
        ("11", "cccccccccccc", "yes-no.1.en"),
    ]


def test_results_on_other_tweets_get_no_tier() -> None:
    some = [
        *(entry(made, "tirt") for made in (ALPHA, BETA)),
        entry(Made("Part", 0.9), "tirt", number=30),
    ]
    rows = {row.name: row for row in make_boards(some, [], trial=False)[3].main.entries}
    assert rows["Part"].tier is None and rows["Part"].reference_level is not None
    assert rows["Alpha 7B"].tier == 1


def test_baselines_without_results_come_from_the_catalog() -> None:
    boards = {board.task: board for board in make_boards([], [], trial=True)}
    assert set(boards) == set(LEADERBOARD)
    rows = {row.name: row.accuracy for row in boards["ltec_itr_lv"].main.rows}
    assert rows == {  # 113, 72, 113 and 52 of 350 tweets (docs/data.md)
        "Majority class": 113 / 350,
        "Always yes": 113 / 350,
        "Uniform chance": 0.25,
        "Always no": 52 / 350,
    }
    rows = {row.name: row.accuracy for row in boards["tirt"].main.rows}
    assert rows["Majority class"] is None and rows["Uniform chance"] == 0.25


def test_baselines_are_computed_from_the_labels(entries: list[Entry]) -> None:
    group = make_boards(entries, [], trial=False)[0].main
    gold = predictions(ALPHA, "ltec_itr_lv").gold
    assert group.references.relations == tuple(np.bincount(gold, minlength=4))


def test_findings_count_each_result_once(entries: list[Entry]) -> None:
    board = make_boards(entries, published(), trial=False)[0]
    group = board.main
    told = [row.sides for row in group.entries if row.sides]
    first, tiers, figures, trained, claims = finding(board)
    over, chance = (
        [sum(one is side for one in sides) for side in Side]
        for sides in ([one.majority for one in told], [one.chance for one in told])
    )
    assert sum(over) == sum(chance) == len(told) == len(group.entries)
    found = [int(number) for number in re.findall(r"(?<![.\d(])\d+(?![.\d])", first)]
    assert found == [len(told), *over, *chance]
    assert f"into {group.tiers} tiers" in tiers
    assert figures.startswith("Of 1 figure reported by papers, without responses, ")
    assert trained == "1 result of models that were trained on this data stands apart."
    assert claims == "1 submission could not be recomputed here; its figure is a claim."
    assert power(group).startswith("On this board, on ")


def test_findings_without_results() -> None:
    board = make_boards([], published(), trial=False)[0]
    assert finding(board)[0].startswith("No result with responses that can be scored here")
    assert finding(make_boards([], [], trial=False)[3]) == ["No result is known here yet."]
    claimed = make_boards([entry(GAMMA, "tirt", scored=False)], [], trial=False)[3]
    assert (
        finding(claimed)[1] == "1 submission could not be recomputed here; its figure is a claim."
    )


@pytest.mark.parametrize(
    ("models", "discordant", "tweets", "text"),
    [  # tests/test_ranking.py has where these smallest differences come from
        (2, 5 / 350, 350, "Where two models differ on only this share of tweets, no difference is"),
        (
            2,
            1.0,
            6,
            "under 100.0 percentage points is found less than 8 times out of 10 where only one",
        ),
        (3, 1.0, 6, "; as one of its 3 pairs, corrected: no difference is."),
    ],
)
def test_power_is_said_for_one_pair_and_for_all(
    models: int, discordant: float, tweets: int, text: str
) -> None:
    group = make_boards(many(models, ["tirt"]), [], trial=False)[3].main
    found = power(dataclasses.replace(group, discordant=discordant, tweets=tweets))
    assert text in found
    assert ("pairs, corrected" in found) is (models > 2)


def test_corrected_power_is_that_of_the_level_by_the_pairs() -> None:
    group = make_boards(many(5, ["tirt"]), [], trial=False)[3].main
    found = power(dataclasses.replace(group, discordant=0.3, tweets=350))
    alone, corrected = (smallest_difference(0.3, 350, level) for level in (0.05, 0.05 / 10))
    assert alone is not None and corrected is not None and alone < corrected
    assert f"under {100 * alone:.1f} percentage points" in found
    assert found.endswith(
        f"; as one of its 10 pairs, corrected: {100 * corrected:.1f} percentage points."
    )


def test_figures_without_a_text_stand_on_the_boards_they_may_belong_to(site: Path) -> None:
    for name in ("ltec_itr_en_manual.html", "ltec_itr_en_mt.html"):
        row = page(site, name).row("Placeless")
        assert "28.91" in row and "LTEC English, LTEC machine English" in row
    for name in ("index.html", "tirt.html"):
        text = (site / name).read_text()
        assert "28.91" not in text and "15.71" in text
    text = (site / "models" / "paper__placeless.html").read_text()
    assert "not known; one of: LTEC English, LTEC machine English" in text
    rows = list(csv.DictReader((site / "data" / "results.csv").read_text().splitlines()))
    unplaced = [row for row in rows if row["group"] == "text not known"]
    assert [(row["task"], row["among"], row["accuracy"]) for row in unplaced] == [
        ("", " ".join(LEADERBOARD), "0.1571"),
        ("", "ltec_itr_en_manual ltec_itr_en_mt", "0.2891"),
    ]


OWN_FIGURES = leaderboard_folder() / "published" / "rikters2025.yaml"


def test_our_published_figures_say_on_which_texts_they_may_be() -> None:
    (own,) = read_published(OWN_FIGURES.parent)
    found = {
        model.name: (figure.among, figure.accuracy, figure.deviation)
        for model in own.models
        for figure in model.figures
        if figure.task is None
    }
    english = ["ltec_itr_en_manual", "ltec_itr_en_mt"]
    assert found == {
        "Llama 3.2 11B": (english, 33.83, None),
        "LLaVA-NeXT 13B": (english, 28.91, None),
        "LLaVA-NeXT 7B": (list(LEADERBOARD), None, 8.03),
        "Qwen2-VL 7B": (list(LEADERBOARD), 15.71, 0.0),
        "Phi 3.5 4B": (english, 25.14, None),
    }


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("{task: tirt, accuracy", "{task: tirt, among: [tirt], accuracy", "and not both"),
        ("among: [ltec_itr_en_manual,", "among: [ltec_english,", "ltec_english"),
    ],
)
def test_figures_with_wrong_tasks_are_refused(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    text = OWN_FIGURES.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "one.yaml").write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_published(tmp_path)


def test_figures_of_old_files_may_be_on_any_task() -> None:
    figure = Figure(task=None, accuracy=1.0, deviation=None)
    source = published()[0].source
    model = published()[0].models[0]
    assert Reported(model, figure, source).possible == LEADERBOARD


def test_best_of_a_model_is_what_was_computed_before_what_is_claimed() -> None:
    figures = [Figure(task="tirt", accuracy=90.0, deviation=None)]

    def best(*own: Entry) -> tuple[float | None, str]:
        return _best(ModelResults("x", own, ()), "tirt", figures)

    low, high = Made("Low", 0.0), Made("High", 1.0)
    computed = entry(low, "tirt")
    assert computed.score is not None
    claimed = entry(high, "tirt", scored=False)
    old = entry(high, "tirt", version="0")
    assert old.score is not None
    assert best(claimed, old, computed) == (computed.score.accuracy, "")
    assert best(claimed, old) == (old.score.accuracy, "other version or data")
    assert best(claimed) == (claimed.submission.score.accuracy, "claimed")
    assert best() == (0.9, "reported")


def test_who_saw_the_data_is_marked_at_the_name(tmp_path: Path) -> None:
    tasks = LEADERBOARD
    some = [entry(made, task, saw=saw) for made, saw in ((ALPHA, "yes"), (BETA, "no"))
            for task in tasks]  # fmt: skip
    build_site(tmp_path / "out", some, [])
    for name in ("index.html", "models.html"):
        found = page(tmp_path / "out", name)
        assert "saw this data" in " ".join(found.row("Alpha 7B")), name
        assert "saw this data" not in " ".join(found.row("Beta 13B")), name
    for name in ("average.html", "languages.html", "compare.html"):  # in no test and no mean
        text = (tmp_path / "out" / name).read_text()
        assert "Alpha 7B" not in text and "Beta 13B" in text, name
    assert "saw this data" in (tmp_path / "out" / "models" / "made-up__alpha-7b.html").read_text()


SENT = [
    ("not observed", "Not observed: the adapter called nothing that could be watched"),
    ({"top_p": 0.9}, "The run allowed the adapter to differ from the task in these: top_p 0.9."),
    (
        {"top_p": 0.9, "seed": "varies", "temperature": None},
        "these: seed varies, temperature as asked, or not sent, top_p 0.9.",
    ),
    ({}, None),
    ([1], None),
    (None, None),
]


@pytest.mark.parametrize(("sent", "sentence"), SENT)
def test_what_was_sent_is_said_at_the_result(
    tmp_path: Path, sent: object, sentence: str | None
) -> None:
    one = entry(ALPHA, LTEC[0])
    facts = one.submission.run.model_copy(update={"generation": {"sent": sent}})
    submission = one.submission.model_copy(update={"run": facts})
    build_site(
        tmp_path / "out",
        [dataclasses.replace(one, submission=submission), entry(BETA, LTEC[0])],
        [],
    )
    own = (tmp_path / "out" / "models" / "made-up__alpha-7b.html").read_text()
    other = (tmp_path / "out" / "models" / "made-up__beta-13b.html").read_text()
    board = page(tmp_path / "out", "index.html")
    marked = sent == "not observed"
    mark = "settings not observed"
    assert (mark in " ".join(board.row("Alpha 7B")), mark in own) == (marked, marked)
    assert mark not in " ".join(board.row("Beta 13B")) + other
    if sentence is None:
        assert "Not observed" not in own and "differ from the task" not in own
    else:
        assert sentence in own and sentence not in other


def test_p_values_in_thousandths() -> None:
    values = np.array([0, 0.0009999, 0.001, 0.0355, 0.9999, 1])
    assert thousandths(values) == "00000110RSRS"
    assert [int(thousandths(values)[at : at + 2], 36) for at in range(0, 12, 2)] == [
        *(0, 0, 1, 36, 1000, 1000)
    ]


def test_chart_of_a_long_board_shows_both_ends_and_the_middle() -> None:
    rows = [Row("entry", f"M{i}", "tirt", accuracy=(100 - i) / 100) for i in range(100)]
    rows[70] = dataclasses.replace(rows[70], kind="published")
    shown = chart_rows(rows, 0.505)
    names = [row.name for row in shown if isinstance(row, Row)]
    middle = range(48, 51)
    assert names == [f"M{i}" for i in (*range(5), *middle, 70, 99)]
    assert [one for one in shown if isinstance(one, int)] == [43, 19, 28]
    assert len(names) + 43 + 19 + 28 == 100
    assert chart_rows(rows[:12], 0.505) == rows[:12]


@pytest.mark.parametrize("tasks", TRIALS)
def test_trial_is_said_on_every_page_and_leads_to_its_tasks(
    tmp_path: Path, tasks: tuple[str, ...]
) -> None:
    build_site(tmp_path / "out", [entry(ALPHA, task) for task in tasks], [], trial=True)
    names = [name for name in files_of(tmp_path / "out") if name.endswith(".html")]
    for name in names:
        assert "made-up or placeholder data, no result" in (tmp_path / "out" / name).read_text()
    links = [link.get("href") for link in page(tmp_path / "out", "index.html").links]
    assert links.count(f"{tasks[0]}.html") == 2  # the tab, and the text
    assert page(tmp_path / "out", "average.html").row("Alpha 7B")[3] != ""


def test_trial_tasks_have_no_board_outside_a_trial() -> None:
    boards = make_boards([entry(ALPHA, task) for task in TRIAL], [], trial=False)
    assert [board.task for board in boards] == list(LEADERBOARD)


# Across tasks


def test_average_is_of_complete_models_only(entries: list[Entry]) -> None:
    (average,) = averages(make_boards(entries, [], trial=False))
    assert [row.row.name for row in average.rows] == ["Alpha 7B"]
    row = average.rows[0]
    parts = [predictions(ALPHA, task).correct.mean() for task in LEADERBOARD]
    assert row.parts == pytest.approx(parts)
    assert row.mean == pytest.approx(np.mean(parts))
    assert row.interval[0] < row.mean < row.interval[1]
    missing = {(one.row.name, one.row.explained): one.missing for one in average.left_out}
    assert missing["Beta 13B", False] == ("tirt",)
    assert average.rows[0].badge is Badge.RECOMPUTED
    assert missing["Beta 13B", True] == ("ltec_itr_en_manual", "ltec_itr_en_mt", "tirt")


def test_average_needs_one_answer_format_on_all_tasks() -> None:
    whole = [entry(ALPHA, task, badge=Badge.RERUN) for task in LEADERBOARD]
    (average,) = averages(make_boards(whole, [], trial=False))
    assert [row.badge for row in average.rows] == [Badge.RERUN]
    mixed = [dataclasses.replace(whole[0], answer_format="explained"), *whole[1:]]
    (average,) = averages(make_boards(mixed, [], trial=False))
    assert not average.rows
    assert [(one.row.name, one.missing) for one in average.left_out] == [("Alpha 7B", ())]


def test_empty_average_says_what_it_needs(tmp_path: Path) -> None:
    build_site(tmp_path / "out", [], [])
    text = (tmp_path / "out" / "average.html").read_text()
    assert "TIRT and LTEC machine English need local data" in text
    assert "<form" not in text  # nothing to search


def test_chart_of_gaps_is_not_one_sided(entries: list[Entry]) -> None:
    (one, *_) = gaps(make_boards(entries, [], trial=False))[0].rows
    rows = [
        dataclasses.replace(one, difference=i / 100, adjusted=1.0, p_value=1 - abs(i) / 100)
        for i in range(45, -46, -1)
    ]
    shown = [round(100 * row.difference) for row in most_telling(rows)]
    assert shown == [*range(45, 25, -1), *range(-26, -46, -1)]
    # With equal p values the size decides.
    equal = [dataclasses.replace(row, p_value=1.0) for row in rows]
    assert [round(100 * row.difference) for row in most_telling(equal)] == shown


def test_results_of_different_numbers_of_samples_weigh_the_same() -> None:
    samples = dict(zip(LEADERBOARD, (1, 2, 3, 3), strict=True))
    whole = [entry(ALPHA, task, samples=number) for task, number in samples.items()]
    boards = make_boards(whole, [], trial=False)
    shares = {
        task: predictions(ALPHA, task, 60, samples[task]).correct.mean(1) for task in LEADERBOARD
    }
    (average,) = averages(boards)
    together = mean_intervals([sum(shares[task] for task in LTEC)[None], shares["tirt"][None]])
    assert average.rows[0].interval == pytest.approx(tuple(together[0] / 4), abs=1e-12)
    gap = gaps(boards)[0].rows[0]
    differences = shares[LTEC[0]] - shares[LTEC[1]]
    assert gap.difference == pytest.approx(differences.mean())
    assert gap.interval == pytest.approx(tuple(mean_intervals([differences[None]])[0]), abs=1e-12)


def test_gap_is_the_comparison_of_the_two_languages(entries: list[Entry]) -> None:
    found = {(gap.a.task, gap.b.task): gap for gap in gaps(make_boards(entries, [], trial=False))}
    assert list(found) == [(LTEC[0], LTEC[1]), (LTEC[0], LTEC[2]), (LTEC[1], LTEC[2])]
    rows = {row.a.name: row for row in found[LTEC[0], LTEC[1]].rows}
    assert set(rows) == {"Alpha 7B", "Beta 13B", HOSTILE}
    for made in (ALPHA, BETA):
        expected = compare(predictions(made, LTEC[0]), predictions(made, LTEC[1]))
        row = rows[made.name]
        assert row.difference == pytest.approx(expected.difference)
        assert (row.only_a, row.only_b) == (expected.only_a, expected.only_b)
        assert row.p_value == pytest.approx(expected.p_value)
        assert expected.interval is not None
        ends = (expected.interval.low, expected.interval.high)
        assert row.interval == pytest.approx(ends, abs=1e-12)
        assert row.p_value <= row.adjusted <= 1
        assert expected.mean_p_value <= row.mean_adjusted * (1 + 1e-9)
        for better in (1, -1):
            clear = dataclasses.replace(
                row, difference=0.2 * better, only_a=9 + better, only_b=9, adjusted=0.01
            )
            assert dataclasses.replace(clear, mean_adjusted=0.01).better == better
            assert dataclasses.replace(clear, mean_adjusted=0.05).better == 0
            assert dataclasses.replace(clear, mean_adjusted=0.01, adjusted=0.05).better == 0
            # The two tests on different sides.
            assert dataclasses.replace(clear, mean_adjusted=0.01, only_b=9 + 2 * better).better == 0


# Downloads


FIGURES = (
    "accuracy",
    "interval_low",
    "interval_high",
    "accuracy_sd",
    "unparseable_rate",
    "macro_f1",
)


def test_csv_holds_every_row_and_no_formula(site: Path) -> None:
    text = (site / "data" / "results.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    hostile = [row for row in rows if row["id"] == "hostile/one.of-them"]
    assert [row["model"] for row in hostile] == ["'" + HOSTILE] * 2
    assert not [v for row in rows for v in row.values() if v.startswith(("=", "@", "+"))]
    alpha = next(row for row in rows if row["model"] == "Alpha 7B")
    assert alpha["signature"].startswith("task:ltec_itr_lv")
    assert 0 < float(alpha["accuracy"]) < 1
    figured = next(row for row in rows if row["model"] == "Figured")
    assert (figured["accuracy"], figured["interval_low"]) == ("0.3307", "")
    decimals = [v.partition(".")[2] for row in rows for k, v in row.items() if k in FIGURES]
    assert max(map(len, decimals)) == 6
    kinds = {row["kind"] for row in rows}
    assert kinds == {"entry", "published", "baseline"}


def test_json_holds_the_same_rows_with_signatures(site: Path) -> None:
    found = json.loads((site / "data" / "results.json").read_text(encoding="utf-8"))
    rows = list(csv.DictReader((site / "data" / "results.csv").read_text().splitlines()))
    assert len(found["results"]) == len(rows)
    entries = [row for row in found["results"] if row["kind"] == "entry"]
    assert len(entries) == 15 and all(row["signature"] for row in entries)
    assert HOSTILE in [row["model"] for row in entries]


def test_bibtex_is_balanced_and_escaped(site: Path) -> None:
    text = (site / "data" / "leaderboard.bib").read_text(encoding="utf-8")
    records = re.split(r"^@", text, flags=re.MULTILINE)[1:]
    keys = [re.match(r"\w+\{([^,]+),", record) for record in records]
    names = [key[1] for key in keys if key]
    assert len(names) == len(records) == 2 + 19 == len(set(names))
    for record in records:
        assert record.count("{") == record.count("}")
    hostile = next(record for record in records if "alert" in record)
    assert r"\$a\_b\$" in hostile and r"\{\{" not in hostile and "<script>" in hostile


# History, cache, writing


def test_history_is_newest_first_and_says_why(site: Path, entries: list[Entry]) -> None:
    items = merged(entries, [HistoryItem("2025-12-31", "Old", "Why.")])
    assert [item.date for item in items] == sorted((item.date for item in items), reverse=True)
    assert items[-1].what == "Old"
    beta = [item for item in items if item.model == "made-up/beta-13b"]
    assert len(beta) == 1  # one reason, one line
    assert beta[0].what.endswith("ltec_itr_lv, ltec_itr_lv_explained, ltec_itr_lv~no-image")
    text = (site / "history.html").read_text()
    assert text.index("A rule changed &lt;i&gt;") < text.index("Alpha 7B")
    assert "To be fairer &amp; clearer." in text


def test_refused_submissions_are_counted(site: Path) -> None:
    text = (site / "about.html").read_text()
    assert "1 submission could not be accepted and is not shown" in text
    assert "evil__model/&lt;b&gt;/tirt" in text


def test_model_page_does_not_depend_on_other_models(entries: list[Entry], tmp_path: Path) -> None:
    alone = [one for one in entries if one.submission.model.id == "made-up/beta-13b"]
    build_site(tmp_path / "alone", alone, [])
    build_site(tmp_path / "all", entries, [])
    name = "models/made-up__beta-13b.html"
    assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()


def test_only_an_empty_folder_or_our_own_is_replaced(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("precious")
    with pytest.raises(ItrBenchError, match="not empty and was not made by itr-bench"):
        build_site(foreign, [], [])
    assert files_of(foreign) == {"thesis.txt": b"precious"}
    (tmp_path / "file").write_text("x")
    with pytest.raises(ItrBenchError, match="is a file"):
        build_site(tmp_path / "file", [], [])
    empty = tmp_path / "empty"
    empty.mkdir()
    build_site(empty, [], [])
    (empty / "stale.html").write_text("old")
    build_site(empty, [], [])
    assert (empty / MARKER).is_file() and not (empty / "stale.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "foreign"]


def test_a_failed_build_leaves_the_old_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    build_site(out, [], published())
    before = files_of(out)

    def fail(*_: object) -> str:
        raise RuntimeError("in the middle")

    monkeypatch.setattr("itr_bench.leaderboard.site.build.model_page", fail)
    with pytest.raises(RuntimeError):
        build_site(out, [entry(ALPHA, "tirt")], [])
    assert files_of(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# Small things


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (7_000_000_000, "7 B"),
        (13_300_000_000, "13.3 B"),
        (300_000_000, "300 M"),
        (999, "999"),
    ],
)
def test_parameters(value: int | None, text: str) -> None:
    assert parameters(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0"), (-0.0001, "0.0"), (0.031, "+3.1"), (-0.5, "−50.0")]
)
def test_points(value: float, text: str) -> None:
    assert points(value) == text


def test_feed_badge_preview_and_links_to_the_repository(tmp_path: Path) -> None:
    some = [entry(ALPHA, "ltec_itr_lv"), entry(HOSTILE_MODEL, "ltec_itr_lv")]
    build_site(
        tmp_path / "out", some, [], url="https://x.org/itr", repository="https://github.com/x/y/"
    )
    root = ElementTree.parse(tmp_path / "out" / "feed.xml").getroot()
    items = root.findall("./channel/item")
    assert [item.findtext("link") for item in items] == [
        f"https://x.org/itr/models/{name}.html"
        for name in ("hostile__one.of-them", "made-up__alpha-7b")
    ]
    assert items[1].findtext("pubDate") == "Sun, 11 Jan 2026 00:00:00 GMT"
    assert items[1].findtext("title") == "Alpha 7B (0000000000): ltec_itr_lv"
    assert (tmp_path / "out" / "assets" / "preview.png").read_bytes().startswith(b"\x89PNG")
    badge = ElementTree.parse(tmp_path / "out" / "models" / "made-up__alpha-7b.svg").getroot()
    score = some[0].score
    assert score is not None
    text = f"itr-bench, LTEC Latvian: {100 * score.accuracy:.1f} %"
    assert badge.get("aria-label") == text
    page_text = (tmp_path / "out" / "models" / "made-up__alpha-7b.html").read_text()
    assert f"[![{text}](https://x.org/itr/models/made-up__alpha-7b.svg)]" in page_text
    folder = f"https://github.com/x/y/tree/main/leaderboard/submissions/{some[0].path}"
    assert f'href="{folder}"' in page_text and f'href="{folder}/responses.jsonl"' in page_text
    index = (tmp_path / "out" / "index.html").read_text()
    assert 'property="og:image" content="https://x.org/itr/assets/preview.png"' in index


def test_first_screen_says_the_question_and_who_leads(site: Path) -> None:
    text = (site / "index.html").read_text()
    question = text.index("Does the image add to the meaning of the text")
    example, leads = text.index("Made-up example"), text.index("Alpha 7B leads with ")
    chart, table = text.index("<svg"), text.index('<table id="results"')
    assert question < example < leads < chart < table < text.index("What the results show")
    assert "Made-up example" not in (site / "tirt.html").read_text()
    (claimed,) = (
        board for board in make_boards([], published(), trial=False) if board.task == LTEC[0]
    )
    assert leader(claimed) == (
        "No result with responses has been submitted yet. The best reported figure is that of "
        "Figured, 33.1 %; it cannot be tested."
    )
    (one,) = make_boards([entry(BETA, "ltec_itr_lv")], [], trial=False)[:1]
    assert leader(one).endswith("; there is no other result with responses to test it against.")


def test_plots_have_the_same_figures_as_text(entries: list[Entry]) -> None:
    board = make_boards(entries, published(), trial=False)[0]
    size, time, image = plots(board)
    rows = [row for row in board.main.rows if row.kind != "baseline" and row.accuracy is not None]
    assert [line[0] for line in size.lines] == [
        row.name
        for row in sorted(rows, key=lambda r: (r.parameters or 0, r.name))
        if row.parameters
    ]
    assert {line[1] for line in time.lines} == {"2026-01-11", "2026-01-12"}
    beta = next(line for line in image.lines if line[0] == "Beta 13B")
    row = next(row for row in rows if row.name == "Beta 13B" and row.without_image)
    assert beta[1] == f"{100 * (row.accuracy or 0):.1f}"
    assert beta[3] == f"{100 * (row.accuracy_without_image or 0):.1f}"
    for plot in (size, time, image):
        assert plot.chart is not None and "<title" in plot.chart and "<desc" in plot.chart
        assert HOSTILE not in plot.chart


def repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
    return folder


def pushed(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(("target", "extra"), [("pages", ".nojekyll"), ("space", "README.md")])
def test_publish_pushes_the_site_and_nothing_else(
    target: str, extra: str, site: Path, tmp_path: Path
) -> None:
    remote, branch = repository(tmp_path / "remote"), BRANCHES[target]
    options = [
        "leaderboard",
        "publish",
        "--to",
        target,
        "--site",
        str(site),
        "--remote",
        str(remote),
    ]
    dry = CliRunner().invoke(cli, [*options, "--dry-run"])
    assert dry.exit_code == 0 and dry.output.startswith("dry run: ")
    assert pushed(remote, "branch") == []
    for _ in range(2):  # again: in the place of what is there
        done = CliRunner().invoke(cli, options)
        assert done.exit_code == 0, done.output
        found = pushed(remote, "ls-tree", "-r", "--name-only", branch)
        assert sorted(found) == sorted([*files_of(site), extra])
        assert pushed(remote, "rev-list", "--count", branch) == ["1"]


def test_publish_says_what_is_missing(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ItrBenchError, match="is no site of ours: build it first"):
        publish(tmp_path, "pages", "x")
    with pytest.raises(ItrBenchError, match="name the space: --remote"):
        publish(site, "space", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ItrBenchError, match="name one with --remote"):
        publish(site, "pages", None)
    with pytest.raises(ItrBenchError, match="git push failed"):
        publish(site, "pages", str(tmp_path / "nowhere"))


def test_small_p_values_are_bounds() -> None:
    assert [p_value(p) for p in (1.0, 0.05, 0.001, 0.00099)] == [
        "1.000",
        "0.050",
        "0.001",
        "< 0.001",
    ]


def test_right_counts_are_one_character_a_tweet() -> None:
    few = predictions(ALPHA, "tirt", 12, 3)
    text = right_counts(few.correct.sum(axis=1), 3)
    assert isinstance(text, str)
    assert [int(char) for char in text] == list(few.correct.sum(axis=1))
    many_samples = predictions(ALPHA, "tirt", 5, 80)
    hits = many_samples.correct.sum(axis=1)
    assert right_counts(hits, 80) == list(hits)


def test_server_serves_files_and_nothing_else(site: Path) -> None:
    running = server(site, port=0)
    with served(running) as address:

        def get(path: str) -> tuple[int, str]:
            try:
                with urllib.request.urlopen(address + path) as answer:
                    return answer.status, answer.headers["Content-Type"]
            except urllib.error.HTTPError as error:
                return error.code, ""

        assert get("/") == (200, "text/html; charset=utf-8")
        assert get("/assets/tables.js") == (200, "text/javascript; charset=utf-8")
        assert get("/data/results.csv") == (200, "text/csv; charset=utf-8")
        assert get("/models/")[0] == get("/../../etc/passwd")[0] == 404
        with pytest.raises(ItrBenchError, match=f"port {running.server_address[1]} .* in use"):
            server(site, port=running.server_address[1])


def test_server_needs_a_site(tmp_path: Path) -> None:
    with pytest.raises(ItrBenchError, match="build the site first"):
        server(tmp_path, port=0)
