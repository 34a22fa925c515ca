"""What a task asks and what is right: the yardstick that submissions are checked against."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from itr_bench.scoring.signature import digest
from itr_bench.tasks import documents
from itr_bench.tasks.definitions import define
from itr_bench.tasks.spec import TASKS, get_task

FORMATS = ("plain", "explained")


@dataclass(frozen=True)
class Expected:
    """One question about one tweet.

    Attributes:
        relation: the right relation of the tweet, 0 to 3.
        image_sha256: SHA-256 of the image's file; ``none`` where no image is shown.
        prompt_hashes: digest of the prompt, by answer format.
    """

    relation: int
    image_sha256: str
    prompt_hashes: Mapping[str, str]


@dataclass(frozen=True)
class Reference:
    """A task, or the variant without image, as it is here.

    Attributes:
        task: its name, without suffix.
        data: identity of its data: kind, hash, and the system that translated it.
        items: what is asked, by tweet and question.
        texts: of each tweet, raw and as prompts show it.
    """

    task: str
    version: str
    data: str
    items: Mapping[tuple[str, str], Expected]
    texts: Mapping[str, tuple[str, str]]


@functools.lru_cache(maxsize=16)
def version_here(task: str) -> int:
    """The version of the definition of *task* here; that needs no data."""
    return int(define(TASKS[get_task(task).family], adapter="").version)


@functools.lru_cache(maxsize=32)
def open_reference(task: str) -> Reference:
    """Open the data of *task*, fetched on first use, and render its prompts.

    Raises:
        DataError: the data is not here and cannot be fetched.
    """
    spec = get_task(get_task(task).base)
    data = documents.task_data(spec)
    # Of a system, the definition is there only where its data is; all have the same.
    definition = define(replace(spec, system=""), adapter="")
    items, texts = {}, {}
    for document, raw in documents.rows(spec):
        place = (document["tweet_id"], document["question"])
        items[place] = Expected(
            document["relation"],
            document["image_sha256"],
            {
                name: digest(documents.render(document, definition.wording, name))
                for name in FORMATS
            },
        )
        texts[document["tweet_id"]] = (raw, document["text"])
    return Reference(spec.base, definition.version, data.identity, items, texts)
