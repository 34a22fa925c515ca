"""What a report takes from elsewhere: the leaderboard's models, and how good translations are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from itr_bench.data import home
from itr_bench.data.catalog import get_set, get_task
from itr_bench.data.loading import base_of
from itr_bench.data.manifest import content_of
from itr_bench.data.tweet_set import read_set
from itr_bench.errors import DataError
from itr_bench.results.run import Run
from itr_bench.site.board import make_boards
from itr_bench.site.rows import Row
from itr_bench.studies.pairs import system_of
from itr_bench.studies.study import BoardModel, TranslationQuality
from itr_bench.submissions.entry import Entry
from itr_bench.submissions.published import Published
from itr_bench.translation.judges import by_sacrebleu
from itr_bench.translation.points import fingerprint
from itr_bench.translation.quality import LABELS, Texts
from itr_bench.translation.resampling import bootstrap_interval


def board_models(entries: Sequence[Entry], published: Sequence[Published]) -> list[BoardModel]:
    """The results of the leaderboard whose accuracy and number of parameters are known: one for
    each model and answer format. What was computed from responses goes before what is claimed, and
    that before what a paper reports; then what saw most tweets, then samples.
    """
    found: dict[tuple[str, str, bool], BoardModel] = {}
    for board in make_boards(entries, published, trial=False):
        for row in sorted(board.main.rows, key=_best_known):
            key = (board.task, row.folder or row.name, row.explained)
            if row.kind == "baseline" or key in found:
                continue
            if row.accuracy is None or row.parameters is None:
                continue
            found[key] = BoardModel(
                name=f"{row.name}, explained" if row.explained else row.name,
                task=board.task,
                accuracy=row.accuracy,
                parameters=row.parameters,
                interval=row.interval,
                source=row.kind
                if row.source is None
                else f"{row.source.authors} {row.source.year}",
            )
    return list(found.values())


def _best_known(row: Row) -> tuple[bool, bool, int, int, str, str]:
    """Sorts results of one model: the one to show first."""
    computed = row.interval is not None
    size = (-(row.tweets or 0), -(row.samples or 0))
    return (not computed, row.kind != "entry", *size, row.name, row.state or "")


def translation_quality(runs: Sequence[Run]) -> tuple[dict[str, TranslationQuality], list[str]]:
    """chrF of the translations that *runs* saw, by task, where they are built here.

    Returns:
        The qualities; and why those of some tasks are not known, a sentence each.
    """
    found: dict[str, TranslationQuality] = {}
    unknown: dict[str, str] = {}
    for run in runs:
        task = get_task(run.task)
        if not get_set(task.set_name).is_translation or run.task in found:
            continue
        quality = _quality(run, task.set_name.partition("@")[0], task.text)
        if isinstance(quality, str):
            unknown[run.task] = f"{run.task}: the quality of the translation: {quality}."
        else:
            found[run.task] = quality
    return found, [why for task, why in sorted(unknown.items()) if task not in found]


def _quality(run: Run, name: str, language: str) -> TranslationQuality | str:
    """The quality of what *run* saw, or why it is not known."""
    built = f"{name}@{system_of(run)}"
    if not home.is_built(built):
        return f"{built} is not built here"
    try:
        translations = read_set(built)
        base = base_of(translations)
    except DataError as error:
        return str(error)
    if language not in base.spec.texts:
        return f"{base.spec.name} has no text in this language to compare with"
    texts = dict(zip(translations.tweet_ids, translations.texts(language), strict=True))
    seen = fingerprint(Texts(built, texts, built), base)
    if seen is None or not content_of(run.data or "").startswith(seen):
        return f"the run saw another state of {built} than the one that is here"
    right = dict(zip(base.tweet_ids, base.texts(language), strict=True))
    judged = by_sacrebleu([[texts[tweet] for tweet in right]], list(right.values()))
    chrf = next(islice(judged, 1, None))
    statistics = chrf.statistics[0]
    return TranslationQuality(
        task=run.task,
        metric=LABELS[chrf.key],
        score=chrf.final(statistics.sum(axis=0).tolist()),
        interval=bootstrap_interval(statistics, chrf.final),
    )
