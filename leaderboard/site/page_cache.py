"""Pages and charts, which are expensive to make, kept by the hash of all they are made of."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from itr_bench.leaderboard.published import leaderboard_folder

_NAME = re.compile(r"[0-9a-f]{64}\.html")

_SOURCES = (
    "site", "scoring", "submissions/entry.py", "submissions/schema.py", "submissions/published.py",
    "relation.py", "nouns.py", "data/catalog.py", "data/languages.py",
    "data/manifest.py", "data/variants.py",
)  # fmt: skip
"""What decides how a page comes out, below the package."""


class PageCache:
    """A folder of pages and parts of pages by key, or nothing at all."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._used: set[str] = set()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def page(self, key: str) -> bytes | None:
        """The page of that key, where there is one."""
        if self.folder is None:
            return None
        self._used.add(f"{key}.html")
        try:
            return (self.folder / f"{key}.html").read_bytes()
        except FileNotFoundError:
            return None

    def keep(self, key: str, page: bytes) -> None:
        """Keep a page, whole or not at all."""
        if self.folder is None:
            return
        self._used.add(f"{key}.html")
        part = self.folder / f"{key}.{os.getpid()}.part"
        part.write_bytes(page)
        part.replace(self.folder / f"{key}.html")

    def made(self, key: str, make: Callable[[], str]) -> bytes:
        """The page of that key, made where there is none."""
        page = self.page(key)
        if page is None:
            page = make().encode()
            self.keep(key, page)
        return page

    def drop_unused(self) -> None:
        """Remove what nobody asked for."""
        if self.folder is None:
            return
        for path in self.folder.iterdir():
            if _NAME.fullmatch(path.name) and path.name not in self._used:
                path.unlink()


def key_of(parts: Iterable[bytes]) -> str:
    """The key of what is made of *parts*, and of the code and templates."""
    found = hashlib.sha256(_code())
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


@lru_cache(maxsize=1)
def _code() -> bytes:
    package = Path(str(files("itr_bench")))
    paths = [leaderboard_folder() / "templates", leaderboard_folder() / "assets"]
    paths += [package / name for name in _SOURCES]
    found = hashlib.sha256()
    for name in ("jinja2", "markupsafe", "matplotlib"):
        found.update(f"{name} {version(name)}\n".encode())
    for path in paths:
        inner = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in inner:
            if one.suffix != ".pyc":
                content = hashlib.sha256(one.read_bytes()).digest()
                found.update(f"{path.name}/{one.name}\n".encode() + content)
    return found.digest()
