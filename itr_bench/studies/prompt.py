"""How much of a score is the prompt: wordings, order, format, and what the negation says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from itr_bench.nouns import count
from itr_bench.relation import QUESTIONS, Question
from itr_bench.report import words
from itr_bench.scoring.predictions import Predictions
from itr_bench.scoring.significance import holm
from itr_bench.studies.frame import Cell, arrange, cells, label, with_variant
from itr_bench.studies.negation import Negation, negation
from itr_bench.studies.prompt_figures import SPREAD, Found, figures
from itr_bench.studies.section import Claim, Section
from itr_bench.studies.spread import Spread, spread
from itr_bench.studies.statistics import Contrast, Interval, compared_by
from itr_bench.studies.study import Material, Study
from itr_bench.studies.wording import QUESTIONS as QUESTION_NAMES
from itr_bench.studies.wording import data_notices, limits, not_told, p_of, test_of
from itr_bench.tasks.spec import EXPLAINED
from itr_bench.tasks.variants import PARAPHRASES

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
        [
            [Contrast(r.predictions, c.reference.predictions) for r in c.variants.values()]
            for c in found
        ],
    )
    by_cell = [dict(zip(c.variants, own, strict=True)) for c, own in zip(found, drops, strict=True)]
    everything = _corrected(
        [
            Found(cell, own, spread(_wordings(cell)), _negations(cell))
            for cell, own in zip(found, by_cell, strict=True)
        ]
    )
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
        claims=[claim for one in everything for claim in _claims(one)],
        figures=[
            figure
            for base in bases
            for figure in figures(base, [one for one in everything if one.cell.base == base])
        ],
        limits=limits([one for own in by_cell for one in own.values()]),
        notices=(
            *data_notices([r for c in found for r in (c.reference, *c.variants.values())]),
            *arranged.notices,
            *missing,
        ),
    )


def _wordings(cell: Cell) -> dict[str, Predictions]:
    """The paper's wording and its paraphrases, as far as they were run."""
    names = {name: with_variant(cell.base, name) for name in PARAPHRASES}
    runs = {name: cell.variants[task] for name, task in names.items() if task in cell.variants}
    return {"the paper's": cell.reference.predictions} | {
        n: run.predictions for n, run in runs.items()
    }


def _negations(cell: Cell) -> dict[Question, Negation]:
    run = cell.variants.get(with_variant(cell.base, "negated"))
    if run is None:
        return {}
    return {q: negation(cell.reference.predictions, run.predictions, q) for q in QUESTIONS}


def _corrected(cells_: Sequence[Found]) -> list[Found]:
    """*cells_* with the p values of spreads and negations by Holm's method: those of one subject
    are one family.
    """
    found = list(cells_)
    for subject in dict.fromkeys(one.cell.subject for one in cells_):
        own = [i for i, one in enumerate(cells_) if one.cell.subject == subject]
        known = [(i, key, p) for i in own for key, p in cells_[i].p_values if p is not None]
        for (i, key, _), p_value in zip(known, holm([p for *_, p in known]), strict=True):
            adjusted = {**found[i].adjusted, key: p_value}
            found[i] = replace(found[i], adjusted=adjusted, tests=len(known))
    return found


def _claims(one: Found) -> list[Claim]:
    claims, untold = [], []
    if one.spread is not None:
        claims.append(_claim_of_spread(one, one.spread))
    for task, drop in one.drops.items():
        if drop.told:
            direction = "lower" if drop.told < 0 else "higher"
            claims.append(
                Claim(
                    f"{one.cell.title}: asked as {label(task)}, accuracy is "
                    f"{words.percent(abs(drop.difference))} points {direction} than as it is.",
                    test_of(drop, f"as {label(task)}", "as it is"),
                    told=True,
                )
            )
        elif drop.p_value is not None:
            untold.append(label(task))
    claims += not_told(untold, one.cell.title, "a difference")
    for question, found in one.negations.items():
        claims += _claims_of_negation(one, question, found)
    return claims


def _claim_of_spread(one: Found, found: Spread) -> Claim:
    told = one.told(SPREAD)
    said = "differ" if told else "are not told apart"
    return Claim(
        f"{one.cell.title}: the {len(found.names)} wordings {said}: accuracy "
        f"{words.percent(min(found.accuracies))} to {words.percent(max(found.accuracies))} %, "
        f"standard deviation {words.percent(found.deviation)} points.",
        f"bootstrap test on {found.tweets} tweets that all wordings have one accuracy: by chance a "
        f"deviation of {words.percent(found.expected)} points (median); "
        f"{_p_of(one, SPREAD, found.p_value)}"
        + ("; a wording has one seed: for this seed only" if found.samples == 1 else ""),
        told,
    )


def _p_of(one: Found, name: str, alone: float) -> str:
    return (
        f"p {p_of(alone)}, by Holm's method over the {count(one.tests, 'test')} of wordings and "
        f"negations on {one.cell.subject} p {p_of(one.adjusted[name])}"
    )


def _claims_of_negation(one: Found, question: Question, found: Negation) -> list[Claim]:
    title = f"{one.cell.title}: on {QUESTION_NAMES[question]}"
    claims = []
    if one.told(question.value) and found.p_value is not None:
        claims.append(
            Claim(
                f"{title}, the answer to the question fits that to its negation less often than "
                "answers that know nothing of each other would: "
                f"{words.percent(found.alike)} %, not {words.percent(found.by_chance)} %.",
                f"permutation test on {found.read_tweets} tweets; "
                f"{_p_of(one, question.value, found.p_value)}",
                told=True,
            )
        )
    intervals = (found.yes_interval, found.yes_negated_interval)
    if all(_nearly_all(interval, found.read_tweets) for interval in intervals):
        claims.append(
            Claim(
                f"{title}, the model agrees whatever is asked: it says yes to "
                f"{words.percent(found.yes)} % of the questions and to "
                f"{words.percent(found.yes_negated)} % of their negations.",
                f"95 % intervals over {found.read_tweets} tweets "
                f"{words.interval(found.yes_interval)} % and "
                f"{words.interval(found.yes_negated_interval)} %, both above 90 %, as are the rule "
                "of three's; not corrected",
                told=True,
            )
        )
    return claims


def _nearly_all(interval: Interval | None, tweets: int) -> bool:
    """Whether a share is above 0.9. Resampling cannot see what no tweet shows, so the lower end
    is at most what the rule of three allows.
    """
    return interval is not None and tweets > 0 and min(interval[0], 1 - 3 / tweets) > 0.9


STUDY = Study(
    name="prompt",
    title="Prompt",
    question="How much of a score is the wording, the order, the format?",
    tasks=tasks,
    analyse=analyse,
)
