"""Prefill: prompts read once, so that rows can grow from them."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from itr_bench.engine.attention import Segment, joined
from itr_bench.engine.layers import (
    cache_argument,
    encoded_layers,
    has_index,
    keeps_index,
    keeps_state,
    keeps_tokens,
    latent_layers,
    own_cache,
    takes,
    until_kept,
    unwindowed_cache,
)
from itr_bench.engine.products import patches_as_rows
from itr_bench.engine.prompts import Prompts, placed
from itr_bench.engine.rows import CopiedRows, Parts, SharedRows, Way

# Where transformers keeps the vision encoder, by family.
_VISION = ("visual", "vision_tower", "vision_model", "vision_encoder", "image_encoder")


class UnsharableError(Exception):
    """A model that keeps what one way of sharing does not know."""


@dataclass(frozen=True)
class Stem:
    """A prompt that was read.

    Attributes:
        ids: its tokens, shape (tokens,).
        kept: what it left in the decoder's layers: parts for the engine's own attention, or the
            model's own cache.
        logits: of the first token to come, shape (vocabulary,), float32.
        position: of the first token to come. The tokens of an image count as fewer than they are
            in some models, so it may be less than the number of tokens.
    """

    ids: Tensor
    kept: Parts | Any
    logits: Tensor
    position: int


def read(model: Any, prompts: Prompts, way: Way = Way.ATTENTION) -> list[Stem]:
    """Read prompts about one image: it is encoded once, and what they share is read once."""
    if not prompts.shared:
        with _encoding_once(model):
            return [
                Stem(ids.to(model.device), *_read_whole(model, inputs, way))
                for ids, inputs in zip(prompts.ids, prompts.inputs, strict=True)
            ]
    prefix, position = _read_shared(model, prompts.inputs[0], way)
    suffixes = [ids[prompts.shared :] for ids in prompts.ids]
    if isinstance(prefix, Parts) and not prefix.states:
        ends = _extend_together(model, prefix, position, suffixes)
    else:
        # Fillers would change a state.
        ends = [_extend(model, prefix, position, suffix) for suffix in suffixes]
    return [
        Stem(ids.to(model.device), kept, logits, position + len(suffix))
        for ids, suffix, (kept, logits) in zip(prompts.ids, suffixes, ends, strict=True)
    ]


def _read_whole(
    model: Any, inputs: Mapping[str, Tensor], way: Way
) -> tuple[Parts | Any, Tensor, int]:
    """Read a prompt the model's own way.

    Returns:
        what it left in the layers, the logits after it, and the next position.

    Raises:
        UnsharableError: it left what the engine's own attention cannot share.
    """
    cache = _new_cache(model, way)
    with _positions(model) as given:
        output = _forward(model, inputs, cache)
    return (
        _kept(inputs, model, cache, way),
        output.logits[0, -1].float(),
        _next_position(inputs, given),
    )


def _read_shared(model: Any, inputs: Mapping[str, Tensor], way: Way) -> tuple[Parts | Any, int]:
    """As :func:`_read_whole`, where nobody asks for the logits: what prompts share."""
    cache = _new_cache(model, way)
    with _positions(model) as given, until_kept(cache, index=not way.attention):
        _forward(model, inputs, cache)
    return _kept(inputs, model, cache, way), _next_position(inputs, given)


def _new_cache(model: Any, way: Way) -> Any:
    if not way.attention and encoded_layers(model):
        raise UnsharableError("cross-attention layers need the mask of their image at every step")
    return unwindowed_cache(model) if way.attention else own_cache(model)


def _forward(model: Any, inputs: Mapping[str, Tensor], cache: Any) -> Any:
    base = model.base_model
    if hasattr(base, "rope_deltas"):
        base.rope_deltas = None  # the module keeps what the last image left
    chosen: dict[str, Any] = {cache_argument(model): cache}
    if takes(model, "logits_to_keep"):
        chosen["logits_to_keep"] = 1
    with patches_as_rows(model):
        return model(**placed(model, inputs), use_cache=True, **chosen)


def _next_position(inputs: Mapping[str, Tensor], given: Sequence[Tensor]) -> int:
    # Those of Qwen2-VL and its kin lag behind the number of tokens; PaliGemma counts from one.
    return int(given[-1].max()) + 1 if given else inputs["input_ids"].shape[1]


def _kept(inputs: Mapping[str, Tensor], model: Any, cache: Any, way: Way) -> Parts | Any:
    return _parts(inputs, model, cache) if way.attention else cache


@contextlib.contextmanager
def _positions(model: Any) -> Iterator[list[Tensor]]:
    """The positions that the text decoder is given, of each call that has any."""
    found: list[Tensor] = []

    def note(_: Any, arguments: Any, keywords: Mapping[str, Any]) -> None:
        if (positions := keywords.get("position_ids")) is not None:
            found.append(positions)

    hook = model.get_decoder().register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield found
    finally:
        hook.remove()


def _parts(inputs: Mapping[str, Tensor], model: Any, cache: Any) -> Parts:
    visible, latent = _visible(inputs, model, cache), latent_layers(model)
    layers: list[tuple[Tensor, Tensor] | None] = []
    states = {}
    for index, layer in enumerate(cache.layers):
        if keeps_state(layer):
            states[index] = layer
            layers.append(None)
        elif getattr(layer, "keys", None) is None:  # it reuses those of an earlier layer
            layers.append(None)
        elif keeps_tokens(layer) or (keeps_index(layer) and has_index(model)):
            keys, values = layer.keys[0], layer.values[0]
            if index in visible:
                keys, values = keys[:, visible[index]], values[:, visible[index]]
            layers.append(joined(keys, values) if index in latent else (keys, values))
        else:
            raise UnsharableError(f"its layers keep what {type(layer).__name__} holds")
    return Parts((Segment(tuple(layers)),), states)


def _visible(inputs: Mapping[str, Tensor], model: Any, cache: Any) -> dict[int, Tensor]:
    """By cross-attention layer, which of the image's positions the last token sees.

    The others belong to tiles that the image does not fill. Without them no mask is needed.
    """
    mask = inputs.get("cross_attention_mask")
    if mask is None:
        return {}
    tiles = mask[0, -1].flatten().bool().to(model.device)
    return {
        index: tiles.repeat_interleave(cache.layers[index].keys.shape[2] // len(tiles))
        for index in encoded_layers(model)
    }


def _extend_together(
    model: Any, prefix: Parts, position: int, suffixes: Sequence[Tensor]
) -> list[tuple[Parts, Tensor]]:
    """Read what is left of each prompt, all in one batch, after the shared *prefix*."""
    lengths = [len(suffix) for suffix in suffixes]
    # The fillers at the end come after all that counts, so nothing sees them.
    tokens = torch.nn.utils.rnn.pad_sequence(list(suffixes), batch_first=True).to(model.device)
    steps = torch.arange(tokens.shape[1], device=model.device)
    rows = SharedRows(model, [prefix], [len(suffixes)])
    ends = torch.tensor([length - 1 for length in lengths], device=model.device)
    logits = rows.score(tokens, (position + steps).expand(len(suffixes), -1), ends)
    # Not all models can be asked for single positions; the others score all.
    asked = logits.shape[1] == len(ends) and takes(model, "logits_to_keep")
    return [
        (
            Parts((*prefix.segments, rows.cache.own(row, length)), {}),
            logits[row, row if asked else length - 1],
        )
        for row, length in enumerate(lengths)
    ]


def _extend(
    model: Any, prefix: Parts | Any, position: int, suffix: Tensor
) -> tuple[Parts | Any, Tensor]:
    """Read what is left of one prompt after a copy of what the shared *prefix* left."""
    tokens = suffix[None].to(model.device)
    positions = position + torch.arange(len(suffix), device=model.device)[None]
    if isinstance(prefix, Parts):
        shared = SharedRows(model, [prefix], [1])
        logits = shared.score(tokens, positions, 1)
        segments = (*prefix.segments, shared.cache.own(0, len(suffix)))
        return Parts(segments, shared.cache.states()), logits[0, -1]
    copied = CopiedRows(model, [prefix], [1])
    logits = copied.score(tokens, positions, 1)
    return copied.cache, logits[0, -1]


@contextlib.contextmanager
def _encoding_once(model: Any) -> Iterator[None]:
    """Let the vision encoder return what it found for the same pixels before."""
    tower = next(
        (found for name in _VISION if (found := getattr(model.base_model, name, None)) is not None),
        None,
    )
    if tower is None:
        yield
        return
    forward, hooked = tower.forward, "forward" in vars(tower)
    seen: list[tuple[Tensor, Any]] = []

    def once(*args: Any, **kwargs: Any) -> Any:
        pixels = args[0] if args else next(iter(kwargs.values()))
        for known, output in seen:
            if known.shape == pixels.shape and torch.equal(known, pixels):
                return copy.copy(output)
        output = forward(*args, **kwargs)
        seen.append((pixels, copy.copy(output)))  # models write into what they get
        return output

    tower.forward = once
    try:
        yield
    finally:
        if hooked:
            tower.forward = forward
        else:
            del tower.forward
