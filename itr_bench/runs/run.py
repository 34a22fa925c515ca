"""One run on one task, as read from files, and its score with signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from itr_bench.answers import DEFAULT_PARSER, Parser
from itr_bench.scoring.intervals import BOOTSTRAP_SEED, RESAMPLES
from itr_bench.scoring.likelihood import JudgedLikelihood, likelihood_scores
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.predictions import Predictions, ReadItem, pair
from itr_bench.scoring.signature import Signature
from itr_bench.version import __version__


@dataclass(frozen=True)
class Run:
    """The answers of one model on one task.

    Attributes:
        model: how to call the model in tables.
        items: the answers.
        seeds: the seeds that the run states.
        language: the language that the responses are expected in.
        likelihoods: of a ``_likelihood`` task, else none.
        set_size: number of tweets of the task, of which a run may have seen a part.
        version: version of the task's definition.
        prompt: digest of the rendered prompts.
        data: identity of the data.
        adapter: the harness's model adapter.
        generation: generation and other settings.
        harness: version of lmms-eval.
        package: version of this package that ran the task.
        finish_reasons: how many responses ended for which reason, where that is known.
        images: SHA-256 of the image's file by tweet id, where the files have it.
        prompts: digest of the prompt by tweet id and question, likewise.
        new_forms: what the parser does not know in the responses, a sentence each.
    """

    model: str
    task: str
    items: tuple[ReadItem, ...]
    files: tuple[str, ...]
    language: str = "en"
    parser: Parser = DEFAULT_PARSER
    likelihoods: tuple[JudgedLikelihood, ...] = ()
    set_size: int | None = None
    seeds: tuple[int, ...] | None = None
    version: str | None = None
    prompt: str | None = None
    data: str | None = None
    adapter: str | None = None
    generation: Mapping[str, Any] | None = None
    harness: str | None = None
    package: str = __version__
    libraries: Mapping[str, str] | None = field(default=None)
    finish_reasons: Mapping[str, int] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    new_forms: tuple[str, ...] = ()

    @cached_property
    def predictions(self) -> Predictions:
        """The answers, paired."""
        return pair(self.items)

    @cached_property
    def score(self) -> Score:
        """The score."""
        return score(self.predictions)

    @property
    def is_part(self) -> bool:
        """Whether the run saw only a part of the set, so that its score compares with no other."""
        return self.set_size is not None and self.score.tweets < self.set_size

    @property
    def placeholder(self) -> bool:
        """Whether the pictures were placeholders, so that the score is no result."""
        return self.data is not None and self.data.startswith("placeholder")

    @property
    def training(self) -> Mapping[str, Any] | None:
        """How its models were fine-tuned with cross-validation; ``None`` where they were not."""
        return (self.generation or {}).get("training")

    @property
    def signature(self) -> Signature:
        """What the score depends on."""
        return Signature(
            task=self.task,
            version=self.version,
            tweets=len(self.predictions.tweet_ids),
            samples=self.predictions.samples,
            seeds=self.seeds,
            prompt=self.prompt,
            parser=f"{self.parser.signature}.{self.language}",
            data=self.data,
            adapter=self.adapter,
            generation=self.generation,
            harness=self.harness,
            package=self.package,
            libraries=self.libraries,
            bootstrap=f"{RESAMPLES}.{BOOTSTRAP_SEED}",
        )

    def as_dict(self) -> dict[str, Any]:
        """The run's score as JSON writes it."""
        return {
            "model": self.model,
            "task": self.task,
            "placeholder": self.placeholder,
            "tweets_in_set": self.set_size,
            "score": self.score.as_dict(),
            "likelihood": {
                question.value: found.as_dict()
                for question, found in likelihood_scores(self.likelihoods).items()
            }
            or None,
            "finish_reasons": dict(self.finish_reasons),
            "unpaired": list(self.predictions.unpaired),
            "signature": {"line": str(self.signature), **self.signature.as_dict()},
            "files": list(self.files),
            "new_forms": list(self.new_forms),
        }
