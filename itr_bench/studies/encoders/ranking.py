"""Image-text retrieval over the pairs of a set: ranks in both directions, recall and MRR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itr_bench.errors import DataError

TIE = 1e-6
"""Similarities that differ by less are tied: fp32 products of equal vectors differ by up to this,
with the processor and the place in a matrix.
"""

CUTOFFS = (1, 5, 10)

_BLOCK_BYTES = 32 * 2**20
_MOST_RIGHT = 20_000_000


@dataclass(frozen=True)
class Ranks:
    """The rank of the best right answer to each query, 1 is the first; shapes (T,).

    Attributes:
        text_to_image: each text is a query for its image among all images.
        image_to_text: each image is a query for its text among all texts.
        right_pairs: how many of the T * T pairs of text and image are right, at least T.
    """

    text_to_image: NDArray[np.int32]
    image_to_text: NDArray[np.int32]
    right_pairs: int


def ranks(
    images: NDArray[np.float32],
    texts: NDArray[np.float32],
    image_keys: Sequence[str],
    text_keys: Sequence[str],
    *,
    progress: Callable[[int], object] = lambda done: None,
) -> Ranks:
    """Rank all images for each text and all texts for each image, exactly.

    By one matrix product in blocks of which both directions are read; no more than a block of it
    is ever held. An image and a text are right for each other where they stand together in any
    tweet, in whichever copy; the best placed right one counts. A wrong candidate that is tied with
    it (:data:`TIE`) stands before it: so an encoder that gives the same vector to everything finds
    nothing.

    Args:
        images, texts: unit vectors, shapes (T, D); row i of both is one tweet.
        image_keys, text_keys: equal for tweets with the same image, or the same text.
        progress: called with the number of tweets done since it was last called.

    Raises:
        DataError: so many tweets share one image or text that retrieval means nothing.
    """
    count = len(images)
    pointers, right = _right_pairs(image_keys, text_keys)
    best_of_text, best_of_image = _best(images, texts, pointers, right)
    before_image = np.zeros(count, np.int32)  # wrong images that stand before the right one
    before_text = np.zeros(count, np.int32)
    size = max(1, _BLOCK_BYTES // (4 * max(count, 1)))
    product = np.empty((min(size, count), count), np.float32)
    at_least = np.empty(product.shape, np.bool_)
    for start in range(0, count, size):
        rows = slice(start, min(start + size, count))
        height = rows.stop - start
        block, mask = product[:height], at_least[:height]
        np.matmul(texts[rows], images.T, out=block)
        ends = pointers[start : rows.stop + 1]
        owner = np.repeat(np.arange(height), np.diff(ends))
        block[owner, right[ends[0] : ends[-1]]] = -np.inf
        np.greater_equal(block, best_of_text[rows, None], out=mask)
        before_image[rows] = mask.sum(axis=1, dtype=np.int32)
        np.greater_equal(block, best_of_image[None], out=mask)
        before_text += mask.sum(axis=0, dtype=np.int32)
        progress(height)
    return Ranks(before_image + 1, before_text + 1, right_pairs=len(right))


def _right_pairs(
    image_keys: Sequence[str], text_keys: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The right images of each text, by tweets: row pointers and columns.

    Read the other way, they are the right texts of each image.
    """
    of_image: dict[str, list[int]] = {}
    images_of: dict[str, dict[str, None]] = {}
    for i, (image, text) in enumerate(zip(image_keys, text_keys, strict=True)):
        of_image.setdefault(image, []).append(i)
        images_of.setdefault(text, {})[image] = None
    counts = {
        text: sum(len(of_image[image]) for image in found) for text, found in images_of.items()
    }
    pairs = sum(counts[text] for text in text_keys)
    if pairs > _MOST_RIGHT:
        raise DataError(
            f"{pairs:,} pairs of text and image are right, at most {_MOST_RIGHT:,} are taken: so "
            "many tweets share an image or a text that retrieval would mean nothing"
        )
    columns = {
        text: sorted(i for image in found for i in of_image[image])
        for text, found in images_of.items()
    }
    lengths = [counts[text] for text in text_keys]
    pointers = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    flat = np.fromiter((c for text in text_keys for c in columns[text]), np.int64, count=pairs)
    return pointers, flat


def _best(
    images: NDArray[np.float32],
    texts: NDArray[np.float32],
    pointers: NDArray[np.int64],
    right: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least similarity at which a wrong candidate stands before the best right one: for each
    text, and for each image.
    """
    count, dimensions = images.shape
    best_of_text = np.full(count, -np.inf)
    best_of_image = np.full(count, -np.inf)
    owner = np.repeat(np.arange(count), np.diff(pointers))
    step = max(1, _BLOCK_BYTES // (16 * dimensions))
    for start in range(0, len(right), step):
        text, image = owner[start : start + step], right[start : start + step]
        similarity = np.einsum(
            "nd,nd->n", texts[text].astype(np.float64), images[image].astype(np.float64)
        )
        np.maximum.at(best_of_text, text, similarity)
        np.maximum.at(best_of_image, image, similarity)
    return (best_of_text - TIE).astype(np.float32), (best_of_image - TIE).astype(np.float32)


def recall(found: NDArray[np.int32], cutoff: int) -> NDArray[np.float64]:
    """Whether each query has a right answer among the first *cutoff*: 1 or 0, shape (T,)."""
    return (found <= cutoff).astype(np.float64)


def reciprocal(found: NDArray[np.int32]) -> NDArray[np.float64]:
    """One divided by the rank of each query, of which MRR is the mean, shape (T,)."""
    return 1.0 / found
