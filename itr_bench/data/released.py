"""Reading sets out of a release: a repository on the Hub, or a folder in its layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from itr_bench.data import home
from itr_bench.data.hub import TIMEOUT_S, asking, is_repo_id
from itr_bench.data.image_sources import ImageSource
from itr_bench.data.manifest import content_hash, file_hash
from itr_bench.data.release_files import (
    CHECKSUMS,
    FACTS,
    Config,
    Release,
    check_content,
    checksums,
    read_release,
)
from itr_bench.data.sets import get_set
from itr_bench.data.stored_images import StoredImages
from itr_bench.data.tsv import Row
from itr_bench.data.tweet_set import read_set
from itr_bench.data.writing import write, write_translation
from itr_bench.errors import DataError

ENVIRONMENT = "ITR_BENCH_HUB"


def place() -> str | None:
    """The release that sets are taken from, where the user names one."""
    return os.environ.get(ENVIRONMENT, "").strip() or None


def fetch(name: str, *, replace: bool = False) -> Path:
    """Build set *name* from the release that ``ITR_BENCH_HUB`` names.

    Args:
        name: a set; translations of no named system are those of the only one.

    Returns:
        The folder of the set.

    Raises:
        DataError: the release cannot be read, is damaged, or does not hold the set whole.
    """
    source = _open()
    config = _choose(name, source)
    spec = get_set(config.set_name)
    if spec.base is None:
        with home.locked(spec.name):
            if home.is_built(spec.name) and not replace:
                return home.set_folder(spec.name)
            rows, images, facts = _read(config, source)
            return write(spec, rows, images, facts, config.notes)
    # Building translations takes the lock of the set; this one keeps others from the same work.
    with home.locked(f"{spec.name}.release"):
        if home.is_built(spec.name) and not replace:
            return home.set_folder(spec.name)
        rows, _, facts = _read(config, source)
        if not home.is_built(spec.base):
            fetch(spec.base)
        base = read_set(spec.base)
        found = base.manifest.content_sha256
        if config.base is None or config.base.get("content_sha256") != found:
            raise DataError(
                f"the translations {spec.name!r} of {source.name} belong to another state of the "
                f"set {spec.base!r} than the one here. Take that one from the release too: "
                f"itr-bench data build {spec.base} --replace"
            )
        column = f"text_{spec.texts[0]}"
        return write_translation(
            spec.name.partition("@")[0],
            {row.values["tweet_id"]: row.values[column] for row in rows},
            base,
            system=spec.name.partition("@")[2],
            facts=facts,
            where=Path(source.name),
            notes=config.notes,
            replace=replace,
        )


class _Folder:
    """A release in a local folder.

    ``origin`` is its name for manifests, which may be passed on: without a path of this machine.
    """

    def __init__(self, folder: Path) -> None:
        self.revision: str | None = None
        self.name = str(folder)
        self._folder = folder
        self.release, _ = read_release(folder)
        self.origin = self.release.repo_id or folder.resolve().name

    def parquet(self, config: Config) -> Path:
        return self._folder / config.path


class _Repository:
    """A release on the Hub; all files come from one commit, through the Hub's own cache."""

    def __init__(self, repo: str, revision: str | None) -> None:
        from huggingface_hub import HfApi, constants

        self.name = self.origin = repo
        self.revision = revision
        if not constants.HF_HUB_OFFLINE:
            with asking(f"the release {repo}", "cannot be read"):
                found = HfApi().dataset_info(repo, revision=revision, timeout=TIMEOUT_S)
                self.revision = found.sha
        self._sums = checksums(self._file(CHECKSUMS).read_bytes(), f"{repo}, {CHECKSUMS}")
        facts = check_content(
            self._file(FACTS).read_bytes(), self._sums.get(FACTS), f"{repo}, {FACTS}"
        )
        self.release = Release.parse(facts, f"{repo}, {FACTS}")

    def parquet(self, config: Config) -> Path:
        path = self._file(config.path)
        if file_hash(path) != self._sums.get(config.path):
            raise DataError(
                f"{self.name}, {config.path}: another SHA-256 than in its {CHECKSUMS}. Delete "
                f"{path} and try again."
            )
        return path

    def _file(self, path: str) -> Path:
        from huggingface_hub import HfApi

        with asking(f"the release {self.name}, {path},", "cannot be read"):
            return Path(
                HfApi().hf_hub_download(
                    self.name, path, repo_type="dataset", revision=self.revision
                )
            )


_Source = _Folder | _Repository


def _open() -> _Source:
    named = place()
    assert named is not None
    folder = Path(named).expanduser()
    if folder.is_dir():
        return _Folder(folder)
    repo, _, revision = named.partition("@")
    if not is_repo_id(repo):
        raise DataError(
            f"{ENVIRONMENT}={named}: neither a folder nor a repository. Expected a folder made by "
            "`itr-bench data export`, or ORG/NAME or ORG/NAME@REVISION of the Hub; or unset it."
        )
    return _Repository(repo, revision or None)


def _choose(name: str, source: _Source) -> Config:
    configs = source.release.configs
    fitting = [c for c in configs if name in {c.set_name, c.set_name.partition("@")[0]}]
    if not fitting:
        held = ", ".join(sorted({config.set_name for config in configs}))
        raise DataError(
            f"the release {source.name} does not hold the data set {name!r}; it holds: {held}. "
            f"Name another release, or unset {ENVIRONMENT}."
        )
    names = sorted({config.set_name for config in fitting})
    if len(names) > 1:
        raise DataError(
            f"the release {source.name} holds translations {name!r} of {len(names)} systems; "
            f"name one: {', '.join(names)}"
        )
    whole = [config for config in fitting if not config.ids_only]
    if not whole:
        commands = next((c.rehydration for c in fitting if c.rehydration), None)
        raise DataError(
            f"the release {source.name} holds ids, labels and hashes of {name!r}, no texts and no "
            "images. "
            + (
                f"Fetch the tweets by id, with its list of ids:\n{commands}"
                if commands
                else get_set(name).supply or "Build it from its sources."
            )
        )
    return whole[0]


def _read(config: Config, source: _Source) -> tuple[list[Row], _ReleasedImages, dict[str, Any]]:
    """The tweets and images of a config, checked, and what the manifest is to say of the list."""
    path, spec = source.parquet(config), get_set(config.set_name)
    where = f"{source.name}, {config.path}"
    column = {code: "text" if code == config.text else f"text_{code}" for code in spec.texts}
    wanted = ["tweet_id", "relation", "image_sha256", *column.values()]
    try:
        file = pq.ParquetFile(path)
        table = file.read(columns=wanted)
        found = {name: table[name].to_pylist() for name in wanted}
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(f"{where}: not the Parquet file of a release ({error})") from error
    texts = list(zip(*(found[column[code]] for code in spec.texts), strict=True))
    digest = content_hash(
        zip(found["tweet_id"], found["relation"], texts, found["image_sha256"], strict=True)
    )
    if digest != config.content_sha256:
        raise DataError(
            f"{where}: ids, labels, texts or images differ from the content hash in {FACTS}"
        )
    names = [f"text_{code}" for code in spec.texts]
    tweets = zip(found["tweet_id"], map(str, found["relation"]), texts, strict=True)
    rows = [
        Row(number, {"tweet_id": tweet, "relation": label, **dict(zip(names, own, strict=True))})
        for number, (tweet, label, own) in enumerate(tweets, start=1)
    ]
    origin = {
        "release": {
            "name": source.origin,
            "revision": source.revision,
            "version": source.release.version,
            "sha256": config.sha256,
        }
    }
    facts = {**(config.sources[0] if config.sources else {}), **origin}
    others = {**(config.sources[1] if len(config.sources) > 1 else {}), **origin}
    hashes = dict(zip(found["tweet_id"], found["image_sha256"], strict=True))
    images = StoredImages(path, file, config.set_name)
    return rows, _ReleasedImages(where, config.kind, others, images, hashes), facts


class _ReleasedImages(ImageSource):
    """The images of a release, each checked against its own hash."""

    def __init__(
        self,
        where: str,
        kind: str,
        facts: dict[str, Any],
        images: StoredImages,
        hashes: dict[str, str],
    ) -> None:
        super().__init__(facts)
        self.kind = kind
        self._where, self._images, self._hashes = where, images, hashes
        self._row = {tweet: row for row, tweet in enumerate(hashes)}

    def ids(self) -> frozenset[str] | None:
        return frozenset(self._row)

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        image = self._images[self._row[tweet_id]].as_py()
        content, name = image["bytes"], image["path"]
        where = f"{self._where}, tweet {tweet_id}, {name}"
        return check_content(content, self._hashes[tweet_id], where), name
