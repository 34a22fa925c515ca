"""Adapters of lmms-eval for tests: they answer at once, or fail as they are told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from lmms_eval.models import MODEL_REGISTRY_V2
from lmms_eval.models.registry_v2 import ModelManifest

_WORDS = ("Yes", "No", "Maybe", "Yes, “indeed”\n", "Nē")


class Fake(lmms):  # type: ignore[misc]
    """Answers by PyTorch's random stream, as a stock adapter does.

    Args:
        wrong: what goes wrong from request number *at* on: ``raise``, ``fewer`` (responses than
            requests), ``none``, ``failed``, ``empty``, ``interrupt``, ``die``, ``fill`` (the disk).
        at: the number of the request.
        pause: seconds a request.
    """

    is_simple = True
    loaded: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def __init__(self, wrong: str = "", at: int = 0, pause: float = 0, **rest: Any) -> None:
        super().__init__()
        self.loaded.append(rest)
        self.wrong, self.at, self.pause, self.count = wrong, at, pause, 0
        self.device = torch.device("cpu")

    def generate_until(self, requests: Sequence[Instance]) -> list[Any]:
        responses = [self._answer(request) for request in requests]
        return responses[1:] if self.wrong == "fewer" and self.count > self.at else responses

    def _answer(self, request: Instance) -> Any:
        time.sleep(self.pause)
        prompt, settings, visual, doc_id, task, split = request.args
        self.asked.append((prompt, dict(settings)))
        settings.clear()  # adapters do worse
        visual(self.task_dict[task][split][doc_id])
        draw = int(torch.randint(10**6, ())) + len(prompt)
        self.count += 1
        if self.count > self.at:
            if self.wrong == "raise":
                raise ValueError("the model has had enough")
            if self.wrong == "interrupt":
                raise KeyboardInterrupt
            if self.wrong == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.wrong in ("none", "failed"):
                return None if self.wrong == "none" else "[LMMS_EVAL_REQUEST_FAILED after 1] 500"
            if self.wrong == "empty":
                return ""
        text = f"{_WORDS[draw % len(_WORDS)]} {draw}"
        return GenerationResult(text, TokenCounts(output_tokens=1 + draw % 9))

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        raise NotImplementedError

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError


def register() -> None:
    """Make ``--model fake`` known."""
    MODEL_REGISTRY_V2.register_manifest(
        ModelManifest(model_id="fake", simple_class_path="tests.adapters.Fake"), overwrite=True
    )


def work(*arguments: Any) -> None:
    """A worker of ``itr-bench run`` that knows ``--model fake``."""
    from itr_bench.runs import workers

    register()
    workers._work(*arguments)
