"""Attention of many rows over keys and values of which most are shared.

The usual way repeats the cache of the prompt for every row, and copies it at every step. Here the
cache of a prompt stands once, as *segments*; a row's queries attend to the segments of its prompt
and to the few tokens that are the row's own, in one softmax. So neither memory nor the copying
grows with prompt length times rows. Layers that keep a state in place of tokens (linear attention,
convolution) are the model's own, with a copy of the state for each row. Keys and values that are
kept compressed (MLA) stay so: queries are taken to them, and what is found is expanded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

from itr_bench.engine.layers import expanded, stacked

IMPLEMENTATION = "itr_bench_shared_rows"
_START_CAPACITY = 16  # tokens


@dataclass(frozen=True)
class Segment:
    """The keys and values of a run of tokens that several rows see whole.

    Attributes:
        layers: by layer, keys and values, each of shape (kv_heads, tokens, head_size), or of one
            head as :func:`joined` puts it; ``None`` where the tokens leave none in a layer (text
            in a cross-attention layer, a layer that reuses those of an earlier one, a layer that
            keeps a state).
    """

    layers: tuple[tuple[Tensor, Tensor] | None, ...]


def joined(latents: Tensor, rotated: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values that are kept compressed (MLA), as those of one head that all heads share.

    Args:
        latents: what keys and values are expanded from, shape (..., tokens, latent).
        rotated: the part of the keys that holds the position, shape (..., tokens, rotated).

    Returns:
        both together, and the first alone, in the same memory.
    """
    keys = torch.cat([latents, rotated], dim=-1)
    return keys, keys[..., : latents.shape[-1]]


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

    def update_indexer(self, indexer_key_states: Tensor) -> Tensor:
        """The index of the tokens just given; where all tokens are seen, none is kept."""
        return indexer_key_states

    def own(self) -> tuple[Tensor, Tensor]:
        """Keys and values of the tokens so far."""
        assert self._keys is not None and self._values is not None
        return self._keys[:, :, : self._length], self._values[:, :, : self._length]

    @property
    def is_empty(self) -> bool:
        """Whether the rows have left nothing here."""
        return self._keys is None

    def holds(self, keys: Tensor) -> bool:
        """Whether *keys* are this layer's."""
        return self._keys is not None and self._keys.data_ptr() == keys.data_ptr()

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


class _LatentLayer(_OwnLayer):
    """A layer that keeps keys and values compressed, as :func:`joined` puts them."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append one or more tokens to every row; returned, for the model to expand, are they."""
        super().update(*joined(key_states, value_states))
        return key_states, value_states

    def select(self, rows: Tensor) -> None:
        """Keep, repeat and order *rows*."""
        if self._keys is not None and self._values is not None:
            self._keys = self._keys.index_select(0, rows)
            self._values = self._keys[..., : self._values.shape[-1]]


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
    """The cache of rows: per group shared segments, per row its own tokens and states.

    A group is the rows of one prompt. Rows are ordered by group.

    Args:
        groups: for each group its segments, first to last.
        counts: the number of rows of each group.
        encoded: the layers that attend to an encoded image and not to text.
        windows: by layer, how many tokens a sliding window holds, the asking one included.
        states: for each group the layers that keep a state in place of tokens, by index, each with
            a batch of one; they are copied.
        latent: the layers that keep keys and values compressed.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Segment, ...]],
        counts: Sequence[int],
        encoded: frozenset[int] = frozenset(),
        windows: Mapping[int, int] | None = None,
        states: Sequence[Mapping[int, Any]] = (),
        latent: frozenset[int] = frozenset(),
    ) -> None:
        first = groups[0][0]
        length = max(
            layer[0].shape[1]
            for index, layer in enumerate(first.layers)
            if layer is not None and index not in encoded
        )
        kept = states[0] if states else {}
        layers: list[Any] = []
        for index, layer in enumerate(first.layers):
            if index in encoded:
                # Without an image the model passes over a layer that holds nothing.
                layers.append(_OwnLayer(0) if layer is None else _EncodedLayer(*layer))
            elif index in kept:
                layers.append(expanded(stacked([of[index] for of in states]), counts))
            else:
                layers.append((_LatentLayer if index in latent else _OwnLayer)(length))
        super().__init__(layers=layers)
        self._groups = list(groups)
        self._counts = list(counts)
        self._encoded = frozenset(i for i in encoded if first.layers[i] is not None)
        self._windows = windows or {}
        self._kept = frozenset(kept)
        self._latent = latent
        self._expansions: dict[int, tuple[Tensor, Tensor]] = {}

    def select(self, rows: Tensor, counts: Sequence[int]) -> None:
        """Keep, repeat and order rows: row ``i`` becomes what ``rows[i]`` was.

        Args:
            rows: indices of present rows, ordered by group.
            counts: the new number of rows of each group; groups with none are let go.
        """
        for index, layer in enumerate(self.layers):
            if index in self._kept:
                layer.reorder_cache(rows)
            else:
                layer.select(rows)
        kept = [(group, n) for group, n in zip(self._groups, counts, strict=True) if n]
        self._groups = [group for group, _ in kept]
        self._counts = [n for _, n in kept]

    def own(self, row: int, tokens: int) -> Segment:
        """The first *tokens* of a row's own tokens as a segment, for other rows to share."""
        return Segment(
            tuple(
                None
                if index in self._encoded | self._kept or layer.is_empty
                else (layer.own()[0][row, :, :tokens], layer.own()[1][row, :, :tokens])
                for index, layer in enumerate(self.layers)
            )
        )

    def groups(self, layer: int) -> list[_Group]:
        """What the rows of each group share in *layer*."""
        found, start = [], 0
        for segments, count in zip(self._groups, self._counts, strict=True):
            present = [kept for segment in segments if (kept := segment.layers[layer]) is not None]
            found.append(_Group(slice(start, start + count), present))
            start += count
        return found

    def is_latent(self, layer: int) -> bool:
        """Whether *layer* keeps keys and values compressed."""
        return layer in self._latent

    def expansion(self, module: Any, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The matrices that expand compressed *keys* and *values* to those of all heads.

        The attention *module* of a layer has a function for it, which is linear: what it makes of
        a unit matrix is its matrix.

        Returns:
            shape (heads, latent + rotated, head_size), and shape (heads, latent, value_size).
        """
        if module.layer_idx not in self._expansions:
            unit = torch.eye(keys.shape[-1], dtype=keys.dtype, device=keys.device)[None, None]
            latent = values.shape[-1]
            heads = module.expand_kv(unit[..., :latent], unit[..., latent:])
            self._expansions[module.layer_idx] = heads[0][0], heads[1][0, :, :latent]
        return self._expansions[module.layer_idx]

    def states(self) -> dict[int, Any]:
        """The layers that keep a state, by index."""
        return {index: self.layers[index] for index in self._kept}

    def source(self, layer: int, keys: Tensor) -> int:
        """The layer that *keys* come from: *layer*, or an earlier one whose keys it reuses."""
        if layer in self._encoded:
            return layer
        own = [
            i for i, other in enumerate(self.layers) if i not in self._kept and other.holds(keys)
        ]
        return own[0] if own else layer

    def window(self, layer: int) -> int | None:
        """How many tokens a query of *layer* sees, itself included; ``None`` for all."""
        return self._windows.get(layer)

    def is_encoded(self, layer: int) -> bool:
        """Whether *layer* attends to an encoded image and not to text."""
        return layer in self._encoded


_active: ContextVar[RowCache] = ContextVar("itr_bench_rows")


def decoder_configs(model: Any) -> list[Any]:
    """The configurations that say by which function the text decoder of *model* attends."""
    modules = model.get_decoder().modules()
    return list({id(m.config): m.config for m in modules if hasattr(m, "config")}.values())


@contextlib.contextmanager
def shared_rows(configs: Sequence[Any], cache: RowCache) -> Iterator[None]:
    """Let the decoder of these *configs* attend through *cache*, until the block ends."""
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
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **unused: Any,
) -> tuple[Tensor, None]:
    """Attention in the form in which transformers calls it.

    Args:
        query: shape (rows, heads, tokens, head_size), the tokens just given.
        key: the rows' own keys, shape (rows, kv_heads, own_tokens, head_size).
        value: likewise, of a width of their own in some models.
        softcap: what bounds the scores, as Gemma 2 does it.

    Returns:
        shape (rows, tokens, heads, value_size).

    Raises:
        ValueError: there are attention sinks, as of GPT-OSS, which are not computed here.
    """
    if s_aux is not None:
        raise ValueError("attention sinks are not computed here")
    cache = _active.get()
    # Where keys are compressed, those of an earlier layer are not found by their memory.
    sources = getattr(getattr(module, "config", None), "kv_source_layers", None)
    layer = sources[module.layer_idx] if sources else cache.source(module.layer_idx, key)
    encoded, window = cache.is_encoded(layer), cache.window(module.layer_idx)
    rows, heads, tokens, size = query.shape
    scale = size**-0.5 if scaling is None else scaling
    query = query * scale  # before the product, which float16 could not hold
    if latent := cache.is_latent(module.layer_idx):
        key, value = cache.layers[layer].own()
        to_latents, from_latents = cache.expansion(module, key, value)
        query = torch.einsum("rhtd,hld->rhtl", query, to_latents)
    groups = cache.groups(layer)
    kv_heads = groups[0].segments[0][0].shape[0]
    if window is not None and tokens == 1:
        groups = [group.last(window - key.shape[2]) for group in groups]
        key, value = key[:, :, -window:], value[:, :, -window:]

    # Per key-value head, the queries of all rows in one matrix: each segment is read once.
    split = query.reshape(rows, kv_heads, -1, query.shape[-1])
    flat = split.transpose(0, 1).reshape(kv_heads, -1, query.shape[-1])
    each = split.shape[2]
    runs = _runs(groups, each)
    before = max(group.width for group in groups)
    own = 0 if encoded else key.shape[2]
    scores = flat.new_empty(kv_heads, flat.shape[1], before + own)
    for run in runs:
        scores[:, run.queries, run.columns] = flat[:, run.queries] @ run.keys.transpose(1, 2)
    by_row = scores.view(kv_heads, rows, each, -1)
    if own:
        by_row[..., before:] = (split @ key.transpose(2, 3)).transpose(0, 1)
    if softcap is not None:
        scores.div_(softcap).tanh_().mul_(softcap)
    for group in groups:
        by_row[:, group.rows, :, group.width : before] = -torch.inf
        if own and tokens > 1:
            seen = by_row[:, group.rows].unflatten(2, (-1, tokens))
            _hide(seen, group.width, before, window)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    mixed = flat.new_zeros(kv_heads, flat.shape[1], value.shape[-1])
    for run in runs:
        mixed[:, run.queries] += weights[:, run.queries, run.columns] @ run.values
    mixed = mixed.view(kv_heads, rows, each, -1).transpose(0, 1)
    if own:
        mixed = mixed + weights.view_as(by_row)[..., before:].transpose(0, 1) @ value
    mixed = mixed.reshape(rows, heads, tokens, -1)
    if latent:
        mixed = torch.einsum("rhtl,hld->rhtd", mixed, from_latents)
    return mixed.transpose(1, 2).contiguous(), None


@dataclass(frozen=True)
class _Group:
    """The rows of one prompt, and the keys and values that they share in a layer."""

    rows: slice
    segments: list[tuple[Tensor, Tensor]]

    @property
    def width(self) -> int:
        """How many tokens they share."""
        return sum(keys.shape[1] for keys, _ in self.segments)

    def last(self, tokens: int) -> _Group:
        """The same with the last so many *tokens*."""
        kept: list[tuple[Tensor, Tensor]] = []
        for keys, values in reversed(self.segments):
            start = max(0, keys.shape[1] - max(0, tokens))
            kept.insert(0, (keys[:, start:], values[:, start:]))
            tokens -= keys.shape[1] - start
        return _Group(self.rows, kept)


@dataclass(frozen=True)
class _Run:
    """A segment in a table of scores: the queries that see it, and its columns."""

    queries: slice
    columns: slice
    keys: Tensor
    values: Tensor


def _runs(groups: Sequence[_Group], each: int) -> list[_Run]:
    """Every segment once for all neighbouring groups that see it in the same columns.

    Args:
        groups: all rows.
        each: the queries of a row.
    """
    found: list[_Run] = []
    at: dict[tuple[int, int], int] = {}
    for group in groups:
        first, last, column = group.rows.start * each, group.rows.stop * each, 0
        for keys, values in group.segments:
            columns = slice(column, column + keys.shape[1])
            column = columns.stop
            place = at.get((columns.start, keys.data_ptr()))
            if place is not None and found[place].columns == columns:
                known = found[place]
                if known.queries.stop == first:
                    found[place] = replace(known, queries=slice(known.queries.start, last))
                    continue
            at[columns.start, keys.data_ptr()] = len(found)
            found.append(_Run(slice(first, last), columns, keys, values))
    return found


def _hide(scores: Tensor, shared: int, before: int, window: int | None) -> None:
    """Take away what a query must not see: later tokens, and those before its window.

    Args:
        scores: shape (kv_heads, rows, heads, tokens, columns), changed in place.
        shared: how many columns of tokens that rows share come first.
        before: at which column the rows' own tokens begin, the last ones of which ask.
        window: how many tokens a query sees, itself included.
    """
    tokens, columns = scores.shape[-2:]
    length = shared + columns - before
    # Only own tokens come later; those before a window can be anywhere.
    start = before if window is None or window >= length else 0
    queries = torch.arange(length - tokens, length, device=scores.device)[:, None]
    keys = torch.arange(start, columns, device=scores.device)
    keys = torch.where(keys < before, keys, keys - before + shared)
    hidden = keys > queries
    if window is not None:
        hidden |= keys <= queries - window
    scores[..., start:].masked_fill_(hidden, torch.finfo(scores.dtype).min)


AttentionInterface.register(IMPLEMENTATION, _attend)
