"""The files that a run left, as a submission takes them: facts, responses, and what names no place.

A run is a folder of ``itr-bench run``, or a file of samples of lmms-eval with its results beside.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from itr_bench.answers import Parser
from itr_bench.models.arguments import CHECKPOINT, format_arguments
from itr_bench.relation import QUESTIONS, Answer
from itr_bench.runs.commands import without_secrets_in
from itr_bench.runs.lmms_log import (
    is_samples_file,
    model_arguments,
    numbered_samples,
    read_samples,
    responses_in,
)
from itr_bench.runs.manifest import read_manifest
from itr_bench.runs.response import Response
from itr_bench.runs.response_log import RESPONSES, read_responses
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import is_run_folder, read_answer, read_run_folder
from itr_bench.scoring.signature import digest

_COMMIT = re.compile(r"(?:commit:)?([0-9a-f]{40})")
_LMMS_SEEDS = [0, 1234, 1234, 1234]
# Not within a word, an address or a relative path; a folder's name may hold blanks.
_PLACE = re.compile(
    r"""(?<![\w.:/<~\\-])(?:file://)?(?:~[\w.-]*/|/|[A-Za-z]:[\\/])(?=\S)[^\n,'"{}\[\]=;:]*"""
)
_SEPARATOR = re.compile(r"[/\\]+")
_SERVER = re.compile(r"\bbase_url=[^,\s]*")


@dataclass(frozen=True)
class Source:
    """A run with what its score does not need.

    Attributes:
        origin: what ran it.
        responses: all of them, of unfinished tweets too.
        asked: how many tweets it was to see.
        missing: how many responses to these are not there.
        command: that was given, or one that is the same; may name places of that machine.
        precision: of the weights.
        seeded_each: whether each response has a seed of its own.
        checkpoint: the checkpoint's name.
        folder: what is known of a checkpoint that was a folder: its hash, or nothing.
        commit: of the checkpoint.
    """

    run: Run
    origin: Literal["itr-bench run", "lmms-eval"]
    responses: tuple[Response, ...]
    asked: int
    missing: int
    command: str | None = None
    precision: str | None = None
    hardware: str | None = None
    seeded_each: bool = False
    checkpoint: str | None = None
    folder: str | None = None
    commit: str | None = None

    def read(self, response: str) -> Answer:
        """The answer in a response of this run."""
        parser: Parser = self.run.parser
        if self.origin == "itr-bench run":
            return read_answer(parser, response, self.run.language)
        return parser.read(response, self.run.language).answer


def is_source(path: Path) -> bool:
    """Whether *path* is a run by its name: a run folder, or a file of samples."""
    return is_run_folder(path) or (path.is_file() and is_samples_file(path))


def read_source(path: Path) -> Source:
    """Read the run at *path*.

    Raises:
        RunError: the folder was damaged or edited.
        ScoreError: the file cannot be read, or nothing in it is complete.
    """
    return _run_folder(path) if path.is_dir() else _samples_file(path)


def _run_folder(folder: Path) -> Source:
    run = read_run_folder(folder)
    manifest = read_manifest(folder)
    configuration = manifest["configuration"]
    seeds: list[int] = configuration["seeds"]
    seeded_each = configuration["seeding"] != "none"
    responses = tuple(
        replace(response, seed=response.seed if seeded_each else None, relation=None)
        for response in read_responses(folder / RESPONSES).values()
        if response.seed in seeds
    )
    content = configuration.get("content") or ""
    return Source(
        run=run,
        origin="itr-bench run",
        responses=responses,
        asked=configuration["tweets"],
        missing=configuration["tweets"] * len(QUESTIONS) * len(seeds) - len(responses),
        command=manifest.get("command"),
        precision=_precision(configuration["dtype"], configuration["model_args"]),
        hardware=configuration["device"],
        seeded_each=seeded_each,
        checkpoint=configuration.get("checkpoint"),
        folder=content if content.startswith("sha256:") else None,
        commit=_commit(content) or _commit(configuration.get("revision")),
    )


def _samples_file(path: Path) -> Source:
    run = read_samples(path)
    config = _config(run)
    arguments = model_arguments(config)
    checkpoint = next((str(arguments[key]) for key in CHECKPOINT if arguments.get(key)), None)
    return Source(
        run=run,
        origin="lmms-eval",
        responses=tuple(_samples(path)),
        asked=len({item.tweet_id for item in run.items}),
        missing=len(run.predictions.unpaired) * run.predictions.samples,
        command=_command(config, run) if config else None,
        precision=_precision(arguments.get("dtype"), arguments),
        checkpoint=checkpoint,
        folder="" if checkpoint is not None and _is_place(checkpoint) else None,
        commit=_commit(arguments.get("revision")),
    )


def _samples(path: Path) -> list[Response]:
    """The responses of a file that :func:`read_samples` can read."""
    found = []
    for _, sample in numbered_samples(path):
        item, responses = sample["item"], responses_in(sample)
        tokens = [(count or {}).get("output_tokens") for count in sample.get("token_counts") or []]
        if len(tokens) != len(responses):  # of repeats, lmms-eval keeps the first one's
            tokens = [None] * len(responses)
        found += [
            Response(
                str(item["tweet_id"]),
                item["question"],
                number,
                None,
                response or "",
                count,
                digest(sample["input"]),
                item["image_sha256"],
            )
            for number, (response, count) in enumerate(zip(responses, tokens, strict=True))
        ]
    return found


def _config(run: Run) -> dict[str, Any]:
    """The configuration in the results file, or nothing where there is none."""
    if len(run.files) < 2:
        return {}
    found = json.loads(Path(run.files[1]).read_text(encoding="utf-8")).get("config")
    return found if isinstance(found, dict) else {}


def _command(config: Mapping[str, Any], run: Run) -> str:
    """The command line of lmms-eval that the results file tells of, secrets left out."""
    given = config.get("resolved_cli_args") or {}
    line = ["lmms-eval", "--model", str(config.get("model"))]
    for option in ("model_args", "gen_kwargs"):
        value = given.get(option) or config.get(option) or ""
        text = (
            format_arguments(value)
            if isinstance(value, Mapping)
            else without_secrets_in(str(value))
        )
        line += [f"--{option}", text] if text else []
    line += ["--tasks", run.task]
    line += ["--repeats", str(run.predictions.samples)] if run.predictions.samples > 1 else []
    for option, usual in (("batch_size", 1), ("num_fewshot", None), ("system_instruction", None)):
        value = given.get(option)
        line += [f"--{option}", str(value)] if value not in (usual, None) else []
    seeds = given.get("seed")
    if isinstance(seeds, list) and seeds != _LMMS_SEEDS:
        line += ["--seed", ",".join(map(str, seeds))]
    for option in ("apply_chat_template", "force_simple"):
        line += [f"--{option}"] if given.get(option) is True else []
    return shlex.join([*line, "--log_samples", "--output_path", "out/"])


def _precision(dtype: object, arguments: Mapping[str, Any]) -> str | None:
    """The number format of the weights, and how they are quantized, such as ``float16, 4bit``."""
    parts = [dtype, arguments.get("quantization")]
    parts += [
        name
        for name in ("load_in_4bit", "load_in_8bit")
        if str(arguments.get(name)).lower() == "true"
    ]
    known = [str(part) for part in parts if part not in (None, "none", "auto")]
    return ", ".join(known) or None


def _commit(text: object) -> str | None:
    found = _COMMIT.fullmatch(text) if isinstance(text, str) else None
    return found.group(1) if found else None


# Places of the submitter's machine


def _is_place(name: str) -> bool:
    return _PLACE.match(name) is not None or name.startswith(".") or Path(name).is_dir()


def without_places(text: str) -> str:
    """Return *text* with the folders of this machine left out: of a path, its end stays.

    The last two parts stay, as a run names a checkpoint; but the last alone of a short path, of
    which the one before may be a user's name.
    """
    return _PLACE.sub(_end, text)


def _end(path: re.Match[str]) -> str:
    parts = [part for part in _SEPARATOR.split(path.group()) if part and part[-1] != ":"]
    depth = len(parts) + parts[0].startswith("~")
    kept = parts[-2:] if depth > len(("home", "user", "folder")) else parts[-1:]
    return "/".join(kept)


def public_command(command: str) -> str:
    """Return a shell *command* as it may be published: one line, without places and servers."""
    words = (_SERVER.sub("base_url=URL", word) for word in shlex.split(command))
    return " ".join(_quoted(without_places(word)) for word in words)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    escaped = "".join(
        char if char.isprintable() and char not in "\\'" else _escape(char) for char in word
    )
    return f"$'{escaped}'"


def _escape(char: str) -> str:
    return f"\\{char}" if char in "\\'" else f"\\U{ord(char):08x}"
