"""LTEC against TIRT, with the balance of relations evened out; and accuracy against parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.relation import Relation
from itr_bench.report.drawing import Bar
from itr_bench.runs.run import Run
from itr_bench.studies.comparisons import ZERO, bar, charts, data_notices, holm_p_values
from itr_bench.studies.decomposition import (
    FEWEST_OF_RELATION,
    Decomposition,
    OfRelation,
    corrected,
    decompose,
    too_few,
)
from itr_bench.studies.formatting import in_points, interval_in_points, signed_points
from itr_bench.studies.grouping import Subject, subjects_of, variant_of
from itr_bench.studies.languages import name_of
from itr_bench.studies.section import Cell, Claim, Figure, Lines, Section, Table, difference, share
from itr_bench.studies.size import by_size, fits
from itr_bench.studies.statistics import Estimate, accuracies
from itr_bench.studies.study import Material, Study
from itr_bench.tasks.spec import get_task

_LTEC = ("ltec_itr_lv", "ltec_itr_en_manual")
_TIRT = "tirt"


def tasks(base: str) -> tuple[str, ...]:
    """LTEC in both languages, and TIRT."""
    name = get_task(base).family
    return tuple(dict.fromkeys((base, *_LTEC, _TIRT))) if name in (*_LTEC, _TIRT) else ()


@dataclass(frozen=True)
class _Pair:
    """A model on both sets, A being LTEC."""

    subject: str
    ltec: Run
    tirt: Run
    parts: Decomposition

    @property
    def language(self) -> str:
        """That of LTEC."""
        return name_of(self.ltec)


def analyse(material: Material) -> Section | None:
    """What differs between the sets, and accuracy against parameters."""
    subjects, notices = subjects_of(material)
    pairs = [pair for subject in subjects for pair in _pairs(subject, notices)]
    boards = grouped(material.board, lambda model: model.task)
    sizes = [by_size(task, boards[task], line) for task, line in fits(boards).items()]
    if not pairs and not sizes and not notices:
        return None
    limits = [limit for _, _, limit in sizes if limit]
    if pairs:
        limits.append(
            "LTEC and TIRT differ in topic, country, years, labelling and, in Latvian, language. "
            "What is called the domain here is all of these together."
        )
    return Section(
        claims=[
            *(claim for pair in pairs for claim in _claims(pair)),
            *(claim for _, claim, _ in sizes if claim),
        ],
        paragraphs=(
            "The two sets have other shares of the four relations. A difference of accuracies is "
            "split in two: what the model would still differ by if both sets had the same shares "
            "(their mean), the domain; and what comes of the shares alone, the balance. Balanced "
            "accuracy is the mean over the four relations.",
        )
        if pairs
        else (),
        figures=[
            *([_set_figure(pairs), _relation_figure(pairs)] if pairs else []),
            *(figure for figure, _, _ in sizes),
        ],
        limits=limits,
        notices=[*data_notices(run for pair in pairs for run in (pair.ltec, pair.tirt)), *notices],
    )


def _pairs(subject: Subject, notices: list[str]) -> list[_Pair]:
    runs = []
    plain = {task: run for task, run in subject.runs.items() if not variant_of(task)}
    for task, tirt in plain.items():
        if get_task(task).family != _TIRT:
            continue
        for name in _LTEC:
            ltec = plain.get(name + task.removeprefix(_TIRT))
            if ltec is None:
                continue
            few = too_few(ltec.predictions, tirt.predictions)
            if few:
                notices.append(
                    f"{subject.name}, {ltec.task} against {task}: not split, fewer than "
                    f"{FEWEST_OF_RELATION} tweets of {'; '.join(few)}."
                )
            else:
                runs.append((ltec, tirt))
    parts = corrected([decompose(ltec.predictions, tirt.predictions) for ltec, tirt in runs])
    return [_Pair(subject.name, *own, one) for own, one in zip(runs, parts, strict=True)]


# Claims


def _claims(pair: _Pair) -> list[Claim]:
    title, parts = f"{pair.subject}, LTEC ({pair.language}) less TIRT", pair.parts
    return [
        Claim(
            f"{_estimate(title + ':', parts.difference)}, of which "
            f"{_estimate('the domain', parts.domain)} and "
            f"{_estimate('the balance of relations', parts.balance)}.",
            "no test: an estimate with 95 % intervals of a bootstrap within relations",
            finding=False,
        ),
        *(_claim_of_relation(pair, one) for one in parts.relations if one.significant),
    ]


def _estimate(name: str, one: Estimate) -> str:
    return f"{name} {signed_points(one.value)} ({interval_in_points(one.interval)})"


def _claim_of_relation(pair: _Pair, one: OfRelation) -> Claim:
    better = "LTEC" if one.significant > 0 else "TIRT"
    return Claim(
        f"{pair.subject}: on tweets of relation {one.relation} "
        f"({Relation(one.relation).label}), better on {better} by "
        f"{in_points(one.difference)} (LTEC: {pair.language}).",
        f"Fisher's exact test on {one.tweets_a} and {one.tweets_b} tweets, and a t "
        "test of the mean difference (tweets and seeds as crossed clusters); by Holm's "
        f"method over the {count(one.tests, 'comparison')} of relations on "
        f"{pair.subject} {holm_p_values(one)}; "
        f"95 % interval over tweets {interval_in_points(one.interval)}",
        finding=True,
    )


# Figures


_Bars = dict[str, dict[str, list[Bar]]]
"""By language of LTEC and by model."""


def _set_figure(pairs: Sequence[_Pair]) -> Figure:
    rows = []
    bars: _Bars = {}
    for pair in pairs:
        parts = pair.parts
        ltec, tirt = accuracies([pair.ltec.predictions, pair.tirt.predictions])
        row = [
            Cell("Model", pair.subject),
            Cell("LTEC in", pair.language),
            Cell("LTEC tweets", len(pair.ltec.predictions.tweet_ids), "count"),
            Cell("TIRT tweets", len(pair.tirt.predictions.tweet_ids), "count"),
            *share("LTEC", ltec.value, ltec.interval),
            *share("TIRT", tirt.value, tirt.interval),
            *share("LTEC balanced", parts.balanced_a.value, parts.balanced_a.interval),
            *share("TIRT balanced", parts.balanced_b.value, parts.balanced_b.interval),
        ]
        for name, one in (
            ("Difference", parts.difference),
            ("Of the domain", parts.domain),
            ("Of the balance", parts.balance),
            ("Balanced difference", parts.balanced),
        ):
            row += difference(name, one.value, one.interval)
            _add(bars, pair, name.lower(), one)
        rows.append(row)
    return Figure(
        "LTEC against TIRT",
        "Accuracy on LTEC less accuracy on TIRT, and its two parts, with 95 % intervals. Right of "
        "zero, LTEC is easier for the model. Intervals of the two accuracies resample all tweets "
        "of a set, the others the tweets of each relation by themselves.",
        Table.of("LTEC less TIRT", rows),
        _charts(bars),
    )


def _relation_figure(pairs: Sequence[_Pair]) -> Figure:
    rows = []
    bars: _Bars = {}
    for pair in pairs:
        for one in pair.parts.relations:
            rows.append(
                [
                    Cell("Model", pair.subject),
                    Cell("LTEC in", pair.language),
                    Cell("Relation", f"{one.relation} {Relation(one.relation).label}"),
                    Cell("LTEC tweets", one.tweets_a, "count"),
                    Cell("TIRT tweets", one.tweets_b, "count"),
                    Cell("LTEC %", one.a, "percent"),
                    Cell("TIRT %", one.b, "percent"),
                    *difference("Difference", one.difference, one.interval),
                    Cell("p, Fisher Holm", one.adjusted, "p"),
                    Cell("p, mean Holm", one.mean_adjusted, "p"),
                ]
            )
            _add(bars, pair, f"relation {one.relation}", Estimate(one.difference, one.interval))
    return Figure(
        "LTEC against TIRT, relation by relation",
        "Accuracy on the tweets of one relation, LTEC less TIRT, with 95 % intervals.",
        Table.of("By relation", rows),
        _charts(bars),
    )


def _add(bars: _Bars, pair: _Pair, name: str, one: Estimate) -> None:
    of_model = bars.setdefault(pair.language, {}).setdefault(pair.subject, [])
    of_model.append(bar(name, one.value, one.interval))


def _charts(bars: _Bars) -> tuple[Lines, ...]:
    """Charts for each language of LTEC."""
    return tuple(
        chart
        for language, by_model in bars.items()
        for chart in charts(
            [*by_model.items()],
            [ZERO],
            f"LTEC ({language}) less TIRT, percentage points",
            symmetric=True,
        )
    )


STUDY = Study(
    name="transfer",
    title="Transfer",
    question="Why does a model that leads on LTEC trail on TIRT, and does size help?",
    tasks=tasks,
    analyse=analyse,
)
