"""What a response answers, for the parsers whose reading depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from itr_bench.relation import Question


@dataclass(frozen=True)
class Asked:
    """One question about one tweet."""

    tweet_id: str
    question: Question
