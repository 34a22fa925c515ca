"""The functions that the task definitions name, in the form in which lmms-eval calls them."""

from __future__ import annotations

import contextlib
import functools
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from loguru import logger

from itr_bench.answers import DEFAULT_PARSER
from itr_bench.data.catalog import get_task
from itr_bench.errors import ItrBenchError
from itr_bench.lmms import documents
from itr_bench.lmms.stopping import stop
from itr_bench.relation import Answer, Question
from itr_bench.scoring import ReadItem, Score, pair, score
from itr_bench.version import __version__

if TYPE_CHECKING:
    import datasets
    from PIL import Image

_LETTERS = {Answer.YES: "y", Answer.NO: "n", Answer.NONE: "-", Answer.FAILED: "!"}
_ANSWERS = {letter: answer for answer, letter in _LETTERS.items()}
# What can change a model's responses: always there, and engines by import name where in use.
_LIBRARIES = (
    *("lmms-eval", "torch", "torchvision", "transformers", "tokenizers", "accelerate"),
    *("pillow", "qwen-vl-utils"),
)
_ENGINES = {
    "bitsandbytes": "bitsandbytes",
    "flash_attn": "flash-attn",
    "vllm": "vllm",
    "sglang": "sglang",
    "openai": "openai",
}


def questions(placeholder: datasets.Dataset) -> datasets.Dataset:
    """``process_docs``: the documents of the task that the definition's ``dataset_name`` names."""
    try:
        return documents.documents(placeholder.info.config_name)
    except ItrBenchError as error:
        stop(error)


def prompt(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]) -> str:
    """``doc_to_text``."""
    return documents.render(doc, lmms_eval_specific_kwargs)


def explained_prompt(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]) -> str:
    """``doc_to_text`` of the variants that ask for an explained answer."""
    return documents.render(doc, lmms_eval_specific_kwargs, "explained")


def visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """``doc_to_visual``."""
    return [documents.image(doc)]


def messages(
    doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """``doc_to_messages``."""
    return _turn(doc, prompt(doc, lmms_eval_specific_kwargs), lmms_eval_specific_kwargs)


def explained_messages(
    doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """``doc_to_messages`` of the variants that ask for an explained answer."""
    return _turn(doc, explained_prompt(doc, lmms_eval_specific_kwargs), lmms_eval_specific_kwargs)


def _turn(doc: Mapping[str, Any], text: str, wording: Mapping[str, Any]) -> list[dict[str, Any]]:
    return documents.user_turn(text, documents.image(doc), wording["order"])


def read_responses(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """``process_results``: the answers to one question, one a sample.

    Every metric gets the same short item, since each is made of all tweets; ``item`` is no
    metric and goes to the log of samples only, with the hashes that a signature needs.
    """
    language = get_task(doc["task"]).answers
    answers = "".join(_LETTERS[DEFAULT_PARSER.read(text, language).answer] for text in results)
    item = " ".join(
        [doc["tweet_id"], doc["question"], str(doc["relation"]), doc["task"], doc["data"], answers]
    )
    details = {
        **{
            key: doc[key]
            for key in ("tweet_id", "question", "relation", "data", "item_hash", "image_sha256")
        },
        "answers": answers,
        "parser": DEFAULT_PARSER.signature,
        "itr_bench": __version__,
        "libraries": _libraries(),
    }
    return {**dict.fromkeys(_METRICS, item), "item": details}


@functools.lru_cache(maxsize=1)
def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    in_use = (package for module, package in _ENGINES.items() if module in sys.modules)
    for package in (*_LIBRARIES, *in_use):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


@functools.lru_cache(maxsize=4)
def _score(items: tuple[str, ...]) -> Score:
    """The score of a task from the items of its documents, in whatever order."""
    read = []
    for item in items:
        tweet, question, relation, task, data, answers = item.split(" ")
        read.append(
            ReadItem(tweet, Question(question), int(relation), tuple(_ANSWERS[a] for a in answers))
        )
    result = score(pair(read))
    _warn(result, task, data)
    return result


def _warn(result: Score, task: str, data: str) -> None:
    if result.unpaired:
        logger.warning(
            f"itr-bench, {task}: {result.unpaired} of {result.unpaired + result.tweets} tweets "
            "were asked only one question and are left out of the score (an odd --limit?)"
        )
    if result.failed_rate:
        logger.warning(
            f"itr-bench, {task}: {result.failed_rate:.1%} of the requests failed and count as "
            "wrong; run again before you report this score"
        )
    if data.startswith("stand-in"):
        logger.warning(
            f"itr-bench, {task}: stand-in pictures: these scores are NOT results of any model"
        )


def _metric(figure: Callable[[Score], float | None]) -> Callable[[Sequence[str]], float | None]:
    def aggregate(items: Sequence[str]) -> float | None:
        try:
            return figure(_score(tuple(items)))
        except ItrBenchError as error:
            stop(error)

    return aggregate


relation_accuracy = _metric(lambda s: s.accuracy)
standard_error = _metric(lambda s: s.interval.standard_error if s.interval else None)
ci95_low = _metric(lambda s: s.interval.low if s.interval else None)
ci95_high = _metric(lambda s: s.interval.high if s.interval else None)
samples_sd = _metric(lambda s: s.accuracy_sd)
macro_f1 = _metric(lambda s: s.macro_f1)
adds_accuracy = _metric(lambda s: s.adds_accuracy)
represented_accuracy = _metric(lambda s: s.represented_accuracy)
unread_rate = _metric(lambda s: s.unread_rate)
failed_rate = _metric(lambda s: s.failed_rate)
majority_class = _metric(lambda s: s.majority_class)
uniform_chance = _metric(lambda s: s.uniform_chance)


def stand_in_data(items: Sequence[str]) -> float:
    """1 where any picture is a stand-in: then no figure of the run is a result."""
    return float(any(" stand-in-" in item for item in items))


# In this order: lmms-eval fills in a standard error of its own ("N/A") after each metric, which
# the metric of that name then overwrites.
_METRICS = (
    "relation_accuracy",
    "relation_accuracy_stderr",
    "ci95_low",
    "ci95_high",
    "samples_sd",
    "macro_f1",
    "adds_accuracy",
    "represented_accuracy",
    "unread_rate",
    "failed_rate",
    "reference_majority_class",
    "reference_uniform_chance",
    "stand_in_data",
)
