"""Putting a built site online: one commit of its files, pushed to a branch of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.site.build import MARKER
from itr_bench.version import __version__

BRANCHES = {"pages": "gh-pages", "space": "main"}
"""What is pushed to, by where it goes."""

_SPACE = """\
---
title: itr-bench
emoji: 📊
colorFrom: blue
colorTo: gray
sdk: static
app_file: index.html
pinned: false
---

The leaderboard of itr-bench: image-text relations of tweets. Made by `itr-bench leaderboard build`.
"""


def publish(site: Path, target: str, remote: str | None, *, dry_run: bool = False) -> str:
    """Push the files of *site* to *remote*, in the place of what is there.

    Args:
        target: ``pages`` or ``space``, a key of :data:`BRANCHES`.
        remote: the address of a repository; ``None`` takes, for pages, ``origin`` of the clone in
            which the command runs.

    Returns:
        what was done, or would be, in a sentence.

    Raises:
        ItrBenchError: *site* is no site of ours, there is no remote, or git refuses.
    """
    if not (site / MARKER).is_file():
        raise ItrBenchError(
            f"{site} is no site of ours: build it first, with itr-bench leaderboard build --out "
            f"{site}"
        )
    address = remote or _origin(target)
    branch = BRANCHES[target]
    number = sum(path.is_file() for path in site.rglob("*"))
    if dry_run:
        return f"dry run: {number} files of {site} would be pushed to {address}, branch {branch}"
    with tempfile.TemporaryDirectory(prefix="itr-bench-publish-") as folder:
        tree = Path(folder) / "site"
        shutil.copytree(site, tree)
        if target == "pages":
            (tree / ".nojekyll").write_bytes(b"")  # else files that begin with a dot are left out
        else:
            (tree / "README.md").write_text(_SPACE, encoding="utf-8")
        _git(tree, "init", "-q", "-b", branch)
        _git(tree, "add", "-A", "-f")
        identity = ["-c", "user.name=itr-bench", "-c", "user.email=itr-bench@localhost"]
        _git(tree, *identity, "commit", "-q", "-m", f"The pages, made by itr-bench {__version__}")
        _git(tree, "push", "-q", "--force", address, f"HEAD:refs/heads/{branch}")
    return f"{number} files of {site} are in the branch {branch} of {address}"


def _origin(target: str) -> str:
    if target == "space":
        raise ItrBenchError(
            "name the space: --remote https://huggingface.co/spaces/ORG/NAME (make it first, with "
            "the SDK static, at https://huggingface.co/new-space)"
        )
    try:
        return _git(Path.cwd(), "remote", "get-url", "origin")
    except ItrBenchError as error:
        raise ItrBenchError(
            "this folder is in no clone with a remote called origin: name one with --remote"
        ) from error


def _git(folder: Path, *arguments: str) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )
    except FileNotFoundError as error:
        raise ItrBenchError("git is not installed, and it does the publishing") from error
    if done.returncode:
        raise ItrBenchError(f"git {arguments[0]} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()
