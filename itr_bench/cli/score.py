"""``itr-bench score``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from itr_bench.runs import tables
from itr_bench.runs.reading import read_runs


@click.command("score")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--gold",
    type=click.Path(path_type=Path),
    help="TSV with the right relations: columns relation and tweet_id (or Relation, TweetId).",
)
@click.option("--task", help="Take the right relations from this task's data, such as ltec_itr_lv.")
@click.option(
    "--lang",
    type=click.Choice(["en", "lv"]),
    help="Language of the responses in plain files; by default that of --task, else en.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of tables.")
@click.option("-v", "--verbose", is_flag=True, help="Show the signatures too.")
def command(
    files: tuple[Path, ...],
    gold: Path | None,
    task: str | None,
    lang: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Score FILES: folders of runs, samples of lmms-eval, folders with them, or plain files.

    A folder of `itr-bench run` holds everything; of an unfinished run, the tweets count that have
    all their answers, and the score says that it is of a part.

    Files of samples (..._samples_TASK.jsonl, written by lmms-eval --log_samples) are scored one
    by one, the answers read again from the raw responses. With --task, their labels and hashes
    are checked against the task's data.

    Plain files have the columns id, adds and repr (raw responses; TSV or JSON lines), one file
    a seed; all of them together are one run, and --gold or --task gives the right relations.

    A warning names forms of responses that the parser does not know: unknown pairs of marks, and
    more than 1 % of the responses unparseable that begin alike.

    \b
    Examples:
      itr-bench score runs/
      itr-bench score out/
      itr-bench score seed1.tsv seed2.tsv --gold eval.tsv
      itr-bench score run.jsonl --task ltec_itr_lv --json
    """
    runs = read_runs(files, gold=gold, task=task, language=lang)
    if as_json:
        click.echo(json.dumps([run.as_dict() for run in runs], indent=2, ensure_ascii=False))
        return
    if len(runs) > 1:
        click.echo(tables.summary(runs))
        if verbose:
            click.echo(f"\n{tables.signatures(runs)}")
    else:
        click.echo(tables.details(runs[0], signature=verbose))
    for line in tables.new_forms(runs):
        click.echo(line, err=True)
