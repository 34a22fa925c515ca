"""Agreement: published examples, libraries, invariants, files as people write them."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import bootstrap
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

from itr_bench.agreement.coefficients import MISSING, Estimates, estimate, resampled_weights
from itr_bench.agreement.report import Agreement, agreement, measure
from itr_bench.agreement.tables import Table, read_annotations
from itr_bench.cli.data_agreement import command
from itr_bench.errors import DataError

Ratings = NDArray[np.int8]
NA = MISSING

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers,
# twelve units, missing values. Also `raw_4raters` of irrCAC. Categories 1 to 5, counted from 0.
KRIPPENDORFF = np.array(
    [
        [0, 0, NA, 0],
        [1, 1, 2, 1],
        [2, 2, 2, 2],
        [2, 2, 2, 2],
        [1, 1, 1, 1],
        [0, 1, 2, 3],
        [3, 3, 3, 3],
        [0, 0, 1, 0],
        [1, 1, 1, 1],
        [NA, 4, 4, 4],
        [NA, NA, 0, 0],
        [NA, NA, 2, NA],
    ],
    dtype=np.int8,
)


def ones(ratings: Ratings, categories: int, **options: bool) -> Estimates:
    return estimate(ratings, categories, np.ones((1, len(ratings))), **options)


def value(ratings: Ratings, categories: int, name: str, **options: bool) -> float:
    return float(ones(ratings, categories, **options).overall[name][0])


def of_joint_counts(joint: list[list[int]]) -> Ratings:
    """The ratings of two annotators by their joint counts."""
    rows = [
        (first, second)
        for first, counts in enumerate(joint)
        for second, count in enumerate(counts)
        for _ in range(count)
    ]
    return np.array(rows, dtype=np.int8)


def of_counts(counts: list[list[int]]) -> Ratings:
    """Ratings by tweet from how many annotators chose each category; who it was is lost."""
    return np.array([np.repeat(range(len(row)), row) for row in counts], dtype=np.int8)


# Fleiss 1971, table 1: 30 patients, six psychiatrists, five diagnoses.
FLEISS_COUNTS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
FLEISS = of_counts([[int(count) for count in row] for row in FLEISS_COUNTS.split()])
# Cohen 1960, table 1: 200 patients, two clinicians.
COHEN = of_joint_counts([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
# Gwet's `cont3x3abstractors`, in the vignette of his R package irrCAC 1.0 ("overview").
ABSTRACTORS = of_joint_counts([[13, 0, 0], [0, 20, 7], [0, 4, 56]])


@pytest.mark.parametrize(
    ("ratings", "categories", "name", "published", "digits"),
    [
        (KRIPPENDORFF, 5, "krippendorff_alpha", 0.743, 3),  # Krippendorff 2011, nominal
        (KRIPPENDORFF, 5, "krippendorff_alpha_ordinal", 0.815, 3),  # the same, ordinal
        (KRIPPENDORFF, 5, "raw_agreement", 0.81818, 5),  # irrCAC 0.4.4 (PyPI), `CAC(raw_4raters)`
        (KRIPPENDORFF, 5, "fleiss_kappa", 0.76117, 5),  # irrCAC
        (KRIPPENDORFF, 5, "gwet_ac1", 0.77544, 5),  # irrCAC; also in its README
        (COHEN, 3, "cohen_kappa", 0.492, 3),
        (FLEISS, 5, "fleiss_kappa", 0.430, 3),
        (FLEISS, 5, "raw_agreement", 0.5556, 4),  # Fleiss 1971: P = .5556
        (ABSTRACTORS, 3, "cohen_kappa", 0.7964094, 7),
        (ABSTRACTORS, 3, "gwet_ac1", 0.8493305, 7),
        (ABSTRACTORS, 3, "krippendorff_alpha", 0.7972585, 7),
        (ABSTRACTORS, 3, "raw_agreement", 0.89, 7),
    ],
)
def test_published_examples(
    ratings: Ratings, categories: int, name: str, published: float, digits: int
) -> None:
    found = value(ratings, categories, name, ordinal=True)
    assert round(found, digits) == published


def ratings_of(*, missing: bool = True, most: int = 5) -> st.SearchStrategy[tuple[Ratings, int]]:
    """Ratings and the number of categories."""

    def filled(categories: int) -> st.SearchStrategy[tuple[Ratings, int]]:
        shape = st.tuples(st.integers(1, 12), st.integers(2, most))
        values = st.integers(MISSING if missing else 0, categories - 1)
        return st.tuples(arrays(np.int8, shape, elements=values), st.just(categories))

    return st.integers(2, 5).flatmap(filled)


@given(ratings_of())
@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_alpha_as_krippendorff_computes_it(level: str, given: tuple[Ratings, int]) -> None:
    ratings, categories = given
    number = (ratings != MISSING).sum(axis=1)
    pairable = ratings[number >= 2]
    assume(len(np.unique(pairable[pairable != MISSING])) > 1)
    data = np.where(ratings == MISSING, np.nan, ratings.astype(float))
    expected = krippendorff.alpha(
        data.T, level_of_measurement=level, value_domain=list(range(categories))
    )
    name = "krippendorff_alpha" + ("_ordinal" if level == "ordinal" else "")
    assert value(ratings, categories, name, ordinal=True) == pytest.approx(expected, abs=1e-9)


@given(ratings_of(missing=False))
def test_kappas_as_statsmodels_computes_them(given: tuple[Ratings, int]) -> None:
    ratings, categories = given
    assume(len(np.unique(ratings)) > 1)
    table, _ = aggregate_raters(ratings, n_cat=categories)
    found = ones(ratings, categories)
    assert found.overall["fleiss_kappa"][0] == pytest.approx(fleiss_kappa(table), abs=1e-9)
    for (first, second), kappa in found.by_pair.items():
        joint = np.zeros((categories, categories))
        np.add.at(joint, (ratings[:, first], ratings[:, second]), 1)
        if joint.diagonal().max() < len(ratings):  # else 0/0 there, undefined here
            expected = cohens_kappa(joint, return_results=False)
            assert kappa[0] == pytest.approx(expected, abs=1e-9)
        else:
            assert math.isnan(kappa[0])


@given(ratings_of(), st.randoms(use_true_random=False))
def test_order_of_tweets_annotators_and_categories_does_not_matter(
    given: tuple[Ratings, int], random: Any
) -> None:
    ratings, categories = given
    tweets, people = (random.sample(range(size), size) for size in ratings.shape)
    names = random.sample(range(categories), categories)
    other = np.array([*names, MISSING], dtype=np.int8)[ratings][tweets][:, people]
    for name, found in ones(ratings, categories).overall.items():
        expected = ones(other, categories).overall[name]
        np.testing.assert_allclose(found, expected, atol=1e-9, err_msg=name)


@given(ratings_of(), st.data())
def test_weights_are_tweets_that_stand_several_times(
    given: tuple[Ratings, int], data: st.DataObject
) -> None:
    ratings, categories = given
    times = data.draw(arrays(np.int64, len(ratings), elements=st.integers(0, 3)))
    assume(times.sum())
    weighed = estimate(ratings, categories, times[None, :].astype(float), ordinal=True)
    repeated = ones(np.repeat(ratings, times, axis=0), categories, ordinal=True)
    for name, found in weighed.overall.items():
        np.testing.assert_allclose(found, repeated.overall[name], atol=1e-9, err_msg=name)


@given(ratings_of())
def test_no_coefficient_is_above_one(given: tuple[Ratings, int]) -> None:
    found = ones(*given, ordinal=True)
    for values in (*found.overall.values(), *found.by_pair.values()):
        assert math.isnan(values[0]) or values[0] <= 1 + 1e-9


@given(ratings_of())
@settings(max_examples=30)
def test_resamples_keep_the_number_of_tweets(given: tuple[Ratings, int]) -> None:
    rows, blocks = resampled_weights(given[0], 700, 0)
    weights = np.concatenate(list(blocks))
    assert weights.shape == (700, len(rows))
    assert (weights.sum(axis=1) == len(given[0])).all()


def table_of(ratings: Ratings, what: str = "adds") -> Table:
    names = ("Anna", "Bērta", "Cilda", "Daina", "Elza", "Fricis")[: ratings.shape[1]]
    return Table(what, tuple(map(str, range(len(ratings)))), names, ratings)


def measured(ratings: Ratings, what: str = "adds", *, confidence: float = 0.95) -> Agreement:
    return measure(table_of(ratings, what), confidence=confidence, resamples=4000, seed=0)


def test_interval_is_that_of_scipy() -> None:
    ratings = np.random.default_rng(5).integers(0, 2, (80, 2)).astype(np.int8)
    expected = bootstrap(
        ((ratings[:, 0] == ratings[:, 1]).astype(float),),
        np.mean,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = measured(ratings, confidence=0.9).overall["raw_agreement"]
    assert found.low == pytest.approx(expected.low, abs=0.013)  # one tweet of 80 is 0.0125
    assert found.high == pytest.approx(expected.high, abs=0.013)


def test_interval_of_alpha_is_that_of_resampled_tweets() -> None:
    generator = np.random.default_rng(7)
    ratings = generator.integers(0, 4, (60, 3)).astype(np.int8)
    ratings[:, 1] = np.where(generator.random(60) < 0.7, ratings[:, 0], ratings[:, 1])
    ratings[generator.random((60, 3)) < 0.2] = MISSING
    data = np.where(ratings == MISSING, np.nan, ratings.astype(float))
    draws = [
        krippendorff.alpha(
            data[generator.integers(0, 60, 60)].T,
            level_of_measurement="nominal",
            value_domain=[0, 1, 2, 3],
        )
        for _ in range(1500)
    ]
    found = measured(ratings, "relation").overall["krippendorff_alpha"]
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_same_seed_same_interval_and_a_wider_one_at_a_higher_level() -> None:
    ratings = np.random.default_rng(3).integers(0, 2, (40, 3)).astype(np.int8)
    first, second = measured(ratings).overall, measured(ratings).overall
    wide = measured(ratings, confidence=0.99).overall
    for name, found in first.items():
        assert found == second[name]
        assert found.low is not None and found.high is not None
        assert found.value is not None and found.low < found.value < found.high
        other = wide[name]
        assert other.low is not None and other.high is not None
        assert other.low < found.low and other.high > found.high


@pytest.mark.parametrize(
    ("rows", "values", "notes"),
    [
        (  # all said yes: what chance would give is the same
            [[0, 0], [0, 0], [0, 0]],
            {"raw_agreement": 1, "gwet_ac1": 1, "fleiss_kappa": None, "cohen_kappa": None},
            {"fleiss_kappa": "one category only", "raw_agreement": "the same in every resample"},
        ),
        (
            [[0, NA], [NA, 1]],
            dict.fromkeys(["raw_agreement", "gwet_ac1", "krippendorff_alpha", "cohen_kappa"]),
            {"raw_agreement": "no tweet has two ratings"},
        ),
        ([[0, 1]], {"raw_agreement": 0, "gwet_ac1": -1}, {"gwet_ac1": "one tweet only"}),
        (  # the one "no" is missing from a third of the resamples
            [[0, 0]] * 11 + [[1, 0]],
            {"raw_agreement": 11 / 12},
            {"fleiss_kappa": "not defined in "},
        ),
        (  # Anna and Cilda both said yes wherever both rated
            [[0, 0, 0], [0, 1, 0], [1, 1, NA], [0, NA, 0]] * 9,
            {"raw_agreement": 5 / 6},
            {"cohen_kappa": "mean of the 2 of 3 pairs that have one"},
        ),
        ([[0], [1]], {"raw_agreement": None}, {"raw_agreement": "no tweet has two ratings"}),
    ],
)
def test_what_is_not_defined_is_empty_with_the_reason(
    rows: list[list[int]], values: dict[str, float | None], notes: dict[str, str]
) -> None:
    found = measured(np.array(rows, dtype=np.int8)).overall
    for name, expected in values.items():
        assert found[name].value == (None if expected is None else pytest.approx(expected)), name
    for name, note in notes.items():
        assert note in (found[name].note or ""), (name, found[name])
        assert name == "cohen_kappa" or found[name].low is None


WIDE = """tweet_id,adds:Anna,represented:Anna,adds:Bērta,represented:Bērta,Cilda
1001,yes,no,yes,no,1
1002,no,no,yes,no,1
1003,yes,yes,Yes,NO,0
1004,,yes,no,no,3
1005,no,yes,no,yes,
"""


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_lists(tables: list[Table]) -> dict[str, list[list[int]]]:
    return {table.what: table.ratings.tolist() for table in tables}


@pytest.mark.parametrize(
    ("header", "left_out"),
    [
        ("relation:Anna,relation:Berta,confidence", ["confidence"]),
        ("relation:Anna,relation:Berta,Cilda", ["Cilda"]),
        ("relation:Anna,relation:Berta,round", ["round"]),
        ("adds:Anna,adds:Berta,images", ["images"]),
        ("Anna,Berta,Comment", ["Comment"]),
        ("Anna,Berta,confidence_Anna", ["confidence_Anna"]),
        ("Anna,Berta,annotator_3", []),
        ("adds:Anna,adds:Berta,Cilda", []),
    ],
)
def test_columns_of_no_annotator_are_left_out(
    header: str, left_out: list[str], tmp_path: Path
) -> None:
    rows = ["1001,1,1,2", "1002,0,0,3", "1003,2,2,0"]
    if header.startswith("adds"):
        rows = ["1001,yes,yes,2", "1002,no,no,3", "1003,yes,yes,0"]
    file = write(tmp_path, "wide.csv", "\n".join([f"tweet_id,{header}", *rows]))
    table = read_annotations([file])[0]
    assert list(table.left_out) == [f"{file}: {name}" for name in left_out]
    assert len(table.annotators) == 3 - len(left_out)
    done = CliRunner().invoke(command, [str(file), "--json"])
    assert json.loads(done.output)["columns_left_out"] == list(table.left_out)
    alpha = json.loads(done.output)["tables"][0]["coefficients"]["krippendorff_alpha"]["value"]
    assert (alpha == 1) == bool(left_out)
    said = CliRunner().invoke(command, [str(file)]).stderr
    assert ("columns left out, of no annotator" in said) == bool(left_out)


def test_questions_and_relation_follow_from_each_other(tmp_path: Path) -> None:
    tables = read_annotations([write(tmp_path, "wide.csv", WIDE)])
    assert [table.annotators for table in tables] == [("Anna", "Bērta", "Cilda")] * 3
    assert as_lists(tables) == {
        "adds": [[0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 1, NA], [NA, 1, 1]],
        "represented": [[1, 1, 1], [1, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, NA]],
        "relation": [[1, 1, 1], [3, 1, 1], [0, 1, 0], [2, 2, NA], [NA, 3, 3]],
    }
    assert tables[0].tweet_ids == ("1001", "1002", "1003", "1005", "1004")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", ";"),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("yes", "jā").replace("Yes", "JĀ").replace("no", "nē")
        .replace("NO", "Nē"),
        lambda text: text.replace("Anna", '"Anna"').replace('adds:"Anna"', '"adds:Anna"')
        .replace('represented:"Anna"', '"represented : Anna"'),
        lambda text: text.replace(",Cilda", ",relation:Cilda") + "\n\n",
        lambda text: text + ",,,,,\n",
    ],
    ids=["tsv", "semicolons", "windows", "latvian", "quoted", "prefix", "empty lines"],
)  # fmt: skip
def test_one_meaning_in_many_forms(tmp_path: Path, change: Any) -> None:
    expected = read_annotations([write(tmp_path, "plain.csv", WIDE)])
    found = read_annotations([write(tmp_path, "changed.csv", change(WIDE))])
    assert as_lists(found) == as_lists(expected)
    assert [t.annotators for t in found] == [t.annotators for t in expected]


def test_files_of_several_people_and_parts_are_put_together(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "anna-1.csv", "tweet_id,fidelity:Anna\n1,5\n2,\n3,1\n"),
        write(tmp_path, "anna-2.csv", "tweet_id,fidelity:Anna\n2,4\n4,2\n"),
        write(tmp_path, "berta.tsv", "fidelity:Berta\ttweet_id\n3\t2\n5\t1\n"),
    ]
    (table,) = read_annotations(files)
    assert (table.what, table.tweet_ids) == ("fidelity", ("1", "3", "2", "4"))
    assert table.ratings.tolist() == [[4, 4], [0, NA], [3, 2], [1, NA]]


def test_systems_are_never_put_together(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "1.csv", "tweet_id,fidelity:Anna@opus,fidelity:Berta@opus\n1,5,4\n2,3,3\n"),
        write(tmp_path, "2.csv", "tweet_id,fidelity:Anna@nllb\n1,1\n"),
        write(tmp_path, "3.csv", "tweet_id,fidelity:c@x.lv@nllb\n1,1\n"),
    ]
    opus, nllb = read_annotations(files)
    assert (opus.what, opus.system, opus.annotators) == ("fidelity", "opus", ("Anna", "Berta"))
    assert opus.ratings.tolist() == [[4, 3], [2, 2]]
    assert (nllb.system, nllb.annotators) == ("nllb", ("Anna", "c@x.lv"))
    assert nllb.ratings.tolist() == [[0, 0]]
    found = json.loads(invoke(*map(str, files), "--json").output)["tables"]
    assert [(one["what"], one["system"]) for one in found] == [
        ("fidelity", "opus"),
        ("fidelity", "nllb"),
    ]
    output = invoke(*map(str, files)).output
    assert "fidelity of opus: 2 tweets" in output and "fidelity of nllb: 1 tweet," in output
    assert "Gwet's AC1, 5 categories" in output


def test_fleiss_kappa_with_missing_ratings_can_fall_below_minus_one() -> None:
    # One pair, which disagrees; the single ratings make chance agreement 0.82: -0.82 / 0.18.
    ratings = np.array([[0, 1], [0, NA], [0, NA], [0, NA], [NA, 0]], dtype=np.int8)
    shares = (4.5 / 5, 0.5 / 5)
    chance = shares[0] ** 2 + shares[1] ** 2
    assert value(ratings, 2, "fleiss_kappa") == pytest.approx(-chance / (1 - chance))
    assert value(ratings, 2, "fleiss_kappa") < -1


def bad(folder: Path, *contents: str | bytes) -> str:
    files = [write(folder, f"f{i}.csv", content) for i, content in enumerate(contents)]
    with pytest.raises(DataError) as found:
        read_annotations(files)
    return str(found.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (["tweet_id,A,B\n1,0,yes\n2,3,no\n3,1,yes\n"], [  # another set of labels each
            "f0.csv, line 2 and 1 more, column 'B': 'yes', expected 0 or 1 or 2 or 3",
            "f0.csv, line 3, column 'B': 'no', expected", "go to 'adds:B' or 'represented:B'"]),
        (["tweet_id,adds:A,adds:B\n1,yes,jā\n2,jā,nē\n"], [
            "f0.csv, line 3, column 'adds:A': 'jā', but 'yes' on line 2"]),
        (["tweet_id,adds:A,adds:B\n1,yes,1\n2,maybe,no\n"], [
            "line 3, column 'adds:A': 'maybe', expected yes or no", "column 'adds:B': '1'"]),
        (["tweet_id,fidelity:A,fidelity:B\n1,0,6\n"], [
            "'fidelity:A': '0', expected 1 or 2 or 3 or 4 or 5", "'fidelity:B': '6'"]),
        (["tweet_id,A,B,a\n1,0,1,1\n"], ["f0.csv, line 1: annotator 'a' twice", "'A' and 'a'"]),
        (["tweet_id,A,B,relation:A\n1,0,1,1\n"], ["annotator 'A' twice"]),
        (["tweet_id,Anna\n1,0\n", "tweet_id,anna\n1,0\n"], [
            "annotators 'Anna' and 'anna' differ in capitals alone"]),
        (["tweet_id,A,B\n1,0,1\n1,0,1\n"], ["f0.csv, line 3: tweet 1 stands on line 2 already"]),
        (["tweet_id,A\n1,0\n2,1\n", "tweet_id,A,B\n2,1,1\n"], [
            "f1.csv, line 2, column 'A'", "tweet 2 stands in f0.csv, line 3 already"]),
        (["tweet_id,A,adds:A,B\n1,0,yes,1\n"], ["'A' has relations and answers to adds"]),
        (["tweet_id,A,B\n1.7E+18,0,1\n"], ["f0.csv, line 2: tweet id '1.7E+18' went through"]),
        (["tweet_id,A,B\n17.0,0,1\n"], ["'17.0' went through a spreadsheet"]),
        (["tweet_id,A,B\nx,0,1\n"], ["tweet id 'x', expected digits"]),
        (["tweet_id,A,B\n,0,1\n"], ["line 2: tweet id '', expected digits"]),
        (["tweet_id,A,B\n1,0\n2,0,1,1\n"], [
            "line 2: 2 fields, expected 3", "line 3: 4 fields, expected 3"]),
        (['tweet_id,A,B\n1,"0,1\n'], ["line 2: a quotation mark that is not closed"]),
        (["tweet_id,A\n1,0\n"], ["needs two annotators or more", "columns of 'A', ratings of 'A'"]),
        (["tweet_id,A,B\n1,0,\n"], ["columns of 'A', 'B', ratings of 'A'"]),
        (["tweet_id,A,B\n1,,\n"], ["ratings of nobody"]),
        (["tweet_id,adds:A,represented:B\n1,yes,no\n"], ["needs two annotators or more"]),
        (["tweet_id\n1\n"], ["no column of an annotator beside 'tweet_id'"]),
        (["tweet_id,A,B\n"], ["f0.csv: no tweet below the header"]),
        (["id,A,B\n1,0,1\n"], ["f0.csv, line 1: no column 'tweet_id'; found 'id,A,B'"]),
        (["tweet_id,tweet_id,A,B\n1,1,0,1\n"], ["more than one column 'tweet_id'"]),
        (["tweet_id,add:A,B\n1,0,1\n"], ["unknown kind of rating 'add'", "Did you mean 'adds'?"]),
        (["tweet_id,adds:,B\n1,yes,1\n"], ["column 2, 'adds:': no annotator's name"]),
        (["tweet_id,A,\n1,0,1\n"], ["column 3, '': no annotator's name"]),
        ([""], ["f0.csv: the file is empty"]),
        (["tweet_id,A,B\n1,0,1\n".encode("utf-16")], ["f0.csv, line 1: not UTF-8"]),
        (["tweet_id,adds:A,adds:B\n1,j\u0101,yes\n".encode("cp1257")], ["line 2: not UTF-8"]),
        (["tweet_id,fidelity:A@opus,fidelity:B@nllb\n1,1,1\n"], [
            "needs two annotators or more", "ratings of 'A', 'B'; translations by 'nllb', 'opus'"]),
        (["tweet_id,fidelity:A@opus,fidelity:B@opus,fidelity:C\n1,1,1,1\n"], [
            "rated by 'C' does not name the system, other columns do: write 'fidelity:C@SYSTEM'"]),
        (["tweet_id,fidelity:A@opus,fidelity:B@Opus\n1,1,1\n"], [
            "systems 'Opus' and 'opus' differ in capitals alone: spell one system in one way"]),
        (["tweet_id,fidelity:A@opus,fidelity:a@OPUS\n1,1,1\n"], ["annotator 'a' twice"]),
        (["tweet_id,fidelity:@opus,B\n1,1,1\n"], ["column 2, 'fidelity:@opus': no annotator's"]),
        (["", "tweet_id,A,B\n1,0,9\n"], [
            "f0.csv: the file is empty", "f1.csv, line 2, column 'B'"]),
    ],
)  # fmt: skip
def test_bad_input(tmp_path: Path, contents: list[str | bytes], expected: list[str]) -> None:
    message = bad(tmp_path, *contents)
    for part in expected:
        assert part in message


@given(st.binary(max_size=200) | st.text(alphabet='tweet_id,A:adds\t;"\n01yesn', max_size=80))
@settings(max_examples=150)
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    file = write(tmp_path_factory.getbasetemp(), "any.csv", content)
    try:
        assert read_annotations([file])
    except DataError as error:
        assert "any.csv" in str(error) or "two annotators" in str(error)


def test_missing_file_and_bad_level(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*absent.csv: No such file"):
        agreement([tmp_path / "absent.csv"])
    with pytest.raises(DataError, match=r"confidence 95: expected a share"):
        agreement([write(tmp_path, "wide.csv", WIDE)], confidence=95)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def test_json(tmp_path: Path) -> None:
    file = str(write(tmp_path, "wide.csv", WIDE))
    found = json.loads(invoke(file, "--json").output)
    assert {key: found[key] for key in ("files", "confidence", "resamples", "seed")} == {
        "files": [file],
        "confidence": 0.95,
        "resamples": 10_000,
        "seed": 0,
    }
    adds, represented, relation = found["tables"]
    assert (adds["what"], represented["what"]) == ("adds", "represented")
    assert relation["annotators"] == {
        "Anna": {"0": 1, "1": 1, "2": 1, "3": 1},
        "Bērta": {"0": 0, "1": 3, "2": 1, "3": 1},
        "Cilda": {"0": 1, "1": 2, "2": 0, "3": 1},
    }
    assert (relation["tweets"], relation["tweets_with_two_or_more"], relation["ratings"]) == (
        5,
        5,
        13,
    )
    # By hand: 1, 1/3, 1/3, 1, 1 of the pairs agree.
    raw = relation["coefficients"]["raw_agreement"]
    assert raw["value"] == pytest.approx((3 + 2 / 3) / 5)
    assert raw["low"] < raw["value"] <= raw["high"] <= 1
    assert [pair["annotators"] for pair in relation["cohen_kappa_by_pair"]] == [
        ["Anna", "Bērta"],
        ["Anna", "Cilda"],
        ["Bērta", "Cilda"],
    ]
    assert [pair["tweets"] for pair in relation["cohen_kappa_by_pair"]] == [4, 3, 4]


def test_text(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'yes' if i % 3 else 'no'},{'jā' if i % 4 else 'nē'}\n" for i in range(60))
    file = write(tmp_path, "two.csv", f"tweet_id,adds:Anna,adds:Bērta\n{rows}")
    output = invoke(str(file), "--confidence", "0.9").output
    lines = output.splitlines()
    assert lines[0] == (
        "adds: 60 tweets, 2 annotators, 120 ratings; 60 of the tweets with two ratings or more"
    )
    assert "90 % interval" in lines[2]
    found = {name: rest for name, *rest in (re.split("  +", line) for line in lines[4:9])}
    # 5 + 30 of 60 agree; chance: 20/60 * 15/60 + 40/60 * 45/60 = 7/12, which they do not beat.
    assert found["raw agreement"][0] == "0.583"
    assert found["Cohen's kappa"][0] == "0.000"
    assert list(found) == [
        "raw agreement",
        "Cohen's kappa",
        "Fleiss' kappa",
        "Krippendorff's alpha",
        "Gwet's AC1, 2 categories",
    ]
    assert "represented" not in output and "relation" not in output
    assert "Anna                       40    20" in output
    assert "10000 resamples of the tweets, seed 0" in output


def test_undefined_is_said_and_fidelity_is_ordinal_too(tmp_path: Path) -> None:
    file = write(tmp_path, "f.csv", "tweet_id,fidelity:A,fidelity:B\n1,5,5\n2,5,5\n")
    output = invoke(str(file)).output
    row = next(line for line in output.splitlines() if line.startswith("Krippendorff's alpha, ord"))
    assert "not available" in row and "one category only" in row
    assert "nan" not in output
    assert json.loads(invoke(str(file), "--json").output)["tables"][0]["coefficients"][
        "krippendorff_alpha_ordinal"
    ]["value"] is None  # fmt: skip
