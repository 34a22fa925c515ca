"""Which tests are slow, as measured: ``python -m tests.slow JUNIT.xml`` writes ``slow.txt`` anew.

The file is what ``pytest --junit-xml=JUNIT.xml`` leaves. A test is slow if any of its cases takes
longer than :data:`LIMIT_S`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

LIMIT_S = 0.25
FILE = Path(__file__).with_name("slow.txt")


def slow_tests() -> frozenset[str]:
    """The slow tests, each as ``MODULE::FUNCTION``."""
    return frozenset(FILE.read_text(encoding="utf-8").split())


def measured(junit: Path) -> set[str]:
    """The slow tests of a report, as :func:`slow_tests` has them."""
    return {
        f"{case.attrib['classname'].rpartition('.')[2]}::{case.attrib['name'].partition('[')[0]}"
        for case in ElementTree.parse(junit).iter("testcase")
        if float(case.attrib["time"]) > LIMIT_S
    }


if __name__ == "__main__":
    FILE.write_text("\n".join(sorted(measured(Path(sys.argv[1])))) + "\n", encoding="utf-8")
