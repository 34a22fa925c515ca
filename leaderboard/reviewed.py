"""What maintainers have looked at: near copies that they found to be none."""

from __future__ import annotations

from pathlib import Path

from itr_bench.leaderboard.schema import Line, Paragraph, Strict, maintained

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
    items = maintained(file, list[_Item], each="item ")
    return frozenset(item.submission for item in items)
