"""What is said where a package is missing or does not fit, and `itr-bench doctor`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from itr_bench import packages
from itr_bench.cli.main import cli
from itr_bench.data import checkpoints
from itr_bench.errors import DataError, ItrBenchError, RunError
from itr_bench.models import machine
from itr_bench.models.adapters import imports
from itr_bench.models.spec import resolve_model
from itr_bench.runs import doctor, execute
from itr_bench.runs.manifest import write_manifest
from tests.conftest import ROOT, needs


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ModuleNotFoundError("No module named 'nowhere.sub'", name="nowhere.sub"),
            "X needs the package nowhere, which is not installed.\nInstall it: pip install nowhere",
        ),
        (
            ImportError(
                "Package `no-num2words` is required to run SmolVLM processor. Install it with "
                "`pip install no-num2words`."
            ),
            "X needs the package no-num2words, which is not installed.\n"
            "Install it: pip install no-num2words",
        ),
        (
            ImportError(
                "\nThis modeling file requires the following packages. pip install no_flash"
            ),
            "X needs the package no_flash, which is not installed.\n"
            "Install it: pip install no-flash",
        ),
        (
            ImportError("cannot import name 'Gone' from 'click' (/somewhere/click/__init__.py)"),
            re.compile(
                r"X does not work with click \d\S*: cannot import name 'Gone' from 'click' .*\n"
                r"Install what fits: pip install .*'click==\d\S*'"
            ),
        ),
        (
            ImportError(""),
            "X cannot be imported: ImportError\nSee what does not fit: itr-bench doctor",
        ),
        (
            ImportError("libcudart.so.13: cannot open shared object file"),
            "X cannot be imported: libcudart.so.13: cannot open shared object file\n"
            "See what does not fit: itr-bench doctor",
        ),
    ],
)
def test_a_failed_import_is_two_lines(error: ImportError, said: str | re.Pattern[str]) -> None:
    found = packages.explained("X", error)
    assert found.count("\n") == 1
    assert said == found if isinstance(said, str) else said.fullmatch(found)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["json", "nowhere"],
            "X needs the package nowhere, which is not installed.\nInstall it: pip install nowhere",
        ),
        (
            ["nowhere", "json", "no_where"],
            "X needs the packages nowhere, no_where, which are not installed.\n"
            "Install them: pip install nowhere and pip install no-where",
        ),
    ],
)
def test_what_is_required(names: list[str], said: str) -> None:
    checkpoints.require("X", "json")
    with pytest.raises(DataError) as raised:
        checkpoints.require("X", *names, instead="; or not")
    assert str(raised.value) == f"{said}; or not"


@pytest.mark.parametrize(
    ("there", "command"),
    [
        ("4.3.1", "pip install 'filelock<4.3,>=3.16'"),  # outside the bounds
        ("4.2.0", f"pip install 'filelock=={packages.tested()['filelock']}'"),  # not as tested
    ],
)
def test_the_command_brings_a_version_that_fits(
    monkeypatch: pytest.MonkeyPatch, there: str, command: str
) -> None:
    monkeypatch.setattr(packages, "installed", lambda _: there)
    found = packages.explained("lmms-eval", ImportError("No module named 'filelock._api'"))
    assert found == (
        f"lmms-eval does not work with filelock {there}: No module named 'filelock._api'\n"
        f"Install what fits: {command}"
    )


def test_a_package_of_which_half_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "__init__.py").write_text("import no_such_part")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert packages.has_package("half") and not packages.has_package("half.part")
    monkeypatch.setitem(sys.modules, "taken_out", None)
    assert not packages.has_package("taken_out")


def test_the_lock_is_what_was_tested() -> None:
    assert packages.tested()["lmms-eval"] == "0.7.3"
    assert packages.installed("no-such-package") is None
    assert packages.bounds("setuptools") is None  # of another extra
    for name, version in packages.tested().items():
        asked = packages.bounds(name)
        assert asked is None or asked.specifier.contains(version), name


@needs("lmms_eval")
@pytest.mark.parametrize(
    ("adapter", "simple", "found"),
    [
        ("sglang", False, {"sglang", "transformers"}),
        ("qwen2_vl", False, {"decord", "torch"}),
        ("vllm", False, {"torch"}),  # which it takes vllm itself for optional
        ("async_openai_compatible", False, {"openai"}),
        ("llava_hf", True, {"decord"}),
        ("itr_vlm", False, set()),
    ],
)
def test_what_an_adapter_imports(adapter: str, simple: bool, found: set[str]) -> None:
    assert found <= set(imports(adapter, force_simple=simple))
    assert not {"lmms_eval", "os", "typing"} & set(imports(adapter, force_simple=simple))


@needs("lmms_eval")
@pytest.mark.parametrize(
    ("name", "lacking", "command"),
    [
        ("vllm", "vllm", "pip install vllm"),
        ("vllm_generate", "vllm", "pip install vllm"),
        ("sglang", "sglang", "pip install 'sglang[all]'"),
        ("llava_sglang", "sglang", "pip install 'sglang[all]'"),
        ("qwen2_vl", "decord", "pip install 'itr-bench[eval]'"),
        ("qwen2-vl-7b", "bitsandbytes", "pip install 'itr-bench[4bit]'"),
        ("whisper_vllm", "vllm", "pip install vllm"),
    ],
)
def test_an_engine_that_is_missing_is_named_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, name: str, lacking: str, command: str
) -> None:
    here = packages.has_package
    monkeypatch.setattr(machine, "has_package", lambda one: one != lacking and here(one))
    model = resolve_model(name)
    with pytest.raises(RunError, match=f"{name} needs what this machine has not:") as refused:
        execute.check_machine(model)
    assert f"{lacking}: {command}" in str(refused.value)


@pytest.fixture
def without_api(tmp_path: Path) -> dict[str, str]:
    """The variables of a process that is told that filelock is as since 4.3: without ``_api``."""
    (tmp_path / "sitecustomize.py").write_text(
        "from itr_bench import packages\n"
        "here = packages.has_package\n"
        "packages.has_package = lambda name: name != 'filelock._api' and here(name)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


@needs("lmms_eval")
@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("-m", "itr_bench.cli.main", "demo", "--out", "out"),
        ("-m", "lmms_eval", "--model", "itr_baseline", "--tasks", "itr_demo_lv"),
    ],
    ids=["demo", "lmms-eval"],
)
def test_a_filelock_that_is_too_new(
    command: tuple[str, ...], without_api: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=without_api,
        cwd=tmp_path,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "lmms-eval does not work with filelock" in said
    assert "Install what fits: pip install " in said
    assert "Traceback" not in said


# itr-bench doctor


def doctored(*options: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *options])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What takes seconds answered at once, and all versions as tested."""
    monkeypatch.setattr(doctor, "installed", packages.tested().get)
    monkeypatch.setattr(doctor, "evaluator_problem", lambda: None)
    monkeypatch.setattr(doctor, "filelock_problem", lambda: None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return monkeypatch


def test_doctor_names_all_it_looked_at(quick: pytest.MonkeyPatch, home: Path) -> None:
    quick.setattr(doctor, "gpus", lambda: ("Made-up GPU",))
    shown, as_json = doctored(), doctored("--json")
    assert shown.exit_code == as_json.exit_code == 0
    found = json.loads(as_json.stdout)
    names = ["python", "versions", "lmms-eval", "gpu", "4 bits", "chromium", "data", "hub"]
    assert [check["name"] for check in found] == names
    for check in found:
        assert check["found"] in shown.stdout
    assert {c["name"]: c["state"] for c in found}["versions"] == "ok"
    assert "Made-up GPU" in shown.stdout or "PyTorch is not installed" in shown.stdout
    assert not home.exists()  # nothing was made


def state(name: str) -> dict[str, Any]:
    result = doctored("--json")
    (check,) = [check for check in json.loads(result.stdout) if check["name"] == name]
    assert result.exit_code == (check["state"] == "bad")
    return check


def test_doctor_on_versions(quick: pytest.MonkeyPatch) -> None:
    versions = packages.tested()
    quick.setattr(doctor, "installed", {**versions, "filelock": "4.3.1"}.get)
    assert state("versions") == {
        "name": "versions",
        "state": "bad",
        "found": "filelock 4.3.1 (not <4.3,>=3.16)",
        "meaning": "known not to work",
        "remedy": "pip install 'filelock<4.3,>=3.16'",
    }
    quick.setattr(doctor, "installed", {**versions, "torch": "2.13.0"}.get)
    assert state("versions")["state"] == "note"
    assert f"torch 2.13.0 ({versions['torch']} was tested)" in state("versions")["found"]


def test_doctor_on_a_broken_evaluator(quick: pytest.MonkeyPatch) -> None:
    quick.setattr(
        doctor,
        "evaluator_problem",
        lambda: packages.explained("lmms-eval's evaluator", ImportError("No module named 'gone'")),
    )
    found = state("lmms-eval")
    assert found["state"] == "bad"
    assert found["found"] == "lmms-eval's evaluator needs the package gone, which is not installed."
    assert found["remedy"] == "pip install gone"


def test_doctor_on_a_data_folder_that_cannot_be_written(
    quick: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    quick.setenv("ITR_BENCH_HOME", str(tmp_path / "file" / "home"))
    found = state("data")
    assert found["state"] == "bad"
    assert "cannot be written" in found["found"] and "ITR_BENCH_HOME" in found["remedy"]


def test_doctor_on_the_hub(quick: pytest.MonkeyPatch) -> None:
    assert state("hub")["found"] == "HF_HUB_OFFLINE is set"
    quick.delenv("HF_HUB_OFFLINE")
    for name in ("https_proxy", "HTTPS_PROXY"):
        quick.delenv(name, raising=False)
    quick.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert state("hub")["found"].startswith("127.0.0.1 cannot be reached:")


def test_the_evaluator_is_tried_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "has_package", lambda name: name != "gone")
    monkeypatch.setattr(packages, "_TRY", "import gone.sub")
    assert packages.evaluator_problem() is not None
    monkeypatch.setattr(packages, "_TRY", "pass")
    assert packages.evaluator_problem() is None
    monkeypatch.setattr(packages, "has_package", lambda name: False)
    assert "lmms-eval is not installed.\nInstall it: pip" in str(packages.evaluator_problem())


def run_of(folder: Path, libraries: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    configuration = {"libraries": libraries}
    write_manifest(
        folder, {"configuration": configuration, "model": {}, "set_size": 1, "sessions": []}
    )
    (folder / "responses.jsonl").touch()


def test_the_requirements_of_a_run(tmp_path: Path) -> None:
    libraries = {
        "python": "3.11.7",
        "itr-bench": "0.1.0",
        "torch": "2.15.0+cu132",
        "pillow": "12.0",
    }
    run_of(tmp_path / "r" / "a", libraries)
    run_of(tmp_path / "r" / "b", libraries)
    done = doctored("--from", str(tmp_path / "r"))
    assert done.stdout.splitlines() == [
        f"# {tmp_path / 'r' / 'a'}",
        "# with python 3.11.7",
        "# with itr-bench 0.1.0",
        "pillow==12.0",
        "torch==2.15.0  # it was 2.15.0+cu132",
    ]
    run_of(tmp_path / "r" / "c", {**libraries, "pillow": "12.1"})
    found = doctored("--from", str(tmp_path / "r"))
    assert isinstance(found.exception, ItrBenchError)
    assert "ran with different versions: give one of them" in str(found.exception)
    empty = doctored("--from", str(ROOT / "docs"))
    assert "no run in it that recorded versions" in str(empty.exception)
