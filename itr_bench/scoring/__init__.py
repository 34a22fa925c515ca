"""Answers to scores: pairing, metrics with intervals, comparisons, tiers, and the signature.

The names are imported when they are asked for: the signature's ``digest`` needs no numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from itr_bench.scoring.comparison import Comparison, compare
    from itr_bench.scoring.intervals import RESAMPLES
    from itr_bench.scoring.metrics import Score, score
    from itr_bench.scoring.power import smallest_difference
    from itr_bench.scoring.predictions import Predictions, ReadItem, pair
    from itr_bench.scoring.ranking import Ranking, rank
    from itr_bench.scoring.references import ReferenceLevel, reference_level
    from itr_bench.scoring.signature import Signature
    from itr_bench.scoring.significance import Significance, decide, exact_mcnemar, holm

_MODULES = {
    "comparison": ("Comparison", "compare"),
    "intervals": ("RESAMPLES",),
    "metrics": ("Score", "score"),
    "predictions": ("Predictions", "ReadItem", "pair"),
    "power": ("smallest_difference",),
    "ranking": ("Ranking", "rank"),
    "signature": ("Signature",),
    "significance": ("Significance", "decide", "exact_mcnemar", "holm"),
    "references": ("ReferenceLevel", "reference_level"),
}

__all__ = [
    "RESAMPLES",
    "Comparison",
    "Predictions",
    "Ranking",
    "ReadItem",
    "ReferenceLevel",
    "Score",
    "Signature",
    "Significance",
    "compare",
    "decide",
    "exact_mcnemar",
    "holm",
    "pair",
    "rank",
    "reference_level",
    "score",
    "smallest_difference",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
