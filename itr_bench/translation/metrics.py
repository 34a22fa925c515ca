"""The metrics of translations: BLEU, chrF and TER by sacrebleu, COMET by its own package."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import ItrBenchError
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
    model: str,
    sources: Sequence[list[str]],
    systems: Sequence[list[str]],
    references: list[str],
) -> MetricScores:
    """The scores of a COMET model (Rei et al. 2020, ACL 2020.emnlp-main.213): means of tweets'.

    Each of *systems* has its own of *sources*: not all translate from the same language.
    """
    try:
        import comet  # type: ignore[import-not-found,unused-ignore]
        import torch
    except ImportError as error:
        raise ItrBenchError(
            f'COMET is not installed ({error}): pip install "itr-bench[comet]". It wants older '
            "numpy and transformers than other parts: an environment of its own is best."
        ) from error
    try:
        path = model if Path(model).is_file() else comet.download_model(model)
        scorer = comet.load_from_checkpoint(path)
    except Exception as error:  # KeyError for whatever the Hub refuses, a bare one for files
        raise ItrBenchError(
            f"the COMET model {model!r} cannot be loaded ({error}). Give a repository on the Hub, "
            "such as Unbabel/wmt22-comet-da, or a checkpoint: FOLDER/checkpoints/model.ckpt"
        ) from error
    samples = [
        {"src": source, "mt": line, "ref": reference}
        for own, lines in zip(sources, systems, strict=True)
        for source, line, reference in zip(own, lines, references, strict=True)
    ]
    predicted = scorer.predict(samples, gpus=int(torch.cuda.is_available()))
    scores = np.asarray(predicted.scores, dtype=np.float64).reshape(len(systems), len(references))
    version = getattr(comet, "__version__", "?")
    return MetricScores(
        "comet",
        [own[:, None] for own in scores],
        lambda sums: sums[0] / len(references),
        f"model:{model}|bs:{RESAMPLES}|seed:{SEED}|version:{version}",
    )
