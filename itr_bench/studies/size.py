"""Accuracy against the number of parameters: a line, the interval of its slope, and a test.

The test is one of rank correlation over models, not that of ``scoring.significance``: what is asked
is whether accuracy goes with size, not whether two models differ on the same tweets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from itr_bench.nouns import count
from itr_bench.report.words import number, p_equals
from itr_bench.scoring.significance import LEVEL, holm
from itr_bench.studies.comparisons import scaled
from itr_bench.studies.formatting import interval_in_points, signed_points
from itr_bench.studies.section import Cell, Claim, Dot, Figure, Scatter, Table, share
from itr_bench.studies.study import BoardModel

FEWEST_MODELS = 5
"""Of fewer, no order of accuracies has a probability below 0.05 by chance (Kendall's test)."""

MOST_PERMUTED = 8
"""With ties, all orders of so many models are gone through; of more, there is no exact p value."""


@dataclass(frozen=True)
class Fit:
    """A line by Theil and Sen through accuracy against the binary logarithm of the parameters.

    Attributes:
        slope: change of accuracy as the number of parameters doubles, between -1 and 1.
        interval: 95 %, after Sen (1968, JASA 63:1379).
        tau, p_value: Kendall's rank correlation (tau-b) and its exact test; no p value where there
            are ties among more than eight models.
        line: parameters and accuracy at both ends of the line.
        adjusted: the p value by Holm's method, once :func:`fits` was called.
        tests: over so many tests.
    """

    slope: float
    interval: tuple[float, float]
    tau: float
    p_value: float | None
    line: tuple[tuple[float, float], tuple[float, float]]
    adjusted: float | None = None
    tests: int = 0

    @property
    def significant(self) -> bool:
        """Whether the adjusted test and the interval agree that there is a slope."""
        known = self.adjusted is not None and self.adjusted < LEVEL
        return known and not self.interval[0] <= 0 <= self.interval[1]


def fits(boards: Mapping[str, Sequence[BoardModel]]) -> dict[str, Fit | None]:
    """The line of each of *boards*, their p values adjusted together."""
    found = {task: fit(models) for task, models in boards.items()}
    known = {task: one for task, one in found.items() if one and one.p_value is not None}
    p_values = holm([one.p_value for one in known.values() if one.p_value is not None])
    for (task, one), p_value in zip(known.items(), p_values, strict=True):
        found[task] = replace(one, adjusted=p_value, tests=len(known))
    return found


def fit(models: Sequence[BoardModel]) -> Fit | None:
    """The line; ``None`` for fewer than five models, or where all have one size.

    Args:
        models: each once, asked in one answer format.
    """
    if len(models) < FEWEST_MODELS or len({model.parameters for model in models}) < 2:
        return None
    from scipy.stats import kendalltau, theilslopes  # takes seconds to import

    x = np.log2([model.parameters for model in models])
    y = np.array([model.accuracy for model in models])
    found = theilslopes(y, x, alpha=0.95, method="joint")
    tau = float(kendalltau(x, y).statistic)
    slope, intercept = float(found.slope), float(found.intercept)
    return Fit(
        slope=slope,
        interval=(float(found.low_slope), float(found.high_slope)),
        tau=tau if np.isfinite(tau) else 0.0,  # all accuracies are one
        p_value=_p_value(x, y),
        line=(
            (float(2 ** x.min()), intercept + slope * float(x.min())),
            (float(2 ** x.max()), intercept + slope * float(x.max())),
        ),
    )


def _p_value(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Two-sided and exact: over all orders of y, how often the concordance is as far from zero."""
    if len(set(x)) == len(x) and len(set(y)) == len(y):
        from scipy.stats import kendalltau

        return float(kendalltau(x, y, method="exact").pvalue)
    if len(x) > MOST_PERMUTED:
        return None
    signs_x = np.sign(x[:, None] - x)
    signs_y = np.sign(y[:, None] - y)
    orders = np.array(list(permutations(range(len(x)))))
    found = np.zeros(len(orders))
    for i in range(len(x)):
        for j in range(i):
            found += signs_x[i, j] * signs_y[orders[:, i], orders[:, j]]
    # The first order is the one that was seen. All values are whole numbers.
    return float((np.abs(found) >= abs(found[0])).mean())


def by_size(
    task: str, models: Sequence[BoardModel], line: Fit | None
) -> tuple[Figure, Claim | None, str | None]:
    """Figure, claim and limit of accuracy against parameters on one task, and their line."""
    ordered = sorted(models, key=lambda m: (m.parameters, m.name, m.source))
    rows = [
        [
            Cell("Model", model.name),
            Cell("Parameters", model.parameters, "parameters"),
            *share("Accuracy", model.accuracy, model.interval),
            Cell("From", model.source),
        ]
        for model in ordered
    ]
    dots = [
        Dot(m.name, m.parameters, 100 * m.accuracy, scaled(m.interval), m.interval is None)
        for m in ordered
    ]
    ends = () if line is None else tuple((x, 100 * y) for x, y in line.line)
    caption = (
        "All models of the leaderboard whose number of parameters and accuracy in this answer "
        "format are known, one result each: one computed from responses before a reported one. "
        "Hollow: reported only, without an interval."
    )
    if line is not None:
        caption += " The line is Theil and Sen's; the interval of its slope stands above."
    figure = Figure(
        f"Accuracy and parameters, {task}",
        caption,
        Table.of(f"{task}: accuracy and parameters", rows),
        (Scatter(tuple(dots), "Parameters", "Accuracy, %", ends, log=True),),
    )
    if line is None:
        limit = (
            f"{task}: {count(len(models), 'model')} with known parameters and accuracy; a line and "
            f"a test need {FEWEST_MODELS} of more than one size. Neither was computed."
        )
        return figure, None, limit
    limit = (
        "Models of a board are no random sample, and differ in more than size. Kendall's test is "
        "of the order of all models by size and by accuracy; whether two of them differ "
        "significantly is for the tests on the same tweets."
    )
    return figure, _claim(task, len(models), line), limit


def _claim(task: str, models: int, line: Fit) -> Claim:
    relation = (
        f"{signed_points(line.slope)} a doubling of the parameters"
        if line.significant
        else "no significant relation of accuracy and parameters"
    )
    return Claim(
        f"{task}: {relation}.",
        f"Kendall's test over {models} models, tau {number(line.tau)}, {_p(line)}; slope "
        f"after Theil and Sen {signed_points(line.slope)} a doubling, 95 % interval over "
        f"models {interval_in_points(line.interval)}",
        line.significant,
    )


def _p(line: Fit) -> str:
    if line.p_value is None or line.adjusted is None:
        return f"no p value (ties among more than {MOST_PERMUTED})"
    return (
        f"{p_equals(line.p_value)}, by Holm's method over the {count(line.tests, 'test')} of "
        f"accuracy against parameters {p_equals(line.adjusted)}"
    )
