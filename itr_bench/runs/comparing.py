"""Runs of one task in pairs: on the same tweets, tested together, and what else they differ in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from itr_bench.data.manifest import kind_of
from itr_bench.data.sets import get_set
from itr_bench.errors import ScoreError
from itr_bench.report import words
from itr_bench.runs.run import Run
from itr_bench.runs.training import unlike
from itr_bench.scoring.comparison import Comparison, compare
from itr_bench.scoring.signature import settings_by_name
from itr_bench.scoring.significance import Significance, decide
from itr_bench.tasks.spec import get_task


@dataclass(frozen=True)
class Compared:
    """Two runs, and whether they differ."""

    a: Run
    b: Run
    comparison: Comparison
    significance: Significance

    def as_dict(self) -> dict[str, object]:
        """The comparison as JSON writes it."""
        decided = self.significance
        return {
            "task": self.a.task,
            "a": self.a.model,
            "b": self.b.model,
            **asdict(self.comparison),
            "p_holm": decided.p_value,
            "mean_p_holm": decided.mean_p_value,
            "better": {1: "a", -1: "b", 0: None}[decided.better],
            "reason": decided.reason,
        }

    def __str__(self) -> str:
        """The comparison in a sentence."""
        who = {1: f"{self.a.model} is better", -1: f"{self.b.model} is better"}
        return (
            f"{self.a.model} - {self.b.model} on {self.a.task}: "
            f"{words.points(self.comparison.difference)} percentage points, "
            f"{who.get(self.significance.better, words.NOT_DIFFERENT)} ({self.significance.reason})"
        )

    def unlike(self) -> list[str]:
        """In what the two differ beside the model, by the names of the settings."""
        a, b = self.a, self.b
        of_a, of_b = a.signature.fields(), b.signature.fields()
        found = []
        for key in of_a:
            if of_a[key] == of_b.get(key) or key in ("checkpoint", "training"):
                continue
            if key != "generation" or a.generation is None or b.generation is None:
                found.append(f"{key} ({of_a[key]} and {of_b[key]})")
                continue
            settings_a, settings_b = settings_by_name(a.generation), settings_by_name(b.generation)
            found += [
                f"{name} ({_value(settings_a.get(name))} and {_value(settings_b.get(name))})"
                for name in sorted(settings_a.keys() | settings_b.keys())
                if settings_a.get(name) != settings_b.get(name)
            ]
        trained = unlike(a.training, b.training)
        return [*trained, *(one for one in found if not one.startswith("training."))]


def compare_runs(runs: Sequence[Run]) -> list[Compared]:
    """Compare all *runs* of the same task and data in pairs; those of a task are tested together.

    Only TIRT, of which everybody has the tweets that were still available, is compared on the
    tweets that two runs share.

    Returns:
        the pairs, task by task.

    Raises:
        ScoreError: there is no pair, or two runs saw different images or texts of a tweet.
    """
    pairs: dict[str, list[tuple[Run, Run]]] = {}
    for a, b in itertools.combinations(runs, 2):
        if a.task == b.task and _comparable(a, b):
            pairs.setdefault(a.task, []).append((a, b))
    if not pairs:
        raise ScoreError(
            "nothing to compare: no two runs of the same task on the same data among "
            + ", ".join(f"{run.model} ({run.task}, {run.data})" for run in runs)
        )
    compared = []
    for of_task in pairs.values():
        found = [compare(a.predictions, b.predictions) for a, b in of_task]
        compared += [
            Compared(a, b, comparison, significance)
            for (a, b), comparison, significance in zip(of_task, found, decide(found), strict=True)
        ]
    return compared


def _value(value: object) -> str:
    """A setting, short enough for a message."""
    text = "not set" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _comparable(a: Run, b: Run) -> bool:
    """Whether two runs of a task are on the same tweets, or on samples of the same source."""
    if a.data == b.data:
        return True
    if a.data is None or b.data is None or kind_of(a.data) != kind_of(b.data):
        return False
    if get_set(get_task(a.task).set_name).relations is not None:
        return False
    differing = _differing(a.images, b.images)
    # Prompts that are worded alike differ only where the texts do.
    of_texts = _differing(a.prompts, b.prompts)
    shared = a.prompts.keys() & b.prompts.keys()
    what = f"images of {len(differing)} tweets"
    if not differing and len(of_texts) < len(shared):
        differing = sorted({item.split()[0] for item in of_texts})
        what = f"texts of {len(differing)} tweets"
    if differing:
        raise ScoreError(
            f"{a.model} and {b.model} saw different {what} of {a.task} "
            f"({', '.join(differing[:3])}{', ...' if len(differing) > 3 else ''}): build the set "
            "from the same tweets and run one of them again, or compare them apart"
        )
    return bool(shared)


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> list[str]:
    return sorted(key for key in a.keys() & b.keys() if a[key] != b[key])
