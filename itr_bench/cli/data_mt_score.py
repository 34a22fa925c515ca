"""``itr-bench data mt-score``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from itr_bench.cli.runs import read_runs
from itr_bench.data import home
from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.data.loading import base_of, open_set
from itr_bench.data.tsv import read_tweets
from itr_bench.data.tweet_set import TweetSet, read_set
from itr_bench.errors import DataError, bullet_list
from itr_bench.results.run import Run
from itr_bench.scoring.signature import digest
from itr_bench.translation.plot import refuse, write
from itr_bench.translation.points import Point, fingerprint, points
from itr_bench.translation.quality import (
    LABELS,
    PAPER_RANGES,
    Comparison,
    Quality,
    Texts,
    assess,
)
from itr_bench.translation.resampling import RESAMPLES, SEED, TRIALS

_BASE = "ltec"
_PAPER = "arXiv:2505.05040, section 4.2"


@click.command("mt-score", short_help="Score machine translations: BLEU, chrF, TER.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--against",
    type=click.Choice(TARGETS),
    default="en",
    show_default=True,
    help="Language of translations and reference.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="TSV with tweet_id and text, the right translations. For English, by default the English "
    "column of ltec as published; for other languages there is none.",
)
@click.option(
    "--source",
    type=click.Choice(["lv", "en"]),
    default="lv",
    show_default=True,
    help="Language that FILES were translated from; built sets say it themselves.",
)
@click.option("--baseline", help="The system that the others are tested against; else the first.")
@click.option(
    "--comet",
    metavar="MODEL",
    help="Score with COMET too: a repository on the Hub, such as Unbabel/wmt22-comet-da, or a "
    "checkpoint. Needs the extra: itr-bench[comet].",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="OUT.svg",
    help="Plot quality against the accuracy of --runs; the numbers go to OUT.csv.",
)
@click.option(
    "--runs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder of runs or of lmms-eval's samples, for --plot; can be given several times.",
)
@click.option(
    "--metric",
    type=click.Choice(["bleu", "chrf"]),
    default="bleu",
    show_default=True,
    help="The quality in the plot.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of tables.")
def command(
    files: tuple[Path, ...],
    against: str,
    reference: Path | None,
    source: str,
    baseline: str | None,
    comet: str | None,
    plot: Path | None,
    runs: tuple[Path, ...],
    metric: str,
    as_json: bool,
) -> None:
    """Score machine translations against a reference, by sacrebleu with its signatures.

    FILES are UTF-8 TSV with the header tweet_id<TAB>text, one system each, named by the file
    (opus.tsv is "opus"). Without FILES, all translations that are built are scored.

    BLEU and chrF run from 0 to 100, more is better; TER is the share of words to edit in per
    cent, less is better. Texts are scored as they stand, links included: a link that is kept
    counts as a word that is right. Intervals are 95 %, by 1,000 resamples of the tweets. With
    two systems or more, each is tested against the baseline by paired approximate
    randomisation (10,000 trials), p values with Holm's correction over all systems and metrics.

    The plot has a point for each model and system, from runs of ltec_itr_en_mt on exactly the
    translations that are scored.

    \b
    Examples:
      itr-bench data mt-score
      itr-bench data mt-score opus.tsv nllb.tsv --baseline opus --json
      itr-bench data mt-score french.tsv --against fr --reference manual-fr.tsv
      itr-bench data mt-score --plot mt.svg --runs runs/ --metric chrf
    """
    read = _read(plot, runs, [*files, *([reference] if reference else [])])
    base = open_set(_BASE) if reference is None or plot or home.is_built(_BASE) else None
    right = _reference(base, reference, against)
    translations = _translations(files, against, base, source)
    found = assess(translations, right, baseline=baseline, comet=comet)
    paper = PAPER_RANGES if against == "en" and reference is None else {}
    shown: list[Point] = []
    if plot is not None and base is not None:
        prints = {one.name: fingerprint(one, base) for one in translations}
        shown = _points(read, found, prints, task=f"ltec_itr_{against}_mt", metric=metric)
        write(plot, shown, metric=metric, language=LANGUAGES[against].name)
    if as_json:
        out = _as_json(found, right, against, paper, shown)
        click.echo(json.dumps(out, indent=2, ensure_ascii=False))
        return
    click.echo(_report(found, right, paper))
    for system in found.systems:
        for doubt in system.doubts:
            click.echo(f"itr-bench: warning: {system.system}: {doubt}", err=True)
    if plot is not None:
        click.echo(f"\nplot: {plot}; its numbers: {plot.with_suffix('.csv')}")


def _read(plot: Path | None, runs: Sequence[Path], inputs: Sequence[Path]) -> list[Run]:
    """The runs for the plot, read before anything is computed."""
    if plot is None and not runs:
        return []
    if plot is None or not runs:
        raise click.UsageError("--plot OUT.svg and --runs go together")
    if plot.suffix != ".svg" or not plot.parent.is_dir():
        raise DataError(f"--plot {plot}: expected a file OUT.svg in a folder that is there")
    refuse(plot, inputs)
    return read_runs(runs, plain_allowed=False)


def _column(tweets: TweetSet, language: str) -> Texts:
    name = f"the {LANGUAGES[language].name} column as published"
    texts = dict(zip(tweets.tweet_ids, tweets.texts(language), strict=True))
    return Texts(name, texts, tweets.spec.name)


def _file(path: Path, column: str) -> Texts:
    rows = read_tweets(path, {column: "text"}, labelled=False)
    texts = {row.values["tweet_id"]: row.values[column] for row in rows}
    return Texts(path.stem, texts, str(path))


def _reference(base: TweetSet | None, file: Path | None, language: str) -> Texts:
    if file is not None:
        return _file(file, "text_reference")
    if base is None or language not in base.spec.texts:
        raise DataError(
            f"there is no reference in {LANGUAGES[language].name}: the data set {_BASE!r} has "
            "none. Give --reference FILE.tsv, with tweet_id and text"
        )
    return _column(base, language)


def _translations(
    files: Sequence[Path], language: str, base: TweetSet | None, source: str
) -> list[Texts]:
    """The translations of *files*, or all that are built, each with what it was made from."""

    def texts(code: str) -> Mapping[str, str] | None:
        return None if base is None else _column(base, code).texts

    if files:
        return [replace(_file(file, "text_mt"), source=texts(source)) for file in files]
    name = f"ltec_{language}_mt"
    built = [read_set(f"{name}@{system}") for system in home.systems(name)]
    if not built:
        raise DataError(
            f"no translation into {LANGUAGES[language].name} is built. Give files, or make one: "
            f"itr-bench data translate --to {language}, or itr-bench data build {name} "
            "--tweets FILE.tsv --system NAME"
        )
    for found in built:
        base_of(found)
    return [
        Texts(
            str(found.manifest.system),
            dict(zip(found.tweet_ids, found.texts(language), strict=True)),
            found.spec.name,
            texts(found.manifest.sources[0].get("from", "lv")),
        )
        for found in built
    ]


def _points(
    runs: Sequence[Run],
    found: Comparison,
    prints: Mapping[str, str | None],
    *,
    task: str,
    metric: str,
) -> list[Point]:
    """The points of the plot; what is left out is said on standard error."""
    shown, left_out = points(runs, found.systems, prints, task=task, metric=metric)
    if not shown:
        tasks = ", ".join(sorted({run.task for run in runs}))
        raise DataError(
            f"nothing to plot: no run of {task} on the translations that are scored "
            f"(tasks of the runs: {tasks}):\n{bullet_list(left_out)}".rstrip(":\n")
        )
    for line in left_out:
        click.echo(f"left out of the plot: {line}", err=True)
    return shown


def _as_json(
    found: Comparison,
    reference: Texts,
    language: str,
    paper: Mapping[str, tuple[float, float]],
    shown: Sequence[Point],
) -> dict[str, Any]:
    return {
        "language": language,
        "reference": {
            "name": reference.name,
            "from": reference.origin,
            "tweets": len(reference.texts),
            "digest": digest(sorted(reference.texts.items())),
        },
        "links": "kept",
        "systems": [asdict(system) for system in found.systems],
        "baseline": found.baseline,
        "test": f"paired approximate randomisation|trials:{TRIALS}|seed:{SEED}|holm",
        "differences": [asdict(difference) for difference in found.differences],
        "paper": {"source": _PAPER, "ranges": paper} if paper else None,
        "points": [asdict(point) for point in shown],
    }


def _report(found: Comparison, reference: Texts, paper: Mapping[str, tuple[float, float]]) -> str:
    keys = list(found.systems[0].metrics)
    header = ["system", *(cell for key in keys for cell in (LABELS[key], "95 %")), "untranslated"]
    rows = [
        [
            system.system,
            *(cell for key in keys for cell in _cells(system, key)),
            "not available" if system.untranslated is None else len(system.untranslated),
        ]
        for system in found.systems
    ]
    if paper:
        ranges = [f"{paper[key][0]} to {paper[key][1]}" if key in paper else "" for key in keys]
        rows.append(["the paper's range", *(cell for text in ranges for cell in (text, "")), ""])
    lines = [
        f"{found.systems[0].tweets} tweets against {reference.name} ({reference.origin})",
        "",
        tabulate(rows, header, tablefmt="simple", disable_numparse=True),
        "",
        "BLEU, chrF2: more is better; TER: less is. Texts as they stand, links included.",
        f"Intervals: {RESAMPLES:,} resamples of tweets. Untranslated: as the source.",
    ]
    if paper:
        lines.append(
            f"The paper's range: as it states it for its systems ({_PAPER}); what it did with "
            "links, and its settings, are not known."
        )
    if found.differences:
        lines += ["", _differences(found)]
    lines += ["", "signatures:"]
    lines += [f"  {LABELS[key]}: {found.systems[0].metrics[key].signature}" for key in keys]
    return "\n".join(lines)


def _cells(system: Quality, key: str) -> tuple[str, str]:
    digits = 4 if key == "comet" else 2
    found = system.metrics[key]
    if found.interval is None:
        return f"{found.score:.{digits}f}", "not available"
    low, high = found.interval
    return f"{found.score:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"


def _differences(found: Comparison) -> str:
    rows = [
        [
            difference.system,
            LABELS[difference.metric],
            f"{difference.difference:+.{4 if difference.metric == 'comet' else 2}f}",
            f"{difference.p_value:.4f}",
            f"{difference.p_holm:.4f}",
        ]
        for difference in found.differences
    ]
    header = ["system", "metric", f"less {found.baseline}", "p", "p (Holm)"]
    return (
        tabulate(rows, header, tablefmt="simple", disable_numparse=True)
        + f"\n\nPaired approximate randomisation, {TRIALS:,} trials, seed {SEED}, two-sided."
    )
