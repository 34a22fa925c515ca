"""The same numbers with less work: what a step of training need not compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from itr_bench.engine.attention import decoder_configs

_IMPLEMENTATION = "itr_bench_two_questions"
_BY_TOKEN = frozenset({"mlp", "feed_forward", "q_proj", "o_proj", "out_proj"})
"""Modules of a decoder layer that make of each token what does not depend on others, but for keys
and values, which all tokens have to leave."""


class Lean:
    """What is left out, in the decoder of one model.

    - The last layer makes keys and values of all tokens; all else there for those alone whose
      output is read, which are those before a token of an answer.
    - Of the mask of two questions only the rows of the second question differ from the usual one.
      Where the rest is computed with the usual one, half of the scores are not computed at all.

    Nothing is left out before the first call of :meth:`read`, and after one without places.

    Args:
        model: changed in place, for good.

    Raises:
        AttributeError: its decoder has no list of layers.
    """

    def __init__(self, model: Any) -> None:
        self._places: Tensor | None = None
        self._mask: Tensor | None = None
        self._tail = 0
        layers = getattr(model.get_decoder(), "layers", None)
        if layers is None:
            raise AttributeError("its decoder has no list of layers")
        last = layers[-1]
        self._last = {id(module) for module in last.modules()}
        taken: list[str] = []
        for name, module in last.named_modules():
            inside = any(name.startswith(f"{other}.") for other in taken)
            if name.rpartition(".")[2] in _BY_TOKEN and not inside:
                taken.append(name)
                module.forward = partial(self._where_read, module.forward)
        for config in decoder_configs(model):
            if config._attn_implementation == "sdpa":
                config._attn_implementation = _IMPLEMENTATION
        for module in model.get_decoder().modules():
            # Not a context variable: what is computed twice is computed in a thread of autograd.
            module.itr_bench_lean = self

    def read(self, places: Tensor | None, mask: Tensor | None = None, tail: int = 0) -> None:
        """Say what the next call of the model is for.

        Args:
            places: of the tokens whose output is read, shape (P,); ``None`` for all.
            mask: of the next call, shape (sequences, 1, tokens, tokens).
            tail: the place before which *mask* is the usual one.
        """
        self._places, self._mask, self._tail = places, mask, tail

    def _where_read(self, forward: Callable[..., Tensor], *given: Any, **more: Any) -> Tensor:
        """What *forward* makes of the tokens that are read, and zeros for the others."""
        if self._places is None or more or len(given) > 1 or given[0].ndim != 3:
            return forward(*given, **more)
        (states,) = given
        made = forward(states[:, self._places])
        if not isinstance(made, Tensor):  # of a mixture of experts, with what chose them
            return forward(*given)
        whole = made.new_zeros(*states.shape[:2], made.shape[-1])
        return whole.index_copy(1, self._places, made)

    def attend(
        self, module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **given: Any
    ) -> tuple[Tensor, None]:
        """Attention in the form in which transformers calls it."""
        usual: Callable[..., tuple[Tensor, None]] = partial(sdpa_attention_forward, module, **given)
        if self._mask is None or mask is None or mask.data_ptr() != self._mask.data_ptr():
            return usual(query, key, value, mask)

        def masked(queries: Tensor | slice) -> Tensor:
            made = functional.scaled_dot_product_attention(
                query[:, :, queries],
                key,
                value,
                mask[:, :, queries],
                dropout_p=given.get("dropout", 0.0),
                scale=given.get("scaling"),
                enable_gqa=True,  # transformers would copy keys and values for each head
            )
            return made.transpose(1, 2)

        if self._places is not None and id(module) in self._last:
            made = masked(self._places)
            whole = made.new_zeros(made.shape[0], query.shape[2], *made.shape[2:])
            return whole.index_copy(1, self._places, made), None
        head, tail = slice(self._tail), slice(self._tail, None)
        first, _ = usual(
            query[:, :, head], key[:, :, head], value[:, :, head], None, is_causal=True
        )
        return torch.cat([first, masked(tail)], dim=1), None


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **given: Any
) -> tuple[Tensor, None]:
    lean: Lean = module.itr_bench_lean
    return lean.attend(module, query, key, value, attention_mask, **given)


AttentionInterface.register(_IMPLEMENTATION, _attend)
AttentionMaskInterface.register(_IMPLEMENTATION, sdpa_mask)


def add_lora_in_place(trained: Any) -> None:
    """Let LoRA's layers scale the narrow matrix and add to what the frozen layer made.

    peft scales and adds in matrices as wide as the layer, each of which is written and read once
    more, in both directions.

    Args:
        trained: peft's shell, with plain LoRA without dropout; changed in place.
    """
    from peft.tuners.lora import Linear

    for module in trained.modules():
        if type(module) is Linear:
            module.forward = partial(_with_lora, module)


def _with_lora(module: Any, states: Tensor) -> Tensor:
    (name,) = module.active_adapters
    flat = states.flatten(0, -2)
    low = module.lora_A[name](flat.to(module.lora_A[name].weight.dtype)) * module.scaling[name]
    made, up = module.base_layer(flat), module.lora_B[name]
    if made.dtype == low.dtype:
        made.addmm_(low, up.weight.t())  # a frozen layer needs its output no more
    else:
        made = (made + up(low)).to(made.dtype)
    return made.view(*states.shape[:-1], -1)
