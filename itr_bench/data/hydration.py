"""Tweets that somebody fetched by id: the formats that are read, and what of them can be used.

Nothing is fetched here. A folder may hold, in any subfolder:

- ``*.jsonl`` (a JSON value a line) and ``*.json`` (one JSON value, or one a line):
  answers of the X API v2 (``GET /2/tweets?ids=...``), as `twarc2 hydrate` writes them, with the
  tweets in ``data`` and those that are gone in ``errors``; tweets by themselves, as
  `twarc2 flatten` writes them; tweets of the API v1.1 (``id_str``, ``full_text``); or plain
  records with ``id`` or ``tweet_id``, and ``text``; or lists of any of these;
- ``*.csv`` with a header and the columns ``id`` or ``tweet_id``, and a text, quoted as in RFC 4180;
  inner fields are columns such as ``note_tweet.text``;
- images named ``<tweet_id>.jpg`` (or ``.png``, ...); of a tweet with several, numbered
  ``<tweet_id>_1.jpg`` or ``<tweet_id>-1.jpg``, of which the first is taken.

The text of a tweet is the first of ``note_tweet.text``, ``extended_tweet.full_text``,
``full_text`` and ``text`` that is not empty, raw; ``text`` of a tweet that is ``truncated`` is no
text. Tweets in ``includes`` are those that others
refer to; they are not read, nor are ``metadata.csv`` and ``metadata.jsonl``, which describe the
files of an image folder.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.data.image_sources import METADATA, SUFFIXES
from itr_bench.data.tsv import id_problem, rounded_id
from itr_bench.errors import DataError, bullet_list

OURS = "itr_bench"
"""The key that marks JSON files of this package, which are no tweets."""

_IMAGE_NAME = re.compile(r"([0-9]{1,20})(?:[_-]([0-9]{1,3}))?", re.ASCII)
_IDS = ("id_str", "tweet_id", "id")
_WHOLE = (("note_tweet", "text"), ("extended_tweet", "full_text"), ("full_text",))
"""Where the whole text of a tweet may stand, the best place first."""
_CSV_PLACES: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in (*_IDS, "text", "truncated")},
    **{mark.join(place): place for place in _WHOLE for mark in "._/"},
}
"""The columns of a table, and where their values stand in JSON."""
_LIKE_AN_ID = re.compile(r"[0-9]{15,20}", re.ASCII)
_QUOTES = "a quotation mark that is not closed, or not doubled"


@dataclass(frozen=True)
class Hydrated:
    """What a folder of fetched tweets holds.

    Attributes:
        texts: the texts by tweet id, none empty.
        empty: tweets that are there with an empty text only.
        cut_off: tweets that are there with a text cut off only: ``truncated`` of the API v1.1, or
            half a character left of a surrogate pair.
        gone: what the API said instead of a tweet, by tweet id.
        images: the image files by tweet id: one, or several that could all be the first.
        further_images: number of images that are not the first of their tweet.
    """

    where: Path
    texts: Mapping[str, str]
    empty: frozenset[str]
    cut_off: frozenset[str]
    gone: Mapping[str, str]
    images: Mapping[str, tuple[Path, ...]]
    further_images: int


def read_folder(where: Path) -> Hydrated:
    """Read a folder of fetched tweets.

    Raises:
        DataError: no such folder, no tweets in it, files or lines that cannot be read, or a
            tweet with two texts: all of them in one message, which quotes no text.
    """
    if not where.is_dir():
        raise DataError(f"{where}: no such folder; expected one with the tweets that you fetched")
    # Sorted, so that messages do not depend on the disk.
    files = sorted(
        file for file in where.rglob("*") if file.is_file() and not file.name.startswith(".")
    )
    reader = _Reader(where)
    for file in files:
        reader.add(file)
    return reader.finish(*_images(files))


def _images(files: list[Path]) -> tuple[dict[str, tuple[Path, ...]], int]:
    numbered: dict[str, dict[int, list[Path]]] = {}
    count = 0
    for file in files:
        name = _IMAGE_NAME.fullmatch(file.stem)
        if name is None or file.suffix.lower() not in SUFFIXES:
            continue
        count += 1
        number = -1 if name[2] is None else int(name[2])
        numbered.setdefault(name[1], {}).setdefault(number, []).append(file)
    first = {tweet: tuple(found[min(found)]) for tweet, found in numbered.items()}
    return first, count - sum(map(len, first.values()))


class _Reader:
    """Collects the tweets of all files, and what is wrong with them."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._texts: dict[str, tuple[str, str]] = {}
        self._empty: set[str] = set()
        self._cut_off: set[str] = set()
        self._gone: dict[str, str] = {}
        self._problems: list[str] = []
        self._files = 0

    def add(self, file: Path) -> None:
        readers = {".jsonl": self._json_lines, ".json": self._json, ".csv": self._csv}
        read = readers.get(file.suffix.lower())
        if read is None or file.name in METADATA:
            return
        self._files += 1
        name = file.relative_to(self._where).as_posix()
        try:
            read(name, file.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            self._problems.append(f"{name}: cannot be read ({error.strerror or error})")
        except UnicodeDecodeError as error:
            self._problems.append(f"{name}: not UTF-8 at byte {error.start}")

    def finish(self, images: Mapping[str, tuple[Path, ...]], further: int) -> Hydrated:
        if not self._files:
            self._problems.append(
                "no file of tweets: expected *.jsonl, *.json or *.csv "
                f"({' and '.join(METADATA)} are not read)"
            )
        elif not (self._texts or self._gone or self._empty or self._cut_off or self._problems):
            self._problems.append(f"no tweet in {self._files} files")
        if self._problems:
            raise DataError(
                f"{self._where}: what is wrong ({len(self._problems)}):\n"
                f"{bullet_list(self._problems)}\n"
                "The formats: itr-bench data hydrate-plan --help"
            )
        return Hydrated(
            where=self._where,
            texts={tweet: text for tweet, (text, _) in self._texts.items()},
            empty=frozenset(self._empty - self._texts.keys()),
            cut_off=frozenset(self._cut_off - self._texts.keys()),
            gone={tweet: why for tweet, why in self._gone.items() if tweet not in self._texts},
            images=images,
            further_images=further,
        )

    def _json(self, name: str, text: str) -> None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):  # JSON lines under this ending too
            self._json_lines(name, text)
            return
        self._value(name, value)

    def _json_lines(self, name: str, text: str) -> None:
        # Not splitlines: it splits at characters that a JSON string may hold.
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            where = f"{name}, line {number}"
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                self._problems.append(
                    f"{where}: not JSON; if fetching was cut off there, remove the line and "
                    "fetch its tweets again"
                )
                continue
            self._value(where, value)

    def _value(self, where: str, value: Any) -> None:
        for record in value if isinstance(value, list) else [value]:
            if not isinstance(record, dict):
                self._problems.append(f"{where}: expected a JSON object, found {_kind(record)}")
            elif "data" in record or "errors" in record:
                self._answer(where, record)
            elif OURS not in record:
                self._tweet(where, record)

    def _answer(self, where: str, answer: Mapping[str, Any]) -> None:
        data = answer.get("data") or []
        for tweet in data if isinstance(data, list) else [data]:
            if isinstance(tweet, dict):
                self._tweet(where, tweet)
            else:
                self._problems.append(f"{where}: expected tweets in `data`, found {_kind(tweet)}")
        errors = answer.get("errors") or []
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict) and error.get("resource_type", "tweet") == "tweet":
                tweet, why = error.get("resource_id"), error.get("title")
                if isinstance(tweet, str) and id_problem(tweet) is None:
                    said = isinstance(why, str) and _is_whole(why)
                    self._gone[tweet] = str(why) if said else "not available"

    def _tweet(self, where: str, record: Mapping[str, Any]) -> None:
        given = next((record[key] for key in _IDS if record.get(key) is not None), None)
        if given is None:
            self._problems.append(
                f"{where}: neither a tweet (id and text) nor an answer of the API (data, errors)"
            )
            return
        whole = [_inner(record, *place) for place in _WHOLE]
        best = next((one for one in whole if isinstance(one, str) and one.strip()), None)
        if all(text is None for text in whole) and "text" not in record:
            self._problems.append(f"{where}: a tweet without `text`")
        elif best is not None:
            self._add(where, given, best)
        else:
            cut_off = str(record.get("truncated")).strip().lower() in ("true", "1")
            self._add(where, given, record.get("text"), cut_off=cut_off)

    def _add(self, where: str, given: object, text: object, *, cut_off: bool = False) -> None:
        if isinstance(given, float):
            self._problems.append(f"{where}: the tweet id is a decimal number, which rounds ids")
            return
        tweet = str(given).strip()
        if problem := id_problem(tweet):
            # Of what is no id at all, nothing is repeated: it may be text.
            known = problem if rounded_id(tweet) else "the tweet id is not a number in digits"
            self._problems.append(f"{where}: {known}")
        elif not isinstance(text, str) or not text.strip():
            self._empty.add(tweet)
        elif cut_off or not _is_whole(text):
            self._cut_off.add(tweet)
        elif tweet not in self._texts:
            self._texts[tweet] = (text, where)
        elif self._texts[tweet][0] != text:
            self._problems.append(
                f"{where}: tweet {tweet} has another text than in {self._texts[tweet][1]}; keep "
                "one of the two"
            )

    def _csv(self, name: str, text: str) -> None:
        rows = []
        line = 1
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            for fields in reader:
                if fields:
                    rows.append((line, fields))
                line = reader.line_num + 1
        except csv.Error as error:
            self._problems.append(
                f"{name}, line {line}: cannot be read as CSV ({error}): {_QUOTES}"
            )
            return
        header = [field.strip() for field in rows[0][1]] if rows else []
        known = [name for name in header if name in _CSV_PLACES]
        tweet_id = next((header.index(key) for key in _IDS if key in header), None)
        if tweet_id is None or not set(known) - {*_IDS, "truncated"}:
            self._problems.append(
                f"{name}: expected a header with the columns id (or tweet_id) and text"
            )
            return
        if len(set(known)) < len(known):
            self._problems.append(f"{name}, line 1: a column stands twice: {', '.join(known)}")
            return
        for line, fields in rows[1:]:
            where = f"{name}, line {line}"
            if [field.strip() for field in fields] == header:
                self._problems.append(f"{where}: the header again; split the file there")
            elif any(_swallowed(field, tweet_id) for field in fields):
                self._problems.append(f"{where}: holds another line with a tweet id: {_QUOTES}")
            elif len(fields) != len(header):
                self._problems.append(f"{where}: {len(fields)} fields, expected {len(header)}")
            else:
                self._tweet(where, _record(header, fields))


def _swallowed(field: str, tweet_id: int) -> bool:
    """Whether a field holds a line that looks like a row, with an id in its place.

    A text that begins with a lone quote and a later one that ends with one make one field.
    """
    lines = (line.split(",") for line in field.split("\n")[1:])
    return any(
        len(parts) > max(1, tweet_id) and _LIKE_AN_ID.fullmatch(parts[tweet_id].strip(' "'))
        for parts in lines
    )


def _is_whole(text: str) -> bool:
    """Whether UTF-8 can hold the text: not where JSON escapes half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _inner(record: Mapping[str, Any], *place: str) -> object:
    found: object = record
    for key in place:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _record(header: Sequence[str], fields: Sequence[str]) -> dict[str, Any]:
    """A row of a table as JSON would have it; of two spellings of a column, the first counts."""
    record: dict[str, Any] = {}
    for name, text in zip(header, fields, strict=True):
        if name in _CSV_PLACES:
            *around, last = _CSV_PLACES[name]
            inner = record.setdefault(around[0], {}) if around else record
            inner.setdefault(last, text)
    return record


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
