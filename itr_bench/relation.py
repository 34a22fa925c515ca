"""The vocabulary of the benchmark: two questions, their answers, and the relation they make.

After Vempala & Preotiuc-Pietro 2019 (ACL P19-1272): a tweet's image adds to the meaning of
its text or not, and the text is represented in the image or not. This module is at the
bottom of the package and imports nothing of it.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class Question(str, Enum):
    """One of the two yes/no questions. The values stand in files."""

    ADDS = "adds"
    REPRESENTED = "represented"


class Answer(str, Enum):
    """What was read from a response. ``NONE`` is unparseable; ``FAILED`` is a request that failed.

    Both count as wrong; they are kept apart because only the second calls for a new run.
    """

    YES = "yes"
    NO = "no"
    NONE = "none"
    FAILED = "failed"


class Relation(IntEnum):
    """The relation between a tweet's text and image, by the ids of the data sets."""

    ADDS_REPRESENTED = 0
    ADDS_NOT_REPRESENTED = 1
    NOT_ADDS_REPRESENTED = 2
    NOT_ADDS_NOT_REPRESENTED = 3

    @classmethod
    def of(cls, *, adds: bool, represented: bool) -> Relation:
        """Return the relation that the two answers make."""
        return cls((0 if adds else 2) + (0 if represented else 1))

    @property
    def adds(self) -> bool:
        """Whether the image adds to the meaning of the text."""
        return self < 2

    @property
    def represented(self) -> bool:
        """Whether the text is represented in the image."""
        return self % 2 == 0

    def answer(self, question: Question) -> Answer:
        """Return the right answer to *question*: ``YES`` or ``NO``."""
        yes = self.adds if question is Question.ADDS else self.represented
        return Answer.YES if yes else Answer.NO

    @property
    def label(self) -> str:
        """The relation in words, as tables show it."""
        return f"{'adds' if self.adds else 'adds nothing'}, " + (
            "represented" if self.represented else "not represented"
        )


RELATIONS: tuple[Relation, ...] = tuple(Relation)
QUESTIONS: tuple[Question, ...] = tuple(Question)
