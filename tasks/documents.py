"""Tweets to lmms-eval's documents and prompts: two questions a tweet, side by side."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2

from itr_bench.answers.choice import options
from itr_bench.data.languages import LANGUAGES
from itr_bench.errors import DataError
from itr_bench.relation import QUESTIONS, RELATIONS, Answer, Question, Relation
from itr_bench.scoring.signature import digest
from itr_bench.tasks.example_file import LINK, Example
from itr_bench.tasks.examples import ENVIRONMENT, FROM_SET, MOST, Examples, choose
from itr_bench.tasks.showing import Shown, grey, showing
from itr_bench.tasks.spec import TaskSpec, get_task

if TYPE_CHECKING:
    import datasets
    from PIL import Image

    from itr_bench.tasks.loading import TaskData

_ANSWERS = {
    "en": {Answer.YES: "Yes", Answer.NO: "No"},
    "lv": {Answer.YES: "Jā", Answer.NO: "Nē"},
}

_JINJA = jinja2.Environment(
    undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
)


def task_data(task: TaskSpec) -> TaskData:
    """The data of a task, opened once a process."""
    return _task_data(task.base)


@functools.lru_cache(maxsize=16)
def _task_data(base: str) -> TaskData:
    from itr_bench.tasks.loading import open_task  # with pyarrow, which a dry run does without

    return open_task(get_task(base))


def examples(task: TaskSpec) -> Examples | None:
    """The examples that a task shows before its questions; ``None`` where it shows none.

    Raises:
        DataError: they cannot be had as ``ITR_BENCH_EXAMPLES`` asks for them.
    """
    return _examples(task.base, _source())


def _source() -> str:
    return os.environ.get(ENVIRONMENT, "").strip()


@functools.lru_cache(maxsize=16)
def _examples(base: str, named: str) -> Examples | None:
    task = get_task(base)
    context = task.variant.context
    return None if context is None else choose(task_data(task), context, named)


def held_out(task: TaskSpec) -> int:
    """The number of tweets of a task's set that are examples, and so not scored."""
    if task.variant.context is None or _source() not in FROM_SET:
        return 0
    return MOST * len(RELATIONS)


def scored(task: TaskSpec) -> int:
    """The number of tweets that a task scores."""
    return len(task_data(task).tweets.tweet_ids) - held_out(task)


def identity(task: TaskSpec) -> str:
    """The identity of a task's data, and after a ``+`` that of its examples."""
    shown = examples(task)
    return task_data(task).identity + (f"+{shown.identity}" if shown else "")


def without_links(text: str) -> str:
    """Return *text* as prompts show it: every link removed and nothing else."""
    return LINK.sub("", text)


def documents(task: TaskSpec) -> datasets.Dataset:
    """Return the documents of a task: for each tweet *adds*, then *represented*.

    Columns: ``task``, ``tweet_id``, ``question``, ``relation``, ``target`` (yes or no),
    ``language`` (of the text, in English), ``text`` (without links), ``row`` (its number),
    ``image_row`` (of the tweet whose image is shown), ``image_sha256``, ``data`` (identity of the
    task's data), ``item_hash`` and, where examples stand before, ``examples``. Text, image and
    hashes are what the task shows, which in a variant may be another tweet's. The image is not
    among the columns: :func:`image` finds it, once for both questions.
    """
    import datasets

    return datasets.Dataset.from_list([document for document, _ in rows(task)])


def rows(task: TaskSpec) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the documents of a task as :func:`documents` has them, each with the raw text."""
    data = task_data(task)
    before, data_identity = examples(task), identity(task)
    no_more = before.held_out if before else frozenset()
    tweets = zip(data.tweets.tweet_ids, data.tweets.relations, _shown(task), strict=True)
    asked = (tweet for tweet in tweets if tweet[0] not in no_more)
    for row, (tweet, relation, shown) in enumerate(asked):
        raw = data.texts[shown.text_row]
        text = shown.text if task.variant.text == "shuffled" else raw
        for question in QUESTIONS:
            document = {
                "task": task.base,
                "tweet_id": tweet,
                "question": question.value,
                "relation": relation,
                "target": Relation(relation).answer(question).value,
                "language": LANGUAGES[task.language].name,
                "text": shown.text,
                "row": row,
                "image_row": shown.picture_row,
                "image_sha256": shown.picture_id,
                "data": data_identity,
                "item_hash": digest([tweet, question.value, relation, text, shown.picture_id]),
            }
            if before:
                # Questions about a tweet share their images only where no example's stand before.
                document["examples"] = f"{before.identity} {question.value}" * before.images
            yield document, raw


def _shown(task: TaskSpec) -> list[Shown]:
    """What a task shows of each tweet."""
    data = task_data(task)
    texts = [without_links(text) for text in data.texts]
    try:
        return showing(task.variant, data.tweets.tweet_ids, texts, data.tweets.image_hashes)
    except DataError as error:
        raise DataError(f"{task.base}: {error}") from error


def image(document: Mapping[str, Any]) -> Image.Image | None:
    """The image that is shown with a document: upright, RGB; ``None`` for none."""
    task, row = get_task(document["task"]), document["image_row"]
    if row is None:
        return None
    data = task_data(task)
    found = data.images.image(data.image_rows[row])
    return grey(found.size) if task.variant.picture == "grey" else found


def render(
    document: Mapping[str, Any], wording: Mapping[str, Any], answer_format: str | None = None
) -> str:
    """Return the prompt of a document.

    Args:
        document: as made by :func:`documents`.
        wording: ``prompt`` (Jinja, with ``language``, ``text``, ``question``, ``answer_format``,
            and ``options`` where it uses them), ``questions``, ``answer_formats`` and
            ``answer_format``: the task's ``lmms_eval_specific_kwargs``.
        answer_format: ``plain`` or ``explained`` in place of the wording's own choice.

    Where examples stand before, it is the whole chat: each turn below a line with its role and the
    hash of its image.
    """
    own = last_prompt(document, wording, answer_format)
    before = _before(document, wording)
    if not before:
        return own
    turns = [
        f"[user{picture and f' {picture}'}]\n{asked}\n[assistant]\n{answer}"
        for asked, answer, picture, _ in before
    ]
    return "\n".join([*turns, f"[user {document['image_sha256']}]\n{own}"])


def chat(
    document: Mapping[str, Any],
    wording: Mapping[str, Any],
    answer_format: str | None = None,
    *,
    picture: Callable[[Mapping[str, Any]], Any] = image,
) -> list[dict[str, Any]]:
    """Return the turns of a document's chat, in the order of the wording: see :func:`render`.

    *picture* gives what stands for the document's own image; it is ``None`` where there is none.
    """
    turns = []
    for asked, answer, shown, example in _before(document, wording):
        turns += user_turn(asked, example.image if shown else None, wording["order"])
        turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    own = last_prompt(document, wording, answer_format)
    return turns + user_turn(own, picture(document), wording["order"])


def right_answer(document: Mapping[str, Any], relation: int) -> str:
    """The bare yes or no that is right for a document if its tweet has *relation*."""
    words = _ANSWERS[get_task(document["task"]).answer_language]
    return words[Relation(relation).answer(Question(document["question"]))]


def _before(
    document: Mapping[str, Any], wording: Mapping[str, Any]
) -> list[tuple[str, str, str, Example]]:
    """The examples before a document: prompt, answer, hash of the image that is shown, example."""
    if "examples" not in document:
        return []
    task = get_task(document["task"])
    shown = examples(task)
    assert shown is not None
    question = Question(document["question"])
    words = _ANSWERS[task.answer_language]
    return [
        (
            last_prompt(
                {
                    **document,
                    "language": LANGUAGES[example.language].name,
                    "text": without_links(example.text),
                },
                wording,
                None,
            ),
            words[example.relation.answer(question)],
            example.image_sha256 if shown.images else "",
            example,
        )
        for example in shown.shown[question]
    ]


def last_prompt(
    document: Mapping[str, Any], wording: Mapping[str, Any], answer_format: str | None = None
) -> str:
    """Return the prompt of a document's own turn: see :func:`render`."""
    return _template(wording["prompt"]).render(
        language=document["language"],
        text=document["text"],
        question=wording["questions"][document["question"]],
        answer_format=wording["answer_formats"][answer_format or wording["answer_format"]],
        options=lambda: options(document["tweet_id"]),
    )


@functools.lru_cache(maxsize=64)
def _template(source: str) -> jinja2.Template:
    return _JINJA.from_string(source)


def user_turn(prompt: str, picture: object, order: Sequence[str]) -> list[dict[str, Any]]:
    """Return the one user turn of a chat, text and image, if there is one, in the given order."""
    parts = {"text": {"type": "text", "text": prompt}, "image": {"type": "image", "url": picture}}
    shown = [part for part in order if part == "text" or picture is not None]
    return [{"role": "user", "content": [parts[part] for part in shown]}]
