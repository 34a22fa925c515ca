"""The whole site: written beside its place, then swapped in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.published import Published, leaderboard_folder
from itr_bench.leaderboard.site.board import Board, make_boards
from itr_bench.leaderboard.site.downloads import bibliography, results_csv, results_json
from itr_bench.leaderboard.site.history import HistoryItem, merged
from itr_bench.leaderboard.site.model_page import ModelResults, collect, model_key, model_page
from itr_bench.leaderboard.site.more_pages import (
    about_page,
    average_page,
    compare_page,
    history_page,
    languages_page,
    models_page,
    submit_page,
)
from itr_bench.leaderboard.site.page_cache import PageCache, key_of
from itr_bench.leaderboard.site.pages import Site, board_address, board_page
from itr_bench.leaderboard.site.rows import all_figures

MARKER = ".itr-bench-site"
"""The file that says that a folder is a site of ours, and may be replaced."""

_WORKERS = 2
_MANY = 40
"""For so many pages to make, starting workers is worth its second."""
_MANY_MODELS = 400
"""With so many models, the tables take so long that a worker is worth it for one page."""


def build_site(
    out: Path,
    entries: Sequence[Entry],
    published: Sequence[Published],
    *,
    history: Sequence[HistoryItem] = (),
    refused: Sequence[str] = (),
    trial: bool = False,
    cache: Path | None = None,
    progress: bool = False,
) -> None:
    """Write the site to the folder *out*, whole or not at all; the same bytes for the same input.

    Args:
        out: a folder that does not exist yet, is empty, or is a site of ours, which is replaced.
        entries: what was submitted and taken.
        published: what papers report.
        history: changes that no submission tells.
        refused: paths of the submissions that were left out.
        trial: whether stand-in or demo data was let in; every page says so.
        cache: a folder that keeps the pages of models and the charts between builds; what a build
            does not use is removed from it.
        progress: show a progress bar on stderr.

    Raises:
        ItrBenchError: *out* is neither new, nor empty, nor a site of ours.
    """
    entries = sorted(entries, key=lambda entry: entry.path)
    pages = PageCache(cache)
    with _replacing(out) as folder:
        boards = make_boards(entries, published, trial=trial)
        site = Site(tuple(board.task for board in boards), trial, pages)
        models = collect(entries, all_figures(published))
        _write(
            folder / MARKER, "Made by itr-bench leaderboard build, which replaces this folder.\n"
        )
        _assets(folder / "assets")
        (folder / "models").mkdir()
        missing = _kept_models(folder, site, models, pages)
        with _rendering(site, list(missing.values()), len(models)) as rendered:
            _tables(folder, site, boards, models)
            _texts(folder, site, models, merged(entries, history), refused, pages)
            _new_models(folder, missing, rendered, pages, progress)
    pages.drop_unused()


def _assets(folder: Path) -> None:
    folder.mkdir()
    for source in sorted((leaderboard_folder() / "assets").iterdir()):
        if source.is_file():
            (folder / source.name).write_bytes(source.read_bytes())


def _tables(
    folder: Path,
    site: Site,
    boards: Sequence[Board],
    models: Sequence[ModelResults],
) -> None:
    for board in boards:
        _write(folder / board_address(board.task), board_page(site, board, boards))
    _write(folder / "average.html", average_page(site, boards))
    _write(folder / "languages.html", languages_page(site, boards))
    _write(folder / "models.html", models_page(site, boards, models))
    _write(folder / "compare.html", compare_page(site, boards))
    (folder / "data").mkdir()
    _write(folder / "data" / "results.csv", results_csv(boards))
    _write(folder / "data" / "results.json", results_json(boards, trial=site.trial))
    _write(folder / "data" / "leaderboard.bib", bibliography(models))


def _texts(
    folder: Path,
    site: Site,
    models: Sequence[ModelResults],
    items: Sequence[HistoryItem],
    refused: Sequence[str],
    pages: PageCache,
) -> None:
    folders = {model.folder for model in models}
    _write(folder / "history.html", history_page(site, items, folders))
    _write(folder / "submit.html", submit_page(site))
    # Its table on power takes seconds.
    key = key_of([b"about", repr((site, sorted(refused))).encode()])
    about = pages.made(key, lambda: about_page(site, refused))
    (folder / "about.html").write_bytes(about)


def _kept_models(
    folder: Path, site: Site, models: Sequence[ModelResults], pages: PageCache
) -> dict[str, ModelResults]:
    """Write the pages that are kept; return the models whose page is not, by its key."""
    missing = {}
    for model in models:
        key = model_key(site, model)
        page = pages.page(key)
        if page is None:
            missing[key] = model
        else:
            (folder / model.address).write_bytes(page)
    return missing


def _new_models(
    folder: Path,
    missing: Mapping[str, ModelResults],
    rendered: Iterable[bytes],
    pages: PageCache,
    progress: bool,
) -> None:
    if progress:
        from tqdm import tqdm

        rendered = tqdm(rendered, total=len(missing), desc="model pages", unit="page", leave=False)
    for (key, model), page in zip(missing.items(), rendered, strict=True):
        (folder / model.address).write_bytes(page)
        pages.keep(key, page)


@contextmanager
def _rendering(
    site: Site, models: Sequence[ModelResults], all_models: int
) -> Iterator[Iterator[bytes]]:
    """Give the pages of *models*, in order; workers make them meanwhile, where that pays."""
    if not models or (len(models) < _MANY and all_models < _MANY_MODELS):
        yield (_page(site, model) for model in models)
        return
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(_WORKERS, len(models)), mp_context=context) as pool:
        yield pool.map(_page, [site] * len(models), models, chunksize=4)


def _page(site: Site, model: ModelResults) -> bytes:
    return model_page(site, model).encode()


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Give a hidden folder beside *out* that takes its place at the end, or goes with an error."""
    out = out.resolve()
    _refuse_foreign(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_name(f".{out.name}.{os.getpid()}.new")
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        _refuse_foreign(out)
        if out.exists():
            out.rename(old)
        try:
            new.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


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
