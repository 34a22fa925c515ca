"""Training as `itr-bench study training` does it, against the plain way, as ratios within one run.

The plain way is transformers' Trainer alone: an example a question, its picture prepared and
encoded at every step, the loss of the model itself. Both see the same tweets in the same order and
start from the same LoRA weights, so their losses have to be the same at every step. A random model
of about 50 million parameters (`tests.bench_engine`), float32, one thread; one epoch over both
questions of 64 tweets.
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

TWEETS = 64
BATCH = 8
AIM = 3.0
CLOSE = 1e-4


def make_examples(count: int) -> list[Any]:
    """Tweets with a picture of their own and both questions."""
    import numpy as np
    from PIL import Image

    from itr_bench.training.sequences import Example
    from tests.bench_engine import make_job

    @functools.cache  # its noise is another one at each call
    def picture(number: int) -> Image.Image:
        noise = np.random.default_rng(number).integers(0, 256, (42, 42, 3), np.uint8)
        return Image.fromarray(noise).resize((420, 420))

    def prompts(number: int) -> tuple[list[Any], list[Any]]:
        return list(make_job(1).chats), [picture(number)]

    answers = [("Yes", "No"), ("No", "Yes"), ("Yes", "Yes"), ("No", "No")]
    return [
        Example(str(n), f"picture{n}", partial(prompts, n), answers[n % 4], (1.0, 1.0))
        for n in range(count)
    ]


def make_larger_tower(folder: Path) -> None:
    """Give the Qwen2-VL in *folder* a vision encoder of the share that Qwen2-VL-2B's has.

    There a token of a picture takes 1.9 times the multiplications in the encoder that it takes in
    the decoder, forward; in Qwen3-VL-2B 0.9, in the model of the benchmark 0.6, in Qwen2-VL-7B 0.4.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    from tests.bench_engine import make_talkative

    found, processor = AutoConfig.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    vision = found.vision_config
    vision.embed_dim, vision.depth, vision.num_heads = 384, 6, 12
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(found)
    make_talkative(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def config() -> Any:
    from itr_bench.training.config import TrainingConfig

    return TrainingConfig(("lv",), epochs=1, batch_size=BATCH, learning_rate=1e-3)


def shared(checkpoint: Path, folder: Path, tweets: int) -> dict[str, Any]:
    """As the study trains; *folder* may hold the pictures of an earlier call."""
    import peft  # noqa: F401  # Trainer imports it; the plain way has it before the clock starts
    from transformers import Trainer, set_seed  # noqa: F401

    from itr_bench.engine.loading import load
    from itr_bench.training import fit
    from itr_bench.training.config import AT_ONCE
    from itr_bench.training.pictures import PictureStore
    from itr_bench.training.sequences import Encoder

    vlm = load(str(checkpoint), dtype="float32", device="cpu")
    set_seed(1)
    trained = fit.adapt(vlm.model, config())
    encoder = Encoder(vlm, PictureStore(folder / "pictures", {"model": "bench"}))
    examples = make_examples(tweets)
    way, lean, _ = fit.choose_way(vlm, encoder, examples)
    steps = tweets // BATCH
    lesson = fit.Lesson(examples, [0] * tweets, [], steps, steps, AT_ONCE, recompute=False)
    place = Path(tempfile.mkdtemp(dir=folder))
    start = time.process_time()
    fit.fit(vlm, trained, encoder, way, lean, lesson, config(), place, 0, print)
    seconds = time.process_time() - start
    record = json.loads((place / fit.RECORD).read_bytes())
    return {"seconds": seconds, "losses": record["losses"], "way": record["way"]}


def plain(checkpoint: Path, folder: Path, tweets: int, at_once: int) -> dict[str, Any]:
    """Trainer alone, with so many tweets in the memory at a time."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainingArguments, set_seed

    from itr_bench.engine.loading import load
    from itr_bench.engine.prompts import render
    from itr_bench.training import fit

    vlm, given = load(str(checkpoint), dtype="float32", device="cpu"), config()
    set_seed(1)
    adapted = fit.adapted(vlm.model)  # the same layers, by peft alone
    lora = LoraConfig(r=given.rank, lora_alpha=given.alpha, target_modules=adapted)
    trained = get_peft_model(vlm.model, lora)
    processor = vlm.processor
    processor.tokenizer.padding_side = "right"
    end = processor.tokenizer.eos_token

    def collate(examples: list[Any]) -> dict[str, Any]:
        texts, pictures, lengths = [], [], []
        for example in examples:
            chats, images = example.prompts()
            for chat, answer in zip(chats, example.answers, strict=True):
                texts.append(render(processor, chat) + answer + end)
                pictures += images
                lengths.append(len(processor.tokenizer.encode(answer + end)))
        batch = dict(processor(text=texts, images=pictures, return_tensors="pt", padding=True))
        labels = torch.full_like(batch["input_ids"], -100)
        for row, length in enumerate(lengths):
            last = int(batch["attention_mask"][row].sum())
            labels[row, last - length : last] = batch["input_ids"][row, last - length : last]
        return {**batch, "labels": labels}

    steps = tweets // BATCH
    arguments = TrainingArguments(
        output_dir=str(folder / "plain"),
        max_steps=steps,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=BATCH // at_once,
        learning_rate=given.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(given.warmup * steps),
        weight_decay=0.0,
        seed=1,
        data_seed=1,
        logging_steps=1,
        save_strategy="no",
        remove_unused_columns=False,
        use_cpu=True,
        disable_tqdm=True,
        report_to="none",
    )
    set_seed(1)
    trainer = Trainer(
        model=trained,
        args=arguments,
        train_dataset=make_examples(tweets),
        data_collator=collate,
    )
    start = time.process_time()
    trainer.train()
    seconds = time.process_time() - start
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return {"seconds": seconds, "losses": losses}


def _alone(which: str, checkpoint: Path, folder: Path, tweets: int) -> dict[str, Any]:
    """One way in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench_training"]
    arguments = ["--way", which, str(checkpoint), str(folder), "--tweets", str(tweets)]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    from itr_bench.training.config import AT_ONCE

    ways = {
        "plain": partial(plain, at_once=BATCH),
        "plain, as many at once": partial(plain, at_once=AT_ONCE),
        "first fold": shared,
        "later folds": shared,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", nargs=3, metavar=("WAY", "CHECKPOINT", "FOLDER"))
    parser.add_argument("--architecture", default="qwen2_vl")
    parser.add_argument("--tweets", type=int, default=TWEETS, help="(default: %(default)s)")
    parser.add_argument("--larger-tower", action="store_true", help=make_larger_tower.__doc__)
    asked = parser.parse_args()
    if asked.way:
        import torch

        torch.set_num_threads(1)
        way, checkpoint, folder = asked.way
        made = ways[way](Path(checkpoint), Path(folder), asked.tweets)
        made["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(made))
        return
    from tests.bench_engine import make_checkpoint

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_checkpoint(asked.architecture, folder / "model")
        if asked.larger_tower:
            make_larger_tower(folder / "model")
        by_way = {way: _alone(way, folder / "model", folder, asked.tweets) for way in ways}
    reference, alike = by_way["plain"], by_way["plain, as many at once"]
    print(
        f"{asked.architecture}, one epoch over {asked.tweets} tweets, {BATCH} a step, one thread; "
        f"in memory at once: {BATCH} the plain way, else {AT_ONCE}"
    )
    for name, made in by_way.items():
        pairs = zip(made["losses"], reference["losses"], strict=True)
        apart = max(abs(one - other) for one, other in pairs)
        print(
            f"  {name}: {made['seconds']:.1f} s of processor time, "
            f"{reference['seconds'] / made['seconds']:.2f}x (aim {AIM:g}x), "
            f"{alike['seconds'] / made['seconds']:.2f}x of as many at once, "
            f"{made['memory'] / 2**20:.0f} MiB, losses within {apart:.1e} (aim {CLOSE:g})"
            + (f"; {made['way']}" if "way" in made else "")
        )


if __name__ == "__main__":
    main()
