"""The command line as a user meets it: output, exit status, and what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.runs.lmms_log import read_samples
from tests import forked
from tests.conftest import ROOT


def run(
    *arguments: str, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which is forked."""
    with tempfile.TemporaryDirectory() as folder:
        given, output, errors = (Path(folder, name) for name in ("in", "out", "err"))
        given.write_text(stdin, encoding="utf-8")
        status = forked.run(
            forked.itr_bench,
            *arguments,
            output=output,
            errors=errors,
            stdin=given,
            cwd=cwd or Path.cwd(),
        )
        out, err = (file.read_text(encoding="utf-8") for file in (output, errors))
    return subprocess.CompletedProcess(arguments, status, out, err)


def test_a_command_in_a_process_that_has_imported_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "itr_bench.cli.main", "parse"],
        input='{"response": "Yes, it does"}\n',
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["answer"] == "yes"


HEAVY = ("torch", "lmms_eval", "datasets", "scipy", "transformers", "statsmodels", "pyarrow", "PIL")


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["--help"], ()),
        (["parse", "--help"], ()),
        (["data", "--help"], ()),
        (["score", "--help"], ()),
    ],
)
def test_help_is_light(arguments: list[str], more: tuple[str, ...]) -> None:
    code = (
        "import sys; from itr_bench.cli.main import cli\n"
        f"try: cli({arguments!r})\nexcept SystemExit: pass\n"
        "print('MODULES', *sorted(m for m in sys.modules if '.' not in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split("MODULES")[1].split()
    assert not set(HEAVY) & set(modules)
    assert "Usage:" in done.stdout


def test_the_core_works_without_the_extra(tmp_path: Path) -> None:
    """With none of the extra's packages to be found, all but evaluating works."""
    packages = tmp_path / "site-packages"  # dill goes by this name
    packages.mkdir()
    extra = ("torch", "lmms_eval", "transformers", "accelerate", "decord", "functorch")
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(place).iterdir():
            if not entry.name.startswith(extra):
                (packages / entry.name).symlink_to(entry)
    code = (
        "import importlib.util, itr_bench\n"
        "assert importlib.util.find_spec('torch') is None\n"
        "assert len(itr_bench.load('itr_demo_lv')) == 24\n"
        "assert itr_bench.load('itr_demo_lv')[0]['image'].mode == 'RGB'\n"
        "from itr_bench.cli.main import cli\n"
        "cli(['data', 'verify', 'demo'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
    )
    assert done.returncode == 0, done.stderr
    assert "24 tweets agree" in done.stdout


# parse


def test_parse_writes_each_line_back_with_answer_and_rule() -> None:
    lines = [
        {"response": "Yes, it does", "lang": "en", "id": 7},
        {"response": "Nē.", "lang": "lv"},
        {"response": "maybe"},
        {"response": None},
        {"response": "\ud800 yes"},
    ]
    done = run("parse", stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"response": "Yes, it does", "lang": "en", "id": 7, "answer": "yes", "rule": "leading"},
        {"response": "Nē.", "lang": "lv", "answer": "no", "rule": "leading"},
        {"response": "maybe", "answer": None, "rule": "none"},
        {"response": None, "answer": None, "rule": "failed"},
        {"response": "\ud800 yes", "answer": "yes", "rule": "leading"},
    ]


def test_parse_explains_what_was_dropped_and_what_decided() -> None:
    long = "hm. " * 200
    lines = [
        {"response": "◁think▷The answer: yes?◁/think▷No, it is decoration."},
        {"response": f"<think>{long}</think>\nSo, **yes**.\nIt does."},
        {"response": '{"answer": true}'},
        {"response": "Nē", "lang": "lv"},
        {"response": "Answer: Jā. No attēla."},
        {"response": "maybe"},
        {"response": None},
    ]
    done = run("parse", "--explain", "--lang", "lv", stdin="\n".join(map(json.dumps, lines)))
    assert done.returncode == 0
    assert done.stdout.split("\n\n") == [
        "line 1 (lv): no, by the rule leading\n"
        "    [-◁think▷The answer: yes?◁/think▷-]{+No+}, it is decoration.",
        "line 2 (lv): yes, by the rule clause\n"
        f"    [-<think>{long[:193]} ... 415 signs ... {long[-192:]}</think>-]\n"
        "    So, **{+yes+}**.\n    It does.",
        "line 3 (lv): yes, by the rule marker; read as 'yes'\n    {\"answer\": true}",
        "line 4 (lv): no, by the rule leading\n    {+Nē+}",
        "line 5 (lv): yes, by the rule marker\n    Answer: {+Jā. No attēla+}.",
        "line 6 (lv): none, by the rule none\n    maybe",
        "line 7 (lv): failed, by the rule failed\n    (no response)",
        "",
    ]
    coloured = CliRunner().invoke(
        cli, ["parse", "--explain"], input=json.dumps(lines[0]), color=True
    )
    assert "\x1b[31m\x1b[1m{+No+}\x1b[0m" in coloured.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("yes", "standard input, line 1: not JSON"),
        ("[]", "line 1: no response; expected an object such as"),
        ('{"answer": "x"}', "line 1: no response"),
        ('{"response": 3}', "line 1: response is 3, expected text or null"),
        ('{"response": "x", "lang": "de"}', "line 1: lang is 'de', expected 'en' or 'lv'"),
        ("[" * 100_000, "line 1: not JSON"),
        ('{"response": "x", "y": NaN}', "line 1: not JSON (NaN is no JSON)"),
        ('{"response": "x", "y": 1e999}', "line 1: a number too large for JSON"),
    ],
)
def test_parse_refuses_a_bad_line_with_its_place(line: str, message: str) -> None:
    done = run("parse", stdin=line + "\n")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


# score


GOLD = "relation\ttweet_id\n0\t11\n1\t12\n2\t13\n3\t14\n"


def plain_files(folder: Path) -> tuple[Path, Path, Path]:
    gold = folder / "gold.tsv"
    gold.write_text(GOLD)
    first = folder / "seed1.tsv"
    first.write_text("id\tadds\trepr\n11\tYes.\tYes\n12\tYes\tno\n13\tno\tYes\n14\tYes\tNo\n")
    second = folder / "seed2.jsonl"
    rows = [
        ("11", "Yes", "hm"),
        ("12", "yes", "no"),
        (13, "no", "**Yes**\nbecause"),
        ("14", None, "No"),
    ]
    second.write_text(
        "".join(json.dumps({"id": i, "adds": a, "repr": r}) + "\n" for i, a, r in rows)
    )
    return gold, first, second


def test_plain_files_one_a_seed_are_scored_against_a_list(tmp_path: Path) -> None:
    gold, first, second = plain_files(tmp_path)
    done = run("score", str(first), str(second), "--gold", str(gold), "--json")
    (found,) = json.loads(done.stdout)
    assert found["score"]["accuracy_by_sample"] == [0.75, 0.5]
    assert found["score"]["unparseable_rate"] == 1 / 16
    assert found["score"]["failed_rate"] == 1 / 16
    assert found["signature"]["line"].startswith("task:gold.?|tweets:4|samples:2|seeds:?|")
    table = run("score", str(first), str(second), "--gold", str(gold))
    assert "accuracy (4 classes)   62.5 %" in table.stdout
    assert "majority class 25.0 %" in table.stdout


def test_forms_that_no_parser_knows_are_named(tmp_path: Path) -> None:
    tweets = [str(i) for i in range(1, 9)]
    gold, file = tmp_path / "gold.tsv", tmp_path / "made.tsv"
    gold.write_text("\n".join(["relation\ttweet_id", *(f"0\t{tweet}" for tweet in tweets)]))
    rows = [f"{tweet}\t<x:think>no</x:think>Yes\tI cannot tell." for tweet in tweets]
    file.write_text("\n".join(["id\tadds\trepr", *rows]))
    found = CliRunner().invoke(cli, ["score", str(file), "--gold", str(gold)])
    assert found.exit_code == 0
    assert found.stderr.splitlines() == [
        "itr-bench: warning: made on gold: 8 of 16 responses hold marks that no parser knows by "
        "name, <x:think>…</x:think>; look at them with `itr-bench parse --explain`",
        "itr-bench: warning: made on gold: 8 of 16 responses are unparseable and begin alike, "
        "'i cannot tell.'; look at them with `itr-bench parse --explain`",
    ]
    as_json = CliRunner().invoke(cli, ["score", str(file), "--gold", str(gold), "--json"])
    assert len(json.loads(as_json.output)[0]["new_forms"]) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("id,adds,repr\n11,Yes,No\n", "line 1: expected the tab-separated columns id, adds"),
        ("id\tadds\trepr\n11\tYes\n", "line 2: 2 fields, expected 3"),
        ("id\tadds\trepr\n11\tYes\tNo\n11\tYes\tNo\n", "line 3: tweet 11 stands twice"),
        ("id\tadds\trepr\n11\tYes\tNo\n", "tweet 12 is missing"),
        (GOLD.replace("relation\ttweet_id", "adds\tid\trepr").replace("\n", "\tx\n", 5)
         .replace("repr\tx", "repr") + "x\t99\tx\n", "tweet 99 has no gold label"),
        ('{"id": 11}\n', "line 1: expected an object with id, adds and repr"),
        ('{"id": 1.6e18, "adds": "x", "repr": "y"}\n', "which rounds ids"),
        ('{"id": "11", "adds": 3, "repr": "y"}\n', "line 1: adds is 3, expected the raw response"),
        ('{"id": "11"\n', "line 1: not JSON"),
        ("id\tadds\trepr\n1.7E+18\tYes\tNo\n", "line 2: id '1.7E+18', expected digits"),
    ],
)  # fmt: skip
def test_bad_plain_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    gold, _, _ = plain_files(tmp_path)
    bad = tmp_path / "bad.tsv"
    bad.write_text(content)
    done = run("score", str(bad), "--gold", str(gold))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def sample(tweet: str, question: str, relation: int, responses: list[str]) -> dict[str, object]:
    return {
        "filtered_resps": responses,
        "input": f"prompt {tweet} {question}",
        "item": {
            "tweet_id": tweet,
            "question": question,
            "relation": relation,
            "data": "local-1",
            "image_sha256": f"i{tweet}",
            "itr_bench": "0.1.0",
            "libraries": {"torch": "2"},
        },
    }


def samples_file(folder: Path, rows: list[dict[str, object]], task: str = "itr_demo_lv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"2026_samples_{task}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROWS = [
    sample(t, q, r, ["Yes", "No"]) for t, r in (("1", 0), ("2", 3)) for q in ("adds", "represented")
]


def test_samples_are_read_from_the_raw_responses(tmp_path: Path) -> None:
    raw = [{**row, "resps": ["No", "No"]} for row in ROWS]
    assert read_samples(samples_file(tmp_path / "a", ROWS)).score.accuracy == 0.5
    assert read_samples(samples_file(tmp_path / "b", raw)).score.accuracy_by_sample == (0.5, 0.5)
    nested = [{**row, "resps": [["Yes", "Yes"]]} for row in ROWS]
    assert (
        read_samples(samples_file(tmp_path / "c", nested)).predictions.adds.tolist() == [[1, 1]] * 2
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no sample in it; the run did not finish"),
        ([{"doc_id": 0}], "line 1: not a sample of an itr-bench task"),
        ([{**ROWS[0], "item": {}}], "line 1: not a sample of an itr-bench task"),
        ([*ROWS, ROWS[0]], "tweet 1: question 'adds' stands twice"),
        (
            [ROWS[0], {**ROWS[1], "item": {**ROWS[1]["item"], "data": "local-2"}}],  # type: ignore[dict-item]
            "line 2: data differ from the lines before",
        ),
    ],
)
def test_bad_samples_are_refused(
    tmp_path: Path, rows: list[dict[str, object]], message: str
) -> None:
    done = run("score", str(samples_file(tmp_path / "out", rows)))
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_language_and_gold_labels_are_part_of_the_signature(tmp_path: Path) -> None:
    gold, first, _ = plain_files(tmp_path)

    def signature(*more: str) -> str:
        done = run("score", str(first), "--gold", str(gold), "--json", *more)
        return str(json.loads(done.stdout)[0]["signature"]["line"])

    english, latvian = signature(), signature("--lang", "lv")
    assert "parser:yes-no.2.en|" in english
    assert "parser:yes-no.2.lv|" in latvian
    gold.write_text(GOLD.replace("0\t11", "1\t11"))
    assert signature() != english


def test_a_key_is_neither_shown_nor_signed(tmp_path: Path) -> None:
    path = samples_file(tmp_path / "out", ROWS)
    config = {
        "model": "async_openai",
        "model_args": "base_url=http://h:1/v1,api_key=sk-SECRET,hf_token=sk-SECRET,temperature=1",
    }
    path.with_name("2026_results.json").write_text(json.dumps({"config": config}))
    found = run("score", str(path), "--json").stdout
    assert "SECRET" not in found
    assert '"model": "async_openai 1"' in found


def test_the_prompt_hash_does_not_need_the_results_file(tmp_path: Path) -> None:
    path = samples_file(tmp_path / "out", ROWS)
    alone = read_samples(path)
    path.with_name("2026_results.json").write_text('{"config": {}, "chat_template": "a"}')
    beside = read_samples(path)
    assert alone.prompt == beside.prompt
    path.with_name("2026_results.json").write_text('{"config": {}, "chat_template": "b"}')
    assert str(read_samples(path).signature) != str(beside.signature)


def test_tasks_of_other_benchmarks_in_a_folder_are_left_out(tmp_path: Path) -> None:
    samples_file(tmp_path / "out", ROWS)
    samples_file(tmp_path / "out", [], task="mme")
    done = run("score", str(tmp_path / "out"))
    assert done.returncode == 0
    assert "1 files of other tasks are left out" in done.stderr
    named = run("score", str(tmp_path / "out" / "2026_samples_mme.jsonl"))
    assert "unknown task 'mme'" in named.stderr


def test_compare_takes_no_plain_files(tmp_path: Path) -> None:
    _, first, second = plain_files(tmp_path)
    done = run("compare", str(first), str(second))
    assert "expected ..._samples_<task>.jsonl" in done.stderr


def test_a_torn_line_is_named(tmp_path: Path) -> None:
    path = samples_file(tmp_path / "out", ROWS)
    path.write_text(path.read_text()[:-20])
    done = run("score", str(path))
    assert "line 4: not JSON" in done.stderr
    assert "killed run" in done.stderr


def test_scores_of_other_data_are_refused_with_task(tmp_path: Path) -> None:
    done = run("score", str(samples_file(tmp_path / "out", ROWS)), "--task", "itr_demo_lv")
    assert done.returncode == 1
    assert "the run was made on data local-1, itr_demo_lv is demo-" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "nowhere"], "no such file or folder"),
        (["score", "."], "has results but no samples: run again with --log_samples"),
        (["score", "plain.tsv"], "give --gold TSV or --task NAME"),
        (["score", "plain.tsv", "--gold", "x", "--task", "y"], "give --gold or --task, not both"),
        (["score", "2026_results.json", "--task", "itr_demo_lv"], "give the folder it is in"),
        (["scor"], "unknown command 'scor'. Did you mean 'score'?"),
        (["data", "stats", "ltek"], "unknown data set 'ltek'. Did you mean 'ltec'?"),
        (["data", "build", "ltec", "--images", "."], "--tweets FILE.tsv"),
        (
            ["data", "build", "ltec", "--tweets", "x.tsv"],
            "either --images FOLDER_OR_ZIP or --placeholder",
        ),
        (["data", "build", "ltec_en_mt"], "were not published"),
        (["data", "build", "demo", "--tweets", "x", "--placeholder-images"], "is not built from"),
        (["data", "build", "demo"], "is bundled; there is nothing to build"),
        (["data", "build", "tirt"], "TIRT is published as tweet ids"),
        (["data", "build", "drawn", "--system", "x"], "it takes --size, --seed, --shifted"),
        (["data", "build", "drawn", "--size", "2"], "2 drawn tweets: expected 8 to 1600"),
        (["data", "build", "ltec", "--shifted"], "--shifted goes with the set 'drawn' only"),
        (["data", "verify", "tirt"], "TIRT is published as tweet ids"),
    ],
)
def test_errors_are_one_clear_message(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "plain.tsv").write_text("id\tadds\trepr\n")
    (tmp_path / "2026_results.json").write_text("{}")
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_compare_pairs_runs_of_one_task(tmp_path: Path) -> None:
    right = [
        sample(t, q, r, ["Yes" if (r == 0) else "No"])
        for t, r in (("1", 0), ("2", 3), ("3", 0))
        for q in ("adds", "represented")
    ]
    wrong = [{**row, "filtered_resps": ["maybe"]} for row in right]
    a, b = samples_file(tmp_path / "a", right), samples_file(tmp_path / "b", wrong)
    done = run("compare", str(a.parent), str(b.parent), "--json")
    (found,) = json.loads(done.stdout)
    assert (found["difference"], found["only_a"], found["only_b"]) == (1.0, 3, 0)
    assert found["p_value"] == found["p_holm"] == 0.25
    alone = run("compare", str(a))
    assert "nothing to compare" in alone.stderr


def tirt_run(
    folder: Path, tweets: str, data: str, image: str = "i", text: Mapping[str, str] | None = None
) -> Path:
    rows = [
        sample(tweet, question, 0, ["Yes" if tweet in "12" else "No"])
        for tweet in tweets
        for question in ("adds", "represented")
    ]
    for row in rows:
        item = row["item"]
        assert isinstance(item, dict)
        item.update(data=data, image_sha256=f"{image}{item['tweet_id']}")
        row["input"] = f"{row['input']} {(text or {}).get(item['tweet_id'], '')}"
    return samples_file(folder, rows, task="tirt").parent


def test_tirt_is_compared_on_the_tweets_that_two_runs_share(tmp_path: Path) -> None:
    a = tirt_run(tmp_path / "a", "1234", "local-aaaaaaaaaaaa")
    b = tirt_run(tmp_path / "b", "345", "local-bbbbbbbbbbbb")
    done = run("compare", str(a), str(b))
    assert "2 of 4 and 3" in done.stdout
    assert "data (local-aaaaaaaaaaaa and local-bbbbbbbbbbbb)" in done.stdout
    other_kind = tirt_run(tmp_path / "c", "345", "placeholder-bbbbbbbbbbbb")
    assert "nothing to compare" in run("compare", str(a), str(other_kind)).stderr
    apart = tirt_run(tmp_path / "d", "567", "local-dddddddddddd")
    assert "nothing to compare" in run("compare", str(a), str(apart)).stderr
    images = tirt_run(tmp_path / "e", "345", "local-eeeeeeeeeeee", image="x")
    message = run("compare", str(a), str(images)).stderr
    assert "different images of 2 tweets of tirt (3, 4)" in message
    texts = tirt_run(tmp_path / "f", "345", "local-ffffffffffff", text={"4": "another"})
    message = run("compare", str(a), str(texts)).stderr
    assert "different texts of 1 tweets of tirt (4)" in message
    worded = tirt_run(tmp_path / "g", "34", "local-bbbbbbbbbbbb", text={"3": "x", "4": "y"})
    assert "2 of 4 and 2" in run("compare", str(a), str(worded)).stdout


def test_runs_of_one_model_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("first", "second"):
        tirt_run(tmp_path / name / "tirt", "12", "local-aaaaaaaaaaaa")
    found = run("compare", str(tmp_path / "first" / "tirt"), str(tmp_path / "second" / "tirt"))
    assert "(first)" in found.stdout and "(second)" in found.stdout


# data


def test_data_commands_on_the_real_list(shared: Path, tmp_path: Path) -> None:
    tweets = shared / "ltec" / "eval.tsv"
    built = run("data", "build", "ltec", "--tweets", str(tweets), "--placeholder-images")
    assert "ltec: 350 tweets (0: 113, 1: 72, 2: 113, 3: 52), placeholder" in built.stdout
    again = run("data", "build", "ltec", "--tweets", str(tweets), "--placeholder-images")
    assert "there already" in again.stderr
    found = json.loads(run("data", "stats", "ltec", "--json").stdout)
    assert found["tweets"] == 350
    assert found["kind"] == "placeholder"
    assert "PLACEHOLDER PICTURES" in run("data", "stats", "ltec").stdout
    assert "350 tweets agree" in run("data", "verify", "ltec").stdout
    listed = {entry["set"]: entry for entry in json.loads(run("data", "list", "--json").stdout)}
    assert listed["ltec"]["state"] == "built"
    assert listed["ltec_full"]["state"] == "fetched on first use"
    assert "ltec_itr_lv" in run("data", "list").stdout

    ids = [row.split("\t")[1] for row in tweets.read_text("utf-8").splitlines()[1:]]
    french = tmp_path / "french.tsv"
    french.write_text("tweet_id\ttext\n" + "".join(f"{tweet}\tbon\n" for tweet in ids))
    for system in ("one", "two"):
        built = run("data", "build", "ltec_fr_mt", "--tweets", str(french), "--system", system)
        assert "translations lack links, mentions, hashtags or emoji" in built.stdout
    listed = {entry["set"]: entry for entry in json.loads(run("data", "list", "--json").stdout)}
    assert "ltec_fr_mt" not in listed
    assert listed["ltec_fr_mt@two"]["state"] == "built"
    assert listed["ltec_fr_mt@two"]["tasks"] == ["ltec_itr_fr_mt@two"]
    assert listed["ltec_en_mt"]["state"] == "to be made: itr-bench data translate --to en"


def test_the_demo_prints_its_commands_in_a_dry_run(tmp_path: Path) -> None:
    done = run("demo", "--dry-run", "--out", "here", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("lmms-eval --model ") for line in lines)
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("number", ["nan", "inf", "-1"])
@pytest.mark.parametrize(
    "command",
    [
        ["run", "--model", "itr_baseline", "--tasks", "itr_demo_lv", "--gpus-per-replica"],
        ["data", "agreement", "file.tsv", "--confidence"],
    ],
    ids=["run", "agreement"],
)
def test_numbers_of_options_are_finite(command: list[str], number: str) -> None:
    found = CliRunner().invoke(cli, [*command, number])
    assert found.exit_code == 2
    assert f"{number} is no finite number" in found.stderr or "is not in the range" in found.stderr
