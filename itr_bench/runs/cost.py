"""What is left to do in hours, from the seconds that a tweet took."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from itr_bench.errors import RunError
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import QUESTIONS
from itr_bench.runs.plan import configuration_without_data
from itr_bench.runs.settings import settings_of
from itr_bench.tasks.spec import TaskSpec

_SAME = ("adapter", "force_simple", "checkpoint", "revision", "model_args", "seeds", "generation")
"""What of two runs has to be the same, so that a tweet takes them as long."""


class Pace(NamedTuple):
    """How long a tweet takes one replica.

    Attributes:
        seconds: a tweet, with both questions and all seeds.
        source: where that was measured, or that it was given.
    """

    seconds: float
    source: str


def measured(task: TaskSpec, model: ModelSpec, seeds: Sequence[int], out: Path) -> Pace | None:
    """The pace of the longest session of *model* in the run folders of *out*.

    One on *task* itself counts before one on another task. ``None`` where there is none: a
    session that was killed does not say when it ended.
    """
    # A dry run does without these, and what they import.
    from itr_bench.runs.manifest import read_manifest
    from itr_bench.runs.run_folder import run_folders

    now = configuration_without_data(settings_of(task, model), model, seeds)
    best: tuple[tuple[bool, float], Pace] | None = None
    for folder in run_folders(out) if out.is_dir() else ():
        try:
            manifest = read_manifest(folder)
        except RunError:  # it is not this command's to complain
            continue
        there = manifest["configuration"]
        if any(there.get(name) != now[name] for name in _SAME):
            continue
        for seconds, tweets in _sessions(manifest["sessions"], len(QUESTIONS) * len(now["seeds"])):
            rank = (there.get("task") == task.name, tweets)
            if best is None or rank > best[0]:
                words = f"{tweets:.0f} tweets in {folder}, {there.get('device') or 'no device'}"
                best = rank, Pace(seconds / tweets, f"measured: {words}")
    return best[1] if best else None


def _sessions(sessions: Iterable[dict[str, Any]], a_tweet: int) -> Iterable[tuple[float, float]]:
    """The seconds of each session, summed over its replicas, with its tweets."""
    for session in sessions:
        if session.get("end") and session["responses"] >= a_tweet:
            start, end = (
                datetime.datetime.fromisoformat(session[name]) for name in ("start", "end")
            )
            # They are given to the second.
            seconds = max(1.0, (end - start).total_seconds())
            yield seconds * session["processes"], session["responses"] / a_tweet


def duration(seconds: float) -> str:
    """Seconds in the unit that fits."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
