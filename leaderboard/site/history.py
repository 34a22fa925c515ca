"""What was added or changed, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.schema import Date, ModelId, Paragraph, maintained
from itr_bench.leaderboard.site import wording


@dataclass(frozen=True)
class HistoryItem:
    """What was added or changed on a day, and why; *model* where it is about one."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    date: Date
    what: Paragraph
    why: Paragraph
    model: ModelId | None = None


def read_history(path: Path) -> list[HistoryItem]:
    """Read the history that maintainers write; where there is no file, nothing happened.

    Raises:
        DataError: it is not as expected; with item and field.
    """
    if not path.exists():
        return []
    return maintained(path, list[HistoryItem], each="item ")


def merged(entries: Sequence[Entry], items: Sequence[HistoryItem]) -> list[HistoryItem]:
    """The submissions and the *items* given, newest first.

    Submissions of one model, day and reason are one line that names their tasks.
    """
    tasks: dict[tuple[str, str, str, str, str], list[str]] = {}
    for entry in entries:
        submission = entry.submission
        card = submission.model
        key = (submission.submitted, card.id, card.name, submission.state, submission.reason)
        tasks.setdefault(key, []).append(submission.run.task)
    found = list(items)
    for (date, model_id, name, state, reason), names in tasks.items():
        what = f"{name} ({wording.state(state)}): {', '.join(sorted(names))}"
        found.append(HistoryItem(date, what, reason, model_id))
    found.sort(key=lambda item: (item.what.casefold(), item.what, item.why))
    return sorted(found, key=lambda item: item.date, reverse=True)
