"""``itr-bench data annotate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from itr_bench.agreement import PAGE_LANGUAGES
from itr_bench.data.languages import LANGUAGES


@click.command("annotate")
@click.option(
    "--tweets",
    required=True,
    type=click.Path(path_type=Path),
    help="The tweets: UTF-8 TSV with tweet_id and text. A column of labels is not read.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder or zip file with <tweet_id>.jpg (or .png, ...); they are copied. Needed for "
    "--what relation.",
)
@click.option(
    "--what",
    type=click.Choice(["relation", "fidelity"]),
    default="relation",
    show_default=True,
    help="relation: the two yes/no questions about text and image. fidelity: how much of the "
    "source's meaning a translation keeps, from 1 (none) to 5 (all).",
)
@click.option(
    "--text",
    "column",
    type=click.Choice(["text", "english"]),
    default="text",
    show_default=True,
    help="The column of --tweets to show as the text of the tweet.",
)
@click.option(
    "--translations",
    type=click.Path(path_type=Path),
    help="For fidelity: TSV with tweet_id and text, the translations of one system. Without it, "
    "the English column of --tweets is rated.",
)
@click.option(
    "--system",
    help="For fidelity: name of the system whose translations are rated, for the header of the "
    "CSV. By default the file of --translations without its ending, or English.",
)
@click.option(
    "--language",
    type=click.Choice(PAGE_LANGUAGES),
    default="en",
    show_default=True,
    help="Of the page: "
    + ", ".join(f"{code} {LANGUAGES[code].name}" for code in PAGE_LANGUAGES)
    + ". The tweets may be in any.",
)
@click.option(
    "--annotator",
    "annotators",
    multiple=True,
    default=("ANNOTATOR",),
    show_default=True,
    help="A name for the header of the CSV; again for several people. The page asks for it.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The new folder of the sheet."
)
def command(out: Path, **asked: Any) -> None:
    """Write an annotation sheet: a page for people to answer on, and an empty CSV.

    The folder holds index.html, which opens from the disk without a server or network,
    annotations.csv with ids and empty columns, for those who work otherwise, and the images. The
    page is answered with keys or by mouse, keeps every answer in the browser, resumes where one
    left off, and exports the CSV that `itr-bench data agreement` reads. The CSV of fidelity names
    the system that was rated, and agreement is measured by system; the page does not show it.

    In a spreadsheet, import the column tweet_id of the CSV as text: as numbers, ids are rounded.

    Give the folder to annotators only: texts and images of tweets must not be passed on. The
    exported CSV holds ids and answers alone.

    \b
    Examples:
      itr-bench data annotate --tweets tweets.tsv --images images/ --language lv --out sheet/
      itr-bench data annotate --tweets tweets.tsv --what fidelity --translations opus.tsv \\
        --out sheet-opus/
      itr-bench data agreement annotations-relation-anna.csv annotations-relation-berta.csv
    """
    from itr_bench.agreement.files import ID
    from itr_bench.agreement.sheet import EMPTY, PAGE, write_sheet

    count = write_sheet(out, **asked)
    click.echo(f"{count} tweets: open {out / PAGE} in a browser, or fill in {out / EMPTY}")
    click.echo(f"In a spreadsheet, import the column {ID} as text: as numbers, ids are rounded.")
    click.echo("The folder holds texts and images of tweets: do not pass it on.")
