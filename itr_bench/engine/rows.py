"""Rows that grow from prompts that were read, each way: shared segments, or copies of a cache."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import torch
from torch import Tensor

from itr_bench.engine.attention import RowCache, Segment, decoder_configs, shared_rows
from itr_bench.engine.layers import (
    UnstackableError,
    cache_argument,
    encoded_layers,
    expanded,
    has_index,
    latent_layers,
    stacked,
    takes,
    windows,
)
from itr_bench.engine.products import head_in_blocks


class Way(str, Enum):
    """How prompts and rows share what they have in common. The values stand in manifests."""

    ATTENTION = "shared attention"
    """The engine's own attention: the prompt's keys and values stand once, for all rows."""
    CACHE = "copied cache"
    """The model's own cache, made from its configuration; each row has a copy of it."""
    ATTENTION_WHOLE = "shared attention, prompts read whole"
    """As the first, but nothing is shared between prompts, for models that look ahead in them."""
    CACHE_WHOLE = "copied cache, prompts read whole"
    """As the second, likewise."""

    @property
    def attention(self) -> bool:
        """Whether it is the engine's own attention."""
        return self in (Way.ATTENTION, Way.ATTENTION_WHOLE)

    @property
    def whole(self) -> bool:
        """Whether each prompt is read by itself, from its first token."""
        return self in (Way.ATTENTION_WHOLE, Way.CACHE_WHOLE)


@dataclass(frozen=True)
class Parts:
    """What a prompt left behind for the engine's own attention.

    Attributes:
        segments: its keys and values, first to last.
        states: the layers that keep a state in place of tokens, by index, with a batch of one.
    """

    segments: tuple[Segment, ...]
    states: Mapping[int, Any]


class Rows(Protocol):
    """Rows in step, ordered by the prompt that they grow from."""

    def select(self, rows: Tensor, counts: Sequence[int]) -> None:
        """Keep, repeat and order rows: row ``i`` becomes what ``rows[i]`` was.

        Args:
            rows: indices of present rows, ordered by prompt.
            counts: the new number of rows of each prompt; prompts with none are let go.
        """

    def score(self, tokens: Tensor, positions: Tensor, keep: int | Tensor = 0) -> Tensor:
        """Give each row its next *tokens*, and return the scores of those after them.

        Args:
            tokens: shape (rows, tokens).
            positions: of these tokens, same shape.
            keep: score the last so many positions, or those that it names; 0 for all. Models that
                cannot be asked for single positions score all.

        Returns:
            shape (rows, positions, vocabulary), float32.
        """


def grow(model: Any, prompts: Sequence[Parts | Any], counts: Sequence[int]) -> Rows:
    """Start rows from prompts that were read: so many from each."""
    if isinstance(prompts[0], Parts):
        return SharedRows(model, prompts, counts)
    return CopiedRows(model, prompts, counts)


class SharedRows:
    """Rows behind the engine's own attention."""

    def __init__(self, model: Any, prompts: Sequence[Parts], counts: Sequence[int]) -> None:
        self._model = model
        self._configs = decoder_configs(model)
        self._has_index = has_index(model)
        self.cache = RowCache(
            [parts.segments for parts in prompts],
            counts,
            encoded_layers(model),
            windows(model),
            [parts.states for parts in prompts],
            latent_layers(model),
        )

    def select(self, rows: Tensor, counts: Sequence[int]) -> None:
        """As of :class:`Rows`."""
        self.cache.select(rows, counts)

    def score(self, tokens: Tensor, positions: Tensor, keep: int | Tensor = 0) -> Tensor:
        """As of :class:`Rows`."""
        # An index asks which tokens there are. It chooses all, so nobody looks at its choice.
        seen = tokens.new_ones(len(tokens), 1, tokens.shape[1], 1, dtype=torch.bool)
        more = {"attention_mask": seen} if self._has_index else {}
        with shared_rows(self._configs, self.cache):
            return _forward(self._model, tokens, positions, self.cache, keep, **more)


class CopiedRows:
    """Rows with copies of the model's own cache."""

    def __init__(self, model: Any, prompts: Sequence[Any], counts: Sequence[int]) -> None:
        self._model = model
        try:
            self._batches = [_Batch(prompts, counts)]
        except UnstackableError:  # prompts of different length, of a kind of layer unknown here
            self._batches = [
                _Batch([prompt], [count])
                for prompt, count in zip(prompts, counts, strict=True)
                if count
            ]

    def select(self, rows: Tensor, counts: Sequence[int]) -> None:
        """As of :class:`Rows`."""
        start = row = group = 0
        kept = []
        for batch in self._batches:
            own = list(counts[group : group + len(batch.counts)])
            group += len(batch.counts)
            taken = rows[row : row + sum(own)] - start
            row += sum(own)
            start += sum(batch.counts)
            if sum(own):
                batch.select(taken, own)
                kept.append(batch)
        self._batches = kept

    def score(self, tokens: Tensor, positions: Tensor, keep: int | Tensor = 0) -> Tensor:
        """As of :class:`Rows`."""
        sizes = [sum(batch.counts) for batch in self._batches]
        parts = zip(self._batches, tokens.split(sizes), positions.split(sizes), strict=True)
        return torch.cat(
            [batch.score(self._model, given, places, keep) for batch, given, places in parts]
        )

    @property
    def cache(self) -> Any:
        """The model's own cache of all rows, where they are one batch."""
        (batch,) = self._batches
        return batch.cache


class _Batch:
    """Rows in one batch of the model's own cache; shorter prompts are filled up at their start."""

    def __init__(self, prompts: Sequence[Any], counts: Sequence[int]) -> None:
        self.counts = [count for count in counts if count]
        used = [prompt for prompt, count in zip(prompts, counts, strict=True) if count]
        self.cache = copy.copy(used[0])
        self.cache.layers = [
            expanded(stacked(layers), self.counts)
            for layers in zip(*(prompt.layers for prompt in used), strict=True)
        ]
        lengths = [prompt.get_seq_length() for prompt in used]
        seen = torch.arange(max(lengths)) >= max(lengths) - torch.tensor(lengths)[:, None]
        self._mask = seen.long().repeat_interleave(torch.tensor(self.counts), dim=0)

    def select(self, rows: Tensor, counts: Sequence[int]) -> None:
        self.cache.reorder_cache(rows)
        self._mask = self._mask.index_select(0, rows.to(self._mask.device))
        self.counts = [count for count in counts if count]

    def score(self, model: Any, tokens: Tensor, positions: Tensor, keep: int | Tensor) -> Tensor:
        mask = self._mask.to(tokens.device)
        self._mask = torch.cat([mask, torch.ones_like(tokens)], dim=1)
        return _forward(model, tokens, positions, self.cache, keep, attention_mask=self._mask)


def _forward(
    model: Any, tokens: Tensor, positions: Tensor, cache: Any, keep: int | Tensor, **more: Tensor
) -> Tensor:
    """The scores of *tokens* and what comes after them, shape (rows, positions, vocabulary)."""
    chosen: dict[str, Any] = {cache_argument(model): cache}
    if takes(model, "logits_to_keep"):
        chosen["logits_to_keep"] = keep
    with head_in_blocks(model):
        output = model(input_ids=tokens, position_ids=positions, use_cache=True, **chosen, **more)
    return output.logits.float()
