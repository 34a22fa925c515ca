"""Reading one annotation file, CSV or TSV: its columns and cells, and all that is wrong.

The header of a column is ``WHAT:ANNOTATOR``: ``adds`` or ``represented`` with yes and no (or jā
and nē), ``relation`` with 0 to 3, ``fidelity`` with 1 to 5. A column without ``WHAT:`` holds
relations, unless another one says ``relation:`` or it is named like a fact of the annotation, such
as ``confidence``: then it is no annotator's, and that it is left out is said.
``fidelity:ANNOTATOR@SYSTEM`` says whose translations were rated. An empty cell is a missing rating.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from itr_bench.data.tsv import id_problem, read_rows
from itr_bench.errors import DataError, unknown_name
from itr_bench.relation import QUESTIONS, RELATIONS, Answer

RELATION, FIDELITY = "relation", "fidelity"
ID = "tweet_id"
YES_NO = (Answer.YES.value, Answer.NO.value)
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    **{question.value: YES_NO for question in QUESTIONS},
    RELATION: tuple(str(int(relation)) for relation in RELATIONS),
    FIDELITY: ("1", "2", "3", "4", "5"),
}
# Words for yes and no; a column keeps to one language.
_WORDS = (YES_NO, ("jā", "nē"))
_DELIMITERS = ("\t", ",", ";")
_NO_ANNOTATOR = re.compile(
    r"(?:confidence|certainty|difficulty|round|batch|page|row|line|index|split|set|fold|order"
    r"|image|picture|photo|media|text|tweet|url|link|lang|language|date|time|timestamp|duration"
    r"|seconds|comment|remark|note|reason|explanation|flag|status|version)s?(?:[_ -].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Column:
    header: str
    what: str
    system: str
    annotator: str
    position: int


@dataclass(frozen=True)
class Rating:
    """A position in the categories, and the file and line that it stands in."""

    category: int
    place: str


# Ratings by what, system (empty but for fidelity) and annotator, then by tweet.
Ratings = dict[tuple[str, str, str], dict[str, Rating]]


def read_file(path: Path, found: Ratings) -> tuple[list[str], list[str]]:
    """Add the ratings of one file to *found*.

    Returns:
        What is wrong with single lines and cells; and the columns that were left out.

    Raises:
        DataError: the file or its header cannot be read at all.
    """
    table = read_rows(path, delimiters=_DELIMITERS, key=ID)
    columns, left_out, problems = _columns(table.header)
    if problems:
        raise DataError(f"{path}, line 1: {'; '.join(problems)}")
    if table.problems:
        return [f"{path}, {problem}" for problem in table.problems], left_out
    rows = [(line, [field.strip() for field in fields]) for line, fields in table.rows]
    rows = [(line, fields) for line, fields in rows if any(fields)]
    if not rows:
        raise DataError(f"{path}: no tweet below the header")
    at = table.header.index(ID)
    return [f"{path}, {text}" for text in _read(path, at, columns, rows, found)], left_out


def _columns(header: Sequence[str]) -> tuple[list[_Column], list[str], list[str]]:
    """The columns of annotators, the names of the others, and what is wrong."""
    columns: list[_Column] = []
    left_out: list[str] = []
    problems: list[str] = []
    rate_relations = {
        annotator.strip().casefold()
        for what, _, annotator in (name.partition(":") for name in header)
        if what.strip() == RELATION
    }
    if header.count(ID) > 1:
        problems.append(f"more than one column {ID!r}")
    for position, name in enumerate(header):
        if name == ID:
            continue
        what, colon, annotator = (part.strip() for part in name.partition(":"))
        if not colon:
            is_other = rate_relations and name.casefold() not in rate_relations
            if is_other or _NO_ANNOTATOR.fullmatch(name):
                left_out.append(name)
                continue
            what, annotator = RELATION, name
        system = ""
        if what == FIDELITY and "@" in annotator:
            annotator, _, system = (part.strip() for part in annotator.rpartition("@"))
        if what not in CATEGORIES:
            problems.append(f"column {name!r}: {unknown_name('kind of rating', what, CATEGORIES)}")
        elif not annotator:
            problems.append(f"column {position + 1}, {name!r}: no annotator's name")
        else:
            annotator, system = (unicodedata.normalize("NFC", one) for one in (annotator, system))
            columns.append(_Column(name, what, system, annotator, position))
    seen: dict[tuple[str, str, str], str] = {}
    for column in columns:
        key = (column.what, column.system.casefold(), column.annotator.casefold())
        if key in seen:
            problems.append(
                f"annotator {column.annotator!r} twice, in the columns {seen[key]!r} and "
                f"{column.header!r}: give each annotator a name of their own"
            )
        seen.setdefault(key, column.header)
    if not columns and not problems:
        besides = f" ({', '.join(map(repr, left_out))} are none)" if left_out else ""
        problems.append(f"no column of an annotator beside {ID!r}{besides}, such as 'adds:Anna'")
    return columns, left_out, problems


def _read(
    path: Path,
    at: int,
    columns: Sequence[_Column],
    rows: Sequence[tuple[int, list[str]]],
    found: Ratings,
) -> Iterator[str]:
    """Add the ratings of one file, its ids in column *at*, to *found*; yield what is wrong."""
    first: dict[str, int] = {}
    for line, fields in rows:
        tweet = fields[at]
        if problem := id_problem(tweet):
            yield f"line {line}: {problem}"
        if tweet in first:
            yield f"line {line}: tweet {tweet} stands on line {first[tweet]} already"
        first.setdefault(tweet, line)
    for column in columns:
        cells = [(line, fields[at], fields[column.position]) for line, fields in rows]
        yield from _label_problems(column, [(line, cell) for line, _, cell in cells if cell])
        ratings = found.setdefault((column.what, column.system, column.annotator), {})
        again = []
        for line, tweet, cell in cells:
            category = _category(column.what, cell)
            if category is None or first[tweet] != line:
                continue
            if tweet in ratings:
                again.append((line, tweet, ratings[tweet].place))
            ratings.setdefault(tweet, Rating(category, f"{path}, line {line}"))
        if again:
            line, tweet, place = again[0]
            yield (
                f"{_lines_of([number for number, *_ in again])}, column {column.header!r}: this "
                f"annotator's rating of tweet {tweet} stands in {place} already. Two people of "
                "one name, or a file given twice?"
            )


def _lines_of(lines: Sequence[int]) -> str:
    return f"line {lines[0]}" + (f" and {len(lines) - 1} more" if len(lines) > 1 else "")


def _category(what: str, cell: str) -> int | None:
    if what in (RELATION, FIDELITY):
        return CATEGORIES[what].index(cell) if cell in CATEGORIES[what] else None
    for words in _WORDS:
        if _word(cell) in words:
            return words.index(_word(cell))
    return None


def _word(cell: str) -> str:
    return unicodedata.normalize("NFC", cell).casefold()


def _label_problems(column: _Column, cells: Sequence[tuple[int, str]]) -> Iterator[str]:
    """Values that the column cannot hold, each once with its first line, and mixed languages."""
    wrong: dict[str, list[int]] = {}
    first_of: dict[tuple[str, ...], tuple[int, str]] = {}
    for line, cell in cells:
        if _category(column.what, cell) is None:
            wrong.setdefault(cell, []).append(line)
        elif column.what not in (RELATION, FIDELITY):
            words = next(words for words in _WORDS if _word(cell) in words)
            first_of.setdefault(words, (line, cell))
    for cell, lines in wrong.items():
        where = f"{_lines_of(lines)}, column {column.header!r}"
        yield f"{where}: {cell!r}, {_expected(column, cell)}"
    if len(first_of) > 1:
        (line, cell), (later, other) = sorted(first_of.values())
        yield (
            f"line {later}, column {column.header!r}: {other!r}, but {cell!r} on line {line}; "
            "write yes and no in one language a column"
        )


def _expected(column: _Column, cell: str) -> str:
    expected = f"expected {' or '.join(CATEGORIES[column.what])}, or nothing"
    if column.header == column.annotator:
        expected += " (a column named after an annotator alone holds relations)"
        if any(_word(cell) in words for words in _WORDS):
            name = column.annotator
            expected += f"; answers to one question go to 'adds:{name}' or 'represented:{name}'"
    return expected
