"""The variants of tasks: names, what they show and ask, how their answers are read, whole runs."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jinja2
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from itr_bench.answers import Asked, get_parser, read_answer
from itr_bench.answers.choice import LETTERS, options, order
from itr_bench.answers.likelihood import Likelihood
from itr_bench.cli.main import cli
from itr_bench.data.loading import open_set
from itr_bench.errors import DataError, ItrBenchError, RunError, ScoreError
from itr_bench.leaderboard.make import _of_task
from itr_bench.models.imageless import check_image
from itr_bench.models.loading import _check_template
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import RELATIONS, Answer, Question, Relation
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.tasks import documents
from itr_bench.tasks.definitions import define, expand
from itr_bench.tasks.derangement import derangement
from itr_bench.tasks.loading import open_task
from itr_bench.tasks.showing import showing
from itr_bench.tasks.shuffled_words import shuffled
from itr_bench.tasks.spec import GROUPS, TASKS, get_task
from itr_bench.tasks.task_files import read_definition, task_file
from itr_bench.tasks.variants import PARAPHRASES, VARIANTS, get_variant
from itr_bench.tasks.wordings import wordings
from tests.conftest import RunLmmsEval

TWEET = "1000000000000000001"
PLAIN = "Reply “Yes” or “No”."

# Names


@pytest.mark.parametrize(
    ("name", "base", "whole", "of", "parser"),
    [
        ("ltec_itr_lv", "ltec_itr_lv", "ltec_itr_lv", "ltec_itr_lv", "yes-no"),
        ("ltec_itr_lv~p3", "ltec_itr_lv~p3", "ltec_itr_lv", "ltec_itr_lv", "yes-no"),
        ("tirt~both_explained", "tirt~both", "tirt", "tirt", "both"),
        ("tirt~choice", "tirt~choice", "tirt", "tirt", "choice"),
        (
            *("ltec_itr_en_mt@o.p-s~negated", "ltec_itr_en_mt@o.p-s~negated"),
            *("ltec_itr_en_mt@o.p-s", "ltec_itr_en_mt", "negated"),
        ),
        (
            *("ltec_itr_en_mt@x~no-image_likelihood", "ltec_itr_en_mt@x~no-image"),
            *("ltec_itr_en_mt@x", "ltec_itr_en_mt", "likelihood"),
        ),
        ("tirt~negated_likelihood", "tirt~negated", "tirt", "tirt", "negated-likelihood"),
    ],
)
def test_names(name: str, base: str, whole: str, of: str, parser: str) -> None:
    task = get_task(name)
    assert (task.name, task.base, task.plain, task.family) == (name, base, whole, of)
    assert task.parser == parser and get_task(task.reference).variant.name == ""
    assert get_parser(task.parser).of_likelihoods == name.endswith("_likelihood")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ltec_itr_lv~p9", "unknown variant 'p9'. Did you mean 'p"),
        ("ltec_itr_lv~", "unknown variant ''"),
        ("ltec_itr_lw~p1", "unknown task 'ltec_itr_lw'. Did you mean 'ltec_itr_lv'?"),
        ("ltec_itr_lv~p1_explained_likelihood", "unknown variant 'p1_explained'"),
        ("ltec_itr_lv_likelihood_explained", "unknown task 'ltec_itr_lv_likelihood"),
        ("ltec_itr_lv@x~p1", "only machine translations have a system"),
        ("tirt~both_likelihood", "says nothing about both questions in one prompt; take 'tirt~b"),
        ("tirt~choice_likelihood", "take 'tirt~choice'"),
        ("itr_demo~p1", "is a group, expected a task; name its tasks: itr_demo_lv~p1,itr_demo_e"),
        ("itr_demo_lv_explained~p1", "Did you mean 'itr_demo_lv~p1_explained'?"),
        ("ltec_itr_en_mt_likelihood@x~p1", "Did you mean 'ltec_itr_en_mt@x~p1_likelihood'?"),
        ("ltec_itr_lv_instruct_lv~p1", "'p1' is worded in English, and"),
        ("ltec_itr_lv_instruct_lv~negated", "asks in Latvian; take a task that asks in English"),
    ],
)
def test_names_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        get_task(name)
    with pytest.raises(ItrBenchError, match=re.escape(message)):
        expand([name])


def test_the_groups_are_those_of_the_definitions() -> None:
    for name, members in GROUPS.items():
        assert read_definition(task_file(name))["task"] == list(members)


def test_every_task_has_every_variant_but_english_wordings_on_latvian_instructions() -> None:
    for task, variant in itertools.product(TASKS, VARIANTS):
        if TASKS[task].answer_language == "en" or not get_variant(variant).wording:
            assert get_task(f"{task}~{variant}").variant.name == variant
            assert define(get_task(f"{task}~{variant}"), "qwen2_vl").version == "1"
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in VARIANTS)


# The derangement


def conflicts(images: Sequence[str], texts: Sequence[str], found: Sequence[int]) -> int:
    return sum(
        images[row] == images[other] or texts[row].strip() == texts[other].strip()
        for row, other in enumerate(found)
    )


def test_the_derangement_is_the_next_by_hash() -> None:
    ids = [f"{10**17 + n}" for n in range(40)]
    # By the definition, not by the code: SHA-256 of seed, purpose and id, one a line.
    by_hash = sorted(
        range(40),
        key=lambda n: hashlib.sha256(f"itr-bench 1\nother\n{ids[n]}".encode()).hexdigest(),
    )
    found = derangement(ids, [f"i{n}" for n in range(40)], [f"t{n}" for n in range(40)])
    assert all(found[a] == b for a, b in itertools.pairwise([*by_hash, by_hash[0]]))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("uvwx ")), min_size=2, max_size=6)
)
def test_no_tweet_keeps_its_own_nor_its_twins(tweets: list[tuple[str, str]]) -> None:
    images, texts = [i for i, _ in tweets], [t for _, t in tweets]
    ids = [f"id{n}" for n in range(len(tweets))]
    found = derangement(ids, images, texts)
    assert sorted(found) == list(range(len(tweets)))
    assert all(other != row for row, other in enumerate(found))
    possible = any(
        conflicts(images, texts, one) == 0 for one in itertools.permutations(range(len(tweets)))
    )
    assert (conflicts(images, texts, found) == 0) or not possible
    least = min(
        conflicts(images, texts, one)
        for one in itertools.permutations(range(len(tweets)))
        if all(other != row for row, other in enumerate(one))
    )
    assert conflicts(images, texts, found) == least


def test_what_cannot_be_exchanged_is_said() -> None:
    ids = [str(n) for n in range(30)]
    images = ["same"] * 20 + ids[20:]
    with pytest.warns(UserWarning, match="10 of 30 tweets get another tweet with the same image"):
        found = showing(get_variant("other-image"), ids, ids, images)
    assert sorted(one.picture_row for one in found if one.picture_row is not None) == [*range(30)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        showing(get_variant("other-image"), ids, ids, ids)


def test_a_huge_set_of_one_image_is_soon_through() -> None:
    ids = [str(n) for n in range(2000)]
    found = derangement(ids, ["same"] * 1999 + ["other"], ids)
    assert conflicts(["same"] * 1999 + ["other"], ids, found) == 1998


@settings(deadline=None, max_examples=30)
@given(st.integers(20, 120), st.randoms(use_true_random=False))
def test_a_large_set_with_twins(count: int, chance: Any) -> None:
    images = [f"i{chance.randrange(count // 2)}" for _ in range(count)]
    texts = [f"t{chance.randrange(count // 2)}" for _ in range(count)]
    ids = [str(n) for n in range(count)]
    found = derangement(ids, images, texts)
    assert sorted(found) == list(range(count))
    most = max(Counter(images).values()) + max(Counter(texts).values())
    if 2 * most <= count:  # Hall: every tweet is allowed half of the others
        assert conflicts(images, texts, found) == 0


def test_a_derangement_of_one_tweet_is_refused() -> None:
    with pytest.raises(DataError, match="1 tweet has no other to take image or text from"):
        showing(get_variant("other-image"), ["1"], ["a"], ["b"])
    assert showing(get_variant("grey-image"), ["1"], ["a"], ["b"])[0].picture_id == "grey-b"


# The words


@given(st.text(alphabet="ab \n\u00a0č", max_size=40), st.text(max_size=5))
def test_words_stay_and_change_places(text: str, tweet: str) -> None:
    found = shuffled(text, tweet)
    assert sorted(found.split()) == sorted(text.split())
    assert found == shuffled(text, tweet)
    if len(set(text.split())) > 1:
        assert found.split() != text.split()
    else:
        assert found == text


def test_words_are_sorted_by_hash() -> None:
    words = [f"w{n}" for n in range(12)]
    # By the definition, not by the code: SHA-256 of seed, purpose, id and place, one a line.
    by_hash = sorted(
        range(12), key=lambda n: hashlib.sha256(f"itr-bench 1\nwords\n7\n{n}".encode()).hexdigest()
    )
    assert shuffled(" ".join(words), "7").split() == [words[n] for n in by_hash]


@pytest.mark.parametrize(
    ("text", "found"),
    [("cake", "cake"), (" cake ", " cake "), ("ha ha ha", "ha ha ha"), ("", ""), ("a b", "b a")],
)
def test_shuffled_words(text: str, found: str) -> None:
    assert shuffled(text, "7") == found


# What is shown


def of(variant: str) -> list[dict[str, Any]]:
    return [document for document, _ in documents.rows(get_task(f"itr_demo_lv~{variant}"))]


def test_what_each_variant_shows() -> None:
    own = [document for document, _ in documents.rows(get_task("itr_demo_lv"))]
    data = open_task(get_task("itr_demo_lv"))
    changed = {
        "no-image": {"image_sha256", "image_row"},
        "grey-image": {"image_sha256"},
        "other-image": {"image_sha256", "image_row"},
        "shuffled-words": {"text"},
        "other-text": {"text"},
        "p1": set(),
        "both": set(),
        "text-first": set(),
    }
    for variant, keys in changed.items():
        for one, other in zip(own, of(variant), strict=True):
            differing = {key for key in one if one[key] != other[key]}
            always = {"task", *({"item_hash"} if keys else ())}
            assert always <= differing <= {*keys, *always}, variant
            assert one["data"] == other["data"]
    assert {d["image_sha256"] for d in of("no-image")} == {"none"}
    assert documents.image(of("no-image")[0]) is None
    for one, grey, other in zip(own, of("grey-image"), of("other-image"), strict=True):
        shown, picture = documents.image(grey), documents.image(one)
        assert shown is not None and picture is not None
        assert (shown.size, shown.getcolors()) == (
            picture.size,
            [(picture.width * picture.height, (128, 128, 128))],
        )
        assert other["image_sha256"] == data.tweets.image_hashes[other["image_row"]]
        assert other["image_sha256"] != one["image_sha256"]
        picture = documents.image(other)
        assert picture is not None
        assert picture.tobytes() == open_set("demo").image(other["image_row"]).tobytes()
    # Both questions and both variants take the same tweet.
    texts = [documents.without_links(text) for text in data.texts]
    for first, second, text in zip(
        of("other-image")[::2], of("other-image")[1::2], of("other-text")[::2], strict=True
    ):
        assert first["image_row"] == second["image_row"]
        assert texts.index(text["text"]) == first["image_row"]
        assert text["text"] != texts[text["row"]]


# The wordings


def kwargs(task: str, model: str = "qwen2_vl") -> dict[str, Any]:
    return {**define(get_task(task), model).wording}


def prompt(
    task: str, question: str = "adds", text: str = "Kūka \n", model: str = "qwen2_vl"
) -> str:
    return documents.last_prompt(
        {"tweet_id": TWEET, "question": question, "language": "Latvian", "text": text},
        kwargs(task, model),
    )


LEAD = "Given the following text, extracted from a tweet in Latvian: \nKūka \n\n"
DEFINED = wordings()["defined"]["ask"].removesuffix("{{ question }}")


@pytest.mark.parametrize(
    ("task", "question", "expected"),
    [
        (
            *("ltec_itr_lv~p1", "adds"),
            "Here is the text of a tweet in Latvian: \nKūka \n\nDoes the image add to the meaning "
            f"of the text? {PLAIN}\n",
        ),
        (
            *("tirt~p1", "represented"),  # its own layout
            "Here is the text of a tweet in Latvian: \nKūka \n\n Does the image represent the "
            f"text? {PLAIN}",
        ),
        (
            *("ltec_itr_lv~negated", "adds"),
            f"{LEAD}Is it the case that the image does not add to the text meaning? {PLAIN}\n",
        ),
        (
            *("ltec_itr_lv~defined", "represented"),
            f"{LEAD}{DEFINED}Is the text represented in the image? {PLAIN}\n",
        ),
        *(
            (
                *("ltec_itr_lv~both", question),
                f"{LEAD}1. Is the image adding to the text meaning? 2. Is the text represented in "
                "the image? Reply “1. Yes” or “1. No”, and then “2. Yes” or “2. No”.\n",
            )
            for question in ("adds", "represented")
        ),
        *(
            (
                *("tirt~choice", question),
                f"{LEAD} " + "".join(f"{line}\n" for line in options(TWEET)) + "Which of these "
                "statements is true? Reply with one letter, A, B, C or D.",
            )
            for question in ("adds", "represented")
        ),
        (
            "ltec_itr_lv~no-image",
            "adds",
            f"{LEAD}Is the image adding to the text meaning? {PLAIN}\n",
        ),
    ],
)
def test_prompts_to_the_letter(task: str, question: str, expected: str) -> None:
    assert prompt(task, question) == expected


@pytest.mark.parametrize("task", [task for task in TASKS if TASKS[task].answer_language == "en"])
def test_paraphrases_differ_in_words_alone(task: str) -> None:
    own = kwargs(task)
    for question in ("adds", "represented"):
        prompts = {prompt(f"{task}~{p}", question) for p in PARAPHRASES} | {prompt(task, question)}
        assert len(prompts) == 9
        asked = {kwargs(f"{task}~{p}")["questions"][question] for p in PARAPHRASES}
        assert len(asked | {own["questions"][question]}) == 9
    for p in (*PARAPHRASES, "defined", "negated"):
        found = kwargs(f"{task}~{p}")
        assert found["answer_formats"] == own["answer_formats"]
        assert found["order"] == own["order"]
        end = own["prompt"].index("\n{{ text }}")
        rest = own["prompt"][end:].split("{{ question }}")
        assert found["prompt"].endswith(rest[1]) and f"{rest[0]}" in found["prompt"]


def test_text_is_no_template() -> None:
    assert "{{ x }} {% y %}" in prompt("tirt~p2", text="{{ x }} {% y %}")


def test_formats_and_orders() -> None:
    assert kwargs("tirt~p1", "llama_vision")["answer_format"] == "explained"
    assert kwargs("tirt~p1_explained")["answer_format"] == "explained"
    assert "**Answer 2:** {YES/NO}" in prompt("tirt~both_explained")
    assert prompt("tirt~choice", model="llama_vision").endswith("answer}'")
    for model, own in (("llava_hf", ["text", "image"]), ("qwen2_vl", ["image", "text"])):
        assert kwargs("tirt~p1", model)["order"] == own
        assert kwargs("tirt~text-first", model)["order"] == ["text", "image"]
        assert kwargs("tirt~image-first", model)["order"] == ["image", "text"]


# Readings


def read(parser: str, response: str | None) -> tuple[str, str]:
    """The answers to *adds* and *represented*."""
    found = [
        get_parser(parser).read(response, "en", Asked(TWEET, question)).answer.value
        for question in Question
    ]
    return found[0], found[1]


# What is said beside a yes or no to a question in the negative: of each question, responses that
# say that it holds, that it does not, and that cannot be told or say both.
BARE = (
    *(("Yes", "no"), ("**Answer:** YES; **EXPLANATION:** no", "no"), ("Jā", "no")),
    *(("No.", "yes"), ("{NO}", "yes"), ("<answer>No</answer>", "yes"), ('{"answer": "No"}', "yes")),
    *(("Yes, it is the case.", "no"), ("Yes, that is true.", "no"), ("I would say yes.", "no")),
    *(("No, it is not the case.", "yes"), ("No, that is not true.", "yes")),
    *(("", "none"), ("Yes or No", "none"), (None, "failed"), ("None", "failed")),
    *(("No text is visible", "none"), ("Yes, that is not true.", "none"), ("Yes, but no", "none")),
    *(("No, correct.", "none"), ("No, that's right.", "none"), ("No, I cannot see it.", "none")),
    *(("Yes, I can see the image.", "none"), ("Yes, I don't think the man is happy", "none")),
)
SAID: dict[str, tuple[tuple[str, str], ...]] = {
    "adds": (
        ("Is it the case that the image does not add to the text meaning? No.", "yes"),
        ("No, the image adds to the text meaning.", "yes"),
        ("No. The image clearly adds information that is not in the text.", "yes"),
        ("No, the image not only adds context but also humour.", "yes"),
        ("No, it is not the case that the image does not add.", "yes"),
        ("No, it is not true that the image does not add to it.", "yes"),
        ("No, it is false that the image adds nothing.", "yes"),
        ("**Answer:** NO; **EXPLANATION:** The image shows a cake, which adds to the text.", "yes"),
        ("Nē, attēls papildina teksta nozīmi.", "yes"),
        ("Yes, the image does not add to the text meaning.", "no"),
        ("Yes, it is the case that the image does not add to the text meaning.", "no"),
        ("Yes. The image adds nothing.", "no"),
        ("Yes, the image is unrelated to the text.", "no"),
        ("Yes, the image merely repeats the text.", "no"),
        ("Yes, I don't think the image adds to the text meaning.", "no"),
        ("Yes, it is not the case that the image adds to the text meaning.", "no"),
        ("**Answer:** {YES}; **EXPLANATION:** {It shows a cake, but it does not add to it.}", "no"),
        ("Jā, attēls nepapildina teksta nozīmi.", "no"),
        ("No, the image doesn't add to the text meaning.", "none"),
        ("No. The image adds nothing to it.", "none"),
        ("No, it does not.", "none"),
        ("No, the image is unrelated to the text.", "none"),
        ("No, the image only illustrates the text.", "none"),
        ("No, the image is redundant.", "none"),
        ("No, the image adds little to the meaning.", "none"),
        ("No, the image is far from adding to the meaning.", "none"),
        ("No, the text stands on its own.", "none"),
        ("No, it is not true that the image adds to the text meaning.", "none"),
        ("No, I don't think the image adds.", "none"),
        ("Does the image add to the text meaning? No.", "none"),
        ("No?", "yes"),
        ("? Yes", "no"),
        ("No, is it?", "none"),
        ("Image adds: No", "none"),
        ("**Answer:** NO; **EXPLANATION:** The image is a generic picture.", "none"),
        ("Nē, attēls nepapildina teksta nozīmi.", "none"),
        ("Yes, the image adds to the text meaning.", "none"),
        ("Yes, the image enhances the text.", "none"),
        ("Yes, the image provides more context", "none"),
        ("Yes, the image contains information that is not in the text.", "none"),
        ("Yes, without the image the text is hard to understand.", "none"),
        ("Yes, the text alone does not make sense without the image.", "none"),
        ("Yes, the image is not redundant.", "none"),
        ("Yes, it is not true that the image does not add to it.", "none"),
        ("Yes, it does.", "none"),
        ("Does the image add to the text meaning? Yes.", "none"),
        # Of the text or its author, not of the image.
        ("Yes, the text on its own provides no further context.", "none"),
        ("Yes, the author did not add any context in words.", "none"),
        ("Yes, the sentence does not convey sarcasm; the picture does.", "none"),
        ("Yes, nothing but the image adds to the meaning.", "none"),
        ("No, it seldom adds.", "none"),
        ("No, the image adds noise.", "none"),
        ("Jā, attēls papildina teksta nozīmi.", "none"),
        # Of the other question.
        ("No, the text is represented in the image.", "none"),
    ),
    "represented": (
        ("Is it the case that the text is not represented in the image? No.", "yes"),
        ("No, the text is clearly represented in the image.", "yes"),
        ("No, the image depicts what the text says.", "yes"),
        ("No, it is.", "yes"),
        ("No, it is not true that the text is not represented.", "yes"),
        (
            "**Answer:** NO; **EXPLANATION:** It shows the cake that is mentioned in the text.",
            "yes",
        ),
        ("Yes, it is the case that the text is not represented.", "no"),
        ("Yes. There is no cake in the image.", "no"),
        ("Yes, the image shows a dog, not a cake.", "no"),
        ("Yes, the text is absent from the image.", "no"),
        (
            "**Answer:** YES; **EXPLANATION:** It shows a cat, and the text is not represented.",
            "no",
        ),
        ("Jā, teksts nav attēlots attēlā.", "no"),
        ("No, the text is not represented in the image.", "none"),
        ("No, the text is not in the image.", "none"),
        ("No, the text does not appear in the image.", "none"),
        ("No, the image does not contain the text.", "none"),
        ("No, the image shows a dog.", "none"),
        ("No, the text is missing from the image.", "none"),
        ("No, the text is poorly represented.", "none"),
        ("No, it isn't.", "none"),
        ("No, there is no representation of the text", "none"),
        ("**Answer:** NO; **EXPLANATION:** The text is not clearly represented", "none"),
        (
            "**Answer:** NO; **EXPLANATION:** It shows a street, whereas the text is on food.",
            "none",
        ),
        ("Nē, teksts nav attēlots attēlā.", "none"),
        ("Yes, the text is clearly represented.", "none"),
        ("Yes, the image shows a cake.", "none"),
        ("Yes, the text is in the image.", "none"),
        ("Yes, there is a cake in the image.", "none"),
        ("Yes, the text is represented in the image even though no words are shown.", "none"),
        ("Yes, no doubt the text is represented in the image.", "none"),
        ("Yes, nothing is missing from the image.", "none"),
        ("Yes, the text is not absent from the image.", "none"),
        ("**Answer:** YES; **EXPLANATION:** It shows soup, as in the text. No other food.", "none"),
        ("Jā, attēlā redzama kūka.", "none"),
        *(
            (f"**Answer:** YES; **EXPLANATION:** {why}", "none")
            for why in (
                "The image shows a bowl of soup, but the market is not shown.",
                "The exact words are not visible in the image; the soup is.",
                "It shows soup. The price is not shown.",
            )
        ),
        ("No, the text is represented in the tweet.", "none"),
        ("No, the text is shown next to the image.", "none"),
        ("No, I find it hard to see how the text is represented.", "none"),
        ("No, the image shows the text's author.", "none"),
        ("Yes, no less than the whole text is represented.", "none"),
        ("Yes, there is a cake. Nothing more is shown.", "none"),
        ("Yes, the cake is on the plate. It is not represented literally.", "none"),
        # Of the other question.
        ("No, the image adds to the text meaning.", "none"),
    ),
}


@pytest.mark.parametrize(
    ("question", "response", "answer"),
    [
        (question, response, answer)
        for question, rows in SAID.items()
        for response, answer in (*BARE, *rows)
    ],
)
def test_negated(question: str, response: str | None, answer: str) -> None:
    asked = Asked(TWEET, Question(question))
    assert get_parser("negated").read(response, "en", asked).answer.value == answer


@pytest.mark.parametrize("unit", ["no, not a ", "it is ", "not the case", "no\n", "image adds "])
def test_a_long_hostile_text_is_read_in_the_negative(unit: str) -> None:
    for word in ("No", "Yes"):
        response = f"{word}. {unit * (2**18 // len(unit))}"
        assert set(read("negated", response)) <= {"yes", "no", "none"}


# Nothing but yes, no, the forms of an answer, single letters and marks.
BARE = st.lists(
    st.sampled_from([*'?.;!*"1(-_\n😀xāN', "Yes", "no", "Jā", "nē", "Answer:"]), max_size=7
).map(" ".join)


@given(BARE, st.sampled_from([*Question]))
def test_a_bare_answer_negated_twice_is_itself(response: str, question: Question) -> None:
    turned = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}
    once = get_parser("negated").read(response, "lv", Asked(TWEET, question))
    plain = read_answer(response, "lv")
    assert turned.get(once.answer, once.answer) is plain.answer
    assert once.rule is plain.rule


@given(st.one_of(st.text(max_size=30), st.builds("{}{}".format, BARE, st.text(max_size=30))))
def test_any_text_is_turned_or_none(response: str) -> None:
    turned = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}
    once = get_parser("negated").read(response, "en", Asked(TWEET, Question.ADDS))
    plain = read_answer(response).answer
    assert once.answer in (turned.get(plain, plain), Answer.NONE)


def test_negated_likelihoods() -> None:
    parser, plain = get_parser("negated-likelihood"), get_parser("likelihood")
    response = Likelihood(0.7, 0.2).response()
    assert parser.judge(response) == Likelihood(0.2, 0.7)
    assert plain.judge(response) == Likelihood(0.7, 0.2)
    assert parser.read(response, "en").answer is Answer.NO
    assert parser.judge("Yes") is None
    assert get_parser("yes-no").judge(response) is None


@pytest.mark.parametrize(
    ("response", "adds", "represented"),
    [
        ("1. Yes 2. No", "yes", "no"),
        ("1. Yes\n2. No", "yes", "no"),
        ("1) No, 2) Yes", "no", "yes"),
        ("(1) yes (2) no", "yes", "no"),
        ("1: Yes\n2: Yes", "yes", "yes"),
        ("“1. Yes”, “2. No”", "yes", "no"),
        ("1. **Yes** – it is new\n\n2. **No** – no cake is there", "yes", "no"),
        ("Question 1: Yes, it is new.\nQuestion 2: No, no cake is shown.", "yes", "no"),
        ("The answer to question 1 is yes. The answer to question 2 is no.", "yes", "no"),
        ("1. Is the image adding to the text meaning? Yes. 2. Is the text represented in the "
         "image? No.", "yes", "no"),
        ("**Answer 1:** YES; **Answer 2:** NO; **EXPLANATION:** 1. new 2. not seen", "yes", "no"),
        ('{"1": "Yes", "2": "No"}', "yes", "no"),
        ("1. Yes 2. Unclear", "yes", "none"),
        ("1. No text is shown. 2. Yes", "none", "yes"),
        ("<think>1. Yes 2. No</think>1. No 2. No", "no", "no"),
        ("Image adds: yes; text represented: no", "yes", "no"),
        ("Text represented: No\nImage adds: Yes", "yes", "no"),
        ('{"adds": "yes", "represented": "no"}', "yes", "no"),
        ("Is the image adding to the text meaning? Yes\nIs the text represented in the image? No",
         "yes", "no"),
        ("Yes\nNo", "yes", "no"),
        ("- Yes\n- No", "yes", "no"),
        ("Yes and no", "yes", "no"),
        ("No, yes.", "no", "yes"),
        ("**Yes**, **No**", "yes", "no"),
        ("Yes. No.", "yes", "no"),
        ("Yes, the image adds to it. No, the text is not shown.", "yes", "no"),
        ("Yes, because of 2.5 cakes. No.", "yes", "no"),
        ("The answers are: Yes, No", "yes", "no"),
        ("**Answer:** Yes, No; **EXPLANATION:** x", "yes", "no"),
        ("Yes to both", "yes", "yes"),
        ("Both answers are no.", "no", "no"),
        ("Jā, nē", "yes", "no"),
        ("1. Image adds: Yes 2. Text represented: No", "yes", "no"),
        ("1. The text is represented: Yes 2. The image adds: No", "no", "yes"),
        ("Yes? No?", "none", "none"),
        ("Yes, no, or maybe", "none", "none"),
        ("Represented. Yes. Adding. No.", "none", "none"),
        # By the number, wherever it stands.
        ("Yes (1), No (2)", "yes", "no"),
        ("Yes (2) and no (1).", "no", "yes"),
        ("No 1. Yes 2.", "none", "none"),
        ("Yes (1), No (1)", "none", "none"),
        ("1. Yes, it is represented. 2. No, it does not add.", "none", "none"),
        # By the name, in any order.
        ("Yes, the text is represented in the image. No, the image does not add to the text "
         "meaning.", "no", "yes"),
        ("Yes, the image adds. No, the text is not represented.", "yes", "no"),
        ("No. Yes, the text is represented.", "no", "yes"),
        ("Yes. It represents the text. No. It does not add.", "no", "yes"),
        ("Is the text represented in the image?\nYes\nIs the image adding to the text "
         "meaning?\nNo", "no", "yes"),
        ("Yes. Yes, the image adds to the text meaning.", "none", "none"),
        ("No. No, the text is not represented.", "none", "none"),
        ("Yes, the text is represented. No.", "none", "none"),
        ("Represented and adding: yes, no", "none", "none"),
        # One word for both, denied or asked.
        ("I would say no to both.", "no", "no"),
        ("Not yes to both", "none", "none"),
        ("I cannot say yes to both", "none", "none"),
        ("Not both: yes", "none", "none"),
        ("Is it yes for both? I can't tell", "none", "none"),
        ("Yes to both? No.", "none", "none"),
        ("Yes to both would be wrong", "none", "none"),
        # A name in the negative.
        ("The image does not add: yes. Text represented: no.", "none", "none"),
        ("Image not adding: Yes; Text not represented: Yes", "none", "none"),
        ("It adds nothing: No. Text is represented: Yes", "none", "none"),
        # What cannot be told apart.
        ("Yes", "none", "none"),
        ("Yes or No", "none", "none"),
        ("Yes/No", "none", "none"),
        ("1. Yes/No 2. Yes/No", "none", "none"),
        ("1. Yes", "none", "none"),
        ("2. No", "none", "none"),
        ("1. Yes 2. No 3. Yes", "none", "none"),
        ("2. No 1. Yes", "none", "none"),
        ("Yes, yes, no", "none", "none"),
        ("Yes, it adds. The text is not there.", "none", "none"),
        ("", "none", "none"),
        ("1. Yes 2. No</think>", "none", "none"),
        (None, "failed", "failed"),
        ("[LMMS_EVAL_REQUEST_FAILED] x", "failed", "failed"),
    ],
)  # fmt: skip
def test_both(response: str | None, adds: str, represented: str) -> None:
    assert read("both", response) == (adds, represented)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{} (1)", "{} (2)"),
        ("{}, the image adds.", "{}, the text is represented."),
        ("Adds: {}.", "Represented: {}."),
        ("1. {}.", "2. {}."),
        ("{} 1.", "{} 2."),
    ],
)
@pytest.mark.parametrize("gap", [" ", "\n"])
def test_the_order_of_marked_answers_changes_nothing(one: str, other: str, gap: str) -> None:
    for adds, represented in itertools.product(("Yes", "No"), repeat=2):
        expected = {(adds.lower(), represented.lower()), ("none", "none")}
        parts = one.format(adds), other.format(represented)
        assert read("both", gap.join(parts)) in expected
        assert read("both", gap.join(reversed(parts))) in expected


WORDS = ("Yes", "No")
FORMS = (
    "1. {} 2. {}",
    "1) {}\n2) {}",
    "{}, {}",
    "{} and {}",
    "{}\n{}",
    "Adds: {}; represented: {}",
)


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(FORMS))
def test_both_in_every_form(adds: str, represented: str, form: str) -> None:
    expected = adds.lower(), represented.lower()
    assert read("both", form.format(adds, represented)) == expected
    assert read("both", form.format(f"**{adds}**", f"**{represented}**")) == expected


ORDER = order(TWEET)


def text_of(relation: Relation) -> str:
    return options(TWEET)[ORDER.index(relation)][3:]


ONE, TWO = ORDER[0], ORDER[1]


@pytest.mark.parametrize(
    ("response", "relation"),
    [
        *(("A", ONE), ("b.", TWO), ("(A)", ONE), ("[B]", TWO), ("**A**", ONE), ("“B”", TWO)),
        *(("A)", ONE), ("A) The image", ONE), ("B, because it is new.", TWO), ("B - new", TWO)),
        *(("Answer: B", TWO), ("The answer is A.", ONE), ("The correct answer is (b)", TWO)),
        *(("**Answer:** B; **EXPLANATION:** A is wrong", TWO), ("**Answer:** {A}", ONE)),
        ("Answer: A\nFinal answer: B", TWO),
        *(
            ("Option B", TWO),
            ("Statement B is true", TWO),
            ("I choose B", TWO),
            ("A is true.", ONE),
        ),
        ("Option A is false. Option B is true.", TWO),
        ("The answer is A because B is wrong", ONE),
        ("<think>A</think>B", TWO),
        (text_of(TWO), TWO),
        (f"I think {text_of(ONE).lower()}", ONE),
        (f"B) {text_of(TWO)}", TWO),
        *(("\\boxed{B}", TWO), ("$\\boxed{\\text{B}}$", TWO), ("<answer>B</answer>", TWO)),
        *(("B because the image adds", TWO), ("I think it's B", TWO), ("I'd go with B", TWO)),
        ("So the statement that is true is B", TWO),
        ("Based on the image, the correct answer would be: B", TWO),
        (text_of(TWO).replace(", and", ", but"), TWO),
        # A letter that is denied or asked is passed over.
        *(("B (not C)", TWO), ("A: no. B: yes", TWO), ("B rather than C.", None)),
        *(("A and C are false, B is true", TWO), ("A is wrong. B", TWO), ("B not A", TWO)),
        ("A is correct? No, B is correct", TWO),
        *(("I would not choose B", None), ("Do not select A. ", None), ("Not A)", None)),
        *(("Neither A) nor", None), ("answer b is wrong", None), ("B is true is wrong", None)),
        *(("Neither A nor B", None), ("Is B true? No.", None), ("The wrong answer is B", None)),
        *(("I do not think it's B", None), ("None of A, B, C or D", None), ("B. No.", None)),
        (f"Not A) {text_of(ONE)}", None),
        (f"B) {text_of(TWO)[:-1]} is wrong", None),
        (f"It is not true that {text_of(TWO).lower()}", None),
        *(
            (f"{text_of(ONE)} {end}", None)
            for end in ("False.", "This is not true.", "No.", "Or not?")
        ),
        *((f"{text_of(ONE)} {end}", None) for end in ("I don't think so.", "Is it so?")),
        *((f"{lead} {text_of(ONE)}", None) for lead in ("I disagree:", "It isn't true that")),
        *((f"{lead} {text_of(ONE)}", None) for lead in ("I doubt that", "Could it be that")),
        (f"“{text_of(ONE)}” does not hold.", None),
        *(("A) False", None), ("A ❌", None), ("❌ Option A", None), ("A: maybe", None)),
        *(("The opposite of A is true.", None), ("It would be wrong to choose B.", None)),
        *(("If there were a cake, the answer would be A.", None), ("A ❌ B ✅", TWO)),
        ("If I had to choose, I would say B", TWO),
        *(("I would choose B but C also fits.", None), ("I choose B, though A is close.", None)),
        *(("A is true only if there is a cake.", None), ("Statement A is a lie.", None)),
        # Half of an option, of this one and of others.
        (f"A) {text_of(ONE).split(',')[0]}", ONE),
        (f"B) {text_of(ONE).split(',')[0]}", None),
        (f"{text_of(TWO)[:-1].split(', and ')[1].capitalize()}, so the answer is A", None),
        # A letter in passing.
        ("The image contains a letter B.", None),
        *(("In picture (a), there is a cat.", None), ("(a) shows a dog, so D", None)),
        *(("There is a cat in picture (a).", None), ("I choose a picture", None)),
        # What cannot be told apart.
        *(
            ("I choose A or B", None),
            ("The answer is A or maybe B", None),
            ("(B) is true (A)", None),
        ),
        *(("A and B", None), ("A, B", None), ("A or B", None), ("A/B/C/D", None), ("A\nB", None)),
        *(("A picture of a cake", None), ("The answer is a picture", None), ("E", None)),
        *(("ABCD", None), ("Yes", None), ("", None), ("Option A is false", None)),
        ("Answer: {A/B/C/D}", None),
        ("\n".join(options(TWEET)), None),
        (f"A) {text_of(TWO)}", None),
        (f"{text_of(ONE)} {text_of(TWO)}", None),
    ],
)
def test_choice(response: str, relation: Relation | None) -> None:
    expected = tuple(
        "none" if relation is None else relation.answer(question).value for question in Question
    )
    assert read("choice", response) == expected
    assert read("choice", None) == ("failed", "failed")


@given(st.text(min_size=1, max_size=20), st.sampled_from(RELATIONS))
def test_the_letter_follows_the_option(tweet: str, relation: Relation) -> None:
    """For another tweet the letter stands for another relation; what is read is the same."""
    letter = LETTERS[order(tweet).index(relation)]
    line = options(tweet)[order(tweet).index(relation)]
    assert sorted(order(tweet)) == list(RELATIONS)
    assert line.startswith(f"{letter}) ")
    for response in (letter, f"({letter.lower()})", line, line[3:]):
        for question in Question:
            found = get_parser("choice").read(response, "en", Asked(tweet, question)).answer
            assert found is relation.answer(question)


def test_options_stand_at_each_place_about_equally_often() -> None:
    places = Counter(
        (relation, place) for n in range(4000) for place, relation in enumerate(order(str(n)))
    )
    # Binomial: 4000 tweets, a quarter each, standard deviation 27; four of them.
    assert len(places) == 16
    assert all(abs(count - 1000) < 110 for count in places.values())


def test_options_in_words() -> None:
    assert sorted(line[3:] for line in options("x")) == [
        "The image adds to the text meaning, and the text is not represented in the image.",
        "The image adds to the text meaning, and the text is represented in the image.",
        "The image does not add to the text meaning, and the text is not represented in the image.",
        "The image does not add to the text meaning, and the text is represented in the image.",
    ]


@pytest.mark.parametrize("parser", ["both", "choice"])
@given(response=st.text(alphabet="yesno 12.)abcd,\n:*", max_size=60))
def test_any_text_is_read(parser: str, response: str) -> None:
    assert set(read(parser, response)) <= {"yes", "no", "none"}


@pytest.mark.parametrize("parser", ["both", "choice", "negated"])
def test_the_question_has_to_be_known(parser: str) -> None:
    with pytest.raises(ScoreError, match=f"'{parser}' has to know which question was asked"):
        get_parser(parser).read("Yes", "en")


@pytest.mark.parametrize("parser", ["both", "choice"])
@pytest.mark.parametrize("unit", ["1. yes ", "a\n", "(a) ", "add: ", "yes and ", "answer: a "])
def test_a_long_hostile_text_is_read(parser: str, unit: str) -> None:
    """In a moment; in quadratic time it would take many minutes."""
    assert set(read(parser, unit * (2**18 // len(unit)))) <= {"yes", "no", "none"}


# Adapters


def test_adapters_that_need_an_image_are_named() -> None:
    for adapter in ("llava_hf", "llama_vision", "phi3v"):
        with pytest.raises(
            RunError, match=f"--model {adapter} cannot run itr_demo_lv~no-image_explained"
        ):
            check_image(get_task("itr_demo_lv~no-image_explained"), adapter)
        check_image(get_task("itr_demo_lv~grey-image"), adapter)
    check_image(get_task("itr_demo_lv~no-image"), "qwen2_vl")


ORDERED = "{% for part in messages[0]['content'] %}{{ part['type'] }} {% endfor %}"
IMAGES_FIRST = (
    "{% for part in messages[0]['content'] if part['type'] == 'image' %}image {% endfor %}"
    "{% for part in messages[0]['content'] if part['type'] == 'text' %}text {% endfor %}"
)


class Templated:
    def __init__(self, template: str) -> None:
        self.template = jinja2.Template(template)

    def apply_chat_template(self, messages: list[Any], **_: Any) -> str:
        return self.template.render(messages=messages)


@pytest.mark.parametrize("held", ["processor", "_processor", "_image_processor"])
@pytest.mark.parametrize(
    ("template", "message"),
    [
        (ORDERED, None),
        (IMAGES_FIRST, "puts the image into a place of its own"),
        ("{{ messages[0]['no'][1] }}", "cannot be tried (UndefinedError"),
        (None, "this adapter has no processor"),
    ],
)
def test_the_order_has_to_reach_the_model(
    held: str, template: str | None, message: str | None
) -> None:
    lm = SimpleNamespace(**{held: object() if template is None else Templated(template)})
    model = cast("ModelSpec", SimpleNamespace(adapter="llava_hf"))
    names = ("itr_demo_lv~p1", "itr_demo_lv~text-first")
    _check_template(lm, model, names[:1])
    if message is None:
        _check_template(lm, model, names)
        return
    with pytest.raises(ItrBenchError, match=re.escape(message)) as caught:
        _check_template(lm, model, names)
    assert str(caught.value).startswith("itr_demo_lv~text-first, --model llava_hf: ")


# Whole runs


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    from itr_bench.models.tiny import ARCHITECTURES, make_checkpoint

    root = tmp_path_factory.mktemp("tiny")
    return {name: make_checkpoint(name, root / name, seed=2) for name in ARCHITECTURES}


@pytest.fixture
def oracle() -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    from tests import variant_oracle

    variant_oracle.register()


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(cli, ["run", *arguments, "--out", str(folder), "--name", "r"])
    if found.exception is not None and not isinstance(found.exception, (SystemExit, ItrBenchError)):
        raise found.exception
    return found.exit_code, found.output + str(found.exception or "")


def tasks(*variants: str) -> str:
    return ",".join(f"itr_demo_lv~{variant}" for variant in variants)


@pytest.mark.slow
def test_one_who_knows_is_always_right(oracle: None, tmp_path: Path) -> None:
    """Prompt and reading agree: what a model that knows the labels says is read as right."""
    asked = ("p1", "p8", "defined", "negated", "both", "choice", "negated_explained")
    asked += ("both_explained", "choice_explained", "other-text")
    status, output = run(tmp_path, "--model", "oracle", "--tasks", tasks(*asked), "--seeds", "1")
    assert status == 0, output
    for variant in asked:
        found = read_run_folder(tmp_path / "r" / f"itr_demo_lv~{variant}")
        assert found.score.accuracy == 1.0, variant
        assert found.score.tweets == 24
        assert str(found.signature).startswith(f"task:itr_demo_lv~{variant}.1|")
        assert "?" not in str(found.signature)
        problems = _of_task(found, trial=True)
        assert problems == [
            f"itr_demo_lv~{variant} is a variant that the leaderboard does not take; submit a run "
            "of itr_demo_lv, or of itr_demo_lv~no-image"
        ]


@pytest.mark.slow
def test_an_interrupted_run_goes_on(
    oracle: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.variant_oracle import Oracle

    arguments = ("--model", "oracle", "--tasks", tasks("other-image"), "--seeds", "2")
    monkeypatch.setattr(Oracle, "fails_at", 21)
    assert run(tmp_path, *arguments)[0] == 1
    monkeypatch.setattr(Oracle, "fails_at", -1)
    folder = tmp_path / "r" / "itr_demo_lv~other-image"
    before = (folder / "responses.jsonl").read_bytes()
    assert before.count(b"\n") == 21
    assert run(tmp_path, *arguments)[0] == 0
    after = (folder / "responses.jsonl").read_bytes()
    assert after.startswith(before) and after.count(b"\n") == 96
    records = [json.loads(line) for line in after.splitlines()]
    shown = {d["tweet_id"]: d["image_sha256"] for d in of("other-image")}
    assert {r["tweet_id"]: r["image_sha256"] for r in records} == shown


TRIED = ("no-image", "other-image", "grey-image", "negated", "both", "choice", "text-first")
LIKELY = ("no-image_likelihood", "negated_likelihood", "p4_likelihood")


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["qwen2_vl", "llava_next", "mllama"])
def test_tiny_models_answer_all(
    architecture: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    variants = (*TRIED, *LIKELY) if architecture == "qwen2_vl" else ("no-image", LIKELY[0])
    status, output = run(
        tmp_path,
        *("--model", "itr_vlm", "--tasks", tasks(*variants), "--seeds", "1", "--limit", "3"),
        *("--model_args", f"pretrained={checkpoints[architecture]},device=cpu"),
        *("--gen_kwargs", "max_new_tokens=3"),
    )
    assert status == 0, output
    for variant in variants:
        found = read_run_folder(tmp_path / "r" / f"itr_demo_lv~{variant}")
        assert found.score.tweets == 3
        assert len(found.likelihoods) == (6 if variant.endswith("_likelihood") else 0)
    if architecture != "qwen2_vl":
        return
    lines = (tmp_path / "r" / "itr_demo_lv~both" / "responses.jsonl").read_text().splitlines()
    responses: dict[str, set[str]] = {}
    for record in map(json.loads, lines):
        responses.setdefault(record["tweet_id"], set()).add(record["response"])
    assert all(len(same) == 1 for same in responses.values())  # one prompt, one seed


@pytest.mark.slow
def test_stock_adapters_without_an_image(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    common = ("--tasks", tasks("no-image"), "--seeds", "1", "--limit", "2")
    common += ("--gen_kwargs", "max_new_tokens=3")
    for adapter, architecture in (("qwen2_vl", "qwen2_vl"), ("llava_hf", "llava_next")):
        where = f"pretrained={checkpoints[architecture]},device=cpu,device_map=cpu"
        status, output = run(tmp_path, "--model", adapter, "--model_args", where, *common)
        if adapter == "qwen2_vl":
            assert status == 0, output
            found = read_run_folder(tmp_path / "r" / "itr_demo_lv~no-image")
            assert set(found.images.values()) == {"none"}
        else:
            assert "--model llava_hf cannot run itr_demo_lv~no-image" in output
    where = f"pretrained={checkpoints['qwen2_vl']},device=cpu,device_map=cpu"
    arguments = ("--model", "qwen2_vl", "--model_args", where, "--tasks", tasks("text-first"))
    assert "gets text and image apart" in run(tmp_path, *arguments)[1]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["qwen2_vl", "llava_next", "mllama"])
def test_prompts_without_an_image_give_the_tokens_of_one_by_one_generation(
    architecture: str, checkpoints: dict[str, Path]
) -> None:
    from PIL import Image

    from itr_bench.engine.engine import Engine, Job, Kind
    from itr_bench.engine.loading import load
    from itr_bench.engine.rows import Way

    def chat(text: str, picture: bool = False) -> list[dict[str, Any]]:
        image = [{"type": "image"}] if picture else []
        return [{"role": "user", "content": [*image, {"type": "text", "text": text}]}]

    picture = Image.linear_gradient("L").convert("RGB").resize((96, 60))
    seeds = ((8263, 10652, 29960), (8263, 4037))
    asked = "Kūka un tēja. Does the image add?", "Kūka un tēja. Is the text in it?"
    without = Job((), tuple(map(chat, asked)), seeds, "without")
    with_one = Job((picture,), tuple(chat(text, True) for text in asked), seeds, "with")
    vlm = load(str(checkpoints[architecture]), device="cpu")
    sampling = {"max_new_tokens": 8, "do_sample": True, "temperature": 1.0}
    for jobs in ([without], [without, with_one], [with_one, without, with_one]):
        shared = Engine(vlm)
        found = shared.generate(jobs, sampling)
        assert shared.ways[Kind(images=0)] is Way.ATTENTION
        assert found == Engine(vlm, shared=False).generate(jobs, sampling)
        assert len({answer.ids for prompt in found[0] for answer in prompt}) > 1


@pytest.mark.slow
def test_through_lmms_eval(
    lmms_eval: RunLmmsEval, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    variants = ("no-image", "other-image", "negated", "both", "choice", "choice_explained")
    done = lmms_eval(
        *("--model", "itr_vlm", "--tasks", tasks(*variants), "--limit", "4"),
        *("--model_args", f"pretrained={checkpoints['qwen2_vl']},device=cpu"),
        *("--gen_kwargs", "max_new_tokens=3"),
    )
    from itr_bench.runs.lmms_log import read_samples

    for variant in variants:
        task = f"itr_demo_lv~{variant}"
        figures = done.figures(task)
        (samples,) = done.folder.rglob(f"*_samples_{task}.jsonl")
        found = read_samples(samples)
        assert found.task == task and found.score.tweets == 2
        assert found.score.accuracy == figures["relation_accuracy"]
        assert found.parser.name == get_task(task).parser
    assert set(read_samples(next(done.folder.rglob("*~no-image.jsonl"))).images.values()) == {
        "none"
    }
    config = done.results["configs"]["itr_demo_lv~choice"]
    assert "{% for option in options() %}" in json.dumps(config)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("itr_demo_lv~no-imag", "unknown variant 'no-imag'. Did you mean 'no-image'?"),
        ("itr_demo_lv~no-image", "--model llava_hf cannot run itr_demo_lv~no-image: it fails"),
    ],
)
def test_lmms_eval_refuses_before_it_loads(name: str, message: str) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    import lmms_eval.models  # noqa: F401  the entry point is loaded here
    from lmms_eval.tasks import TaskManager

    manager = TaskManager("ERROR", include_defaults=False, model_name="llava_hf")
    with pytest.raises(ItrBenchError, match=re.escape(message)):
        manager.match_tasks([name])
    assert manager.match_tasks(["itr_demo_lv~p1"]) == ["itr_demo_lv~p1"]


@pytest.mark.parametrize(
    ("variant", "shown", "prompt"),
    [
        ("no-image", "no image", "text; plain answers"),
        ("grey-image", "a grey picture of the same size", "image, text; plain answers"),
        ("text-first", "the text before the image", "text, image; plain answers"),
    ],
)
def test_a_dry_run_says_what_a_variant_shows(variant: str, shown: str, prompt: str) -> None:
    arguments = ["run", "--model", "itr_baseline", "--tasks", f"itr_demo_lv~{variant}", "--dry-run"]
    lines = CliRunner().invoke(cli, arguments, catch_exceptions=False).output.splitlines()
    assert f"  variant     {shown}" in lines
    assert f"  prompt      {prompt}" in lines
