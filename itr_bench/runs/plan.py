"""What a run is to do, worked out before anything is loaded: tasks, requests, configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.answers import Parser, get_parser
from itr_bench.data import home
from itr_bench.data.manifest import Manifest
from itr_bench.data.sets import get_set
from itr_bench.models.arguments import IDENTITY, settings, without_secrets
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import QUESTIONS
from itr_bench.runs.settings import settings_of
from itr_bench.scoring.signature import digest
from itr_bench.tasks import documents
from itr_bench.tasks.definitions import Definition
from itr_bench.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from itr_bench.runs.response import Key, QuestionName


@dataclass(frozen=True)
class Item:
    """One question about one tweet.

    Attributes:
        doc_id: its place among the task's documents.
        relation: the tweet's right relation, 0 to 3.
        image_sha256: SHA-256 of the image's file.
    """

    doc_id: int
    tweet_id: str
    question: QuestionName
    relation: int
    prompt_hash: str
    image_sha256: str


@dataclass(frozen=True)
class Request:
    """A response that is asked for: of a document, with a seed."""

    doc_id: int
    seed: int


@dataclass(frozen=True)
class TaskPlan:
    """One task of a run.

    Attributes:
        items: what is asked, tweet by tweet.
        set_size: number of tweets of the whole set.
        configuration: what can change a score, as far as it is known before the model is loaded.
    """

    task: str
    settings: Definition
    items: tuple[Item, ...]
    seeds: tuple[int, ...]
    set_size: int
    language: str
    parser: Parser
    configuration: Mapping[str, Any]

    @property
    def total(self) -> int:
        """How many responses make it complete."""
        return len(self.items) * len(self.seeds)

    @property
    def most_tokens(self) -> int | None:
        """At how many tokens a response ends."""
        most = self.settings.generation.get("max_new_tokens")
        return most if isinstance(most, int) else None

    @property
    def keys(self) -> list[Key]:
        """The responses that make it complete, tweet by tweet."""
        return [(item.tweet_id, item.question, seed) for item in self.items for seed in self.seeds]

    def missing(self, done: Mapping[Key, object]) -> list[Request]:
        """The responses that are not among *done*, tweet by tweet."""
        return [
            Request(item.doc_id, seed)
            for item in self.items
            for seed in self.seeds
            if (item.tweet_id, item.question, seed) not in done
        ]

    def blocks(self, rows: int = 0) -> list[list[Request]]:
        """All responses, parted always alike: whole tweets, as many as *rows* hold, one at least.

        What is computed together can tip a close choice in half precision; so that a response
        does not depend on what was there before, a block is computed whole or not at all.
        """
        tweets: dict[str, list[Request]] = {}
        for item in self.items:
            requests = tweets.setdefault(item.tweet_id, [])
            requests += [Request(item.doc_id, seed) for seed in self.seeds]
        size = max(1, rows // (len(QUESTIONS) * len(self.seeds)))
        together = list(tweets.values())
        return [
            [one for tweet in together[start : start + size] for one in tweet]
            for start in range(0, len(together), size)
        ]


def open_blocks(plan: TaskPlan, rows: int, requests: Sequence[Request]) -> list[list[Request]]:
    """The blocks of *plan* that hold any of *requests*, whole."""
    asked = set(requests)
    return [block for block in plan.blocks(rows) if not asked.isdisjoint(block)]


def plan_task(
    task: TaskSpec, model: ModelSpec, seeds: Sequence[int], limit: int | None = None
) -> TaskPlan:
    """Open the data of *task* and plan the run of *model* on it.

    Args:
        limit: number of tweets, the first ones; all by default.

    Raises:
        ItrBenchError: data that is not there and cannot be fetched.
    """
    chosen = settings_of(task, model)
    before = documents.examples(task)
    set_size = documents.scored(task)
    tweets = set_size if limit is None else min(limit, set_size)
    prompts: dict[str, str] = {}
    items = []
    for doc_id, (document, _) in enumerate(documents.rows(task)):
        if document["row"] >= tweets:
            break
        item = Item(
            doc_id,
            prompt_hash=digest(documents.render(document, chosen.wording)),
            **{key: document[key] for key in ("tweet_id", "question", "relation", "image_sha256")},
        )
        items.append(item)
        prompts[f"{item.tweet_id} {item.question}"] = item.prompt_hash
    return TaskPlan(
        task=task.name,
        settings=chosen,
        items=tuple(items),
        seeds=chosen.seeds(seeds),
        set_size=set_size,
        language=task.answer_language,
        parser=get_parser(task.parser),
        configuration={
            **configuration_without_data(chosen, model, seeds),
            "data": documents.identity(task),
            **({"examples": before.facts()} if before else {}),
            "tweets": tweets,
            "prompts": digest(prompts),
        },
    )


def configuration_without_data(
    chosen: Definition, model: ModelSpec, seeds: Sequence[int]
) -> dict[str, Any]:
    """The configuration of a run as far as it is known before its data is opened."""
    return {
        "task": chosen.task.name,
        "task_version": chosen.version,
        "order": list(chosen.wording["order"]),
        "answer_format": chosen.wording["answer_format"],
        "adapter": model.adapter,
        "force_simple": model.force_simple,
        "checkpoint": _named(model.checkpoint),
        "revision": model.arguments.get("revision"),
        "model_args": _compared(model),
        "seeds": list(chosen.seeds(seeds)),
        "seeding": model.handling.seeding.value,
        "generation": dict(chosen.generation),
        **({"allow_different": list(model.allow_different)} if model.allow_different else {}),
    }


def _named(checkpoint: str | None) -> str | None:
    """A checkpoint as it may be published: of a folder, whose files are hashed, its end alone."""
    if checkpoint is None or not Path(checkpoint).is_dir():
        return checkpoint
    return "/".join(Path(checkpoint).parts[-2:])


def _compared(model: ModelSpec) -> dict[str, Any]:
    """The arguments that can change a response; checkpoint and revision stand by themselves."""
    apart = {model.checkpoint_argument, "revision"}
    names = {name: value for name, value in model.arguments.items() if name in IDENTITY - apart}
    return dict(sorted({**settings(model.arguments), **without_secrets(names)}.items()))


def tweets_known(task: TaskSpec) -> int | None:
    """The number of tweets of *task* without fetching anything; ``None`` where it is not known."""
    chosen = get_set(task.set_name)
    whole = sum(chosen.relations) if chosen.relations else None
    if home.is_built(task.set_name):
        whole = Manifest.read(home.set_folder(home.located(task.set_name))).tweets
    return whole and whole - documents.held_out(task)


def data_is_here(task: TaskSpec) -> bool:
    """Whether the data of *task* can be opened without fetching anything."""
    spec = get_set(task.set_name)
    return spec.bundled or home.is_built(spec.name)
