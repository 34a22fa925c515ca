"""BLEU and chrF of the translations that runs saw, where they are built here."""

from __future__ import annotations

from dataclasses import replace

from itr_bench.data import home
from itr_bench.data.loading import base_of
from itr_bench.data.manifest import content_of
from itr_bench.data.sets import get_set
from itr_bench.errors import DataError
from itr_bench.runs.run import Run
from itr_bench.studies.grouping import data_of, variant_of
from itr_bench.studies.languages import quality_key, system_of
from itr_bench.studies.study import Material
from itr_bench.tasks.loading import open_task
from itr_bench.tasks.spec import get_task
from itr_bench.translation.quality import Quality, Texts, assess


def with_quality(material: Material) -> Material:
    """*material* with BLEU and chrF of the translations that its runs saw, where they are built
    here, and why not of the others.
    """
    quality: dict[tuple[str, str], Quality] = {}
    unknown: dict[tuple[str, str], str] = {}
    for run in material.runs:
        key = quality_key(run)
        if not get_set(get_task(run.task).set_name).is_translation or variant_of(run.task):
            continue
        if key not in quality and key not in unknown:
            try:
                quality[key] = _quality(run)
            except DataError as error:
                unknown[key] = str(error).rstrip(".")
    reasons = (
        f"{task} ({data or 'data not known'}): BLEU and chrF are not known: {why}."
        for (task, data), why in sorted(unknown.items())
    )
    return replace(material, quality=quality, quality_unknown=tuple(reasons))


def _quality(run: Run) -> Quality:
    """The quality of what *run* saw, as `itr-bench data mt-score` has it.

    Raises:
        DataError: the translations that it saw are not built here, or have no reference.
    """
    task, system = get_task(run.task), system_of(run)
    built = f"{task.set_name.partition('@')[0]}@{system}"
    if not home.is_built(built):
        raise DataError(f"{built} is not built here")
    data = open_task(get_task(f"{task.family}@{system}"))
    base = base_of(data.tweets)
    if task.language not in base.spec.texts:
        raise DataError(f"{base.spec.name} has no text in this language to compare with")
    if content_of(data.identity) != content_of(data_of(run)):
        raise DataError(f"the run saw another state of {built} than the one that is here")
    translations, reference = (
        Texts.of(tweets, task.language, tweets.spec.name) for tweets in (data.tweets, base)
    )
    (quality,) = assess([translations], reference).systems
    return quality
