"""Generation one by one, as a loop over prompts and seeds does it: fallback and oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from itr_bench.engine.prompts import Chat, placed, prepare_one


def inputs(
    model: Any, processor: Any, images: Sequence[Image.Image], chat: Chat
) -> dict[str, Tensor]:
    """The model's inputs for one prompt, on its device and in its precision."""
    return placed(model, prepare_one(model, processor, images, chat))


def generate(
    model: Any, ready: Mapping[str, Tensor], settings: Mapping[str, Any], seed: int
) -> list[int]:
    """The new tokens of one generation after ``torch.manual_seed(seed)``, the last included.

    The state of torch's global generators is left as it was.
    """
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        found = model.generate(**ready, **settings)
    tokens: list[int] = found[0, ready["input_ids"].shape[1] :].tolist()
    return tokens
