"""Writing a release into a folder: whole or not at all, and the same data gives the same bytes."""

from __future__ import annotations

import datetime
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.data.balance import as_tsv
from itr_bench.data.hub import is_repo_id
from itr_bench.data.manifest import file_hash
from itr_bench.data.release_files import (
    CARD,
    CHANGELOG,
    CHECKSUMS,
    CROISSANT,
    FACTS,
    HASHES,
    NOTICE,
    Config,
    Release,
    config_name,
    is_part,
    read_release,
)
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import Relation
from itr_bench.release import tables
from itr_bench.release.card import card, read_agreement
from itr_bench.release.croissant import croissant
from itr_bench.release.difference import changelog, check_above, parse_version, row_differences
from itr_bench.release.notice import licence_texts, notice
from itr_bench.release.plan import TRIAL_KINDS, Planned
from itr_bench.storage import check_disk, clear_leftovers, replacing


@dataclass(frozen=True)
class Details:
    """What a release is said to be, and what it stands beside.

    Attributes:
        version: semantic version, above that of the previous release.
        repo_id: the repository on the Hub that it is for, for card and examples.
        date: of publication, YYYY-MM-DD; left out of the files if not named.
        previous: folder of the previous release, for the changelog.
        agreement: what ``data agreement --json`` wrote, for the card.
        replace: take the place of a release that is there.
    """

    version: str = "1.0.0"
    repo_id: str | None = None
    date: str | None = None
    previous: Path | None = None
    agreement: Path | None = None
    replace: bool = False


def check(folder: Path, asked: Details) -> tuple[str | None, tables.Rows, list[list[str]]]:
    """Check what :func:`export` is asked to do, apart from the data; nothing is written.

    Returns:
        The changelog and rows of the previous release, ``None`` and empty where none was named; the
        rows of a table of agreement.

    Raises:
        DataError: as :func:`export`.
    """
    previous, agreement = asked.previous, asked.agreement
    parse_version(asked.version)
    check_repo_id(asked.repo_id)
    _check_date(asked.date)
    _refuse_existing(folder, asked.replace)
    text: str | None = None
    rows: tables.Rows = {}
    if previous is not None:
        earlier, _ = read_release(previous)
        check_above(asked.version, earlier.version)
        try:
            text = (previous / CHANGELOG).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{previous / CHANGELOG}: not a text in UTF-8 ({error})") from error
        rows = tables.read_hashes((previous / HASHES).read_bytes(), str(previous / HASHES))
    return text, rows, [] if agreement is None else read_agreement(agreement)


def export(folder: Path, planned: Sequence[Planned], **details: Any) -> Release:
    """Write a release into *folder*.

    Args:
        folder: is made; may be there if empty, or with ``replace`` if it is a release.
        planned: what :func:`itr_bench.release.plan.plan` returned.
        details: those of :class:`Details`.

    Raises:
        DataError: anything wrong with these, or the disk refuses.
    """
    asked = Details(**details)
    disk = functools.partial(
        check_disk, folder, DataError, "Make room or grant write access; nothing was changed."
    )
    with disk():
        whole = _resolved(folder)
        clear_leftovers(whole)
    previous, rows, agreement = check(folder, asked)
    with disk(), replacing(whole, replace=asked.replace) as partial:
        configs = tuple(_write_config(partial, one) for one in planned)
        release = Release(
            version=asked.version,
            trial=any(one.kind in TRIAL_KINDS for one in planned),
            repo_id=asked.repo_id,
            date=asked.date,
            configs=configs,
        )
        lines = ["\t".join(tables.HASHES_HEADER)]
        for one in planned:
            lines += tables.hash_lines(config_name(one.task), one.data, ids_only=one.ids_only)
        _write(partial / HASHES, "\n".join(lines) + "\n")
        change = None
        if previous is not None:
            now = tables.read_hashes((partial / HASHES).read_bytes(), HASHES)
            change = (previous, row_differences(rows, now))
        _write(partial / CHANGELOG, changelog(asked.version, configs, change))
        features = {
            config_name(one.task): tables.columns(one.data, one.ids_only) for one in planned
        }
        hashes = ((partial / HASHES).stat().st_size, file_hash(partial / HASHES))
        _write(partial / CROISSANT, croissant(release, features, hashes))
        _write(partial / CARD, card(release, features, agreement))
        _write(partial / NOTICE, notice(release))
        for path, text in licence_texts(release).items():
            _write(partial / path, text)
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
    config = Config(
        task=one.task,
        set_name=one.set_name,
        text=one.data.spec.language,
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
    path = folder / config.path
    num_bytes = tables.write_parquet(one.data, path, ids_only=one.ids_only)
    if config.ids_path is not None:
        labels = zip(one.data.tweets.tweet_ids, one.data.tweets.relations, strict=True)
        ids = as_tsv({tweet: Relation(label) for tweet, label in labels})
        _write(folder / config.ids_path, ids)
    written = {"num_bytes": num_bytes, "size": path.stat().st_size, "sha256": file_hash(path)}
    return config.model_copy(update=written)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode("utf-8"))


def check_repo_id(repo_id: str | None) -> None:
    """Raise :class:`DataError` if *repo_id* is not spelled ORG/NAME."""
    if repo_id is not None and not is_repo_id(repo_id):
        raise DataError(
            f"--repo-id {repo_id}: expected ORG/NAME, in letters, digits and - _ . (no -- and no "
            ".., at most 96 in all)"
        )


def _check_date(date: str | None) -> None:
    try:
        if date is not None and datetime.date.fromisoformat(date).isoformat() != date:
            raise ValueError
    except ValueError:
        raise DataError(f"--date {date}: expected YYYY-MM-DD") from None


def _refuse_existing(folder: Path, replace: bool) -> None:
    try:
        whole = folder.resolve()
        if whole in {here := Path.cwd(), *here.parents}:
            raise DataError(
                f"{folder} is the current folder or holds it, and cannot be replaced; name a new "
                "folder. Nothing was touched."
            )
        above = next(path for path in whole.parents if os.path.lexists(path))
        if not above.is_dir():
            raise DataError(f"cannot write {folder}: {above} is no folder")
        if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
            return
        files = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before 3.13
        raise DataError(f"cannot read {folder}: {error}") from error
    if not (folder / FACTS).is_file():
        raise DataError(
            f"{folder} is there and is not a release; name another folder. Nothing was touched."
        )
    if not replace:
        raise DataError(f"{folder} holds a release already; to replace it, add --replace")
    own = sorted(path.relative_to(folder).as_posix() for path in files)
    own = [path for path in own if not is_part(path)]
    if own:
        raise DataError(
            f"{folder} holds files of no release, which --replace would remove; move them away:\n"
            + bullet_list(own)
        )


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()
    except RuntimeError as error:  # links in a circle, before Python 3.13
        raise DataError(f"cannot write {folder}: {error}") from error
