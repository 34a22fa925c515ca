"""COMET (Rei et al. 2020, ACL 2020.emnlp-main.213), run in an environment of its own.

unbabel-comet 2.2.7 wants transformers below 5 and huggingface_hub below 1: the two cannot be
installed together. So the texts are written to a folder with a script that scores them, and the
scores are read from what ``comet-score`` leaves, checked to be those of the very texts.

=================================== ==============================================================
``score.sh``                        installs COMET into ``env/`` and scores what is not yet scored
``systems/SYSTEM/{src,mt,ref}``     the texts, a line a tweet
``systems/SYSTEM/scores.json``      what ``comet-score --to_json`` wrote
``systems/SYSTEM/model``            the COMET model and the version of unbabel-comet
=================================== ==============================================================
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from itr_bench.errors import DataError

REQUIREMENTS = ("unbabel-comet==2.2.7", "setuptools<81")
"""What the environment of COMET holds; it imports pkg_resources, gone from setuptools 81."""

PYTHON = "3.12"
"""Its Python: the newest that it installs with."""

_SCRIPT = f"""\
#!/bin/sh
# Scores the translations in systems/ with COMET, which cannot be installed beside itr-bench and
# gets an environment of its own, env/. MODEL=NAME sh score.sh takes another model.
set -eu
cd "$(dirname "$0")"
model=${{MODEL:-Unbabel/wmt22-comet-da}}
if [ ! -x env/bin/comet-score ]; then
    command -v uv >/dev/null || {{ echo "uv is needed: pip install uv" >&2; exit 1; }}
    uv venv --quiet --clear --python {PYTHON} env
    uv pip install --quiet --python env/bin/python {" ".join(f"'{one}'" for one in REQUIREMENTS)}
fi
version=$(env/bin/python -c 'import importlib.metadata as m; print(m.version("unbabel-comet"))')
for system in systems/*/; do
    [ ! -f "${{system}}scores.json" ] || continue
    env/bin/comet-score -s "${{system}}src" -t "${{system}}mt" -r "${{system}}ref" \\
        --model "$model" --only_system --to_json "${{system}}part"
    printf 'model:%s|version:%s' "$model" "$version" > "${{system}}model"
    mv "${{system}}part" "${{system}}scores.json"
done
"""

_BREAK = re.compile(r"[\r\n]+")
_UNSAFE = re.compile(r"[^\w.+-]")


def write(
    folder: Path,
    names: Sequence[str],
    sources: Sequence[Sequence[str]],
    systems: Sequence[Sequence[str]],
    references: Sequence[str],
) -> list[str]:
    """Write the texts that are not scored yet, and the script that scores them.

    Returns:
        The systems that are not scored yet.

    Raises:
        DataError: the folder cannot be written.
    """
    waiting = []
    try:
        for name, own, lines in zip(names, sources, systems, strict=True):
            place = _place(folder, name)
            if (place / "scores.json").exists():
                continue
            waiting.append(name)
            place.mkdir(parents=True, exist_ok=True)
            for file, texts in (("src", own), ("mt", lines), ("ref", references)):
                content = "".join(f"{_line(text)}\n" for text in texts)
                (place / file).write_text(content, encoding="utf-8")
        if waiting:
            (folder / "score.sh").write_text(_SCRIPT, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"cannot write {folder}: {error.strerror or error}. Give --comet another folder"
        ) from error
    return waiting


def read(
    folder: Path, name: str, sources: Sequence[str], lines: Sequence[str], references: Sequence[str]
) -> tuple[list[float], str]:
    """The scores of one system, one a tweet, and the model and version that gave them.

    Raises:
        DataError: a file is missing or damaged, or the scores are those of other texts.
    """
    place = _place(folder, name)
    path = place / "scores.json"
    again = f"delete {place} and give the same command again"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        model = (place / "model").read_text(encoding="utf-8").strip()
        (entries,) = found.values()
        scores = [float(entry["COMET"]) for entry in entries]
        scored = [(entry["src"], entry["mt"], entry["ref"]) for entry in entries]
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{path}: not the scores of comet-score --to_json ({error}); {again}"
        ) from error
    wanted = [tuple(map(_line, three)) for three in zip(sources, lines, references, strict=True)]
    if len(scored) != len(wanted):
        raise DataError(f"{path}: {len(scored)} scores, expected {len(wanted)}; {again}")
    for number, (one, other) in enumerate(zip(scored, wanted, strict=True), start=1):
        if one != other or not math.isfinite(scores[number - 1]):
            raise DataError(f"{path}: score {number} is of another text than now, or none; {again}")
    return scores, model


def _place(folder: Path, name: str) -> Path:
    return folder / "systems" / _UNSAFE.sub("-", name)


def _line(text: Any) -> str:
    """A text as ``comet-score`` reads it: one line, no blanks around it."""
    return _BREAK.sub(" ", str(text)).strip()
