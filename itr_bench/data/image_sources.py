"""Where the images of a set come from: a folder, a zip file, the Hub, or a drawing."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from itr_bench.data.images import MOST_BYTES
from itr_bench.data.placeholder import placeholder_png
from itr_bench.errors import DataError, bullet_list

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
# What a damaged, encrypted or unknown kind of zip member, or a disk, can raise.
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)
METADATA = ("metadata.csv", "metadata.jsonl")


class ImageSource(ABC):
    """Images by tweet id.

    Attributes:
        kind: ``hub``, ``local`` or ``placeholder``, as a manifest states it.
        facts: what a manifest says of the source.
        labels: relations by tweet id, where the source has them too.
        texts: tweet texts by id, where the source has them too.
    """

    kind: str = "local"
    facts: Mapping[str, Any]
    labels: Mapping[str, str]
    texts: Mapping[str, str]

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.labels = {}
        self.texts = {}

    @abstractmethod
    def ids(self) -> frozenset[str] | None:
        """The ids that it has images for; ``None`` for any id."""

    @abstractmethod
    def read(self, tweet_id: str) -> tuple[bytes, str]:
        """Return the content and the name of the image file of *tweet_id*."""


class PlaceholderImages(ImageSource):
    """Pictures drawn from the id."""

    kind = "placeholder"

    def __init__(self) -> None:
        super().__init__({"name": "placeholder pictures drawn by itr-bench"})

    def ids(self) -> frozenset[str] | None:
        return None

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        return placeholder_png(tweet_id), f"{tweet_id}.png"


class MemberImages(ImageSource):
    """Image files named ``<tweet_id>.<ending>``, or listed in an image folder's metadata file."""

    def __init__(
        self,
        where: Path,
        facts: Mapping[str, Any],
        members: Iterable[str],
        read: Callable[[str], bytes],
    ) -> None:
        super().__init__(facts)
        self.where = where
        self._read = read
        names = [name for name in members if not PurePosixPath(name).name.startswith(".")]
        metadata = [name for name in names if PurePosixPath(name).name in METADATA]
        if metadata:
            self._members = self._from_metadata(metadata, set(names))
        else:
            self._members = self._from_names(names)

    def ids(self) -> frozenset[str] | None:
        return frozenset(self._members)

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        name = self._members[tweet_id]
        return self._content(name), PurePosixPath(name).name

    def _content(self, name: str) -> bytes:
        try:
            return self._read(name)
        except _UNREADABLE as error:
            raise DataError(f"{self.where}, {name}: cannot be read ({error})") from error

    def _from_names(self, names: list[str]) -> dict[str, str]:
        members: dict[str, str] = {}
        problems = []
        for name in sorted(names):
            path = PurePosixPath(name)
            if path.suffix.lower() not in SUFFIXES:
                continue
            if path.stem in members:
                problems.append(f"{members[path.stem]} and {name} are both named {path.stem}")
            members[path.stem] = name
        if problems:
            raise DataError(f"{self.where}: two images for one tweet:\n{bullet_list(problems)}")
        if not members:
            raise DataError(
                f"{self.where}: no image found; expected files named <tweet_id>.jpg (or "
                f"{', '.join(sorted(SUFFIXES))}), or an image folder with a metadata.csv"
            )
        return members

    def _from_metadata(self, metadata: list[str], names: set[str]) -> dict[str, str]:
        members: dict[str, str] = {}
        labels: dict[str, str] = {}
        texts: dict[str, str] = {}
        for name in metadata:
            content = self._content(name)
            try:
                text = content.decode("utf-8-sig")
                # Not splitlines: it splits at characters that a JSON string may hold.
                rows = (
                    list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
                    if name.endswith(".csv")
                    else [json.loads(line) for line in text.split("\n") if line.strip()]
                )
            except (ValueError, RecursionError, csv.Error) as error:
                raise DataError(f"{self.where}, {name}: cannot be read ({error})") from error
            for number, row in enumerate(rows, start=1):
                try:
                    tweet, file = str(row["tweet_id"]), str(row["file_name"])
                except (KeyError, TypeError):
                    raise DataError(
                        f"{self.where}, {name}, row {number}: expected the columns 'file_name' and "
                        f"'tweet_id', found {sorted(row) if isinstance(row, dict) else row!r}"
                    ) from None
                member = str(PurePosixPath(name).parent / file)
                if member not in names:
                    raise DataError(f"{self.where}, {name}, row {number}: no file {member!r}")
                if tweet in members:
                    raise DataError(f"{self.where}, {name}, row {number}: {tweet} stands twice")
                members[tweet] = member
                if "relation" in row:
                    labels[tweet] = str(row["relation"])
                if "text" in row:
                    texts[tweet] = str(row["text"])
        self.labels, self.texts = labels, texts
        return members


def local_images(where: Path) -> MemberImages:
    """Return the images of a folder or zip file, which is read in place.

    Raises:
        DataError: there is no such folder or zip file, or no image in it.
    """
    facts = {"name": where.name, "what": "images"}
    if where.is_dir():
        files = [file.relative_to(where).as_posix() for file in where.rglob("*") if file.is_file()]
        return MemberImages(where, facts, files, lambda name: (where / name).read_bytes())
    if not where.exists():
        raise DataError(f"{where}: no such folder or zip file")
    try:
        archive = zipfile.ZipFile(where)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{where}: neither a folder nor a zip file ({error})") from error

    def read(name: str) -> bytes:
        info = archive.getinfo(name)
        if info.file_size > MOST_BYTES:
            raise DataError(f"{where}, {name}: {info.file_size / 2**20:.0f} MiB, at most 64 MiB")
        return archive.read(info)

    return MemberImages(
        where, facts, [i.filename for i in archive.infolist() if not i.is_dir()], read
    )
