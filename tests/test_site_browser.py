"""The pages in headless Chromium: from the disk and from a server, with and without JavaScript."""

from __future__ import annotations

import contextlib
import itertools
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from itr_bench.leaderboard.site.board import make_boards
from itr_bench.leaderboard.site.build import build_site
from itr_bench.leaderboard.site.serve import server
from itr_bench.report.words import p_value
from itr_bench.scoring.comparison import compare
from tests.browser import axe_violations, headless_chromium, wait
from tests.served import served
from tests.site_entries import BETA, LTEC, Made, entry, many, published, small

pytest.importorskip("selenium")
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

ALPHA, HOSTILE = "models/made-up__alpha-7b.html", "models/hostile__one.of-them.html"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "site"
    entries = [*small(), *many(12, [*LTEC, "tirt"])]
    build_site(folder, entries, published(), refused=["a/b/c"])
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(server(site, port=0)) as url:
        yield f"{url}/"


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    with headless_chromium("1600,1000") as found:
        yield found


@pytest.fixture(params=["file", "http"])
def base(request: pytest.FixtureRequest, site: Path, address: str) -> str:
    return f"{site.as_uri()}/" if request.param == "file" else address


@pytest.fixture
def disk(site: Path) -> str:
    return f"{site.as_uri()}/"


def go(chromium: webdriver.Chrome, url: str) -> None:
    """Open a page afresh: one that differs by its fragment alone would not be loaded."""
    if chromium.current_url.partition("#")[0] == url.partition("#")[0]:
        chromium.get("about:blank")
    chromium.get(url)


def ready(chromium: webdriver.Chrome, url: str) -> None:
    """Open a page and wait for its script."""
    go(chromium, url)
    wait(chromium, "return Boolean(document.documentElement.dataset.ready)")


def models(chromium: webdriver.Chrome) -> list[str]:
    """The rows that are shown, by the name of the model or baseline."""
    found: list[str] = chromium.execute_script(
        "return [...document.querySelectorAll('#results tbody tr')]"
        ".map(row => row.querySelector('.model')?.firstChild.textContent.trim() || '')"
    )
    return found


def column(chromium: webdriver.Chrome, name: str) -> list[str]:
    """The cells that are shown of one column."""
    found: list[str] = chromium.execute_script(
        "const heads = [...document.querySelectorAll('#results thead th')];"
        "const i = heads.findIndex(head => head.dataset.name === arguments[0]);"
        "return [...document.querySelectorAll('#results tbody tr')]"
        ".map(row => row.cells[i].textContent.trim())",
        name,
    )
    return found


def sort(chromium: webdriver.Chrome, name: str, expected: str) -> None:
    """Click on the head of a column, and wait until the address says *expected*."""
    chromium.find_element(By.CSS_SELECTOR, f"th[data-name={name}]").click()
    wait(chromium, f"return location.hash.includes('sort={expected}')")


def numbers(cells: list[str]) -> list[float]:
    return [float(cell) for cell in cells if cell.replace(".", "").isdigit()]


def filters(chromium: webdriver.Chrome, shown: bool = True) -> None:
    """Open or close the box with the filters."""
    if chromium.execute_script(
        "return document.querySelector('details.picker').open !== arguments[0]", shown
    ):
        chromium.find_element(By.CSS_SELECTOR, "details.picker summary").click()


def tick(chromium: webdriver.Chrome, name: str) -> None:
    """Click on a box among the filters."""
    filters(chromium)
    chromium.find_element(By.ID, name).click()
    filters(chromium, False)


def fill(chromium: webdriver.Chrome, name: str, text: str) -> None:
    field = chromium.find_element(By.ID, name)
    field.clear()
    field.send_keys(text)


def test_sorting_search_and_filters(chromium: webdriver.Chrome, base: str) -> None:
    ready(chromium, base + "index.html")
    accuracies = numbers(column(chromium, "accuracy"))
    assert accuracies == sorted(accuracies, reverse=True) and len(accuracies) > 15
    assert {"Majority class", "Uniform chance", "Always yes", "Always no"} <= set(models(chromium))

    sort(chromium, "accuracy", "accuracy-asc")
    assert numbers(column(chromium, "accuracy")) == accuracies[::-1]
    sort(chromium, "parameters", "parameters-desc")
    sizes = [float(cell.split()[0]) for cell in column(chromium, "parameters") if " B" in cell]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 5

    fill(chromium, "q", "beta")
    assert models(chromium) == ["Beta 13B", "Beta 13B"]
    total = 12 + 6
    status = chromium.find_element(By.ID, "count").text
    assert status == f"Showing 2 of {total} results."
    chromium.find_element(By.ID, "clear").click()
    assert numbers(column(chromium, "accuracy")) == accuracies
    assert "#" not in chromium.current_url

    tick(chromium, "open")
    assert "closed" not in column(chromium, "weights")
    filters(chromium)
    fill(chromium, "size", "10")
    sizes = [float(cell.split()[0]) for cell in column(chromium, "parameters") if " B" in cell]
    assert sizes and max(sizes) <= 10
    assert "Majority class" in models(chromium)  # filters leave the references
    chromium.find_element(By.ID, "clear").click()
    filters(chromium)
    Select(chromium.find_element(By.ID, "badge")).select_by_value("rerun")
    filters(chromium, False)
    assert set(column(chromium, "badge")) == {"rerun", "reference"}
    chromium.find_element(By.ID, "clear").click()
    tick(chromium, "complete")
    assert "Alpha 7B" in models(chromium) and "Beta 13B" not in models(chromium)


def test_blind_scores_sort(chromium: webdriver.Chrome, disk: str) -> None:
    ready(chromium, disk + "index.html")
    shown = column(chromium, "without-image")
    assert len(numbers(shown)) == 2 and "–" in shown
    sort(chromium, "without-image", "without-image-desc")
    cells = column(chromium, "without-image")
    assert numbers(cells[:2]) == sorted(numbers(shown), reverse=True)
    assert set(cells[2:]) == {"–"}
    assert set(models(chromium)[-4:]) == {
        "Majority class", "Uniform chance", "Always yes", "Always no"
    }  # fmt: skip
    sort(chromium, "without-image", "without-image-asc")
    assert numbers(column(chromium, "without-image")[-2:]) == sorted(numbers(shown))


def visible(chromium: webdriver.Chrome) -> list[str]:
    """The columns of the main table that are shown."""
    found: list[str] = chromium.execute_script(
        "return [...document.querySelectorAll('#results thead th')]"
        ".filter(head => head.offsetParent).map(head => head.dataset.name)"
    )
    return found


def test_columns_are_picked_and_the_address_keeps_them(
    chromium: webdriver.Chrome, base: str
) -> None:
    ready(chromium, base + "index.html")
    before = visible(chromium)
    assert "released" not in before and {"licence", "submitted", "parameters"} < set(before)
    chromium.find_elements(By.CSS_SELECTOR, "details.picker summary")[1].click()
    for label in chromium.find_elements(By.CSS_SELECTOR, "#columns label"):
        if label.text in ("Released", "SD"):
            label.click()
    assert set(visible(chromium)) ^ set(before) == {"released", "sd"}
    link = chromium.current_url
    assert "columns=sd%2Creleased" in link
    ready(chromium, link)
    assert set(visible(chromium)) ^ set(before) == {"released", "sd"}
    fill(chromium, "q", "beta")
    assert len(column(chromium, "sd")) == 2
    chromium.find_element(By.ID, "clear").click()
    assert visible(chromium) == before and "#" not in chromium.current_url
    with narrow(chromium, 390):
        ready(chromium, base + "index.html")
        assert visible(chromium) == ["tier", "model", "accuracy", "interval"]


def test_table_fits_a_laptop_and_begins_on_the_first_screen(
    chromium: webdriver.Chrome, disk: str
) -> None:
    with narrow(chromium, 1280):
        ready(chromium, disk + "index.html")
        top, needed, room = chromium.execute_script(
            "const table = document.querySelector('#results'), box = table.parentElement;"
            "return [table.getBoundingClientRect().top, box.scrollWidth, box.clientWidth]"
        )
    assert needed <= room and top < 700  # of 800


def test_the_theme_can_be_chosen_and_is_kept(chromium: webdriver.Chrome, address: str) -> None:
    def body() -> str:
        return chromium.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")

    light, dark = "rgba(253, 253, 251, 1)", "rgba(22, 24, 27, 1)"
    with scheme(chromium, "light"):
        go(chromium, address + "index.html")
        button = chromium.find_element(By.ID, "theme")
        seen = [(button.text, body())]
        for _ in range(2):
            button.click()
            seen.append((button.text, body()))
        assert seen == [
            ("Theme: system", light), ("Theme: light", light), ("Theme: dark", dark)
        ]  # fmt: skip
        go(chromium, address + "tirt.html")
        assert body() == dark
        chromium.find_element(By.ID, "theme").click()
        assert body() == light


def test_address_holds_the_state(chromium: webdriver.Chrome, base: str) -> None:
    ready(chromium, base + "index.html")
    fill(chromium, "q", "model & 0")
    fill(chromium, "q", "model 0")
    tick(chromium, "open")
    sort(chromium, "unparseable", "unparseable-desc")
    link, before = chromium.current_url, models(chromium)
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(link).fragment) == {
        "q": ["model 0"],
        "open": ["1"],
        "sort": ["unparseable-desc"],
    }
    assert 3 < len(before) < 12
    ready(chromium, link)
    assert models(chromium) == before
    assert chromium.find_element(By.ID, "q").get_attribute("value") == "model 0"
    chromium.refresh()
    wait(chromium, "return Boolean(document.documentElement.dataset.ready)")
    assert models(chromium) == before and chromium.current_url == link
    chromium.execute_script("location.hash = '#q=beta'")  # as with the back button
    wait(chromium, "return document.querySelectorAll('#results tbody tr').length === 2")
    assert not chromium.find_element(By.ID, "open").is_selected()
    assert (
        chromium.execute_script(
            "return document.querySelector('th[data-name=accuracy]').getAttribute('aria-sort')"
        )
        == "descending"
    )


def test_nonsense_in_the_address_does_nothing(chromium: webdriver.Chrome, disk: str) -> None:
    ready(chromium, disk + "index.html")
    all_of_them = models(chromium)
    for fragment in ("sort=<b>-asc", "badge=gold&size=NaN&open=yes", "=&&=", "content", "%"):
        ready(chromium, f"{disk}index.html#{fragment}")
        assert models(chromium) == all_of_them, fragment
    ready(chromium, disk + "compare.html#task=none&models=x,y,,x")
    assert len(chromium.find_elements(By.CSS_SELECTOR, "#table thead th a")) == 2


def test_tabs_and_links_lead_on(chromium: webdriver.Chrome, base: str) -> None:
    go(chromium, base + "index.html")
    links = chromium.find_elements(By.CSS_SELECTOR, "header nav a")
    addresses = [link.get_attribute("href") or "" for link in links]
    assert len(addresses) == 12
    for url in addresses:
        go(chromium, url)
        current = chromium.find_elements(By.CSS_SELECTOR, "nav a[aria-current=page]")
        assert [link.get_attribute("href") for link in current] == [url]
        assert chromium.find_element(By.TAG_NAME, "h1").text
    go(chromium, base + "index.html")
    chromium.find_element(By.LINK_TEXT, "Alpha 7B").click()
    assert chromium.current_url == base + ALPHA
    chromium.find_element(By.LINK_TEXT, "LTEC Latvian").click()
    assert chromium.current_url == base + "index.html"


def test_downloads_are_there(chromium: webdriver.Chrome, address: str) -> None:
    go(chromium, address + ALPHA)
    links = chromium.find_elements(By.CSS_SELECTOR, "footer a[download]")
    found = {}
    for link in links:
        with urllib.request.urlopen(link.get_attribute("href") or "") as answer:
            found[link.text] = answer.read().decode()
    assert found["CSV"].startswith("task,among,group,kind,model,")
    assert json.loads(found["JSON"])["format"] == 1
    assert found["BibTeX"].startswith("@misc{rikters2025imagetext,")


PAGES = (
    "index.html",
    "tirt.html",
    "average.html",
    "languages.html",
    "plots.html",
    "models.html",
    ALPHA,
    HOSTILE,
    "compare.html",
    "about.html",
    "submit.html",
    "history.html",
)


@pytest.mark.parametrize("name", PAGES)
def test_no_error_and_no_request_to_elsewhere(
    chromium: webdriver.Chrome, base: str, name: str
) -> None:
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get_log("performance")
    chromium.get(base + name)
    chromium.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    assert chromium.get_log("browser") == []
    messages = [json.loads(one["message"])["message"] for one in chromium.get_log("performance")]
    asked = [
        one["params"]["request"]["url"]
        for one in messages
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert [url for url in asked if not url.startswith((base, "data:,"))] == []


@pytest.mark.parametrize("name", PAGES)
def test_phone_needs_no_sideways_scrolling(
    chromium: webdriver.Chrome, disk: str, name: str
) -> None:
    for width in (360, 1600):
        chromium.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
        )
        try:
            go(chromium, disk + name)
            chromium.execute_script(
                "document.querySelectorAll('details').forEach(one => { one.open = true; })"
            )
            room, needed = chromium.execute_script(
                "const page = document.documentElement; return [page.clientWidth, page.scrollWidth]"
            )
            assert width - 20 < room <= width and needed == room
        finally:
            chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@contextlib.contextmanager
def narrow(chromium: webdriver.Chrome, width: int = 360) -> Iterator[None]:
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        yield
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


CHART_PARTS = """
const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1;
return [...document.querySelectorAll('figure .scroll')].map(box => {
  const room = box.getBoundingClientRect();
  const shown = [...box.querySelectorAll('svg.chart')].filter(one => one.getClientRects().length);
  const svg = shown[0];
  const parts = [...svg.querySelectorAll('path, use, text')];
  const drawn = parts.filter(one => !one.closest('defs'));
  const texts = [...svg.querySelectorAll('text')];
  return {
    shown: shown.map(one => one.classList.contains('narrow')),
    scrolls: box.scrollWidth > box.clientWidth,
    outside: drawn.filter(one => !inside(one.getBoundingClientRect(), room))
      .map(one => one.outerHTML),
    lines: [...svg.querySelectorAll('path, line')]
      .filter(one => (one.getAttribute('style') || '').includes('var(--majority)'))
      .map(one => inside(one.getBoundingClientRect(), room)),
    small: texts.filter(one => one.getBoundingClientRect().height < 10).length,
    names: texts.map(one => one.textContent)
  };
});
"""


@pytest.mark.parametrize("name", ["index.html", "average.html", "languages.html", ALPHA])
def test_phone_shows_the_whole_chart(chromium: webdriver.Chrome, disk: str, name: str) -> None:
    with narrow(chromium):
        go(chromium, disk + name)
        charts = chromium.execute_script(CHART_PARTS)
    assert charts
    for chart in charts:
        assert chart["shown"] == [True]  # one design, that for narrow screens
        assert not chart["scrolls"] and not chart["outside"] and not chart["small"], chart
    if name == "index.html":
        assert charts[0]["lines"] and all(charts[0]["lines"])
        assert {"Alpha… 0000000", "Figured"} <= set(charts[0]["names"])
        assert any("majority class" in text for text in charts[0]["names"])
    go(chromium, disk + name)
    for chart in chromium.execute_script(CHART_PARTS):
        assert chart["shown"] == [False] and not chart["outside"] and not chart["small"]


SHOWN_ROWS = (
    "return [...document.querySelectorAll('table[data-rich]')]"
    ".map(table => [...table.tBodies[0].rows].map(row => row.textContent.replace(/\\s+/g, ' ')))"
)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with models of one name, and of equal accuracy."""
    twins = [
        entry(Made("Twin", 0.3, identifier=f"twin/{letter}-{task[:4]}", state=3), task)
        for letter in "cab"
        for task in (*LTEC, "tirt")
    ]
    folder = tmp_path_factory.mktemp("twins") / "site"
    build_site(folder, [*small(), *twins], published())
    return folder


@pytest.mark.parametrize("name", ["index.html", "average.html", "languages.html", "models.html"])
def test_script_starts_with_the_order_of_the_server(
    chromium: webdriver.Chrome, twins: Path, name: str
) -> None:
    url = (twins / name).as_uri()
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    go(chromium, url)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    served = chromium.execute_script(SHOWN_ROWS)
    ready(chromium, url)
    assert served and served == chromium.execute_script(SHOWN_ROWS)


@pytest.mark.parametrize(("name", "column"), [("average.html", "tirt"), ("languages.html", "p")])
def test_pages_across_tasks_keep_their_state(
    chromium: webdriver.Chrome, base: str, name: str, column: str
) -> None:
    ready(chromium, base + name)
    before = chromium.execute_script(SHOWN_ROWS)
    fill(chromium, "q", "003 model")
    chromium.find_element(By.CSS_SELECTOR, f"table th[data-name={column}]").click()
    wait(chromium, "return location.hash.includes('sort')")
    link, found = chromium.current_url, chromium.execute_script(SHOWN_ROWS)
    assert found != before and all("Model 003" in row for table in found for row in table)
    assert chromium.find_element(By.ID, "count").text.startswith("Showing ")
    ready(chromium, link)
    assert chromium.execute_script(SHOWN_ROWS) == found
    chromium.find_element(By.ID, "clear").click()
    assert chromium.execute_script(SHOWN_ROWS) == before
    assert "#" not in chromium.current_url


def test_filter_of_models_that_did_not_see_the_data(chromium: webdriver.Chrome, disk: str) -> None:
    ready(chromium, disk + "index.html")
    tick(chromium, "unseen")
    shown = models(chromium)
    assert "Alpha 7B" in shown and "Majority class" in shown
    assert not [name for name in shown if name.startswith(("Beta", "W", "Model", "Figured"))]
    assert "unseen=1" in chromium.current_url


@contextlib.contextmanager
def scheme(chromium: webdriver.Chrome, value: str) -> Iterator[None]:
    feature = {"name": "prefers-color-scheme", "value": value}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        yield
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_dark_and_light(chromium: webdriver.Chrome, disk: str) -> None:
    found = {}
    for value in ("light", "dark"):
        with scheme(chromium, value):
            go(chromium, disk + "index.html")
            found[value] = [
                chromium.find_element(By.TAG_NAME, "body").value_of_css_property(
                    "background-color"
                ),
                chromium.find_element(By.CSS_SELECTOR, "svg text").value_of_css_property("fill"),
            ]
    assert found["light"] == ["rgba(253, 253, 251, 1)", "rgb(89, 92, 97)"]
    assert found["dark"] == ["rgba(22, 24, 27, 1)", "rgb(167, 171, 176)"]


@pytest.mark.parametrize("name", ["index.html", ALPHA, "compare.html", "languages.html"])
def test_without_javascript_everything_is_there(
    chromium: webdriver.Chrome, disk: str, name: str
) -> None:
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        go(chromium, disk + name)
        assert not any(
            one.is_displayed() for one in chromium.find_elements(By.CSS_SELECTOR, "form, button")
        )
        if name == "compare.html":
            text = chromium.find_element(By.CLASS_NAME, "without-script")
            assert text.is_displayed() and "itr-bench compare A B" in text.text
        else:
            rows = chromium.find_elements(By.CSS_SELECTOR, "table tbody tr")
            assert len([row for row in rows if row.is_displayed()]) > 8
            assert chromium.find_element(By.CSS_SELECTOR, "svg.chart").is_displayed()
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_comparison_agrees_with_python(chromium: webdriver.Chrome, base: str) -> None:
    entries = [*small(), *many(12, [*LTEC, "tirt"])]
    group = make_boards(entries, published(), trial=False)[0].main
    first, *others = group.comparable
    assert len(others) > 12
    ready(chromium, base + "compare.html")
    for box in chromium.find_elements(By.CSS_SELECTOR, "#choices input"):
        if not box.is_selected():
            box.click()
    cells = chromium.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')].slice(-5)"
        ".map(row => [...row.cells].map(cell => [cell.textContent, cell.dataset.p]))"
    )
    header = [link.text for link in chromium.find_elements(By.CSS_SELECTOR, "#table thead th a")]
    assert len(header) == len(group.comparable) and header[0] == first.row.name
    differences, intervals, only, only_first, p_values = cells
    verdicts = chromium.execute_script(
        "return [...[...document.querySelectorAll('#table tbody tr')].slice(-6)[0].cells]"
        ".map(cell => cell.textContent)"
    )
    names = {1: "significantly better", -1: "significantly worse", 0: "not significantly different"}
    assert verdicts[:2] == ["Verdict of the board", ""]
    assert verdicts[2 : 2 + len(others)] == [names[int(side)] for side in -group.better[0][1:]]
    assert {names[0], names[-1]} <= set(verdicts)
    adjusted = chromium.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')].slice(-8, -6)"
        ".map(row => [...row.cells].map(cell => cell.textContent))"
    )
    for shown, p_values_of_all, test in zip(
        adjusted, group.p_values, ("exact McNemar", "t test of the mean difference"), strict=True
    ):
        expected_texts = [p_value(value) for value in p_values_of_all[0][1:]]
        assert shown[:2] == [f"p, {test}, adjusted", ""]
        assert shown[2 : 2 + len(others)] == expected_texts
        assert min(expected_texts) < "0.05" and len(set(expected_texts)) > 2
    compared = 0
    for i, other in enumerate(others, 2):
        expected = compare(other.predictions, first.predictions)
        assert float(p_values[i][1]) == pytest.approx(expected.p_value, rel=1e-9)
        assert (int(only[i][0]), int(only_first[i][0])) == (expected.only_a, expected.only_b)
        shown = float(differences[i][0].replace("−", "-"))
        assert shown == pytest.approx(100 * expected.difference, abs=0.051)
        low, high = (float(end.replace("−", "-")) for end in intervals[i][0].split(" to "))
        assert expected.interval is not None
        # Other draws, and fewer: the ends agree to about a standard error's tenth.
        error = 100 * expected.interval.standard_error
        assert low == pytest.approx(100 * expected.interval.low, abs=0.3 * error)
        assert high == pytest.approx(100 * expected.interval.high, abs=0.3 * error)
        compared += 1
    assert compared == len(others)


def test_comparison_by_address(chromium: webdriver.Chrome, base: str) -> None:
    go(chromium, base + ALPHA)
    chromium.find_element(By.LINK_TEXT, "Compare with other models").click()
    wait(chromium, "return Boolean(document.documentElement.dataset.ready)")
    names = [one.text for one in chromium.find_elements(By.CSS_SELECTOR, "#table thead th a")]
    assert names[0] == "Alpha 7B" and len(names) == 2
    Select(chromium.find_element(By.ID, "task")).select_by_visible_text("TIRT")
    fill(chromium, "find", "model 00")
    boxes = chromium.find_elements(By.CSS_SELECTOR, "#choices label:not([hidden]) input")
    assert len(boxes) >= 10
    next(box for box in boxes if not box.is_selected()).click()
    link = chromium.current_url
    assert "task=tirt" in link
    names = [one.text for one in chromium.find_elements(By.CSS_SELECTOR, "#table thead th a")]
    assert len(names) == 3
    ready(chromium, link)
    again = [one.text for one in chromium.find_elements(By.CSS_SELECTOR, "#table thead th a")]
    assert again == names


def test_keyboard_sorts(chromium: webdriver.Chrome, disk: str) -> None:
    ready(chromium, disk + "index.html")
    body = chromium.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert chromium.switch_to.active_element.text == "To the content"
    for _ in range(80):
        chromium.switch_to.active_element.send_keys(Keys.TAB)
        inside = chromium.execute_script(
            "return document.activeElement.closest('th')?.dataset.name"
        )
        if inside == "model":
            break
    else:
        pytest.fail("Tab never reached the column of models")
    active = chromium.switch_to.active_element
    assert active.value_of_css_property("outline-style") != "none"
    active.send_keys(Keys.ENTER)
    wait(chromium, "return location.hash.includes('sort=model-asc')")
    names = models(chromium)
    assert names == sorted(names, key=str.casefold)


def test_copy_button_says_what_it_did(chromium: webdriver.Chrome, disk: str) -> None:
    go(chromium, disk + "submit.html")
    button = chromium.find_element(By.CSS_SELECTOR, "button[data-copy]")
    button.click()
    wait(chromium, "return document.querySelector('button[data-copy]').textContent !== 'Copy'")
    assert button.text in ("Copied", "Selected")


@pytest.mark.parametrize(("name", "value"), itertools.product(PAGES, ["light", "dark"]))
def test_axe_finds_nothing(chromium: webdriver.Chrome, disk: str, name: str, value: str) -> None:
    with scheme(chromium, value):
        go(chromium, disk + name)
        chromium.execute_script(
            "document.querySelectorAll('details').forEach(one => { one.open = true; })"
        )
        assert axe_violations(chromium) == []


def test_hostile_names_run_nothing(chromium: webdriver.Chrome, disk: str) -> None:
    for name in ("index.html", HOSTILE, "compare.html", "models.html", "history.html"):
        go(chromium, disk + name)
        assert chromium.execute_script("return document.querySelectorAll('img').length") == 0
        # The name is there as text; an alert would have failed the call above.
        assert "alert(" in chromium.find_element(By.TAG_NAME, "body").get_attribute("textContent")


def test_results_of_one_task_cannot_be_compared_alone(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    build_site(tmp_path / "site", [entry(BETA, "tirt")], [])
    ready(chromium, f"{(tmp_path / 'site').as_uri()}/compare.html")
    assert "one result only" in chromium.find_element(By.ID, "status").text
    assert not chromium.find_element(By.ID, "result").is_displayed()
