"""The engine: generations of tweets, shared where it can be verified, one by one elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from loguru import logger
from PIL import Image

from itr_bench.engine import plain
from itr_bench.engine.decoding import NotFiniteError, Row, decode
from itr_bench.engine.likelihood import Forms, probabilities, surface_forms
from itr_bench.engine.loading import Vlm
from itr_bench.engine.prompts import Chat, PromptError, prepare
from itr_bench.engine.sampling import Noise, rules
from itr_bench.engine.stems import Stem, read
from itr_bench.engine.verification import why_not
from itr_bench.errors import ItrBenchError

ROWS_IN_FLIGHT = 64


@dataclass(frozen=True)
class Job:
    """What to generate about the same images.

    Attributes:
        images: upright, RGB, in the order of the prompts; none, one or several.
        chats: the prompts.
        seeds: for each prompt the seeds to generate with.
        name: what errors call it.
    """

    images: tuple[Image.Image, ...]
    chats: tuple[Chat, ...]
    seeds: tuple[tuple[int, ...], ...]
    name: str = ""

    @property
    def rows(self) -> int:
        """How many generations it is."""
        return sum(map(len, self.seeds))


@dataclass(frozen=True)
class Generated:
    """One generation: its text, and its tokens, the one that ended it included."""

    text: str
    ids: tuple[int, ...]


def fitting(rows: Iterable[int], most: int) -> int:
    """How many of the first images, with so many *rows* each, are decoded together: at least one.

    Args:
        rows: generations of each image, in order; at least one image.
        most: generations in flight.
    """
    total = count = 0
    for count, own in enumerate(rows):
        total += own
        if total > most and count:
            return count
    return count + 1


class Engine:
    """Generates for several prompts and seeds about one image, sharing what is common.

    In float32 the tokens are those of one-by-one generation after ``torch.manual_seed(seed)``,
    whatever the number of rows in flight and the order of the jobs. In half precision the order of
    additions can tip a close choice.

    Args:
        vlm: model and processor.
        rows_in_flight: how many generations are decoded at a time. Bounds the memory; changes no
            result in float32; halved when memory runs out.
        shared: whether to share at all; without, every generation is made by itself.
    """

    def __init__(
        self, vlm: Vlm, *, rows_in_flight: int = ROWS_IN_FLIGHT, shared: bool = True
    ) -> None:
        if not isinstance(rows_in_flight, int) or rows_in_flight < 1:
            raise ItrBenchError(f"rows_in_flight is {rows_in_flight!r}, expected 1 or more")
        self.vlm = vlm
        self.rows_in_flight = rows_in_flight
        # None: not verified yet.
        self._shared: bool | None = None if shared else False
        self._several: bool | None = None if shared else False  # images in a prompt
        self._without: bool | None = None if shared else False  # any image
        self._noise = Noise()

    def generate(
        self, jobs: Sequence[Job], settings: Mapping[str, Any]
    ) -> list[list[list[Generated]]]:
        """Generate all *jobs*.

        Args:
            jobs: images with prompts and seeds.
            settings: keywords of ``generate``: ``max_new_tokens``, ``do_sample``, ...

        Returns:
            by job, prompt and seed.

        Raises:
            ItrBenchError: settings that make no sense, a prompt that cannot be put together, or
                memory that does not suffice for a single generation.
        """
        try:
            rules(self.vlm.model, 1, settings)
        except (ValueError, TypeError) as error:
            raise ItrBenchError(f"generation settings: {error}") from error
        # Some decoders pass over whole layers where there is no image.
        kinds: dict[bool | None, list[int]] = {}
        for place, job in enumerate(jobs):
            kinds.setdefault(bool(job.images) if self._verified(job) else None, []).append(place)
        found = {p: self._one_by_one(jobs[p], settings) for p in kinds.pop(None, [])}
        for places in kinds.values():
            made = self._together([jobs[place] for place in places], settings)
            found.update(zip(places, made, strict=True))
        return [found[place] for place in range(len(jobs))]

    def _together(
        self, jobs: Sequence[Job], settings: Mapping[str, Any]
    ) -> list[list[list[Generated]]]:
        """Generate jobs that can be shared."""
        found: list[list[list[Generated]]] = []
        waiting = list(jobs)
        while waiting:
            wave = waiting[: fitting((job.rows for job in waiting), self.rows_in_flight)]
            shortage = None
            try:
                with torch.inference_mode():
                    found += self._decode_wave(wave, settings)
            except torch.OutOfMemoryError as error:
                # Let go of what its frames hold, which is the very memory that is short.
                shortage = error.with_traceback(None)
            if shortage is not None:
                self._halve(shortage)
                continue
            waiting = waiting[len(wave) :]
        return found

    def likelihoods(self, job: Job) -> list[tuple[float, float]]:
        """P(yes) and P(no) of each prompt of *job*; its seeds do not matter.

        Raises:
            ItrBenchError: a model that cannot be shared.
        """
        if not self._verified(job):
            raise ItrBenchError(
                f"{type(self.vlm.model).__name__} cannot be shared, and likelihoods are only read "
                "that way; take the task without _likelihood"
            )
        with _naming(job), _enough_memory(), torch.inference_mode():
            return probabilities(self.vlm.model, self._stems(job), self._forms)

    @cached_property
    def _forms(self) -> Forms:
        return surface_forms(self.vlm.processor.tokenizer)

    def _stems(self, job: Job) -> list[Stem]:
        with _naming(job):
            prompts = prepare(self.vlm.model, self.vlm.processor, job.images, job.chats)
        return read(self.vlm.model, prompts)

    def verify(self, jobs: Sequence[Job]) -> bool:
        """Whether the shared way gives what the plain way gives, decided the first time.

        Args:
            jobs: what to try it on.
        """
        if self._shared is None:
            self._shared = self._agrees(jobs, "")
        return self._shared

    def verify_several(self, jobs: Sequence[Job]) -> bool:
        """The same for prompts with several images, where those with one can be shared."""
        if self._several is None:
            self._several = self.verify(jobs) and self._agrees(jobs, " with several images")
        return self._several

    def verify_without(self, jobs: Sequence[Job]) -> bool:
        """The same for prompts without an image."""
        if self._without is None:
            self._without = self._agrees(jobs, " without an image")
        return self._without

    def _verified(self, job: Job) -> bool:
        if not job.images:
            return self.verify_without([job])
        return self.verify_several([job]) if len(job.images) > 1 else self.verify([job])

    def _agrees(self, jobs: Sequence[Job], what: str) -> bool:
        reason = None
        for job in jobs:
            with _naming(job), _enough_memory():
                reason = reason or why_not(self.vlm, job.images, job.chats)
        if reason is not None:
            logger.warning(
                f"itr_vlm: {type(self.vlm.model).__name__}{what} is generated one by one, which "
                f"takes longer: {reason}"
            )
        return reason is None

    def _halve(self, error: Exception) -> None:
        torch.cuda.empty_cache()
        if self.rows_in_flight == 1:
            raise _too_little(error) from error
        self.rows_in_flight //= 2
        logger.warning(f"itr_vlm: out of memory; goes on with rows_in_flight={self.rows_in_flight}")

    def _decode_wave(
        self, jobs: Sequence[Job], settings: Mapping[str, Any]
    ) -> list[list[list[Generated]]]:
        """Read the prompts of *jobs* and decode their rows together."""
        model = self.vlm.model
        # A wave of one cannot be made smaller.
        with _enough_memory() if len(jobs) == 1 else contextlib.nullcontext():
            stems = [self._stems(job) for job in jobs]
        flat = [stem for of_job in stems for stem in of_job]
        ruled = [rules(model, len(stem.ids), settings) for stem in flat]
        seeds = [of_prompt for job in jobs for of_prompt in job.seeds]
        rows = [Row(i, seed) for i, of_prompt in enumerate(seeds) for seed in of_prompt]
        tokens: list[list[int]] = []
        for start in range(0, len(rows), self.rows_in_flight):
            chunk = rows[start : start + self.rows_in_flight]
            try:
                tokens += decode(model, flat, ruled, chunk, self._noise)
            except NotFiniteError as error:
                owner = [job for job, own in zip(jobs, stems, strict=True) for _ in own]
                with _naming(owner[error.stem]):
                    raise
        made = iter(self._finished(tokens))
        return [[[next(made) for _ in of_prompt] for of_prompt in job.seeds] for job in jobs]

    def _one_by_one(self, job: Job, settings: Mapping[str, Any]) -> list[list[Generated]]:
        model, processor = self.vlm.model, self.vlm.processor
        found = []
        for chat, seeds in zip(job.chats, job.seeds, strict=True):
            with _naming(job):
                ready = plain.inputs(model, processor, job.images, chat)
            tokens: dict[int, list[int]] = {}
            for seed in seeds:
                # Unsaid, it is the checkpoint's to say.
                if settings.get("do_sample") is False and tokens:
                    tokens[seed] = next(iter(tokens.values()))
                    continue
                with _enough_memory():
                    tokens[seed] = plain.generate(model, ready, settings, seed)
            found.append(self._finished([tokens[seed] for seed in seeds]))
        return found

    def _finished(self, tokens: Sequence[list[int]]) -> list[Generated]:
        texts = self.vlm.processor.tokenizer.batch_decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [Generated(t, tuple(ids)) for t, ids in zip(texts, tokens, strict=True)]


@contextlib.contextmanager
def _naming(job: Job) -> Iterator[None]:
    """Say in an error which job it is about."""
    try:
        yield
    except ItrBenchError as error:
        if not job.name or str(error).startswith(job.name):
            raise
        kind = PromptError if isinstance(error, PromptError) else ItrBenchError
        raise kind(f"{job.name}: {error}") from error


@contextlib.contextmanager
def _enough_memory() -> Iterator[None]:
    """Work that cannot be done in smaller parts."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _too_little(error) from error


def _too_little(error: Exception) -> ItrBenchError:
    return ItrBenchError(
        "the device's memory does not suffice for a single generation: "
        f"{str(error).splitlines()[0]}. Use quantization=4bit, fewer max_pixels or a larger device"
    )
