"""What maintainers have looked at: near copies that they found to be none."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from itr_bench.errors import DataError, bullet_list
from itr_bench.leaderboard.schema import Line, Paragraph, Strict, problems_of
from itr_bench.leaderboard.yaml_file import read_yaml

NAME = "reviewed.yaml"
"""The file beside the folder of submissions."""


class _Item(Strict):
    submission: Line
    why: Paragraph


def read_reviewed(path: Path) -> frozenset[str]:
    """The folders MODEL/STATE/TASK of submissions that a maintainer has looked at.

    Args:
        path: the folder of all submissions, one of its folders, or one submission; the list lies
            beside the first.

    Raises:
        DataError: the list is not as expected; with item and field.
    """
    places = (folder.parent / NAME for folder in (path.resolve(), *path.resolve().parents[:3]))
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return frozenset()
    try:
        items = TypeAdapter(list[_Item]).validate_python(read_yaml(file) or [])
    except ValidationError as error:
        problems = [f"item {field or 'list'}: {problem}" for field, problem in problems_of(error)]
        raise DataError(f"{file} is not as expected:\n{bullet_list(problems)}") from error
    return frozenset(item.submission for item in items)
