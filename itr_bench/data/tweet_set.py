"""A built data set in memory."""

from __future__ import annotations

import functools
import json
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from itr_bench.data import home
from itr_bench.data.catalog import SetSpec, get_set
from itr_bench.data.images import check_image, decode
from itr_bench.data.manifest import PARQUET, Manifest, content_hash, file_hash
from itr_bench.data.schema import schema
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS


class TweetSet:
    """A data set in memory; its images are read when the first one is asked for.

    Attributes:
        spec: what the catalogue says of it.
        manifest: what its builder said of it.
        parquet: the file, ``None`` for the bundled demo.
        tweet_ids, relations, image_hashes: one entry a tweet, in the order of the list.
    """

    def __init__(
        self, spec: SetSpec, manifest: Manifest, table: pa.Table, parquet: Path | None
    ) -> None:
        self.spec = spec
        self.manifest = manifest
        self.tweet_ids: list[str] = table["tweet_id"].to_pylist()
        self.relations: list[int] = table["relation"].to_pylist()
        self.image_hashes: list[str] = table["image_sha256"].to_pylist()
        self._table = table
        self.parquet = parquet

    def texts(self, language: str) -> list[str]:
        """The texts of one language, one a tweet."""
        texts: list[str] = self._table[f"text_{language}"].to_pylist()
        return texts

    @functools.cached_property
    def labels(self) -> dict[str, int]:
        """The right relations by tweet id."""
        return dict(zip(self.tweet_ids, self.relations, strict=True))

    @functools.cached_property
    def images(self) -> pa.ChunkedArray:
        """The image files, a column of structs with ``bytes`` and ``path``."""
        if self.parquet is None:
            return self._table["image"]
        try:
            return pq.ParquetFile(self.parquet).read(columns=["image"])["image"]
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.parquet, self.spec.name, str(error)) from error

    def image_file(self, row: int) -> tuple[bytes, str]:
        """The content and the name of a tweet's image file."""
        image = self.images[row].as_py()
        return image["bytes"], image["path"]

    def image(self, row: int) -> Image.Image:
        """A tweet's image as models get it: upright, RGB."""
        return decode(self.image_file(row)[0])


def read_set(name: str) -> TweetSet:
    """Read set *name*, which is bundled or built.

    Raises:
        DataError: it is damaged.
    """
    spec = get_set(name)
    if spec.bundled:
        return _demo(spec)
    folder = home.set_folder(name)
    return _read(spec, folder, (folder / home.MANIFEST).stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(spec: SetSpec, folder: Path, changed_ns: int) -> TweetSet:
    """Read a built set; *changed_ns* only keeps a set that was rebuilt from being reused."""
    manifest = Manifest.read(folder)
    parquet = folder / PARQUET
    columns = [field.name for field in schema(spec) if field.name != "image"]
    try:
        if file_hash(parquet) != manifest.parquet_sha256:
            raise _unreadable(parquet, spec.name, "another SHA-256 than in its manifest")
        # Not read_table, which imports pandas.
        table = pq.ParquetFile(parquet).read(columns=columns)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _unreadable(parquet, spec.name, str(error)) from error
    return TweetSet(spec, manifest, table, parquet)


def _unreadable(path: Path, name: str, error: str) -> DataError:
    return DataError(
        f"{path} is damaged ({error}). Build the set again: itr-bench data build {name} --replace"
    )


@functools.cache
def _demo(spec: SetSpec) -> TweetSet:
    folder = resources.files("itr_bench.data.demo")
    lines = (folder / "tweets.jsonl").read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines:
        tweet = json.loads(line)
        file = f"{tweet['tweet_id']}.png"
        content = (folder / "images" / file).read_bytes()
        rows.append(
            {
                **{key: tweet[key] for key in ("tweet_id", "relation", "text_lv", "text_en")},
                "image": {"bytes": content, "path": file},
                "image_sha256": check_image(content, file).sha256,
            }
        )
    table = pa.Table.from_pylist(rows, schema=schema(spec))
    relations = table["relation"].to_pylist()
    manifest = Manifest(
        set_name="demo",
        kind="demo",
        tweets=len(rows),
        relations=tuple(relations.count(r) for r in RELATIONS),
        content_sha256=content_hash(
            (r["tweet_id"], r["relation"], [r["text_lv"], r["text_en"]], r["image_sha256"])
            for r in rows
        ),
        parquet_sha256="",
        sources=({"name": "made-up tweets and drawn pictures of itr-bench", "licence": "MIT"},),
    )
    return TweetSet(spec, manifest, table, None)
