"""What a variant shows of each tweet: which text, and which picture."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from itr_bench.errors import ItrBenchWarning
from itr_bench.tasks.derangement import derangement
from itr_bench.tasks.shuffled_words import shuffled
from itr_bench.tasks.variants import Variant

if TYPE_CHECKING:
    from PIL import Image

NO_PICTURE = "none"
"""Stands where the hash of an image would."""

GREY = (128, 128, 128)


@dataclass(frozen=True)
class Shown:
    """What is shown of one tweet.

    Attributes:
        text: as prompts show it.
        text_row: the tweet whose text it is.
        picture_row: the tweet whose picture is shown, ``None`` where there is none. Of a grey
            picture, the tweet that it has the size of.
        picture_id: SHA-256 of the picture's file; ``none``; or ``grey-`` with the hash of the
            picture that it has the size of.
    """

    text: str
    text_row: int
    picture_row: int | None
    picture_id: str


def showing(
    variant: Variant, tweet_ids: Sequence[str], texts: Sequence[str], images: Sequence[str]
) -> list[Shown]:
    """What *variant* shows of each tweet.

    Args:
        tweet_ids: the tweets of the whole set, each once.
        texts: of each, as prompts show it.
        images: SHA-256 of each one's image file.

    Raises:
        DataError: it takes another tweet, and there is none.
    """
    rows = range(len(tweet_ids))
    others: Sequence[int] = rows
    if "other" in (variant.text, variant.picture):
        others = derangement(tweet_ids, images, texts)
        _say_alike(others, texts, images)
    found = []
    for row in rows:
        text_row = others[row] if variant.text == "other" else row
        text = texts[text_row]
        if variant.text == "shuffled":
            text = shuffled(text, tweet_ids[row])
        picture_row = others[row] if variant.picture == "other" else row
        found.append(Shown(text, text_row, *_picture(variant, picture_row, images)))
    return found


def _say_alike(others: Sequence[int], texts: Sequence[str], images: Sequence[str]) -> None:
    """Say how many tweets are shown another that is like them, where it cannot be helped."""
    alike = sum(
        images[row] == images[other] or texts[row].strip() == texts[other].strip()
        for row, other in enumerate(others)
    )
    if alike:
        warnings.warn(
            f"{alike} of {len(texts)} tweets get another tweet with the same image or the same "
            "text: so many share them that none of the ways to exchange them has fewer",
            ItrBenchWarning,
            stacklevel=2,
        )


def _picture(variant: Variant, row: int, images: Sequence[str]) -> tuple[int | None, str]:
    if variant.picture == "none":
        return None, NO_PICTURE
    return row, f"grey-{images[row]}" if variant.picture == "grey" else images[row]


def grey(size: tuple[int, int]) -> Image.Image:
    """A mid-grey picture of *size*, width and height in pixels."""
    from PIL import Image

    return Image.new("RGB", size, GREY)
