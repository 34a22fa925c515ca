"""What is right without a VLM? Reference rows that were trained inside the set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from itr_bench.errors import ScoreError
from itr_bench.relation import Question
from itr_bench.runs.run import Run
from itr_bench.seeds import read_seeds
from itr_bench.studies.encoder_work import Work, kept_apart, notices
from itr_bench.studies.encoders.embed import Pairs
from itr_bench.studies.encoders.text_model import text_model_facts
from itr_bench.studies.encoders.trained import (
    SIMILARITY_RULES,
    Division,
    by_similarity,
    by_text,
    divide,
)
from itr_bench.studies.fold_predictions import NAME, TRAINED, Row, content, read_rows
from itr_bench.studies.frame import arrange
from itr_bench.studies.no_vlm_figures import (
    Beside,
    difference_claims,
    difference_figure,
    score_figure,
    standing_claim,
)
from itr_bench.studies.section import Claim, Figure, Section
from itr_bench.studies.statistics import Contrast, compared_by, shared
from itr_bench.studies.study import Job, Material, Study
from itr_bench.studies.wording import limits

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
        # First, since all encoders share it: one made under other conditions stops all.
        written.append(
            work.result(
                TEXT_MODEL,
                base,
                data,
                {**facts, **text_model_facts()},
                partial(_text_content, pairs, division),
            )
        )
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
    notes: list[str] = []
    told: list[Beside] = []
    for task, data in places:
        own = [row for row in rows if (row.result.task, row.result.data) == (task, data)]
        title = _title(task, data, places)
        for subject in arranged.subjects:
            run = subject.runs.get(task)
            if run is not None and run.data == data:
                told.append(
                    Beside(title, subject.name, run, _fitting(subject.name, run, own, notes))
                )
    contrasts = [[Contrast(one.run.predictions, r.predictions) for r in one.rows] for one in told]
    compared_ = compared_by([one.name for one in told], contrasts)
    figures: list[Figure] = []
    claims: list[Claim] = []
    for task, data in places:
        title = _title(task, data, places)
        own = [row for row in rows if (row.result.task, row.result.data) == (task, data)]
        here = [both for both in zip(told, compared_, strict=True) if both[0].title == title]
        figures.append(score_figure(title, own, [one for one, _ in here]))
        claims += [standing_claim(title, row) for row in own]
        if any(found for _, found in here):
            figures.append(difference_figure(title, here))
            claims += [claim for one, found in here for claim in difference_claims(one, found)]
    return Section(
        paragraphs=_paragraphs(rows),
        claims=claims,
        figures=figures,
        limits=[
            *limits([one for found in compared_ for one in found]),
            "The rows learned from labels of this very set, which no VLM saw. A row above a VLM "
            "says that the set can be learned, not that the row understands it; a VLM that is not "
            "above a row may still answer for other reasons. The intervals of the rows resample "
            "tweets, not what was learned from them.",
        ],
        notices=(
            *notices([(row.name, row.result) for row in rows]),
            *kept_apart(_alike(rows)),
            *notes,
        ),
    )


def _alike(rows: Sequence[Row]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The facts of the results of one model and task on the same data."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        place = (row.result.model, row.result.task, row.result.data)
        found.setdefault(place, []).append(row.result.facts)
    return [(f"Results of {model} on {task}", facts) for (model, task, _), facts in found.items()]


def _fitting(name: str, run: Run, rows: Sequence[Row], notes: list[str]) -> list[Row]:
    """The *rows* about tweets of *run*; why not the others goes to *notes*."""
    found = []
    for row in rows:
        try:
            shared(run.predictions, row.predictions)
        except ScoreError as error:
            notes.append(f"{run.task}: {name} and {row.name} {error}, and are not compared.")
        else:
            found.append(row)
    return found


def _title(task: str, data: str, places: Sequence[tuple[str, str]]) -> str:
    """The task, with its data where the report has it on several."""
    return task if [name for name, _ in places].count(task) == 1 else f"{task} ({data})"


def _paragraphs(rows: Sequence[Row]) -> list[str]:
    folds = sorted({int(row.result.facts["folds"]) for row in rows})
    several = ", ".join(map(str, folds))
    said = [
        f"The rows marked as trained are {TRAINED}: the answers about a tweet come from a rule "
        f"that was fitted on the other folds ({several} folds, one division a seed; tweets with "
        "the same image or text stand in one fold). They are scored like any other. A rule that "
        "learned only how frequent the relations are answers with the majority class: that, not "
        "chance, is what a row is held against."
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
