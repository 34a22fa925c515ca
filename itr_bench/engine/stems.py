"""Prefill: prompts read once, so that rows can grow from them."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from itr_bench.engine.attention import RowCache, Segment, shared_rows
from itr_bench.engine.prompts import Prompts, placed

# Where transformers keeps the vision encoder, by family.
_VISION = ("visual", "vision_tower", "vision_model")


@dataclass(frozen=True)
class Stem:
    """A prompt that was read.

    Attributes:
        ids: its tokens, shape (tokens,).
        segments: what it left in the decoder's layers, first to last.
        logits: of the first token to come, shape (vocabulary,), float32.
        position: of the first token to come. The tokens of an image count as fewer than they are
            in some models, so it may be less than the number of tokens.
    """

    ids: Tensor
    segments: tuple[Segment, ...]
    logits: Tensor
    position: int


def encoded_layers(model: Any) -> frozenset[int]:
    """The decoder's layers that attend to an encoded image and not to text."""
    return frozenset(getattr(model.config.get_text_config(), "cross_attention_layers", None) or ())


def read(model: Any, prompts: Prompts) -> list[Stem]:
    """Read prompts about one image: it is encoded once, and what they share is read once."""
    if not prompts.shared:
        with _encoding_once(model):
            return [
                Stem(ids.to(model.device), (segment,), logits, position)
                for ids, inputs in zip(prompts.ids, prompts.inputs, strict=True)
                for segment, logits, position in [_forward(model, inputs)]
            ]
    prefix, _, position = _forward(model, prompts.inputs[0])
    return _extend(model, prefix, position, [ids[prompts.shared :] for ids in prompts.ids], prompts)


def _forward(model: Any, inputs: Mapping[str, Tensor]) -> tuple[Segment, Tensor, int]:
    """Read *inputs* the model's own way.

    Returns:
        what they left in the layers, the logits after them, and the next position.
    """
    base = model.base_model
    if hasattr(base, "rope_deltas"):
        base.rope_deltas = None  # the module keeps what the last image left
    cache = DynamicCache()
    output = model(**placed(model, inputs), past_key_values=cache, use_cache=True, logits_to_keep=1)
    length = inputs["input_ids"].shape[1]
    # Qwen2-VL and its kin: how far positions lag behind the number of tokens.
    lag = getattr(base, "rope_deltas", None)
    position = length + (0 if lag is None else int(lag.flatten()[0]))
    visible = _visible(inputs, model, cache)
    layers = []
    for index, layer in enumerate(cache.layers):
        keys, values = layer.keys[0], layer.values[0]
        if index in visible:
            keys, values = keys[:, visible[index]], values[:, visible[index]]
        layers.append((keys, values))
    return Segment(tuple(layers)), output.logits[0, -1].float(), position


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


def _extend(
    model: Any, prefix: Segment, position: int, suffixes: Sequence[Tensor], prompts: Prompts
) -> list[Stem]:
    """Read what is left of each prompt, all in one batch, after the shared *prefix*."""
    lengths = [len(suffix) for suffix in suffixes]
    # The fillers at the end come after all that counts, so nothing sees them.
    tokens = torch.nn.utils.rnn.pad_sequence(list(suffixes), batch_first=True).to(model.device)
    steps = torch.arange(tokens.shape[1], device=model.device)
    cache = RowCache([(prefix,)], [len(suffixes)], encoded_layers(model))
    ends = torch.tensor([length - 1 for length in lengths], device=model.device)
    # Not all models can be asked for single positions; the others score all.
    keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
    with shared_rows(model, cache):
        output = model(
            input_ids=tokens,
            position_ids=(position + steps).expand(len(suffixes), -1),
            past_key_values=cache,
            use_cache=True,
            **({"logits_to_keep": ends} if keeps else {}),
        )
    return [
        Stem(
            ids=prompts.ids[row].to(model.device),
            segments=(prefix, cache.own(row, length)),
            logits=output.logits[row, row if keeps else length - 1].float(),
            position=position + length,
        )
        for row, length in enumerate(lengths)
    ]


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
