"""What a run is to do, worked out before anything is loaded: model, tasks, conditions."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.answers import Parser, get_parser
from itr_bench.data import home
from itr_bench.data.catalog import base_task, get_set, get_task
from itr_bench.data.languages import LANGUAGES
from itr_bench.errors import RunError
from itr_bench.lmms import documents
from itr_bench.lmms.imageless import check_image
from itr_bench.lmms.turns import check_turns, takes_turns
from itr_bench.relation import QUESTIONS
from itr_bench.results.arguments import (
    CHECKPOINT,
    IDENTITY,
    PLACE,
    format_arguments,
    is_secret,
    model_name,
    parse_arguments,
    settings,
    without_secrets,
)
from itr_bench.results.run_folder import Key
from itr_bench.runs.adapters import Handling, Seeding, check_adapter, handling
from itr_bench.runs.definitions import Definition, define
from itr_bench.runs.presets import Preset, presets
from itr_bench.scoring.signature import digest
from itr_bench.seeds import PAPER_SEEDS

_UNSAFE = re.compile(r"[^A-Za-z0-9._+]+")
_NOTHING = ("null", "none", "None")
AT_SERVER = frozenset(
    {
        *("max_new_tokens", "temperature", "do_sample", "until", "top_p", "top_k", "min_p"),
        "repetition_penalty",
    }
)
"""The generation settings that reach a server that takes seeds."""


@dataclass(frozen=True)
class Model:
    """A model as it is to be loaded and asked.

    Attributes:
        adapter: lmms-eval's ``--model``.
        arguments: of the adapter, by name.
        preset: the preset that it came from, if any.
        generation: settings over those of a task; ``None`` takes one away.
        force_simple: whether to take the simple class of an adapter that has both.
    """

    adapter: str
    arguments: Mapping[str, Any]
    preset: Preset | None
    generation: Mapping[str, Any]
    force_simple: bool

    @property
    def handling(self) -> Handling:
        """How the adapter is driven."""
        return handling(self.adapter, force_simple=self.force_simple)

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint as it was asked for; ``None`` for what has none, such as a baseline."""
        found = self.arguments.get(self.checkpoint_argument)
        return None if found is None else str(found)

    @property
    def checkpoint_argument(self) -> str:
        """The argument that names the checkpoint."""
        other = self.handling.overriding
        return other if other and self.arguments.get(other) else self.handling.checkpoint

    @property
    def address(self) -> str | None:
        """Where the server is, for adapters that ask one; without user and query."""
        names = self.handling.addresses
        given = self.arguments.get("base_url") or next(filter(None, map(os.environ.get, names)), "")
        return str(without_secrets({"base_url": str(given)})["base_url"]) or None

    @property
    def name(self) -> str:
        """How tables call it."""
        named = {self.checkpoint_argument: self.checkpoint} if self.checkpoint else {}
        rest = {k: v for k, v in self.arguments.items() if k not in CHECKPOINT or not named}
        return model_name(self.adapter, {**rest, **named})

    @property
    def folder_name(self) -> str:
        """How its folder is called where nothing else is asked for."""
        if self.preset is not None:
            return self.preset.name
        name = self.name if self.name.startswith(self.adapter) else f"{self.adapter}-{self.name}"
        return _UNSAFE.sub("-", name).strip("-.")

    @property
    def seeds_can_differ(self) -> bool:
        """Whether its preset leaves anything to chance; ``True`` where that is not known."""
        return self.preset is None or self.preset.seeds_can_differ


def resolve_model(
    name: str, *, model_args: str = "", gen_kwargs: str = "", force_simple: bool = False
) -> Model:
    """Return the model that *name* stands for: a preset, or an adapter of lmms-eval.

    Args:
        name: of the preset or the adapter.
        model_args: ``k=v,...``, over those of the preset one by one.
        gen_kwargs: ``k=v,...``, over those of preset and task; ``k=null`` takes one away.
        force_simple: as lmms-eval's option of that name.

    Raises:
        ItrBenchError: an unknown name, or arguments that cannot be read.
    """
    given = parse_arguments(model_args, "--model_args")
    generation = {
        key: None if value in _NOTHING else value
        for key, value in parse_arguments(gen_kwargs, "--gen_kwargs").items()
    }
    if "seed" in generation:
        raise RunError("--gen_kwargs seed=...: give the seeds by --seeds")
    preset = presets().get(name)
    if preset is None:
        check_adapter(name)
        arguments = {**handling(name).defaults, **given}
        return Model(name, arguments, None, generation, force_simple)
    arguments = {handling(preset.adapter).checkpoint: preset.checkpoint, **preset.model_args}
    return Model(
        preset.adapter,
        {**arguments, **given},
        preset,
        {**preset.generation, **generation},
        force_simple,
    )


@dataclass(frozen=True)
class Settings:
    """How a task is put to a model.

    Attributes:
        definition: the task's definition, as it is for the adapter.
        wording: its wording, with the order and answer format of the preset.
        generation: generation settings, those that are not to be given left out.
    """

    definition: Definition
    wording: Mapping[str, Any]
    generation: Mapping[str, Any]

    def seeds(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Those of the seeds *asked* for that make a difference: a likelihood is the same always.

        Its one response stands under the first seed.
        """
        return tuple(asked[:1] if self.definition.likelihood else asked)


def settings_of(task: str, model: Model) -> Settings:
    """Return how *task* is put to *model*.

    Raises:
        ItrBenchError: there is no such task; the adapter has no likelihoods and the task needs
            them; it cannot do without an image; or it would drop a generation setting.
    """
    definition = define(task, model.adapter)
    wording = dict(definition.wording)
    variant = get_task(task).variant
    check_image(task, model.adapter)
    if definition.likelihood and model.adapter != "itr_vlm":
        raise RunError(
            f"{task} needs likelihoods, which itr_vlm has and {model.adapter} has not; take "
            f"{base_task(task)}"
        )
    if variant.context:
        check_turns(task, model.adapter, force_simple=model.force_simple)
    if model.preset is not None:
        wording["order"] = list(variant.order or model.preset.order)
        # Examples are answered with a bare yes or no.
        if not definition.explained and not definition.likelihood and not variant.context:
            wording["answer_format"] = model.preset.answer_format
    if definition.likelihood:  # nothing is generated
        return Settings(definition, wording, definition.generation)
    merged = {**definition.generation, **model.generation}
    generation = {key: value for key, value in merged.items() if value is not None}
    unsent = generation.keys() - AT_SERVER if model.handling.seeding is Seeding.PAYLOAD else set()
    if unsent:
        raise RunError(
            f"--gen_kwargs {min(unsent)}=...: {model.adapter} cannot send it to a server; it sends "
            f"{', '.join(sorted(AT_SERVER))}"
        )
    return Settings(definition, wording, generation)


def prompts_in_short(task: str, chosen: Settings) -> list[str]:
    """The prompts of *task* with ``[text]`` for the text of a tweet, each once; opens no data."""
    spec = get_task(task)
    found = [
        documents.last_prompt(
            {
                "tweet_id": "",
                "question": question.value,
                "language": LANGUAGES[spec.text].name,
                "text": "[text]",
            },
            chosen.wording,
        )
        for question in QUESTIONS
    ]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Item:
    """One question about one tweet.

    Attributes:
        doc_id: its place among the task's documents.
        tweet_id, question: what it is.
        relation: the tweet's right relation, 0 to 3.
        prompt_hash: digest of the prompt.
        image_sha256: SHA-256 of the image's file.
    """

    doc_id: int
    tweet_id: str
    question: str
    relation: int
    prompt_hash: str
    image_sha256: str


@dataclass(frozen=True)
class Wanted:
    """A response that is wanted: of a document, with a seed."""

    doc_id: int
    seed: int


@dataclass(frozen=True)
class TaskPlan:
    """One task of a run.

    Attributes:
        task: its name.
        settings: how it is put to the model.
        items: what is asked, tweet by tweet.
        seeds: with which each is asked.
        set_size: number of tweets of the whole set.
        language: that the responses are expected in.
        parser: what reads them.
        conditions: what can change a score, as far as it is known before the model is loaded.
    """

    task: str
    settings: Settings
    items: tuple[Item, ...]
    seeds: tuple[int, ...]
    set_size: int
    language: str
    parser: Parser
    conditions: Mapping[str, Any]

    @property
    def total(self) -> int:
        """How many responses make it complete."""
        return len(self.items) * len(self.seeds)

    @property
    def most_tokens(self) -> int | None:
        """At how many tokens a response ends."""
        most = self.settings.generation.get("max_new_tokens")
        return most if isinstance(most, int) else None

    def missing(self, done: Mapping[Key, object]) -> list[Wanted]:
        """The responses that are not among *done*, tweet by tweet."""
        return [
            Wanted(item.doc_id, seed)
            for item in self.items
            for seed in self.seeds
            if (item.tweet_id, item.question, seed) not in done
        ]

    def blocks(self, rows: int = 0) -> list[list[Wanted]]:
        """All responses, parted always alike: whole tweets, as many as *rows* hold, one at least.

        What is computed together can tip a close choice in half precision; so that a response
        does not depend on what was there before, a block is computed whole or not at all.
        """
        tweets: dict[str, list[Wanted]] = {}
        for item in self.items:
            wanted = tweets.setdefault(item.tweet_id, [])
            wanted += [Wanted(item.doc_id, seed) for seed in self.seeds]
        size = max(1, rows // (len(QUESTIONS) * len(self.seeds)))
        together = list(tweets.values())
        return [
            [one for tweet in together[start : start + size] for one in tweet]
            for start in range(0, len(together), size)
        ]


def open_blocks(plan: TaskPlan, rows: int, wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """The blocks of *plan* of which anything is *wanted*, whole."""
    open_ = set(wanted)
    return [block for block in plan.blocks(rows) if not open_.isdisjoint(block)]


def plan_task(task: str, model: Model, seeds: Sequence[int], limit: int | None = None) -> TaskPlan:
    """Open the data of *task* and plan the run of *model* on it.

    Args:
        task: its name.
        model: the model.
        seeds: with which each question is asked.
        limit: number of tweets, the first ones; all by default.

    Raises:
        ItrBenchError: an unknown task, or data that is not there and cannot be fetched.
    """
    chosen = settings_of(task, model)
    spec = get_task(task)
    before = documents.examples(spec.name)
    set_size = documents.scored(spec.name)
    tweets = set_size if limit is None else min(limit, set_size)
    prompts: dict[str, str] = {}
    items = []
    for doc_id, document in enumerate(documents.documents(spec.name)):
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
        task=task,
        settings=chosen,
        items=tuple(items),
        seeds=chosen.seeds(seeds),
        set_size=set_size,
        language=spec.answers,
        parser=get_parser(spec.parser),
        conditions={
            **conditions_without_data(chosen, model, seeds),
            "data": documents.identity(spec.name),
            **({"examples": before.facts()} if before else {}),
            "tweets": tweets,
            "prompts": digest(prompts),
        },
    )


def conditions_without_data(chosen: Settings, model: Model, seeds: Sequence[int]) -> dict[str, Any]:
    """The conditions of a run that are known before its data is opened."""
    return {
        "task": chosen.definition.name,
        "task_version": chosen.definition.version,
        "order": list(chosen.wording["order"]),
        "answer_format": chosen.wording["answer_format"],
        "adapter": model.adapter,
        "force_simple": model.force_simple,
        "checkpoint": _named(model.checkpoint),
        "revision": model.arguments.get("revision"),
        "base_url": model.address,
        "model_args": _compared(model),
        "seeds": list(chosen.seeds(seeds)),
        "seeding": model.handling.seeding.value,
        "generation": dict(chosen.generation),
    }


def _named(checkpoint: str | None) -> str | None:
    """A checkpoint as it may be published: of a folder, whose files are hashed, its end alone."""
    if checkpoint is None or not Path(checkpoint).is_dir():
        return checkpoint
    return "/".join(Path(checkpoint).parts[-2:])


def _compared(model: Model) -> dict[str, Any]:
    """The arguments that can change a response; checkpoint and revision stand by themselves."""
    apart = {model.checkpoint_argument, "revision"}
    names = {name: value for name, value in model.arguments.items() if name in IDENTITY - apart}
    return dict(sorted({**settings(model.arguments), **without_secrets(names)}.items()))


def tweets_known(task: str) -> int | None:
    """The number of tweets of *task* without fetching anything; ``None`` where it is not known."""
    spec = get_task(task)
    chosen = get_set(spec.set_name)
    if chosen.bundled or home.is_built(spec.set_name):
        return documents.scored(spec.name)
    whole = sum(chosen.relations) if chosen.relations else None
    return whole and whole - documents.held_out(spec.name)


def data_is_here(task: str) -> bool:
    """Whether the data of *task* can be opened without fetching anything."""
    spec = get_set(get_task(task).set_name)
    return spec.bundled or home.is_built(spec.name)


def from_paper(model: Model, seeds: Sequence[int]) -> list[str]:
    """In what a run of a preset differs from it, a line each; nothing for other models."""
    preset = model.preset
    if preset is None:
        return []
    there: dict[str, Any] = {**preset.model_args, **preset.generation}
    here: dict[str, Any] = {**model.arguments, **model.generation}
    neutral = {*PLACE, *IDENTITY, "rows_in_flight"}
    lines = [
        f"{key}: {_shown(there.get(key))} in the {preset.kind}, {_shown(here.get(key))} here"
        for key in sorted({*there, *here})
        if here.get(key) != there.get(key) and key not in neutral and not is_secret(key)
    ]
    if model.checkpoint != preset.checkpoint:
        lines.append(
            f"checkpoint: {preset.checkpoint} in the {preset.kind}, {model.checkpoint} here"
        )
    if tuple(seeds) != PAPER_SEEDS:
        lines.append(f"seeds: the ten of the paper, {len(seeds)} here")
    return lines


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)


def plain_command(task: str, model: Model, samples: int) -> str:
    """The command of plain lmms-eval that comes nearest: its own adapter, its own seeding."""
    adapter, arguments = model.adapter, dict(model.arguments)
    has_turns = get_task(task).variant.context is not None
    generation = {
        key: value
        for key, value in model.generation.items()
        if value is not None and define(task, adapter).generation.get(key) != value
    }
    if model.preset is not None and (takes_turns(model.preset.stock.adapter) or not has_turns):
        stock = model.preset.stock
        adapter = stock.adapter
        arguments = {handling(adapter).checkpoint: model.checkpoint, **stock.model_args}
        own = define(task, adapter).generation
        generation = {
            key: value
            for key, value in model.generation.items()
            if value != model.preset.generation.get(key) and own.get(key) != value
        }
    line = ["lmms-eval", "--model", adapter]
    line += ["--model_args", format_arguments(arguments)] if arguments else []
    line += ["--tasks", task]
    line += ["--repeats", str(samples)] if samples > 1 else []
    if generation and not define(task, adapter).likelihood:  # of which nothing is generated
        line += ["--gen_kwargs", format_arguments(generation)]
    line += ["--force_simple"] if model.force_simple else []
    return shlex.join([*line, "--log_samples", "--output_path", "out/"])


def check_batch_size(batch_size: int | None, model: Model) -> None:
    """Check the number of requests at a time that was asked for.

    Raises:
        RunError: the adapter answers several requests from one random stream or as one padded
            batch, so that responses would depend on it; or it forms its batches by itself.
    """
    if batch_size is not None and model.handling.batch is None:
        raise RunError(
            f"--batch-size {batch_size}: {model.adapter} forms its batches by itself; give "
            "--model_args rows_in_flight=N to bound them"
        )
    if batch_size is not None and batch_size > 1 and not model.handling.takes_batches:
        raise RunError(
            f"--batch-size {batch_size}: {model.adapter} does not seed each request by itself, so "
            "its responses would depend on the batch size; leave the option out, and it gets one "
            "request at a time"
        )
