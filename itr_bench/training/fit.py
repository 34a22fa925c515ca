"""One fold: a model trained on the tweets outside it, by transformers' Trainer."""

from __future__ import annotations

import contextlib
import json
import pickle
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm
from transformers import (
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.pytorch_utils import Conv1D

from itr_bench.data.manifest import file_hash
from itr_bench.engine.layers import shortest_window
from itr_bench.engine.loading import Vlm
from itr_bench.errors import RunError
from itr_bench.runs.manifest import read_json, write_json
from itr_bench.scoring.signature import digest
from itr_bench.training.config import TrainingConfig
from itr_bench.training.leaner import Lean, add_lora_in_place
from itr_bench.training.pictures import moved
from itr_bench.training.sequences import (
    WAYS,
    Encoder,
    Example,
    Tokens,
    UnsuitableError,
    Way,
    answer_scores,
)

RECORD = "fold.json"
WEIGHTS = "weights"
_CHECKPOINTS = "checkpoints"
_STATE = "trainer_state.json"

_CLOSE = {torch.float32: 1e-3}
_CLOSE_IN_HALF = 0.25
"""How far logarithms of probabilities may lie from those of single prompts."""


@dataclass(frozen=True)
class Lesson:
    """What one fold's model is trained on.

    Attributes:
        train: examples to learn from.
        relations: of each, for balanced sampling.
        inner: examples that decide when to stop; empty for none.
        steps, steps_an_epoch: of the optimizer.
        at_once: tweets in the memory at a time; changes no result in float32.
        recompute: whether to save memory by computing activations twice.
    """

    train: Sequence[Example]
    relations: Sequence[int]
    inner: Sequence[Example]
    steps: int
    steps_an_epoch: int
    at_once: int
    recompute: bool


def adapt(model: Any, config: TrainingConfig) -> Any:
    """Make the weights of *model* trainable that *config* says: LoRA's, or all.

    Returns:
        What is trained and saved: *model* itself, or peft's shell around it. LoRA's layers are put
        into *model* in any case.

    Raises:
        RunError: peft is missing, LoRA finds nothing to adapt, or all weights of a model in 4 bits
            are asked for.
    """
    if model.config.is_encoder_decoder:
        raise RunError(f"{type(model).__name__} has an encoder and a decoder: not trained here")
    if config.adapt == "full":
        if getattr(model, "is_quantized", False):
            raise RunError("--adapt full: weights in 4 bits cannot be trained; take --adapt lora")
        return model.requires_grad_(True)
    from peft import LoraConfig, get_peft_model

    names = adapted(model)
    if not names:
        raise RunError(
            f"--adapt lora: the text decoder of {type(model).__name__} has no linear layers that "
            "LoRA can adapt; take --adapt full, or another model"
        )
    lora = LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=names)
    trained = get_peft_model(model, lora)
    add_lora_in_place(trained)
    return trained


def adapted(model: Any) -> list[str]:
    """The linear layers of the text decoder: not the vision encoder, the projector or the head."""
    inside = {id(module) for module in model.get_decoder().modules()}
    return [
        name
        for name, module in model.named_modules()
        if id(module) in inside and isinstance(module, (torch.nn.Linear, Conv1D))
    ]


def choose_way(
    vlm: Vlm, encoder: Encoder, examples: Sequence[Example], fold: int = 0
) -> tuple[Way, Lean | None, list[str]]:
    """The fastest way of making sequences that scores the answers as single prompts do.

    The scores of the first two examples are compared. The mask of two questions knows no window,
    so of a model with one no sequence may be longer.

    Args:
        vlm: as it is to be trained.
        encoder: of it.
        examples: all that it is to see, two or more.
        fold: its number, from 0, for progress bars.

    Returns:
        The way; what the model leaves out, if anything; and why faster ones were not taken, a
        sentence each.

    Raises:
        RunError: none gives what single prompts give.
    """
    first, window = examples[:2], shortest_window(vlm.model)
    alone = Way(False, False)
    singles = [one for example in first for one in encoder.encode(example, alone)]
    expected = torch.cat([_scores(vlm, encoder, [[one]], alone) for one in singles])
    close = _CLOSE.get(vlm.model.dtype, _CLOSE_IN_HALF)
    reasons: list[str] = []

    def suits(way: Way, name: str, make_lean: Callable[[], Lean | None]) -> tuple[bool, Any]:
        try:
            made = [encoder.encode(example, way) for example in first]
            if way.shared and any(len(sequences) > 1 for sequences in made):
                raise UnsuitableError("the questions have no beginning with the picture in common")
            if way.shared and window is not None:
                every = _encode_all(encoder, examples, way, fold)
                longest = max(len(one.ids) for sequences in every for one in sequences)
                if longest > window:
                    raise UnsuitableError(f"of {longest} tokens, the model's window is {window}")
            lean = make_lean()
            found = _scores(vlm, encoder, made, way, lean)
            difference = float((found - expected).abs().max())
            if not difference <= close:
                raise UnsuitableError(f"scores differ by {difference:.2g} from single prompts")
        except RunError:
            raise
        except Exception as error:  # models raise what they like over inputs they do not know
            reasons.append(f"{name}: {error or type(error).__name__}")
            return False, None
        return True, lean

    for way in WAYS:
        if suits(way, str(way), lambda: None)[0]:
            lean = suits(way, "leaving out what is not read", lambda: Lean(vlm.model))[1]
            return way, lean, reasons
    raise RunError(
        "this model cannot be trained here: in a batch it answers otherwise than by itself.\n  "
        + "\n  ".join(reasons)
    )


def _encode_all(
    encoder: Encoder, examples: Sequence[Example], way: Way, fold: int
) -> list[list[Tokens]]:
    """The sequences of each example; what was made before is there at once."""
    title = f"fold {fold + 1}: sequences"
    bar = tqdm(examples, desc=title, unit="tweet", disable=None, leave=False)
    return [encoder.encode(example, way) for example in bar]


def _scores(
    vlm: Vlm,
    encoder: Encoder,
    made: Sequence[Sequence[Tokens]],
    way: Way,
    lean: Lean | None = None,
) -> Tensor:
    """The logarithms of the probabilities of the answers' tokens."""
    batch = moved(vlm.model, encoder.batch(made, way))
    try:
        with torch.no_grad():
            logits, tokens, _ = answer_scores(vlm.model, batch, lean)
    finally:
        if lean is not None:
            lean.read(None)  # it may not suit, or fail half-way; then all is computed again
    return torch.log_softmax(logits, dim=-1).gather(1, tokens[:, None])[:, 0].cpu()


class _Encoded(Dataset[list[Tokens]]):  # type: ignore[misc]
    def __init__(self, examples: Sequence[list[Tokens]]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, place: int) -> list[Tokens]:
        return self._examples[place]


class Order(Sampler[int]):  # type: ignore[misc]
    """The order of the examples, which follows from seed and epoch: a resumed training has it, too.

    The examples of a step are sorted by length. So those that are in memory together are of like
    length, and little is computed for fillers; the step learns from the same ones.

    Args:
        lengths: tokens of each example.
        chances: how often to take each, on average, with others in its place; ``None`` to take
            each once.
        batch: examples a step.
        seed: from 0 on.
    """

    def __init__(
        self, lengths: Sequence[int], chances: Sequence[float] | None, batch: int, seed: int
    ) -> None:
        self._lengths, self._chances = lengths, chances
        self._batch, self._seed, self._epoch = batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """As accelerate calls it."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        count, generator = len(self), torch.Generator().manual_seed(self._seed + self._epoch)
        if self._chances is None:
            drawn = torch.randperm(count, generator=generator)
        else:
            chances = torch.tensor(self._chances, dtype=torch.float64)
            drawn = torch.multinomial(chances, count, replacement=True, generator=generator)
        for start in range(0, count, self._batch):
            step = drawn[start : start + self._batch].tolist()
            if len(step) == self._batch:  # of a smaller one, the last would be left out
                step.sort(key=self._lengths.__getitem__)
            yield from step


class _AnswerTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is that of the answers alone."""

    def __init__(
        self,
        vlm: Vlm,
        lean: Lean | None,
        order: Order,
        **given: Any,
    ) -> None:
        super().__init__(**given)
        self._vlm, self._lean = vlm, lean
        # It counts the labels of all batches of a step, so that the loss is their mean.
        self.model_accepts_loss_kwargs = True
        self._order = order

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        own = self._vlm.model
        logits, tokens, weights = answer_scores(own, moved(own, inputs), self._lean)
        losses = functional.cross_entropy(logits, tokens, reduction="none") * weights
        count = len(tokens) if num_items_in_batch is None else num_items_in_batch
        loss = losses.sum() / count
        return (loss, {"logits": logits}) if return_outputs else loss

    def floating_point_ops(self, inputs: Any) -> int:
        """None: Trainer would count all weights at each step, for a figure that nobody reads."""
        return 0

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[list[Tokens]]:
        """All of the inner split: Trainer's own leaves out what does not fill a batch."""
        data = self.eval_dataset if eval_dataset is None else eval_dataset
        loader: DataLoader[list[Tokens]] = self.accelerator.prepare(
            DataLoader(data, batch_size=self.args.eval_batch_size, collate_fn=self.data_collator)
        )
        return loader

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order


class _DivergedError(Exception):
    """The loss or a weight is not finite: further steps would be in vain."""


class _Record(TrainerCallback):  # type: ignore[misc]
    """One bar, and the seconds so far with each line of the log, over all sessions."""

    def __init__(self, title: str, steps: int) -> None:
        self._bar = tqdm(total=steps, desc=title, unit="step", disable=None, leave=False)
        self._start = time.monotonic()
        self._before = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._bar.update(state.global_step)
        self._before = max((line.get("seconds", 0.0) for line in state.log_history), default=0.0)
        self._start = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._bar.update(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if state.log_history:
            elapsed = self._before + time.monotonic() - self._start
            state.log_history[-1]["seconds"] = round(elapsed, 3)
        if logs and "loss" in logs:
            self._bar.set_postfix(loss=f"{logs['loss']:.3f}")
            if not np.isfinite(logs["loss"]):
                raise _DivergedError(f"the loss of step {state.global_step} is {logs['loss']}")

    def close(self) -> None:
        self._bar.close()


def fit(
    vlm: Vlm,
    trained: Any,
    encoder: Encoder,
    way: Way,
    lean: Lean | None,
    lesson: Lesson,
    config: TrainingConfig,
    folder: Path,
    fold: int,
    log: Callable[[str], None],
) -> Mapping[str, Any]:
    """Train the model of one fold; leave its weights and its record in *folder*.

    A fold that was begun goes on from its last checkpoint.

    Args:
        vlm: model and processor.
        trained: as :func:`adapt` returns it for the model.
        encoder, way: of its sequences.
        lean: what the model leaves out, of :func:`choose_way`.
        lesson: what to train on.
        config: how.
        folder: of the fold.
        fold: its number, from 0.
        log: takes what a user should know.

    Returns:
        The record, as :func:`read_record` reads it.

    Raises:
        RunError: the disk or memory is full, or the loss is not finite; with what to do.
    """
    seed = config.seed + fold
    checkpoints = folder / _CHECKPOINTS
    encoded = [_encode_all(encoder, part, way, fold) for part in (lesson.train, lesson.inner)]
    at_once = _divisor(config.batch_size, lesson.at_once)
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=lesson.steps,
        per_device_train_batch_size=at_once,
        per_device_eval_batch_size=at_once,
        gradient_accumulation_steps=config.batch_size // at_once,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(config.warmup * lesson.steps),
        weight_decay=0.0,
        optim="adamw_torch",
        seed=seed,
        data_seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_steps=lesson.steps_an_epoch,
        save_total_limit=2,
        eval_strategy="steps" if lesson.inner else "no",
        eval_steps=lesson.steps_an_epoch,
        load_best_model_at_end=bool(lesson.inner),
        metric_for_best_model="loss" if lesson.inner else None,
        greater_is_better=False,
        # Of this name in all versions that setup.cfg allows; the newest warn of it.
        **({"gradient_checkpointing": True} if lesson.recompute else {}),
        prediction_loss_only=True,
        remove_unused_columns=False,
        dataloader_drop_last=True,
        use_cpu=vlm.model.device.type == "cpu",
        disable_tqdm=True,
        report_to="none",
        label_names=["labels"],
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # a fold is trained on one device
    set_seed(seed)
    progress = _Record(f"fold {fold + 1} of {config.folds}", lesson.steps)
    callbacks: list[Any] = [progress]
    if lesson.inner:
        callbacks.append(EarlyStoppingCallback(config.early_stopping))

    def collate(examples: Sequence[Sequence[Tokens]]) -> dict[str, Any]:
        return encoder.batch(examples, way)

    sizes = np.bincount(lesson.relations)
    order = Order(
        lengths=[max(len(sequence.ids) for sequence in example) for example in encoded[0]],
        chances=[1 / sizes[relation] for relation in lesson.relations]
        if config.balance == "sampling"
        else None,
        batch=config.batch_size,
        seed=seed,
    )
    trainer = _AnswerTrainer(
        vlm,
        lean,
        order,
        model=trained,
        args=arguments,
        train_dataset=_Encoded(encoded[0]),
        eval_dataset=_Encoded(encoded[1]) if lesson.inner else None,
        data_collator=collate,
        callbacks=callbacks,
    )
    _quiet(trainer)
    last = last_checkpoint(checkpoints)
    if last is not None:
        log(f"fold {fold + 1}: resumed after step {last.name.rpartition('-')[2]}")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with _explained(folder):
        try:
            trainer.train(resume_from_checkpoint=None if last is None else str(last))
            if not all(one.isfinite().all() for one in trained.parameters() if one.requires_grad):
                raise _DivergedError("a weight is not finite after the last step")
        except _DivergedError as error:
            raise RunError(
                f"fold {fold + 1}: {error}. Take a lower --learning-rate than "
                f"{config.learning_rate:g}, and delete {folder.parent.parent} first or give "
                "another --name"
            ) from None
        finally:
            progress.close()
        _save(vlm, trained, folder)
    history = trainer.state.log_history
    losses = [line["loss"] for line in history if "loss" in line]
    record = _write_record(
        folder,
        {
            "fold": fold,
            "seed": seed,
            "steps": trainer.state.global_step,
            "best_step": trainer.state.best_global_step if lesson.inner else None,
            "tweets": len(lesson.train),
            "inner_tweets": len(lesson.inner),
            "way": str(way),
            "losses": losses,
            "inner_losses": [line["eval_loss"] for line in history if "eval_loss" in line],
            "seconds": max((line.get("seconds", 0.0) for line in history), default=0.0),
            "memory": _peak_memory(),
            "weights": weights_hash(folder / WEIGHTS),
        },
    )
    shutil.rmtree(checkpoints, ignore_errors=True)
    return record


def _write_record(folder: Path, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the record of a fold, with a checksum of it; return it as it is read again."""
    plain: Mapping[str, Any] = json.loads(json.dumps(record))
    write_json(folder / RECORD, {**plain, "checksum": digest(plain)})
    return plain


def read_record(folder: Path) -> Mapping[str, Any] | None:
    """What :func:`fit` left of a fold; ``None`` where it is not done.

    Raises:
        RunError: it was damaged.
    """
    path = folder / RECORD
    if not path.exists():
        return None
    advice = (
        f"put it back, or delete {folder}: the fold is trained again. If its weights then differ, "
        f"as they may on a GPU, delete the predictions in {folder.parent.parent}, too"
    )
    try:
        found: dict[str, Any] = read_json(path)
        if found.pop("checksum", None) != digest(found):
            raise RunError(f"{path}: what it says does not fit its checksum; {advice}")
        if weights_hash(folder / WEIGHTS) == found["weights"]:
            return found
    except OSError as error:
        raise RunError(f"cannot read {folder / WEIGHTS}: {error}; {advice}") from error
    raise RunError(f"{folder / WEIGHTS}: not the weights that {RECORD} names; {advice}")


def last_checkpoint(checkpoints: Path) -> Path | None:
    """The last whole checkpoint; what a kill left of others is removed."""
    whole = {}
    for found in checkpoints.glob("checkpoint-*"):
        try:
            state = json.loads((found / _STATE).read_bytes())  # written last
        except (OSError, ValueError):
            shutil.rmtree(found, ignore_errors=True)
        else:
            whole[found] = state
    last = max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    if last is not None and (best := whole[last].get("best_model_checkpoint")):
        # Trainer notes the path, and silently takes the last weights where nothing is there.
        here = str(checkpoints / Path(best).name)
        if here != best:
            write_json(last / _STATE, {**whole[last], "best_model_checkpoint": here})
    return last


def weights_hash(folder: Path) -> str:
    """Digest of the files of *folder*."""
    return digest({path.name: file_hash(path) for path in sorted(folder.iterdir())})


def _save(vlm: Vlm, trained: Any, folder: Path) -> None:
    """The weights, and for a whole model its processor, in a folder that appears whole."""
    part = folder / f"{WEIGHTS}.part"
    shutil.rmtree(part, ignore_errors=True)
    for lora in getattr(trained, "peft_config", {}).values():
        # peft keeps a set: its order, and so the hash of the file, would differ by process.
        lora.target_modules = sorted(lora.target_modules)
    trained.save_pretrained(part)
    if trained is vlm.model:
        vlm.processor.save_pretrained(part)
    target = folder / WEIGHTS
    shutil.rmtree(target, ignore_errors=True)
    part.replace(target)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Full memory and full disks in words that say what to do."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"not enough memory to train ({str(error).splitlines()[0]}). Take --at-once 1, "
            "--recompute, a lower max_pixels, or quantization=4bit in --model_args; what was "
            "trained before is kept"
        ) from error
    except (OSError, EOFError, pickle.UnpicklingError, SafetensorError, RuntimeError) as error:
        if _is_damage(error):
            raise RunError(
                f"a checkpoint in {folder / _CHECKPOINTS} is damaged ({error}). Delete the last "
                "one, and give the same command again"
            ) from error
        if not _is_disk(error):
            raise
        free = shutil.disk_usage(folder).free / 2**30
        raise RunError(
            f"cannot write a checkpoint to {folder}: {error}. {free:.1f} GiB are free there: free "
            "some space, and give the same command again; it goes on from the last checkpoint"
        ) from error


def _is_damage(error: Exception) -> bool:
    signs = ("PytorchStreamReader", "deserializing")
    return isinstance(error, (EOFError, pickle.UnpicklingError)) or any(
        sign in str(error) for sign in signs
    )


def _is_disk(error: Exception) -> bool:
    signs = (
        "No space left",
        "Disk quota",
        "PytorchStreamWriter",
        "unexpected pos",
        "I/O error",
        "inline_container",
    )
    return isinstance(error, OSError) or any(sign in str(error) for sign in signs)


def _divisor(batch: int, most: int) -> int:
    return max(number for number in range(1, min(batch, most) + 1) if batch % number == 0)


def _quiet(trainer: Any) -> None:
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _peak_memory() -> int:
    """The most bytes so far: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
