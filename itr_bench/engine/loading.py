"""Loading a checkpoint: model and processor, precision, device."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from itr_bench.engine.device import choose_device
from itr_bench.errors import ItrBenchError, unknown_name
from itr_bench.packages import explained, has_package, how_to_install

DTYPES = {
    "auto": "auto",
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
QUANTIZATIONS = ("none", "4bit")


@dataclass(frozen=True)
class Vlm:
    """A vision-language model and what prepares its inputs."""

    model: Any
    processor: Any


def load(
    pretrained: str,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    quantization: str = "none",
    device: str = "auto",
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    trust_remote_code: bool = False,
    chat_template: str | None = None,
    thinking: bool | None = None,
    peft: str | None = None,
) -> Vlm:
    """Load a checkpoint of ``AutoModelForImageTextToText``.

    Args:
        pretrained: name on the Hugging Face Hub, or a folder.
        revision: branch, tag or commit.
        dtype: one of `DTYPES`; ``auto`` is the checkpoint's own. With 4 bits it is the precision
            of computing.
        quantization: ``none``, or ``4bit`` (bitsandbytes, NF4).
        device: ``auto`` (the first GPU, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.
        min_pixels: for processors that resize to a number of pixels.
        max_pixels: likewise.
        trust_remote_code: whether code that comes with the checkpoint may run.
        chat_template: a file with a Jinja template in place of the checkpoint's own.
        thinking: whether the template is to ask for thinking; ``None`` leaves it to the template.
        peft: a folder with an adapter of peft that was trained on this checkpoint.

    Raises:
        ItrBenchError: what cannot be had, and what to do instead.
    """
    if dtype not in DTYPES:
        raise ItrBenchError(unknown_name("dtype", dtype, DTYPES))
    if quantization not in QUANTIZATIONS:
        raise ItrBenchError(unknown_name("quantization", quantization, QUANTIZATIONS))
    place = choose_device(device)
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    limits = {"min_pixels": min_pixels, "max_pixels": max_pixels}
    for limit, pixels in limits.items():
        if pixels is not None and (not isinstance(pixels, int) or pixels < 1):
            raise ItrBenchError(f"{limit} is {pixels!r}, expected a number of pixels")
    config = _config(pretrained, options)
    given = {limit: pixels for limit, pixels in limits.items() if pixels is not None}
    processor = _processor(pretrained, {**options, **given})
    _set_chat_template(processor, chat_template, thinking)
    for limit in given:
        _check_takes(processor.image_processor, limit)
    loading: dict[str, Any] = {"dtype": DTYPES[dtype], "device_map": {"": place}}
    if quantization == "4bit":
        loading["quantization_config"] = _four_bits(dtype, config)
    try:
        model = AutoModelForImageTextToText.from_pretrained(pretrained, **options, **loading)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ItrBenchError(
            f"cannot load {pretrained} as a model that takes image and text: {error}\n"
            "Use lmms-eval's own adapter for this model, if it has one."
        ) from error
    if peft is not None:
        _load_adapter(model, peft)
    return Vlm(model.eval(), processor)


def _load_adapter(model: Any, folder: str) -> None:
    """Put an adapter into *model*, beside its weights: merged into 4 bits, they would be rounded.

    Raises:
        ItrBenchError: peft is missing, there is no adapter, or it fits another model.
    """
    if not has_package("peft"):
        raise ItrBenchError(f"peft={folder} needs the package peft: {how_to_install('peft')}")
    if not (Path(folder) / "adapter_config.json").is_file():
        raise ItrBenchError(
            f"peft={folder}: expected a folder with adapter_config.json and "
            "adapter_model.safetensors, such as OUT/NAME-trained-lv/folds/1/weights"
        )
    import peft  # not by transformers: 5.24 takes no peft before 0.22, which is not out

    try:
        config = peft.PeftConfig.from_pretrained(folder)
        there = peft.load_peft_weights(folder, device="cpu")
        wrapped = peft.get_peft_model(model, config)
        expected = peft.get_peft_model_state_dict(wrapped)
        wrong = sorted(
            name
            for name in {*there, *expected}
            if name not in there
            or name not in expected
            or there[name].shape != expected[name].shape
        )
        if wrong:
            raise ValueError(
                f"{len(wrong)} of its weights are of another shape or place ({wrong[0]})"
            )
        peft.set_peft_model_state_dict(wrapped, there)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise ItrBenchError(f"peft={folder} is no adapter for this checkpoint: {error}") from error


def _config(pretrained: str, options: dict[str, Any]) -> Any:
    try:
        return AutoConfig.from_pretrained(pretrained, **options)
    except ImportError as error:
        raise ItrBenchError(explained(f"the configuration of {pretrained}", error)) from error
    except (OSError, ValueError) as error:
        raise ItrBenchError(_refusal(pretrained, "configuration", error)) from error


def _processor(pretrained: str, options: dict[str, Any]) -> Any:
    try:
        found = AutoProcessor.from_pretrained(pretrained, **options)
    except ImportError as error:
        raise ItrBenchError(explained(f"the processor of {pretrained}", error)) from error
    except (OSError, ValueError, TypeError) as error:
        raise ItrBenchError(_refusal(pretrained, "processor", error)) from error
    if getattr(found, "image_processor", None) is None or not hasattr(found, "tokenizer"):
        raise ItrBenchError(
            f"{pretrained} has no image processor (found {type(found).__name__}): it is no "
            "checkpoint of a vision-language model, or its preprocessor_config.json is missing"
        )
    if not found.tokenizer.encode("Yes", add_special_tokens=False):
        # What transformers makes of a folder without the tokenizer's files.
        raise ItrBenchError(
            f"cannot load the processor of {pretrained}: the tokenizer's files are missing"
        )
    return found


def _set_chat_template(processor: Any, file: str | None, thinking: bool | None) -> None:
    """Give *processor* the template of *file*, or its tokenizer's where it has none itself.

    Templates of models that can think or not ask the variable ``enable_thinking``.
    """
    if file is not None:
        try:
            processor.chat_template = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ItrBenchError(
                f"chat_template={file}: {error}; expected a file with a Jinja template"
            ) from error
    elif not getattr(processor, "chat_template", None):
        processor.chat_template = getattr(processor.tokenizer, "chat_template", None)
    if thinking is None:
        return
    template = processor.chat_template
    if not isinstance(template, str) or "enable_thinking" not in template:
        raise ItrBenchError(
            f"thinking={thinking}: the chat template of this checkpoint has no switch for it "
            "(enable_thinking); leave it out"
        )
    value = str(bool(thinking)).lower()
    processor.chat_template = f"{{% set enable_thinking = {value} %}}{template}"


def _check_takes(image_processor: Any, name: str) -> None:
    """Refuse what transformers would take without a word, and not use."""
    kind = type(image_processor)
    options = getattr(getattr(kind, "valid_kwargs", None), "__annotations__", {})
    if name not in {*options, *inspect.signature(kind.__init__).parameters}:
        raise ItrBenchError(
            f"{name}: {kind.__name__} does not resize to a number of pixels; leave it out"
        )


def _refusal(pretrained: str, what: str, error: Exception) -> str:
    if "trust_remote_code" in str(error):
        return (
            f"the {what} of {pretrained} needs code that comes with the checkpoint. Read that "
            "code, and if you trust it, add trust_remote_code=True to --model_args"
        )
    return (
        f"cannot load the {what} of {pretrained}: {error}\nExpected a name on the Hugging Face "
        "Hub (with access, where it asks for it) or a folder with a checkpoint."
    )


def _four_bits(dtype: str, config: Any) -> Any:
    from transformers import BitsAndBytesConfig

    if not has_package("bitsandbytes"):
        raise ItrBenchError(
            "quantization=4bit needs the package bitsandbytes: "
            f"{how_to_install('bitsandbytes')}; or use quantization=none, which shows in the "
            "signature"
        )
    computed = DTYPES[dtype] if dtype != "auto" else (config.dtype or torch.bfloat16)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=computed
    )
