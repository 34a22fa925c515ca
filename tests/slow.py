"""Which tests are slow, as measured: ``python -m tests.slow JUNIT.xml`` writes both lists anew.

The file is what ``pytest --junit-xml=JUNIT.xml`` leaves. A test is slow (``slow.txt``) if any of
its cases takes longer than :data:`LIMIT_S`. The modules that take longer than :data:`LONG_S`
(``longest.txt``) go first, the longest at the head, so that no process is left with a long one.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

LIMIT_S, LONG_S = 0.15, 2
SLOW = Path(__file__).with_name("slow.txt")
LONGEST = Path(__file__).with_name("longest.txt")


def slow_tests() -> frozenset[str]:
    """The slow tests, each as ``MODULE::FUNCTION``."""
    return frozenset(SLOW.read_text(encoding="utf-8").split())


def longest_modules() -> list[str]:
    """The modules that take long, the longest first."""
    return LONGEST.read_text(encoding="utf-8").split()


def main(junit: Path) -> None:
    slow: set[str] = set()
    modules: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(junit).iter("testcase"):
        module = case.attrib["classname"].rpartition(".")[2]
        seconds = float(case.attrib["time"])
        modules[module] += seconds
        if seconds > LIMIT_S:
            slow.add(f"{module}::{case.attrib['name'].partition('[')[0]}")
    order = sorted(modules, key=lambda module: -modules[module])
    long = [module for module in order if modules[module] > LONG_S]
    for file, names in ((SLOW, sorted(slow)), (LONGEST, long)):
        file.write_text("\n".join(names) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
