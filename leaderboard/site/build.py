"""The whole site: written beside its place, then swapped in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.published import Published, leaderboard_folder
from itr_bench.leaderboard.site.badges import badge_svg
from itr_bench.leaderboard.site.board import make_boards
from itr_bench.leaderboard.site.downloads import bibliography, results_csv, results_json
from itr_bench.leaderboard.site.embeds import feed, preview_png
from itr_bench.leaderboard.site.history import HistoryItem, merged
from itr_bench.leaderboard.site.model_page import badge_text, collect, model_page
from itr_bench.leaderboard.site.more_pages import (
    about_page,
    average_page,
    compare_page,
    history_page,
    languages_page,
    models_page,
    submit_page,
)
from itr_bench.leaderboard.site.pages import Site, board_address, board_page
from itr_bench.leaderboard.site.plots import plots_page
from itr_bench.leaderboard.site.rows import all_figures
from itr_bench.leaderboard.site.wording import leader
from itr_bench.storage import check_disk, replacing

MARKER = ".itr-bench-site"
"""The file that says that a folder is a site of ours, and may be replaced."""


def build_site(
    out: Path,
    entries: Sequence[Entry],
    published: Sequence[Published],
    *,
    history: Sequence[HistoryItem] = (),
    refused: Sequence[str] = (),
    trial: bool = False,
    progress: bool = False,
    url: str | None = None,
    repository: str | None = None,
) -> None:
    """Write the site to the folder *out*, whole or not at all; the same bytes for the same input.

    Args:
        out: a folder that does not exist yet, is empty, or is a site of ours, which is replaced.
        entries: what was submitted and taken.
        history: changes that no submission tells.
        refused: paths of the submissions that were left out.
        trial: whether placeholder or demo data was let in; every page says so.
        url: the address at which it is published: the feed, the badges and social media need it.
        repository: the address of the repository: links to submissions need it.

    Raises:
        ItrBenchError: *out* is neither new, nor empty, nor a site of ours.
    """
    entries = sorted(entries, key=lambda entry: entry.path)
    out = out.resolve()
    _refuse_foreign(out)
    advice = "Make room or grant write access; nothing was changed."
    with check_disk(out, ItrBenchError, advice), replacing(out) as folder:
        boards = make_boards(entries, published, trial=trial)
        items = merged(entries, history)
        site = Site(
            tuple(board.task for board in boards),
            trial,
            updated=items[0].date if items else None,
            url=None if url is None else url.rstrip("/") + "/",
            repository=None if repository is None else repository.rstrip("/"),
        )
        models = collect(entries, all_figures(published))
        folders = {model.folder for model in models}
        pages = {
            MARKER: "Made by itr-bench leaderboard build, which replaces this folder.\n",
            **{board_address(board.task): board_page(site, board, boards) for board in boards},
            "average.html": average_page(site, boards),
            "languages.html": languages_page(site, boards),
            "plots.html": plots_page(site, boards),
            "models.html": models_page(site, boards, models),
            "compare.html": compare_page(site, boards),
            "data/results.csv": results_csv(boards),
            "data/results.json": results_json(boards, trial=site.trial),
            "data/leaderboard.bib": bibliography(models),
            "history.html": history_page(site, items, folders),
            "feed.xml": feed(site, items, folders),
            "submit.html": submit_page(site),
            "about.html": about_page(site, refused),
        }
        shown = tqdm(models, desc="model pages", unit="page", leave=False, disable=not progress)
        for model in shown:
            pages[model.address] = model_page(site, model)
            text = badge_text(model)
            if text is not None:
                pages[f"models/{model.folder}.svg"] = badge_svg(text)
        for name in ("assets", "data", "models"):
            (folder / name).mkdir()
        for address, page in pages.items():
            (folder / address).write_bytes(page.encode())
        for source in sorted((leaderboard_folder() / "assets").iterdir()):
            if source.is_file():
                (folder / "assets" / source.name).write_bytes(source.read_bytes())
        preview = preview_png(leader(boards[0]).partition("; ")[0])
        (folder / "assets" / "preview.png").write_bytes(preview)
        _refuse_foreign(out)  # which may have come meanwhile


def _refuse_foreign(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise ItrBenchError(f"{out} is a file; name a folder for the site")
    if any(out.iterdir()) and not (out / MARKER).is_file():
        raise ItrBenchError(
            f"{out} is not empty and was not made by itr-bench (it has no {MARKER}): nothing is "
            "replaced. Name another folder, or empty this one."
        )
