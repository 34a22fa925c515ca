"""Studies on constructed models whose answer is known, on made-up tweets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from itr_bench.cli.main import cli
from itr_bench.errors import DataError, ItrBenchError, ScoreError
from itr_bench.relation import QUESTIONS, Answer, Question, Relation
from itr_bench.runs.run import Run
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.predictions import Predictions, ReadItem
from itr_bench.scoring.significance import holm
from itr_bench.studies import (
    board_models,
    image_ablation,
    in_context,
    language,
    no_vlm,
    prompt,
    retrieval,
    transfer,
    translation_quality,
)
from itr_bench.studies.changes import changes
from itr_bench.studies.comparisons import limits
from itr_bench.studies.decomposition import corrected
from itr_bench.studies.decomposition import decompose as split
from itr_bench.studies.formatting import as_text
from itr_bench.studies.grouping import subjects_of, variant_of, variant_runs, with_variant
from itr_bench.studies.negation import negation
from itr_bench.studies.page import _runs as runs_of
from itr_bench.studies.page import make
from itr_bench.studies.prompt_variation import extremes, prompt_variation
from itr_bench.studies.section import Figure, Lines, Scatter, Section
from itr_bench.studies.size import fit, fits
from itr_bench.studies.statistics import (
    ACCURACY,
    Contrast,
    Measure,
    compared,
    compared_by,
    detectable,
    shares,
)
from itr_bench.studies.study import (
    RESULT,
    BoardModel,
    Material,
    Result,
    get_study,
    read_result,
    studies,
    write_result,
)
from itr_bench.tasks.spec import get_task
from itr_bench.tasks.variants import PARAPHRASES
from itr_bench.translation.quality import Measured, Quality

Bools = NDArray[np.bool_]

_WORDS = {1: Answer.YES, 0: Answer.NO, -1: Answer.NONE, -2: Answer.FAILED}


def predictions_of(gold: Any, adds: Any, represented: Any) -> Predictions:
    """Predictions from arrays; answers of shape (T,) are one sample."""
    gold = np.asarray(gold, dtype=np.int8)

    def whole(answers: Any) -> NDArray[np.int8]:
        found = np.asarray(answers, dtype=np.int8)
        return found if found.ndim == 2 else found[:, None]

    ids = tuple(f"{10**9 + i}" for i in range(len(gold)))
    return Predictions(ids, gold, whole(adds), whole(represented))


def run_of(task: str, predictions: Predictions, model: str = "made-up", **metadata: Any) -> Run:
    """A run that gave *predictions*."""
    items = [
        ReadItem(
            tweet,
            question,
            int(predictions.gold[i]),
            tuple(_WORDS[int(code)] for code in getattr(predictions, question.value)[i]),
        )
        for i, tweet in enumerate(predictions.tweet_ids)
        for question in QUESTIONS
    ]
    known: dict[str, Any] = {
        "data": "local-0123456789ab",
        "version": "1.0",
        "adapter": "made_up",
        "seeds": tuple(range(predictions.samples)),
        "set_size": len(predictions.gold),
        "generation": {"model_args": {}, "order": ["image", "text"]},
        "libraries": {},
    }
    known["files"] = (f"runs/{model}/{task}/responses.jsonl",)
    return Run(model=model, task=task, items=tuple(items), **{**known, **metadata})


def right_answers(gold: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    return (gold < 2).astype(np.int8), (gold % 2 == 0).astype(np.int8)


def good_answers(
    gold: NDArray[np.int8], rng: np.random.Generator, right: float = 0.9
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Answers of a model that has so many right."""
    return tuple(  # type: ignore[return-value]
        np.where(rng.random(len(gold)) < right, answers, 1 - answers).astype(np.int8)
        for answers in right_answers(gold)
    )


def some_gold(tweets: int = 200) -> NDArray[np.int8]:
    return np.arange(tweets, dtype=np.int8) % 4


def answering(
    task: str,
    gold: NDArray[np.int8],
    answers: tuple[NDArray[np.int8], NDArray[np.int8]],
    **metadata: Any,
) -> Run:
    return run_of(task, predictions_of(gold, *answers), **metadata)


def analysed(section: Section | None) -> Section:
    assert section is not None
    return section


def claims(section: Section, *words: str) -> list[str]:
    """The told claims with all of *words*."""
    return [
        claim.text
        for claim in section.claims
        if claim.finding and all(word in claim.text for word in words)
    ]


def figure(section: Section, title: str) -> Figure:
    return next(figure for figure in section.figures if figure.title.startswith(title))


def by_name(found: Figure, *columns: int) -> dict[Any, Any]:
    """The rows of a figure's table by the values of their first *columns*."""
    return {
        tuple(row[column] for column in columns): dict(
            zip([column.title for column in found.table.columns], row, strict=True)
        )
        for row in found.table.rows
    }


# What is compared


def test_names_of_variants_are_made_and_taken_apart() -> None:
    names = [
        ("ltec_itr_lv", "no-image", "ltec_itr_lv~no-image"),
        ("ltec_itr_en_mt@opus", "p3", "ltec_itr_en_mt@opus~p3"),
        ("ltec_itr_lv_explained", "p3", "ltec_itr_lv~p3_explained"),
    ]
    for base, variant, task in names:
        assert with_variant(base, variant) == task
        assert get_task(task).reference == base
        assert variant_of(task) == variant
        assert get_task(base).reference == base
        assert variant_of(base) == ""


def test_a_study_is_found_by_its_file_and_names_tasks_that_exist() -> None:
    from itr_bench.tasks.spec import get_task

    assert {"image-ablation", "in-context", "language", "prompt", "transfer"} <= studies().keys()
    for study in studies().values():
        for base in ("ltec_itr_lv", "itr_demo_lv"):
            tasks = study.tasks(base)
            assert len(set(tasks)) == len(tasks)
            for task in tasks:
                get_task(task)
    assert get_study("no_vlm").name == "no-vlm"
    with pytest.raises(ItrBenchError, match="Did you mean 'image-ablation'"):
        get_study("image-ablatoin")


def test_a_paired_difference_is_that_of_itr_bench_compare() -> None:
    rng = np.random.default_rng(1)
    gold = some_gold()
    a, b = (
        predictions_of(gold, *(rng.integers(-1, 2, (200, samples)) for _ in range(2)))
        for samples in (3, 2)
    )
    ((found,),) = compared([[Contrast(a, b)]])
    right = compare(a, b)
    assert right.interval is not None and found.interval is not None
    assert found.difference == pytest.approx(right.difference)
    assert found.interval == pytest.approx((right.interval.low, right.interval.high))
    assert (found.only_a, found.only_b) == (right.only_a, right.only_b)
    assert found.p_value == found.adjusted == right.p_value
    assert found.mean_p_value == found.mean_adjusted == pytest.approx(right.mean_p_value)
    assert found.samples == 2


def test_p_values_are_adjusted_within_a_family_and_not_across() -> None:
    gold = some_gold(40)
    right = predictions_of(gold, *right_answers(gold))
    others = []
    for wrong in (3, 8, 15):
        adds, represented = right_answers(gold)
        adds[:wrong] = 1 - adds[:wrong]
        others.append(predictions_of(gold, adds, represented))
    one, two = compared([[Contrast(right, o) for o in others], [Contrast(right, others[1])]])
    raw = [found.p_value for found in one]
    assert [found.adjusted for found in one] == holm([p for p in raw if p is not None])
    means = [found.mean_p_value for found in one]
    assert [found.mean_adjusted for found in one] == holm([p for p in means if p is not None])
    assert two[0].adjusted == two[0].p_value == raw[1]
    assert [found.significant for found in one] == [0, 1, 1]


@pytest.mark.parametrize("tweets", [1, 9])
def test_on_too_few_tweets_nothing_is_computed_and_that_is_said(tweets: int) -> None:
    gold = some_gold(tweets)
    runs = [
        answering("itr_demo_lv", gold, right_answers(gold)),
        answering("itr_demo_lv~no-image", gold, tuple(1 - a for a in right_answers(gold))),  # type: ignore[arg-type]
    ]
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    row = by_name(figure(section, "Accuracy"), 1)["no-image",]
    assert row["Difference"] == -1
    assert (row["p, McNemar Holm"], row["p, mean Holm"]) == (None, None)
    assert row["95 % interval"] is None
    assert any("fewer than 10 tweets" in limit for limit in section.limits)
    assert not claims(section, "accuracy is")


@settings(deadline=None, max_examples=50)
@given(
    st_numpy.arrays(np.int8, (12, 2, 4), elements=st.integers(-2, 1)),
    st_numpy.arrays(np.int8, 12, elements=st.integers(0, 3)),
)
def test_a_difference_changes_its_sign_with_the_order(
    answers: NDArray[np.int8], gold: NDArray[np.int8]
) -> None:
    a = predictions_of(gold, answers[:, :, 0], answers[:, :, 1])
    b = predictions_of(gold, answers[:, :, 2], answers[:, :, 3])
    measures = [ACCURACY, *map(Measure, QUESTIONS), *(Measure(relation=r) for r in range(4))]
    there, back = compared(
        [[Contrast(a, b, m) for m in measures], [Contrast(b, a, m) for m in measures]]
    )
    for one, other in zip(there, back, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert (one.only_a, one.only_b) == (other.only_b, other.only_a)
        assert one.significant == -other.significant
    # The parts that the relations bring add up to the gap.
    parts = sum(one.difference * one.tweets for one in there[3:]) / 12
    assert parts == pytest.approx(there[0].difference)


def test_the_detectable_difference_grows_with_the_number_of_tests() -> None:
    alone, together = detectable(0.3, 350), detectable(0.3, 350, 20)
    assert alone is not None and together is not None
    assert 0 < alone < together < 0.3
    assert detectable(0.3, 5) is None


# A known gap is covered at the stated rate


def test_the_interval_covers_a_known_gap_in_95_of_100_simulations() -> None:
    simulations, tweets, samples, gap = 500, 350, 4, 0.08
    rng = np.random.default_rng(20)
    gold = np.zeros(tweets, dtype=np.int8)
    family = []
    for _ in range(simulations):
        hard = rng.beta(1, 1, (tweets, 1)) * (1 - gap)  # how likely a tweet is right in the worse
        worse = rng.random((tweets, samples)) < hard
        better = rng.random((tweets, samples)) < hard + gap
        family.append(
            Contrast(
                predictions_of(gold, better, np.ones_like(better)),
                predictions_of(gold, worse, np.ones_like(worse)),
            )
        )
    (found,) = compared([family])
    ends = [one.interval for one in found]
    covered = sum(low <= gap <= high for low, high in ends if ends)  # type: ignore[misc]
    from scipy.stats import binom

    low, high = binom.ppf([0.001, 0.999], simulations, 0.95)
    assert low <= covered <= high, f"{covered} of {simulations}"
    assert np.mean([one.difference for one in found]) == pytest.approx(gap, abs=0.004)


# Blindness


def _reads_only_text(gold: NDArray[np.int8]) -> list[Run]:
    rng = np.random.default_rng(2)
    own = good_answers(gold, rng)
    elsewhere = np.roll(np.arange(len(gold)), 1)
    other = tuple(answers[elsewhere] for answers in own)
    variants: Mapping[str, Any] = {
        "no-image": own,
        "grey-image": own,
        "other-image": own,
        "shuffled-words": own,
        "other-text": other,
    }
    return [
        answering("ltec_itr_lv", gold, own),
        *(answering(f"ltec_itr_lv~{name}", gold, answers) for name, answers in variants.items()),
    ]


def test_a_model_that_reads_only_the_text_is_found() -> None:
    section = analysed(image_ablation.STUDY.analyse(Material(_reads_only_text(some_gold()))))
    (lower,) = claims(section, "accuracy is", "lower")
    assert "with the text of another tweet" in lower
    for question in ("adds", "represented"):
        (still,) = claims(section, f"no answer to {question} changes")
        assert "without the image" in still and "with the image of another tweet" in still
        assert "text of another tweet" not in still
    rows = by_name(figure(section, "Accuracy"), 1)
    assert rows["no-image",]["Difference"] == 0
    assert rows["other-text",]["Difference"] < -0.5
    assert rows["other-text",]["95 % interval"][1] < -0.4


def test_a_model_that_answers_by_the_image_alone_is_found() -> None:
    gold = some_gold()
    rng = np.random.default_rng(3)
    own = good_answers(gold, rng)
    blind = (np.ones_like(gold), np.ones_like(gold))
    other = tuple(np.roll(answers, 1) for answers in own)
    variants: Mapping[str, Any] = {
        "no-image": blind,
        "grey-image": blind,
        "other-image": other,
        "shuffled-words": own,
        "other-text": own,
    }
    runs = [
        answering("ltec_itr_lv", gold, own),
        *(answering(f"ltec_itr_lv~{name}", gold, answers) for name, answers in variants.items()),
    ]
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    lower = claims(section, "accuracy is", "lower")
    assert [("image" in text or "picture" in text, "text of" in text) for text in lower] == [
        (True, False)
    ] * 3
    for question in ("adds", "represented"):
        (still,) = claims(section, f"no answer to {question} changes")
        assert (
            "with the text of another tweet" in still and "image" not in still.split("changes")[1]
        )


def test_answers_that_change_are_counted_and_chance_is_taken_off() -> None:
    gold = some_gold(100)
    fixed = np.ones((100, 4), dtype=np.int8)
    flipped = fixed.copy()
    flipped[:30] = 0
    cell, _ = variant_runs(
        Material(
            [
                run_of("ltec_itr_lv", predictions_of(gold, fixed, fixed)),
                run_of("ltec_itr_lv~no-image", predictions_of(gold, flipped, fixed)),
            ]
        ),
        image_ablation.tasks,
    )
    found = changes(cell)[0][Question.ADDS]
    assert found.beyond is not None
    assert (found.raw.value, found.alone, found.beyond.value) == (0.3, 0.0, 0.3)
    assert (found.of_one_seed, found.parsed, found.parsed_tweets) == (True, 400, 100)
    assert found.turned == 120
    low, high = found.raw.interval or (0, 0)
    assert 0.2 < low < 0.3 < high < 0.4


def test_a_model_that_tosses_coins_changes_no_answer_beyond_chance() -> None:
    rng = np.random.default_rng(4)
    gold = some_gold(400)
    a, b = (predictions_of(gold, *(rng.integers(0, 2, (400, 5)) for _ in range(2))) for _ in "ab")
    found, _ = variant_runs(
        Material([run_of("ltec_itr_lv", a), run_of("ltec_itr_lv~no-image", b)]),
        image_ablation.tasks,
    )
    change = changes(found)[0][Question.ADDS]
    assert change.raw.value == pytest.approx(0.5, abs=0.03)
    assert change.alone == pytest.approx(0.5, abs=0.03)
    assert change.beyond is not None
    low, high = change.beyond.interval or (1, 1)
    assert low < 0 < high


def test_of_one_sample_chance_is_not_known() -> None:
    gold = some_gold(20)
    one = predictions_of(gold, gold % 2, gold % 2)
    found, _ = variant_runs(
        Material([run_of("ltec_itr_lv", one), run_of("ltec_itr_lv~no-image", one)]),
        image_ablation.tasks,
    )
    change = changes(found)[0][Question.ADDS]
    assert change.alone is None
    assert change.beyond is None
    assert change.raw.value == 0
    section = analysed(
        image_ablation.STUDY.analyse(
            Material([run_of("ltec_itr_lv", one), run_of("ltec_itr_lv~no-image", one)])
        )
    )
    shown = figure(section, "Answers that change")
    assert by_name(shown, 2)["adds",]["Beyond that, percentage points"] is None
    assert [chart.axis for chart in shown.charts if isinstance(chart, Lines)] == [
        "Answers that change, chance not taken off, %"
    ]


@pytest.mark.parametrize(
    ("tweets", "read", "pairs"), [(20, 20, 20), (20, 10, 10), (20, 9, None), (20, 0, None)]
)
def test_that_no_answer_changes_is_told_of_answers_that_are_read(
    tweets: int, read: int, pairs: int | None
) -> None:
    gold = some_gold(tweets)
    answers = np.where(np.arange(tweets) < read, gold % 2, -1)
    one = predictions_of(gold, answers, answers)
    runs = [run_of("ltec_itr_lv", one), run_of("ltec_itr_lv~no-image", one)]
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    found = [claim for claim in section.claims if "no answer to adds changes" in claim.text]
    assert len(found) == (pairs is not None)
    assert all(f"({pairs} of one seed without the image)" in claim.test for claim in found)


# Prompt


def test_a_model_that_always_agrees_is_found_by_the_negation() -> None:
    gold = some_gold()
    yes, no = np.ones_like(gold), np.zeros_like(gold)
    # What it answers to the negated question, yes, is read as no.
    runs = [
        answering("ltec_itr_lv", gold, (yes, yes)),
        answering("ltec_itr_lv~negated", gold, (no, no)),
    ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    assert len(claims(section, "the model agrees whatever is asked", "100.0 %")) == 2
    rows = by_name(figure(section, "A question and its negation"), 1)
    assert rows["adds",]["Alike %"] == 0
    assert rows["adds",]["Kappa"] == 0
    assert rows["adds",]["Says yes to the question %"] == 1
    assert rows["adds",]["Says yes to the negation %"] == 1


def test_one_word_to_a_question_and_its_negation_is_no_denial() -> None:
    gold = some_gold()
    words = np.arange(gold.size) % 3 > 0  # yes to two thirds of the tweets, whatever is asked
    negated = words & (np.arange(gold.size) % 2 > 0)  # and no to some of their negations
    runs = [
        answering("ltec_itr_lv", gold, (words, words)),
        answering("ltec_itr_lv~negated", gold, (~negated, ~negated)),
    ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    assert len(claims(section, "know nothing of each other would: 33.0 %, not 55.4 %")) == 2
    assert not claims(section, "whatever is asked")


def test_of_few_read_answers_no_agreement_is_claimed() -> None:
    for read, told in ((5, False), (25, False), (200, True)):  # 1 - 3 / 25 is under 0.9
        gold = some_gold()
        yes = np.where(np.arange(gold.size) < read, 1, -1)
        no = np.where(np.arange(gold.size) < read, 0, -1)
        runs = [
            answering("ltec_itr_lv", gold, (yes, yes)),
            answering("ltec_itr_lv~negated", gold, (no, no)),
        ]
        section = analysed(prompt.STUDY.analyse(Material(runs)))
        assert len(claims(section, "agrees whatever is asked")) == 2 * told


def test_a_model_that_understands_the_negation_is_consistent() -> None:
    gold = some_gold()
    answers = good_answers(gold, np.random.default_rng(5))
    runs = [
        answering("ltec_itr_lv", gold, answers),
        answering("ltec_itr_lv~negated", gold, answers),
    ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    assert not claims(section, "whatever is asked")
    row = by_name(figure(section, "A question and its negation"), 1)["adds",]
    assert (row["Alike %"], row["Kappa"]) == (1, 1)
    assert row["Says yes to the question %"] + row["Says yes to the negation %"] == 1


def test_kappa_is_that_of_a_worked_example() -> None:
    # Cohen's kappa of the 2 x 2 table 20, 5, 10, 15 is 0.4 (Wikipedia, "Cohen's kappa").
    first = np.array([1] * 25 + [0] * 25, dtype=np.int8)
    second = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15, dtype=np.int8)
    gold = some_gold(50)
    found = negation(
        predictions_of(gold, first, first), predictions_of(gold, second, second), Question.ADDS
    )
    assert found.alike == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    low, high = found.kappa_interval or (1, 0)
    assert 0 < low < 0.4 < high < 0.7
    assert found.parsed == 1


def test_unparseable_answers_are_left_out_of_the_consistency_and_counted() -> None:
    gold = some_gold(20)
    none = np.full(20, -1)
    found = negation(
        predictions_of(gold, none, none), predictions_of(gold, none, none), Question.ADDS
    )
    assert (found.alike, found.kappa, found.yes, found.parsed) == (None, None, None, 0)


def _alike_wordings(rng: np.random.Generator, tweets: int = 300) -> dict[str, Predictions]:
    """Nine wordings that are equally good: 60 % right whatever the wording."""
    gold = some_gold(tweets)
    found = {}
    for name in ("the paper's", *PARAPHRASES):
        adds, represented = right_answers(gold)
        wrong = rng.random(tweets) < 0.4
        found[name] = predictions_of(gold, np.where(wrong, 1 - adds, adds), represented)
    return found


def test_the_best_of_equal_wordings_is_no_better_by_the_other_half() -> None:
    rng = np.random.default_rng(6)
    seen, honest, covered = [], [], 0
    for _ in range(100):
        rights = np.stack([o.correct.mean(axis=1) for o in _alike_wordings(rng).values()])
        best, worst = extremes(rights)
        seen.append(best.observed)
        honest.append(best.held_out)
        low, high = best.interval or (1, 0)
        covered += low <= 0.6 <= high
        assert worst.observed <= best.observed
    assert np.mean(seen) > 0.63  # the winner's curse
    assert np.mean(honest) == pytest.approx(0.6, abs=0.01)
    assert covered >= 88  # of 100, where 95 are promised


def test_a_wording_that_is_better_is_chosen_and_stays_better() -> None:
    rng = np.random.default_rng(7)
    rights = (rng.random((5, 300)) < np.array([[0.4], [0.4], [0.8], [0.4], [0.4]])).astype(float)
    best, _ = extremes(rights)
    assert (best.place, best.tied) == (2, 1)
    assert best.stable == 1
    assert best.held_out == pytest.approx(best.observed, abs=0.01)


def test_wordings_that_share_the_extreme_are_said_to_be_several() -> None:
    gold = some_gold(40)
    right = right_answers(gold)
    wrong = (1 - right[0], right[1])
    runs = [
        answering("ltec_itr_lv", gold, right),
        answering("ltec_itr_lv~p1", gold, right),
        answering("ltec_itr_lv~p2", gold, wrong),
    ]
    (row,) = figure(
        analysed(prompt.STUDY.analyse(Material(runs))), "Accuracy over the wordings"
    ).table.rows
    assert (row[9], row[13]) == ("several (2)", None)
    assert (row[14], row[18]) == ("p2", 1)


def test_the_spread_of_equal_wordings_is_rarely_called_more_than_chance() -> None:
    rng = np.random.default_rng(8)
    p_values = [
        found.p_value for _ in range(60) if (found := prompt_variation(_alike_wordings(rng, 80)))
    ]
    assert len(p_values) == 60
    assert sum(p < 0.05 for p in p_values) <= 9  # P(more than 9 of 60 at 0.05) < 0.001


def test_a_spread_beyond_chance_is_told() -> None:
    rng = np.random.default_rng(9)
    wordings = _alike_wordings(rng)
    gold = next(iter(wordings.values())).gold
    wordings["p1"] = predictions_of(gold, *right_answers(gold))
    found = prompt_variation(wordings)
    assert found is not None
    assert found.p_value < 0.001
    assert found.sd > 2 * found.sd_by_chance
    assert found.names[found.best.place] == "p1"
    assert found.mean.interval is not None


def test_a_prompt_study_shows_the_wordings_and_names_what_is_missing() -> None:
    rng = np.random.default_rng(10)
    wordings = _alike_wordings(rng)
    runs = [
        run_of("ltec_itr_lv" if name == "the paper's" else f"ltec_itr_lv~{name}", found)
        for name, found in wordings.items()
        if name != "p8"
    ]
    section = analysed(prompt.STUDY.analyse(Material(runs)))
    (row,) = figure(section, "Accuracy over the wordings").table.rows
    assert row[1] == 8
    (missing,) = [notice for notice in section.notices if "not run" in notice]
    assert "p8" in missing and "p7" not in missing and "choice" in missing
    rates = by_name(figure(section, "How often"), 1, 2)
    assert rates["as it is", "represented"]["Yes %"] == 0.5
    assert rates["as it is", "represented"]["Yes by the labels %"] == 0.5


# Context


def test_a_gain_by_examples_is_told_on_the_tweets_that_both_scored() -> None:
    gold = some_gold()
    rng = np.random.default_rng(11)
    base = good_answers(gold, rng, 0.6)
    right = right_answers(gold)
    fewer = predictions_of(gold, *right)
    fewer = Predictions(fewer.tweet_ids[16:], gold[16:], fewer.adds[16:], fewer.represented[16:])
    runs = [
        answering("ltec_itr_lv", gold, base),
        run_of("ltec_itr_lv~shots-2", fewer, data="local-0123456789ab+split-aaaaaaaaaaaa"),
        answering("ltec_itr_lv~shots-1-text", gold, base),
    ]
    section = analysed(in_context.STUDY.analyse(Material(runs)))
    (gain,) = claims(section, "gains")
    assert "2 examples an answer" in gain
    rows = by_name(figure(section, "Gain"), 1)
    assert rows["shots-2",]["Tweets"] == 184
    assert rows["shots-2",]["From"] == "split"
    assert rows["shots-2",]["Gain"] > 0.4
    assert rows["shots-1-text",]["Gain"] == 0


def test_other_examples_of_the_same_number_are_named() -> None:
    gold = some_gold(40)
    runs = [
        _lv(gold),
        *(
            answering(
                "ltec_itr_lv~shots-1",
                gold,
                right_answers(gold),
                data=f"local-0123456789ab+{source}-aaaaaaaaaaaa",
                files=(f"{source}/made-up/x/responses.jsonl",),
            )
            for source in ("file", "tirt")
        ),
    ]
    section = analysed(in_context.STUDY.analyse(Material(runs)))
    assert len(figure(section, "Gain").table.rows) == 1
    assert any("twice with other examples" in notice for notice in section.notices)


# Language


def test_a_language_gap_is_found_with_what_carries_it_and_the_tweets_that_flip() -> None:
    gold = some_gold()
    right = right_answers(gold)
    adds = right[0].copy()
    worse = np.flatnonzero(gold == 3)[:40]
    adds[worse] = 1 - adds[worse]
    runs = [
        answering("ltec_itr_lv", gold, (adds, right[1])),
        answering("ltec_itr_en_manual", gold, right, data="local-ba9876543210"),
        answering("ltec_itr_en_mt@opus", gold, right, data="local-bbbbbbbbbbbb-opus"),
    ]
    section = analysed(language.analyse(Material(runs)))
    assert len(claims(section, "20.0 percentage points better on English", "than on Latvian")) == 2
    rows = by_name(figure(section, "Gap"), 1, 2)
    assert rows["Latvian", "English by opus"]["Gap"] == -0.2
    assert rows["English, as published", "English by opus"]["Gap"] == 0
    carriers = by_name(figure(section, "What carries the gap, by relation"), 1, 2)
    gap = "Latvian − English, as published"
    assert carriers[gap, "3 adds nothing, not represented"]["Part of the gap"] == -0.2
    carriers = by_name(figure(section, "What carries the gap, by question"), 1, 2)
    assert carriers[gap, "represented"]["Difference"] == 0
    assert carriers[gap, "adds"]["Difference"] == -0.2
    flips = by_name(figure(section, "Tweets that flip"), 1, 2)
    ids = flips[gap, "the second"]["Ids"].split()
    assert ids == sorted(runs[0].predictions.tweet_ids[i] for i in worse)
    assert flips[gap, "the first"]["Ids"] == "none"


def test_accuracy_stands_against_the_quality_of_the_translation() -> None:
    gold = some_gold()
    runs = [
        answering(f"ltec_itr_en_mt@{name}", gold, right_answers(gold), data=f"local-{i}-{name}")
        for i, name in enumerate(("opus", "nllb"))
    ]
    quality = {(run.task, run.data): _quality(60.0 + i) for i, run in enumerate(runs)}
    others = [
        answering(f"ltec_itr_en_mt@opus{end}", gold, right_answers(gold), data=runs[0].data)
        for end in ("~p1", "_explained")
    ]
    section = analysed(language.analyse(Material([*runs, *others, _lv(gold)], quality=quality)))
    shown = figure(section, "Accuracy and the quality")
    rows = by_name(shown, 1)
    assert sorted(rows) == [("nllb",), ("opus",), ("opus, explained",)]
    assert len(shown.table.rows) == 3
    assert (rows["opus",]["BLEU"], rows["opus",]["chrF2"]) == (60.0, 70.0)
    assert rows["nllb",]["Accuracy %"] == 1
    drawn = [chart for chart in shown.charts if isinstance(chart, Scatter)]
    assert [chart.x_axis for chart in drawn] == [
        *("BLEU of the translation", "chrF2 of the translation")
    ]
    assert [sorted((point.label, point.x) for point in chart.points)[0] for chart in drawn] == [
        *(("made-up, nllb", 61.0), ("made-up, nllb", 71.0))
    ]
    assert any("No test is made of accuracy against the quality" in x for x in section.limits)
    # The terminal says the same.
    text = as_text(get_study("language"), section)
    assert "55.00 to 65.00" in text and "chrF2" in text


def _quality(bleu: float) -> Quality:
    metrics = {
        key: Measured(score, (score - 5, score + 5), "")
        for key, score in (("bleu", bleu), ("chrf", bleu + 10))
    }
    return Quality("", "", 200, None, metrics)


def test_of_one_system_the_quality_is_shown_and_not_drawn() -> None:
    gold = some_gold(20)
    run = answering("ltec_itr_en_mt@opus", gold, right_answers(gold), data="local-a-opus")
    for runs in ([run], [run, _lv(gold)]):
        material = Material(runs, quality={(run.task, "local-a-opus"): _quality(60)})
        section = analysed(language.analyse(material))
        shown = figure(section, "Accuracy and the quality")
        assert by_name(shown, 1)["opus",]["BLEU"] == 60
        assert not shown.charts
        assert any("one machine system only" in limit for limit in section.limits)
    # Another state of the data has another quality, which is not known.
    other = replace(run, data="local-b-opus")
    material = Material([other, _lv(gold)], quality=material.quality, quality_unknown=["not built"])
    section = analysed(language.analyse(material))
    assert not any("quality" in found.title for found in section.figures)
    assert "not built" in section.notices


def test_why_the_quality_of_a_translation_is_not_known_is_said() -> None:
    gold = some_gold(20)
    run = answering("ltec_itr_en_mt@nobody", gold, right_answers(gold), data="local-a-nobody")
    variant = answering("ltec_itr_en_mt@nobody~p1", gold, right_answers(gold), data="local-b-x")
    found = translation_quality.with_quality(Material([run, variant, _lv(gold)]))
    assert found.quality == {}
    assert found.quality_unknown == (
        "ltec_itr_en_mt@nobody (local-a-nobody): BLEU and chrF are not known: "
        "ltec_en_mt@nobody is not built here.",
    )
    assert found.quality_unknown[0] in analysed(language.analyse(found)).notices


def _lv(gold: NDArray[np.int8], **metadata: Any) -> Run:
    return answering("ltec_itr_lv", gold, right_answers(gold), **metadata)


def test_runs_that_saw_other_images_are_not_compared() -> None:
    gold = some_gold(20)
    ids = predictions_of(gold, gold, gold).tweet_ids
    lv = _lv(gold, images=dict.fromkeys(ids, "a"))
    en = answering("ltec_itr_en_manual", gold, right_answers(gold), images=dict.fromkeys(ids, "b"))
    section = analysed(language.analyse(Material([lv, en])))
    assert not section.figures
    assert any("saw other images of 20 tweets" in notice for notice in section.notices)


# Transfer


def _by_relation(counts: Sequence[int], right: Sequence[float], seed: int = 0) -> Predictions:
    """Predictions with *counts* tweets a relation, of which the share *right* is right."""
    gold = np.repeat(np.arange(4, dtype=np.int8), counts)
    adds, represented = right_answers(gold)
    wrong = np.concatenate(
        [np.arange(n) >= round(n * share) for n, share in zip(counts, right, strict=True)]
    )
    return predictions_of(gold, np.where(wrong, 1 - adds, adds), represented)


def test_a_difference_of_class_balance_alone_is_called_that() -> None:
    a = _by_relation([100, 20, 20, 20], [0.8, 0.4, 0.4, 0.4])
    b = _by_relation([40, 40, 40, 40], [0.8, 0.4, 0.4, 0.4])
    (found,) = corrected([split(a, b)])
    assert found.domain.value == pytest.approx(0)
    assert found.balance.value == pytest.approx(found.difference.value) == pytest.approx(0.15)
    assert found.balanced.value == pytest.approx(0)
    assert found.domain.interval[0] < 0 < found.domain.interval[1]
    assert found.balance.interval[0] > 0
    assert not any(one.significant for one in found.relations)


def test_a_difference_of_domain_alone_is_called_that() -> None:
    a = _by_relation([50, 50, 50, 50], [0.8] * 4)
    b = _by_relation([50, 50, 50, 50], [0.4] * 4)
    (found,) = corrected([split(a, b)])
    assert found.balance.value == pytest.approx(0)
    assert found.domain.value == pytest.approx(0.4)
    assert all(one.significant for one in found.relations)
    assert found.balanced_a.value == pytest.approx(0.8)


@given(
    st.lists(st.integers(10, 20), min_size=8, max_size=8),
    st.lists(st.floats(0, 1), min_size=8, max_size=8),
)
@settings(deadline=None, max_examples=15)
def test_the_two_parts_add_up(counts: list[int], right: list[float]) -> None:
    found = split(_by_relation(counts[:4], right[:4]), _by_relation(counts[4:], right[4:]))
    assert found.domain.value + found.balance.value == pytest.approx(found.difference.value)
    for one in (found.domain, found.balance, found.difference, found.balanced):
        assert one.interval[0] - 1e-9 <= one.value <= one.interval[1] + 1e-9


def test_transfer_says_where_a_relation_has_too_few_tweets() -> None:
    lv = run_of("ltec_itr_lv", _by_relation([20, 9, 20, 20], [0.5] * 4))
    tirt = run_of("tirt", _by_relation([20, 20, 20, 20], [0.5] * 4))
    section = analysed(transfer.analyse(Material([lv, tirt])))
    assert not section.figures
    assert any("relation 1: 9 and 20 tweets" in notice for notice in section.notices)


def test_transfer_shows_sets_and_relations() -> None:
    lv = run_of("ltec_itr_lv", _by_relation([40, 40, 40, 40], [0.9] * 4))
    tirt = run_of(
        "tirt", _by_relation([30, 40, 50, 60], [0.2, 0.9, 0.9, 0.9]), data="hub-aaaaaaaaaaaa"
    )
    section = analysed(transfer.analyse(Material([lv, tirt])))
    (text,) = claims(section, "on tweets of relation 0")
    assert "better on LTEC by 70.0 percentage points" in text
    assert len(figure(section, "LTEC against TIRT, relation").table.rows) == 4
    (whole,) = [claim for claim in section.claims if "of which the domain" in claim.text]
    assert not whole.finding
    assert whole.test.startswith("no test")


def _board(sizes: Sequence[float], accuracies: Sequence[float]) -> list[BoardModel]:
    return [
        BoardModel(f"m{i}", "ltec_itr_lv", accuracy, int(size * 10**9), None, "made up")
        for i, (size, accuracy) in enumerate(zip(sizes, accuracies, strict=True))
    ]


def test_a_line_through_known_points_is_found() -> None:
    board = _board([1, 2, 4, 8, 16, 32], [0.20, 0.25, 0.30, 0.35, 0.40, 0.45])
    found = fits({"ltec_itr_lv": board})["ltec_itr_lv"]
    assert found is not None and found.significant
    assert found.slope == pytest.approx(0.05)
    assert found.interval == pytest.approx((0.05, 0.05))
    assert found.p_value == pytest.approx(2 / 720)  # one order of 6! and its reverse
    assert found.line[0] == (pytest.approx(1e9), pytest.approx(0.2))
    assert found.line[1] == (pytest.approx(32e9), pytest.approx(0.45))


def test_with_ties_the_p_value_is_exact_or_not_there() -> None:
    # Of the 120 orders of five accuracies on sizes 1, 1, 2, 2, 4, four (the ties turned round)
    # are as concordant as what was seen, and four as discordant.
    found = fit(_board([1, 1, 2, 2, 4], [0.1, 0.2, 0.3, 0.4, 0.5]))
    assert found is not None
    assert found.p_value == pytest.approx(8 / 120)
    many = fit(_board([1, 1, 2, 2, 4, 4, 8, 8, 16], [i / 10 for i in range(9)]))
    assert many is not None
    assert many.p_value is None and many.adjusted is None and not many.significant
    models = _board([1, 1, 2, 2, 4, 4, 8, 8, 16], [i / 10 for i in range(9)])
    (claim,) = analysed(transfer.analyse(Material(board=models))).claims
    assert "no p value (ties among more than 8)" in claim.test


def test_of_a_model_the_computed_result_stands_before_a_published_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from types import SimpleNamespace

    from itr_bench.leaderboard.site.rows import Row

    known: dict[str, Any] = {"task": "ltec_itr_lv", "folder": "made--up", "parameters": 7}
    rows = [
        Row(kind="published", name="Paper", accuracy=0.9, **known),
        Row(kind="entry", name="Ours", accuracy=0.5, interval=(0.4, 0.6), tweets=9, **known),
        Row(kind="entry", name="Ours", accuracy=0.6, interval=(0.4, 0.7), tweets=5, **known),
        Row(kind="baseline", name="Chance", accuracy=0.25, task="ltec_itr_lv"),
    ]
    board = SimpleNamespace(task="ltec_itr_lv", main=SimpleNamespace(rows=rows))
    monkeypatch.setattr(board_models, "make_boards", lambda *_, trial: (board,))
    assert [(one.name, one.accuracy) for one in board_models.board_models([], [])] == [
        ("Ours", 0.5)
    ]


def test_four_models_and_models_of_one_size_make_no_line() -> None:
    assert fit(_board([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])) is None
    assert fit(_board([7] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])) is None
    section = analysed(transfer.analyse(Material(board=_board([4, 7, 13], [0.1, 0.2, 0.3]))))
    assert any("Neither was computed" in limit for limit in section.limits)
    assert not section.claims


# Limits and intervals


def test_what_cannot_be_shown_stands_for_each_number_of_tweets() -> None:
    def on(tweets: int) -> list[Contrast]:
        gold = some_gold(tweets)
        adds, represented = right_answers(gold)
        other = np.where(np.arange(tweets) % 5 == 0, 1 - adds, adds)
        return [
            Contrast(predictions_of(gold, adds, represented), predictions_of(gold, other, adds))
        ]

    found = compared_by([*"abba"], [on(40), on(200), on(200), on(9)])
    few, *said = limits([one for (one,) in found])
    assert few.startswith("1 comparison is on fewer than 10 tweets")
    assert [line.split(",")[0] for line in said] == [
        *("a: of 40 tweets", "b: of 200 tweets"),
    ]
    assert "median over 2 comparisons" in said[1]
    assert "as one of 2 comparisons, corrected, one under" in said[1]
    assert all("right in most samples, which is not accuracy" in line for line in said)


def test_one_accuracy_has_one_interval_on_the_page() -> None:
    lv = run_of("ltec_itr_lv", _by_relation([70, 20, 40, 30], [0.9, 0.4, 0.5, 0.2]))
    tirt = run_of("tirt", _by_relation([30, 40, 50, 60], [0.2, 0.9, 0.9, 0.9]), data="hub-a")
    rule = _trained("y")
    content = {"answers": {str(i): [i % 4, "yn", "ny"] for i in range(40)}}
    rule = replace(rule, content=content, metadata={**rule.metadata, "seeds": [1, 2]}, data=lv.data)
    report = make(Material([lv, tirt], [rule]))
    by_task = {
        line["task"]: (line["accuracy"], line["interval"]) for line in runs_of(report.material.runs)
    }
    sections = {study.name: section for study, section in report.sections}
    (row,) = figure(sections["transfer"], "LTEC against TIRT").table.rows
    assert [row[4:6], row[6:8]] == [by_task["ltec_itr_lv"], by_task["tirt"]]
    rows = by_name(figure(sections["no-vlm"], "Accuracy without"), 0)
    beside = rows["made-up",]
    assert (beside["Accuracy %"], beside["95 % interval"]) == by_task["ltec_itr_lv"]


def test_the_share_of_yes_has_one_interval_wherever_it_stands() -> None:
    gold = some_gold(60)
    rng = np.random.default_rng(3)
    plain, negated = (predictions_of(gold, *good_answers(gold, rng, 0.7)) for _ in range(2))
    for question in QUESTIONS:
        found = negation(plain, negated, question)
        answers = getattr(plain, question.value)
        (share,) = shares([((answers == 1).sum(axis=1, dtype=np.int64), 1)])
        assert found.yes == share.value
        assert found.yes_interval == pytest.approx(share.interval, abs=1e-12)


# Bad input


def test_other_data_and_other_versions_are_kept_apart_and_named() -> None:
    gold = some_gold()
    runs = _reads_only_text(gold)
    for change, word in (
        ({"data": "local-ffffffffffff"}, "local-ffffffffffff"),
        ({"data": "placeholder-0123456789ab"}, "placeholder-0123456789ab"),
        ({"version": "2.0"}, "version of the task 2.0"),
        ({"generation": {"model_args": {"load_in_4bit": "True"}}}, "load_in_4bit"),
    ):
        files = ("other/made-up/x/responses.jsonl",)
        others = [replace(run, files=files, **change) for run in runs]
        section = analysed(image_ablation.STUDY.analyse(Material([*runs, *others])))
        assert {row[0] for row in figure(section, "Accuracy").table.rows} == {
            "made-up [1]",
            "made-up [2]",
        }
        assert any("kept apart" in notice and word in notice for notice in section.notices)


def test_a_task_that_was_run_twice_is_taken_once() -> None:
    runs = _reads_only_text(some_gold())
    twin = replace(runs[1], files=("twin/made-up/x/responses.jsonl",))
    section = analysed(image_ablation.STUDY.analyse(Material([*runs, twin])))
    assert len(figure(section, "Accuracy").table.rows) == 5
    assert any("twice under the same configuration" in notice for notice in section.notices)


def test_of_two_runs_of_one_task_the_larger_is_taken() -> None:
    gold = some_gold(40)
    adds, represented = (np.stack([answers] * 2, axis=1) for answers in right_answers(gold))
    smaller = answering("ltec_itr_lv", gold[:20], right_answers(gold[:20]), files=("a/x/r",))
    once = answering("ltec_itr_lv", gold, right_answers(gold), files=("b/x/r",))
    last = answering("ltec_itr_lv", gold, (adds, represented), files=("d/x/r",))
    most = replace(last, files=("c/x/r",))
    subjects, notices = subjects_of(Material([smaller, once, last, most]))
    assert [dict(subject.runs) for subject in subjects] == [{"ltec_itr_lv": most}]
    for left in (
        "a/x (20 tweets, 1 sample of each)",
        "b/x (40 tweets, 1 sample of each)",
        "d/x (40 tweets, 2 samples of each)",
    ):
        assert any(
            f"c/x (40 tweets, 2 samples of each) is taken, {left} is left out" in notice
            for notice in notices
        )


def test_runs_are_placed_by_their_data_and_not_by_the_order_of_its_names() -> None:
    gold = some_gold(20)
    tasks = [("ltec_itr_lv", "a"), ("ltec_itr_lv", "b"), ("ltec_itr_lv~p1", "b")]
    tasks += [("ltec_itr_en_manual", "b"), ("tirt", "c"), ("itr_demo_lv", "d")]
    runs = [
        answering(task, gold, right_answers(gold), data=data, files=(f"{data}/{task}/r",))
        for task, data in tasks
    ]
    subjects, _ = subjects_of(Material(runs))
    assert [sorted(subject.runs) for subject in subjects] == [
        ["itr_demo_lv", "tirt"],
        ["ltec_itr_lv"],
        ["ltec_itr_en_manual", "ltec_itr_lv", "ltec_itr_lv~p1"],
    ]


def test_all_tasks_of_a_model_are_one_family_of_tests() -> None:
    gold = some_gold(40)
    wrong = tuple(np.where(np.arange(40) < 8, 1 - a, a) for a in right_answers(gold))

    def of(study: Any, variant: str, bases: Sequence[str]) -> list[Any]:
        runs = [answering(base, gold, right_answers(gold)) for base in bases]
        runs += [answering(with_variant(base, variant), gold, wrong) for base in bases]
        section = analysed(study.STUDY.analyse(Material(runs)))
        return [
            dict(zip([c.title for c in found.table.columns], row, strict=True))
            for found in section.figures
            for row in found.table.rows
            if "p, McNemar Holm" in [column.title for column in found.table.columns]
        ]

    for study, variant, tests in (
        (image_ablation, "no-image", 3),
        (prompt, "p1", 1),
        (in_context, "shots-1", 3),
    ):
        (alone,) = of(study, variant, ["ltec_itr_lv"])
        both = of(study, variant, ["ltec_itr_lv", "ltec_itr_en_manual"])
        # Eight tweets are right only as it is: 2 / 2 ** 8, times the tests.
        assert alone["p, McNemar Holm"] == pytest.approx(tests * 2 / 2**8)
        for column in ("p, McNemar Holm", "p, mean Holm"):
            assert [row[column] for row in both] == pytest.approx([2 * alone[column]] * 2)


def test_other_seeds_are_compared_and_said() -> None:
    runs = _reads_only_text(some_gold())
    runs[1] = replace(runs[1], seeds=(77,))
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    assert any("the seeds differs" in notice for notice in section.notices)
    assert len(figure(section, "Accuracy").table.rows) == 5


def test_variants_without_their_task_are_named() -> None:
    runs = _reads_only_text(some_gold())[1:]
    section = analysed(image_ablation.STUDY.analyse(Material(runs)))
    assert not section.figures
    assert any("ltec_itr_lv itself was not run" in notice for notice in section.notices)


def test_a_task_that_was_run_with_another_configuration_is_not_called_missing() -> None:
    runs = _reads_only_text(some_gold())
    section = analysed(
        image_ablation.STUDY.analyse(Material([replace(runs[0], version="2.0"), *runs[1:]]))
    )
    assert not section.figures
    assert any("was run with another configuration" in notice for notice in section.notices)
    assert not any("was not run" in notice for notice in section.notices)


def test_notices_alone_make_a_section() -> None:
    run = _lv(some_gold(20))
    material = Material([run], unfinished={run.files[0]: "20 of 350 tweets are complete"})
    for study in (image_ablation, prompt, in_context, language, transfer):
        section = analysed(study.STUDY.analyse(material))
        assert ["in progress" in notice for notice in section.notices] == [True]
        assert not section.figures and not section.claims


def test_a_variant_on_other_tweets_is_left_out_and_the_rest_reported() -> None:
    runs = _reads_only_text(some_gold())
    items = tuple(replace(item, tweet_id="9" + item.tweet_id) for item in runs[1].items)
    section = analysed(
        image_ablation.STUDY.analyse(Material([runs[0], replace(runs[1], items=items), *runs[2:]]))
    )
    assert len(figure(section, "Accuracy").table.rows) == 4
    assert any("no-image is left out" in notice for notice in section.notices)


def test_two_labels_of_one_tweet_are_refused() -> None:
    gold = some_gold(10)
    a, b = predictions_of(gold, gold, gold), predictions_of((gold + 1) % 4, gold, gold)
    with pytest.raises(ScoreError, match="label"):
        compared([[Contrast(a, b)]])


def test_a_run_in_progress_is_named_and_reported() -> None:
    runs = _reads_only_text(some_gold())
    unfinished = {runs[2].files[0]: "120 of 350 tweets are complete"}
    section = analysed(image_ablation.STUDY.analyse(Material(runs, unfinished=unfinished)))
    assert any("in progress: 120 of 350" in notice for notice in section.notices)
    assert len(figure(section, "Accuracy").table.rows) == 5


def test_nothing_to_say_is_said_by_silence() -> None:
    for study in (image_ablation, prompt, in_context, language, transfer):
        assert study.STUDY.analyse(Material()) is None


# Results of studies without a VLM


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = Result("no-vlm", "m", "ltec_itr_lv", "placeholder-00", {"seed": 1}, {"figures": [1.5]})
    path = write_result(tmp_path / "a", result)
    assert path.name == RESULT
    assert read_result(path) == replace(result, path=str(path))
    assert result.placeholder


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "cannot read"),
        ("[]", "format"),
        ('{"format": "2"}', "not a study's result: format is '2'"),
        ('{"format": true}', "not a study's result"),
        ('{"format": 1}', "format 1, of an older itr-bench; .* run the study again"),
        ('{"format": 3}', "format 3, of a newer itr-bench; .* Update itr-bench"),
        ('{"format": 2}', "expected the fields"),
        ('{"format": 2, "metadata": {"a": NaN}}', "NaN is no number"),
        ('{"format": 2, "metadata": {"a": [-Infinity]}}', "-Infinity is no number"),
        ('{"format": 2, "metadata": {"a": 1e999}}', "1e999 is no number"),
        (
            '{"format": 2, "study": "s", "model": "m", "task": "t", "data": "d", "metadata": {}, '
            '"content": {"a": ' + "[" * 400 + "]" * 400 + "}}",
            "content is nested more than 20 deep",
        ),
        (
            '{"format": 2, "study": 3, "model": "m", "task": "t", "data": "d", "metadata": {}, '
            '"content": {}}',
            "study is 3",
        ),
    ],
)
def test_a_result_that_is_none_is_refused(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / RESULT
    path.write_text(content)
    with pytest.raises(DataError, match=word):
        read_result(path)


METADATA = {"tweets": 8, "tweets_in_set": 8}


def _trained(said: str, *, tweets: Sequence[str] = (), **metadata: Any) -> Result:
    """A result of `no-vlm` that says *said*, ``y`` or ``n``, of eight tweets."""
    ids = tweets or [str(10**9 + i) for i in range(8)]
    answers = {tweet: [i % 4, said, said] for i, tweet in enumerate(ids)}
    known = {**METADATA, "seeds": [1], "folds": 5, **metadata}
    data = "local-0123456789ab"
    return Result("no-vlm", "rule", "ltec_itr_lv", data, known, {"answers": answers}, "a.json")


def test_rows_about_other_tweets_or_labels_are_not_compared_and_the_rest_is() -> None:
    gold = some_gold(8)
    results = [
        _trained("y"),
        replace(_trained("n", tweets=[str(i) for i in range(8)], folds=4), path="b.json"),
        replace(_trained("n", tweets=[str(10**9 + 7 - i) for i in range(8)]), path="c.json"),
    ]
    section = analysed(no_vlm.analyse(Material([_lv(gold)], results)))
    (row,) = figure(section, "Models against").table.rows
    assert row[:3] == ("made-up", "rule [1] (trained)", 8)
    named = [notice for notice in section.notices if "not compared" in notice]
    assert named == [
        "ltec_itr_lv: made-up and rule [2] (trained) share no tweet, and are not compared.",
        "ltec_itr_lv: made-up and rule [3] (trained) disagree on the label of a tweet, and are "
        "not compared.",
    ]
    assert any(
        "Results of rule on ltec_itr_lv are not alike and are kept apart: [1] folds 5; [2] folds "
        "4; [3] folds 5." in notice
        for notice in section.notices
    )
    # Nothing at all to compare with: the rows stand alone.
    section = analysed(no_vlm.analyse(Material([_lv(gold)], results[1:2])))
    assert len(section.figures) == 1


def test_all_rows_of_a_model_are_one_family_of_tests() -> None:
    gold = some_gold(12)
    one = _trained("y", tweets=[str(10**9 + i) for i in range(12)])
    runs = [_lv(gold), answering("ltec_itr_en_manual", gold, right_answers(gold))]

    def adjusted_of(results: Sequence[Result]) -> list[Any]:
        section = analysed(no_vlm.analyse(Material(runs, results)))
        rows = [row for x in section.figures if "against" in x.title for row in x.table.rows]
        return [p_value for row in rows for p_value in row[-2:]]

    alone = adjusted_of([one])
    assert alone[0] == pytest.approx(2 / 2**9)  # nine tweets are right only in the run
    both = adjusted_of([one, replace(one, task="ltec_itr_en_manual")])
    assert both == pytest.approx([2 * p_value for p_value in alone] * 2)


def test_on_few_tweets_a_row_has_no_interval_anywhere() -> None:
    result = _trained("y", tweets=["1", "2", "3", "4", "5"])
    section = analysed(no_vlm.analyse(Material(results=[result])))
    assert figure(section, "Accuracy without").table.rows[0][4] is None
    (claim,) = section.claims
    assert "too few tweets to say more" in claim.text and "that an interval needs" in claim.test


def _found(task: str, ranks: Sequence[int], **changes: Any) -> Result:
    """A result of `retrieval`."""
    metadata = {"pictures": "p", "encoder": {"name": "e", "revision": "1"}, **METADATA}
    content = {
        "tweets": [str(i) for i in range(8)],
        "relations": [0] * 8,
        "text_to_image": list(ranks),
        "image_to_text": list(ranks),
        "right_pairs": 8,
    }
    made = Result("retrieval", "e", task, "local-0", metadata, content, f"{task}.json")
    for name, value in changes.items():
        if name in content:
            made = replace(made, content={**made.content, name: value})
        elif name in ("pictures", "encoder"):
            made = replace(made, metadata={**made.metadata, name: value})
        else:
            made = replace(made, **{name: value})
    return made


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tweets": [str(i) for i in range(1, 9)]}, "are about other tweets"),
        ({"relations": [0] * 7 + [1]}, "disagree on the label of a tweet"),
        ({"pictures": "q"}, "saw other pictures"),
    ],
)
def test_ranks_that_do_not_fit_together_are_shown_and_not_compared(
    change: dict[str, Any], why: str
) -> None:
    results = [_found("ltec_itr_lv", [1] * 8), _found("ltec_itr_en_manual", [2] * 8, **change)]
    section = analysed(retrieval.analyse(Material(results=results)))
    assert len(figure(section, "Retrieval by").table.rows) == 4
    assert len(section.figures) == 1
    (said,) = [notice for notice in section.notices if "not compared" in notice]
    assert said == f"e: Latvian and English {why}, and are not compared."


def test_ranks_on_several_data_are_kept_apart_by_name() -> None:
    results = [
        _found("ltec_itr_lv", [1] * 8),
        _found("ltec_itr_lv", [2] * 8, data="local-1", path="z.json"),
        _found("ltec_itr_en_manual", [2] * 8),
    ]
    section = analysed(retrieval.analyse(Material(results=results)))
    rows = by_name(figure(section, "Gap"), 0, 1)
    assert sorted(rows) == [("Latvian [1]", "English"), ("Latvian [2]", "English")]
    assert any("[1] data local-0; [2] data local-1." in notice for notice in section.notices)
    other = _found("ltec_itr_lv", [1] * 8, encoder={"name": "e", "revision": "2"}, path="y.json")
    section = analysed(retrieval.analyse(Material(results=[results[0], other])))
    assert [found.title for found in section.figures] == [
        "Retrieval by e [1]",
        "Retrieval by e [2]",
    ]
    assert any(
        "Encoders called e are not alike and are kept apart: [1] revision 1; [2] revision 2."
        in notice
        for notice in section.notices
    )


# The command


def _study(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["study", *arguments], catch_exceptions=True)


def test_the_studies_are_listed() -> None:
    listed = _study("--list")
    assert listed.exit_code == 0
    for name, study in studies().items():
        assert name in listed.output
        assert study.question.split()[0] in listed.output


needs_eval = pytest.mark.skipif(
    not pytest.importorskip("importlib.util").find_spec("lmms_eval"),
    reason="the extra `eval` is not installed",
)


@needs_eval
def test_a_study_runs_its_tasks_and_goes_on(tmp_path: Path) -> None:
    line = ("image-ablation", "--model", "itr_baseline", "--base", "itr_demo_lv", "--seeds", "1")
    out = ("--out", str(tmp_path / "studies"))
    dry = _study(*line, *out, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert not (tmp_path / "studies").exists()
    assert "itr_demo_lv~other-text" in dry.output
    done = _study(*line, *out)
    assert done.exit_code == 0, done.output
    assert "no answer to adds changes" in done.output
    folders = {path.name for path in (tmp_path / "studies" / "itr_baseline").iterdir()}
    assert folders == {"itr_demo_lv", *(f"itr_demo_lv~{name}" for name in image_ablation.WITHOUT)}
    again = _study(*line, *out)
    assert again.exit_code == 0
    assert "loading" not in again.output


@needs_eval
def test_a_limit_that_is_too_small_to_test_is_said(tmp_path: Path) -> None:
    done = _study(
        *("language", "--model", "itr_baseline", "--base", "itr_demo_lv", "--seeds", "1"),
        *("--limit", "4", "--out", str(tmp_path)),
    )
    assert done.exit_code == 0, done.output
    assert "fewer than 10 tweets" in done.output
    assert "4 of 24" in done.output


def test_a_study_that_has_nothing_for_a_task_is_refused() -> None:
    done = _study("transfer", "--model", "itr_baseline", "--base", "itr_demo_lv", "--dry-run")
    assert isinstance(done.exception, ItrBenchError)
    assert "nothing to compare" in str(done.exception)


def test_unknown_names_are_refused() -> None:
    for arguments in (
        ("image-ablatoin", "--model", "itr_baseline"),
        ("image-ablation", "--model", "itr_baseline", "--base", "ltec_itr_lw"),
    ):
        done = _study(*arguments)
        assert isinstance(done.exception, ItrBenchError)
        assert "Did you mean" in str(done.exception)


@pytest.mark.parametrize("name", ["image-ablation", "no-vlm"])
def test_bases_are_checked_before_anything_is_done(name: str) -> None:
    for asked, word in (
        (" ,", "expected one or more tasks"),
        ("ltec_itr_lw", "Did you mean"),
        ("itr_demo_lv~p1", "take itr_demo_lv"),
    ):
        done = _study(name, "--model", "itr_baseline", "--base", asked, "--dry-run")
        assert isinstance(done.exception, ItrBenchError)
        assert word in str(done.exception)


def test_a_study_without_a_vlm_refuses_what_does_not_apply() -> None:
    done = _study(
        *("no-vlm", "--model", "made-up", "--gen_kwargs", "a=1", "--processes", "2"),
        *("--name", "x", "--dry-run"),
    )
    assert isinstance(done.exception, ItrBenchError)
    for option in ("--gen_kwargs", "--processes", "--name"):
        assert option in str(done.exception)


def test_tasks_whose_data_is_not_here_are_named(tmp_path: Path) -> None:
    done = _study("language", "--model", "itr_baseline", "--dry-run", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "left out of the study" in done.output
    assert "ltec_itr_en_mt: its data is not here" in done.output
    assert "ltec_itr_lv_instruct_lv" in done.output


def test_relations_keep_their_meaning() -> None:
    for relation in Relation:
        predictions = predictions_of([relation], [int(relation.adds)], [int(relation.represented)])
        assert ACCURACY.right(predictions).all()
        assert all(Measure(question).right(predictions).all() for question in QUESTIONS)
