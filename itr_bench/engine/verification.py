"""Whether sharing gives a model's own results, tried on the first tweet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from itr_bench.engine import plain
from itr_bench.engine.attention import RowCache, shared_rows
from itr_bench.engine.decoding import advance
from itr_bench.engine.loading import Vlm
from itr_bench.engine.prompts import Chat, prepare
from itr_bench.engine.stems import encoded_layers, read
from itr_bench.errors import ItrBenchError

_STEPS = 4
# Of the spread of the scores: what another order of additions can make of them.
_TOLERANCE = {torch.float32: 1e-4, torch.float16: 0.01, torch.bfloat16: 0.05}
_ROUGH = 0.05  # quantized weights are multiplied by other kernels for one token than for many


def why_not(vlm: Vlm, images: Sequence[Image.Image], chats: Sequence[Chat]) -> str | None:
    """Compare the scores of the next tokens, the shared way against the model's own.

    The first tokens are the model's likeliest; both ways are asked for the scores after each.

    Returns:
        why the model cannot be shared, or ``None`` where it can.
    """
    config = vlm.model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    if not kinds and getattr(config, "sliding_window", None):
        kinds = {"sliding_attention"}
    if kinds - {"full_attention"}:
        return f"its layers are of kinds that cannot be shared ({', '.join(sorted(kinds))})"
    if (vlm.model.generation_config.num_beams or 1) > 1:
        return "its generation_config asks for beams"
    try:
        with torch.inference_mode():
            return _difference(vlm, images, chats)
    except (ItrBenchError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of whatever kind: the model's code is not ours
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _difference(vlm: Vlm, images: Sequence[Image.Image], chats: Sequence[Chat]) -> str | None:
    model = vlm.model
    quantized = getattr(model, "hf_quantizer", None) is not None
    tolerance = _ROUGH if quantized else _TOLERANCE.get(model.dtype, _ROUGH)
    stems = read(model, prepare(model, vlm.processor, images, chats))
    asked = []
    for chat in chats:
        ready = plain.inputs(model, vlm.processor, images, chat)
        asked.append(_own_way(model, ready))
    for question, (stem, (ids, _, own)) in enumerate(zip(stems, asked, strict=True)):
        if not torch.equal(stem.ids, ids):
            return f"prompt {question + 1} is tokenized differently when its image is shared"
        if (found := _apart(stem.logits, own[0])) > tolerance:
            return f"scores differ by {found:.2g} of their spread after prompt {question + 1}"
    cache = RowCache([stem.segments for stem in stems], [1] * len(stems), encoded_layers(model))
    with shared_rows(model, cache):
        for step in range(_STEPS - 1):
            tokens = torch.stack([new[step : step + 1] for _, new, _ in asked])
            positions = torch.tensor([[stem.position + step] for stem in stems])
            logits = advance(model, cache, tokens, positions.to(model.device))
            for question, (_, _, own) in enumerate(asked):
                if (found := _apart(logits[question], own[step + 1])) > tolerance:
                    return (
                        f"scores differ by {found:.2g} of their spread at token {step + 2} after "
                        f"prompt {question + 1}"
                    )
    return None


def _own_way(model: Any, ready: dict[str, Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The prompt's tokens, the likeliest next ones, and the scores of each, the model's own way."""
    output = model.generate(
        **ready,
        do_sample=False,
        max_new_tokens=_STEPS,
        min_new_tokens=_STEPS,
        return_dict_in_generate=True,
        output_logits=True,
        **dict.fromkeys(("temperature", "top_p", "top_k")),
    )
    ids = ready["input_ids"][0]
    return ids, output.sequences[0, len(ids) :], [step[0].float() for step in output.logits]


def _apart(shared: Tensor, own: Tensor) -> float:
    """The largest difference as a part of the spread of the scores; infinite where not finite."""
    finite = own.isfinite()
    if not torch.equal(finite, shared.isfinite()):
        return float("inf")
    spread = (own[finite].max() - own[finite].min()).clamp_min(1e-12)
    return float((shared[finite] - own[finite]).abs().max() / spread)
