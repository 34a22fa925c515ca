"""Reading what lmms-eval leaves: a file of samples a task, and one file of results a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from itr_bench.answers import Asked, get_parser, new_forms
from itr_bench.errors import ScoreError
from itr_bench.models.arguments import CHECKPOINT, model_name, pieces, settings, without_secrets
from itr_bench.relation import Answer, Question
from itr_bench.runs.likelihood import judged
from itr_bench.runs.run import Run
from itr_bench.scoring.likelihood import JudgedLikelihood
from itr_bench.scoring.predictions import ReadItem
from itr_bench.scoring.signature import digest
from itr_bench.tasks.spec import get_task, is_ours

_SAMPLES = re.compile(r"(?P<stamp>.+)_samples_(?P<task>.+)\.jsonl")


def is_samples_file(path: Path) -> bool:
    """Whether *path* has the name of one of lmms-eval's files of samples."""
    return _SAMPLES.fullmatch(path.name) is not None


def is_our_task(path: Path) -> bool:
    """Whether a file of samples is of a task of this benchmark, by its name."""
    name = _SAMPLES.fullmatch(path.name)
    return name is not None and is_ours(name["task"])


def samples_files(folder: Path) -> list[Path]:
    """All of lmms-eval's files of samples below *folder*, sorted by name."""
    return sorted(path for path in folder.rglob("*.jsonl") if is_samples_file(path))


def read_samples(path: Path) -> Run:
    """Read one file of samples, with the results file beside it if it is there.

    The answers are read again from the raw responses; what the run itself made of them is
    not used.

    Raises:
        ScoreError: the file cannot be read, or is not of a task of this benchmark; with line.
    """
    name = _SAMPLES.fullmatch(path.name)
    if name is None:
        raise ScoreError(f"{path}: expected the name ..._samples_<task>.jsonl of lmms-eval's logs")
    task = name["task"]
    language = get_task(task).answer_language
    parser = get_parser(get_task(task).parser)
    items: list[ReadItem] = []
    likelihoods: list[JudgedLikelihood] = []
    prompts: dict[str, str] = {}
    images: dict[str, str] = {}
    shared: dict[str, Any] = {}
    pairs: list[tuple[str, Answer]] = []
    for number, sample in numbered_samples(path):
        try:
            item = sample["item"]
            # A likelihood has no samples.
            responses = responses_in(sample)[: 1 if parser.of_likelihoods else None]
            asked = Asked(str(item["tweet_id"]), Question(item["question"]))
            answers = tuple(parser.read(text, language, asked).answer for text in responses)
            pairs += zip(responses, answers, strict=True)
            items.append(
                ReadItem(
                    asked.tweet_id,
                    asked.question,
                    int(item["relation"]),
                    answers,
                )
            )
            likelihoods += judged(items[-1], responses, parser)
            prompts[f"{item['tweet_id']} {item['question']}"] = digest(sample["input"])
            images[str(item["tweet_id"])] = str(item["image_sha256"])
            facts = {key: item[key] for key in ("data", "itr_bench", "libraries")}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ScoreError(
                f"{path}, line {number}: not a sample of an itr-bench task "
                f"({type(error).__name__}: {error}). Expected what `lmms-eval --log_samples` "
                "writes with this package installed."
            ) from error
        if shared and facts != shared:
            differing = sorted(key for key in facts if facts[key] != shared[key])
            raise ScoreError(
                f"{path}, line {number}: {', '.join(differing)} differ from the lines before; "
                "samples of different runs cannot be scored together"
            )
        shared = facts
    if not items:
        raise ScoreError(f"{path}: no sample in it; the run did not finish")
    results_path = path.with_name(f"{name['stamp']}_results.json")
    results = _results(results_path)
    libraries = dict(shared["libraries"])
    return Run(
        model=_model_name(results, path),
        task=task,
        items=tuple(items),
        files=(str(path), *([str(results_path)] if results else [])),
        language=language,
        parser=parser,
        likelihoods=tuple(likelihoods),
        prompt=digest(prompts),
        data=shared["data"],
        harness=libraries.pop("lmms-eval", None),
        package=shared["itr_bench"],
        libraries=libraries,
        images=images,
        prompts=prompts,
        new_forms=() if parser.of_likelihoods else new_forms(pairs),
        **_settings(results, task),
    )


def responses_in(sample: Mapping[str, Any]) -> list[Any]:
    """The responses of a line, one a repeat; lmms-eval nests them by how it was run."""
    found = sample.get("resps", sample["filtered_resps"])
    while isinstance(found, list) and found and isinstance(found[0], list):
        found = found[0]
    return [found] if isinstance(found, str) else found


def numbered_samples(path: Path) -> Iterator[tuple[int, Any]]:
    """The samples of a file, each with the number of its line."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise ScoreError(
                        f"{path}, line {number}: not JSON ({error}). A torn last line is what a "
                        "killed run leaves; run it again."
                    ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"cannot read {path}: {error}") from error


def _results(path: Path) -> Mapping[str, Any]:
    """lmms-eval's results, or nothing where the file is missing: the signature says so."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("expected an object")
        return found
    except (OSError, ValueError, RecursionError) as error:
        raise ScoreError(f"cannot read {path}: {error}") from error


def model_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """The model's arguments in the configuration of a results file, secrets left out."""
    given = config.get("model_args") or ""
    if isinstance(given, Mapping):
        return without_secrets(given)
    pairs = (pair.partition("=") for pair in pieces(str(given)))
    return without_secrets({key.strip(): value.strip() for key, _, value in pairs})


def _model_name(results: Mapping[str, Any], path: Path) -> str:
    config = results.get("config") or {}
    arguments = model_arguments(config)
    if config.get("model") or any(arguments.get(key) for key in CHECKPOINT):
        return model_name(str(config.get("model")), arguments)
    return path.parent.name


def _settings(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What the results file knows of a signature; all ``None`` without one."""
    if not results:
        return {}
    config = results.get("config") or {}
    definition = (results.get("configs") or {}).get(task) or {}
    wording = definition.get("lmms_eval_specific_kwargs") or {}
    chosen = wording.get(config.get("model"), wording)
    seeds = tuple(config.get(f"{kind}_seed") for kind in ("random", "numpy", "torch", "fewshot"))
    version = (results.get("versions") or {}).get(task)
    documents = ((results.get("n-samples") or {}).get(task) or {}).get("original")
    arguments = model_arguments(config)
    return {
        "seeds": seeds if all(isinstance(seed, int) for seed in seeds) else None,
        "version": None if version is None else str(version),
        "set_size": documents // len(Question) if isinstance(documents, int) else None,
        "adapter": config.get("model_backend"),
        "generation": {
            "generation_kwargs": definition.get("generation_kwargs"),
            "num_fewshot": definition.get("num_fewshot"),
            "batch_size": config.get("batch_size"),
            "system_instruction": results.get("system_instruction"),
            "chat_template": results.get("chat_template") and digest(results["chat_template"]),
            "order": chosen.get("order"),
            "model_args": settings(arguments),
        },
    }
