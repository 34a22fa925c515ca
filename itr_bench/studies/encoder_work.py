"""What the studies that run an encoder share: the options, the embeddings, the files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from itr_bench.errors import DataError, bullet_list, unknown_name
from itr_bench.runs.manifest import differences
from itr_bench.studies.encoders.embed import BATCH_SIZE, Embedded, Embedder, Pairs, embed
from itr_bench.studies.encoders.pairs import pairs_of
from itr_bench.studies.study import RESULT, Job, Result, read_result, write_result
from itr_bench.tasks.loading import TaskData, open_task
from itr_bench.tasks.spec import get_task, without_variant
from itr_bench.version import __version__

OF_ENCODERS: Mapping[str, type] = {
    "revision": str,
    "subfolder": str,
    "device": str,
    "trust_remote_code": bool,
    "batch_size": int,
}
"""The names in ``--model_args`` for an encoder, with their types."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


class Work:
    """A job of a study that runs an encoder.

    Args:
        job: the job.
        study: name of the study.
        options: further names that ``--model_args`` may have, with their types.

    Raises:
        DataError: an argument of another name or type, or a base that is asked something.
    """

    def __init__(self, job: Job, study: str, options: Mapping[str, type] | None = None) -> None:
        self.job, self.study = job, study
        known = {**OF_ENCODERS, **(options or {})}
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
        check_bases(study, job.bases)

    @cached_property
    def encoder(self) -> Embedder:
        """The encoder, loaded when it is first asked for."""
        from itr_bench.studies.encoders.checkpoint import Encoder

        given = {k: v for k, v in self.job.arguments.items() if k in OF_ENCODERS}
        given.pop("batch_size", None)
        return Encoder(self.job.model, **given)

    def pairs(self, base: str) -> tuple[TaskData, Pairs]:
        """The data of a base task, and the tweets that the job is limited to."""
        data = open_task(get_task(base))
        return data, pairs_of(data, self.job.limit)

    def embedded(self, pairs: Pairs) -> Embedded:
        """The embeddings of *pairs*; what was cut is said."""
        found = embed(
            self.encoder, pairs, batch_size=self.job.arguments.get("batch_size", BATCH_SIZE)
        )
        if found.truncated:
            self.job.say(
                f"{self.encoder.name}: {found.truncated} of {len(pairs.texts)} texts are longer "
                f"than its {found.limit} tokens and are cut (the longest has "
                f"{int(found.tokens.max())})"
            )
        return found

    def result(
        self,
        model: str,
        base: str,
        data: TaskData,
        facts: Mapping[str, Any],
        make: Callable[[], Mapping[str, Any]],
    ) -> Path:
        """Return the file of a result, made if it is not there.

        Args:
            model: how tables call what answers.
            base: the task.
            data: of it.
            facts: all that can change the content.
            make: makes the content.

        Raises:
            DataError: another result is there, made under other conditions.
        """
        folder = self.job.out / self.study / _UNSAFE.sub("-", model).strip("-.") / base
        asked = Result(
            study=self.study,
            model=model,
            task=base,
            data=data.identity,
            facts={
                "tweets": len(data.texts[: self.job.limit]),
                "tweets_in_set": len(data.texts),
                "itr_bench": __version__,
                **facts,
            },
            content={},
        )
        path = folder / RESULT
        if path.exists():
            there = read_result(path)
            changed = differences(_conditions(there), _conditions(asked))
            if not changed:
                self.job.say(f"{path}: already there, made under the same conditions")
                return path
            raise DataError(
                f"{path} was made under other conditions:\n"
                + bullet_list(f"{name}: {a!r} there, {b!r} now" for name, (a, b) in changed.items())
                + "\nMove it away, or choose another --out."
            )
        return write_result(folder, Result(**{**vars(asked), "content": make()}))


def check_bases(study: str, bases: Sequence[str]) -> None:
    """Refuse what an encoder cannot take apart: it is shown texts and images, and asked nothing.

    Raises:
        DataError: a variant of a task, or a task with a suffix.
    """
    for base in bases:
        get_task(base)
    plain = {base: without_variant(base) for base in bases}
    problems = [f"{base}: take {task}" for base, task in plain.items() if base != task]
    if problems:
        raise DataError(
            f"study {study}: an encoder is asked nothing, so that variants and answer formats are "
            f"all the same to it:\n{bullet_list(problems)}"
        )


_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}


def check_facts(result: Result, **kinds: type) -> None:
    """Refuse a result whose facts were damaged.

    Args:
        result: of a study that runs an encoder.
        kinds: the types of the facts that the study reads itself.

    Raises:
        DataError: a fact is missing or of another type.
    """
    wanted = {"tweets": int, "tweets_in_set": int, **kinds}
    cut = result.content.get("truncated", 0)
    found = {**result.facts, "truncated": cut}
    if cut:
        encoder = found.get("encoder")
        found["token_limit"] = encoder.get("token_limit") if isinstance(encoder, dict) else None
        wanted |= {"truncated": int, "token_limit": int}
    problems = [
        f"{name} is {found.get(name)!r}, expected {_KINDS[kind]}"
        for name, kind in wanted.items()
        if type(found.get(name)) is not kind
    ]
    if problems:
        raise DataError(f"{result.path} is damaged; make it again:\n{bullet_list(problems)}")


def notices(named: Sequence[tuple[str, Result]]) -> list[str]:
    """That pictures are stand-ins, that texts were cut, and that a set was seen in part.

    Args:
        named: results, their facts checked, and what to call each.
    """
    said = []
    if any(result.stand_in for _, result in named):
        said.append("Some pictures are stand-ins: these figures are no result.")
    for name, result in named:
        facts = result.facts
        if cut := result.content.get("truncated"):
            said.append(
                f"{name}, {result.task}: {cut} of {facts['tweets']} texts are longer than the "
                f"encoder's {facts['encoder']['token_limit']} tokens and were cut."
            )
        if facts["tweets"] != facts["tweets_in_set"]:
            said.append(
                f"{name}, {result.task}: {facts['tweets']} of {facts['tweets_in_set']} tweets of "
                "the set only."
            )
    return said


def kept_apart(groups: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[str]:
    """What sets the members of a group apart, a sentence for each group of several.

    Args:
        groups: what the members have in common, and the facts of each in the order of its number.
    """
    said = []
    for what, members in groups:
        if len(members) < 2:
            continue
        known = [_flat(facts) for facts in members]
        names = sorted({name for one in known for name in one})
        differing = [name for name in names if len({one.get(name) for one in known}) > 1]
        numbered = [
            f"[{number}] "
            + (", ".join(f"{name} {_cut(one.get(name))}" for name in differing) or "other figures")
            for number, one in enumerate(known, 1)
        ]
        said.append(f"{what} are not alike and are kept apart: {'; '.join(numbered)}.")
    return said


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested *facts* as text, by dotted name."""
    found: dict[str, str] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = str(value)
    return found


def _cut(text: str | None) -> str:
    if text is None:
        return "not known"
    return text if len(text) <= 60 else f"{text[:60]}…"


def _conditions(result: Result) -> dict[str, Any]:
    return {
        "model": result.model,
        "task": result.task,
        "data": result.data,
        "facts": dict(result.facts),
    }
