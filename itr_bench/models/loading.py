"""Loading an adapter of lmms-eval, checked to do what a run asks of it."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from itr_bench.data.manifest import folder_hash
from itr_bench.errors import ItrBenchError, RunError
from itr_bench.models.adapters import Seeding
from itr_bench.models.arguments import CHECKPOINT, format_arguments
from itr_bench.models.libraries import libraries_in_use
from itr_bench.models.spec import ModelSpec
from itr_bench.models.turns import NO_ORDER
from itr_bench.packages import explained
from itr_bench.tasks.spec import get_task
from itr_bench.version import __version__

_PROCESSORS = ("processor", "_processor", "_image_processor")
"""Where chat adapters have what renders their prompts."""


def load(model: ModelSpec, tasks: Sequence[str]) -> Any:
    """The adapter of *model*, loaded for *tasks*.

    Raises:
        ItrBenchError: it cannot be loaded, or cannot do what one of the tasks needs.
    """
    try:
        from lmms_eval.models import get_model
        from loguru import logger
    except ImportError as error:
        raise RunError(explained("lmms-eval", error)) from error
    logger.remove()
    logger.add(sys.stderr, level="WARNING", format="{level}: {message}")
    handling = model.handling
    arguments = {k: v for k, v in model.arguments.items() if k not in handling.processor}
    if not handling.takes_batches:
        arguments.setdefault("batch_size", 1)
    try:
        with no_bars():
            kind = get_model(model.adapter, model.force_simple)
            _check_checkpoint(kind, model)
            _check_order(kind, model, tasks)
            lm = kind(**arguments)
    except ItrBenchError:
        raise
    except ImportError as error:
        raise RunError(explained(f"--model {model.adapter}", error)) from error
    except (Exception, SystemExit) as error:
        raise RunError(
            f"{model.adapter} could not be loaded with {_listed(arguments)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    for name in handling.processor:
        if name in model.arguments:
            _set_on_processor(lm, name, model.arguments[name])
    _check_template(lm, model, tasks)
    return lm


def _check_checkpoint(kind: type, model: ModelSpec) -> None:
    """Refuse to load whatever checkpoint an adapter has by default.

    Raises:
        RunError: a local adapter that takes a checkpoint was given none.
    """
    if model.handling.seeding not in (Seeding.PROCESS, Seeding.REQUEST) or model.checkpoint:
        return
    taken = {
        name
        for base in inspect.getmro(kind)
        if "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    names = [name for name in (model.handling.checkpoint, *CHECKPOINT) if name in taken]
    if names and not any(model.arguments.get(name) for name in names):
        raise RunError(
            f"{model.adapter} was given no checkpoint: give --model_args {names[0]}=NAME"
        )


def _check_order(kind: type, model: ModelSpec, tasks: Sequence[str]) -> None:
    """Refuse the variants of the order where the adapter has an order of its own.

    Raises:
        RunError: it is a simple adapter, which gets text and image apart.
    """
    if model.adapter == "itr_baseline" or not getattr(kind, "is_simple", True):
        return  # the baseline looks at no prompt
    for task in tasks:
        if get_task(task).variant.order:
            raise RunError(f"{task}, --model {model.adapter}: {NO_ORDER}")


def _check_template(lm: Any, model: ModelSpec, tasks: Sequence[str]) -> None:
    """Refuse the variants of the order where the chat template may not keep it.

    Raises:
        RunError: both orders give the same prompt, or the adapter has no template to try it on.
    """
    asked = [task for task in tasks if get_task(task).variant.order]
    # The baseline looks at no prompt, itr_vlm checks its own template, and a server's is its own.
    if not asked or model.adapter in ("itr_baseline", "itr_vlm", "itr_server"):
        return
    where = f"{asked[0]}, --model {model.adapter}: "
    held = (getattr(lm, name, None) for name in _PROCESSORS)
    processor = next((one for one in held if hasattr(one, "apply_chat_template")), None)
    if processor is None:
        raise RunError(
            f"{where}this adapter has no processor that shows in which order its model gets text "
            "and image; take --model itr_vlm"
        )
    parts = [{"type": "text", "text": "text"}, {"type": "image", "image": "image"}]
    try:
        one, other = (
            processor.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
            for content in (parts, parts[::-1])
        )
    except Exception as error:  # templates raise what they like
        raise RunError(
            f"{where}its chat template cannot be tried ({type(error).__name__}: {error}); leave "
            "the task out"
        ) from error
    if one == other:
        raise RunError(
            f"{where}the chat template of this checkpoint puts the image into a place of its own, "
            "whatever the order of the message; leave the task out"
        )


def _listed(arguments: Mapping[str, Any]) -> str:
    return format_arguments(arguments) or "no arguments"


def _set_on_processor(lm: Any, name: str, value: Any) -> None:
    """Set what the adapter has no argument for on its image processor."""
    processor = getattr(getattr(lm, "_processor", None), "image_processor", None)
    if not hasattr(processor, name):
        raise RunError(
            f"{name}={value}: the image processor of this checkpoint has no {name!r}; leave the "
            "argument out, and the run differs from the paper in that"
        )
    setattr(processor, name, value)


@contextlib.contextmanager
def no_bars() -> Iterator[None]:
    """Silence the progress bars of others: there is one, of the run."""
    import tqdm.std

    bar = tqdm.std.tqdm
    original = bar.__init__

    @functools.wraps(original)
    def silent(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **{**kwargs, "disable": True})

    bar.__init__ = silent  # type: ignore[method-assign]
    try:
        yield
    finally:
        bar.__init__ = original  # type: ignore[method-assign]


# What was loaded


def loaded_configuration(lm: Any, model: ModelSpec) -> dict[str, Any]:
    """What of a run's configuration is known only now; see ``manifest.LOADED``."""
    kind = "simple" if lm.is_simple else "chat"
    is_local = model.handling.seeding in (Seeding.PROCESS, Seeding.REQUEST)
    return {
        "adapter_class": f"{type(lm).__module__}.{type(lm).__name__} ({kind})",
        "content": content(model),
        "device": _device(lm) if is_local else None,
        "dtype": _dtype(lm),
        "engine": dict(getattr(lm, "conditions", None) or {}),
        "libraries": {
            "itr-bench": __version__,
            **libraries_in_use(asks_server=bool(model.handling.addresses)),
        },
    }


def _device(lm: Any) -> str | None:
    """``cpu`` or the name of the GPU that *lm* is on; ``None`` where it does not say."""
    import torch

    device = str(getattr(lm, "device", "") or "")
    if device.startswith("cuda") and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(device))
    return device or None


def _dtype(lm: Any) -> str | None:
    """The number format of the weights, such as ``bfloat16``."""
    dtype = getattr(getattr(lm, "model", None), "dtype", None)
    return None if dtype is None else str(dtype).removeprefix("torch.")


def content(model: ModelSpec) -> str | None:
    """What exactly the checkpoint is: the commit of the Hub, or a hash of the folder's files."""
    checkpoint = model.checkpoint
    if checkpoint is None:
        return None
    if Path(checkpoint).is_dir():
        return f"sha256:{folder_hash(Path(checkpoint))}"
    return _commit(checkpoint, model.arguments.get("revision"))


def _commit(checkpoint: str, revision: object) -> str | None:
    """The commit that was loaded, from the Hub's cache; ``None`` for what is not in it."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name = None if revision is None else str(revision)
    try:
        path = try_to_load_from_cache(checkpoint, "config.json", revision=name)
    except HFValidationError:
        return None
    return f"commit:{Path(path).parent.name}" if isinstance(path, str) else None
