"""Runs and the translations that they saw: how good these are, and how often a model is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from itr_bench.data.manifest import KINDS, content_hash
from itr_bench.data.tweet_set import TweetSet
from itr_bench.errors import DataError, bullet_list
from itr_bench.runs.run import Run
from itr_bench.tasks.spec import family, without_variant
from itr_bench.translation.quality import Quality, Texts

_IDENTITY = re.compile(rf"(?:{'|'.join(KINDS)})-(?P<hash>[0-9a-f]{{12}})-(?P<system>.+)")


@dataclass(frozen=True)
class Point:
    """One model on the translations of one system; shares between 0 and 1.

    Attributes:
        system: the translation system.
        quality: its score, and ``quality_low`` to ``quality_high`` the 95 % interval.
        model: the model, with the variant of the task where it is one.
        accuracy: 4-class accuracy, and ``accuracy_low`` to ``accuracy_high`` likewise.
        majority_class, uniform_chance: the references of the accuracy.
        tweets, samples: what it was computed from.
        stand_in: whether the pictures were stand-ins, so that it is no result.
        quality_signature, run_signature: what both depend on.
    """

    system: str
    quality: float
    quality_low: float | None
    quality_high: float | None
    model: str
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None
    majority_class: float
    uniform_chance: float
    tweets: int
    samples: int
    stand_in: bool
    quality_signature: str
    run_signature: str


def fingerprint(translations: Texts, base: TweetSet) -> str | None:
    """The hash in the data identity of a run on *translations* over the images of *base*.

    Returns:
        12 hexadecimal digits, ``None`` where *base* has other tweets.
    """
    if set(base.tweet_ids) != translations.texts.keys():
        return None
    rows = zip(base.tweet_ids, base.relations, base.image_hashes, strict=True)
    return content_hash(
        (tweet, relation, [translations.texts[tweet]], image) for tweet, relation, image in rows
    )[:12]


def points(
    runs: Iterable[Run],
    systems: Sequence[Quality],
    fingerprints: Mapping[str, str | None],
    *,
    task: str,
    metric: str,
) -> tuple[list[Point], list[str]]:
    """Bring runs and systems together.

    Args:
        runs: of any task; only those of *task* and its variants count.
        systems: the translations' quality.
        fingerprints: of each system's translations, by name.
        task: such as ``ltec_itr_en_mt``.
        metric: a key of the qualities' metrics.

    Returns:
        The points, by system and model; and why runs of the task were left out.

    Raises:
        DataError: two runs of one model on one system.
    """
    quality = {found.system: found.metrics[metric] for found in systems}
    made: dict[tuple[str, str], Point] = {}
    left_out, doubled = [], []
    for run in runs:
        if family(run.task) != task:
            continue
        identity = _IDENTITY.fullmatch(run.data or "")
        system = identity["system"] if identity else ""
        why = _unfit(run, system, identity["hash"] if identity else "", fingerprints)
        if why is not None:
            left_out.append(f"{run.files[0]}: {why}")
            continue
        variant = run.task.removeprefix(without_variant(run.task)).strip("~_").replace("_", " ")
        model = f"{run.model} ({variant})" if variant else run.model
        if (system, model) in made:
            doubled.append(f"{model} on the translations of {system}, also {run.files[0]}")
        found, score = quality[system], run.score
        made[system, model] = Point(
            system=system,
            quality=found.score,
            quality_low=None if found.interval is None else found.interval[0],
            quality_high=None if found.interval is None else found.interval[1],
            model=model,
            accuracy=score.accuracy,
            accuracy_low=None if score.interval is None else score.interval.low,
            accuracy_high=None if score.interval is None else score.interval.high,
            majority_class=score.majority_class,
            uniform_chance=score.uniform_chance,
            tweets=score.tweets,
            samples=score.samples,
            stand_in=run.stand_in,
            quality_signature=found.signature,
            run_signature=str(run.signature),
        )
    if doubled:
        raise DataError(
            f"more than one run of a model on a system; name one of them:\n{bullet_list(doubled)}"
        )
    return [made[key] for key in sorted(made)], left_out


def _unfit(run: Run, system: str, found: str, fingerprints: Mapping[str, str | None]) -> str | None:
    """Why a run makes no point, or ``None``."""
    if system not in fingerprints:
        return f"made on data {run.data}, of none of the systems that are scored here"
    if found != fingerprints[system]:
        return (
            f"made on data {run.data}; the translations of {system} that are scored here, with "
            f"the images that are here, have the hash {fingerprints[system] or 'of no set'}"
        )
    if run.is_part:
        return f"a part of the set, {run.score.tweets} of {run.set_size} tweets"
    if run.score.failed_rate:
        return "requests failed in it; run again"
    return None
