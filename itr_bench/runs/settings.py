"""How a task is put to a model: definition, wording and generation settings."""

from __future__ import annotations

from dataclasses import replace

from itr_bench.data.languages import LANGUAGES
from itr_bench.errors import RunError
from itr_bench.models.adapters import Seeding
from itr_bench.models.imageless import check_image
from itr_bench.models.spec import ModelSpec
from itr_bench.models.turns import check_turns
from itr_bench.relation import QUESTIONS
from itr_bench.tasks import documents
from itr_bench.tasks.definitions import Definition, define
from itr_bench.tasks.spec import TaskSpec

AT_SERVER = frozenset(
    {
        *("max_new_tokens", "temperature", "do_sample", "until", "top_p", "top_k", "min_p"),
        "repetition_penalty",
    }
)
"""The generation settings that reach a server that takes seeds."""


def settings_of(task: TaskSpec, model: ModelSpec) -> Definition:
    """Return how *task* is put to *model*: its definition, with what preset and user change in it.

    Raises:
        ItrBenchError: the adapter has no likelihoods and the task needs them; it cannot do
            without an image; or it would drop a generation setting.
    """
    definition = define(task, model.adapter)
    wording = dict(definition.wording)
    variant = task.variant
    check_image(task, model.adapter)
    if task.likelihood and model.adapter != "itr_vlm":
        raise RunError(
            f"{task.name} needs likelihoods, which itr_vlm has and {model.adapter} has not; take "
            f"{task.base}"
        )
    if variant.context:
        check_turns(task, model.adapter, force_simple=model.force_simple)
    if model.preset is not None:
        wording["order"] = list(variant.order or model.preset.order)
        # Examples are answered with a bare yes or no.
        if not task.explained and not task.likelihood and not variant.context:
            wording["answer_format"] = model.preset.answer_format
    if task.likelihood:  # nothing is generated
        return replace(definition, wording=wording)
    merged = {**definition.generation, **model.generation}
    generation = {key: value for key, value in merged.items() if value is not None}
    unsent = generation.keys() - AT_SERVER if model.handling.seeding is Seeding.PAYLOAD else set()
    if unsent:
        raise RunError(
            f"--gen_kwargs {min(unsent)}=...: {model.adapter} cannot send it to a server; it sends "
            f"{', '.join(sorted(AT_SERVER))}"
        )
    return replace(definition, wording=wording, generation=generation)


def prompts_in_short(task: TaskSpec, chosen: Definition) -> list[str]:
    """The prompts of *task* with ``[text]`` for the text of a tweet, each once; opens no data."""
    found = [
        documents.last_prompt(
            {
                "tweet_id": "",
                "question": question.value,
                "language": LANGUAGES[task.language].name,
                "text": "[text]",
            },
            chosen.wording,
        )
        for question in QUESTIONS
    ]
    return list(dict.fromkeys(found))
