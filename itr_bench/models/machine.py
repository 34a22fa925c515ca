"""What a model needs of this machine, found out before anything is loaded."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any

from itr_bench.models.adapters import handling

_INSTALL = {
    "torch": "pip install 'itr-bench[eval]'",
    "lmms_eval": "pip install 'itr-bench[eval]'",
    "bitsandbytes": "pip install 'itr-bench[4bit]'",
    "decord": "pip install decord",
}


def has_package(name: str) -> bool:
    """Whether the package with the import name *name* is installed."""
    return importlib.util.find_spec(name) is not None


@functools.lru_cache(maxsize=1)
def gpu_count() -> int:
    """The number of GPUs that PyTorch sees; 0 without PyTorch."""
    if not has_package("torch"):
        return 0
    import torch

    return int(torch.cuda.device_count())


def missing(adapter: str, arguments: Mapping[str, Any]) -> dict[str, str]:
    """What an adapter with these arguments needs and this machine lacks.

    Returns:
        What to do about it, by what is missing: a package, or ``GPU``.
    """
    quantized = arguments.get("quantization", "none") != "none"
    device = str(arguments.get("device", "auto"))
    # 4 bits are for models that are too large for anything but a GPU, unless the user says so.
    on_gpu = device.startswith("cuda") or (quantized and device != "cpu")
    packages = ["torch", "lmms_eval", *handling(adapter).packages]
    packages += ["bitsandbytes"] if quantized else []
    found = {name: _INSTALL[name] for name in packages if not has_package(name)}
    instead = "or run in full precision: --model_args quantization=none"
    if "bitsandbytes" in found:
        found["bitsandbytes"] += f", {instead}"
    if on_gpu and not gpu_count():
        found["GPU"] = "or run on the CPU, which takes days for a large model: device=cpu"
    return found
