"""``--model itr_vlm``: models of transformers, with each image shared by all its questions."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from PIL import Image
from tqdm import tqdm

from itr_bench.answers.likelihood import Likelihood
from itr_bench.engine.engine import ROWS_IN_FLIGHT, Engine, Job
from itr_bench.engine.loading import load
from itr_bench.errors import ItrBenchError, unknown_name
from itr_bench.lmms.stopping import stop
from itr_bench.seeds import read_seeds

_ARGUMENTS = (
    *("pretrained", "revision", "dtype", "quantization", "device", "min_pixels", "max_pixels"),
    *("trust_remote_code", "rows_in_flight", "seeds", "shared"),
)
_SETTINGS = frozenset(
    {
        *("max_new_tokens", "min_new_tokens", "do_sample", "temperature", "top_p", "top_k"),
        *("min_p", "typical_p", "repetition_penalty"),
    }
)
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p")


@dataclass
class _Asked:
    """The requests about one image with one set of settings.

    Attributes:
        name: what errors call it.
        settings: keywords of ``generate``.
        until: strings that end a response.
        messages: by document, what makes its chat, image included; called when it is needed.
        seeds: by document, the seeds to generate with.
        places: by document, the positions of the responses among the requests.
    """

    name: str
    settings: dict[str, Any]
    until: tuple[str, ...]
    messages: dict[int, Callable[[], Any]] = field(default_factory=dict)
    seeds: dict[int, list[int]] = field(default_factory=dict)
    places: dict[int, list[int]] = field(default_factory=dict)


class SharedImageVlm(lmms):  # type: ignore[misc]
    """A model of ``AutoModelForImageTextToText`` behind the shared-image engine.

    Args:
        pretrained: name on the Hugging Face Hub, or a folder.
        revision: branch, tag or commit.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        quantization: ``none`` or ``4bit``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        min_pixels: for processors that resize to a number of pixels.
        max_pixels: likewise.
        trust_remote_code: whether code that comes with the checkpoint may run.
        rows_in_flight: generations decoded at a time; bounds the memory, changes no result.
        seeds: of the samples of ``--repeats``, in order: ``paper`` or a count. A request
            that carries its own ``seed`` among its generation settings keeps it.
        shared: whether to share; ``False`` makes every generation by itself.
    """

    is_simple = False

    def __init__(
        self,
        pretrained: str = "",
        *,
        revision: str | None = None,
        dtype: str = "auto",
        quantization: str = "none",
        device: str | None = "auto",
        min_pixels: int | None = None,
        max_pixels: int | None = None,
        trust_remote_code: bool = False,
        rows_in_flight: int = ROWS_IN_FLIGHT,
        seeds: str | int = "paper",
        shared: bool = True,
        batch_size: Any = None,
        max_batch_size: Any = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        try:
            if unknown:
                raise ItrBenchError(
                    unknown_name("argument of itr_vlm", next(iter(unknown)), _ARGUMENTS)
                )
            if not pretrained:
                raise ItrBenchError("itr_vlm needs a checkpoint: --model_args pretrained=NAME")
            self._sample_seeds = read_seeds(str(seeds))
            self.engine = Engine(
                load(
                    str(pretrained),
                    revision=revision,
                    dtype=dtype,
                    quantization=quantization,
                    device=_placed(device or "auto"),
                    min_pixels=min_pixels,
                    max_pixels=max_pixels,
                    trust_remote_code=trust_remote_code,
                ),
                rows_in_flight=rows_in_flight,
                shared=shared,
            )
        except ItrBenchError as error:
            stop(error)
        self.device = self.engine.vlm.model.device
        # Half of the rows are one question's.
        self.tweets_in_flight = max(1, rows_in_flight // (2 * len(self._sample_seeds)))

    @property
    def model(self) -> Any:
        """The loaded model."""
        return self.engine.vlm.model

    @property
    def config(self) -> Any:
        """Its configuration."""
        return self.model.config

    def generate_until(self, requests: Sequence[Instance]) -> list[GenerationResult]:
        """Answer the requests; those about one image together."""
        found: dict[int, GenerationResult] = {}
        try:
            groups = self._by_image(requests)
            with tqdm(total=len(groups), desc="itr_vlm, images", disable=self.rank != 0) as bar:
                for wave in self._waves(groups):
                    found.update(self._answer(wave))
                    bar.update(len(wave))
        except ItrBenchError as error:
            stop(error)
        return [found[place] for place in range(len(requests))]

    def _waves(self, groups: Sequence[_Asked]) -> Iterator[list[_Asked]]:
        """Some images at a time, all with the same settings."""
        for _, same in itertools.groupby(groups, key=lambda asked: (asked.settings, asked.until)):
            waiting = list(same)
            for start in range(0, len(waiting), self.tweets_in_flight):
                yield waiting[start : start + self.tweets_in_flight]

    def _answer(self, wave: Sequence[_Asked]) -> dict[int, GenerationResult]:
        jobs = [_job(asked) for asked in wave]
        if wave[0].settings.get("scoring") == "likelihood":
            return {
                place: GenerationResult(text=Likelihood(*found).response())
                for asked, job in zip(wave, jobs, strict=True)
                for places, found in zip(
                    asked.places.values(), self.engine.likelihoods(job), strict=True
                )
                for place in places
            }
        made = self.engine.generate(jobs, wave[0].settings)
        return {
            place: GenerationResult(
                text=_cut(generated.text, asked.until),
                token_counts=TokenCounts(output_tokens=len(generated.ids)),
            )
            for asked, of_job in zip(wave, made, strict=True)
            for places, of_prompt in zip(asked.places.values(), of_job, strict=True)
            for place, generated in zip(places, of_prompt, strict=True)
        }

    def _by_image(self, requests: Sequence[Instance]) -> list[_Asked]:
        groups: dict[Any, _Asked] = {}
        samples: Counter[tuple[str, int]] = Counter()
        for place, request in enumerate(requests):
            _, messages, given, doc_id, task, split = request.args
            document = self.task_dict[task][split][doc_id]
            tweet = document.get("tweet_id", doc_id)
            settings, until, seed = _settings(given)
            if seed is None:
                seed = self._seed(samples[task, doc_id])
                samples[task, doc_id] += 1
            key = (task, split, tweet, repr(sorted(settings.items())), until)
            asked = groups.setdefault(key, _Asked(f"{task}, tweet {tweet}", settings, until))
            asked.messages[doc_id] = partial(messages, document)
            asked.seeds.setdefault(doc_id, []).append(seed)
            asked.places.setdefault(doc_id, []).append(place)
        return list(groups.values())

    def _seed(self, sample: int) -> int:
        """The seed of a sample that comes without one."""
        if sample >= len(self._sample_seeds):
            raise ItrBenchError(
                f"more samples a question than the {len(self._sample_seeds)} seeds of itr_vlm; "
                f"give it as many: --model_args seeds={sample + 1},..."
            )
        return self._sample_seeds[sample]

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> NoReturn:
        raise NotImplementedError("itr_vlm answers single questions")

    def loglikelihood(self, requests: Sequence[Instance]) -> NoReturn:
        raise NotImplementedError("itr_vlm scores answers in the tasks ..._likelihood")


def _placed(device: str) -> str:
    """``auto`` and ``cuda``: under torchrun and accelerate, each process has a GPU of its own."""
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return device


def _settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...], int | None]:
    """The generation settings of a request: keywords of ``generate``, stop strings, seed."""
    rest = dict(given)
    seed = rest.pop("seed", None)
    until = rest.pop("until", None) or ()
    if "scoring" in rest:
        scoring = rest["scoring"]
        if scoring != "likelihood":
            raise ItrBenchError(unknown_name("scoring", str(scoring), ["likelihood"]))
        return {"scoring": scoring}, (), seed
    if rest.pop("num_beams", 1) != 1:
        raise ItrBenchError("itr_vlm samples or takes the likeliest token; it has no beams")
    settings = {"max_new_tokens": 512, **{k: v for k, v in rest.items() if v is not None}}
    unknown = settings.keys() - _SETTINGS
    if unknown:
        raise ItrBenchError(unknown_name("generation setting", min(unknown), _SETTINGS))
    if settings.get("temperature") == 0:
        settings["do_sample"] = False
    settings.setdefault("do_sample", "temperature" in settings)
    if not settings["do_sample"]:
        # A checkpoint's own would draw a warning, and mean nothing.
        settings.update(dict.fromkeys(_SAMPLING))
    return settings, (until,) if isinstance(until, str) else tuple(until), seed


def _job(asked: _Asked) -> Job:
    chats, images = zip(
        *(_chat(make(), asked.name) for make in asked.messages.values()), strict=True
    )
    return Job(images[0], chats, tuple(map(tuple, asked.seeds.values())), asked.name)


def _chat(messages: Sequence[Mapping[str, Any]], name: str) -> tuple[list[Any], Image.Image]:
    """The chat as templates take it, and its one image."""
    images: list[Image.Image] = []
    chat = []
    for message in messages:
        content = []
        for part in message["content"]:
            if part["type"] == "image":
                images.append(part["url"])
                content.append({"type": "image"})
            else:
                content.append(part)
        chat.append({"role": message["role"], "content": content})
    kinds = {part["type"] for message in chat for part in message["content"]}
    if len(images) != 1 or kinds - {"image", "text"}:
        raise ItrBenchError(
            f"{name}: {len(images)} images and parts of the kinds {', '.join(sorted(kinds))}; "
            "itr_vlm takes text with one image"
        )
    return chat, images[0]


def _cut(text: str, until: Sequence[str]) -> str:
    """*text* up to the first stop string."""
    return text[: min((found for end in until if (found := text.find(end)) >= 0), default=None)]
