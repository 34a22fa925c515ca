"""Scores, checked against a case worked out by hand and against scikit-learn."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, bootstrap
from scipy.stats import t as student
from sklearn.metrics import confusion_matrix, f1_score

from itr_bench.errors import ScoreError
from itr_bench.relation import Answer, Question, Relation
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.intervals import mean_interval, mean_intervals
from itr_bench.scoring.metrics import score
from itr_bench.scoring.predictions import Predictions, ReadItem, pair
from itr_bench.scoring.signature import Signature, digest
from itr_bench.scoring.significance import holm

LETTERS = {"y": Answer.YES, "n": Answer.NO, "-": Answer.NONE, "!": Answer.FAILED}


def items(rows: list[tuple[str, int, str, str]]) -> list[ReadItem]:
    """Rows of tweet id, relation, and the answers to both questions as letters, one a sample."""
    return [
        ReadItem(tweet, question, relation, tuple(LETTERS[letter] for letter in letters))
        for tweet, relation, adds, represented in rows
        for question, letters in ((Question.ADDS, adds), (Question.REPRESENTED, represented))
    ]


def random_predictions(seed: int, tweets: int = 60, samples: int = 5) -> Predictions:
    draw = random.Random(seed)
    return pair(
        items(
            [
                (
                    str(tweet),
                    draw.randrange(4),
                    "".join(draw.choices("yn-!", (5, 5, 1, 1), k=samples)),
                    "".join(draw.choices("yn-!", (5, 5, 1, 1), k=samples)),
                )
                for tweet in range(tweets)
            ]
        )
    )


def test_a_case_worked_out_by_hand() -> None:
    # Tweet a (0): sample 1 yes/yes -> 0, right; sample 2 yes/no -> 1, wrong.
    # Tweet b (1): sample 1 yes/no -> 1, right;  sample 2 yes/no -> 1, right.
    # Tweet c (2): sample 1 no/unread -> unread;  sample 2 no/yes -> 2, right.
    # Tweet d (3): sample 1 yes/no -> 1, wrong;  sample 2 failed/no -> unread.
    found = score(
        pair(
            items(
                [
                    ("a", 0, "yy", "yn"),
                    ("b", 1, "yy", "nn"),
                    ("c", 2, "nn", "-y"),
                    ("d", 3, "y!", "nn"),
                ]
            )
        )
    )
    assert found.accuracy_by_sample == (0.5, 0.5)
    assert found.accuracy == 0.5
    assert found.accuracy_sd == 0.0
    assert found.confusion == ((1, 1, 0, 0, 0), (0, 2, 0, 0, 0), (0, 0, 1, 0, 1), (0, 1, 0, 0, 1))
    assert found.recall == (0.5, 1.0, 0.5, 0.0)
    assert found.adds_accuracy == 6 / 8  # d is wrong twice
    assert found.represented_accuracy == 6 / 8  # a once, c once
    assert found.unparseable_rate == 1 / 16
    assert found.failed_rate == 1 / 16
    assert found.sample_agreement == 1 / 4  # only b predicts the same twice
    # F1, sample 1: 0: 1, 1: 2/3, 2: 0, 3: 0 -> 5/12; sample 2: 0: 0, 1: 2/3, 2: 1, 3: 0 -> 5/12.
    assert found.macro_f1 == pytest.approx(5 / 12)
    assert (found.majority_class, found.uniform_chance) == (0.25, 0.25)
    assert found.tweets == 4


@pytest.mark.parametrize("seed", range(5))
def test_scikit_learn_finds_the_same(seed: int) -> None:
    predictions = random_predictions(seed)
    found = score(predictions)
    f1 = [
        f1_score(
            predictions.gold,
            predictions.predicted[:, s],
            labels=range(4),
            average="macro",
            zero_division=0,
        )
        for s in range(predictions.samples)
    ]
    table = sum(
        confusion_matrix(predictions.gold, predictions.predicted[:, s], labels=[0, 1, 2, 3, -1])
        for s in range(predictions.samples)
    )
    assert found.macro_f1 == pytest.approx(np.mean(f1), abs=1e-12)
    assert np.array_equal(np.array(found.confusion), table[:4])
    by_sample = [
        (predictions.gold == predictions.predicted[:, s]).mean() for s in range(predictions.samples)
    ]
    assert found.accuracy == pytest.approx(np.mean(by_sample))
    assert found.accuracy_sd == pytest.approx(np.std(by_sample, ddof=1))


def test_agreement_is_the_share_of_equal_pairs() -> None:
    predictions = random_predictions(7)
    pairs = [
        predictions.predicted[tweet, i] == predictions.predicted[tweet, j]
        for tweet in range(60)
        for i in range(5)
        for j in range(i)
    ]
    assert score(predictions).sample_agreement == pytest.approx(np.mean(pairs))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_in_which_answers_arrive_does_not_matter(
    seed: int, shuffle: random.Random
) -> None:
    rows = [(str(t), (t * seed) % 4, "ynyn"[t % 4] * 2, "ny"[t % 2] * 2) for t in range(12)]
    read = items(rows)
    shuffled = list(read)
    shuffle.shuffle(shuffled)
    assert score(pair(shuffled)) == score(pair(read))


def test_samples_of_a_tweet_stay_together_in_the_interval() -> None:
    one = random_predictions(3, tweets=100, samples=1)
    ten = dataclasses.replace(
        one,
        adds=np.repeat(one.adds, 10, axis=1),
        represented=np.repeat(one.represented, 10, axis=1),
    )
    # Ten copies of a sample know no more than one.
    assert score(ten).interval == score(one).interval


def test_the_interval_covers_the_truth_at_its_rate() -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        right = draw.random(120) < 0.3
        rows = [(str(t), 0, "y", "y" if r else "n") for t, r in enumerate(right)]
        interval = score(pair(items(rows)), resamples=600).interval
        assert interval is not None
        covered += interval.low <= 0.3 <= interval.high
    # 300 trials at 0.95 lie in 271 to 297 with a probability of 0.9999.
    assert binom.ppf(0.00005, 300, 0.95) - 6 <= covered <= 300


@pytest.mark.parametrize(
    ("tweets", "resamples"), [(2, 10_000), (3, 10_000), (40, 10_000), (350, 10_000), (60, 777)]
)
def test_the_interval_is_the_percentile_bootstrap_of_scipy(tweets: int, resamples: int) -> None:
    values = np.random.default_rng(tweets).integers(0, 11, tweets) / 10
    expected = bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    found = mean_interval(values, resamples=resamples)
    assert found is not None
    assert (found.low, found.high, found.standard_error) == pytest.approx(
        (*expected.confidence_interval, expected.standard_error), abs=1e-12
    )


@pytest.mark.parametrize("largest", [10, 10**9])
def test_intervals_for_many_are_those_for_one(largest: int) -> None:
    values = np.random.default_rng(2).integers(-largest, largest + 1, (300, 40))
    found = mean_intervals([values])
    for number in (0, 255, 256, 299):
        one = mean_interval(values[number] / largest)
        assert one is not None
        assert found[number] / largest == pytest.approx((one.low, one.high), abs=1e-12)
    # Whole numbers add up to the last bit, whoever else is there.
    assert np.array_equal(found[250:], mean_intervals([values[250:]]))


def test_further_domains_are_drawn_independently() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 11, 40), rng.integers(0, 11, 25)
    means = [
        values[np.random.default_rng(seed).integers(0, len(values), (10_000, len(values)))].mean(1)
        for seed, values in enumerate((first, second))
    ]
    found = mean_intervals([first[None], second[None]])
    assert found[0] == pytest.approx(np.percentile(sum(means), (2.5, 97.5)), abs=1e-12)
    # One domain three times is no more evidence than once; three are.
    alone = mean_intervals([first[None]])
    assert np.diff(mean_intervals([first[None]] * 3) / 3) < 0.7 * np.diff(alone)


def test_one_tweet_has_no_interval_and_one_sample_no_deviation() -> None:
    found = score(pair(items([("a", 0, "y", "y")])))
    assert (found.accuracy, found.interval, found.accuracy_sd, found.sample_agreement) == (
        1,
        None,
        None,
        None,
    )
    assert found.recall == (1.0, None, None, None)


def test_a_tweet_with_one_question_is_left_out_and_counted() -> None:
    read = items([("a", 0, "y", "y"), ("b", 3, "n", "n")])[:3]
    predictions = pair(read)
    assert predictions.tweet_ids == ("a",)
    assert predictions.unpaired == ("b",)
    assert score(predictions).unpaired == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (items([("a", 0, "y", "y")])[:1], "no tweet has answers to both questions"),
        ([], "no tweet has answers"),
        (items([("a", 0, "y", "y"), ("a", 0, "y", "y")]), "tweet a: question 'adds' stands twice"),
        (items([("a", 4, "y", "y")]), "tweet a: relation 4, expected 0 to 3"),
        (items([("a", 0, "y", "y")])[:1] + items([("a", 1, "y", "y")])[1:], "two labels"),
        (items([("a", 0, "yy", "yy"), ("b", 0, "y", "y")]), "number of samples differs"),
    ],
)
def test_what_cannot_be_paired_is_said(rows: list[ReadItem], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        pair(rows)


def test_always_answering_one_relation_scores_its_share() -> None:
    rows = [(str(t), t % 3, "y", "n") for t in range(30)]
    found = score(pair(items(rows)))
    assert found.accuracy == pytest.approx(1 / 3)
    assert found.majority_class == pytest.approx(1 / 3)


def test_comparison_by_hand() -> None:
    relations = [int(Relation.ADDS_REPRESENTED)] * 10
    a = pair(items([(str(t), r, "y", "y" if t < 8 else "n") for t, r in enumerate(relations)]))
    b = pair(items([(str(t), r, "y", "y" if t < 2 else "n") for t, r in enumerate(relations)]))
    found = compare(a, b)
    assert found.difference == pytest.approx(0.6)
    assert (found.only_a, found.only_b, found.tweets) == (6, 0, 10)
    # Exact McNemar: six discordant tweets, all for A: 2 * 0.5 ** 6.
    assert found.p_value == pytest.approx(2 * 0.5**6)
    # The t test of six differences of 1 and four of 0; one sample tells no noise.
    t = 0.6 / (0.24 / 9) ** 0.5
    assert found.mean_p_value == pytest.approx(2 * student.sf(t, 9))
    back = compare(b, a)
    assert back.difference == pytest.approx(-0.6)
    assert back.p_value == found.p_value


def test_comparison_uses_the_shared_tweets_only() -> None:
    a = pair(items([("1", 0, "y", "y"), ("2", 0, "y", "y"), ("3", 0, "n", "n")]))
    b = pair(items([("2", 0, "y", "y"), ("3", 0, "y", "y"), ("4", 0, "n", "n")]))
    found = compare(a, b)
    assert (found.tweets, found.difference) == (2, -0.5)
    alone = compare(a, pair(items([("3", 0, "y", "y")])))
    assert (alone.tweets, alone.interval, alone.mean_p_value) == (1, None, 1)
    with pytest.raises(ScoreError, match="share no tweet"):
        compare(a, pair(items([("9", 0, "y", "y")])))
    with pytest.raises(ScoreError, match="disagree on the label of a tweet: compare runs"):
        compare(a, pair(items([("1", 1, "y", "y")])))


def test_holm_by_hand() -> None:
    # Holm 1979: sorted 0.01, 0.02, 0.04 times 3, 2, 1, then made monotone.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []


SIGNATURE = Signature(
    task="t", version="1", tweets=350, samples=10, seeds=(1, 2), prompt="p", parser="yes-no.1",
    data="hub-1", adapter="a", generation={"temperature": 0.2}, harness="0.7.3", package="0.1.0",
    libraries={"torch": "2"}, bootstrap="10000.0",
)  # fmt: skip
CHANGED = {
    "task": "u", "version": "2", "tweets": 349, "samples": 9, "seeds": (2, 1), "prompt": "q",
    "parser": "yes-no.2", "data": "local-1", "adapter": "b", "generation": {"temperature": 0.3},
    "harness": "0.7.4", "package": "0.1.1", "libraries": {"torch": "3"}, "bootstrap": "1000.0",
}  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Signature)])
def test_every_field_of_the_signature_changes_the_line_and_the_object(field: str) -> None:
    changed = dataclasses.replace(SIGNATURE, **{field: CHANGED[field]})
    assert str(changed) != str(SIGNATURE)
    assert changed.as_dict() != SIGNATURE.as_dict()
    unknown = dataclasses.replace(SIGNATURE, **{field: None})
    assert str(unknown) != str(SIGNATURE)


OURS: dict[str, Any] = {
    "generation_kwargs": {
        "do_sample": True, "max_new_tokens": 512, "temperature": 0.2, "until": [],
    },
    "num_fewshot": 0,
    "order": ["image", "text"],
    "answer_format": "plain",
    "force_simple": False,
}  # fmt: skip
# settings beside the tasks' own, and what the line says of them
LINES: list[tuple[dict[str, Any], str]] = [
    ({}, "default"),
    ({"dtype": None, "engine": {}, "model_args": {}}, "default"),
    ({"dtype": "bfloat16", "device": "NVIDIA H200"}, "device=NVIDIA H200,dtype=bfloat16"),
    ({"order": ["text", "image"]}, "order=text+image"),
    ({"generation_kwargs": {**OURS["generation_kwargs"], "temperature": 0}}, "temperature=0"),
    ({"generation_kwargs": {**OURS["generation_kwargs"], "top_k": 1}}, "top_k=1"),
    (
        {"generation_kwargs": {"max_new_tokens": 512, "until": []}},
        "do_sample=unset,temperature=unset",
    ),
    ({"generation_kwargs": {"scoring": "likelihood"}}, "answer_format=plain,"),
    ({"sent": "not observed"}, "sent=not observed"),
    ({"sent": {"top_p": 0.9}, "seeding": "none"}, "seeding=none,sent.top_p=0.9"),
    ({"engine": {"shared": True, "rows_in_flight": 8}}, "engine.rows_in_flight=8,engine.shared=tr"),
    # What names the model is no setting
    ({"content": "commit:1", "revision": "2", "model_args": {"pretrained": "a/b"}}, "default"),
    ({"engine": {"served": {"model": {"id": "m", "max_model_len": 9}, "version": "1"}}},
     "engine.served.model.max_model_len=9,engine.served.version=1"),
    # Over-long, or what would part the line
    ({"system_instruction": "x" * 41}, f"system_instruction=#{digest('x' * 41)}"),
    ({"stop": "a,b"}, f"stop=#{digest('a,b')}"),
    ({"stop": "a\nb"}, f"stop=#{digest(chr(97) + chr(10) + chr(98))}"),
    ({"a|b": 1}, f"#{digest('a|b')}=1"),
    ({"order": []}, "order=[]"),
    ({f"k{i:02}": "v" * 30 for i in range(30)}, "#"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), LINES)
def test_the_line_names_the_settings_that_differ(more: dict[str, Any], expected: str) -> None:
    line = str(dataclasses.replace(SIGNATURE, generation={**OURS, **more}))
    found = line.partition("|generation:")[2].partition("|lmms-eval:")[0]
    assert found.startswith(expected)
    if expected != "#" and not expected.endswith((",", "tr")):
        assert found == expected
    assert len(found) <= 600 and line.isprintable()


def test_a_checkpoint_has_a_field_of_its_own() -> None:
    lines = [
        str(dataclasses.replace(SIGNATURE, generation={**OURS, **more}))
        for more in ({}, {"content": "commit:1"}, {"content": "commit:2"}, {"revision": "2"})
    ]
    assert len(set(lines)) == 4
    assert "|checkpoint:none|generation:default|" in lines[0]
    assert f"|checkpoint:{digest({'content': 'commit:1'})}|generation:default|" in lines[1]


def test_the_signature_is_one_line() -> None:
    assert "\n" not in str(SIGNATURE)
    assert str(SIGNATURE).startswith("task:t.1|tweets:350|samples:10|seeds:1,2|prompt:p|")
