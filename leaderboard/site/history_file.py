"""Reading the history that maintainers write."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from itr_bench.errors import DataError, bullet_list
from itr_bench.leaderboard.schema import Date, ModelId, Paragraph, Strict, problems_of
from itr_bench.leaderboard.site.history import HistoryItem
from itr_bench.leaderboard.yaml_file import read_yaml


class _Item(Strict):
    date: Date
    what: Paragraph
    why: Paragraph
    model: ModelId | None


def read_history(path: Path) -> list[HistoryItem]:
    """Read a file of history; where there is none, nothing happened.

    Raises:
        DataError: it is not as expected; with item and field.
    """
    if not path.exists():
        return []
    try:
        items = TypeAdapter(list[_Item]).validate_python(read_yaml(path) or [])
    except ValidationError as error:
        problems = [f"item {field or 'list'}: {problem}" for field, problem in problems_of(error)]
        raise DataError(f"{path} is not as expected:\n{bullet_list(problems)}") from error
    return [HistoryItem(item.date, item.what, item.why, item.model) for item in items]
