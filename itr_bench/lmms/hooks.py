"""The functions that the task definitions name, in the form in which lmms-eval calls them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loguru import logger

from itr_bench.answers import Asked, Parser, get_parser
from itr_bench.errors import ItrBenchError, ScoreError
from itr_bench.models.libraries import libraries_in_use
from itr_bench.models.stopping import stop
from itr_bench.models.turns import NO_ORDER, refuse_one_turn
from itr_bench.relation import Answer, Question
from itr_bench.scoring.likelihood import JudgedLikelihood, LikelihoodScore, likelihood_scores
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.predictions import ReadItem, pair
from itr_bench.tasks import documents
from itr_bench.tasks.spec import LIKELIHOOD, get_task
from itr_bench.version import __version__

if TYPE_CHECKING:
    import datasets
    from PIL import Image

_LETTERS = {Answer.YES: "y", Answer.NO: "n", Answer.NONE: "-", Answer.FAILED: "!"}
_ANSWERS = {letter: answer for answer, letter in _LETTERS.items()}


def questions(placeholder: datasets.Dataset) -> datasets.Dataset:
    """``process_docs``: the documents of the task that the definition's ``dataset_name`` names."""
    try:
        return documents.documents(get_task(placeholder.info.config_name))
    except ItrBenchError as error:
        stop(error)


def prompt(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]) -> str:
    """``doc_to_text``."""
    return documents.render(doc, lmms_eval_specific_kwargs)


def explained_prompt(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]) -> str:
    """``doc_to_text`` of the variants that ask for an explained answer."""
    return documents.render(doc, lmms_eval_specific_kwargs, "explained")


def visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """``doc_to_visual``, which simple adapters call."""
    if get_task(doc["task"]).variant.order:
        stop(ItrBenchError(f"{doc['task']}: {NO_ORDER}"))
    if "examples" in doc:  # adapters that are not asked for turns ask for this
        stop(refuse_one_turn(doc["task"]))
    found = documents.image(doc)
    return [] if found is None else [found]


def messages(
    doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """``doc_to_messages``."""
    return documents.chat(doc, lmms_eval_specific_kwargs)


def explained_messages(
    doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """``doc_to_messages`` of the variants that ask for an explained answer."""
    return documents.chat(doc, lmms_eval_specific_kwargs, "explained")


def read_responses(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """``process_results``: the answers to one question, one a sample.

    Every metric gets the same short item, since each is made of all tweets; ``item`` is no
    metric and goes to the log of samples only, with the hashes that a signature needs.
    """
    parser = get_parser(get_task(doc["task"]).parser)
    return dict.fromkeys(_METRICS, _item(doc, results, parser)) | {
        "item": _details(doc, results, parser)
    }


def read_likelihoods(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """``process_results`` of the variants that score P(yes) and P(no)."""
    parser = get_parser(get_task(doc["task"] + LIKELIHOOD).parser)
    found = parser.judge(results[0]) if results else None
    if found is None:
        stop(
            ScoreError(
                f"{doc['task']}{LIKELIHOOD}, tweet {doc['tweet_id']}: a response without P(yes) "
                "and P(no). These tasks need --model itr_vlm; other models take the task without "
                f"{LIKELIHOOD}"
            )
        )
    # One forward pass has no samples: --repeats gives the same again.
    item = f"{_item(doc, results[:1], parser)} {found.yes!r} {found.no!r}"
    return dict.fromkeys(_LIKELIHOOD_METRICS, item) | {"item": _details(doc, results[:1], parser)}


def _answers(doc: Mapping[str, Any], results: Sequence[str], parser: Parser) -> str:
    language = get_task(doc["task"]).answer_language
    asked = Asked(doc["tweet_id"], Question(doc["question"]))
    return "".join(_LETTERS[parser.read(text, language, asked).answer] for text in results)


def _item(doc: Mapping[str, Any], results: Sequence[str], parser: Parser) -> str:
    place = [doc["tweet_id"], doc["question"], str(doc["relation"]), doc["task"], doc["data"]]
    return " ".join([*place, _answers(doc, results, parser)])


def _details(doc: Mapping[str, Any], results: Sequence[str], parser: Parser) -> dict[str, Any]:
    return {
        **{
            key: doc[key]
            for key in ("tweet_id", "question", "relation", "data", "item_hash", "image_sha256")
        },
        "answers": _answers(doc, results, parser),
        "parser": parser.signature,
        "itr_bench": __version__,
        "libraries": libraries_in_use(asks_server="openai" in sys.modules),
    }


@functools.lru_cache(maxsize=4)
def _score(items: tuple[str, ...]) -> Score:
    """The score of a task from the items of its documents, in whatever order."""
    read = []
    for item in items:
        tweet, question, relation, task, data, answers, *_ = item.split(" ")
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
    if data.startswith("placeholder"):
        logger.warning(
            f"itr-bench, {task}: placeholder pictures: these scores are NOT results of any model"
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
unparseable_rate = _metric(lambda s: s.unparseable_rate)
failed_rate = _metric(lambda s: s.failed_rate)
majority_class = _metric(lambda s: s.majority_class)
uniform_chance = _metric(lambda s: s.uniform_chance)


@functools.lru_cache(maxsize=4)
def _likelihoods(items: tuple[str, ...]) -> dict[Question, LikelihoodScore]:
    """The figures of each question from the items of a ``_likelihood`` task."""
    judged = []
    for item in items:
        tweet, question, relation, *_, yes, no = item.split(" ")
        judged.append(
            JudgedLikelihood(tweet, Question(question), int(relation), float(yes), float(no))
        )
    return likelihood_scores(judged)


def _likelihood_metric(
    question: Question, figure: Callable[[LikelihoodScore], float | None]
) -> Callable[[Sequence[str]], float | None]:
    def aggregate(items: Sequence[str]) -> float | None:
        found = _likelihoods(tuple(items)).get(question)
        return None if found is None else figure(found)

    return aggregate


adds_auc = _likelihood_metric(Question.ADDS, lambda s: s.auc)
represented_auc = _likelihood_metric(Question.REPRESENTED, lambda s: s.auc)
adds_calibration_error = _likelihood_metric(Question.ADDS, lambda s: s.calibration_error)
represented_calibration_error = _likelihood_metric(
    Question.REPRESENTED, lambda s: s.calibration_error
)


def yes_no_mass(items: Sequence[str]) -> float:
    """Mean of P(yes) + P(no) over both questions."""
    found = [score.mass for score in _likelihoods(tuple(items)).values()]
    return sum(found) / len(found)


def placeholder_data(items: Sequence[str]) -> float:
    """1 where any picture is a placeholder: then no figure of the run is a result."""
    return float(any(" placeholder-" in item for item in items))


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
    "unparseable_rate",
    "failed_rate",
    "reference_majority_class",
    "reference_uniform_chance",
    "placeholder_data",
)

_LIKELIHOOD_METRICS = (
    *(metric for metric in _METRICS if metric != "samples_sd"),
    *("adds_auc", "represented_auc", "adds_calibration_error", "represented_calibration_error"),
    "yes_no_mass",
)
