"""The engine at full size on a GPU: ``python -m tests.bench_full_size [--device cuda]``.

Qwen2-VL 7B, LLaVA-NeXT 13B, Llama 3.2 11B and Qwen3.5 9B in their published shapes with random
weights, in bfloat16, 2 questions x 10 seeds at the protocol's temperature. Random weights part at
their first tokens, so the engine's figures are its worst case. Vision encoding, prefill and
decoding are timed apart.
``--tiny --device cpu`` tries the script out where there is no GPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.bench_engine import (
    ARCHITECTURES,
    LENGTHS,
    fit_heads,
    make_job,
    make_talkative,
    sampling,
    timed,
)

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
_QWEN3_5 = {
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 8,
    "vocab_size": 248_320,
}
_QWEN3_5_VISION = {
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_heads": 16,
    "out_hidden_size": 4096,
    "num_position_embeddings": 2304,
}
MODELS = {
    "qwen2_vl": ("Qwen2-VL 7B", _QWEN2_VL, _QWEN2_VL_VISION, "visual"),
    "llava_next": ("LLaVA-NeXT 13B", _VICUNA, _CLIP_LARGE, "vision_tower"),
    "mllama": ("Llama 3.2 11B", _LLAMA_32, _LLAMA_32_VISION, "vision_model"),
    "qwen3_5": ("Qwen3.5 9B", _QWEN3_5, _QWEN3_5_VISION, "visual"),
}


def make_model(architecture: str, device: torch.device, *, tiny: bool) -> Any:
    """A model of full size, or not, with random weights; the processor of the tiny checkpoint."""
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    from itr_bench.engine.loading import Vlm
    from itr_bench.models.tiny import make_checkpoint
    from tests.families import make

    with tempfile.TemporaryDirectory() as folder:
        if architecture in ARCHITECTURES:
            make_checkpoint(architecture, Path(folder))
        else:
            make(architecture, Path(folder))
        config = AutoConfig.from_pretrained(folder)
        processor = AutoProcessor.from_pretrained(folder)
    if not tiny:
        _enlarge(architecture, config, processor.image_processor)
    torch.manual_seed(0)
    with device:
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16).eval()
    make_talkative(model)
    return Vlm(model, processor)


def _enlarge(architecture: str, config: Any, pictures: Any) -> None:
    """Give a tiny checkpoint's configuration the published sizes."""
    _, text, vision, _ = MODELS[architecture]
    for part, sizes in ((config.text_config, text), (config.vision_config, vision)):
        for name, value in sizes.items():
            setattr(part, name, value)
    body = config.text_config
    body.max_position_embeddings = 8192
    if architecture == "qwen3_5":
        sections = {"mrope_section": [11, 11, 10], "partial_rotary_factor": 0.25}
        body.rope_parameters = {**body.rope_parameters, **sections}
        pictures.size = {"shortest_edge": 40_000, "longest_edge": 1_920_000}
        return
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
        pictures.size = type(pictures.size)(height=560, width=560)


def waiting(work: Callable[[], Any]) -> Callable[[], Any]:
    """*work*, and the device done with it."""

    def run() -> Any:
        found = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return found

    return run


def measure(architecture: str, device: torch.device, *, tiny: bool) -> None:
    """Print the table of one model."""
    from itr_bench.engine.engine import Engine

    vlm = make_model(architecture, device, tiny=tiny)
    size = sum(weight.numel() for weight in vlm.model.parameters())
    engine, plain = Engine(vlm), Engine(vlm, shared=False)
    job = make_job()
    job = type(job)((job.images[0].resize((1200, 900)),), job.chats, job.seeds)
    one = type(job)(job.images, job.chats[:1], (job.seeds[0][:1],))
    engine.generate([job], sampling(2))
    shown = f"{size / 1e9:.1f} billion" if size > 1e8 else f"{size / 1e6:.1f} million"
    print(f"{MODELS[architecture][0]}, {shown} parameters, bfloat16, {device}")
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
    parser.add_argument("--tiny", action="store_true", help="small models, to try the script out")
    given = parser.parse_args()
    for architecture in given.models:
        measure(architecture, torch.device(given.device), tiny=given.tiny)


if __name__ == "__main__":
    main()
