"""The metrics of translations: BLEU, chrF and TER by sacrebleu, COMET from its scores."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import DataError
from itr_bench.translation import comet
from itr_bench.translation.resampling import RESAMPLES, SEED, Final

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric


@dataclass(frozen=True)
class MetricScores:
    """One metric of all systems.

    Attributes:
        key: name in short: ``bleu``, ``chrf``, ``ter`` or ``comet``.
        statistics: one array a system, shape (T, K).
        final: the score of K summed statistics.
        signature: what the scores depend on.
    """

    key: str
    statistics: Sequence[NDArray[np.float64]]
    final: Final
    signature: str

    def score(self, statistics: NDArray[np.float64]) -> float:
        """The score of one system."""
        return self.final(statistics.sum(axis=0).tolist())


def by_sacrebleu(systems: Sequence[list[str]], references: list[str]) -> Iterator[MetricScores]:
    """BLEU, chrF and TER with sacrebleu's defaults."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    kinds: dict[str, Callable[..., Metric]] = {"bleu": BLEU, "chrf": CHRF, "ter": TER}
    for key, kind in kinds.items():
        metric = kind(references=[references])
        # As sacrebleu's own tests have them: nothing public gives the parts of a score.
        statistics = [
            np.array(metric._extract_corpus_statistics(lines, None), dtype=np.float64)
            for lines in systems
        ]
        signature = metric.get_signature()
        signature.update("bs", RESAMPLES)
        signature.update("seed", SEED)
        yield MetricScores(key, statistics, functools.partial(_final, metric), str(signature))


def _final(metric: Metric, sums: list[float]) -> float:
    return float(metric._compute_score_from_stats(sums).score)


def by_comet(
    folder: Path,
    names: Sequence[str],
    sources: Sequence[list[str]],
    systems: Sequence[list[str]],
    references: list[str],
) -> MetricScores:
    """The scores of COMET that are in *folder* (see :mod:`comet`): means of tweets'.

    Each of *systems* has its own of *sources*: not all translate from the same language.

    Raises:
        DataError: the scores are damaged, of other texts, or of different models.
    """
    found = [
        comet.read(folder, name, own, lines, references)
        for name, own, lines in zip(names, sources, systems, strict=True)
    ]
    models = sorted({model for _, model in found})
    if len(models) > 1:
        raise DataError(
            f"{folder}: scored by different models ({'; '.join(models)}), which do not compare. "
            "Delete the folder systems/ in it and score all again"
        )
    return MetricScores(
        "comet",
        [np.array(scores)[:, None] for scores, _ in found],
        lambda sums: sums[0] / len(references),
        f"{models[0]}|bs:{RESAMPLES}|seed:{SEED}",
    )
