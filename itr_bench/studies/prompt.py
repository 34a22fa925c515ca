"""How much of a score is the prompt: wordings, order, format, and what the negation says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.relation import QUESTIONS, Question
from itr_bench.report.drawing import Bar
from itr_bench.report.words import interval, p_equals, percent
from itr_bench.scoring.predictions import Predictions
from itr_bench.scoring.significance import LEVEL, holm
from itr_bench.studies.comparisons import QUESTIONS as QUESTION_NAMES
from itr_bench.studies.comparisons import Headings, bar, charts, levels
from itr_bench.studies.formatting import in_points
from itr_bench.studies.grouping import VariantRun, label, with_variant
from itr_bench.studies.negation import Negation, negation
from itr_bench.studies.prompt_variation import PromptVariation, prompt_variation
from itr_bench.studies.section import Cell, Claim, Figure, Row, Table, number, share
from itr_bench.studies.statistics import Interval, Paired, shares
from itr_bench.studies.variants import More, Spec, variant_study
from itr_bench.tasks.spec import EXPLAINED
from itr_bench.tasks.variants import PARAPHRASES

OTHERS = ("image-first", "text-first", "defined", "negated", "both", "choice")

_VARIATION = "variation"
"""The name of the test of the wordings; those of negations have their question's."""


def tasks(base: str) -> tuple[str, ...]:
    """The task, its paraphrases, and other ways to ask."""
    explained = () if base.endswith(EXPLAINED) else (base + EXPLAINED,)
    variants = [with_variant(base, variant) for variant in (*PARAPHRASES, *OTHERS)]
    return (base, *variants, *explained)


@dataclass(frozen=True)
class _Prompts:
    """What the wordings and the negation of one task show, run by one subject.

    Attributes:
        variants: all that were run.
        variation: over the wordings; ``None`` where there are too few.
        negations: by question, where the negation was run.
        adjusted: p values of both by Holm's method, over the subject's *tests*.
    """

    variants: Sequence[VariantRun]
    variation: PromptVariation | None
    negations: Mapping[Question, Negation]
    adjusted: Mapping[str, float] = field(default_factory=dict)
    tests: int = 0

    @property
    def subject(self) -> str:
        return self.variants[0].subject

    @property
    def title(self) -> str:
        return self.variants[0].title

    @property
    def p_values(self) -> list[tuple[str, float | None]]:
        """Those of variation and negations, alone."""
        alone = None if self.variation is None else self.variation.p_value
        return [
            (_VARIATION, alone),
            *((question.value, one.p_value) for question, one in self.negations.items()),
        ]

    def significant(self, name: str) -> bool:
        """Whether the wordings differ, or a negation does not fit."""
        return self.adjusted.get(name, 1.0) < LEVEL

    def both_p_values(self, name: str, alone: float) -> str:
        """Both p values of a test, in words."""
        return (
            f"{p_equals(alone)}, by Holm's method over the {count(self.tests, 'test')} of wordings "
            f"and negations on {self.subject} {p_equals(self.adjusted[name])}"
        )


def _more(variants: Sequence[VariantRun]) -> More:
    prompts = _corrected(
        [
            _Prompts(own, prompt_variation(_wordings(own)), _negations(own))
            for own in grouped(variants, lambda one: one.title).values()
        ]
    )
    by_base = grouped(prompts, lambda one: one.variants[0].base)
    return More(
        {one.title: _claims(one) for one in prompts},
        {
            base: [
                *_variation_figure(base, own),
                *_negation_figure(base, own),
                _yes_figure(base, own),
            ]
            for base, own in by_base.items()
        },
    )


def _wordings(variants: Sequence[VariantRun]) -> dict[str, Predictions]:
    """The paper's wording and its paraphrases, as far as they were run."""
    runs = {variant.label: variant.a for variant in variants}
    paraphrases = {name: runs[name] for name in PARAPHRASES if name in runs}
    return {"the paper's": variants[0].b, **paraphrases}


def _negations(variants: Sequence[VariantRun]) -> dict[Question, Negation]:
    return {
        question: negation(variant.b, variant.a, question)
        for variant in variants
        if variant.label == "negated"
        for question in QUESTIONS
    }


def _corrected(prompts: Sequence[_Prompts]) -> list[_Prompts]:
    """*prompts* with p values by Holm's method: those of one subject are one family."""
    corrected = list(prompts)
    for own in grouped(range(len(prompts)), lambda i: prompts[i].subject).values():
        known = [(i, name, p) for i in own for name, p in prompts[i].p_values if p is not None]
        for (i, name, _), p_value in zip(known, holm([p for *_, p in known]), strict=True):
            adjusted = {**corrected[i].adjusted, name: p_value}
            corrected[i] = replace(corrected[i], adjusted=adjusted, tests=len(known))
    return corrected


# Claims


def _sentence(phrase: str, paired: Paired) -> str:
    direction = "lower" if paired.significant < 0 else "higher"
    return f"asked {phrase}, accuracy is {in_points(paired.difference)} {direction} than as it is."


def _claims(prompts: _Prompts) -> list[Claim]:
    variation = prompts.variation
    return [
        *([] if variation is None else [_claim_of_variation(prompts, variation)]),
        *(
            claim
            for question, one in prompts.negations.items()
            for claim in _claims_of_negation(prompts, question, one)
        ),
    ]


def _claim_of_variation(prompts: _Prompts, variation: PromptVariation) -> Claim:
    significant = prompts.significant(_VARIATION)
    verb = "differ significantly" if significant else "do not differ significantly"
    seeds = "; a wording has one seed: for this seed only" if variation.samples == 1 else ""
    return Claim(
        f"{prompts.title}: the {len(variation.names)} wordings {verb}: accuracy "
        f"{percent(min(variation.accuracies))} to {percent(max(variation.accuracies))} %, "
        f"SD {in_points(variation.sd)}.",
        f"bootstrap test on {variation.tweets} tweets that all wordings have one accuracy: by "
        f"chance an SD of {in_points(variation.sd_by_chance)} (median); "
        f"{prompts.both_p_values(_VARIATION, variation.p_value)}{seeds}",
        significant,
    )


def _claims_of_negation(prompts: _Prompts, question: Question, one: Negation) -> list[Claim]:
    title = f"{prompts.title}: on {QUESTION_NAMES[question]}"
    claims = []
    if prompts.significant(question.value) and one.p_value is not None:
        claims.append(
            Claim(
                f"{title}, the answer to the question fits that to its negation less often than "
                "answers that know nothing of each other would: "
                f"{percent(one.alike)} %, not {percent(one.by_chance)} %.",
                f"permutation test on {one.parsed_tweets} tweets; "
                f"{prompts.both_p_values(question.value, one.p_value)}",
                finding=True,
            )
        )
    intervals = (one.yes_interval, one.yes_negated_interval)
    if all(_nearly_all(ends, one.parsed_tweets) for ends in intervals):
        claims.append(
            Claim(
                f"{title}, the model agrees whatever is asked: it says yes to {percent(one.yes)} % "
                f"of the questions and to {percent(one.yes_negated)} % of their negations.",
                f"95 % intervals over {one.parsed_tweets} tweets {interval(one.yes_interval)} % "
                f"and {interval(one.yes_negated_interval)} %, both above 90 %, as are the rule of "
                "three's; not corrected",
                finding=True,
            )
        )
    return claims


def _nearly_all(ends: Interval | None, tweets: int) -> bool:
    """Whether a share is above 0.9. Resampling cannot see what no tweet shows, so the lower end
    is at most what the rule of three allows.
    """
    return ends is not None and tweets > 0 and min(ends[0], 1 - 3 / tweets) > 0.9


# Figures


def _variation_figure(base: str, prompts: Sequence[_Prompts]) -> list[Figure]:
    known = [(one, one.variation) for one in prompts if one.variation is not None]
    if not known:
        return []
    rows: list[Row] = []
    for own, one in known:
        row = [
            Cell("Model", own.subject),
            Cell("Wordings", len(one.names), "count"),
            Cell("Tweets", one.tweets, "count"),
            *share("Mean", one.mean.value, one.mean.interval),
            Cell("SD, percentage points", one.sd, "percent"),
            Cell("SD by chance, median", one.sd_by_chance, "percent"),
            Cell("p of the SD", one.p_value, "p"),
            Cell("p, Holm", own.adjusted[_VARIATION], "p"),
        ]
        for which, extreme in (("Best", one.best), ("Worst", one.worst)):
            name = one.names[extreme.place] if extreme.tied == 1 else f"several ({extreme.tied})"
            row += [
                Cell(which, name),
                Cell("Its accuracy %, biased", extreme.observed, "percent"),
                Cell("95 % interval, all wordings together", extreme.interval, "interval"),
                Cell(f"{which} by the other half %", extreme.held_out, "percent"),
                Cell("Same choice %", extreme.stable, "percent"),
            ]
        rows.append(row)
    bars = [
        bar(own.subject, one.mean.value, one.mean.interval, one.accuracies) for own, one in known
    ]
    return [
        Figure(
            f"Accuracy over the wordings, {base}",
            "The point is the mean over the wordings with its 95 % interval over tweets; each "
            "small stroke is one wording.",
            Table.of(f"{base}: the paper's wording and its paraphrases", rows),
            charts([("", bars)], levels([own.variants[0].b for own, _ in known]), "Accuracy, %"),
        )
    ]


def _yes_figure(base: str, prompts: Sequence[_Prompts]) -> Figure:
    """How often the model answers yes; there are more lines than a chart bears."""
    rows: list[Row] = []
    for one in prompts:
        runs = {base: one.variants[0].b, **{variant.task: variant.a for variant in one.variants}}
        keys = [(task, question) for task in runs for question in QUESTIONS]
        answers = [runs[task].answers(question) for task, question in keys]
        yes = shares([((a == 1).sum(axis=1, dtype=np.int64), a.shape[1]) for a in answers])
        for (task, question), own, said_yes in zip(keys, answers, yes, strict=True):
            by_labels = float(runs[task].is_yes(question).mean())
            rows.append(
                [
                    Cell("Model", one.subject),
                    Cell("Asked", label(task)),
                    Cell("Question", QUESTION_NAMES[question]),
                    *share("Yes", said_yes.value, said_yes.interval),
                    Cell("Yes by the labels %", by_labels, "percent"),
                    Cell("Unparseable or failed %", float((own < 0).mean()), "percent"),
                ]
            )
    return Figure(
        f"How often the answer is yes, {base}",
        "Of the negated question, the answer after it was turned round. What is unparseable is "
        "neither yes nor no.",
        Table.of(f"{base}: share of yes", rows),
    )


def _negation_figure(base: str, prompts: Sequence[_Prompts]) -> list[Figure]:
    rows: list[Row] = []
    groups: dict[str, list[Bar]] = {}
    for own in prompts:
        for question, one in own.negations.items():
            rows.append(
                [
                    Cell("Model", own.subject),
                    Cell("Question", QUESTION_NAMES[question]),
                    Cell("Tweets", one.tweets, "count"),
                    Cell("Both parsed", one.parsed_tweets, "count"),
                    *share("Alike", one.alike, one.alike_interval),
                    Cell("By chance %", one.by_chance, "percent"),
                    *number("Kappa", one.kappa, one.kappa_interval),
                    Cell("p of a kappa below 0", one.p_value, "p"),
                    Cell("p, Holm", own.adjusted.get(question.value), "p"),
                    Cell("Says yes to the question %", one.yes, "percent"),
                    Cell("Says yes to the negation %", one.yes_negated, "percent"),
                    Cell("Both parsed, samples %", one.parsed, "percent"),
                ]
            )
            if one.alike is not None:
                drawn = bar(QUESTION_NAMES[question], one.alike, one.alike_interval)
                groups.setdefault(own.subject, []).append(drawn)
    if not rows:
        return []
    return [
        Figure(
            f"A question and its negation, {base}",
            "Share of answers that fit together: yes to one and no to the other. By chance: if the "
            "two knew nothing of each other. Kappa takes that off.",
            Table.of(f"{base}: consistency", rows),
            charts([*groups.items()], [], "Answers that fit together, %"),
        )
    ]


STUDY = variant_study(
    "prompt",
    "Prompt",
    "How much of a score is the wording, the order, the format?",
    Spec(
        tasks=tasks,
        paragraphs=(
            "The wordings are that of the paper and its paraphrases, all equally good questions: "
            "what differs between them is the prompt's share of the score. The best of many "
            "wordings on some tweets is too good to be true, since these tweets chose it. So the "
            "best and the worst stand with what choosing on one half of the tweets gives on the "
            "other, and with an interval that holds for whichever is chosen.",
            "A model that understands answers a question and its negation alike once the second "
            "answer is turned round. One that always agrees answers no tweet alike.",
        ),
        phrase=lambda label: f"as {label}",
        against="as it is",
        sentence=_sentence,
        absent="difference",
        figure="Other ways to ask",
        caption="Accuracy less that of the task as it is, with its 95 % interval. p1 to p8 are "
        "paraphrases of both questions; defined gives definitions with them; both asks both "
        "questions at once, and choice for one of the four relations.",
        table="differences against the task as it is",
        column="Asked",
        names=Headings("Accuracy", "As it is", "Difference", "Difference of accuracy"),
        more=_more,
        more_first=True,
    ),
)
