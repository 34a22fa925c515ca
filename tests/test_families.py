"""Today's families: the way that each takes, and the tokens of one-by-one generation by it."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError
from tests.conftest import needs

pytestmark = needs("torch", "transformers")


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global transformers, engine, plain, Engine, Job, Kind, shortest_window, Vlm, load, render
    global Way, trials, make
    transformers = pytest.importorskip("transformers", minversion="5.24")

    from itr_bench.engine import engine, plain
    from itr_bench.engine.engine import Engine, Job, Kind
    from itr_bench.engine.layers import shortest_window
    from itr_bench.engine.loading import Vlm, load
    from itr_bench.engine.prompts import render
    from itr_bench.engine.rows import Way
    from itr_bench.engine.trials import trials
    from tests.families import make


SAMPLING = {"max_new_tokens": 6, "do_sample": True, "temperature": 1.0}
QUESTIONS = ("Kūka. Does the image add to it?", "Is the text in the image, or is it not?")
ATTENTION, CACHE = "shared attention", "copied cache"
WAYS: dict[str, str | None] = {
    "qwen3_vl": ATTENTION,
    "qwen3_5": ATTENTION,
    "gemma3": ATTENTION,
    "gemma4, E4B-like": ATTENTION,
    "internvl": ATTENTION,
    "mistral3, mistral4 text (MLA)": ATTENTION,
    "mistral_large4 (indexed)": ATTENTION,
    "cohere2_vision": ATTENTION,
    "glm4v": ATTENTION,
    "lfm2_vl": ATTENTION,
    "paligemma (looks ahead)": "shared attention, prompts read whole",
    "florence2 (encoder-decoder)": None,
    "blip-2 (needs pictures)": None,
}

Tokens = list[list[list[tuple[int, ...]]]]


def picture(number: int, size: tuple[int, int]) -> Image.Image:
    x, y = np.arange(size[0]), np.arange(size[1])[:, None]
    ramp = (x * (3 + number) + y * (5 + 7 * number)) % 256
    return Image.fromarray(ramp.astype(np.uint8)).convert("RGB")


def job(number: int = 0, texts: Sequence[str] = QUESTIONS, *, last: bool = False) -> Job:
    size = ((96, 60), (150, 200))[number]
    parts = [[{"type": "image"}, {"type": "text", "text": text}] for text in texts]
    chats = tuple([{"role": "user", "content": part[::-1] if last else part}] for part in parts)
    return Job((picture(number, size),), chats, ((1, 2, 3), (1, 4)))


def tokens(made: Engine, jobs: Sequence[Job], given: Mapping[str, Any] = SAMPLING) -> Tokens:
    return [[[g.ids for g in p] for p in j] for j in made.generate(jobs, given)]


def one_by_one(vlm: Vlm, jobs: Sequence[Job], given: Mapping[str, Any] = SAMPLING) -> Tokens:
    """The oracle: ``generate`` after ``torch.manual_seed``."""
    found: Tokens = []
    for of in jobs:
        found.append([])
        for prompt, seeds in zip(of.chats, of.seeds, strict=True):
            ready = plain.inputs(vlm.model, vlm.processor, of.images, prompt)
            found[-1].append([tuple(plain.generate(vlm.model, ready, given, s)) for s in seeds])
    return found


def own_engine(vlm: Vlm) -> Engine:
    return Engine(vlm, trials=partial(trials, vlm=vlm))


@pytest.mark.parametrize("name", WAYS)
def test_the_way_of_a_family_gives_its_own_tokens(name: str, tmp_path: Path) -> None:
    vlm = load(str(make(name, tmp_path)), device="cpu")
    made = own_engine(vlm)
    assert made.way(Kind()) == WAYS[name], made.reasons
    jobs = [job(), job(1, last=True)]
    found = tokens(made, jobs)
    assert found == one_by_one(vlm, jobs)
    # The scores are peaked, or the noise alone would decide; not so peaked that all is one.
    assert len({ids for of_job in found for prompt in of_job for ids in prompt}) >= 4
    shared = made.likelihoods(jobs[0])
    assert [pytest.approx(pair, rel=1e-3, abs=1e-9) for pair in shared] == Engine(
        vlm, shared=False
    ).likelihoods(jobs[0])
    assert shared[0] != shared[1]


def test_images_that_prompts_share_are_among_the_trials(tmp_path: Path) -> None:
    """Examples share none, so what looks ahead was found out by nobody."""
    vlm = load(str(make("paligemma (looks ahead)", tmp_path)), device="cpu")
    made, pictures = own_engine(vlm), (picture(0, (96, 60)), picture(1, (60, 96)))
    before = [{"type": "image"}, {"type": "text", "text": "Tēja?"}]
    answer = {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}
    chats = tuple(
        [
            {"role": "user", "content": before},
            answer,
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]},
        ]
        for text in QUESTIONS
    )
    jobs = [Job(pictures, chats, ((1, 2), (3,)))]
    assert tokens(made, jobs) == one_by_one(vlm, jobs)
    assert made.ways == {Kind(2): Way.ATTENTION_WHOLE}


# Windows


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Vlm]:
    """A model with a window of so many tokens, made once."""

    @functools.cache
    def made(window: int) -> Vlm:
        folder = make("gemma3", tmp_path_factory.mktemp("windowed"))
        config = transformers.AutoConfig.from_pretrained(folder)
        config.text_config.sliding_window = window
        config.save_pretrained(folder)
        return load(str(folder), device="cpu")

    return made


def _longer(more: int) -> Job:
    return job(texts=("," * more + QUESTIONS[0], "," * more + QUESTIONS[1]))


@pytest.fixture(scope="module")
def own_tokens(windowed: Callable[[int], Vlm]) -> Callable[[int, int], Tokens]:
    """What the model itself says to longer prompts, for all ways."""
    return functools.cache(lambda window, more: one_by_one(windowed(window), [_longer(more)]))


@pytest.mark.parametrize("way", [ATTENTION, CACHE])
@pytest.mark.parametrize("window", [16, 64, 256])
def test_windows_around_the_length_of_the_prompt(
    window: int,
    way: str,
    windowed: Callable[[int], Vlm],
    own_tokens: Callable[[int, int], Tokens],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vlm, chosen = windowed(window), Way(way)
    assert shortest_window(vlm.model) == window
    right = engine.why_not
    monkeypatch.setattr(
        engine,
        "why_not",
        lambda vlm, own, tried, **more: (
            "not this one"
            if tried.attention != chosen.attention
            else right(vlm, own, tried, **more)
        ),
    )
    made = own_engine(vlm)
    new = SAMPLING["max_new_tokens"]
    bare = max(_lengths(vlm, job()))
    for total in (window, window + 1, window + new, window + 40):
        # Prompt and answer make *total* tokens where the window holds a prompt at all.
        more = max(0, total - new - bare)
        of = _longer(more)
        assert tokens(made, [of]) == own_tokens(window, more), total
        longest = max(_lengths(vlm, of)) + new
        assert made.ways == {
            Kind(): way,
            **({Kind(long=True): way} if longest > window or len(made.ways) > 1 else {}),
        }
    assert Kind(long=True) in made.ways
    pairs = made.likelihoods(of)
    assert [pytest.approx(pair, rel=1e-3) for pair in pairs] == Engine(
        vlm, shared=False
    ).likelihoods(of)


def test_what_does_not_verify_beyond_its_window_goes_one_by_one(
    windowed: Callable[[int], Vlm], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short trials cannot see a window; the length of each tweet decides."""
    vlm = windowed(128)
    monkeypatch.setattr("itr_bench.engine.rows.windows", lambda model: {})  # not looked at
    monkeypatch.setattr("itr_bench.engine.rows.CopiedRows.score", lambda *_: 1 / 0)
    made = own_engine(vlm)
    short, long = job(texts=("Kūka?", "Tēja?")), job(texts=("," * 90 + "?", "," * 90 + "!"))
    assert tokens(made, [short, long]) == one_by_one(vlm, [short, long])
    assert made.ways == {Kind(): Way.ATTENTION, Kind(long=True): None}
    assert "scores differ" in made.reasons[Kind(long=True)][Way.ATTENTION]


def test_an_index_is_shared_as_long_as_it_chooses_all_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make("mistral_large4 (indexed)", tmp_path)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.text_config.index_topk = 160
    config.save_pretrained(folder)
    vlm = load(str(folder), device="cpu")
    made, new = own_engine(vlm), SAMPLING["max_new_tokens"]
    bare = max(_lengths(vlm, job()))
    within, beyond = (_longer(total - new - bare) for total in (160, 161))
    assert tokens(made, [within]) == one_by_one(vlm, [within])
    assert made.ways == {Kind(): Way.ATTENTION}
    # One token more, and by the rule alone it is not shared; nor would it be right.
    rule = "indexed attention is shared where it sees all tokens"
    tokens(made, [beyond])
    assert made.reasons[Kind(long=True)][Way.ATTENTION] == rule
    monkeypatch.setattr("itr_bench.engine.verification.beyond_own_attention", lambda model: None)
    other = own_engine(vlm)
    other.way(Kind(long=True))
    assert "scores differ" in other.reasons[Kind(long=True)][Way.ATTENTION]


def _lengths(vlm: Vlm, of: Job) -> list[int]:
    return [
        plain.inputs(vlm.model, vlm.processor, of.images, chat)["input_ids"].shape[1]
        for chat in of.chats
    ]


# Prompts of different length in one batch of copied caches


@pytest.mark.parametrize("name", ["lfm2_vl", "qwen3_5", "mistral_large4 (indexed)"])
def test_copies_of_a_cache_hold_prompts_of_any_length(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vlm = load(str(make(name, tmp_path)), device="cpu")
    right = engine.why_not
    monkeypatch.setattr(
        engine,
        "why_not",
        lambda v, own, tried, **more: (
            "not this one" if tried.attention else right(v, own, tried, **more)
        ),
    )
    made = own_engine(vlm)
    jobs = [job(texts=("?", "Kūka un tēja. " * 4)), job(1, texts=QUESTIONS)]
    expected = one_by_one(vlm, jobs)
    assert tokens(made, jobs) == expected
    assert made.ways == {Kind(): Way.CACHE}
    # Where they cannot be one batch, each prompt's rows are one of their own.
    monkeypatch.setattr("itr_bench.engine.layers._BY_TOKEN", {})
    assert tokens(made, jobs) == expected


# Checkpoints that lack something


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("internvl", tmp_path_factory.mktemp("internvl"))


def test_a_template_of_the_tokenizer_alone(folder: Path, tmp_path: Path) -> None:
    whole = load(str(folder), device="cpu")
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    template = (copy / "chat_template.jinja").read_text()
    (copy / "chat_template.jinja").unlink()
    bare = load(str(copy), device="cpu")
    with pytest.raises(ItrBenchError, match=r"no chat template: .*chat_template=FILE"):
        own_engine(bare).generate([job()], SAMPLING)
    words = transformers.AutoTokenizer.from_pretrained(copy)
    words.chat_template = template
    words.save_pretrained(copy, save_jinja_files=False)
    assert tokens(own_engine(load(str(copy), device="cpu")), [job()]) == tokens(
        own_engine(whole), [job()]
    )


def test_a_template_from_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "template.jinja"
    file.write_text("{{ messages[0]['content'][1]['text'] }}<IMG_CONTEXT>\n")
    vlm = load(str(folder), device="cpu", chat_template=str(file))
    ids = plain.inputs(vlm.model, vlm.processor, job().images, job().chats[0])["input_ids"][0]
    assert vlm.processor.tokenizer.decode(ids).startswith(f"{QUESTIONS[0]}<img>")
    with pytest.raises(ItrBenchError, match=r"chat_template=no.jinja: .*expected a file with a Ji"):
        load(str(folder), device="cpu", chat_template="no.jinja")
    file.write_text("{{ messages[0]['content'][7]['text'] }}")
    with pytest.raises(ItrBenchError, match="the chat template of the checkpoint fails: "):
        own_engine(load(str(folder), device="cpu", chat_template=str(file))).generate(
            [job()], SAMPLING
        )


def test_thinking_is_switched_where_the_template_has_a_switch(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ItrBenchError, match="thinking=False: the chat template of this checkpoint"):
        load(str(folder), device="cpu", thinking=False)
    file = tmp_path / "template.jinja"
    file.write_text(
        "<IMG_CONTEXT>{{ messages[0]['content'][1]['text'] }}"
        "{% if enable_thinking is defined and not enable_thinking %}quiet{% else %}loud{% endif %}"
    )
    for thinking, end in ((None, "loud"), (True, "loud"), (False, "quiet")):
        vlm = load(str(folder), device="cpu", chat_template=str(file), thinking=thinking)
        assert render(vlm.processor, job().chats[0]).endswith(end)


def test_a_template_from_a_file_is_among_the_conditions(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    from itr_bench.models.vlm import SharedImageVlm

    file = tmp_path / "template.jinja"
    found = []
    for end in ("A", "B"):
        file.write_text(f"{{{{ messages[0]['content'][1]['text'] }}}}<IMG_CONTEXT>{end}")
        made = SharedImageVlm(str(folder), device="cpu", chat_template=str(file), shared=False)
        found.append(made.conditions)
    assert found[0].keys() == {"way", "rows_in_flight", "chat_template"}
    assert found[0]["chat_template"] != found[1]["chat_template"]


def test_a_processor_that_needs_a_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")

    monkeypatch.setattr("itr_bench.engine.loading.AutoProcessor.from_pretrained", fail)
    with pytest.raises(ItrBenchError, match=r"needs the package nowhere, .*\nInstall it: pip"):
        load(str(folder), device="cpu")


def test_a_model_that_cannot_generate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vlm = load(str(folder), device="cpu")

    def fail(*_: Any, **__: Any) -> Any:
        raise AttributeError("no attribute 'image_outputs'\nand more")

    monkeypatch.setattr(vlm.model.get_decoder(), "forward", fail)
    for made in (own_engine(vlm), Engine(vlm, shared=False)):
        with pytest.raises(ItrBenchError) as caught:
            made.generate([job()], SAMPLING)
        assert "InternVLForConditionalGeneration cannot generate with transformers" in str(
            caught.value
        )
        assert "image_outputs" in str(caught.value) and "and more" not in str(caught.value)


# The command


def test_models_check_says_which_way_and_why(folder: Path, tmp_path: Path) -> None:
    found = CliRunner().invoke(
        cli, ["models", "--check", str(folder), "--model_args", "device=cpu"]
    )
    assert found.exit_code == 0, found.output
    assert "InternVLForConditionalGeneration, transformers 5" in found.output
    assert "shared attention" in found.output and "why not" not in found.output
    slow = make("florence2 (encoder-decoder)", tmp_path / "slow")
    found = CliRunner().invoke(cli, ["models", "--check", str(slow)])
    assert "one by one" in found.output and "it is an encoder-decoder" in found.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check"], "--check needs a preset, a name on the Hub or a folder"),
        (["--check", "phi-3.5-4b"], "lmms-eval's adapter phi3v, which generates one by one"),
        (["--check", "x", "--model_args", "dtpe=auto"], "'dtpe'. Did you mean 'dtype'?"),
        (["x", "--model_args", "device=cpu"], "--model_args goes with --check"),
    ],
)
def test_checks_that_are_refused(arguments: list[str], message: str) -> None:
    found = CliRunner().invoke(cli, ["models", *arguments])
    assert found.exit_code != 0
    assert message in f"{found.output}{found.exception}"
