"""``itr-bench data stats``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS

_SOURCE_FACTS = ("url", "revision", "sha256", "licence")


@click.command("stats")
@click.argument("name")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For tirt: the figures of this file of labels (textimage.csv), without any tweet.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def command(name: str, labels: Path | None, as_json: bool) -> None:
    """Print the figures of the data set NAME: relations, text lengths, image sizes, hashes.

    \b
    Examples:
      itr-bench data stats ltec
      itr-bench data stats tirt --labels textimage.csv
    """
    from itr_bench.data.inspection import describe_set
    from itr_bench.data.tirt_labels import read_labels

    if labels is not None and name != "tirt":
        raise DataError(
            f"--labels goes with tirt, whose labels are published apart; found {name!r}"
        )
    found = describe_set(name) if labels is None else read_labels(labels).describe()
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif labels is None:
        _print_set(found)
    else:
        _print_labels(found)


def _relations(counts: dict[str, int], majority: float) -> list[list[Any]]:
    rows: list[list[Any]] = [
        [f"relation {int(r)}, {r.label}", counts[str(int(r))]] for r in RELATIONS
    ]
    rows.append(["majority class", f"{100 * majority:.1f} %"])
    return rows


def _print_labels(found: dict[str, Any]) -> None:
    click.echo(f"{found['file']}: {found['labels']} labels, no tweets")
    rows = _relations(found["relations"], found["majority_class"])
    rows.append(["SHA-256", found["sha256"] + (", as published" if found["published"] else "")])
    rows.append(["tweets with an id", found["tweets"]])
    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))
    for title, changes in (("repaired", found["repaired"]), ("stand twice", found["repeated"])):
        if changes:
            click.echo(f"\n{title}: {len(changes)} rows")
            table = [[c["line"], c["tweet_id"], c["what"]] for c in changes]
            click.echo(tabulate(table, ["line", "tweet", "what"], disable_numparse=True))
    if found["rounded_ids"]:
        click.echo(
            f"\n{len(found['rounded_ids'])} labels have no tweet: a spreadsheet rounded their ids "
            f"in the published file\nlines {', '.join(map(str, found['rounded_ids']))}"
        )


def _print_set(found: dict[str, Any]) -> None:
    click.echo(f"{found['set']}: {found['title']}; kind of data: {found['kind']}")
    if found["kind"] == "placeholder":
        click.echo("PLACEHOLDER PICTURES: no score of this set is a result.")
    rows = _relations(found["relations"], found["majority_class"])
    spreads = {f"characters of text, {k}": v for k, v in found["text_length"].items()}
    for side in ("image_width", "image_height"):
        if side in found:
            spreads[f"pixels of {side.replace('_', ' ')}"] = found[side]
    rows += [[k, f"{v['min']} to {v['max']}, median {v['median']:g}"] for k, v in spreads.items()]
    if "image_formats" in found:
        formats = found["image_formats"].items()
        rows.append(["image formats", ", ".join(f"{kind} {count}" for kind, count in formats)])
    rows += [["translation system", found["system"]]] if found["system"] else []
    rows.append(["content hash", found["content_sha256"]])
    rows += [["note", note] for note in found["notes"]]
    for source in found["sources"]:
        facts = [
            source["name"],
            *(f"{k} {v}" for k, v in source.items() if k in _SOURCE_FACTS and v),
        ]
        rows.append([source.get("what", "source"), ", ".join(facts)])
    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))
