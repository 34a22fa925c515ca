"""The studies that run an encoder: options, embeddings, results made once and read again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from itr_bench.errors import DataError, ItrBenchError, bullet_list, unknown_name
from itr_bench.runs.manifest import difference_lines, differences
from itr_bench.scoring.signature import by_name
from itr_bench.studies.encoders.embed import BATCH_SIZE, Embedded, Embedder, Pairs, embed
from itr_bench.studies.grouping import kept_apart
from itr_bench.studies.study import RESULT, Job, Result, read_result, write_result
from itr_bench.tasks.loading import TaskData, open_task
from itr_bench.tasks.spec import get_task
from itr_bench.version import __version__

_OPTIONS: Mapping[str, type] = {
    "revision": str,
    "subfolder": str,
    "device": str,
    "trust_remote_code": bool,
    "batch_size": int,
}
"""The names in ``--model_args`` for an encoder, with their types."""

_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")

T = TypeVar("T")


@dataclass(frozen=True)
class Planned:
    """A result that is to be made.

    Attributes:
        model: how tables call what answers.
        metadata: all that can change the content.
        make: makes the content.
    """

    model: str
    metadata: Mapping[str, Any]
    make: Callable[[], Mapping[str, Any]]


class EncoderJob:
    """A job of a study that runs an encoder.

    Args:
        job: the job.
        study: name of the study.
        options: further names that ``--model_args`` may have, with their types.

    Raises:
        DataError: an argument of another name or type, or a base that is asked something.
    """

    def __init__(self, job: Job, study: str, options: Mapping[str, type]) -> None:
        self.job, self.study = job, study
        known = {**_OPTIONS, **options}
        problems = []
        for name, value in job.arguments.items():
            if name not in known:
                problems.append(unknown_name("argument", name, known))
            elif type(value) is not known[name]:
                problems.append(f"{name}={value!r}, expected {_KINDS[known[name]]}")
            elif isinstance(value, int) and known[name] is int and value < 1:
                problems.append(f"{name}={value}, expected 1 or more")
        if problems:
            raise DataError(f"--model_args of the study {study}:\n{bullet_list(problems)}")
        _check_bases(study, job.bases)

    @cached_property
    def encoder(self) -> Embedder:
        """The encoder, loaded when it is first asked for."""
        from itr_bench.studies.encoders.checkpoint import Encoder

        named = {k: v for k, v in self.job.arguments.items() if k in _OPTIONS and k != "batch_size"}
        return Encoder(self.job.model, **named)

    def embedded(self, pairs: Pairs) -> Embedded:
        """The embeddings of *pairs*; what was cut is said."""
        size = self.job.arguments.get("batch_size", BATCH_SIZE)
        embedded = embed(self.encoder, pairs, batch_size=size)
        if embedded.truncated:
            self.job.log(
                f"{self.encoder.name}: {embedded.truncated} of {len(pairs.texts)} texts are longer "
                f"than its {embedded.limit} tokens and are cut (the longest has "
                f"{int(embedded.tokens.max())})"
            )
        return embedded

    def result(self, planned: Planned, base: str, data: TaskData) -> Path:
        """Return the file of a result, made if it is not there.

        Raises:
            DataError: another result is there, made with another configuration.
        """
        name = _UNSAFE.sub("-", planned.model).strip("-.")
        folder = self.job.out / self.study / name / base
        asked = Result(
            study=self.study,
            model=planned.model,
            task=base,
            data=data.identity,
            metadata={
                "tweets": len(data.texts[: self.job.limit]),
                "tweets_in_set": len(data.texts),
                "itr_bench": __version__,
                **planned.metadata,
            },
            content={},
        )
        path = folder / RESULT
        if not path.exists():
            return write_result(folder, replace(asked, content=planned.make()))
        changed = differences(_configuration(read_result(path)), _configuration(asked))
        if changed:
            raise DataError(
                f"{path} was made with another configuration:\n"
                + bullet_list(difference_lines(changed))
                + "\nMove it away, or choose another --out."
            )
        self.job.log(f"{path}: already there, made with the same configuration")
        return path


def execute(
    job: Job,
    study: str,
    planned: Callable[[EncoderJob, Pairs], Iterable[Planned]],
    options: Mapping[str, type] | None = None,
    tasks: Callable[[str], Sequence[str]] = lambda base: (base,),
) -> list[Path]:
    """Make the results of a study that are not there, and return the files of all.

    Args:
        job: what the study is asked to do.
        study: its name.
        planned: the results for the tweets of a task. The encoder is not loaded before it is
            asked for.
        options: further names that ``--model_args`` may have, with their types.
        tasks: those of a base task.
    """
    work = EncoderJob(job, study, options or {})
    files = []
    for base in dict.fromkeys(task for asked in job.bases for task in tasks(asked)):
        data = open_task(get_task(base))
        pairs = Pairs.of(data, job.limit)
        files += [work.result(one, base, data) for one in planned(work, pairs)]
    return files


def _check_bases(study: str, bases: Sequence[str]) -> None:
    """Refuse what an encoder cannot take apart: it is shown texts and images, and asked nothing."""
    for base in bases:
        get_task(base)
    plain = {base: get_task(base).plain for base in bases}
    problems = [f"{base}: take {task}" for base, task in plain.items() if base != task]
    if problems:
        raise DataError(
            f"study {study}: an encoder is asked nothing, so that variants and answer formats are "
            f"all the same to it:\n{bullet_list(problems)}"
        )


def _configuration(result: Result) -> dict[str, Any]:
    names = ("model", "task", "data")
    return {**{name: getattr(result, name) for name in names}, "metadata": dict(result.metadata)}


# Reading results


def read_content(result: Result, what: str, read: Callable[[], T], **kinds: type) -> T:
    """What *read* makes of the content of *result*.

    Args:
        result: of a study that runs an encoder.
        what: the content is.
        read: makes it, or raises an error that says what is wrong.
        kinds: the types of the metadata that the study reads itself.

    Raises:
        DataError: a fact is missing or of another type, or the content is not *what* it should be.
    """
    wanted = {"tweets": int, "tweets_in_set": int, **kinds}
    cut = result.content.get("truncated", 0)
    metadata = {**result.metadata, "truncated": cut}
    if cut:
        encoder = metadata.get("encoder")
        metadata["token_limit"] = encoder.get("token_limit") if isinstance(encoder, dict) else None
        wanted |= {"truncated": int, "token_limit": int}
    problems = [
        f"{name} is {metadata.get(name)!r}, expected {_KINDS[kind]}"
        for name, kind in wanted.items()
        if type(metadata.get(name)) is not kind
    ]
    if problems:
        raise DataError(f"{result.path} is damaged; make it again:\n{bullet_list(problems)}")
    try:
        return read()
    except (ItrBenchError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise DataError(
            f"{result.path}: not the {what} of the study {result.study} ({error}); make it again"
        ) from error


def result_notices(named: Sequence[tuple[str, Result]]) -> list[str]:
    """That pictures are placeholders, that texts were cut, and that a set was seen in part.

    Args:
        named: results that were read, and what to call each.
    """
    notices = []
    if any(result.placeholder for _, result in named):
        notices.append("Some pictures are placeholders: these figures are no result.")
    for name, result in named:
        metadata = result.metadata
        if cut := result.content.get("truncated"):
            notices.append(
                f"{name}, {result.task}: {cut} of {metadata['tweets']} texts are longer than the "
                f"encoder's {metadata['encoder']['token_limit']} tokens and were cut."
            )
        if metadata["tweets"] != metadata["tweets_in_set"]:
            notices.append(
                f"{name}, {result.task}: {metadata['tweets']} of {metadata['tweets_in_set']} "
                "tweets of the set only."
            )
    return notices


def results_kept_apart(groups: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[str]:
    """What sets the members of a group apart, a sentence for each group of several.

    Args:
        groups: what the members have in common, and the metadata of each in the order of their
            numbers.
    """
    notices = []
    for what, members in groups:
        if len(members) > 1:
            flat = [{name: str(v) for name, v in by_name(own).items()} for own in members]
            notices.append(kept_apart(what, flat, "other figures"))
    return notices
