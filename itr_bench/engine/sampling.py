"""How the next token is chosen: exactly as ``generate()`` does after ``torch.manual_seed``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from itr_bench.errors import ItrBenchError

_NOISE_BYTES = 24 * 2**20


@dataclass(frozen=True)
class Rules:
    """The generation settings of one prompt, resolved with the checkpoint's own.

    Attributes:
        sample: whether tokens are drawn, or the likeliest is taken.
        max_new_tokens: after which a row ends.
        ends: the tokens that end a row.
        processors: what changes the scores before the choice (temperature, top_k, ...).
    """

    sample: bool
    max_new_tokens: int
    ends: frozenset[int]
    processors: Any


def check_settings(model: Any, settings: Mapping[str, Any]) -> int:
    """How many new tokens *settings* allow at most.

    Raises:
        ItrBenchError: they make no sense.
    """
    parameters = inspect.signature(model.generate).parameters.values()
    if any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters):
        # A model that generates with pictures only: it checks its settings when it has one.
        return int(settings.get("max_new_tokens") or 0)
    try:
        return rules(model, 1, settings).max_new_tokens
    except (ValueError, TypeError) as error:
        raise ItrBenchError(f"generation settings: {error}") from error


def rules(model: Any, prompt_tokens: int, settings: Mapping[str, Any]) -> Rules:
    """Resolve *settings* (keywords of ``generate``) for a prompt of that many tokens.

    ``generate`` itself does it: it hands all that it prepared to the decoding method it is given,
    which is the documented way to bring one's own.
    """
    found: list[Rules] = []

    def take(
        model: Any,
        input_ids: Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **unused: Any,
    ) -> Tensor:
        ends = generation_config.eos_token_id
        found.append(
            Rules(
                sample=bool(generation_config.do_sample),
                max_new_tokens=int(generation_config.max_length) - prompt_tokens,
                ends=frozenset(
                    () if ends is None else [ends] if isinstance(ends, int) else map(int, ends)
                ),
                processors=logits_processor,
            )
        )
        return input_ids

    ids = torch.zeros(1, prompt_tokens, dtype=torch.long, device=model.device)
    model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), custom_generate=take, **settings
    )
    return found[0]


class Noise:
    """The random numbers that sampling draws, by seed and step.

    ``torch.multinomial`` of one row draws an exponential for each token and takes the largest ratio
    of probability and draw. A seed is set anew before every generation, so the draws of a seed and
    step are the same in all of them: on a CPU, where they cost as much as a forward pass of a small
    model, the first ones are kept.

    Args:
        keep_bytes: how much memory the kept draws may take.
    """

    def __init__(self, keep_bytes: int = _NOISE_BYTES) -> None:
        self._left = keep_bytes
        self._streams: dict[int, _Stream] = {}

    def draw(self, seed: int, step: int, vocabulary: int, device: torch.device) -> Tensor:
        """The draws of a seed at a step, shape (vocabulary,), float32."""
        if seed not in self._streams:
            self._streams[seed] = _Stream(seed, device)
        stream = self._streams[seed]
        size = 4 * vocabulary
        keep = device.type == "cpu" and self._left >= size
        before = len(stream.kept)
        found = stream.at(step, vocabulary, keep)
        self._left -= size * (len(stream.kept) - before)
        return found


class _Stream:
    """The draws of one seed; steps may be asked for again, and from the start."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.kept: list[Tensor] = []
        self._generator = torch.Generator(device).manual_seed(seed)
        self._after_kept = self._generator.get_state()
        self._drawn = 0  # by the generator, of which the latest is
        self._latest = torch.empty(0, device=device)

    def at(self, step: int, vocabulary: int, keep: bool) -> Tensor:
        """The draws at *step*; where *keep*, those drawn for it are kept."""
        if step < len(self.kept):
            return self.kept[step]
        if step < self._drawn - 1:  # another generation begins
            self._generator.set_state(self._after_kept)
            self._drawn = len(self.kept)
        while self._drawn <= step:
            self._latest = torch.empty(vocabulary, device=self._generator.device)
            self._latest.exponential_(generator=self._generator)
            self._drawn += 1
            if keep and self._drawn == len(self.kept) + 1:
                self.kept.append(self._latest)
                self._after_kept = self._generator.get_state()
        return self._latest


def choose(
    scores: Tensor, histories: Tensor, seeds: Sequence[int], step: int, noise: Noise
) -> list[int]:
    """Draw the next token of each row.

    Args:
        scores: processed scores of the histories, shape (histories, vocabulary).
        histories: for each row the history that it has, shape (rows,).
        seeds: for each row its seed.
        step: number of tokens that the rows have so far.
        noise: the random numbers.
    """
    draws = {
        seed: noise.draw(seed, step, scores.shape[-1], scores.device)
        for seed in dict.fromkeys(seeds)
    }
    ratios = torch.softmax(scores, dim=-1)[histories]
    ratios /= torch.stack([draws[seed] for seed in seeds])
    found: list[int] = ratios.argmax(dim=-1).tolist()
    return found
