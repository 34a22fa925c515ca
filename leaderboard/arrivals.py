"""When each submission came, by the repository's history: a date in a file proves nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from itr_bench.leaderboard.layout import RESPONSES

_COMMIT = "commit "


def arrivals(root: Path) -> dict[str, int]:
    """The place in the history of the commit that added each submission, by its folder.

    Args:
        root: a folder of submissions in a work tree of git, with its whole history: in a shallow
            clone all came at once.

    Returns:
        by MODEL/STATE/TASK; nothing for what was never committed, or outside of a repository.
    """
    arguments = ["log", "--reverse", "--diff-filter=A", "--no-renames", "--name-only"]
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotepath=off", *arguments, f"--format={_COMMIT}%H", "--", "."],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    found: dict[str, int] = {}
    number = 0
    for line in done.stdout.splitlines():
        if line.startswith(_COMMIT):
            number += 1
            continue
        parts = line.split("/")
        if len(parts) > 3 and parts[-1] == RESPONSES:
            found.setdefault("/".join(parts[-4:-1]), number)
    return found
