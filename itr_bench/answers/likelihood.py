"""The responses of the ``_likelihood`` tasks: P(yes) and P(no) in place of words."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from itr_bench.answers.parser import Reading, Rule
from itr_bench.answers.text import is_failure
from itr_bench.relation import Answer

_UNPARSEABLE = Reading(Answer.NONE, Rule.NONE)


@dataclass(frozen=True)
class Likelihood:
    """How likely a model's answer is yes, and how likely no: each 0 to 1, together at most 1."""

    yes: float
    no: float

    def response(self) -> str:
        """The response that states it, as runs and logs keep it."""
        return json.dumps({"p_yes": self.yes, "p_no": self.no})

    @property
    def confidence(self) -> float | None:
        """P(yes) among the two; ``None`` where neither is possible."""
        both = self.yes + self.no
        return self.yes / both if both else None


def parse_likelihood(response: str | None) -> Likelihood | None:
    """Read what :meth:`Likelihood.response` wrote; ``None`` for anything else."""
    try:
        found = json.loads(response or "")
        likelihood = Likelihood(float(found["p_yes"]), float(found["p_no"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    parts = (likelihood.yes, likelihood.no)
    # A little over 1 is rounding.
    sound = all(math.isfinite(p) and 0 <= p <= 1 for p in parts) and sum(parts) <= 1.001
    return likelihood if sound else None


def read_likelihood(response: str | None, language: str = "en") -> Reading:
    """The likelier answer; none where both are equally likely or the response is no likelihood."""
    found = parse_likelihood(response)
    if found is None:
        failed = response is None or is_failure(response)
        return Reading(Answer.FAILED, Rule.FAILED) if failed else _UNPARSEABLE
    if found.yes == found.no:
        return _UNPARSEABLE
    return Reading(Answer.YES if found.yes > found.no else Answer.NO, Rule.LIKELIER)
