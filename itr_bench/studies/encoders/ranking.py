"""Image-text retrieval over the pairs of a set: ranks in both directions, recall and MRR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
    right = _right_pairs(image_keys, text_keys)
    least_of_text, least_of_image = _least(images, texts, right)
    before_image = np.zeros(count, np.int32)  # wrong images that stand before the right one
    before_text = np.zeros(count, np.int32)
    size = max(1, _BLOCK_BYTES // (4 * count))
    for start in range(0, count, size):
        rows = slice(start, start + size)
        block = texts[rows] @ images.T
        block[right[rows].nonzero()] = -np.inf
        before_image[rows] = (block >= least_of_text[rows, None]).sum(axis=1)
        before_text += (block >= least_of_image).sum(axis=0, dtype=np.int32)
        progress(len(block))
    return Ranks(before_image + 1, before_text + 1, right_pairs=right.nnz)


def _right_pairs(image_keys: Sequence[str], text_keys: Sequence[str]) -> Any:
    """Whether text i and image j are right for each other, a sparse matrix of shape (T, T)."""
    from scipy.sparse import csr_array

    def by_key(keys: Sequence[str]) -> Any:
        """Which tweet has which key."""
        _, places = np.unique(keys, return_inverse=True)
        return csr_array((np.ones(len(keys), np.bool_), (np.arange(len(keys)), places)))

    of_image, of_text = by_key(image_keys), by_key(text_keys)
    right = of_text @ (of_text.T @ of_image) @ of_image.T
    if right.nnz > _MOST_RIGHT:
        raise DataError(
            f"{right.nnz:,} pairs of text and image are right, at most {_MOST_RIGHT:,} are taken: "
            "so many tweets share an image or a text that retrieval would mean nothing"
        )
    return right


def _least(
    images: NDArray[np.float32], texts: NDArray[np.float32], right: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least similarity at which a wrong candidate stands before the best right one: for each
    text, and for each image.
    """
    count, dimensions = images.shape
    best_of_text = np.full(count, -np.inf)
    best_of_image = np.full(count, -np.inf)
    owner, column = right.nonzero()
    step = max(1, _BLOCK_BYTES // (16 * dimensions))
    for start in range(0, len(owner), step):
        text, image = owner[start : start + step], column[start : start + step]
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
