"""Which tweets of a set are copies or near copies of each other, by text or by picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ALIKE_TEXT = 0.7
"""Two texts are near copies from this Jaccard similarity of their runs of five characters on."""

ALIKE_PICTURE = 3.0
"""Two pictures are near copies up to this mean difference of their thumbnails, of 255."""

_RUN = 5
_SIDE = 16
_BLOCK = 512

_RETWEET = re.compile(r"^\s*RT\b")
_NOT_TEXT = re.compile(r"https?://\S+|@\w+")
_MARKS = re.compile(r"[\W_]+")


def plain_text(text: str) -> str:
    """What of a tweet's text is compared: no retweet mark, link, name, case or punctuation."""
    return _MARKS.sub(" ", _NOT_TEXT.sub(" ", _RETWEET.sub("", text))).casefold().strip()


def alike_texts(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of near copies among *texts*, by their places, the smaller first.

    Texts of which nothing is left to compare are copies of none.
    """
    from scipy.sparse import csr_array

    shingles: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    for row, text in enumerate(texts):
        plain = plain_text(text)
        runs = {plain[i : i + _RUN] for i in range(max(1, len(plain) - _RUN + 1))} - {""}
        rows += [row] * len(runs)
        columns += [shingles.setdefault(run, len(shingles)) for run in runs]
    shape = (len(texts), max(1, len(shingles)))
    having = csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=shape)
    sizes = np.asarray(having.sum(axis=1))
    shared = (having @ having.T).tocoo()
    one, other = shared.coords
    alike = shared.data >= ALIKE_TEXT * (sizes[one] + sizes[other] - shared.data)
    return [
        (i, j) for i, j in zip(one[alike].tolist(), other[alike].tolist(), strict=True) if i < j
    ]


def thumbnails(pictures: Iterable[Image.Image]) -> NDArray[np.float32]:
    """Return a small version of each picture, shape (pictures, 768), 0 to 255."""
    small = [
        np.asarray(
            picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32
        ).ravel()
        for picture in pictures
    ]
    return np.stack(small) if small else np.empty((0, 3 * _SIDE * _SIDE), np.float32)


def alike_pictures(small: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the pairs of near copies among pictures, by their places, the smaller first.

    Copies in another size, format or quality are found; cuttings and mirrored ones are not.

    Args:
        small: as :func:`thumbnails` makes them.
    """
    from scipy.spatial.distance import cdist

    found: list[tuple[int, int]] = []
    for start in range(0, len(small), _BLOCK):
        distances = cdist(small[start : start + _BLOCK], small, "cityblock") / small.shape[1]
        rows, columns = np.nonzero(distances <= ALIKE_PICTURE)
        found += [
            (start + i, j)
            for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
            if start + i < j
        ]
    return found
