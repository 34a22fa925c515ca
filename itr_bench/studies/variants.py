"""The studies of variants: each variant of a task against the task as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from itr_bench.grouped import grouped
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
    limits,
    question_cells,
)
from itr_bench.studies.grouping import VariantRun, variant_runs
from itr_bench.studies.section import Cell, Claim, Figure, Row, Section
from itr_bench.studies.statistics import ACCURACY, Paired
from itr_bench.studies.study import Material, Study


@dataclass(frozen=True)
class More:
    """What a study shows beside differences: claims by model and task, figures by task."""

    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)
    figures: Mapping[str, Sequence[Figure]] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """What a study of variants compares, and how it says so.

    Attributes:
        tasks: the names of the tasks for a base task, the base itself first.
        paragraphs: what was compared, and how.
        phrase: a variant, as claims call it.
        against: the task as it is, as tests call it.
        sentence: what is said of a phrase and its significant difference.
        absent: what the other variants do not have.
        figure, caption, table: title, caption and table of the differences; the task follows the
            first and stands before the last.
        column: of the variants.
        names: of the variant, the task and their difference.
        by_question: what the columns of both questions are called; empty where there are none.
        cells: further columns of a variant.
        limits: what no data of this study can show.
        more: what is shown beside the differences; *more_first* where it stands before them.
    """

    tasks: Callable[[str], tuple[str, ...]]
    paragraphs: tuple[str, ...]
    phrase: Callable[[str], str]
    against: str
    sentence: Callable[[str, Paired], str]
    absent: str
    figure: str
    caption: str
    table: str
    column: str
    names: Headings
    by_question: str = ""
    cells: Callable[[VariantRun], Row] = lambda variant: ()
    limits: tuple[str, ...] = ()
    more: Callable[[Sequence[VariantRun]], More] = lambda variants: More()
    more_first: bool = False


def variant_study(name: str, title: str, question: str, spec: Spec) -> Study:
    """The study of *spec*."""
    return Study(name, title, question, spec.tasks, lambda material: _analyse(spec, material))


def _analyse(spec: Spec, material: Material) -> Section | None:
    variants, notices = variant_runs(material, spec.tasks)
    if not variants:
        return Section(notices=notices) if notices else None
    compared = compare(variants, WITH_QUESTIONS if spec.by_question else (ACCURACY,))
    more = spec.more(variants)
    claims: list[Claim] = []
    for title, alike in grouped(compared, lambda pair: pair[0].title).items():
        own, others = _claims(spec, alike), more.claims.get(title, ())
        claims += [*others, *own] if spec.more_first else [*own, *others]
    figures: list[Figure] = []
    for base, alike in grouped(compared, lambda pair: pair[0].base).items():
        figure = _figure(spec, base, alike)
        others_ = more.figures.get(base, ())
        figures += [*others_, figure] if spec.more_first else [figure, *others_]
    return Section(
        claims=claims,
        paragraphs=spec.paragraphs,
        figures=figures,
        limits=[*limits(accuracy_differences(compared)), *spec.limits],
        notices=[
            *data_notices(run for one in variants for run in (one.reference, one.run)),
            *notices,
        ],
    )


def _claims(spec: Spec, pairs: Sequence[tuple[VariantRun, Differences]]) -> list[Claim]:
    return claims_of(
        pairs,
        title=lambda one: one.title,
        sentence=lambda one, found: spec.sentence(spec.phrase(one.label), found[ACCURACY]),
        sides=lambda one: (spec.phrase(one.label), spec.against),
        name=lambda one: one.label,
        absent=spec.absent,
    )


def _figure(spec: Spec, base: str, pairs: Sequence[tuple[VariantRun, Differences]]) -> Figure:
    return difference_figure(
        f"{spec.figure}, {base}",
        spec.caption,
        f"{base}: {spec.table}",
        [
            Line(
                variant.subject,
                variant.label,
                differences[ACCURACY],
                (
                    Cell("Model", variant.subject),
                    Cell(spec.column, variant.label),
                    *spec.cells(variant),
                ),
                question_cells(differences, spec.by_question) if spec.by_question else (),
            )
            for variant, differences in pairs
        ],
        spec.names,
    )
