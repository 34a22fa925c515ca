"""Copy the submissions that a pull request touches, as plain files, for the validator.

Usage: changed_submissions.py CLONE BASE_COMMIT TARGET

They come into TARGET/submissions and TARGET/reruns, those of them that are touched. They are read
from git's objects, so that no link of the working tree is followed; a link is copied as a link,
which the validator refuses. TARGET/deleted lists the folders of submissions that are there no
more, moved ones included, one a line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

_TOP = "leaderboard/"
_ROOTS = (f"{_TOP}submissions/", f"{_TOP}reruns/")
_LINK = "120000"
_DEPTH = len(PurePosixPath(_TOP, "submissions", "MODEL", "STATE", "TASK").parts)


def git(clone: str, *arguments: str) -> bytes:
    """What git prints."""
    return subprocess.run(["git", "-C", clone, *arguments], check=True, capture_output=True).stdout


def tree(clone: str, commit: str) -> list[tuple[str, str, PurePosixPath]]:
    """The files below both roots: mode, identity and path."""
    found = []
    for line in git(clone, "ls-tree", "-r", "-z", commit, "--", *_ROOTS).split(b"\0"):
        if line:
            about, _, raw = line.partition(b"\t")
            mode, _, identity = about.decode().split()
            found.append((mode, identity, PurePosixPath(os.fsdecode(raw))))
    return found


def main(clone: str, base: str, target: str) -> None:
    """Copy every file of every task folder in which anything changed, and list the deleted."""
    since = git(clone, "merge-base", base, "HEAD").decode().strip()
    changed = git(clone, "diff", "--name-only", "--no-renames", "-z", since, "HEAD", "--", *_ROOTS)
    folders = {PurePosixPath(os.fsdecode(name)).parent for name in changed.split(b"\0") if name}
    now = tree(clone, "HEAD")
    gone = {name.parent for _, _, name in tree(clone, since)} - {name.parent for _, _, name in now}
    deleted = sorted(str(folder) for folder in gone if len(folder.parts) == _DEPTH)
    Path(target).mkdir(parents=True, exist_ok=True)
    lines = [name.encode("unicode_escape", "surrogatepass").decode() + "\n" for name in deleted]
    Path(target, "deleted").write_text("".join(lines))
    for mode, identity, name in now:
        if name.parent not in folders or name.name == ".gitkeep":
            continue
        place = Path(target, name.relative_to(_TOP))
        place.parent.mkdir(parents=True, exist_ok=True)
        content = git(clone, "cat-file", "blob", identity)
        if mode == _LINK:
            place.symlink_to(os.fsdecode(content))
        else:
            place.write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
