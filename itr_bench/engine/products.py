"""The same products in a form in which PyTorch computes them faster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_BLOCK = 1024  # words


@contextlib.contextmanager
def patches_as_rows(model: Any) -> Iterator[None]:
    """Let a convolution whose kernel covers its input be the product that it is.

    Qwen2-VL and its kin embed each patch of an image so. On a CPU the product takes a third of the
    time.
    """
    found = [module for module in model.modules() if _is_plain(module, nn.Conv2d, nn.Conv3d)]
    with _instead({module: partial(_covering, module, module.forward) for module in found}):
        yield


@contextlib.contextmanager
def head_in_blocks(model: Any) -> Iterator[None]:
    """Let the scores of all words be computed some words at a time.

    On a CPU this takes three quarters of the time: a block of the matrix, which is larger than
    all others, fits into the cache.
    """
    head = model.get_output_embeddings()
    suits = _is_plain(head, nn.Linear) and head.weight.device.type == "cpu"
    with _instead({head: partial(_in_blocks, head)} if suits else {}):
        yield


def _is_plain(module: Any, *kinds: type) -> bool:
    """Whether *module* is one of *kinds*, with weights as they are.

    A subclass may compute something else, and so may weights that are quantized or in parts.
    """
    return type(module) in kinds and type(module.weight) is nn.Parameter


@contextlib.contextmanager
def _instead(forwards: Mapping[Any, Callable[..., Tensor]]) -> Iterator[None]:
    """Replace the ``forward`` of modules, but for those where someone else has."""
    free = {m: forward for m, forward in forwards.items() if "forward" not in vars(m)}
    for module, forward in free.items():
        module.forward = forward
    try:
        yield
    finally:
        for module in free:
            del module.forward


def _covering(module: Any, forward: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    bare = module.groups == 1 and module.padding in ((0, 0), (0, 0, 0), "valid")
    if not bare or states.shape[2:] != module.kernel_size:
        return forward(states)
    made = functional.linear(states.flatten(1), module.weight.flatten(1), module.bias)
    return made.view(*made.shape, *(1 for _ in module.kernel_size))


def _in_blocks(head: Any, states: Tensor) -> Tensor:
    weights = head.weight.split(_BLOCK)
    biases = [None] * len(weights) if head.bias is None else head.bias.split(_BLOCK)
    blocks = zip(weights, biases, strict=True)
    return torch.cat([functional.linear(states, *block) for block in blocks], dim=-1)
