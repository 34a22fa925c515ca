"""The engine: generations of tweets, shared where it can be verified, one by one elsewhere."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from loguru import logger
from PIL import Image

from itr_bench.engine import plain
from itr_bench.engine.decoding import NotFiniteError, Row, decode
from itr_bench.engine.layers import shortest_window
from itr_bench.engine.likelihood import (
    Forms,
    plain_probabilities,
    probabilities,
    surface_forms,
)
from itr_bench.engine.loading import Vlm
from itr_bench.engine.prompts import Chat, PromptError, Prompts, prepare
from itr_bench.engine.rows import Way
from itr_bench.engine.sampling import Noise, check_settings, rules
from itr_bench.engine.stems import read
from itr_bench.engine.verification import never, own_way, why_not
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
        prompts: its inputs, where :meth:`Engine.prepared` made them.
    """

    images: tuple[Image.Image, ...]
    chats: tuple[Chat, ...]
    seeds: tuple[tuple[int, ...], ...]
    name: str = ""
    prompts: Prompts | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        """The kind of its prompts, their length apart."""
        return Kind(min(2, len(self.images)))

    @property
    def rows(self) -> int:
        """How many generations it is."""
        return sum(map(len, self.seeds))


@dataclass(frozen=True)
class Kind:
    """What decides by which way prompts are shared, beside the model.

    Attributes:
        images: of a prompt: none, one, or 2 for several.
        long: whether prompt and answer may be longer than a window of the model.
    """

    images: int = 1
    long: bool = False

    def __str__(self) -> str:
        shown = {0: " without an image", 1: "", 2: " with several images"}[self.images]
        return shown + (" beyond its window" if self.long else "")


@dataclass(frozen=True)
class _Ready:
    """A job with its inputs; one without a way is generated one by one."""

    job: Job
    way: Way | None = None
    prompts: Prompts | None = None


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
        trials: what a way is verified on, by kind of prompt; without, the first job of its kind.
    """

    def __init__(
        self,
        vlm: Vlm,
        *,
        rows_in_flight: int = ROWS_IN_FLIGHT,
        shared: bool = True,
        trials: Callable[[Kind], Sequence[Job]] | None = None,
    ) -> None:
        if not isinstance(rows_in_flight, int) or rows_in_flight < 1:
            raise ItrBenchError(f"rows_in_flight is {rows_in_flight!r}, expected 1 or more")
        self.vlm = vlm
        self.rows_in_flight = rows_in_flight
        self.ways: dict[Kind, Way | None] = {}
        """The ways that were decided so far; ``None`` for one by one."""
        self.reasons: dict[Kind, dict[Way | None, str]] = {}
        """Why other ways are not taken."""
        self._shares = shared
        self._trials = trials
        self._noise = Noise()
        self._processing = threading.RLock()  # processors are not made for two threads

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
        new = check_settings(self.vlm.model, settings)
        readies = [self._ready(job, new) for job in jobs]
        # Some decoders pass over whole layers where there is no image.
        kinds: dict[tuple[Way | None, bool], list[int]] = {}
        for place, ready in enumerate(readies):
            kinds.setdefault((ready.way, bool(ready.job.images)), []).append(place)
        found: dict[int, list[list[Generated]]] = {}
        for (way, _), places in kinds.items():
            if way is None:
                found |= {place: self._one_by_one(jobs[place], settings) for place in places}
            else:
                made = self._together([readies[place] for place in places], settings)
                found.update(zip(places, made, strict=True))
        return [found[place] for place in range(len(jobs))]

    def prepared(self, job: Job) -> Job:
        """*job* with its inputs, as far as the way of its kind is decided.

        Work of the CPU alone, which another thread may do while the device computes.

        Raises:
            ItrBenchError: a prompt that cannot be put together.
        """
        way = self.ways.get(job.kind)
        if way is None:
            return job
        with _naming(job):
            return replace(job, prompts=self._prompts(job, way))

    def _together(
        self, readies: Sequence[_Ready], settings: Mapping[str, Any]
    ) -> list[list[list[Generated]]]:
        """Generate jobs that can be shared, all in the same way."""
        found: list[list[list[Generated]]] = []
        waiting = list(readies)
        while waiting:
            wave = waiting[: fitting((ready.job.rows for ready in waiting), self.rows_in_flight)]
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
            ItrBenchError: a prompt that cannot be put together, or memory that does not suffice.
        """
        model, forms = self.vlm.model, self._forms
        ready = self._ready(job, max(map(len, (*forms.yes, *forms.no)), default=1))
        with _naming(job), _enough_memory(), torch.inference_mode():
            if ready.way is None or ready.prompts is None:
                asked = (self._plain_inputs(job, chat) for chat in job.chats)
                return [plain_probabilities(model, inputs, forms) for inputs in asked]
            return probabilities(model, read(model, ready.prompts, ready.way), forms)

    @cached_property
    def _forms(self) -> Forms:
        with self._processing:
            return surface_forms(self.vlm.processor.tokenizer)

    def _plain_inputs(self, job: Job, chat: Chat) -> dict[str, Any]:
        with self._processing:
            return plain.inputs(self.vlm.model, self.vlm.processor, job.images, chat)

    def _ready(self, job: Job, new_tokens: int) -> _Ready:
        """Decide how a job is generated, by its real length, and make its inputs."""
        model = self.vlm.model
        with _naming(job):
            if (way := self.way(job.kind, job)) is None:
                return _Ready(job)
            prompts = job.prompts or self._prompts(job, way)
            window = shortest_window(model)
            longest = max(map(len, prompts.ids)) + new_tokens
            if window is None or longest <= window:
                return _Ready(job, way, prompts)
            beyond = self.way(replace(job.kind, long=True), job)
            if beyond is None:
                return _Ready(job)
            same = beyond.whole == way.whole
            return _Ready(job, beyond, prompts if same else self._prompts(job, beyond))

    def _prompts(self, job: Job, way: Way) -> Prompts:
        model, processor = self.vlm.model, self.vlm.processor
        with self._processing:
            return prepare(model, processor, job.images, job.chats, whole=way.whole)

    def way(self, kind: Kind, job: Job | None = None) -> Way | None:
        """How prompts of *kind* are shared, decided the first time; ``None``: one by one.

        Args:
            kind: of prompt.
            job: what a way is verified on where the engine has no trials of its own.

        Raises:
            ItrBenchError: the model cannot generate at all.
        """
        if not self._shares:
            return None
        if kind not in self.ways:
            jobs = self._trials(kind) if self._trials is not None else [job] if job else []
            if not jobs:
                raise ItrBenchError("a way is verified on trials or on a job; neither was given")
            self.reasons[kind] = {}
            with self._processing:
                self.ways[kind] = self._verified(jobs, kind)
            if self.ways[kind] is None:
                logger.warning(
                    f"itr_vlm: {type(self.vlm.model).__name__}{kind} is generated one by one, "
                    f"which takes longer: {'; '.join(dict.fromkeys(self.reasons[kind].values()))}"
                )
        return self.ways[kind]

    def _verified(self, jobs: Sequence[Job], kind: Kind) -> Way | None:
        """The first way that gives what the model itself gives on all *jobs*."""
        reasons = self.reasons[kind]
        if (reason := never(self.vlm.model)) is not None:
            reasons[None] = reason
            return None
        owns = []
        for job in jobs:
            try:
                with _enough_memory():
                    owns.append(own_way(self.vlm, job.images, job.chats))
            except PromptError as error:
                if self._trials is None:
                    raise
                reasons[None] = f"no trial of that kind fits ({error})"
                return None
        for way in Way:
            for job, own in zip(jobs, owns, strict=True):
                with _naming(job), _enough_memory():
                    reason = why_not(self.vlm, own, way, long=kind.long)
                if reason is not None:
                    reasons[way] = reason
                    break
            else:
                return way
        return None

    def _halve(self, error: Exception) -> None:
        torch.cuda.empty_cache()
        if self.rows_in_flight == 1:
            raise _too_little(error) from error
        self.rows_in_flight //= 2
        logger.warning(
            f"itr_vlm: out of memory; continues with rows_in_flight={self.rows_in_flight}"
        )

    def _decode_wave(
        self, readies: Sequence[_Ready], settings: Mapping[str, Any]
    ) -> list[list[list[Generated]]]:
        """Read the prompts of jobs and decode their rows together."""
        model, jobs = self.vlm.model, [ready.job for ready in readies]
        # A wave of one cannot be made smaller.
        with _enough_memory() if len(jobs) == 1 else contextlib.nullcontext():
            stems = [
                read(model, ready.prompts, ready.way)
                for ready in readies
                if ready.prompts is not None and ready.way is not None
            ]
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
        found = []
        for chat, seeds in zip(job.chats, job.seeds, strict=True):
            with _naming(job):
                ready = self._plain_inputs(job, chat)
            tokens: dict[int, list[int]] = {}
            for seed in seeds:
                # Unsaid, it is the checkpoint's to say.
                if settings.get("do_sample") is False and tokens:
                    tokens[seed] = next(iter(tokens.values()))
                    continue
                with _naming(job), _enough_memory():
                    tokens[seed] = plain.generate(self.vlm.model, ready, settings, seed)
            found.append(self._finished([tokens[seed] for seed in seeds]))
        return found

    def _finished(self, tokens: Sequence[list[int]]) -> list[Generated]:
        with self._processing:
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
