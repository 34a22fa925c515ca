"""Tweet lists: tab-separated values, UTF-8, a header line, no quoting.

A quote is a character like any other here: tweets are full of unbalanced ones, and a reader
that takes them for quoting swallows whole lines.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS

_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_SPREADSHEET_ID = re.compile(r"[0-9]+[.,]?[0-9]*[eE]\+?[0-9]+|[0-9]+\.0*")

_LEAST_QUOTED = 3  # a list of two tweets may quote both

MOST_SHOWN = 80
"""Characters that a message quotes of a line that may be anything."""

# Each column by its name here and all names that files spell it with.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "relation": ("relation", "Relation"),
    "tweet_id": ("tweet_id", "TweetId"),
    "text": ("text", "Text"),
    "english": ("English", "english"),
}


@dataclass(frozen=True)
class Row:
    """One line of a table: its number in the file and its values by column."""

    line: int
    values: Mapping[str, str]


def read_table(path: Path, columns: Sequence[str], content: bytes | None = None) -> list[Row]:
    """Read the named *columns* (keys of :data:`SPELLINGS`) of a TSV file.

    *content* is that of the file where it was read already.

    Raises:
        DataError: no such file, not UTF-8, a column missing, or lines with another number of
            fields than the header; with file and line.
    """
    table = read_rows(path, content)
    position = {}
    for column in columns:
        found = [i for i, name in enumerate(table.header) if name.strip() in SPELLINGS[column]]
        if len(found) != 1:
            problem = "no column" if not found else "more than one column"
            raise DataError(
                f"{path}, line 1: {problem} {column!r} (spelled "
                f"{' or '.join(map(repr, SPELLINGS[column]))}); found "
                f"{table.first_line[:MOST_SHOWN]!r}. Expected tab-separated values with a header."
            )
        position[column] = found[0]
    if table.problems:
        raise DataError(
            f"{path}: lines cannot be read:\n{bullet_list(table.problems)}\n"
            "A tab or line break inside a text is the usual cause: write it as a blank."
        )
    return [
        Row(line, {column: fields[i] for column, i in position.items()})
        for line, fields in table.rows
    ]


@dataclass(frozen=True)
class Fields:
    """A table as it stands in a file.

    Attributes:
        first_line: the header as it is written.
        rows: the number of each line in the file, and its fields, one a column.
        problems: of lines that are not such rows, a sentence each.
    """

    first_line: str
    header: list[str]
    rows: list[tuple[int, list[str]]]
    problems: list[str]


def read_rows(
    path: Path,
    content: bytes | None = None,
    *,
    delimiters: Sequence[str] = ("\t",),
    key: str | None = None,
) -> Fields:
    """Read all columns of a table. Tab-separated fields have no quotes; others are CSV.

    Args:
        path: the file, for messages where *content* is given.
        content: that of the file where it was read already.
        delimiters: what may stand between fields; the first by which there is a column *key*.
        key: a column that has to be there.

    Raises:
        DataError: no such file, an empty one, not UTF-8, or no column *key*; with file and line.
    """
    lines = list(numbered_lines(path, content))
    if not lines:
        raise DataError(f"{path}: the file is empty; expected a header line and tweets")
    first_line = lines[0][1]
    for delimiter in delimiters:
        header = [name if key is None else name.strip() for name in _split(first_line, delimiter)]
        if key is None or key in header:
            break
    else:
        raise DataError(
            f"{path}, line 1: no column {key!r}; found {first_line[:MOST_SHOWN]!r}. Expected a "
            "header with this column, and tabs, commas or semicolons between the columns."
        )
    rows, problems = [], []
    for number, line in lines[1:]:
        fields = _split(line, delimiter)
        if not fields:
            problems.append(f"line {number}: a quotation mark that is not closed or not doubled")
        elif len(fields) != len(header):
            problems.append(
                f"line {number}: {len(fields)} fields, expected {len(header)} as in the header"
            )
        else:
            rows.append((number, fields))
    return Fields(first_line, header, rows, problems)


def _split(line: str, delimiter: str) -> list[str]:
    """The fields of a line, never more than this line; none where the quoting is broken."""
    if delimiter == "\t":
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def read_tweets(path: Path, texts: Mapping[str, str], *, labelled: bool = True) -> list[Row]:
    """Read a list of tweets, each id once, each with one label.

    Args:
        path: a TSV file with ``tweet_id``, the text columns and, if *labelled*, ``relation``.
        texts: the columns to read as text (keys of :data:`SPELLINGS`), by the name that they
            get in the rows' values.
        labelled: whether a ``relation`` from 0 to 3 is expected.

    Raises:
        DataError: as :func:`read_table`; and an id that is not one, stands twice or has two
            labels, a label outside 0 to 3, an empty text: all of them in one message.
    """
    columns = ["tweet_id", *texts.values(), *(["relation"] if labelled else [])]
    rows = read_table(path, columns)
    problems: list[str] = []
    first: dict[str, Row] = {}
    out = []
    for row in rows:
        tweet = row.values["tweet_id"].strip()
        label = row.values["relation"].strip() if labelled else ""
        values = {"tweet_id": tweet, "relation": label}
        values.update({name: row.values[column] for name, column in texts.items()})
        problems.extend(f"line {row.line}: {text}" for text in _row_problems(row, tweet, labelled))
        if tweet in first:
            before = first[tweet]
            same = before.values["relation"] == label
            problems.append(
                f"line {row.line}: tweet {tweet} stands on line {before.line} already"
                + ("" if same else f", with label {before.values['relation']} instead of {label}")
            )
        out.append(Row(row.line, values))
        first.setdefault(tweet, out[-1])
    if not out:
        problems.append("no tweet below the header")
    problems.extend(
        f"all {len(rows)} texts of the column {column!r} stand in quotation marks: the file was "
        "written with quoting, and tweet lists have none. Write it without (pandas: quoting=3)"
        for column in texts.values()
        if len(rows) >= _LEAST_QUOTED and all(_is_quoted(row.values[column]) for row in rows)
    )
    if problems:
        raise DataError(f"{path}: what is wrong ({len(problems)}):\n{bullet_list(problems)}")
    return out


def read_texts(path: Path) -> dict[str, str]:
    """The column ``text`` of a list of tweets, by id.

    Raises:
        DataError: as :func:`read_tweets`.
    """
    rows = read_tweets(path, {"text": "text"}, labelled=False)
    return {row.values["tweet_id"]: row.values["text"] for row in rows}


def _is_quoted(text: str) -> bool:
    """Whether a program has put *text* in quotation marks: those within it are doubled."""
    inner = text[1:-1]
    return text[:1] == text[-1:] == '"' != text and '"' not in inner.replace('""', "")


def rounded_id(tweet: str) -> bool:
    """Whether an id went through a spreadsheet, which keeps its first digits only."""
    return _SPREADSHEET_ID.fullmatch(tweet) is not None


def id_problem(tweet: str) -> str | None:
    """Return what is wrong with a tweet id, ``None`` where it is 1 to 20 digits."""
    if _ID.fullmatch(tweet):
        return None
    if rounded_id(tweet):
        return (
            f"tweet id {tweet!r} went through a spreadsheet, which rounds ids; "
            "export the column as text from the original"
        )
    return f"tweet id {tweet!r}, expected digits"


def relation_problem(label: str) -> str | None:
    """Return what is wrong with a label, ``None`` where it is 0 to 3."""
    if label in {str(int(r)) for r in RELATIONS}:
        return None
    return f"relation {label!r}, expected 0, 1, 2 or 3"


def _row_problems(row: Row, tweet: str, labelled: bool) -> Iterator[str]:
    if problem := id_problem(tweet):
        yield problem
    if labelled and (problem := relation_problem(row.values["relation"].strip())):
        yield f"tweet {tweet}: {problem}"
    for column, text in row.values.items():
        if column not in ("tweet_id", "relation") and not text.strip():
            yield f"tweet {tweet}: {column} is empty"


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def numbered_lines(path: Path, content: bytes | None = None) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, numbered; byte-order mark and line ends are left out.

    *content* is that of the file where it was read already.

    Raises:
        DataError: the file cannot be read, is not UTF-8, or begins with an empty line.
    """
    raw = read_bytes(path) if content is None else content
    if not raw:
        return
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode("utf-8").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: not UTF-8 at byte {error.start} of the line "
                f"({error.object[error.start]:#04x}); convert the file to UTF-8"
            ) from None
        if text:
            yield number, text
        elif number == 1:
            raise DataError(f"{path}, line 1: empty, expected the header")


def read_records(path: Path, needed: Sequence[str] = ()) -> list[tuple[int, dict[str, Any]]]:
    """Read JSON objects, one a line, or tab-separated values below a header.

    JSON begins with a brace. Lines of blanks alone are left out.

    Args:
        needed: the keys, or columns, that have to be there.

    Returns:
        The number of each line, and its values.

    Raises:
        DataError: no such file, not UTF-8, a line that is neither, or one of *needed* missing; with
            file and line.
    """
    content = read_bytes(path)
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        return []
    lines = [(number, line) for number, line in numbered_lines(path, content) if line.strip()]
    names = " and ".join((", ".join(needed[:-1]), *needed[-1:]))
    if not lines[0][1].lstrip().startswith(("{", "[")):
        header = lines[0][1].split("\t")
        if not set(needed) <= set(header):
            raise DataError(
                f"{path}, line 1: expected the tab-separated columns {names} (or JSON lines with "
                f"these keys), found {header}"
            )
        rows = [(number, line.split("\t")) for number, line in lines[1:]]
        for number, fields in rows:
            if len(fields) != len(header):
                raise DataError(
                    f"{path}, line {number}: {len(fields)} fields, expected {len(header)} as in "
                    "the header; write tabs and line breaks inside a text as blanks, or use JSON "
                    "lines"
                )
        return [(number, dict(zip(header, fields, strict=True))) for number, fields in rows]
    records = []
    for number, line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(record, dict) or not set(needed) <= record.keys():
            keys = f" with {names}" if needed else ""
            raise DataError(f"{path}, line {number}: expected an object{keys}, found {line[:40]!r}")
        records.append((number, record))
    return records
