"""A built data set: its texts and labels in memory, its images read when they are needed."""

from __future__ import annotations

import functools
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from itr_bench.data import home
from itr_bench.data.images import check_image, decode
from itr_bench.data.manifest import PARQUET, Manifest, content_hash, file_hash
from itr_bench.data.schema import schema
from itr_bench.data.sets import SetSpec, get_set
from itr_bench.data.stored_images import StoredImages, unreadable
from itr_bench.relation import RELATIONS

if TYPE_CHECKING:
    import datasets

ARROW = "arrow"


class TweetSet:
    """A data set; its images are read when they are asked for.

    Attributes:
        tweet_ids, relations, image_hashes: one entry a tweet, in the order of the list.
    """

    def __init__(
        self,
        spec: SetSpec,
        manifest: Manifest,
        table: pa.Table,
        images: StoredImages | pa.ChunkedArray,
    ) -> None:
        self.spec = spec
        self.manifest = manifest
        self.tweet_ids: list[str] = table["tweet_id"].to_pylist()
        self.relations: list[int] = table["relation"].to_pylist()
        self.image_hashes: list[str] = table["image_sha256"].to_pylist()
        self._table = table
        self._images = images

    def texts(self, language: str) -> list[str]:
        """The texts of one language, one a tweet."""
        texts: list[str] = self._table[f"text_{language}"].to_pylist()
        return texts

    @functools.cached_property
    def labels(self) -> dict[str, int]:
        """The right relations by tweet id."""
        return dict(zip(self.tweet_ids, self.relations, strict=True))

    def image_file(self, row: int) -> tuple[bytes, str]:
        """The content and the name of a tweet's image file."""
        image = self._images[row].as_py()
        return image["bytes"], image["path"]

    def image(self, row: int) -> Image.Image:
        """A tweet's image as models get it: upright, RGB.

        Raises:
            DataError: it is truncated or damaged.
        """
        content, name = self.image_file(row)
        return decode(content, f"{self.spec.name}, tweet {self.tweet_ids[row]}, {name}")

    def image_dataset(self) -> datasets.Dataset:
        """The image files for `datasets`, as the one column ``image``, in the order of the list.

        They are mapped from the disk, not held in memory. Compressed Parquet cannot be mapped, so
        the first call writes the column once more, as Arrow, into the set's folder ``arrow``: as
        large as the images, checked by its hash each time, and free to be deleted.

        Raises:
            DataError: the set is damaged, or the copy cannot be written.
        """
        import datasets

        layout = datasets.Features({"image": datasets.Image(mode="RGB")}).arrow_schema
        if not isinstance(self._images, StoredImages):
            return datasets.Dataset(pa.table([self._images], schema=layout))
        return datasets.Dataset.from_file(str(self._copied(self._images, layout)))

    def _copied(self, images: StoredImages, layout: pa.Schema) -> Path:
        """The Arrow file of the images, written if there is none that is whole."""
        name = self.spec.name
        folder = home.set_folder(name) / ARROW
        prefix = f"images-{self.manifest.parquet_sha256[:16]}-"
        if (found := _whole(folder, prefix)) is not None:
            return found
        with home.locked(name):
            if (found := _whole(folder, prefix)) is not None:  # by who held the lock
                return found
            with home.writing(f"the images of the data set {name!r} as Arrow"):
                folder.mkdir(exist_ok=True)
                partial = folder / "partial"
                try:
                    with (
                        pa.OSFile(str(partial), "wb") as sink,
                        pa.ipc.new_stream(sink, layout) as writer,
                    ):
                        for group in images.groups():
                            writer.write_table(pa.table([group], schema=layout))
                    final = folder / f"{prefix}{file_hash(partial)[:16]}.arrow"
                    partial.replace(final)
                finally:
                    partial.unlink(missing_ok=True)
        return final


def _whole(folder: Path, prefix: str) -> Path | None:
    """The file that is named after its own hash, so that a damaged one is not taken."""
    for path in folder.glob(f"{prefix}*.arrow"):
        if path.name == f"{prefix}{file_hash(path)[:16]}.arrow":
            return path
    return None


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
            raise unreadable(parquet, spec.name, "another SHA-256 than in its manifest")
        file = pq.ParquetFile(parquet)  # not read_table, which imports pandas
        table = file.read(columns=columns)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise unreadable(parquet, spec.name, str(error)) from error
    return TweetSet(spec, manifest, table, StoredImages(parquet, file, spec.name))


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
    return TweetSet(spec, manifest, table, table["image"])
