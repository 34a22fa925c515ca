"""The folder of one run, a model on a task: what is in it, and how it is written and read.

=================== =================================================================
``manifest.json``   what was run: conditions, command, sessions; written whole
``responses.jsonl`` the journal: one line a response, appended as they come
``scores.json``     the scores at the end, written whole
=================== =================================================================

The folder holds no text of any tweet; responses may quote some.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from itr_bench.answers import Asked, Parser, get_parser, new_forms
from itr_bench.data.catalog import get_task
from itr_bench.errors import RunError, ScoreError
from itr_bench.relation import QUESTIONS, RELATIONS, Answer, Question
from itr_bench.results.likelihood import judged
from itr_bench.results.run import Run
from itr_bench.scoring import ReadItem
from itr_bench.scoring.likelihood import JudgedLikelihood
from itr_bench.scoring.signature import digest

FORMAT = 1
MANIFEST = "manifest.json"
RESPONSES = "responses.jsonl"
SCORES = "scores.json"

LOADED = ("adapter_class", "content", "device", "dtype", "engine", "libraries")
"""The conditions that are known only once the model is loaded."""

_SIGNED = (
    *("order", "answer_format", "model_args", "dtype", "content", "revision", "device"),
    *("force_simple", "engine"),
)
"""The conditions that stand among the settings of a signature."""

_CHECK = re.compile(rb',"check":"([0-9a-f]{12})"}')
_CHECK_LENGTH = len(',"check":"0123456789ab"}')
_QUESTIONS = frozenset(question.value for question in Question)
_RELATIONS = tuple(map(int, RELATIONS))
_JSON = json.JSONDecoder()

Key = tuple[str, str, int]
"""Tweet, question and seed of a response."""


@dataclass(frozen=True)
class Record:
    """One response, a line of the journal.

    Attributes:
        tweet_id: the tweet.
        question: ``adds`` or ``represented``.
        seed: the seed of this very generation.
        response: the raw response.
        tokens: how many tokens were generated, ``None`` where the adapter does not say.
        relation: the right relation, 0 to 3.
        prompt_hash: digest of the prompt.
        image_sha256: SHA-256 of the image's file.
    """

    tweet_id: str
    question: str
    seed: int
    response: str
    tokens: int | None
    relation: int
    prompt_hash: str
    image_sha256: str

    @property
    def key(self) -> Key:
        """What the response answers."""
        return self.tweet_id, self.question, self.seed

    def line(self) -> bytes:
        """The record as the journal writes it, with a checksum that an edit by hand breaks."""
        body = json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))
        try:
            content = body.encode()
        except UnicodeEncodeError:  # half a surrogate pair, from a server's JSON
            content = json.dumps(asdict(self), separators=(",", ":")).encode()
        return content[:-1] + _check(content) + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Record:
        """Read a *line* without its line break.

        Raises:
            ValueError: it is not what :meth:`line` writes; the message says in what.
        """
        content, ending = line[:-_CHECK_LENGTH] + b"}", line[-_CHECK_LENGTH:]
        if ending != _check(content):
            if _CHECK.fullmatch(ending) is None:
                raise ValueError("no checksum at its end")
            raise ValueError("its checksum does not fit: it was edited, or the disk is failing")
        text = content.decode(errors="surrogatepass")
        found, end = _JSON.raw_decode(text)
        if end != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
        if not isinstance(found, dict) or found.keys() != _FIELDS:
            raise ValueError(f"expected the fields {', '.join(sorted(_FIELDS))}")
        question, relation = found["question"], found["relation"]
        if question not in _QUESTIONS or relation not in _RELATIONS:
            raise ValueError(f"question {question!r} or relation {relation!r}")
        if not isinstance(found["response"], str) or not isinstance(found["seed"], int):
            raise ValueError("expected a text as response and a whole number as seed")
        # A report reads millions: the constructor of a frozen dataclass takes six times as long.
        record = object.__new__(cls)
        object.__setattr__(record, "__dict__", found)
        return record


_FIELDS = {field.name for field in fields(Record)}


def _check(content: bytes) -> bytes:
    """The last field of the line that has *content* before it, with the closing brace."""
    return b',"check":"%b"}' % hashlib.sha256(content).hexdigest()[:12].encode()


# The manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run folder.

    Raises:
        RunError: it is missing, unreadable, of another version, or was edited.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{folder}: no {MANIFEST} in it. Move the folder away, or choose another with --name."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"cannot read {path}: {error}. {_NOT_BY_HAND}") from error
    if not isinstance(found, dict) or "format" not in found:
        raise RunError(f"{path}: not the manifest of a run (no format in it). {_NOT_BY_HAND}")
    if found["format"] != FORMAT:
        raise RunError(
            f"{path}: format {found['format']!r}, this version of itr-bench reads and writes "
            f"{FORMAT}. Use the version that wrote it, or choose another folder with --name."
        )
    conditions = found.get("conditions")
    if not isinstance(conditions, dict) or found.get("checksum") != _checksum(found):
        raise RunError(f"{path}: what it says does not fit its checksum. {_NOT_BY_HAND}")
    expected = {"model", "set_size", "sessions"}
    if not expected <= found.keys() or not isinstance(found["sessions"], list):
        raise RunError(f"{path}: expected also {', '.join(sorted(expected))}. {_NOT_BY_HAND}")
    return found


_NOT_BY_HAND = (
    "The file was damaged or edited by hand; put it back as it was, or choose another folder "
    "with --name."
)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest whole, with its format and a checksum of all but its sessions."""
    whole = {"format": FORMAT, **manifest}
    write_json(folder / MANIFEST, {**whole, "checksum": _checksum(whole)})


def _checksum(manifest: Mapping[str, Any]) -> str:
    fixed = {k: v for k, v in manifest.items() if k not in ("sessions", "checksum")}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def differences(
    there: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """The conditions that differ, by dotted name: what is there, and what is asked for."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in sorted({*there, *asked}):
        one, other = there.get(name), asked.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found.update(differences(one, other, f"{prefix}{name}."))
        elif one != other:
            found[prefix + name] = (one, other)
    return found


def write_json(path: Path, value: object) -> None:
    """Write *value* as JSON, whole or not at all.

    Raises:
        RunError: the disk refuses.
    """
    content = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    partial = path.with_name(f".{path.name}.partial")
    with refused_by_disk(path):
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)


@contextlib.contextmanager
def refused_by_disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}. What was answered before is kept; "
            "make room or grant write access, then give the same command again."
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make a new or renamed file of *folder* last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# The journal


class Journal:
    """The responses of a run, appended one by one.

    A record counts as done when :meth:`append` returns: it is on the disk then. Only one
    process writes, with the folder's lock held.

    Attributes:
        records: the records by key, in the order of the file.
        cut_off: how many bytes of a torn last line were cut off at opening.
    """

    def __init__(self, folder: Path) -> None:
        """Open the journal of *folder*, made where it is missing; a torn last line is cut off.

        Raises:
            RunError: damage anywhere but at the end, with the line; or the disk refuses.
        """
        self.path = folder / RESPONSES
        with refused_by_disk(self.path):
            is_new = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            if is_new:
                _sync_folder(folder)
        self._handle = handle
        try:
            self.records, whole = read_journal(self.path)
            self._size = whole
            self.cut_off = os.fstat(handle).st_size - whole
            if self.cut_off:
                with refused_by_disk(self.path):
                    os.ftruncate(handle, whole)
                    os.fsync(handle)
        except BaseException:
            self.close()
            raise

    def append(self, record: Record) -> None:
        """Write *record* and wait until it is on the disk.

        Raises:
            RunError: the disk refuses; the file ends with the last whole record then.
        """
        line = record.line()
        with refused_by_disk(self.path):
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._handle, line[written:])
                os.fsync(self._handle)
            except OSError:
                os.ftruncate(self._handle, self._size)
                raise
        self._size += len(line)
        self.records[record.key] = record

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def read_journal(path: Path) -> tuple[dict[Key, Record], int]:
    """The records of a journal by key, and the length in bytes of its whole lines.

    Raises:
        RunError: damage anywhere but at the end.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error}") from error
    lines = content.split(b"\n")
    torn = lines.pop()  # what follows the last line break: nothing, in a whole file
    whole = len(content) - len(torn)
    records: dict[Key, Record] = {}
    for number, line in enumerate(lines, start=1):
        try:
            record = Record.parse(line)
            known = records.setdefault(record.key, record)
            if known is not record and known != record:
                raise ValueError("its tweet, question and seed have another response above")
        except (ValueError, TypeError, RecursionError) as error:
            if number == len(lines) and not _is_json(line):
                return records, whole - len(line) - 1
            raise RunError(
                f"{path}, line {number}: {error}. Take the line out and give the same command "
                "again: what is missing is generated again."
            ) from error
    return records, whole


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def check_records(
    path: Path,
    records: Mapping[Key, Record],
    expected: Mapping[tuple[str, str], Sequence[object]],
    seeds: Sequence[int],
) -> None:
    """Check that *records* belong to a task.

    Args:
        path: the journal, for errors.
        records: the records, in the order of the file.
        expected: by tweet and question: relation, hash of the prompt, hash of the image.
        seeds: the seeds of the run.

    Raises:
        RunError: a tweet, question or seed that is none of the run's, or another label, prompt
            or image; with the record.
    """
    names = ("relation", "prompt_hash", "image_sha256")
    for number, record in enumerate(records.values(), start=1):
        where = f"{path}, record {number} (tweet {record.tweet_id}, {record.question})"
        facts = expected.get((record.tweet_id, record.question))
        if facts is None:
            raise RunError(f"{where}: not among the tweets of this run. {_TAKE_OUT}")
        if record.seed not in seeds:
            raise RunError(f"{where}: seed {record.seed} is none of this run's. {_TAKE_OUT}")
        for name, right in zip(names, facts, strict=True):
            if getattr(record, name) != right:
                raise RunError(
                    f"{where}: {name} is {getattr(record, name)!r}, expected {right!r}. {_TAKE_OUT}"
                )


_TAKE_OUT = "Take it out, or choose another folder with --name."


# Reading a run


def is_run_folder(path: Path) -> bool:
    """Whether *path* is the folder of a run."""
    return (path / MANIFEST).is_file() and (path / RESPONSES).is_file()


def run_folders(folder: Path) -> Iterator[Path]:
    """The run folders at and below *folder*, sorted."""
    for manifest in sorted(folder.rglob(MANIFEST)):
        if is_run_folder(manifest.parent):
            yield manifest.parent


def read_answer(parser: Parser, response: str, language: str, asked: Asked | None = None) -> Answer:
    """Read a response of a journal, which *asked* tells tweet and question of.

    No failed request is in one, so what reads like it, the word *None*, is what the model said.
    """
    answer = parser.read(response, language, asked).answer
    return Answer.NONE if answer is Answer.FAILED else answer


def read_run_folder(folder: Path) -> Run:
    """Read a run, its answers read again from the raw responses.

    Of an unfinished run, the tweets count that have both questions answered with all seeds.

    Raises:
        RunError: the folder was damaged or edited.
        ScoreError: no tweet is complete yet.
    """
    manifest = read_manifest(folder)
    conditions = manifest["conditions"]
    records, _ = read_journal(folder / RESPONSES)
    seeds, task = tuple(conditions["seeds"]), get_task(conditions["task"])
    parser = get_parser(task.parser)
    items: list[ReadItem] = []
    likelihoods: list[JudgedLikelihood] = []
    prompts: dict[str, str] = {}
    images: dict[str, str] = {}
    read: dict[str, Answer] = {}  # each distinct response is read once
    pairs: list[tuple[str, Answer]] = []
    names = [question.value for question in QUESTIONS]
    for tweet in dict.fromkeys(tweet for tweet, _, _ in records):
        try:
            of_tweet = [[records[tweet, name, seed] for seed in seeds] for name in names]
        except KeyError:  # not complete
            continue
        for question, of_item in zip(QUESTIONS, of_tweet, strict=True):
            asked = Asked(tweet, question)
            if parser.needs_question:
                read.clear()
            responses = [record.response for record in of_item]
            for response in responses:
                if response not in read:
                    read[response] = read_answer(parser, response, task.answers, asked)
            answers = tuple(map(read.__getitem__, responses))
            items.append(ReadItem(tweet, question, of_item[0].relation, answers))
            pairs += zip(responses, answers, strict=True)
            likelihoods += judged(items[-1], responses, parser)
            prompts[f"{tweet} {question.value}"] = of_item[0].prompt_hash
            images[tweet] = of_item[0].image_sha256
    if not items:
        raise ScoreError(
            f"{folder}: no tweet is complete yet; give the command of the run again, it goes on:\n"
            f"    {manifest.get('command', 'itr-bench run ...')}"
        )
    if len(images) == conditions["tweets"] and digest(prompts) != conditions["prompts"]:
        raise RunError(f"{folder / RESPONSES}: its prompts are not those of {MANIFEST}")
    libraries = dict(conditions["libraries"])
    return Run(
        model=manifest["model"],
        task=conditions["task"],
        items=tuple(items),
        files=(str(folder / RESPONSES), str(folder / MANIFEST)),
        language=task.answers,
        parser=parser,
        likelihoods=tuple(likelihoods),
        set_size=manifest["set_size"],
        seeds=seeds,
        version=conditions["task_version"],
        prompt=digest(prompts),
        data=conditions["data"],
        adapter=conditions["adapter_class"],
        generation={
            "generation_kwargs": conditions["generation"],
            "num_fewshot": 0,
            "seeding": conditions["seeding"],
            **{name: conditions[name] for name in _SIGNED},
            **({"examples": conditions["examples"]} if "examples" in conditions else {}),
        },
        harness=libraries.pop("lmms-eval", None),
        package=libraries.pop("itr-bench"),
        libraries=libraries,
        images=images,
        prompts=prompts,
        new_forms=() if parser.of_likelihoods else new_forms(pairs),
    )
