"""Image-text relation benchmark for vision-language models.

>>> import itr_bench
>>> reading = itr_bench.parse("**Answer:** YES; **EXPLANATION:** no dish is named")
>>> reading.answer.value, reading.rule.value
('yes', 'marker')

``load`` a task's tweets, ``evaluate`` a model, ``score`` what a run left or files of your own,
``compare`` two runs, ``parse`` one response. ``itr-bench --help`` is the same for the command line.
"""

from __future__ import annotations

from pathlib import Path

from itr_bench.api import Results, compare, evaluate, load, parse, score
from itr_bench.version import __version__

# In a checkout the packages `tasks` and `leaderboard` stand beside this folder, not in it.
if not (Path(__file__).parent / "tasks").is_dir():
    __path__.append(str(Path(__file__).resolve().parent.parent))

__all__ = ["Results", "__version__", "compare", "evaluate", "load", "parse", "score"]
