"""Putting a release onto the Hub: what would change, and then one single commit."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.data.hub import COMMIT_TIMEOUT_S, TIMEOUT_S, asking, is_missing
from itr_bench.data.manifest import file_hash
from itr_bench.data.release_files import (
    CHECKSUMS,
    FACTS,
    HASHES,
    Release,
    check_content,
    checksums,
    is_part,
    read_release,
)
from itr_bench.errors import DataError, bullet_list
from itr_bench.release.difference import RowDifference, parse_version, row_differences
from itr_bench.release.export import check_repo_id
from itr_bench.release.plan import check_tasks
from itr_bench.release.tables import Rows, read_hashes

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_UNSURE = (
    "All of the release was published or nothing; to see which, run the command without --yes."
)


@dataclass(frozen=True)
class Comparison:
    """What a push would change.

    Attributes:
        folder: of the release.
        release: what it says of itself.
        repo_id: the repository.
        revision: the commit that was compared with, ``None`` where there is no repository.
        there: the version that is there, ``None`` where there is no release, or a damaged one.
        damaged: what is wrong with the release that is there, ``None`` where nothing is.
        added, changed, removed: files, sorted.
        unchanged: files that are there already.
        kept: files that are there and are of no release; they stay.
        rows: what differs by config, ``None`` where there is no release, or a damaged one.
        obstacles: why it must not be pushed.
    """

    folder: Path
    release: Release
    repo_id: str
    revision: str | None
    there: str | None
    damaged: str | None
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    kept: tuple[str, ...]
    rows: dict[str, RowDifference] | None
    obstacles: tuple[str, ...]


def compare(folder: Path, repo_id: str, *, replace_damaged: bool = False) -> Comparison:
    """Compare the release in *folder* with what is in the repository; changes nothing.

    A release there that cannot be read is compared by files, and is an obstacle.

    Args:
        folder: of the release.
        repo_id: the repository.
        replace_damaged: a release that cannot be read is no obstacle.

    Raises:
        DataError: no release or a damaged one, or the Hub cannot be asked.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    check_repo_id(repo_id)
    release, sums = read_release(folder)
    own = {**sums, CHECKSUMS: file_hash(folder / CHECKSUMS)}
    api = HfApi()
    _be_patient()
    with asking(repo_id, "cannot be read"):
        try:
            revision = api.dataset_info(repo_id, timeout=TIMEOUT_S).sha
        except Exception as error:
            if not is_missing(error):
                raise
            revision = None
        there: dict[str, Any] = {}
        if revision is not None:
            files = api.list_repo_tree(
                repo_id, repo_type="dataset", revision=revision, recursive=True
            )
            there = {file.path: file for file in files if isinstance(file, RepoFile)}
    same = {p for p in own if p in there and _is_same(folder / p, own[p], there[p])}
    changed = tuple(sorted((own.keys() & there.keys()) - same))
    old = _There()
    if revision is not None and not {FACTS, HASHES}.isdisjoint(there):
        old = _read_there(api, repo_id, revision, there.keys())
    left = there.keys() - own.keys()
    gone = {path for path in left & old.sums.keys() if is_part(path)}
    rows = None
    if old.rows is not None:
        rows = row_differences(old.rows, read_hashes((folder / HASHES).read_bytes(), HASHES))
    obstacles = _obstacles(release, repo_id, old.release, changed)
    if old.damaged is not None and not replace_damaged:
        obstacles.append(
            f"the release that is there cannot be read: {old.damaged}. If a newer itr-bench made "
            "it, use that one; if it is damaged, --replace-damaged lets this one take its place"
        )
    return Comparison(
        folder=folder,
        release=release,
        repo_id=repo_id,
        revision=revision,
        there=None if old.release is None else old.release.version,
        damaged=old.damaged,
        added=tuple(sorted(own.keys() - there.keys())),
        changed=changed,
        removed=tuple(sorted(gone)),
        unchanged=tuple(sorted(same)),
        kept=tuple(sorted(left - gone)),
        rows=rows,
        obstacles=tuple(obstacles),
    )


def push(found: Comparison, *, create: bool = False, private: bool = False) -> str:
    """Put a release onto the Hub in one commit on top of what it was compared with.

    Args:
        found: what :func:`compare` returned.
        create: make the repository where there is none.
        private: make it so that only its owners see it.

    Returns:
        The new revision, or the one that is there where nothing differs.

    Raises:
        DataError: it must not be pushed, or the Hub refuses; then nothing of it is published.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    if found.obstacles:
        raise DataError(
            f"the release in {found.folder} must not be pushed:\n{bullet_list(found.obstacles)}"
        )
    api, repo, revision = HfApi(), found.repo_id, found.revision
    _be_patient()
    if revision is None:
        if not create:
            raise DataError(
                f"there is no data set repository {repo}, or the token may not see it. To make "
                "it: --create"
            )
        with asking(repo, "cannot be made"):
            api.create_repo(repo, repo_type="dataset", private=private)
            revision = api.dataset_info(repo, timeout=TIMEOUT_S).sha
    changes = [*found.added, *found.changed]
    if not changes and not found.removed:
        return str(revision)
    operations = [CommitOperationAdd(path, str(found.folder / path)) for path in changes]
    try:
        with asking(repo, "cannot be pushed to", unsure=_UNSURE):
            done = api.create_commit(
                repo,
                [*operations, *(CommitOperationDelete(path) for path in found.removed)],
                commit_message=f"Release {found.release.version}",
                repo_type="dataset",
                parent_commit=revision,
            )
    except DataError as error:
        if found.revision is None:
            raise DataError(
                f"{error}\nThe repository {repo} was made and is left, empty if nothing was "
                "published: push again without --create, or delete it on the Hub."
            ) from error
        raise
    return str(done.oid)


def _be_patient() -> None:
    """Give requests an end: the Hub's client waits for ever for most of them."""
    from huggingface_hub.utils import get_session

    get_session().timeout = COMMIT_TIMEOUT_S


def _is_same(path: Path, sha256: str, there: Any) -> bool:
    if there.lfs is not None:
        return bool(there.lfs.sha256 == sha256)
    if there.size != path.stat().st_size:
        return False
    content = path.read_bytes()  # how git names a file
    return bool(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == there.blob_id)


@dataclass(frozen=True)
class _There:
    """The release in a repository, the hashes of its files, and of its rows."""

    release: Release | None = None
    sums: Mapping[str, str] = field(default_factory=dict)
    rows: Rows | None = None
    damaged: str | None = None


def _read_there(api: HfApi, repo_id: str, revision: str, there: Collection[str]) -> _There:
    """Read the release in a repository, as far as it can be read, without its images."""
    missing = [path for path in (CHECKSUMS, FACTS, HASHES) if path not in there]
    if missing:
        return _There(damaged=f"{' and '.join(missing)}: missing")
    with tempfile.TemporaryDirectory() as folder, asking(repo_id, "cannot be read"):
        content = {}
        for path in (CHECKSUMS, FACTS, HASHES):
            file = api.hf_hub_download(
                repo_id, path, repo_type="dataset", revision=revision, local_dir=folder
            )
            content[path] = Path(file).read_bytes()
    sums: dict[str, str] = {}
    try:
        sums = checksums(content[CHECKSUMS], CHECKSUMS)
        for path in (FACTS, HASHES):
            check_content(content[path], sums.get(path), path)
        release = Release.parse(content[FACTS], FACTS)
        check_tasks(release, FACTS)
        parse_version(release.version)
        return _There(release, sums, read_hashes(content[HASHES], HASHES))
    except DataError as error:
        return _There(sums=sums, damaged=str(error).rstrip("."))


def _obstacles(
    release: Release, repo_id: str, there: Release | None, changed: tuple[str, ...]
) -> list[str]:
    problems = [f"{c.name}: {obstacle}" for c in release.configs for obstacle in c.obstacles]
    if release.trial:
        problems.append("it is a trial: it holds placeholder pictures or demo data")
    if release.repo_id not in {None, repo_id}:
        problems.append(f"its card names another repository, {release.repo_id}")
    if there is not None and there.version == release.version and changed:
        problems.append(
            f"version {release.version} is there already with other files, and people cite "
            "versions: export with a new --version"
        )
    if there is not None and parse_version(there.version) > parse_version(release.version):
        problems.append(f"version {there.version} is there, above {release.version}")
    return problems
