"""Attention of many rows over keys and values of which most are shared.

The usual way repeats the cache of the prompt for every row, and copies it at every step. Here the
cache of a prompt stands once, as *segments*; a row's queries attend to the segments of its prompt
and to the few tokens that are the row's own, in one softmax. So neither memory nor the copying
grows with prompt length times rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

IMPLEMENTATION = "itr_bench_shared_rows"
_START_CAPACITY = 16  # tokens


@dataclass(frozen=True)
class Segment:
    """The keys and values of a run of tokens that several rows see whole.

    Attributes:
        layers: by layer, keys and values, each of shape (kv_heads, tokens, head_size);
            ``None`` where the tokens leave nothing in a layer (text in a cross-attention layer).
    """

    layers: tuple[tuple[Tensor, Tensor] | None, ...]


class _OwnLayer(CacheLayerMixin):  # type: ignore[misc]
    """The keys and values of the rows' own tokens: shape (rows, kv_heads, tokens, head_size)."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self._offset = offset
        self._length = 0
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def lazy_initialization(self, *arguments: Tensor) -> None:
        """Nothing to prepare: the first update has the shapes."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append one or more tokens to every row and return all of the rows' own."""
        end = self._length + key_states.shape[2]
        self._keys = _write(self._keys, key_states, self._length, end)
        self._values = _write(self._values, value_states, self._length, end)
        self._length = end
        return self.own()

    def own(self) -> tuple[Tensor, Tensor]:
        """Keys and values of the tokens so far."""
        assert self._keys is not None and self._values is not None
        return self._keys[:, :, : self._length], self._values[:, :, : self._length]

    def select(self, rows: Tensor) -> None:
        """Keep, repeat and order *rows*."""
        if self._keys is not None and self._values is not None:
            self._keys = self._keys.index_select(0, rows)
            self._values = self._values.index_select(0, rows)

    def get_seq_length(self, *args: Any) -> int:
        """Length with what is shared; rows differ in it, and no position is derived from it."""
        return self._offset + self._length

    def get_mask_sizes(self, *args: Any) -> tuple[int, int]:
        """No mask is made for this attention."""
        raise NotImplementedError("rows with shared segments take no mask")

    def get_max_length(self) -> int:
        """Without limit."""
        return -1

    get_max_cache_shape = get_max_length  # its name in transformers 4


class _EncodedLayer(_OwnLayer):
    """A cross-attention layer: it holds the image's keys and values, and no tokens of rows."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__(keys.shape[1])
        # What the model looks for to tell that there is an image; each row's own stands in its
        # segments.
        self.keys, self.values = keys[None], values[None]
        self.is_initialized = True

    def select(self, rows: Tensor) -> None:
        """Nothing is a row's own."""


def _write(buffer: Tensor | None, states: Tensor, start: int, end: int) -> Tensor:
    """Write *states* at positions *start* to *end* of *buffer*, made larger where it is full."""
    if buffer is None or end > buffer.shape[2]:
        rows, heads, _, size = states.shape
        capacity = max(_START_CAPACITY, end, 2 * (0 if buffer is None else buffer.shape[2]))
        grown = states.new_empty(rows, heads, capacity, size)
        if buffer is not None:
            grown[:, :, :start] = buffer[:, :, :start]
        buffer = grown
    buffer[:, :, start:end] = states
    return buffer


class RowCache(Cache):  # type: ignore[misc]
    """The cache of rows: per group shared segments, per row its own tokens.

    A group is the rows of one prompt. Rows are ordered by group.

    Args:
        groups: for each group its segments, first to last.
        counts: the number of rows of each group.
        encoded: the layers that attend to an encoded image and not to text.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Segment, ...]],
        counts: Sequence[int],
        encoded: frozenset[int] = frozenset(),
    ) -> None:
        first = groups[0][0]
        length = max(
            layer[0].shape[1]
            for index, layer in enumerate(first.layers)
            if layer is not None and index not in encoded
        )
        layers: list[_OwnLayer] = []
        for index, layer in enumerate(first.layers):
            if index in encoded:
                assert layer is not None
                layers.append(_EncodedLayer(*layer))
            else:
                layers.append(_OwnLayer(length))
        super().__init__(layers=layers)
        self._groups = list(groups)
        self._counts = list(counts)
        self._encoded = encoded

    def select(self, rows: Tensor, counts: Sequence[int]) -> None:
        """Keep, repeat and order rows: row ``i`` becomes what ``rows[i]`` was.

        Args:
            rows: indices of present rows, ordered by group.
            counts: the new number of rows of each group; groups with none are let go.
        """
        for layer in self.layers:
            layer.select(rows)
        kept = [(group, n) for group, n in zip(self._groups, counts, strict=True) if n]
        self._groups = [group for group, _ in kept]
        self._counts = [n for _, n in kept]

    def own(self, row: int, tokens: int) -> Segment:
        """The first *tokens* of a row's own tokens as a segment, for other rows to share."""
        return Segment(
            tuple(
                None
                if index in self._encoded
                else (layer.own()[0][row, :, :tokens], layer.own()[1][row, :, :tokens])
                for index, layer in enumerate(self.layers)
            )
        )

    def shared(self, layer: int) -> Iterator[tuple[slice, list[tuple[Tensor, Tensor]]]]:
        """For each group, its rows and the keys and values that they share in *layer*."""
        start = 0
        for segments, count in zip(self._groups, self._counts, strict=True):
            present = [part for segment in segments if (part := segment.layers[layer]) is not None]
            yield slice(start, start + count), present
            start += count

    def is_encoded(self, layer: int) -> bool:
        """Whether *layer* attends to an encoded image and not to text."""
        return layer in self._encoded


_active: ContextVar[RowCache] = ContextVar("itr_bench_rows")


@contextlib.contextmanager
def shared_rows(model: Any, cache: RowCache) -> Iterator[None]:
    """Let the text decoder of *model* attend through *cache*, until the block ends."""
    decoder = model.get_decoder()
    configs = {id(m.config): m.config for m in decoder.modules() if hasattr(m, "config")}.values()
    before = [config._attn_implementation for config in configs]
    token = _active.set(cache)
    try:
        for config in configs:
            config._attn_implementation = IMPLEMENTATION
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation = name
        _active.reset(token)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **unused: Any,
) -> tuple[Tensor, None]:
    """Attention in the form in which transformers calls it.

    Args:
        query: shape (rows, heads, tokens, head_size), the tokens just given.
        key: the rows' own keys, shape (rows, kv_heads, own_tokens, head_size).
        value: likewise.

    Returns:
        shape (rows, tokens, heads, head_size).
    """
    cache = _active.get()
    encoded = cache.is_encoded(module.layer_idx)
    heads, tokens, size = query.shape[1:]
    scale = size**-0.5 if scaling is None else scaling
    query = query * scale  # before the product, which float16 could not hold
    mixed = []
    for rows, segments in cache.shared(module.layer_idx):
        kv_heads = segments[0][0].shape[0]
        n = rows.stop - rows.start
        # Per key-value head, all queries of the group in one matrix: the segments are read once.
        split = query[rows].reshape(n, kv_heads, -1, size)
        flat = split.transpose(0, 1).reshape(kv_heads, -1, size)
        scores = [flat @ keys.transpose(1, 2) for keys, _ in segments]
        if not encoded:
            own = split @ key[rows].transpose(2, 3)
            if tokens > 1:
                own = own.reshape(n, heads, tokens, -1) + _causal(tokens, own)
            scores.append(own.reshape(n, kv_heads, -1, own.shape[-1]).transpose(0, 1).flatten(1, 2))
        weights = torch.softmax(torch.cat(scores, dim=-1), dim=-1, dtype=torch.float32)
        parts = weights.to(query.dtype).split([part.shape[-1] for part in scores], dim=-1)
        summed = sum(p @ values for p, (_, values) in zip(parts, segments, strict=False))
        result = summed.reshape(kv_heads, n, -1, size).transpose(0, 1)
        if not encoded:
            own_part = parts[-1].reshape(kv_heads, n, -1, key.shape[2]).transpose(0, 1)
            result = result + own_part @ value[rows]
        mixed.append(result.reshape(n, heads, tokens, size))
    return torch.cat(mixed).transpose(1, 2).contiguous(), None


def _causal(tokens: int, scores: Tensor) -> Tensor:
    """What hides the own tokens that come later: shape (tokens, own_tokens)."""
    later = torch.ones(tokens, scores.shape[-1], dtype=torch.bool, device=scores.device)
    later = later.triu(scores.shape[-1] - tokens + 1)
    hidden = torch.zeros(later.shape, dtype=scores.dtype, device=scores.device)
    return hidden.masked_fill(later, torch.finfo(scores.dtype).min)


AttentionInterface.register(IMPLEMENTATION, _attend)
