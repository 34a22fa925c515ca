"""``--model itr_baseline``: the references that every model has to beat, run like a model."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from tqdm import tqdm

from itr_bench.answers.choice import LETTERS, order
from itr_bench.errors import ScoreError, unknown_name
from itr_bench.models.stopping import stop
from itr_bench.relation import QUESTIONS, Answer, Question, Relation
from itr_bench.tasks.spec import get_task

_WORDS = {Answer.YES: "Yes", Answer.NO: "No"}


class Baseline(lmms):  # type: ignore[misc]
    """A model that looks at neither text nor image.

    It answers as the prompt asks: both questions in one, or the letter of the relation that its two
    answers make. To a question in the negative, ``majority`` says the opposite word;
    ``always_yes`` and ``always_no`` say their own.

    Args:
        strategy: ``majority`` (the most frequent relation of the very set; the lower id where
            two are equally frequent), ``uniform`` (each answer a fair coin), ``always_yes``,
            ``always_no``.
        seed: of ``uniform``. An answer depends on seed, task, tweet, question and sample alone, so
            it is the same in any order and on any number of processes. Samples are counted; a
            ``seed`` among a request's generation settings stands in the place of its count.
    """

    is_simple = True

    def __init__(self, strategy: str = "majority", seed: int = 0, **kwargs: Any) -> None:
        super().__init__()
        kwargs = {
            k: v for k, v in kwargs.items() if k not in {"batch_size", "max_batch_size", "device"}
        }
        if strategy not in STRATEGIES:
            stop(ScoreError(unknown_name("strategy", str(strategy), STRATEGIES)))
        if kwargs:
            stop(ScoreError(unknown_name("argument", next(iter(kwargs)), ("strategy", "seed"))))
        self.strategy = strategy
        if not isinstance(seed, int):
            stop(ScoreError(f"seed {seed!r}, expected a whole number"))
        self.seed = seed
        self.device = torch.device("cpu")

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        """Answer each request in the form that its task asks for."""
        samples: Counter[tuple[str, int]] = Counter()
        majority: dict[str, Relation] = {}
        responses = []
        for request in tqdm(requests, desc=f"itr_baseline {self.strategy}", disable=self.rank != 0):
            doc_id, task, split = request.args[-3:]
            docs = self.task_dict[task][split]
            if "relation" not in docs.column_names or "question" not in docs.column_names:
                stop(ScoreError(f"itr_baseline answers tasks of itr-bench only, not {task!r}"))
            if task not in majority:
                majority[task] = _most_frequent(docs["relation"])
            doc = docs[doc_id]
            sample = request.args[1].get("seed")
            if sample is None:
                sample = samples[task, doc_id]
                samples[task, doc_id] += 1
            responses.append(self._response(doc, majority[task], sample))
        return responses

    def _response(self, doc: Mapping[str, Any], majority: Relation, sample: int) -> str:
        strategy, reading = STRATEGIES[self.strategy], get_task(doc["task"]).variant.reading
        if reading not in ("both", "choice"):
            return _WORDS[strategy(doc, majority, self.seed, sample)]
        adds, represented = (
            strategy({**doc, "question": question.value}, majority, self.seed, sample)
            for question in QUESTIONS
        )
        if reading == "both":
            return f"1. {_WORDS[adds]} 2. {_WORDS[represented]}"
        relation = Relation.of(adds=adds is Answer.YES, represented=represented is Answer.YES)
        return LETTERS[order(doc["tweet_id"]).index(relation)]

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        raise NotImplementedError("itr_baseline answers single questions")

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError("itr_baseline has no likelihoods")


def _most_frequent(relations: Sequence[int]) -> Relation:
    counts = Counter(relations)
    return Relation(min(counts, key=lambda relation: (-counts[relation], relation)))


def _majority(doc: Mapping[str, Any], majority: Relation, seed: int, sample: int) -> Answer:
    answer = majority.answer(Question(doc["question"]))
    if get_task(doc["task"]).variant.reading != "negated":
        return answer
    return Answer.NO if answer is Answer.YES else Answer.YES


def _uniform(doc: Mapping[str, Any], majority: Relation, seed: int, sample: int) -> Answer:
    coin = random.Random(f"{seed} {doc['task']} {doc['tweet_id']} {doc['question']} {sample}")
    return Answer.YES if coin.random() < 0.5 else Answer.NO


STRATEGIES: Mapping[str, Callable[[Mapping[str, Any], Relation, int, int], Answer]] = {
    "majority": _majority,
    "uniform": _uniform,
    "always_yes": lambda doc, majority, seed, sample: Answer.YES,
    "always_no": lambda doc, majority, seed, sample: Answer.NO,
}
