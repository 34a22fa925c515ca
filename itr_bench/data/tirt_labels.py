"""The labels of TIRT: ``textimage.csv`` read, and its damaged rows repaired where that is sure.

Vempala & Preotiuc-Pietro 2019 (ACL P19-1272). In the published file a fragment of the tweet's
text stands after the id in some rows and shifts the six values to the right, one of the six is
missing in some, and in some the id went through a spreadsheet, which rounded it. The six values
say the relation twice, which is what a repair is checked by.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.data.tsv import id_problem, numbered_lines, read_tweets, rounded_id
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS, Relation

COLUMNS = (
    "tweet_id",
    "text_is_represented",
    "image_adds",
    "image_adds_text_repr",
    "image_adds_text_notrepr",
    "image_notadds_text_repr",
    "image_notadds_text_notrepr",
)
_VALUES = len(COLUMNS) - 1

PUBLISHED = {
    "name": "textimage.csv",
    "url": "https://github.com/danielpreotiuc/text-image-relationship",
    "sha256": "9d126e7a4a1908cb79558a9a679d21c264a48e485f7ee82cd0b27a58186311c6",
    "licence": None,
}
"""The published file. No licence is stated: only ids and labels of it may be passed on."""

# The six values of a sound row, by relation: represented, adds, and one of four columns set.
_SOUND: Mapping[tuple[str, ...], Relation] = {
    (
        str(int(relation.represented)),
        str(int(relation.adds)),
        *(str(int(relation is column)) for column in RELATIONS),
    ): relation
    for relation in RELATIONS
}


@dataclass(frozen=True)
class Repair:
    """A row that was not read as it stands: its line, its tweet, and what was done."""

    line: int
    tweet_id: str
    what: str


@dataclass(frozen=True)
class Labels:
    """The labels of a file.

    Attributes:
        name: name of the file.
        sha256: its hash, with the line ends of the published file.
        relations: relation by tweet id, in the order of the file.
        rounded: line and relation of the rows whose id was rounded: labels without a tweet.
        repairs: the rows that were repaired.
        repeated: the rows that say again what another row said; left out.
    """

    name: str
    sha256: str
    relations: Mapping[str, Relation]
    rounded: tuple[tuple[int, Relation], ...] = ()
    repairs: tuple[Repair, ...] = ()
    repeated: tuple[Repair, ...] = ()

    @property
    def is_published(self) -> bool:
        """Whether it is the published ``textimage.csv``."""
        return self.sha256 == PUBLISHED["sha256"]

    @property
    def counts(self) -> dict[Relation, int]:
        """Number of labels by relation, those without a tweet id included."""
        found = Counter([*self.relations.values(), *(label for _, label in self.rounded)])
        return {relation: found[relation] for relation in RELATIONS}

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of it."""
        published = PUBLISHED if self.is_published else {"name": self.name, "sha256": self.sha256}
        return {"what": "labels", **published}

    def describe(self) -> dict[str, Any]:
        """The figures of the file, without any text: JSON values."""
        counts = self.counts
        total = sum(counts.values())
        identified = Counter(self.relations.values())
        return {
            "file": self.name,
            "sha256": self.sha256,
            "published": self.is_published,
            "labels": total,
            "relations": {str(int(r)): counts[r] for r in RELATIONS},
            "majority_class": max(counts.values()) / total,
            "tweets": len(self.relations),
            "relations_of_tweets": {str(int(r)): identified[r] for r in RELATIONS},
            "repaired": [_row(repair) for repair in self.repairs],
            "repeated": [_row(repair) for repair in self.repeated],
            "rounded_ids": [line for line, _ in self.rounded],
        }


def _row(repair: Repair) -> dict[str, Any]:
    return {"line": repair.line, "tweet_id": repair.tweet_id, "what": repair.what}


def read_labels(path: Path) -> Labels:
    """Read labels: ``textimage.csv``, or a tab-separated list with ``tweet_id`` and ``relation``.

    A row is repaired only where exactly one reading agrees with all columns. Rounded ids are
    set aside in the published file, whose rows are known, and refused in any other.

    Raises:
        DataError: no such file, another header, or rows of which no reading or more than one
            is left, ids that are none, labels that contradict each other: all in one message.
    """
    lines = list(numbered_lines(path))
    if not lines:
        raise DataError(f"{path}: the file is empty; expected a header line and labels")
    content = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    sha256 = hashlib.sha256(content).hexdigest()
    if "\t" in lines[0][1]:
        rows = read_tweets(path, {})
        relations = {r.values["tweet_id"]: Relation(int(r.values["relation"])) for r in rows}
        return Labels(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), relations)
    header = [name.strip() for name in _fields(lines[0][1])]
    if tuple(header[: len(COLUMNS)]) != COLUMNS or any(header[len(COLUMNS) :]):
        raise DataError(
            f"{path}, line 1: expected the header of textimage.csv ({','.join(COLUMNS)}), or a "
            f"tab-separated list with the columns tweet_id and relation; found {header}"
        )
    return _Reader(path, sha256).read(lines[1:])


class _Reader:
    """Collects what the rows of one file say, and what is wrong with them."""

    def __init__(self, path: Path, sha256: str) -> None:
        self._path = path
        self._sha256 = sha256
        self._line: dict[str, int] = {}
        self._relations: dict[str, Relation] = {}
        self._rounded: list[tuple[int, Relation]] = []
        self._repairs: list[Repair] = []
        self._repeated: list[Repair] = []
        self._problems: list[str] = []

    def read(self, lines: Sequence[tuple[int, str]]) -> Labels:
        for number, line in lines:
            self._add(number, line)
        if not lines:
            self._problems.append("no row below the header")
        if self._problems:
            raise DataError(
                f"{self._path}: {len(self._problems)} rows cannot be read, of {len(lines)}:\n"
                f"{bullet_list(self._problems)}\n"
                "Nothing is guessed. Take the published textimage.csv, or mend or remove these "
                "rows."
            )
        return Labels(
            self._path.name,
            self._sha256,
            self._relations,
            tuple(self._rounded),
            tuple(self._repairs),
            tuple(self._repeated),
        )

    def _add(self, number: int, line: str) -> None:
        tweet = _fields(line)[0].strip()
        problem = id_problem(tweet)
        if problem and not rounded_id(tweet):
            # What stands there may be text of a tweet: it is not repeated.
            self._problems.append(f"line {number}: does not begin with a tweet id (digits)")
            return
        if problem and self._sha256 != PUBLISHED["sha256"]:
            self._problems.append(f"line {number}: {problem}")
            return
        relation, what = _read_row(line)
        if relation is None:
            self._problems.append(f"line {number}, tweet {tweet}: {what}")
            return
        if problem:
            self._rounded.append((number, relation))
        elif tweet not in self._line:
            self._line[tweet] = number
            self._relations[tweet] = relation
        elif self._relations[tweet] is relation:
            same = f"as line {self._line[tweet]} says already; left out"
            self._repeated.append(Repair(number, tweet, same))
            return
        else:
            self._problems.append(
                f"line {number}, tweet {tweet}: relation {int(relation)}, but "
                f"{int(self._relations[tweet])} on line {self._line[tweet]}"
            )
            return
        if what:
            self._repairs.append(Repair(number, tweet, what))


def _fields(line: str) -> list[str]:
    """The fields of one line, never more than this line: a lone quote swallows no other."""
    try:
        return next(csv.reader([line]), [""])
    except csv.Error:
        return line.split(",")


def _read_row(line: str) -> tuple[Relation | None, str]:
    """The relation of a row and what had to be done; or ``None`` and what is wrong.

    The row is read with and without regard to quotes, and all readings have to agree.
    """
    quoted = _trimmed(_fields(line))
    readings = [*_readings(quoted), *_readings(_trimmed(line.split(",")))]
    relations = {relation for relation, _ in readings}
    whole = [what for _, what in readings if what is not None]
    if len(relations) != 1 or not whole:
        kind = "more than one reading agrees" if len(relations) > 1 else "no reading agrees"
        return None, (
            f"{kind} with all columns; expected {_VALUES} values of 0 and 1 after the id, found "
            f"{len(quoted)} fields"
        )
    return relations.pop(), whole[0] if "" not in whole else ""


def _trimmed(fields: Sequence[str]) -> list[str]:
    """The fields after the id, without the empty ones at the end."""
    values = [field.strip() for field in fields[1:]]
    while values and not values[-1]:
        values.pop()
    return values


def _readings(values: Sequence[str]) -> Iterator[tuple[Relation, str | None]]:
    """Each relation that the *values* can be read as, with what that takes.

    ``None`` stands for values that agree but have others behind them: no reading of the row,
    but one that any other must not contradict, since a leaked text can hold digits too.
    """
    whole = False
    for start in range(len(values) - _VALUES + 1):
        relation = _SOUND.get(tuple(values[start : start + _VALUES]))
        if relation is None:
            continue
        whole = True
        if start + _VALUES < len(values):
            yield relation, None
        elif start == 0:
            yield relation, ""
        else:
            fields = "1 leaked field" if start == 1 else f"{start} leaked fields"
            yield relation, f"{fields} between id and values left out"
    if not whole and len(values) <= _VALUES and sum(map(bool, values)) == _VALUES - 1:
        for sound, relation in _SOUND.items():
            if _completes(values, sound):
                yield relation, f"1 of {_VALUES} values missing, only this relation agrees"


def _completes(values: Sequence[str], sound: Sequence[str]) -> bool:
    """Whether *values* are *sound* ones but for one left empty or left out."""
    given = [value for value in values if value]
    in_place = len(values) == len(sound) and all(
        value in ("", other) for value, other in zip(values, sound, strict=True)
    )
    return in_place or any(
        given == [*sound[:missing], *sound[missing + 1 :]] for missing in range(len(sound))
    )
