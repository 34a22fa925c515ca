"""What a report takes from elsewhere: the leaderboard's models, and how good translations are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from itr_bench.data import home
from itr_bench.data.loading import base_of
from itr_bench.data.manifest import content_of
from itr_bench.data.sets import get_set
from itr_bench.data.tweet_set import TweetSet, read_set
from itr_bench.errors import DataError
from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.published import Published
from itr_bench.leaderboard.site.board import make_boards
from itr_bench.leaderboard.site.rows import Row
from itr_bench.runs.run import Run
from itr_bench.studies.frame import variant_of
from itr_bench.studies.pairs import quality_key, system_of
from itr_bench.studies.study import BoardModel, Material
from itr_bench.tasks.spec import EXPLAINED, get_task
from itr_bench.translation.points import fingerprint
from itr_bench.translation.quality import Quality, Texts, assess


def board_models(entries: Sequence[Entry], published: Sequence[Published]) -> list[BoardModel]:
    """The results of the leaderboard whose accuracy and number of parameters are known: one for
    each model and task, the answer format being part of a task's name. What was computed from
    responses goes before what is claimed, and that before what a paper reports; then what saw most
    tweets, then samples.
    """
    found: dict[tuple[str, str], BoardModel] = {}
    for board in make_boards(entries, published, trial=False):
        for row in sorted(board.main.rows, key=_best_known):
            task = board.task + EXPLAINED if row.explained else board.task
            key = (task, row.folder or row.name)
            if row.kind == "baseline" or key in found:
                continue
            if row.accuracy is None or row.parameters is None:
                continue
            found[key] = BoardModel(
                name=row.name,
                task=task,
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


def with_quality(material: Material) -> Material:
    """*material* with BLEU and chrF of the translations that its runs saw, where they are built
    here, and why not of the others.
    """
    found: dict[tuple[str, str], Quality] = {}
    unknown: dict[tuple[str, str], str] = {}
    for run in material.runs:
        task, key = get_task(run.task), quality_key(run)
        if not get_set(task.set_name).is_translation or variant_of(run.task):
            continue
        if key in found or key in unknown:
            continue
        quality = _quality(run, task.set_name.partition("@")[0], task.language)
        if isinstance(quality, str):
            unknown[key] = quality
        else:
            found[key] = quality
    said = (
        f"{task} ({data or 'data not known'}): BLEU and chrF are not known: {why}."
        for (task, data), why in sorted(unknown.items())
    )
    return replace(material, quality=found, quality_unknown=tuple(said))


def _quality(run: Run, name: str, language: str) -> Quality | str:
    """The quality of what *run* saw, as `itr-bench data mt-score` has it, or why it has none."""
    built = f"{name}@{system_of(run)}"
    if not home.is_built(built):
        return f"{built} is not built here"
    try:
        translations = read_set(built)
        base = base_of(translations)
        if language not in base.spec.texts:
            return f"{base.spec.name} has no text in this language to compare with"
        made = _texts(built, translations, language)
        seen = fingerprint(made, base)
        if seen is None or not content_of(run.data or "").startswith(seen):
            return f"the run saw another state of {built} than the one that is here"
        (quality,) = assess([made], _texts(base.spec.name, base, language)).systems
    except DataError as error:
        return str(error).rstrip(".")
    return quality


def _texts(name: str, tweets: TweetSet, language: str) -> Texts:
    return Texts(name, dict(zip(tweets.tweet_ids, tweets.texts(language), strict=True)), name)
