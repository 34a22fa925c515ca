"""Which tasks there are, and what a task is: which text of which set, and how it is asked."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.data.sets import DRAWN, SETS, check_has_system
from itr_bench.errors import DataError, unknown_name
from itr_bench.tasks.variants import AS_IS, MARK, Variant, get_variant

EXPLAINED = "_explained"
"""Suffix of the tasks that ask for the explained answer format, on the same data."""

LIKELIHOOD = "_likelihood"
"""Suffix of the tasks that score P(yes) and P(no) in place of generating, likewise."""


@dataclass(frozen=True)
class TaskSpec:
    """A task: which text of which set it shows, how it asks, and what reads the responses.

    Everything that follows from the name of a task is here, resolved once by :func:`get_task`.

    Attributes:
        family: the name without system, variant and suffix, such as ``ltec_itr_en_mt``.
        set_name: the data set, of machine translations with ``@SYSTEM`` where one is named.
        language: of the text that it shows.
        answer_language: of the instruction, and so of the responses.
        system: the machine translation system that the name names; empty for none.
        variant: what it shows and asks in place of the plain task.
        suffix: :data:`EXPLAINED`, :data:`LIKELIHOOD` or nothing.
    """

    family: str
    set_name: str
    language: str
    answer_language: str = "en"
    system: str = ""
    variant: Variant = AS_IS
    suffix: str = ""

    @property
    def name(self) -> str:
        """The whole name, as it is given to ``--tasks``."""
        return self.base + self.suffix

    @property
    def base(self) -> str:
        """The name without its suffix: what decides which documents there are."""
        return self.plain + (MARK + self.variant.name if self.variant.name else "")

    @property
    def plain(self) -> str:
        """The name without variant and suffix; a system stays."""
        return self.family + (f"@{self.system}" if self.system else "")

    @property
    def reference(self) -> str:
        """The name of the task that a variant is compared with; system and suffix stay."""
        return self.plain + self.suffix

    @property
    def explained(self) -> bool:
        """Whether the task itself asks for the explained answer format."""
        return self.suffix == EXPLAINED

    @property
    def likelihood(self) -> bool:
        """Whether it scores P(yes) and P(no) in place of generating."""
        return self.suffix == LIKELIHOOD

    @property
    def parser(self) -> str:
        """The parser that reads the responses."""
        return self.variant.likelihood_reading if self.likelihood else self.variant.reading

    @property
    def without_image(self) -> bool:
        """Whether it is :data:`NO_IMAGE`, the variant that the leaderboard takes."""
        return self.variant.name == NO_IMAGE

    @property
    def leaderboard_task(self) -> str | None:
        """The task of the leaderboard, or to try things out, that a result on it belongs to.

        ``None`` where it belongs to none: another task, another variant, or likelihoods.
        """
        taken = self.variant.name in ("", NO_IMAGE) and not self.likelihood
        return self.family if taken and self.family in (*LEADERBOARD, *TRIAL) else None


TASKS = {
    spec.family: spec
    for spec in (
        TaskSpec("ltec_itr_lv", "ltec", "lv"),
        TaskSpec("ltec_itr_en_manual", "ltec", "en"),
        *(TaskSpec(f"ltec_itr_{code}_mt", f"ltec_{code}_mt", code) for code in TARGETS),
        TaskSpec("tirt", "tirt", "en"),
        TaskSpec("ltec_itr_lv_instruct_lv", "ltec", "lv", answer_language="lv"),
        TaskSpec("ltec_itr_full_lv", "ltec_full", "lv"),
        TaskSpec("ltec_itr_full_en", "ltec_full", "en"),
        TaskSpec("itr_demo_lv", "demo", "lv"),
        TaskSpec("itr_demo_en", "demo", "en"),
        TaskSpec("itr_drawn_lv", DRAWN, "lv"),
        TaskSpec("itr_drawn_en", DRAWN, "en"),
    )
}

LEADERBOARD = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_en_mt", "tirt")
"""The tasks of the leaderboard, the four conditions of the paper."""

TRIALS = (("itr_demo_lv", "itr_demo_en"), ("itr_drawn_lv", "itr_drawn_en"))
"""The tasks to try things out on, by set; no result."""

TRIAL = tuple(task for tasks in TRIALS for task in tasks)
"""All tasks of :data:`TRIALS`."""

NO_IMAGE = "no-image"
"""The variant of its tasks that the leaderboard takes, beside the tasks themselves."""

GROUPS = {
    "itr_bench": LEADERBOARD,
    "ltec_itr": tuple(name for name in LEADERBOARD if TASKS[name].set_name.startswith("ltec")),
    "itr_demo": TRIALS[0],
    "itr_drawn": TRIALS[1],
}
"""Names that stand for several tasks, which ``tasks`` defines."""


@functools.lru_cache(maxsize=1024)
def get_task(name: str) -> TaskSpec:
    """Return the task called *name*: ``FAMILY[@SYSTEM][~VARIANT][_explained|_likelihood]``.

    Raises:
        DataError: there is none of that name, and the message names the nearest; or the variant
            makes no sense for it, and the message says why.
    """
    base, suffix = _split_suffix(name)
    whole, mark, variant_name = base.partition(MARK)
    family, at, system = whole.partition("@")
    if family not in TASKS:
        raise DataError(_no_task(name, family))
    task = replace(TASKS[family], suffix=suffix)
    if at:
        check_has_system(name, system, SETS[task.set_name])
        task = replace(task, system=system, set_name=f"{task.set_name}@{system}")
    if not mark:
        return task
    variant = get_variant(variant_name)
    if variant.wording and task.answer_language != "en":
        raise DataError(
            f"{name!r}: {variant_name!r} is worded in English, and {family!r} asks in "
            f"{LANGUAGES[task.answer_language].name}; take a task that asks in English"
        )
    if task.likelihood and not variant.says_yes_or_no:
        raise DataError(
            f"{name!r}: a likelihood of yes and no says nothing about {variant.title}; "
            f"take {base!r}"
        )
    if variant.context and task.explained:
        raise DataError(
            f"{name!r}: the examples are answered with a bare yes or no, which explains nothing; "
            f"take {base!r}"
        )
    return replace(task, variant=variant)


def is_ours(name: object) -> bool:
    """Whether *name* is of one of our tasks, whatever system, variant and suffix it names."""
    return isinstance(name, str) and re.split("[@~]", _split_suffix(name)[0])[0] in TASKS


def find_task(name: str) -> TaskSpec | None:
    """The task called *name*, or ``None``: for names that come from elsewhere."""
    try:
        return get_task(name)
    except DataError:
        return None


def _split_suffix(name: str) -> tuple[str, str]:
    suffix = next((end for end in (EXPLAINED, LIKELIHOOD) if name.endswith(end)), "")
    return name.removesuffix(suffix), suffix


def _no_task(name: str, plain: str) -> str:
    """What to say of a task that is none: what is meant by *name*, where that is clear."""
    whole, tilde, variant = name.partition(MARK)
    if plain in GROUPS:
        rest = name.removeprefix(plain)
        meant = ",".join(task + rest for task in GROUPS[plain])
        return f"{name!r}: {plain!r} is a group, expected a task; name its tasks: {meant}"
    own = _split_suffix(plain)[0]
    if tilde and own != plain and own in TASKS:
        meant = f"{own}{whole.removeprefix(plain)}{MARK}{variant}{plain.removeprefix(own)}"
        return f"{name!r}: the suffix stands after the variant. Did you mean {meant!r}?"
    return unknown_name("task", plain, TASKS)
