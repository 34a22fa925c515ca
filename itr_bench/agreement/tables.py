"""Tables of ratings from annotation files: whatever follows from what annotators were asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from itr_bench.agreement import files
from itr_bench.agreement.coefficients import MISSING, Ratings
from itr_bench.agreement.files import CATEGORIES, RELATION, YES_NO
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import QUESTIONS, Question, Relation


@dataclass(frozen=True)
class Table:
    """The ratings of one question, of the relation, or of fidelity.

    Attributes:
        what: a key of :data:`~itr_bench.agreement.files.CATEGORIES`.
        tweet_ids: tweets with one rating or more, in the order of the files.
        annotators: those with one rating or more, in the order of the files.
        ratings: shape (tweets, annotators), positions in the categories, or ``MISSING``.
    """

    what: str
    tweet_ids: tuple[str, ...]
    annotators: tuple[str, ...]
    ratings: Ratings

    @property
    def categories(self) -> tuple[str, ...]:
        """What could be chosen."""
        return CATEGORIES[self.what]


def read_annotations(paths: Sequence[Path]) -> list[Table]:
    """Read annotation files (:mod:`~itr_bench.agreement.files`) and make tables of what they rate.

    The relation follows from the two questions and the questions from the relation, whichever an
    annotator was asked. A file may hold one annotator or several, all tweets or some.

    Raises:
        DataError: anything wrong in any file, or no table with two annotators; with file, line
            and column.
    """
    problems: list[str] = []
    found: files.Ratings = {}
    for path in paths:
        try:
            problems += files.read_file(path, found)
        except DataError as error:
            problems.append(str(error))
    problems += _name_problems({name for _, name in found})
    problems += _form_problems(found)
    if problems:
        raise DataError(f"annotations cannot be used:\n{bullet_list(problems, most=20)}")
    tables = [_table(what, ratings) for what, ratings in _by_what(found).items()]
    if not any(len(table.annotators) > 1 for table in tables):
        names = sorted({name for _, name in found})
        rated = sorted({name for table in tables for name in table.annotators})
        raise DataError(
            f"agreement needs two annotators or more who rate the same thing; columns of "
            f"{', '.join(map(repr, names))}, ratings of "
            f"{', '.join(map(repr, rated)) or 'nobody'}. Give the files of all annotators."
        )
    return tables


def _name_problems(names: set[str]) -> Iterator[str]:
    by_fold: dict[str, list[str]] = {}
    for name in sorted(names):
        by_fold.setdefault(name.casefold(), []).append(name)
    for same in by_fold.values():
        if len(same) > 1:
            yield (
                f"annotators {' and '.join(map(repr, same))} differ in capitals alone: spell one "
                "person in one way, two people in two"
            )


def _form_problems(found: files.Ratings) -> Iterator[str]:
    """An annotator rates relations or answers questions; both could contradict each other."""
    for what, name in found:
        if what == RELATION and found[what, name]:
            both = [question.value for question in QUESTIONS if found.get((question.value, name))]
            if both:
                yield (
                    f"annotator {name!r} has relations and answers to {' and '.join(both)}: give "
                    "one of the two, the other follows from it"
                )


def _by_what(found: files.Ratings) -> dict[str, dict[str, dict[str, int]]]:
    """Positions of categories by what, annotator and tweet, with what follows from what is given.

    Tweets and annotators keep the order of the files.
    """
    out: dict[str, dict[str, dict[str, int]]] = {what: {} for what in CATEGORIES}
    for (what, name), ratings in found.items():
        out[what][name] = {tweet: rating.category for tweet, rating in ratings.items()}
    adds, represented = (out[question.value] for question in (Question.ADDS, Question.REPRESENTED))
    for name, relations in list(out[RELATION].items()):
        for question in QUESTIONS:
            answers = {t: Relation(r).answer(question).value for t, r in relations.items()}
            if answers:
                out[question.value][name] = {t: YES_NO.index(a) for t, a in answers.items()}
    for name in adds:
        joined = {
            tweet: int(Relation.of(adds=answer == 0, represented=represented[name][tweet] == 0))
            for tweet, answer in adds[name].items()
            if tweet in represented.get(name, {})
        }
        if joined:
            out[RELATION][name] = joined
    order = list(dict.fromkeys(name for _, name in found))
    return {
        what: {name: ratings[name] for name in order if ratings.get(name)}
        for what, ratings in out.items()
        if any(ratings.values())
    }


def _table(what: str, by_annotator: Mapping[str, Mapping[str, int]]) -> Table:
    names = tuple(by_annotator)
    tweets = tuple(dict.fromkeys(tweet for name in names for tweet in by_annotator[name]))
    ratings = np.full((len(tweets), len(names)), MISSING, dtype=np.int8)
    row = {tweet: i for i, tweet in enumerate(tweets)}
    for column, name in enumerate(names):
        for tweet, category in by_annotator[name].items():
            ratings[row[tweet], column] = category
    return Table(what, tweets, names, ratings)
