"""The likelihoods among the responses of a ``_likelihood`` task."""

from __future__ import annotations

from collections.abc import Sequence

from itr_bench.answers import Parser
from itr_bench.scoring.likelihood import JudgedLikelihood
from itr_bench.scoring.predictions import ReadItem


def judged(
    item: ReadItem, responses: Sequence[str | None], parser: Parser
) -> list[JudgedLikelihood]:
    """The likelihood that the first response states, if *parser* finds one in it."""
    found = parser.judge(responses[0]) if responses else None
    if found is None:
        return []
    return [JudgedLikelihood(item.tweet_id, item.question, item.relation, found.yes, found.no)]
