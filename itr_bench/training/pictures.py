"""What a frozen vision encoder makes of each picture, kept on the disk for all epochs and folds."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor
from transformers.utils import ModelOutput

from itr_bench.errors import RunError, bullet_list
from itr_bench.runs.manifest import difference_lines, differences, read_json, write_json
from itr_bench.runs.response_log import one_writes

_IDENTITY = "pictures.json"
_OLD_S = 3600
_IN_MEMORY = 512 * 2**20
"""Bytes of pictures that are kept in memory beside the disk."""

# Left out: what models return beside what goes into the decoder.
_NOT_KEPT = ("last_hidden_state", "hidden_states", "attentions")


class PictureStore:
    """Tensors by picture, of one model.

    Args:
        folder: made if missing.
        identity: what the tensors depend on: checkpoint, precision, processor, library.

    Raises:
        RunError: the folder holds the pictures of another model.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self._folder = folder
        self._memory: dict[str, Any] = {}
        self._size = 0
        path = folder / _IDENTITY
        with one_writes(folder):
            if not path.exists():
                write_json(path, dict(identity))
        for left in folder.glob("*.part"):  # of a process that was killed, not of one at work
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _OLD_S:
                    left.unlink()
        found = differences(read_json(path), json.loads(json.dumps(identity)))
        if found:
            raise RunError(
                f"{folder} holds the encoded pictures of another model or setting:\n"
                f"{bullet_list(difference_lines(found))}\n"
                "Move the folder away (it is made again), or choose another one with --name"
            )

    def has(self, key: str) -> bool:
        """Whether *key* is there."""
        return key in self._memory or self._path(key).exists()

    def put(self, key: str, value: Any) -> None:
        """Keep *value*, tensors in dictionaries, lists and tuples, whole or not at all."""
        path = self._path(key)
        part = path.with_suffix(f".{uuid4().hex}.part")  # machines can have processes of one number
        try:
            torch.save(value, part)
            part.replace(path)
        except (OSError, RuntimeError) as error:
            raise RunError(
                f"cannot keep the encoded picture in {path}: {error}. Is the disk full? Free some "
                "space, or choose another disk with --out; the same command goes on"
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def get(self, key: str) -> Any:
        """What is kept of *key*.

        Raises:
            RunError: it was damaged.
        """
        if key in self._memory:
            return self._memory[key]
        path = self._path(key)
        try:
            value = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises what it likes
            raise RunError(
                f"{path} is damaged ({error}). Delete {self._folder}, it is made again, and give "
                "the same command again"
            ) from error
        size = path.stat().st_size
        if self._size + size <= _IN_MEMORY:
            self._memory[key] = value
            self._size += size
        return value

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.pt"


def has_features(model: Any) -> bool:
    """Whether *model* makes its pictures' features in a place of their own."""
    return callable(getattr(model.base_model, "get_image_features", None))


@contextlib.contextmanager
def noting(model: Any) -> Iterator[list[Any]]:
    """Note what the model makes of its pictures; empty where that cannot be kept.

    Nothing is noted that depends on weights that are trained.
    """
    found: list[Any] = []
    if not has_features(model):
        yield found
        return
    base = model.base_model
    original = base.get_image_features

    def note(*args: Any, **kwargs: Any) -> Any:
        with torch.enable_grad():
            output = original(*args, **kwargs)
        kept = _kept(output)
        tensors: list[Tensor] = []
        mapped(tensors.append, kept)
        if not any(tensor.requires_grad for tensor in tensors):
            found.append(kept)
        return output

    base.get_image_features = note
    try:
        yield found
    finally:
        del base.get_image_features


@contextlib.contextmanager
def serving(model: Any, features: Any) -> Iterator[None]:
    """Let *model* take *features* in place of encoding its pictures; ``None`` for no change."""
    if features is None:
        yield
        return
    base = model.base_model
    served = ModelOutput(**features) if isinstance(features, dict) else features
    base.get_image_features = lambda *_, **__: served
    try:
        yield
    finally:
        del base.get_image_features


def joined(features: Sequence[Any], name: str = "pooler_output") -> Any:
    """The features of several pictures as those of one batch.

    A list under ``pooler_output`` has an entry a picture; any other has one a layer.
    """
    first = features[0]
    if len(features) == 1:
        return first
    if isinstance(first, dict):
        return {key: joined([one[key] for one in features], key) for key in first}
    if isinstance(first, (list, tuple)):
        if name == "pooler_output":
            return [part for one in features for part in one]
        return [joined(parts) for parts in zip(*features, strict=True)]
    return torch.cat(list(features))


def _kept(output: Any) -> Any:
    """What of the output of a vision encoder goes on, as plain dictionaries, lists and tensors."""
    if hasattr(output, "keys"):
        return {
            name: _kept(value)
            for name, value in output.items()
            if name not in _NOT_KEPT and value is not None
        }
    if isinstance(output, (list, tuple)):
        return [_kept(value) for value in output]
    return output


def mapped(change: Callable[[Tensor], Any], value: Any) -> Any:
    """*value*, dictionaries and lists of tensors, with each tensor changed."""
    if isinstance(value, dict):
        return {name: mapped(change, one) for name, one in value.items()}
    if isinstance(value, list):
        return [mapped(change, one) for one in value]
    return change(value) if isinstance(value, Tensor) else value


def on_cpu(value: Any) -> Any:
    """*value* with its tensors detached, on the CPU, none of them a view."""
    return mapped(lambda tensor: tensor.detach().cpu().clone(), value)


def moved(model: Any, value: Any) -> Any:
    """*value* with its tensors on the device of *model*, numbers in its precision."""
    return mapped(
        lambda tensor: tensor.to(model.device, model.dtype if tensor.is_floating_point() else None),
        value,
    )
