"""The presets against the paper's table, and how models and seeds are named."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError, RunError
from itr_bench.models import arguments, machine, spec
from itr_bench.models.adapters import Seeding, handling
from itr_bench.models.presets import get_preset, parse_presets, presets
from itr_bench.runs import commands, plan
from itr_bench.runs.settings import settings_of
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks import definitions
from itr_bench.tasks.spec import get_task

# Rikters & Marrese-Taylor 2025 (arXiv:2505.05040): the models and how they were run.
LLAVA = ("4bit", "float16", ("text", "image"), "plain", {"temperature": 0.2}, True)
PAPER: dict[str, tuple[str, tuple[Any, ...]]] = {
    "llama-3.2-11b": (
        "meta-llama/Llama-3.2-11B-Vision-Instruct",
        (
            *("4bit", "float16", ("image", "text"), "explained"),
            {"temperature": 0.2, "top_k": 1},
            False,
        ),
    ),
    "llava-next-13b": ("llava-hf/llava-v1.6-vicuna-13b-hf", LLAVA),
    "llava-next-7b": ("llava-hf/llava-v1.6-vicuna-7b-hf", LLAVA),
    "qwen2-vl-7b": (
        "Qwen/Qwen2-VL-7B-Instruct",
        ("4bit", "bfloat16", ("image", "text"), "plain", {}, False),
    ),
    "phi-3.5-4b": (
        "microsoft/Phi-3.5-vision-instruct",
        ("none", "bfloat16", ("image", "text"), "plain", {"temperature": 0.2}, True),
    ),
}


@pytest.mark.parametrize("name", PAPER)
def test_presets_are_the_papers_models(name: str) -> None:
    preset = get_preset(name)
    sampling = {
        key: value
        for key, value in preset.generation.items()
        if key not in ("max_new_tokens", "do_sample") and value is not None
    }
    found = (
        preset.model_args.get("quantization", "none"),
        *(preset.model_args["dtype"], preset.order, preset.answer_format, sampling),
        preset.seeds_can_differ,
    )
    assert (preset.checkpoint, found) == PAPER[name]
    assert preset.generation["max_new_tokens"] == 512
    assert preset.generation["do_sample"] is True
    model = spec.resolve_model(name)
    settings = settings_of(get_task("ltec_itr_lv"), model)
    assert settings.generation == {
        "max_new_tokens": 512,
        "do_sample": True,
        "until": [],
        **sampling,
    }
    assert settings.wording["order"] == list(preset.order)
    assert settings.wording["answer_format"] == preset.answer_format
    assert commands.from_paper(model, PAPER_SEEDS) == []


def test_the_papers_presets_and_their_particulars() -> None:
    assert {name for name, preset in presets().items() if preset.kind == "paper"} == set(PAPER)
    qwen, phi = get_preset("qwen2-vl-7b"), get_preset("phi-3.5-4b")
    assert (qwen.model_args["min_pixels"], qwen.model_args["max_pixels"]) == (200**2, 1600 * 1200)
    assert phi.model_args["num_crops"] == 16
    assert (phi.adapter, handling(phi.adapter).checkpoint) == ("phi3v", "model_id_name")
    assert {p.adapter for p in presets().values()} == {"itr_vlm", "phi3v", "itr_server"}


TODAY = {name: preset for name, preset in presets().items() if preset.kind != "paper"}


@pytest.mark.parametrize("name", TODAY)
def test_todays_presets_say_where_their_settings_come_from(name: str) -> None:
    preset = TODAY[name]
    unchecked = [remark for remark in preset.remarks if "could not be read" in remark]
    documented = preset.source.startswith("model documentation of transformers")
    # Published settings have a source; without one they are the paper's, and a remark says so.
    assert bool(unchecked) == (documented or "temperature" not in _sampling(preset))
    if documented:
        assert _sampling(preset) == {"temperature": 0.2}
    served = "kimi-vl" in name  # not among transformers' models
    assert preset.adapter == ("itr_server" if served else "itr_vlm")
    assert preset.generation["max_new_tokens"] == 512
    assert preset.model_args.get("quantization", "none") == "none"
    model = spec.resolve_model(name)
    assert commands.from_paper(model, PAPER_SEEDS) == []
    other = spec.resolve_model(name, gen_kwargs="max_new_tokens=8")
    assert commands.from_paper(other, PAPER_SEEDS) == ["max_new_tokens: 512 in the preset, 8 here"]


def _sampling(preset: Any) -> dict[str, Any]:
    given = ("temperature", "top_k", "top_p", "min_p")
    return {k: v for k, v in preset.generation.items() if k in given and v is not None}


def test_families_that_people_evaluate_have_a_preset() -> None:
    names = " ".join(preset.checkpoint.lower() for preset in TODAY.values())
    for family in (
        *("qwen2.5-vl", "qwen3-vl", "qwen3.5", "gemma-3", "gemma-4", "internvl3", "smolvlm2"),
        *("aya-vision", "mistral-small-3", "pixtral", "llava-onevision", "glm-4.1v", "kimi-k2"),
        *("lfm2-vl", "minicpm-v", "kimi-vl-a3b-instruct", "kimi-vl-a3b-thinking-2506"),
    ):
        assert family in names
    assert get_preset("qwen3.5-27b").model_args["thinking"] is False


def test_an_explained_task_stays_explained() -> None:
    settings = settings_of(get_task("itr_demo_lv_explained"), spec.resolve_model("qwen2-vl-7b"))
    assert settings.wording["answer_format"] == "explained"


def changed(**fields: Any) -> str:
    """The file of one sound preset with other *fields*; ``...`` takes one away."""
    entry = {
        "checkpoint": "a/b",
        "adapter": "itr_vlm",
        "model_args": {},
        "order": ["text", "image"],
        "answer_format": "plain",
        "generation": {},
        "seeds_can_differ": True,
        "remarks": [],
        "source": "x",
        "stock": {"adapter": "y", "model_args": {}},
        **fields,
    }
    return yaml.safe_dump({"mine": {k: v for k, v in entry.items() if v is not ...}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(chekpoint="x"), "mine: unknown field 'chekpoint'. Did you mean 'checkpoint'?"),
        (changed(order=...), "mine: field 'order' is missing"),
        (changed(order=["image"]), "mine: order is ['image'], expected image and text"),
        (
            changed(answer_format="plane"),
            "mine: unknown answer_format 'plane'. Did you mean 'plain",
        ),
        (changed(seeds_can_differ="no"), "mine: seeds_can_differ is 'no', expected a bool"),
        (changed(model_args=[]), "mine: model_args is [], expected a dict"),
        (changed(stock={"adapter": "y"}), "mine: stock: field 'model_args' is missing"),
        ("mine: 3", "mine: expected fields by name"),
        ("[1]", "expected presets by name"),
        ("a: [", "not YAML"),
    ],
)
def test_a_faulty_file_is_refused_with_preset_and_field(text: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        parse_presets(text)
    assert message in str(caught.value)


def test_a_sound_file_is_read() -> None:
    assert parse_presets(changed())["mine"].stock.adapter == "y"


# Models


def test_arguments_of_the_user_go_over_the_presets_one_by_one() -> None:
    model = spec.resolve_model(
        "qwen2-vl-7b",
        model_args="quantization=none,device=cpu,pretrained=/data/qwen",
        gen_kwargs="top_k=5,max_new_tokens=8,do_sample=null",
    )
    assert model.arguments == {
        "pretrained": "/data/qwen",
        "quantization": "none",
        "dtype": "bfloat16",
        "min_pixels": 40000,
        "max_pixels": 1920000,
        "device": "cpu",
    }
    settings = settings_of(get_task("itr_demo_lv"), model)
    assert settings.generation == {"max_new_tokens": 8, "top_k": 5, "until": []}
    assert commands.from_paper(model, [1]) == [
        "do_sample: True in the paper, not given here",
        "max_new_tokens: 512 in the paper, 8 here",
        "quantization: 4bit in the paper, none here",
        "top_k: not given in the paper, 5 here",
        "checkpoint: Qwen/Qwen2-VL-7B-Instruct in the paper, /data/qwen here",
        "seeds: the ten of the paper, 1 here",
    ]


FOLDERS = [
    ("qwen2-vl-7b", "", "qwen2-vl-7b"),
    ("qwen2-vl-7b", "pretrained=/x/y", "qwen2-vl-7b"),
    ("qwen2_vl", "pretrained=Qwen/Qwen2-VL-2B", "qwen2_vl-Qwen-Qwen2-VL-2B"),
    ("qwen2_vl", "pretrained=/a/../b/ā c/x:y", "qwen2_vl-c-x-y"),
    ("itr_baseline", "strategy=uniform,seed=3", "itr_baseline-uniform-3"),
    ("async_openai", "model_version=m/n,api_key=hidden", "async_openai-m-n"),
    ("async_openai", "api_key=hidden", "async_openai"),
]


@pytest.mark.parametrize(("name", "given", "folder"), FOLDERS)
def test_folders_are_named_after_models(name: str, given: str, folder: str) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    assert spec.resolve_model(name, model_args=given).folder_name == folder


SEEDING = [
    ("itr_vlm", False, Seeding.REQUEST, None),
    ("vllm", False, Seeding.REQUEST, 256),
    ("vllm", True, Seeding.REQUEST, 1),
    ("async_openai", False, Seeding.PAYLOAD, 512),
    ("qwen2_vl", False, Seeding.PROCESS, 1),
    ("never_heard_of", False, Seeding.PROCESS, 1),
    ("claude", False, Seeding.NONE, 1),
]


@pytest.mark.parametrize(("adapter", "simple", "seeding", "batch"), SEEDING)
def test_who_seeds_how(adapter: str, simple: bool, seeding: Seeding, batch: int | None) -> None:
    found = handling(adapter, force_simple=simple)
    assert (found.seeding, found.batch) == (seeding, batch)


SECRETS = (
    *("auth", "authorization", "Authorization", "bearer", "headers", "extra_headers", "api_keys"),
    *("apiKey", "api-key", "X-API-Key", "access_key_id", "accessKeyId", "pass", "token"),
    *("hf_token", "use_auth_token", "authToken", "access_tokens", "secret_access_key", "APIKEY"),
    "password",
)
NO_SECRETS = (
    *("pad_token", "start_token", "eos_token", "image_token", "max_new_tokens", "num_image_tokens"),
    *("max_tokens", "num_key_value_heads", "image_token_id", "tokenizer", "top_k", "passes", "x"),
    *("author", "authors", "keyframes", "vision_start_token", "min_tokens", "header_size"),
)


def test_names_of_secrets() -> None:
    assert [name for name in SECRETS if not arguments.is_secret(name)] == []
    assert [name for name in NO_SECRETS if arguments.is_secret(name)] == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://u:hidden@h:1/v1?key=hidden#x", "http://h:1/v1"),
        ("https://h/v1?sig=hidden", "https://h/v1"),
        ('{"Authorization":"Bearer hidden","n":1}', '{"n":1}'),
        ('[{"url":"https://h/?t=hidden"}]', '[{"url":"https://h/"}]'),
        ('{"a": 1}', '{"a": 1}'),
        ("{'api_key': 'hidden'}", "..."),
        ('{"api_key": hidden', "..."),
        ("""'{"auth":1}'""", "..."),
        ("Bearer hidden", "Bearer ..."),
        ({"headers": {"x": "hidden"}, "deep": [{"pass": "hidden", "y": 1}]}, {"deep": [{"y": 1}]}),
        ("a/b: c", "a/b: c"),
    ],
)
def test_values_are_cleared_of_secrets(given: Any, shown: Any) -> None:
    assert arguments.without_secrets({"x": given}) == {"x": shown}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("revision=0123456", {"revision": "0123456"}),
        ("revision=12e4567,code_revision=1", {"revision": "12e4567", "code_revision": "1"}),
        ("pretrained=1e5,x=1e5", {"pretrained": "1e5", "x": 1e5}),
        *(
            (f"x={text}", f"--x: 'x={text:.80}', expected a finite number")
            for text in ("12e4567", "nan", "-inf", "1" * 5000)
        ),
    ],
)
def test_what_is_a_number(given: str, found: Any) -> None:
    if isinstance(found, str):
        with pytest.raises(ItrBenchError, match=found):
            arguments.parse_arguments(given, "--x")
    else:
        assert arguments.parse_arguments(given, "--x") == found


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "nan", "Infinity"])
@pytest.mark.parametrize("option", ["model_args", "gen_kwargs"])
def test_numbers_from_python_are_finite(option: str, value: object) -> None:
    with pytest.raises(ItrBenchError) as raised:
        spec.resolve_model("itr_baseline", **{option: {"revision": "inf", "x": value}})
    assert str(raised.value) == f"--{option}: 'x={value}', expected a finite number"


SERVER = "async_openai"
IN_CONDITIONS = [
    (SERVER, "model=A", {"checkpoint": "A", "model_args": {}}),
    (SERVER, "model_version=x/y/A", {"checkpoint": "x/y/A", "model_args": {}}),
    (SERVER, "model_version=A,model=B", {"checkpoint": "B", "model_args": {"model_version": "A"}}),
    (SERVER, "base_url=http://u:p@h/v1?k=1", {"base_url": "http://h/v1", "model_args": {}}),
    (SERVER, "", {"base_url": "http://env/v1", "checkpoint": None}),
    ("gemini", "model=A", {"checkpoint": "A", "base_url": None}),
    ("sglang", "model=A", {"checkpoint": "A", "model_args": {}}),
    ("vllm_generate", "model=A", {"checkpoint": "A", "model_args": {}}),
    ("llava_sglang", "pretrained=A", {"checkpoint": "A", "model_args": {}}),
    ("qwen2_vl", "model=A,model_name=B", {"model_args": {"model": "A", "model_name": "B"}}),
    ("itr_vlm", "pretrained=A,revision=0123", {"revision": "0123", "model_args": {}}),
    ("itr_vlm", "pretrained=A,rows_in_flight=8", {"model_args": {"rows_in_flight": 8}}),
]


@pytest.mark.parametrize(("name", "given", "expected"), IN_CONDITIONS)
def test_which_model_it_is_stands_in_the_conditions(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, expected: dict[str, Any]
) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    monkeypatch.setenv("OPENAI_API_BASE", "http://u:p@env/v1?k=1")
    model = spec.resolve_model(name, model_args=given)
    found = plan.configuration_without_data(settings_of(get_task("itr_demo_lv"), model), model, [1])
    assert "base_url" not in found  # a server may move between two sessions, which record it
    found["base_url"] = model.address
    if name == SERVER:
        found["model_args"].pop("prefix_aware_queue", None)
    assert {key: found[key] for key in expected} == expected


def test_what_a_server_is_not_sent_is_refused() -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    model = spec.resolve_model(SERVER, gen_kwargs="typical_p=0.5")
    with pytest.raises(RunError, match=r"typical_p=\.\.\.: async_openai cannot send it"):
        settings_of(get_task("itr_demo_lv"), model)


def test_a_run_is_parted_always_alike() -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    model = spec.resolve_model("qwen2-vl-7b", model_args="device=cpu")
    planned = plan.plan_task(get_task("itr_demo_lv"), model, [1, 2], 7)
    everything = planned.missing({})
    for rows, sizes in ((0, [4] * 7), (7, [4] * 7), (8, [8, 8, 8, 4]), (999, [28])):
        blocks = planned.blocks(rows)
        assert [len(block) for block in blocks] == sizes
        assert set().union(*blocks) == set(everything)
    missing = [everything[0], everything[9], everything[15], everything[-1]]
    blocks = planned.blocks(8)
    assert plan.open_blocks(planned, 8, missing) == [blocks[0], blocks[1], blocks[3]]
    with pytest.raises(RunError, match="itr_vlm forms its batches by itself"):
        spec.check_batch_size(4, model)


def test_secrets_and_places() -> None:
    given = {
        "api_key": "x",
        "hf_token": "x",
        "token": "x",
        "password": "x",
        "apikey": "x",
        "max_new_tokens": 3,
        "num_key_value_heads": 2,
        "device": "cpu",
        "pretrained": "a",
        "base_url": "http://user:pw@host:1/v1",
    }
    assert arguments.settings(given) == {"max_new_tokens": 3, "num_key_value_heads": 2}
    assert arguments.without_secrets(given)["base_url"] == "http://host:1/v1"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("ltec_itr_lw", "unknown task 'ltec_itr_lw'. Did you mean 'ltec_itr_lv'?"),
        ("mmmu", "unknown task 'mmmu'."),
    ],
)
def test_unknown_tasks(task: str, message: str) -> None:
    with pytest.raises(ItrBenchError, match=message.replace("?", r"\?")):
        definitions.expand([task])


def test_groups_become_their_tasks() -> None:
    found = definitions.expand(["itr_demo_en", "itr_demo"])
    assert [task.name for task in found] == ["itr_demo_en", "itr_demo_lv"]
    found = definitions.expand(["itr_bench"])
    assert [task.name for task in found[:2]] == ["ltec_itr_lv", "ltec_itr_en_manual"]


# The machine


@pytest.mark.parametrize(
    ("name", "given", "lacking", "found"),
    [
        ("qwen2-vl-7b", "", {"bitsandbytes"}, {"bitsandbytes", "GPU"}),
        ("qwen2-vl-7b", "quantization=none", set(), set()),
        ("qwen2-vl-7b", "device=cpu", set(), set()),
        ("qwen2-vl-7b", "quantization=none,device=cuda", set(), {"GPU"}),
        ("llava_hf", "", {"decord"}, {"decord"}),
        ("phi-3.5-4b", "", {"torch", "lmms_eval"}, {"torch", "lmms_eval"}),
    ],
)
def test_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, lacking: set[str], found: set[str]
) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    monkeypatch.setattr(machine, "has_package", lambda package: package not in lacking)
    monkeypatch.setattr(machine, "gpu_count", lambda: 0)
    model = spec.resolve_model(name, model_args=given)
    assert set(machine.missing(model.adapter, model.arguments)) == found


def test_the_table_of_models() -> None:
    shown = CliRunner().invoke(cli, ["models"])
    assert shown.exit_code == 0
    for name, (checkpoint, _) in PAPER.items():
        assert name in shown.stdout and checkpoint in shown.stdout
    one = CliRunner().invoke(cli, ["models", "phi-3.5-4b"])
    assert (
        "model_id_name=microsoft/Phi-3.5-vision-instruct,dtype=bfloat16,num_crops=16" in one.stdout
    )
    assert "--model phi3v --model_args model_id_name=" in one.stdout
    as_json = json.loads(CliRunner().invoke(cli, ["models", "--json"]).stdout)
    assert [entry["name"] for entry in as_json] == list(presets())
    unknown = CliRunner().invoke(cli, ["models", "phi-3"])
    assert "Did you mean 'phi-3.5-4b'?" in str(unknown.exception)
    today = CliRunner().invoke(cli, ["models", "gemma-4-e2b"])
    assert "could not be read" in today.stdout and "temperature=0.2" in today.stdout


def test_num_crops_is_set_on_the_loaded_processor() -> None:
    pytest.importorskip("torch", reason="the extra `eval` is not installed")
    from types import SimpleNamespace

    from itr_bench.models.loading import _set_on_processor

    processor = SimpleNamespace(image_processor=SimpleNamespace(num_crops=4))
    _set_on_processor(SimpleNamespace(_processor=processor), "num_crops", 16)
    assert processor.image_processor.num_crops == 16
    with pytest.raises(RunError, match="num_crops=16: the image processor of this checkpoint has"):
        _set_on_processor(SimpleNamespace(_processor=None), "num_crops", 16)


def test_a_likelihood_is_asked_once_and_of_itr_vlm_alone() -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    model = spec.resolve_model("llama-3.2-11b", gen_kwargs="max_new_tokens=8")
    planned = plan.plan_task(get_task("itr_demo_lv_likelihood"), model, PAPER_SEEDS, 2)
    assert planned.seeds == PAPER_SEEDS[:1]
    assert planned.total == 4
    assert planned.settings.generation == {"scoring": "likelihood", "until": []}
    assert planned.configuration["answer_format"] == "plain"
    with pytest.raises(RunError, match="qwen2_vl has not; take itr_demo_lv"):
        settings_of(get_task("itr_demo_lv_likelihood"), spec.resolve_model("qwen2_vl"))
