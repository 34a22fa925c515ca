"""The annotation sheet: an empty CSV, and a page that asks the same from the disk."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

import yaml
from tqdm import tqdm

from itr_bench.agreement.files import CATEGORIES, FIDELITY, ID, RELATION
from itr_bench.data.files import new_folder
from itr_bench.data.image_sources import ImageSource, local_images
from itr_bench.data.images import check_image
from itr_bench.data.manifest import text_hash
from itr_bench.data.tsv import read_texts, read_tweets
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import QUESTIONS

PAGE, EMPTY, IMAGES = "index.html", "annotations.csv", "images"
_FILES = resources.files("itr_bench.agreement")
TEXTS: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    (_FILES / "sheet_texts.yaml").read_text(encoding="utf-8")
)
"""The texts of the page by language."""
# What a sheet asks of each tweet.
ASKED: Mapping[str, tuple[str, ...]] = {
    RELATION: tuple(question.value for question in QUESTIONS),
    FIDELITY: (FIDELITY,),
}
# Pillow's names of what every browser shows. MPO is a JPEG of two pictures.
_SHOWN = frozenset({"JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP"})


@dataclass(frozen=True)
class Item:
    """One tweet of a sheet; *image* is a path below the sheet's folder."""

    tweet_id: str
    text: str
    translation: str | None = None
    image: str | None = None


def write_sheet(
    out: Path,
    tweets: Path,
    *,
    what: str = RELATION,
    images: Path | None = None,
    column: str = "text",
    translations: Path | None = None,
    language: str = "en",
    annotators: Sequence[str] = ("ANNOTATOR",),
    system: str | None = None,
) -> int:
    """Write a sheet into the new folder *out*: ``index.html``, ``annotations.csv``, ``images/``.

    Args:
        out: a folder that does not exist yet.
        tweets: TSV with ``tweet_id`` and the texts; labels in it are not read.
        what: ``relation`` asks the two questions, ``fidelity`` rates translations from 1 to 5.
        images: folder or zip file with ``<tweet_id>.jpg``, needed for ``relation``; copied.
        column: the column of *tweets* with the text, ``text`` or ``english``.
        translations: for ``fidelity``, TSV with ``tweet_id`` and ``text``; by default the
            translation is the list's English column.
        language: of the page, ``en`` or ``lv``.
        annotators: the names in the header of the CSV.
        system: for ``fidelity``, whose translations are rated, as the CSV says; by default the
            name of the file of *translations* without its ending, or ``English``.

    Returns:
        the number of tweets.

    Raises:
        DataError: anything wrong with the input, or *out* exists.
    """
    if what == RELATION and images is None:
        raise DataError("the questions are about images: give --images FOLDER_OR_ZIP")
    if what != FIDELITY and translations is not None:
        raise DataError("--translations goes with --what fidelity only")
    system = _system(what, system, translations)
    if len({name.strip().casefold() for name in annotators} - {""}) < len(annotators):
        raise DataError(f"--annotator: expected different names, found {list(annotators)}")
    items = _items(tweets, what, column, translations)
    with new_folder(out) as folder:
        if images is not None:
            items = _copy_images(items, local_images(images), folder / IMAGES)
        (folder / EMPTY).write_text(_empty_csv(items, what, system, annotators), encoding="utf-8")
        (folder / PAGE).write_text(_page(items, what, system, language), encoding="utf-8")
    return len(items)


def _system(what: str, system: str | None, translations: Path | None) -> str:
    """The name of the system that is rated; empty where none is."""
    if what != FIDELITY:
        if system is not None:
            raise DataError("--system goes with --what fidelity only")
        return ""
    if system is None:
        system = "English" if translations is None else translations.stem
    system = unicodedata.normalize("NFC", system).strip()
    if not system or "@" in system or not system.isprintable():
        raise DataError(
            f"system {system!r}: expected a name without '@'; give one with --system NAME"
        )
    return system


def _items(tweets: Path, what: str, column: str, translations: Path | None) -> list[Item]:
    texts = {"text": column}
    if what == FIDELITY and translations is None:
        if column == "english":
            raise DataError("the translation would be its own source: give --translations FILE")
        texts["text_translated"] = "english"
    rows = read_tweets(tweets, texts, labelled=False)
    by_id = {row.values[ID]: row.values.get("text_translated") for row in rows}
    if translations is not None:
        given = read_texts(translations)
        missing = [f"tweet {tweet}" for tweet in by_id if tweet not in given]
        if missing:
            raise DataError(
                f"{translations}: {len(missing)} tweets of {tweets} have no translation:\n"
                f"{bullet_list(missing)}"
            )
        by_id = {tweet: given[tweet] for tweet in by_id}
    return [Item(row.values[ID], row.values["text"], by_id[row.values[ID]]) for row in rows]


def _copy_images(items: Sequence[Item], source: ImageSource, folder: Path) -> list[Item]:
    available = source.ids() or frozenset()
    problems = [f"tweet {one.tweet_id}: no image" for one in items if one.tweet_id not in available]
    if problems:
        raise DataError(f"{source.facts['name']}: images are missing:\n{bullet_list(problems)}")
    folder.mkdir()
    out = []
    for item in tqdm(items, desc="images", unit="tweet", disable=None, leave=False):
        try:
            content, file = source.read(item.tweet_id)
            kind = check_image(content, f"tweet {item.tweet_id}, {file}").format
        except DataError as error:
            problems.append(str(error))
            continue
        if kind not in _SHOWN:
            problems.append(f"{file}: {kind} is not shown by browsers; convert it to PNG or JPEG")
            continue
        name = f"{item.tweet_id}{PurePosixPath(file).suffix.lower()}"
        (folder / name).write_bytes(content)
        out.append(Item(item.tweet_id, item.text, item.translation, f"{IMAGES}/{name}"))
    if problems:
        raise DataError(f"{len(problems)} images cannot be used:\n{bullet_list(problems)}")
    return out


def _empty_csv(items: Sequence[Item], what: str, system: str, annotators: Sequence[str]) -> str:
    of = f"@{system}" if system else ""
    columns = [f"{asked}:{name}{of}" for name in annotators for asked in ASKED[what]]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([ID, *columns])
    writer.writerows([item.tweet_id, *([""] * len(columns))] for item in items)
    return buffer.getvalue()


def _page(items: Sequence[Item], what: str, system: str, language: str) -> str:
    from jinja2 import Environment, StrictUndefined

    texts = TEXTS[language]
    rows = [asdict(item) for item in items]
    # The same list asked again keeps the answers that the browser has.
    identity = json.dumps([what, [[item.tweet_id, item.text, item.translation] for item in items]])
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = (_FILES / "sheet.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        language=language,
        what=what,
        words=texts,
        asked=ASKED[what],
        categories={asked: CATEGORIES[asked] for asked in ASKED[what]},
        with_images=any(item.image for item in items),
        count=len(items),
        data={
            "id": text_hash(identity)[:16],
            "what": what,
            "system": system,
            "id_column": ID,
            "asked": ASKED[what],
            "categories": {asked: CATEGORIES[asked] for asked in ASKED[what]},
            "items": rows,
            "words": {
                key: texts[key]
                for key in ("position", "answered", "no_image", "saved", "unsaved", "done")
            },
        },
    )
