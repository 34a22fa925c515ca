"""The engine at full size on a GPU: ``python -m tests.bench_full_size [--device cuda]``.

Qwen2-VL 7B, LLaVA-NeXT 13B and Llama 3.2 11B in their published shapes with random weights, in
bfloat16, 2 questions x 10 seeds at the protocol's temperature. Random weights part at their first
tokens, so the engine's figures are its worst case. Vision encoding, prefill and decoding are timed
apart.
``--layers 2 --device cpu`` tries the script out where there is no GPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.bench_engine import LENGTHS, fit_heads, make_job, make_talkative, sampling, timed

_LLAMA_32 = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
    "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
}
_LLAMA_32_VISION = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_global_layers": 8,
    "attention_heads": 16,
    "image_size": 560,
    "patch_size": 14,
    "intermediate_layers_indices": [3, 7, 15, 23, 30],
    "vision_output_dim": 7680,
}
_QWEN2_VL = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152_064,
}
_QWEN2_VL_VISION = {
    "depth": 32,
    "embed_dim": 1280,
    "hidden_size": 3584,
    "num_heads": 16,
    "mlp_ratio": 4,
}
_VICUNA = {
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_hidden_layers": 40,
    "num_attention_heads": 40,
    "num_key_value_heads": 40,
    "vocab_size": 32_064,
}
_CLIP_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}
MODELS = {
    "qwen2_vl": ("Qwen2-VL 7B", _QWEN2_VL, _QWEN2_VL_VISION, "visual"),
    "llava_next": ("LLaVA-NeXT 13B", _VICUNA, _CLIP_LARGE, "vision_tower"),
    "mllama": ("Llama 3.2 11B", _LLAMA_32, _LLAMA_32_VISION, "vision_model"),
}


def make_model(architecture: str, device: torch.device, layers: int | None) -> Any:
    """A model of full size with random weights, and the processor of the tiny checkpoint."""
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    from itr_bench.engine.loading import Vlm
    from itr_bench.models.tiny import make_checkpoint

    _, text, vision, _ = MODELS[architecture]
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint(architecture, Path(folder))
        config = AutoConfig.from_pretrained(folder)
        processor = AutoProcessor.from_pretrained(folder)
    for part, sizes in ((config.text_config, text), (config.vision_config, vision)):
        for name, value in sizes.items():
            setattr(part, name, value)
    body, pictures = config.text_config, processor.image_processor
    body.max_position_embeddings = 8192
    if layers is not None:
        body.num_hidden_layers = layers
    fit_heads(body)
    if architecture == "qwen2_vl":
        body.rope_parameters = {**body.rope_parameters, "mrope_section": [16, 24, 24]}
        pictures.size = {"shortest_edge": 40_000, "longest_edge": 1_920_000}  # the paper's
    elif architecture == "llava_next":
        grid = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
        config.image_grid_pinpoints = pictures.image_grid_pinpoints = grid
        config.image_seq_length = 576
        pictures.size = {"shortest_edge": 336}
        pictures.crop_size = {"height": 336, "width": 336}
    else:
        body.cross_attention_layers = [
            layer for layer in body.cross_attention_layers if layer < body.num_hidden_layers
        ] or [1]
        pictures.size = type(pictures.size)(height=560, width=560)
    torch.manual_seed(0)
    with device:
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16).eval()
    make_talkative(model)
    return Vlm(model, processor)


def waiting(work: Callable[[], Any]) -> Callable[[], Any]:
    """*work*, and the device done with it."""

    def run() -> Any:
        found = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return found

    return run


def measure(architecture: str, device: torch.device, layers: int | None) -> None:
    """Print the table of one model."""
    from itr_bench.engine.engine import Engine

    vlm = make_model(architecture, device, layers)
    size = sum(weight.numel() for weight in vlm.model.parameters())
    engine, plain = Engine(vlm), Engine(vlm, shared=False)
    job = make_job()
    job = type(job)((job.images[0].resize((1200, 900)),), job.chats, job.seeds)
    one = type(job)(job.images, job.chats[:1], (job.seeds[0][:1],))
    engine.generate([job], sampling(2))
    print(f"{MODELS[architecture][0]}, {size / 1e9:.1f} billion parameters, bfloat16, {device}")
    for length in LENGTHS:
        settings = sampling(length)
        taken, _ = timed(waiting(lambda s=settings: engine.generate([job], s)), 3)
        naive, _ = timed(waiting(lambda s=settings: plain.generate([one], s)), 2)
        print(
            f"  {length:4} new tokens: engine {taken:.2f} s a tweet, {1 / taken:.2f} tweets a "
            f"second; one generation by itself {naive:.2f} s, 20 of them {20 * naive / taken:.1f}x"
        )
    encoder = Clock(getattr(vlm.model.base_model, MODELS[architecture][3]))
    whole, _ = timed(waiting(lambda: engine.generate([job], sampling(8))))
    encoding = encoder.stop()
    reading, _ = timed(waiting(lambda: engine.likelihoods(job)), 3)
    print(
        f"     8 new tokens: vision {encoding / whole:.0%}, "
        f"prefill {(reading - encoding) / whole:.0%}, "
        f"decoding {1 - reading / whole:.0%} of {whole:.2f} s"
    )
    if device.type == "cuda":
        print(f"  peak memory {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB")


class Clock:
    """The seconds that a module takes, from now until it is stopped."""

    def __init__(self, module: Any) -> None:
        self._seconds = self._start = 0.0
        self._hooks = [
            module.register_forward_pre_hook(self._begin),
            module.register_forward_hook(self._end),
        ]

    def _begin(self, *unused: Any) -> None:
        waiting(lambda: None)()
        self._start = time.perf_counter()

    def _end(self, *unused: Any) -> None:
        waiting(lambda: None)()
        self._seconds += time.perf_counter() - self._start

    def stop(self) -> float:
        """The seconds so far; the module is left as it was."""
        for hook in self._hooks:
            hook.remove()
        return self._seconds


def main() -> None:
    """Measure one model or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--layers", type=int, help="of the text decoder, to try the script out")
    given = parser.parse_args()
    for architecture in given.models:
        measure(architecture, torch.device(given.device), given.layers)


if __name__ == "__main__":
    main()
