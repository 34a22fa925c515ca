"""Tables of ratings from annotation files: whatever follows from what annotators were asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from itr_bench.agreement import files
from itr_bench.agreement.coefficients import MISSING, Ratings
from itr_bench.agreement.files import CATEGORIES, FIDELITY, RELATION, YES_NO
from itr_bench.errors import DataError, bullet_list
from itr_bench.grouped import grouped
from itr_bench.relation import QUESTIONS, Question, Relation


@dataclass(frozen=True)
class Table:
    """The ratings of one question, of the relation, or of fidelity.

    Attributes:
        what: a key of :data:`~itr_bench.agreement.files.CATEGORIES`.
        tweet_ids: tweets with one rating or more, in the order of the files.
        annotators: those with one rating or more, in the order of the files.
        ratings: shape (tweets, annotators), positions in the categories, or ``MISSING``.
        system: for fidelity, the system whose translations were rated; empty where no file says.
    """

    what: str
    tweet_ids: tuple[str, ...]
    annotators: tuple[str, ...]
    ratings: Ratings
    system: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """What could be chosen."""
        return CATEGORIES[self.what]


def read_annotations(paths: Sequence[Path]) -> list[Table]:
    """Read annotation files (:mod:`~itr_bench.agreement.files`) and make tables of what they rate.

    The relation follows from the two questions and the questions from the relation, whichever an
    annotator was asked. Ratings of translations by different systems are never put together. A
    file may hold one annotator or several, all tweets or some.

    Raises:
        DataError: anything wrong in any file, or no table with two annotators; with file, line
            and column.
    """
    problems: list[str] = []
    left_out: list[str] = []
    found: files.Ratings = {}
    for path in paths:
        try:
            wrong, others = files.read_file(path, found)
            problems += wrong
            left_out += [f"{path}: {name}" for name in others]
        except DataError as error:
            problems.append(str(error))
    problems += _name_problems("annotators", "person", "people", {name for *_, name in found})
    problems += _name_problems("systems", "system", "systems", {system for _, system, _ in found})
    problems += _form_problems(found)
    problems += _system_problems(found)
    if problems:
        raise DataError(f"annotations cannot be used:\n{bullet_list(problems, most=20)}")
    tables = [
        replace(_table(what, system, ratings), left_out=tuple(left_out))
        for (what, system), ratings in _by_what(found).items()
    ]
    if not any(len(table.annotators) > 1 for table in tables):
        names = sorted({name for *_, name in found})
        systems = sorted({system for _, system, _ in found if system})
        apart = f"; translations by {', '.join(map(repr, systems))}" if len(systems) > 1 else ""
        rated = sorted({name for table in tables for name in table.annotators})
        raise DataError(
            f"agreement needs two annotators or more who rate the same thing; columns of "
            f"{', '.join(map(repr, names))}, ratings of "
            f"{', '.join(map(repr, rated)) or 'nobody'}{apart}. Give the files of all annotators."
        )
    return tables


def _name_problems(kind: str, one: str, two: str, names: set[str]) -> Iterator[str]:
    for same in grouped(sorted(names), str.casefold).values():
        if len(same) > 1:
            yield (
                f"{kind} {' and '.join(map(repr, same))} differ in capitals alone: spell one "
                f"{one} in one way, two {two} in two"
            )


def _form_problems(found: files.Ratings) -> Iterator[str]:
    """An annotator rates relations or answers questions; both could contradict each other."""
    for what, system, name in found:
        if what == RELATION and found[what, system, name]:
            asked = [question.value for question in QUESTIONS]
            both = [one for one in asked if found.get((one, "", name))]
            if both:
                yield (
                    f"annotator {name!r} has relations and answers to {' and '.join(both)}: give "
                    "one of the two, the other follows from it"
                )


def _system_problems(found: files.Ratings) -> Iterator[str]:
    """Ratings of one system's translations must not be lost to a column that does not name it."""
    rated = [(system, name) for (what, system, name), r in found.items() if what == FIDELITY and r]
    unnamed = sorted({name for system, name in rated if not system})
    if unnamed and any(system for system, _ in rated):
        yield (
            f"fidelity as rated by {' and '.join(map(repr, unnamed))} does not name the system, "
            f"other columns do: write 'fidelity:{unnamed[0]}@SYSTEM'"
        )


def _by_what(found: files.Ratings) -> dict[tuple[str, str], dict[str, dict[str, int]]]:
    """Positions of categories by what and system, annotator and tweet.

    What follows from what is given is there too. Tweets and annotators keep the order of the
    files.
    """
    out: dict[tuple[str, str], dict[str, dict[str, int]]] = {(what, ""): {} for what in CATEGORIES}
    for (what, system, name), ratings in found.items():
        of_name = {tweet: rating.category for tweet, rating in ratings.items()}
        out.setdefault((what, system), {})[name] = of_name
    adds, represented = out[Question.ADDS.value, ""], out[Question.REPRESENTED.value, ""]
    relation = out[RELATION, ""]
    for name, relations in list(relation.items()):
        for question in QUESTIONS:
            answers = {t: Relation(r).answer(question).value for t, r in relations.items()}
            if answers:
                out[question.value, ""][name] = {t: YES_NO.index(a) for t, a in answers.items()}
    for name in adds:
        joined = {
            tweet: int(Relation.of(adds=answer == 0, represented=represented[name][tweet] == 0))
            for tweet, answer in adds[name].items()
            if tweet in represented.get(name, {})
        }
        if joined:
            relation[name] = joined
    order = list(dict.fromkeys(name for *_, name in found))
    return {
        key: {name: ratings[name] for name in order if ratings.get(name)}
        for key, ratings in out.items()
        if any(ratings.values())
    }


def _table(what: str, system: str, by_annotator: Mapping[str, Mapping[str, int]]) -> Table:
    names = tuple(by_annotator)
    tweets = tuple(dict.fromkeys(tweet for name in names for tweet in by_annotator[name]))
    ratings = np.full((len(tweets), len(names)), MISSING, dtype=np.int8)
    row = {tweet: i for i, tweet in enumerate(tweets)}
    for column, name in enumerate(names):
        for tweet, category in by_annotator[name].items():
            ratings[row[tweet], column] = category
    return Table(what, tweets, names, ratings, system)
