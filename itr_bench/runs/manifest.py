"""The manifest of a run: its configuration, its command and its sessions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itr_bench import storage
from itr_bench.errors import RunError
from itr_bench.runs.response_log import refused_by_disk

FORMAT = 1
MANIFEST = "manifest.json"

LOADED = ("adapter_class", "content", "device", "dtype", "engine", "libraries")
"""What of the configuration is known only once the model is loaded."""

_NOT_BY_HAND = (
    "The file was damaged or edited by hand; put it back as it was, or choose another folder "
    "with --name."
)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run folder.

    Raises:
        RunError: it is missing, unreadable, of another version, or was edited.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise RunError(
            f"{folder}: no {MANIFEST} in it. Move the folder away, or choose another with --name."
        )
    found = _loaded(path, _NOT_BY_HAND)
    if not isinstance(found, dict) or "format" not in found:
        raise RunError(f"{path}: not the manifest of a run (no format in it). {_NOT_BY_HAND}")
    if found["format"] != FORMAT:
        raise RunError(
            f"{path}: format {found['format']!r}, this version of itr-bench reads and writes "
            f"{FORMAT}. Use the version that wrote it, or choose another folder with --name."
        )
    configuration = found.get("configuration")
    if not isinstance(configuration, dict) or found.get("checksum") != _checksum(found):
        raise RunError(f"{path}: what it says does not fit its checksum. {_NOT_BY_HAND}")
    expected = {"model", "set_size", "sessions"}
    if not expected <= found.keys() or not isinstance(found["sessions"], list):
        raise RunError(f"{path}: expected also {', '.join(sorted(expected))}. {_NOT_BY_HAND}")
    return found


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest whole, with its format and a checksum of all but its sessions."""
    whole = {"format": FORMAT, **manifest}
    write_json(folder / MANIFEST, {**whole, "checksum": _checksum(whole)})


def _checksum(manifest: Mapping[str, Any]) -> str:
    fixed = {k: v for k, v in manifest.items() if k not in ("sessions", "checksum")}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Read what :func:`write_json` wrote of a mapping.

    Raises:
        RunError: it cannot be read, or is none.
    """
    advice = "Put it back, or move its folder away"
    found = _loaded(path, advice)
    if not isinstance(found, dict):
        raise RunError(f"{path}: expected a JSON object, found {type(found).__name__}. {advice}")
    return found


def _loaded(path: Path, advice: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"cannot read {path}: {error}. {advice}") from error


def write_json(path: Path, value: object) -> None:
    """Write *value* as JSON, whole or not at all.

    Raises:
        RunError: the disk refuses.
    """
    with refused_by_disk(path):
        storage.write_json(path, value)


def differences(
    there: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, by dotted name: what is there, and what is asked for."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in sorted({*there, *asked}):
        one, other = there.get(name), asked.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found.update(differences(one, other, f"{prefix}{name}."))
        elif one != other:
            found[prefix + name] = (one, other)
    return found


def difference_lines(found: Mapping[str, tuple[Any, Any]], now: str = "now") -> list[str]:
    """A line for each of *found*, as of :func:`differences`; *now* says where the second is."""
    return [f"{name}: {one!r} there, {other!r} {now}" for name, (one, other) in found.items()]
