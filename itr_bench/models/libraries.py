"""The versions of what can change a model's responses."""

from __future__ import annotations

import contextlib
import functools
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

# Always there, and engines by import name where in use.
_LIBRARIES = (
    *("lmms-eval", "torch", "torchvision", "transformers", "tokenizers", "accelerate"),
    *("pillow", "qwen-vl-utils"),
)
_ENGINES = {
    "bitsandbytes": "bitsandbytes",
    "flash_attn": "flash-attn",
    "vllm": "vllm",
    "sglang": "sglang",
    "openai": "openai",
}


_OF_SERVER = ("openai", "pillow")


def libraries_of_server() -> dict[str, str]:
    """Versions by package of what asks a server."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in _OF_SERVER},
    }


@functools.lru_cache(maxsize=1)
def libraries_in_use() -> dict[str, str]:
    """Versions by package, as they are now; ask once the model is loaded."""
    found = {"python": platform.python_version()}
    in_use = (package for module, package in _ENGINES.items() if module in sys.modules)
    for package in (*_LIBRARIES, *in_use):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
