"""A data folder for fixtures that several tests share; each test has one of its own anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from itr_bench.data import home


@contextmanager
def home_at(folder: Path) -> Iterator[Path]:
    """Make *folder* the home of all data, for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(home.ENVIRONMENT, str(folder))
        yield folder
