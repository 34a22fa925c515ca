"""Tweets to lmms-eval's documents and prompts: two questions a tweet, side by side."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2

from itr_bench.data.languages import LANGUAGES
from itr_bench.data.loading import TaskData, open_task
from itr_bench.relation import QUESTIONS, Relation
from itr_bench.scoring.signature import digest

if TYPE_CHECKING:
    import datasets
    from PIL import Image

LINK = re.compile(r"http[s]?://\S+")

_JINJA = jinja2.Environment(
    undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
)


@functools.lru_cache(maxsize=16)
def task_data(name: str) -> TaskData:
    """The data of a task, opened once a process."""
    return open_task(name)


def without_links(text: str) -> str:
    """Return *text* as prompts show it: every link removed and nothing else."""
    return LINK.sub("", text)


def documents(task: str) -> datasets.Dataset:
    """Return the documents of a task: for each tweet *adds*, then *represented*.

    Columns: ``task``, ``tweet_id``, ``question``, ``relation``, ``target`` (yes or no),
    ``language`` (of the text, in English), ``text`` (without links), ``row`` (of the tweet),
    ``image_sha256``, ``data`` (identity of the task's data) and ``item_hash``. The image is
    not among them: :func:`image` finds it, once for both questions.
    """
    import datasets

    return datasets.Dataset.from_list([document for document, _ in rows(task)])


def rows(task: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the documents of a task as :func:`documents` has them, each with the raw text."""
    data = task_data(task)
    for row, (tweet, relation, text, sha256) in enumerate(
        zip(
            data.tweets.tweet_ids,
            data.tweets.relations,
            data.texts,
            data.tweets.image_hashes,
            strict=True,
        )
    ):
        for question in QUESTIONS:
            document = {
                "task": task,
                "tweet_id": tweet,
                "question": question.value,
                "relation": relation,
                "target": Relation(relation).answer(question).value,
                "language": LANGUAGES[data.spec.text].name,
                "text": without_links(text),
                "row": row,
                "image_sha256": sha256,
                "data": data.identity,
                "item_hash": digest([tweet, question.value, relation, text, sha256]),
            }
            yield document, text


def image(document: Mapping[str, Any]) -> Image.Image:
    """The image of a document: upright, RGB."""
    data = task_data(document["task"])
    return data.images.image(data.image_rows[document["row"]])


def render(
    document: Mapping[str, Any], wording: Mapping[str, Any], answer_format: str | None = None
) -> str:
    """Return the prompt of a document.

    Args:
        document: as made by :func:`documents`.
        wording: ``prompt`` (Jinja, with ``language``, ``text``, ``question`` and
            ``answer_format``), ``questions``, ``answer_formats`` and ``answer_format``: the
            task's ``lmms_eval_specific_kwargs``.
        answer_format: ``plain`` or ``explained`` in place of the wording's own choice.
    """
    return _template(wording["prompt"]).render(
        language=document["language"],
        text=document["text"],
        question=wording["questions"][document["question"]],
        answer_format=wording["answer_formats"][answer_format or wording["answer_format"]],
    )


@functools.lru_cache(maxsize=64)
def _template(source: str) -> jinja2.Template:
    return _JINJA.from_string(source)


def user_turn(prompt: str, picture: Image.Image, order: Sequence[str]) -> list[dict[str, Any]]:
    """Return the one user turn of a chat, text and image in the given order."""
    parts = {"text": {"type": "text", "text": prompt}, "image": {"type": "image", "url": picture}}
    return [{"role": "user", "content": [parts[part] for part in order]}]
