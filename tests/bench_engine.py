"""The engine against one-by-one generation: time and memory, as ratios within one run.

Random models of about 50 million parameters, float32, one thread: large enough that computing, not
Python, takes the time (a forward pass of one token takes some 20 ms), and small enough for any
machine. Vision encoders are sized to their share of the full-size models. End-of-text is off, so
every row has its full length. Rows are sampled at the protocol's temperature of 0.2 from random
weights, so that nearly all part at their first tokens: the worst case for the engine, since real
models mostly agree with themselves; the best case, all rows equal, stands beside it.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ARCHITECTURES = ("qwen2_vl", "llava_next", "mllama")
FAMILIES = (
    *("gemma3", "gemma4, E4B-like", "gemma4, 31B-like", "qwen3_5", "lfm2_vl"),
    *("mistral3, mistral4 text (MLA)", "mistral_large4 (indexed)"),
)
LENGTHS = (8, 32, 128)
AIMS = {8: 12, 32: 9, 128: 6}
LIKELIHOOD_AIM, MEMORY_AIM = 18, 6
ADAPTERS = {"qwen2_vl": "qwen2_vl", "llava_next": "llava_hf", "mllama": "llama_vision"}
QUESTIONS = ("Is the image adding to the text meaning?", "Is the text represented in the image?")
TEXT = "A plate of potato pancakes with sour cream and a cup of tea on the table by the window. "
HIDDEN, HEADS, LAYERS, VOCABULARY = 512, 8, 8, 16_000


def make_checkpoint(architecture: str, folder: Path) -> None:
    """Write a model of about 50 million parameters with the processor of the tiny checkpoint."""
    import torch

    if architecture not in ARCHITECTURES:
        _make_family(architecture, folder)
        return
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    from itr_bench.models import tiny

    tiny.make_checkpoint(architecture, folder)
    config = AutoConfig.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    pictures, text, vision = processor.image_processor, config.text_config, config.vision_config
    text.hidden_size, text.intermediate_size = HIDDEN, 3 * HIDDEN
    text.num_hidden_layers, text.num_attention_heads = LAYERS, HEADS
    text.num_key_value_heads, text.vocab_size = HEADS // 2, VOCABULARY
    text.max_position_embeddings = 8192
    fit_heads(text)
    if architecture == "qwen2_vl":
        text.rope_parameters = {**text.rope_parameters, "mrope_section": [16, 8, 8]}
        vision.embed_dim, vision.depth, vision.hidden_size, vision.num_heads = 256, 4, HIDDEN, 8
        pictures.size = {"shortest_edge": 28**2, "longest_edge": 300 * 28**2}
    elif architecture == "llava_next":
        side = 168  # of a tile, in pixels
        config.image_grid_pinpoints = [[side * h, side * w] for h, w in ((1, 2), (2, 1), (2, 2))]
        vision.hidden_size, vision.intermediate_size, vision.num_hidden_layers = 256, 512, 5
        vision.image_size, config.image_seq_length = side, (side // 14) ** 2
        pictures.image_grid_pinpoints = config.image_grid_pinpoints
        pictures.size = {"shortest_edge": side}
        pictures.crop_size = {"height": side, "width": side}
    else:
        side = 308  # the encoder of Llama 3.2 takes most of the prefill, and so does this one
        text.cross_attention_layers = [2, 5]
        vision.hidden_size, vision.intermediate_size, vision.num_hidden_layers = 320, 1280, 6
        vision.num_global_layers, vision.intermediate_layers_indices = 2, [1]
        vision.vision_output_dim, vision.image_size = 640, side
        pictures.size = type(pictures.size)(height=side, width=side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config)
    make_talkative(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _make_family(name: str, folder: Path) -> None:
    from transformers import AutoModelForImageTextToText

    from tests.families import Size, make

    size = Size(HIDDEN, LAYERS, HEADS, vision=256, vision_layers=4, vocabulary=VOCABULARY)
    make(name, folder, size, peak=0.45)  # what a fresh head gives
    model = AutoModelForImageTextToText.from_pretrained(folder)
    make_talkative(model)
    model.save_pretrained(folder)


def fit_heads(text: Any) -> None:
    """Bring what follows from the sizes of a text decoder in line with them."""
    if getattr(text, "head_dim", None):
        text.head_dim = text.hidden_size // text.num_attention_heads
    if getattr(text, "layer_types", None):
        text.layer_types = ["full_attention"] * text.num_hidden_layers


def make_talkative(model: Any) -> None:
    """Let a fresh *model* see its image, and never end by itself."""
    for name, weight in model.named_parameters():
        if "gate" in name and weight.numel() == 1:
            weight.data.fill_(1.0)  # a fresh Mllama is blind to its image
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0


def make_job(seeds: int = 10, number: int = 0) -> Any:
    """One tweet: an image, two questions, some seeds. The same *number* is the same image."""
    import numpy as np
    from PIL import Image

    from itr_bench.engine.engine import Job
    from itr_bench.seeds import read_seeds

    chats = tuple(
        [
            {
                "role": "user",
                "content": [
                    {"type": "image"},
                    {"type": "text", "text": f"{TEXT}\n{question} Reply “Yes” or “No”.\n"},
                ],
            }
        ]
        for question in QUESTIONS
    )
    pixels = np.random.default_rng(number).normal(128, 60, (420, 420)).clip(0, 255)
    image = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    return Job((image,), chats, (read_seeds(str(seeds)),) * 2)


def make_engine(folder: Path, *, shared: bool) -> Any:
    """An engine on one CPU thread."""
    import torch

    from itr_bench.engine.engine import Engine
    from itr_bench.engine.loading import load

    torch.set_num_threads(1)
    return Engine(load(str(folder), device="cpu", dtype="float32"), shared=shared)


def sampling(tokens: int, *, sample: bool = True) -> dict[str, Any]:
    """The protocol's settings, with that many new tokens."""
    rest = {"temperature": 0.2} if sample else {"temperature": None}
    return {"max_new_tokens": tokens, "do_sample": sample, **rest}


def timed(
    work: Callable[[], Any], repeats: int = 1, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, Any]:
    """Seconds of the shortest of *repeats*, and what the work gave."""
    best, found = float("inf"), None
    for _ in range(repeats):
        start = clock()
        found = work()
        best = min(best, clock() - start)
    return best, found


# On one thread: what it is on an idle machine, and nearly so beside other work.
on_processor = partial(timed, clock=time.process_time)


def speed(architecture: str, folder: Path, calls: int) -> None:
    """Time one tweet: 2 questions x 10 seeds, both ways.

    Args:
        architecture: of the checkpoint.
        folder: the checkpoint.
        calls: how many of the 20 generations are made one by one; their time is scaled to 20.
    """
    engine, plain = make_engine(folder, shared=True), make_engine(folder, shared=False)
    job = make_job()
    engine.generate([job], sampling(2))
    size = sum(weight.numel() for weight in engine.vlm.model.parameters())
    way = next(iter(engine.ways.values()))
    shown = "one by one" if way is None else way.value
    print(f"{architecture}, {size / 1e6:.0f} million parameters, 2 questions x 10 seeds, {shown}")
    some = type(job)(job.images, job.chats, tuple(of[: calls // 2] for of in job.seeds))
    eight = None
    for length in LENGTHS:
        taken, shared = on_processor(partial(engine.generate, [job], sampling(length)), 3)
        naive, one_by_one = on_processor(partial(plain.generate, [some], sampling(length)))
        naive *= job.rows / some.rows
        eight = eight or naive
        same = [[g.ids for g in prompt] for prompt in shared[0]]
        made = [[g.ids for g in prompt] for prompt in one_by_one[0]]
        equal = [prompt[: calls // 2] for prompt in same] == made
        distinct = len({ids for prompt in same for ids in prompt})
        alike, _ = on_processor(partial(engine.generate, [job], sampling(length, sample=False)))
        print(
            f"  {length:4} new tokens  {naive / taken:5.1f}x (aim {AIMS[length]}x): one by one "
            f"{naive:.2f} s a tweet, engine {taken:.2f} s; {distinct} of 20 distinct, {some.rows} "
            f"compared: tokens {'equal' if equal else 'NOT EQUAL'}; all rows alike: engine "
            f"{alike:.2f} s",
            flush=True,
        )
    assert eight is not None
    engine.likelihoods(job)
    taken, _ = on_processor(lambda: engine.likelihoods(job), 3)
    print(
        f"  likelihood       {eight / taken:5.1f}x (aim {LIKELIHOOD_AIM}x) against 20 generations "
        f"of {LENGTHS[0]} tokens: {taken:.2f} s",
        flush=True,
    )


def stock(architecture: str, folder: Path) -> None:
    """Time lmms-eval's own adapter with ``--repeats 10`` on some tweets, and the engine on them."""
    found = {}
    arguments = {
        ADAPTERS[architecture]: f"pretrained={folder},device=cpu,device_map=cpu",
        "itr_vlm": f"pretrained={folder},device=cpu",
    }
    for adapter, given in arguments.items():
        done = subprocess.run(
            [sys.executable, "-c", _STOCK, adapter, given],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"  {adapter}: failed\n{done.stderr[-800:]}")
            return
        found[adapter] = float(done.stdout.split()[-1])
    own, engine = found.values()
    print(
        f"  lmms-eval's {ADAPTERS[architecture]} with --repeats 10, 8 new tokens, 2 demo tweets: "
        f"{own / engine:.1f}x the engine's time ({own:.1f} s, {engine:.1f} s)"
    )


# Only the adapter's own work is timed: start-up and loading are the same for both.
_STOCK = """
import sys, time
import torch
torch.set_num_threads(1)
from lmms_eval import evaluator
from lmms_eval.models import get_model
name, given = sys.argv[1:]
lm = get_model(name).create_from_arg_string(given, {"batch_size": 1})
answer, taken = lm.generate_until, []
def timed(requests):
    start = time.perf_counter()
    found = answer(requests)
    taken.append(time.perf_counter() - start)
    return found
lm.generate_until = timed
evaluator.simple_evaluate(model=lm, tasks=["itr_demo_en"], limit=4, repeats=10,
                          gen_kwargs="max_new_tokens=8", log_samples=False)
print(sum(taken))
"""


def memory(architecture: str, folder: Path) -> None:
    """Measure what a tweet takes beyond the loaded model, each way in a process of its own."""
    ways = {"one by one": ("plain", 1), "engine, 10 seeds": ("engine", 10)}
    ways["engine, 100 seeds"] = ("engine", 100)
    extra = {}
    for name, (way, seeds) in ways.items():
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench_engine", "--memory", way, str(seeds), str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
        extra[name] = json.loads(done.stdout.splitlines()[-1])
    base = extra["one by one"]
    shown = ", ".join(f"{name} {mb:.0f} MB ({mb / base:.1f}x)" for name, mb in extra.items())
    print(f"  extra memory at {LENGTHS[-1]} tokens (aim under {MEMORY_AIM}x): {shown}")


def extra_memory(way: str, seeds: int, folder: Path) -> float:
    """Megabytes at the peak of one tweet beyond what the loaded model takes."""
    engine = make_engine(folder, shared=way == "engine")
    tokens, job = LENGTHS[-1], make_job(seeds)
    for weight in engine.vlm.model.parameters():
        weight.sum()  # weights are read from the disk when they are first needed
    engine.generate([make_job(1)], sampling(2))
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = peak = _resident()
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.005):
            peak = max(peak, _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    if way == "engine":
        engine.generate([job], sampling(tokens))
    else:
        one = type(job)(job.images, job.chats[:1], (job.seeds[0][:1],))
        engine.generate([one], sampling(tokens))
    ended.set()
    watcher.join()
    return (peak - before) / 2**20


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    """Print the table of one or all architectures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("architectures", nargs="*", default=[*ARCHITECTURES, *FAMILIES])
    parser.add_argument("--calls", type=int, default=20, help="to make one by one, of the 20")
    parser.add_argument("--memory", nargs=3, metavar=("WAY", "SEEDS", "FOLDER"))
    given = parser.parse_args()
    if given.memory:
        way, seeds, folder = given.memory
        print(json.dumps(extra_memory(way, int(seeds), Path(folder))))
        return
    for architecture in given.architectures:
        with tempfile.TemporaryDirectory() as folder:
            make_checkpoint(architecture, Path(folder))
            speed(architecture, Path(folder), given.calls)
            if architecture in ADAPTERS:
                stock(architecture, Path(folder))
            memory(architecture, Path(folder))


if __name__ == "__main__":
    main()
