"""Translation quality: metrics against hand-computed values, the test, bad input."""

from __future__ import annotations

import functools
import itertools
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from itr_bench.cli.data_mt_score import command
from itr_bench.data import build
from itr_bench.data.loading import open_set
from itr_bench.data.sets import LTEC_BALANCED
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.translation.comet import PYTHON, REQUIREMENTS
from itr_bench.translation.quality import Texts, assess, randomisation_test
from tests.homes import home_at

WORDS = [
    "soup",
    "bread",
    "cake",
    "tea",
    "salad",
    "apple",
    "fish",
    "rice",
    "with",
    "and",
    "fresh",
    "hot",
    "for",
    "lunch",
    "today",
]


def texts(name: str, *lines: str) -> Texts:
    return Texts(name, {str(100 + i): line for i, line in enumerate(lines)}, f"{name}.tsv")


def sentences(seed: int, count: int = 40) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(5, 12))) for _ in range(count)]


def noisy(lines: list[str], share: float, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join("x" if rng.random() < share else w for w in line.split()) for line in lines]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trials, where p values are not what is tested."""
    fewer = functools.partial(randomisation_test, trials=100)
    monkeypatch.setattr("itr_bench.translation.quality.randomisation_test", fewer)


@pytest.fixture(scope="module", autouse=True)
def resolving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str] | None]:
    """The environment of COMET, resolved beside all tests of this file: it waits for the index."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        yield None
        return
    asked = tmp_path_factory.mktemp("comet") / "comet.in"
    asked.write_text("\n".join(REQUIREMENTS))
    command = [uv, "pip", "compile", "--quiet", "--python-version", PYTHON, str(asked)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        process.kill()


# Metrics


@pytest.mark.parametrize(
    ("line", "reference", "bleu", "chrf", "ter"),
    [
        ("fresh bread for lunch", "fresh bread for lunch", 100.0, 100.0, 0.0),
        # BLEU (4/5 * 3/4 * 2/3 * 1/2) ** 1/4; TER one word of five.
        ("a b c d x", "a b c d e", 66.87403049764218, None, 20.0),
        # Characters: 1 of 2 right, pairs: 0 of 1; mean precision and recall 1/4.
        ("ab", "ac", 0.0, 25.0, 100.0),
        # Half as long: brevity penalty exp(1 - 8 / 4); TER four of eight words are missing.
        ("a b c d", "a b c d e f g h", 36.787944117144235, None, 50.0),
        # TER ignores case, BLEU and chrF do not; a link counts as it stands.
        ("SOUP", "soup", 0.0, 0.0, 0.0),
    ],
)
def test_metrics_by_hand(
    line: str, reference: str, bleu: float, chrf: float | None, ter: float
) -> None:
    (found,) = assess([texts("s", line)], texts("r", reference)).systems
    metrics = found.metrics
    assert metrics["bleu"].score == pytest.approx(bleu)
    assert metrics["ter"].score == pytest.approx(ter)
    if chrf is not None:
        assert metrics["chrf"].score == pytest.approx(chrf)
    assert all(one.interval is None for one in metrics.values()), "one tweet has no interval"


@pytest.mark.parametrize("key", ["bleu", "chrf", "ter"])
def test_scores_and_signatures_are_those_of_sacrebleu(key: str) -> None:
    """And the intervals have the width of its own, from the same resamples."""
    from sacrebleu.metrics import METRICS

    right = sentences(1)
    lines = noisy(right, 0.2, 2)
    (found,) = assess([texts("s", *lines)], texts("r", *right)).systems
    judge = METRICS[key.upper()]()
    score = judge.corpus_score(lines, [right], n_bootstrap=1000)
    mine = found.metrics[key]
    assert mine.score == score.score
    assert mine.interval is not None
    assert (mine.interval[1] - mine.interval[0]) / 2 == pytest.approx(score._ci, abs=1e-4)
    assert mine.interval[0] < mine.score < mine.interval[1]
    assert mine.signature == str(judge.get_signature())


def test_resamples_without_a_match() -> None:
    """Of two tweets, some resamples match nothing: there sacrebleu's bootstrap fails."""
    (found,) = assess([texts("s", "soup", "x")], texts("r", "soup", "bread")).systems
    assert found.metrics["chrf"].interval == (0.0, 100.0)


def test_the_order_of_a_file_does_not_matter(quick: None) -> None:
    right = texts("r", *sentences(1))
    a, b = (texts(n, *noisy(sentences(1), 0.2, seed)) for n, seed in (("a", 2), ("b", 3)))
    turned = Texts("a", dict(reversed(a.texts.items())), "a.tsv")
    assert assess([a, b], right) == assess([turned, b], right)


# The test


def mean(sums: list[float]) -> float:
    return sums[0] / 8


def test_the_test_agrees_with_all_swaps_counted() -> None:
    """Of 8 tweets all 256 swaps can be counted: that is what the trials estimate."""
    a = np.array([3.0, 1, 4, 1, 5, 9, 2, 6])
    b = np.array([2.0, 1, 3, 0, 5, 6, 2, 2])
    observed = abs(a.sum() - b.sum())
    signs = itertools.product((1, -1), repeat=8)
    exact = np.mean([abs(np.dot(s, a - b)) >= observed for s in signs])
    assert exact == 2 / 2**5  # all five differing tweets the one way or the other
    found = randomisation_test(a[:, None], b[:, None], mean, trials=20_000)
    assert found == pytest.approx(exact, abs=0.006)  # 3.5 standard errors


def test_equal_and_nearly_equal_systems_are_not_significant() -> None:
    """Where sacrebleu's own test says p = 1 / (trials + 1); once it does not, it can take over."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest

    right = sentences(1)
    lines = noisy(right, 0.2, 2)
    one_other = ["x y z", *lines[1:]]
    found = assess(
        [texts("a", *lines), texts("b", *lines), texts("c", *one_other)], texts("r", *right)
    )
    assert {d.p_value for d in found.differences} == {1.0}
    for other in (lines, one_other):
        test = PairedTest([("a", lines), ("b", other)], {"bleu": BLEU()}, [right], n_samples=200)
        assert test()[1]["BLEU"][1].p_value == pytest.approx(1 / 201)


def test_clear_cases_agree_with_sacrebleu() -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest

    right = sentences(1)
    a, b = noisy(right, 0.2, 2), noisy(right, 0.23, 5)
    found = assess([texts("a", *a), texts("b", *b)], texts("r", *right))
    theirs = PairedTest([("a", a), ("b", b)], {"bleu": BLEU()}, [right], n_samples=4000)()
    mine = next(d for d in found.differences if d.metric == "bleu")
    assert 0.05 < mine.p_value < 0.95, "a case in which agreement means something"
    assert mine.p_value == pytest.approx(theirs[1]["BLEU"][1].p_value, abs=0.03)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_the_test_is_symmetric_and_a_share(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(column, dtype=float)[:, None] for column in zip(*pairs, strict=True))
    p = randomisation_test(a, b, mean, trials=50)
    assert p == randomisation_test(b, a, mean, trials=50)
    assert 1 / 51 <= p <= 1


def test_differences_are_to_the_baseline_and_corrected_together(quick: None) -> None:
    right = sentences(1)
    systems = [
        texts(n, *noisy(right, share, 2)) for n, share in (("a", 0.4), ("b", 0.1), ("c", 0.2))
    ]
    found = assess(systems, texts("r", *right), baseline="b")
    assert found.baseline == "b"
    assert [(d.metric, d.system) for d in found.differences] == [
        (metric, system) for metric in ("bleu", "chrf", "ter") for system in ("a", "c")
    ]
    score = {s.system: s.metrics for s in found.systems}
    for d in found.differences:
        assert d.difference == score[d.system][d.metric].score - score["b"][d.metric].score
    smallest = min(found.differences, key=lambda d: d.p_value)
    assert smallest.p_holm == pytest.approx(min(1.0, 6 * smallest.p_value))
    assert assess(systems[:1], texts("r", *right)).baseline is None


# COMET, in an environment of its own


def judged(folder: Path, model: str = "made/up") -> None:
    """What ``score.sh`` leaves, of a model that scores 1 for a right line and 0 for any other."""
    for place in (folder / "systems").iterdir():
        three = (
            place.joinpath(name).read_text("utf-8").splitlines() for name in ("src", "mt", "ref")
        )
        entries = [
            {"src": src, "mt": mt, "ref": ref, "COMET": float(mt == ref)}
            for src, mt, ref in zip(*three, strict=True)
        ]
        (place / "scores.json").write_text(json.dumps({f"systems/{place.name}/mt": entries}))
        (place / "model").write_text(f"model:{model}|version:2.2.7")


@pytest.fixture
def two_systems() -> tuple[list[Texts], Texts]:
    right = texts("r", *sentences(1, 4))
    lines = list(right.texts.values())
    latvian = texts("lv", "viens", "divi\nun", " trīs", "četri").texts
    english = texts("en", "one", "two", "three", "four").texts
    a = replace(texts("a", *lines), source=latvian)
    return [a, replace(texts("b/c", *lines[:3], "x"), source=english)], right


def test_comet(quick: None, two_systems: tuple[list[Texts], Texts], tmp_path: Path) -> None:
    systems, right = two_systems
    folder = tmp_path / "comet"
    assert "comet" not in assess(systems, right, comet=folder).systems[0].metrics
    assert (folder / "systems" / "a" / "src").read_text("utf-8") == "viens\ndivi un\ntrīs\nčetri\n"
    assert subprocess.run(["sh", "-n", str(folder / "score.sh")], check=False).returncode == 0
    judged(folder)
    found = assess(systems, right, comet=folder)
    of_a, of_b = (system.metrics["comet"] for system in found.systems)
    assert (of_a.score, of_b.score) == (1.0, 0.75)
    assert of_b.interval == (0.25, 1.0)
    assert of_b.signature == "model:made/up|version:2.2.7|bs:1000|seed:12345"
    difference = found.differences[-1]
    assert (difference.metric, difference.difference, difference.p_value) == ("comet", -0.25, 1.0)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("scores.json", "{", "not the scores of comet-score --to_json"),
        ("scores.json", '{"x": [{"src": "viens"}]}', "not the scores of comet-score --to_json"),
        ("scores.json", "[]", "not the scores of comet-score --to_json"),
        ("scores.json", '{"x": []}', "0 scores, expected 4; delete"),
        ("scores.json", None, "score 2 is of another text than now, or none; delete"),
        (
            "model",
            "model:other/one|version:2.2.7",
            r"different models \(model:made/up.*; model:oth",
        ),
    ],
)
def test_scores_of_comet_that_do_not_fit(
    quick: None,
    two_systems: tuple[list[Texts], Texts],
    tmp_path: Path,
    file: str,
    content: str | None,
    message: str,
) -> None:
    systems, right = two_systems
    assess(systems, right, comet=tmp_path)
    judged(tmp_path)
    path = tmp_path / "systems" / "a" / file
    path.write_text(path.read_text().replace("divi un", "cits") if content is None else content)
    with pytest.raises(DataError, match=message):
        assess(systems, right, comet=tmp_path)


def test_comet_needs_what_was_translated(tmp_path: Path) -> None:
    right = texts("r", "soup")
    known = replace(right, source=right.texts)
    with pytest.raises(DataError, match="needs the texts that were translated: itr-bench data"):
        assess([known, replace(right, name="s")], right, comet=tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="Give --comet another folder"):
        assess([known], right, comet=tmp_path / "file" / "comet")


# The command, on 350 made-up tweets


@pytest.fixture(scope="module")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a made-up `ltec`, placeholder pictures, and translations of two systems."""
    folder = tmp_path_factory.mktemp("home")
    with home_at(folder):
        english = sentences(7, sum(LTEC_BALANCED))
        relations = [r for r, count in enumerate(LTEC_BALANCED) for _ in range(count)]
        rows = [
            f"{relation}\t{1000 + i}\tlatviski {i} https://t.co/{i}\t{line} https://t.co/{i}"
            for i, (relation, line) in enumerate(zip(relations, english, strict=True))
        ]
        (folder / "list.tsv").write_text("relation\ttweet_id\ttext\tEnglish\n" + "\n".join(rows))
        build.build("ltec", folder / "list.tsv", None, placeholder=True)
        for seed, (system, share) in enumerate({"alpha": 0.3, "beta": 0.1}.items()):
            lines = noisy([row.split("\t")[3] for row in rows], share, seed)
            if system == "alpha":
                lines[4] = "latviski  4 https://t.co/4"  # left as it was, but for a blank
            file = folder / f"{system}.tsv"
            file.write_text(tsv(dict(zip(map(str, range(1000, 1350)), lines, strict=True))))
            build.build_translation("ltec_en_mt", file, system=system)
    return folder


def tsv(lines: dict[str, str]) -> str:
    return "tweet_id\ttext\n" + "".join(f"{tweet}\t{line}\n" for tweet, line in lines.items())


Call = Callable[..., Result]


@pytest.fixture
def call(built_home: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("ITR_BENCH_HOME", str(built_home))

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(command, [str(a) for a in arguments])

    return run


def refusal(result: Result) -> str:
    assert isinstance(result.exception, ItrBenchError), result.output
    return str(result.exception)


@pytest.mark.parametrize(
    ("form", "warning"),
    [
        ("<think>hm</think>{}", "350 of 350 translations hold a model's reasoning or marks"),
        ("<|begin_of_box|>{}<|end_of_box|>", "350 of 350 translations hold a model's reasoning"),
        ("Yes", "350 of 350 translations are alike, 'yes'"),
        ("{}", None),
    ],
)
def test_what_is_no_translation_is_warned_of(
    form: str, warning: str | None, call: Call, tmp_path: Path
) -> None:
    base = open_set("ltec")
    lines = [
        f"{tweet}\t{form.format(text)}"
        for tweet, text in zip(base.tweet_ids, base.texts("en"), strict=True)
    ]
    file = tmp_path / "made.tsv"
    file.write_text("\n".join(["tweet_id\ttext", *lines]), encoding="utf-8")
    (system,) = json.loads(call(file, "--json").stdout)["systems"]
    assert [one.startswith(str(warning)) for one in system["doubts"]] == [True] * bool(warning)
    assert (f"warning: made: {warning}" in call(file).stderr) == bool(warning)


def test_built_translations(call: Call) -> None:
    result = call()
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "350 tweets against the English column as published (ltec)"
    (alpha,) = [line for line in lines if line.startswith("alpha ")]
    (beta,) = [line for line in lines if line.startswith("beta ") and " to " in line]
    assert alpha.split()[-1] == "1" and beta.split()[-1] == "0"
    (paper,) = [line for line in lines if line.startswith("the paper's range")]
    assert "52.63 to 63.49" in paper and "67.94 to 75.56" in paper
    assert "less alpha" in result.output
    assert "links included" in result.output
    assert "TER: nrefs:1|bs:1000|seed:12345|case:lc|" in result.output


def test_json_of_files(call: Call, built_home: Path) -> None:
    result = call(built_home / "beta.tsv", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (system,) = found["systems"]
    assert (system["system"], system["tweets"], system["untranslated"]) == ("beta", 350, [])
    assert found["paper"]["ranges"] == {"bleu": [52.63, 63.49], "chrf": [67.94, 75.56]}
    assert found["baseline"] is None and found["differences"] == []
    both = json.loads(call("--json", "--baseline", "beta").stdout)
    assert both["systems"][1]["metrics"] == system["metrics"], "a set scores as its file does"
    assert both["systems"][0]["untranslated"] == ["1004"]
    assert both["baseline"] == "beta" and len(both["differences"]) == 3


def test_other_languages_need_a_reference_and_have_no_figures_of_the_paper(
    call: Call, tmp_path: Path
) -> None:
    lines = {"1": "de la soupe", "2": "du pain frais"}
    (tmp_path / "sys.tsv").write_text(tsv(lines))
    assert "no reference in French" in refusal(call(tmp_path / "sys.tsv", "--against", "fr"))
    (tmp_path / "right.tsv").write_text(tsv(lines))
    arguments = (tmp_path / "sys.tsv", "--against", "fr", "--reference", tmp_path / "right.tsv")
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    assert "paper" not in result.output
    assert result.output.splitlines()[4].endswith("not available"), "the source is not known"
    assert json.loads(call(*arguments, "--json").stdout)["paper"] is None


def test_ids_that_do_not_match(call: Call, built_home: Path, tmp_path: Path) -> None:
    rows = (built_home / "beta.tsv").read_text().splitlines()
    file = tmp_path / "gamma.tsv"
    file.write_text("\n".join([*rows[:-1], "77\tsoup"]))
    message = refusal(call(file))
    assert f"{file}: tweet 1349 is missing" in message
    assert f"{file}: tweet 77 is not in the reference" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("tweet_id\ttext\n1000\t \n", "line 2: tweet 1000: text is empty"),
        ("tweet_id\ttext\n1.0E+3\tsoup\n", "line 2: tweet id '1.0E+3' went through a spreadsheet"),
        ("tweet_id\ttext\n1000\ta\n1000\tb\n", "line 3: tweet 1000 stands on line 2 already"),
        ("tweet_id\ten\n1000\ta\n", "line 1: no column 'text'"),
        ("", "the file is empty"),
    ],
)
def test_files_that_cannot_be_read(call: Call, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "bad.tsv"
    file.write_text(content)
    message = refusal(call(file))
    assert str(file) in message and said in message


def test_names_that_do_not_do(call: Call, built_home: Path, tmp_path: Path) -> None:
    twin = tmp_path / "beta.tsv"
    twin.write_text((built_home / "beta.tsv").read_text())
    assert "both are called 'beta'; rename a file" in refusal(call(twin, built_home / "beta.tsv"))
    assert "Did you mean 'alpha'?" in refusal(call("--baseline", "alpah"))
    assert "no such" in refusal(call(tmp_path / "not.tsv")).lower()


def test_nothing_built(call: Call, tmp_path: Path) -> None:
    (tmp_path / "right.tsv").write_text(tsv({"1": "pane"}))
    message = refusal(call("--against", "it", "--reference", tmp_path / "right.tsv"))
    assert "no translation into Italian is built" in message
    assert "itr-bench data translate --to it" in message


# The environment of COMET


@pytest.mark.slow
def test_the_environment_of_comet_can_be_resolved(
    resolving: subprocess.Popen[str] | None,
) -> None:
    if resolving is None:
        pytest.skip("uv is not here: pip install uv")
    out, err = resolving.communicate()
    if any(word in err for word in ("dns error", "Connect", "connect", "timed out")):
        pytest.skip(f"the package index cannot be reached: {err.strip().splitlines()[-1]}")
    assert resolving.returncode == 0, err
    assert "unbabel-comet==2.2.7" in out
