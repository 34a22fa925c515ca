"""Generation one by one, as a loop over prompts and seeds does it: fallback and oracle."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import transformers
from PIL import Image
from torch import Tensor

from itr_bench.engine.device import seed_everywhere
from itr_bench.engine.prompts import Chat, placed, prepare_one
from itr_bench.errors import ItrBenchError

_GREEDY = {
    "do_sample": False,
    "num_beams": 1,
    **dict.fromkeys(("temperature", "top_p", "top_k", "min_p", "typical_p")),
}


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

    Raises:
        ItrBenchError: the model cannot generate.
    """
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), _own_code(model):
        seed_everywhere(seed)
        found = model.generate(**ready, **settings)
    tokens: list[int] = _new(model, ready, found[0]).tolist()
    return tokens


def likeliest(model: Any, ready: Mapping[str, Tensor], steps: int) -> tuple[Tensor, Tensor]:
    """The likeliest next *steps* tokens, and the scores of each, shape (steps, vocabulary).

    Raises:
        ItrBenchError: the model cannot generate.
    """
    with _own_code(model):
        output = model.generate(
            **ready,
            **_GREEDY,
            max_new_tokens=steps,
            min_new_tokens=steps,
            return_dict_in_generate=True,
            output_logits=True,
        )
    scores = torch.stack([step[0].float() for step in output.logits])
    return output.sequences[0, -len(scores) :], scores


def scores_along(model: Any, ready: Mapping[str, Tensor], tokens: Sequence[int]) -> Tensor:
    """The scores after a prompt and after each of *tokens*, which are forced to follow it.

    Returns:
        shape (tokens + 1, vocabulary), float32.
    """
    forced = iter((*tokens, 0))
    with _own_code(model):
        output = model.generate(
            **ready,
            **_GREEDY,
            max_new_tokens=len(tokens) + 1,
            return_dict_in_generate=True,
            output_logits=True,
            prefix_allowed_tokens_fn=lambda *_: [next(forced)],
        )
    return torch.stack([step[0].float() for step in output.logits])


def _new(model: Any, ready: Mapping[str, Tensor], sequence: Tensor) -> Tensor:
    """What is new in a generated sequence."""
    prompt = ready["input_ids"][0]
    if torch.equal(sequence[: len(prompt)], prompt):
        return sequence[len(prompt) :]
    # Encoder-decoders begin with a token that starts the answer, others with the answer itself.
    return sequence[1:] if model.config.is_encoder_decoder else sequence


@contextlib.contextmanager
def _own_code(model: Any) -> Iterator[None]:
    """Say in one line what fails in the model's own code."""
    try:
        yield
    except (ItrBenchError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        raise ItrBenchError(
            f"{type(model).__name__} cannot generate with transformers {transformers.__version__}:"
            f" {type(error).__name__}: {first}\nTry another version of transformers, or lmms-eval's"
            " own adapter for this model."
        ) from error
