"""``itr-bench parse``."""

from __future__ import annotations

import json
from typing import IO

import click

from itr_bench.answers import DEFAULT_PARSER
from itr_bench.errors import ScoreError
from itr_bench.relation import Answer


@click.command("parse", short_help="Read the yes/no answers out of raw responses.")
@click.argument("file", type=click.File("rb"), default="-")
def command(file: IO[bytes]) -> None:
    """Read the answer out of every response in FILE (standard input by default).

    One JSON object a line: {"response": "Yes, it does.", "lang": "en"}, lang being en (the
    default) or lv, a response of null being a request that failed. Each line is written back
    with "answer" ("yes", "no" or null) and "rule", the rule that decided: marker, leading,
    clause; none, empty or failed where nothing could be read.

    \b
    Example:
      echo '{"response": "**Answer:** NO; **EXPLANATION:** ..."}' | itr-bench parse
    """
    name = getattr(file, "name", "-")
    name = "standard input" if name in ("-", "<stdin>", 0) else name
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        row = _row(line, f"{name}, line {number}")
        reading = DEFAULT_PARSER.read(row["response"], row.get("lang", "en"))  # type: ignore[arg-type]
        answer = reading.answer.value if reading.answer in (Answer.YES, Answer.NO) else None
        out = {**row, "answer": answer, "rule": reading.rule.value}
        try:
            click.echo(json.dumps(out, ensure_ascii=False, allow_nan=False))
        except ValueError as error:
            raise ScoreError(f"{name}, line {number}: a number too large for JSON") from error


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _row(line: bytes, where: str) -> dict[str, object]:
    expected = 'expected an object such as {"response": "Yes.", "lang": "en"}'
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ScoreError(f"{where}: not JSON ({error}); {expected}") from error
    if not isinstance(row, dict) or "response" not in row:
        raise ScoreError(f"{where}: no response; {expected}")
    if row["response"] is not None and not isinstance(row["response"], str):
        raise ScoreError(f"{where}: response is {row['response']!r:.40}, expected text or null")
    if row.get("lang", "en") not in ("en", "lv"):
        raise ScoreError(f"{where}: lang is {row['lang']!r:.40}, expected 'en' or 'lv'")
    return row
