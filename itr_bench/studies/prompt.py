"""How much of a score is the prompt: wordings, order, format, and what the negation says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from itr_bench.data.catalog import EXPLAINED
from itr_bench.data.variants import PARAPHRASES
from itr_bench.relation import QUESTIONS, Question
from itr_bench.scoring.outcomes import Outcomes
from itr_bench.site import words
from itr_bench.studies.frame import Cell, arrange, cells, label, with_variant
from itr_bench.studies.negation import Negation, negation
from itr_bench.studies.section import Claim, Column, Figure, Section, Table, Value
from itr_bench.studies.spread import DEALS, Spread, spread
from itr_bench.studies.statistics import FEWEST, Contrast, Interval, Paired, compared_by, shares
from itr_bench.studies.study import Material, Study
from itr_bench.studies.wording import QUESTIONS as QUESTION_NAMES
from itr_bench.studies.wording import (
    ZERO,
    bar,
    charts,
    data_notices,
    levels,
    limits,
    not_told,
    test_of,
)

OTHERS = ("image-first", "text-first", "defined", "negated", "both", "choice")


def tasks(base: str) -> tuple[str, ...]:
    """The task, its paraphrases, and other ways to ask."""
    explained = () if base.endswith(EXPLAINED) else (base + EXPLAINED,)
    variants = [with_variant(base, variant) for variant in (*PARAPHRASES, *OTHERS)]
    return (base, *variants, *explained)


def analyse(material: Material) -> Section | None:
    """Spread over wordings, other ways to ask, yes-rates, and the negation."""
    arranged = arrange(material)
    found, missing = cells(arranged, tasks)
    if not found:
        notices = (*arranged.notices, *missing)
        return Section(notices=notices) if notices else None
    drops = compared_by(
        [cell.subject for cell in found],
        [[Contrast(r.outcomes, c.reference.outcomes) for r in c.variants.values()] for c in found],
    )
    by_cell = [dict(zip(c.variants, own, strict=True)) for c, own in zip(found, drops, strict=True)]
    spreads = [spread(_wordings(cell)) for cell in found]
    negations = [_negations(cell) for cell in found]
    everything = list(zip(found, by_cell, spreads, negations, strict=True))
    bases = dict.fromkeys(cell.base for cell in found)
    return Section(
        paragraphs=(
            "The wordings are that of the paper and its paraphrases, all equally good questions: "
            "what differs between them is the prompt's share of the score. The best of many "
            "wordings on some tweets is too good to be true, since these tweets chose it. So the "
            "best and the worst stand with what choosing on one half of the tweets gives on the "
            "other, and with an interval that holds for whichever is chosen.",
            "A model that understands answers a question and its negation alike once the second "
            "answer is turned round. One that always agrees answers no tweet alike.",
        ),
        claims=[claim for one in everything for claim in _claims(*one)],
        figures=[
            figure
            for base in bases
            for figure in (
                *_spread_figure(base, [(c, s) for c, _, s, _ in everything if c.base == base]),
                _variant_figure(base, [(c, d) for c, d, _, _ in everything if c.base == base]),
                _yes_figure(base, [cell for cell in found if cell.base == base]),
                *_negation_figure(base, [(c, n) for c, _, _, n in everything if c.base == base]),
            )
        ],
        limits=limits([one for own in by_cell for one in own.values()]),
        notices=(
            *data_notices([r for c in found for r in (c.reference, *c.variants.values())]),
            *arranged.notices,
            *missing,
        ),
    )


def _wordings(cell: Cell) -> dict[str, Outcomes]:
    """The paper's wording and its paraphrases, as far as they were run."""
    names = {name: with_variant(cell.base, name) for name in PARAPHRASES}
    runs = {name: cell.variants[task] for name, task in names.items() if task in cell.variants}
    return {"the paper's": cell.reference.outcomes} | {n: run.outcomes for n, run in runs.items()}


def _negations(cell: Cell) -> dict[Question, Negation]:
    run = cell.variants.get(with_variant(cell.base, "negated"))
    if run is None:
        return {}
    return {q: negation(cell.reference.outcomes, run.outcomes, q) for q in QUESTIONS}


def _claims(
    cell: Cell, drops: dict[str, Paired], found: Spread | None, negated: dict[Question, Negation]
) -> list[Claim]:
    claims, untold = [], []
    if found is not None:
        claims.append(_claim_of_spread(cell, found))
    for task, one in drops.items():
        if one.told:
            direction = "lower" if one.difference < 0 else "higher"
            claims.append(
                Claim(
                    f"{cell.title}: asked as {label(task)}, accuracy is "
                    f"{words.percent(abs(one.difference))} points {direction} than as it is.",
                    test_of(one, f"as {label(task)}", "as it is"),
                    told=True,
                )
            )
        else:
            untold.append(label(task))
    claims += not_told(untold, cell.title, "a difference")
    for question, found_ in negated.items():
        claims += _claim_of_negation(cell, question, found_)
    return claims


def _claim_of_spread(cell: Cell, found: Spread) -> Claim:
    told = found.p_value < 0.05
    said = "differ" if told else "are not told apart"
    return Claim(
        f"{cell.title}: the {len(found.names)} wordings {said}: accuracy "
        f"{words.percent(min(found.accuracies))} to {words.percent(max(found.accuracies))} %, "
        f"standard deviation {words.percent(found.deviation)} points.",
        f"permutation test on {found.tweets} tweets, {DEALS:,} deals of each tweet's results "
        f"among the wordings: by chance a deviation of {words.percent(found.expected)} points; "
        f"p {'' if found.p_value < 0.001 else '= '}{words.p_value(found.p_value)}; one test a "
        "model, not corrected",
        told,
    )


def _claim_of_negation(cell: Cell, question: Question, found: Negation) -> list[Claim]:
    if found.alike is None or found.alike_interval is None or found.read_tweets < FEWEST:
        return []
    if found.alike_interval[1] >= 0.5:
        return []
    agrees = (
        "; the model agrees whatever is asked"
        if _nearly_all(found.yes_interval, found.read_tweets)
        and _nearly_all(found.yes_negated_interval, found.read_tweets)
        else ""
    )
    return [
        Claim(
            f"{cell.title}: on {QUESTION_NAMES[question]}, the answer to the question fits that to "
            f"its negation less often than a coin would: {words.percent(found.alike)} %{agrees}.",
            f"95 % interval over {found.read_tweets} tweets "
            f"{words.interval(found.alike_interval)} %, all below the 50 % of tossing a coin; it "
            f"says yes to {words.percent(found.yes)} % ({words.interval(found.yes_interval)}) of "
            f"the questions and to {words.percent(found.yes_negated)} % "
            f"({words.interval(found.yes_negated_interval)}) of the negations",
            told=True,
        )
    ]


def _nearly_all(interval: Interval | None, tweets: int) -> bool:
    """Whether a share is above 0.9. Resampling cannot see what no tweet shows, so the lower end
    is at most what the rule of three allows.
    """
    return interval is not None and min(interval[0], 1 - 3 / tweets) > 0.9


def _spread_figure(base: str, found: Sequence[tuple[Cell, Spread | None]]) -> list[Figure]:
    known = [(cell, one) for cell, one in found if one is not None]
    if not known:
        return []
    columns = (
        Column("Model"),
        Column("Wordings", "count"),
        Column("Tweets", "count"),
        Column("Mean %", "percent"),
        Column("95 % interval", "interval"),
        Column("sd, points", "percent"),
        Column("sd by chance", "percent"),
        Column("p of the spread", "p"),
        Column("Best"),
        Column("Its accuracy %, biased", "percent"),
        Column("95 % interval, all wordings together", "interval"),
        Column("Best by the other half %", "percent"),
        Column("Same choice %", "percent"),
        Column("Worst"),
        Column("Its accuracy %, biased", "percent"),
        Column("95 % interval, all wordings together", "interval"),
        Column("Worst by the other half %", "percent"),
        Column("Same choice %", "percent"),
    )
    rows: list[tuple[Value, ...]] = []
    for cell, one in known:
        row: list[Value] = [cell.subject, len(one.names), one.tweets, one.mean.value]
        row += [one.mean.interval, one.deviation, one.expected, one.p_value]
        for extreme in (one.best, one.worst):
            name = one.names[extreme.place] if extreme.tied == 1 else f"several ({extreme.tied})"
            row += [name, extreme.observed, extreme.interval]
            row += [extreme.honest, extreme.stable]
        rows.append(tuple(row))
    bars = [bar(c.subject, s.mean.value, s.mean.interval, s.accuracies) for c, s in known]
    return [
        Figure(
            f"Accuracy over the wordings, {base}",
            "The point is the mean over the wordings with its 95 % interval over tweets; each "
            "small stroke is one wording.",
            Table(f"{base}: the paper's wording and its paraphrases", columns, tuple(rows)),
            charts([("", bars)], levels([c.reference.outcomes for c, _ in known]), "Accuracy, %"),
        )
    ]


def _variant_figure(base: str, found: Sequence[tuple[Cell, dict[str, Paired]]]) -> Figure:
    rows: list[tuple[Value, ...]] = []
    groups = []
    for cell, own in found:
        groups.append(
            (cell.subject, [bar(label(t), o.difference, o.interval) for t, o in own.items()])
        )
        for task, one in own.items():
            row: list[Value] = [cell.subject, label(task), one.tweets, one.a, one.difference]
            rows.append((*row, one.interval, one.p_value, one.adjusted))
    columns = (
        Column("Model"),
        Column("Asked"),
        Column("Tweets", "count"),
        Column("Accuracy %", "percent"),
        Column("Difference", "points"),
        Column("95 % interval", "points-interval"),
        Column("p, alone", "p"),
        Column("p, Holm", "p"),
    )
    return Figure(
        f"Other ways to ask, {base}",
        "Accuracy less that of the task as it is, with its 95 % interval. p1 to p8 are paraphrases "
        "of both questions; defined gives the annotators' definitions; both asks both questions at "
        "once, and choice for one of the four relations.",
        Table(f"{base}: differences against the task as it is", columns, tuple(rows)),
        charts(groups, [ZERO], "Difference of accuracy, points", symmetric=True),
    )


def _yes_figure(base: str, found: Sequence[Cell]) -> Figure:
    """How often the model answers yes; there are more lines than a chart bears."""
    rows: list[tuple[Value, ...]] = []
    for cell in found:
        keys = [
            (name, run.outcomes, question)
            for name, run in {cell.base: cell.reference, **cell.variants}.items()
            for question in QUESTIONS
        ]
        counts = [getattr(outcomes, question.value) for _, outcomes, question in keys]
        yes = shares([((c == 1).sum(axis=1, dtype=np.int64), c.shape[1]) for c in counts])
        for (task, outcomes, question), answers, share in zip(keys, counts, yes, strict=True):
            right = outcomes.gold < 2 if question is Question.ADDS else outcomes.gold % 2 == 0
            unread = float((answers < 0).mean())
            row: list[Value] = [cell.subject, label(task), QUESTION_NAMES[question]]
            rows.append((*row, share.value, share.interval, float(right.mean()), unread))
    columns = (
        Column("Model"),
        Column("Asked"),
        Column("Question"),
        Column("Yes %", "percent"),
        Column("95 % interval", "interval"),
        Column("Yes by the labels %", "percent"),
        Column("Unread or failed %", "percent"),
    )
    return Figure(
        f"How often the answer is yes, {base}",
        "Of the negated question, the answer as it was turned round. What could not be read is "
        "neither yes nor no.",
        Table(f"{base}: share of yes", columns, tuple(rows)),
    )


def _negation_figure(
    base: str, found: Sequence[tuple[Cell, dict[Question, Negation]]]
) -> list[Figure]:
    rows: list[tuple[Value, ...]] = []
    groups = []
    for cell, own in found:
        bars = []
        for question, one in own.items():
            row: list[Value] = [cell.subject, QUESTION_NAMES[question], one.tweets, one.alike]
            row += [one.alike_interval, one.kappa]
            row += [None if one.kappa_interval is None else _shown(one.kappa_interval)]
            rows.append((*row, one.yes, one.yes_negated, one.read))
            if one.alike is not None:
                bars.append(bar(QUESTION_NAMES[question], one.alike, one.alike_interval))
        if bars:
            groups.append((cell.subject, bars))
    if not rows:
        return []
    columns = (
        Column("Model"),
        Column("Question"),
        Column("Tweets", "count"),
        Column("Alike %", "percent"),
        Column("95 % interval", "interval"),
        Column("Kappa", "number"),
        Column("95 % interval"),
        Column("Says yes to the question %", "percent"),
        Column("Says yes to the negation %", "percent"),
        Column("Both read %", "percent"),
    )
    return [
        Figure(
            f"A question and its negation, {base}",
            "Share of answers that fit together: yes to one and no to the other. Kappa takes off "
            "what would fit by chance.",
            Table(f"{base}: consistency", columns, tuple(rows)),
            charts(groups, [], "Answers that fit together, %"),
        )
    ]


def _shown(interval: Interval) -> str:
    return f"{words.number(interval[0])} to {words.number(interval[1])}"


STUDY = Study(
    name="prompt",
    title="Prompt",
    question="How much of a score is the wording, the order, the format?",
    tasks=tasks,
    analyse=analyse,
)
