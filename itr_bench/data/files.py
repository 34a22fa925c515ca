"""Files of the user's, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from itr_bench.errors import DataError


def write_whole(path: Path, text: str) -> None:
    """Write *text* to *path* in UTF-8, by way of a temporary file beside it.

    Raises:
        DataError: it cannot be written; what was there before is then still there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def write_json(path: Path, content: Any) -> None:
    """As :func:`write_whole`, for JSON values."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
