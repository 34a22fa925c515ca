"""An adapter of lmms-eval for tests that knows the labels and answers as the prompt asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.models import MODEL_REGISTRY_V2
from lmms_eval.models.registry_v2 import ModelManifest

from itr_bench.relation import Answer, Question, Relation


class Oracle(lmms):  # type: ignore[misc]
    """Reads the prompt and says the right answer in the words that it asks for.

    ``fails_at`` is the number of the request that raises.
    """

    is_simple = True
    fails_at: ClassVar[int] = -1

    def __init__(self, **rest: Any) -> None:
        super().__init__()
        self.count = 0
        self.device = torch.device("cpu")

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Instance) -> str:
        prompt, _, _, doc_id, task, split = request.args
        if self.count == self.fails_at:
            raise ValueError("enough")
        self.count += 1
        document = self.task_dict[task][split][doc_id]
        relation = Relation(document["relation"])
        words = {Answer.YES: "Yes", Answer.NO: "No"}
        adds, represented = (words[relation.answer(question)] for question in Question)
        if "\nB) The image" in prompt:
            said = (
                f"The image {'adds' if relation.adds else 'does not add'} to the text meaning, and "
                f"the text is {'' if relation.represented else 'not '}represented"
            )
            answer = next(line for line in prompt.splitlines() if said in line).strip()[0]
        elif "2. Is the text" in prompt:
            if "**Answer 1:**" in prompt:
                return f"**Answer 1:** {adds}; **Answer 2:** {represented}; **EXPLANATION:** 1. no"
            answer = f"1. {adds} 2. {represented}"
        else:
            answer = adds if document["question"] == "adds" else represented
            if "Is it the case that" in prompt:
                answer = {"Yes": "No", "No": "Yes"}[answer]
        explained = "EXPLANATION" in prompt
        return f"**Answer:** {answer}; **EXPLANATION:** yes, no, A" if explained else answer

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        raise NotImplementedError

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError


def register() -> None:
    """Make ``--model oracle`` known."""
    MODEL_REGISTRY_V2.register_manifest(
        ModelManifest(model_id="oracle", simple_class_path="tests.variant_oracle.Oracle"),
        overwrite=True,
    )
