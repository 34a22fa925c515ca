"""LTEC against TIRT, with the balance of relations evened out; and accuracy against parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from itr_bench.nouns import count
from itr_bench.relation import Relation
from itr_bench.report import words
from itr_bench.report.drawing import Bar
from itr_bench.runs.run import Run
from itr_bench.studies.domains import (
    FEWEST_OF_RELATION,
    Estimate,
    Transfer,
    adjusted,
    too_few,
    transfer,
)
from itr_bench.studies.frame import Subject, arrange, variant_of
from itr_bench.studies.pairs import name_of
from itr_bench.studies.section import Claim, Column, Figure, Lines, Section, Table, Value
from itr_bench.studies.size import fits
from itr_bench.studies.size_figure import by_size
from itr_bench.studies.statistics import hits, shares
from itr_bench.studies.study import Material, Study
from itr_bench.studies.wording import ZERO, bar, charts, data_notices, p_of
from itr_bench.tasks.spec import family

_LTEC = ("ltec_itr_lv", "ltec_itr_en_manual")
_TIRT = "tirt"


def tasks(base: str) -> tuple[str, ...]:
    """LTEC in both languages, and TIRT."""
    name = family(base)
    return tuple(dict.fromkeys((base, *_LTEC, _TIRT))) if name in (*_LTEC, _TIRT) else ()


@dataclass(frozen=True)
class _Pair:
    subject: str
    ltec: Run
    tirt: Run
    found: Transfer


def analyse(material: Material) -> Section | None:
    """What differs between the sets, and accuracy against parameters."""
    arranged = arrange(material)
    notices: list[str] = []
    pairs = [pair for subject in arranged.subjects for pair in _pairs(subject, notices)]
    boards = {
        task: [model for model in material.board if model.task == task]
        for task in dict.fromkeys(model.task for model in material.board)
    }
    sizes = [by_size(task, boards[task], line) for task, line in fits(boards).items()]
    if not pairs and not sizes and not notices and not arranged.notices:
        return None
    limits = [limit for _, _, limit in sizes if limit]
    if pairs:
        limits.append(
            "LTEC and TIRT differ in topic, country, years, labelling and, in Latvian, language. "
            "What is called the domain here is all of these together."
        )
    return Section(
        paragraphs=(
            "The two sets have other shares of the four relations. A difference of accuracies is "
            "split in two: what the model would still differ by if both sets had the same shares "
            "(their mean), the domain; and what comes of the shares alone, the balance. Balanced "
            "accuracy is the mean over the four relations.",
        )
        if pairs
        else (),
        claims=[
            *(claim for pair in pairs for claim in _claims(pair)),
            *(claim for _, claim, _ in sizes if claim),
        ],
        figures=[
            *([_set_figure(pairs), _relation_figure(pairs)] if pairs else []),
            *(figure for figure, _, _ in sizes),
        ],
        limits=limits,
        notices=(
            *data_notices([run for pair in pairs for run in (pair.ltec, pair.tirt)]),
            *arranged.notices,
            *notices,
        ),
    )


def _pairs(subject: Subject, notices: list[str]) -> list[_Pair]:
    found = []
    plain = {task: run for task, run in subject.runs.items() if not variant_of(task)}
    for task, tirt in plain.items():
        if family(task) != _TIRT:
            continue
        suffix = task.removeprefix(_TIRT)
        for name in _LTEC:
            ltec = plain.get(name + suffix)
            if ltec is None:
                continue
            few = too_few(ltec.predictions, tirt.predictions)
            if few:
                notices.append(
                    f"{subject.name}, {ltec.task} against {task}: not split, fewer than "
                    f"{FEWEST_OF_RELATION} tweets of {'; '.join(few)}."
                )
                continue
            found.append((ltec, tirt))
    together = adjusted([transfer(ltec.predictions, tirt.predictions) for ltec, tirt in found])
    return [
        _Pair(subject.name, ltec, tirt, both)
        for (ltec, tirt), both in zip(found, together, strict=True)
    ]


def _sentence(name: str, one: Estimate) -> str:
    return f"{name} {words.points(one.value)} points ({words.points_interval(one.interval)})"


def _claims(pair: _Pair) -> list[Claim]:
    found = pair.found
    claims = []
    title = f"{pair.subject}, LTEC ({name_of(pair.ltec)}) less TIRT"
    claims.append(
        Claim(
            f"{_sentence(title + ':', found.difference)}, of which "
            f"{_sentence('the domain', found.domain)} and "
            f"{_sentence('the balance of relations', found.balance)}.",
            "no test: an estimate with 95 % intervals of a bootstrap within relations",
            told=False,
        )
    )
    for one in found.relations:
        if one.told:
            better = "LTEC" if one.told > 0 else "TIRT"
            claims.append(
                Claim(
                    f"{pair.subject}: on tweets of relation {one.relation} "
                    f"({Relation(one.relation).label}), better on {better} by "
                    f"{words.percent(abs(one.difference.value))} points "
                    f"(LTEC: {name_of(pair.ltec)}).",
                    f"Fisher's exact test on {one.tweets_a} and {one.tweets_b} tweets, and a t "
                    "test of the mean difference (tweets and seeds as crossed clusters); by Holm's "
                    f"method over the {count(one.tests, 'comparison')} of relations on "
                    f"{pair.subject} p {p_of(one.adjusted)} and p {p_of(one.mean_adjusted)}; "
                    "95 % interval over tweets "
                    f"{words.points_interval(one.difference.interval)} points",
                    told=True,
                )
            )
    return claims


def _set_figure(pairs: Sequence[_Pair]) -> Figure:
    rows: list[tuple[Value, ...]] = []
    groups: dict[str, list[tuple[str, list[Bar]]]] = {}
    for pair in pairs:
        found = pair.found
        parts = {
            "difference": found.difference,
            "of the domain": found.domain,
            "of the balance": found.balance,
            "balanced difference": found.balanced,
        }
        bars = [bar(name, one.value, one.interval) for name, one in parts.items()]
        groups.setdefault(name_of(pair.ltec), []).append((pair.subject, bars))
        row: list[Value] = [pair.subject, name_of(pair.ltec)]
        row += [len(pair.ltec.predictions.tweet_ids), len(pair.tirt.predictions.tweet_ids)]
        # As in the table of runs, not within relations: one accuracy has one interval.
        for accuracy in shares([hits(pair.ltec.predictions), hits(pair.tirt.predictions)]):
            row += [accuracy.value, accuracy.interval]
        for balanced in (found.balanced_a, found.balanced_b):
            row += [balanced.value, balanced.interval]
        for one in parts.values():
            row += [one.value, one.interval]
        rows.append(tuple(row))
    columns = [Column("Model"), Column("LTEC in")]
    columns += [Column("LTEC tweets", "count"), Column("TIRT tweets", "count")]
    for name in ("LTEC %", "TIRT %", "LTEC balanced %", "TIRT balanced %"):
        columns += [Column(name, "percent"), Column("95 % interval", "interval")]
    for name in ("Difference", "Of the domain", "Of the balance", "Balanced difference"):
        columns += [Column(name, "points"), Column("95 % interval", "points-interval")]
    return Figure(
        "LTEC against TIRT",
        "Accuracy on LTEC less accuracy on TIRT, and its two parts, with 95 % intervals. Right of "
        "zero, LTEC is easier for the model. Intervals of the two accuracies resample all tweets "
        "of a set, the others the tweets of each relation by themselves.",
        Table("LTEC less TIRT", tuple(columns), tuple(rows)),
        _charts(groups),
    )


def _charts(groups: Mapping[str, Sequence[tuple[str, Sequence[Bar]]]]) -> tuple[Lines, ...]:
    """Charts for each language of LTEC."""
    return tuple(
        chart
        for name, lines in groups.items()
        for chart in charts(lines, [ZERO], f"LTEC ({name}) less TIRT, points", symmetric=True)
    )


def _relation_figure(pairs: Sequence[_Pair]) -> Figure:
    rows: list[tuple[Value, ...]] = [
        (
            pair.subject,
            name_of(pair.ltec),
            f"{one.relation} {Relation(one.relation).label}",
            one.tweets_a,
            one.tweets_b,
            one.a,
            one.b,
            one.difference.value,
            one.difference.interval,
            one.adjusted,
            one.mean_adjusted,
        )
        for pair in pairs
        for one in pair.found.relations
    ]
    columns = (
        Column("Model"),
        Column("LTEC in"),
        Column("Relation"),
        Column("LTEC tweets", "count"),
        Column("TIRT tweets", "count"),
        Column("LTEC %", "percent"),
        Column("TIRT %", "percent"),
        Column("Difference", "points"),
        Column("95 % interval", "points-interval"),
        Column("p, Fisher Holm", "p"),
        Column("p, mean Holm", "p"),
    )
    groups: dict[str, list[tuple[str, list[Bar]]]] = {}
    for pair in pairs:
        bars = [
            bar(f"relation {one.relation}", one.difference.value, one.difference.interval)
            for one in pair.found.relations
        ]
        groups.setdefault(name_of(pair.ltec), []).append((pair.subject, bars))
    return Figure(
        "LTEC against TIRT, relation by relation",
        "Accuracy on the tweets of one relation, LTEC less TIRT, with 95 % intervals.",
        Table("By relation", columns, tuple(rows)),
        _charts(groups),
    )


STUDY = Study(
    name="transfer",
    title="Transfer",
    question="Why does a model that leads on LTEC trail on TIRT, and does size help?",
    tasks=tasks,
    analyse=analyse,
)
