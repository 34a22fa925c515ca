"""The shared-image engine: the tokens of one-by-one generation, with less work."""

from __future__ import annotations

import copy
import json
import random
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from itr_bench.answers import read_answer
from itr_bench.errors import ItrBenchError
from itr_bench.models.tiny import ARCHITECTURES, make_checkpoint
from itr_bench.relation import Answer
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks.documents import user_turn
from tests.conftest import needs

pytestmark = needs("torch", "lmms_eval")


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global logger, torch, transformers, Instance, attention, engine, loading, plain, products, stems
    global verification, Engine, Job, Kind, Vlm, load, Way, Noise, choose, SharedImageVlm
    global seed_everywhere
    import torch
    import transformers
    from lmms_eval.api.instance import Instance
    from loguru import logger

    from itr_bench.engine import attention, engine, loading, plain, products, stems, verification
    from itr_bench.engine.device import seed_everywhere
    from itr_bench.engine.engine import Engine, Job, Kind
    from itr_bench.engine.loading import Vlm, load
    from itr_bench.engine.rows import Way
    from itr_bench.engine.sampling import Noise, choose
    from itr_bench.models.vlm import SharedImageVlm


SIZES = {
    "square": (96, 96),
    "wide": (300, 60),
    "tall": (60, 300),
    "tiny": (13, 17),
    "large": (640, 480),
}
ADDS, REPRESENTED = "Does the image add to the meaning?", "Is the text in the image?"
LONG = "Kūka, tēja un “pīrāgi” 😺 pie loga. " * 12
IMAGE_FIRST, TEXT_FIRST = ("image", "text"), ("text", "image")
GREEDY = {"max_new_tokens": 8, "do_sample": False}
SAMPLING = {"max_new_tokens": 8, "do_sample": True, "temperature": 1.0}
HOT = {**SAMPLING, "temperature": 1.5}
SPECIAL = {"qwen2_vl": "<|image_pad|>", "llava_next": "<image>", "mllama": "<|image|>"}

Tokens = list[list[list[tuple[int, ...]]]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny")
    return {name: make_checkpoint(name, root / name, seed=2) for name in ARCHITECTURES}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, Vlm]:
    return {name: load(str(folder), device="cpu") for name, folder in folders.items()}


@pytest.fixture(params=ARCHITECTURES)
def vlm(request: pytest.FixtureRequest, loaded: dict[str, Vlm]) -> Vlm:
    return loaded[request.param]


@pytest.fixture(scope="module")
def engines(loaded: dict[str, Vlm]) -> dict[int, Engine]:
    """An engine for each model, for tests of the same jobs: they are verified once."""
    return {id(vlm): Engine(vlm) for vlm in loaded.values()}


@pytest.fixture(scope="module")
def right(loaded: dict[str, Vlm]) -> dict[int, tuple[Tokens, Any]]:
    """What each model itself answers to the usual job, and how likely."""
    return {
        id(vlm): (one_by_one(vlm, [job()], HOT), Engine(vlm).likelihoods(job()))
        for vlm in loaded.values()
    }


@pytest.fixture
def qwen(loaded: dict[str, Vlm]) -> Vlm:
    return loaded["qwen2_vl"]


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the engine logs."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)


def picture(number: int = 0, size: tuple[int, int] = (96, 60)) -> Image.Image:
    """A picture with its own colours and slopes, the same on every machine."""
    x, y = np.arange(size[0]), np.arange(size[1])[:, None]
    ramp = (x * (3 + number) + y * (5 + 7 * number) + 40 * number) % 256
    return Image.fromarray(ramp.astype(np.uint8)).convert("RGB")


def chat(text: str, order: Sequence[str] = IMAGE_FIRST) -> list[dict[str, Any]]:
    parts = {"image": {"type": "image"}, "text": {"type": "text", "text": text}}
    return [{"role": "user", "content": [parts[part] for part in order]}]


def job(
    image: Image.Image | None = None,
    texts: Sequence[str] = (ADDS, REPRESENTED),
    seeds: Sequence[Sequence[int]] = ((1, 2, 3), (4, 1)),
    order: Sequence[str] = IMAGE_FIRST,
    name: str = "",
) -> Job:
    return Job(
        (image or picture(),),
        tuple(chat(text, order) for text in texts),
        tuple(tuple(of_prompt) for of_prompt in seeds),
        name,
    )


def shared(
    made: Engine, jobs: Sequence[Job], given: Mapping[str, Any], way: str = "shared attention"
) -> Tokens:
    found = [[[g.ids for g in p] for p in j] for j in made.generate(jobs, given)]
    assert set(made.ways.values()) <= {Way(way)}, made.reasons
    return found


def one_by_one(vlm: Vlm, jobs: Sequence[Job], given: Mapping[str, Any]) -> Tokens:
    """The oracle: ``generate`` after ``torch.manual_seed``, for each seed by itself."""
    found: Tokens = []
    for of in jobs:
        found.append([])
        for prompt, seeds in zip(of.chats, of.seeds, strict=True):
            ready = plain.inputs(vlm.model, vlm.processor, of.images, prompt)
            answers = [tuple(plain.generate(vlm.model, ready, given, seed)) for seed in seeds]
            found[-1].append(answers)
    return found


def rows(tokens: Tokens) -> list[tuple[int, ...]]:
    return [row for of_job in tokens for of_prompt in of_job for row in of_prompt]


def skip_what_transformers_cannot(vlm: Vlm, given: Mapping[str, Any]) -> None:
    """Before version 5, what looks at the prompt's tokens fails over Mllama's image token."""
    if (
        transformers.__version__.startswith("4.")
        and vlm.model.config.model_type == "mllama"
        and given.keys() & {"repetition_penalty", "no_repeat_ngram_size"}
    ):
        pytest.skip("generate() itself fails")


# Exactness


@pytest.mark.parametrize(
    ("given", "least"),  # how many of the 7 rows differ at least: greedy ones only by prompt
    [
        (GREEDY, 3),
        ({**SAMPLING, "temperature": 0.2}, 3),
        (SAMPLING, 4),
        (HOT, 4),
        ({**HOT, "top_k": 0}, 5),
        ({**HOT, "top_k": 3}, 4),
        ({**HOT, "top_p": 0.7}, 4),
        ({**HOT, "min_p": 0.1}, 4),
        ({**HOT, "typical_p": 0.8}, 4),
        ({**HOT, "repetition_penalty": 1.4}, 4),
        ({**GREEDY, "repetition_penalty": 1.4}, 3),
        ({**HOT, "min_new_tokens": 6}, 4),
        ({**HOT, "max_new_tokens": 1}, 2),
        ({**GREEDY, "max_new_tokens": 1}, 1),
    ],
)
def test_tokens_are_those_of_one_by_one_generation(
    vlm: Vlm, engines: dict[int, Engine], given: dict[str, Any], least: int
) -> None:
    skip_what_transformers_cannot(vlm, given)
    jobs = [
        job(seeds=((1, 2, 1), (7,))),  # a seed twice, and another for the other prompt
        job(picture(1, (60, 90)), texts=(f"Cake. {ADDS}", "Cake?"), seeds=((3,), (1, 5))),
    ]
    found = shared(engines[id(vlm)], jobs, given)
    assert found == one_by_one(vlm, jobs, given)
    assert found[0][0][0] == found[0][0][2]
    assert len(set(rows(found))) >= least


@pytest.mark.parametrize("order", [IMAGE_FIRST, TEXT_FIRST])
def test_images_of_all_shapes_interleaved_in_one_wave(vlm: Vlm, order: tuple[str, ...]) -> None:
    jobs = [
        job(picture(n, size), seeds=((1, 2), (3,)), order=order)
        for n, size in enumerate(SIZES.values())
    ]
    made = Engine(vlm)
    found = shared(made, jobs, SAMPLING)
    assert found == one_by_one(vlm, jobs, SAMPLING)
    # The texts and seeds are the same: what differs comes from the images.
    assert len({tuple(map(tuple, of_job)) for of_job in found}) == len(SIZES)
    assert shared(made, jobs[1:2], SAMPLING) == found[1:2]


@pytest.mark.parametrize(
    ("order", "texts", "seeds"),
    [
        (IMAGE_FIRST, (ADDS,), ((1, 2, 3),)),
        (TEXT_FIRST, (ADDS,), ((1, 2, 3),)),
        (IMAGE_FIRST, (ADDS, "Is it?", REPRESENTED), ((1, 2), (3,), (2, 1))),
        (IMAGE_FIRST, (LONG + ADDS, "?"), ((1, 2), (1, 2))),
        (TEXT_FIRST, ("?", LONG + ADDS), ((1, 2), (1, 2))),
        (IMAGE_FIRST, (ADDS, ADDS + LONG), ((1, 2), (1, 2))),  # one begins with the other
        (TEXT_FIRST, (ADDS, ADDS), ((1, 2), (2, 1))),
        (IMAGE_FIRST, ("", REPRESENTED), ((1,), ())),  # nothing is asked of the second
    ],
)
def test_any_number_and_length_of_prompts(
    vlm: Vlm, order: tuple[str, ...], texts: tuple[str, ...], seeds: tuple[tuple[int, ...], ...]
) -> None:
    jobs = [job(texts=texts, seeds=seeds, order=order)]
    found = shared(Engine(vlm), jobs, HOT)
    assert found == one_by_one(vlm, jobs, HOT)
    if texts == (ADDS, ADDS):
        assert found[0][0] == found[0][1][::-1]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(draw=st.data())
def test_random_mixes(loaded: dict[str, Vlm], architecture: str, draw: st.DataObject) -> None:
    vlm = loaded[architecture]
    text = st.text(alphabet="aābč ?!\n😺“", max_size=12)
    seeds = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3)
    jobs = []
    for number in range(draw.draw(st.integers(1, 2))):
        prompts = draw.draw(st.integers(1, 3))
        jobs.append(
            job(
                picture(number, draw.draw(st.sampled_from(list(SIZES.values())))),
                texts=[draw.draw(text) for _ in range(prompts)],
                seeds=[draw.draw(seeds) for _ in range(prompts)],
                order=draw.draw(st.sampled_from([IMAGE_FIRST, TEXT_FIRST])),
            )
        )
    given = {
        **draw.draw(st.sampled_from([GREEDY, SAMPLING, HOT])),
        "max_new_tokens": draw.draw(st.integers(1, 6)),
    }
    made = Engine(vlm, rows_in_flight=draw.draw(st.integers(1, 9)))
    assert shared(made, jobs, given) == one_by_one(vlm, jobs, given)


@pytest.mark.parametrize("rows_in_flight", [1, 3, 7])
def test_the_number_of_rows_in_flight_changes_nothing(vlm: Vlm, rows_in_flight: int) -> None:
    jobs = [job(picture(n), seeds=((1, 2, 3, 4), (5, 6))) for n in range(2)]
    expected = shared(Engine(vlm, rows_in_flight=64), jobs, HOT)
    made = Engine(vlm, rows_in_flight=rows_in_flight)
    assert shared(made, jobs[::-1], HOT) == expected[::-1]
    made._noise = Noise(keep_bytes=0)
    assert shared(made, jobs, HOT) == expected
    assert len(set(rows(expected))) >= 6


def test_rows_end_at_the_first_token_and_at_different_steps(
    vlm: Vlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [job(seeds=[range(8)] * 2)]
    given = {**HOT, "temperature": 3.0, "top_k": 0}
    made = Engine(vlm)
    before = rows(shared(made, jobs, given))
    ends = [before[0][0], before[5][2], before[9][4]]
    monkeypatch.setattr(vlm.model.generation_config, "eos_token_id", ends)
    found = shared(made, jobs, given)
    assert found == one_by_one(vlm, jobs, given)
    assert rows(found)[0] == (ends[0],)
    assert len({len(row) for row in rows(found)}) >= 3
    # All at once: nothing is left to decode.
    monkeypatch.setattr(vlm.model.generation_config, "eos_token_id", list({r[0] for r in before}))
    found = shared(made, jobs, given)
    assert [len(row) for row in rows(found)] == [1] * 16
    assert found == one_by_one(vlm, jobs, given)


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ({"top_k": 1}, HOT),
        ({"repetition_penalty": 1.8}, GREEDY),
        ({"do_sample": True, "temperature": 1.5}, {"max_new_tokens": 8}),
        ({"suppress_tokens": list(range(320, 380))}, GREEDY),
        ({"no_repeat_ngram_size": 1}, HOT),
    ],
)
def test_the_checkpoints_own_settings_hold_where_none_are_given(
    vlm: Vlm, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any], given: dict[str, Any]
) -> None:
    skip_what_transformers_cannot(vlm, own)
    jobs = [job(seeds=((1, 2), (4,)))]
    made = Engine(vlm)
    without = shared(made, jobs, given)
    for name, value in own.items():
        monkeypatch.setattr(vlm.model.generation_config, name, value)
    found = shared(made, jobs, given)
    assert found == one_by_one(vlm, jobs, given)
    assert found != without
    if "do_sample" in own:
        plainly = Engine(vlm, shared=False).generate(jobs, given)
        assert [[[g.ids for g in p] for p in j] for j in plainly] == found
    if own == {"top_k": 1}:
        assert len(set(found[0][0])) == 1


def test_texts_are_the_tokens_without_the_special_ones(vlm: Vlm) -> None:
    (((first, *_), _),) = Engine(vlm).generate([job()], {**HOT, "max_new_tokens": 40})
    tokenizer = vlm.processor.tokenizer
    assert first.ids[-1] == tokenizer.eos_token_id  # at 40 tokens, or the test says nothing
    words = [token for token in first.ids if token not in tokenizer.all_special_ids]
    assert first.text == tokenizer.decode(words)


def test_no_jobs_no_answers(qwen: Vlm) -> None:
    assert Engine(qwen).generate([], GREEDY) == []


def test_the_random_stream_of_others_stays_as_it_is(qwen: Vlm) -> None:
    for way in (True, False):
        torch.manual_seed(3)
        before = torch.random.get_rng_state()
        Engine(qwen, shared=way).generate([job()], HOT)
        assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_seed_is_that_of_torch(monkeypatch: pytest.MonkeyPatch, elsewhere: bool) -> None:
    """Also of devices other than the CPU, where there are some."""
    seeded: list[int] = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: elsewhere)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        expected = torch.rand(3)
        seeded.clear()
        seed_everywhere(7)
        assert torch.equal(torch.rand(3), expected)
    assert seeded == [7] * elsewhere


# Work that is done once


class _Counter:
    """Counts the images encoded and, by forward pass, rows and tokens through the decoder."""

    def __init__(self, vlm: Vlm) -> None:
        base = vlm.model.base_model
        tower = next(getattr(base, n) for n in stems._VISION if hasattr(base, n))
        inside = next(m for name, m in tower.named_modules() if "patch_embed" in name)
        self.encoded = 0
        self.passes: list[tuple[int, ...]] = []
        self._hooks = [
            inside.register_forward_hook(self._encode),
            vlm.model.get_decoder()
            .layers[0]
            .register_forward_pre_hook(self._read, with_kwargs=True),
        ]

    def _encode(self, *_: Any) -> None:
        self.encoded += 1

    def _read(self, _: Any, args: Any, kwargs: Any) -> None:
        states = args[0] if args else kwargs["hidden_states"]
        self.passes.append(tuple(states.shape[:2]))

    def __enter__(self) -> _Counter:
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()


@pytest.mark.parametrize("order", [IMAGE_FIRST, TEXT_FIRST])
def test_an_image_is_encoded_once_and_a_prompt_read_once(vlm: Vlm, order: tuple[str, ...]) -> None:
    made = Engine(vlm)
    jobs = [job(picture(n), seeds=[range(10)] * 2, order=order) for n in range(2)]
    made.generate(jobs[:1], GREEDY)  # verifies
    with _Counter(vlm) as count:
        found = made.generate(jobs, {**GREEDY, "min_new_tokens": 8})
    assert count.encoded == 2
    lengths = [len(prompt) for prompt in prompt_tokens(vlm, jobs[0])]
    if order == IMAGE_FIRST:
        beginning = common(prompt_tokens(vlm, jobs[0]))
        assert beginning >= 9
        reading = [(1, beginning), (2, max(lengths) - beginning)]
    else:
        reading = [(1, length) for length in lengths]
    # Greedy: the ten rows of a prompt never part, so each step has one row a prompt.
    assert count.passes == [*reading, *reading, *[(4, 1)] * 7]
    assert len({g.ids for of_job in found for p in of_job for g in p}) > 1


def test_rows_with_equal_histories_are_computed_once(vlm: Vlm) -> None:
    made = Engine(vlm)
    jobs = [job(seeds=[range(10), range(5, 20)])]
    given = {**HOT, "top_k": 4}
    found = shared(made, jobs, given)
    with _Counter(vlm) as count:
        made.generate(jobs, given)
    grown = [(prompt, ids) for prompt in (0, 1) for ids in found[0][prompt]]
    distinct = [
        len({(prompt, ids[:step]) for prompt, ids in grown if len(ids) > step})
        for step in range(1, 8)
    ]
    assert [n for n, tokens in count.passes[2:] if tokens == 1] == [n for n in distinct if n]
    assert 2 <= distinct[0] < max(distinct) <= 25


def prompt_tokens(vlm: Vlm, of: Job) -> list[list[int]]:
    return [
        plain.inputs(vlm.model, vlm.processor, of.images, c)["input_ids"][0].tolist()
        for c in of.chats
    ]


def common(prompts: Sequence[Sequence[int]]) -> int:
    return next(i for i, tokens in enumerate(zip(*prompts, strict=False)) if len(set(tokens)) > 1)


# Verification


def _wrong_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_attention(lambda right, *args, **kwargs: (right(*args, **kwargs)[0] * 1.01, None))


def _failing_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise IndexError("no such head\nand more")

    replace_attention(fail)


def replace_attention(wrong: Callable[..., Any]) -> None:
    transformers.AttentionInterface.register(
        attention.IMPLEMENTATION, lambda *a, **k: wrong(attention._attend, *a, **k)
    )


def _wrong_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    right = stems._next_position
    monkeypatch.setattr(stems, "_next_position", lambda *args: right(*args) + 1)


def _wrong_while_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right as long as only one token of a row's own is there."""

    def wrong(right: Any, module: Any, query: Any, key: Any, value: Any, *args: Any, **k: Any):  # type: ignore[no-untyped-def]
        if query.shape[2] == 1 and key.shape[2] > 1:
            value = value.flip(2)
        return right(module, query, key, value, *args, **k)

    replace_attention(wrong)


def _nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No way of sharing can read a prompt."""

    def fail(*_: Any) -> Any:
        raise IndexError("no such layer\nand more")

    monkeypatch.setattr(stems, "_forward", fail)


@pytest.mark.parametrize(
    ("damage", "way", "reason"),
    [
        (_wrong_attention, "copied cache", "scores differ by"),
        (_wrong_while_decoding, "copied cache", "at token"),
        (_failing_attention, "copied cache", "IndexError: no such head"),
        (_wrong_positions, None, "scores differ by"),
        (_nothing, None, "IndexError: no such layer"),
    ],
)
def test_what_does_not_verify_takes_another_way(
    vlm: Vlm,
    right: dict[int, tuple[Tokens, Any]],
    monkeypatch: pytest.MonkeyPatch,
    said: list[str],
    damage: Callable[[pytest.MonkeyPatch], None],
    way: str | None,
    reason: str,
) -> None:
    if vlm.model.config.model_type == "mllama":
        way = None  # copies of its cache would need the mask of the image
    jobs = [job()]
    expected, likelihoods = right[id(vlm)]
    made = Engine(vlm)
    try:
        damage(monkeypatch)
        found = made.generate(jobs, HOT)
        again = made.generate(jobs, HOT)
    finally:
        transformers.AttentionInterface.register(attention.IMPLEMENTATION, attention._attend)
    assert [[[g.ids for g in p] for p in j] for j in found] == expected
    assert again == found
    assert made.ways == {Kind(): way and Way(way)}
    reasons = made.reasons[Kind()]
    assert reason in reasons[Way.ATTENTION] and "and more" not in reasons[Way.ATTENTION]
    assert [pytest.approx(pair, rel=1e-4) for pair in likelihoods] == made.likelihoods(jobs[0])
    if way is None:
        (line,) = said  # once, not at each tweet
        assert "is generated one by one, which takes longer: " in line
        assert reason in line and type(vlm.model).__name__ in line
    else:
        assert not said


def test_a_model_that_repeats_itself_hides_no_fault(
    loaded: dict[str, Vlm], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tied embeddings, scaled up: the last token's own score is the whole spread."""
    vlm = Vlm(copy.deepcopy(loaded["llava_next"].model), loaded["llava_next"].processor)
    embeddings = vlm.model.get_input_embeddings().weight
    head = vlm.model.get_output_embeddings().weight
    head.data = embeddings.data[: len(head)].clone() * 3
    embeddings.data *= 300
    right = Engine(vlm)
    shared(right, [job()], GREEDY)
    made = Engine(vlm)
    try:
        replace_attention(lambda right, *args, **kwargs: (right(*args, **kwargs)[0] * 1.05, None))
        made.way(Kind(), job())
    finally:
        transformers.AttentionInterface.register(attention.IMPLEMENTATION, attention._attend)
    assert made.ways[Kind()] is not Way.ATTENTION
    # Of the spread alone, the fault would pass for rounding.
    (found,) = re.findall(r"scores differ by (\S+) of", made.reasons[Kind()][Way.ATTENTION])
    assert float(found) < verification._TOLERANCE[torch.float32]


@pytest.mark.parametrize("order", [IMAGE_FIRST, TEXT_FIRST])
@pytest.mark.parametrize("given", [GREEDY, HOT])
def test_qwen2_5_vl(loaded: dict[str, Vlm], given: dict[str, Any], order: tuple[str, ...]) -> None:
    """Of the family of Qwen2-VL, with a vision encoder of its own that looks through windows."""
    config = loaded["qwen2_vl"].model.config
    text = config.text_config.to_dict()
    text.pop("model_type", None)
    special = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    sizes = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4}
    model = transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(
            text_config=text,
            vision_config={
                **sizes,
                "out_hidden_size": config.text_config.hidden_size,
                "window_size": 56,
                "fullatt_block_indexes": [1],
            },
            **{name: getattr(config, name) for name in special},
        )
    ).eval()
    generator = torch.Generator().manual_seed(2)
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data.normal_(std=2 * weight[0].numel() ** -0.5, generator=generator)
    vlm = Vlm(model, loaded["qwen2_vl"].processor)
    jobs = [job(picture(n, size), order=order) for n, size in enumerate(SIZES.values())]
    found = shared(Engine(vlm), jobs, given)
    assert found == one_by_one(vlm, jobs, given)
    assert len(set(rows(found))) > len(SIZES)


def test_beams_are_not_shared(qwen: Vlm, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setattr(qwen.model.generation_config, "num_beams", 2)
    made = Engine(qwen)
    found = made.generate([job()], GREEDY)
    expected = one_by_one(qwen, [job()], GREEDY)
    assert [[[g.ids for g in p] for p in j] for j in found] == expected
    assert made.ways == {Kind(): None} and "beams" in said[0]


def test_half_precision_verifies_and_nearly_agrees(vlm: Vlm, said: list[str]) -> None:
    half = Vlm(copy.deepcopy(vlm.model).to(torch.bfloat16), vlm.processor)
    jobs = [job(picture(n), seeds=((1, 2, 3), (1, 2, 3))) for n in range(2)]
    found = rows(shared(Engine(half), jobs, SAMPLING))
    expected = rows(one_by_one(half, jobs, SAMPLING))
    assert not said
    # An answer differs where rounding tips a close choice; docs/performance.md has the rate.
    assert sum(a[0] != b[0] for a, b in zip(found, expected, strict=True)) <= len(found) / 3
    assert len(set(found)) > 3


@pytest.fixture(scope="module")
def four_bits() -> Iterator[None]:
    pytest.importorskip("bitsandbytes", reason="the extra `4bit` is not installed")
    yield
    # What a process has imported stands among its libraries; the runs of other tests have not.
    sys.modules.pop("bitsandbytes", None)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_four_bits_on_a_cpu(four_bits: None, folders: dict[str, Path], architecture: str) -> None:
    folder = str(folders[architecture])
    vlm = load(folder, device="cpu", dtype="float32", quantization="4bit")
    kinds = {type(module).__name__ for module in vlm.model.get_decoder().modules()}
    assert "Linear4bit" in kinds
    jobs = [job(picture(n)) for n in range(2)]
    found = rows(shared(Engine(vlm), jobs, SAMPLING))
    expected = rows(one_by_one(vlm, jobs, SAMPLING))
    # As in half precision: the kernels for one token and for many round in different ways.
    assert sum(a[0] != b[0] for a, b in zip(found, expected, strict=True)) <= len(found) / 3
    whole = load(folder, device="cpu", dtype="float32")
    assert expected != rows(one_by_one(whole, jobs, SAMPLING))  # 4 bits say something else


# Memory


def test_out_of_memory_halves_the_rows_and_goes_on(
    vlm: Vlm, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    jobs = [job(picture(n), seeds=((1, 2), (3, 4))) for n in range(3)]
    expected = shared(Engine(vlm), jobs, HOT)
    decode = engine.decode

    def small(model: Any, read: Any, ruled: Any, rows: Any, noise: Any) -> Any:
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB\nand so on")
        return decode(model, read, ruled, rows, noise)

    monkeypatch.setattr(engine, "decode", small)
    made = Engine(vlm, rows_in_flight=16)
    assert shared(made, jobs, HOT) == expected
    assert made.rows_in_flight == 2
    assert [line.split("rows_in_flight=")[1].strip() for line in said] == ["8", "4", "2"]


@pytest.mark.parametrize("way", ["shared", "verifying", "one by one", "likelihood"])
def test_memory_for_not_even_one(
    loaded: dict[str, Vlm], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    vlm = loaded["mllama"]
    made = Engine(vlm, shared=way != "one by one")
    if way in ("shared", "likelihood"):
        made.generate([job()], GREEDY)

    def nothing(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB\nand so on")

    monkeypatch.setattr(vlm.model.get_decoder(), "forward", nothing)
    with pytest.raises(ItrBenchError, match="memory does not suffice for a single gen") as caught:
        made.likelihoods(job()) if way == "likelihood" else made.generate([job()], GREEDY)
    assert "1 GiB" in str(caught.value) and "and so on" not in str(caught.value)
    assert "4bit" in str(caught.value)


# Sampling


@pytest.mark.parametrize("vocabulary", [11, 900, 32_000])
@pytest.mark.parametrize("kept", [0, 2, 3, 1000])  # draws
def test_draws_are_those_of_multinomial(vocabulary: int, kept: int) -> None:
    steps, seeds = 5, (3, 0, 2**32 - 1)
    scores = [
        torch.randn(2, vocabulary, generator=torch.Generator().manual_seed(step))
        for step in range(steps)
    ]
    for of_step in scores:
        of_step[:, ::3] = -torch.inf  # as top_k leaves them
    expected = {}
    for history in (0, 1):
        for seed in seeds:
            torch.manual_seed(seed)
            expected[history, seed] = [
                int(torch.multinomial(torch.softmax(of_step[history], dim=-1), 1))
                for of_step in scores
            ]
    noise = Noise(keep_bytes=kept * 4 * vocabulary)
    asked = [(history, seed) for history in (0, 1) for seed in (*seeds, seeds[0])]
    order = random.Random(7)
    for last in (steps, 2, steps):  # generations begin anew, and may end early
        order.shuffle(asked)
        histories = torch.tensor([history for history, _ in asked])
        for step in range(last):
            found = choose(scores[step], histories, [seed for _, seed in asked], step, noise)
            assert found == [expected[row][step] for row in asked]
    jumps = [choose(scores[s], torch.tensor([1]), [3], s, noise) for s in (4, 4, 1, 3, 0)]
    assert jumps == [[expected[1, 3][s]] for s in (4, 4, 1, 3, 0)]
    if vocabulary > 11:
        assert len({tuple(tokens) for tokens in expected.values()}) == len(expected)


def test_kept_draws_stay_within_their_bytes() -> None:
    noise = Noise(keep_bytes=4 * 100 * 5)
    for seed in range(3):
        for step in range(4):
            noise.draw(seed, step, 100, torch.device("cpu"))
    assert sum(len(stream.kept) for stream in noise._streams.values()) == 5


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "bf16"}, "unknown dtype 'bf16'. Did you mean 'bfloat16'?"),
        ({"quantization": "8bit"}, "unknown quantization '8bit'. Did you mean '4bit'?"),
        ({"quantization": "4bit"}, "quantization=4bit needs the package bitsandbytes"),
        ({"device": "gpu"}, "device 'gpu', expected auto, cpu, cuda or cuda:N"),
        ({"device": "meta"}, "device 'meta', expected auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:7"}, "device 'cuda:7': this machine has 0 CUDA devices"),
        ({"max_pixels": "many"}, "max_pixels is 'many', expected a number of pixels"),
        ({"min_pixels": 0}, "min_pixels is 0, expected a number of pixels"),
    ],
)
def test_options_that_cannot_be(
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(loading, "has_package", lambda name: False)
    with pytest.raises(ItrBenchError) as caught:
        load(str(folders["qwen2_vl"]), **{"device": "cpu", **options})
    assert message in str(caught.value)


_PICTURES = "*processor*.json"  # the names differ between versions of transformers
_WORDS = ("tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json")


def _without(*patterns: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        gone = {path for pattern in patterns for path in folder.glob(pattern)}
        assert gone
        for path in gone:
            path.unlink()

    return damage


def _text_model(folder: Path) -> None:
    """A text model: its configuration, and no preprocessor."""
    _without(_PICTURES, "model.safetensors")(folder)
    config = transformers.LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def _edited(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **values}))

    return damage


def _torn(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "cannot load the configuration of"),
        (_without("config.json"), "cannot load the configuration of"),
        (_torn("config.json"), "cannot load the configuration of"),
        (_edited(model_type="unheard_of"), "cannot load the configuration of"),
        (
            _edited(model_type="mine", auto_map={"AutoConfig": "mine.Config"}),
            "needs code that comes with the checkpoint",
        ),
        (_without(_PICTURES), "cannot load the processor of"),
        (_without(*_WORDS), "cannot load the processor of"),
        (_text_model, "cannot load the processor of"),
        (_without("model.safetensors"), "as a model that takes image and text"),
        (_torn("model.safetensors"), "as a model that takes image and text"),
    ],
)
def test_folders_that_are_no_checkpoint(
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    message: str,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder = Path(shutil.copytree(folders["qwen2_vl"], tmp_path / "checkpoint"))
    damage(folder)
    with pytest.raises(ItrBenchError) as caught:
        load(str(folder), device="cpu")
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("way", [True, False])
def test_a_processor_without_images(
    qwen: Vlm, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, way: bool
) -> None:
    class Tokenizer:
        @staticmethod
        def from_pretrained(*_: object, **__: object) -> Any:
            return qwen.processor.tokenizer if way else None

    monkeypatch.setattr(loading, "AutoProcessor", Tokenizer)
    with pytest.raises(ItrBenchError, match="has no image processor"):
        load(str(folders["qwen2_vl"]), device="cpu")


def test_limits_of_pixels_reach_the_processor(folders: dict[str, Path]) -> None:
    lengths = []
    for pixels in (4, 16, 64):
        vlm = load(str(folders["qwen2_vl"]), device="cpu", max_pixels=pixels * 28 * 28)
        lengths.append(len(prompt_tokens(vlm, job(picture(0, SIZES["large"])))[0]))
    assert lengths[0] + 8 <= lengths[1] <= lengths[2] - 20


@pytest.mark.parametrize("architecture", ["llava_next", "mllama"])
def test_limits_of_pixels_that_would_be_ignored(
    folders: dict[str, Path], architecture: str
) -> None:
    with pytest.raises(ItrBenchError, match=r"max_pixels: \w+ does not resize to a number of pix"):
        load(str(folders[architecture]), device="cpu", max_pixels=40_000)


@pytest.mark.parametrize("way", [True, False])
def test_prompts_that_cannot_be_put_together(
    vlm: Vlm, monkeypatch: pytest.MonkeyPatch, way: bool
) -> None:
    good = job()
    marker = SPECIAL[vlm.model.config.model_type]
    bad = [
        job(texts=(f"Cake {marker} {ADDS}", f"Cake {marker} {REPRESENTED}"), name="t, tweet 7"),
        job(texts=(ADDS, f"Cake{marker}{marker}"), name="t, tweet 7"),
    ]
    for jobs in ([bad[0]], [bad[1]], [good, bad[0]], [good, bad[1]]):
        with pytest.raises(ItrBenchError, match="t, tweet 7: the text of the prompt holds the mo"):
            Engine(vlm, shared=way).generate(jobs, GREEDY)
    text = vlm.model.config.get_text_config()
    with monkeypatch.context() as patch:
        patch.setattr(text, "max_position_embeddings", len(prompt_tokens(vlm, good)[0]) + 4)
        Engine(vlm, shared=way).generate([good], GREEDY)
        long = job(texts=(ADDS, LONG), name="t, tweet 8")
        with pytest.raises(ItrBenchError, match=r"t, tweet 8: a prompt of \d+ tokens leaves no"):
            Engine(vlm, shared=way).generate([good, long], GREEDY)
    monkeypatch.setattr(vlm.processor, "chat_template", None)
    monkeypatch.setattr(vlm.processor.tokenizer, "chat_template", None)
    with pytest.raises(ItrBenchError, match="the checkpoint has no chat template"):
        Engine(vlm, shared=way).generate([good], GREEDY)


def test_video_tokens_of_a_text_are_no_videos(qwen: Vlm) -> None:
    for way in (True, False):
        with pytest.raises(ItrBenchError, match="token for an image or a video"):
            Engine(qwen, shared=way).generate([job(texts=("<|video_pad|>",) * 2)], GREEDY)


def test_markers_of_other_models_are_text(vlm: Vlm) -> None:
    others = set(SPECIAL.values()) - {SPECIAL[vlm.model.config.model_type]}
    jobs = [job(texts=[f"{marker}?" for marker in sorted(others)])]
    assert shared(Engine(vlm), jobs, HOT) == one_by_one(vlm, jobs, HOT)


@pytest.mark.parametrize("way", [True, False])
@pytest.mark.parametrize(
    "given",
    [
        {"temperature": -1.0},
        {"temperature": "warm"},
        {"top_k": -1},
        {"min_p": 3.0},
        {"max_new_tokens": 0},
    ],
)
def test_settings_that_make_no_sense(qwen: Vlm, given: dict[str, Any], way: bool) -> None:
    with pytest.raises(ItrBenchError, match=f"generation settings: .*{next(iter(given))}"):
        Engine(qwen, shared=way).generate([job()], {**HOT, **given})


@pytest.mark.parametrize("count", [0, -3, "many", 2.5])
def test_rows_in_flight_that_cannot_be(qwen: Vlm, count: Any) -> None:
    with pytest.raises(ItrBenchError, match=f"rows_in_flight is {count!r}, expected 1 or more"):
        Engine(qwen, rows_in_flight=count)


# The adapter


@pytest.fixture(scope="module")
def adapter(folders: dict[str, Path]) -> SharedImageVlm:
    return SharedImageVlm(str(folders["qwen2_vl"]), device="cpu", rows_in_flight=12)


def documents(tweets: int = 3) -> list[dict[str, Any]]:
    return [
        {"tweet_id": str(70 + n), "text": f"Cake {n}. {question}", "picture": n}
        for n in range(tweets)
        for question in (ADDS, REPRESENTED)
    ]


def turn(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return user_turn(document["text"], picture(document["picture"]), IMAGE_FIRST)


def requests(
    adapter: SharedImageVlm,
    docs: Sequence[Mapping[str, Any]],
    repeats: int = 1,
    messages: Callable[[Any], Any] = turn,
    **given: Any,
) -> list[Any]:
    """The requests of a task as lmms-eval makes them."""
    adapter.task_dict = {"t": {"test": list(docs)}}
    return [
        Instance(
            request_type="generate_until",
            arguments=("", messages, dict(given), doc_id, "t", "test"),
            idx=0,
            metadata={"task": "t", "doc_id": doc_id, "repeats": repeats},
        )
        for doc_id in range(len(docs))
        for _ in range(repeats)
    ]


PROTOCOL = {"max_new_tokens": 8, "temperature": 1.5, "do_sample": True, "until": []}


def expected_texts(adapter: SharedImageVlm, seeds: Sequence[int], tweets: int = 3) -> list[str]:
    """By document and seed."""
    vlm = adapter.engine.vlm
    jobs = [
        job(picture(doc["picture"]), texts=(doc["text"],), seeds=(seeds,))
        for doc in documents(tweets)
    ]
    texts: list[str] = vlm.processor.tokenizer.batch_decode(
        rows(one_by_one(vlm, jobs, {**HOT})), skip_special_tokens=True
    )
    return texts


def test_samples_have_the_papers_seeds_wherever_their_requests_stand(
    adapter: SharedImageVlm,
) -> None:
    asked = requests(adapter, documents(), repeats=3, **PROTOCOL)
    found = adapter.generate_until(asked)
    assert [answer.text for answer in found] == expected_texts(adapter, PAPER_SEEDS[:3])
    assert all(answer.token_counts.output_tokens in range(1, 9) for answer in found)
    assert len({answer.text for answer in found}) > 8
    places = list(range(len(asked)))
    random.Random(5).shuffle(places)
    # Samples of a document are numbered as they come, so they keep their order among themselves.
    by_document = {doc_id: iter(range(doc_id * 3, doc_id * 3 + 3)) for doc_id in range(6)}
    origin = [next(by_document[place // 3]) for place in places]
    shuffled = adapter.generate_until([asked[place] for place in origin])
    assert [answer.text for answer in shuffled] == [found[place].text for place in origin]


def test_a_request_keeps_its_own_seed_and_settings(adapter: SharedImageVlm) -> None:
    seeds = (11, 5, 11, 2**31)
    asked = [r for seed in seeds for r in requests(adapter, documents(), **PROTOCOL, seed=seed)]
    cold = requests(adapter, documents(), max_new_tokens=8, temperature=0, seed=9)
    mixed = [request for pair in zip(asked, cold * 4, strict=True) for request in pair]
    found = [answer.text for answer in adapter.generate_until(mixed)]
    expected = expected_texts(adapter, seeds)
    assert found[::2] == [expected[doc * 4 + n] for n in range(4) for doc in range(6)]
    vlm = adapter.engine.vlm
    greedy = [
        vlm.processor.tokenizer.decode(ids, skip_special_tokens=True)
        for doc in documents()
        for ids in rows(
            one_by_one(
                vlm, [job(picture(doc["picture"]), texts=(doc["text"],), seeds=((0,),))], GREEDY
            )
        )
    ]
    assert found[1::2] == greedy * 4


def test_stop_strings_cut(adapter: SharedImageVlm) -> None:
    whole = [a.text for a in adapter.generate_until(requests(adapter, documents(), **PROTOCOL))]
    given = {**PROTOCOL, "until": [" the", " un", "never"]}
    cut = [a.text for a in adapter.generate_until(requests(adapter, documents(), **given))]
    assert cut == [text.split(" the")[0].split(" un")[0] for text in whole]
    assert cut != whole
    one = {**PROTOCOL, "until": " un"}
    found = [a.text for a in adapter.generate_until(requests(adapter, documents(), **one))]
    assert found == [text.split(" un")[0] for text in whole]


def test_one_image_a_tweet_is_encoded(adapter: SharedImageVlm) -> None:
    asked = requests(adapter, documents(), repeats=3, **PROTOCOL)
    adapter.generate_until(asked[:1])
    random.Random(1).shuffle(asked)
    with _Counter(adapter.engine.vlm) as count:
        adapter.generate_until(asked)
    assert count.encoded == 3


def test_sharing_can_be_turned_off(folders: dict[str, Path], adapter: SharedImageVlm) -> None:
    plainly = SharedImageVlm(str(folders["qwen2_vl"]), device="cpu", shared=False, seeds=2)
    given = {"repeats": 2, **PROTOCOL}
    found = plainly.generate_until(requests(plainly, documents(1), **given))
    assert plainly.conditions["way"] == "one by one"
    assert found == adapter.generate_until(requests(adapter, documents(1), **given))


def test_tasks_of_others_have_no_tweets(adapter: SharedImageVlm) -> None:
    """Documents without ``tweet_id``: each has an image of its own."""
    docs = [{k: v for k, v in doc.items() if k != "tweet_id"} for doc in documents()]
    found = adapter.generate_until(requests(adapter, docs, **PROTOCOL))
    assert found == adapter.generate_until(requests(adapter, documents(), **PROTOCOL))


def _video(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    (message,) = turn(document)
    return [{**message, "content": [*message["content"], {"type": "video", "url": "a.mp4"}]}]


@pytest.mark.parametrize(
    ("messages", "given", "repeats", "message"),
    [
        (_video, {}, 1, "image, text, video; itr_vlm takes text and images"),
        (turn, {"num_beams": 2}, 1, "it has no beams"),
        (turn, {"temprature": 1}, 1, "'temprature'. Did you mean 'temperature'?"),
        (turn, {"scoring": "likelyhood"}, 1, "scoring 'likelyhood'. Did you mean 'likelihood'?"),
        (turn, {"temperature": -1, "do_sample": True}, 1, "generation settings: "),
        (turn, {}, 11, "more samples a question than the 10 seeds of itr_vlm"),
    ],
)
def test_requests_that_are_refused(
    adapter: SharedImageVlm,
    messages: Callable[[Any], Any],
    given: dict[str, Any],
    repeats: int,
    message: str,
) -> None:
    asked = requests(adapter, documents(1), repeats, messages, **given)
    with pytest.raises(ItrBenchError) as caught:
        adapter.generate_until(asked)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "itr_vlm needs a checkpoint: --model_args pretrained=NAME"),
        ({"dytpe": "auto"}, "unknown argument of itr_vlm 'dytpe'. Did you mean 'dtype'?"),
        ({"seeds": "papers"}, "seeds 'papers': expected `paper`"),
        ({"rows_in_flight": 0}, "rows_in_flight is 0, expected 1 or more"),
        ({"dtype": "float"}, "unknown dtype 'float'"),
    ],
)
def test_arguments_that_are_refused(
    folders: dict[str, Path], given: dict[str, Any], message: str
) -> None:
    checkpoint = {"pretrained": str(folders["qwen2_vl"])} if given else {}
    with pytest.raises(ItrBenchError) as caught:
        SharedImageVlm(**checkpoint, **{"device": "cpu", **given})
    assert message in str(caught.value)


def _one_marked(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = "so <|image_pad|> it" if document["tweet_id"] == "71" else document["text"]
    return user_turn(text, picture(document["picture"]), IMAGE_FIRST)


def _one_torn(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    if document["tweet_id"] == "71":
        raise OSError("image file is truncated")
    return turn(document)


@pytest.mark.parametrize("scoring", ["generation", "likelihood"])
@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (_one_marked, "t, tweet 71: the text of the prompt holds the model's own token"),
        (_one_torn, "t, tweet 71: its image cannot be read (OSError: image file is truncated)"),
    ],
)
def test_what_one_tweet_lacks_is_its_own_failure(
    adapter: SharedImageVlm,
    said: list[str],
    messages: Callable[[Any], Any],
    message: str,
    scoring: str,
) -> None:
    given = PROTOCOL if scoring == "generation" else {"scoring": scoring}
    found = [a.text for a in adapter.generate_until(requests(adapter, documents(), 1, **given))]
    with_fault = requests(adapter, documents(), 1, messages, **given)
    answers = [answer.text for answer in adapter.generate_until(with_fault)]
    assert answers[:2] == found[:2] and answers[4:] == found[4:]
    for failure in answers[2:4]:
        assert read_answer(failure).answer is Answer.FAILED
        assert message in failure
    assert message in said[0]


AHEAD = "itr_bench-ahead"


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(AHEAD)]


class _Device:
    """In place of the engine: it sees which tweets are prepared while it computes."""

    def __init__(self, adapter: SharedImageVlm, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prepared: list[int] = []  # pictures, in order
        self._news = threading.Condition()
        self._prepare = adapter.engine.prepared
        monkeypatch.setattr(adapter.engine, "prepared", self._prepared)
        self.compute: Callable[[int], None] = lambda number: None
        monkeypatch.setattr(adapter.engine, "generate", self._generate)

    def _prepared(self, job: Job) -> Job:
        found = self._prepare(job)
        assert threading.current_thread().name.startswith(AHEAD)
        with self._news:
            self.prepared.append(int(job.name.split()[-1]) - 70)
            self._news.notify_all()
        return found

    def _generate(self, jobs: Sequence[Job], settings: Mapping[str, Any]) -> Any:
        for of in jobs:
            assert of.prompts is not None
            self.compute(int(of.name.split()[-1]) - 70)
        made = engine.Generated("Yes", (1,))
        return [[[made for _ in seeds] for seeds in of.seeds] for of in jobs]

    def wait_for(self, number: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: number in self.prepared, timeout=60)


def test_the_next_images_are_prepared_while_the_device_computes(
    adapter: SharedImageVlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = _Device(adapter, monkeypatch)
    seen = []

    def compute(number: int) -> None:
        if number < 4:
            device.wait_for(number + 1)  # or it was not prepared beside this
        seen.append((number, list(device.prepared)))

    device.compute = compute
    # 12 rows a tweet: one at a time. The second call brings the last two, expected in the first.
    asked = requests(adapter, documents(5), repeats=6, **PROTOCOL)
    adapter.expect(asked[36:])
    adapter.generate_until(asked[:36])
    adapter.expect_nothing()
    assert not _threads()
    device.prepared.remove(3)  # given up with what was expected
    adapter.generate_until(asked[36:])
    assert seen == [(n, list(range(min(n + 2, 5)))) for n in range(3)] + [
        (3, [0, 1, 2, 3, 4]),
        (4, [0, 1, 2, 3, 4]),
    ]
    assert not _threads()


def test_what_was_expected_is_not_prepared_again(
    adapter: SharedImageVlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = _Device(adapter, monkeypatch)
    asked = requests(adapter, documents(4), repeats=6, **PROTOCOL)
    for number in range(4):
        adapter.expect(asked[12 * (number + 1) : 12 * (number + 2)])
        adapter.generate_until(asked[12 * number : 12 * (number + 1)])
    assert device.prepared == [0, 1, 2, 3]
    # Something else is asked than what was expected.
    adapter.expect(asked[:12])
    adapter.generate_until(asked[24:36])
    adapter.generate_until(asked[36:])
    assert device.prepared[-1] == 3
    assert not _threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ItrBenchError, RuntimeError])
@pytest.mark.parametrize("where", ["device", "preparation"])
def test_no_thread_is_left_by_an_error(
    adapter: SharedImageVlm,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    where: str,
) -> None:
    device = _Device(adapter, monkeypatch)
    computed = []

    def compute(number: int) -> None:
        computed.append(number)
        if number == 1 and where == "device":
            raise error("1 fails")

    def messages(document: Mapping[str, Any]) -> Any:
        found = turn(document)
        if document["tweet_id"] == "71" and where == "preparation":
            found[0]["content"].append({"type": "video", "url": "a.mp4"})
        return found

    device.compute = compute
    asked = requests(adapter, documents(4), 6, messages, **PROTOCOL)
    adapter.expect(asked[:12])
    expected = ItrBenchError if where == "preparation" else error
    with pytest.raises(expected, match="1 fails" if where == "device" else "t, tweet 71: parts"):
        adapter.generate_until(asked)
    assert computed == ([0, 1] if where == "device" else [0])  # raised where it is due
    assert not _threads()


def test_what_fills_up_a_process_needs_no_seed(adapter: SharedImageVlm) -> None:
    asked = requests(adapter, documents(1), repeats=10, **PROTOCOL)
    padding = [copy.copy(asked[-1]) for _ in range(10)]
    for request in padding:
        request.metadata = {**request.metadata, "__padding_only__": True}
    found = adapter.generate_until([*asked, *padding])
    assert [a.text for a in found[:20]] == [a.text for a in adapter.generate_until(asked)]


def test_scores_that_are_no_numbers_are_an_error(loaded: dict[str, Vlm]) -> None:
    vlm = Vlm(copy.deepcopy(loaded["qwen2_vl"].model), loaded["qwen2_vl"].processor)
    made = Engine(vlm)
    made.generate([job()], SAMPLING)  # verified while it is sound
    vlm.model.get_output_embeddings().weight.data[3] = float("nan")
    for way in (SAMPLING, GREEDY):
        with pytest.raises(ItrBenchError, match="tweet 7: the model's scores are not numbers"):
            made.generate([job(name="tweet 7"), job(name="tweet 8")], way)
    with pytest.raises(ItrBenchError, match="tweet 7: the model's scores are not numbers"):
        made.likelihoods(job(name="tweet 7"))


def test_half_precision_attention_holds_large_products() -> None:
    size = 128
    keys = torch.full((1, 5, size), 60.0, dtype=torch.float16)
    values = torch.ones(1, 5, size, dtype=torch.float16)
    cache = attention.RowCache([(attention.Segment(((keys, values),)),)], [2])
    query = torch.full((2, 1, 1, size), 60.0, dtype=torch.float16)  # 460,800 before it is scaled
    module = type("Module", (), {"layer_idx": 0})()
    token = attention._active.set(cache)
    try:
        own = cache.layers[0].update(query, torch.ones_like(query))
        mixed, _ = attention._attend(module, query, *own, None)
    finally:
        attention._active.reset(token)
    assert torch.allclose(mixed, torch.ones_like(mixed), atol=2e-3)  # the sum of rounded weights


def test_the_way_is_a_condition_and_does_not_depend_on_the_tweets(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = SharedImageVlm(str(folders["mllama"]), device="cpu", rows_in_flight=9)
    assert made.conditions == {"way": "shared attention", "rows_in_flight": 9}
    monkeypatch.setattr(engine, "why_not", lambda *arguments, **more: "a reason")
    other = SharedImageVlm(str(folders["mllama"]), device="cpu")
    assert other.conditions["way"] == "one by one"


def test_attention_sinks_are_left_to_the_models_own_cache() -> None:
    """Those of GPT-OSS: left out, they would change tokens and no error would say so."""
    heads = torch.zeros(1, 2, 1, 4)
    with pytest.raises(ValueError, match="attention sinks are not computed here"):
        attention._attend(None, heads, heads, heads, None, s_aux=torch.zeros(2))


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("window", [None, 4, 9])
@pytest.mark.parametrize("tokens", [1, 3])
def test_attention_over_segments_is_that_over_their_tokens(
    tokens: int, window: int | None, softcap: float | None
) -> None:
    """Three prompts, of which the first two begin alike, the third stands alone."""
    draw = torch.Generator().manual_seed(3)

    def states(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw)

    def segment(length: int) -> attention.Segment:
        return attention.Segment(((states(2, length, 8), states(2, length, 6)),))

    alike = segment(5)
    groups, counts = [(alike, segment(2)), (alike, segment(4)), (segment(3),)], [2, 1, 2]
    cache = attention.RowCache(groups, counts, windows={} if window is None else {0: window})
    before = states(5, 2, 2, 8), states(5, 2, 2, 6)  # of the rows' own
    new = states(5, 2, tokens, 8), states(5, 2, tokens, 6)
    query = states(5, 4, tokens, 8)
    cache.layers[0].update(*before)
    module = type("Module", (), {"layer_idx": 0})()
    token = attention._active.set(cache)
    try:
        own = cache.layers[0].update(*new)
        found, _ = attention._attend(module, query, *own, None, softcap=softcap)
    finally:
        attention._active.reset(token)
    owners = [group for group, count in zip(groups, counts, strict=True) for _ in range(count)]
    for row, segments in enumerate(owners):
        shared = [layer for part in segments if (layer := part.layers[0]) is not None]
        keys, values = (
            torch.cat([*(layer[i] for layer in shared), own[i][row]], dim=1).repeat_interleave(
                2, dim=0
            )
            for i in (0, 1)
        )
        scores = query[row] @ keys.transpose(1, 2) * 8**-0.5
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        length = keys.shape[1]
        asking = torch.arange(length - tokens, length)[:, None]
        seen = torch.arange(length) <= asking
        if window is not None:
            seen &= torch.arange(length) > asking - window
        right = scores.masked_fill(~seen, -torch.inf).softmax(-1) @ values
        assert torch.allclose(found[row].transpose(0, 1), right, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_products_in_another_form_are_the_same(bias: bool) -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = torch.nn.Conv3d(3, 8, (2, 4, 4), stride=(2, 4, 4), bias=bias)
            self.padded = torch.nn.Conv2d(4, 6, 3, padding=1, bias=bias)
            self.grouped = torch.nn.Conv2d(4, 6, 3, groups=2, bias=bias)
            self.head = torch.nn.Linear(16, 2500, bias=bias)

        def get_output_embeddings(self) -> Any:
            return self.head

        def forward(self) -> list[torch.Tensor]:
            given = torch.Generator().manual_seed(1)
            images = (torch.randn(5, 3, n, 4, 4, generator=given) for n in (2, 6))
            squares = torch.randn(5, 4, 3, 3, generator=given)
            states = torch.randn(2, 3, 16, generator=given)
            made = [self.patches(image) for image in images]
            return [*made, self.padded(squares), self.grouped(squares), self.head(states)]

    model = Model()
    with torch.inference_mode():
        right = model()
        with products.patches_as_rows(model), products.head_in_blocks(model):
            assert "forward" in vars(model.head)
            found = model()
    for one, other in zip(found, right, strict=True):
        assert one.shape == other.shape and torch.allclose(one, other, atol=1e-5)
    assert not any("forward" in vars(module) for module in model.modules())


def test_products_of_another_kind_are_left_alone() -> None:
    """A subclass may compute something else; quantized weights may know no parts."""

    class Doubled(torch.nn.Conv2d):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(states)

    class Quantized(torch.Tensor):
        def split(self, *_: object) -> Any:
            raise NotImplementedError

    model = torch.nn.Sequential(Doubled(3, 8, 4), torch.nn.Flatten(), torch.nn.Linear(8, 2500))
    head = model[2]
    head.weight = torch.nn.Parameter(head.weight.detach().as_subclass(Quantized))
    model.get_output_embeddings = lambda: head
    image = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        right = model(image)
        with products.patches_as_rows(model), products.head_in_blocks(model):
            found = model(image)
    assert torch.equal(found, right)


def test_modules_have_their_own_forward_again_after_an_error() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 4), torch.nn.Linear(8, 9))
    model.get_output_embeddings = lambda: model[1]
    with (
        pytest.raises(RuntimeError, match="mat1"),
        products.patches_as_rows(model),
        products.head_in_blocks(model),
    ):
        model[1](torch.zeros(2, 3))
    assert not any("forward" in vars(module) for module in model.modules())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_scores_and_bias_of_the_head_are_rounded_once(dtype: str) -> None:
    draw = torch.Generator().manual_seed(1)
    head = torch.nn.Linear(64, 2500, dtype=getattr(torch, dtype))
    head.weight.data = torch.randn(2500, 64, generator=draw).to(head.weight)
    head.bias.data = torch.randn(2500, generator=draw).to(head.weight) * 8
    states = torch.randn(5, 64, generator=draw).to(head.weight)
    exact = torch.nn.functional.linear(states.double(), head.weight.double(), head.bias.double())
    model = SimpleNamespace(get_output_embeddings=lambda: head)
    with torch.inference_mode():
        own = (head(states) - exact).abs().mean()
        with products.head_in_blocks(model):
            assert (head(states) - exact).abs().mean() < 1.01 * own
