"""``itr-bench data export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--tasks", help="Tasks, with commas between. Default: all whose data is built here.")
@click.option(
    "--ids-only-for",
    multiple=True,
    metavar="TASK",
    help="Give only ids, labels and hashes of this task or set, in every config that has its "
    "texts or images: other languages, translations, sets that share tweets. tirt is always given "
    "so. Repeatable.",
)
@click.option("--version", default="1.0.0", show_default=True, help="MAJOR.MINOR.PATCH.")
@click.option("--repo-id", metavar="ORG/NAME", help="The repository it is for, named in the card.")
@click.option("--date", metavar="YYYY-MM-DD", help="Day of publication; left out if not given.")
@click.option(
    "--licence",
    "stated",
    multiple=True,
    metavar="NAME=SPDX",
    help="The licence of a translation system or set, for those of its sources that state none "
    "or one that is not known here, such as opus-mt=Apache-2.0. The card shows both. Repeatable.",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The previous release: the changelog says what differs.",
)
@click.option(
    "--agreement",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="What `itr-bench data agreement --json` wrote; a table of it goes into the card.",
)
@click.option(
    "--trial", is_flag=True, help="Let placeholder pictures and demo data in; the card is marked."
)
@click.option("--replace", is_flag=True, help="Take the place of a release in DIR.")
@click.option("--dry-run", is_flag=True, help="Check everything, and say what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def command(
    folder: Path,
    tasks: str | None,
    ids_only_for: tuple[str, ...],
    stated: tuple[str, ...],
    trial: bool,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Write data as a release into DIR, as it is put onto the Hugging Face Hub.

    One config a task, each complete: a Parquet file with ids, texts, relations and images, which
    `datasets.load_dataset(DIR, CONFIG, split="test")` reads without this package. Beside them a
    card, a Croissant description, a changelog, hashes of all tweets, NOTICE with the sources and
    LICENSES with texts of their licences, and SHA256SUMS. The same data and versions give the same
    bytes. Of TIRT there are ids, labels and hashes, with a list of ids to fetch the tweets by.

    A release can also be read back: ITR_BENCH_HUB=DIR (or ORG/NAME@REVISION) makes every task take
    its data from it.

    \b
    Examples:
      itr-bench data export release --dry-run
      itr-bench data export release --repo-id ORG/NAME
      itr-bench data export release --tasks ltec_itr_lv,ltec_itr_en_mt@opus \\
          --licence opus=Apache-2.0
      itr-bench data export new --version 1.1.0 --previous release
    """
    from itr_bench.data.release_files import config_name
    from itr_bench.release import licences
    from itr_bench.release.export import Details, check, export
    from itr_bench.release.plan import TRIAL_KINDS, plan

    check(folder, Details(**asked))  # before the data is opened, which can take minutes
    names = [name.strip() for name in (tasks or "").split(",") if name.strip()]
    licensed = licences.read_stated(stated)
    planned = plan(names, ids_only_for=ids_only_for, stated=licensed, trial=trial)
    sizes: dict[str, int] = {}
    if not dry_run:
        release = export(folder, planned, **asked)
        sizes = {config.task: config.size for config in release.configs}
    found: list[dict[str, Any]] = [
        {
            "config": config_name(one.task),
            "task": one.task,
            "kind": one.kind,
            "identity": one.data.identity,
            "tweets": sum(one.relations),
            "ids_only": one.ids_only,
            "licences": list(one.licences),
            "licences_in_words": licences.shown(one.sources),
            "obstacles": list(one.obstacles),
            "bytes": sizes.get(one.task),
        }
        for one in planned
    ]
    if as_json:
        out = {
            "folder": str(folder),
            "version": asked["version"],
            "dry_run": dry_run,
            "configs": found,
        }
        click.echo(json.dumps(out, indent=2, ensure_ascii=False))
        return
    rows = [
        [
            one["config"],
            one["tweets"],
            one["kind"],
            "ids, labels, hashes" if one["ids_only"] else "all",
            one["licences_in_words"],
            "-" if one["bytes"] is None else f"{one['bytes'] / 1e6:.1f} MB",
        ]
        for one in found
    ]
    headers = ["config", "tweets", "kind", "columns", "licences", "size"]
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
    for one in found:
        for obstacle in one["obstacles"]:
            click.echo(f"not to be pushed: {one['config']}: {obstacle}")
    if any(one["kind"] in TRIAL_KINDS for one in found):
        click.echo("TRIAL: no figure computed from this release is a result.")
    click.echo("\nDry run: nothing was written." if dry_run else f"\nwritten: {folder}")
