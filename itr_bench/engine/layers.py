"""What a model's own cache layers hold: kinds, windows, and copies for several rows."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

# What a layer holds token by token, and which dimension the tokens are.
_BY_TOKEN = {"keys": -2, "values": -2, "indexer_keys": -2}
_WINDOWED = {
    "sliding_attention": "sliding_window",
    "hybrid_sliding": "sliding_window",
    "chunked_attention": "attention_chunk_size",
    "indexed_attention": "index_topk",
}
_SLIDING = "sliding_window"


class UnstackableError(Exception):
    """Layers that cannot be put into one batch."""


class _CompleteError(Exception):
    """Nothing that follows would be kept."""


def cache_argument(model: Any) -> str:
    """What *model* calls its cache: transformers 5.24 renamed it."""
    return "cache" if takes(model, "cache") else "past_key_values"


def takes(model: Any, argument: str) -> bool:
    """Whether the model's ``forward`` names *argument*."""
    return argument in _arguments(type(model).forward)


@functools.cache
def _arguments(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def own_cache(model: Any) -> Any:
    """An empty cache with the layers that the configuration of *model* asks for."""
    return DynamicCache(config=model.config)


def unwindowed_cache(model: Any) -> Any:
    """The same, with all tokens kept where layers would keep those of a window only."""
    cache = own_cache(model)
    cache.layers = [
        DynamicLayer() if type(layer) is DynamicSlidingWindowLayer else layer
        for layer in cache.layers
    ]
    return cache


@contextlib.contextmanager
def until_kept(cache: Any, *, index: bool) -> Iterator[None]:
    """End a forward pass when all that it leaves in *cache* is there.

    The attention of the last layer, layers that reuse the keys of earlier ones, and the scores of
    all tokens leave nothing. A pass whose last layer holds something else runs to its end.

    Args:
        cache: of the pass.
        index: whether the last layer's index is needed, too.
    """
    unused = getattr(cache, "is_dummy", [False] * len(cache.layers))
    last = [layer for layer, dummy in zip(cache.layers, unused, strict=True) if not dummy][-1]
    ends = type(last) in (DynamicLayer, DynamicSlidingWindowLayer)
    if not ends and (index or not keeps_index(last)):
        yield
        return
    update = last.update

    def write(*args: Any, **kwargs: Any) -> None:
        update(*args, **kwargs)
        raise _CompleteError

    last.update = write
    try:
        yield
    except _CompleteError:
        pass
    finally:
        del last.update


def keeps_tokens(layer: Any) -> bool:
    """Whether all that *layer* holds are keys and values, token by token."""
    return type(layer) is DynamicLayer


def keeps_index(layer: Any) -> bool:
    """Whether *layer* holds keys, values, and what chooses among them where there are many."""
    return isinstance(layer, DynamicLayer) and hasattr(layer, "update_indexer")


def has_index(model: Any) -> bool:
    """Whether layers of *model* choose tokens by an index, and all up to a known number."""
    return any(bound == "index_topk" for _, bound, _ in _windowed(model))


def keeps_state(layer: Any) -> bool:
    """Whether *layer* holds a state of a fixed size and nothing by token."""
    return hasattr(layer, "conv_states") and not hasattr(layer, "keys")


def encoded_layers(model: Any) -> frozenset[int]:
    """The decoder's layers that attend to an encoded image and not to text."""
    return frozenset(getattr(model.config.get_text_config(), "cross_attention_layers", None) or ())


def latent_layers(model: Any) -> frozenset[int]:
    """The decoder's layers that keep keys and values compressed (MLA)."""
    modules = model.get_decoder().modules()
    return frozenset(module.layer_idx for module in modules if hasattr(module, "expand_kv"))


def windows(model: Any) -> dict[int, int]:
    """By layer, how many tokens a sliding window holds, the asking one included."""
    return {layer: size for layer, bound, size in _windowed(model) if bound == _SLIDING}


def shortest_window(model: Any) -> int | None:
    """The number of tokens up to which every layer sees all of them; ``None`` without a limit."""
    return min((size for _, _, size in _windowed(model)), default=None)


def beyond_own_attention(model: Any) -> str | None:
    """The layers that choose other tokens than the last ones, once there are more than they see.

    Chunks begin at fixed places; an index takes the tokens that score highest.
    """
    bounds = {bound for _, bound, _ in _windowed(model)}
    return next((kind for kind, bound in _WINDOWED.items() if bound in bounds - {_SLIDING}), None)


def _windowed(model: Any) -> list[tuple[int, str, int]]:
    """The layers that do not see all tokens: index, what bounds them, and how many they see."""
    text = model.config.get_text_config(decoder=True)
    count = int(getattr(text, "num_hidden_layers", 0) or 0)
    own = getattr(text, "per_layer_config", None) or [text] * count
    kinds = getattr(text, "layer_types", None)
    found = []
    for layer in range(count):
        if kinds is not None:
            bounds = [_WINDOWED[kinds[layer]]] if kinds[layer] in _WINDOWED else []
        else:
            bounds = list(dict.fromkeys(_WINDOWED.values()))
        sizes = ((bound, getattr(own[layer], bound, None)) for bound in bounds)
        found += [(layer, bound, int(size)) for bound, size in sizes if size]
    return found


def stacked(layers: Sequence[Any]) -> Any:
    """One layer with the batches of *layers*, in order, as a copy.

    What holds fewer tokens is filled up at its beginning.

    Raises:
        UnstackableError: layers that hold something which cannot be put together.
    """
    found = copy.copy(layers[0])
    for name in vars(layers[0]):
        vars(found)[name] = _joined(name, [vars(layer)[name] for layer in layers])
    return found


def expanded(layer: Any, counts: Sequence[int]) -> Any:
    """*layer* with each of its batch repeated as often as *counts* say."""
    if any(count != 1 for count in counts):
        layer.reorder_cache(torch.repeat_interleave(torch.tensor(counts)))
    return layer


def _joined(name: str, values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        return {key: _joined(name, [value[key] for value in values]) for key in first}
    if isinstance(first, Tensor) and first.ndim:
        if name in _BY_TOKEN:
            dimension = _BY_TOKEN[name] % first.ndim
            longest = max(value.shape[dimension] for value in values)
            values = [_filled(value, dimension, longest) for value in values]
        elif any(value.shape[1:] != first.shape[1:] for value in values) or len(first) != 1:
            raise UnstackableError(f"{name} of shape {tuple(first.shape)}")
        return torch.cat(list(values))
    if name == "cumulative_length":
        return max(values)
    if any(value is not first and not _equal(value, first) for value in values):
        raise UnstackableError(f"{name} differs")
    return first


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _filled(value: Tensor, dimension: int, length: int) -> Tensor:
    """*value* with zeros before its first token, up to *length* tokens."""
    missing = length - value.shape[dimension]
    if not missing:
        return value
    shape = list(value.shape)
    shape[dimension] = missing
    return torch.cat([value.new_zeros(shape), value], dim=dimension)
