"""What the studies tell, on constructed models that share their seeds: sizes of tests, answers that
change, and the negation. All simulations are seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from itr_bench.relation import QUESTIONS, Question
from itr_bench.runs.run import Run
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies import comparisons, image_ablation, language, prompt
from itr_bench.studies.changes import Change, changes
from itr_bench.studies.comparisons import limits
from itr_bench.studies.grouping import variant_runs
from itr_bench.studies.negation import negation
from itr_bench.studies.statistics import Contrast, Paired, compared, shares
from itr_bench.studies.study import Material
from tests.test_studies import (
    analysed,
    answering,
    by_name,
    claims,
    figure,
    predictions_of,
    right_answers,
    run_of,
    some_gold,
)

Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]


def right_where(right: Bools) -> Predictions:
    """Predictions that are right where *right*, shape (T, S), says so."""
    return predictions_of(np.zeros(len(right)), right, np.ones_like(right))


def most_by_chance(families: int, level: float = 0.05) -> int:
    """So many of *families* are exceeded once in 1,000 times, if each is at *level*."""
    from scipy.stats import binom

    return int(binom.ppf(0.999, families, level))


# What is told


def test_an_undecided_run_is_not_told_from_steady_ones_of_its_accuracy() -> None:
    # McNemar's test alone rejects in all of these: most samples of the undecided run are wrong.
    rng = np.random.default_rng(1)
    tweets, samples = 350, 10
    families = []
    for _ in range(60):
        undecided = right_where(rng.random((tweets, samples)) < 0.4)
        steady = rng.random((5, tweets, 1)) < 0.4
        families.append(
            [Contrast(right_where(np.repeat(one, samples, 1)), undecided) for one in steady]
        )
    found = compared(families)
    assert all((one.adjusted or 0) < 0.05 for family in found for one in family)
    told = sum(any(one.significant for one in family) for family in found)
    assert told <= most_by_chance(60)


@pytest.mark.parametrize("samples", [2, 3, 10])
@pytest.mark.parametrize("same_seeds", [False, True])
def test_what_a_seed_does_to_all_tweets_is_no_difference(samples: int, same_seeds: bool) -> None:
    # Without the seeds as clusters, 8 in 10 of those with seeds of their own were told. The t test
    # has 4 to 7 % here: it knows the noise of a seed from few seeds.
    rng = np.random.default_rng(2)
    families = []
    for _ in range(150):
        noise = rng.random((2, samples))  # by run and seed: the same for all tweets
        if same_seeds:
            noise[1] = noise[0]
        families.append([Contrast(*(right_where(own < rng.beta(4, 4, (300, 1))) for own in noise))])
    told = sum(one.significant != 0 for (one,) in compared(families))
    assert told <= most_by_chance(150, 0.07)


def test_a_known_gap_is_covered_and_told_where_runs_share_their_noise() -> None:
    rng = np.random.default_rng(3)
    tweets, samples, gap, simulations = 350, 5, 0.08, 300
    families = []
    for _ in range(simulations):
        noise = rng.random((tweets, samples))  # of a seed and tweet, in both languages
        hard = rng.beta(1, 1, (tweets, 1)) * (1 - gap)
        families.append([Contrast(right_where(noise < hard + gap), right_where(noise < hard))])
    found = [one for (one,) in compared(families)]
    ends = [one.interval or (1, 0) for one in found]
    missed = sum(not low <= gap <= high for low, high in ends)
    assert missed <= most_by_chance(simulations)
    assert sum(one.significant == 1 for one in found) > 0.9 * simulations
    assert not any(one.significant == -1 for one in found)


def test_where_the_two_tests_see_other_sides_nothing_is_told() -> None:
    # A has 60 tweets right in 6 of 10 samples where B has 5, and 100 in 6 where B has all.
    def hits(*counts: tuple[int, int]) -> Predictions:
        of_tweet = np.repeat([hits for hits, _ in counts], [tweets for _, tweets in counts])
        places = np.arange(10) + np.arange(len(of_tweet))[:, None]  # no seed is better than others
        return right_where(places % 10 < of_tweet[:, None])

    ((found,),) = compared([[Contrast(hits((6, 60), (6, 100)), hits((5, 60), (10, 100)))]])
    assert (found.only_a, found.only_b) == (60, 0)
    assert found.difference == pytest.approx((60 * 0.1 - 100 * 0.4) / 160)
    assert found.adjusted is not None and found.adjusted < 0.001
    assert found.mean_adjusted is not None and found.mean_adjusted < 0.001
    assert found.significant == 0


def _pair(samples: int) -> Paired:
    right = np.repeat(np.arange(40)[:, None] < 30, samples, 1)
    ((found,),) = compared([[Contrast(right_where(right), right_where(~right))]])
    return found


def test_of_one_seed_a_test_says_so() -> None:
    for samples, said in ((1, True), (2, False)):
        found = _pair(samples)
        assert found.samples == samples
        text = comparisons.test_of(found, "there", "here")
        assert ("for this seed only" in text) == said
        assert "McNemar test on 40 tweets: 30 right only there, 10 only here" in text
        assert "over the 1 comparison of this study" in text


@pytest.mark.parametrize("tweets", [9, 10])
def test_ten_tweets_are_the_fewest_for_intervals_and_tests(tweets: int) -> None:
    right = np.ones((tweets, 1), dtype=bool)
    ((found,),) = compared([[Contrast(right_where(right), right_where(~right))]])
    (share,) = shares([(np.arange(tweets), tweets)])
    known = [found.interval, found.p_value, found.mean_p_value, found.mean_adjusted]
    assert [one is not None for one in [*known, share.interval]] == [tweets == 10] * 5
    assert found.significant == (tweets == 10)


def test_what_cannot_be_told_has_a_line_for_each_model() -> None:
    rng = np.random.default_rng(4)
    gold = some_gold(60)
    runs = []
    for model, wrong in (("first", 0.1), ("second", 0.4)):
        for task in ("ltec_itr_lv", "ltec_itr_lv~no-image"):
            own = tuple(
                np.where(rng.random(60) < wrong, 1 - answers, answers).astype(np.int8)
                for answers in right_answers(gold)
            )
            runs.append(answering(task, gold, own, model=model))  # type: ignore[arg-type]
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    lines = [line for line in section.limits if "right in most samples" in line]
    assert [line.split(",")[0] for line in lines] == [
        "first: of 60 tweets",
        "second: of 60 tweets",
    ]
    assert len({line.partition("exactly")[2] for line in lines}) == 2


def test_runs_that_are_right_on_the_same_tweets_have_a_limit_too() -> None:
    right = right_where(np.arange(20)[:, None] < 12)
    ((found,),) = compared([[Contrast(right, right)]])
    (line,) = limits([found])
    assert line.startswith("Of 20 tweets, both runs have the very same right in most samples")


def test_two_gaps_are_not_said_to_differ() -> None:
    gold = some_gold(40)
    tasks = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_lv_instruct_lv")
    runs = [answering(task, gold, right_answers(gold)) for task in tasks]
    for number, said in ((2, False), (3, True)):
        section = analysed(language.analyse(Material(runs[:number])))
        assert (
            "That one gap is significant and another is not does not say that the two gaps differ."
            in (section.limits)
        ) == said


# Answers that change


def _changes(reference: Run, variant: Run) -> dict[Question, Change]:
    variants, _ = variant_runs(Material([reference, variant]), image_ablation.tasks)
    (found,) = changes(variants)
    return found


def _change(
    a: Predictions, b: Predictions, seeds_a: Sequence[int] | None, seeds_b: Sequence[int] | None
) -> Change:
    known = [None if seeds is None else tuple(seeds) for seeds in (seeds_a, seeds_b)]
    found = _changes(
        run_of("ltec_itr_lv", a, seeds=known[0]), run_of("ltec_itr_lv~no-image", b, seeds=known[1])
    )
    return found[Question.ADDS]


_SAMPLES = 4


def _sampled(
    gold: NDArray[np.int8], rng: np.random.Generator, changed: Callable[[Numbers], Numbers]
) -> tuple[tuple[NDArray[np.int8], ...], tuple[NDArray[np.int8], ...]]:
    """The answers of a model that is sampled with the same seeds twice, the second time with
    *changed* chances of a yes.
    """
    noise = rng.random((2, len(gold), _SAMPLES))
    chances = np.stack([0.15 + 0.7 * answers for answers in right_answers(gold)])[:, :, None]
    return tuple(
        tuple((own < chance).astype(np.int8) for own, chance in zip(noise, of, strict=True))
        for of in (chances, changed(chances))
    )  # type: ignore[return-value]


_BLIND = {
    "text": ("no-image", "grey-image", "other-image"),
    "image": ("shuffled-words", "other-text"),
}
"""What does not reach a model that reads the one side alone."""


@pytest.mark.parametrize("side", ["text", "image"])
def test_a_sampled_model_that_uses_one_side_is_found_with_shared_seeds(side: str) -> None:
    rng = np.random.default_rng(5)
    gold = some_gold(200)
    own, other = _sampled(gold, rng, lambda chances: np.roll(chances, 1, axis=1))
    runs = [run_of("ltec_itr_lv", predictions_of(gold, *own))]
    for variant in image_ablation.WITHOUT:
        answers = own if variant in _BLIND[side] else other
        runs.append(run_of(f"ltec_itr_lv~{variant}", predictions_of(gold, *answers)))
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    shown = by_name(figure(section, "Answers that change"), 1, 2)
    for question in ("adds", "represented"):
        (still,) = claims(section, f"no answer to {question} changes")
        (moved,) = claims(section, f"answers to {question} change by more than chance")
        named = still.partition("no ")[2]
        for variant in image_ablation.WITHOUT:
            row = shown[variant, question]
            blind = variant in _BLIND[side]
            assert (image_ablation.WITHOUT[variant] in named) == blind
            assert (image_ablation.WITHOUT[variant] in moved) != blind
            assert row["Between samples alone %"] > 0.2
            low, high = row["95 % interval"]  # the last of this name: beyond chance
            if blind:
                assert (row["Beyond that, percentage points"], low, high) == (0, 0, 0)
                assert row["Of these, yes against no %"] == 0
            else:
                assert row["Beyond that, percentage points"] > 0.1 and low > 0
                assert row["Of these, yes against no %"] > 0.2
    lower = claims(section, "accuracy is", "lower")
    assert len(lower) == len(image_ablation.WITHOUT) - len(_BLIND[side])


@settings(deadline=None, max_examples=30)
@given(
    st_numpy.arrays(np.int8, (12, 3), elements=st.integers(-2, 1)),
    st.permutations([11, 12, 13]),
)
def test_the_same_answers_seed_by_seed_change_nothing(
    answers: NDArray[np.int8], order: list[int]
) -> None:
    gold = some_gold(12)
    places = [[11, 12, 13].index(seed) for seed in order]
    found = _change(
        predictions_of(gold, answers, answers),
        predictions_of(gold, answers[:, places], answers[:, places]),
        (11, 12, 13),
        order,
    )
    assert found.beyond is not None and found.alone is not None
    assert (found.beyond.value, found.beyond.interval, found.turned) == (0, (0, 0), 0)
    assert found.raw.value == pytest.approx(found.alone)
    assert found.of_one_seed


def test_with_the_same_distribution_nothing_changes_on_average() -> None:
    # The noise of a seed turned round is the same distribution, and as unlike as can be.
    rng = np.random.default_rng(6)
    noise, chance = rng.random((4000, 3)), rng.beta(2, 2, (4000, 1))
    a, b = ((one < chance).astype(np.int8) for one in (noise, 1 - noise))
    gold = some_gold(4000)
    found = _change(predictions_of(gold, a, a), predictions_of(gold, b, b), range(3), range(3))
    assert found.turned / found.parsed > found.raw.value + 0.1
    assert found.beyond is not None
    assert found.beyond.value == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("seeds_a", "seeds_b", "one_seed", "read", "raw"),
    [
        # Of the answers 1 0 and 1 1: pairs of two seeds are 1 1 and 0 1.
        ((1, 2), (1, 2), True, 20, 0.5),
        ((1, 2), (2, 1), True, 20, 0.5),
        ((1, 2), (2, 3), True, 10, 1 / 3),
        ((1, 2), (3, 4), False, 40, 0.5),
        (None, (3, 4), True, 20, 0.5),
        ((1, 2), (1, 2, 3), True, 20, 0.5),
    ],
)
def test_pairs_of_one_seed_are_counted_apart(
    seeds_a: Any, seeds_b: Any, one_seed: bool, read: int, raw: float
) -> None:
    gold = some_gold(10)
    a = np.tile(np.array([1, 0], dtype=np.int8), (10, 1))
    b = np.ones((10, len(seeds_b)), dtype=np.int8)
    found = _change(predictions_of(gold, a, a), predictions_of(gold, b, b), seeds_a, seeds_b)
    assert (found.of_one_seed, found.parsed) == (one_seed, read)
    assert found.raw.value == pytest.approx(raw)
    assert found.alone == pytest.approx(0.5)  # all of two samples of a, none of b


def test_of_one_sample_the_pair_of_one_seed_is_what_changes() -> None:
    gold = some_gold(10)
    a = np.tile(np.array([0, 1], dtype=np.int8), (10, 1))
    b = np.ones((10, 1), dtype=np.int8)
    for seeds, raw in (((5,), 1), ((6,), 0), ((7,), 0.5)):
        found = _change(predictions_of(gold, a, a), predictions_of(gold, b, b), (5, 6), seeds)
        assert (found.raw.value, found.alone, found.beyond) == (raw, None, None)


# The negation


@pytest.mark.parametrize("read", [1, 9, 10])
def test_of_few_read_tweets_a_negation_has_no_interval(read: int) -> None:
    gold = some_gold(350)
    words = np.arange(350) % 2
    answers = [np.where(np.arange(350) < read, one, -1) for one in (words, 1 - words)]
    plain, negated = (predictions_of(gold, one, one) for one in answers)
    found = negation(plain, negated, Question.ADDS)
    assert (found.tweets, found.parsed_tweets, found.alike) == (350, read, 0)
    known = [found.alike_interval, found.kappa_interval, found.yes_interval]
    known += [found.yes_negated_interval]
    assert [one is not None for one in known] == [read == 10] * 4
    if read == 10:
        # Five of each word, each pair apart: one of 252 deals, doubled.
        assert found.p_value == pytest.approx(2 / 252, abs=0.006)
    else:
        assert found.p_value is None


def test_what_a_negation_fits_by_chance_is_that_of_the_shares_of_yes() -> None:
    words = np.array([1] * 7 + [0] * 3, dtype=np.int8)
    negated = np.array([1] * 4 + [0] * 6, dtype=np.int8)  # as it was turned round
    found = negation(
        predictions_of(some_gold(10), words, words),
        predictions_of(some_gold(10), negated, negated),
        Question.ADDS,
    )
    assert found.by_chance == pytest.approx(0.7 * 0.4 + 0.3 * 0.6)
    assert found.alike == pytest.approx(0.7)
    assert found.kappa == pytest.approx((0.7 - 0.46) / (1 - 0.46))


@pytest.mark.parametrize(("tweets", "samples"), [(12, 1), (12, 3), (100, 3)])
def test_random_words_are_no_denial(tweets: int, samples: int) -> None:
    # Yes to 7 of 10 of either, whatever is asked: they fit in 42 %, less than half, by chance.
    rng = np.random.default_rng(7)
    gold = some_gold(tweets)
    told = 0
    for _ in range(100):
        words, negated = rng.random((2, tweets, samples)) < 0.7
        found = negation(
            predictions_of(gold, words, words),
            predictions_of(gold, ~negated, ~negated),
            Question.ADDS,
        )
        told += found.p_value is not None and found.p_value < 0.05
    assert told <= most_by_chance(100, 0.025)


def test_one_word_to_both_questions_is_a_denial() -> None:
    rng = np.random.default_rng(8)
    words = rng.random((100, 3)) < rng.beta(0.5, 0.5, (100, 1))
    gold = some_gold(100)
    found = negation(
        predictions_of(gold, words, words), predictions_of(gold, ~words, ~words), Question.ADDS
    )
    assert found.kappa is not None and found.kappa < -0.3
    assert found.p_value is not None and found.p_value < 0.01


def test_a_sampled_model_that_agrees_is_found_with_shared_seeds() -> None:
    rng = np.random.default_rng(9)
    gold = some_gold(300)
    yes = rng.random((2, 300, 3)) < 0.98  # noise of seed and tweet, the same for both questions
    runs = [
        run_of("ltec_itr_lv", predictions_of(gold, *yes)),
        run_of("ltec_itr_lv~negated", predictions_of(gold, *~yes)),
    ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    assert len(claims(section, "the model agrees whatever is asked")) == len(QUESTIONS)


@pytest.mark.parametrize(("tweets", "said"), [(9, 0), (10, 1)])
def test_what_was_not_tested_is_not_called_untold(tweets: int, said: int) -> None:
    gold = some_gold(tweets)
    same = predictions_of(gold, *right_answers(gold))
    runs = [run_of(task, same) for task in ("ltec_itr_lv", "ltec_itr_lv~no-image")]
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    assert (
        sum("no significant change of accuracy" in claim.text for claim in section.claims) == said
    )
    assert any("no test and no interval was computed" in limit for limit in section.limits) != said
