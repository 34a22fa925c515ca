"""Examples in context: which tweets are shown with their answers before a question.

The examples of *adds* are tweets of the relations 1 (yes) and 2 (no), those of *represented* of the
relations 0 (yes) and 3 (no): so many of each answer, yes and no in turn, yes first.

They come from the set itself, from TIRT, or from a file of the user's, as the environment variable
``ITR_BENCH_EXAMPLES`` says. Of the set itself, :data:`MOST` tweets of each relation are examples
and are not scored, whatever the number that is shown: so all of these variants score the same
tweets. Tweets are chosen by the SHA-256 of seed and id, the same on every machine.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from itr_bench.data import home
from itr_bench.data.sets import get_set
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import QUESTIONS, RELATIONS, Question, Relation
from itr_bench.tasks.derangement import rank
from itr_bench.tasks.example_file import Example, read_examples, text_mark
from itr_bench.tasks.variants import SHOTS, Context

if TYPE_CHECKING:
    from itr_bench.data.tweet_set import TweetSet
    from itr_bench.tasks.loading import TaskData

ENVIRONMENT = "ITR_BENCH_EXAMPLES"
SPLIT, TIRT, FILE = "split", "tirt", "file"
FROM_SET = ("", SPLIT)
"""What the variable says for examples of the set itself."""

MOST = max(SHOTS)
"""How many tweets of each relation are held out of the set itself."""

SHOWN: Mapping[Question, tuple[Relation, Relation]] = {
    Question.ADDS: (Relation.ADDS_NOT_REPRESENTED, Relation.NOT_ADDS_REPRESENTED),
    Question.REPRESENTED: (Relation.ADDS_REPRESENTED, Relation.NOT_ADDS_NOT_REPRESENTED),
}
"""By question, the relations of the examples answered yes and of those answered no."""

_OTHER_SOURCES = (
    f"Examples may also come from TIRT ({ENVIRONMENT}=tirt, once it is built here) or from a file "
    f"of yours ({ENVIRONMENT}=FILE.jsonl)."
)


@dataclass(frozen=True)
class Examples:
    """The examples of a task.

    Attributes:
        source: ``split`` (of the set itself), ``tirt`` or ``file``.
        shown: by question, in the order of the turns.
        held_out: ids of the tweets that are examples of some variant, and therefore not scored.
        images: whether they are shown with their images.
    """

    source: str
    shown: Mapping[Question, tuple[Example, ...]]
    held_out: frozenset[str]
    images: bool

    @property
    def identity(self) -> str:
        """The source and a hash of all that is shown, as signatures state it."""
        content = [
            (question.value, e.key, e.text, e.language, int(e.relation), self._image(e))
            for question in QUESTIONS
            for e in self.shown[question]
        ]
        return f"{self.source}-{hashlib.sha256(repr(content).encode()).hexdigest()[:12]}"

    def facts(self) -> dict[str, object]:
        """What is shown, without any text, as the conditions of a run state it.

        By question, for each example its key, its answer, and the SHA-256 of its image.
        """
        return {
            "identity": self.identity,
            **{
                question.value: [
                    [e.key, e.relation.answer(question).value, self._image(e)]
                    for e in self.shown[question]
                ]
                for question in QUESTIONS
            },
        }

    def _image(self, example: Example) -> str:
        return example.image_sha256 if self.images else ""


def choose(data: TaskData, context: Context, named: str = "") -> Examples:
    """Choose the examples of a task.

    Args:
        data: of the task, whole.
        context: how many are shown, and whether with their images.
        named: where they come from: ``tirt``, a file, or nothing for the set itself.

    Raises:
        DataError: too few examples, one that is also scored, one that lacks its image or has
            another language than the instruction says, or a file that cannot be read.
    """
    if named in FROM_SET:
        held_out = _split(data)
        keys = frozenset(e.key for of_relation in held_out.values() for e in of_relation)
        return Examples(SPLIT, _shown(held_out, context.shots), keys, context.images)
    if named == TIRT:
        source, where, pool = TIRT, "TIRT", _tirt(data)
    else:
        source, where = FILE, named
        pool = _read_file(Path(named).expanduser(), data.spec.language)
    shown = _shown(_enough(pool, context, where), context.shots)
    used = [example for of_question in shown.values() for example in of_question]
    # All of a file is the user's to choose; of TIRT, only what is shown matters.
    problems = list(_scored(pool if source == FILE else used, data))
    problems += _unfit(used, data, context)
    if problems:
        raise DataError(f"{where}: not fit for examples:\n{bullet_list(problems)}")
    return Examples(source, shown, frozenset(), context.images)


def _shown(
    by_relation: Mapping[Relation, Sequence[Example]], shots: int
) -> dict[Question, tuple[Example, ...]]:
    """The first *shots* examples of each answer, yes and no in turn."""
    return {
        question: tuple(
            example
            for pair in zip(by_relation[yes][:shots], by_relation[no][:shots], strict=True)
            for example in pair
        )
        for question, (yes, no) in SHOWN.items()
    }


def _ranked(examples: Iterable[Example]) -> list[Example]:
    """*examples* in the order in which they are chosen."""
    return sorted(examples, key=lambda example: rank("examples", example.key))


def _by_relation(examples: Iterable[Example]) -> dict[Relation, list[Example]]:
    found: dict[Relation, list[Example]] = {relation: [] for relation in RELATIONS}
    for example in examples:
        found[example.relation].append(example)
    return found


def _enough(pool: Sequence[Example], context: Context, where: str) -> dict[Relation, list[Example]]:
    """The examples of a pool by relation, in the order in which they are chosen."""
    found = {relation: _ranked(of) for relation, of in _by_relation(pool).items()}
    short = [
        f"relation {int(relation)} ({relation.label}): {len(of)}, expected at least {context.shots}"
        for relation, of in found.items()
        if len(of) < context.shots
    ]
    if short:
        raise DataError(f"{where}: too few examples:\n{bullet_list(short)}")
    return found


# The set itself


def _split(data: TaskData) -> dict[Relation, list[Example]]:
    """The tweets of a set that are held out, by relation.

    None of them has a twin in the set: another tweet with the same image or the same text, in
    whatever language.
    """
    tweets = list(_of_set(data.images, data.spec.language, data.texts, data.image_rows))
    marks = [
        {f"image {tweet.pixels}", *map(text_mark, texts)}
        for tweet, texts in zip(tweets, _all_texts(data), strict=True)
    ]
    count = Counter(mark for of_tweet in marks for mark in of_tweet)
    alone = [
        tweet
        for tweet, of_tweet in zip(tweets, marks, strict=True)
        if all(count[mark] == 1 for mark in of_tweet)
    ]
    total, fit = _by_relation(tweets), _by_relation(alone)
    short = [
        f"relation {int(r)} ({r.label}): {len(total[r])} tweets, {len(fit[r])} of them fit"
        for r in RELATIONS
        if len(fit[r]) < MOST or len(total[r]) <= MOST
    ]
    if short:
        raise DataError(
            f"{data.spec.set_name}: too few tweets to take examples from the set itself: {MOST} of "
            "each relation are held out, none with a twin of the same text or image, and at least "
            f"one more is to be scored\n{bullet_list(short)}\n{_OTHER_SOURCES}"
        )
    return {relation: _ranked(of)[:MOST] for relation, of in fit.items()}


def _all_texts(data: TaskData) -> Iterator[tuple[str, ...]]:
    """The texts of each tweet in the languages of its set, and the one that the task shows."""
    columns = [data.images.texts(language) for language in data.images.spec.texts]
    for row, text in zip(data.image_rows, data.texts, strict=True):
        yield (text, *(column[row] for column in columns))


def _of_set(
    images: TweetSet, language: str, texts: Sequence[str], rows: Sequence[int]
) -> Iterator[Example]:
    for row, text in zip(rows, texts, strict=True):
        yield Example(
            key=images.tweet_ids[row],
            text=text,
            language=language,
            relation=Relation(images.relations[row]),
            image_sha256=images.image_hashes[row],
            placeholder=images.manifest.kind == "placeholder",
            where=f"tweet {images.tweet_ids[row]}",
            read=functools.partial(_image_file, images, row),
        )


def _image_file(images: TweetSet, row: int) -> bytes:
    return images.image_file(row)[0]


# TIRT, and files


def _tirt(data: TaskData) -> list[Example]:
    if data.spec.set_name == TIRT:
        raise DataError(
            f"{ENVIRONMENT}=tirt: {data.spec.name} scores the tweets of TIRT itself; leave "
            f"{ENVIRONMENT} out, and some of them are held out as examples"
        )
    if not home.is_built(TIRT):
        raise DataError(
            f"{ENVIRONMENT}=tirt: TIRT is not built here.\n{get_set(TIRT).supply}\n"
            f"Or leave {ENVIRONMENT} out: examples are then taken from the set itself."
        )
    from itr_bench.data.tweet_set import read_set

    tweets = read_set(TIRT)
    return list(_of_set(tweets, "en", tweets.texts("en"), range(len(tweets.tweet_ids))))


def _read_file(path: Path, language: str) -> list[Example]:
    if path.exists() and not path.is_file():
        raise DataError(
            f"{ENVIRONMENT}={path}: a folder or a device, expected a file of examples, JSON lines "
            "or TSV"
        )
    if not path.is_file():
        raise DataError(
            f"{ENVIRONMENT}={path}: no such file. Expected a file of examples, JSON lines or TSV, "
            "with text, image and relation; or `tirt`; or nothing, for examples of the set itself"
        )
    return read_examples(path, language)


def _scored(examples: Iterable[Example], data: TaskData) -> Iterator[str]:
    """Which *examples* are among the tweets that are scored, and how that is known."""
    ids = set(data.tweets.tweet_ids)
    examples = list(examples)
    shown = [example for example in examples if example.image_sha256]
    images = {
        tweet.pixels: tweet.key
        for tweet in _of_set(data.images, data.spec.language, data.texts, data.image_rows)
        if shown
    }
    texts = {
        text_mark(text): tweet
        for tweet, of_tweet in zip(data.tweets.tweet_ids, _all_texts(data), strict=True)
        for text in of_tweet
    }
    for example in examples:
        if example.key in ids:
            yield f"{example.where}: the same tweet is scored, id {example.key}"
        elif example.image_sha256 and example.pixels in images:
            tweet = images[example.pixels]
            yield f"{example.where}: its image is that of tweet {tweet}, which is scored"
        elif (mark := text_mark(example.text)) in texts:
            yield f"{example.where}: its text is that of tweet {texts[mark]}, which is scored"


def _unfit(examples: Iterable[Example], data: TaskData, context: Context) -> Iterator[str]:
    """What is wrong with the *examples* that are to be shown."""
    for example in dict.fromkeys(examples):
        if context.images and not example.image_sha256:
            yield (
                f"{example.where}: no image, and this variant shows them; give one, or take the "
                f"variant shots-{context.shots}-text"
            )
        if context.images and example.placeholder and data.tweets.manifest.kind != "placeholder":
            yield f"{example.where}: a placeholder picture beside real ones"
        if data.spec.answer_language != "en" and example.language != data.spec.language:
            yield (
                f"{example.where}: a text in {example.language!r}, and the instruction of "
                f"{data.spec.name} says that all are in {data.spec.language!r}"
            )
