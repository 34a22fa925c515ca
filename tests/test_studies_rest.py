"""Studies: tests that hold their level where wordings, sets, models and queries do not differ."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from itr_bench.leaderboard.site.rows import Row
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies import board_models, no_vlm, prompt, transfer
from itr_bench.studies.decomposition import OfRelation, corrected, too_few
from itr_bench.studies.decomposition import decompose as split
from itr_bench.studies.page import make, write
from itr_bench.studies.prompt_variation import PromptVariation, prompt_variation
from itr_bench.studies.retrieval_scores import means, scores
from itr_bench.studies.section import Claim, Lines, Section
from itr_bench.studies.size import fits
from itr_bench.studies.study import BoardModel, Material, Result
from tests.test_studies import analysed, by_name, figure, predictions_of, right_answers, run_of

Bools = NDArray[np.bool_]
TWEETS = 200


def _right(right: Bools, gold: NDArray[np.int8] | None = None) -> Predictions:
    """Predictions that are right where *right*, shape (T, S), is."""
    gold = np.arange(len(right), dtype=np.int8) % 4 if gold is None else gold
    adds, represented = (answers[:, None] for answers in right_answers(gold))
    return predictions_of(
        gold, np.where(right, adds, 1 - adds), np.repeat(represented, right.shape[1], 1)
    )


# Wordings


def _other_tweets(rng: np.random.Generator) -> list[Bools]:
    """Nine wordings of one accuracy; one of them is right on other tweets, every time."""
    alike, other = (rng.random((TWEETS, 1)) < 0.5 for _ in range(2))
    return [other, *[alike] * 8]


def _whole_seeds(rng: np.random.Generator) -> list[Bools]:
    """Three wordings of one accuracy, each with noise that all tweets of a seed share."""
    level = rng.beta(4, 4, (TWEETS, 1))
    return [rng.random(5)[None] < level for _ in range(3)]


def _one_apart(rng: np.random.Generator) -> list[Bools]:
    """Three wordings, one of them better by 15 percentage points."""
    level, noise = 0.8 * rng.random((TWEETS, 1)), rng.random((TWEETS, 5))
    return [noise < level + gap for gap in (0.15, 0, 0)]


def _spread(wordings: list[Bools]) -> PromptVariation:
    found = prompt_variation({str(place): _right(right) for place, right in enumerate(wordings)})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("wordings", "least", "most"),
    [(_other_tweets, 0, 0.12), (_whole_seeds, 0, 0.12), (_one_apart, 0.9, 1)],
)
def test_wordings_of_one_accuracy_are_rarely_told_apart(
    wordings: Callable[[np.random.Generator], list[Bools]], least: float, most: float
) -> None:
    rng = np.random.default_rng(3)
    told = np.mean([_spread(wordings(rng)).p_value < 0.05 for _ in range(50)])
    assert least <= told <= most


def test_spreads_and_negations_of_one_model_are_corrected_together() -> None:
    rng = np.random.default_rng(1)
    runs = []
    for base in ("ltec_itr_lv", "tirt"):
        wordings = {"": 0.5, "~p1": 0.5, "~p2": 0.7, "~negated": 0.5}
        runs += [
            run_of(base + name, _right(rng.random((TWEETS, 1)) < share))
            for name, share in wordings.items()
        ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    of_spreads = [one for one in section.claims if "wordings" in one.text]
    assert len(of_spreads) == 2
    # Two spreads, two questions each; `represented` is always right, so that kappa is one.
    assert all(
        "over the 6 tests of wordings and negations on made-up" in c.test for c in of_spreads
    )
    assert all("for this seed only" in claim.test for claim in of_spreads)
    for base in ("ltec_itr_lv", "tirt"):
        (row,) = by_name(figure(section, f"Accuracy over the wordings, {base}"), 0).values()
        assert row["p of the SD"] < row["p, Holm"] <= 6 * row["p of the SD"]


def test_answers_that_know_nothing_of_each_other_are_no_contradiction() -> None:
    """Yes to 70 % of the questions and of their negations, whatever the tweet: fewer than a half
    fit together, and no more could.
    """
    rng, told = np.random.default_rng(2), 0
    gold = np.arange(TWEETS) % 4
    for _ in range(20):
        said, denied = (rng.random((TWEETS, 3)) < 0.7 for _ in range(2))
        runs = [
            run_of("ltec_itr_lv", predictions_of(gold, said, said)),
            run_of("ltec_itr_lv~negated", predictions_of(gold, ~denied, ~denied)),
        ]
        section = analysed(prompt.STUDY.analyse(Material(runs)))
        told += any(claim.finding and "each other" in claim.text for claim in section.claims)
    assert told <= 4  # P(more than 4 of 20 at 0.05) < 0.003


def test_a_question_and_its_negation_that_no_tweet_has_both_read_claim_nothing() -> None:
    gold = np.arange(TWEETS) % 4
    first = np.arange(TWEETS) < TWEETS / 2
    said, denied = np.where(first, 1, -1), np.where(first, -1, 0)
    runs = [
        run_of("ltec_itr_lv", predictions_of(gold, said, said)),
        run_of("ltec_itr_lv~negated", predictions_of(gold, denied, denied)),
    ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    assert not any("negation" in claim.text for claim in section.claims)
    row = by_name(figure(section, "A question and its negation"), 1)["adds",]
    assert (row["Both parsed"], row["Alike %"], row["p, Holm"]) == (0, None, None)


# Transfer


def _relations(noise: Callable[[], Bools]) -> tuple[OfRelation, ...]:
    gold = np.repeat(np.arange(4, dtype=np.int8), TWEETS // 4)
    (found,) = corrected([split(_right(noise(), gold), _right(noise(), gold))])
    return found.relations


def test_sets_of_one_accuracy_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(4)

    def whole_seeds() -> Bools:
        return np.asarray(rng.random(5)[None] < rng.beta(4, 4, (TWEETS, 1)))

    def undecided_or_steady() -> Bools:
        steady = np.repeat(rng.random((TWEETS, 1)) < 0.8, 5, axis=1)
        return steady if next(turns) else np.asarray(rng.random((TWEETS, 5)) < 0.8)

    turns = iter([True, False] * 20)
    for noise in (whole_seeds, undecided_or_steady):
        told = sum(any(one.significant for one in _relations(noise)) for _ in range(20))
        assert told <= 4  # P(more than 4 of 20 at 0.05) < 0.003


def test_a_mean_of_two_sets_is_tested_as_by_welch() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(5)
    gold = np.repeat(np.arange(4, dtype=np.int8), [20, 30, 40, 50])
    a, b = (rng.random((140, 1)) < share for share in (0.7, 0.5))
    found = split(_right(a, gold), _right(b, gold)).relations
    for one in found:
        values = [right[gold == one.relation, 0].astype(float) for right in (a, b)]
        expected = ttest_ind(*values, equal_var=False).pvalue
        assert one.mean_p_value == pytest.approx(expected)
    assert not too_few(_right(a, gold), _right(b, gold))


def _board(sizes: list[int], accuracies: list[float], task: str) -> list[BoardModel]:
    return [
        BoardModel(f"m{i}", task, accuracy, size * 10**9, None, "made up")
        for i, (size, accuracy) in enumerate(zip(sizes, accuracies, strict=True))
    ]


def test_two_answer_formats_of_three_models_make_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(number: int, answer_format: str) -> Row:
        entry: Any = SimpleNamespace(answer_format=answer_format)
        known: dict[str, Any] = {"folder": f"m--{number}", "parameters": number, "entry": entry}
        accuracy = 0.2 * number + 0.01 * (answer_format == "explained")
        return Row(kind="entry", name=f"m{number}", task="tirt", accuracy=accuracy, **known)

    rows = [row(number, form) for number in (1, 2, 3) for form in ("plain", "explained")]
    board = SimpleNamespace(task="tirt", main=SimpleNamespace(rows=rows))
    monkeypatch.setattr(board_models, "make_boards", lambda *_, trial: (board,))
    models = board_models.board_models([], [])
    assert [(one.name, one.task) for one in models] == [
        (f"m{number}", task) for number in (1, 2, 3) for task in ("tirt", "tirt_explained")
    ]
    section = analysed(transfer.analyse(Material(board=models)))
    assert not section.claims
    assert [limit.partition(" with")[0] for limit in section.limits] == [
        "tirt: 3 models",
        "tirt_explained: 3 models",
    ]


def test_the_lines_of_a_report_are_corrected_together() -> None:
    # Of five models, two orders of 120 are as concordant: p = 1/60, and twice that.
    rising = [0.1, 0.2, 0.3, 0.4, 0.5]
    sizes = [1, 2, 4, 8, 16]
    boards = {task: _board(sizes, rising, task) for task in ("tirt", "ltec_itr_lv")}
    lines = [one for one in fits(boards).values() if one is not None]
    assert [one.p_value for one in lines] == pytest.approx([1 / 60] * 2)
    assert [one.adjusted for one in lines] == pytest.approx([1 / 30] * 2)
    assert all(one.significant for one in lines)
    boards["itr_demo_lv"] = _board(sizes, rising, "itr_demo_lv")
    boards["itr_demo_en"] = _board(sizes, rising, "itr_demo_en")
    assert not any(one.significant for one in fits(boards).values() if one is not None)
    material = Material(board=[model for models in boards.values() for model in models])
    claims = analysed(transfer.analyse(material)).claims
    assert len(claims) == 4
    assert all("Kendall's test over 5 models" in claim.test for claim in claims)
    assert all("over the 4 tests of accuracy against parameters" in c.test for c in claims)


# Without a VLM


def _row(task: str, answers: NDArray[np.bool_], gold: NDArray[np.int8], path: str) -> Result:
    said = {
        str(10**9 + i): [int(relation), "ny"[adds], "ny"[shown]]
        for i, (relation, (adds, shown)) in enumerate(zip(gold, answers.astype(int), strict=True))
    }
    metadata = {"tweets": len(gold), "tweets_in_set": len(gold), "seeds": [1], "folds": 5}
    return Result("no-vlm", "rule", task, "local-0123456789ab", metadata, {"answers": said}, path)


def _standing(section: Section) -> list[Claim]:
    return [claim for claim in section.claims if "the majority class (" in claim.text]


def test_a_row_that_learned_the_majority_is_not_held_against_chance() -> None:
    gold = np.repeat(np.arange(4, dtype=np.int8), [113, 72, 113, 52])
    majority = np.ones((350, 2), bool)  # relation 0
    section = analysed(no_vlm.analyse(Material([], [_row("tirt", majority, gold, "a")])))
    (claim,) = _standing(section)
    assert claim.text == (
        "rule (trained), tirt: accuracy 32.3 %, not significantly different from the majority "
        "class (32.3 %)."
    )
    assert not claim.finding and "not corrected" in claim.test
    right = np.stack(right_answers(gold), axis=1).astype(bool)
    section = analysed(no_vlm.analyse(Material([], [_row("tirt", right, gold, "a")])))
    (claim,) = _standing(section)
    assert claim.finding and "100.0 %, above the majority class (32.3 %)" in claim.text
    few = analysed(no_vlm.analyse(Material([], [_row("tirt", right[100:109], gold[100:109], "a")])))
    assert [one.finding for one in few.claims] == [False] and "too few" in few.claims[0].text


def test_rows_of_all_tasks_of_a_model_are_one_family() -> None:
    gold = np.arange(TWEETS, dtype=np.int8) % 4
    rng = np.random.default_rng(6)
    tasks = ("ltec_itr_lv", "ltec_itr_en_manual")
    rows = [_row(task, rng.random((TWEETS, 2)) < 0.5, gold, task) for task in tasks]
    runs = [run_of(task, _right(np.ones((TWEETS, 1), bool))) for task in tasks]
    told = [
        claim
        for claim in analysed(no_vlm.analyse(Material(runs, rows))).claims
        if "percentage points above" in claim.text
    ]
    assert len(told) == 2
    assert all("over the 2 comparisons of this study on made-up" in claim.test for claim in told)


def test_lines_of_a_chart_hold_for_all_that_stands_in_it() -> None:
    gold = np.arange(TWEETS, dtype=np.int8) % 4
    right = np.stack(right_answers(gold), axis=1).astype(bool)
    row = _row("tirt", right, gold, "a")
    # 50 of 199 are more than a quarter.
    for tweets, labels in ((TWEETS, "chance and majority class 25.0"), (TWEETS - 1, "chance 25.0")):
        run = run_of("tirt", _right(np.ones((tweets, 1), bool)))
        found = figure(analysed(no_vlm.analyse(Material([run], [row]))), "Accuracy without")
        (chart,) = found.charts
        assert isinstance(chart, Lines)
        assert [one.label for one in chart.references] == [labels]


# Retrieval


def test_intervals_of_rare_recall_cover_it() -> None:
    rng, tweets = np.random.default_rng(7), 350
    for share in (0.003, 0.01, 0.99):
        values = (rng.random((400, tweets)) < share).astype(float)
        ends = np.array([one.interval for one in scores(values)])
        covered = ((ends[:, 0] <= share) & (share <= ends[:, 1])).mean()
        assert covered >= 0.93


def test_rare_recall_has_the_exact_interval_and_a_difference_has_not() -> None:
    from scipy.stats import binomtest

    # 0 of 350 is up to 1 - 0.025 ** (1 / 350), and 350 of 350 the other way.
    none, every, few, differs = np.zeros(350), np.ones(350), np.zeros(350), np.zeros(350)
    few[:3], differs[:3] = 1, 1
    most = 1 - 0.025 ** (1 / 350)
    found = [one.interval for one in scores(np.stack([none, every, few]))]
    assert found[0] == pytest.approx((0, most)) and found[1] == pytest.approx((1 - most, 1))
    exact = binomtest(3, 350).proportion_ci(method="exact")
    assert found[2] == pytest.approx((exact.low, exact.high))
    assert means(differs[None])[0].interval == pytest.approx((0, 0.02), abs=0.002)
    mrr = 1 / np.arange(1, 351)  # no share: the bootstrap's
    assert scores(mrr[None]) == means(mrr[None])


# The page


def test_the_page_says_what_its_tests_are_over(tmp_path: Any) -> None:
    page = write(tmp_path / "report", make(Material())).read_text()
    for words in (
        "with the seeds that were run",
        "the exact McNemar test, and a t test of the mean difference",
        "[1] and [2], counts as two",
        "Of 100 such families in which nothing differs, about 5 may hold a false claim",
        "That one difference is significant and another is not does not say that the two differ",
    ):
        assert words in page
