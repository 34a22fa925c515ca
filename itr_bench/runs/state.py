"""How far a task of a run is, found out without loading or fetching anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from itr_bench.errors import RunError
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import QUESTIONS
from itr_bench.runs import plan
from itr_bench.runs.settings import settings_of
from itr_bench.storage import locked
from itr_bench.tasks.spec import TaskSpec


@dataclass(frozen=True)
class TaskState:
    """How far a task of a run is.

    Attributes:
        tweets: how many there are to ask about; ``None`` where that is not known before the data
            is there.
        a_tweet: responses that make a tweet complete.
        done: responses that are there.
        refusal: why the folder would be refused; empty where it would not.
    """

    tweets: int | None
    a_tweet: int
    done: int
    refusal: str

    @property
    def total(self) -> int:
        """Responses that make the task complete, as far as that is known."""
        return (self.tweets or 0) * self.a_tweet

    @property
    def to_do(self) -> int:
        """Responses to generate."""
        return self.total - self.done

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.tweets is not None and not self.to_do and not self.refusal


def task_state(
    task: TaskSpec, model: ModelSpec, asked: Sequence[int], folder: Path, limit: int | None
) -> TaskState:
    """How far *task* is in its *folder*, for *model* with the seeds *asked* for."""
    seeds = settings_of(task, model).seeds(asked)
    known = plan.tweets_known(task)
    tweets = known if known is None or limit is None else min(limit, known)
    done, refusal = _there(task, model, asked, folder, limit)
    a_tweet = len(QUESTIONS) * len(seeds)
    if tweets is not None:
        done = min(done, tweets * a_tweet)
    return TaskState(tweets, a_tweet, done, refusal)


def is_running(folder: Path) -> bool:
    """Whether a process is running in the *folder* of a task."""
    from itr_bench.runs.run_folder import LOCK  # which a dry run does without

    if not (folder / LOCK).exists():
        return False
    try:
        with locked(folder / LOCK, RunError("it runs")):
            return False
    except (RunError, OSError):
        return True


def _there(
    task: TaskSpec, model: ModelSpec, seeds: Sequence[int], folder: Path, limit: int | None
) -> tuple[int, str]:
    """How many of the responses asked for are in *folder*, and why it would be refused, if so."""
    if not folder.is_dir():
        return 0, ""
    from itr_bench.runs.execute import checked_manifest, refuse_differences
    from itr_bench.runs.manifest import MANIFEST, differences, read_manifest
    from itr_bench.runs.response import Key, Response
    from itr_bench.runs.response_log import RESPONSES, read_responses

    responses: dict[Key, Response] = {}
    done = 0
    try:
        if (folder / RESPONSES).exists():
            responses = read_responses(folder / RESPONSES)
        if not responses and not (folder / MANIFEST).exists():
            return 0, ""
        if plan.data_is_here(task):
            planned = plan.plan_task(task, model, seeds, limit)
            done = planned.total - len(planned.missing(responses))
            checked_manifest(folder, planned, responses)
        else:
            settings = settings_of(task, model)
            chosen = settings.seeds(seeds)
            done = sum(response.seed in chosen for response in responses.values())
            now = plan.configuration_without_data(settings, model, seeds)
            there = read_manifest(folder)["configuration"]
            refuse_differences(folder, differences({key: there.get(key) for key in now}, now))
    except RunError as error:
        return done, str(error)
    return done, ""
