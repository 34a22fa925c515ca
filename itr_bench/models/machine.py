"""What a model needs of this machine, found out before anything is loaded."""

from __future__ import annotations

import ast
import functools
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itr_bench.models.adapters import handling, imports
from itr_bench.packages import has_package, how_to_install

_NAME_GPUS = """
import ctypes, sys
cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
count, name = ctypes.c_int(), ctypes.create_string_buffer(256)
if cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0:
    for number in range(count.value):
        cuda.cuDeviceGetName(name, 256, number)
        print(name.value.decode(errors="replace") or "GPU")
"""


def gpu_count() -> int:
    """The number of GPUs that PyTorch can use; 0 without PyTorch."""
    return len(gpus())


@functools.lru_cache(maxsize=1)
def gpus() -> tuple[str, ...]:
    """The GPUs that PyTorch can use, by name.

    The driver is asked, in a process of its own, since importing PyTorch takes seconds; only a
    PyTorch for another kind of GPU (ROCm) is asked itself.
    """
    build = torch_build()
    if build.get("hip"):
        import torch

        count = torch.cuda.device_count()
        return tuple(torch.cuda.get_device_name(number) for number in range(count))
    if not build.get("cuda"):
        return ()
    asked = subprocess.run(
        [sys.executable, "-S", "-c", _NAME_GPUS], capture_output=True, text=True, check=False
    )
    return tuple(asked.stdout.splitlines()) if asked.returncode == 0 else ()


def torch_build() -> dict[str, str | None]:
    """What the installed PyTorch was built for: ``cuda`` and ``hip`` with their versions."""
    spec = importlib.util.find_spec("torch")
    file = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    if file is None or not file.is_file():
        return {}
    return {
        node.target.id: ast.literal_eval(node.value)
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }


def missing(
    adapter: str, arguments: Mapping[str, Any], *, force_simple: bool = False
) -> dict[str, str]:
    """What an adapter with these arguments needs and this machine lacks; imports none of it.

    Returns:
        What to do about it, by what is missing: a package, or ``GPU``.
    """
    quantized = arguments.get("quantization", "none") != "none"
    device = str(arguments.get("device", "auto"))
    # 4 bits are for models that are too large for anything but a GPU, unless the user says so.
    on_gpu = device.startswith("cuda") or (quantized and device != "cpu")
    ours = [] if adapter == "itr_server" else ["torch", "lmms_eval"]
    packages = [*ours, *handling(adapter).packages]
    packages += ["bitsandbytes"] if quantized else []
    if has_package("lmms_eval"):
        packages += imports(adapter, force_simple=force_simple)
    found = {name: how_to_install(name) for name in packages if not has_package(name)}
    instead = "or run in full precision: --model_args quantization=none"
    if "bitsandbytes" in found:
        found["bitsandbytes"] += f", {instead}"
    if on_gpu and not gpu_count():
        found["GPU"] = "or run on the CPU, which takes days for a large model: device=cpu"
    return found
