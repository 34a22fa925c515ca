"""Finding and reading the files of submissions, which anybody may have written.

Nothing is followed out of the folder, nothing but a regular file is opened, and nothing is read
beyond its largest size.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from itr_bench.leaderboard.findings import Finding, Severity, plain
from itr_bench.leaderboard.layout import FILES, FOLDS, RESPONSES, SUBMISSION, SUMS

MIB = 2**20
LARGEST = {SUBMISSION: MIB // 4, RESPONSES: 64 * MIB, FOLDS: 16 * MIB, SUMS: 4096}
"""The largest size of each file, in bytes."""

MOST_FILES = 100_000
DEPTH = 3
"""A submission lies so deep: model, state, task."""

_LEFTOVER = re.compile(r"\..+\.[a-z0-9_]+\.tmp")
"""The folder in which a command writes what it then moves to its place."""

_BESIDE = frozenset({"README.md", ".gitkeep"})


def shown(folder: Path) -> str:
    """How findings call a submission's folder: by model, state and task, without odd characters."""
    return plain("/".join(folder.parts[-DEPTH:]))


def discover(path: Path) -> tuple[list[Path], list[Finding]]:
    """Find the folders of submissions at or below *path*, sorted, without following links.

    Args:
        path: the folder of all submissions, one of its folders, or one submission.

    Returns:
        the folders that hold files, and what is wrong with the way they lie there; its paths are
        below *path*.
    """
    top = path.resolve()
    above: tuple[str, ...] = ()
    folders: list[Path] = []
    findings: list[Finding] = []
    count = 0

    def add(code: str, path: Path, message: str, severity: Severity = Severity.ERROR) -> None:
        name = "/".join((*above, *path.relative_to(top).parts))
        findings.append(Finding(severity, code, plain(name or "."), None, message))

    def unreadable(error: OSError) -> None:
        add("unreadable", Path(error.filename or top), error.strerror or str(error))

    for here, below, others in os.walk(top, onerror=unreadable):
        folder, left = Path(here), [name for name in below if _LEFTOVER.fullmatch(name)]
        depth = len(folder.relative_to(top).parts)
        names = sorted({*below, *others} - {*left})
        links = [name for name in names if (folder / name).is_symlink()]
        count += len(names)
        for name in left:
            said = "left by a killed command, not looked into; delete it"
            add("leftover", folder / name, said, Severity.LOOK)
        below[:] = sorted(set(below) - {*left, *links})
        files = set(names) - {*links, *below}
        at_top = depth == 0 and not files & {SUBMISSION, RESPONSES}
        if (files - _BESIDE if at_top else files) and depth <= DEPTH:
            folders.append(folder)
            if depth == 0:  # one submission is called by its model, state and task all the same
                above = folder.parts[-DEPTH:]
        for name in links:
            add("link", folder / name, "a symbolic link; put the file itself there")
        for name, twin in _collisions(names):
            said = f"differs from {twin!r} only in case, which some file systems cannot tell apart"
            add("same-but-for-case", folder / name, said)
        if depth > DEPTH:
            add("depth", folder, "lies too deep: expected MODEL/STATE/TASK with three files")
            below.clear()
        elif count > MOST_FILES:
            add("too-many-files", folder, f"over {MOST_FILES} files; the rest was not read")
            break
    return sorted(folders), findings


def _collisions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each name that differs from an earlier one only in case, with that one."""
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            yield name, twin


def read(folder: Path) -> tuple[dict[str, bytes], list[Finding]]:
    """Read the files of one submission.

    Returns:
        the content of those that could be read, by name, and what is wrong with the others.
    """
    found: dict[str, bytes] = {}
    findings: list[Finding] = []
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        said = error.strerror or str(error)
        return {}, [Finding(Severity.ERROR, "unreadable", shown(folder), None, said)]
    for name in names:
        if name not in (*FILES, FOLDS):
            findings.append(
                _error(
                    "unexpected-file",
                    folder / name,
                    f"expected only {', '.join(FILES)} here, and {FOLDS} of a fine-tuned model; "
                    "take it out",
                )
            )
    for name in (*FILES, *([FOLDS] if FOLDS in names else [])):
        if name not in names:
            findings.append(_error("missing-file", folder / name, "there is no such file"))
            continue
        try:
            found[name] = read_file(folder / name)
        except (OSError, ValueError) as error:
            said = (error.strerror if isinstance(error, OSError) else None) or str(error)
            findings.append(_error("unreadable", folder / name, said))
    return found, findings


def read_file(path: Path) -> bytes:
    """Read a regular file of a submission, if it is one and not too large.

    Raises:
        ValueError: it is neither; with a plain message.
        OSError: the disk refuses, or it is a link.
    """
    largest = LARGEST[path.name]
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("not a regular file")
        # The file may grow while it is read.
        content = b"" if about.st_size > largest else file.read(largest + 1)
    if about.st_size > largest or len(content) > largest:
        raise ValueError(f"{about.st_size} bytes, at most {largest} are taken")
    return content


def _error(code: str, path: Path, message: str) -> Finding:
    name = f"{shown(path.parent)}/{plain(path.name)}"
    return Finding(Severity.ERROR, code, name, None, message)
