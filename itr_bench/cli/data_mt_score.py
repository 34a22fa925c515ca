"""``itr-bench data mt-score``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from itr_bench.data import home
from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.data.loading import base_of, open_set
from itr_bench.data.tsv import read_texts
from itr_bench.data.tweet_set import TweetSet, read_set
from itr_bench.errors import DataError
from itr_bench.scoring.signature import digest
from itr_bench.translation.quality import LABELS, PAPER_RANGES, Comparison, Quality, Texts, assess
from itr_bench.translation.resampling import RESAMPLES, SEED, TRIALS

_BASE = "ltec"
_PAPER = "arXiv:2505.05040, section 4.2"


@click.command("mt-score")
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
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="COMET's scores, too, from FOLDER. The first call writes the texts and a script there; "
    "once it has run, the same command shows the scores.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of tables.")
def command(
    files: tuple[Path, ...],
    against: str,
    reference: Path | None,
    source: str,
    baseline: str | None,
    comet: Path | None,
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

    `itr-bench report` draws the accuracy of models against BLEU and chrF of the translations that
    they saw. COMET cannot be installed beside this package, so FOLDER/score.sh runs it in an
    environment of its own.

    \b
    Examples:
      itr-bench data mt-score
      itr-bench data mt-score opus.tsv nllb.tsv --baseline opus --json
      itr-bench data mt-score french.tsv --against fr --reference manual-fr.tsv
      itr-bench data mt-score --comet comet/
    """
    base = open_set(_BASE) if reference is None or home.is_built(_BASE) else None
    references = _reference(base, reference, against)
    translations = _translations(files, against, base, source)
    comparison = assess(translations, references, baseline=baseline, comet=comet)
    paper = PAPER_RANGES if against == "en" and reference is None else {}
    if comet is not None and "comet" not in comparison.systems[0].metrics:
        click.echo(
            f"COMET has not scored these texts yet. They are in {comet}; score them by\n"
            f"    sh {shlex.quote(str(comet / 'score.sh'))}\n"
            "and give the same command again.",
            err=True,
        )
    if as_json:
        out = _as_json(comparison, references, against, paper)
        click.echo(json.dumps(out, indent=2, ensure_ascii=False))
    else:
        click.echo(_report(comparison, references, paper))
    for system in comparison.systems:
        for doubt in system.doubts:
            click.echo(f"itr-bench: warning: {system.system}: {doubt}", err=True)


def _file(path: Path) -> Texts:
    return Texts(path.stem, read_texts(path), str(path))


def _reference(base: TweetSet | None, file: Path | None, language: str) -> Texts:
    if file is not None:
        return _file(file)
    if base is None or language not in base.spec.texts:
        raise DataError(
            f"there is no reference in {LANGUAGES[language].name}: the data set {_BASE!r} has "
            "none. Give --reference FILE.tsv, with tweet_id and text"
        )
    return Texts.of(base, language, f"the {LANGUAGES[language].name} column as published")


def _translations(
    files: Sequence[Path], language: str, base: TweetSet | None, source: str
) -> list[Texts]:
    """The translations of *files*, or all that are built, each with what it was made from."""

    def texts(code: str) -> Mapping[str, str] | None:
        return None if base is None else Texts.of(base, code, "source").texts

    if files:
        return [replace(_file(file), source=texts(source)) for file in files]
    name = f"ltec_{language}_mt"
    built = [read_set(f"{name}@{system}") for system in home.systems(name)]
    if not built:
        raise DataError(
            f"no translation into {LANGUAGES[language].name} is built. Give files, or make one: "
            f"itr-bench data translate --to {language}, or itr-bench data build {name} "
            "--tweets FILE.tsv --system NAME"
        )
    for tweets in built:
        base_of(tweets)  # its images are here and are those that it was built on
    return [
        replace(
            Texts.of(tweets, language, str(tweets.manifest.system)),
            source=texts(tweets.manifest.sources[0].get("from", "lv")),
        )
        for tweets in built
    ]


def _as_json(
    comparison: Comparison,
    reference: Texts,
    language: str,
    paper: Mapping[str, tuple[float, float]],
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
        "systems": [asdict(system) for system in comparison.systems],
        "baseline": comparison.baseline,
        "test": f"paired approximate randomisation|trials:{TRIALS}|seed:{SEED}|holm",
        "differences": [asdict(difference) for difference in comparison.differences],
        "paper": {"source": _PAPER, "ranges": paper} if paper else None,
    }


def _report(
    comparison: Comparison, reference: Texts, paper: Mapping[str, tuple[float, float]]
) -> str:
    keys = list(comparison.systems[0].metrics)
    header = ["system", *(cell for key in keys for cell in (LABELS[key], "95 %")), "untranslated"]
    rows = [
        [
            system.system,
            *(cell for key in keys for cell in _cells(system, key)),
            "not available" if system.untranslated is None else len(system.untranslated),
        ]
        for system in comparison.systems
    ]
    if paper:
        ranges = [f"{paper[key][0]} to {paper[key][1]}" if key in paper else "" for key in keys]
        rows.append(["the paper's range", *(cell for text in ranges for cell in (text, "")), ""])
    lines = [
        f"{comparison.systems[0].tweets} tweets against {reference.name} ({reference.origin})",
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
    if comparison.differences:
        lines += ["", _differences(comparison)]
    lines += ["", "signatures:"]
    lines += [f"  {LABELS[key]}: {comparison.systems[0].metrics[key].signature}" for key in keys]
    return "\n".join(lines)


def _cells(system: Quality, key: str) -> tuple[str, str]:
    digits = 4 if key == "comet" else 2
    metric = system.metrics[key]
    if metric.interval is None:
        return f"{metric.score:.{digits}f}", "not available"
    low, high = metric.interval
    return f"{metric.score:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"


def _differences(comparison: Comparison) -> str:
    rows = [
        [
            difference.system,
            LABELS[difference.metric],
            f"{difference.difference:+.{4 if difference.metric == 'comet' else 2}f}",
            f"{difference.p_value:.4f}",
            f"{difference.p_holm:.4f}",
        ]
        for difference in comparison.differences
    ]
    header = ["system", "metric", f"less {comparison.baseline}", "p", "p (Holm)"]
    return (
        tabulate(rows, header, tablefmt="simple", disable_numparse=True)
        + f"\n\nPaired approximate randomisation, {TRIALS:,} trials, seed {SEED}, two-sided."
    )
