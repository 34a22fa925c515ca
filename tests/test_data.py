"""Building, checking and loading data sets, and everything that can be wrong with the input."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageFile, features

import itr_bench
from itr_bench.data import build, home, inspection, loading, published
from itr_bench.data.image_sources import local_images
from itr_bench.data.images import _opened, check_image, decode
from itr_bench.data.manifest import Manifest, file_hash
from itr_bench.data.placeholder import placeholder_png
from itr_bench.data.sets import SETS, SetSpec
from itr_bench.data.tsv import read_tweets
from itr_bench.errors import DataError
from itr_bench.tasks import documents, task_files
from itr_bench.tasks.definitions import define
from itr_bench.tasks.loading import open_task
from itr_bench.tasks.spec import TASKS, get_task
from tests.served import served

HEADER = "relation\ttweet_id\ttext"
IDS = [str(100 + i) for i in range(8)]


def png(color: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (12, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tirt_list(folder: Path) -> Path:
    path = folder / "tirt.tsv"
    rows = [f"{i % 4}\t{tweet}\ttext of {tweet}" for i, tweet in enumerate(IDS)]
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def image_folder(folder: Path) -> Path:
    images = folder / "images"
    images.mkdir()
    for i, tweet in enumerate(IDS):
        (images / f"{tweet}.png").write_bytes(png((i, 2 * i, 3 * i)))
    return images


# Tweet lists


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n", "line 1: empty, expected the header"),
        (HEADER + "\n", "no tweet below the header"),
        ("relation\ttweet_id\n0\t1\n", "line 1: no column 'text'"),
        ("relation,tweet_id,text\n0,1,a\n", r"no column 'tweet_id' .*Expected tab-separated"),
        ("text\ttweet_id\trelation\tText\na\t1\t0\tb\n", "more than one column"),
        (f"{HEADER}\n0\t1\n", "line 2: 2 fields, expected 3"),
        (f"{HEADER}\n0\t1\ta\n0\t2\ta\tb\n", "line 3: 4 fields, expected 3"),
        (f"{HEADER}\n4\t1\ta\n", "line 2: tweet 1: relation '4', expected 0, 1, 2 or 3"),
        (f"{HEADER}\n\t1\ta\n", "relation ''"),
        (f"{HEADER}\n0\t1\ta\n\n\n9\t2\ta\n", "line 5: tweet 2: relation '9'"),
        (f"{HEADER}\n0\tabc\ta\n", "tweet id 'abc', expected digits"),
        (f"{HEADER}\n0\t1.69545E+18\ta\n", "went through a spreadsheet"),
        (f"{HEADER}\n0\t169545.0\ta\n", "went through a spreadsheet"),
        (f"{HEADER}\n0\t1\t \n", "tweet 1: text is empty"),
        (f"{HEADER}\n0\t1\ta\n0\t1\tb\n", "line 3: tweet 1 stands on line 2 already$"),
        (f"{HEADER}\n0\t1\ta\n2\t1\ta\n", "on line 2 already, with label 0 instead of 2"),
        (f"{HEADER}\n9\tx\ta\n8\ty\ta\n", r"what is wrong \(4\)"),
        (
            f'{HEADER}\n0\t1\t"a"\n0\t2\t"b ""c"""\n0\t3\t"d"\n',
            "all 3 texts of the column 'text' stand in quotation marks: .* Write it without",
        ),
    ],
)
def test_a_bad_list_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "list.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_tweets(path, {"text_en": "text"})
    assert str(path) in str(caught.value)


def test_a_list_that_is_not_utf8_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.tsv"
    path.write_bytes(HEADER.encode() + b"\n0\t1\tk\xe0ds\n")
    with pytest.raises(DataError, match=r"line 2: not UTF-8 at byte 5 of the line \(0xe0\)"):
        read_tweets(path, {"text_en": "text"})
    with pytest.raises(DataError, match=r"cannot read .*nowhere\.tsv"):
        read_tweets(tmp_path / "nowhere.tsv", {})


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (f"{HEADER}\n0\t1\ta\n1\t2\tb\n", ["a", "b"]),
        (f"\ufeff{HEADER}\n0\t1\ta\n1\t2\tb", ["a", "b"]),
        (f"{HEADER}\r\n0\t1\ta\r\n1\t2\tb\r\n", ["a", "b"]),
        ("TweetId\tText\tRelation\n1\ta\t0\n2\tb\t1\n", ["a", "b"]),
        (f'{HEADER}\n0\t1\t"a stray quote\n1\t2\tb"\n', ['"a stray quote', 'b"']),
        (f'{HEADER}\n0\t1\t"a"\n1\t2\t"b"\n', ['"a"', '"b"']),
        (f"{HEADER}\n0\t1\tone\u2028line\n1\t2\tb\x85c\n", ["one\u2028line", "b\x85c"]),
    ],
)
def test_a_list_is_read_to_the_letter(tmp_path: Path, content: str, texts: list[str]) -> None:
    path = tmp_path / "list.tsv"
    path.write_bytes(content.encode("utf-8"))
    rows = read_tweets(path, {"text_en": "text"})
    assert [row.values["text_en"] for row in rows] == texts
    assert [row.values["tweet_id"] for row in rows] == ["1", "2"]
    assert [row.values["relation"] for row in rows] == ["0", "1"]


def test_the_authors_lists_are_the_pinned_ones(shared: Path) -> None:
    for name, file in (("ltec", "eval.tsv"), ("ltec_full", "data.tsv")):
        assert file_hash(shared / "ltec" / file) == published.LISTS[name].sha256


# Images


def cases() -> list[tuple[str, bytes]]:
    wide = Image.new("RGB", (12, 8), (10, 200, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    palette = wide.convert("P")
    frames = [Image.new("RGB", (12, 8), c) for c in ((10, 200, 30), (255, 0, 0))]
    return [
        ("cmyk", save(wide.convert("CMYK"), "JPEG")),
        ("grey", save(wide.convert("L"), "PNG")),
        ("palette", save(palette, "PNG")),
        ("transparent", save(wide.convert("RGBA"), "PNG")),
        ("animated", save(frames[0], "GIF", save_all=True, append_images=frames[1:])),
        ("16 bit", save(Image.new("I;16", (12, 8), 4000), "PNG")),
        ("webp", save(wide, "WEBP", lossless=True)),
        ("rotated", save(wide, "JPEG", exif=exif)),
    ]


@pytest.mark.parametrize(("name", "content"), cases())
def test_odd_images_become_upright_rgb(name: str, content: bytes) -> None:
    facts = check_image(content, name)
    image = decode(content)
    assert image.mode == "RGB"
    assert image.size == ((8, 12) if name == "rotated" else (12, 8)) == (facts.width, facts.height)
    assert facts.scaled == (name == "16 bit")
    if name == "16 bit":
        assert image.getpixel((3, 3)) == (16,) * 3  # 4000 of 65535, of 255
    if name == "animated":
        assert image.getpixel((3, 3))[1] > 150  # the first frame


def test_sixteen_bits_of_grey_are_scaled_and_it_is_said(tmp_path: Path) -> None:
    grey = Image.fromarray(np.linspace(0, 65535, 96, dtype=np.uint16).reshape(8, 12))
    images = image_folder(tmp_path)
    (images / f"{IDS[0]}.png").write_bytes(save(grey, "PNG"))
    build.build("tirt", tirt_list(tmp_path), images)
    found = [grey for grey, *_ in itr_bench.load("tirt")[0]["image"].getdata()]
    assert found == [round(255 * i / 95) for i in range(96)]
    notes = inspection.verify_set("tirt").notes
    assert "1 images have 16 bits of grey and are stored scaled to 8" in notes


@pytest.mark.parametrize(("name", "content"), cases())
def test_loading_with_datasets_gives_the_same_pixels(
    name: str, content: bytes, tmp_path: Path
) -> None:
    images = image_folder(tmp_path)
    (images / f"{IDS[0]}.png").write_bytes(content)
    build.build("tirt", tirt_list(tmp_path), images)
    assert list(itr_bench.load("tirt")[0]["image"].getdata()) == list(decode(content).getdata())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the image file is empty"),
        (b"<html>404</html>", "not an image that Pillow can read"),
        (png(size=(300, 300))[:200], "truncated or damaged"),
        (save(Image.effect_noise((200, 200), 60).convert("RGB"), "JPEG")[:3000], "truncated"),
        (save(Image.new("1", (9000, 9000)), "PNG"), "decompression bomb"),
        (save(Image.new("1", (20000, 20000)), "PNG"), "decompression bomb"),
    ],
)
def test_a_bad_image_is_refused(
    content: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is in a process that has imported lmms-eval.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DataError, match=f"tweet 7, 7.png: .*{message}"):
        check_image(content, "tweet 7, 7.png")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_a_damaged_avif_is_refused() -> None:
    content = save(Image.linear_gradient("L").convert("RGB"), "AVIF")
    assert decode(content).size == (256, 256)
    with pytest.raises(DataError, match="tweet 7: the image is truncated or damaged"):
        decode(content[: -len(content) // 4] + bytes(len(content) // 4), "tweet 7")


def test_a_truncated_image_is_not_filled_up_with_grey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    tweets = loading.open_set("tirt")
    whole = save(Image.effect_noise((200, 200), 60).convert("RGB"), "JPEG")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as lmms-eval leaves it
    for content, name in ((whole, None), (whole[:3000], "7.jpg")):
        monkeypatch.setattr(tweets, "image_file", lambda row, c=content: (c, "7.jpg"))
        if name is None:
            assert tweets.image(1).size == (200, 200)
            continue
        with pytest.raises(DataError) as caught:
            tweets.image(1)
        said = f"tirt, tweet {tweets.tweet_ids[1]}, {name}: the image is truncated or damaged"
        assert str(caught.value).startswith(said)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_images_that_are_read_at_the_same_time_are_all_read_strictly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    content = save(Image.effect_noise((200, 200), 60), "JPEG")
    with ThreadPoolExecutor(1) as other, _opened(content, "whole"):
        read = other.submit(lambda: [decode(content).size for _ in range(2)])
        assert read.result() == [(200, 200)] * 2
        with pytest.raises(DataError, match="the image is truncated or damaged"):
            decode(content[:3000])
        assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_all_bad_images_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    images = image_folder(tmp_path)
    (images / f"{IDS[2]}.png").write_bytes(b"no image")
    (images / f"{IDS[5]}.png").write_bytes(b"")
    with pytest.raises(DataError, match="2 images cannot be used") as caught:
        build.build("tirt", tirt_list(tmp_path), images)
    assert f"tweet {IDS[2]}, {IDS[2]}.png" in str(caught.value)
    assert f"tweet {IDS[5]}" in str(caught.value)
    assert [path.name for path in (home.home() / "sets").iterdir()] == [".locks"]


# Building


def test_a_set_is_built_from_a_folder_or_a_zip_with_the_same_content(tmp_path: Path) -> None:
    images, tweets = image_folder(tmp_path), tirt_list(tmp_path)
    build.build("tirt", tweets, images)
    first = inspection.verify_set("tirt")
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(images.iterdir(), reverse=True):
            file.write(path, f"deep/inside/{path.name}")
    with pytest.raises(DataError, match=r"there already, at .*--replace"):
        build.build("tirt", tweets, archive)
    build.build("tirt", tweets, archive, replace=True)
    second = inspection.verify_set("tirt")
    assert second.content_sha256 == first.content_sha256
    assert (second.kind, second.tweets, second.relations) == ("local", 8, (2, 2, 2, 2))
    assert [path.name for path in home.set_folder("tirt").iterdir()] != []


def test_loaded_data_is_typed(tmp_path: Path) -> None:
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    data = itr_bench.load("tirt")
    assert data.column_names == ["tweet_id", "text", "relation", "image", "image_sha256"]
    assert data["tweet_id"] == IDS
    assert data.features["relation"].names[3] == "not_adds_not_represented"
    assert data[5]["relation"] == 1
    assert data[5]["image"].getpixel((0, 0)) == (5, 10, 15)


def test_the_parquet_file_alone_is_read_by_datasets_as_it_is_meant(tmp_path: Path) -> None:
    import datasets

    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    found = datasets.Dataset.from_parquet(
        str(home.set_folder("tirt") / "tweets.parquet"), cache_dir=str(tmp_path / "cache")
    )
    assert isinstance(found.features["image"], datasets.Image)
    assert isinstance(found.features["relation"], datasets.ClassLabel)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", f"tweet {IDS[1]}: no image"),
        ("twice", "two images for one tweet"),
        ("none", "no image found; expected files named <tweet_id>.jpg"),
        ("nowhere", "no such folder or zip file"),
        ("not a zip", "neither a folder nor a zip file"),
    ],
)
def test_images_that_do_not_fit_are_refused(tmp_path: Path, change: str, message: str) -> None:
    images, tweets = image_folder(tmp_path), tirt_list(tmp_path)
    if change == "missing":
        (images / f"{IDS[1]}.png").unlink()
    elif change == "twice":
        (images / f"{IDS[1]}.jpg").write_bytes(png())
    elif change == "none":
        images = tmp_path / "empty"
        images.mkdir()
    elif change == "nowhere":
        images = tmp_path / "nowhere"
    else:
        images = tweets
    with pytest.raises(DataError, match=message):
        build.build("tirt", tweets, images)
    assert not home.set_folder("tirt").exists()


def test_a_zip_entry_that_is_damaged_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for tweet in IDS:
            file.writestr(f"{tweet}.png", png())
    raw = bytearray(archive.read_bytes())
    place = raw.find(b"IDAT")
    raw[place : place + 4] = b"XXXX"
    archive.write_bytes(raw)
    with pytest.raises(DataError, match=f"tweet|{IDS[0]}.png: cannot be read .*CRC"):
        build.build("tirt", tirt_list(tmp_path), archive)


@pytest.mark.parametrize("name", ["100.png", "metadata.csv"])
def test_a_zip_whose_compressed_bytes_are_damaged_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for tweet in IDS:
            file.writestr(f"{tweet}.png", png(size=(200, 200)))
        if name == "metadata.csv":
            rows = "".join(f"{tweet}.png,{tweet}\n" for tweet in IDS)
            file.writestr(name, "file_name,tweet_id\n" + rows)
        place = file.getinfo(name).header_offset + 30 + len(name)
    raw = bytearray(archive.read_bytes())
    raw[place : place + 12] = b"\xff" * 12
    archive.write_bytes(raw)
    with pytest.raises(
        DataError, match=f"images.zip, {name}: cannot be read|{name}: cannot be read"
    ):
        build.build("tirt", tirt_list(tmp_path), archive)


def test_labels_beside_the_images_are_checked_against_the_list(tmp_path: Path) -> None:
    images = image_folder(tmp_path)
    with (images / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "relation", "tweet_id", "text"])
        for i, tweet in enumerate(IDS):
            writer.writerow([f"{tweet}.png", 3 if i == 2 else i % 4, tweet, f"text of {tweet}"])
    with pytest.raises(
        DataError, match=rf"tweet {IDS[2]}: relation 2 in the list \(line 4\), 3 beside the images"
    ):
        build.build("tirt", tirt_list(tmp_path), images)


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        # U+2028 in a text does not end a line of JSON.
        (
            "metadata.jsonl",
            '{{"file_name": "{0}.png", "tweet_id": "{0}", "text": "a\u2028b"}}\n',
            None,
        ),
        ("metadata.csv", '{0}.png,{0},"a\r\n""b"""\r\n', None),
        # A quote that is not doubled would swallow the rows behind it.
        ("metadata.csv", '{0}.png,{0},"a lone quote\n', "metadata.csv: cannot be read"),
        ("metadata.csv", '{0}.png,{0},"a "b" c"\n', "metadata.csv: cannot be read"),
        ("metadata.jsonl", "[" * 99999, "metadata.jsonl: cannot be read"),
    ],
)
def test_texts_beside_the_images(
    tmp_path: Path, name: str, rows: str, expected: str | None
) -> None:
    images = image_folder(tmp_path)
    header = "file_name,tweet_id,text\n" if name.endswith(".csv") else ""
    text = header + "".join(rows.format(tweet) for tweet in IDS)
    (images / name).write_bytes(text.encode())
    if expected is None:
        found = local_images(images)
        assert found.ids() == set(IDS)
        assert set(found.texts.values()) == {"a\u2028b" if header == "" else 'a\r\n"b"'}
    else:
        with pytest.raises(DataError, match=expected):
            local_images(images)


def test_the_balanced_counts_of_ltec_are_checked(tmp_path: Path) -> None:
    tweets = tmp_path / "eval.tsv"
    tweets.write_text("relation\ttweet_id\ttext\tEnglish\n0\t1\tx\ty\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"are \(1, 0, 0, 0\), expected \(113, 72, 113, 52\)"):
        build.build("ltec", tweets, None, placeholder=True)


def test_placeholder_pictures_are_known_for_what_they_are(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for tweet in IDS:
        (images / f"{tweet}.png").write_bytes(placeholder_png(tweet))
    build.build("tirt", tirt_list(tmp_path), images)  # passed off as real ones
    assert loading.open_set("tirt").manifest.kind == "placeholder"
    assert open_task(get_task("tirt")).identity.startswith("placeholder-")


def test_the_hash_of_a_task_changes_with_text_label_and_image(tmp_path: Path) -> None:
    images, tweets = image_folder(tmp_path), tirt_list(tmp_path)
    build.build("tirt", tweets, images)
    seen = {open_task(get_task("tirt")).identity}
    original = tweets.read_text()
    for changed in (
        original.replace("text of 100", "text  of 100"),
        original.replace("0\t100", "1\t100"),
    ):
        tweets.write_text(changed)
        build.build("tirt", tweets, images, replace=True)
        seen.add(open_task(get_task("tirt")).identity)
    tweets.write_text(original)
    (images / "100.png").write_bytes(png((9, 9, 9)))
    build.build("tirt", tweets, images, replace=True)
    seen.add(open_task(get_task("tirt")).identity)
    assert len(seen) == 4


def test_a_changed_set_is_found_out(tmp_path: Path) -> None:
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    path = home.set_folder("tirt") / "tweets.parquet"
    table = pq.read_table(path)
    texts = table["text_en"].to_pylist()
    column = table.schema.get_field_index("text_en")
    pq.write_table(table.set_column(column, "text_en", [["changed", *texts[1:]]]), path)
    with pytest.raises(DataError, match=r"damaged .another SHA-256 than in its manifest"):
        open_task(get_task("tirt"))
    # Also where somebody has mended the file's hash.
    manifest = home.set_folder("tirt") / "manifest.json"
    changed = {**json.loads(manifest.read_text()), "parquet_sha256": file_hash(path)}
    manifest.write_text(json.dumps(changed))
    with pytest.raises(DataError, match="differ from the manifest's content hash"):
        inspection.verify_set("tirt")


def test_damaged_bytes_of_images_are_found_out(tmp_path: Path) -> None:
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    path = home.set_folder("tirt") / "tweets.parquet"
    raw = bytearray(path.read_bytes())
    group = pq.ParquetFile(path).metadata.row_group(0)
    (column,) = [
        i for i in range(group.num_columns) if group.column(i).path_in_schema == "image.bytes"
    ]
    place = group.column(column).data_page_offset
    raw[place : place + 40] = b"\xff" * 40
    path.write_bytes(raw)
    for look in (inspection.verify_set, inspection.describe_set):
        with pytest.raises(DataError, match="again, with --replace"):
            look("tirt")


def test_a_folder_without_a_manifest_is_no_set(tmp_path: Path) -> None:
    home.set_folder("tirt").mkdir(parents=True)
    with pytest.raises(DataError, match="TIRT is published as tweet ids"):
        loading.open_set("tirt")
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    inspection.verify_set("tirt")


def test_a_set_that_was_being_replaced_when_the_process_was_killed_comes_back(
    tmp_path: Path,
) -> None:
    tweets = tirt_list(tmp_path)
    build.build("tirt", tweets, image_folder(tmp_path))
    beside = home.set_folder("tirt").with_name(".tirt.x.tmp")
    beside.mkdir()
    (beside / "lock").touch()
    home.set_folder("tirt").rename(beside / "old")
    with pytest.raises(DataError, match="relation '7'"):
        tweets.write_text(f"{HEADER}\n7\t1\ta\n")
        build.build("tirt", tweets, tmp_path / "images", replace=True)
    assert inspection.verify_set("tirt").tweets == 8


@pytest.mark.parametrize("damage", ["{", '{"format": 99}', "[]", '{"format": 1}'])
def test_a_damaged_manifest_is_refused_with_the_way_out(tmp_path: Path, damage: str) -> None:
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    (home.set_folder("tirt") / "manifest.json").write_text(damage)
    with pytest.raises(DataError, match="again, with --replace"):
        loading.open_set("tirt")


def test_the_real_list_is_built_with_placeholders(
    placeholder_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITR_BENCH_HOME", str(placeholder_home))
    found = inspection.describe_set("ltec")
    assert found["relations"] == {"0": 113, "1": 72, "2": 113, "3": 52}  # FACTS: arXiv:2505.05040
    assert found["majority_class"] == pytest.approx(113 / 350)
    assert found["kind"] == "placeholder"
    full = inspection.describe_set("ltec_full")
    assert full["relations"] == {"0": 392, "1": 72, "2": 296, "3": 52}
    assert set(loading.open_set("ltec").tweet_ids) < set(loading.open_set("ltec_full").tweet_ids)
    assert len(itr_bench.load("ltec_itr_en_manual")) == 350
    inspection.verify_set("ltec")


def test_tweets_that_share_an_image_are_noted(tmp_path: Path) -> None:
    images = image_folder(tmp_path)
    (images / f"{IDS[1]}.png").write_bytes((images / f"{IDS[4]}.png").read_bytes())
    folder = build.build("tirt", tirt_list(tmp_path), images)
    (note,) = Manifest.read(folder).notes
    assert note.startswith(f"2 tweets share 1 images, {IDS[1]} and {IDS[4]} for example")


# Machine translations


def translations(folder: Path, ids: list[str]) -> Path:
    path = folder / "mt.tsv"
    path.write_text(
        "\n".join(["tweet_id\ttext", *(f"{tweet}\ttranslated {tweet}" for tweet in ids)]), "utf-8"
    )
    return path


def test_translations_take_the_images_of_ltec(
    placeholder_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITR_BENCH_HOME", str(tmp_path / "copy"))
    subprocess.run(["cp", "-r", str(placeholder_home), str(tmp_path / "copy")], check=True)
    ids = loading.open_set("ltec").tweet_ids
    with pytest.raises(DataError, match=f"tweet {ids[3]}: in ltec, not in the list"):
        build.build_translation("ltec_en_mt", translations(tmp_path, ids[:3] + ids[4:]), system="s")
    with pytest.raises(DataError, match="tweet 5: in the list, not in ltec"):
        build.build_translation("ltec_en_mt", translations(tmp_path, [*ids, "5"]), system="s")
    with pytest.raises(DataError, match="translation system 'a b': spell it in letters"):
        build.build_translation("ltec_en_mt", translations(tmp_path, ids), system="a b")
    build.build_translation("ltec_en_mt", translations(tmp_path, ids[::-1]), system="opus-1")
    data = open_task(get_task("ltec_itr_en_mt"))
    assert data.identity.startswith("placeholder-") and data.identity.endswith("-opus-1")
    loaded = itr_bench.load("ltec_itr_en_mt")
    original = itr_bench.load("ltec_itr_lv")
    row = list(loaded["tweet_id"]).index(ids[7])
    assert loaded[row]["text"] == f"translated {ids[7]}"
    assert loaded[row]["image_sha256"] == original[7]["image_sha256"]
    assert loaded[row]["relation"] == original[7]["relation"]
    assert list(loaded[row]["image"].getdata()) == list(original[7]["image"].getdata())
    assert inspection.describe_set("ltec_en_mt")["system"] == "opus-1"
    inspection.verify_set("ltec_en_mt")


def test_translations_of_several_systems_lie_side_by_side(
    placeholder_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITR_BENCH_HOME", str(tmp_path / "copy"))
    subprocess.run(["cp", "-r", str(placeholder_home), str(tmp_path / "copy")], check=True)
    listed = translations(tmp_path, loading.open_set("ltec").tweet_ids)
    build.build_translation("ltec_fr_mt", listed, system="opus-1")
    with pytest.raises(DataError, match="'ltec_fr_mt@opus-1' is there already"):
        build.build_translation("ltec_fr_mt", listed, system="opus-1")
    only = open_task(get_task("ltec_itr_fr_mt"))
    assert only.identity == open_task(get_task("ltec_itr_fr_mt@opus-1")).identity
    listed.write_text(listed.read_text("utf-8").replace("translated", "traduit"), "utf-8")
    build.build_translation("ltec_fr_mt", listed, system="nllb-2")
    assert home.systems("ltec_fr_mt") == ("nllb-2", "opus-1")
    with pytest.raises(DataError, match="name one: ltec_fr_mt@nllb-2, ltec_fr_mt@opus-1"):
        open_task(get_task("ltec_itr_fr_mt"))
    with pytest.raises(DataError, match="'opus-1' are here; a system 'OPUS-1' beside it"):
        build.build_translation("ltec_fr_mt", listed, system="OPUS-1")
    for system, word in (("nllb-2", "traduit"), ("opus-1", "translated")):
        data = open_task(get_task(f"ltec_itr_fr_mt@{system}_explained"))
        assert data.texts[0].startswith(word)
        assert data.identity.endswith(f"-{system}")
        document = next(iter(documents.rows(get_task(f"ltec_itr_fr_mt@{system}"))))[0]
        assert document["language"] == "French"
    files = task_files.task_files()
    assert {"ltec_itr_fr_mt@nllb-2", "ltec_itr_fr_mt@opus-1_likelihood"} <= set(files)
    assert define(get_task("ltec_itr_fr_mt@nllb-2"), "qwen2_vl").wording["answer_format"] == "plain"
    with pytest.raises(DataError, match="cannot be fetched"):
        open_task(get_task("ltec_itr_fr_mt@other"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ltec_itr_lv@opus", "only machine translations have a system"),
        ("ltec_itr_en_mt@a_b", "translation system 'a_b'"),
        ("ltec_itr_en_mt@../x", "translation system '../x'"),
        ("ltec_itr_en_mt@", "translation system ''"),
        ("ltec_itr_en_mt@a.", "translation system 'a.'"),
        ("ltec_itr_pl_mt", "unknown task 'ltec_itr_pl_mt'"),
    ],
)
def test_names_of_systems_are_checked(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_task(get_task(name))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("ltec_itr_en_mt", r"were not published(.|\n)*itr-bench data build ltec_en_mt --tweets"),
        ("tirt", r"TIRT is published as tweet ids(.|\n)*itr-bench data build tirt --tweets"),
        ("ltec_itr_lw", "unknown task 'ltec_itr_lw'. Did you mean 'ltec_itr_lv'"),
    ],
)
def test_what_is_missing_is_said_with_how_to_supply_it(task: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        itr_bench.load(task)


# The published sources


@pytest.fixture
def hub_folder(tmp_path: Path) -> Path:
    """A local folder in the layout of the Hub's data set: an image folder in test.zip."""
    folder = tmp_path / "hub"
    folder.mkdir()
    rows = [["file_name", "relation", "tweet_id", "text"]]
    with zipfile.ZipFile(folder / "test.zip", "w") as archive:
        for i, tweet in enumerate(IDS):
            archive.writestr(f"img{i}.png", png((i, 2 * i, 3 * i)))
            rows.append([f"img{i}.png", f"{i % 4}", f"t{tweet}", f"text of {tweet}"])
        buffer = io.StringIO()
        csv.writer(buffer).writerows(rows)
        archive.writestr("metadata.csv", buffer.getvalue())
    return folder


def test_the_layout_of_the_hub_is_read_by_datasets(
    hub_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hf"))
    images = published.HubImages("ltec", str(hub_folder), None)
    assert images.ids() == {f"t{tweet}" for tweet in IDS}
    assert images.read(f"t{IDS[3]}")[0] == png((3, 6, 9))
    assert images.labels[f"t{IDS[3]}"] == "3"
    assert images.texts[f"t{IDS[0]}"] == "text of 100"


def test_the_zip_of_the_hub_can_be_given_as_a_file(hub_folder: Path) -> None:
    images = local_images(hub_folder / "test.zip")
    assert images.read(f"t{IDS[3]}")[0] == png((3, 6, 9))
    assert images.labels[f"t{IDS[3]}"] == "3"


def test_fetching_joins_the_list_with_the_images_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SetSpec("ltec_full", "small", ("lv", "en"), None)
    tweets = tmp_path / "list.tsv"
    rows = [f"{i % 4}\t{t}\tteksts {t}\ttext {t}" for i, t in enumerate(IDS)]
    tweets.write_text("\n".join(["Relation\tTweetId\tText\tEnglish", *rows]), "utf-8")

    class Hub(published.ImageSource):
        kind = "hub"
        extra: frozenset[str] = frozenset()

        def __init__(self, name: str) -> None:
            super().__init__({"name": "hub", "revision": "r"})
            self.texts = {t: f"teksts  {t}" for t in IDS[:3]}

        def ids(self) -> frozenset[str]:
            return frozenset(IDS) | self.extra

        def read(self, tweet_id: str) -> tuple[bytes, str]:
            return png((int(tweet_id), 0, 0)), f"{tweet_id}.png"

    monkeypatch.setitem(SETS, "ltec_full", spec)
    monkeypatch.setattr(published, "fetch_list", lambda name: tweets)
    monkeypatch.setattr(published, "HubImages", Hub)
    data = itr_bench.load("ltec_itr_full_lv")
    assert len(data) == 8
    manifest = loading.open_set("ltec_full").manifest
    assert manifest.kind == "hub"
    assert manifest.notes == ("3 texts differ between the list, which is used, and the images",)
    monkeypatch.setattr(published, "fetch_list", lambda name: pytest.fail("fetched again"))
    assert len(itr_bench.load("ltec_itr_full_lv")) == 8
    Hub.extra = frozenset({"999"})
    monkeypatch.setattr(published, "fetch_list", lambda name: tweets)
    with pytest.raises(DataError, match="tweet 999: image, but not listed"):
        build.fetch("ltec_full", replace=True)
    assert len(itr_bench.load("ltec_itr_full_lv")) == 8  # the set that was there is kept


def test_without_a_network_the_error_comes_at_once_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(
        DataError, match=r"cannot be fetched(.|\n)*itr-bench data build ltec --tweets"
    ):
        itr_bench.load("ltec_itr_lv")
    assert time.monotonic() - started < published.TIMEOUT_S * 2
    with pytest.raises(DataError, match="cannot be fetched"):
        published.HubImages("ltec")


def test_a_list_with_another_hash_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.server

    (tmp_path / "eval.tsv").write_text("changed")
    handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=str(tmp_path))  # noqa: E731
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with served(server) as address:
        url = f"{address}/eval.tsv"
        monkeypatch.setitem(published.LISTS, "ltec", published.ListSource(url, "r", "0" * 64))
        with pytest.raises(DataError, match="has changed: its SHA-256 is not 0000"):
            published.fetch_list("ltec")
        assert list((home.home() / "downloads").iterdir()) == []
        right = file_hash(tmp_path / "eval.tsv")
        monkeypatch.setitem(published.LISTS, "ltec", published.ListSource(url, "r", right))
        assert published.fetch_list("ltec").read_text() == "changed"


# The disk, other processes, and kills


def test_a_home_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ITR_BENCH_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match=r"cannot write .* set ITR_BENCH_HOME to another folder"):
        build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))


_FULL = """
import resource, sys
from pathlib import Path
from itr_bench.data import build
from itr_bench.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    build.build("tirt", Path(sys.argv[1]), Path(sys.argv[2]))
except DataError as error:
    print(error)
"""


def test_a_full_disk_is_said_and_nothing_half_written_stays(tmp_path: Path) -> None:
    tweets, images = tirt_list(tmp_path), image_folder(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tweets), str(images)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write the data set 'tirt'" in done.stdout, done.stderr
    assert [path.name for path in (home.home() / "sets").iterdir()] == [".locks"]


_SLOW = """
import sys, time
from pathlib import Path
from itr_bench.data import build
from itr_bench.data import writing
check = writing.check_image
def slow(*a):
    print("checking", flush=True)
    time.sleep(float(sys.argv[3]))
    return check(*a)
writing.check_image = slow
build.build("tirt", Path(sys.argv[1]), Path(sys.argv[2]), replace=True)
"""


def test_a_killed_build_leaves_nothing_that_counts_and_the_next_one_cleans_up(
    tmp_path: Path,
) -> None:
    tweets, images = tirt_list(tmp_path), image_folder(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(tweets), str(images), "3600"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"checking\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not home.set_folder("tirt").exists()
    assert list((home.home() / "sets").glob(".tirt.*.tmp"))
    build.build("tirt", tweets, images)
    assert not list((home.home() / "sets").glob(".tirt.*"))
    inspection.verify_set("tirt")


def test_two_processes_that_build_the_same_set_take_turns(tmp_path: Path) -> None:
    tweets, images = tirt_list(tmp_path), image_folder(tmp_path)
    line = [sys.executable, "-c", _SLOW, str(tweets), str(images), "0.05"]
    children = [subprocess.Popen(line, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [child.wait(600) for child in children] == [0, 0, 0]
    inspection.verify_set("tirt")
    assert sorted(p.name for p in (home.home() / "sets").iterdir()) == [".locks", "tirt"]


# The demo


def test_the_demo_is_bundled_balanced_and_has_what_tweets_have() -> None:
    found = inspection.describe_set("demo")
    assert found["relations"] == {"0": 6, "1": 6, "2": 6, "3": 6}
    texts = "\n".join(
        [*itr_bench.load("itr_demo_lv")["text"], *itr_bench.load("itr_demo_en")["text"]]
    )
    for oddity in ("https://t.co/", "http://", "RT @", "#", "\u200d", '\\"', "“", "„", "ž", "ļ"):
        assert oddity in texts, oddity
    assert any("\n" in text for text in itr_bench.load("itr_demo_lv")["text"])
    assert all(text.strip() for text in itr_bench.load("itr_demo_en")["text"])
    for tweet in itr_bench.load("itr_demo_en"):
        assert tweet["image"].mode == "RGB"


def test_the_demo_pictures_are_what_the_code_draws() -> None:
    from tests import demo_pictures as draw

    tweets = loading.open_set("demo")
    assert list(draw.IDS) == tweets.tweet_ids
    for row, tweet in enumerate(tweets.tweet_ids):
        drawn, bundled = draw.draw(tweet), tweets.image(row)
        assert drawn.size == bundled.size
        # Another FreeType may draw the edges of letters otherwise.
        pairs = zip(drawn.convert("RGB").getdata(), bundled.getdata(), strict=True)
        assert sum(a != b for a, b in pairs) < 0.02 * drawn.width * drawn.height


def test_every_task_has_a_set_and_every_set_a_task() -> None:
    assert {task.set_name for task in TASKS.values()} == set(SETS)


def test_a_manifest_says_where_everything_came_from(tmp_path: Path) -> None:
    build.build("tirt", tirt_list(tmp_path), image_folder(tmp_path))
    found = json.loads((home.set_folder("tirt") / "manifest.json").read_text())
    assert [source["name"] for source in found["sources"]] == ["tirt.tsv", "images"]
    assert set(found["versions"]) == {"itr-bench", "python", "pyarrow", "pillow"}
    assert str(tmp_path) not in json.dumps(found)  # no path of anyone's machine
