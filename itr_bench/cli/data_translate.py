"""``itr-bench data translate``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itr_bench.cli import run_options
from itr_bench.cli.run import INTERRUPTED
from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.errors import DataError

if TYPE_CHECKING:
    from itr_bench.translation.job import Job

_SHOWN = 5

_OF_THIS_MACHINE = ("revision", "num_beams", "device", "dtype", "unit")


@click.command("translate")
@click.option("--set", "set_name", default="ltec", show_default=True, help="Whose texts.")
@click.option(
    "--from",
    "source",
    type=click.Choice(list(LANGUAGES)),
    default="lv",
    show_default=True,
    help="Language of the texts that are translated.",
)
@click.option(
    "--to",
    "target",
    type=click.Choice(TARGETS),
    default="en",
    show_default=True,
    help="Language to translate into.",
)
@click.option(
    "--model",
    required=True,
    help="A sequence-to-sequence model, by its name on the Hugging Face Hub or as a folder "
    "(NLLB, OPUS-MT, M2M100, mBART-50); with --server, as the server calls it.",
)
@click.option(
    "--system", help="Name of the system in tasks and signatures; by default the model's last part."
)
@click.option("--revision", help="Branch, tag or commit of the model.")
@click.option(
    "--server",
    metavar="URL",
    help="Ask a chat server instead, such as http://localhost:8000/v1. Its key, if it wants one, "
    "is taken from OPENAI_API_KEY and written nowhere.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Texts a batch; with --server, requests in flight.",
)
@click.option("--num-beams", type=click.IntRange(1), default=5, show_default=True)
@click.option(
    "--max-new-tokens",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Limit of an output, in tokens. What is cut off is tried once with twice as many.",
)
@click.option(
    "--device", default="auto", show_default=True, help="auto (GPU if any), cpu, cuda, cuda:N."
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Precision of the model.",
)
@click.option(
    "--unit",
    type=click.Choice(["sentence", "tweet"]),
    default="sentence",
    show_default=True,
    help="What a model is given at a time. Such models are made for sentences and tend to leave "
    "some out of several. A server gets the tweet.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="Only the first so many texts, to try out; no set."
)
@click.option(
    "--tweets",
    type=click.Path(path_type=Path),
    help="A list of your own in place of the set: UTF-8 TSV with tweet_id and text. Needs --out.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the translations here too: UTF-8 TSV with tweet_id and text.",
)
@click.option("--replace", is_flag=True, help="Make the set even where it is there already.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; load and ask nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, without any text.")
def command(out: Path | None, replace: bool, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Translate the texts of a data set, by a model of this machine or a chat server.

    The result is the set ltec_<language>_mt@SYSTEM, and the task ltec_itr_<language>_mt@SYSTEM
    reads it. Links, mentions, hashtags and emoji are kept whole and checked. Models search
    with beams and do not sample, servers are asked with temperature 0. What is translated is on
    the disk after each batch: the same command resumes, also after Ctrl-C, and
    other settings begin a log of their own, below ITR_BENCH_HOME/translations. An answer
    of a server that cannot be used is asked for again.

    Output of any other system is taken from a file:
    itr-bench data build ltec_fr_mt --tweets FILE.tsv --system NAME

    \b
    Examples:
      itr-bench data translate --to en --model Helsinki-NLP/opus-mt-tc-big-lv-en
      itr-bench data translate --to fr --model facebook/nllb-200-distilled-600M
      itr-bench data translate --from en --to de --model Helsinki-NLP/opus-mt-en-de
      itr-bench data translate --to it --model my-model --server http://localhost:8000/v1
      itr-bench data translate --to es --model facebook/m2m100_418M --limit 5
    """
    from itr_bench.translation.job import Job
    from itr_bench.translation.make import make, plan

    _refuse_ignored(job := Job(**asked))
    if job.tweets is not None and out is None and not dry_run:
        raise DataError("--tweets needs --out FILE.tsv, where the translations go")
    if dry_run:
        job.check(out=out, replace=True)
        _show_plan(plan(job), as_json=as_json)
        return
    begun = time.monotonic()
    try:
        made = make(job, out=out, replace=replace)
    except KeyboardInterrupt:
        click.echo(
            "\nitr-bench: interrupted. What was translated is kept in the log; give the same "
            "command again to resume.",
            err=True,
        )
        sys.exit(INTERRUPTED)
    seconds = time.monotonic() - begun
    for warning in made.warnings:
        click.echo(f"itr-bench: warning: {warning}", err=True)
    task = f"ltec_itr_{job.target}_mt@{job.slug}"
    if as_json:
        found = {
            "set": job.spec.name if made.folder else None,
            "task": task if made.folder else None,
            "folder": str(made.folder) if made.folder else None,
            "log": str(made.log),
            "counts": dict(made.counts),
            "seconds": round(seconds, 3),
            "warnings": made.warnings,
            "notes": made.notes,
        }
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    generated, kept = made.counts.get("generated", 0), made.counts.get("from the log", 0)
    click.echo(
        f"{len(made.texts)} texts translated from {LANGUAGES[job.source].name} to "
        f"{LANGUAGES[job.target].name} by {job.slug}: {generated} strings now in {seconds:.0f} s "
        f"({generated / seconds:.1f}/s with loading), {kept} from the log"
    )
    for note in made.notes:
        click.echo(f"note: {note}")
    if out is not None:
        click.echo(f"written: {out}")
    if made.folder is None:
        if out is None:
            for tweet, text in made.texts.items():
                click.echo(f"\n{tweet}\n  {job.texts[tweet]}\n  {text}")
        if job.limit is not None:
            click.echo(f"\nThe first {len(made.texts)} texts only: no set was written.")
        return
    click.echo(
        f"{job.spec.name} is in {made.folder}. Next:\n"
        f"    itr-bench data mt-score\n"
        f"    itr-bench run --model MODEL --tasks {task}"
    )


def _refuse_ignored(job: Job) -> None:
    """Refuse options that a server does not get."""
    given = [one for name, one in run_options.given().items() if name in _OF_THIS_MACHINE]
    if job.server is not None and given:
        raise DataError(f"{', '.join(given)}: for a model of this machine, not with --server")


def _show_plan(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    where = f"the server {found['server']}" if found["server"] else "this machine"
    click.echo(
        f"{found['texts']} texts, {found['characters']} characters to translate from "
        f"{LANGUAGES[found['from']].name} to {LANGUAGES[found['to']].name}; "
        f"{found['kept_inside']} keep something inside, {found['nothing_to_translate']} have "
        f"nothing to translate\nmodel: {found['model']}, on {where}"
    )
    if found["set"]:
        state = "there already, needs --replace" if found["there"] else "not there yet"
        click.echo(f"set: {found['set']} in {found['folder']} ({state})")
    else:
        click.echo("no set is written: these are not all texts of a set")
    for log in found["logs"][:_SHOWN]:
        click.echo(f"log: {log['outputs']} outputs in {log['folder']}")
    if not found["logs"]:
        click.echo("log: none, it starts from the beginning")
