"""Placeholder pictures: one a tweet, drawn from its id, for tests where the real ones are not.

They are marked inside the file, so that a set built from them is known for what it is.
"""

from __future__ import annotations

import hashlib
import io

from PIL import Image, ImageDraw, PngImagePlugin

from itr_bench.data.images import PLACEHOLDER_KEY, PLACEHOLDER_MARK


def placeholder_png(tweet_id: str) -> bytes:
    """Return a marked PNG of 160 to 288 by 120 to 248 pixels that only *tweet_id* decides."""
    seed = hashlib.sha256(tweet_id.encode()).digest()
    size = (160 + seed[0] // 2, 120 + seed[1] // 2)
    image = Image.new("RGB", size, (seed[2], seed[3], seed[4]))
    draw = ImageDraw.Draw(image)
    for i in range(4):
        x, y, r = seed[5 + 3 * i] % size[0], seed[6 + 3 * i] % size[1], 10 + seed[7 + 3 * i] // 8
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(seed[17 + i : 20 + i]))
    draw.text((4, 4), f"placeholder {tweet_id}", fill="white", stroke_width=1, stroke_fill="black")
    return marked_png(image)


def marked_png(image: Image.Image) -> bytes:
    """Return *image* as a PNG file that says that it is a placeholder."""
    marks = PngImagePlugin.PngInfo()
    marks.add_text(PLACEHOLDER_KEY, PLACEHOLDER_MARK)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=marks)
    return buffer.getvalue()
