"""What is right without a VLM? Reference rows that were trained inside the set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from itr_bench.errors import ScoreError
from itr_bench.grouped import grouped
from itr_bench.relation import QUESTIONS, RELATIONS, Answer, Question
from itr_bench.report.words import interval, percent
from itr_bench.runs.run import Run
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.predictions import Predictions, ReadItem, pair, shared
from itr_bench.scoring.references import FEWEST, Side, sides
from itr_bench.seeds import read_seeds
from itr_bench.studies.comparisons import (
    Differences,
    Headings,
    Line,
    accuracy_differences,
    bar,
    charts,
    claims_of,
    compare,
    difference_figure,
    levels,
    limits,
)
from itr_bench.studies.encoder_job import (
    EncoderJob,
    Planned,
    execute,
    read_content,
    result_notices,
    results_kept_apart,
)
from itr_bench.studies.encoders.embed import Pairs
from itr_bench.studies.encoders.text_model import text_model_metadata
from itr_bench.studies.encoders.trained import (
    SIMILARITY_RULES,
    Bools,
    Division,
    by_similarity,
    by_text,
    divide,
)
from itr_bench.studies.formatting import in_points
from itr_bench.studies.grouping import numbered, subjects_of
from itr_bench.studies.section import Cell, Claim, Figure, Section, Table, share
from itr_bench.studies.statistics import ACCURACY, accuracies
from itr_bench.studies.study import Job, Material, Result, Study

NAME = "no-vlm"
TEXT_MODEL = "text-linear"
FOLDS = 5

_TRAINED = "trained inside the set by cross-validation; no zero-shot result"
_LETTERS = {True: "y", False: "n"}
_ANSWERS = {"y": Answer.YES, "n": Answer.NO}


# Making the rows


def _execute(job: Job) -> list[Path]:
    """Make the rows: thresholds on the encoder's similarity, and the model of the text alone.

    ``--model text-linear`` makes the second only.
    """
    return execute(job, NAME, _planned, {"folds": int})


def _planned(work: EncoderJob, pairs: Pairs) -> Iterator[Planned]:
    folds = work.job.arguments.get("folds", FOLDS)
    seeds = tuple(read_seeds("paper") if work.job.seeds is None else work.job.seeds)
    division = divide(pairs, folds, seeds)
    metadata = {"trained": _TRAINED, "folds": folds, "seeds": list(seeds)}
    # First, since all encoders share it: one made with another configuration stops all.
    yield Planned(
        TEXT_MODEL,
        {**metadata, **text_model_metadata()},
        lambda: content(by_text(pairs.texts, division), division),
    )
    if work.job.model != TEXT_MODEL:
        rules = {question.value: rule for question, rule in SIMILARITY_RULES.items()}
        method = {"method": "threshold on the similarity of image and text", "rules": rules}
        yield Planned(
            work.encoder.name,
            {**metadata, **method, "encoder": dict(work.encoder.metadata)},
            lambda: _by_encoder(work, pairs, division),
        )


def _by_encoder(work: EncoderJob, pairs: Pairs, division: Division) -> dict[str, Any]:
    embedded = work.embedded(pairs)
    found = content(by_similarity(embedded.similarities, division), division)
    return {**found, "truncated": embedded.truncated}


def content(yes: Bools, division: Division) -> dict[str, Any]:
    """The fold predictions: for each tweet its relation, and a letter a seed for each question.

    Args:
        yes: whether yes is predicted, shape (S, 2, T) for S seeds.
        division: of the same tweets.
    """
    answers = {
        tweet: [
            int(division.relations[place]),
            *("".join(_LETTERS[bool(one)] for one in yes[:, q, place]) for q in (0, 1)),
        ]
        for place, tweet in enumerate(division.tweet_ids)
    }
    return {"answers": answers}


# Reading them


@dataclass(frozen=True)
class Row:
    """A reference row with its score; *name* marks it as trained."""

    name: str
    result: Result
    predictions: Predictions
    score: Score

    @property
    def place(self) -> tuple[str, str]:
        """The task and its data."""
        return self.result.task, self.result.data


def read_rows(results: Sequence[Result]) -> list[Row]:
    """Score the fold predictions of *results* like any other answers.

    Returns:
        By name; rows of one name and task, made with different configurations, are numbered.

    Raises:
        DataError: a content is not what this study writes.
    """
    rows = []
    for alike in _alike(results):
        for result, number in numbered(alike):
            read = partial(_predictions, result)
            predictions = read_content(result, "fold predictions", read, seeds=list, folds=int)
            name = f"{result.model}{number} (trained)"
            rows.append(Row(name, result, predictions, score(predictions)))
    return rows


def _alike(results: Sequence[Result]) -> list[list[Result]]:
    """The results of each model on each task and data."""
    ordered = sorted(results, key=lambda one: (one.model, one.task, one.path))
    return list(grouped(ordered, lambda one: (one.model, one.task, one.data)).values())


def _predictions(result: Result) -> Predictions:
    seeds, answers = result.metadata["seeds"], result.content.get("answers")
    if not isinstance(answers, dict):
        raise ValueError("no answers")
    items = []
    for tweet, (relation, *letters) in answers.items():
        if relation not in RELATIONS or [len(one) for one in letters] != [len(seeds)] * 2:
            raise ValueError(f"tweet {tweet}: {[relation, *letters]!r}")
        items += [
            ReadItem(tweet, question, relation, tuple(_ANSWERS[letter] for letter in one))
            for question, one in zip(QUESTIONS, letters, strict=True)
        ]
    return pair(items)


# What they show


@dataclass(frozen=True)
class _AgainstRow:
    """A model's run, A, and a row on the same data, B."""

    subject: str
    title: str
    run: Run
    row: Row

    @property
    def a(self) -> Predictions:
        return self.run.predictions

    @property
    def b(self) -> Predictions:
        return self.row.predictions


_Compared = Sequence[tuple[_AgainstRow, Differences]]


def analyse(material: Material) -> Section | None:
    """The rows beside the runs of the same task on the same data, and their differences."""
    results = material.results_of(NAME)
    rows = read_rows(results)
    if not rows:
        return None
    subjects, _ = subjects_of(material)
    places = sorted({row.place for row in rows})
    titles = {place: _title(place, places) for place in places}
    notes: list[str] = []
    runs = {
        place: [
            (subject.name, run)
            for subject in subjects
            if (run := subject.runs.get(place[0])) is not None and run.data == place[1]
        ]
        for place in places
    }
    pairs = [
        _AgainstRow(subject, titles[place], run, row)
        for place in places
        for subject, run in runs[place]
        for row in rows
        if row.place == place and _fits(subject, run, row, notes)
    ]
    compared = compare(pairs)
    fine_tuned = any(run.training is not None for own in runs.values() for _, run in own)
    figures: list[Figure] = []
    claims: list[Claim] = []
    by_title = grouped(compared, lambda one: one[0].title)
    for place, title in titles.items():
        own = [row for row in rows if row.place == place]
        here = by_title.get(title)
        figures.append(_score_figure(title, own, runs[place]))
        claims += [_against_majority(title, row) for row in own]
        if here:
            figures.append(_difference_figure(title, here))
            claims += _difference_claims(here)
    return Section(
        claims=claims,
        paragraphs=_paragraphs(rows),
        figures=figures,
        limits=[
            *limits(accuracy_differences(compared)),
            "The rows learned from labels of this very set, which no VLM saw"
            f"{' but those that were fine-tuned' * fine_tuned}. A row above a VLM says that the "
            "set can be learned, not that the row understands it; a VLM that is not above a row "
            "may still answer for other reasons. The intervals of the rows resample tweets, not "
            "what was learned from them.",
        ],
        notices=[
            *result_notices([(row.name, row.result) for row in rows]),
            *results_kept_apart(
                (f"Results of {own[0].model} on {own[0].task}", [one.metadata for one in own])
                for own in _alike(results)
            ),
            *notes,
        ],
    )


def _title(place: tuple[str, str], places: Sequence[tuple[str, str]]) -> str:
    """The task, with its data where the report has it on several."""
    task, data = place
    return task if [name for name, _ in places].count(task) == 1 else f"{task} ({data})"


def _fits(subject: str, run: Run, row: Row, notes: list[str]) -> bool:
    """Whether *row* is about tweets of *run*; why not goes to *notes*."""
    try:
        shared(run.predictions, row.predictions)
    except ScoreError as error:
        notes.append(f"{run.task}: {subject} and {row.name} {error}, and are not compared.")
        return False
    return True


def _paragraphs(rows: Sequence[Row]) -> list[str]:
    folds = ", ".join(map(str, sorted({int(row.result.metadata["folds"]) for row in rows})))
    paragraphs = [
        f"The rows marked as trained are {_TRAINED}: the answers about a tweet come from a rule "
        f"that was fitted on the other folds ({folds} folds, one division a seed; tweets with "
        "the same image or text stand in one fold). They are scored like any other. A rule that "
        "learned only how frequent the relations are answers with the majority class: that, not "
        "chance, is what a row is held against."
    ]
    if any("encoder" in row.result.metadata for row in rows):
        paragraphs.append(
            "Of a contrastive encoder, the similarity of image and text is all that is known. "
            f"Represented: {SIMILARITY_RULES[Question.REPRESENTED]}. Adds: "
            f"{SIMILARITY_RULES[Question.ADDS]}."
        )
    if any(row.result.model == TEXT_MODEL for row in rows):
        paragraphs.append(
            f"{TEXT_MODEL} never sees an image: TF-IDF of characters and words, logistic "
            "regression, its strength chosen by cross-validation inside the other folds."
        )
    return paragraphs


def _against_majority(title: str, row: Row) -> Claim:
    """Where a row stands against the majority class, which it may have learned as any other."""
    own, against = row.score, sides(row.score)
    accuracy = f"{row.name}, {title}: accuracy {percent(own.accuracy)} %"
    if own.interval is None or against is None:
        return Claim(
            f"{accuracy} on too few tweets to say more.",
            f"none: {own.tweets} tweets are fewer than the {FEWEST} that an interval needs",
            finding=False,
        )
    return Claim(
        f"{accuracy}, {against.majority.value} the majority class "
        f"({percent(own.majority_class)} %).",
        f"95 % interval over {own.tweets} tweets {interval((own.interval.low, own.interval.high))} "
        "%; it and an exact binomial one have to lie on one side as a whole; one claim a row, not "
        "corrected",
        finding=against.majority in (Side.ABOVE, Side.BELOW),
    )


def _score_figure(title: str, rows: Sequence[Row], runs: Sequence[tuple[str, Run]]) -> Figure:
    known = [(row.name, row.predictions, row.score) for row in rows]
    known += [(name, run.predictions, run.score) for name, run in runs]
    table, bars = [], []
    predictions = [own for _, own, _ in known]
    for (name, _, one), accuracy in zip(known, accuracies(predictions), strict=True):
        samples = one.accuracy_by_sample if one.samples > 1 else ()
        bars.append(bar(name, accuracy.value, accuracy.interval, samples))
        table.append(
            [
                Cell("Model", name),
                Cell("Tweets", one.tweets, "count"),
                Cell("Samples", one.samples, "count"),
                *share("Accuracy", accuracy.value, accuracy.interval),
                Cell("Macro F1 %", one.macro_f1, "percent"),
                Cell("Adds %", one.adds_accuracy, "percent"),
                Cell("Represented %", one.represented_accuracy, "percent"),
                *(
                    Cell(f"Recall of {int(relation)} %", recall, "percent")
                    for relation, recall in zip(RELATIONS, one.recall, strict=True)
                ),
            ]
        )
    return Figure(
        f"Accuracy without a VLM, {title}",
        "Accuracy with its 95 % interval over tweets; small points are samples: one a seed, for "
        f"the trained rows one a division into folds. Trained: {_TRAINED}.",
        Table.of(f"{title}: scores of the trained rows and of the runs", table),
        charts([("", bars)], levels(predictions), "Accuracy, %"),
    )


def _difference_figure(title: str, compared: _Compared) -> Figure:
    return difference_figure(
        f"Models against the trained rows, {title}",
        "Accuracy of the model less that of the row, with its 95 % interval. Left of zero, the row "
        "is better.",
        f"{title}: differences, paired by tweet",
        [
            Line(
                one.subject,
                one.row.name,
                differences[ACCURACY],
                (Cell("Model", one.subject), Cell("Row", one.row.name)),
            )
            for one, differences in compared
        ],
        Headings(
            *("Model", "Row", "Difference", "Difference of accuracy"),
            only=("Only model", "Only row"),
        ),
    )


def _difference_claims(compared: _Compared) -> list[Claim]:
    return claims_of(
        compared,
        title=lambda one: f"{one.subject}, {one.title}",
        sentence=_sentence,
        sides=lambda one: (one.subject, one.row.name),
        name=lambda one: one.row.name,
        absent="difference of accuracy",
    )


def _sentence(one: _AgainstRow, differences: Differences) -> str:
    paired = differences[ACCURACY]
    side = "above" if paired.significant > 0 else "below"
    return f"{in_points(paired.difference)} {side} {one.row.name}."


STUDY = Study(
    name=NAME,
    title="Without a VLM",
    question="What is right without a vision-language model?",
    tasks=lambda base: (base,),
    analyse=analyse,
    execute=_execute,
)
