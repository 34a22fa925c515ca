"""Which variants of a task there are: what each shows in place of the task, and how it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from itr_bench.errors import DataError, unknown_name

MARK = "~"
"""Stands before a variant in the name of a task."""

PARAPHRASES = tuple(f"p{number}" for number in range(1, 9))

SHOTS = (1, 2, 4)
"""How many examples of each answer the variants ``shots-N`` and ``shots-N-text`` show."""

Text = Literal["own", "other", "shuffled"]
Picture = Literal["own", "none", "grey", "other"]


@dataclass(frozen=True)
class Context:
    """The examples that are shown before each question, as turns of a chat.

    Attributes:
        shots: how many of each answer, yes and no.
        images: whether with their images.
    """

    shots: int
    images: bool


@dataclass(frozen=True)
class Variant:
    """What a task shows and asks; without arguments, as the task itself has it.

    Attributes:
        name: as it stands after the ``~`` of a task's name.
        title: what it is, for tables.
        text: whose text is shown, and how.
        picture: whose picture is shown, if any.
        wording: its entry in ``tasks/_itr_variants``, which is in English.
        order: of text and image in the prompt.
        reading: the parser that reads the answers.
        says_yes_or_no: whether the answer is one yes or no, which a likelihood can stand for.
        context: examples before the question, if any.
    """

    name: str = ""
    title: str = "as it is"
    text: Text = "own"
    picture: Picture = "own"
    wording: str | None = None
    order: tuple[str, ...] | None = None
    reading: str = "yes-no"
    says_yes_or_no: bool = True
    context: Context | None = None

    @property
    def likelihood_reading(self) -> str:
        """The parser of its likelihoods."""
        return "negated-likelihood" if self.reading == "negated" else "likelihood"


AS_IS = Variant()
"""The task itself."""


def _shots(shots: int, *, images: bool) -> Variant:
    number = f"{shots} example{'s' if shots > 1 else ''} of each answer"
    return Variant(
        f"shots-{shots}{'' if images else '-text'}",
        number if images else f"{number}, without images",
        context=Context(shots, images),
    )


VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("no-image", "no image", picture="none"),
        Variant("grey-image", "a grey picture of the same size", picture="grey"),
        Variant("other-image", "the image of another tweet", picture="other"),
        Variant("shuffled-words", "the words of the text in random order", text="shuffled"),
        Variant("other-text", "the text of another tweet", text="other"),
        *(Variant(p, f"paraphrase {p[1:]} of both questions", wording=p) for p in PARAPHRASES),
        Variant("image-first", "the image before the text", order=("image", "text")),
        Variant("text-first", "the text before the image", order=("text", "image")),
        Variant("defined", "with definitions", wording="defined"),
        Variant("negated", "the questions in the negative", wording="negated", reading="negated"),
        Variant(
            "both",
            "both questions in one prompt",
            wording="both",
            reading="both",
            says_yes_or_no=False,
        ),
        Variant(
            "choice",
            "a choice among the four relations, in an order that changes by tweet",
            wording="choice",
            reading="choice",
            says_yes_or_no=False,
        ),
        *(_shots(shots, images=images) for images in (True, False) for shots in SHOTS),
    )
}


def get_variant(name: str) -> Variant:
    """Return the variant called *name*.

    Raises:
        DataError: there is none of that name; the message names the nearest.
    """
    if name not in VARIANTS:
        raise DataError(unknown_name("variant", name, VARIANTS))
    return VARIANTS[name]
