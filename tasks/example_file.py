"""Examples of the user's, from a file: JSON lines, or tab-separated values with a header.

========== ===============================================================================
``text``     of the tweet
``relation`` 0 to 3
``image``    file, relative to the folder of the list; may be missing where only texts are shown
``id``       the tweet's id; may be missing
``language`` code of the text's language; the task's where it is missing
========== ===============================================================================
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.data.languages import LANGUAGES
from itr_bench.data.tsv import read_records
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS, Relation

if TYPE_CHECKING:
    from PIL import Image

_NEEDED = ("text", "relation")
_FIELDS = (*_NEEDED, "image", "id", "language")
LINK = re.compile(r"http[s]?://\S+")


@dataclass(frozen=True)
class Example:
    """A tweet that is shown with its answer.

    Attributes:
        key: the tweet's id; of a file without ids, ``text-`` and a hash of the text.
        text: raw, links included.
        language: of the text, its code.
        image_sha256: SHA-256 of the image's file; empty where there is none.
        where: what errors call it.
        read: gives the content of the image's file.
    """

    key: str
    text: str
    language: str
    relation: Relation
    image_sha256: str
    placeholder: bool
    where: str
    read: Callable[[], bytes] = field(compare=False)

    @functools.cached_property
    def image(self) -> Image.Image:
        """Its image: upright, RGB."""
        return self._decoded()

    @property
    def pixels(self) -> str:
        """SHA-256 of the size and the pixels of its image; empty where there is none.

        The same for files that differ in format or metadata alone.
        """
        if self.image_sha256 and self.image_sha256 not in _PIXELS:
            image = self._decoded()
            found = hashlib.sha256(f"{image.size}".encode() + image.tobytes())
            _PIXELS[self.image_sha256] = found.hexdigest()
        return self.image_sha256 and _PIXELS[self.image_sha256]

    def _decoded(self) -> Image.Image:
        content = self.read()
        if hashlib.sha256(content).hexdigest() != self.image_sha256:
            raise DataError(f"{self.where}: its image has changed since the examples were read")
        from itr_bench.data.images import decode

        return decode(content)


_PIXELS: dict[str, str] = {}  # by the hash of the file: decoding is what takes the time


def text_mark(text: str) -> str:
    """What texts have in common that differ in links, case, signs and blanks alone."""
    plain = unicodedata.normalize("NFKC", LINK.sub(" ", text)).casefold()
    letters = "".join(sign for sign in plain if sign.isalnum())
    return f"text {letters or ' '.join(plain.split())}"


def read_examples(path: Path, language: str) -> list[Example]:
    """Read a list of examples; each text, image and id once.

    Args:
        path: of JSON lines, or of tab-separated values.
        language: code of the texts' language where the list does not say.

    Raises:
        DataError: what is wrong with the list, all of it in one message.
    """
    examples: list[Example] = []
    problems: list[str] = []
    first: dict[str, str] = {}
    for line, record in read_records(path):
        where = f"line {line}"
        fields = {name: value for name, value in record.items() if value != ""}
        try:
            example = _example(fields, path, line, language)
        except DataError as error:
            problems.append(f"{where}: {error}")
            continue
        marks = {"id": example.key, "text": text_mark(example.text), "image": example.pixels}
        for what, mark in marks.items():
            if mark and (before := first.setdefault(f"{what} {mark}", where)) != where:
                problems.append(f"{where}: the same {what} as {before}")
                break
        examples.append(example)
    if not examples and not problems:
        problems.append(f"no example in it; expected one a line, with {', '.join(_FIELDS)}")
    if problems:
        raise DataError(f"{path}: what is wrong ({len(problems)}):\n{bullet_list(problems)}")
    return examples


def _example(fields: Mapping[str, Any], path: Path, line: int, language: str) -> Example:
    unknown = sorted(fields.keys() - set(_FIELDS))
    missing = [name for name in _NEEDED if fields.get(name) is None]
    if unknown or missing:
        raise DataError(
            "; ".join(
                [f"unknown field {name!r}" for name in unknown]
                + [f"no {name!r}" for name in missing]
            )
            + f"; expected {', '.join(_FIELDS)}"
        )
    for name, value in fields.items():
        if name != "relation":
            _check_text(name, value)
    text, relation = str(fields["text"]), str(fields["relation"])
    if not text.strip():
        raise DataError("the text is empty")
    if not LINK.sub("", text).strip():
        raise DataError("the text is only a link, and links are not shown")
    if relation not in {str(int(known)) for known in RELATIONS}:
        raise DataError(f"relation {relation!r}, expected 0, 1, 2 or 3")
    code = str(fields.get("language") or language)
    if code not in LANGUAGES:
        raise DataError(f"language {code!r}, expected one of {', '.join(LANGUAGES)}")
    where = f"{path.name}, line {line}"
    sha256, placeholder, read = "", False, functools.partial(_no_image, where)
    if fields.get("image"):
        file = path.parent / str(fields["image"])
        read = functools.partial(_content, file)
        from itr_bench.data.images import check_image

        facts = check_image(read(), str(fields["image"]))
        sha256, placeholder = facts.sha256, facts.placeholder
    key = str(fields.get("id") or "").strip()
    return Example(
        key=key or f"text-{hashlib.sha256(text_mark(text).encode()).hexdigest()[:12]}",
        text=text,
        language=code,
        relation=Relation(int(relation)),
        image_sha256=sha256,
        placeholder=placeholder,
        where=where,
        read=read,
    )


def _check_text(name: str, value: object) -> None:
    """Refuse what is no text; an id may be a whole number, and only a needed field not null."""
    if value is None or (name == "id" and type(value) is int):
        return
    if not isinstance(value, str):
        raise DataError(f"{name} is {json.dumps(value)[:40]}, expected a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{name}: {value[error.start]!r} at character {error.start + 1} is half of a surrogate "
            "pair, which is no character"
        ) from None


def _content(file: Path) -> bytes:
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"image {file}: a folder or a device, expected a file")
        return file.read_bytes()
    except (OSError, ValueError) as error:  # the second: a NUL in the name
        said = getattr(error, "strerror", None) or error
        raise DataError(f"image {str(file)!r}: cannot be read ({said})") from error


def _no_image(where: str) -> bytes:
    raise DataError(f"{where}: an example without image")
