"""``itr-bench parse``."""

from __future__ import annotations

import json
from typing import IO

import click

from itr_bench.answers import DEFAULT_PARSER, Explanation, explain
from itr_bench.errors import ScoreError
from itr_bench.relation import Answer

_COLOURS = {Answer.YES: "green", Answer.NO: "red"}
_LONGEST = 400  # signs of a part that was dropped


@click.command("parse")
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--explain",
    "as_text",
    is_flag=True,
    help="Show each response with what was dropped as [-...-], what decided as {+...+}, and the "
    "rule; in colour on a terminal.",
)
@click.option(
    "--lang",
    type=click.Choice(["en", "lv"]),
    default="en",
    show_default=True,
    help="The language of lines that state none.",
)
def command(file: IO[bytes], as_text: bool, lang: str) -> None:
    """Read the answer out of every response in FILE (standard input by default).

    One JSON object a line: {"response": "Yes, it does.", "lang": "en"}, lang being en or
    lv, a response of null being a request that failed. Each line is written back
    with "answer" ("yes", "no" or null) and "rule", the rule that decided: marker, leading,
    clause; none, empty or failed where nothing could be read.

    \b
    Examples:
      echo '{"response": "**Answer:** NO; **EXPLANATION:** ..."}' | itr-bench parse
      itr-bench parse --explain runs/MODEL/TASK/responses.jsonl
    """
    name = getattr(file, "name", "-")
    name = "standard input" if name in ("-", "<stdin>", 0) else name
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        response, language, row = _row(line, f"{name}, line {number}", lang)
        if as_text:
            click.echo(_text(number, language, explain(response, language)) + "\n")
            continue
        reading = DEFAULT_PARSER.read(response, language)
        answer = reading.answer.value if reading.answer in _COLOURS else None
        out = {**row, "answer": answer, "rule": reading.rule.value}
        try:
            click.echo(json.dumps(out, ensure_ascii=False, allow_nan=False))
        except ValueError as error:
            raise ScoreError(f"{name}, line {number}: a number too large for JSON") from error


def _text(number: int, language: str, found: Explanation) -> str:
    """One response as people read it: the answer and its rule, then the response with marks."""
    answer, colour = found.reading.answer, _COLOURS.get(found.reading.answer, "yellow")
    head = click.style(
        f"{answer.value}, by the rule {found.reading.rule.value}", fg=colour, bold=True
    )
    if found.words and found.decided is None:
        head += f"; read as {found.words!r}"
    places = [(span, False) for span in found.dropped]
    places += [(found.decided, True)] if found.decided else []
    pieces, start = [], 0
    for (begin, end), decides in sorted(places):
        pieces.append(found.text[start:begin])
        part = found.text[begin:end]
        if decides:
            pieces.append(click.style(f"{{+{part}+}}", fg=colour, bold=True))
        else:
            pieces.append(click.style(f"[-{_short(part)}-]", dim=True, strikethrough=True))
        start = end
    body = "".join([*pieces, found.text[start:]]).strip() or "(no response)"
    return f"line {number} ({language}): {head}\n" + "\n".join(
        f"    {one}" for one in body.split("\n")
    )


def _short(part: str) -> str:
    if len(part) <= _LONGEST:
        return part
    half = _LONGEST // 2
    return f"{part[:half]} ... {len(part) - _LONGEST:,} signs ... {part[-half:]}"


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _row(line: bytes, where: str, lang: str) -> tuple[str | None, str, dict[str, object]]:
    """The response, its language, and all that stands in the line."""
    expected = 'expected an object such as {"response": "Yes.", "lang": "en"}'
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ScoreError(f"{where}: not JSON ({error}); {expected}") from error
    if not isinstance(row, dict) or "response" not in row:
        raise ScoreError(f"{where}: no response; {expected}")
    response, language = row["response"], row.get("lang", lang)
    if response is not None and not isinstance(response, str):
        raise ScoreError(f"{where}: response is {response!r:.40}, expected text or null")
    if language not in ("en", "lv"):
        raise ScoreError(f"{where}: lang is {language!r:.40}, expected 'en' or 'lv'")
    return response, language, row
