"""What the comparison page computes with, as JSON inside the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from itr_bench.leaderboard.site import wording
from itr_bench.leaderboard.site.board import Board, Comparable, Group
from itr_bench.leaderboard.site.rows import QUESTIONS, Row
from itr_bench.relation import RELATIONS

_DIGITS = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8
)

_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def script_json(value: Any) -> Markup:
    """JSON that cannot end the script element that holds it, nor open a comment in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Markup(text.translate(_ESCAPED))


def right_counts(hits: NDArray[np.int64], samples: int) -> str | list[int]:
    """By tweet, in order, how many of the samples are right: a character each, or a list where
    there are more samples than characters.
    """
    if samples < len(_DIGITS):
        return _DIGITS[hits].tobytes().decode()
    return [int(count) for count in hits]


def thousandths(p_values: NDArray[np.float64]) -> str:
    """P values in thousandths, two digits to the base of 36 each; 00 is below 0.001."""
    return "".join(
        np.base_repr(0 if value < 0.001 else round(1000 * value), 36).zfill(2)
        for value in p_values.tolist()
    )


def result_key(row: Row) -> str:
    """One result within a task, as addresses name it."""
    folder, state, is_variant = row.key
    return "/".join((folder, state, *(["explained"] if is_variant else [])))


def group_key(task: str, number: int) -> str:
    """A table of a task, as addresses name it: the main one by the task's name."""
    return task if number == 0 else f"{task}~{number}"


def comparison_data(boards: Sequence[Board]) -> tuple[Markup, int]:
    """The data of all results that can be compared, and their number."""
    tasks: list[dict[str, Any]] = []
    count = 0
    for board in boards:
        for number, group in enumerate((board.main, *board.others)):
            results = [
                {
                    **_result(one),
                    "better": [int(side) for side in group.better[i]],
                    "mcnemar": thousandths(group.p_values[0, i]),
                    "t": thousandths(group.p_values[1, i]),
                }
                for i, one in enumerate(group.comparable)
            ]
            count += len(results)
            if results:
                tasks.append(
                    {
                        "key": group_key(board.task, number),
                        "title": _title(board, group, number),
                        "tweets": group.tweets,
                        "chance": group.references.chance,
                        "relations": group.references.relations,
                        "results": results,
                    }
                )
    return script_json(
        {
            "relations": [one.label for one in RELATIONS],
            "questions": list(QUESTIONS.values()),
            "tasks": tasks,
        }
    ), count


def _title(board: Board, group: Group, number: int) -> str:
    if number == 0:
        return board.short
    return (
        f"{board.short}, version {group.version or 'unknown'}, data {group.data}, parser "
        f"{group.parser}"
    )


def _result(one: Comparable) -> dict[str, Any]:
    row, predictions = one.row, one.predictions
    score = row.entry.score if row.entry is not None else None
    return {
        "key": result_key(row),
        "name": row.name,
        "about": ", ".join(
            [
                row.organisation or "",
                wording.state(row.state),
                *(["explained answers"] if row.explained else []),
                *([wording.SAW_DATA] if row.saw_data == "yes" else []),
            ]
        ),
        "page": f"models/{row.folder}.html",
        "samples": predictions.samples,
        "tier": row.tier,
        "accuracy": _round(row.accuracy),
        "interval": None if row.interval is None else [_round(end) for end in row.interval],
        "sd": _round(row.sd),
        "unparseable": _round(row.unparseable),
        "adds": None if score is None else _round(score.adds_accuracy),
        "represented": None if score is None else _round(score.represented_accuracy),
        "recall": None if score is None else [_round(one) for one in score.recall],
        "right": right_counts(one.hits, predictions.samples),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value * 10**6) / 10**6  # as numpy, but faster
