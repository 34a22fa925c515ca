"""Putting a release onto the Hub: what would change, and then one single commit."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.data.hub import COMMIT_TIMEOUT_S, TIMEOUT_S, asking, is_missing
from itr_bench.data.release_files import (
    CHECKSUMS,
    FACTS,
    HASHES,
    Release,
    check_content,
    checksums,
    read_release,
)
from itr_bench.errors import DataError, bullet_list
from itr_bench.release.difference import RowDifference, parse_version, row_differences
from itr_bench.release.export import check_repo_id
from itr_bench.release.tables import read_hashes

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
        there: the version that is there, ``None`` where there is no release.
        added, changed, removed: files, sorted.
        unchanged: files that are there already.
        kept: files that are there and are of no release; they stay.
        rows: what differs by config, ``None`` where there is no release.
        obstacles: why it must not be pushed.
    """

    folder: Path
    release: Release
    repo_id: str
    revision: str | None
    there: str | None
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    kept: tuple[str, ...]
    rows: dict[str, RowDifference] | None
    obstacles: tuple[str, ...]


def compare(folder: Path, repo_id: str) -> Comparison:
    """Compare the release in *folder* with what is in the repository; changes nothing.

    Raises:
        DataError: no release or a damaged one, or the Hub cannot be asked.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    check_repo_id(repo_id)
    release, sums = read_release(folder)
    own = {**sums, CHECKSUMS: hashlib.sha256((folder / CHECKSUMS).read_bytes()).hexdigest()}
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
    old_release, rows = None, None
    old_sums: dict[str, str] = {}
    if revision is not None and {CHECKSUMS, FACTS, HASHES} <= there.keys():
        old_release, old_sums, old_rows = _read_there(api, repo_id, revision)
        rows = row_differences(old_rows, read_hashes((folder / HASHES).read_bytes(), HASHES))
    left = there.keys() - own.keys()
    changed = tuple(sorted((own.keys() & there.keys()) - same))
    return Comparison(
        folder=folder,
        release=release,
        repo_id=repo_id,
        revision=revision,
        there=None if old_release is None else old_release.version,
        added=tuple(sorted(own.keys() - there.keys())),
        changed=changed,
        removed=tuple(sorted(left & old_sums.keys())),
        unchanged=tuple(sorted(same)),
        kept=tuple(sorted(left - old_sums.keys())),
        rows=rows,
        obstacles=tuple(_obstacles(release, repo_id, old_release, changed)),
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
            f"the release in {found.folder} must not be pushed:\n"
            f"{bullet_list(found.obstacles)}\nExport it again without these, or with --licence."
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
    with asking(repo, "cannot be pushed to", unsure=_UNSURE):
        done = api.create_commit(
            repo,
            [*operations, *(CommitOperationDelete(path) for path in found.removed)],
            commit_message=f"Release {found.release.version}",
            repo_type="dataset",
            parent_commit=revision,
        )
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


def _read_there(api: HfApi, repo_id: str, revision: str) -> tuple[Release, dict[str, str], Any]:
    """The release in the repository, the hashes of its files, and of its rows; no images."""
    with tempfile.TemporaryDirectory() as folder, asking(repo_id, "cannot be read"):
        content = {}
        for path in (CHECKSUMS, FACTS, HASHES):
            file = api.hf_hub_download(
                repo_id, path, repo_type="dataset", revision=revision, local_dir=folder
            )
            content[path] = Path(file).read_bytes()
    sums = checksums(content[CHECKSUMS], f"{repo_id}, {CHECKSUMS}")
    for path in (FACTS, HASHES):
        check_content(content[path], sums.get(path), f"{repo_id}, {path}")
    release = Release.parse(content[FACTS], f"{repo_id}, {FACTS}")
    return release, sums, read_hashes(content[HASHES], f"{repo_id}, {HASHES}")


def _obstacles(
    release: Release, repo_id: str, there: Release | None, changed: tuple[str, ...]
) -> list[str]:
    problems = [f"{c.name}: {obstacle}" for c in release.configs for obstacle in c.obstacles]
    if release.trial:
        problems.append("it is a trial: it holds stand-in or demo data")
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
