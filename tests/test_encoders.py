"""Contrastive encoders, fold predictions without a VLM, and retrieval."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from itr_bench.data import home
from itr_bench.data.folds import check, make_folds, tied
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.relation import Relation
from itr_bench.studies.encoders import ranking, store
from itr_bench.studies.encoders.embed import Embedded, Pairs, embed
from itr_bench.studies.encoders.threshold import fit
from itr_bench.studies.encoders.trained import Division, by_similarity, by_text, divide
from itr_bench.studies.no_vlm import content, read_rows
from itr_bench.studies.retrieval import STUDY
from itr_bench.studies.retrieval_scores import gaps, means, read_ranks
from itr_bench.studies.study import RESULT, Job, Material, Result, get_study, read_result
from itr_bench.tasks.spec import get_task

FIRST_ID = 10**18


def _ids(count: int) -> list[str]:
    return [str(FIRST_ID + i) for i in range(count)]


def _balanced(each: int) -> np.ndarray:
    return np.repeat(np.arange(4, dtype=np.int8), each)


# Folds


def test_tied_follows_what_is_shared_through_others() -> None:
    #          0    1    2    3    4
    images = ["a", "b", "a", "c", "d"]
    texts_ = ["x", "y", "z", "z", "w"]  # 0-2 by image, 2-3 by text
    assert tied(images, texts_).tolist() == [0, 1, 0, 0, 2]
    assert tied(["a", "b"], ["x", "y"]).tolist() == [0, 1]


@given(
    relations=st.lists(st.integers(0, 3), min_size=8, max_size=60),
    sharing=st.integers(1, 30),
    count=st.integers(2, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_folds_keep_groups_whole_and_do_not_depend_on_the_order(
    relations: list[int], sharing: int, count: int, seed: int
) -> None:
    labels = np.array(relations, np.int8)
    groups = np.arange(len(labels)) % sharing
    names = _ids(len(labels))
    found = make_folds(labels, groups, names, count, seed)
    assert set(found.tolist()) <= set(range(count))
    for group in set(groups.tolist()):
        assert len(set(found[groups == group].tolist())) == 1
    back = np.arange(len(labels))[::-1]
    again = make_folds(labels[back], groups[back], [names[i] for i in back], count, seed)
    assert again.tolist() == found[back].tolist()


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4), st.integers(2, 6), st.integers(0, 9))
def test_folds_of_tweets_that_share_nothing_are_stratified(
    counts: list[int], count: int, seed: int
) -> None:
    labels = np.repeat(np.arange(4, dtype=np.int8), counts)
    found = make_folds(labels, np.arange(len(labels)), _ids(len(labels)), count, seed)
    for relation in range(4):
        sizes = np.bincount(found[labels == relation], minlength=count)
        assert sizes.max() - sizes.min() <= 1


def test_folds_are_the_same_everywhere() -> None:
    # By `printf 'fold 7 %s' ID | sha256sum`, sorted: the tweets 5 6 7 0 2 4 3 1; dealt out by hand.
    names, labels = _ids(8), np.array([0, 0, 0, 0, 3, 3, 3, 3], np.int8)
    found = make_folds(labels, np.arange(8), names, 2, 7)
    assert found.tolist() == [1, 1, 0, 0, 1, 0, 1, 0]
    other = make_folds(labels, np.arange(8), names, 2, 8)
    assert other.tolist() != found.tolist()


@pytest.mark.parametrize(
    ("relations", "groups", "count", "said"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], 5, "tweets with images and texts of their own: 4, expected 5"),
        ([0, 3] * 5, [0] * 10, 2, "tweets with images and texts of their own: 1, expected 2"),
        (
            [0] * 6 + [1] * 6 + [2] * 6 + [3] * 2,
            list(range(20)),
            3,
            "relation 3 (adds nothing, not represented): tweets of its own: 2, expected 3",
        ),
        ([0] * 6 + [1] * 6, list(range(12)), 3, "the same answer to 'adds'"),
        ([0] * 6 + [2] * 6, list(range(12)), 3, "the same answer to 'represented'"),
        ([0, 3] * 5, list(range(10)), 1, "folds=1: expected 2 or more"),
    ],
)
def test_what_cannot_be_divided_is_refused(
    relations: list[int], groups: list[int], count: int, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        check(np.array(relations, np.int8), np.array(groups), count)
    assert said in str(caught.value)


def test_several_reasons_come_in_one_go() -> None:
    with pytest.raises(DataError) as caught:
        check(np.array([0, 0], np.int8), np.arange(2), 5)
    assert str(caught.value).count("  - ") == 3  # too few, and one answer to each question


# Thresholds


@pytest.mark.parametrize(
    ("values", "yes", "both_ways", "cut", "above"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], False, 2.5, True),
        ([4, 1, 3, 2], [1, 0, 1, 0], False, 2.5, True),
        ([1, 2, 3, 4], [1, 1, 0, 0], False, -math.inf, True),  # no better than always yes
        ([1, 2, 3, 4], [1, 1, 0, 0], True, 2.5, False),
        ([1, 2, 3, 4], [1, 1, 1, 0], False, -math.inf, True),
        ([1, 2, 3, 4], [0, 0, 1, 0], False, math.inf, True),  # a cut is right as often: constant
        ([1, 2, 9, 10], [0, 1, 1, 1], False, 1.5, True),
        ([0, 0.1, 5, 6], [0, 1, 0, 1], False, 5.5, True),  # 0.05 is right as often: widest gap
        ([2, 2, 2], [1, 0, 0], True, -math.inf, False),  # always no
        ([5], [1], True, -math.inf, True),
    ],
)
def test_threshold(
    values: list[float], yes: list[int], both_ways: bool, cut: float, above: bool
) -> None:
    found = fit(np.array(values, float), np.array(yes, bool), both_ways=both_ways)
    assert (found.cut, found.above) == (pytest.approx(cut), above)


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.booleans()), min_size=1, max_size=40),
    st.booleans(),
)
def test_no_threshold_is_right_more_often(points: list[tuple[int, bool]], both_ways: bool) -> None:
    values = np.array([value for value, _ in points], float)
    yes = np.array([answer for _, answer in points])
    found = fit(values, yes, both_ways=both_ways)
    right = int((found.says_yes(values) == yes).sum())
    cuts = [-math.inf, *(value + 0.5 for value in range(-21, 21)), math.inf]
    best = max(int(((values > cut) == yes).sum()) for cut in cuts)
    if both_ways:
        best = max(best, *(int(((values < cut) == yes).sum()) for cut in cuts))
    assert right == best


# Fold predictions


def _division(
    relations: np.ndarray, *, folds: int = 5, seeds: tuple[int, ...] = (1, 2)
) -> Division:
    names = _ids(len(relations))
    return Division(names, relations, np.arange(len(relations)), folds, seeds)


METADATA = {"seeds": [1, 2], "folds": 5, "tweets": 8, "tweets_in_set": 8}


def _row(said: np.ndarray, division: Division, **metadata: Any) -> Any:
    result = Result(
        "no-vlm",
        "made-up",
        "itr_demo_lv",
        "demo-0",
        {**METADATA, "seeds": list(division.seeds), **metadata},
        content(said, division),
    )
    (row,) = read_rows([result])
    return row


def test_an_encoder_that_separates_is_found() -> None:
    relations = _balanced(25)
    division = _division(relations)
    rng = np.random.default_rng(0)
    shown = relations % 2 == 0
    similarities = np.where(shown, 0.3, 0.2) + rng.uniform(-0.04, 0.04, len(relations))
    row = _row(by_similarity(similarities, division), division)
    assert row.score.represented_accuracy == 1
    assert row.score.samples == 2
    # Above 0.25 in the training folds says nothing of *adds*: half of each side adds.
    assert 0.3 < row.score.adds_accuracy < 0.7
    assert row.score.accuracy == row.score.adds_accuracy


def test_an_encoder_that_knows_nothing_says_the_majority_of_the_other_folds() -> None:
    relations = np.repeat(np.array([0, 3], np.int8), [30, 10])
    division = _division(relations)
    said = by_similarity(np.zeros(40), division)
    assert said.all()
    assert _row(said, division).score.accuracy == 0.75


def test_labels_of_a_fold_never_reach_its_answers() -> None:
    relations = _balanced(10)
    division = _division(relations, seeds=(3,))
    fold_of = division.of(3)
    rng = np.random.default_rng(1)
    similarities = rng.normal(size=40)
    texts = [f"word{rng.integers(6)} other{rng.integers(6)}" for _ in range(40)]
    before = [by_similarity(similarities, division), by_text(texts, division)]
    held = fold_of == 0

    class Held(Division):
        """The same folds, with the labels of fold 0 turned round."""

        def of(self, seed: int) -> np.ndarray:
            return fold_of

        @property
        def answers(self) -> np.ndarray:
            answers = super().answers
            answers[:, held] = ~answers[:, held]
            return answers

    changed = Held(*(getattr(division, name) for name in vars(division)))
    after = [by_similarity(similarities, changed), by_text(texts, changed)]
    for one, other in zip(before, after, strict=True):
        assert (one[:, :, held] == other[:, :, held]).all()


def test_the_text_model_finds_a_word() -> None:
    pytest.importorskip("sklearn")
    relations = _balanced(15)
    rng = np.random.default_rng(0)
    noise = ["cepu", "maizi", "kafija", "rīts", "ogas", "pīrāgs", "zupa", "tēja"]
    texts = [
        " ".join(
            [
                *rng.choice(noise, 3),
                "brīnums" if Relation(r).adds else "parasts",
                "bildē" if Relation(r).represented else "citur",
            ]
        )
        for r in relations
    ]
    division = _division(relations, seeds=(1,))
    assert _row(by_text(texts, division), division).score.accuracy == 1
    shuffled = [texts[i] for i in rng.permutation(len(texts))]
    assert _row(by_text(shuffled, division), division).score.accuracy < 0.6


def test_the_features_are_those_of_a_vectorizer_that_saw_the_training_texts_only() -> None:
    pytest.importorskip("sklearn")
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    from itr_bench.studies.encoders.text_model import FEATURES, TextModel

    texts = ["Cepu maizi rītā", "cepu kūku", "Zupa un tēja, zupa", "kafija", "pilnīgi cits teksts"]
    train, other = np.array([0, 1, 2]), np.array([3, 4])
    model = TextModel(texts)
    of_train, of_other = model.features(train, other)
    kinds = [TfidfVectorizer(**kind, sublinear_tf=True) for kind in FEATURES]
    expected = hstack([kind.fit_transform([texts[i] for i in train]) for kind in kinds])
    held = hstack([kind.transform([texts[i] for i in other]) for kind in kinds])
    assert np.allclose(of_train.toarray(), expected.toarray())
    assert np.allclose(of_other.toarray(), held.toarray())
    # Inner products with the training texts are all that a penalised regression sees.
    a, b = model.coordinates(train, other)
    assert np.allclose(a @ a.T, (expected @ expected.T).toarray())
    assert np.allclose(b @ a.T, (held @ expected.T).toarray())


@pytest.mark.parametrize("texts", [[""] * 16, [" "] * 16, ["", *[" "] * 15]])
def test_texts_without_a_character_are_refused(texts: list[str]) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(DataError, match="empty"):
        by_text(texts, _division(_balanced(4), folds=2))


def test_too_few_tweets_for_nested_folds_are_refused() -> None:
    pytest.importorskip("sklearn")
    relations = np.array([0, 0, 3, 3], np.int8)
    with pytest.raises(DataError, match=r"relation \d has 1 tweet of its own outside a fold"):
        by_text(["a b", "c d", "e f", "g h"], _division(relations, folds=2))


def test_tweets_with_one_image_or_text_stand_in_one_fold() -> None:
    texts = [f"text {i}" for i in range(40)]
    texts[39] = " Text  0"  # the same but for case and blanks
    images = [f"image {i}" for i in range(40)]
    images[1] = images[39]
    pairs = Pairs(_ids(40), _balanced(10), texts, images, lambda i: Image.new("RGB", (8, 8)))
    division = divide(pairs, 5, (1,))
    assert len(set(division.of(1)[[0, 1, 39]].tolist())) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"answers": []},
        {"answers": {"1": [0, "yy"]}},
        {"answers": {"1": [0, "yy", "y"]}},
        {"answers": {"1": [4, "yy", "yy"]}},
        {"answers": {"1": [0, "yy", "yx"]}},
        {"answers": {"1": None}},
        {"answers": {}},
    ],
)
def test_damaged_fold_predictions_are_refused(broken: dict[str, Any]) -> None:
    result = Result("no-vlm", "m", "t", "d", METADATA, broken, path="here.json")
    with pytest.raises(DataError, match=r"here\.json: not the fold predictions"):
        read_rows([result])


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"seeds": 3}, "seeds is 3, expected a list"),
        ({"folds": "5"}, "folds is '5', expected a whole number"),
        ({"tweets": None}, "tweets is None, expected a whole number"),
        ({"encoder": {}}, "token_limit is None, expected a whole number"),
    ],
)
def test_damaged_metadata_is_refused(metadata: dict[str, Any], said: str) -> None:
    content_ = {"truncated": int("encoder" in metadata)}
    result = Result("no-vlm", "m", "t", "d", {**METADATA, **metadata}, content_, "here.json")
    with pytest.raises(DataError) as caught:
        read_rows([result])
    assert said in str(caught.value)
    assert "here.json is damaged" in str(caught.value)


# Ranks


def _naive(
    images: np.ndarray, texts: np.ndarray, image_keys: Sequence[str], text_keys: Sequence[str]
) -> tuple[list[int], list[int]]:
    """By the definition, one query at a time."""
    count = len(images)
    tweets = set(zip(text_keys, image_keys, strict=True))
    right = (
        [
            {j for j in range(count) if (text_keys[i], image_keys[j]) in tweets}
            for i in range(count)
        ],
        [
            {j for j in range(count) if (text_keys[j], image_keys[i]) in tweets}
            for i in range(count)
        ],
    )
    found: tuple[list[int], list[int]] = ([], [])
    for query in range(count):
        for side, (queries, others) in enumerate(((texts, images), (images, texts))):
            like = [float(queries[query] @ others[j]) for j in range(count)]
            own = right[side][query]
            best = max(like[j] for j in own)
            before = [j for j in range(count) if j not in own and like[j] >= best - 1e-6]
            found[side].append(1 + len(before))
    return found


@settings(deadline=None)
@given(st.data())
def test_ranks_are_those_of_a_naive_computation(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    # Whole numbers: products are exact, and ties are frequent.
    row = st.lists(st.integers(-2, 2), min_size=3, max_size=3)
    images = np.array(data.draw(st.lists(row, min_size=count, max_size=count)), np.float32)
    texts = np.array(data.draw(st.lists(row, min_size=count, max_size=count)), np.float32)
    keys = st.lists(st.sampled_from("abcdefghijkl"), min_size=count, max_size=count)
    image_keys, text_keys = data.draw(keys), data.draw(keys)
    found = ranking.ranks(images, texts, image_keys, text_keys)
    expected = _naive(images, texts, image_keys, text_keys)
    assert (found.text_to_image.tolist(), found.image_to_text.tolist()) == expected


@pytest.mark.parametrize("block_bytes", [1, 200, 2**20])
def test_ranks_do_not_depend_on_the_blocks(
    monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    rng = np.random.default_rng(5)
    images, texts = _unit(rng, 57), _unit(rng, 57)
    keys = [str(i // 2) for i in range(57)], [str(i // 3) for i in range(57)]
    expected = _naive(images, texts, *keys)
    monkeypatch.setattr(ranking, "_BLOCK_BYTES", block_bytes)
    done: list[int] = []
    found = ranking.ranks(images, texts, *keys, progress=done.append)
    assert (found.text_to_image.tolist(), found.image_to_text.tolist()) == expected
    assert sum(done) == 57


def _unit(rng: np.random.Generator, count: int, dimensions: int = 16) -> np.ndarray:
    drawn = rng.normal(size=(count, dimensions))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_known_ranks() -> None:
    images = np.eye(4, dtype=np.float32)
    # Text 0 is right, texts 1 and 2 are swapped, text 3 is like all images.
    texts = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0.5] * 4], np.float32)
    keys = list("abcd")
    found = ranking.ranks(images, texts, keys, keys)
    assert found.text_to_image.tolist() == [1, 4, 4, 4]
    # Image 3 gets 0.5 from its text and 0 from the others. Image 1: its text 0, text 2 gives 1,
    # text 3 gives 0.5, text 0 is tied with its own.
    assert found.image_to_text.tolist() == [1, 4, 4, 1]
    assert ranking.recall(found.text_to_image, 1).mean() == 0.25
    assert ranking.reciprocal(found.text_to_image).tolist() == [1, 0.25, 0.25, 0.25]


def test_an_encoder_that_tells_nothing_apart_finds_nothing() -> None:
    rng = np.random.default_rng(2)
    same = np.repeat(_unit(rng, 1, 768), 101, axis=0)  # products differ in their last bits
    keys = [str(i) for i in range(101)]
    found = ranking.ranks(same, same, keys, keys)
    assert set(found.text_to_image.tolist()) == {101}
    assert set(found.image_to_text.tolist()) == {101}


def test_copies_count_as_right() -> None:
    rng = np.random.default_rng(3)
    images, texts = _unit(rng, 6), _unit(rng, 6)
    texts[0] = images[5]  # the image of another tweet, with the same text
    alone = [str(i) for i in range(6)]
    shared = ["t", "1", "2", "3", "4", "t"]
    assert ranking.ranks(images, texts, alone, alone).text_to_image[0] > 1
    assert ranking.ranks(images, texts, alone, shared).text_to_image[0] == 1


def test_a_copy_of_a_right_candidate_is_right() -> None:
    """Text t stands with images a and b; the copy of b that stands with text u is right, too."""
    a, b, u = np.eye(3, dtype=np.float32)
    images, texts = np.stack([a, b, b]), np.stack([b, b, u])
    found = ranking.ranks(images, texts, ["a", "b", "b"], ["t", "t", "u"])
    # For both copies of t all three images, for u both copies of b: 3 + 3 + 2.
    assert found.right_pairs == 8
    # Wrong are image a for text u and text u for image a, each tied with the right ones.
    assert found.text_to_image.tolist() == [1, 1, 2]
    assert found.image_to_text.tolist() == [2, 1, 1]


def test_chance_follows_the_right_pairs() -> None:
    ranks = {"text_to_image": [1] * 20, "image_to_text": [1] * 20}
    every = [_ranked(f"itr_demo_{code}", ranks) for code in ("lv", "en")]
    plain = STUDY.analyse(Material(results=every))
    assert plain is not None
    assert [row[-1] for row in plain.figures[0].table.rows] == [0.05] * 4
    one = replace(every[0], content={**every[0].content, "right_pairs": 40})
    assert read_ranks(one).chance == 0.1
    section = STUDY.analyse(Material(results=[one, every[1]]))
    assert section is not None
    assert [row[-1] for row in section.figures[0].table.rows] == [0.1, 0.05] * 2


@pytest.mark.parametrize("study", ["no-vlm", "retrieval"])
@pytest.mark.parametrize(
    "base", ["itr_demo_lv~p1", "itr_demo_lv_explained", "itr_demo_lv~no-image_likelihood"]
)
def test_a_base_that_is_asked_something_is_refused(tmp_path: Path, study: str, base: str) -> None:
    execute = get_study(study).execute
    assert execute is not None
    with pytest.raises(DataError, match=f"study {study}: an encoder is asked nothing") as caught:
        execute(_job("text-linear", tmp_path, base))
    assert f"  - {base}: take itr_demo_lv" in str(caught.value)


def test_a_set_of_one_image_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_MOST_RIGHT", 50)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="100 pairs of text and image are right, at most 50"):
        keys = ["same"] * 10
        ranking.ranks(_unit(rng, 10), _unit(rng, 10), keys, keys)


# Means and gaps


def _ranked(task: str, ranks: Mapping[str, Sequence[int]], pictures: str = "p") -> Result:
    count = len(ranks["text_to_image"])
    return Result(
        "retrieval",
        "made-up",
        task,
        f"demo-{task}",
        {
            "pictures": pictures,
            "encoder": {"name": "made-up", "token_limit": 9},
            "tweets": count,
            "tweets_in_set": count,
        },
        {"tweets": _ids(count), "relations": [0] * count, "truncated": 0, "right_pairs": count}
        | ranks,
        path=f"{task}.json",
    )


def test_means_of_known_ranks() -> None:
    ranks = {"text_to_image": [1, 2, 5, 10] * 5, "image_to_text": [1] * 20}
    one = read_ranks(_ranked("itr_demo_lv", ranks))
    found = means(one.values("text_to_image"))
    assert [mean.value for mean in found] == pytest.approx([0.25, 0.75, 1.0, 0.45])
    low, high = found[0].interval or (0, 0)
    assert 0 < low < 0.25 < high < 0.6
    assert one.language == "Latvian"


def test_a_gap_between_languages_is_told() -> None:
    better = {"text_to_image": [1] * 30 + [9] * 10, "image_to_text": [3] * 40}
    worse = {"text_to_image": [1] * 10 + [9] * 30, "image_to_text": [3] * 40}
    # In another order of tweets: paired by id.
    a, b = _ranked("itr_demo_lv", better), _ranked("itr_demo_en", worse)
    turned = {
        name: list(reversed(values)) if isinstance(values, list) else values
        for name, values in b.content.items()
    }
    found = gaps([read_ranks(a), read_ranks(replace(b, content=turned))])
    assert [(gap.direction, gap.significant, gap.tests) for gap in found] == [
        ("text_to_image", 1, 2),
        ("image_to_text", 0, 2),
    ]
    assert (found[0].only_a, found[0].only_b) == (20, 0)
    assert found[0].differences[0].value == pytest.approx(0.5)
    assert found[0].p_value == pytest.approx(2 * 0.5**20)
    assert found[0].adjusted == pytest.approx(4 * 0.5**20)
    assert found[1].p_value == 1
    elsewhere = replace(b, metadata={**b.metadata, "pictures": "q"})
    assert gaps([read_ranks(a), read_ranks(elsewhere)]) == []


def test_few_tweets_have_no_test() -> None:
    ranks = {"text_to_image": [1, 2, 3], "image_to_text": [1, 2, 3]}
    results = [_ranked("itr_demo_lv", ranks), _ranked("itr_demo_en", ranks)]
    section = get_study("retrieval").analyse(Material(results=results))
    assert section is not None
    assert any("2 gaps are on fewer than 10 tweets" in line for line in section.limits)
    assert gaps([read_ranks(one) for one in results])[0].p_value is None


@pytest.mark.parametrize(
    "broken",
    [
        {"tweets": None},
        {"tweets": []},
        {"relations": [0, 0]},
        {"relations": [0, 0, 7]},
        {"text_to_image": [0, 1, 2]},
        {"image_to_text": [1, 2, 4]},
        {"image_to_text": ["a", 1, 2]},
        {"tweets": ["1", "1", "2"]},
        {"right_pairs": 2},
        {"right_pairs": 10},
        {"right_pairs": "3"},
    ],
)
def test_damaged_ranks_are_refused(broken: dict[str, Any]) -> None:
    ranks = {"text_to_image": [1, 2, 3], "image_to_text": [1, 2, 3]}
    good = _ranked("itr_demo_lv", ranks)
    with pytest.raises(DataError, match=r"itr_demo_lv\.json: not the ranks"):
        read_ranks(replace(good, content={**good.content, **broken}))


# Embedding and its store


class Counting:
    """An encoder of two dimensions that counts what it is asked for."""

    limit = 5

    def __init__(self, bad: str = "", *, dimensions: int = 2, name: str = "counting") -> None:
        self.name, self.bad, self.dimensions = name, bad, dimensions
        self.texts, self.images = 0, 0
        self.stops_at: int | None = None

    @property
    def metadata(self) -> Mapping[str, Any]:
        return {"name": self.name, "token_limit": self.limit}

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        if self.stops_at is not None and self.texts >= self.stops_at:
            raise KeyboardInterrupt
        self.texts += len(texts)
        found = [[len(text), 1] for text in texts]
        rows = np.array(found, np.float32)
        rows[[text == self.bad for text in texts]] = np.nan
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        self.images += len(images)
        return np.stack([np.eye(self.dimensions, dtype=np.float32)[0] for _ in images])


def _pairs(texts: Sequence[str], images: Sequence[str] | None = None) -> Pairs:
    count = len(texts)
    return Pairs(
        _ids(count),
        np.zeros(count, np.int8),
        texts,
        images or [f"hash {i}" for i in range(count)],
        lambda i: Image.new("RGB", (8, 8)),
    )


def test_each_content_is_embedded_once() -> None:
    encoder = Counting()
    pairs = _pairs(["a", "bb", "a", "ccc"], ["x", "x", "y", "x"])
    first = embed(encoder, pairs, batch_size=2)
    assert (encoder.texts, encoder.images) == (3, 2)
    again = embed(encoder, pairs)
    assert (encoder.texts, encoder.images) == (3, 2)
    assert first.texts.dtype == np.float32
    assert (again.texts == first.texts).all()
    assert (again.images == first.images).all()
    assert again.tokens.tolist() == first.tokens.tolist() == [1, 2, 1, 3]
    embed(Counting(name="another"), pairs)
    assert len(list((home.home() / store.FOLDER).glob("*.sqlite"))) == 2


def test_what_was_embedded_before_a_stop_is_not_lost() -> None:
    encoder = Counting()
    encoder.stops_at = 4
    pairs = _pairs([str(10**i) for i in range(8)])
    with pytest.raises(KeyboardInterrupt):
        embed(encoder, pairs, batch_size=2)
    encoder.stops_at = None
    embed(encoder, pairs, batch_size=2)
    assert encoder.texts == 8


def test_what_is_cut_is_counted_also_when_read_from_the_store() -> None:
    pairs = _pairs(["12345", "123456", "1234567890"])
    for _ in range(2):
        found = embed(Counting(), pairs)
        assert (found.truncated, found.limit, int(found.tokens.max())) == (2, 5, 10)


def test_similarities() -> None:
    found = Embedded(
        images=np.array([[1, 0], [0, 1]], np.float32),
        texts=np.array([[0.6, 0.8], [0, -1]], np.float32),
        tokens=np.array([1, 1]),
        limit=5,
    )
    assert found.similarities.tolist() == pytest.approx([0.6, -1])


def test_embeddings_that_are_not_numbers_are_named_and_not_kept() -> None:
    encoder = Counting(bad="bad")
    pairs = _pairs(["good", "bad", "fine"])
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            embed(encoder, pairs)
        assert f"text of tweet {FIRST_ID + 1}" in str(caught.value)
    assert encoder.texts == 3 + 1  # only the bad one is tried again


def test_sides_of_different_size_are_refused() -> None:
    with pytest.raises(DataError, match="3 dimensions, its texts 2"):
        embed(Counting(dimensions=3), _pairs(["a"]))


def test_a_damaged_store_is_named() -> None:
    encoder = Counting()
    embed(encoder, _pairs(["a"]))
    (path,) = (home.home() / store.FOLDER).glob("*.sqlite")
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(DataError, match="Delete the file") as caught:
        embed(encoder, _pairs(["a"]))
    assert str(path) in str(caught.value)


# Real checkpoints


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    pytest.importorskip("transformers", reason="the extra `eval` is not installed")
    from tests import tiny_encoders

    made: dict[str, Path] = {}
    folder = tmp_path_factory.mktemp("encoders")

    def make(family: str, **settings_: Any) -> Path:
        name = "-".join([family, *(f"{k}{v}" for k, v in settings_.items())])
        if name not in made:
            made[name] = tiny_encoders.make(family, folder / name, **settings_)
        return made[name]

    return make


TEXTS = ["Labrīt! 🍞", "", "kafija un tēja " * 20]
PICTURES = [
    Image.linear_gradient("L").convert("RGB").rotate(a).crop((0, 0, 90, 60)) for a in (0, 40)
]


@pytest.mark.parametrize(
    ("family", "length", "limit"),
    [("clip", 77, 77), ("siglip", 64, 64), ("dual", 66, 64), ("clip", 20, 20)],
)
def test_similarities_are_those_of_the_model_itself(
    checkpoints: Callable[..., Path], family: str, length: int, limit: int
) -> None:
    """XLM-RoBERTa of 66 positions takes 64 tokens: it counts from behind the one of padding."""
    import torch
    import transformers

    from itr_bench.studies.encoders.checkpoint import Encoder

    folder = checkpoints(family, length=length)
    encoder = Encoder(str(folder), device="cpu")
    assert (encoder.limit, encoder.name) == (limit, folder.name)
    tokens = encoder.tokens(TEXTS)
    marks = 1 if family == "siglip" else 2
    assert tokens == [len(text.encode()) + marks for text in TEXTS]
    images, texts = encoder.embed_images(PICTURES), encoder.embed_texts(TEXTS)
    assert images.dtype == texts.dtype == np.float32
    assert np.allclose(np.linalg.norm(texts, axis=1), 1)

    model = transformers.AutoModel.from_pretrained(folder, dtype="float32").eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    padding = "max_length" if family == "siglip" else True
    inputs = processor(
        text=TEXTS, images=PICTURES, padding=padding, truncation=True, max_length=limit,
        return_tensors="pt",
    )  # fmt: skip
    if family == "siglip":
        inputs.pop("attention_mask")
    with torch.inference_mode():
        logits = model(**inputs).logits_per_image.numpy()
    scale = float(model.logit_scale.detach().exp())
    bias = float(model.logit_bias.detach()) if family == "siglip" else 0.0
    assert np.allclose(scale * images @ texts.T + bias, logits, atol=1e-4)


def test_a_part_of_a_batch_has_the_same_embedding(checkpoints: Callable[..., Path]) -> None:
    from itr_bench.studies.encoders.checkpoint import Encoder

    encoder = Encoder(str(checkpoints("clip", length=77)), device="cpu")
    together = encoder.embed_texts(TEXTS)
    alone = np.concatenate([encoder.embed_texts([text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-6)


def _without(folder: Path, to: Path, change: Callable[[Path], object]) -> Path:
    import shutil

    shutil.copytree(folder, to)
    change(to)
    return to


def _edit(name: str, **values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / name
        found = json.loads(path.read_text())
        for key, value in values.items():
            at = found
            *outer, last = key.split("__")
            for one in outer:
                at = at[one]
            at[last] = value
        path.write_text(json.dumps(found))

    return change


def _drop_weight(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "config.json").unlink(), "cannot load"),
        (_edit("config.json", model_type="bert"), "not a dual encoder of images and texts"),
        (_edit("config.json", model_type="clip_vision_model"), "not a dual encoder"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 50), "cannot load"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot load"),
        (_drop_weight, "1 weights are not in the checkpoint (text_projection.weight"),
    ],
)
def test_what_is_no_such_encoder_is_refused(
    checkpoints: Callable[..., Path], tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    from itr_bench.studies.encoders.checkpoint import Encoder

    folder = _without(checkpoints("clip", length=77), tmp_path / "broken", change)
    with pytest.raises(DataError) as caught:
        Encoder(str(folder), device="cpu")
    assert said in str(caught.value)
    assert "Expected a contrastive encoder" in str(caught.value)


def test_a_vision_language_model_is_refused_before_its_weights_are_read(
    tmp_path: Path, checkpoints: Callable[..., Path]
) -> None:
    from itr_bench.models.tiny import make_checkpoint
    from itr_bench.studies.encoders.checkpoint import Encoder

    folder = make_checkpoint("qwen2_vl", tmp_path / "vlm")
    (folder / "model.safetensors").unlink()
    with pytest.raises(DataError, match="not a dual encoder of images and texts: it has no "):
        Encoder(str(folder), device="cpu")


def test_the_tokenizer_of_another_model_is_refused(
    checkpoints: Callable[..., Path], tmp_path: Path
) -> None:
    import transformers

    from itr_bench.studies.encoders.checkpoint import Encoder

    folder = _without(checkpoints("clip", length=77), tmp_path / "mixed", lambda folder: None)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["kafija"])
    tokenizer.save_pretrained(folder)
    encoder = Encoder(str(folder), device="cpu")
    encoder.embed_texts(["tēja"])
    with pytest.raises(DataError, match="the files of two models were mixed"):
        encoder.embed_texts(["kafija"])


def test_weights_that_are_not_numbers_are_refused(
    checkpoints: Callable[..., Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    from itr_bench.studies.encoders.checkpoint import Encoder

    def change(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        weights["visual_projection.weight"].fill_(math.nan)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    folder = _without(checkpoints("clip", length=77), tmp_path / "nan", change)
    with pytest.raises(DataError, match="not numbers") as caught:
        embed(Encoder(str(folder), device="cpu"), _pairs(["a", "b"]))
    assert f"image of tweet {FIRST_ID + 1}" in str(caught.value)


# The studies


def _study(*arguments: str) -> Any:
    from itr_bench.cli.main import cli

    return CliRunner().invoke(cli, ["study", *arguments])


def _job(model: str, tmp_path: Path, base: str = "itr_demo_lv", **arguments: Any) -> Job:
    return Job(model, arguments, (base,), tmp_path, None, None, lambda line: None)


def test_both_studies_on_the_demo(checkpoints: Callable[..., Path], tmp_path: Path) -> None:
    folder = checkpoints("clip", length=40)
    said: list[str] = []
    job = replace(_job(str(folder), tmp_path, device="cpu"), seeds=(1, 2), log=said.append)
    no_vlm = get_study("no-vlm")
    assert no_vlm.execute is not None
    files = no_vlm.execute(job)
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        f"no-vlm/text-linear/itr_demo_lv/{RESULT}",
        f"no-vlm/{folder.name}/itr_demo_lv/{RESULT}",
    ]
    assert said == [
        f"{folder.name}: 24 of 24 texts are longer than its 40 tokens and are cut (the longest "
        "has 110)"
    ]
    results = [read_result(file) for file in files]
    assert results[1].metadata["folds"] == 5
    assert len(results[1].metadata["seeds"]) == 2
    assert results[1].metadata["encoder"]["content"].startswith("sha256:")
    section = no_vlm.analyse(Material(results=results))
    assert section is not None
    assert [row[0] for row in section.figures[0].table.rows] == [
        f"{folder.name} (trained)",
        "text-linear (trained)",
    ]
    assert any("no zero-shot result" in text for text in section.paragraphs)
    assert any("24 of 24 texts are longer" in text for text in section.notices)

    before = [file.read_bytes() for file in files]
    assert no_vlm.execute(job) == files
    assert said[-1].endswith("already there, made with the same configuration")
    assert [file.read_bytes() for file in files] == before
    with pytest.raises(DataError, match=r"metadata\.folds: 5 there, 3 now"):
        no_vlm.execute(replace(job, arguments={**job.arguments, "folds": 3}))
    files[1].unlink()
    with pytest.raises(DataError, match=r"text-linear.*made with another configuration"):
        no_vlm.execute(replace(job, arguments={**job.arguments, "folds": 3}))
    assert not files[1].exists()  # else two rows of one set would be of two divisions

    retrieval = get_study("retrieval")
    assert retrieval.execute is not None
    files = retrieval.execute(replace(job, arguments={"device": "cpu"}, seeds=None))
    assert [file.parent.name for file in files] == ["itr_demo_lv", "itr_demo_en"]
    section = retrieval.analyse(Material(results=[read_result(file) for file in files]))
    assert section is not None
    assert len(section.figures) == 2
    assert [row[:2] for row in section.figures[1].table.rows] == [("Latvian", "English")] * 2


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("ltec_itr_lv", ("ltec_itr_lv", "ltec_itr_en_manual")),
        ("ltec_itr_en_manual", ("ltec_itr_en_manual", "ltec_itr_lv")),
        ("ltec_itr_lv_instruct_lv", ("ltec_itr_lv_instruct_lv", "ltec_itr_en_manual")),
        ("tirt", ("tirt",)),
    ],
)
def test_each_language_of_a_set_is_ranked_once(base: str, expected: tuple[str, ...]) -> None:
    assert get_study("retrieval").tasks(base) == expected


def test_an_encoder_that_knows_the_pairs_of_one_language(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All right in Latvian; in English it takes each tweet of the second half for the next one."""
    from itr_bench.studies.encoders import checkpoint
    from itr_bench.tasks.loading import open_task

    latvian, english = (
        Pairs.of(open_task(get_task(task))) for task in ("itr_demo_lv", "itr_demo_en")
    )
    place = {latvian.image(i).tobytes(): i for i in range(24)}
    of_text = {text: i for i, text in enumerate(latvian.texts)} | {
        text: i if i < 12 else 12 + (i + 1) % 12 for i, text in enumerate(english.texts)
    }

    class Knows(Counting):
        def __init__(self, pretrained: str) -> None:
            super().__init__(name=pretrained)

        def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
            return np.eye(24, dtype=np.float32)[[of_text[text] for text in texts]]

        def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
            return np.eye(24, dtype=np.float32)[[place[image.tobytes()] for image in images]]

    monkeypatch.setattr(checkpoint, "Encoder", Knows)
    study = get_study("retrieval")
    assert study.execute is not None
    results = [read_result(file) for file in study.execute(_job("knows", tmp_path))]
    section = study.analyse(Material(results=results))
    assert section is not None
    recalls = [(row[1], row[2], row[4]) for row in section.figures[0].table.rows]
    assert recalls == [
        ("Latvian", "text to image", 1.0),
        ("English", "text to image", 0.5),
        ("Latvian", "image to text", 1.0),
        ("English", "image to text", 0.5),
    ]
    assert [claim.finding for claim in section.claims] == [True, True]
    assert (
        "recall at 1 is 50.0 percentage points higher in Latvian than in English"
        in section.claims[0].text
    )


def test_the_same_bytes_for_the_same_input(
    checkpoints: Callable[..., Path], tmp_path: Path
) -> None:
    folder, study = checkpoints("siglip", length=64), get_study("no-vlm")
    assert study.execute is not None
    one, other = (
        study.execute(replace(_job(str(folder), tmp_path / name, device="cpu"), seeds=(1,)))
        for name in "ab"
    )
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]


def test_runs_are_compared_with_the_rows() -> None:
    from itr_bench.relation import QUESTIONS
    from itr_bench.runs.run import Run
    from itr_bench.scoring.predictions import ReadItem

    relations = _balanced(20)
    division = _division(relations, seeds=(1,))
    result = Result(
        "no-vlm",
        "enc",
        "itr_demo_lv",
        "demo-0",
        {"seeds": [1], "folds": 5, "tweets": 80, "tweets_in_set": 80, "encoder": {}},
        content(np.zeros((1, 2, 80), bool), division),  # always relation 3
    )
    right = tuple(
        ReadItem(tweet, question, int(r), (Relation(r).answer(question),))
        for tweet, r in zip(division.tweet_ids, relations, strict=True)
        for question in QUESTIONS
    )
    run = Run(model="perfect", task="itr_demo_lv", items=right, files=("f",), data="demo-0")
    elsewhere = replace(run, model="elsewhere", data="demo-1")
    section = get_study("no-vlm").analyse(Material(runs=[run, elsewhere], results=[result]))
    assert section is not None
    (row,) = section.figures[1].table.rows
    assert row[:6] == ("perfect", "enc (trained)", 80, 1.0, 0.25, 0.75)
    assert [claim.text for claim in section.claims if claim.finding] == [
        "perfect, itr_demo_lv: 75.0 percentage points above enc (trained)."
    ]
    assert get_study("no-vlm").analyse(Material(runs=[run])) is None


def test_rows_of_one_name_are_numbered() -> None:
    division = _division(_balanced(2), folds=2, seeds=(1,))
    found = content(np.zeros((1, 2, 8), bool), division)
    one = Result("no-vlm", "enc", "t", "d", {**METADATA, "seeds": [1]}, found, path="a")
    names = [row.name for row in read_rows([replace(one, path="b"), one, replace(one, data="e")])]
    assert sorted(names) == ["enc (trained)", "enc [1] (trained)", "enc [2] (trained)"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fold": 3}, "unknown argument 'fold'. Did you mean 'folds'?"),
        ({"folds": "x"}, "folds='x', expected a whole number"),
        ({"folds": True}, "folds=True, expected a whole number"),
        ({"batch_size": 0}, "batch_size=0, expected 1 or more"),
        ({"folds": 7}, "expected 7 or more for 7 folds"),
        ({"seeds": 1}, "unknown argument 'seeds'"),
    ],
)
def test_bad_arguments(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    execute = get_study("no-vlm").execute
    assert execute is not None
    with pytest.raises(ItrBenchError) as caught:
        execute(_job("text-linear", tmp_path, **arguments))
    assert said in str(caught.value)
    assert not list(tmp_path.rglob(RESULT))


def test_the_command_line(tmp_path: Path) -> None:
    done = _study(
        *("no-vlm", "--model", "text-linear", "--seeds", "7,", "--base", "itr_demo_en"),
        *("--out", str(tmp_path)),
    )
    assert done.exit_code == 0, done.output
    assert "text-linear (trained), itr_demo_en" in done.output
    (file,) = tmp_path.rglob(RESULT)
    assert read_result(file).metadata["seeds"] == [7]


@pytest.mark.parametrize(
    ("study", "option", "said"),
    [
        ("retrieval", ("--seeds", "2"), "retrieval draws no samples: leave --seeds away"),
        ("no-vlm", ("--gen_kwargs", "top_p=1"), "runs no VLM: leave --gen_kwargs away"),
        ("no-vlm", ("--name", "x"), "runs no VLM: leave --name away"),
        ("retrieval", ("--processes", "2"), "runs no VLM: leave --processes away"),
    ],
)
def test_options_of_runs_are_refused(
    tmp_path: Path, study: str, option: tuple[str, str], said: str
) -> None:
    done = _study(
        *(study, "--model", "text-linear", "--base", "itr_demo_lv", *option),
        *("--out", str(tmp_path)),
    )
    assert isinstance(done.exception, ItrBenchError)
    assert said in str(done.exception)
    assert not list(tmp_path.rglob(RESULT))


def test_the_command_line_names_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra `eval` is not installed")
    missing = str(tmp_path / "nowhere")
    done = _study("retrieval", "--model", missing, "--base", "itr_demo_lv", "--out", str(tmp_path))
    assert isinstance(done.exception, DataError)
    assert "cannot load" in str(done.exception)
    assert not list(tmp_path.rglob(RESULT))
