"""The labels of TIRT: ``textimage.csv`` read, and its damaged rows repaired where that is sure.

Vempala & Preotiuc-Pietro 2019 (ACL P19-1272). Some rows of the published file are damaged
(:mod:`itr_bench.data.tirt_rows`), and in some the id went through a spreadsheet, which rounded it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from itr_bench.data.tirt_rows import COLUMNS, fields_of, read_row
from itr_bench.data.tsv import (
    MOST_SHOWN,
    Row,
    id_problem,
    numbered_lines,
    read_bytes,
    read_table,
    relation_problem,
    rounded_id,
)
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS, Relation

PUBLISHED = {
    "name": "textimage.csv",
    "url": "https://github.com/danielpreotiuc/text-image-relationship",
    "sha256": "9d126e7a4a1908cb79558a9a679d21c264a48e485f7ee82cd0b27a58186311c6",
    "licence": None,
}
"""The published file. No licence is stated: only ids and labels of it may be passed on."""


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
        relations: relation by tweet id, in the order of the file.
        rounded: line and relation of the rows whose id was rounded: labels without a tweet.
        repeated: the rows that say again what another row said; left out.
        is_published: whether it is the published ``textimage.csv``, with any line ends.
    """

    name: str
    sha256: str
    relations: Mapping[str, Relation]
    rounded: tuple[tuple[int, Relation], ...] = ()
    repairs: tuple[Repair, ...] = ()
    repeated: tuple[Repair, ...] = ()
    is_published: bool = False

    @property
    def counts(self) -> dict[Relation, int]:
        """Number of labels by relation, those without a tweet id included."""
        found = Counter([*self.relations.values(), *(label for _, label in self.rounded)])
        return {relation: found[relation] for relation in RELATIONS}

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of it."""
        published = PUBLISHED if self.is_published else {"name": self.name}
        return {"what": "labels", **published, "sha256": self.sha256}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not read as it stands, one sentence each."""
        counts = (
            (self.repairs, "rows of labels were repaired"),
            (self.repeated, "rows of labels stand twice; one of each was read"),
            (
                self.rounded,
                "labels have no tweet: a spreadsheet rounded their ids in the published file",
            ),
        )
        return tuple(f"{len(rows)} {what}" for rows, what in counts if rows)

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
            "repaired": [asdict(repair) for repair in self.repairs],
            "repeated": [asdict(repair) for repair in self.repeated],
            "rounded_ids": [line for line, _ in self.rounded],
        }


def read_labels(path: Path) -> Labels:
    """Read labels: ``textimage.csv``, or a tab-separated list with ``tweet_id`` and ``relation``.

    In both, a row that says again what another one said is left out and named. A row of
    ``textimage.csv`` is repaired only where exactly one reading agrees with all columns. Rounded
    ids are set aside in the published file, whose rows are known, and refused in any other.

    Raises:
        DataError: no such file, another header, or rows of which no reading or more than one
            is left, ids that are none, labels that contradict each other: all in one message.
    """
    content = read_bytes(path)
    lines = list(numbered_lines(path, content))
    if not lines:
        raise DataError(f"{path}: the file is empty; expected a header line and labels")
    reader = _Reader(path, content)
    if "\t" in lines[0][1]:
        return reader.read_list(read_table(path, ("tweet_id", "relation"), content))
    header = [name.strip() for name in fields_of(lines[0][1])]
    if tuple(header[: len(COLUMNS)]) != COLUMNS or any(header[len(COLUMNS) :]):
        raise DataError(
            f"{path}, line 1: expected the header of textimage.csv ({','.join(COLUMNS)}), or a "
            f"tab-separated list with the columns tweet_id and relation; found "
            f"{lines[0][1][:MOST_SHOWN]!r}"
        )
    return reader.read_csv(lines[1:])


class _Reader:
    """Collects what the rows of one file say, and what is wrong with them."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._sha256 = hashlib.sha256(content).hexdigest()
        # A checkout may have changed the line ends of the published file, and nothing else.
        as_published = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._published = hashlib.sha256(as_published).hexdigest() == PUBLISHED["sha256"]
        self._line: dict[str, int] = {}
        self._relations: dict[str, Relation] = {}
        self._rounded: list[tuple[int, Relation]] = []
        self._repairs: list[Repair] = []
        self._repeated: list[Repair] = []
        self._problems: list[str] = []

    def read_csv(self, lines: Sequence[tuple[int, str]]) -> Labels:
        """The rows of ``textimage.csv``."""
        for number, line in lines:
            self._add_csv(number, line)
        return self._finish(len(lines))

    def read_list(self, rows: Sequence[Row]) -> Labels:
        """The rows of a list of ids and relations."""
        for row in rows:
            tweet, label = row.values["tweet_id"].strip(), row.values["relation"].strip()
            if problem := id_problem(tweet):
                self._problems.append(f"line {row.line}: {problem}")
            elif problem := relation_problem(label):
                self._problems.append(f"line {row.line}, tweet {tweet}: {problem}")
            else:
                self._keep(row.line, tweet, Relation(int(label)), "")
        return self._finish(len(rows))

    def _finish(self, rows: int) -> Labels:
        if not rows:
            raise DataError(f"{self._path}: no row below the header")
        if self._problems:
            raise DataError(
                f"{self._path}: {len(self._problems)} row{'s' if self._problems[1:] else ''} "
                f"cannot be read, of {rows}:\n"
                f"{bullet_list(self._problems)}\n"
                "Nothing is guessed: fix or remove these rows, or, of TIRT, take the published "
                "textimage.csv."
            )
        return Labels(
            self._path.name,
            self._sha256,
            self._relations,
            tuple(self._rounded),
            tuple(self._repairs),
            tuple(self._repeated),
            self._published,
        )

    def _add_csv(self, number: int, line: str) -> None:
        tweet = fields_of(line)[0].strip()
        problem = id_problem(tweet)
        if problem and not rounded_id(tweet):
            # What stands there may be text of a tweet: it is not repeated.
            self._problems.append(f"line {number}: does not begin with a tweet id (digits)")
            return
        if problem and not self._published:
            self._problems.append(f"line {number}: {problem}")
            return
        relation, what = read_row(line)
        if relation is None:
            self._problems.append(f"line {number}, tweet {tweet}: {what}")
            return
        if not problem:
            self._keep(number, tweet, relation, what)
            return
        self._rounded.append((number, relation))
        if what:
            self._repairs.append(Repair(number, tweet, what))

    def _keep(self, number: int, tweet: str, relation: Relation, what: str) -> None:
        """Add a label; *what* was done to read it."""
        if tweet not in self._line:
            self._line[tweet] = number
            self._relations[tweet] = relation
            if what:
                self._repairs.append(Repair(number, tweet, what))
        elif self._relations[tweet] is relation:
            same = f"as line {self._line[tweet]} says already; left out"
            self._repeated.append(Repair(number, tweet, same))
        else:
            self._problems.append(
                f"line {number}, tweet {tweet}: relation {int(relation)}, but "
                f"{int(self._relations[tweet])} on line {self._line[tweet]}"
            )
