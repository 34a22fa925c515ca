"""What a way of sharing is verified on: made-up tweets, so that the model alone decides."""

from __future__ import annotations

from typing import Any

from PIL import Image

from itr_bench.engine.engine import Job, Kind
from itr_bench.engine.layers import shortest_window
from itr_bench.engine.loading import Vlm

_TEXT = "Potato pancakes with sour cream, as in childhood.\n"
_QUESTIONS = ("Is the image adding to the meaning?", "Is the text in the image?")


def trials(kind: Kind, vlm: Vlm) -> list[Job]:
    """Prompts of *kind* for *vlm*, with the image before and after the text.

    Several images stand in turns with an answer each; these ask the question of the prompt, as
    examples do, and once the same question in all prompts, so that the images are shared. Long
    prompts are longer than the shortest window of the model, by the text alone.
    """
    tokens = len(vlm.processor.tokenizer.encode(_TEXT, add_special_tokens=False))
    window = (shortest_window(vlm.model) or 0) if kind.long else 0
    picture = Image.merge(
        "RGB",
        (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L")),
    ).resize((320, 240))
    pictures = tuple(picture.rotate(90 * n, expand=True) for n in range(kind.images))
    text = _TEXT * (1 + window // tokens)
    texts = [{"type": "text", "text": text + question} for question in _QUESTIONS]
    image = [{"type": "image"}] if pictures else []
    orders = [[[*image, part] for part in texts], [[part, *image] for part in texts]]
    chats = [
        tuple(_chat(turn, turn, len(pictures)) for turn in turns)
        for turns in (orders if pictures else orders[:1])
    ]
    if len(pictures) > 1:
        first = orders[0]
        chats.append(tuple(_chat(turn, first[0], len(pictures)) for turn in first))
    return [Job(pictures, of_job, ((), ()), "trial") for of_job in chats]


def _chat(
    turn: list[dict[str, Any]], answered: list[dict[str, Any]], images: int
) -> list[dict[str, Any]]:
    """The question of *turn*, after as many *answered* ones as there are other images."""
    answer = {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}
    before = [{"role": "user", "content": answered}, answer] * max(0, images - 1)
    return [*before, {"role": "user", "content": turn}]
