"""What this machine can do, found out without loading anything: ``itr-bench doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.specifiers import SpecifierSet

from itr_bench.data import home
from itr_bench.errors import RunError
from itr_bench.models.machine import gpus, torch_build
from itr_bench.packages import (
    bounds,
    evaluator_problem,
    filelock_problem,
    has_package,
    how_to_install,
    installed,
    tested,
)
from itr_bench.runs.manifest import read_manifest
from itr_bench.runs.run_folder import run_folders

LEAST_FREE_GB = 1
"""The images of all tweets as they come and as they are kept, twice: 0.6 GB."""

_HUB = "https://huggingface.co"
_WAIT_S = 5

OK, NOTE, BAD = "ok", "note", "bad"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        state: ``ok``; ``note``, where something cannot be done; ``bad``, where no model can be
            evaluated.
        found: what is there.
        meaning: what that means for what the user wants to do; empty where all is well.
        remedy: a command, or what else to do; empty for nothing.
    """

    name: str
    state: str
    found: str
    meaning: str = ""
    remedy: str = ""


def checks() -> Iterator[Check]:
    """Look at all of it, one thing after the other."""
    yield _python()
    yield _versions()
    yield _evaluator()
    yield _gpu()
    yield _four_bits()
    yield _browser()
    yield _data()
    yield _hub()


def _python() -> Check:
    found = platform.python_version()
    try:
        asked = SpecifierSet(metadata("itr-bench")["Requires-Python"])
    except PackageNotFoundError:  # run from a folder, not installed
        return Check("python", OK, found)
    if not asked.contains(found, prereleases=True):
        return Check("python", BAD, found, f"itr-bench needs Python {asked}", "install another")
    if sys.version_info[:2] > (3, 13):
        return Check("python", NOTE, found, "tested with 3.10 to 3.13; the lock is for these")
    return Check("python", OK, found)


def _versions() -> Check:
    """The installed versions of what this package asks for, against bounds and lock."""
    there = {name: installed(name) for name in tested()}
    outside = [
        (name, is_here, asked.specifier)
        for name, is_here in there.items()
        if is_here and (asked := bounds(name))
        if not asked.specifier.contains(is_here, prereleases=True)
    ]
    if outside:
        fitting = " ".join(f"'{name}{specifier}'" for name, _, specifier in outside)
        said = ", ".join(f"{name} {here} (not {specifier})" for name, here, specifier in outside)
        return Check("versions", BAD, said, "known not to work", f"pip install {fitting}")
    other = [
        f"{name} {is_here} ({tested()[name]} was tested)"
        for name, is_here in there.items()
        if is_here and is_here.partition("+")[0] != tested()[name]
    ]
    count = sum(version is not None for version in there.values())
    if other:
        shown = ", ".join(other[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
        meaning = "within what is allowed, but not what was tested; scores name their versions"
        remedy = "in a clone: pip install --require-hashes -r requirements/eval.txt"
        return Check("versions", NOTE, shown, meaning, remedy)
    return Check("versions", OK, f"{count} packages, all as tested")


def _evaluator() -> Check:
    problem = filelock_problem() or evaluator_problem()
    if problem is None:
        return Check("lmms-eval", OK, f"{installed('lmms-eval')}, its evaluator can be imported")
    what, _, remedy = problem.partition("\n")
    return Check("lmms-eval", BAD, what, "no model can be evaluated", remedy.partition(": ")[2])


def _gpu() -> Check:
    build = torch_build()
    built = build.get("cuda") or build.get("hip")
    if not build:
        return Check("gpu", NOTE, "PyTorch is not installed", "no model can be loaded here")
    if not built:
        return Check("gpu", NOTE, "this PyTorch is for CPUs", "large models take days on a CPU")
    found = gpus()
    if not found:
        return Check(
            "gpu",
            NOTE,
            f"none that PyTorch {installed('torch')} (CUDA {built}) can use",
            "models run on the CPU, large ones for days; a server can be asked from here",
            "if there is one: nvidia-smi must list it, and CUDA_VISIBLE_DEVICES not hide it",
        )
    return Check("gpu", OK, f"{', '.join(found)}; PyTorch {installed('torch')} for CUDA {built}")


def _four_bits() -> Check:
    if not has_package("bitsandbytes"):
        return Check(
            "4 bits",
            NOTE,
            "bitsandbytes is not installed",
            "the presets load in 4 bits; --model_args quantization=none does without",
            how_to_install("bitsandbytes"),
        )
    return Check("4 bits", OK, f"bitsandbytes {installed('bitsandbytes')}")


def _browser() -> Check:
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return Check("chromium", OK, str(shutil.which("chromium")))
    return Check(
        "chromium",
        NOTE,
        "not here",
        "only tests of the pages need it, and they are skipped",
        "apt install chromium chromium-driver",
    )


def _data() -> Check:
    folder = home.home()
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):  # where the folder is, or will be
            pass
        free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        return Check(
            "data",
            BAD,
            f"{folder} cannot be written: {error.strerror or error}",
            "no data set can be fetched or kept",
            f"grant write access, or set {home.ENVIRONMENT} to another folder",
        )
    if free < LEAST_FREE_GB:
        meaning = f"the data needs up to {LEAST_FREE_GB} GB"
        remedy = f"make room, or set {home.ENVIRONMENT} to a folder elsewhere"
        return Check("data", NOTE, f"{folder}, {free:.1f} GB free", meaning, remedy)
    return Check("data", OK, f"{folder}, {free:.0f} GB free")


def _hub() -> Check:
    address = os.environ.get("HF_ENDPOINT", "").strip() or _HUB
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return Check("hub", NOTE, "HF_HUB_OFFLINE is set", "only what is here already is used")
    given = urlsplit(address)
    proxy = next((os.environ[n] for n in ("https_proxy", "HTTPS_PROXY") if os.environ.get(n)), "")
    asked = urlsplit(proxy) if proxy else given
    try:
        port = asked.port or (80 if asked.scheme == "http" else 443)
        with socket.create_connection((asked.hostname or "", port), timeout=_WAIT_S):
            pass
    except (OSError, ValueError) as error:
        return Check(
            "hub",
            NOTE,
            f"{given.hostname or address} cannot be reached: {error}",
            "data and checkpoints that are not here cannot be fetched",
            "give folders: --model_args pretrained=FOLDER, itr-bench data build --help",
        )
    return Check("hub", OK, f"{given.hostname} answers" + (" (by a proxy)" if proxy else ""))


def requirements(run: Path) -> list[str]:
    """The versions that a run recorded, as lines of a requirements file.

    Args:
        run: a run folder, or a folder of some.

    Raises:
        RunError: there is no run in it; or its tasks ran with different versions.
    """
    recorded: dict[str, Mapping[str, Any]] = {}
    for folder in run_folders(run):
        libraries = read_manifest(folder)["configuration"].get("libraries")
        if libraries:
            recorded[str(folder)] = libraries
    if not recorded:
        raise RunError(
            f"{run}: no run in it that recorded versions. Give a folder of itr-bench run"
        )
    first, libraries = next(iter(recorded.items()))
    for other, versions in recorded.items():
        if versions != libraries:
            raise RunError(f"{first} and {other} ran with different versions: give one of them")
    lines = [f"# {first}"]
    for name, version in sorted(libraries.items()):
        public, _, build = str(version).partition("+")
        if name in ("python", "itr-bench"):
            lines.insert(1, f"# with {name} {version}")
        else:
            lines.append(f"{name}=={public}" + (f"  # it was {version}" if build else ""))
    return lines
