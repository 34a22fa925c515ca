"""What is written beside a built set: where it came from, what it holds, and its hashes."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from itr_bench.data.home import MANIFEST
from itr_bench.data.sets import build_again
from itr_bench.errors import DataError
from itr_bench.storage import write_json
from itr_bench.version import __version__

FORMAT = 1
PARQUET = "tweets.parquet"
KINDS = ("hub", "local", "placeholder", "demo")


@dataclass(frozen=True)
class Manifest:
    """The identity of a built set.

    Attributes:
        kind: ``hub`` (the published images at the pinned revision), ``local`` (files of the
            user's), ``placeholder`` (drawn pictures: no score of it is a result) or ``demo``.
        content_sha256: hash over ids, labels, texts and images, whatever the file's encoding.
        sources: what it was built from: name, address or file name, revision, sha256, licence.
        notes: what the builder noticed and a user may want to know.
        system: the machine translation system, for a set of translations.
        base: name and content hash of the set that holds the images, for a set of translations.
        built: when, UTC.
        versions: versions of this package and of the libraries that built it.
        format: version of this file's layout.
    """

    set_name: str
    kind: str
    tweets: int
    relations: tuple[int, ...]
    content_sha256: str
    parquet_sha256: str
    sources: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    system: str | None = None
    base: Mapping[str, str] | None = None
    built: str = field(
        default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds")
    )
    versions: Mapping[str, str] = field(
        default_factory=lambda: {
            "itr-bench": __version__,
            "python": platform.python_version(),
            "pyarrow": version("pyarrow"),
            "pillow": version("pillow"),
        }
    )
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write the manifest into *folder*."""
        write_json(folder / MANIFEST, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of *folder*.

        Raises:
            DataError: it is damaged, or of another format.
        """
        path = folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found.get("format") != FORMAT:
                raise DataError(
                    f"{path}: format {found.get('format')!r}, expected {FORMAT}. "
                    f"{build_again(folder.name)}"
                )
            return cls(
                **{
                    **found,
                    "relations": tuple(found["relations"]),
                    "sources": tuple(found["sources"]),
                    "notes": tuple(found["notes"]),
                }
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{path} is damaged ({error}). {build_again(folder.name)}") from error


def content_hash(rows: Iterable[tuple[str, int, Iterable[str], str]]) -> str:
    """Return the SHA-256 over tweets, whatever their order.

    Args:
        rows: tweet id, relation, texts, and the SHA-256 of the image, for each tweet.
    """
    lines = sorted(
        "\t".join([tweet, str(relation), *map(text_hash, texts), image])
        for tweet, relation, texts, image in rows
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def folder_hash(folder: Path) -> str:
    """Return the SHA-256 over names and contents of the files of *folder*, hidden ones left out."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not path.is_file() or any(part.startswith(".") for part in parts):
            continue
        found.update(f"{'/'.join(parts)} {file_hash(path)}\n".encode())
    return found.hexdigest()


def kind_of(data: str) -> str:
    """The kind in an identity of data, one of :data:`KINDS`."""
    return "placeholder" if data.startswith("placeholder-") else data.split("-", 1)[0]


def content_of(data: str) -> str:
    """An identity of data without its kind: equal where tweets, labels, texts and images are."""
    return data.removeprefix(kind_of(data) + "-")
