"""How good machine translations are: BLEU, chrF and TER by sacrebleu, COMET, intervals, tests.

Texts are scored as they stand, links included.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from itr_bench.errors import DataError, bullet_list, unknown_name
from itr_bench.scoring.significance import holm
from itr_bench.translation.comet import write as write_texts
from itr_bench.translation.dropped_entities import doubts
from itr_bench.translation.metrics import MetricScores, by_comet, by_sacrebleu
from itr_bench.translation.resampling import bootstrap_interval, randomisation_test

if TYPE_CHECKING:
    from itr_bench.data.tweet_set import TweetSet

LABELS = {"bleu": "BLEU", "chrf": "chrF2", "ter": "TER", "comet": "COMET"}
"""The metrics by key. Of TER less is better, of the others more."""

PAPER_RANGES = {"bleu": (52.63, 63.49), "chrf": (67.94, 75.56)}
"""Of the systems of the paper, into English (arXiv:2505.05040, section 4.2)."""


@dataclass(frozen=True)
class Texts:
    """One text a tweet: a system's translations, their reference, or their source.

    Attributes:
        name: the system's name, or what the texts are.
        texts: by tweet id.
        origin: the file or the data set that they are from.
        source: of translations, what was translated, by tweet id; ``None`` where not known.
    """

    name: str
    texts: Mapping[str, str]
    origin: str
    source: Mapping[str, str] | None = None

    @classmethod
    def of(cls, tweets: TweetSet, language: str, name: str) -> Texts:
        """The texts of a data set in one language."""
        texts = dict(zip(tweets.tweet_ids, tweets.texts(language), strict=True))
        return cls(name, texts, tweets.spec.name)


@dataclass(frozen=True)
class Measured:
    """One metric of one system.

    Attributes:
        score: 0 to 100 of BLEU and chrF; of TER from 0, in per cent of the reference's words;
            of COMET as its model gives it, about 0 to 1.
        interval: 95 % percentile interval by a bootstrap over tweets, ``None`` for one tweet.
        signature: what the score depends on.
    """

    score: float
    interval: tuple[float, float] | None
    signature: str


@dataclass(frozen=True)
class Quality:
    """The metrics of one system.

    Attributes:
        system: its name.
        origin: the file or the data set with the translations.
        tweets: how many.
        untranslated: ids of the tweets whose translation is the source itself; ``None`` where
            the source is not known.
        metrics: by key of :data:`LABELS`.
        doubts: what makes the texts look like something else, a sentence each.
    """

    system: str
    origin: str
    tweets: int
    untranslated: tuple[str, ...] | None
    metrics: Mapping[str, Measured]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One metric of a system against the baseline.

    Attributes:
        difference: the system's score less the baseline's.
        p_value: two-sided, of the paired approximate randomisation test (Riezler & Maxwell 2005,
            ACL W05-0908).
        p_holm: after Holm's correction for all systems and metrics of the comparison.
    """

    system: str
    metric: str
    difference: float
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class Comparison:
    """All systems, and each against the baseline, which is ``None`` where there is one only."""

    systems: tuple[Quality, ...]
    baseline: str | None
    differences: tuple[Difference, ...]


def assess(
    translations: Sequence[Texts],
    reference: Texts,
    *,
    baseline: str | None = None,
    comet: Path | None = None,
) -> Comparison:
    """Score translations against the reference, and all of them against the baseline.

    Args:
        translations: at least one, each of exactly the reference's tweets.
        reference: the right translations.
        baseline: a system's name, by default the first one's.
        comet: a folder of scores of COMET; of systems that are not scored yet, their texts are
            written there, and there is no COMET among the metrics.

    Raises:
        DataError: a system twice, an unknown baseline, other tweets than the reference's, or
            COMET without sources, or with scores that do not fit.
    """
    names = [system.name for system in translations]
    _check(translations, reference)
    if baseline is not None and baseline not in names:
        raise DataError(unknown_name("system", baseline, names))
    tweets = list(reference.texts)
    sources = [_sources(system, tweets) for system in translations]
    outputs = [[system.texts[tweet] for tweet in tweets] for system in translations]
    references = [reference.texts[tweet] for tweet in tweets]
    metrics: list[MetricScores] = list(by_sacrebleu(outputs, references))
    if comet is not None:
        known = [source for source in sources if source is not None]
        if len(known) < len(sources):
            raise DataError("COMET needs the texts that were translated: itr-bench data build ltec")
        if not write_texts(comet, names, known, outputs, references):
            metrics.append(by_comet(comet, names, known, outputs, references))
    first = names.index(baseline) if baseline is not None else 0
    measured: list[dict[str, Measured]] = [{} for _ in names]
    tests = []
    with tqdm(total=len(metrics) * len(names), unit="score", disable=None, leave=False) as bar:
        for metric, place in itertools.product(metrics, range(len(names))):
            own, others = metric.statistics[place], metric.statistics[first]
            score, interval = metric.score(own), bootstrap_interval(own, metric.final)
            measured[place][metric.key] = Measured(score, interval, metric.signature)
            if place != first:
                difference = score - metric.score(others)
                p_value = randomisation_test(own, others, metric.final)
                tests.append((names[place], metric.key, difference, p_value))
            bar.update()
    return Comparison(
        tuple(
            Quality(
                system.name,
                system.origin,
                len(tweets),
                _untranslated(system.texts, tweets, source),
                scores,
                doubts(system.texts),
            )
            for system, source, scores in zip(translations, sources, measured, strict=True)
        ),
        names[first] if tests else None,
        tuple(
            Difference(*test, p)
            for test, p in zip(tests, holm([test[3] for test in tests]), strict=True)
        ),
    )


def _sources(system: Texts, tweets: Sequence[str]) -> list[str] | None:
    """What was translated, a text a tweet; ``None`` unless it is known of all."""
    if system.source is None or not system.source.keys() >= set(tweets):
        return None
    return [system.source[tweet] for tweet in tweets]


def _check(translations: Sequence[Texts], reference: Texts) -> None:
    """Refuse a name that stands twice, and tweets that are not the reference's."""
    origins: dict[str, str] = {}
    problems = []
    for system in translations:
        if system.name in origins:
            problems.append(
                f"{system.origin} and {origins[system.name]}: both are called {system.name!r}; "
                "rename a file"
            )
        origins.setdefault(system.name, system.origin)
        missing = reference.texts.keys() - system.texts.keys()
        unknown = system.texts.keys() - reference.texts.keys()
        problems += [f"{system.origin}: tweet {tweet} is missing" for tweet in sorted(missing)]
        problems += [
            f"{system.origin}: tweet {tweet} is not in the reference" for tweet in sorted(unknown)
        ]
    if problems:
        raise DataError(
            f"the translations cannot be scored against {reference.name} ({reference.origin}):\n"
            f"{bullet_list(problems)}"
        )


def _untranslated(
    texts: Mapping[str, str], tweets: Sequence[str], sources: Sequence[str] | None
) -> tuple[str, ...] | None:
    if sources is None:
        return None
    return tuple(
        tweet
        for tweet, source in zip(tweets, sources, strict=True)
        if texts[tweet].split() == source.split()
    )
