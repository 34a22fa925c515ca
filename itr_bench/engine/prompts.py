"""Prompts about the same images as the model's inputs, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from itr_bench.errors import ItrBenchError

Chat = Sequence[Mapping[str, Any]]


class PromptError(ItrBenchError):
    """One prompt that cannot be put to the model; others can."""


@dataclass(frozen=True)
class Prompts:
    """The prompts about the same images: none, one or several.

    Attributes:
        ids: the tokens of each prompt, image tokens included, each of shape (tokens,).
        shared: number of tokens that all prompts begin with, less than the length of any;
            0 where not all images are among them.
        inputs: the inputs of the model's ``forward``, batch size 1: of the shared tokens and the
            images alone, or, where ``shared`` is 0, of every prompt by itself.
    """

    ids: tuple[Tensor, ...]
    shared: int
    inputs: tuple[dict[str, Tensor], ...]


def render(processor: Any, chat: Chat) -> str:
    """The chat as the text that the model was trained on.

    Raises:
        ItrBenchError: there is no chat template, or one that fails.
    """
    if not getattr(processor, "chat_template", None):
        raise ItrBenchError(
            "the checkpoint has no chat template: itr_vlm cannot put a prompt together. Give it "
            "one (--model_args chat_template=FILE, in Jinja, with the model's own token for an "
            "image where a part has the type image), or use an instruction-tuned checkpoint or "
            "lmms-eval's own adapter for this model"
        )
    try:
        return str(
            processor.apply_chat_template(list(chat), tokenize=False, add_generation_prompt=True)
        )
    except Exception as error:  # a template is code of its own
        raise ItrBenchError(
            f"the chat template of the checkpoint fails: {type(error).__name__}: {error}; give it "
            "another one: --model_args chat_template=FILE"
        ) from error


def tokenized(processor: Any, prompt: str, images: Sequence[Image.Image]) -> dict[str, Tensor]:
    """The model's inputs for one prompt, batch size 1; the images in the order of the prompt."""
    found = dict(
        processor(
            text=[prompt],
            images=list(images) or None,
            return_tensors="pt",
            add_special_tokens=_adds_special_tokens(processor, prompt),
        )
    )
    found.pop("labels", None)  # PaliGemma's, for training
    return found


def placed(model: Any, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """*inputs* on the model's device and in its precision."""
    return {
        name: value.to(model.device, model.dtype if value.is_floating_point() else None)
        for name, value in inputs.items()
    }


def prepare(
    model: Any,
    processor: Any,
    images: Sequence[Image.Image],
    chats: Sequence[Chat],
    *,
    whole: bool = False,
) -> Prompts:
    """Tokenize prompts about the same images.

    Args:
        model: whose configuration names the image token.
        processor: of the model.
        images: in the order of the prompts.
        chats: the prompts.
        whole: whether each prompt is to be read by itself, from its first token.

    Raises:
        ItrBenchError: a prompt with the model's own image token in its text, or longer than the
            model's context.
    """
    texts = [render(processor, chat) for chat in chats]
    raw = [_raw(model, processor, text, len(images)) for text in texts]
    token = image_token(model)
    first = tokenized(processor, texts[0], images)
    ids = [first["input_ids"][0]]
    ids += _others(raw, ids[0], token) or [
        tokenized(processor, text, images)["input_ids"][0] for text in texts[1:]
    ]
    _check_length(model, ids)
    shared = 0 if whole else shared_length(model, ids, len(images))
    if shared:
        inputs = {
            name: value[:, :shared] if is_tokenwise(name, value, len(ids[0])) else value
            for name, value in first.items()
        }
        return Prompts(tuple(ids), shared, (inputs,))
    rest = [tokenized(processor, text, images) for text in texts[1:]]
    return Prompts(tuple(ids), 0, (first, *rest))


def shared_length(model: Any, ids: Sequence[Tensor], images: int) -> int:
    """The number of tokens that prompts begin with alike; 0 where not all images are in them.

    Args:
        model: whose configuration names the image token.
        ids: the prompts, image tokens included.
        images: how many images each has.
    """
    shared = _common(ids)
    last = (ids[0] == image_token(model)).nonzero()
    return shared if not images or (len(last) and int(last[-1]) < shared) else 0


def is_tokenwise(name: str, value: Tensor, tokens: int) -> bool:
    """Whether an output of a processor goes along with the tokens, at dimension 1."""
    along = name.endswith(("input_ids", "attention_mask", "token_type_ids", "position_ids"))
    other = name.startswith(("pixel_", "image_", "qformer_"))  # masks of the encoder's own
    return along and not other and value.ndim > 1 and value.shape[1] == tokens


def prepare_one(
    model: Any, processor: Any, images: Sequence[Image.Image], chat: Chat
) -> dict[str, Tensor]:
    """The model's inputs for one prompt, batch size 1.

    Raises:
        ItrBenchError: as of :func:`prepare`.
    """
    text = render(processor, chat)
    _raw(model, processor, text, len(images))
    found = tokenized(processor, text, images)
    _check_length(model, [found["input_ids"][0]])
    return found


def image_token(model: Any) -> int:
    """The id of the token that stands for an image, -1 where the configuration names none."""
    return _token(model, "image")


def _token(model: Any, kind: str) -> int:
    for name in (f"{kind}_token_id", f"{kind}_token_index"):
        found = getattr(model.config, name, None)
        if found is not None:
            return int(found)
    return -1


def _raw(model: Any, processor: Any, text: str, expected: int) -> Tensor:
    """The tokens of a prompt in which one token stands for each image, shape (tokens,).

    Raises:
        ItrBenchError: the text holds more of these tokens than *expected*; processors fail over
            them in ways that say nothing of the cause.
    """
    ids: Tensor = processor.tokenizer(
        text, add_special_tokens=_adds_special_tokens(processor, text), return_tensors="pt"
    )["input_ids"][0]
    images, videos = ((ids == _token(model, kind)).sum() for kind in ("image", "video"))
    if images > expected or videos:
        raise PromptError(
            "the text of the prompt holds the model's own token for an image or a video, which the "
            "model would take for one more"
        )
    return ids


def _adds_special_tokens(processor: Any, prompt: str) -> bool:
    """Templates that begin with the start token must not get another one."""
    start = processor.tokenizer.bos_token
    return start is None or not prompt.startswith(start)


def _others(raw: Sequence[Tensor], expanded: Tensor, token: int) -> list[Tensor] | None:
    """The tokens of all prompts but the first, the image's run of tokens taken from the first.

    ``None`` where the processor expands the image token in a way that cannot be carried over.
    """
    places = [(ids == token).nonzero().flatten().tolist() for ids in raw]
    if any(len(found) != 1 for found in places):
        return None
    before, after = places[0][0], len(raw[0]) - places[0][0] - 1
    run = expanded[before : len(expanded) - after]
    whole = torch.cat([raw[0][:before], run, raw[0][len(raw[0]) - after :]])
    if not torch.equal(whole, expanded):
        return None
    return [
        torch.cat([ids[:place], run, ids[place + 1 :]])
        for ids, (place,) in zip(raw[1:], places[1:], strict=True)
    ]


def _common(ids: Sequence[Tensor]) -> int:
    """Length of the longest common prefix, at least one less than the shortest."""
    length = min(len(prompt) for prompt in ids) - 1
    stacked = torch.stack([prompt[:length] for prompt in ids])
    differing = (stacked != stacked[0]).any(dim=0).nonzero()
    return int(differing[0]) if len(differing) else length


def _check_length(model: Any, ids: Sequence[Tensor]) -> None:
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = max(len(prompt) for prompt in ids)
    if context is not None and longest >= context:
        raise PromptError(
            f"a prompt of {longest} tokens leaves no room in the model's context of {context}; "
            "lower max_pixels, or use a model with a longer context"
        )
