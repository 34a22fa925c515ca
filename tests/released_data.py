"""Made-up LTEC data for the tests of the release: 350 tweets, small drawn images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from itr_bench.data import home, writing
from itr_bench.data.image_sources import ImageSource
from itr_bench.data.sets import LTEC_BALANCED, get_set
from itr_bench.data.tirt_labels import PUBLISHED
from itr_bench.data.tsv import Row
from itr_bench.data.tweet_set import read_set

IDS = tuple(str(5000 + number) for number in range(sum(LTEC_BALANCED)))
FACTS = {"what": "tweet list", "name": "made-up.tsv", "licence": "Apache-2.0"}


class DrawnImages(ImageSource):
    """A small image of one colour for each tweet, as if it came from the Hub."""

    kind = "hub"

    def __init__(self, licence: str | None = "MIT") -> None:
        super().__init__({"what": "images", "name": "made-up images", "licence": licence})

    def ids(self) -> frozenset[str] | None:
        return None

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        number = int(tweet_id)
        buffer = io.BytesIO()
        Image.new("RGB", (8, 6), (number % 256, number // 256, 7)).save(buffer, "PNG")
        return buffer.getvalue(), f"{tweet_id}.png"


def relations() -> list[int]:
    """The relation of each tweet of :data:`IDS`."""
    return [relation for relation, count in enumerate(LTEC_BALANCED) for _ in range(count)]


def rows(texts: dict[str, str] | None = None) -> list[Row]:
    """The tweets, in Latvian letters and English ones; *texts* replace those in Latvian."""
    return [
        Row(
            number,
            {
                "tweet_id": tweet,
                "relation": str(relation),
                "text_lv": (texts or {}).get(tweet, f"ēdu pīrāgu nr. {number} | @kāds <b>"),
                "text_en": f"I eat pie no. {number}",
            },
        )
        for number, (tweet, relation) in enumerate(zip(IDS, relations(), strict=True))
    ]


def build_ltec(source: ImageSource | None = None, texts: dict[str, str] | None = None) -> None:
    """Build ``ltec`` in the current home."""
    with home.locked("ltec"):
        writing.write(get_set("ltec"), rows(texts), source or DrawnImages(), FACTS, ("a note",))


def build_translation(
    name: str, licence: Any, *, system: str | None = None, text: str = "je mange la tarte"
) -> None:
    """Build French translations by the system *name* in the current home."""
    writing.write_translation(
        "ltec_fr_mt",
        {tweet: f"{text} {tweet}" for tweet in IDS},
        read_set("ltec"),
        system=system or name,
        facts={"what": "machine translation", "name": name, "licence": licence},
        where=Path("made-up"),
    )


def build_tirt(published: bool = True) -> None:
    """Build eight made-up tweets of ``tirt`` in the current home.

    *published*: as if their labels were of the published file.
    """
    found = [
        Row(n, {"tweet_id": str(900 + n), "relation": str(n % 4), "text_en": f"secret text {n}"})
        for n in range(8)
    ]
    labels = PUBLISHED if published else {}
    with home.locked("tirt"):
        writing.write(get_set("tirt"), found, DrawnImages(None), {"name": "made-up.tsv", **labels})
