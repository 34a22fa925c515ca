"""Answers without a VLM, by rules that are trained inside the set: fold predictions.

The prediction about a tweet comes from a rule that was fitted on the other folds. It is no
zero-shot result: no model of the leaderboard saw a single label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from itr_bench.data.folds import check, make_folds, tied
from itr_bench.data.manifest import text_hash
from itr_bench.relation import QUESTIONS, Answer, Question, Relation
from itr_bench.studies.encoders.embed import Pairs
from itr_bench.studies.encoders.text_model import TextModel
from itr_bench.studies.encoders.threshold import fit

SIMILARITY_RULES = {
    Question.ADDS: "yes on one side of a similarity, or always the same, whichever is right more "
    "often in the other folds",
    Question.REPRESENTED: "yes above a similarity, or always the same, whichever is right more "
    "often in the other folds",
}


Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Division:
    """Tweets and how they are divided, one way a seed.

    Attributes:
        tweet_ids, relations, groups: one entry a tweet; *groups* as
            :func:`itr_bench.data.folds.tied`.
        folds: their number.
        seeds: of the divisions.
    """

    tweet_ids: Sequence[str]
    relations: NDArray[np.int8]
    groups: NDArray[np.int64]
    folds: int
    seeds: tuple[int, ...]

    def of(self, seed: int) -> NDArray[np.int64]:
        """The fold of each tweet, shape (T,)."""
        return make_folds(self.relations, self.groups, self.tweet_ids, self.folds, seed)

    @property
    def answers(self) -> Bools:
        """Whether yes is right, by question and tweet, shape (2, T)."""
        return np.stack(
            [
                [Relation(r).answer(question) is Answer.YES for r in self.relations.tolist()]
                for question in QUESTIONS
            ]
        ).astype(np.bool_)


def divide(pairs: Pairs, folds: int, seeds: tuple[int, ...]) -> Division:
    """Divide tweets into folds; those that share an image or a text stay together.

    Raises:
        DataError: they cannot be divided, or there is nothing to learn.
    """
    plain = [" ".join(text.casefold().split()) for text in pairs.texts]
    groups = tied(pairs.image_keys, list(map(text_hash, plain)))
    check(pairs.relations, groups, folds)
    return Division(pairs.tweet_ids, pairs.relations, groups, folds, seeds)


def by_similarity(similarities: NDArray[np.float64], division: Division) -> Bools:
    """Answer by thresholds on the similarity of image and text: :data:`SIMILARITY_RULES`.

    Args:
        similarities: finite, shape (T,).
        division: of the same tweets.

    Returns:
        Whether yes is predicted, shape (S, 2, T) for S seeds.
    """

    def one(seed: int) -> Bools:
        fold_of, answers = division.of(seed), division.answers
        predicted = np.empty_like(answers)
        for fold in range(division.folds):
            train, test = fold_of != fold, fold_of == fold
            for row, question in enumerate(QUESTIONS):
                rule = fit(
                    similarities[train],
                    answers[row, train],
                    both_ways=question is Question.ADDS,
                )
                predicted[row, test] = rule.says_yes(similarities[test])
        return predicted

    return _over_seeds(one, division.seeds, "thresholds")


def by_text(texts: Sequence[str], division: Division) -> Bools:
    """Answer by a linear model that reads the text alone, of :mod:`.text_model`.

    Args:
        texts: one a tweet, as models are shown them.
        division: of the same tweets.

    Returns:
        As :func:`by_similarity`.

    Raises:
        DataError: all texts are empty, or a relation has too few tweets for nested folds.
    """
    model = TextModel(texts)

    def one(seed: int) -> Bools:
        return model.predict(
            division.answers,
            division.relations,
            division.groups,
            division.tweet_ids,
            division.of(seed),
            seed,
        )

    return _over_seeds(one, division.seeds, "text model")


def _over_seeds(one: Callable[[int], Bools], seeds: Sequence[int], title: str) -> Bools:
    bar = tqdm(seeds, desc=title, unit="seed", disable=None, leave=False)
    return np.stack([one(seed) for seed in bar])
