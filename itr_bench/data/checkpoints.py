"""Checkpoints of transformers that translate or embed, as they are named, identified and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from itr_bench.data.manifest import folder_hash
from itr_bench.errors import DataError
from itr_bench.packages import has_package, missing


def require(what: str, *names: str, instead: str = "") -> None:
    """Refuse where packages are missing.

    Args:
        what: needs them.
        names: their import names.
        instead: what else can be done.

    Raises:
        DataError: says which are missing, and how to get them.
    """
    lacking = [name for name in names if not has_package(name)]
    if lacking:
        raise DataError(f"{missing(what, *lacking)}{instead}")


def name_of(pretrained: str) -> str:
    """What tables and manifests call a checkpoint: a folder by its last part."""
    return Path(pretrained).resolve().name if Path(pretrained).is_dir() else pretrained


def content_of(pretrained: str, config: Any, revision: str | None) -> str | None:
    """What is in a checkpoint: the hash of a folder, else the commit on the Hub if it is known."""
    if Path(pretrained).is_dir():
        return f"sha256:{folder_hash(Path(pretrained))}"
    return getattr(config, "_commit_hash", None) or revision


def load(kind: Any, pretrained: str, what: str, expected: str, **options: Any) -> Any:
    """Load a part of a checkpoint by ``kind.from_pretrained``.

    Args:
        kind: one of transformers' ``Auto...``.
        pretrained: name on the Hugging Face Hub, or a folder.
        what: the part.
        expected: what would do, for the error.
        options: as ``from_pretrained`` takes them.

    Raises:
        DataError: it cannot be loaded.
    """
    from safetensors import SafetensorError

    try:
        return kind.from_pretrained(pretrained, **options)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"cannot load the {what} of {name_of(pretrained)}: {reason}\n{expected}"
        ) from error
