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
}


_OF_SERVER = ("openai", "pillow")


def libraries_of_server() -> dict[str, str]:
    """Versions by package of what asks a server."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in _OF_SERVER},
    }


@functools.lru_cache(maxsize=2)
def libraries_in_use(*, asks_server: bool = False) -> dict[str, str]:
    """Versions by package, as they are now; ask once the model is loaded.

    Args:
        asks_server: whether responses come by the ``openai`` client, which others import, too.
    """
    found = {"python": platform.python_version()}
    in_use = [package for module, package in _ENGINES.items() if module in sys.modules]
    in_use += ["openai"] if asks_server else []
    for package in (*_LIBRARIES, *in_use):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
