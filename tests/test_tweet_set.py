"""Images are read when they are needed: a few row groups in memory, or mapped from the disk."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import itr_bench
from itr_bench.data import build, home, inspection, loading
from itr_bench.data.manifest import file_hash
from itr_bench.data.sets import LTEC_BALANCED
from itr_bench.data.stored_images import KEPT_GROUPS, StoredImages
from itr_bench.data.tweet_set import TweetSet
from itr_bench.errors import DataError
from itr_bench.tasks.loading import open_task
from itr_bench.tasks.spec import get_task

TWEETS = 203  # seven row groups of 32, the last one not full


def picture(number: int, shade: int = 0) -> bytes:
    """A PNG of one colour, another one for each number."""
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (number % 256, number // 256, shade)).save(buffer, "PNG")
    return buffer.getvalue()


def archive_of(path: Path, ids: list[str], shade: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for number, tweet in enumerate(ids):
            file.writestr(f"{tweet}.png", picture(number, shade))
    return path


def build_tirt(folder: Path, count: int = TWEETS, shade: int = 0) -> None:
    ids = [str(1000 + number) for number in range(count)]
    tweets = folder / "tirt.tsv"
    rows = [f"{number % 4}\t{tweet}\twords {number}" for number, tweet in enumerate(ids)]
    tweets.write_text("\n".join(["relation\ttweet_id\ttext", *rows]), "utf-8")
    build.build("tirt", tweets, archive_of(folder / "tirt.zip", ids, shade), replace=True)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the row groups that are read from the disk."""
    found: list[int] = []
    read = StoredImages._read

    def spy(self: StoredImages, number: int) -> pa.ChunkedArray:
        found.append(number)
        return read(self, number)

    monkeypatch.setattr(StoredImages, "_read", spy)
    return found


def arrow_files() -> list[str]:
    return sorted(path.name for path in (home.set_folder("tirt") / "arrow").iterdir())


# Row groups


def test_opening_reads_no_image_and_going_through_reads_each_row_group_once(
    tmp_path: Path, reads: list[int]
) -> None:
    build_tirt(tmp_path)
    tweets = open_task(get_task("tirt")).images
    assert reads == []
    for row in range(TWEETS):
        assert tweets.image_file(row) == (picture(row), f"{1000 + row}.png")
        assert tweets.image(row).getpixel((0, 0)) == (row, 0, 0)
    assert reads == list(range(7))
    assert tweets.image_file(TWEETS - 1)[0] == picture(TWEETS - 1)
    assert tweets.image_file(-2)[0] == picture(TWEETS - 2)
    assert reads == list(range(7))  # the last ones are kept
    tweets.image_file(0)
    assert reads == [*range(7), 0]
    with pytest.raises(IndexError):
        tweets.image_file(TWEETS)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, TWEETS - 1), max_size=60), size=st.sampled_from([1, 7, 500]))
def test_any_order_of_rows_and_any_size_of_row_groups_gives_the_right_image(
    rows: list[int], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("groups") / "tweets.parquet"
    column = [{"bytes": picture(number), "path": str(number)} for number in range(TWEETS)]
    pq.write_table(pa.table({"image": column}), path, row_group_size=size)
    images = StoredImages(path, pq.ParquetFile(path), "tirt")
    for row in rows:
        assert images[row].as_py() == column[row]
        assert len(images._kept) <= KEPT_GROUPS
    assert pa.chunked_array([c for g in images.groups() for c in g.chunks]).to_pylist() == column


def test_threads_share_a_set(tmp_path: Path) -> None:
    build_tirt(tmp_path)
    tweets = loading.open_set("tirt")
    rows = [(37 * number) % TWEETS for number in range(4 * TWEETS)]
    with ThreadPoolExecutor(8) as pool:
        for row, (content, _) in zip(rows, pool.map(tweets.image_file, rows), strict=True):
            assert content == picture(row)


def test_a_set_that_is_replaced_meanwhile_is_read_on_as_it_was(tmp_path: Path) -> None:
    build_tirt(tmp_path)
    before = loading.open_set("tirt")
    assert before.image_file(0)[0] == picture(0)
    build_tirt(tmp_path, shade=9)
    after = loading.open_set("tirt")
    for row in (0, TWEETS - 1):
        content = before.image_file(row)[0]
        assert hashlib.sha256(content).hexdigest() == before.image_hashes[row]
        assert after.image_file(row)[0] == picture(row, 9)


# Verifying


def test_verifying_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_tirt(tmp_path, 8)

    def refuse(*arguments: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(Image, "open", refuse)
    assert inspection.verify_set("tirt").tweets == 8


@pytest.mark.parametrize("empty", [False, True])
def test_an_exchanged_image_is_named_even_where_the_hash_of_the_file_was_mended(
    tmp_path: Path, empty: bool
) -> None:
    build_tirt(tmp_path, 8)
    folder = home.set_folder("tirt")
    table = pq.read_table(folder / "tweets.parquet")
    images = table["image"].to_pylist()
    images[5]["bytes"] = None if empty else images[4]["bytes"]
    at = table.schema.get_field_index("image")
    column = pa.array(images, table.schema.field("image").type)
    pq.write_table(table.set_column(at, "image", column), folder / "tweets.parquet")
    facts = json.loads((folder / home.MANIFEST).read_text())
    facts["parquet_sha256"] = file_hash(folder / "tweets.parquet")
    (folder / home.MANIFEST).write_text(json.dumps(facts))
    with pytest.raises(DataError, match="what its manifest says") as caught:
        inspection.verify_set("tirt")
    assert "tweet 1005, 1005.png: another SHA-256 than its own column" in str(caught.value)
    assert "content hash" not in str(caught.value)


# For `datasets`


def test_a_loaded_data_set_is_mapped_from_a_copy_that_is_written_once(
    tmp_path: Path, reads: list[int]
) -> None:
    build_tirt(tmp_path)
    loaded = itr_bench.load("tirt")
    assert reads == list(range(7))
    (name,) = arrow_files()
    copy = home.set_folder("tirt") / "arrow" / name
    assert [Path(file["filename"]) for file in loaded.cache_files] == [copy]
    assert loaded[150]["image"].getpixel((0, 0)) == (150, 0, 0)
    written = copy.stat().st_mtime_ns
    again = itr_bench.load("tirt")
    assert (copy.stat().st_mtime_ns, reads) == (written, list(range(7)))
    assert again[TWEETS - 1]["image_sha256"] == loaded[TWEETS - 1]["image_sha256"]
    # A worker of a data loader gets the path, not the images.
    sent = pickle.dumps(loaded)
    assert picture(7) in copy.read_bytes()
    assert picture(7) not in sent
    assert pickle.loads(sent)[7]["image"].getpixel((0, 0)) == (7, 0, 0)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def half_written(path: Path) -> None:
    path.rename(path.with_name("partial"))


@pytest.mark.parametrize("damage", [cut, flip, half_written, Path.unlink])
def test_a_damaged_copy_is_written_anew(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    build_tirt(tmp_path, 40)
    itr_bench.load("tirt")
    (name,) = arrow_files()
    damage(home.set_folder("tirt") / "arrow" / name)
    rows = itr_bench.load("tirt")
    assert arrow_files() == [name]
    assert [row["image"].getpixel((0, 0))[0] for row in rows] == list(range(40))


def test_the_copy_goes_with_the_set_that_it_was_made_of(tmp_path: Path) -> None:
    build_tirt(tmp_path, 8)
    before = itr_bench.load("tirt")
    build_tirt(tmp_path, 8, shade=9)
    assert itr_bench.load("tirt")[3]["image"].getpixel((0, 0)) == (3, 0, 9)
    assert before[3]["image"].getpixel((0, 0)) == (3, 0, 0)
    assert len(arrow_files()) == 1


def test_several_that_load_at_once_write_one_copy(tmp_path: Path) -> None:
    build_tirt(tmp_path)
    tweets = loading.open_set("tirt")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: TweetSet.image_dataset(tweets), range(4)))
    assert len(arrow_files()) == 1
    assert {one[9]["image"].getpixel((0, 0)) for one in found} == {(9, 0, 0)}


def test_a_disk_that_is_full_is_said_and_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_tirt(tmp_path, 40)

    def full(self: pa.ipc.RecordBatchStreamWriter, table: pa.Table) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa.ipc.RecordBatchStreamWriter, "write_table", full)
    with pytest.raises(DataError, match=r"cannot write the images of .*'tirt'.*No space"):
        itr_bench.load("tirt")
    assert arrow_files() == []
    monkeypatch.undo()
    monkeypatch.setenv("ITR_BENCH_HOME", str(home))
    assert len(itr_bench.load("tirt")) == 40


def test_translations_find_their_images_where_the_set_was_rebuilt_in_another_order(
    tmp_path: Path,
) -> None:
    relations = [relation for relation, count in enumerate(LTEC_BALANCED) for _ in range(count)]
    ids = [str(5000 + number) for number in range(len(relations))]
    archive = archive_of(tmp_path / "ltec.zip", ids)
    rows = [f"{r}\t{t}\tvārdi {t}\twords {t}" for r, t in zip(relations, ids, strict=True)]
    for order in (rows, rows[::-1]):
        listed = tmp_path / "ltec.tsv"
        listed.write_text("\n".join(["relation\ttweet_id\ttext\tEnglish", *order]), "utf-8")
        build.build("ltec", listed, archive, replace=True)
        if order is rows:
            translated = tmp_path / "mt.tsv"
            lines = [f"{tweet}\ttranslated {tweet}" for tweet in ids]
            translated.write_text("\n".join(["tweet_id\ttext", *lines]), "utf-8")
            build.build_translation("ltec_en_mt", translated, system="s-1")
    loaded, original = itr_bench.load("ltec_itr_en_mt"), itr_bench.load("ltec_itr_lv")
    assert list(original["tweet_id"]) == ids[::-1]
    assert list(loaded["tweet_id"]) == ids
    assert loaded.column_names == original.column_names
    for row in (0, 1, 33, 349):
        found = loaded[row]
        assert found["text"] == f"translated {ids[row]}"
        assert found["image"].getpixel((0, 0)) == (row % 256, row // 256, 0)
        assert found["image_sha256"] == hashlib.sha256(picture(row)).hexdigest()
        assert found["relation"] == relations[row]
        assert original[349 - row]["image"].getpixel((0, 0)) == found["image"].getpixel((0, 0))
