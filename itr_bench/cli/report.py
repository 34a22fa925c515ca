"""``itr-bench report``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itr_bench.errors import DataError

if TYPE_CHECKING:
    from itr_bench.leaderboard.entry import Entry

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=_FOLDER, default=Path("report"), show_default=True, help="Folder for the page."
)
@click.option(
    "--submissions",
    type=_FOLDER,
    help="The leaderboard's submissions, for accuracy against parameters; by default published "
    "figures only.",
)
def command(runs: tuple[Path, ...], out: Path, submissions: Path | None) -> None:
    """Make one page of all that RUNS show: every study that they allow, and report.json.

    RUNS are folders of `itr-bench run` and `itr-bench study`, and what lmms-eval leaves with
    --log_samples. The page needs neither a server nor scripts: OUT/index.html opens from the
    disk. Each figure has its numbers below it, each claim its test. Runs with another
    configuration are kept apart, what is missing or damaged is named, and the rest is reported.
    The same RUNS give the same bytes.

    BLEU and chrF of machine translations are in it where these are built here.

    \b
    Examples:
      itr-bench report studies/ --out report/
      itr-bench report studies/ out/llava_hf/ --submissions leaderboard/submissions
    """
    from itr_bench.leaderboard.published import leaderboard_folder, read_published
    from itr_bench.studies import page
    from itr_bench.studies.board_models import board_models
    from itr_bench.studies.load import load
    from itr_bench.studies.translation_quality import with_quality

    entries = _entries(submissions)
    loaded = load(runs, progress=True)
    published = read_published(leaderboard_folder() / "published")
    material = replace(loaded.material, board=board_models(entries, published))
    report = page.make(with_quality(material), loaded.left_out)
    written = page.write(out, report)
    for line in loaded.left_out:
        click.echo(f"left out: {line}", err=True)
    names = ", ".join(study.name for study, _ in report.sections) or "no study"
    click.echo(
        f"{written}: {len(material.runs)} runs, {len(material.results)} other results: {names}"
    )


def _entries(folder: Path | None) -> list[Entry]:
    """The checked submissions; what is refused is left out."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise DataError(f"--submissions {folder}: no such folder")
    from itr_bench.leaderboard.collect import collect

    collected = collect(folder, progress=True)
    for refused in collected.refused:
        click.echo(f"left out: {refused}: `itr-bench validate` says why", err=True)
    return collected.entries
