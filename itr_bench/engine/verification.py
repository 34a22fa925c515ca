"""Whether sharing gives a model's own results, tried before anything is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from itr_bench.engine import plain
from itr_bench.engine.layers import beyond_own_attention
from itr_bench.engine.loading import Vlm
from itr_bench.engine.prompts import Chat, PromptError, prepare
from itr_bench.engine.rows import Way, grow
from itr_bench.engine.stems import UnsharableError, read
from itr_bench.errors import ItrBenchError

_STEPS = 4
# Of the spread of the scores: what another order of additions can make of them.
_TOLERANCE = {torch.float32: 1e-4, torch.float16: 0.01, torch.bfloat16: 0.05}
_ROUGH = 0.05  # quantized weights are multiplied by other kernels for one token than for many
# In float32, also of what another question changes: where that is little (a model that repeats its
# last token, say), a fault would be lost in the spread. Rounding alone is below the second figure.
_OF_CHANGE, _ROUNDING = 0.01, 1e-5


@dataclass(frozen=True)
class OwnWay:
    """What the model itself makes of prompts about the same images, by prompt.

    Attributes:
        images: of the prompts.
        chats: the prompts.
        ids: their tokens, shape (tokens,).
        new: the likeliest next ones, shape (steps,).
        scores: of each of them, shape (steps, vocabulary), float32.
    """

    images: tuple[Image.Image, ...]
    chats: tuple[Chat, ...]
    ids: tuple[Tensor, ...]
    new: tuple[Tensor, ...]
    scores: tuple[Tensor, ...]


def never(model: Any) -> str | None:
    """Why no way of sharing is tried on *model*; ``None`` where it can be."""
    if model.config.is_encoder_decoder:
        return "it is an encoder-decoder, whose answers do not continue the prompt"
    if (model.generation_config.num_beams or 1) > 1:
        return "its generation_config asks for beams"
    return None


def own_way(vlm: Vlm, images: Sequence[Image.Image], chats: Sequence[Chat]) -> OwnWay:
    """Generate a few tokens as the model itself does.

    Raises:
        ItrBenchError: the model cannot generate at all.
    """
    readies = [plain.inputs(vlm.model, vlm.processor, images, chat) for chat in chats]
    found = [plain.likeliest(vlm.model, ready, _STEPS) for ready in readies]
    return OwnWay(
        images=tuple(images),
        chats=tuple(chats),
        ids=tuple(ready["input_ids"][0] for ready in readies),
        new=tuple(tokens for tokens, _ in found),
        scores=tuple(scores for _, scores in found),
    )


def why_not(vlm: Vlm, own: OwnWay, way: Way, *, long: bool = False) -> str | None:
    """Compare the scores of the next tokens, *way* against the model's own.

    The first tokens are the model's likeliest; both are asked for the scores after each.

    Args:
        vlm: model and processor.
        own: what the model itself gives.
        way: of sharing.
        long: whether there are more tokens than a window of the model holds.

    Returns:
        why the model cannot be shared that way, or ``None`` where it can.
    """
    if long and way.attention and (kind := beyond_own_attention(vlm.model)) is not None:
        return f"{kind.replace('_', ' ')} is shared where it sees all tokens"
    try:
        with torch.inference_mode():
            return _difference(vlm, own, way)
    except PromptError:
        raise
    except UnsharableError as error:
        return str(error)
    except (ItrBenchError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of whatever kind: the model's code is not ours
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _difference(vlm: Vlm, own: OwnWay, way: Way) -> str | None:
    model = vlm.model
    stems = read(model, prepare(model, vlm.processor, own.images, own.chats, whole=way.whole), way)
    for question, (stem, ids) in enumerate(zip(stems, own.ids, strict=True), 1):
        if not torch.equal(stem.ids, ids):
            return f"prompt {question} is tokenized differently when its image is shared"
        if (found := _apart(model, stem.logits, own, question - 1, 0)) is not None:
            return f"{found} after prompt {question}"
    rows = grow(model, [stem.kept for stem in stems], [1] * len(stems))
    for step in range(_STEPS - 1):
        tokens = torch.stack([new[step : step + 1] for new in own.new])
        positions = torch.tensor([[stem.position + step] for stem in stems])
        logits = rows.score(tokens, positions.to(model.device), 1)[:, -1]
        for question in range(len(stems)):
            found = _apart(model, logits[question], own, question, step + 1)
            if found is not None:
                return f"{found} at token {step + 2} after prompt {question + 1}"
    return None


def _apart(model: Any, shared: Tensor, own: OwnWay, question: int, step: int) -> str | None:
    """How far scores are from the model's own, where that is too far."""
    quantized = getattr(model, "hf_quantizer", None) is not None
    tolerance = _ROUGH if quantized else _TOLERANCE.get(model.dtype, _ROUGH)
    right = own.scores[question][step]
    finite = right.isfinite()
    if not torch.equal(finite, shared.isfinite()):
        return "other scores are infinite"
    right = right[finite]
    spread = float((right.max() - right.min()).clamp_min(1e-12))
    found = float((shared[finite] - right).abs().max())
    if tolerance == _TOLERANCE[torch.float32] and len(own.scores) > 1:
        other = own.scores[question - 1][step][finite]
        change = float((other - right).abs().max())
        tolerance = min(tolerance, max(_OF_CHANGE * change / spread, _ROUNDING))
    return (
        None
        if found <= tolerance * spread
        else f"scores differ by {found / spread:.2g} of their spread"
    )
