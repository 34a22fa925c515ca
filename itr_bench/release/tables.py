"""The Parquet file of a config, and the hashes of its rows."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from itr_bench.data.languages import LANGUAGES
from itr_bench.data.manifest import text_hash
from itr_bench.data.release_files import HASHES
from itr_bench.data.schema import RELATION_NAMES, compression
from itr_bench.data.tsv import read_rows
from itr_bench.data.writing import ROWS_A_GROUP
from itr_bench.errors import DataError
from itr_bench.tasks.loading import TaskData

HASHES_HEADER = ("config", "tweet_id", "relation", "text_sha256", "image_sha256")

COLUMNS: Mapping[str, str] = {
    "tweet_id": "id of the tweet",
    "text": "text of the tweet as the task shows it, links included",
    "relation": "relation of image and text, 0 to 3",
    "image": "image of the tweet, the file as it came",
    "image_sha256": "SHA-256 of the image file",
    "text_sha256": "SHA-256 of the text, UTF-8",
}
"""What each column holds, in English; ``text_<language>`` is not among them."""


def described(column: str) -> str:
    """What a column holds."""
    if column in COLUMNS:
        return COLUMNS[column]
    return f"the text in {LANGUAGES[column.removeprefix('text_')].name}"


def columns(data: TaskData, ids_only: bool) -> dict[str, dict[str, Any]]:
    """The columns of a config, each as the JSON of its feature in `datasets`."""
    string = {"dtype": "string", "_type": "Value"}
    relation = {"names": list(RELATION_NAMES), "_type": "ClassLabel"}
    if ids_only:
        return {
            "tweet_id": string,
            "relation": relation,
            "text_sha256": string,
            "image_sha256": string,
        }
    return {
        "tweet_id": string,
        "text": string,
        "relation": relation,
        "image": {"mode": "RGB", "_type": "Image"},
        "image_sha256": string,
        **{f"text_{code}": string for code in data.tweets.spec.texts if code != data.spec.language},
    }


def _arrow(feature: Mapping[str, Any]) -> pa.DataType:
    if feature["_type"] == "Image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.int64() if feature["_type"] == "ClassLabel" else pa.string()


def write_parquet(data: TaskData, path: Path, *, ids_only: bool) -> int:
    """Write a config, one row group in memory at a time; the same data gives the same bytes.

    Returns:
        The size of the data in memory, in bytes.
    """
    features = columns(data, ids_only)
    layout = pa.schema(
        [pa.field(name, _arrow(feature)) for name, feature in features.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    records = _records(data, ids_only)
    size = 0
    path.parent.mkdir(parents=True)
    with pq.ParquetWriter(
        path, layout, compression=compression(layout), use_dictionary=False
    ) as writer:
        while group := list(itertools.islice(records, ROWS_A_GROUP)):
            table = pa.Table.from_pylist(group, schema=layout)
            writer.write_table(table)
            size += table.nbytes
    return size


def _records(data: TaskData, ids_only: bool) -> Iterator[dict[str, Any]]:
    tweets = data.tweets
    others = {f"text_{code}": tweets.texts(code) for code in tweets.spec.texts}
    bar = tqdm(tweets.tweet_ids, desc=data.spec.name, unit="tweet", disable=None, leave=False)
    for row, tweet in enumerate(bar):
        record: dict[str, Any] = {
            "tweet_id": tweet,
            "relation": tweets.relations[row],
            "image_sha256": tweets.image_hashes[row],
        }
        if ids_only:
            yield {**record, "text_sha256": text_hash(data.texts[row])}
            continue
        content, name = data.images.image_file(data.image_rows[row])
        record["image"] = {"bytes": content, "path": name}
        record["text"] = data.texts[row]
        yield {**record, **{name: texts[row] for name, texts in others.items()}}


def hash_lines(config: str, data: TaskData, *, ids_only: bool) -> Iterator[str]:
    """The lines of ``hashes.tsv`` for a config; several texts are joined with a ``+``."""
    tweets = data.tweets
    codes = [data.spec.language]
    if not ids_only:
        codes += [code for code in tweets.spec.texts if code != data.spec.language]
    texts = zip(*(tweets.texts(code) for code in codes), strict=True)
    for tweet, relation, own, image in zip(
        tweets.tweet_ids, tweets.relations, texts, tweets.image_hashes, strict=True
    ):
        yield "\t".join([config, tweet, str(relation), "+".join(map(text_hash, own)), image])


Rows = Mapping[str, Mapping[str, tuple[str, str, str]]]
"""For each config, relation and hashes of texts and image by tweet id."""


def read_hashes(content: bytes, where: str) -> Rows:
    """Read ``hashes.tsv``.

    Raises:
        DataError: it is not such a file.
    """
    table = read_rows(Path(where), content)
    if tuple(table.header) != HASHES_HEADER:
        raise DataError(f"{where}: not the {HASHES} of a release")
    if table.problems:
        raise DataError(f"{where}, {table.problems[0]}")
    rows: dict[str, dict[str, tuple[str, str, str]]] = {}
    for _, (config, tweet, relation, text, image) in table.rows:
        rows.setdefault(config, {})[tweet] = (relation, text, image)
    return rows
