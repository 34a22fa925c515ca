"""What was added or changed, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.site import wording


@dataclass(frozen=True)
class HistoryItem:
    """One line of the history.

    Attributes:
        date: YYYY-MM-DD.
        what: what was added or changed.
        why: the reason that was given.
        model_id: ORGANISATION/MODEL, where it is about one model.
    """

    date: str
    what: str
    why: str
    model_id: str | None = None


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
