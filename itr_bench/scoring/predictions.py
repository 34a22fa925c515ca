"""The answers of one run as arrays, the two questions of a tweet paired again.

Answers arrive in any order (several processes, shuffled files), so a pair is found by tweet
id and sample, never by position.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import ScoreError, bullet_list
from itr_bench.relation import QUESTIONS, RELATIONS, Answer, Question

CODES = {Answer.NO: 0, Answer.YES: 1, Answer.NONE: -1, Answer.FAILED: -2}

UNPARSEABLE = -1
"""The predicted relation where either answer is unparseable."""


@dataclass(frozen=True)
class ReadItem:
    """The answers to one question about one tweet, one a sample, in the order of the samples."""

    tweet_id: str
    question: Question
    relation: int
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Predictions:
    """What a run answered, by tweet and sample.

    Attributes:
        tweet_ids: T ids, sorted, each once.
        gold: the right relations, shape (T,), values 0 to 3.
        adds: answers to the first question, shape (T, S): 1 yes, 0 no, -1 unparseable, -2 failed.
        represented: answers to the second question, likewise.
        unpaired: ids of tweets of which one question is missing; they are in no array.
    """

    tweet_ids: tuple[str, ...]
    gold: NDArray[np.int8]
    adds: NDArray[np.int8]
    represented: NDArray[np.int8]
    unpaired: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        """The number of samples (seeds) a question."""
        return int(self.adds.shape[1])

    def answers(self, question: Question) -> NDArray[np.int8]:
        """The answers to *question*, shape (T, S), coded as in :attr:`adds`."""
        return self.adds if question is Question.ADDS else self.represented

    def is_yes(self, question: Question) -> NDArray[np.bool_]:
        """Whether yes is the right answer to *question*, shape (T,)."""
        return self.gold < 2 if question is Question.ADDS else self.gold % 2 == 0

    @property
    def predicted(self) -> NDArray[np.int8]:
        """Predicted relations, shape (T, S): 0 to 3, or -1 where an answer is missing."""
        relation = (1 - self.adds) * 2 + (1 - self.represented)
        return np.where((self.adds >= 0) & (self.represented >= 0), relation, UNPARSEABLE).astype(
            np.int8
        )

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether both answers are right, shape (T, S)."""
        return np.asarray(self.predicted == self.gold[:, None])


def pair(items: Iterable[ReadItem]) -> Predictions:
    """Bring the two questions of each tweet together.

    Args:
        items: one a tweet and question, in any order.

    Raises:
        ScoreError: no complete tweet; a label outside 0 to 3; a tweet with two labels, with a
            question twice, or with another number of samples than the rest.
    """
    by_tweet: dict[str, dict[Question, ReadItem]] = {}
    problems: list[str] = []
    for item in items:
        halves = by_tweet.setdefault(item.tweet_id, {})
        if item.relation not in RELATIONS:
            problems.append(f"tweet {item.tweet_id}: relation {item.relation}, expected 0 to 3")
        elif item.question in halves:
            problems.append(f"tweet {item.tweet_id}: question {item.question.value!r} stands twice")
        elif any(half.relation != item.relation for half in halves.values()):
            problems.append(f"tweet {item.tweet_id}: two labels, its questions disagree")
        halves[item.question] = item
    paired = sorted(tweet for tweet, halves in by_tweet.items() if len(halves) == len(QUESTIONS))
    counts = {len(half.answers) for tweet in paired for half in by_tweet[tweet].values()}
    if len(counts) > 1:
        problems.append(
            f"the number of samples differs between questions: {sorted(counts)}; "
            "score runs of one length at a time, or finish the run"
        )
    if problems:
        raise ScoreError("the answers cannot be paired:\n" + bullet_list(problems))
    if not paired or counts == {0}:
        raise ScoreError(
            "no tweet has answers to both questions; run at least two documents (an even --limit)"
        )

    def codes(question: Question) -> NDArray[np.int8]:
        answers = chain.from_iterable(by_tweet[tweet][question].answers for tweet in paired)
        found = np.fromiter(map(CODES.__getitem__, answers), dtype=np.int8)
        return found.reshape(len(paired), -1)

    return Predictions(
        tweet_ids=tuple(paired),
        gold=np.array([by_tweet[t][Question.ADDS].relation for t in paired], dtype=np.int8),
        adds=codes(Question.ADDS),
        represented=codes(Question.REPRESENTED),
        unpaired=tuple(sorted(set(by_tweet) - set(paired))),
    )


def shared(a: Predictions, b: Predictions) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the tweets that both answered stand in each.

    Raises:
        ScoreError: there are none, or their labels differ.
    """
    if a.tweet_ids == b.tweet_ids:
        in_a = in_b = np.arange(len(a.tweet_ids))
    else:
        place = {tweet: i for i, tweet in enumerate(b.tweet_ids)}
        both = [(i, place[tweet]) for i, tweet in enumerate(a.tweet_ids) if tweet in place]
        if not both:
            raise ScoreError("share no tweet")
        in_a, in_b = np.array(both).T
    if (a.gold[in_a] != b.gold[in_b]).any():
        raise ScoreError("disagree on the label of a tweet")
    return in_a, in_b
