"""The same tweets in several languages, by people and by machines, and with other instructions."""

from __future__ import annotations

from collections.abc import Sequence

from itr_bench.data import home
from itr_bench.data.sets import get_set
from itr_bench.relation import RELATIONS
from itr_bench.report.scatter import Point
from itr_bench.scoring.predictions import shared
from itr_bench.studies.comparisons import (
    WITH_QUESTIONS,
    Differences,
    Headings,
    Line,
    accuracy_differences,
    claims_of,
    compare,
    data_notices,
    difference_figure,
    levels,
    limits,
    measure_name,
    p_cells,
    scaled,
)
from itr_bench.studies.formatting import in_points
from itr_bench.studies.grouping import Subject, subjects_of, variant_of
from itr_bench.studies.languages import (
    LanguagePair,
    images_of,
    language_pairs,
    quality_key,
    system_of,
)
from itr_bench.studies.section import (
    Cell,
    Figure,
    Row,
    Scatter,
    Section,
    Table,
    difference,
    number,
    share,
)
from itr_bench.studies.statistics import ACCURACY, Measure, accuracies
from itr_bench.studies.study import Material, Study
from itr_bench.tasks.spec import EXPLAINED, TASKS, TRIALS, get_task
from itr_bench.translation.quality import LABELS

_LTEC = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_lv_instruct_lv")
_MEASURES = (*WITH_QUESTIONS, *(Measure(relation=int(relation)) for relation in RELATIONS))
_QUALITIES = ("bleu", "chrf")

_TWO_GAPS = "That one gap is significant and another is not does not say that the two gaps differ."

_Compared = Sequence[tuple[LanguagePair, Differences]]


def tasks(base: str) -> tuple[str, ...]:
    """All languages of the tweets of *base*: of machine translations, each system that is built."""
    name = get_task(base).family
    for trial in TRIALS:
        if name in trial:
            return (base, *(task for task in trial if task != base))
    if images_of(base) != "ltec":
        return ()
    translated = [
        task if not home.systems(spec.set_name) else f"{task}@{system}"
        for task, spec in TASKS.items()
        if get_set(spec.set_name).is_translation
        for system in home.systems(spec.set_name) or (("",) if spec.language == "en" else ())
    ]
    return tuple(dict.fromkeys((base, *_LTEC, *translated)))


def analyse(material: Material) -> Section | None:
    """Differences between languages, what carries them, and the tweets that flip."""
    subjects, notices = subjects_of(material)
    pairs = [pair for subject in subjects for pair in language_pairs(subject, notices)]
    quality, quality_limits = _quality_figure(subjects, material)
    notices += material.quality_unknown
    if not pairs and not quality:
        return Section(notices=notices) if notices else None
    compared = compare(pairs, _MEASURES)
    return Section(
        claims=claims_of(
            compared,
            title=lambda pair: pair.subject,
            sentence=_sentence,
            sides=lambda pair: (f"on {pair.names[0]}", f"on {pair.names[1]}"),
            name=lambda pair: " against ".join(pair.names),
            absent="gap",
        ),
        paragraphs=(
            "The same tweets and images with the text in two languages, so that each difference is "
            "paired by tweet. A gap is split by relation: the share of a relation times the "
            "difference on its tweets is what it brings to the gap, and the four add up to it.",
        )
        if pairs
        else (),
        figures=[
            *([_gaps(compared), *_carriers(compared), _flips(pairs)] if pairs else []),
            *quality,
        ],
        limits=[
            *limits(accuracy_differences(compared)),
            *([_TWO_GAPS] if len(pairs) > 1 else []),
            *quality_limits,
        ],
        notices=[
            *data_notices(run for pair in pairs for run in (pair.first, pair.second)),
            *notices,
        ],
    )


def _sentence(pair: LanguagePair, differences: Differences) -> str:
    gap = differences[ACCURACY]
    better, worse = pair.names if gap.significant > 0 else pair.names[::-1]
    carriers = [
        measure_name(measure)
        for measure, one in differences.items()
        if measure is not ACCURACY and one.significant == gap.significant
    ]
    also = f" Significant by itself on: {'; '.join(carriers)}." if carriers else ""
    return f"{in_points(gap.difference)} better on {better} than on {worse}.{also}"


def _gaps(compared: _Compared) -> Figure:
    return difference_figure(
        "Gap between languages",
        "Accuracy on the first less accuracy on the second, with its 95 % interval. Right of zero, "
        "the first is better.",
        "Gaps, paired by tweet",
        [
            Line(
                pair.title,
                pair.subject,
                differences[ACCURACY],
                (
                    Cell("Model", pair.subject),
                    Cell("First", pair.names[0]),
                    Cell("Second", pair.names[1]),
                ),
            )
            for pair, differences in compared
        ],
        Headings("First", "Second", "Gap", "Gap", ("Only first right", "Only second right")),
    )


def _carriers(compared: _Compared) -> list[Figure]:
    """By question and by relation: where a gap comes from."""
    by_question: list[Row] = []
    by_relation: list[Row] = []
    for pair, differences in compared:
        whole = differences[ACCURACY].tweets
        for measure, one in differences.items():
            row = [
                Cell("Model", pair.subject),
                Cell("Gap", pair.title),
                Cell("On", measure_name(measure)),
                Cell("Tweets", one.tweets, "count"),
                *difference("Difference", one.difference if one.tweets else None, one.interval),
            ]
            if measure.question is not None:
                by_question.append([*row, *p_cells(one)])
            elif measure.relation is not None:
                part = one.difference * one.tweets / whole
                part_cell = Cell("Part of the gap", part, "difference")
                by_relation.append([*row, part_cell, *p_cells(one)])
    return [
        Figure(
            "What carries the gap, by relation",
            "The difference of accuracy on the tweets of one relation, and the part of the gap "
            "that it makes: the difference times the relation's share of the tweets.",
            Table.of("Gaps by relation", by_relation),
        ),
        Figure(
            "What carries the gap, by question",
            "The difference in right answers to one question.",
            Table.of("Gaps by question", by_question),
        ),
    ]


def _flips(pairs: Sequence[LanguagePair]) -> Figure:
    rows = []
    for pair in pairs:
        in_a, in_b = shared(pair.a, pair.b)
        right_a = pair.a.correct[in_a].mean(axis=1) > 0.5
        right_b = pair.b.correct[in_b].mean(axis=1) > 0.5
        for which, only in (("the first", right_a & ~right_b), ("the second", right_b & ~right_a)):
            ids = [pair.a.tweet_ids[place] for place in in_a[only]]
            rows.append(
                [
                    Cell("Model", pair.subject),
                    Cell("Gap", pair.title),
                    Cell("Right only on", which),
                    Cell("Tweets", len(ids), "count"),
                    Cell("Ids", " ".join(ids) or "none"),
                ]
            )
    return Figure(
        "Tweets that flip",
        "Tweets that a model has right in one language only, in more than half of its samples.",
        Table.of("Tweets that flip, by id", rows),
    )


def _quality_figure(
    subjects: Sequence[Subject], material: Material
) -> tuple[list[Figure], list[str]]:
    """Accuracy beside the quality of the translation, as far as that is known; drawn against it
    where it is known of two systems or more. And what is to be said where it is not.
    """
    known = [
        (subject.name, run, material.quality[quality_key(run)])
        for subject in subjects
        for run in subject.runs.values()
        if quality_key(run) in material.quality and not variant_of(run.task)
    ]
    if not known:
        return [], []
    predictions = [run.predictions for _, run, _ in known]
    rows = []
    points: dict[str, list[Point]] = {key: [] for key in _QUALITIES}
    for (subject, run, quality), accuracy in zip(known, accuracies(predictions), strict=True):
        system = system_of(run) + (", explained" if run.task.endswith(EXPLAINED) else "")
        row = [Cell("Model", subject), Cell("System", system)]
        for key in _QUALITIES:
            metric = quality.metrics[key]
            row += number(LABELS[key], metric.score, metric.interval)
            point = (metric.score, 100 * accuracy.value, scaled(accuracy.interval))
            points[key].append(Point(f"{subject}, {system}", *point, not run.placeholder))
        rows.append([*row, *share("Accuracy", accuracy.value, accuracy.interval)])
    several = len({quality_key(run) for _, run, _ in known}) > 1
    references = tuple(levels(predictions))
    figure = Figure(
        "Accuracy and the quality of the translation",
        "BLEU and chrF2 of all translations of a system against the published English, as "
        "itr-bench data mt-score gives them, and the accuracy of a model on them."
        + (" Each point is a model on the translations of one system." if several else ""),
        Table.of("Accuracy, BLEU and chrF2", rows),
        tuple(
            Scatter(
                tuple(own),
                f"{LABELS[key]} of the translation",
                "Accuracy, %",
                references=references,
            )
            for key, own in points.items()
        )
        if several
        else (),
    )
    limit = (
        "No test is made of accuracy against the quality of the translation: systems differ in "
        "more than these scores, and there are few of them."
        if several
        else "The quality of the translation is known of one machine system only: how accuracy "
        "goes with it needs two or more."
    )
    return [figure], [limit]


STUDY = Study(
    name="language",
    title="Language",
    question="Does a model care about the language of the text, and about who translated it?",
    tasks=tasks,
    analyse=analyse,
)
