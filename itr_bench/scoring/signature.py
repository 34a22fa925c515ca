"""The signature of a score: everything that can change it, as one line and one JSON object.

After the signatures of sacrebleu (Post 2018, ACL W18-6319). Two scores may be compared when
their signatures are equal; where they differ, the fields say in what.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


def digest(value: object) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of *value* as canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


_CHECKPOINT = re.compile(
    r"(^|\.)(pretrained|model|model_version|model_id_name|revision|content|checkpoint\w*)$"
    r"|^engine\.served\.model\.(id|root|owned_by)$"
)
"""Settings that name the model: two models differ in them, which is no news."""

_KWARGS = "generation_kwargs."
_USUAL: dict[str, object] = {
    "answer_format": "plain",
    "force_simple": False,
    "num_fewshot": 0,
    f"{_KWARGS}do_sample": True,
    f"{_KWARGS}max_new_tokens": 512,
    f"{_KWARGS}temperature": 0.2,
    f"{_KWARGS}until": [],
    "order": ["image", "text"],
}
"""The settings of the tasks as they stand; the line names what differs from them."""

_LONGEST_VALUE, _LONGEST_LIST = 40, 600
_APART = frozenset("|,=#")


def settings_by_name(generation: Mapping[str, Any]) -> dict[str, object]:
    """Nested settings by dotted names, such as ``generation_kwargs.temperature``.

    What is ``None`` is not set. What names the model, such as its revision, is no setting.
    """
    found = by_name(generation)
    return {name: value for name, value in found.items() if not _CHECKPOINT.search(name)}


def by_name(settings: Mapping[str, Any], start: str = "") -> dict[str, object]:
    """Nested *settings* by dotted names, without those that are ``None``."""
    found: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= by_name(value, f"{start}{name}.")
        elif value is not None:
            found[start + name] = value
    return dict(sorted(found.items()))


def _checkpoint(generation: Mapping[str, Any]) -> str:
    """A digest of what names the model, ``none`` for nothing."""
    found = by_name(generation)
    named = {name: value for name, value in found.items() if _CHECKPOINT.search(name)}
    return digest(named) if named else "none"


def _in_short(generation: Mapping[str, Any]) -> str:
    """The settings that differ from the tasks' own, ``name=value,...``; over-long as digests.

    What a model was trained on stands in a field of its own.
    """
    rest = {name: value for name, value in generation.items() if name != "training"}
    found = settings_by_name(rest)
    usual = {} if f"{_KWARGS}scoring" in found else _USUAL  # likelihoods generate nothing
    unlike = {name: value for name, value in found.items() if value != usual.get(name)}
    unlike |= dict.fromkeys(usual.keys() - found.keys(), "unset")
    short = sorted(
        f"{_short(name.removeprefix(_KWARGS))}={_short(value)}" for name, value in unlike.items()
    )
    line = ",".join(short) or "default"
    return line if len(line) <= _LONGEST_LIST else f"#{digest(unlike)}"


def _short(value: object) -> str:
    """A name or a value of a setting as it is, or its digest where it is long or would part it."""
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        text = "+".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    is_plain = text.isprintable() and _APART.isdisjoint(text)
    return text if is_plain and len(text) <= _LONGEST_VALUE else f"#{digest(value)}"


@dataclass(frozen=True)
class Signature:
    """What a score depends on. ``None`` is "not known from the files that were scored".

    Attributes:
        task: name of the task.
        version: version of the task's definition.
        tweets: number of tweets scored.
        samples: number of samples a question.
        seeds: the seeds that the run states, in order.
        prompt: digest of all prompts as they were rendered.
        parser: parser, its version, and the language that it reads.
        data: kind of the data (``hub``, ``local``, ``placeholder``, ``demo``) and its hash.
        adapter: model adapter of the harness.
        generation: generation settings and all other settings of the run, by name.
        harness: version of lmms-eval.
        package: version of this package that ran the task.
        libraries: versions of the libraries, by name.
        bootstrap: resamples and seed of the interval.
    """

    task: str
    version: str | None
    tweets: int
    samples: int
    seeds: tuple[int, ...] | None
    prompt: str | None
    parser: str
    data: str | None
    adapter: str | None
    generation: Mapping[str, Any] | None
    harness: str | None
    package: str
    libraries: Mapping[str, str] | None
    bootstrap: str

    def as_dict(self) -> dict[str, Any]:
        """The signature as JSON writes it."""
        return asdict(self)

    def fields(self) -> dict[str, str]:
        """The fields of the line, by name; a question mark is "not known". How the models of a run
        were fine-tuned with cross-validation is there only where they were.
        """
        libraries = self.libraries
        found = {
            "task": f"{self.task}.{self.version or '?'}",
            "tweets": self.tweets,
            "samples": self.samples,
            "seeds": None if self.seeds is None else ",".join(map(str, self.seeds)),
            "prompt": self.prompt,
            "parser": self.parser,
            "data": self.data,
            "adapter": self.adapter,
            "checkpoint": None if self.generation is None else _checkpoint(self.generation),
            "generation": None if self.generation is None else _in_short(self.generation),
            "lmms-eval": self.harness,
            "itr-bench": self.package,
            "libraries": None
            if libraries is None
            else ",".join(f"{name}={libraries[name]}" for name in sorted(libraries)),
            "bootstrap": self.bootstrap,
        }
        training = (self.generation or {}).get("training")
        if isinstance(training, Mapping):
            found["training"] = _trained(training)
        return {key: "?" if value is None else str(value) for key, value in found.items()}

    def __str__(self) -> str:
        return "|".join(f"{key}:{value}" for key, value in self.fields().items())


def _trained(training: Mapping[str, Any]) -> str:
    """How models were fine-tuned, ``name=value,...``; what names data and weights as a digest."""
    plain = {name: value for name, value in training.items() if not isinstance(value, Mapping)}
    rest = digest({name: value for name, value in training.items() if name not in plain})
    return ",".join([*(f"{name}={value}" for name, value in sorted(plain.items())), f"rest={rest}"])
