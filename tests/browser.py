"""The browser that shows pages to the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("selenium")
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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
    with webdriver.Chrome(options, Service(driver)) as found:
        yield found


def axe_source() -> str:
    """The script of axe-core, which tells what is not accessible on a page."""
    if not _AXE.is_file():
        _missing(f"no {_AXE}: run npm install --no-package-lock in leaderboard/")
    return _AXE.read_text(encoding="utf-8")
