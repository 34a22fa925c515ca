"""Making submissions: quotations masked, answers kept, nothing half-written, refusals in words."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from itr_bench.answers import parser as answers_parser
from itr_bench.answers import read_answer
from itr_bench.cli.main import cli
from itr_bench.cli.submit import command, find_runs, read_card, write_card
from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard import layout, quotation
from itr_bench.leaderboard.layout import LayoutError, parse_sums, relative_folder, sums_line
from itr_bench.leaderboard.make import SubmissionError, make_submission
from itr_bench.leaderboard.quotation import QuotationError, masked, quotations
from itr_bench.leaderboard.reference import open_reference
from itr_bench.leaderboard.schema import RESPONSE, ModelCard, Submission
from itr_bench.leaderboard.sources import public_command, without_places
from itr_bench.leaderboard.validate import check
from itr_bench.relation import Answer, Question, Relation
from itr_bench.runs.lmms_log import read_samples
from itr_bench.runs.manifest import write_manifest
from itr_bench.runs.response import Response
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.scoring.signature import digest
from itr_bench.tasks.spec import get_task
from tests import submissions
from tests.conftest import RunLmmsEval

TASK = "itr_demo_en"
SEEDS = (8263, 10652)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DAY = "2026-11-20"

# Quotations

TWEET = "Tirgū jau zemenes, sēnes & ābeles: nāc pakaļ šodien! https://example.org/a1"
TEXTS = (TWEET, "Tirgū jau zemenes, sēnes & ābeles: nāc pakaļ šodien! ")
EIGHT = "Tirgū jau zemenes, sēnes & ābeles: nāc pakaļ šodien"


def found(response: str, texts: tuple[str, ...] = TEXTS) -> list[str]:
    return [response[start:end] for start, end in quotations(response, texts)]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("", []),
        ("Yes", []),
        ("jau zemenes, sēnes & ābeles: nāc pakaļ šodien!", []),  # seven
        ("Tirgū jau zemenes, sēnes & ābeles: nāc pakaļ rīt", []),
        ("Tirgū jau zemenes, sēnes & ābeles: es nāc pakaļ šodien!", []),
        (f"No: “{EIGHT}!”", [EIGHT]),
        (EIGHT.upper(), [EIGHT.upper()]),
        (f"{EIGHT}, https", [f"{EIGHT}, https"]),  # nine of the raw text
        (f"{EIGHT} {EIGHT}", [EIGHT, EIGHT]),
        ("tirgū\njau\nzemenes sēnes ābeles nāc pakaļ šodien", None),
        ("Tirgū** jau _zemenes_, `sēnes` / ābeles — nāc (pakaļ) #šodien", None),
        ("Tirgu jau zemenes senes abeles nac pakal sodien", None),
        (unicodedata.normalize("NFD", EIGHT), None),
        ("Ti\u00adrgū jau\u200b zem\u200denes sēnes\ufeff ābeles nāc\u2060 pakaļ šodien", None),
        (
            "Tirgū\u200bjau\u200bzemenes\u200bsēnes\u200bābeles\u200bnāc\u200bpakaļ\u200bšodien",
            None,
        ),
        ("T\u0336i\u0336rgū jau zemenes sēnes ābeles nāc pakaļ šodien", None),
        ("Ｔｉｒｇū jau zemenes sēnes ābeles nāc pakaļ šodien", None),
        # A word that only begins or ends like the tweet's is another word.
        (f"ne{EIGHT}", []),
        (f"{EIGHT}as", []),
        # A mark after the last letter belongs to it.
        ("Tirgu jau zemenes senes abeles nac pakal s\u030codien\u0301!", "…!"),
    ],
)
def test_quotations(response: str, expected: list[str] | str | None) -> None:
    """``None``: all of it; a text that begins with an ellipsis: all but that."""
    if isinstance(expected, str):
        expected = [response.removesuffix(expected[1:])]
    assert found(response) == ([response] if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "response", "count"),
    [
        ("a b c d e f g", "a b c d e f g", 0),  # seven words cannot be quoted by eight
        ("a b c d e f g h", "a b c d e f g h", 1),
        ("don't a b c d e f", "Don’t a b c d e f", 1),  # don, t
        ("a b c d e f cats &amp; dogs", "a b c d e f cats & dogs", 1),
        ("a b c d e f cats &amp; dogs", "a b c d e f cats &amp; dogs", 1),
        ("STRASSE b c d e f g h", "Straße b c d e f g h", 1),
        ("🍓 🍓 🍓 🍓 🍓 🍓 🍓 🍓 🍓", "🍓 🍓 🍓 🍓 🍓 🍓 🍓 🍓 🍓", 0),
        ("a b c d e f g h a b c d e f g h", "a b c d e f g h a b c d e f g h", 1),
        ("", "a b c d e f g h", 0),
        ("½ ² ™ ﬁ c d e f g h", "1⁄2 2 TM fi c d e f g h", 1),
    ],
)
def test_words(text: str, response: str, count: int) -> None:
    assert len(quotations(response, (text,))) == count


def test_a_long_response_takes_little_time() -> None:
    """Ten million letters that nearly quote; quadratic time would take hours."""
    response = "tirgū jau zemenes, sēnes & ābeles: nāc pakaļ " * 200_000
    assert quotations(response, TEXTS) == []


LETTERS = st.sampled_from("abzāčšßς0９ﬁ")
WORDS = st.text(LETTERS, min_size=1, max_size=3)
BETWEEN = st.sampled_from([" ", ", ", "\n", " **", "... ", " “", " \u200b", "-", " 🍓 "])


def spelled(words: list[str]) -> list[str]:
    """The words of the definition: ``\\w+`` after NFKC and case folding."""
    text = unicodedata.normalize("NFKC", " ".join(words)).casefold()
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text))


@given(st.lists(WORDS, min_size=9, max_size=14), st.data())
def test_whatever_has_eight_words_in_a_row_is_found(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 8))
    end = data.draw(st.integers(start + 8, len(words)))
    pieces = [piece for word in words[start:end] for piece in (word, data.draw(BETWEEN))]
    before, after = data.draw(WORDS), data.draw(WORDS)
    quote = "".join(pieces[:-1]).upper()
    response = f"{before} “{quote}” {after}"
    spans = quotations(response, (" ".join(words),))
    at = response.index(quote)
    assert any(first <= at and last >= at + len(quote) for first, last in spans)


@given(st.lists(WORDS, min_size=10, max_size=16), st.data())
def test_what_is_found_has_eight_words_in_a_row(words: list[str], data: st.DataObject) -> None:
    """Two pieces of a tweet, often too short: against the definition, word by word."""
    said: list[str] = []
    for _ in range(2):
        start = data.draw(st.integers(0, len(words) - 1))
        said += words[start : start + data.draw(st.integers(1, 9))]
        said += data.draw(st.lists(WORDS, max_size=1))
    tweet, response = spelled(words), spelled(said)
    runs = [tweet[at : at + 8] for at in range(len(tweet) - 7)]
    spans = quotations(" ".join(said), (" ".join(words),))
    if any(response[at : at + 8] in runs for at in range(len(response) - 7)):
        assert spans
    letters = {"".join(run).translate(quotation._FOLDED) for run in runs}
    for start, end in spans:
        inside = " ".join(said)[start:end].translate(quotation._FOLDED)
        assert any(run in inside for run in letters)


# Masking


def reader(language: str) -> Callable[[str], object]:
    return lambda response: read_answer(response, language).answer


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Yes", "Yes"),
        (f"Yes. “{EIGHT}!”", "Yes. “▮ ▮ ▮, ▮ & ▮: ▮ ▮ ▮!”"),
        (f"**Answer:** NO\n{EIGHT}", "**Answer:** NO\n▮ ▮ ▮, ▮ & ▮: ▮ ▮ ▮"),
        # Signs would be skipped, and what follows would lead.
        (f"{EIGHT} yes it is", "xxxxx xxx xxxxxxx, xxxxx & xxxxxx: xxx xxxxx xxxxxx yes it is"),
    ],
)
def test_masked(response: str, expected: str) -> None:
    assert masked(response, TEXTS, reader("en")) == expected


def test_words_of_answers_stay_where_the_answer_needs_them() -> None:
    tweet = "Vai tas ir zirgs? Nē, tā ir maza govs pļavā"
    response = f"Atbilde: {tweet[18:]}. Vai tas ir zirgs? Nē, tā ir maza govs pļavā"
    kept = masked(response, (tweet,), reader("lv"))
    assert kept == f"Atbilde: {tweet[18:]}. ▮ ▮ ▮ ▮? ▮, ▮ ▮ ▮ ▮ ▮"
    tweet = "Nē, tā ir maza govs, nē, pļavā un viss"
    assert masked(tweet, (tweet,), reader("lv")) == "Nē, ▮ ▮ ▮ ▮, nē, ▮ ▮ ▮"


def test_at_last_only_what_the_answer_depends_on_stays() -> None:
    tweet = "It is a horse. My answer is yes. And no cat here"
    assert masked(tweet, (tweet,), reader("en")) == "▮ ▮ ▮ ▮. My answer is yes. ▮ ▮ ▮ ▮"


def test_the_words_of_answers_are_those_of_the_parser() -> None:
    words = {word.translate(quotation._FOLDED) for word in answers_parser._WHOLE}
    assert words == quotation._ANSWERS


def test_what_cannot_be_masked_is_an_error() -> None:
    with pytest.raises(QuotationError, match="cannot be masked without changing the answer"):
        masked(EIGHT, TEXTS, lambda response: response)


def test_masking_makes_no_new_neighbours() -> None:
    tweet = "a b c d e f g h"
    response = "a b c d a b c d e f g h e f g h"
    assert masked(response, (tweet,), reader("en")) == "a b c d ▮ ▮ ▮ ▮ ▮ ▮ ▮ ▮ e f g h"


TRICKY = st.sampled_from(
    [
        *("yes", "no", "jā", "nē", "y", "n", "ja", "ne", "answer:", "atbilde:", "final", "is"),
        *("or", "vai", "and", "cat", "dog", "sat", "explanation", "skaidrojums:", "if", "not"),
        *("would", ".", ";", "**", "(", ")", '"', "{", "}", "/", "-", "1.", "a)", '{"answer":'),
        *("<think>", "</think>", "<answer>"),
    ]
)
SAID = st.sampled_from(
    ["Yes", "No.", "Answer: no", "The text says", "Jā,", "(final answer: yes)", "\n", "{", "nē"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(TRICKY, min_size=8, max_size=22),
    st.data(),
    st.sampled_from(["en", "lv"]),
    st.sampled_from([" ", "\n", ": ", ". "]),
)
def test_masking_keeps_answer_and_surroundings(
    words: list[str], data: st.DataObject, language: str, between: str
) -> None:
    texts = (" ".join(words),)
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(words) - 1))
        length = data.draw(st.integers(4, 22))
        quote = " ".join(words[start : start + length])
        parts.append(data.draw(st.one_of(st.just(quote), SAID)))
    response = between.join(parts)
    spans = quotations(response, texts)
    kept = masked(response, texts, reader(language))
    assert read_answer(kept, language).answer is read_answer(response, language).answer
    assert quotations(kept, texts) == []
    edges = [0, *(place for span in spans for place in span), len(response)]
    outside = [re.escape(response[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    assert re.fullmatch(".*".join(outside), kept, re.DOTALL)
    assert masked(kept, texts, reader(language)) == kept


# The layout


def made() -> tuple[Submission, list[Response]]:
    return submissions.make(0, TASK, samples=2)


def test_what_is_written(tmp_path: Path) -> None:
    submission, responses = made()
    folder = tmp_path / relative_folder(submission)
    layout.write(folder, submission, reversed(responses))
    assert sorted(path.name for path in folder.iterdir()) == sorted(layout.FILES)
    text = (folder / layout.SUBMISSION).read_text()
    assert Submission.model_validate_json(text) == submission
    assert text.endswith("}\n") and text.startswith('{\n  "format": 1,\n')
    lines = (folder / layout.RESPONSES).read_bytes().splitlines()
    read = [RESPONSE.validate_json(line) for line in lines]
    assert read == sorted(responses, key=lambda r: (r.tweet_id, r.question, r.sample))
    assert [path for path in folder.parent.iterdir() if path != folder] == []
    if shutil.which("sha256sum"):
        done = subprocess.run(
            ["sha256sum", "--strict", "-c", layout.SUMS],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "responses.jsonl: OK\nsubmission.json: OK\n"
    sums = parse_sums((folder / layout.SUMS).read_bytes())
    assert sums == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (layout.RESPONSES, layout.SUBMISSION)
    }


def test_the_folder_says_model_state_and_task() -> None:
    submission, _ = made()
    assert str(relative_folder(submission)) == (
        "made-up__model-0/b6589fc6ab0dc82cf12099d1c2d40ab994e8410c/itr_demo_en"  # SHA-1 of "0"
    )


def test_a_folder_that_is_there_gives_way_only_when_asked(tmp_path: Path) -> None:
    submission, responses = made()
    folder = tmp_path / "task"
    layout.write(folder, submission, responses)
    before = (folder / layout.SUBMISSION).read_bytes()
    (folder / "more").write_text("x")
    changed = submission.model_copy(update={"reason": "Again."})
    with pytest.raises(LayoutError, match=r"is there already\. Give --replace"):
        layout.write(folder, changed, responses)
    assert (folder / layout.SUBMISSION).read_bytes() == before
    layout.write(folder, changed, responses, replace=True)
    assert sorted(path.name for path in folder.iterdir()) == sorted(layout.FILES)
    assert (folder / layout.SUBMISSION).read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["task"]


@pytest.mark.parametrize("fails_at", range(8))
@pytest.mark.parametrize("replace", [False, True])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, replace: bool
) -> None:
    """The disk refuses at one of the steps: three files, each with its folder, the move, its
    folder."""
    submission, responses = made()
    parent = tmp_path / "state"
    folder = parent / "task"
    if replace:
        folder.mkdir(parents=True)
        (folder / "old").write_text("x")
    count = 0

    def failing(real: Callable[..., Any], counted: Callable[..., bool]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            nonlocal count
            if counted(*arguments):
                count += 1
                if count == fails_at + 1:
                    raise OSError(28, "No space left on device")
            return real(*arguments)

        return step

    monkeypatch.setattr(layout.os, "fsync", failing(layout.os.fsync, lambda handle: True))
    monkeypatch.setattr(
        Path, "rename", failing(Path.rename, lambda path, target: path.name == "new")
    )
    with pytest.raises(LayoutError, match=r"No space left on device\. Make room"):
        layout.write(folder, submission, responses, replace=replace)
    if fails_at == 7:  # everything is in its place; only that it lasts is not certain
        assert sorted(path.name for path in folder.iterdir()) == sorted(layout.FILES)
    elif replace:
        assert [path.name for path in folder.iterdir()] == ["old"]
    assert [path.name for path in parent.iterdir()] == (
        ["task"] if replace or fails_at == 7 else []
    )


HASH = "0" * 64
GOOD = sums_line("responses.jsonl", HASH) + sums_line("submission.json", HASH)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a line break at its end"),
        (GOOD[:-1].encode(), "expected a line break at its end"),
        (GOOD.encode() + b"\n", "line 3: expected 64 hexadecimal digits"),
        (GOOD.replace("  ", " ").encode(), "line 1: expected 64"),
        (GOOD.replace("  ", " *").encode(), "line 1: expected 64"),
        (GOOD.replace("\n", "\r\n").encode(), "expected the files"),
        (GOOD.upper().encode(), "expected the files"),
        (GOOD.replace("0", "F").encode(), "line 1: expected 64"),
        (GOOD.encode().replace(b"j", b"\xc4\x81"), "byte 77 is no ASCII"),
        (GOOD.replace("responses.jsonl", "../responses.jsonl").encode(), "line 1: expected 64"),
        (GOOD.splitlines(keepends=True)[0].encode() * 2, "line 2: 'responses.jsonl' stands twice"),
        ("".join(sorted(GOOD.splitlines(keepends=True), reverse=True)).encode(), "in this order"),
        (sums_line("submission.json", HASH).encode(), "expected the files"),
    ],
)
def test_bad_sums(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_sums(content)


@given(st.binary())
def test_any_bytes_as_sums_are_read_or_refused(content: bytes) -> None:
    try:
        parse_sums(content)
    except ValueError as error:
        assert str(error)


# What names no place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pretrained=/home/ann/models/tiny/qwen,device=cpu", "pretrained=tiny/qwen,device=cpu"),
        ("/home/ann/qwen", "qwen"),
        ("/runs", "runs"),
        ("~/models/qwen", "models/qwen"),
        ("~ann/qwen/", "qwen"),
        ("--out=/home/ann/my runs/a", "--out=my runs/a"),
        ("a=/x/y/z/u,b=/x/y/z/v", "a=z/u,b=z/v"),
        ('{"path":"/x/y/z/u"}', '{"path":"z/u"}'),
        ("file:///x/y/z/u", "z/u"),
        (r"C:\Users\Ann\models\qwen", "models/qwen"),
        *(
            (same, same)
            for same in (
                *("Qwen/Qwen2-VL", "runs/a/b", "./runs", "../runs", "until=</s>", "yes / no", "/"),
                *("http://127.0.0.1:8000/v1/chat", "https://example.org/a/b", "s3://bucket/a/b"),
            )
        ),
    ],
)
def test_places_are_left_out(text: str, expected: str) -> None:
    assert without_places(text) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("itr-bench run --out '/home/ann/my runs/a'", "itr-bench run --out 'my runs/a'"),
        ("x --gen_kwargs 'until=a\nb'", r"x --gen_kwargs $'until=a\U0000000ab'"),
        ("x 'it'\"'\"'s\t\\'", r"x $'it\'s\U00000009\\'"),
        ("x ''", "x ''"),
        ("x --model_args base_url=http://h:8/v1,model=m", "x --model_args base_url=URL,model=m"),
    ],
)
def test_commands_are_one_line_and_still_commands(line: str, expected: str) -> None:
    assert public_command(line) == expected
    if "$'" in expected and shutil.which("bash"):
        said = [
            subprocess.run(
                ["bash", "-c", f"printf %s. {words}"],
                capture_output=True,
                check=True,
                env={"LC_ALL": "C.UTF-8"},
            ).stdout
            for words in (line, expected)
        ]
        assert said[0] == said[1]


# Runs to submit


def facts_of_card(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Tiny",
        "organisation": "Tiny makers",
        "id": "tiny/model",
        "revision": COMMIT,
        "licence": "MIT",
        "open_weights": True,
        "saw_this_data": "no",
        "submitter": {"name": "The tests"},
        **changes,
    }


def card(**changes: Any) -> ModelCard:
    return ModelCard.model_validate(facts_of_card(**changes))


Say = Callable[[str, str, int], str]


def run_folder(
    folder: Path,
    say: Say = lambda tweet, question, seed: "Yes",
    *,
    kept: slice = slice(None),
    task: str = TASK,
    seeds: tuple[int, ...] = SEEDS,
    command_line: str = "itr-bench run --model itr_vlm --model_args pretrained=tiny/model",
    **conditions: Any,
) -> Path:
    """A run folder on the demo as `itr-bench run` leaves it, of which only *kept* was answered."""
    reference = open_reference(task)
    asked = list(reference.items.items())[: 2 * conditions.get("tweets", len(reference.texts))]
    prompts = {
        f"{tweet} {question}": expected.prompt_hashes["plain"]
        for (tweet, question), expected in asked
    }
    folder.mkdir(parents=True)
    write_manifest(
        folder,
        {
            "model": "tiny/model",
            "command": command_line,
            "set_size": len(reference.texts),
            "sessions": [],
            "configuration": {
                "task": task,
                "task_version": reference.version,
                "data": reference.data,
                "tweets": len(reference.texts),
                "prompts": digest(prompts),
                "order": ["image", "text"],
                "answer_format": "plain",
                "checkpoint": "tiny/model",
                "model_args": {"quantization": "4bit"},
                "seeds": list(seeds),
                "seeding": "request",
                "dtype": "float16",
                "content": f"commit:{COMMIT}",
                "revision": None,
                "device": "NVIDIA H100",
                "force_simple": False,
                "engine": {},
                "generation": {"max_new_tokens": 4},
                "adapter_class": "a.B (chat)",
                "libraries": {"itr-bench": "0.1.0", "lmms-eval": "0.7.3", "torch": "2"},
                **conditions,
            },
        },
    )
    wanted = [(item, seed) for item, _ in asked for seed in seeds]
    lines = [
        Response(
            tweet_id=tweet,
            question=question,
            sample=seeds.index(seed),
            seed=seed,
            response=say(tweet, question, seed),
            tokens=3,
            relation=reference.items[tweet, question].relation,
            prompt_hash=prompts[f"{tweet} {question}"],
            image_sha256=reference.items[tweet, question].image_sha256,
        ).log_line()
        for (tweet, question), seed in wanted[kept]
    ]
    (folder / "responses.jsonl").write_bytes(b"".join(lines))
    return folder


def samples_file(
    folder: Path,
    responses: tuple[str | None, ...] = ("Yes", "No"),
    *,
    task: str = TASK,
    **config: Any,
) -> Path:
    """A file of samples on the demo, with its results, as lmms-eval 0.7.3 leaves them."""
    from itr_bench.tasks import documents
    from itr_bench.tasks.definitions import define

    wording = define(get_task(task), "qwen2_vl").wording
    lines = []
    for document, _ in documents.rows(get_task(task)):
        item = {name: document[name] for name in ("tweet_id", "question", "relation", "data")}
        item |= {
            "image_sha256": document["image_sha256"],
            "itr_bench": "0.1.0",
            "libraries": {"lmms-eval": "0.7.3", "torch": "2"},
        }
        lines.append(
            {
                "resps": list(responses),
                "filtered_resps": list(responses),
                "token_counts": [{"output_tokens": 2}],
                "item": item,
                "input": documents.render(document, wording),
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"20261120_101010_samples_{task}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = {
        "config": {
            "model": "qwen2_vl",
            "model_args": f"pretrained=tiny/model,revision={COMMIT},api_key=hunter2",
            "model_backend": "lmms_eval.models.chat.qwen2_vl.Qwen2_VL (chat)",
            "batch_size": 1,
            **{f"{kind}_seed": 0 for kind in ("random", "numpy", "torch", "fewshot")},
            "resolved_cli_args": {"seed": [0, 0, 0, 0], "gen_kwargs": "max_new_tokens=5"},
            **config,
        },
        "configs": {task: {"generation_kwargs": {"max_new_tokens": 5}, "num_fewshot": 0}},
        "versions": {task: 1},
        "n-samples": {task: {"original": len(lines)}},
    }
    (folder / "20261120_101010_results.json").write_text(json.dumps(results))
    return path


def submit(path: Path, **changes: Any) -> tuple[Submission, list[Response], list[str]]:
    options = {"reason": "First.", "submitted": DAY, "trial": True, "card": card(), **changes}
    return make_submission(path, options.pop("card"), **options)


def test_a_run_folder_becomes_a_submission(tmp_path: Path) -> None:
    path = run_folder(tmp_path / "run", lambda tweet, question, seed: f"No. {seed}")
    submission, responses, notes = submit(path)
    run = read_run_folder(path)
    assert notes == []
    facts = submission.run.model_dump(exclude={"generation", "libraries", "signature", "data"})
    assert facts == {
        "task": TASK,
        "version": "1",
        "source": "itr-bench run",
        "command": "itr-bench run --model itr_vlm --model_args pretrained=tiny/model",
        "adapter": "a.B (chat)",
        "harness": "0.7.3",
        "package": "0.1.0",
        "precision": "float16, 4bit",
        "hardware": "NVIDIA H100",
        "seeds": list(SEEDS),
        "seeded_each": True,
        "samples": 2,
        "parser": "yes-no.2.en",
        "prompt": run.prompt,
    }
    assert submission.run.signature == str(run.signature)
    assert submission.run.generation == run.generation
    assert submission.score.accuracy == round(run.score.accuracy, 6)
    assert len(responses) == 24 * 2 * 2
    assert {(r.sample, r.seed, r.response, r.tokens) for r in responses} == {
        (0, 8263, "No. 8263", 3),
        (1, 10652, "No. 10652", 3),
    }


def test_a_samples_file_becomes_a_submission(tmp_path: Path) -> None:
    path = samples_file(tmp_path)
    submission, responses, notes = submit(path, card=card(hardware="A laptop"))
    assert notes == []
    assert submission.run.command == (
        f"lmms-eval --model qwen2_vl --model_args pretrained=tiny/model,revision={COMMIT} "
        f"--gen_kwargs max_new_tokens=5 --tasks {TASK} --repeats 2 --seed 0,0,0,0 "
        "--log_samples --output_path out/"
    )
    assert "hunter2" not in submission.model_dump_json()
    assert (submission.run.source, submission.run.seeded_each) == ("lmms-eval", False)
    assert (submission.run.seeds, submission.run.samples) == ([0, 0, 0, 0], 2)
    assert (submission.run.precision, submission.run.hardware) == (None, "A laptop")
    assert submission.run.signature == str(read_samples(path).signature)
    # lmms-eval counts the tokens of the first sample alone.
    assert {(r.sample, r.seed, r.response, r.tokens) for r in responses} == {
        (0, None, "Yes", None),
        (1, None, "No", None),
    }


def test_tokens_of_a_single_sample_are_known(tmp_path: Path) -> None:
    _, responses, _ = submit(samples_file(tmp_path, ("Yes",)))
    assert {r.tokens for r in responses} == {2}


def test_without_results_the_version_of_the_task_is_not_known(tmp_path: Path) -> None:
    path = samples_file(tmp_path)
    path.with_name("20261120_101010_results.json").unlink()
    with pytest.raises(SubmissionError, match="does not say the version of its task"):
        submit(path)


def test_the_validator_accepts_what_is_made(tmp_path: Path) -> None:
    folders = (run_folder(tmp_path / "a"), samples_file(tmp_path / "b"))
    for number, path in enumerate(folders):
        submission, responses, _ = submit(path)
        folder = tmp_path / str(number) / relative_folder(submission)
        layout.write(folder, submission, responses)
        checked = check(folder, trial=True)
        assert [finding.message for finding in checked.findings] == []
        assert checked.entry is not None and checked.entry.badge.value == "recomputed"


@pytest.mark.parametrize("suffix", ["", "_explained"])
def test_a_run_without_the_image_becomes_a_submission_of_its_own(
    tmp_path: Path, suffix: str
) -> None:
    task = f"{TASK}~no-image{suffix}"
    path = run_folder(tmp_path / "run", lambda tweet, question, seed: f"No. {seed}", task=task)
    submission, responses, notes = submit(path)
    assert notes == [] and submission.run.task == task
    assert str(relative_folder(submission)) == f"tiny__model/{COMMIT}/{task}"
    assert {response.image_sha256 for response in responses} == {"none"}
    assert submission.run.signature == str(read_run_folder(path).signature)
    sighted, _, _ = submit(run_folder(tmp_path / "sighted"))
    assert sighted.run.prompt == submission.run.prompt  # the same words


@pytest.mark.parametrize("make", [run_folder, samples_file])
def test_the_validator_accepts_a_run_without_the_image(
    tmp_path: Path, make: Callable[..., Path]
) -> None:
    submission, responses, _ = submit(make(tmp_path / "run", task=f"{TASK}~no-image"))
    folder = tmp_path / "out" / relative_folder(submission)
    layout.write(folder, submission, responses)
    checked = check(folder, trial=True)
    assert checked.findings == () and checked.entry is not None
    assert checked.entry.badge.value == "recomputed" and checked.entry.answer_format == "plain"


@pytest.mark.parametrize("variant", ["grey-image", "other-image", "p3", "shuffled-words"])
def test_no_other_variant_is_a_submission(tmp_path: Path, variant: str) -> None:
    path = run_folder(tmp_path / "run", task=f"{TASK}~{variant}")
    with pytest.raises(SubmissionError) as refused:
        submit(path)
    assert str(refused.value) == (
        f"{path} cannot be submitted:\n  - {TASK}~{variant} is a variant that the leaderboard does "
        f"not take; submit a run of {TASK}, or of {TASK}~no-image"
    )


def test_a_task_without_a_table_has_none_without_the_image(tmp_path: Path) -> None:
    path = run_folder(tmp_path / "run", task=f"{TASK}~no-image")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["configuration"] |= {"task": "ltec_itr_full_lv~no-image", "data": "hub-0123456789ab"}
    write_manifest(path, manifest)
    with pytest.raises(
        SubmissionError, match="ltec_itr_full_lv~no-image is not on the leaderboard"
    ):
        submit(path, trial=False)


def test_quotations_are_masked_and_answers_kept(tmp_path: Path) -> None:
    texts = open_reference(TASK).texts
    longest = max(texts, key=lambda tweet: len(texts[tweet][0].split()))
    quote = texts[longest][0]
    assert len(quote.split()) > 8

    def say(tweet: str, question: str, seed: int) -> str:
        return f"Yes. The text says “{quote}”, \ud83d." if tweet == longest else "No"

    path = run_folder(tmp_path / "run", say)
    submission, responses, notes = submit(path)
    masks = [r.response for r in responses if r.tweet_id == longest]
    assert all(text.startswith("Yes. The text says “▮ ▮") for text in masks)
    assert all(text.endswith("”, \ufffd.") for text in masks)
    assert not any(quotations(text, texts[longest]) for text in masks)
    assert submission.score.adds_accuracy == round(read_run_folder(path).score.adds_accuracy, 6)
    assert notes == [
        "Half surrogate pairs became U+FFFD in 4 responses.",
        "Quotations of tweets were masked: 4 in 4 of 96 responses. Every answer stays the same.",
    ]


def test_places_in_settings_leave_the_signature_true(tmp_path: Path) -> None:
    path = run_folder(
        tmp_path / "run",
        command_line="itr-bench run --model_args pretrained=/home/ann/m/tiny --out /home/ann/runs",
        model_args={"peft": "/home/ann/adapters/one", "x": 1},
        content="sha256:1234",
        checkpoint="m/tiny",
    )
    submission, responses, notes = submit(path)
    assert submission.run.command == "itr-bench run --model_args pretrained=m/tiny --out runs"
    assert submission.run.generation is not None
    assert submission.run.generation["model_args"] == {"peft": "adapters/one", "x": 1}
    assert "/home/ann" not in submission.model_dump_json()
    assert [note.split(":")[0] for note in notes] == [
        "The checkpoint was a local folder (sha256",
        "Settings of the model named folders of this machine. Their ends stay; the signature is "
        "made of what stays.",
        "The command is published as",
    ]
    folder = tmp_path / relative_folder(submission)
    layout.write(folder, submission, responses)
    assert check(folder, trial=True).findings == ()


def test_a_run_without_seeds_of_its_own(tmp_path: Path) -> None:
    submission, responses, _ = submit(run_folder(tmp_path / "run", seeding="none"))
    assert submission.run.seeded_each is False
    assert submission.run.seeds == list(SEEDS)
    assert {r.seed for r in responses} == {None}


# Refusals


@pytest.mark.parametrize(
    ("run", "options", "reasons"),
    [
        ({}, {"trial": False}, ["made on demo data, so it is no result; --trial makes one"]),
        ({"kept": slice(0, 90)}, {}, ["unfinished: 6 responses are missing; give the command"]),
        ({"kept": slice(0, 40), "tweets": 10}, {}, ["a part of the set, 10 of 24 tweets"]),
        (
            {"kept": slice(0, 38), "tweets": 10},
            {},
            ["a part of the set, 10 of 24 tweets", "unfinished: 2 responses are missing"],
        ),
        ({"data": "demo-0123456789ab"}, {}, ["made on the data demo-0123456789ab, itr_demo_en is"]),
        (
            {"checkpoint": "other/model"},
            {},
            ["of the checkpoint other/model, the card is of tiny/model"],
        ),
        (
            {"content": f"commit:{'0' * 40}", "checkpoint": "other/model"},
            {"trial": False},
            ["made on demo data", "checkpoint other/model", f"of the commit {'0' * 40}, the card"],
        ),
        (
            {"content": None, "revision": "0" * 40},
            {},
            [f"was of the commit {'0' * 40}, the card's revision is {COMMIT}"],
        ),
        (
            {},
            {"card": card(revision=None, snapshot="1", date=DAY)},
            [f"was of the commit {COMMIT}, the card's revision is None"],
        ),
    ],
)
def test_what_cannot_be_submitted(
    tmp_path: Path, run: dict[str, Any], options: dict[str, Any], reasons: list[str]
) -> None:
    path = run_folder(tmp_path / "run", **run)
    with pytest.raises(SubmissionError) as refused:
        submit(path, **options)
    first, *lines = str(refused.value).splitlines()
    assert first == f"{path} cannot be submitted:"
    assert len(lines) == len(reasons)
    for line, reason in zip(lines, reasons, strict=True):
        assert line.startswith("  - ") and reason in line


def test_likelihoods_are_no_submission(tmp_path: Path) -> None:
    path = run_folder(
        tmp_path / "run",
        lambda tweet, question, seed: (
            '{"yes": -0.5, "no": -1.5, "first_yes": -0.5, "first_no": -1.5}'
        ),
        seeds=(8263,),
    )
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["configuration"]["task"] = f"{TASK}_likelihood"
    write_manifest(path, manifest)
    with pytest.raises(SubmissionError, match=f"submit a run of {TASK}$"):
        submit(path)


def test_failed_requests_are_no_answers(tmp_path: Path) -> None:
    path = samples_file(tmp_path, ("Yes", "[LMMS_EVAL_REQUEST_FAILED after 1] 500"))
    with pytest.raises(SubmissionError, match=r"50.00% of its requests failed: run it again"):
        submit(path)


def test_a_response_that_is_too_long_is_named(tmp_path: Path) -> None:
    path = run_folder(tmp_path / "run", lambda tweet, question, seed: "Yes " * 20_000)
    with pytest.raises(
        SubmissionError, match=r"tweet \d+, adds, sample 0: 80\d\d\d bytes, at most"
    ):
        submit(path)


@pytest.mark.parametrize(
    ("checkpoint", "accepted"),
    [("gpt-x-2026", True), ("gpt-x", True), ("openai/gpt-x", True), ("gpt-y", False)],
)
def test_an_api_has_shorter_names(tmp_path: Path, checkpoint: str, accepted: bool) -> None:
    path = run_folder(
        tmp_path / "run", checkpoint=checkpoint, content=None, device=None, dtype=None
    )
    of_api = card(id="openai/gpt-x", revision=None, snapshot="gpt-x-2026", date=DAY)
    if not accepted:
        with pytest.raises(SubmissionError, match="correct the card's id"):
            submit(path, card=of_api)
        return
    submission, _, notes = submit(path, card=of_api)
    assert (submission.run.hardware, submission.run.precision, notes) == (None, "4bit", [])


@pytest.mark.parametrize(
    ("conditions", "note"),
    [
        ({"content": None}, f"The run does not say which commit it was: {COMMIT} could not"),
        ({"content": None, "checkpoint": None}, "The run names no checkpoint: that it was"),
        ({"content": "sha256:12", "checkpoint": "a/b"}, "The checkpoint was a local folder (sha"),
    ],
)
def test_what_could_not_be_checked_is_noted(
    tmp_path: Path, conditions: dict[str, Any], note: str
) -> None:
    _, _, notes = submit(run_folder(tmp_path / "run", **conditions))
    assert len(notes) == 1 and notes[0].startswith(note)


# The command


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(done.exception, ItrBenchError):
        return 1, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture
def card_file(tmp_path: Path) -> Path:
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(facts_of_card()))
    return path


def test_the_whole_way(tmp_path: Path, card_file: Path) -> None:
    run_folder(tmp_path / "runs" / "m" / TASK)
    run_folder(tmp_path / "runs" / "m" / "itr_demo_lv", task="itr_demo_lv")
    out = tmp_path / "out"
    given = (tmp_path / "runs", "--model-card", card_file, "--out", out, "--trial")
    status, said = call(*given, "--dry-run")
    assert (status, out.exists()) == (0, False)
    assert said.count("would write") == 2
    status, said = call(*given)
    assert status == 0
    assert f"wrote {out}/tiny__model/{COMMIT}/{TASK}\n" in said
    assert "24 tweets, 2 samples a question, 96 responses, accuracy 25.0 %" in said
    assert f"Next: itr-bench validate --trial {out}/tiny__model\n" in said
    folders = sorted(path for path in (out / "tiny__model" / COMMIT).iterdir())
    assert [path.name for path in folders] == [TASK, "itr_demo_lv"]
    assert all(check(folder, trial=True).findings == () for folder in folders)

    status, said = call(*given)
    assert status == 1
    assert "there already:" in said and "Give --replace and a --reason" in said
    assert call(*given, "--replace")[0] == 0
    text = (folders[0] / "submission.json").read_text()
    assert json.loads(text)["reason"] == "Replaces an earlier submission of Tiny."
    assert call(*given, "--replace", "--reason", "Better prompt.")[0] == 0
    text = (folders[0] / "submission.json").read_text()
    assert json.loads(text)["reason"] == "Better prompt."


def test_the_whole_way_without_the_image(tmp_path: Path, card_file: Path) -> None:
    """From two runs to the board and the model's page, through the commands alone."""
    relations = {
        tweet: one.relation for (tweet, _), one in open_reference("itr_demo_lv").items.items()
    }

    def knows(tweet: str, question: str, seed: int) -> str:
        answer = Relation(relations[tweet]).answer(Question(question))
        return "Yes." if answer is Answer.YES else "No."

    run_folder(tmp_path / "runs" / "itr_demo_lv", knows, task="itr_demo_lv")
    run_folder(tmp_path / "runs" / "blind", task="itr_demo_lv~no-image")
    out, site = tmp_path / "out", tmp_path / "site"
    status, said = call(tmp_path / "runs", "--model-card", card_file, "--out", out, "--trial")
    assert status == 0, said
    place = out / "tiny__model" / COMMIT / "itr_demo_lv~no-image"
    assert f"wrote {place}\n" in said
    done = CliRunner().invoke(cli, ["validate", "--trial", str(out)])
    assert done.exit_code == 0, done.output
    build = ["leaderboard", "build", "--trial", "--submissions", str(out)]
    done = CliRunner().invoke(cli, [*build, "--out", str(site)])
    assert done.exit_code == 0, done.output
    board = (site / "itr_demo_lv.html").read_text()
    assert board.count('<a href="models/tiny__model.html">') == 1
    assert '<td class="n more" data-order="0.25">25.0</td>' in board
    page = (site / "models" / "tiny__model.html").read_text()
    assert (
        "<p>Without the image: 25.0 %, with it 100.0 %. That is a difference of +75.0 "
        "percentage points" in page
    )
    assert "18 right only with the image, 0 only without, p &lt; 0.001; t test of the" in page
    assert "this score depends on the image being there." in page


def test_a_task_stands_once(tmp_path: Path, card_file: Path) -> None:
    for name in "ab":
        run_folder(tmp_path / "runs" / name / TASK)
    status, said = call(tmp_path / "runs", "--model-card", card_file, "--trial")
    assert status == 1
    assert said == (
        f"several runs of {TASK}; name the one to submit:\n"
        f"  - {tmp_path}/runs/a/{TASK}\n  - {tmp_path}/runs/b/{TASK}"
    )


def test_all_runs_are_checked_before_anything_is_written(tmp_path: Path, card_file: Path) -> None:
    run_folder(tmp_path / "runs" / "a")
    run_folder(tmp_path / "runs" / "b", task="itr_demo_lv", kept=slice(0, 90))
    run_folder(tmp_path / "runs" / "c", content=f"commit:{'0' * 40}")
    out = tmp_path / "out"
    status, said = call(tmp_path / "runs", "--model-card", card_file, "--trial", "--out", out)
    assert (status, out.exists()) == (1, False)
    assert "runs/b cannot be submitted" in said and "runs/c cannot be submitted" in said


def test_a_run_is_needed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.jsonl").write_text("")
    with pytest.raises(ItrBenchError) as refused:
        find_runs([tmp_path / "none", tmp_path / "empty", tmp_path / "x.jsonl"])
    assert f"{tmp_path}/none: no such file or folder" in str(refused.value)
    assert f"{tmp_path}/empty: no run in it" in str(refused.value)
    assert f"{tmp_path}/x.jsonl: no run in it" in str(refused.value)


def test_runs_are_found_once(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "runs" / "a")
    samples = samples_file(tmp_path / "runs" / "b")
    (samples.parent / "20261120_101010_samples_mmmu.jsonl").write_text("{}")
    assert find_runs([tmp_path / "runs", folder, samples]) == [folder, samples]


def test_a_card_is_needed(tmp_path: Path) -> None:
    status, said = call(run_folder(tmp_path / "run"))
    assert status == 2
    assert "give --model-card FILE; --new-card FILE writes one to fill in" in said


# Cards


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "card: Input should be a valid dictionary"),
        ("- a", "card: Input should be a valid dictionary"),
        ("a: [", "cannot read"),
        ("name: a\nname: b", "'name' stands twice"),
        ("!!python/object/apply:os.system ['true']", "cannot read"),
        ("{[a]: b}", "cannot read"),
        ("\x00", "cannot read"),
    ],
)
def test_what_is_no_card(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(ItrBenchError) as refused:
        read_card(path)
    assert str(path) in str(refused.value) and message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "model"}, "id: String should match pattern"),
        ({"id": "../etc/passwd"}, "id: String should match pattern"),
        ({"revision": "main"}, "revision: String should match pattern"),
        ({"revision": None}, "card: expected a revision (weights) or a snapshot (API)"),
        ({"snapshot": "1", "date": DAY}, "card: expected a revision (weights) or a snapshot (API)"),
        ({"revision": None, "snapshot": "1"}, "card: expected snapshot and date together"),
        (
            {"revision": None, "snapshot": "1", "date": "2026-02-30"},
            "date: day is out of range for month",
        ),
        ({"open_weights": "yes"}, "open_weights: Input should be a valid boolean"),
        ({"saw_this_data": "maybe"}, "saw_this_data: Input should be 'yes', 'no' or 'unknown'"),
        ({"parameters": "8B"}, "parameters: Input should be a valid integer"),
        ({"parameters": -1}, "parameters: Input should be greater than 0"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"submitter": {"name": "x", "mail": "y"}}, "submitter.mail: Extra inputs"),
        ({"name": "a\u202eb"}, "name: the character U+202E, which cannot be shown"),
        ({"paper": "javascript:alert(1)"}, "paper: String should match pattern"),
    ],
)
def test_bad_cards_say_every_field(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump({**facts_of_card(), **changes}))
    with pytest.raises(ItrBenchError) as refused:
        read_card(path)
    said = str(refused.value)
    assert said.startswith(f"{path} is not a model card yet:\n")
    assert f"  - {problem}" in said
    assert said.endswith(
        "under ModelCard in docs/submission.schema.json (also: itr-bench validate --schema)."
    )


def test_all_wrong_fields_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text("name: 1\nid: x\ncolour: red\n")
    with pytest.raises(ItrBenchError) as refused:
        read_card(path)
    fields = re.findall(r"^  - ([\w.]+):", str(refused.value), re.MULTILINE)
    assert sorted(fields) == [
        *("colour", "id", "licence", "name", "open_weights", "organisation"),
        *("saw_this_data", "submitter"),
    ]


def test_a_card_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(
        "name: Model\norganisation: No\nid: a/b\nsnapshot: 1.0\ndate: 2026-11-20\n"
        "parameters: 8_291_375_616\nlicence: MIT\nopen_weights: true\nsaw_this_data: no\n"
        "submitter: {name: Ann}\npaper:\ncode: ~\nremark: null\n"
    )
    found = read_card(path)
    assert (found.organisation, found.snapshot, found.date) == ("No", "1.0", DAY)
    assert (found.parameters, found.saw_this_data) == (8_291_375_616, "no")
    assert (found.paper, found.code, found.remark) == (None, None, None)


def test_a_new_card_knows_what_the_run_knows(tmp_path: Path) -> None:
    folder, path = run_folder(tmp_path / "run"), tmp_path / "new.yaml"
    status, said = call(folder, "--new-card", path)
    assert status == 0 and f"--model-card {path}" in said
    text = path.read_text()
    known = {name: value for name, value in yaml.safe_load(text).items() if value is not None}
    assert known == {
        "name": "model",
        "organisation": "tiny",
        "id": "tiny/model",
        "revision": COMMIT,
        "submitter": {"name": None, "github": None},
    }
    assert "# Of the weights, by its SPDX name where it has one. Needed.\nlicence:\n" in text
    with pytest.raises(ItrBenchError, match="open_weights: "):
        read_card(path)
    filled = text.replace("licence:", "licence: MIT").replace("open_weights:", "open_weights: true")
    filled = filled.replace("saw_this_data:", "saw_this_data: no").replace("  name:", "  name: Ann")
    path.write_text(filled)
    assert read_card(path).submitter.name == "Ann"
    status, said = call(folder, "--new-card", path)
    assert status == 1 and "is there already" in said


def test_a_new_card_of_a_folder_has_no_id(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    write_card(path, [run_folder(tmp_path / "run", content="sha256:1")])
    found = yaml.safe_load(path.read_text())
    assert (found["id"], found["revision"], found["name"]) == (None, None, "tiny/model")


# The real way out


@pytest.mark.slow
def test_what_lmms_eval_writes_is_submitted(
    tmp_path: Path, card_file: Path, lmms_eval: RunLmmsEval
) -> None:
    done = lmms_eval(
        *("--model", "itr_baseline", "--model_args", "strategy=uniform,seed=3"),
        *("--tasks", TASK, "--repeats", "2"),
    )
    out = tmp_path / "out"
    status, said = call(done.folder, "--model-card", card_file, "--out", out, "--trial")
    assert status == 0, said
    folder = out / "tiny__model" / COMMIT / TASK
    assert check(folder, trial=True).findings == ()
    facts = json.loads((folder / "submission.json").read_text())["run"]
    assert facts["command"] == (
        f"lmms-eval --model itr_baseline --model_args strategy=uniform,seed=3 --tasks {TASK} "
        "--repeats 2 --log_samples --output_path out/"
    )
