"""Opening a built set, and the data of a task from it."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from itr_bench.data import build, home
from itr_bench.data.catalog import SetSpec, TaskSpec, get_set, get_task
from itr_bench.data.images import check_image, decode
from itr_bench.data.manifest import PARQUET, Manifest, content_hash, file_hash
from itr_bench.data.schema import schema
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS

if TYPE_CHECKING:
    import datasets


class TweetSet:
    """A data set in memory; its images are read when the first one is asked for.

    Attributes:
        spec: what the catalogue says of it.
        manifest: what its builder said of it.
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
        self._parquet = parquet

    def texts(self, language: str) -> list[str]:
        """The texts of one language, one a tweet."""
        texts: list[str] = self._table[f"text_{language}"].to_pylist()
        return texts

    @functools.cached_property
    def _images(self) -> pa.ChunkedArray:
        if self._parquet is None:
            return self._table["image"]
        try:
            return pq.read_table(self._parquet, columns=["image"])["image"]
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self._parquet, self.spec.name, error) from error

    def image_file(self, row: int) -> tuple[bytes, str]:
        """The content and the name of a tweet's image file."""
        image = self._images[row].as_py()
        return image["bytes"], image["path"]

    def image(self, row: int) -> Image.Image:
        """A tweet's image as models get it: upright, RGB."""
        return decode(self.image_file(row)[0])


@dataclass(frozen=True)
class TaskData:
    """The tweets of one task.

    Attributes:
        spec: the task.
        texts: the text that the task shows of each tweet, raw.
        tweets: the set with ids and labels.
        images: the set with the images, with the tweets in the order of ``tweets``.
        image_rows: for each tweet, its row in ``images``.
        identity: kind and hash of exactly this data, as signatures state it.
    """

    spec: TaskSpec
    texts: Sequence[str]
    tweets: TweetSet
    images: TweetSet
    image_rows: Sequence[int]
    identity: str

    @property
    def stand_in(self) -> bool:
        """Whether the pictures are stand-ins, so that no score is a result."""
        return self.tweets.manifest.kind == "stand-in"


def open_set(name: str) -> TweetSet:
    """Open the set *name*; a published one is fetched on first use and kept.

    Raises:
        DataError: an unknown name, or a set that is not there and cannot be fetched.
    """
    spec = get_set(name)
    if name == "demo":
        return _demo(spec)
    folder = home.set_folder(name)
    if not home.is_built(name):
        folder = build.fetch(name)
    return _open(name, folder, (folder / home.MANIFEST).stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _open(name: str, folder: Path, changed_ns: int) -> TweetSet:
    """Read a built set; *changed_ns* only keeps a set that was rebuilt from being reused."""
    spec = get_set(name)
    manifest = Manifest.read(folder)
    columns = [field.name for field in schema(spec) if field.name != "image"]
    try:
        table = pq.read_table(folder / PARQUET, columns=columns)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _unreadable(folder / PARQUET, name, error) from error
    if table.num_rows != manifest.tweets:
        raise DataError(
            f"{folder / PARQUET}: {table.num_rows} tweets, {manifest.tweets} in its manifest. "
            f"Build the set again: itr-bench data build {name} --replace"
        )
    return TweetSet(spec, manifest, table, folder / PARQUET)


def _unreadable(path: Path, name: str, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be read ({error}). Build the set again: "
        f"itr-bench data build {name} --replace"
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
        sources=({"what": "made-up tweets and drawn pictures of itr-bench", "licence": "MIT"},),
    )
    return TweetSet(spec, manifest, table, None)


def open_task(name: str) -> TaskData:
    """Open the data of task *name*.

    Raises:
        DataError: as :func:`open_set`; or translations that belong to another state of the
            tweets.
    """
    task = get_task(name)
    tweets = open_set(task.set_name)
    images = tweets
    if tweets.manifest.base is not None:
        images = open_set(tweets.manifest.base["set"])
        if images.manifest.content_sha256 != tweets.manifest.base["content_sha256"]:
            raise DataError(
                f"the translations {task.set_name!r} were made for another state of the set "
                f"{images.spec.name!r}; build them again: "
                f"itr-bench data build {task.set_name} --tweets FILE.tsv --system NAME --replace"
            )
    texts = tweets.texts(task.text)
    row = {tweet: i for i, tweet in enumerate(images.tweet_ids)}
    digest = content_hash(
        (tweet, relation, [text], image)
        for tweet, relation, text, image in zip(
            tweets.tweet_ids, tweets.relations, texts, tweets.image_hashes, strict=True
        )
    )
    system = tweets.manifest.system
    return TaskData(
        spec=task,
        texts=texts,
        tweets=tweets,
        images=images,
        image_rows=[row[tweet] for tweet in tweets.tweet_ids],
        identity=f"{tweets.manifest.kind}-{digest[:12]}" + (f"-{system}" if system else ""),
    )


def load(name: str) -> datasets.Dataset:
    """Return the data of task *name* for use in Python.

    Args:
        name: a task such as ``"ltec_itr_lv"``; its data is fetched on first use.

    Returns:
        A ``datasets.Dataset`` with one row a tweet and the columns ``tweet_id`` (string),
        ``text`` (string, as published: links included), ``relation`` (``ClassLabel``, 0 to 3),
        ``image`` (``Image``, upright RGB) and ``image_sha256`` (string).

    Raises:
        DataError: an unknown task, or data that is not there and cannot be fetched.
    """
    import datasets

    from itr_bench.data.schema import RELATION_NAMES

    data = open_task(name)
    features = datasets.Features(
        {
            "tweet_id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "relation": datasets.ClassLabel(names=list(RELATION_NAMES)),
            "image": datasets.Image(mode="RGB"),
            "image_sha256": datasets.Value("string"),
        }
    )
    images = data.images._images.take(pa.array(data.image_rows))
    table = pa.table(
        {
            "tweet_id": pa.array(data.tweets.tweet_ids),
            "text": pa.array(list(data.texts)),
            "relation": pa.array(data.tweets.relations, pa.int64()),
            "image": images,
            "image_sha256": pa.array(data.tweets.image_hashes),
        }
    )
    return datasets.Dataset(table.cast(features.arrow_schema))


def verify_set(name: str) -> Manifest:
    """Check a set against its manifest: the file, every image, every text and label.

    Raises:
        DataError: all that does not agree, in one message; or the set is not there.
    """
    tweets = open_set(name)
    manifest, problems = tweets.manifest, []
    if tweets._parquet is not None and file_hash(tweets._parquet) != manifest.parquet_sha256:
        problems.append(f"{tweets._parquet}: another SHA-256 than in the manifest")
    elif tweets.spec.texts != ("mt",):
        for row, (tweet, sha256) in enumerate(
            zip(tweets.tweet_ids, tweets.image_hashes, strict=True)
        ):
            content, file = tweets.image_file(row)
            try:
                if check_image(content, f"tweet {tweet}, {file}").sha256 != sha256:
                    problems.append(f"tweet {tweet}, {file}: another SHA-256 than its own column")
            except DataError as error:
                problems.append(str(error))
    texts = zip(*(tweets.texts(language) for language in tweets.spec.texts), strict=True)
    found = content_hash(
        zip(tweets.tweet_ids, tweets.relations, texts, tweets.image_hashes, strict=True)
    )
    if found != manifest.content_sha256:
        problems.append("ids, labels, texts or images differ from the manifest's content hash")
    if problems:
        raise DataError(
            f"the data set {name!r} is not what its manifest says:\n{bullet_list(problems)}\n"
            f"Build it again: itr-bench data build {name} --replace"
        )
    return manifest


def describe_set(name: str) -> dict[str, Any]:
    """Return the figures of a set: counts, text lengths, image sizes, hashes.

    Lengths are in characters, sizes in pixels, each as minimum, median and maximum.

    Raises:
        DataError: the set is not there and cannot be fetched.
    """
    from statistics import median

    tweets = open_set(name)

    def spread(values: Sequence[int]) -> dict[str, float]:
        return {"min": min(values), "median": median(values), "max": max(values)}

    images: dict[str, Any] = {}
    if tweets.spec.texts != ("mt",):
        facts = [
            check_image(tweets.image_file(row)[0], tweet)
            for row, tweet in enumerate(tweets.tweet_ids)
        ]
        images = {
            "image_width": spread([fact.width for fact in facts]),
            "image_height": spread([fact.height for fact in facts]),
            "image_formats": {
                kind: sum(fact.format == kind for fact in facts)
                for kind in sorted({fact.format for fact in facts})
            },
        }
    manifest = tweets.manifest
    return {
        "set": name,
        "title": tweets.spec.title,
        "kind": manifest.kind,
        "tweets": manifest.tweets,
        "relations": {str(int(r)): manifest.relations[r] for r in RELATIONS},
        "majority_class": max(manifest.relations) / manifest.tweets,
        "text_length": {
            language: spread([len(text) for text in tweets.texts(language)])
            for language in tweets.spec.texts
        },
        **images,
        "content_sha256": manifest.content_sha256,
        "parquet_sha256": manifest.parquet_sha256 or None,
        "system": manifest.system,
        "sources": list(manifest.sources),
        "notes": list(manifest.notes),
        "built": manifest.built if name != "demo" else None,
    }
