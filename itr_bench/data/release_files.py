"""The files of a release: their names, and what ``release.json`` says of the data."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from itr_bench.data.manifest import file_hash
from itr_bench.data.sets import get_set
from itr_bench.errors import DataError, bullet_list

FORMAT = 1
FACTS = "release.json"
HASHES = "hashes.tsv"
CHECKSUMS = "SHA256SUMS"
CARD = "README.md"
CROISSANT = "croissant.json"
CHANGELOG = "CHANGELOG.md"
NOTICE = "NOTICE"
LICENCES = "LICENSES"
"""The folder of licence texts, as the REUSE specification spells it."""

_PARTS = re.compile(
    rf"{re.escape(FACTS)}|{HASHES}|{CHECKSUMS}|{CARD}|{CROISSANT}|{CHANGELOG}|{NOTICE}|"
    rf"{LICENCES}/[\w.+-]+\.txt|\w[\w.+-]*/(test-00000-of-00001\.parquet|ids\.tsv)",
    re.ASCII,
)

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
_SHA256 = r"^[0-9a-f]{64}$"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def config_name(task: str) -> str:
    """The name of a task's config: an ``@`` has a meaning in addresses of the Hub."""
    return task.replace("@", "__")


class Config(BaseModel):
    """What a release says of one config, the data of one task.

    Attributes:
        task: the task, of translations with its system.
        text: language of the column ``text``.
        kind, content_sha256, system, base, sources, notes: as in the manifest of the set.
        identity: kind and hash of the task's data, as signatures state it.
        relations: number of tweets by relation.
        ids_only: whether texts and images are given as hashes only.
        licences: SPDX identifiers of all that is in it; NOASSERTION for what states none.
        obstacles: why it must not be published.
        num_bytes: size of the data in memory, in bytes.
        size, sha256: of the Parquet file, in bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    set_name: str
    text: str
    kind: str
    content_sha256: Annotated[str, Field(pattern=_SHA256)]
    system: str | None
    base: dict[str, str] | None
    sources: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    identity: str
    relations: tuple[int, int, int, int]
    ids_only: bool
    licences: tuple[str, ...]
    obstacles: tuple[str, ...]
    num_bytes: int
    size: int
    sha256: Annotated[str, Field(pattern=_SHA256)]

    @property
    def name(self) -> str:
        """The name of the config."""
        return config_name(self.task)

    @property
    def path(self) -> str:
        """The Parquet file, below the release."""
        return f"{self.name}/test-00000-of-00001.parquet"

    @property
    def ids_path(self) -> str | None:
        """The list of ids and labels to fetch tweets by, below the release; of ``tirt`` only."""
        return f"{self.name}/ids.tsv" if self.ids_only and self.set_name == "tirt" else None

    @property
    def rehydration(self) -> str | None:
        """The commands that make the set again from its list of ids, where there is one."""
        if self.ids_path is None:
            return None
        return (
            f"itr-bench data hydrate-plan --labels {self.ids_path} --out ids/\n"
            f"itr-bench data build {self.set_name} --labels {self.ids_path} --tweets FETCHED --all"
        )

    @property
    def tweets(self) -> int:
        """Number of tweets."""
        return sum(self.relations)


class Release(BaseModel):
    """What a release says of itself.

    Attributes:
        version: semantic version.
        trial: whether it holds placeholder or demo data, and is to try things out only.
        repo_id: the repository on the Hub that it is for, where it was named.
        date: of publication, YYYY-MM-DD, where it was named.
        configs: the configs; the first is the default.
        format: version of this file's layout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    trial: bool
    repo_id: str | None
    date: str | None
    configs: tuple[Config, ...]
    format: int = FORMAT

    @classmethod
    def parse(cls, content: bytes, where: str) -> Release:
        """Read ``release.json``.

        Raises:
            DataError: it is not one, is of another format, or has tasks that are not known here.
        """
        try:
            found = cls.model_validate_json(content)
            if found.format != FORMAT:
                raise DataError(
                    f"{where}: format {found.format}, expected {FORMAT}. It was made by another "
                    "version of itr-bench; use that one."
                )
            for config in found.configs:
                try:
                    if not is_part(config.path):  # it is joined to a folder
                        raise DataError(f"{config.task!r} is no name of a task")
                    get_set(config.set_name)
                except DataError as error:
                    raise DataError(
                        f"{where}: made by a newer itr-bench, or damaged: {error}"
                    ) from error
            return found
        except (ValidationError, ValueError) as error:
            raise DataError(f"{where} is not the {FACTS} of a release: {error}") from error


def checksums(content: bytes, where: str) -> dict[str, str]:
    """Read ``SHA256SUMS``: the SHA-256 of each file by its path.

    Raises:
        DataError: it is not such a file.
    """
    found = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataError(f"{where}, line {number}: expected a SHA-256, two blanks and a path")
        found[match[2]] = match[1]
    return found


def read_release(folder: Path) -> tuple[Release, dict[str, str]]:
    """Read a release in a local folder, each of its files checked against ``SHA256SUMS``.

    Returns:
        The release, and the SHA-256 of each file by its path.

    Raises:
        DataError: no release, or files that are missing or changed.
    """
    try:
        sums = checksums((folder / CHECKSUMS).read_bytes(), str(folder / CHECKSUMS))
        facts = (folder / FACTS).read_bytes()
    except OSError as error:
        raise DataError(
            f"{folder} is not a release of itr-bench: {error.filename} cannot be read "
            f"({error.strerror}). To make one: itr-bench data export {folder}"
        ) from error
    release = Release.parse(facts, str(folder / FACTS))
    problems = []
    for path in sorted(
        {FACTS, HASHES, CHANGELOG, *(config.path for config in release.configs)} - set(sums)
    ):
        problems.append(f"{path}: not in {CHECKSUMS}")
    for path, sha256 in sums.items():
        file = folder / path
        # By its name only: what huggingface_hub.snapshot_download makes are links to elsewhere.
        if not is_part(path):
            problems.append(f"{path}: no file of a release")
        elif not file.is_file():
            problems.append(f"{path}: missing")
        elif file_hash(file) != sha256:
            problems.append(f"{path}: another SHA-256 than in {CHECKSUMS}")
    if problems:
        raise DataError(
            f"the release in {folder} is damaged:\n{bullet_list(problems)}\n"
            f"Export it again: itr-bench data export {folder} --replace"
        )
    return release, sums


def is_part(path: str) -> bool:
    """Whether a release can have a file of that path, with ``/`` between folders."""
    return _PARTS.fullmatch(path) is not None


def check_content(content: bytes, sha256: str | None, where: str) -> bytes:
    """Return *content*, or raise :class:`DataError` if its SHA-256 is another one."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{where}: another SHA-256 than the release states")
    return content
