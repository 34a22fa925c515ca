"""The packages of others: which are here, which fit, and the command that brings one.

Nothing heavy is imported to find out; what can only be told by importing is tried in a process of
its own.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from functools import lru_cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_EVAL = "pip install 'itr-bench[eval]'"
INSTALL = {
    **dict.fromkeys(("torch", "torchvision", "lmms_eval", "transformers", "sklearn"), _EVAL),
    **dict.fromkeys(("safetensors", "sentencepiece", "num2words", "decord"), _EVAL),
    "bitsandbytes": "pip install 'itr-bench[4bit]'",
    **dict.fromkeys(("peft", "accelerate"), "pip install 'itr-bench[training]'"),
    "openai": "pip install 'itr-bench[server]'",
    **dict.fromkeys(("ray", "grpc"), "pip install 'itr-bench[ray]'"),
    # Engines: each pins a PyTorch of its own.
    "vllm": "pip install vllm",
    "sglang": "pip install 'sglang[all]'",
}
"""How to get a package, by import name."""

_MISSING = (
    r"No module named '([\w.]+)'",
    r"[Pp]ackage `?([\w-]+)`? is required",
    r"requires the (?!following)`?([\w-]+)`? (?:library|package)",
    r"pip install (?:-U |--upgrade )*[`'\"]?([\w-]+)",
    r"from '([\w.]+)'",
)

_TRY = "from lmms_eval import evaluator; evaluator._enable_reentrant_filelocks()"


def has_package(name: str) -> bool:
    """Whether the package with the import name *name* is installed; imports nothing."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # half of it is there
        return False


def how_to_install(name: str) -> str:
    """The command that brings the package with the import name *name*."""
    return INSTALL.get(name, f"pip install {name.replace('_', '-')}")


def installed(distribution: str) -> str | None:
    """The version of an installed distribution; ``None`` where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def bounds(distribution: str) -> Requirement | None:
    """What this package asks of *distribution* to evaluate models; ``None`` for nothing."""
    try:
        lines = requires("itr-bench") or []
    except PackageNotFoundError:  # run from a folder, not installed
        return None
    for line in lines:
        found = Requirement(line)
        if (
            canonicalize_name(found.name) == canonicalize_name(distribution)
            and found.specifier
            and _applies(found)
        ):
            return found
    return None


@lru_cache(maxsize=1)
def tested() -> dict[str, str]:
    """The versions that were tested, by distribution, for the Python at hand: the lock."""
    lock = resources.files("itr_bench.requirements") / "eval.txt"
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            pinned = Requirement(line.rstrip(" \\"))
            if pinned.marker is None or pinned.marker.evaluate():
                found[pinned.name] = next(iter(pinned.specifier)).version
    return found


def explained(who: str, error: ImportError) -> str:
    """An import that failed, in two lines: what is missing or does not fit, and what fixes it."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    names = [error.name] if error.name else []
    names += [match.group(1) for pattern in _MISSING if (match := re.search(pattern, said))]
    package = next((name.partition(".")[0] for name in names), None)
    if package is None:
        return f"{who} cannot be imported: {said}\nSee what does not fit: itr-bench doctor"
    if not has_package(package):
        return missing(who, package)
    distribution = next(iter(packages_distributions().get(package, [package])))
    there = installed(distribution) or "of an unknown version"
    return (
        f"{who} does not work with {distribution} {there}: {said}\n"
        f"Install what fits: {_fitting(distribution)}"
    )


def missing(who: str, *names: str) -> str:
    """Packages that are not installed, by import name, in two lines: which, and what brings them.

    Args:
        who: needs them.
    """
    commands = " and ".join(dict.fromkeys(map(how_to_install, names)))
    if len(names) == 1:
        return (
            f"{who} needs the package {names[0]}, which is not installed.\nInstall it: {commands}"
        )
    words = ", ".join(names)
    return f"{who} needs the packages {words}, which are not installed.\nInstall them: {commands}"


def _fitting(distribution: str) -> str:
    asked, there = bounds(distribution), installed(distribution)
    if asked and there and not asked.specifier.contains(there, prereleases=True):
        return f"pip install '{asked.name}{asked.specifier}'"
    if distribution in tested() and tested()[distribution] != there:
        return f"pip install '{distribution}=={tested()[distribution]}'"
    return f"pip install --force-reinstall '{distribution}=={there}'"


def evaluator_problem() -> str | None:
    """Why lmms-eval's evaluator cannot be imported, in two lines; ``None`` where it can.

    It is tried in a process of its own, which takes some seconds.
    """
    if not has_package("lmms_eval"):
        return f"lmms-eval is not installed.\nInstall it: {_EVAL} (PyTorch with CUDA is 7 GB)"
    done = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    kind, _, said = last.partition(": ")
    if kind in ("ImportError", "ModuleNotFoundError"):
        return explained("lmms-eval's evaluator", ImportError(said))
    return (
        f"lmms-eval's evaluator cannot be imported: {last}\nSee what does not fit: itr-bench doctor"
    )


def filelock_problem() -> str | None:
    """Why lmms-eval cannot work with this filelock, in two lines; ``None`` where it can.

    lmms-eval 0.7.3's evaluator imports ``filelock._api``, which filelock 4.3 no longer has.
    """
    if not has_package("lmms_eval"):
        return evaluator_problem()
    if has_package("filelock._api"):
        return None
    return explained("lmms-eval", ImportError("No module named 'filelock._api'"))


def _applies(asked: Requirement) -> bool:
    extras = ("", "eval", "4bit")
    return asked.marker is None or any(asked.marker.evaluate({"extra": extra}) for extra in extras)
