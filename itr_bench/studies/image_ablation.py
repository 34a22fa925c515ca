"""Does a model look at both sides? The image or the text taken away, or taken from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from itr_bench.grouped import grouped
from itr_bench.relation import QUESTIONS, Question
from itr_bench.report.drawing import Bar
from itr_bench.report.words import percent
from itr_bench.scoring.predictions import shared
from itr_bench.studies.changes import Change, changes
from itr_bench.studies.comparisons import QUESTIONS as QUESTION_NAMES
from itr_bench.studies.comparisons import ZERO, Headings, bar, charts
from itr_bench.studies.formatting import in_points, interval_in_points, signed_points
from itr_bench.studies.grouping import VariantRun, with_variant
from itr_bench.studies.section import Cell, Claim, Figure, Row, Table, difference, share
from itr_bench.studies.statistics import FEWEST, Paired
from itr_bench.studies.variants import More, Spec, variant_study

WITHOUT = {
    "no-image": "without the image",
    "grey-image": "with a grey picture",
    "other-image": "with the image of another tweet",
    "shuffled-words": "with the words in random order",
    "other-text": "with the text of another tweet",
}
"""What each variant does, in words."""

_Changed = Sequence[tuple[VariantRun, Mapping[Question, Change]]]


def tasks(base: str) -> tuple[str, ...]:
    """The task and its variants."""
    return (base, *(with_variant(base, variant) for variant in WITHOUT))


def _sentence(phrase: str, paired: Paired) -> str:
    direction = "lower" if paired.difference < 0 else "higher"
    return (
        f"{phrase}, accuracy is {in_points(paired.difference)} {direction} "
        f"({percent(paired.b)} % to {percent(paired.a)} %)."
    )


def _changes(variants: Sequence[VariantRun]) -> More:
    """How many answers change, which accuracy may not show."""
    changed = list(zip(variants, changes(variants), strict=True))
    return More(
        {
            title: _claims(title, own)
            for title, own in grouped(changed, lambda one: one[0].title).items()
        },
        {
            base: [_figure(base, own)]
            for base, own in grouped(changed, lambda one: one[0].base).items()
        },
    )


def _claims(title: str, changed: _Changed) -> list[Claim]:
    return [
        *(claim for question in QUESTIONS for claim in _beyond_chance(title, question, changed)),
        *(claim for question in QUESTIONS for claim in _unchanged(title, question, changed)),
    ]


def _beyond_chance(title: str, question: Question, changed: _Changed) -> list[Claim]:
    """That answers change by more than chance."""
    found = [
        f"{WITHOUT[variant.label]} by {signed_points(beyond.value)} "
        f"({interval_in_points(beyond.interval)})"
        for variant, by_question in changed
        if (beyond := by_question[question].beyond) is not None
        and beyond.interval is not None
        and beyond.interval[0] > 0
    ]
    if not found:
        return []
    return [
        Claim(
            f"{title}: answers to {QUESTION_NAMES[question]} change by more than chance "
            f"{', '.join(found)}.",
            "95 % intervals over tweets, with these seeds, each by itself and not corrected: of "
            "40 of answers that do not change, one may lie above zero",
            finding=True,
        )
    ]


def _unchanged(title: str, question: Question, changed: _Changed) -> list[Claim]:
    """That no answer at all turns from yes to no or back, which says more than any test."""
    still = [
        (WITHOUT[variant.label], change)
        for variant, by_question in changed
        if (change := by_question[question]).turned == 0 and change.parsed_tweets >= FEWEST
    ]
    if not still:
        return []
    tweets = min(change.parsed_tweets for _, change in still)
    pairs = ", ".join(
        f"{change.parsed}{' of one seed' * change.of_one_seed} {phrase}" for phrase, change in still
    )
    return [
        Claim(
            f"{title}: no answer to {QUESTION_NAMES[question]} changes between yes and no "
            f"{', '.join(phrase for phrase, _ in still)}.",
            f"a count: none of the pairs of answers in which both are yes or no ({pairs}), about "
            f"{tweets} tweets or more. If more than {percent(min(1.0, 3 / tweets))} % of such "
            "tweets had one that changes, none would be found less than once in 20 times (rule of "
            "three)",
            finding=True,
        )
    ]


def _figure(base: str, changed: _Changed) -> Figure:
    rows: list[Row] = []
    beyond_chance: dict[str, list[Bar]] = {}
    raw: dict[str, list[Bar]] = {}
    for variant, by_question in changed:
        for question, change in by_question.items():
            name = f"{variant.label}, {QUESTION_NAMES[question]}"
            beyond = change.beyond
            shown, groups = (change.raw, raw) if beyond is None else (beyond, beyond_chance)
            groups.setdefault(variant.subject, []).append(bar(name, shown.value, shown.interval))
            rows.append(
                [
                    Cell("Model", variant.subject),
                    Cell("Variant", variant.label),
                    Cell("Question", QUESTION_NAMES[question]),
                    Cell("Tweets", len(shared(variant.a, variant.b)[0]), "count"),
                    *share("Change", change.raw.value, change.raw.interval),
                    Cell("Between samples alone %", change.alone, "percent"),
                    *difference(
                        "Beyond that, percentage points",
                        None if beyond is None else beyond.value,
                        None if beyond is None else beyond.interval,
                    ),
                    Cell("Parsed pairs", change.parsed, "count"),
                    Cell(
                        "Of these, yes against no %",
                        change.turned / change.parsed if change.parsed else None,
                        "percent",
                    ),
                ]
            )
    return Figure(
        f"Answers that change, {base}",
        "Share of answers that differ from those to the task as it is, beyond what differs "
        "between samples of one prompt; with its 95 % interval over tweets. Of runs with one "
        "sample, the share as it is, in a chart of its own. The last two columns are of pairs "
        "of one seed, where the runs share seeds.",
        Table.of(f"{base}: share of answers that change", rows),
        (
            *charts(
                [*beyond_chance.items()],
                [ZERO],
                "Answers that change beyond chance, percentage points",
                symmetric=True,
            ),
            *charts([*raw.items()], [], "Answers that change, chance not taken off, %"),
        ),
    )


STUDY = variant_study(
    "image-ablation",
    "Image ablation",
    "How much does a model use the image, and how much the text?",
    Spec(
        tasks=tasks,
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
        phrase=WITHOUT.__getitem__,
        against="as it is",
        sentence=_sentence,
        absent="change of accuracy",
        figure="Accuracy without one side",
        caption="Accuracy of the variant less that of the task as it is, with its 95 % interval. "
        "Left of zero, the model is worse without what was taken away.",
        table="differences against the task as it is, paired by tweet",
        column="Variant",
        names=Headings("Variant", "As it is", "Difference", "Difference of accuracy"),
        by_question="difference",
        more=_changes,
    ),
)
