"""The signature of a score: everything that can change it, as one line and one JSON object.

After the signatures of sacrebleu (Post 2018, ACL W18-6319). Two scores may be compared when
their signatures are equal; where they differ, the fields say in what.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


def digest(value: object) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of *value* as canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


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
            "generation": None if self.generation is None else digest(self.generation),
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
