"""``--model itr_vlm``: models of transformers, with each image shared by all its questions."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger
from PIL import Image
from tqdm import tqdm

from itr_bench.answers.likelihood import Likelihood
from itr_bench.answers.text import FAILURE_PREFIXES
from itr_bench.data.manifest import folder_hash
from itr_bench.engine.engine import ROWS_IN_FLIGHT, Engine, Job, Kind, fitting
from itr_bench.engine.loading import load
from itr_bench.engine.prompts import PromptError, render
from itr_bench.engine.trials import trials
from itr_bench.errors import ItrBenchError, unknown_name
from itr_bench.models.ahead import Ahead
from itr_bench.models.stopping import stop
from itr_bench.seeds import read_seeds
from itr_bench.tasks.spec import get_task, is_ours

_ARGUMENTS = (
    *("pretrained", "revision", "dtype", "quantization", "device", "min_pixels", "max_pixels"),
    *(
        "trust_remote_code",
        "chat_template",
        "thinking",
        "peft",
        "rows_in_flight",
        "seeds",
        "shared",
    ),
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
    """The requests about the same images with one set of settings.

    Attributes:
        key: what all of its requests have in common.
        name: what errors call it.
        settings: keywords of ``generate``.
        until: strings that end a response.
        messages: by document, what makes its chat, images included; called when it is needed.
        seeds: by document, the seeds to generate with.
        places: by document, the positions of the responses among the requests.
    """

    key: tuple[Any, ...]
    name: str
    settings: dict[str, Any]
    until: tuple[str, ...]
    messages: dict[int, Callable[[], Any]] = field(default_factory=dict, compare=False)
    seeds: dict[int, list[int]] = field(default_factory=dict)
    places: dict[int, list[int]] = field(default_factory=dict, compare=False)


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
        chat_template: a file with the Jinja template that puts prompts together, in place of the
            checkpoint's own.
        thinking: whether the template is to ask for thinking, where it has a switch for it.
        peft: a folder with an adapter of peft for this checkpoint, such as a fold of
            `itr-bench study training` leaves.
        rows_in_flight: generations decoded at a time; bounds the memory, changes no result in
            float32. The images of the next ones are prepared meanwhile.
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
        chat_template: str | None = None,
        thinking: bool | None = None,
        peft: str | None = None,
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
            vlm = load(
                str(pretrained),
                revision=revision,
                dtype=dtype,
                quantization=quantization,
                device=_placed(device or "auto"),
                min_pixels=min_pixels,
                max_pixels=max_pixels,
                trust_remote_code=trust_remote_code,
                chat_template=chat_template,
                thinking=thinking,
                peft=peft,
            )
            self.engine = Engine(
                vlm,
                rows_in_flight=rows_in_flight,
                shared=shared,
                # Of its own, so that no run depends on which tweet comes first.
                trials=partial(trials, vlm=vlm),
            )
            self._way = self.engine.way(Kind())
        except ItrBenchError as error:
            stop(error)
        self.device = self.engine.vlm.model.device
        self.rows_in_flight = rows_in_flight
        self._has_own_template = chat_template is not None
        self._peft = peft
        self._ahead = Ahead(self._prepared)
        self._expected: list[_Asked] = []

    @property
    def conditions(self) -> dict[str, Any]:
        """What is known after loading: how much is computed together; a template, an adapter.

        The former can tip a close choice in half precision.
        """
        found: dict[str, Any] = {
            "way": "one by one" if self._way is None else self._way.value,
            "rows_in_flight": self.rows_in_flight,
        }
        if self._has_own_template:
            template = self.engine.vlm.processor.chat_template
            found["chat_template"] = hashlib.sha256(template.encode()).hexdigest()
        if self._peft is not None:
            found["peft"] = folder_hash(Path(self._peft))
        return found

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
            self._check_order({request.args[4] for request in requests})
            groups = self._by_image(requests)
            waves = list(self._waves(groups))
            expected, self._expected = self._expected, []
            bar = tqdm(total=len(groups), desc="itr_vlm, images", disable=self.rank != 0)
            with bar, self._ahead.running():
                for wave, following in zip(waves, [*waves[1:], expected], strict=True):
                    prepared = self._ahead.take(wave)
                    self._ahead.start(following)
                    found.update(self._answer(wave, prepared))
                    bar.update(len(wave))
        except ItrBenchError as error:
            stop(error)
        return [found[place] for place in range(len(requests))]

    def expect(self, requests: Sequence[Instance]) -> None:
        """Say what will be asked after the next call, so that it is prepared during that call.

        Args:
            requests: of which those that are computed together first are prepared.
        """
        try:
            self._expected = next(self._waves(self._by_image(requests)), [])
        except ItrBenchError:  # raised when they are asked
            self._expected = []

    def expect_nothing(self) -> None:
        """Give up what was expected; no thread is left."""
        self._expected = []
        self._ahead.stop()

    def _prepared(self, asked: _Asked) -> Job:
        return self.engine.prepared(_job(asked))

    def _check_order(self, tasks: Iterable[str]) -> None:
        """Refuse the variants of the order where the checkpoint's template does not keep it."""
        for task in tasks:
            if is_ours(task) and get_task(task).variant.order and not self._keeps_order:
                raise ItrBenchError(
                    f"{task}: the chat template of this checkpoint puts the image into a place of "
                    "its own, whatever the order of the message; leave the task out"
                )

    @cached_property
    def _keeps_order(self) -> bool:
        parts = [{"type": "image"}, {"type": "text", "text": "text"}]
        one, other = (
            render(self.engine.vlm.processor, [{"role": "user", "content": content}])
            for content in (parts, parts[::-1])
        )
        return one != other

    def _waves(self, groups: Sequence[_Asked]) -> Iterator[list[_Asked]]:
        """Some images at a time, all with the same settings; for likelihoods, one at a time."""
        for _, same in itertools.groupby(groups, key=lambda asked: (asked.settings, asked.until)):
            waiting = list(same)
            most = 1 if _is_likelihood(waiting[0]) else self.rows_in_flight
            while waiting:
                rows = (sum(map(len, asked.seeds.values())) for asked in waiting)
                count = fitting(rows, most)
                yield waiting[:count]
                waiting = waiting[count:]

    def _answer(
        self, wave: Sequence[_Asked], prepared: Sequence[Future[Job]]
    ) -> dict[int, GenerationResult]:
        """The responses of a wave, by place. What one tweet lacks is that tweet's failure alone."""
        found: dict[int, GenerationResult] = {}
        ready: list[tuple[_Asked, Job]] = []
        for asked, future in zip(wave, prepared, strict=True):
            try:
                ready.append((asked, future.result()))
            except PromptError as error:
                found |= _failed(asked, error)
        if _is_likelihood(wave[0]):
            for asked, job in ready:
                found |= self._likelihoods(asked, job)
            return found
        return found | self._generated(ready)

    def _generated(self, ready: Sequence[tuple[_Asked, Job]]) -> dict[int, GenerationResult]:
        if not ready:
            return {}
        try:
            made = self.engine.generate([job for _, job in ready], ready[0][0].settings)
        except PromptError as error:
            if len(ready) == 1:
                return _failed(ready[0][0], error)
            parts = [self._generated([one]) for one in ready]
            return {place: result for part in parts for place, result in part.items()}
        return {
            place: GenerationResult(
                text=_cut(generated.text, asked.until),
                token_counts=TokenCounts(output_tokens=len(generated.ids)),
            )
            for (asked, _), of_job in zip(ready, made, strict=True)
            for places, of_prompt in zip(asked.places.values(), of_job, strict=True)
            for place, generated in zip(places, of_prompt, strict=True)
        }

    def _likelihoods(self, asked: _Asked, job: Job) -> dict[int, GenerationResult]:
        try:
            made = self.engine.likelihoods(job)
        except PromptError as error:
            return _failed(asked, error)
        return {
            place: GenerationResult(text=Likelihood(*found).response())
            for places, found in zip(asked.places.values(), made, strict=True)
            for place in places
        }

    def _by_image(self, requests: Sequence[Instance]) -> list[_Asked]:
        groups: dict[Any, _Asked] = {}
        samples: Counter[tuple[str, int]] = Counter()
        for place, request in enumerate(requests):
            _, messages, given, doc_id, task, split = request.args
            document = self.task_dict[task][split][doc_id]
            tweet = document.get("tweet_id", doc_id)
            # The two questions of a tweet come after other images where these are shown.
            before = document.get("examples", "")
            settings, until, seed = _settings(given)
            if (request.metadata or {}).get("__padding_only__"):
                seed = self._sample_seeds[0]  # fills up a process; nobody reads it
            elif seed is None:
                seed = self._seed(samples[task, doc_id])
                samples[task, doc_id] += 1
            key = (task, split, tweet, before, repr(sorted(settings.items())), until)
            asked = groups.setdefault(key, _Asked(key, f"{task}, tweet {tweet}", settings, until))
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


def _is_likelihood(asked: _Asked) -> bool:
    return asked.settings.get("scoring") == "likelihood"


def _failed(asked: _Asked, error: Exception) -> dict[int, GenerationResult]:
    """A failure in the place of each response, in the words of lmms-eval's own adapters."""
    logger.warning(f"itr_vlm: {error}")
    failure = GenerationResult(text=f"{FAILURE_PREFIXES[0]}] {error}")
    return {place: failure for places in asked.places.values() for place in places}


def _job(asked: _Asked) -> Job:
    try:
        turns = [make() for make in asked.messages.values()]
    except Exception as error:
        raise PromptError(
            f"{asked.name}: its image cannot be read ({type(error).__name__}: {error})"
        ) from error
    chats, images = zip(*(_chat(turn, asked.name) for turn in turns), strict=True)
    if len({len(of_chat) for of_chat in images}) > 1:
        raise ItrBenchError(f"{asked.name}: its questions come with different numbers of images")
    return Job(images[0], chats, tuple(map(tuple, asked.seeds.values())), asked.name)


def _chat(
    messages: Sequence[Mapping[str, Any]], name: str
) -> tuple[list[Any], tuple[Image.Image, ...]]:
    """The chat as templates take it, and its images in order."""
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
    if kinds - {"image", "text"}:
        raise ItrBenchError(
            f"{name}: parts of the kinds {', '.join(sorted(kinds))}; itr_vlm takes text and images"
        )
    return chat, tuple(images)


def _cut(text: str, until: Sequence[str]) -> str:
    """*text* up to the first stop string."""
    return text[: min((found for end in until if (found := text.find(end)) >= 0), default=None)]
