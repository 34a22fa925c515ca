"""Do examples in context help? One, two and four an answer, with and without their images."""

from __future__ import annotations

import re

from itr_bench.nouns import count
from itr_bench.studies.comparisons import Headings
from itr_bench.studies.formatting import in_points
from itr_bench.studies.grouping import examples_of, with_variant
from itr_bench.studies.section import Cell
from itr_bench.studies.statistics import Paired
from itr_bench.studies.variants import Spec, variant_study
from itr_bench.tasks.variants import SHOTS

_NAME = re.compile(r"shots-(?P<number>\d+)(?P<text>-text)?")


def tasks(base: str) -> tuple[str, ...]:
    """The task, and the task after examples."""
    names = [f"shots-{number}{kind}" for kind in ("", "-text") for number in SHOTS]
    return (base, *(with_variant(base, name) for name in names))


def _phrase(label: str) -> str:
    found = _NAME.fullmatch(label)
    assert found is not None, label
    kind = " without images" if found["text"] else ""
    return f"with {count(int(found['number']), 'example an answer', 'examples an answer')}{kind}"


def _sentence(phrase: str, paired: Paired) -> str:
    verb = "gains" if paired.difference > 0 else "loses"
    return f"{phrase}, the model {verb} {in_points(paired.difference)}."


STUDY = variant_study(
    "in-context",
    "Examples in context",
    "Do examples in context help, and is it their images or their texts?",
    Spec(
        tasks=tasks,
        paragraphs=(
            "The task after examples in context against the task without, on the tweets that both "
            "scored: where examples come from the set itself, they are not among them. The number "
            "is of examples an answer, so half of what is shown.",
        ),
        phrase=_phrase,
        against="without",
        sentence=_sentence,
        absent="gain or loss",
        figure="Gain by examples in context",
        caption="Accuracy with examples less accuracy without, with its 95 % interval. Right of "
        "zero, the examples help.",
        table="gains against no examples, paired by tweet",
        column="Examples",
        names=Headings("With", "Without", "Gain", "Gain of accuracy"),
        by_question="gain",
        cells=lambda variant: (Cell("From", examples_of(variant.run)),),
        limits=(
            "One choice of examples was tried: how much depends on which examples are shown, "
            "these runs do not say.",
        ),
    ),
)
