"""Writing a release into a folder: whole or not at all, and the same data gives the same bytes."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from itr_bench.data.manifest import file_hash
from itr_bench.data.release_files import (
    CARD,
    CHANGELOG,
    CHECKSUMS,
    CROISSANT,
    FACTS,
    HASHES,
    REPO_ID,
    Config,
    Release,
    config_name,
    read_release,
)
from itr_bench.errors import DataError
from itr_bench.release import tables
from itr_bench.release.card import card, read_agreement
from itr_bench.release.croissant import croissant
from itr_bench.release.difference import changelog, parse_version, row_differences
from itr_bench.release.plan import TRIAL_KINDS, Planned


def export(
    folder: Path,
    planned: Sequence[Planned],
    *,
    version: str = "1.0.0",
    repo_id: str | None = None,
    date: str | None = None,
    previous: Path | None = None,
    agreement: Path | None = None,
    replace: bool = False,
) -> Release:
    """Write a release into *folder*.

    Args:
        folder: is made; may be there if empty, or with *replace* if it is a release.
        planned: what :func:`itr_bench.release.plan.plan` returned.
        version: semantic version, above that of the previous release.
        repo_id: the repository on the Hub that it is for, for card and examples.
        date: of publication, YYYY-MM-DD; left out of the files if not named.
        previous: folder of the previous release, for the changelog.
        agreement: what ``data agreement --json`` wrote, for the card.
        replace: take the place of a release that is there.

    Raises:
        DataError: anything wrong with these, or the disk refuses.
    """
    parse_version(version)
    check_repo_id(repo_id)
    _check_date(date)
    _refuse_existing(folder, replace)
    before = None
    if previous is not None:
        earlier, _ = read_release(previous)
        before = (
            earlier.version,
            (previous / CHANGELOG).read_text(encoding="utf-8"),
            tables.read_hashes((previous / HASHES).read_bytes(), str(previous / HASHES)),
        )
    measured = [] if agreement is None else read_agreement(agreement)
    with _replacing(folder) as partial:
        configs = tuple(_write_config(partial, one) for one in planned)
        release = Release(
            version=version,
            trial=any(one.kind in TRIAL_KINDS for one in planned),
            repo_id=repo_id,
            date=date,
            configs=configs,
        )
        lines = ["\t".join(tables.HASHES_HEADER)]
        for one in planned:
            lines += tables.hash_lines(config_name(one.task), one.data, ids_only=one.ids_only)
        _write(partial / HASHES, "\n".join(lines) + "\n")
        change = None
        if before is not None:
            now = tables.read_hashes((partial / HASHES).read_bytes(), HASHES)
            change = (before[0], before[1], row_differences(before[2], now))
        _write(partial / CHANGELOG, changelog(version, configs, change))
        features = {
            config_name(one.task): tables.columns(one.data, one.ids_only) for one in planned
        }
        hashes = ((partial / HASHES).stat().st_size, file_hash(partial / HASHES))
        _write(partial / CROISSANT, croissant(release, features, hashes))
        _write(partial / CARD, card(release, features, measured))
        _write(partial / FACTS, release.model_dump_json(indent=2) + "\n")
        sums = {
            file.relative_to(partial).as_posix(): file_hash(file)
            for file in partial.rglob("*")
            if file.is_file()
        }
        _write(partial / CHECKSUMS, "".join(f"{sums[p]}  {p}\n" for p in sorted(sums)))
    return release


def _write_config(folder: Path, one: Planned) -> Config:
    manifest = one.data.tweets.manifest
    facts = Config(
        task=one.task,
        set_name=one.set_name,
        text=one.data.spec.text,
        kind=one.kind,
        content_sha256=manifest.content_sha256,
        system=manifest.system,
        base=None if manifest.base is None else dict(manifest.base),
        sources=one.sources,
        notes=manifest.notes,
        identity=one.data.identity,
        relations=one.relations,
        ids_only=one.ids_only,
        licences=one.licences,
        obstacles=one.obstacles,
        num_bytes=0,
        size=0,
        sha256="0" * 64,
    )
    path = folder / facts.path
    num_bytes = tables.write_parquet(one.data, path, ids_only=one.ids_only)
    written = {"num_bytes": num_bytes, "size": path.stat().st_size, "sha256": file_hash(path)}
    return facts.model_copy(update=written)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def check_repo_id(repo_id: str | None) -> None:
    """Raise :class:`DataError` if *repo_id* is not spelled ORG/NAME."""
    if repo_id is not None and not REPO_ID.fullmatch(repo_id):
        raise DataError(f"--repo-id {repo_id}: expected ORG/NAME")


def _check_date(date: str | None) -> None:
    try:
        if date is not None and datetime.date.fromisoformat(date).isoformat() != date:
            raise ValueError
    except ValueError:
        raise DataError(f"--date {date}: expected YYYY-MM-DD") from None


def _refuse_existing(folder: Path, replace: bool) -> None:
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    if not (folder / FACTS).is_file():
        raise DataError(
            f"{folder} is there and is not a release; name another folder. Nothing was touched."
        )
    if not replace:
        raise DataError(f"{folder} holds a release already; to replace it, add --replace")


@contextlib.contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of *folder* if the block succeeds."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            partial = work / "new"
            partial.mkdir()
            yield partial
            if folder.exists():
                folder.rename(work / "old")
            partial.rename(folder)
        finally:
            if (work / "old").exists() and not folder.exists():
                (work / "old").rename(folder)
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"cannot write {folder}: {error.strerror or error}. Make room or grant write access; "
            "nothing was changed."
        ) from error
