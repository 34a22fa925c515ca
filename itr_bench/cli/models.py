"""``itr-bench models``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from tabulate import tabulate

from itr_bench.errors import RunError, unknown_name
from itr_bench.models.adapters import handling
from itr_bench.models.arguments import format_arguments, parse_arguments
from itr_bench.models.machine import missing
from itr_bench.models.presets import Preset, get_preset, presets
from itr_bench.models.spec import resolve_model
from itr_bench.runs.commands import plain_command
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks.spec import get_task

_EXAMPLE = get_task("ltec_itr_lv")
_LOADING = (
    *("revision", "dtype", "quantization", "device", "min_pixels", "max_pixels"),
    *("trust_remote_code", "chat_template", "thinking"),
)


@click.command("models")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
@click.option(
    "--check",
    is_flag=True,
    help="Load NAME (a preset, a checkpoint on the Hub or a folder) and say how it would share.",
)
@click.option(
    "--model_args",
    default="",
    metavar="ARGUMENTS",
    help="With --check: arguments of itr_vlm, such as device=cpu,dtype=float32.",
)
def command(name: str | None, as_json: bool, check: bool, model_args: str) -> None:
    """List the presets; with NAME, everything about one of them.

    With --check, NAME is loaded and tried on made-up tweets: by which way its prompts share the
    image, and why not by a faster one. Nothing is evaluated or written.

    \b
    itr-bench models qwen3-vl-8b
    itr-bench models --check google/gemma-3-4b-it
    itr-bench models --check ./checkpoint --model_args device=cpu,dtype=float32

    Any other model of lmms-eval is run by its own name and arguments:
    itr-bench run --model qwen2_5_vl --model_args pretrained=NAME ...
    """
    if check:
        _check(name, model_args, as_json)
        return
    if model_args:
        raise RunError("--model_args goes with --check: itr-bench models --check NAME")
    chosen = [get_preset(name)] if name is not None else list(presets().values())
    described = [_describe(preset) for preset in chosen]
    if as_json:
        out = described[0] if name is not None else described
        click.echo(json.dumps(out, indent=2, ensure_ascii=False))
        return
    if name is not None:
        _show(chosen[0])
        return
    rows = [
        [
            preset.name,
            preset.checkpoint,
            _precision(preset),
            ", ".join(preset.order),
            preset.answer_format,
            _sampling(preset),
            "yes" if preset.seeds_can_differ else "no",
            ", ".join(found["missing"]) or "-",
        ]
        for preset, found in zip(chosen, described, strict=True)
    ]
    header = ["preset", "checkpoint", "precision", "order", "answers", "sampling"]
    header += ["seeds can differ", "missing here"]
    click.echo(tabulate(rows, header, tablefmt="simple", disable_numparse=True))
    click.echo(
        "\nThe first five as in the paper (arXiv:2505.05040), the others as published with the "
        "checkpoint. `itr-bench models NAME` shows the rest."
    )


def _check(name: str | None, model_args: str, as_json: bool) -> None:
    if name is None:
        raise RunError(
            "--check needs a preset, a name on the Hub or a folder: itr-bench models --check NAME"
        )
    options = parse_arguments(model_args, "--model_args")
    checkpoint = name
    if name in presets():
        preset = get_preset(name)
        if preset.adapter != "itr_vlm":
            raise RunError(
                f"{name} runs through lmms-eval's adapter {preset.adapter}, which generates one by "
                "one; --check is for itr_vlm"
            )
        checkpoint, options = preset.checkpoint, {**preset.model_args, **options}
    if (unknown := next((key for key in options if key not in _LOADING), None)) is not None:
        raise RunError(unknown_name("argument of --check", unknown, _LOADING))
    from itr_bench.engine.check import check  # torch takes seconds

    found = check(checkpoint, **options)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    lines = [
        ("checkpoint", checkpoint),
        ("model", f"{found.model}, transformers {found.transformers}"),
        ("way", found.way),
        *([("why not before", found.why)] if found.why else []),
    ]
    if found.window is not None:
        lines.append(("window", f"{found.window} tokens"))
        lines.append(("longer prompts", f"{found.beyond}"))
        if found.why_beyond:
            lines.append(("why not before", found.why_beyond))
    click.echo(tabulate(lines, tablefmt="plain", disable_numparse=True))


def _describe(preset: Preset) -> dict[str, Any]:
    model = resolve_model(preset.name)
    return {
        **asdict(preset),
        "missing": missing(model.adapter, model.arguments, force_simple=model.force_simple),
        "plain_command": plain_command(_EXAMPLE, model, len(PAPER_SEEDS)),
    }


def _precision(preset: Preset) -> str:
    arguments = preset.model_args
    quantization = arguments.get("quantization", "none")
    dtype = str(arguments.get("dtype", "auto"))
    return dtype if quantization == "none" else f"{quantization}, {dtype}"


def _sampling(preset: Preset) -> str:
    given = {k: v for k, v in preset.generation.items() if k in ("temperature", "top_k", "top_p")}
    set_ = {key: value for key, value in given.items() if value is not None}
    return format_arguments(set_) or "the checkpoint's own"


def _show(preset: Preset) -> None:
    found = _describe(preset)
    arguments = {handling(preset.adapter).checkpoint: preset.checkpoint, **preset.model_args}
    taken = [key for key, value in preset.generation.items() if value is None]
    given = {key: value for key, value in preset.generation.items() if value is not None}
    lines = [
        ("preset", preset.name),
        ("checkpoint", preset.checkpoint),
        ("adapter", f"{preset.adapter}, {format_arguments(arguments)}"),
        ("order", ", ".join(preset.order)),
        ("answer format", preset.answer_format),
        ("generation", format_arguments(given)),
        *(("", f"{key}: the checkpoint's own") for key in taken),
        ("seeds can differ", "yes" if preset.seeds_can_differ else "no"),
        *(("remark", remark) for remark in preset.remarks),
        ("source", preset.source),
        *(("missing here", f"{what}: {hint}") for what, hint in found["missing"].items()),
        ("plain lmms-eval", found["plain_command"]),
    ]
    click.echo(tabulate(lines, tablefmt="plain", disable_numparse=True))
