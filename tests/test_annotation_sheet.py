"""The annotation sheet: its files, and the page in headless Chromium, opened from the disk."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from itr_bench.agreement import PAGE_LANGUAGES
from itr_bench.agreement.sheet import TEXTS as PAGE_TEXTS
from itr_bench.agreement.sheet import write_sheet
from itr_bench.agreement.tables import read_annotations
from itr_bench.cli import data_agreement, data_annotate
from itr_bench.errors import DataError
from tests.browser import PATIENCE_S, axe_violations, headless_chromium, wait

pytest.importorskip("selenium")
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

HOSTILE = "</script><script>alert(1)</script><!--<b>&amp;\u2028 ' \" \\u0041"
TEXTS = ["Brokastis ☕ https://t.co/a", HOSTILE, "Trīs āboli", "Zupa"]
UNSAVED = PAGE_TEXTS["lv"]["unsaved"]
IDS = [f"100{i}" for i in range(1, 5)]


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    rows = [
        f"{tweet}\t3\t{text}\tEnglish {i}\n"
        for i, (tweet, text) in enumerate(zip(IDS, TEXTS, strict=True))
    ]
    path = tmp_path / "tweets.tsv"
    path.write_text("tweet_id\trelation\ttext\tEnglish\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, tweet in enumerate(IDS):
        (folder / f"{tweet}.png").write_bytes(picture(size=(30 + i, 20)))
    return folder


@pytest.fixture
def sheet(tmp_path: Path, tweets: Path, images: Path) -> Path:
    """A Latvian sheet of the two questions."""
    write_sheet(tmp_path / "sheet", tweets, images=images, language="lv")
    return tmp_path / "sheet"


@pytest.fixture
def fidelity(tmp_path: Path, tweets: Path) -> Path:
    """An English sheet that rates the English column."""
    write_sheet(tmp_path / "fidelity", tweets, what="fidelity")
    return tmp_path / "fidelity"


def test_files_of_a_sheet(sheet: Path, images: Path) -> None:
    found = sorted(path.relative_to(sheet).as_posix() for path in sheet.rglob("*"))
    pictures = [f"images/{tweet}.png" for tweet in IDS]
    assert found == ["annotations.csv", "images", *pictures, "index.html"]
    assert (sheet / "annotations.csv").read_text() == (
        "tweet_id,adds:ANNOTATOR,represented:ANNOTATOR\n1001,,\n1002,,\n1003,,\n1004,,\n"
    )
    assert sheet.stat().st_mode == images.stat().st_mode  # as the umask has it
    for tweet in IDS:
        copied = (sheet / "images" / f"{tweet}.png").read_bytes()
        assert copied == (images / f"{tweet}.png").read_bytes()


def test_page_holds_texts_as_data_and_no_label(sheet: Path) -> None:
    page = (sheet / "index.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "alert(1)" in page and "<!--" not in page and "\u2028" not in page
    data = page.split('id="data">')[1].split("</script>")[0]
    assert [item["text"] for item in json.loads(data)["items"]] == TEXTS
    assert set(json.loads(data)["items"][0]) == {"tweet_id", "text", "translation", "image"}
    assert "http" not in page.replace("https://t.co/a", "").replace("http-equiv", "")
    assert "built-in" not in page


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_every_word_in_every_language(language: str) -> None:
    assert set(PAGE_TEXTS) == set(PAGE_LANGUAGES)
    assert set(PAGE_TEXTS[language]) == set(PAGE_TEXTS["en"])
    assert all(PAGE_TEXTS[language].values())


def test_command(tmp_path: Path, tweets: Path, images: Path) -> None:
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in images.iterdir():
            file.write(path, f"some/folder/{path.name}")
    out = tmp_path / "new" / "sheet"
    names = ["--annotator", "Anna", "--annotator", "Bērta, K."]
    arguments = ["--tweets", tweets, "--images", archive, "--text", "english", "--out", out]
    result = CliRunner().invoke(
        data_annotate.command, [*map(str, arguments), *names], catch_exceptions=False
    )
    assert result.exit_code == 0 and "4 tweets: open" in result.output
    assert "do not pass it on" in result.output
    assert "import the column tweet_id as text" in result.output
    header = 'tweet_id,adds:Anna,represented:Anna,"adds:Bērta, K.","represented:Bērta, K."\n'
    assert (out / "annotations.csv").read_text(encoding="utf-8").startswith(header)
    assert len(list((out / "images").iterdir())) == 4
    assert "English 2" in (out / "index.html").read_text(encoding="utf-8")


def test_translations_of_a_file(tmp_path: Path, tweets: Path) -> None:
    file = tmp_path / "opus.tsv"
    lines = [f"{tweet}\tMT {tweet}\n" for tweet in [*reversed(IDS), "9999"]]
    file.write_text("tweet_id\ttext\n" + "".join(lines))
    write_sheet(tmp_path / "out", tweets, what="fidelity", translations=file)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    items = json.loads(page.split('id="data">')[1].split("</script>")[0])["items"]
    assert [item["translation"] for item in items] == [f"MT {tweet}" for tweet in IDS]
    assert [item["text"] for item in items] == TEXTS
    assert not (tmp_path / "out" / "images").exists()

    def header(name: str, **options: Any) -> str:
        out = tmp_path / name
        write_sheet(out, tweets, what="fidelity", translations=file, **options)
        return (out / "annotations.csv").read_text(encoding="utf-8").splitlines()[0]

    assert header("a") == "tweet_id,fidelity:ANNOTATOR@opus"
    assert header("b", system="NLLB, 600M", annotators=["Anna"]) == (
        'tweet_id,"fidelity:Anna@NLLB, 600M"'
    )
    assert ">opus<" not in page  # who rates does not see whose it is


def test_what_is_wrong_is_said_and_nothing_is_left(
    tmp_path: Path, tweets: Path, images: Path
) -> None:
    def refused(**options: Any) -> str:
        before = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(DataError) as found:
            write_sheet(tmp_path / "out", options.pop("tweets", tweets), **options)
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        return str(found.value)

    assert "give --images" in refused()
    assert "no such folder or zip file" in refused(images=tmp_path / "absent")
    assert "--what fidelity only" in refused(images=images, translations=tweets)
    assert "its own source" in refused(what="fidelity", column="english")
    assert "--what fidelity only" in refused(images=images, system="opus")
    for system in ("a@b", " ", "a\nb"):
        assert "expected a name without '@'" in refused(what="fidelity", system=system)
    assert "expected different names" in refused(images=images, annotators=["Anna", "anna "])
    assert "expected different names" in refused(images=images, annotators=[""])
    assert "cannot read" in refused(images=images, tweets=tmp_path / "absent.tsv")

    short = tmp_path / "short.tsv"
    short.write_text("tweet_id\ttext\n1001\tone\n1004\tfour\n")
    message = refused(what="fidelity", translations=short)
    assert "short.tsv: 2 tweets" in message and "  - tweet 1002\n  - tweet 1003" in message
    short.write_text("tweet_id\ttext\n1.7E+18\tone\n1001\t\n1001\ttwice\n")
    message = refused(images=images, tweets=short)
    assert "went through a spreadsheet" in message and "text is empty" in message
    assert "line 4: tweet 1001 stands on line 3 already" in message

    (images / "1001.png").write_bytes(picture("TIFF"))
    (images / "1002.png").write_bytes(picture()[:-20])
    message = refused(images=images)
    assert "2 images cannot be used" in message and "truncated or damaged" in message
    assert "1001.png: TIFF is not shown by browsers; convert it to PNG or JPEG" in message
    (images / "1003.png").unlink()
    assert "tweet 1003: no image" in refused(images=images)

    (tmp_path / "out").mkdir()
    assert "is there already" in refused(images=images)
    assert "cannot write" in _not_a_folder(tweets)


def _not_a_folder(tweets: Path) -> str:
    with pytest.raises(DataError) as found:
        write_sheet(tweets / "below" / "a-file", tweets, what="fidelity")
    return str(found.value)


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    with headless_chromium("1200,900") as found:
        yield found


def start(chromium: webdriver.Chrome, sheet: Path, name: str | None = "Anna") -> None:
    """Open the page afresh and begin under a name; ``None`` takes the one that is filled in."""
    until_saved(chromium)
    chromium.get((sheet / "index.html").as_uri())
    wait(chromium, "return document.documentElement.dataset.ready")
    field = chromium.find_element(By.ID, "name")
    if name is not None:
        field.clear()
        field.send_keys(name)
    begin(chromium, field)


def begin(chromium: webdriver.Chrome, field: WebElement) -> None:
    field.send_keys(Keys.ENTER)
    wait(chromium, "return !document.getElementById('work').hidden")


def until_saved(chromium: webdriver.Chrome) -> None:
    """Wait until nothing is under way, or until the page says that nothing can be saved."""
    if chromium.find_elements(By.ID, "saved"):
        WebDriverWait(chromium, 60, 0.05).until(
            lambda _: not asks_before_leaving(chromium) or text(chromium, "saved") == UNSAVED
        )


def in_store(chromium: webdriver.Chrome, name: str, put: dict[str, Any]) -> None:
    """Store values under a name as another tab would: by tweet id, and with "" the position."""
    chromium.execute_async_script(
        "const [name, put, done] = arguments;"
        "const sheet = JSON.parse(document.getElementById('data').textContent);"
        "const request = indexedDB.open(`itr-bench:${sheet.id}`);"
        "request.onsuccess = () => {"
        "  const transaction = request.result.transaction('kept', 'readwrite');"
        "  for (const [tweet, value] of Object.entries(put))"
        "    transaction.objectStore('kept').put(value, [name, tweet]);"
        "  transaction.oncomplete = () => { request.result.close(); done(); };"
        "};",
        name,
        put,
    )


def press(chromium: webdriver.Chrome, *keys: str) -> None:
    for key in keys:
        chromium.switch_to.active_element.send_keys(key)


def text(chromium: webdriver.Chrome, ident: str) -> str:
    return str(chromium.find_element(By.ID, ident).text)


def state(chromium: webdriver.Chrome) -> tuple[str, str, list[str]]:
    """The position, how many are answered, and what is pressed, as ``asked=value``."""
    pressed = chromium.execute_script(
        "return [...document.querySelectorAll('[aria-pressed=true]')]"
        ".map(one => `${one.closest('fieldset').dataset.asked}=${one.dataset.value}`)"
    )
    return text(chromium, "position"), text(chromium, "answered"), pressed


def export(chromium: webdriver.Chrome, folder: Path) -> Path:
    """Press the button and wait for the file."""
    folder.mkdir(exist_ok=True)
    before = set(folder.iterdir())
    behavior = {"behavior": "allow", "downloadPath": str(folder)}
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    chromium.find_element(By.ID, "export").click()
    found: list[Path] = WebDriverWait(chromium, PATIENCE_S, 0.05).until(
        lambda _: [
            path
            for path in folder.iterdir()
            if path not in before and path.suffix == ".csv" and path.stat().st_size
        ]
    )
    return found[0]


def test_from_the_first_answer_to_the_agreement(
    chromium: webdriver.Chrome, sheet: Path, tmp_path: Path
) -> None:
    start(chromium, sheet)
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", [])
    assert text(chromium, "text") == TEXTS[0]
    press(chromium, "j")  # jā
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", ["adds=yes"])
    press(chromium, "N")
    assert state(chromium) == ("2. tvīts no 4", "atbildēti: 1", [])
    press(chromium, "n", "y")
    assert state(chromium) == ("3. tvīts no 4", "atbildēti: 2", [])
    press(chromium, Keys.ARROW_RIGHT, "j")  # the third is left out, the fourth half-answered

    start(chromium, sheet, None)  # as after a reload: name, place and answers are there
    assert text(chromium, "annotator") == "Anna"
    assert state(chromium) == ("4. tvīts no 4", "atbildēti: 2", ["adds=yes"])
    press(chromium, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert state(chromium) == ("2. tvīts no 4", "atbildēti: 2", ["adds=no", "represented=yes"])
    press(chromium, Keys.ARROW_DOWN, "n")  # another mind on the second question alone
    assert state(chromium) == ("3. tvīts no 4", "atbildēti: 2", [])
    press(chromium, Keys.ARROW_LEFT)
    assert state(chromium)[2] == ["adds=no", "represented=no"]

    file = export(chromium, tmp_path / "downloads")
    assert file.name == "annotations-relation-Anna.csv"
    assert file.read_text() == (
        "tweet_id,adds:Anna,represented:Anna\n1001,yes,no\n1002,no,no\n1003,,\n1004,yes,\n"
    )

    chromium.find_element(By.ID, "other").click()
    field = chromium.find_element(By.ID, "name")
    field.clear()
    field.send_keys('Bērta "B", ')
    begin(chromium, field)
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", [])
    press(chromium, "j", "n", "j", "n", "j", "j", "n", "n")
    assert state(chromium)[1:] == ("atbildēti: 4", ["adds=no", "represented=no"])
    assert text(chromium, "done").startswith("Visi tvīti ir atbildēti")
    second = export(chromium, tmp_path / "downloads")
    assert second.name == "annotations-relation-Bērta-B.csv"

    tables = read_annotations([file, second])
    assert {t.what: t.ratings.tolist() for t in tables} == {
        "adds": [[0, 0], [1, 0], [0, 1], [-1, 0]],
        "represented": [[1, 1], [1, 1], [-1, 0], [-1, 1]],
        "relation": [[1, 1], [3, 1], [-1, 0], [-1, 3]],
    }
    assert tables[0].annotators == ("Anna", 'Bērta "B",')
    result = CliRunner().invoke(
        data_agreement.command, [str(file), str(second), "--json"], catch_exceptions=False
    )
    adds = json.loads(result.output)["tables"][0]
    assert adds["coefficients"]["raw_agreement"]["value"] == pytest.approx(1 / 3)

    start(chromium, sheet, "anna")  # a name in other capitals is the same person
    assert text(chromium, "annotator") == "anna"
    assert state(chromium)[1] == "atbildēti: 2"


def test_by_mouse(chromium: webdriver.Chrome, sheet: Path) -> None:
    start(chromium, sheet, "Mouse")

    def click(asked: str, value: str) -> None:
        chromium.find_element(
            By.CSS_SELECTOR, f"fieldset[data-asked={asked}] button[data-value={value}]"
        ).click()

    click("represented", "no")
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", ["represented=no"])
    click("adds", "yes")
    assert state(chromium)[:2] == ("2. tvīts no 4", "atbildēti: 1")
    chromium.find_element(By.ID, "back").click()
    click("adds", "no")  # a correction stays, so that the second can be corrected too
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 1", ["adds=no", "represented=no"])
    chromium.find_element(By.ID, "clear").click()
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", [])
    press(chromium, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    chromium.find_element(By.ID, "open").click()
    assert state(chromium)[0] == "1. tvīts no 4"


def test_keys_that_must_not_answer(chromium: webdriver.Chrome, sheet: Path) -> None:
    start(chromium, sheet, "Keys")
    for options in ({"repeat": True}, {"ctrlKey": True}, {"metaKey": True}, {"altKey": True}):
        chromium.execute_script(
            "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', ...arguments[0]}))",
            options,
        )
    press(chromium, "x", "1", " ", Keys.ARROW_LEFT)
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", [])
    chromium.find_element(By.ID, "with-keys").click()
    press(chromium, "n")
    assert state(chromium)[2] == []
    chromium.find_element(By.ID, "with-keys").click()
    press(chromium, "n")
    assert state(chromium)[2] == ["adds=no"]


def test_hostile_text_is_text_and_images_are_shown(chromium: webdriver.Chrome, sheet: Path) -> None:
    start(chromium, sheet, "</script>")
    widths = []
    for expected in TEXTS:
        shown = "return document.getElementById('text').textContent"
        assert chromium.execute_script(shown) == expected
        widths.append(
            WebDriverWait(chromium, PATIENCE_S, 0.05).until(
                lambda page: page.execute_script(
                    "const one = document.getElementById('image');"
                    "return one.complete && one.naturalWidth"
                )
            )
        )
        press(chromium, Keys.ARROW_RIGHT)
    assert widths == [30, 31, 32, 33]
    assert text(chromium, "annotator") == "</script>"
    (sheet / "images" / "1001.png").unlink()
    start(chromium, sheet, "Gone")
    WebDriverWait(chromium, PATIENCE_S, 0.05).until(lambda _: text(chromium, "no-image"))
    assert text(chromium, "no-image") == "Attēlu nevar parādīt: images/1001.png"
    press(chromium, Keys.ARROW_RIGHT)
    assert text(chromium, "no-image") == ""
    assert chromium.find_element(By.ID, "image").is_displayed()


def test_page_asks_nothing_of_the_network(chromium: webdriver.Chrome, sheet: Path) -> None:
    for kind in ("performance", "browser"):
        chromium.get_log(kind)  # of earlier tests
    start(chromium, sheet, "Anna")
    press(chromium, "j", "n", "j")
    messages = [
        json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")
    ]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert len(asked) >= 3  # the page and two images
    assert all(url.startswith(("file:", "about:")) for url in asked)
    assert [one for one in chromium.get_log("browser") if one["level"] == "SEVERE"] == []


@pytest.mark.parametrize(
    "kept", ["{", None, [], 3, {"adds": "maybe", "other": "yes"}, {"adds": ["yes"]}]
)
def test_what_the_browser_kept_may_be_broken(
    chromium: webdriver.Chrome, sheet: Path, kept: object
) -> None:
    start(chromium, sheet, "Broken")
    press(chromium, Keys.DELETE)
    until_saved(chromium)
    in_store(chromium, "broken", {"1001": kept, "9": kept, "": kept if kept != 3 else 99})
    start(chromium, sheet, "Broken")
    assert state(chromium) == ("1. tvīts no 4", "atbildēti: 0", [])
    press(chromium, "j")
    assert state(chromium)[2] == ["adds=yes"]
    press(chromium, Keys.DELETE)


def test_browser_that_does_not_save(
    chromium: webdriver.Chrome, sheet: Path, tmp_path: Path
) -> None:
    script = "Object.defineProperty(window, 'indexedDB', {get() { throw new Error('denied'); }});"
    added = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    try:
        start(chromium, sheet, "Anna")
        WebDriverWait(chromium, 10, 0.05).until(lambda _: text(chromium, "saved") == UNSAVED)
        press(chromium, "j", "n")
        chromium.find_element(By.ID, "other").click()
        begin(chromium, chromium.find_element(By.ID, "name"))
        assert state(chromium)[1] == "atbildēti: 1"  # kept as long as the page is open
        file = export(chromium, tmp_path / "unsaved")
        assert "1001,yes,no\n" in file.read_text()
        assert asks_before_leaving(chromium)
    finally:
        chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    start(chromium, sheet, "Anna")
    until_saved(chromium)
    assert not asks_before_leaving(chromium)


def asks_before_leaving(chromium: webdriver.Chrome) -> bool:
    """WebDriver itself takes the question away, so the event is sent by hand."""
    found: bool = chromium.execute_script(
        "const event = new Event('beforeunload', {cancelable: true});"
        "dispatchEvent(event); return event.defaultPrevented"
    )
    return found


def test_two_tabs_do_not_overwrite_each_other(chromium: webdriver.Chrome, sheet: Path) -> None:
    start(chromium, sheet, "Tabs")
    first = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    start(chromium, sheet, "Tabs")
    press(chromium, "j", "n")
    until_saved(chromium)
    second = chromium.current_window_handle
    chromium.switch_to.window(first)
    chromium.execute_script("dispatchEvent(new Event('focus'))")  # as by a click on its window
    WebDriverWait(chromium, 60, 0.05).until(lambda _: text(chromium, "answered") == "atbildēti: 1")
    press(chromium, Keys.ARROW_RIGHT, "n", "n")
    assert state(chromium)[1] == "atbildēti: 2"
    until_saved(chromium)
    chromium.switch_to.window(second)
    chromium.close()
    chromium.switch_to.window(first)
    start(chromium, sheet, "Tabs")
    assert state(chromium)[1] == "atbildēti: 2"


def test_an_answer_of_another_tab_that_is_not_known_here_yet_is_kept(
    chromium: webdriver.Chrome, sheet: Path
) -> None:
    start(chromium, sheet, "Late")
    press(chromium, "j", "n")
    until_saved(chromium)
    in_store(chromium, "late", {"1003": {"adds": "no", "represented": "yes"}})
    press(chromium, "n", "n", Keys.ARROW_LEFT, Keys.DELETE)
    assert state(chromium) == ("2. tvīts no 4", "atbildēti: 1", [])
    start(chromium, sheet, "Late")
    assert state(chromium) == ("2. tvīts no 4", "atbildēti: 2", [])


def test_fidelity(chromium: webdriver.Chrome, fidelity: Path, tmp_path: Path) -> None:
    start(chromium, fidelity)
    assert text(chromium, "text") == TEXTS[0] and text(chromium, "translation") == "English 0"
    labels = [one.text for one in chromium.find_elements(By.CSS_SELECTOR, "fieldset button")]
    assert labels == ["None1", "Little2", "Much3", "Most4", "All5"]
    press(chromium, "4", "0", "6", "y", Keys.ARROW_DOWN, "1", "5")
    assert state(chromium) == ("Tweet 4 of 4", "3 answered", [])
    press(chromium, Keys.ARROW_LEFT, Keys.DELETE)
    assert state(chromium) == ("Tweet 3 of 4", "2 answered", [])
    file = export(chromium, tmp_path / "fidelity-downloads")
    assert file.name == "annotations-fidelity-English-Anna.csv"
    assert file.read_text() == "tweet_id,fidelity:Anna@English\n1001,4\n1002,1\n1003,\n1004,\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["sheet", "fidelity"])
def test_accessible_and_narrow(
    chromium: webdriver.Chrome, request: pytest.FixtureRequest, which: str, scheme: str
) -> None:
    folder: Path = request.getfixturevalue(which)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        chromium.get((folder / "index.html").as_uri())
        found = [axe_violations(chromium)]
        start(chromium, folder, "Anna")
        press(chromium, "j" if which == "sheet" else "3", Keys.ARROW_LEFT)
        found.append(axe_violations(chromium))
        wide = chromium.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        page = chromium.find_element(By.TAG_NAME, "body")
        background = page.value_of_css_property("background-color")
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == [[], []] and wide == 0
    assert background == {"light": "rgba(253, 253, 251, 1)", "dark": "rgba(22, 24, 27, 1)"}[scheme]
