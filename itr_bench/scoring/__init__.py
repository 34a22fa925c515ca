"""Answers to scores: pairing, metrics with intervals, comparisons, tiers, and the signature."""

from itr_bench.scoring.comparison import Comparison, compare
from itr_bench.scoring.intervals import RESAMPLES
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.power import power, smallest_difference
from itr_bench.scoring.predictions import Predictions, ReadItem, pair
from itr_bench.scoring.ranking import Ranking, rank
from itr_bench.scoring.references import ReferenceLevel, reference_level
from itr_bench.scoring.signature import Signature
from itr_bench.scoring.significance import Significance, exact_mcnemar, holm, significance

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
    "exact_mcnemar",
    "holm",
    "pair",
    "power",
    "rank",
    "reference_level",
    "score",
    "significance",
    "smallest_difference",
]
