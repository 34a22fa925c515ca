"""Does a model look at both sides? The image or the text taken away, or taken from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from itr_bench.relation import QUESTIONS, Question
from itr_bench.report import words
from itr_bench.studies.changes import Change, changes
from itr_bench.studies.frame import Cell, arrange, cells, label, with_variant
from itr_bench.studies.section import Claim, Column, Figure, Section, Table, Value
from itr_bench.studies.statistics import (
    ACCURACY,
    FEWEST,
    Contrast,
    Measure,
    Paired,
    compared_by,
    shared,
)
from itr_bench.studies.study import Material, Study
from itr_bench.studies.wording import QUESTIONS as QUESTION_NAMES
from itr_bench.studies.wording import (
    ZERO,
    bar,
    charts,
    data_notices,
    in_points,
    limits,
    not_told,
    of_questions,
    p_columns,
    p_values,
    question_columns,
    test_of,
)

VARIANTS = ("no-image", "grey-image", "other-image", "shuffled-words", "other-text")
_WITHOUT = {
    "no-image": "without the image",
    "grey-image": "with a grey picture",
    "other-image": "with the image of another tweet",
    "shuffled-words": "with the words in random order",
    "other-text": "with the text of another tweet",
}
_MEASURES = (ACCURACY, *(Measure(question) for question in QUESTIONS))


def tasks(base: str) -> tuple[str, ...]:
    """The task and its blind variants."""
    return (base, *(with_variant(base, variant) for variant in VARIANTS))


def analyse(material: Material) -> Section | None:
    """Drops of accuracy and changes of answers against the task as it is."""
    arranged = arrange(material)
    found, missing = cells(arranged, tasks)
    if not found:
        notices = (*arranged.notices, *missing)
        return Section(notices=notices) if notices else None
    contrasts = [
        [
            Contrast(run.predictions, cell.reference.predictions, measure)
            for run in cell.variants.values()
            for measure in _MEASURES
        ]
        for cell in found
    ]
    drops = compared_by([cell.subject for cell in found], contrasts)
    by_cell = [
        {
            (task, measure): one
            for (task, measure), one in zip(
                [(task, measure) for task in cell.variants for measure in _MEASURES],
                own,
                strict=True,
            )
        }
        for cell, own in zip(found, drops, strict=True)
    ]
    changed = [changes(cell) for cell in found]
    return Section(
        paragraphs=(
            "Each variant takes something away from the same tweets: the image, its content, the "
            "order of the words, or the fit of text and image. Answers that change show that a "
            "model uses what was taken away. Accuracy shows it only of a model that is above "
            "chance: near chance there is nothing to lose.",
            "An answer changes where a sample of the variant differs from a sample of the task as "
            "it is that has another seed. Two samples of one prompt can differ, too; that share is "
            "taken off: what is left is zero on average where the answers to each tweet have the "
            "same distribution, and exactly zero where every answer stays, seed by seed. Of one "
            "sample a run, chance cannot be taken off: the share that changes then stands as it "
            "is, between samples of one seed where there are any. Where runs share seeds, that no "
            "answer changes is counted over samples of one seed, which have the same noise.",
        ),
        claims=[
            claim
            for cell, own, change in zip(found, by_cell, changed, strict=True)
            for claim in _claims(cell, own, change)
        ],
        figures=[
            figure
            for base in dict.fromkeys(cell.base for cell in found)
            for figure in _figures(
                base,
                [one for one in zip(found, by_cell, changed, strict=True) if one[0].base == base],
            )
        ],
        limits=limits([one[task, ACCURACY] for one in by_cell for task, m in one if m is ACCURACY]),
        notices=(
            *data_notices([r for c in found for r in (c.reference, *c.variants.values())]),
            *arranged.notices,
            *missing,
        ),
    )


_Drops = dict[tuple[str, Measure], Paired]
_Changes = dict[tuple[str, Question], Change]


def _claims(cell: Cell, drops: _Drops, changed: _Changes) -> list[Claim]:
    claims, untold = [], []
    for task in cell.variants:
        found = drops[task, ACCURACY]
        without = _WITHOUT[label(task)]
        if found.told:
            direction = "lower" if found.difference < 0 else "higher"
            claims.append(
                Claim(
                    f"{cell.title}: {without}, accuracy is "
                    f"{words.percent(abs(found.difference))} points {direction} "
                    f"({words.percent(found.b)} % to {words.percent(found.a)} %).",
                    test_of(found, without, "as it is"),
                    told=True,
                )
            )
        elif found.p_value is not None:
            untold.append(label(task))
    return [
        *claims,
        *not_told(untold, cell.title, "a change of accuracy"),
        *_claims_of_changes(cell, changed),
        *_claims_of_answers(cell, changed),
    ]


def _claims_of_changes(cell: Cell, changed: _Changes) -> list[Claim]:
    """That answers change by more than chance, which accuracy may not show."""
    claims = []
    for question in QUESTIONS:
        shown = [
            f"{_WITHOUT[label(task)]} by {words.points(beyond.value)} points "
            f"({in_points(beyond.interval)})"
            for task in cell.variants
            if (beyond := changed[task, question].beyond) is not None
            and beyond.interval is not None
            and beyond.interval[0] > 0
        ]
        if shown:
            claims.append(
                Claim(
                    f"{cell.title}: answers to {QUESTION_NAMES[question]} change by more than "
                    f"chance {', '.join(shown)}.",
                    "95 % intervals over tweets, with these seeds, each by itself and not "
                    "corrected: of 40 of answers that do not change, one may lie above zero",
                    told=True,
                )
            )
    return claims


def _claims_of_answers(cell: Cell, changed: _Changes) -> list[Claim]:
    """That no answer at all turns from yes to no or back, which says more than any test."""
    claims = []
    for question in QUESTIONS:
        still = {
            task: change
            for task in cell.variants
            if (change := changed[task, question]).turned == 0 and change.read_tweets >= FEWEST
        }
        if not still:
            continue
        tweets = min(change.read_tweets for change in still.values())
        pairs = ", ".join(
            f"{change.read}{' of one seed' * change.of_one_seed} {_WITHOUT[label(task)]}"
            for task, change in still.items()
        )
        claims.append(
            Claim(
                f"{cell.title}: no answer to {QUESTION_NAMES[question]} changes between yes and no "
                f"{', '.join(_WITHOUT[label(task)] for task in still)}.",
                "a count: none of the pairs of answers in which both are yes or no "
                f"({pairs}), about {tweets} tweets or more. If more than "
                f"{words.percent(min(1.0, 3 / tweets))} % of such tweets had one that changes, "
                "none would be found less than once in 20 times (rule of three)",
                told=True,
            )
        )
    return claims


def _tweets(cell: Cell, task: str) -> int:
    return len(shared(cell.reference.predictions, cell.variants[task].predictions)[0])


def _figures(base: str, found: Sequence[tuple[Cell, _Drops, _Changes]]) -> list[Figure]:
    drops: list[tuple[Value, ...]] = []
    shares_: list[tuple[Value, ...]] = []
    groups, beyond_groups, raw_groups = [], [], []
    for cell, own, changed in found:
        bars, beyond_bars, raw_bars = [], [], []
        for task in cell.variants:
            one = own[task, ACCURACY]
            bars.append(bar(label(task), one.difference, one.interval))
            drops.append(_drop_row(cell, task, own))
            for question in QUESTIONS:
                change = changed[task, question]
                name = f"{label(task)}, {QUESTION_NAMES[question]}"
                if change.beyond is None:
                    raw_bars.append(bar(name, change.raw.value, change.raw.interval))
                else:
                    beyond_bars.append(bar(name, change.beyond.value, change.beyond.interval))
                shares_.append(_change_row(cell, task, question, change))
        groups.append((cell.subject, bars))
        beyond_groups += [(cell.subject, beyond_bars)] if beyond_bars else []
        raw_groups += [(cell.subject, raw_bars)] if raw_bars else []
    return [
        Figure(
            f"Accuracy without one side, {base}",
            "Accuracy of the variant less that of the task as it is, with its 95 % interval. Left "
            "of zero, the model is worse without what was taken away.",
            Table(
                f"{base}: differences against the task as it is, paired by tweet",
                (
                    Column("Model"),
                    Column("Variant"),
                    Column("Tweets", "count"),
                    Column("As it is %", "percent"),
                    Column("Variant %", "percent"),
                    Column("Difference", "points"),
                    Column("95 % interval", "points-interval"),
                    *p_columns(),
                    *question_columns("difference"),
                ),
                tuple(drops),
            ),
            charts(groups, [ZERO], "Difference of accuracy, points", symmetric=True),
        ),
        Figure(
            f"Answers that change, {base}",
            "Share of answers that differ from those to the task as it is, beyond what differs "
            "between samples of one prompt; with its 95 % interval over tweets. Of runs with one "
            "sample, the share as it is, in a chart of its own. The last two columns are of pairs "
            "of one seed, where the runs share seeds.",
            Table(
                f"{base}: share of answers that change",
                (
                    Column("Model"),
                    Column("Variant"),
                    Column("Question"),
                    Column("Tweets", "count"),
                    Column("Change %", "percent"),
                    Column("95 % interval", "interval"),
                    Column("Between samples alone %", "percent"),
                    Column("Beyond that, points", "points"),
                    Column("95 % interval", "points-interval"),
                    Column("Pairs that are read", "count"),
                    Column("Of these, yes against no %", "percent"),
                ),
                tuple(shares_),
            ),
            (
                *charts(
                    beyond_groups,
                    [ZERO],
                    "Answers that change beyond chance, points",
                    symmetric=True,
                ),
                *charts(raw_groups, [], "Answers that change, chance not taken off, %"),
            ),
        ),
    ]


def _drop_row(cell: Cell, task: str, own: _Drops) -> tuple[Value, ...]:
    one = own[task, ACCURACY]
    row: list[Value] = [cell.subject, label(task), one.tweets, one.b, one.a, one.difference]
    row += [one.interval, *p_values(one)]
    return (*row, *of_questions([own[task, Measure(question)] for question in QUESTIONS]))


def _change_row(cell: Cell, task: str, question: Question, change: Change) -> tuple[Value, ...]:
    row: list[Value] = [cell.subject, label(task), QUESTION_NAMES[question], _tweets(cell, task)]
    row += [change.raw.value, change.raw.interval, change.alone]
    beyond = change.beyond
    row += [None, None] if beyond is None else [beyond.value, beyond.interval]
    return (*row, change.read, change.turned / change.read if change.read else None)


STUDY = Study(
    name="blindness",
    title="Blindness",
    question="How much does a model use the image, and how much the text?",
    tasks=tasks,
    analyse=analyse,
)
