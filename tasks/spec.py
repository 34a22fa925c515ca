"""Which tasks there are, and what a task is: which text of which set, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.data.sets import SETS, check_has_system
from itr_bench.errors import DataError, unknown_name
from itr_bench.tasks.variants import AS_IS, MARK, Variant, get_variant

EXPLAINED = "_explained"
"""Suffix of the tasks that ask for the explained answer format, on the same data."""

LIKELIHOOD = "_likelihood"
"""Suffix of the tasks that score P(yes) and P(no) in place of generating, likewise."""


@dataclass(frozen=True)
class TaskSpec:
    """A task: the text of one language over one set, and what reads the answers in which language.

    With a suffix it has the same specification, but for what reads the answers.
    """

    name: str
    set_name: str
    text: str
    answers: str = "en"
    parser: str = "yes-no"
    variant: Variant = AS_IS


TASKS = {
    spec.name: spec
    for spec in (
        TaskSpec("ltec_itr_lv", "ltec", "lv"),
        TaskSpec("ltec_itr_en_manual", "ltec", "en"),
        *(TaskSpec(f"ltec_itr_{code}_mt", f"ltec_{code}_mt", code) for code in TARGETS),
        TaskSpec("tirt", "tirt", "en"),
        TaskSpec("ltec_itr_lv_instruct_lv", "ltec", "lv", answers="lv"),
        TaskSpec("ltec_itr_full_lv", "ltec_full", "lv"),
        TaskSpec("itr_demo_lv", "demo", "lv"),
        TaskSpec("itr_demo_en", "demo", "en"),
    )
}

LEADERBOARD = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_en_mt", "tirt")
"""The tasks of the leaderboard, the four conditions of the paper."""

TRIAL = ("itr_demo_lv", "itr_demo_en")
"""The tasks to try things out on; no result."""

BLIND = "no-image"
"""The variant of its tasks that the leaderboard takes, beside the tasks themselves."""

GROUPS = {
    "itr_bench": LEADERBOARD,
    "ltec_itr": tuple(name for name in LEADERBOARD if TASKS[name].set_name.startswith("ltec")),
    "itr_demo": TRIAL,
}
"""Names that stand for several tasks, which ``tasks`` defines."""


def get_task(name: str) -> TaskSpec:
    """Return the task called *name*: ``FAMILY[@SYSTEM][~VARIANT][_explained|_likelihood]``.

    Raises:
        DataError: there is none of that name, and the message names the nearest; or the variant
            makes no sense for it, and the message says why.
    """
    base = base_task(name)
    whole, tilde, variant = base.partition(MARK)
    plain, at, system = whole.partition("@")
    if plain not in TASKS:
        raise DataError(_no_task(name, plain))
    task = TASKS[plain]
    if at:
        check_has_system(name, system, SETS[task.set_name])
        task = replace(task, name=f"{plain}@{system}", set_name=f"{task.set_name}@{system}")
    likelihood = name.endswith(LIKELIHOOD)
    if not tilde:
        return replace(task, parser="likelihood") if likelihood else task
    found = get_variant(variant)
    if found.wording and task.answers != "en":
        raise DataError(
            f"{name!r}: {variant!r} is worded in English, and {plain!r} asks in "
            f"{LANGUAGES[task.answers].name}; take a task that asks in English"
        )
    if likelihood and not found.says_yes_or_no:
        raise DataError(
            f"{name!r}: a likelihood of yes and no says nothing about {found.title}; take {base!r}"
        )
    if found.context and name.endswith(EXPLAINED):
        raise DataError(
            f"{name!r}: the examples are answered with a bare yes or no, which explains nothing; "
            f"take {base!r}"
        )
    return replace(
        task,
        name=base,
        parser=found.likelihood_reading if likelihood else found.reading,
        variant=found,
    )


def _no_task(name: str, plain: str) -> str:
    """What to say of a task that is none: what is meant by *name*, where that is clear."""
    whole, tilde, variant = name.partition(MARK)
    if plain in GROUPS:
        rest = name.removeprefix(plain)
        meant = ",".join(task + rest for task in GROUPS[plain])
        return f"{name!r}: {plain!r} is a group, expected a task; name its tasks: {meant}"
    own = base_task(plain)
    if tilde and own != plain and own in TASKS:
        meant = f"{own}{whole.removeprefix(plain)}{MARK}{variant}{plain.removeprefix(own)}"
        return f"{name!r}: the suffix stands after the variant. Did you mean {meant!r}?"
    return unknown_name("task", plain, TASKS)


def base_task(name: str) -> str:
    """The task *name* without its suffix; system and variant stay."""
    return name.removesuffix(EXPLAINED).removesuffix(LIKELIHOOD)


def without_variant(name: str) -> str:
    """The task that *name* is a variant of, without suffix; a system in it stays."""
    return base_task(name).partition(MARK)[0]


def reference_task(name: str) -> str:
    """The task that a variant is compared with; system and suffix stay."""
    return without_variant(name) + name[len(base_task(name)) :]


def family(name: str) -> str:
    """The task that *name* belongs to, without system, variant and suffix."""
    return without_variant(name).partition("@")[0]


def is_blind(name: str) -> bool:
    """Whether *name* is the variant :data:`BLIND` of a task."""
    return base_task(name).partition(MARK)[2] == BLIND


def leaderboard_task(name: str) -> str | None:
    """The task of the leaderboard, or to try things out, that a result on *name* belongs to.

    ``None`` where it belongs to none: another task, another variant, or likelihoods.
    """
    base = without_variant(name)
    # What follows a system in a name is spelled out: it may be no other variant, and no likelihood.
    names = (f"{base}{variant}{end}" for variant in ("", MARK + BLIND) for end in ("", EXPLAINED))
    known = family(base)
    return known if name in names and known in (*LEADERBOARD, *TRIAL) else None
