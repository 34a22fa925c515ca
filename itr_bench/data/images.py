"""The images of tweets: checked when a set is built, decoded one way everywhere."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from itr_bench.errors import DataError

MOST_BYTES = 64 * 2**20
MOST_PIXELS = 64_000_000
_MOST_GREY = 2**16 - 1
PLACEHOLDER_KEY = "itr-bench"
PLACEHOLDER_MARK = "placeholder"


@dataclass(frozen=True)
class ImageFacts:
    """What a check of an image found; width and height in pixels, upright.

    ``scaled`` says whether its greys had more than 8 bits.
    """

    sha256: str
    width: int
    height: int
    format: str
    placeholder: bool
    scaled: bool


def check_image(content: bytes, where: str) -> ImageFacts:
    """Decode the image once, whole, and say what it is.

    Args:
        where: what to call it in an error: a tweet and a file name.

    Raises:
        DataError: empty, not an image, truncated, or more than 64 MiB or 64 megapixels.
    """
    if not content:
        raise DataError(f"{where}: the image file is empty")
    if len(content) > MOST_BYTES:
        raise DataError(f"{where}: {len(content) / 2**20:.0f} MiB, at most 64 MiB are accepted")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(content, where) as image:
            pixels = image.width * image.height
            if pixels > MOST_PIXELS:
                raise DataError(
                    f"{where}: {image.width} x {image.height} pixels, a decompression bomb? "
                    f"At most {MOST_PIXELS // 10**6} megapixels are accepted"
                )
            kind = image.format or "unknown"
            placeholder = image.info.get(PLACEHOLDER_KEY) == PLACEHOLDER_MARK
            scaled = image.mode.startswith("I")
            upright = _upright_rgb(image)
    return ImageFacts(
        sha256=hashlib.sha256(content).hexdigest(),
        width=upright.width,
        height=upright.height,
        format=kind,
        placeholder=placeholder,
        scaled=scaled,
    )


class _Strict:
    """While a block runs, truncated images are refused, in all threads that ask for it.

    Pillow's flag is one for all threads, and lmms-eval imports what tells Pillow to fill such
    images up. So the first block sets the flag, and the last one sets it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._before = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._blocks:
                self._before = ImageFile.LOAD_TRUNCATED_IMAGES
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            self._blocks += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._before


_STRICT = _Strict()


@contextlib.contextmanager
def _opened(content: bytes, where: str) -> Iterator[Image.Image]:
    """Open an image, and say what is wrong with it, also where that shows only in the block."""
    try:
        with _STRICT, Image.open(io.BytesIO(content)) as image:
            yield image
    except UnidentifiedImageError:
        raise DataError(
            f"{where}: not an image that Pillow can read (begins with {content[:8]!r})"
        ) from None
    except Image.DecompressionBombError as error:
        raise DataError(f"{where}: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:  # the last: AVIF
        raise DataError(f"{where}: the image is truncated or damaged ({error})") from None


def decode(content: bytes, where: str = "image") -> Image.Image:
    """Return the image as every model gets it: upright, RGB, the first frame of an animation.

    Args:
        where: what to call it in an error.

    Raises:
        DataError: it is truncated or damaged.
    """
    with _opened(content, where) as image:
        return _upright_rgb(image)


def as_eight_bits(content: bytes) -> bytes:
    """Return an image of 16-bit grey as a PNG of 8 bits, upright, scaled.

    Every library converts the former in its own way: Pillow, and with it `datasets`, makes all that
    is brighter than a 256th white. Not compressed, so that no library's version changes the bytes.
    """
    file = io.BytesIO()
    decode(content).convert("L").save(file, "PNG", compress_level=0)
    return file.getvalue()


def _upright_rgb(image: Image.Image) -> Image.Image:
    ImageOps.exif_transpose(image, in_place=True)  # one copy less
    if image.mode.startswith("I"):  # Pillow would cut off, not scale
        grey = np.asarray(image, dtype=np.int64).clip(0, _MOST_GREY)
        image = Image.fromarray(((grey * 255 + _MOST_GREY // 2) // _MOST_GREY).astype(np.uint8))
    return image.convert("RGB")
