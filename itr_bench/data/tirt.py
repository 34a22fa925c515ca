"""TIRT from labels and fetched tweets: what is still available, and the balanced set of it.

The published file has labels of 4,471 tweets and no split; the paper's set is a balanced 450 of
those that could still be found, which were not published.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from itr_bench.data import home, writing
from itr_bench.data.balance import SEED, TIRT_SIZE, draw
from itr_bench.data.hydration import OURS, Hydrated, read_folder
from itr_bench.data.image_sources import ImageSource
from itr_bench.data.images import check_image
from itr_bench.data.manifest import file_hash
from itr_bench.data.sets import get_set
from itr_bench.data.tirt_labels import Labels, read_labels
from itr_bench.data.tsv import Row
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS, Relation

NAME = "tirt"
_REPORT = "availability of TIRT"
REPORT_BEGINS = f'{{\n  "{OURS}": "{_REPORT}",\n'
"""How the file of a report begins; no other is replaced by one."""
STATES = ("available", "text only", "image only", "missing")


@dataclass(frozen=True)
class Availability:
    """What of the labelled tweets is there.

    Attributes:
        state: one of :data:`STATES` by tweet id; an image that cannot be used is none.
        damaged: why an image cannot be used, by tweet id.
        shared: tweets whose image files are byte for byte the same, group by group. What
            stands for a deleted image looks like this, so no tweet of a group has an image.
            Tweets without a label are among them.
    """

    labels: Labels
    hydrated: Hydrated
    state: Mapping[str, str]
    damaged: Mapping[str, str]
    shared: tuple[tuple[str, ...], ...]

    @property
    def available(self) -> dict[str, Relation]:
        """The tweets with text and image, in the order of the labels."""
        found = self.labels.relations.items()
        return {t: relation for t, relation in found if self.state[t] == "available"}

    @property
    def by_relation(self) -> dict[Relation, Counter[str]]:
        """Number of tweets by relation and state."""
        found = {relation: Counter[str]() for relation in RELATIONS}
        for tweet, relation in self.labels.relations.items():
            found[relation][self.state[tweet]] += 1
        return found

    def report(self) -> dict[str, Any]:
        """All of it as JSON values: counts, ids and reasons, no text."""
        labelled = self.labels.relations.keys()
        fetched = self.hydrated
        gone = Counter(fetched.gone[tweet] for tweet in labelled if tweet in fetched.gone)
        known = fetched.texts.keys() | fetched.empty | fetched.cut_off
        by_relation = self.by_relation
        return {
            OURS: _REPORT,
            "labels": self.labels.describe(),
            "tweets": {s: sum(by_relation[r][s] for r in RELATIONS) for s in STATES},
            "by_relation": {
                str(int(r)): {"labelled": counts.total(), **{s: counts[s] for s in STATES}}
                for r, counts in by_relation.items()
            },
            "by_split": None,
            "not_available_says_the_api": dict(sorted(gone.items())),
            "empty_texts": sorted(fetched.empty & labelled),
            "texts_cut_off": sorted(fetched.cut_off & labelled),
            "damaged_images": dict(sorted(self.damaged.items())),
            "same_images": [list(group) for group in self.shared],
            "further_images": fetched.further_images,
            "tweets_without_label": len(known - labelled),
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, one sentence each."""
        found = self.report()
        labelled = self.labels.relations.keys()
        counts = (
            (len(found["empty_texts"]), "tweets have an empty text: not available"),
            (len(found["texts_cut_off"]), "tweets have a text cut off: not available"),
            (len(found["damaged_images"]), "images are damaged: not available"),
            (
                len(labelled & {tweet for group in self.shared for tweet in group}),
                "tweets share their image file with another, as what stands for a deleted "
                "image does: not available",
            ),
            (found["further_images"], "further images of tweets were left out"),
            (found["tweets_without_label"], "fetched tweets have no label and were left out"),
        )
        return (*self.labels.notes, *(f"{count} {what}" for count, what in counts if count))


class _FetchedImages(ImageSource):
    """The first image of each tweet of a folder of fetched tweets."""

    def __init__(self, fetched: Hydrated) -> None:
        super().__init__({"what": "fetched tweets", "name": fetched.where.resolve().name})
        self._fetched = fetched

    def ids(self) -> frozenset[str] | None:
        return None  # images of tweets that were not drawn are nothing to note

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        file = self._fetched.images[tweet_id][0]
        try:
            return file.read_bytes(), file.name
        except OSError as error:
            raise DataError(f"{file.name}: cannot be read ({error.strerror or error})") from error


def check_availability(labels: Labels, fetched: Hydrated) -> Availability:
    """Find out which of the labelled tweets have a text and an image that can be used.

    Raises:
        DataError: a tweet has two files that could be its first image.
    """
    top = fetched.where
    problems = [
        f"tweet {tweet}: {' and '.join(file.relative_to(top).as_posix() for file in files)}"
        for tweet, files in fetched.images.items()
        if tweet in labels.relations and len(files) > 1
    ]
    if problems:
        raise DataError(
            f"{fetched.where}: more than one first image of a tweet; keep one, or number them "
            f"<tweet_id>_1.jpg, <tweet_id>_2.jpg:\n{bullet_list(problems)}"
        )
    damaged, by_hash = _check_images(labels, fetched)
    shared = tuple(tuple(sorted(group)) for group in by_hash.values() if len(group) > 1)
    usable = {group[0] for group in by_hash.values() if len(group) == 1}
    state = {}
    for tweet in labels.relations:
        text, image = tweet in fetched.texts, tweet in usable
        state[tweet] = STATES[(0 if image else 1) if text else (2 if image else 3)]
    return Availability(labels, fetched, state, damaged, tuple(sorted(shared)))


def _check_images(labels: Labels, fetched: Hydrated) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Why images cannot be used, by tweet; and the tweets of the others by the file's hash.

    Only images of labelled tweets are decoded; those of others are compared with them.
    """
    source = _FetchedImages(fetched)
    damaged: dict[str, str] = {}
    by_hash: dict[str, list[str]] = {}
    sizes: set[int] = set()
    tweets = [tweet for tweet in labels.relations if tweet in fetched.images]
    for tweet in tqdm(tweets, desc="images checked", unit="image", disable=None, leave=False):
        try:
            content, file = source.read(tweet)
            digest = hashlib.sha256(content).hexdigest()
            if digest not in by_hash:
                check_image(content, file)
        except DataError as error:
            damaged[tweet] = str(error)
        else:
            by_hash.setdefault(digest, []).append(tweet)
            sizes.add(len(content))
    for tweet, files in fetched.images.items():
        if tweet not in labels.relations:
            for digest in {d for file in files if (d := _hash_if_of(file, sizes)) in by_hash}:
                by_hash[digest].append(tweet)
    return damaged, by_hash


def _hash_if_of(file: Path, sizes: Container[int]) -> str:
    """The hash of a file of one of the *sizes*; empty for others, and where it cannot be read."""
    try:
        if file.stat().st_size in sizes:
            return file_hash(file)
    except OSError:
        pass  # no image that anybody sees
    return ""


def build_tirt(
    labels: Path,
    tweets: Path,
    *,
    size: int | None = TIRT_SIZE,
    seed: int = SEED,
    replace: bool = False,
    found: Callable[[Availability], None] = lambda _: None,
) -> Path:
    """Build ``tirt`` from labels and a folder of fetched tweets.

    Args:
        labels: ``textimage.csv``, or a list of ids and relations that somebody shared.
        tweets: the folder, see :mod:`itr_bench.data.hydration`.
        size: number of tweets of the balanced draw; ``None`` for every available tweet.
        found: is told what is available, before anything is drawn.

    Returns:
        The folder of the set.

    Raises:
        DataError: anything wrong with the input, fewer available tweets than *size*, or the set
            is there already.
    """
    writing.refuse_existing(NAME, replace)
    availability = check_availability(read_labels(labels), read_folder(tweets))
    found(availability)
    available = availability.available
    if not available:
        raise DataError(
            f"{tweets}: no labelled tweet has both a text and an image. Images are looked for as "
            "<tweet_id>.jpg (or .png, ...) in any subfolder."
        )
    if size is not None and not 1 <= size <= len(available):
        raise DataError(
            f"{len(available)} labelled tweets are available, too few to draw {size}: give "
            "--all, or another --size"
        )
    drawn = available if size is None else dict.fromkeys(draw(available, size, seed))
    texts = availability.hydrated.texts
    rows = [
        Row(
            line,
            {"tweet_id": tweet, "relation": str(int(available[tweet])), "text_en": texts[tweet]},
        )
        for line, tweet in enumerate(drawn, start=1)
    ]
    how = (
        f"all {len(available)} available tweets"
        if size is None
        else f"a balanced draw of {size} of {len(available)} available tweets, seed {seed}"
    )
    by_relation = Counter(available.values())
    counts = ", ".join(f"{int(r)}: {by_relation[r]}" for r in RELATIONS)
    notes = (f"{how}; available by relation: {counts}", *availability.notes)
    with home.locked(NAME):
        writing.refuse_existing(NAME, replace)
        return writing.write(
            get_set(NAME),
            rows,
            _FetchedImages(availability.hydrated),
            availability.labels.facts,
            notes,
        )
