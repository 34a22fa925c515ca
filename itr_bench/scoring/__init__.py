"""Answers to scores: pairing, metrics with intervals, comparisons, and the signature."""

from itr_bench.scoring.comparison import Comparison, compare, holm
from itr_bench.scoring.intervals import RESAMPLES
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.outcomes import Outcomes, ReadItem, pair
from itr_bench.scoring.signature import Signature

__all__ = [
    "RESAMPLES",
    "Comparison",
    "Outcomes",
    "ReadItem",
    "Score",
    "Signature",
    "compare",
    "holm",
    "pair",
    "score",
]
