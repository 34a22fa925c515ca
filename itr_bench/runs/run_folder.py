"""The folder of one run, a model on a task: what is in it, and how it is read.

=================== =================================================================
``manifest.json``   what was run: configuration, command, sessions; written whole
``responses.jsonl`` the response log: one line a response, appended as they come
``scores.json``     the scores at the end, written whole
=================== =================================================================

The folder holds no text of any tweet; responses may quote some.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from itr_bench.answers import Asked, Parser, get_parser, new_forms
from itr_bench.errors import RunError, ScoreError
from itr_bench.relation import QUESTIONS, Answer
from itr_bench.runs.likelihood import judged
from itr_bench.runs.manifest import MANIFEST, read_manifest
from itr_bench.runs.response_log import RESPONSES, read_responses
from itr_bench.runs.run import Run
from itr_bench.scoring.likelihood import JudgedLikelihood
from itr_bench.scoring.predictions import ReadItem
from itr_bench.scoring.signature import digest
from itr_bench.tasks.spec import get_task

SCORES = "scores.json"
LOCK = ".lock"
NOT_OBSERVED = "not observed"
"""Stands in a signature where the adapter called nothing that could be watched."""

_SIGNED = (
    *("order", "answer_format", "model_args", "dtype", "content", "revision", "device"),
    *("force_simple", "engine"),
)
"""What of the configuration stands among the settings of a signature."""
_MAYBE = ("examples", "training")
"""Likewise, where it is there: examples in context, and what the model was trained on."""


def is_run_folder(path: Path) -> bool:
    """Whether *path* is the folder of a run."""
    return (path / MANIFEST).is_file() and (path / RESPONSES).is_file()


def run_folders(folder: Path) -> Iterator[Path]:
    """The run folders at and below *folder*, sorted."""
    for manifest in sorted(folder.rglob(MANIFEST)):
        if is_run_folder(manifest.parent):
            yield manifest.parent


def not_begun(folder: Path) -> Iterator[Path]:
    """The folders at and below *folder* of tasks whose run was planned, and not begun."""
    for log in sorted(folder.rglob(RESPONSES)):
        if (log.parent / LOCK).exists() and not (log.parent / MANIFEST).exists():
            yield log.parent


class UnfinishedError(ScoreError):
    """No tweet of a run is complete yet."""


def read_answer(parser: Parser, response: str, language: str, asked: Asked | None = None) -> Answer:
    """Read a response of a log, which *asked* tells tweet and question of.

    No failed request is in one, so what reads like it, the word *None*, is what the model said.
    """
    answer = parser.read(response, language, asked).answer
    return Answer.NONE if answer is Answer.FAILED else answer


def _sent(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent otherwise than asked, or that nobody could see what was sent."""
    observed = manifest.get("observed")
    allowed = manifest["configuration"].get("allow_different")
    if observed is not None and observed["engine"] is None:
        return {"sent": NOT_OBSERVED}
    if allowed:
        return {"sent": {key: (observed or {"sent": {}})["sent"].get(key) for key in allowed}}
    return {}


def read_run_folder(folder: Path) -> Run:
    """Read a run, its answers read again from the raw responses.

    Of an unfinished run, the tweets count that have both questions answered with all seeds.

    Raises:
        RunError: the folder was damaged or edited.
        UnfinishedError: no tweet is complete yet.
    """
    manifest = read_manifest(folder)
    configuration = manifest["configuration"]
    logged = read_responses(folder / RESPONSES)
    seeds, task = tuple(configuration["seeds"]), get_task(configuration["task"])
    parser = get_parser(task.parser)
    items: list[ReadItem] = []
    likelihoods: list[JudgedLikelihood] = []
    prompts: dict[str, str] = {}
    images: dict[str, str] = {}
    reasons: Counter[str] = Counter()
    read: dict[str, Answer] = {}  # each distinct response is read once
    pairs: list[tuple[str, Answer]] = []
    names = [question.value for question in QUESTIONS]
    for tweet in dict.fromkeys(tweet for tweet, _, _ in logged):
        try:
            of_tweet = [[logged[tweet, name, seed] for seed in seeds] for name in names]
        except KeyError:  # not complete
            continue
        for question, of_item in zip(QUESTIONS, of_tweet, strict=True):
            asked = Asked(tweet, question)
            if parser.needs_question:
                read.clear()
            responses = [one.response for one in of_item]
            reasons.update(one.finish_reason for one in of_item if one.finish_reason is not None)
            for response in responses:
                if response not in read:
                    read[response] = read_answer(parser, response, task.answer_language, asked)
            answers = tuple(map(read.__getitem__, responses))
            pairs += zip(responses, answers, strict=True)
            relation = cast("int", of_item[0].relation)
            items.append(ReadItem(tweet, question, relation, answers))
            likelihoods += judged(items[-1], responses, parser)
            prompts[f"{tweet} {question.value}"] = of_item[0].prompt_hash
            images[tweet] = of_item[0].image_sha256
    if not items:
        raise UnfinishedError(
            f"{folder}: no tweet is complete yet; give the command of the run again, it resumes:\n"
            f"    {manifest.get('command', 'itr-bench run ...')}"
        )
    if len(images) == configuration["tweets"] and digest(prompts) != configuration["prompts"]:
        raise RunError(f"{folder / RESPONSES}: its prompts are not those of {MANIFEST}")
    libraries = dict(configuration["libraries"])
    return Run(
        model=manifest["model"],
        task=configuration["task"],
        items=tuple(items),
        files=(str(folder / RESPONSES), str(folder / MANIFEST)),
        language=task.answer_language,
        parser=parser,
        likelihoods=tuple(likelihoods),
        set_size=manifest["set_size"],
        seeds=seeds,
        version=configuration["task_version"],
        prompt=digest(prompts),
        data=configuration["data"],
        adapter=configuration["adapter_class"],
        generation={
            "generation_kwargs": configuration["generation"],
            "num_fewshot": 0,
            "seeding": configuration["seeding"],
            **{name: configuration[name] for name in _SIGNED},
            **_sent(manifest),
            **{name: configuration[name] for name in _MAYBE if name in configuration},
        },
        harness=libraries.pop("lmms-eval", None),
        package=libraries.pop("itr-bench"),
        libraries=libraries,
        finish_reasons=dict(sorted(reasons.items())),
        images=images,
        prompts=prompts,
        new_forms=() if parser.of_likelihoods else new_forms(pairs),
    )
