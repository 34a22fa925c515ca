"""``--model itr_server`` for lmms-eval: a model behind a server with OpenAI's interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from tqdm import tqdm

from itr_bench.answers.text import FAILURE_PREFIXES
from itr_bench.errors import ItrBenchError
from itr_bench.models.output import Output
from itr_bench.models.server_client import Asking, ServerClient, picture_file
from itr_bench.models.stopping import stop
from itr_bench.seeds import read_seeds


class Server(lmms):  # type: ignore[misc]
    """The adapter. ``itr-bench run`` asks the client itself.

    Args:
        model, more: those of :class:`ServerClient`.
        seeds: of the samples of ``--repeats``, in order: ``paper``, a count, a list; ``none`` for a
            server that takes no seed. A request that carries its own ``seed`` keeps it.
    """

    is_simple = False

    def __init__(
        self,
        model: str = "",
        *,
        seeds: str | int = "paper",
        batch_size: Any = None,
        max_batch_size: Any = None,
        device: Any = None,
        **more: Any,
    ) -> None:
        super().__init__()
        try:
            self._seeds = None if seeds == "none" else read_seeds(str(seeds))
            self.client = ServerClient(model, **more)
        except ItrBenchError as error:
            stop(error)
        self.device = torch.device("cpu")

    def generate_until(self, requests: Sequence[Instance]) -> list[GenerationResult]:
        """Answer the requests; a failure stands in its place in the words of lmms-eval."""
        found: dict[int, Output] = {}
        try:
            with tqdm(total=len(requests), desc="itr_server", disable=self.rank != 0) as bar:

                def keep(place: int, output: Output) -> None:
                    found[place] = output
                    bar.update()

                self.client.answer(self._askings(requests), keep)
        except ItrBenchError as error:
            stop(error)
        return [_result(found[place]) for place in range(len(requests))]

    def _askings(self, requests: Sequence[Instance]) -> Iterator[Asking]:
        samples: Counter[tuple[str, int]] = Counter()
        for place, request in enumerate(requests):
            _, messages, given, doc_id, task, split = request.args
            document = self.task_dict[task][split][doc_id]
            settings = dict(given)
            if "seed" not in settings and self._seeds is not None:
                settings["seed"] = self._seed(samples[task, doc_id])
                samples[task, doc_id] += 1
            chat = (task, split, doc_id)
            turns = partial(_turns, messages, document)
            yield Asking(place, chat, turns, document, settings)

    def _seed(self, sample: int) -> int:
        """The seed of a sample that comes without one."""
        seeds = self._seeds or ()
        if sample >= len(seeds):
            raise ItrBenchError(
                f"more samples a question than the {len(seeds)} seeds of itr_server; give it as "
                f"many: --model_args seeds={sample + 1}"
            )
        return seeds[sample]

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> NoReturn:
        raise NotImplementedError("itr_server answers single questions")

    def loglikelihood(self, requests: Sequence[Instance]) -> NoReturn:
        raise NotImplementedError("itr_server has no likelihoods")


def _turns(messages: Callable[..., Any], document: Mapping[str, Any]) -> Sequence[Any]:
    """A document's chat, its own picture as its file where that can be sent as it is."""
    turns: Sequence[Any] = messages(document)
    file = picture_file(document)
    if file is None:
        return turns
    *before, last = turns
    parts = [{**part, "url": file} if part["type"] == "image" else part for part in last["content"]]
    return [*before, {**last, "content": parts}]


def _result(output: Output) -> GenerationResult:
    if output.failure is not None:
        return GenerationResult(text=f"{FAILURE_PREFIXES[0]}] {output.failure}")
    counts = None if output.tokens is None else TokenCounts(output_tokens=output.tokens)
    return GenerationResult(text=output.text, token_counts=counts)
