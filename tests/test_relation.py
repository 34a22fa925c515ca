"""The table that joins the questions to the relation (ACL P19-1272)."""

import pytest

from itr_bench.relation import Answer, Question, Relation


@pytest.mark.parametrize(
    ("relation", "adds", "represented"),
    [(0, "yes", "yes"), (1, "yes", "no"), (2, "no", "yes"), (3, "no", "no")],
)
def test_the_two_answers_make_the_relation(relation: int, adds: str, represented: str) -> None:
    assert Relation.of(adds=adds == "yes", represented=represented == "yes") == relation
    assert Relation(relation).answer(Question.ADDS) is Answer(adds)
    assert Relation(relation).answer(Question.REPRESENTED) is Answer(represented)
