"""What is right without a VLM? Reference rows that were trained inside the set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from itr_bench.encoders.embed import Pairs
from itr_bench.encoders.text_model import text_model_facts
from itr_bench.encoders.trained import (
    SIMILARITY_RULES,
    Division,
    by_similarity,
    by_text,
    divide,
)
from itr_bench.relation import RELATIONS, Question
from itr_bench.results.run import Run
from itr_bench.scoring import Score
from itr_bench.scoring.verdict import standing
from itr_bench.seeds import read_seeds
from itr_bench.site import words
from itr_bench.site.drawing import Reference
from itr_bench.studies.encoder_work import Work, notices
from itr_bench.studies.fold_predictions import NAME, TRAINED, Row, content, read_rows
from itr_bench.studies.frame import arrange
from itr_bench.studies.section import Claim, Column, Figure, Section, Table, Value
from itr_bench.studies.statistics import Contrast, Paired, compared
from itr_bench.studies.study import Job, Material, Study
from itr_bench.studies.wording import ZERO, bar, charts, limits, not_told, test_of

TEXT_MODEL = "text-linear"
FOLDS = 5

_OPTIONS: Mapping[str, type] = {"folds": int}


# Making the rows


def conduct(job: Job) -> list[Path]:
    """Make the rows: thresholds on the encoder's similarity, and the model of the text alone.

    ``--model text-linear`` makes the second only.
    """
    work = Work(job, NAME, _OPTIONS)
    folds = job.arguments.get("folds", FOLDS)
    seeds = read_seeds("paper") if job.seeds is None else tuple(job.seeds)
    written = []
    for base in job.bases:
        data, pairs = work.pairs(base)
        division = divide(pairs, folds, seeds)
        facts = {"trained": TRAINED, "folds": folds, "seeds": list(seeds)}
        if job.model != TEXT_MODEL:
            encoder = work.encoder
            written.append(
                work.result(
                    encoder.name,
                    base,
                    data,
                    {
                        **facts,
                        "method": "threshold on the similarity of image and text",
                        "rules": {q.value: rule for q, rule in SIMILARITY_RULES.items()},
                        "encoder": dict(encoder.facts),
                    },
                    partial(_similarity_content, work, pairs, division),
                )
            )
        written.append(
            work.result(
                TEXT_MODEL,
                base,
                data,
                {**facts, **text_model_facts()},
                partial(_text_content, pairs, division),
            )
        )
    return written


def _similarity_content(work: Work, pairs: Pairs, division: Division) -> dict[str, Any]:
    embedded = work.embedded(pairs)
    return {
        **content(by_similarity(embedded.similarities, division), division),
        "truncated": embedded.truncated,
    }


def _text_content(pairs: Pairs, division: Division) -> dict[str, Any]:
    return content(by_text(pairs.texts, division), division)


# What they show


def analyse(material: Material) -> Section | None:
    """The rows beside the runs of the same task on the same data, and their differences."""
    rows = read_rows(material.results_of(NAME))
    if not rows:
        return None
    arranged = arrange(material)
    places = sorted({(row.result.task, row.result.data) for row in rows})
    figures: list[Figure] = []
    claims: list[Claim] = []
    every: list[Paired] = []
    for task, data in places:
        own = [row for row in rows if (row.result.task, row.result.data) == (task, data)]
        runs = {
            subject.name: run
            for subject in arranged.subjects
            for name, run in subject.runs.items()
            if (name, run.data) == (task, data)
        }
        title = _title(task, data, places)
        figures.append(_scores(title, own, runs))
        claims += [_standing(title, row) for row in own]
        if runs:
            families = [
                [Contrast(run.outcomes, row.outcomes) for row in own] for run in runs.values()
            ]
            found = compared(families)
            every += [one for family in found for one in family]
            figures.append(_differences(title, own, list(runs), found))
            claims += _claims(title, own, list(runs), found)
    return Section(
        paragraphs=_paragraphs(rows),
        claims=claims,
        figures=figures,
        limits=[
            *limits(every),
            "The rows learned from labels of this very set, which no VLM saw. A row above a VLM "
            "says that the set can be learned, not that the row understands it; a VLM that is not "
            "above a row may still answer for other reasons. The intervals of the rows resample "
            "tweets, not what was learned from them.",
        ],
        notices=notices([(row.name, row.result) for row in rows]),
    )


def _title(task: str, data: str, places: Sequence[tuple[str, str]]) -> str:
    """The task, with its data where the report has it on several."""
    return task if [name for name, _ in places].count(task) == 1 else f"{task} ({data})"


def _paragraphs(rows: Sequence[Row]) -> list[str]:
    folds = sorted({int(row.result.facts["folds"]) for row in rows})
    several = ", ".join(map(str, folds))
    said = [
        f"The rows marked as trained are {TRAINED}: the answers about a tweet come from a rule "
        f"that was fitted on the other folds ({several} folds, one division a seed; tweets with "
        "the same image or text stand in one fold). They are scored like any other."
    ]
    if any("encoder" in row.result.facts for row in rows):
        said.append(
            "Of a contrastive encoder, the similarity of image and text is all that is known. "
            f"Represented: {SIMILARITY_RULES[Question.REPRESENTED]}. Adds: "
            f"{SIMILARITY_RULES[Question.ADDS]}."
        )
    if any(row.result.model == TEXT_MODEL for row in rows):
        said.append(
            f"{TEXT_MODEL} never sees an image: TF-IDF of characters and words, logistic "
            "regression, its strength chosen by cross-validation inside the other folds."
        )
    return said


def _standing(title: str, row: Row) -> Claim:
    found, interval = row.score, row.score.interval
    ends = "no interval" if interval is None else words.interval((interval.low, interval.high))
    above = interval is not None and interval.low > found.majority_class
    return Claim(
        f"{row.name}, {title}: accuracy {words.percent(found.accuracy)} %, "
        f"{standing(found).value} (chance {words.percent(found.uniform_chance)} %, majority class "
        f"{words.percent(found.majority_class)} %).",
        f"95 % bootstrap interval over {found.tweets} tweets: {ends} %; the whole of it has to lie "
        "above a reference",
        told=above,
    )


def _scores(title: str, rows: Sequence[Row], runs: Mapping[str, Run]) -> Figure:
    known = [(row.name, row.score) for row in rows]
    known += [(name, run.score) for name, run in runs.items()]
    bars = [
        bar(
            name,
            one.accuracy,
            None if one.interval is None else (one.interval.low, one.interval.high),
            one.accuracy_by_sample if one.samples > 1 else (),
        )
        for name, one in known
    ]
    first = rows[0].score
    references = [
        Reference("chance", 100 * first.uniform_chance),
        Reference("majority class", 100 * first.majority_class, majority=True),
    ]
    columns = (
        Column("Model"),
        Column("Tweets", "count"),
        Column("Samples", "count"),
        Column("Accuracy %", "percent"),
        Column("95 % interval", "interval"),
        Column("Macro F1 %", "percent"),
        Column("Adds %", "percent"),
        Column("Represented %", "percent"),
        *(Column(f"Recall of {int(relation)} %", "percent") for relation in RELATIONS),
    )
    return Figure(
        f"Accuracy without a VLM, {title}",
        "Accuracy with its 95 % interval over tweets; small points are samples: one a seed, for "
        f"the trained rows one a division into folds. Trained: {TRAINED}.",
        Table(
            f"{title}: scores of the trained rows and of the runs",
            columns,
            tuple(_score_row(name, one) for name, one in known),
        ),
        charts([("", bars)], references, "Accuracy, %"),
    )


def _score_row(name: str, one: Score) -> tuple[Value, ...]:
    interval = None if one.interval is None else (one.interval.low, one.interval.high)
    return (
        *(name, one.tweets, one.samples, one.accuracy, interval, one.macro_f1),
        *(one.adds_accuracy, one.represented_accuracy, *one.recall),
    )


def _differences(
    title: str, rows: Sequence[Row], runs: Sequence[str], found: Sequence[Sequence[Paired]]
) -> Figure:
    groups = []
    table: list[tuple[Value, ...]] = []
    for name, family in zip(runs, found, strict=True):
        bars = []
        for row, one in zip(rows, family, strict=True):
            bars.append(bar(row.name, one.difference, one.interval))
            table.append(
                (
                    *(name, row.name, one.tweets, one.a, one.b, one.difference, one.interval),
                    *(one.only_a, one.only_b, one.p_value, one.adjusted),
                )
            )
        groups.append((name, bars))
    return Figure(
        f"Models against the trained rows, {title}",
        "Accuracy of the model less that of the row, with its 95 % interval. Left of zero, the row "
        "is better.",
        Table(
            f"{title}: differences, paired by tweet",
            (
                Column("Model"),
                Column("Row"),
                Column("Tweets", "count"),
                Column("Model %", "percent"),
                Column("Row %", "percent"),
                Column("Difference", "points"),
                Column("95 % interval", "points-interval"),
                Column("Only model", "count"),
                Column("Only row", "count"),
                Column("p, alone", "p"),
                Column("p, Holm", "p"),
            ),
            tuple(table),
        ),
        charts(
            groups,
            [ZERO],
            "Difference of accuracy, points",
            symmetric=True,
        ),
    )


def _claims(
    title: str, rows: Sequence[Row], runs: Sequence[str], found: Sequence[Sequence[Paired]]
) -> list[Claim]:
    claims = []
    for name, family in zip(runs, found, strict=True):
        untold = []
        for row, one in zip(rows, family, strict=True):
            if not one.told:
                untold.append(row.name)
                continue
            side = "above" if one.told > 0 else "below"
            claims.append(
                Claim(
                    f"{name}, {title}: {words.percent(abs(one.difference))} points {side} "
                    f"{row.name}.",
                    test_of(one, name, row.name),
                    told=True,
                )
            )
        claims += not_told(untold, f"{name}, {title}", "a difference of accuracy")
    return claims


def tasks(base: str) -> tuple[str, ...]:
    """The task itself."""
    return (base,)


STUDY = Study(
    name=NAME,
    title="Without a VLM",
    question="What is right without a vision-language model?",
    tasks=tasks,
    analyse=analyse,
    conduct=conduct,
)
