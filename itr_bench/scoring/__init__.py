"""Answers to scores: pairing, metrics with intervals, comparisons, tiers, and the signature."""

from itr_bench.scoring.comparison import Comparison, compare, exact_mcnemar, holm
from itr_bench.scoring.intervals import RESAMPLES
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.outcomes import Outcomes, ReadItem, pair
from itr_bench.scoring.power import power, smallest_difference
from itr_bench.scoring.ranking import Ranking, rank
from itr_bench.scoring.signature import Signature
from itr_bench.scoring.verdict import Standing, standing

__all__ = [
    "RESAMPLES",
    "Comparison",
    "Outcomes",
    "Ranking",
    "ReadItem",
    "Score",
    "Signature",
    "Standing",
    "compare",
    "exact_mcnemar",
    "holm",
    "pair",
    "power",
    "rank",
    "score",
    "smallest_difference",
    "standing",
]
