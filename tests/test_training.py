"""Fine-tuning with cross-validation: folds that cannot leak, and sequences that change nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from itr_bench.cli.main import cli
from itr_bench.data.near_copies import alike_pictures, alike_texts, plain_text, thumbnails
from itr_bench.errors import DataError, RunError
from itr_bench.models.spec import resolve_model
from itr_bench.tasks.spec import get_task
from itr_bench.training.config import TrainingConfig
from itr_bench.training.cross_validation import check_bases, language_tasks, training_tasks
from itr_bench.training.splits import Pool, divide, pool_of

# Near copies


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("RT @a_b: Kafija, un KŪKA! https://t.co/x", "kafija un kūka"),
        ("  @a @b_c https://t.co/abc ", ""),
        ("#kafija — 3,50 €", "kafija 3 50"),
        ("ART @x", "art"),
    ],
)
def test_what_of_a_text_is_compared(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Kafija un kūka Rīgā", "RT @x: Kafija un kūka Rīgā https://t.co/1", True),
        ("Kafija un kūka Rīgā šodien", "kafija un kūka rīgā šodien!!!", True),
        ("Šodien cepu ābolu plātsmaizi ar kanēli", "Vakar cepu ābolu plātsmaizi ar kanēli", True),
        ("Šodien cepu ābolu plātsmaizi", "Šodien cepu maizi", False),
        ("https://t.co/1", "https://t.co/2", False),
        ("ja", "ja", True),
        ("ja", "nē", False),
    ],
)
def test_near_copies_of_texts(one: str, other: str, alike: bool) -> None:
    assert alike_texts([one, "kaut kas pavisam cits", other]) == ([(0, 2)] if alike else [])


def _photo(number: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    picture = Image.radial_gradient("L").resize(size).rotate(40 * number)
    bands = [
        ImageEnhance.Brightness(picture).enhance(0.4 + 0.2 * (number + i) % 1) for i in (0, 1, 2)
    ]
    return Image.merge("RGB", bands)


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        (lambda photo: photo.resize((100, 80)), True),
        (lambda photo: ImageEnhance.Brightness(photo).enhance(1.01), True),
        (lambda photo: photo.convert("P").convert("RGB"), True),
        (lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(30), False),
        (lambda photo: ImageEnhance.Brightness(photo).enhance(0.8), False),
    ],
)
def test_near_copies_of_pictures(change: Callable[[Image.Image], Image.Image], alike: bool) -> None:
    pictures = [_photo(1), Image.new("RGB", (64, 64), "red"), change(_photo(1))]
    assert alike_pictures(thumbnails(pictures)) == ([(0, 2)] if alike else [])


# Folds


def _pool(relations: Sequence[int], groups: Sequence[int]) -> Pool:
    names = tuple(f"{1000 + number}" for number in range(len(relations)))
    return Pool(None, names, np.array(relations, np.int8), np.array(groups))  # type: ignore[arg-type]


_POOLS = st.lists(st.integers(0, 3), min_size=60, max_size=120).flatmap(
    lambda relations: st.lists(
        st.integers(0, len(relations) // 2), min_size=len(relations), max_size=len(relations)
    ).map(lambda groups: (relations, groups))
)


@settings(deadline=None, max_examples=60)
@given(_POOLS, st.sampled_from([10, 25, 50, 100]), st.sampled_from([0, 2]), st.integers(1, 99))
def test_no_group_is_on_both_sides(
    made: tuple[list[int], list[int]], share: int, early: int, seed: int
) -> None:
    pool = _pool(*made)
    config = TrainingConfig(
        ("lv",), folds=3, batch_size=1, share=share, early_stopping=early, seed=seed
    )
    try:
        folds = divide(pool, config)
        parts = [folds.training(fold, config) for fold in range(3)]
    except DataError:
        return  # too few of a relation once groups are kept whole: refused, never leaked
    group = dict(zip(pool.tweet_ids, pool.groups.tolist(), strict=True))
    for fold, part in enumerate(parts):
        held_out = {group[t] for t, of in folds.by_tweet.items() if of == fold}
        train, inner = ({group[t] for t in side} for side in (part.train, part.inner))
        assert not held_out & train and not held_out & inner and not train & inner
    assert sorted(folds.by_tweet) == sorted(pool.tweet_ids)


def test_smaller_shares_lie_in_larger_ones_and_keep_the_relations() -> None:
    pool = _pool([0] * 40 + [1] * 20 + [2] * 30 + [3] * 10, range(100))
    seen: list[set[str]] = []
    for share in (10, 25, 50, 100):
        config = TrainingConfig(("lv",), folds=5, batch_size=1, share=share)
        seen.append(set(divide(pool, config).training(0, config).train))
    assert [len(one) for one in seen] == [8, 20, 40, 80]
    assert all(small < large for small, large in itertools.pairwise(seen))


def test_shuffled_labels_keep_the_counts_and_the_held_out_tweets() -> None:
    pool = _pool([0] * 40 + [1] * 20 + [2] * 30 + [3] * 10, range(100))
    config = TrainingConfig(("lv",), folds=5, batch_size=1, shuffled_labels=True)
    folds = divide(pool, config)
    right = dict(zip(pool.tweet_ids, pool.relations.tolist(), strict=True))
    for fold in range(5):
        part = folds.training(fold, config)
        taught = [part.relations[t] for t in part.train]
        assert sorted(taught) == sorted(right[t] for t in part.train)
        assert taught != [right[t] for t in part.train]
        assert all(part.relations[t] == right[t] for t in right if t not in part.train)


def test_folds_are_the_same_everywhere() -> None:
    config = TrainingConfig(("lv",), folds=3, batch_size=1)
    folds = divide(pool_of([get_task("itr_demo_lv")]), config)
    again = divide(pool_of([get_task("itr_demo_en")]), config)
    assert folds.hash == again.hash == HASH_OF_DEMO
    assert np.bincount(folds.fold_of).tolist() == [8, 8, 8]


HASH_OF_DEMO = "9c7d2341e2d8"

# What is refused


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"folds": 1}, "folds is 1, expected 2 or more"),
        ({"epochs": 0}, "epochs is 0, expected 1 or more"),
        ({"share": 101}, "share is 101, expected 1 to 100"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected a number above 0"),
        ({"learning_rate": math.nan}, "learning_rate is nan, expected a number above 0"),
        ({"learning_rate": math.inf}, "learning_rate is inf, expected a number above 0"),
        ({"seed": -1}, "seed is -1, expected 0 to 4294967291"),
        ({"seed": 2**32}, "seed is 4294967296, expected 0 to 4294967291"),
        ({"warmup": 1.5}, "warmup is 1.5, expected 0 to 1"),
    ],
)
def test_settings_that_make_no_sense(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=f"^{said}$"):
        TrainingConfig(("lv",), **setting)


@pytest.mark.parametrize(
    ("folds", "batch", "share", "said"),
    [
        (30, 1, 100, "tweets with images and texts of their own: 24, expected 30 or more"),
        (7, 1, 100, r"relation 0 \(adds, represented\): tweets of its own: 6, expected 7 or more"),
        (2, 16, 100, "fold 1 of 2 leaves 12 tweets to train on"),
    ],
)
def test_sets_that_cannot_be_divided(folds: int, batch: int, share: int, said: str) -> None:
    config = TrainingConfig(("lv",), folds=folds, batch_size=batch, share=share)
    with pytest.raises(DataError, match=said):
        divide(pool_of([get_task("itr_demo_lv")]), config).training(0, config)


@pytest.mark.parametrize(
    ("model", "arguments", "bases", "said"),
    [
        ("itr_baseline", "", ["itr_demo_lv"], "trains models of itr_vlm"),
        ("itr_vlm", "pretrained=x,peft=y", ["itr_demo_lv"], "cannot be given another"),
        ("itr_vlm", "pretrained=x", ["itr_demo_lv_explained"], "a bare yes or no"),
        ("itr_vlm", "pretrained=x", ["itr_demo_lv~no-image"], "a bare yes or no"),
        (
            "itr_vlm",
            "pretrained=x",
            ["ltec_itr_lv", "ltec_itr_lv_instruct_lv"],
            "ask in different languages",
        ),
    ],
)
def test_models_and_tasks_that_cannot_be_trained(
    model: str, arguments: str, bases: list[str], said: str
) -> None:
    with pytest.raises(RunError, match=said):
        check_bases([get_task(base) for base in bases], resolve_model(model, model_args=arguments))


@pytest.mark.parametrize(
    ("base", "languages"),
    [
        (
            "ltec_itr_lv",
            {
                "lv": "ltec_itr_full_lv",
                "en": "ltec_itr_full_en",
                "fr": "ltec_itr_fr_mt",
                "de": "ltec_itr_de_mt",
                "it": "ltec_itr_it_mt",
                "es": "ltec_itr_es_mt",
            },
        ),
        ("ltec_itr_lv_instruct_lv", {"lv": "ltec_itr_lv_instruct_lv"}),
        ("itr_demo_en", {"lv": "itr_demo_lv", "en": "itr_demo_en"}),
        ("tirt", {"en": "tirt"}),
    ],
)
def test_what_a_language_is_learned_from(base: str, languages: dict[str, str]) -> None:
    found = language_tasks([get_task(base)])
    assert {code: task.name for code, task in found.items()} == languages


def test_a_language_without_texts() -> None:
    with pytest.raises(RunError, match=r"--train lv\+xx: no texts in xx; there are lv, en"):
        training_tasks([get_task("itr_demo_lv")], ["lv", "xx"])


def test_ctrl_c_says_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from itr_bench.studies import training

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "execute", interrupted)
    line = ("study", "training", "--model", "itr_vlm", "--model_args", "pretrained=x")
    more = ("--base", "itr_demo_lv", "--out", str(tmp_path))
    done = CliRunner().invoke(cli, [*line, *more])
    assert done.exit_code == 130
    assert f"interrupted. What was answered is kept in {tmp_path}" in done.output
