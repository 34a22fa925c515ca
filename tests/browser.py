"""The browser that shows pages to the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium")
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 120
"""How long a page may take on a busy machine; no test waits longer than it has to."""

_AXE = Path(__file__).parent.parent / "leaderboard" / "node_modules" / "axe-core" / "axe.min.js"


def _missing(what: str) -> None:
    """Skip, but not where the tests are meant to be complete."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def headless_chromium(size: str) -> Iterator[webdriver.Chrome]:
    """Yield a Chromium with a window of *size*, ``1200,900``, that logs console and requests."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        _missing("no chromium and chromedriver here: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
    with webdriver.Chrome(options, Service(driver)) as found:
        yield found


def wait(chromium: webdriver.Chrome, script: str) -> Any:
    """What *script* returns once it returns something."""
    return WebDriverWait(chromium, PATIENCE_S, 0.05).until(lambda page: page.execute_script(script))


def axe_violations(chromium: webdriver.Chrome) -> list[tuple[str, list[str]]]:
    """What axe-core finds not accessible on the page that is shown, with the first elements."""
    if not _AXE.is_file():
        _missing(f"no {_AXE}: run npm install --no-package-lock in leaderboard/")
    chromium.execute_script(_AXE.read_text(encoding="utf-8"))
    found = chromium.execute_async_script(  # of what passes, one element a rule is enough
        "const done = arguments[0];"
        "axe.run(document, {resultTypes: ['violations']}).then(done, done)"
    )
    assert found["passes"], found
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found["violations"]
    ]
