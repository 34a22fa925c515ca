"""What several tests share: the real lists, a home of their own, and running lmms-eval."""

from __future__ import annotations

import gc
import importlib.util
import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import forked
from tests.homes import home_at
from tests.own_tasks import read_fast
from tests.slow import longest_modules, slow_tests

# A busy machine is no failure.
settings.register_profile("itr-bench", deadline=None)
settings.load_profile("itr-bench")

ROOT = Path(__file__).parent.parent


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skip where one of the *packages*, by import name, is not installed; imports none."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    reason = f"the extra `eval` is not installed: no {', '.join(missing)}"
    return pytest.mark.skipif(bool(missing), reason=reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = slow_tests()
    places = {module: place for place, module in enumerate(longest_modules())}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    for item in items:
        name = f"{item.path.stem}::{getattr(item, 'originalname', item.name)}"
        if name in slow:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def quick_runs() -> Iterator[None]:
    """Runs in the tests' own process read YAML on libyaml, and do not wait for the disk.

    No test cuts the power, and a run waits after each response (6 ms on a busy machine). The
    processes that tests start do wait, and so do the tests of waiting.
    """
    read_fast()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> None:
    """What is imported so far is left out of garbage collection.

    After PyTorch, transformers and lmms-eval it holds a million objects, and collecting it takes a
    tenth of the time of a run.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that are not there yet: ``tmp_path`` would make and remove one for each test."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own: no test sees or changes the user's."""
    folder = next(homes)
    monkeypatch.setenv("ITR_BENCH_HOME", str(folder))
    return folder


def shared_folder() -> Path:
    """The folder of the real lists, which are not part of the project."""
    return Path(os.environ.get("ITR_BENCH_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder() / "data"
    if not folder.is_dir():
        pytest.skip(
            f"the authors' lists are not at {folder}: put them there or set ITR_BENCH_SHARED to "
            "the folder that holds data/ltec/ and data/tirt/"
        )
    return folder


@pytest.fixture(scope="session")
def placeholder_home(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with LTEC built from the authors' list and placeholder pictures."""
    from itr_bench.data import build

    folder = tmp_path_factory.mktemp("placeholder-home")
    with home_at(folder):
        build.build("ltec", shared / "ltec" / "eval.tsv", None, placeholder=True)
        build.build("ltec_full", shared / "ltec" / "data.tsv", None, placeholder=True)
    return folder


@dataclass(frozen=True)
class Finished:
    """What a run of lmms-eval left."""

    status: int
    output: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        files = list(self.folder.rglob("*_results.json"))
        assert len(files) == 1, f"{len(files)} results files; it printed:\n{self.output[-6000:]}"
        found: dict[str, Any] = json.loads(files[0].read_text())
        return found

    def figures(self, task: str) -> dict[str, Any]:
        """The metrics of a task, without the filter's name."""
        return {key.split(",")[0]: value for key, value in self.results["results"][task].items()}

    def samples(self, task: str) -> list[dict[str, Any]]:
        (file,) = self.folder.rglob(f"*_samples_{task}.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()]


RunLmmsEval = Callable[..., Finished]


@pytest.fixture
def lmms_eval(tmp_path: Path) -> RunLmmsEval:
    """Run lmms-eval's real command line, offline, on one or more forked processes."""
    count = 0

    def run(
        *arguments: str,
        home: Path | None = None,
        processes: int = 1,
        env: dict[str, str] | None = None,
    ) -> Finished:
        nonlocal count
        count += 1
        folder = tmp_path / f"run{count}"
        options = [*arguments, "--log_samples", "--output_path", str(folder)]
        variables = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "CUDA_VISIBLE_DEVICES": "",
            **({"ITR_BENCH_HOME": str(home)} if home else {}),
            **(env or {}),
        }
        output = tmp_path / f"run{count}.txt"
        if processes > 1:
            status = forked.run_together(options, output, variables, processes)
        else:
            status = forked.run(forked.lmms_eval, *options, output=output, env=variables)
        return Finished(status, output.read_text(), folder)

    return run
