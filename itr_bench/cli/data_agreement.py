"""``itr-bench data agreement``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from itr_bench.cli.run_options import FiniteRange
from itr_bench.nouns import count

if TYPE_CHECKING:
    from itr_bench.agreement.report import Agreement, Coefficient

_NAMES = {
    "raw_agreement": "raw agreement",
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Fleiss' kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
    "gwet_ac1": "Gwet's AC1",
    "krippendorff_alpha_ordinal": "Krippendorff's alpha, ordinal",
}
_NOT_AVAILABLE = "not available"


@click.command("agreement")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--confidence",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Share of the intervals.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of tables.")
def command(files: tuple[Path, ...], confidence: float, as_json: bool) -> None:
    """Measure how far annotators agree on the two questions, the relation, or fidelity.

    FILES are CSV or TSV in UTF-8 with a header: `tweet_id`, then one column an annotator and
    question. One file may hold all annotators, or each has a file of their own, as the page of
    `itr-bench data annotate` exports it. An empty cell is a missing rating.

    \b
    Column               Values
      adds:ANNA          yes or no (or jā, nē): does the image add to the text's meaning?
      represented:ANNA   yes or no: is the text represented in the image?
      relation:ANNA      0, 1, 2 or 3; the answers to both questions follow from it
      ANNA               the same as relation:ANNA, in a file without relation:
      fidelity:ANNA@SYS  1 to 5: how much of the source's meaning the system SYS keeps

    Other columns, such as `confidence` or `comment`, are left out, which is said. The relation
    follows where both questions are answered. Each system has a table of its own.

    Fill in CSV files in a spreadsheet with care: import tweet_id as text, or it rounds the ids.

    For each comes out, with an interval: raw agreement (the mean over tweets of the share of
    agreeing pairs, 0 to 1), Cohen's kappa (each pair of annotators, and their mean), Fleiss' kappa
    and AC1 (with missing ratings as in Gwet 2014), Krippendorff's alpha (nominal; for fidelity also
    ordinal). AC1 counts the categories that could be chosen, chosen or not: 2 for a question, 4 for
    the relation, 5 for fidelity. Of kappa, alpha and AC1, 1 is perfect and 0 is what chance gives;
    with missing ratings, Fleiss' kappa can fall below -1, as its two parts rest on different
    tweets. Where nearly all
    tweets have one label, kappa and alpha are low though annotators agree: read AC1 and the raw
    agreement beside them. Intervals are percentiles of 10,000 resamples of the tweets, with a fixed
    seed. What is not defined is empty, with the reason.

    \b
    Examples:
      itr-bench data agreement anna.csv berta.csv
      itr-bench data agreement all.tsv --confidence 0.9 --json
    """
    from itr_bench.agreement.report import RESAMPLES, SEED, agreement

    found = agreement(files, confidence=confidence)
    left_out = found[0].table.left_out
    if as_json:
        out = {
            "files": [str(file) for file in files],
            "columns_left_out": left_out,
            "confidence": confidence,
            "resamples": RESAMPLES,
            "seed": SEED,
            "tables": [one.as_json() for one in found],
        }
        click.echo(json.dumps(out, indent=2, ensure_ascii=False, allow_nan=False))
        return
    if left_out:
        said = ", ".join(left_out)
        click.echo(f"itr-bench: columns left out, of no annotator: {said}", err=True)
    for one in found:
        click.echo(_text(one, confidence) + "\n")
    click.echo(
        f"Intervals: percentiles of {RESAMPLES} resamples of the tweets, seed {SEED}. Kappa, alpha "
        "and AC1: 1 is perfect, 0 is chance."
    )


def _text(found: Agreement, confidence: float) -> str:
    table = found.table
    of = f" of {table.system}" if table.system else ""
    head = (
        f"{table.what}{of}: {count(len(table.tweet_ids), 'tweet')}, "
        f"{count(len(table.annotators), 'annotator')}, "
        f"{count(int(found.counts.sum()), 'rating')}; {found.overlap} of the tweets with two "
        "ratings or more"
    )
    rows = [[_NAMES[name], *_cells(one)] for name, one in found.overall.items()]
    place = list(found.overall).index("gwet_ac1")
    rows[place][0] += f", {len(table.categories)} categories"
    if len(found.pairs) > 1:
        rows[1][0] += ", mean of the pairs"
        pairs = [
            [f"Cohen's kappa, {first} and {second}, {count(tweets, 'tweet')}", *_cells(one)]
            for first, second, tweets, one in found.pairs
        ]
        rows[2:2] = pairs
    header = ["", "value", f"{100 * confidence:g} % interval", "note"]
    align = ["left", "right", "left", "left"]
    values = tabulate(rows, header, tablefmt="simple", colalign=align, disable_numparse=True)
    chosen = tabulate(
        [
            [name, *(int(n) for n in counts)]
            for name, counts in zip(table.annotators, found.counts, strict=True)
        ],
        ["ratings by annotator", *table.categories],
        tablefmt="simple",
    )
    return f"{head}\n\n{values}\n\n{chosen}"


def _cells(found: Coefficient) -> list[str]:
    value = _NOT_AVAILABLE if found.value is None else _number(found.value)
    interval = (
        ""
        if found.low is None or found.high is None
        else f"{_number(found.low)} to {_number(found.high)}"
    )
    return [value, interval, found.note or ""]


def _number(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # adding zero takes the sign from -0.0
