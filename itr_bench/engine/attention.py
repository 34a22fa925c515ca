"""Attention of many rows over keys and values of which most are shared.

The usual way repeats the cache of the prompt for every row, and copies it at every step. Here the
cache of a prompt stands once, as *segments*; a row's queries attend to the segments of its prompt
and to the few tokens that are the row's own, in one softmax. So neither memory nor the copying
grows with prompt length times rows. Layers that keep a state in place of tokens (linear attention,
convolution) are the model's own, with a copy of the state for each row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
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
        layers: by layer, keys and values, each of shape (kv_heads, tokens, head_size);
            ``None`` where the tokens leave none in a layer (text in a cross-attention layer, a
            layer that reuses those of an earlier one, a layer that keeps a state).
    """

    layers: tuple[tuple[Tensor, Tensor] | None, ...]
    _expanded: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    def expanded(self, layer: int, module: Any) -> tuple[Tensor, Tensor]:
        """Keys and values of a *layer* that keeps them compressed (MLA), expanded once."""
        if module.layer_idx not in self._expanded:  # it may be another layer's that it expands
            compressed = self.layers[layer]
            assert compressed is not None
            keys, values = module.expand_kv(*(part[None] for part in compressed))
            self._expanded[module.layer_idx] = keys[0], values[0]
        return self._expanded[module.layer_idx]


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
    """

    def __init__(
        self,
        groups: Sequence[tuple[Segment, ...]],
        counts: Sequence[int],
        encoded: frozenset[int] = frozenset(),
        windows: Mapping[int, int] | None = None,
        states: Sequence[Mapping[int, Any]] = (),
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
                layers.append(_OwnLayer(length))
        super().__init__(layers=layers)
        self._groups = list(groups)
        self._counts = list(counts)
        self._encoded = frozenset(i for i in encoded if first.layers[i] is not None)
        self._windows = windows or {}
        self._kept = frozenset(kept)

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

    def shared(
        self, layer: int, module: Any | None = None
    ) -> Iterator[tuple[slice, list[tuple[Tensor, Tensor]]]]:
        """For each group, its rows and the keys and values that they share in *layer*.

        Args:
            layer: by index.
            module: what expands keys and values that are kept compressed.
        """
        start = 0
        for segments, count in zip(self._groups, self._counts, strict=True):
            present = [
                kept if module is None else segment.expanded(layer, module)
                for segment in segments
                if (kept := segment.layers[layer]) is not None
            ]
            yield slice(start, start + count), present
            start += count

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
    encoded = cache.is_encoded(layer)
    window = cache.window(module.layer_idx)
    heads, tokens, size = query.shape[1:]
    scale = size**-0.5 if scaling is None else scaling
    query = query * scale  # before the product, which float16 could not hold
    mixed = []
    compressed = hasattr(module, "expand_kv") and not cache.layers[layer].holds(key)
    for rows, whole in cache.shared(layer, module if compressed else None):
        kv_heads = whole[0][0].shape[0]
        n = rows.stop - rows.start
        segments, own_keys, own_values = whole, key[rows], value[rows]
        if window is not None and tokens == 1:
            segments, own_keys, own_values = _last(window, whole, own_keys, own_values)
        # Per key-value head, all queries of the group in one matrix: the segments are read once.
        split = query[rows].reshape(n, kv_heads, -1, size)
        flat = split.transpose(0, 1).reshape(kv_heads, -1, size)
        parts = [flat @ keys.transpose(1, 2) for keys, _ in segments]
        if not encoded:
            own = split @ own_keys.transpose(2, 3)
            parts.append(own.transpose(0, 1).flatten(1, 2))
        widths = [part.shape[-1] for part in parts]
        scores = torch.cat(parts, dim=-1)
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        if not encoded and tokens > 1:
            _hide(scores.view(kv_heads, -1, tokens, scores.shape[-1]), widths[-1], window)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32)
        shares = weights.to(query.dtype).split(widths, dim=-1)
        result = query.new_zeros(kv_heads, flat.shape[1], value.shape[-1])
        for share, (_, values) in zip(shares, segments, strict=False):
            result += share @ values
        result = result.view(kv_heads, n, -1, value.shape[-1]).transpose(0, 1)
        if not encoded:
            own_share = shares[-1].reshape(kv_heads, n, -1, widths[-1]).transpose(0, 1)
            result = result + own_share @ own_values
        mixed.append(result.reshape(n, heads, tokens, -1))
    return torch.cat(mixed).transpose(1, 2).contiguous(), None


def _last(
    window: int, segments: Sequence[tuple[Tensor, Tensor]], keys: Tensor, values: Tensor
) -> tuple[list[tuple[Tensor, Tensor]], Tensor, Tensor]:
    """What the newest token sees through a window: the last tokens of segments and rows."""
    left = max(0, window - keys.shape[2])
    kept: list[tuple[Tensor, Tensor]] = []
    for shared_keys, shared_values in reversed(segments):
        start = max(0, shared_keys.shape[1] - left)
        kept.insert(0, (shared_keys[:, start:], shared_values[:, start:]))
        left -= shared_keys.shape[1] - start
    return kept, keys[:, :, -window:], values[:, :, -window:]


def _hide(scores: Tensor, own: int, window: int | None) -> None:
    """Take away what a query must not see: later tokens, and those before its window.

    Args:
        scores: shape (kv_heads, queries, tokens, seen), the *own* tokens last, changed in place.
    """
    tokens, seen = scores.shape[-2:]
    # Only own tokens come later; those before a window can be anywhere.
    start = seen - own if window is None or window >= seen else 0
    queries = torch.arange(seen - tokens, seen, device=scores.device)[:, None]
    keys = torch.arange(start, seen, device=scores.device)
    hidden = keys > queries
    if window is not None:
        hidden |= keys <= queries - window
    scores[..., start:].masked_fill_(hidden, torch.finfo(scores.dtype).min)


AttentionInterface.register(IMPLEMENTATION, _attend)
