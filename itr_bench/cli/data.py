"""``itr-bench data``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from itr_bench.data import home
from itr_bench.data.catalog import SETS, TASKS, get_set
from itr_bench.data.manifest import Manifest
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS

_SOURCE_FACTS = ("url", "revision", "sha256", "licence")


@click.group("data", short_help="List, build, describe and verify the data sets.")
def command() -> None:
    """The data sets: which there are, where they are, what is in them.

    Built sets are kept below ITR_BENCH_HOME, by default a folder of the user's cache. What is
    published is fetched on first use; nothing needs to be built by hand for it.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def list_sets(as_json: bool) -> None:
    """List the data sets, whether they are here, and the tasks that use them."""
    found = [_state(name) for name in SETS]
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [
        [s["set"], s["title"], s["state"], s["kind"] or "-", ", ".join(s["tasks"])] for s in found
    ]
    click.echo(tabulate(rows, ["set", "what", "state", "kind", "tasks"], tablefmt="github"))
    click.echo(f"\nfolder: {home.home()}")


def _state(name: str) -> dict[str, Any]:
    from itr_bench.data.published import LISTS

    folder = home.set_folder(name)
    manifest: Manifest | None = None
    if SETS[name].bundled:
        state = "bundled"
    elif home.is_built(name):
        try:
            manifest, state = Manifest.read(folder), "built"
        except DataError:
            state = "damaged, build it again"
    elif name in LISTS:
        state = "fetched on first use"
    else:
        state = f"needs files: itr-bench data build {name} --help"
    return {
        "set": name,
        "title": SETS[name].title,
        "state": state,
        "kind": "demo" if SETS[name].bundled else manifest.kind if manifest else None,
        "tweets": manifest.tweets if manifest else None,
        "content_sha256": manifest.content_sha256 if manifest else None,
        "tasks": [task.name for task in TASKS.values() if task.set_name == name],
    }


@command.command("stats")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def stats(name: str, as_json: bool) -> None:
    """Print the figures of the data set NAME: relations, text lengths, image sizes, hashes."""
    from itr_bench.data.inspection import describe_set

    found = describe_set(name)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(f"{found['set']}: {found['title']}; kind of data: {found['kind']}")
    if found["kind"] == "stand-in":
        click.echo("STAND-IN PICTURES: no score of this set is a result.")
    rows: list[list[Any]] = [
        [f"relation {int(r)}, {r.label}", found["relations"][str(int(r))]] for r in RELATIONS
    ]
    rows.append(["majority class", f"{100 * found['majority_class']:.1f} %"])
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


@command.command("verify")
@click.argument("name")
def verify(name: str) -> None:
    """Check the data set NAME against its manifest: file, images, texts, labels."""
    from itr_bench.data.inspection import verify_set

    manifest = verify_set(name)
    click.echo(
        f"{name}: {manifest.tweets} tweets agree with the manifest, content hash "
        f"{manifest.content_sha256}, {manifest.kind}"
    )


@command.command("build")
@click.argument("name")
@click.option(
    "--tweets",
    type=click.Path(path_type=Path),
    help="The tweet list: UTF-8 TSV with header. LTEC: relation, tweet_id, text, English. "
    "TIRT: relation, tweet_id, text. Translations: tweet_id, text.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder or zip file with <tweet_id>.jpg (or .png, ...), or in the layout of an image "
    "folder with metadata.csv. A zip file is read in place.",
)
@click.option(
    "--stand-in-images",
    is_flag=True,
    help="Draw a picture for every tweet instead; for tests. The set is marked.",
)
@click.option("--system", help="Name of the machine translation system, for translations.")
@click.option("--replace", is_flag=True, help="Build it even where it is there already.")
def build_set(
    name: str,
    tweets: Path | None,
    images: Path | None,
    stand_in_images: bool,
    system: str | None,
    replace: bool,
) -> None:
    """Build the data set NAME, from its published sources or from local files.

    A set is written whole or not at all, and one that is there is kept unless --replace is
    given. What is wrong with lines or images is said in one go.

    \b
    Examples:
      itr-bench data build ltec
      itr-bench data build ltec --tweets eval.tsv --images test.zip
      itr-bench data build ltec_en_mt --tweets opus.tsv --system opus-mt-tc-big-lv-en
      itr-bench data build tirt --tweets tirt.tsv --images tirt-images/
    """
    from itr_bench.data import build

    spec = get_set(name)
    if spec.is_translation:
        if tweets is None:
            raise DataError(spec.supply or "give --tweets FILE.tsv")
        if system is None:
            raise DataError("name the translation system: --system NAME")
        if images is not None or stand_in_images:
            raise DataError(f"{name!r} uses the images of 'ltec'; leave --images out")
        folder = build.build_translation(name, tweets, system=system, replace=replace)
    elif tweets is not None:
        if system is not None:
            raise DataError("--system goes with translations only")
        folder = build.build(name, tweets, images, stand_in=stand_in_images, replace=replace)
    elif images is not None or stand_in_images:
        raise DataError("--images and --stand-in-images need --tweets FILE.tsv")
    else:
        if home.is_built(name) and not replace:
            click.echo(f"{name} is there already and kept; --replace builds it anew")
        folder = build.fetch(name, replace=replace)
    manifest = Manifest.read(folder)
    counts = ", ".join(f"{int(r)}: {manifest.relations[r]}" for r in RELATIONS)
    click.echo(f"{name}: {manifest.tweets} tweets ({counts}), {manifest.kind}, in {folder}")
    for note in manifest.notes:
        click.echo(f"note: {note}")
    if manifest.kind == "stand-in":
        click.echo("Stand-in pictures: no score of this set is a result.")
