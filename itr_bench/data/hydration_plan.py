"""The ids of labelled tweets in chunks, for somebody to fetch under the terms of X."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from itr_bench.data.files import new_folder, write_json, write_text
from itr_bench.data.hydration import OURS, Hydrated
from itr_bench.data.tirt_labels import Labels
from itr_bench.errors import DataError

MOST_A_REQUEST = 100
"""The most ids that one request of the X API v2 takes (``GET /2/tweets``)."""

_README = """\
# Tweet ids to fetch

{tweets} ids of labelled tweets, in {chunks} files of at most {chunk}: `ids-001.txt` and so on, one
id a line.{left_out}

Nothing here is a tweet, and itr-bench fetches none. You fetch them, with access to the X API of
your own and under its terms: what you fetch must not be passed on, the ids may.

With twarc (https://twarc-project.readthedocs.io), after `twarc2 configure`:

    cat ids-*.txt > ids.txt
    twarc2 hydrate ids.txt tweets.jsonl

It asks for the media too. Or ask the API yourself, once for each file:

    GET https://api.x.com/2/tweets?ids=<the ids of one file, with commas between them>
        &tweet.fields=note_tweet,attachments&expansions=attachments.media_keys
        &media.fields=url,type

and save each answer as it is, as a `.json` file. Keep the `errors` in the answers: they say which
tweets are gone.

The image of a tweet is the first photo among its `attachments.media_keys`: the entry of
`includes.media` with that key has its address as `url`. Save it as `<tweet_id>.jpg` (or `.png`).

Put answers and images into one folder, in any subfolders, and build the set:

    itr-bench data build tirt --labels {labels} --tweets FOLDER
"""


@dataclass(frozen=True)
class Plan:
    """What is left to fetch.

    Attributes:
        ids: the tweets, in the order of the labels.
        there: number of tweets that are there already.
        gone: number of those that the API said are not available.
        without_image: tweets whose text is there, but no image file.
    """

    ids: tuple[str, ...]
    there: int
    gone: int
    without_image: tuple[str, ...]


def make_plan(labels: Labels, have: Hydrated | None = None) -> Plan:
    """Return which of the labelled tweets are left to fetch, given what is there already."""
    there = have.texts.keys() if have else set()
    gone = have.gone.keys() if have else set()
    images = have.images.keys() if have else set()
    labelled = labels.relations
    return Plan(
        ids=tuple(t for t in labelled if t not in there and t not in gone),
        there=sum(t in there for t in labelled),
        gone=sum(t in gone for t in labelled),
        without_image=tuple(t for t in labelled if t in there and t not in images),
    )


def write_plan(plan: Plan, labels: Labels, out: Path, *, chunk: int = MOST_A_REQUEST) -> int:
    """Write a plan as a new folder: id lists, a README and ``plan.json``.

    Args:
        chunk: most ids in a file, 1 to 100.

    Returns:
        The number of id lists.

    Raises:
        DataError: the folder is there already, or cannot be written: nothing is left.
    """
    if not 1 <= chunk <= MOST_A_REQUEST:
        raise DataError(f"{chunk} ids a file: expected 1 to {MOST_A_REQUEST}, what the API takes")
    chunks = [plan.ids[start : start + chunk] for start in range(0, len(plan.ids), chunk)]
    left_out = ""
    if plan.there or plan.gone:
        left_out = (
            f"\nLeft out: {plan.there} that were there already, and {plan.gone} that the API\nsaid "
            "are not available."
        )
    if plan.without_image:
        left_out += (
            f"\n`without-image.txt` names {len(plan.without_image)} more that lack an image."
        )
    width = max(3, len(str(len(chunks))))
    with new_folder(out) as folder:
        for number, ids in enumerate(chunks, start=1):
            _write_ids(folder / f"ids-{number:0{width}}.txt", ids)
        if plan.without_image:
            _write_ids(folder / "without-image.txt", plan.without_image)
        readme = _README.format(
            tweets=len(plan.ids),
            chunks=len(chunks),
            chunk=chunk,
            left_out=left_out,
            labels=labels.name,
        )
        write_text(folder / "README.md", readme)
        write_json(
            folder / "plan.json",
            {
                OURS: "hydration plan of TIRT",
                "labels": labels.facts,
                "labelled": len(labels.relations),
                "to_fetch": len(plan.ids),
                "files": len(chunks),
                "ids_a_file": chunk,
                "there_already": plan.there,
                "not_available": plan.gone,
                "text_without_image": len(plan.without_image),
                "rounded_ids": len(labels.rounded),
            },
        )
    return len(chunks)


def _write_ids(path: Path, ids: tuple[str, ...]) -> None:
    path.write_text("".join(f"{tweet}\n" for tweet in ids), encoding="ascii", newline="\n")
