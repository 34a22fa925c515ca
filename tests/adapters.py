"""Adapters of lmms-eval for tests: they answer at once, or fail as they are told to."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
import zlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from lmms_eval.models import MODEL_REGISTRY_V2
from lmms_eval.models.registry_v2 import ModelManifest

from tests import forked

_WORDS = ("Yes", "No", "Maybe", "Yes, “indeed”\n", "Nē")


class Fake(lmms):  # type: ignore[misc]
    """Answers by PyTorch's random stream, as a stock adapter does.

    Args:
        wrong: what goes wrong from request number *at* on: ``raise``, ``fewer`` (responses than
            requests), ``none``, ``word`` (the word *None*), ``failed``, ``empty``, ``interrupt``,
            ``die``, ``fill`` (the disk).
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
            if self.wrong in ("empty", "word"):
                return {"empty": "", "word": "None"}[self.wrong]
        text = f"{_WORDS[draw % len(_WORDS)]} {draw}"
        return GenerationResult(text, TokenCounts(output_tokens=1 + draw % 9))

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        raise NotImplementedError

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError


class Together(Fake):
    """Every response depends on all that it was computed together with."""

    def __init__(self, rows_in_flight: int = 12, **rest: Any) -> None:
        super().__init__(**rest)
        self.rows_in_flight = rows_in_flight
        self.conditions = {"shared": True, "rows_in_flight": rows_in_flight}

    def generate_until(self, requests: Sequence[Instance]) -> list[Any]:
        asked = [f"{request.args[0]} {request.args[1]['seed']}" for request in requests]
        content = zlib.crc32("".join(asked).encode())
        self.asked += [(one, {}) for one in asked]
        self.count += len(asked)
        if self.wrong == "failed" and self.count > self.at:  # every third
            marks = [number % 3 == 0 for number in range(len(asked))]
            return [None if bad else f"Yes {content}" for bad in marks]
        return [f"Yes {content}"] * len(asked)


class Hiding(Fake):
    """Takes what its model's ``generate`` raises for an empty response, as ``llava_hf`` does."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.model = SimpleNamespace(generate=self._generate)

    def _generate(self) -> str:
        self.count += 1
        if self.wrong == "raise" and self.count > self.at:
            raise ValueError("out of memory")
        return "" if self.count % 2 else "Yes"

    def generate_until(self, requests: Sequence[Instance]) -> list[Any]:
        try:
            text = self.model.generate()
            counts = TokenCounts(output_tokens=1)
        except ValueError:
            text, counts = "", None
        return [text if self.is_simple else GenerationResult(text, counts)]


class HidingChat(Hiding):
    """Its chat class."""

    is_simple = False


class Generating(Fake):
    """A model of transformers behind an adapter that does not do all that it is asked.

    Args:
        adds: a setting that it adds, such as ``top_p``, with the value *added*.
        drops: a setting that it ignores.
        reseeds: whether it sets a seed of its own.
        repeats: whether it gives the response before where its model raises.
    """

    def __init__(
        self,
        adds: str = "",
        added: float = 0,
        drops: str = "",
        reseeds: bool = False,
        repeats: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        from transformers import LlamaConfig, LlamaForCausalLM

        sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
        more = {"num_attention_heads": 1, "vocab_size": 32, "eos_token_id": 2, "pad_token_id": 0}
        self.llm = LlamaForCausalLM(LlamaConfig(**sizes, **more)).eval()
        self.adds, self.added, self.drops = adds, added, drops
        self.reseeds, self.repeats = reseeds, repeats
        self.last = ""

    def generate_until(self, requests: Sequence[Instance]) -> list[Any]:
        (request,) = requests
        given = {name: value for name, value in request.args[1].items() if name != "until"}
        given.pop(self.drops, None)
        if self.adds:
            given[self.adds] = self.added
        if self.reseeds:
            torch.manual_seed(1)
        self.count += 1
        width = 7 if self.wrong and self.count > self.at else 8  # of 7, the model raises
        try:
            ids = self.llm.generate(inputs_embeds=torch.ones(1, 1, width), **given)
        except Exception:
            return [self.last if self.repeats else ""]
        self.last = f"Yes {ids[0, -1]}"
        return [self.last]


class Defaulted(Fake):
    """Would load some checkpoint or other."""

    def __init__(self, pretrained: str = "some/thing", **rest: Any) -> None:
        super().__init__(**rest)


_ALL: dict[str, type[Fake]] = {
    "fake": Fake,
    "together": Together,
    "hiding": Hiding,
    "hiding_chat": HidingChat,
    "defaulted": Defaulted,
    "generating": Generating,
}


def register() -> None:
    """Make ``--model fake`` and the others known."""
    for name, kind in _ALL.items():
        path = f"tests.adapters.{kind.__name__}"
        which = "simple_class_path" if kind.is_simple else "chat_class_path"
        MODEL_REGISTRY_V2.register_manifest(
            ModelManifest(model_id=name, **{which: path}), overwrite=True
        )


def itr_bench(*arguments: str) -> None:
    """The command line with ``--model fake`` among the models; its workers are forked from it."""
    register()
    fork = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: fork  # type: ignore[assignment]
    forked.itr_bench(*arguments)


def itr_bench_on_a_full_disk(*arguments: str) -> None:
    """The same where no file can be longer than 10,000 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    itr_bench(*arguments)


def itr_bench_killed_within(seconds: str, *arguments: str) -> None:
    """The same, killed that long after its first response was kept, as by SIGKILL."""
    answer = Fake._answer

    def timed(self: Fake, request: Instance) -> Any:
        if self.count == 1:  # no handler of SIGALRM: the kernel ends the process
            signal.setitimer(signal.ITIMER_REAL, float(seconds))
        return answer(self, request)

    Fake._answer = timed  # type: ignore[method-assign]
    itr_bench(*arguments)


def itr_bench_killed_at_a_checkpoint(*arguments: str) -> None:
    """The command line, killed once the first checkpoint of a training is whole."""
    from transformers import Trainer

    save = Trainer._save_checkpoint

    def save_and_die(*given: Any, **options: Any) -> None:
        save(*given, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    Trainer._save_checkpoint = save_and_die
    forked.itr_bench(*arguments)


def work(*arguments: Any) -> None:
    """A worker of ``itr-bench run`` that knows ``--model fake``."""
    from itr_bench.runs import workers

    register()
    workers._work(*arguments)
