"""What a user should look at in the responses of a run: nothing is refused for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from itr_bench.answers import Asked
from itr_bench.models.adapters import Seeding
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import Answer, Question
from itr_bench.runs.plan import TaskPlan
from itr_bench.runs.response import ENDED, Key, Response
from itr_bench.runs.run_folder import read_answer

FEW = 20
"""Fewer responses than these are alike by chance."""


def read_response(plan: TaskPlan, response: Response) -> Answer:
    """The answer in a response."""
    asked = Asked(response.tweet_id, Question(response.question))
    return read_answer(plan.parser, response.response, plan.language, asked)


def response_warnings(
    plan: TaskPlan, model: ModelSpec, responses: Mapping[Key, Response]
) -> list[str]:
    """What is odd about the *responses* to a task, a sentence each."""
    if plan.settings.task.likelihood or model.adapter == "itr_baseline":
        return []
    found = _ended(plan, responses.values())
    if model.handling.seeding is Seeding.NONE and len(plan.seeds) > 1:
        found.append("the adapter takes no seed: its samples differ from run to run")
    elif _can_differ(plan, model) and _seeds_alike(plan, responses.values()):
        found.append(
            "each question got the same response with all seeds, although it is sampled "
            f"({_sampling(plan)}): the seed or the temperature may not reach the model. For a "
            "server that takes no seed: --model_args seeds=none"
        )
    answers = {read_response(plan, response) for response in responses.values()}
    if len(responses) >= FEW and len(answers) == 1 and answers != {Answer.NONE}:
        found.append(
            f"all {len(responses)} answers are {answers.pop().value}: does the model see text and "
            "image? Look at some responses"
        )
    return found


def _ended(plan: TaskPlan, responses: Iterable[Response]) -> list[str]:
    """How many responses did not end by themselves."""
    most = plan.most_tokens
    reasons: Counter[str | None] = Counter()
    for response in responses:
        at_limit = most is not None and (response.tokens or 0) >= most
        reasons["length" if at_limit else response.finish_reason] += 1
    found = []
    if reasons["length"]:
        found.append(
            f"{reasons['length']} of {plan.total} responses ended at the limit of {most} tokens"
        )
    return found + [
        f"{reasons[reason]} of {plan.total} responses were {ENDED[reason]}, which is no answer"
        for reason in ("refusal", "content_filter")
        if reasons[reason]
    ]


def _can_differ(plan: TaskPlan, model: ModelSpec) -> bool:
    settings = plan.settings.generation
    greedy = settings.get("do_sample") is False or settings.get("temperature") == 0
    return model.seeds_can_differ and not greedy and settings.get("top_k") != 1


def _sampling(plan: TaskPlan) -> str:
    temperature = plan.settings.generation.get("temperature")
    return "do_sample" if temperature is None else f"temperature {temperature}"


def _seeds_alike(plan: TaskPlan, responses: Iterable[Response]) -> bool:
    """Whether no question has two different responses, of enough questions with several."""
    texts: dict[tuple[str, str], list[str]] = {}
    for response in responses:
        texts.setdefault((response.tweet_id, response.question), []).append(response.response)
    several = [of_item for of_item in texts.values() if len(of_item) > 1]
    return len(several) >= FEW and all(len(set(of_item)) == 1 for of_item in several)
