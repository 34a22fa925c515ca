"""ReferenceLevel, tiers and power: against statsmodels, brute force, simulation, and by hand."""

from __future__ import annotations

import dataclasses
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, binomtest, multinomial, ttest_rel
from scipy.stats import t as student
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from itr_bench.errors import ScoreError
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.crossed import NO_NOISE, SeedNoise, mean_test, noise_between, seed_noise
from itr_bench.scoring.intervals import Interval
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.power import power, smallest_difference
from itr_bench.scoring.predictions import Predictions
from itr_bench.scoring.ranking import Ranking, rank
from itr_bench.scoring.references import ReferenceLevel, Side, Sides, reference_level, sides
from itr_bench.scoring.significance import exact_mcnemar, holm

Shares = NDArray[np.float64]

SAMPLES = 4


def predictions(shares: NDArray[Any]) -> Predictions:
    """SAMPLES samples a tweet, of which a share is right: the relation is 0, or 3 is answered."""
    right = np.arange(SAMPLES) < SAMPLES * np.asarray(shares, dtype=float)[:, None]
    answers = right.astype(np.int8)
    ids = tuple(f"{tweet:04}" for tweet in range(len(right)))
    return Predictions(ids, np.zeros(len(right), np.int8), answers, answers, ())


SCORE = score(predictions(np.repeat([1, 0], [30, 70])), resamples=10)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.33, 0.40, "above the majority class"),
        (0.32, 0.40, "above chance, not above the majority class"),  # the end is not above
        (0.26, 0.30, "above chance, not above the majority class"),
        (0.25, 0.30, "not significantly different from chance"),
        (0.20, 0.40, "not significantly different from chance"),
        (0.20, 0.25, "not significantly different from chance"),
        (0.10, 0.24, "below chance"),
    ],
)
def test_the_standing_follows_from_the_interval(low: float, high: float, expected: str) -> None:
    # With a standard error of a tenth of the width, the other interval is within this one.
    middle = (low + high) / 2
    found: Score = dataclasses.replace(
        SCORE,
        samples=10**6,
        accuracy=middle,
        interval=Interval(low, high, (high - low) / 10),
        majority_class=0.32,
        uniform_chance=0.25,
    )
    assert reference_level(found).value == expected


@pytest.mark.parametrize(
    ("right", "tweets", "expected"),
    [
        (0, 3, "too few tweets to say"),
        (9, 9, "too few tweets to say"),
        # 12 tweets are worth 12 * (1.960 / 2.201) ** 2 = 9.5, the standard error being estimated:
        # none right is up to 1 - 0.025 ** (1 / 9.5) = 0.32.
        (0, 12, "not significantly different from chance"),
        (12, 12, "above chance, not above the majority class"),
        # The bootstrap would say 0 to 21 %, but 10 % of those who guess have no more than one.
        (1, 14, "not significantly different from chance"),
        (0, 20, "below chance"),
        (1, 30, "below chance"),
    ],
)
def test_the_standing_on_few_tweets(right: int, tweets: int, expected: str) -> None:
    found = score(predictions(np.arange(tweets) < right))
    assert reference_level(found).value == expected


@pytest.mark.parametrize("chance", [0.25, 0.32, 0.5])
@pytest.mark.parametrize("tweets", [10, 11, 14, 20, 25, 50, 350])
def test_who_guesses_is_seldom_told_from_chance(tweets: int, chance: float) -> None:
    """Exact: a model right or wrong on a tweet as a whole; its bootstrap is binomial."""
    told = 0.0
    for right in range(tweets + 1):
        share = right / tweets
        low, high = binom.ppf([0.025, 0.975], tweets, share) / tweets
        error = (share * (1 - share) / tweets) ** 0.5
        found = sides(
            dataclasses.replace(
                SCORE,
                tweets=tweets,
                accuracy=share,
                interval=Interval(low, high, error),
                uniform_chance=chance,
            )
        )
        assert found is not None
        told += binom.pmf(right, tweets, chance) * (found.chance is not Side.NOT_DIFFERENT)
    assert told <= 0.05


def test_equal_shares_of_all_tweets_have_a_standing() -> None:
    # The standard error is 0 but for rounding: never more than all samples of all tweets.
    found = sides(score(predictions(np.full(40, 0.75))))
    assert found == Sides(Side.ABOVE, Side.BELOW)


def test_without_an_interval_the_standing_is_unknown() -> None:
    found = reference_level(dataclasses.replace(SCORE, interval=None))
    assert (found, found.value) == (ReferenceLevel.UNKNOWN, "too few tweets to say")


def test_exact_mcnemar_is_that_of_statsmodels() -> None:
    only_a, only_b = np.mgrid[:61, :61]
    found = exact_mcnemar(only_a, only_b)
    expected = [
        [1.0 if not a + b else mcnemar([[0, a], [b, 0]], exact=True).pvalue for b in range(61)]
        for a in range(61)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
    assert found[0, 0] == 1


def test_exact_mcnemar_takes_large_counts() -> None:
    # All of n discordant tweets for one model: 2 * 0.5 ** n.
    counts = np.array([1, 10, 350, 1000])
    np.testing.assert_allclose(exact_mcnemar(counts, 0), 2 * 0.5**counts, rtol=1e-12)
    assert exact_mcnemar(0, 5000) == 0  # smaller than any float


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.01, 0.02]), min_size=1, max_size=40))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == list(multipletests(p_values, method="holm")[1])


def quiet(shares: Shares, level: float = 0.05) -> Ranking:
    """The ranking of models of which seeds add no noise."""
    return rank(shares, [NO_NOISE] * len(shares), level)


@st.composite
def models(draw: st.DrawFn, least: int = 0) -> Shares:
    """A few models, of which some differ significantly, and some are equal in accuracy."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, tweets = draw(st.integers(least, 8)), draw(st.sampled_from([1, 7, 40]))
    wanted = random.choice([0.1, 0.5, 0.9, 1], (count, 1))
    if draw(st.booleans()):
        return (random.random((count, tweets)) < wanted).astype(float)
    return random.binomial(SAMPLES, wanted, (count, tweets)) / SAMPLES


@settings(max_examples=200, deadline=None)
@given(models())
def test_tiers_follow_the_order(shares: Shares) -> None:
    accuracy = shares.mean(axis=1)
    found = quiet(shares)
    assert sorted(found.order) == list(range(len(accuracy)))
    assert list(found.order) == sorted(range(len(accuracy)), key=lambda m: -accuracy[m])
    down = found.tiers[found.order]
    assert set(np.diff(down)) <= {0, 1}
    assert list(down[:1]) == [1] * min(1, len(down))
    for a, b in combinations(range(len(accuracy)), 2):
        if accuracy[a] == accuracy[b]:
            assert found.tiers[a] == found.tiers[b]
            assert not found.apart[a, b]


@settings(max_examples=200, deadline=None)
@given(models(least=2), st.integers(0, 2**32))
def test_the_order_of_the_models_does_not_matter(shares: Shares, seed: int) -> None:
    moved = np.random.default_rng(seed).permutation(len(shares))
    found, after = quiet(shares), quiet(shares[moved])
    assert np.array_equal(after.tiers, found.tiers[moved])
    assert np.array_equal(after.p_values, found.p_values[np.ix_(moved, moved)])
    assert np.array_equal(after.apart, found.apart[np.ix_(moved, moved)])
    assert after.median_discordant == found.median_discordant
    if len(set(shares.mean(axis=1))) == len(shares):
        assert np.array_equal(moved[after.order], found.order)


@settings(max_examples=100, deadline=None)
@given(models(least=1), st.integers(0, 7))
def test_identical_models_share_a_tier(shares: Shares, which: int) -> None:
    twin = which % len(shares)
    found = quiet(np.vstack([shares, shares[twin]]))
    assert found.tiers[-1] == found.tiers[twin]
    assert found.p_values[-1, twin] == 1


@settings(max_examples=50, deadline=None)
@given(models(least=2))
def test_p_values_are_those_of_the_pairs_compared_one_by_one(shares: Shares) -> None:
    found = quiet(shares)
    pairs = list(combinations(range(len(shares)), 2))
    runs = [predictions(answered) for answered in shares]
    compared = [compare(runs[a], runs[b], resamples=2) for a, b in pairs]
    adjusted = holm([one.p_value for one in compared])
    for (a, b), p_value, one in zip(pairs, adjusted, compared, strict=True):
        assert found.p_values[a, b] == found.p_values[b, a] == p_value
        if found.apart[a, b]:
            assert p_value < 0.05
            assert (one.difference > 0) == (one.only_a > one.only_b)
    assert (np.diagonal(found.p_values) == 1).all()
    discordant = [(one.only_a + one.only_b) / one.tweets for one in compared]
    assert found.median_discordant == pytest.approx(np.median(discordant), abs=1e-12)


def test_tiers_by_hand() -> None:
    # Right on the first n of 100 tweets. Discordant with the leader (90): 5 for the second, 10 for
    # the third: p = 2 * 0.5 ** 5 and 2 * 0.5 ** 10. The third leads, 5 ahead of the fourth.
    shares = (np.arange(100) < np.array([[80], [90], [75], [85]])).astype(float)
    found = quiet(shares)
    assert list(found.order) == [1, 3, 0, 2]
    assert list(found.tiers) == [2, 1, 2, 1]
    # Holm: 6 * 2 * 0.5 ** 15, 5 * 2 * 0.5 ** 10 twice, then 3 * 2 * 0.5 ** 5 three times.
    assert found.p_values[1, 2] == pytest.approx(12 * 0.5**15)
    assert found.p_values[1, 0] == found.p_values[3, 2] == pytest.approx(10 * 0.5**10)
    assert found.p_values[0, 2] == pytest.approx(6 * 0.5**5)
    assert found.apart.sum() == 6
    assert found.median_discordant == 0.075
    # At a stricter level only the first and the last differ significantly.
    assert list(quiet(shares, level=0.001).tiers) == [1, 1, 2, 1]


@pytest.mark.parametrize("advantage", [0, 10, 40])
def test_a_model_that_varies_does_not_lose_by_it(advantage: int) -> None:
    """One that is right in four of ten samples of many tweets, and one that is always the same.

    By what most samples have right the steady one wins by far; by accuracy they are equal, or the
    one that varies is better, so nothing may be said.
    """
    steady = np.arange(350) < 112
    varying = np.where(np.arange(350) < 280 + advantage, 0.4, 0)
    found = quiet(np.stack([varying, steady]))
    assert varying.mean() >= steady.mean() - 1e-12
    assert found.p_values[0, 1] < 1e-20
    assert not found.apart.any()
    assert list(found.tiers) == [1, 1]


def test_an_advantage_of_single_samples_is_told_where_the_test_tells_it_too() -> None:
    good, poor = np.full((2, 350), 0.6), np.full((2, 350), 0.4)
    good[:, :50], poor[:, 40:50] = 0, 0.6
    found = quiet(np.vstack([good, poor]))
    assert list(found.tiers) == [1, 1, 2, 2]


def test_right_on_all_and_wrong_on_all_are_told_apart() -> None:
    found = quiet(np.array([[0.0] * 350, [1.0] * 350]))
    assert (list(found.order), list(found.tiers)) == ([1, 0], [2, 1])
    assert found.median_discordant == 1


def test_one_model_and_none_have_no_pairs() -> None:
    one, none = quiet(np.ones((1, 5))), quiet(np.ones((0, 5)))
    assert (list(one.tiers), one.p_values.tolist(), one.median_discordant) == ([1], [[1]], None)
    assert (len(none.order), len(none.tiers), none.median_discordant) == (0, 0, None)
    assert none.p_values.shape == none.apart.shape == (0, 0)


@pytest.mark.parametrize("shape", [(2, 0), (5,), (2, 5, 1)])
def test_shapes_that_cannot_be_ranked(shape: tuple[int, ...]) -> None:
    with pytest.raises(ScoreError, match="expected shares of right samples of shape"):
        quiet(np.ones(shape))


def test_the_noise_of_every_model_is_needed() -> None:
    with pytest.raises(ScoreError, match="the noise of 2 models; found that of 1"):
        rank(np.ones((2, 5)), [NO_NOISE])


@st.composite
def answers(draw: st.DrawFn, tweets: int, seeds: int) -> NDArray[np.bool_]:
    """What is right by tweet and seed: steady, varying, or varying alike on all tweets."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    noise = random.random((draw(st.sampled_from([1, tweets])), draw(st.sampled_from([1, seeds]))))
    return np.broadcast_to(noise < random.random((tweets, 1)), (tweets, seeds))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(2, 30), st.integers(2, 10))
def test_the_noise_of_seeds_by_the_analysis_of_variance(
    data: st.DataObject, tweets: int, seeds: int
) -> None:
    values = data.draw(answers(tweets, seeds)).astype(float)
    by_seed, by_tweet = values.mean(axis=0), values.mean(axis=1)
    rest = values - by_seed - by_tweet[:, None] + values.mean()
    both = np.square(rest).sum() / ((tweets - 1) * (seeds - 1)) / (tweets * seeds)
    over_seeds = by_seed.var(ddof=1) / seeds
    found = seed_noise(values)
    assert found.added == pytest.approx(max(over_seeds - both, 0), abs=1e-12)
    assert found.spread == pytest.approx(over_seeds**2 / (seeds - 1), abs=1e-12)
    if (values == values[:, :1]).all():
        assert found == NO_NOISE


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(2, 30), st.integers(1, 5), st.integers(1, 5))
def test_seeds_in_common_are_no_difference(
    data: st.DataObject, tweets: int, one: int, other: int
) -> None:
    a, b = data.draw(answers(tweets, one)), data.draw(answers(tweets, other))
    found, back = noise_between(a, b), noise_between(b, a)
    assert found == back
    if one == other >= 3:
        assert noise_between(a, a) == NO_NOISE
        assert found == seed_noise(a.astype(int) - b)
    else:
        assert found.added == seed_noise(a).added + seed_noise(b).added


def test_one_seed_or_tweet_tells_nothing_of_noise() -> None:
    assert seed_noise(np.array([[True], [False]])) == seed_noise(np.array([[True, False]]))
    assert seed_noise(np.array([[True], [False]])) == NO_NOISE


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_without_noise_the_test_is_the_paired_t_test(seed: int, tweets: int) -> None:
    a, b = np.random.default_rng(seed).random((2, tweets))
    difference = a - b
    found = mean_test(difference.mean(), difference.var(ddof=1) / tweets, tweets, 0, 0)
    assert found == pytest.approx(ttest_rel(a, b).pvalue, rel=1e-9)


def test_the_mean_test_by_hand() -> None:
    # Of seeds alone, three of them: t = 2 on 2 degrees of freedom, 1 - 2 / sqrt(6). Half of it of
    # 51 tweets: 1 / (0.25 / 50 + 0.25 / 2) degrees.
    found = mean_test(
        [2, 2, 0, 1, 0], [0, 0.5, 0.5, 0, 0], 51, [1, 0.5, 0, 0, 0], [0.5, 0.125, 0, 0, 0]
    )
    degrees = 1 / (0.25 / 50 + 0.25 / 2)
    assert found == pytest.approx([1 - 2 / 6**0.5, 2 * student.sf(2, degrees), 1, 0, 1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(0.0, 0.05), (1e-9, 0.05), (1e-3, 1.0)]))
def test_p_values_are_exact_between_the_bounds(seed: int, between: tuple[float, float]) -> None:
    random = np.random.default_rng(seed)
    variance, noise = random.random((2, 200)) * [[1], [random.choice([0, 0.1, 10])]]
    args = random.normal(0, 5, 200), variance, 20, noise, noise**2 / random.integers(1, 10, 200)
    exact, found = mean_test(*args), mean_test(*args, between)
    assert set(found[exact < between[0]]) <= {0.0, *exact}
    assert set(found[exact > between[1]]) <= {1.0, *exact}
    inside = (exact >= between[0]) & (exact <= between[1])
    assert np.array_equal(found[inside], exact[inside])


@settings(max_examples=40, deadline=None)
@given(models(least=2), st.integers(0, 2**32))
def test_apart_is_what_both_tests_tell_one_by_one(shares: Shares, seed: int) -> None:
    count, tweets = shares.shape
    noise = [SeedNoise(v, v * v / 3) for v in np.random.default_rng(seed).random(count) / 100]
    found = rank(shares, noise)
    pairs = list(combinations(range(count), 2))
    p_values = []
    for a, b in pairs:
        difference = shares[a] - shares[b]
        added, spread = noise[a].added + noise[b].added, noise[a].spread + noise[b].spread
        p_values.append(
            1.0
            if tweets < 2
            else float(
                mean_test(difference.mean(), difference.var(ddof=1) / tweets, tweets, added, spread)
            )
        )
    adjusted = multipletests(p_values, method="holm")[1]
    right = shares > 0.5
    for (a, b), p_value in zip(pairs, adjusted, strict=True):
        better = np.sign(shares[a].mean() - shares[b].mean())
        most = np.sign((right[a] & ~right[b]).sum() - (right[b] & ~right[a]).sum())
        both = p_value < 0.05 and found.p_values[a, b] < 0.05 and better == most
        assert found.apart[a, b] == found.apart[b, a] == both


def family(draw: np.random.Generator, undecided: float, advantage: float) -> Ranking:
    """Five models of 40 %, two of them steady; the first with an *advantage*.

    With no advantage, the noise of a seed is the same on all tweets, as the engine draws it.
    """
    runs = []
    for number in range(5):
        share = 0.4 + advantage * (number == 0)
        if number in (1, 2):
            runs.append(np.repeat(draw.random((350, 1)) < share, 10, axis=1))
        else:
            noise = draw.random((350 if advantage else 1, 10))
            among = undecided * share, undecided * (1 - share)
            runs.append(noise < draw.beta(*among, (350, 1)))
    return rank(np.stack([run.mean(axis=1) for run in runs]), [seed_noise(run) for run in runs])


@pytest.mark.parametrize("undecided", [0.5, 2, 8])
def test_models_of_one_accuracy_are_seldom_told_apart(undecided: float) -> None:
    draw = np.random.default_rng(5)
    found = [family(draw, undecided, 0) for _ in range(300)]
    assert np.mean([one.apart.any() for one in found]) < 0.08
    # McNemar's test alone would tell them: it is of what most samples have right.
    assert np.mean([(one.p_values < 0.05).any() for one in found]) > 0.5


def test_a_gap_of_15_points_is_told() -> None:
    draw = np.random.default_rng(5)
    found = np.mean([family(draw, 0.5, 0.15).apart[0, 1:] for _ in range(50)])
    assert found > 0.8


def brute_force(better: int, worse: int, of: int, tweets: int, level: float) -> float:
    """The power by adding up every outcome of every tweet, none of it by our own functions.

    A tweet is for the better model with a probability of better / of, for the worse likewise.
    """
    outcome = {(0, 0): 1.0}
    for _ in range(tweets):
        after: dict[tuple[int, int], float] = {}
        for (a, b), p in outcome.items():
            after[a + 1, b] = after.get((a + 1, b), 0) + p * better / of
            after[a, b + 1] = after.get((a, b + 1), 0) + p * worse / of
            after[a, b] = after.get((a, b), 0) + p * (of - better - worse) / of
        outcome = after
    return sum(p for (a, b), p in outcome.items() if a + b and binomtest(a, a + b).pvalue < level)


@pytest.mark.parametrize("level", [0.05, 0.2])
@pytest.mark.parametrize("tweets", [1, 5, 6, 13, 30])
@pytest.mark.parametrize(("better", "worse"), [(10, 0), (5, 0), (4, 1), (3, 3), (6, 4)])
def test_power_by_brute_force(better: int, worse: int, tweets: int, level: float) -> None:
    found = power((better - worse) / 10, (better + worse) / 10, tweets, level)
    assert found == pytest.approx(brute_force(better, worse, 10, tweets, level), abs=1e-12)


@pytest.mark.parametrize(("difference", "discordant"), [(0.0, 0.4), (0.06, 0.2), (0.1, 0.3)])
def test_power_by_simulation(difference: float, discordant: float) -> None:
    draws = 20_000
    draw = np.random.default_rng(4)
    n = draw.binomial(350, discordant, draws)
    for_better = draw.binomial(n, (discordant + difference) / 2 / discordant)
    simulated = (exact_mcnemar(for_better, n - for_better) < 0.05).mean()
    # Four standard errors of the simulation, at the most.
    assert power(difference, discordant, 350) == pytest.approx(simulated, abs=4 * 0.5 / draws**0.5)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 1), st.integers(1, 400), st.sampled_from([0.005, 0.05, 0.2]))
def test_power_keeps_the_level_and_grows_with_the_difference(
    discordant: float, tweets: int, level: float
) -> None:
    found = [power(share * discordant, discordant, tweets, level) for share in np.linspace(0, 1, 9)]
    assert 0 <= found[0] <= level
    assert (np.diff(found) >= -1e-12).all()
    assert found[-1] <= 1 + 1e-12


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.05, 0.005]))
def test_the_smallest_difference_is_the_first_with_the_power(
    discordant: int, tweets: int, level: float
) -> None:
    share = min(discordant / tweets, 1)
    enough = [
        count
        for count in range(1, min(discordant, tweets) + 1)
        if power(count / tweets, share, tweets, level) >= 0.8
    ]
    expected = enough[0] / tweets if enough else None
    assert smallest_difference(share, tweets, level) == expected


@pytest.mark.parametrize(
    ("discordant", "level", "count"),
    [
        # Counted out by smallest_difference; the test adds up the trinomial distribution instead.
        (0.1, 0.05, 18), (0.2, 0.05, 25), (0.3, 0.05, 30), (0.4, 0.05, 34),
        (0.1, 0.005, 22), (0.2, 0.005, 31), (0.3, 0.005, 38), (0.4, 0.005, 44),
    ],
)  # fmt: skip
def test_what_350_tweets_can_show(discordant: float, level: float, count: int) -> None:
    assert smallest_difference(discordant, 350, level) == count / 350
    a, b = np.mgrid[:351, :351]
    possible = a + b <= 350
    a, b = a[possible], b[possible]
    counts = np.stack([a, b, 350 - a - b], axis=-1)
    rejected = exact_mcnemar(a, b) < level
    for difference, enough in ((count / 350, True), ((count - 1) / 350, False)):
        better, worse = (discordant + difference) / 2, (discordant - difference) / 2
        summed = multinomial.pmf(counts, 350, [better, worse, 1 - discordant])[rejected].sum()
        assert power(difference, discordant, 350, level) == pytest.approx(summed, abs=1e-9)
        assert (summed >= 0.8) == enough


def test_no_difference_can_be_told_with_too_few_discordant_tweets() -> None:
    assert smallest_difference(0, 350) is None
    assert power(0, 0, 350) == 0
    # Five discordant tweets cannot reach 0.05: 2 * 0.5 ** 5 is 0.0625. Six can: 2 * 0.5 ** 6.
    assert smallest_difference(1, 5) is None
    assert smallest_difference(1, 6) == 1
    # On average 5 of 350 are discordant, too seldom 6 or more.
    assert smallest_difference(5 / 350, 350) is None
    # All 8 of 98 are needed, and 8 / 98 * 98 falls short of 8 by rounding.
    assert smallest_difference(8 / 98, 98) == 8 / 98


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.3, 0.2, 350), "difference: expected 0 to 0.2"),
        ((-0.1, 0.2, 350), "found -0.1"),
        ((0.1, 1.2, 350), "share of discordant tweets: expected 0 to 1; found 1.2"),
        ((0.1, float("nan"), 350), "share of discordant tweets"),
        ((0.1, 0.2, 0), "number of tweets: expected 1 or more; found 0"),
        ((0.1, 0.2, 350, 0), "level: expected a number between 0 and 1; found 0"),
    ],
)
def test_power_out_of_range(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        power(*arguments)


def test_the_wanted_power_is_between_0_and_1() -> None:
    with pytest.raises(ScoreError, match="wanted power"):
        smallest_difference(0.2, 350, wanted=1)
