"""The same tweets in several languages, by people and by machines, and with other instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from itr_bench.data import home
from itr_bench.data.sets import get_set
from itr_bench.relation import RELATIONS
from itr_bench.report import words
from itr_bench.studies.frame import arrange
from itr_bench.studies.language_figures import (
    carrier_figures,
    flip_figure,
    gap_figure,
    quality_figure,
)
from itr_bench.studies.pairs import Pair, images_of, name_of, pairs_of
from itr_bench.studies.section import Claim, Section
from itr_bench.studies.statistics import ACCURACY, Contrast, Measure, Paired, compared_by
from itr_bench.studies.study import Material, Study
from itr_bench.studies.wording import (
    QUESTIONS,
    data_notices,
    limits,
    measure_name,
    not_told,
    test_of,
)
from itr_bench.tasks.spec import TASKS, TRIAL, family

_LTEC = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_lv_instruct_lv")
_MEASURES = (ACCURACY, *map(Measure, QUESTIONS), *(Measure(relation=int(r)) for r in RELATIONS))

_TWO_GAPS = "That one gap is told and another is not does not say that the two differ."


def tasks(base: str) -> tuple[str, ...]:
    """All languages of the tweets of *base*: of machine translations, each system that is built."""
    name = family(base)
    if name in TRIAL:
        return (base, *(task for task in TRIAL if task != base))
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
    arranged = arrange(material)
    notices: list[str] = []
    pairs = [pair for subject in arranged.subjects for pair in pairs_of(subject, notices)]
    quality, quality_limits = quality_figure(arranged.subjects, material)
    notices += material.quality_unknown
    if not pairs and not quality:
        said = (*arranged.notices, *notices)
        return Section(notices=said) if said else None
    gaps = compared_by(
        [pair.subject for pair in pairs],
        [
            [Contrast(p.a.predictions, p.b.predictions, measure) for measure in _MEASURES]
            for p in pairs
        ],
    )
    found = [
        (pair, dict(zip(_MEASURES, own, strict=True)))
        for pair, own in zip(pairs, gaps, strict=True)
    ]
    return Section(
        paragraphs=(
            "The same tweets and images with the text in two languages, so that each difference is "
            "paired by tweet. A gap is split by relation: the share of a relation times the "
            "difference on its tweets is what it brings to the gap, and the four add up to it.",
        )
        if pairs
        else (),
        claims=[
            claim
            for subject in dict.fromkeys(pair.subject for pair in pairs)
            for claim in _claims(subject, found)
        ],
        figures=[
            *([gap_figure(found), *carrier_figures(found), flip_figure(pairs)] if pairs else []),
            *quality,
        ],
        limits=[
            *limits([own[ACCURACY] for _, own in found]),
            *([_TWO_GAPS] if len(pairs) > 1 else []),
            *quality_limits,
        ],
        notices=(
            *data_notices([run for pair in pairs for run in (pair.a, pair.b)]),
            *arranged.notices,
            *notices,
        ),
    )


def _claims(subject: str, found: Sequence[tuple[Pair, Mapping[Measure, Paired]]]) -> list[Claim]:
    claims, untold = [], []
    for pair, own in found:
        if pair.subject != subject:
            continue
        names = name_of(pair.a), name_of(pair.b)
        one = own[ACCURACY]
        if one.told:
            better, worse = names if one.told > 0 else names[::-1]
            carriers = [
                measure_name(measure)
                for measure, part in own.items()
                if measure is not ACCURACY and part.told == one.told
            ]
            told = f" Told by itself on: {'; '.join(carriers)}." if carriers else ""
            claims.append(
                Claim(
                    f"{subject}: {words.percent(abs(one.difference))} points better on {better} "
                    f"than on {worse}.{told}",
                    test_of(one, f"on {names[0]}", f"on {names[1]}"),
                    told=True,
                )
            )
        elif one.p_value is not None:
            untold.append(f"{names[0]} against {names[1]}")
    return claims + not_told(untold, subject, "a gap")


STUDY = Study(
    name="language",
    title="Language",
    question="Does a model care about the language of the text, and about who translated it?",
    tasks=tasks,
    analyse=analyse,
)
