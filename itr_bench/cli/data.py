"""``itr-bench data``."""

from __future__ import annotations

import click

from itr_bench.cli.lazy import LazyGroup

_COMMANDS = {
    "agreement": "How well annotators agree: kappa, alpha, AC1, with intervals.",
    "annotate": "Make a sheet for annotators: a page that works from the disk, and a CSV.",
    "balance": "Draw a balanced subset of a list or set, or explain one.",
    "build": "Build a data set, from its published sources or from local files.",
    "export": "Write the data as a release: Parquet, card, Croissant, checksums.",
    "hydrate-plan": "Write the tweet ids of TIRT in chunks, to be fetched by you.",
    "list": "List the data sets, whether they are here, and the tasks that use them.",
    "mt-score": "Score machine translations: BLEU, chrF, TER, with intervals and tests.",
    "push": "Put an exported release onto the Hugging Face Hub; dry by default.",
    "stats": "Print the figures of a data set.",
    "translate": "Translate the texts of a set by a model or server; resumable.",
    "verify": "Check a data set against its manifest.",
}


@click.group("data", cls=LazyGroup, lazy=_COMMANDS, prefix="data_")
def command() -> None:
    """The data sets: which there are, where they are, what is in them, and what is made of them.

    Built sets are kept below ITR_BENCH_HOME, by default a folder of the user's cache. What is
    published is fetched on first use; nothing needs to be built by hand for it.
    """
