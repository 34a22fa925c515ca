"""Image-text relation benchmark for vision-language models.

>>> import itr_bench
>>> tweets = itr_bench.load("itr_demo_lv")
>>> tweets.features["relation"].names[0]
'adds_represented'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itr_bench.version import __version__

if TYPE_CHECKING:
    import datasets

__all__ = ["__version__", "load"]


def load(name: str) -> datasets.Dataset:
    """Return the data of task *name*; see :func:`itr_bench.data.loading.load`."""
    from itr_bench.data.loading import load as load_task

    return load_task(name)
