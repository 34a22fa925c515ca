"""``itr-bench data balance``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from itr_bench.data.balance import SEED
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS, Relation

_MOST_DIGITS = 12


@click.command("balance")
@click.argument("full", metavar="LIST")
@click.option(
    "--size",
    metavar="N|all",
    help="How many tweets to draw; `all` writes the ids and labels of the whole LIST.",
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Seed of the draw.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: TSV with tweet_id and relation, which may be shared.",
)
@click.option(
    "--check",
    "subset",
    metavar="LIST",
    help="Explain this list as a subset of the first, in place of drawing one.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")
def command(
    full: str, size: str | None, seed: int, out: Path | None, subset: str | None, as_json: bool
) -> None:
    """Draw a balanced subset of LIST, or check one.

    LIST is a tab-separated file with the columns tweet_id and relation (others are ignored), the
    textimage.csv of TIRT, or the name of a data set that is built: ltec, ltec_full, tirt, demo.

    The subset is as equal by relation as the numbers allow: a relation with too few tweets gives
    all, the others share the rest. It depends on labels, size and seed alone. It holds ids and
    labels only. Rows of LIST that were repaired, stand twice or have no tweet id are counted.

    \b
    Examples:
      itr-bench data balance data.tsv --size 350 --out my-350.tsv
      itr-bench data balance ltec_full --size 200 --seed 7 --out my-200.tsv
      itr-bench data balance data.tsv --check eval.tsv
      itr-bench data balance tirt --size all --out tirt-ids.tsv    # to share a TIRT sample
    """
    from itr_bench.data.balance import as_tsv, draw
    from itr_bench.data.files import refuse_output, write_text

    if subset is not None:
        if size is not None or out is not None:
            raise DataError("--check draws nothing: leave --size and --out out")
        _explain(full, subset, seed, as_json)
        return
    if size is None or out is None:
        raise DataError("say how many to draw and where to: --size N --out FILE.tsv")
    refuse_output(out, [Path(full)])
    labels, notes = _labels(full)
    drawn = draw(labels, len(labels) if size == "all" else _number(size), seed)
    text = as_tsv({tweet: labels[tweet] for tweet in drawn})
    write_text(out, text)
    counts = {str(int(r)): sum(labels[tweet] == r for tweet in drawn) for r in RELATIONS}
    facts = {
        "file": str(out),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "tweets": len(drawn),
        "relations": counts,
        "available": len(labels),
        "seed": seed,
        "notes": notes,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    by_relation = ", ".join(f"{r}: {n}" for r, n in counts.items())
    click.echo(f"{out}: {len(drawn)} of {len(labels)} tweets ({by_relation}), seed {seed}")
    _print(notes)


def _explain(full: str, subset: str, seed: int, as_json: bool) -> None:
    from itr_bench.data.balance import explain

    (part, part_notes), (whole, notes) = _labels(subset), _labels(full)
    found = explain(part, whole, seed)
    notes = [
        f"{where}: {note}" for where, of in ((subset, part_notes), (full, notes)) for note in of
    ]
    if as_json:
        counts = {
            key: {str(int(r)): by[r] for r in RELATIONS}
            for key, by in (
                ("relations", found.counts),
                ("full", found.full),
                ("balanced", found.balanced),
            )
        }
        facts = {
            "tweets": found.size,
            **counts,
            "is_balanced": found.is_balanced,
            "seed": seed,
            "drawn_with_seed": found.drawn,
            "notes": notes,
        }
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(
        f"{subset}: {found.size} of the {sum(found.full.values())} tweets of {full}, each with the "
        f"label it has there\n{found.words}"
    )
    if found.is_balanced:
        click.echo("balanced: as equal by relation as the full list allows")
    else:
        expected = ", ".join(f"{int(r)}: {found.balanced[r]}" for r in RELATIONS)
        click.echo(f"not balanced: a balanced subset of {found.size} has {expected}")
    if found.drawn:
        click.echo(f"exactly the tweets that this command draws with seed {seed}")
    else:
        click.echo(
            f"not the tweets that this command draws with seed {seed}: by another seed, or by "
            "another way"
        )
    _print(notes)


def _print(notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(f"note: {note}")


def _number(size: str) -> int:
    # No list has so many tweets, and Python refuses to read numbers of thousands of digits.
    if not (size.isascii() and size.isdigit() and len(size) <= _MOST_DIGITS):
        shown = size if len(size) <= _MOST_DIGITS else f"{size[:_MOST_DIGITS]}..."
        raise DataError(f"--size {shown!r}: expected a number of tweets, or `all`")
    return int(size)


def _labels(where: str) -> tuple[Mapping[str, Relation], Sequence[str]]:
    """Labels by tweet id, and what was not read as it stands."""
    from itr_bench.data import home
    from itr_bench.data.sets import SETS, get_set
    from itr_bench.data.tirt_labels import read_labels
    from itr_bench.data.tweet_set import read_set

    path = Path(where)
    if where.partition("@")[0] not in SETS or path.exists():
        found = read_labels(path)
        return found.relations, found.notes
    if not get_set(where).bundled and not home.is_built(where):
        raise DataError(
            f"the data set {where!r} is not built; give a list file instead, or build it: "
            f"itr-bench data build {where}"
        )
    tweets = read_set(home.located(where))
    return {tweet: Relation(label) for tweet, label in tweets.labels.items()}, ()
