"""Image-text relation benchmark for vision-language models.

>>> import itr_bench
>>> tweets = itr_bench.load("itr_demo_lv")
>>> tweets.features["relation"].names[0]
'adds_represented'
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from itr_bench.version import __version__

if TYPE_CHECKING:
    import datasets

# In a checkout the packages `tasks` and `leaderboard` stand beside this folder, not in it.
if not (Path(__file__).parent / "tasks").is_dir():
    __path__.append(str(Path(__file__).resolve().parent.parent))

__all__ = ["__version__", "load"]


def load(name: str) -> datasets.Dataset:
    """Return the data of task *name*; see :func:`itr_bench.tasks.loading.load`."""
    from itr_bench.tasks.loading import load as load_task

    return load_task(name)
