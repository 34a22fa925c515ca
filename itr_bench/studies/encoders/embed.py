"""The embeddings of a set's images and texts, each computed once and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from itr_bench.data.manifest import text_hash
from itr_bench.errors import DataError, bullet_list
from itr_bench.studies.encoders.store import Store
from itr_bench.tasks.documents import without_links
from itr_bench.tasks.loading import TaskData

if TYPE_CHECKING:
    from typing import Any

    from PIL import Image

BATCH_SIZE = 32


class Embedder(Protocol):
    """What embeds: :class:`itr_bench.studies.encoders.checkpoint.Encoder`."""

    name: str
    limit: int

    @property
    def metadata(self) -> Mapping[str, Any]: ...
    def tokens(self, texts: Sequence[str]) -> list[int]: ...
    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]: ...
    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Pairs:
    """The tweets of a task, for an encoder.

    Attributes:
        tweet_ids, relations: one entry a tweet.
        texts: as models are shown them, without links.
        image_keys: SHA-256 of the image files.
        image: reads the image of a tweet by its place here.
    """

    tweet_ids: Sequence[str]
    relations: NDArray[np.int8]
    texts: Sequence[str]
    image_keys: Sequence[str]
    image: Callable[[int], Image.Image]

    @classmethod
    def of(cls, data: TaskData, limit: int | None = None) -> Pairs:
        """The tweets of *data*, or the first *limit* of them."""
        tweets = slice(limit)
        rows = data.image_rows[tweets]
        return cls(
            tweet_ids=data.tweets.tweet_ids[tweets],
            relations=np.array(data.tweets.relations[tweets], np.int8),
            texts=[without_links(text) for text in data.texts[tweets]],
            image_keys=data.tweets.image_hashes[tweets],
            image=lambda i: data.images.image(rows[i]),
        )


@dataclass(frozen=True)
class Embedded:
    """Unit vectors of tweets in fp32.

    Attributes:
        images, texts: shapes (T, D).
        tokens: length of each text in tokens before it was cut, shape (T,).
        limit: the longest text that the encoder takes whole, in tokens.
    """

    images: NDArray[np.float32]
    texts: NDArray[np.float32]
    tokens: NDArray[np.int64]
    limit: int

    @property
    def truncated(self) -> int:
        """The number of texts that were cut."""
        return int((self.tokens > self.limit).sum())

    @property
    def similarities(self) -> NDArray[np.float64]:
        """Cosine of each tweet's image and text, -1 to 1, shape (T,)."""
        images, texts = self.images.astype(np.float64), self.texts.astype(np.float64)
        return np.asarray(np.einsum("td,td->t", images, texts))


def embed(encoder: Embedder, pairs: Pairs, *, batch_size: int = BATCH_SIZE) -> Embedded:
    """Embed images and texts; what was embedded before is read from the store.

    Args:
        encoder: what embeds.
        pairs: the tweets.
        batch_size: images or texts at a time.

    Raises:
        DataError: an image or text whose embedding is not a number, by tweet; what the encoder or
            the store refuse.
    """
    store = Store(encoder.metadata)
    text_keys = [text_hash(text) for text in pairs.texts]

    def of_texts(places: Sequence[int]) -> tuple[NDArray[np.float32], list[int]]:
        texts = [pairs.texts[i] for i in places]
        return encoder.embed_texts(texts), encoder.tokens(texts)

    def of_images(places: Sequence[int]) -> tuple[NDArray[np.float32], list[int]]:
        return encoder.embed_images([pairs.image(i) for i in places]), [0] * len(places)

    names = pairs.tweet_ids
    texts, tokens = _all("text", text_keys, of_texts, store, names, encoder.name, batch_size)
    images, _ = _all("image", pairs.image_keys, of_images, store, names, encoder.name, batch_size)
    if images.shape[1] != texts.shape[1]:
        raise DataError(
            f"{encoder.name} is not a dual encoder: its images have {images.shape[1]} dimensions, "
            f"its texts {texts.shape[1]}"
        )
    return Embedded(images, texts, tokens, encoder.limit)


def _all(
    kind: str,
    keys: Sequence[str],
    compute: Callable[[Sequence[int]], tuple[NDArray[np.float32], list[int]]],
    store: Store,
    names: Sequence[str],
    encoder: str,
    batch_size: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The vectors and numbers of tokens of all *keys*, one row each."""
    place = {key: i for i, key in reversed(list(enumerate(keys)))}  # the first that has it
    there = store.read(kind, list(place))
    wanted = [i for key, i in place.items() if key not in there]
    wanted.sort()
    problems: list[str] = []
    with tqdm(total=len(wanted), desc=f"{kind}s", unit=kind, disable=None, leave=False) as bar:
        for start in range(0, len(wanted), batch_size):
            places = wanted[start : start + batch_size]
            vectors, tokens = compute(places)
            good = np.isfinite(vectors).all(axis=1)
            problems += [f"{kind} of tweet {names[places[i]]}" for i in np.flatnonzero(~good)]
            kept = np.flatnonzero(good).tolist()
            contents, lengths = [keys[places[i]] for i in kept], [tokens[i] for i in kept]
            store.add(kind, contents, vectors[kept], lengths)
            there.update(
                (content, (vectors[i], length))
                for content, i, length in zip(contents, kept, lengths, strict=True)
            )
            bar.update(len(places))
    if problems:
        raise DataError(
            f"{encoder} gives embeddings that are not numbers (NaN, infinite or all zeros):\n"
            f"{bullet_list(problems)}\nThe checkpoint is damaged, or is not meant for fp32."
        )
    found = [there[key] for key in keys]
    return np.stack([vector for vector, _ in found]), np.array([n for _, n in found], np.int64)
