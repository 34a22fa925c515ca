"""Whole runs through the real lmms-eval, on tiny checkpoints made here."""

from __future__ import annotations

import http.server
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from itr_bench.answers.likelihood import parse_likelihood
from itr_bench.cli.main import cli
from itr_bench.data import build
from itr_bench.errors import DataError, ScoreError
from itr_bench.lmms import hooks
from itr_bench.relation import Question
from itr_bench.runs.lmms_log import read_samples
from itr_bench.scoring.likelihood import likelihood_scores
from itr_bench.scoring.signature import Signature
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks import documents
from itr_bench.tasks.spec import get_task
from tests.conftest import ROOT, Finished, RunLmmsEval, needs
from tests.served import served
from tests.test_tasks import wording

pytestmark = [pytest.mark.slow, needs("lmms_eval", "decord")]


@pytest.fixture
def own_tasks_read_once() -> None:
    from tests.own_tasks import read_own_tasks_once

    read_own_tasks_once()


# Baselines on the real list


def test_majority_and_uniform_on_the_350_real_tweets(
    lmms_eval: RunLmmsEval, placeholder_home: Path
) -> None:
    arguments = ("--model", "itr_baseline", "--tasks", "ltec_itr_lv")
    majority = lmms_eval(*arguments, "--model_args", "strategy=majority", home=placeholder_home)
    figures = majority.figures("ltec_itr_lv")
    assert figures["relation_accuracy"] == pytest.approx(113 / 350)
    assert figures["reference_majority_class"] == pytest.approx(113 / 350)
    assert figures["reference_uniform_chance"] == 0.25
    assert figures["ci95_low"] < 113 / 350 < figures["ci95_high"]
    assert figures["samples_sd"] is None  # one sample has no deviation
    assert figures["adds_accuracy"] == pytest.approx(185 / 350)  # relations 0 and 1
    assert figures["represented_accuracy"] == pytest.approx(226 / 350)  # relations 0 and 2
    # No score of placeholder pictures can pass for a result.
    assert figures["placeholder_data"] == 1.0
    assert "NOT results of any model" in majority.output
    config = majority.results["configs"]["ltec_itr_lv"]
    assert "extracted from a tweet in {{ language }}" in json.dumps(config)

    uniform = lmms_eval(
        *arguments,
        "--model_args",
        "strategy=uniform,seed=3",
        "--repeats",
        "10",
        home=placeholder_home,
    )
    figures = uniform.figures("ltec_itr_lv")
    assert figures["relation_accuracy"] == pytest.approx(0.25, abs=0.05)
    assert 0.005 < figures["samples_sd"] < 0.06  # binomial: sqrt(0.25 * 0.75 / 350) = 0.023
    (samples,) = uniform.folder.rglob("*_samples_*.jsonl")
    run = read_samples(samples)
    assert run.score.accuracy == pytest.approx(figures["relation_accuracy"])
    assert run.score.interval is not None
    assert run.score.interval.low == pytest.approx(figures["ci95_low"])
    assert run.score.accuracy_sd == pytest.approx(figures["samples_sd"])
    assert run.placeholder
    signature_parts(run.signature)
    proves_that_the_signature_follows_the_run(samples)


def signature_parts(signature: Signature) -> None:
    assert signature.task == "ltec_itr_lv"
    assert (signature.tweets, signature.samples) == (350, 10)
    assert signature.seeds == (0, 1234, 1234, 1234)
    assert signature.harness == "0.7.3"
    assert signature.libraries is not None
    assert {"torch", "transformers", "python", "pillow", "qwen-vl-utils"} <= set(
        signature.libraries
    )
    assert "?" not in str(signature)


def proves_that_the_signature_follows_the_run(samples: Path) -> None:
    """Change what the run left, one thing at a time: the signature changes each time.

    Ten questions are enough for it, and are read in a hundredth of the time.
    """
    samples.write_text("".join(samples.read_text().splitlines(keepends=True)[:10]))
    results = samples.with_name(samples.name.split("_samples_")[0] + "_results.json")
    original_samples, original_results = samples.read_text(), results.read_text()
    seen = {str(read_samples(samples).signature)}

    def changed(new_samples: str, new_results: str) -> None:
        assert (new_samples, new_results) != (original_samples, original_results)
        samples.write_text(new_samples)
        results.write_text(new_results)
        signature = str(read_samples(samples).signature)
        assert signature not in seen
        seen.add(signature)

    for old, new in (
        ("Is the image adding", "Does the image add"),  # prompt
        ("placeholder-", "local-"),  # data
        ('"lmms-eval": "0.7.3"', '"lmms-eval": "0.7.4"'),  # harness
        ('"itr_bench": "0.1.0"', '"itr_bench": "0.1.1"'),  # package
        ('"torch": "', '"torch": "9.'),  # library
        ('"transformers": "', '"transformers": "9.'),
    ):
        changed(original_samples.replace(old, new), original_results)
    for old, new in (
        ('"max_new_tokens": 512', '"max_new_tokens": 511'),  # generation settings
        ('"temperature": 0.2', '"temperature": 0.3'),
        ('"torch_seed": 1234', '"torch_seed": 1235'),  # seeds
        ("strategy=uniform,seed=3", "strategy=uniform,seed=4"),
        ('"batch_size": 1,', '"batch_size": 2,'),
        ('itr_bench.models.baseline.Baseline (simple)"', 'some.other.Adapter (chat)"'),
    ):
        changed(original_samples, original_results.replace(old, new))
    version = json.loads(original_results)
    version["versions"]["ltec_itr_lv"] = 2
    changed(original_samples, json.dumps(version))
    one_sample = "".join(
        json.dumps({**json.loads(line), "filtered_resps": ["Yes"]}) + "\n"
        for line in original_samples.splitlines()
    )
    changed(one_sample, original_results)  # repeats
    results.unlink()
    samples.write_text(original_samples)
    assert "?" in str(read_samples(samples).signature)  # what is not known is not made up


def test_two_processes_find_what_one_finds(lmms_eval: RunLmmsEval) -> None:
    arguments = (
        *("--model", "itr_baseline", "--model_args", "strategy=uniform,seed=5"),
        *("--tasks", "itr_demo", "--repeats", "4"),
    )
    one, two = lmms_eval(*arguments), lmms_eval(*arguments, processes=2)
    for task in ("itr_demo_lv", "itr_demo_en"):
        figures = one.figures(task)
        assert figures == two.figures(task)
        assert len(two.samples(task)) == 48
        assert isinstance(figures["relation_accuracy_stderr"], float)
    mean = one.results["groups"]["itr_demo"]["relation_accuracy,all"]
    assert mean == pytest.approx(
        sum(one.figures(t)["relation_accuracy"] for t in ("itr_demo_lv", "itr_demo_en")) / 2
    )


def test_an_odd_limit_leaves_a_tweet_out_and_says_so(lmms_eval: RunLmmsEval) -> None:
    done = lmms_eval(
        *("--model", "itr_baseline", "--model_args", "strategy=always_no"),
        *("--tasks", "itr_demo_lv", "--limit", "9"),
    )
    assert "1 of 5 tweets were asked only one question" in done.output.replace("\n", " ")
    assert done.figures("itr_demo_lv")["relation_accuracy"] == 0.25  # 0 1 2 3 in turn
    (samples,) = done.folder.rglob("*_samples_*.jsonl")
    assert read_samples(samples).score.unpaired == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--model_args", "strategy=majorty", "--tasks", "itr_demo_lv"),
            "itr-bench: unknown strategy 'majorty'. Did you mean 'majority'?",
        ),
        (
            ("--model_args", "stratgy=majority", "--tasks", "itr_demo_lv"),
            "itr-bench: unknown argument 'stratgy'. Did you mean 'strategy'?",
        ),
        (
            ("--model_args", "strategy=uniform,seed=abc", "--tasks", "itr_demo_lv"),
            "itr-bench: seed 'abc', expected a whole number",
        ),
        (("--tasks", "ltec_itr_lw"), "unknown task 'ltec_itr_lw'. Did you mean 'ltec_itr_lv'?"),
        (
            ("--tasks", "tirt"),
            "itr-bench: the data set 'tirt' cannot be fetched. TIRT is published",
        ),
        (("--tasks", "itr_bench"), "cannot be fetched"),
    ],
)
def test_errors_end_the_run_at_once_with_their_message(
    lmms_eval: RunLmmsEval, arguments: tuple[str, ...], message: str
) -> None:
    done = lmms_eval("--model", "itr_baseline", *arguments)
    assert done.status == 1
    assert message in done.output
    assert "Traceback" not in done.output
    assert not list(done.folder.rglob("*.json"))


# Vision-language models through the stock adapters


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from itr_bench.models.tiny import ARCHITECTURES, make_checkpoint

    folder = tmp_path_factory.mktemp("tiny-random")
    for architecture in ARCHITECTURES:
        make_checkpoint(architecture, folder / architecture, seed=2)  # of the talkative ones
    return folder


def picture(number: int, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    image = Image.effect_noise(size, 30 + 60 * number).convert("RGB")
    image.paste(((97 * number) % 256, (181 * number) % 256, 90), (0, 0, size[0] // 2, size[1]))
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def same_text_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tweets with one text and different pictures; the last tweet has the first one's."""
    folder = tmp_path_factory.mktemp("same-text")
    sizes = [(96, 96), (240, 60), (60, 240), (30, 30), (320, 200)]
    images = folder / "images"
    images.mkdir()
    first = picture(0, sizes[0])
    for number, content in enumerate(
        [first, *(picture(n, s) for n, s in enumerate(sizes[1:], 1)), first]
    ):
        (images / f"{500 + number}.png").write_bytes(content)
    rows = [f"{n % 4}\t{500 + n}\tThe same words about cake" for n in range(6)]
    (folder / "tirt.tsv").write_text("\n".join(["relation\ttweet_id\ttext", *rows]), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ITR_BENCH_HOME", str(folder / "home"))
        build.build("tirt", folder / "tirt.tsv", images)
    return folder / "home"


ADAPTERS = [
    ("qwen2_vl", "qwen2_vl", (), "simple"),
    ("llava_hf", "llava_next", (), "chat"),
    ("llava_hf", "llava_next", ("--force_simple",), "simple"),
    ("llama_vision", "mllama", (), "simple"),
]


@pytest.mark.parametrize(("model", "architecture", "options", "kind"), ADAPTERS)
def test_stock_adapters_see_image_and_text(
    lmms_eval: RunLmmsEval,
    checkpoints: Path,
    same_text_home: Path,
    model: str,
    architecture: str,
    options: tuple[str, ...],
    kind: str,
) -> None:
    done = lmms_eval(
        *("--model", model, "--tasks", "tirt", "--batch_size", "1", *options),
        *("--model_args", f"pretrained={checkpoints / architecture},device=cpu,device_map=cpu"),
        *("--gen_kwargs", "max_new_tokens=12,temperature=0,do_sample=False"),
        home=same_text_home,
    )
    assert done.results["config"]["model_backend"].endswith(f"({kind})")
    samples = done.samples("tirt")
    assert len(samples) == 12
    assert all("".join(sample["filtered_resps"]).strip() for sample in samples)
    said = {
        question: {
            sample["item"]["tweet_id"]: tuple(sample["filtered_resps"])
            for sample in samples
            if sample["item"]["question"] == question
        }
        for question in ("adds", "represented")
    }
    for responses in said.values():
        assert responses["500"] == responses["505"]  # the same text and image: the same response
    # The same text and other images: a model that does not see them says one thing to a question.
    distinct = [len(set(responses.values())) for responses in said.values()]
    assert max(distinct) > 1, said
    assert said["adds"] != said["represented"]
    first, second = samples[0], samples[1]
    assert first["input"] != second["input"]
    # The explained format is chosen for llama_vision, and only for it.
    assert ("**EXPLANATION:**" in first["input"]) == (model == "llama_vision")
    (file,) = done.folder.rglob("*_samples_*.jsonl")
    run = read_samples(file)
    assert run.model.endswith(architecture)
    assert run.data is not None and run.data.startswith("local-")


def test_repeats_are_samples_of_one_tweet(lmms_eval: RunLmmsEval, checkpoints: Path) -> None:
    done = lmms_eval(
        *("--model", "qwen2_vl", "--tasks", "itr_demo_lv_explained", "--repeats", "3"),
        *("--model_args", f"pretrained={checkpoints / 'qwen2_vl'},device=cpu,device_map=cpu"),
        *("--gen_kwargs", "max_new_tokens=8,temperature=1.5", "--limit", "8"),
    )
    samples = done.samples("itr_demo_lv_explained")
    assert all(len(sample["filtered_resps"]) == 3 for sample in samples)
    assert any(len(set(sample["filtered_resps"])) > 1 for sample in samples)
    assert "**EXPLANATION:**" in samples[0]["input"]  # by choice, for an adapter without it
    assert isinstance(done.figures("itr_demo_lv_explained")["samples_sd"], float)
    settings = done.results["configs"]["itr_demo_lv_explained"]["generation_kwargs"]
    assert settings == {"max_new_tokens": 8, "temperature": 1.5, "do_sample": True, "until": []}


def test_a_vlm_on_the_350_real_tweets(
    lmms_eval: RunLmmsEval, checkpoints: Path, placeholder_home: Path
) -> None:
    few = "min_pixels=3136,max_pixels=12544"  # a sixteenth of the usual patches
    done = lmms_eval(
        *("--model", "qwen2_vl", "--tasks", "ltec_itr_lv", "--gen_kwargs", "max_new_tokens=1"),
        *("--batch_size", "10"),
        *("--model_args", f"pretrained={checkpoints / 'qwen2_vl'},device=cpu,device_map=cpu,{few}"),
        home=placeholder_home,
    )
    assert len(done.samples("ltec_itr_lv")) == 700
    assert done.figures("ltec_itr_lv")["placeholder_data"] == 1.0


def test_llama_vision_is_greedy_as_top_k_1_was(lmms_eval: RunLmmsEval, checkpoints: Path) -> None:
    done = lmms_eval(
        *("--model", "llama_vision", "--tasks", "itr_demo_en", "--repeats", "2", "--limit", "4"),
        *("--model_args", f"pretrained={checkpoints / 'mllama'},device=cpu,device_map=cpu"),
        *("--gen_kwargs", "max_new_tokens=8"),
    )
    for sample in done.samples("itr_demo_en"):
        assert len(set(sample["filtered_resps"])) == 1
    settings = done.results["configs"]["itr_demo_en"]["generation_kwargs"]
    assert settings["do_sample"] is False


def test_phi3v_by_its_documented_arguments(
    own_tasks_read_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phi 3.5 needs remote code; a model that says No stands in and keeps what it is asked."""
    import torch
    from lmms_eval import evaluator
    from lmms_eval.models.simple import phi3v
    from transformers import BatchFeature

    class Model(torch.nn.Module):  # type: ignore[misc]
        device, dtype, config = torch.device("cpu"), None, None
        asked: list[dict[str, Any]] = []  # noqa: RUF012

        def generate(self, **arguments: Any) -> Any:
            self.asked.append(arguments)
            return torch.cat([arguments["input_ids"], torch.tensor([[1]])], dim=1)

    model = Model()
    loaded: list[tuple[str, dict[str, Any]]] = []
    seen: list[tuple[str, Any]] = []

    class Tokenizer:
        padding_side = "right"
        eos_token_id = pad_token_id = 0

        def encode(self, text: str) -> list[int]:
            return list(text.encode())

        def decode(self, ids: object) -> str:
            return "</s>"

        def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> str:
            return f"<|user|>\n{messages[0]['content']}<|end|>\n<|assistant|>\n"

    class Processor:
        tokenizer = Tokenizer()

        def __call__(
            self, text: str, images: list[Image.Image], return_tensors: str
        ) -> BatchFeature:
            seen.append((text, images))
            return BatchFeature({"input_ids": torch.tensor([[5, 6, 7]])})

        def batch_decode(self, ids: object, **options: Any) -> list[str]:
            return ["No"]

    def load(name: str, **options: Any) -> Model:
        loaded.append((name, options))
        return model

    monkeypatch.setattr(phi3v.AutoModelForCausalLM, "from_pretrained", load)
    monkeypatch.setattr(phi3v.AutoProcessor, "from_pretrained", lambda *a, **k: Processor())
    found = evaluator.simple_evaluate(
        model="phi3v",
        model_args="model_id_name=microsoft/Phi-3.5-vision-instruct,device=cpu",
        tasks=["itr_demo_en"],
        limit=8,
    )
    assert loaded[0][0] == "microsoft/Phi-3.5-vision-instruct"
    assert loaded[0][1]["trust_remote_code"] is True
    assert found["results"]["itr_demo_en"]["relation_accuracy,all"] == 0.25
    text, images = seen[0]
    assert text.startswith("<|user|>\n<|image_1|>\nGiven the following text")
    assert [image.mode for image in images] == ["RGB"]
    assert model.asked[0]["max_new_tokens"] == 512
    assert model.asked[0]["temperature"] == 0.2
    assert model.asked[0]["do_sample"] is True


# A server


class _Server(http.server.BaseHTTPRequestHandler):
    requests: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)  # type: ignore[attr-defined]
        text = json.dumps(body["messages"], ensure_ascii=False)
        if "croissant" in text:  # one tweet of the demo
            self.send_error(400)
            return
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {
                        "role": "assistant",
                        "content": "**Answer:** YES; **EXPLANATION:** no",
                    },
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    found.requests = []  # type: ignore[attr-defined]
    with served(found):
        yield found


def test_an_openai_style_server(lmms_eval: RunLmmsEval, server: Any) -> None:
    done = lmms_eval(
        *("--model", "async_openai", "--tasks", "itr_demo_en_explained"),
        "--model_args",
        f"model_version=m,base_url=http://127.0.0.1:{server.server_address[1]}/v1,api_key=none,"
        "max_retries=1,retry_backoff_s=0,num_cpus=2",
        env={"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
    )
    figures = done.figures("itr_demo_en_explained")
    assert figures["failed_rate"] == pytest.approx(2 / 48)  # both questions of one tweet of 24
    assert figures["unparseable_rate"] == 0
    assert figures["relation_accuracy"] == pytest.approx(6 / 24)  # the failed one is of relation 2
    assert "of the requests failed and count as wrong" in done.output.replace("\n", " ")
    request = server.requests[0]
    assert request["max_tokens"] == 512
    assert request["temperature"] == 0.2
    kinds = [part["type"] for part in request["messages"][-1]["content"]]
    assert kinds == ["image_url", "text"]
    assert "**EXPLANATION:**" in request["messages"][-1]["content"][1]["text"]


# The shared-image engine


def one_by_one(checkpoint: Path, task: str, doc_id: int, seeds: Sequence[int]) -> list[str]:
    """What transformers itself answers to a document, after each seed."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from itr_bench.lmms import hooks
    from itr_bench.tasks import documents

    model = AutoModelForImageTextToText.from_pretrained(checkpoint)
    processor = AutoProcessor.from_pretrained(checkpoint)
    document = documents.documents(get_task(task))[doc_id]
    (turn,) = hooks.messages(document, wording(task, "itr_vlm"))
    picture = next(part["url"] for part in turn["content"] if part["type"] == "image")
    text = processor.apply_chat_template([turn], add_generation_prompt=True)
    ready = processor(text=[text], images=[picture], return_tensors="pt")
    answers = []
    for seed in seeds:
        torch.manual_seed(seed)
        found = model.generate(**ready, max_new_tokens=8, do_sample=True, temperature=1.5)
        new = found[0, ready["input_ids"].shape[1] :]
        answers.append(processor.tokenizer.decode(new, skip_special_tokens=True).strip())
    return answers


def test_the_engine_on_two_processes_and_on_one(
    own_tasks_read_once: None, lmms_eval: RunLmmsEval, checkpoints: Path
) -> None:
    from lmms_eval import evaluator

    checkpoint = checkpoints / "qwen2_vl"
    tasks = ["itr_demo_lv", "itr_demo_lv_likelihood"]
    model_args = f"pretrained={checkpoint},device=cpu,rows_in_flight=24"
    gen_kwargs = "max_new_tokens=8,temperature=1.5"
    two = lmms_eval(
        *("--model", "itr_vlm", "--tasks", ",".join(tasks), "--repeats", "3", "--limit", "14"),
        *("--model_args", model_args, "--gen_kwargs", gen_kwargs),
        processes=2,
    )
    one = evaluator.simple_evaluate(
        model="itr_vlm", tasks=tasks, model_args=model_args, gen_kwargs=gen_kwargs, repeats=3,
        limit=14,
    )  # fmt: skip
    said = {
        task: {  # the command line takes off the list and the spaces
            s["doc_id"]: [text.strip() for text in s["filtered_resps"][0]]
            for s in one["samples"][task]
        }
        for task in tasks
    }
    found = {task: {s["doc_id"]: s["filtered_resps"] for s in two.samples(task)} for task in tasks}
    for task in tasks:
        assert sorted(found[task]) == sorted(said[task]) == list(range(14))
        assert all(len(responses) == 3 for responses in found[task].values())
        figures = {key.split(",")[0]: value for key, value in one["results"][task].items()}
        for name in ("relation_accuracy", "adds_accuracy", "unparseable_rate", "ci95_low"):
            assert two.figures(task)[name] == figures[name]
    answers = said["itr_demo_lv"]
    assert found["itr_demo_lv"] == answers
    for doc_id in (0, 5, 13):
        assert answers[doc_id] == one_by_one(checkpoint, "itr_demo_lv", doc_id, PAPER_SEEDS[:3])
    assert len({tuple(responses) for responses in answers.values()}) > 7
    assert any(len(set(responses)) > 1 for responses in answers.values())
    # One pass has no samples: it says the same each time, and to each document another.
    likelihoods = said["itr_demo_lv_likelihood"]
    assert all(len(set(responses)) == 1 for responses in likelihoods.values())
    assert len({responses[0] for responses in likelihoods.values()}) == 14
    for doc_id, responses in found["itr_demo_lv_likelihood"].items():
        first, second = (parse_likelihood(r[0]) for r in (responses, likelihoods[doc_id]))
        assert first is not None and second is not None and 0 < first.yes + first.no < 1
        # lmms-eval gives each process one question of a tweet: fewer share the beginning.
        assert (first.yes, first.no) == pytest.approx((second.yes, second.no), rel=1e-4)
    proves_that_likelihoods_are_scored(two)


def proves_that_likelihoods_are_scored(done: Finished) -> None:
    figures = done.figures("itr_demo_lv_likelihood")
    (samples,) = done.folder.rglob("*_samples_itr_demo_lv_likelihood.jsonl")
    run = read_samples(samples)
    scores = likelihood_scores(run.likelihoods)
    assert {f"{question.value}_auc" for question in scores} == {"adds_auc", "represented_auc"}
    for question, found in scores.items():
        assert found.auc is not None and 0 <= found.auc <= 1
        assert figures[f"{question.value}_auc"] == pytest.approx(found.auc)
        assert figures[f"{question.value}_calibration_error"] == pytest.approx(
            found.calibration_error
        )
    assert figures["unparseable_rate"] == figures["failed_rate"] == 0
    assert run.score.accuracy == pytest.approx(figures["relation_accuracy"])
    assert run.signature.samples == 1
    assert "parser:likelihood.1" in str(run.signature)
    shown = CliRunner().invoke(cli, ["score", str(samples)])
    assert shown.exit_code == 0, shown.output
    assert "itr_demo_lv_likelihood" in shown.output and "AUC" in shown.output
    assert f"{scores[Question.ADDS].auc:.3f}" in shown.output
    listed = json.loads(CliRunner().invoke(cli, ["score", str(samples), "--json"]).stdout)
    assert str(scores[Question.REPRESENTED].auc) in json.dumps(listed)


def test_likelihoods_of_other_models_are_refused() -> None:
    document = documents.documents(get_task("itr_demo_lv"))[0]
    with pytest.raises(ScoreError, match="need --model itr_vlm; other models take the task with"):
        hooks.read_likelihoods(document, ["Yes"])


# From Python, and from a wheel


def test_simple_evaluate_raises_what_we_raise(own_tasks_read_once: None) -> None:
    from lmms_eval import evaluator

    with pytest.raises(DataError, match="TIRT is published as tweet ids"):
        evaluator.simple_evaluate(model="itr_baseline", tasks=["tirt"])
    with pytest.raises(ScoreError, match="unknown strategy 'none'"):
        evaluator.simple_evaluate(model="itr_baseline", model_args="strategy=none", tasks=["tirt"])


_FROM_WHEEL = """
import pathlib, runpy, sys
import itr_bench, itr_bench.tasks
import lmms_eval.models
from lmms_eval.tasks import TaskManager
from itr_bench.data import loading
for module in (itr_bench, itr_bench.tasks, loading):
    assert pathlib.Path(module.__file__).is_relative_to(sys.argv[1]), module.__file__
manager = TaskManager("ERROR", include_defaults=False)
assert "ltec_itr_lv" in manager.all_tasks
assert str(manager.task_index["ltec_itr_lv"]["yaml_path"]).startswith(sys.argv[1])
assert "itr_baseline" in lmms_eval.models.list_available_models()
task = manager.load_task_or_group(["itr_demo_lv"])["itr_demo_lv"]
assert len(task.eval_docs) == 48
assert task.doc_to_visual(task.eval_docs[0])[0].mode == "RGB"
sys.argv[:2] = ["lmms-eval"]
runpy.run_module("lmms_eval", run_name="__main__")
"""


def test_the_same_from_a_wheel(tmp_path: Path, lmms_eval: RunLmmsEval) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # With the setuptools that is here: an environment to build in takes longer than all else.
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    subprocess.run([*pip, "wheel", *options, str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("itr_bench-*.whl")
    target = tmp_path / "site"
    options = ("--no-deps", "--no-compile", "--target", str(target))
    subprocess.run([*pip, "install", *options, str(wheel)], check=True)
    installed = {path.name for path in target.iterdir()}
    assert {name for name in installed if not name.endswith(".dist-info")} <= {"itr_bench", "bin"}
    arguments = ("--model", "itr_baseline", "--tasks", "itr_demo_lv", "--limit", "8")
    options = ("--log_samples", "--output_path", str(tmp_path / "launched"))
    done = subprocess.run(
        [sys.executable, "-c", _FROM_WHEEL, str(target), *arguments, *options],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(target), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    launched = Finished(done.returncode, done.stdout + done.stderr, tmp_path / "launched")
    assert launched.status == 0, launched.output
    assert launched.figures("itr_demo_lv") == lmms_eval(*arguments).figures("itr_demo_lv")
