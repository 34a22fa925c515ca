"""One row of ``textimage.csv``: its fields, and the one relation that it can be read as.

In some rows of the published file a fragment of the tweet's text stands after the id and shifts
the six values to the right, in some one of the six is missing. The six values say the relation
twice, which is what a repair is checked by.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence

from itr_bench.relation import RELATIONS, Relation

COLUMNS = (
    "tweet_id",
    "text_is_represented",
    "image_adds",
    "image_adds_text_repr",
    "image_adds_text_notrepr",
    "image_notadds_text_repr",
    "image_notadds_text_notrepr",
)
_VALUES = len(COLUMNS) - 1

# The six values of a sound row, by relation: represented, adds, and one of four columns set.
_SOUND: Mapping[tuple[str, ...], Relation] = {
    (
        str(int(relation.represented)),
        str(int(relation.adds)),
        *(str(int(relation is column)) for column in RELATIONS),
    ): relation
    for relation in RELATIONS
}


def fields_of(line: str) -> list[str]:
    """The fields of one line, never more than this line: a lone quote swallows no other."""
    try:
        return next(csv.reader([line]), [""])
    except csv.Error:
        return line.split(",")


def read_row(line: str) -> tuple[Relation | None, str]:
    """The relation of a row and what had to be done; or ``None`` and what is wrong.

    The row is read with and without regard to quotes, and all readings have to agree.
    """
    quoted = _trimmed(fields_of(line))
    readings = [*_readings(quoted), *_readings(_trimmed(line.split(",")))]
    relations = {relation for relation, _ in readings}
    whole = [what for _, what in readings if what is not None]
    if len(relations) != 1 or not whole:
        kind = "more than one reading agrees" if len(relations) > 1 else "no reading agrees"
        return None, (
            f"{kind} with all columns; expected {_VALUES} values of 0 and 1 after the id, found "
            f"{len(quoted)} fields"
        )
    return relations.pop(), whole[0] if "" not in whole else ""


def _trimmed(fields: Sequence[str]) -> list[str]:
    """The fields after the id, without the empty ones at the end."""
    values = [field.strip() for field in fields[1:]]
    while values and not values[-1]:
        values.pop()
    return values


def _readings(values: Sequence[str]) -> Iterator[tuple[Relation, str | None]]:
    """Each relation that the *values* can be read as, with what that takes.

    ``None`` stands for values that agree but have others behind them: no reading of the row,
    but one that any other must not contradict, since a leaked text can hold digits too.
    """
    whole = False
    for start in range(len(values) - _VALUES + 1):
        relation = _SOUND.get(tuple(values[start : start + _VALUES]))
        if relation is None:
            continue
        whole = True
        if start + _VALUES < len(values):
            yield relation, None
        elif start == 0:
            yield relation, ""
        else:
            fields = "1 leaked field" if start == 1 else f"{start} leaked fields"
            yield relation, f"{fields} between id and values left out"
    if not whole and len(values) <= _VALUES and sum(map(bool, values)) == _VALUES - 1:
        for sound, relation in _SOUND.items():
            if _completes(values, sound):
                yield relation, f"1 of {_VALUES} values missing, only this relation agrees"


def _completes(values: Sequence[str], sound: Sequence[str]) -> bool:
    """Whether *values* are *sound* ones but for one left empty or left out."""
    given = [value for value in values if value]
    in_place = len(values) == len(sound) and all(
        value in ("", other) for value, other in zip(values, sound, strict=True)
    )
    return in_place or any(
        given == [*sound[:missing], *sound[missing + 1 :]] for missing in range(len(sound))
    )
