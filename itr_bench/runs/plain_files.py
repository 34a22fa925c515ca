"""Reading plain files of responses: columns ``id``, ``adds``, ``repr``, one file a seed.

This is the layout that the authors of the paper used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from itr_bench.answers import DEFAULT_PARSER, Asked, Parser, new_forms
from itr_bench.data.tsv import read_records
from itr_bench.errors import ScoreError, bullet_list
from itr_bench.relation import Question
from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import ReadItem

COLUMNS = {"adds": Question.ADDS, "repr": Question.REPRESENTED}


def read_plain(
    paths: Sequence[Path],
    gold: Mapping[str, int],
    *,
    task: str,
    language: str = "en",
    data: str | None = None,
    parser: Parser = DEFAULT_PARSER,
) -> Run:
    """Read the responses of one model, one file a seed.

    Args:
        paths: TSV files with a header, or JSON lines; each with all tweets.
        gold: the right relation by tweet id.
        data: identity of the data, where it is known.

    Raises:
        DataError: a file cannot be read.
        ScoreError: it has an id twice, or its ids are not those of *gold*.
    """
    files = [_read_file(path) for path in paths]
    problems = []
    for path, responses in zip(paths, files, strict=True):
        problems += [f"{path}: tweet {t} has no gold label" for t in responses.keys() - gold.keys()]
        problems += [f"{path}: tweet {t} is missing" for t in gold.keys() - responses.keys()]
    if problems:
        raise ScoreError(f"responses and gold labels do not fit:\n{bullet_list(sorted(problems))}")
    items = tuple(
        ReadItem(
            tweet,
            question,
            relation,
            tuple(
                parser.read(file[tweet][column], language, Asked(tweet, question)).answer
                for file in files
            ),
        )
        for tweet, relation in gold.items()
        for column, question in COLUMNS.items()
    )
    said = (file[tweet][column] for tweet in gold for column in COLUMNS for file in files)
    answers = (answer for item in items for answer in item.answers)
    return Run(
        model=paths[0].stem,
        task=task,
        items=items,
        files=tuple(str(path) for path in paths),
        language=language,
        parser=parser,
        set_size=len(gold),
        data=data,
        new_forms=new_forms(zip(said, answers, strict=True)),
    )


def _read_file(path: Path) -> dict[str, dict[str, str | None]]:
    """Responses by tweet id and column."""
    if path.name.endswith("_results.json"):
        raise ScoreError(f"{path}: this is lmms-eval's file of results; give the folder it is in")
    rows = read_records(path, ("id", *COLUMNS))
    if not rows:
        raise ScoreError(f"{path}: the file is empty")
    responses: dict[str, dict[str, str | None]] = {}
    for number, row in rows:
        tweet, where = row["id"], f"{path}, line {number}"
        if isinstance(tweet, float):
            raise ScoreError(
                f"{where}: id {tweet} is a number with a fraction or exponent, which rounds ids; "
                "write it as text"
            )
        if isinstance(tweet, str) and not tweet.isdigit():
            raise ScoreError(
                f"{where}: id {tweet!r}, expected digits; a spreadsheet rounds ids, export the "
                "column as text from the original"
            )
        if str(tweet) in responses:
            raise ScoreError(f"{where}: tweet {tweet} stands twice")
        for column in COLUMNS:
            if row[column] is not None and not isinstance(row[column], str):
                raise ScoreError(
                    f"{where}: {column} is {row[column]!r}, expected the raw response as text, or "
                    "null for a request that failed"
                )
        responses[str(tweet)] = {column: row[column] for column in COLUMNS}
    return responses
