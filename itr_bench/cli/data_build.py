"""``itr-bench data build``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from itr_bench.data import home
from itr_bench.data.balance import SEED, TIRT_SIZE
from itr_bench.data.drawn import MOST, TWEETS
from itr_bench.data.manifest import Manifest
from itr_bench.data.sets import DRAWN, SetSpec, get_set
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS

if TYPE_CHECKING:
    from itr_bench.data.tirt import Availability


@click.command("build")
@click.argument("name")
@click.option(
    "--tweets",
    type=click.Path(path_type=Path),
    help="The tweet list: UTF-8 TSV with header. LTEC: relation, tweet_id, text, English. "
    "TIRT: relation, tweet_id, text. Translations: tweet_id, text. With --labels: the folder of "
    "the tweets and images that you fetched.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder or zip file with <tweet_id>.jpg (or .png, ...), or in the layout of an image "
    "folder with metadata.csv. A zip file is read in place.",
)
@click.option(
    "--placeholder-images",
    is_flag=True,
    help="Draw a placeholder picture for every tweet instead; for tests. The set is marked.",
)
@click.option("--system", help="Name of the machine translation system, for translations.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TIRT: the published textimage.csv, or a TSV with tweet_id and relation that somebody "
    "shared. Damaged rows are repaired where exactly one reading is left.",
)
@click.option(
    "--size",
    type=click.IntRange(min=1),
    help=f"TIRT with --labels: tweets of the balanced draw, by default the paper's {TIRT_SIZE}. "
    f"drawn: tweets, by default {TWEETS}, at most {MOST}.",
)
@click.option(
    "--seed",
    type=int,
    help=f"TIRT with --labels: seed of the draw, by default {SEED}. drawn: by default 0.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="TIRT with --labels: draw nothing, take every available tweet.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TIRT with --labels: write what is available, by relation, to this JSON file: ids and "
    "counts, no text. It is written even where too few tweets are left to draw from.",
)
@click.option(
    "--shifted",
    is_flag=True,
    help="drawn: other colours, wordings, shapes and extras, on which what was learnt on the "
    "usual set fails.",
)
@click.option("--replace", is_flag=True, help="Build it even where it is there already.")
def command(
    name: str,
    tweets: Path | None,
    images: Path | None,
    placeholder_images: bool,
    system: str | None,
    labels: Path | None,
    size: int | None,
    seed: int | None,
    everything: bool,
    report: Path | None,
    shifted: bool,
    replace: bool,
) -> None:
    """Build the data set NAME, from its published sources or from local files.

    A set is written whole or not at all, and one that is there is kept unless --replace is
    given. All that is wrong with lines or images stands in one message.

    TIRT is published as tweet ids and labels: fetch the tweets yourself (`itr-bench data
    hydrate-plan --help` says how, and which formats are read), then give --labels and the folder.
    A balanced set is drawn from the tweets that are still available; the same available tweets
    give the same set on every machine. `itr-bench data balance tirt --size all --out ids.tsv`
    writes its ids and labels, to be shared.

    The set `drawn` comes from a generator: coloured things, named by the text or not, some with a
    price list that adds. A tiny model learns its relations in minutes, to try training out without
    a download. Its pictures are marked as placeholders: no score of it is a result.

    \b
    Examples:
      itr-bench data build ltec
      itr-bench data build ltec --tweets eval.tsv --images test.zip
      itr-bench data build ltec_en_mt --tweets opus.tsv --system opus-mt-tc-big-lv-en
      itr-bench data build tirt --labels textimage.csv --tweets fetched/ --report report.json
      itr-bench data build tirt --labels ids.tsv --tweets fetched/ --all
      itr-bench data build tirt --tweets tirt.tsv --images tirt-images/
      itr-bench data build drawn --size 1000 --seed 1
    """
    from itr_bench.data import build

    spec = get_set(name)
    if name == DRAWN:
        if any((tweets, images, placeholder_images, system, labels, everything, report)):
            raise DataError(
                f"{DRAWN!r} comes from a generator: it takes --size, --seed, --shifted and "
                "--replace only"
            )
        folder = build.build_drawn(
            TWEETS if size is None else size, seed=seed or 0, shifted=shifted, replace=replace
        )
    elif shifted:
        raise DataError(f"--shifted goes with the set {DRAWN!r} only")
    elif labels is not None:
        if name != "tirt" or tweets is None:
            raise DataError("--labels goes with tirt, and with --tweets FOLDER that you fetched")
        if images is not None or placeholder_images or system is not None:
            raise DataError(
                "with --labels, the images are in the folder that --tweets names: leave --images, "
                "--placeholder-images and --system out"
            )
        folder = _build_tirt(labels, tweets, size, seed, everything, report, replace)
    elif everything or report is not None or size is not None or seed is not None:
        raise DataError(
            "--size, --seed, --all and --report go with --labels FILE, for tirt (--size and "
            f"--seed with {DRAWN!r}, too)"
        )
    elif spec.is_translation:
        if images is not None or placeholder_images:
            raise DataError(f"{name!r} uses the images of 'ltec'; leave --images out")
        folder = _build_translation(spec, tweets, system, replace)
    elif system is not None:
        raise DataError("--system goes with translations only")
    else:
        folder = _build(name, tweets, images, placeholder_images, replace)
    _print_built(name, Manifest.read(folder))


def _build(
    name: str, tweets: Path | None, images: Path | None, placeholder: bool, replace: bool
) -> Path:
    from itr_bench.data import build

    if tweets is not None:
        return build.build(name, tweets, images, placeholder=placeholder, replace=replace)
    if images is not None or placeholder:
        raise DataError("--images and --placeholder-images need --tweets FILE.tsv")
    if home.is_built(name) and not replace:
        click.echo(f"{name} is there already and kept; --replace builds it again")
    return build.fetch(name, replace=replace)


def _build_translation(
    spec: SetSpec, tweets: Path | None, system: str | None, replace: bool
) -> Path:
    from itr_bench.data import build, released
    from itr_bench.translation.dropped_entities import dropped_entities

    if tweets is None and released.place() is not None:
        return build.fetch(spec.name, replace=replace)
    if tweets is None:
        raise DataError(spec.supply or "give --tweets FILE.tsv")
    name, _, named = spec.name.partition("@")
    if not (system or named) or (system and named and system != named):
        raise DataError(f"name one translation system: {name} --system NAME")
    return build.build_translation(
        name, tweets, system=system or named, look=dropped_entities, replace=replace
    )


def _build_tirt(
    labels: Path,
    tweets: Path,
    size: int | None,
    seed: int | None,
    everything: bool,
    report: Path | None,
    replace: bool,
) -> Path:
    from itr_bench.data.files import refuse_output, write_json
    from itr_bench.data.tirt import REPORT_BEGINS, build_tirt

    if everything and (size is not None or seed is not None):
        raise DataError("--all draws nothing: leave --size and --seed out")
    if report is not None:
        refuse_output(report, [labels], begins=REPORT_BEGINS)

    def show(found: Availability) -> None:
        if report is not None:
            write_json(report, found.report())
        _print_availability(found)

    return build_tirt(
        labels,
        tweets,
        size=None if everything else TIRT_SIZE if size is None else size,
        seed=SEED if seed is None else seed,
        replace=replace,
        found=show,
    )


def _print_built(name: str, manifest: Manifest) -> None:
    counts = ", ".join(f"{int(r)}: {manifest.relations[r]}" for r in RELATIONS)
    where = home.set_folder(manifest.set_name)
    click.echo(f"{name}: {manifest.tweets} tweets ({counts}), {manifest.kind}, in {where}")
    for note in manifest.notes:
        click.echo(f"note: {note}")
    if manifest.kind == "placeholder":
        click.echo("Placeholder pictures: no score of this set is a result.")


def _print_availability(found: Availability) -> None:
    from itr_bench.data.tirt import STATES

    by_relation = found.by_relation
    total = sum(by_relation.values(), Counter[str]())
    named = [(f"{int(r)}, {r.label}", by_relation[r]) for r in RELATIONS] + [("all", total)]
    rows = [[name, counts.total(), *(counts[s] for s in STATES)] for name, counts in named]
    click.echo(tabulate(rows, ["relation", "labelled", *STATES]))
    gone = found.report()["not_available_says_the_api"]
    if gone:
        click.echo(
            "The API said of " + ", of ".join(f"{count}: {why}" for why, count in gone.items())
        )
    click.echo("By split: not available, the published labels have no split.\n")
