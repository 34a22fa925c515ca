"""What a way of sharing is verified on: made-up tweets, so that the model alone decides."""

from __future__ import annotations

from typing import Any

from PIL import Image

from itr_bench.engine.engine import Job, Kind

_TEXT = "Potato pancakes with sour cream, as in childhood.\n"  # 8 tokens at the very least
_QUESTIONS = ("Is the image adding to the meaning?", "Is the text in the image?")


def trials(kind: Kind, window: int | None = None) -> list[Job]:
    """Prompts of *kind*, with the image before and after the text.

    Args:
        kind: how many images; several stand in turns with an answer each. Whether the prompts
            are longer than the window.
        window: in tokens, of the model.
    """
    picture = Image.merge(
        "RGB",
        (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L")),
    ).resize((320, 240))
    pictures = tuple(picture.rotate(90 * n, expand=True) for n in range(kind.images))
    text = _TEXT * (1 + (window or 0) // 8 if kind.long else 1)
    texts = [{"type": "text", "text": text + question} for question in _QUESTIONS]
    image = [{"type": "image"}] if pictures else []
    orders = [[[*image, part] for part in texts], [[part, *image] for part in texts]]
    return [
        Job(pictures, tuple(_chat(turn, len(pictures)) for turn in turns), ((), ()), "trial")
        for turns in (orders if pictures else orders[:1])
    ]


def _chat(turn: list[dict[str, Any]], images: int) -> list[dict[str, Any]]:
    """The question, after as many answered ones as there are other images."""
    asked = {"role": "user", "content": turn}
    answer = {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}
    return [*([asked, answer] * max(0, images - 1)), asked]
