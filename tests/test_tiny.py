"""The tiny checkpoints: they load, are reproducible, encode any text, and look at their image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itr_bench.models.tiny import ARCHITECTURES, make_checkpoint, make_untrained
from itr_bench.tasks.definitions import define
from itr_bench.tasks.documents import last_prompt
from itr_bench.tasks.spec import get_task
from tests.conftest import needs

pytestmark = needs("torch", "transformers")


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global torch, transformers
    import torch
    import transformers


LATVIAN = "Šodien Rīgā spīd saule,  un kaķis 😺👩‍👧 guļ…\n\t“Jā!” čuksts: ž ’ n't <3"
ADDS = "Does the image add to the meaning?"
SIZES = [(30, 30), (640, 480), (900, 120), (100, 800)]

Loaded = tuple[Any, Any]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny")
    return {name: make_checkpoint(name, root / name) for name in ARCHITECTURES}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Loaded:
    folder = folders[request.param]
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    return transformers.AutoProcessor.from_pretrained(folder), model.eval()


def picture(size: tuple[int, int] = (64, 48), *, slope: int = 1) -> Any:
    from PIL import Image

    ramp = bytes((x * slope + 3 * y) % 256 for y in range(size[1]) for x in range(size[0]))
    return Image.frombytes("L", size, ramp).convert("RGB")


def inputs(loaded: Loaded, image: Any, text: str) -> Any:
    processor, _ = loaded
    parts = [{"type": "image"}, {"type": "text", "text": text}]
    messages = [{"role": "user", "content": parts}]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
    return processor(images=[image], text=[prompt], return_tensors="pt")


def logits(loaded: Loaded, image: Any, text: str) -> Any:
    with torch.inference_mode():
        return loaded[1](**inputs(loaded, image, text)).logits[0, -1]


def answer(loaded: Loaded, image: Any, text: str) -> str:
    processor, model = loaded
    given = inputs(loaded, image, text)
    with torch.inference_mode():
        tokens = model.generate(**given, max_new_tokens=8, do_sample=False)
    new = tokens[0, given["input_ids"].shape[1] :]
    return str(processor.tokenizer.decode(new, skip_special_tokens=True))


def test_unknown_architecture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="qwen2_vl") as caught:
        make_checkpoint("qwen2vl", tmp_path / "none")
    assert all(name in str(caught.value) for name in ARCHITECTURES)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_files_are_small_and_complete(architecture: str, folders: dict[str, Path]) -> None:
    files = {path.name: path.stat().st_size for path in folders[architecture].iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors"} <= files.keys()
    assert {"tokenizer.json", "chat_template.jinja"} <= files.keys()
    assert sum(files.values()) < 20e6


def test_loads_as_its_architecture(loaded: Loaded) -> None:
    processor, model = loaded
    assert model.config.model_type in ARCHITECTURES
    assert model.dtype == torch.float32
    assert processor.tokenizer.eos_token_id == model.generation_config.eos_token_id
    assert processor.tokenizer.pad_token_id == model.generation_config.pad_token_id


def test_tokenizer_keeps_any_text(loaded: Loaded) -> None:
    tokenizer = loaded[0].tokenizer
    assert len(tokenizer) < 1000
    assert tokenizer.padding_side == "left"
    ids = tokenizer(LATVIAN)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == LATVIAN


def test_template_keeps_the_order_of_the_parts(loaded: Loaded) -> None:
    processor, _ = loaded
    parts = [
        {"type": "text", "text": "before"},
        {"type": "image"},
        {"type": "text", "text": "after"},
    ]
    messages = [{"role": "user", "content": parts}]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
    assert prompt.count(processor.image_token) == 1
    assert prompt.index("before") < prompt.index(processor.image_token) < prompt.index("after")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_seed_sets_the_weights(architecture: str, folders: dict[str, Path], tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    make_checkpoint(architecture, tmp_path / "same")
    assert torch.equal(torch.random.get_rng_state(), state)
    make_checkpoint(architecture, tmp_path / "other", seed=1)
    first = (folders[architecture] / "model.safetensors").read_bytes()
    assert (tmp_path / "same" / "model.safetensors").read_bytes() == first
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != first


def test_image_and_text_change_the_logits(loaded: Loaded) -> None:
    first = logits(loaded, picture(), ADDS)
    assert (first - logits(loaded, picture(slope=7), ADDS)).abs().max() > 0.1
    assert (first - logits(loaded, picture(), "Is the text in it?")).abs().max() > 0.1
    assert torch.equal(first, logits(loaded, picture(), ADDS))


def test_answers_are_words_that_follow_from_the_input(loaded: Loaded) -> None:
    images = [picture(size, slope=slope) for slope, size in enumerate(SIZES)]
    answers = [answer(loaded, image, text) for image in images for text in (ADDS, "Kas te ir?")]
    assert all(text.strip() and "\N{REPLACEMENT CHARACTER}" not in text for text in answers)
    assert len(set(answers)) > 2


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrained(tmp_path_factory.mktemp("untrained"))


def test_an_untrained_model_sees_short_prompts_and_any_text(untrained: Path) -> None:
    model = transformers.AutoModelForImageTextToText.from_pretrained(untrained)
    processor = transformers.AutoProcessor.from_pretrained(untrained)
    assert sum(weight.numel() for weight in model.parameters()) < 200_000
    document = {"question": "adds", "language": "Latvian", "text": "Anna Rīgā: zila soma, zila!"}
    wording = define(get_task("itr_drawn_lv"), "itr_vlm").wording
    prompt = last_prompt({**document, "tweet_id": "1"}, wording)
    given = inputs((processor, model), picture(), prompt)
    assert given["pixel_values"].shape == (1, 3, 28, 28)
    assert given["input_ids"].shape[1] < 30
    assert processor.decode(given["input_ids"][0]).startswith("<|user|><image>")
    for text in (LATVIAN, prompt):
        ids = processor.tokenizer(text)["input_ids"]
        assert processor.tokenizer.decode(ids, skip_special_tokens=True) == text
    for answer_text in ("Yes", "No"):
        assert len(processor.tokenizer(answer_text)["input_ids"]) == 1
    first = logits((processor, model), picture(), prompt)
    assert not torch.equal(first, logits((processor, model), picture(slope=7), prompt))


def test_seed_sets_the_untrained_weights(untrained: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    make_untrained(tmp_path / "same")
    assert torch.equal(torch.random.get_rng_state(), state)
    make_untrained(tmp_path / "other", seed=1)
    for name, same in (("model.safetensors", False), ("tokenizer.json", True)):
        first = (untrained / name).read_bytes()
        assert (tmp_path / "same" / name).read_bytes() == first
        assert ((tmp_path / "other" / name).read_bytes() == first) is same
