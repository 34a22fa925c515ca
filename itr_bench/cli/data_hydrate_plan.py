"""``itr-bench data hydrate-plan``."""

from __future__ import annotations

from pathlib import Path

import click

from itr_bench.data.hydration_plan import MOST_A_REQUEST, make_plan, write_plan


@click.command("hydrate-plan")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="textimage.csv, or a tab-separated list with the columns tweet_id and relation.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write; it must not be there yet.",
)
@click.option(
    "--chunk",
    type=click.IntRange(1, MOST_A_REQUEST),
    default=MOST_A_REQUEST,
    show_default=True,
    help="Most ids in a file. One request of the X API takes 100.",
)
@click.option(
    "--have",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of what was fetched before: its tweets are left out, and those that the API "
    "said are gone.",
)
def command(labels: Path, out: Path, chunk: int, have: Path | None) -> None:
    """Write the tweet ids of TIRT in chunks, to be fetched by you.

    TIRT is published as tweet ids and labels. Texts and images have to be fetched from X by id,
    with your own access and under its terms; itr-bench fetches none of them. The folder that is
    written holds id lists (one id a line), a README that says how to fetch them, and plan.json
    with the counts.

    \b
    What `data build tirt --tweets FOLDER` and --have read from a folder, in any subfolder:
      *.jsonl, *.json  answers of the X API v2 as they came or as `twarc2 hydrate` writes them
                       (data, errors), tweets as `twarc2 flatten` writes them, tweets of the API
                       v1.1 (id_str, full_text), or records with id (or tweet_id) and text
      *.csv            a header with id (or tweet_id) and a text, inner fields as columns such as
                       note_tweet.text; a quote inside quotes is doubled
      images           <tweet_id>.jpg (or .png, ...); of several <tweet_id>_1.jpg or
                       <tweet_id>-1.jpg and so on, of which the first is used
    The text is the first of note_tweet.text, extended_tweet.full_text, full_text and text that is
    not empty; that of a tweet that is truncated is none.
    metadata.csv and metadata.jsonl, which describe an image folder, are not read.

    \b
    Examples:
      itr-bench data hydrate-plan --labels textimage.csv --out tirt-ids/
      itr-bench data hydrate-plan --labels textimage.csv --out rest/ --have fetched/
    """
    from itr_bench.data.hydration import read_folder
    from itr_bench.data.tirt_labels import read_labels

    read = read_labels(labels)
    plan = make_plan(read, read_folder(have) if have else None)
    if have:
        click.echo(
            f"{plan.there} of {len(read.relations)} labelled tweets are there, {plan.gone} are gone"
        )
    if plan.without_image:
        click.echo(f"{len(plan.without_image)} texts are there without an image")
    if not plan.ids and not plan.without_image:
        click.echo("nothing is left to fetch; nothing was written")
        return
    files = write_plan(plan, read, out, chunk=chunk)
    click.echo(f"{out}: {len(plan.ids)} ids in {files} files, README.md, plan.json")
    if read.rounded:
        click.echo(
            f"{len(read.rounded)} labels of the published file have no tweet: a spreadsheet "
            "rounded their ids"
        )
