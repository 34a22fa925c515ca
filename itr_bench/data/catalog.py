"""Which data sets and tasks there are, and which text of which set a task shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from itr_bench.errors import DataError, unknown_name

EXPLAINED = "_explained"
"""Suffix of the task variants that ask for the explained answer format, on the same data."""

LIKELIHOOD = "_likelihood"
"""Suffix of the task variants that score P(yes) and P(no) in place of generating, likewise."""


@dataclass(frozen=True)
class SetSpec:
    """A data set.

    Attributes:
        name: as commands and folders spell it.
        title: what it is, for tables.
        texts: the languages of its texts, each a column ``text_<language>``; ``mt`` is a
            machine translation.
        relations: the expected number of tweets by relation, ``None`` where any will do.
        supply: what to do where it cannot be fetched; ``None`` for what is fetched or bundled.
        bundled: whether it comes with the package.
    """

    name: str
    title: str
    texts: tuple[str, ...]
    relations: tuple[int, int, int, int] | None
    supply: str | None = None
    bundled: bool = False

    @property
    def is_translation(self) -> bool:
        """Whether it holds machine translations only, over the images of another set."""
        return self.texts == ("mt",)


@dataclass(frozen=True)
class TaskSpec:
    """A task: the text of one language over one set, and what reads the answers in which language.

    A variant of a task has the specification of that task, but for what reads the answers.
    """

    name: str
    set_name: str
    text: str
    answers: str = "en"
    parser: str = "yes-no"


_LTEC_FULL = (392, 72, 296, 52)
LTEC_BALANCED = (113, 72, 113, 52)

SETS = {
    spec.name: spec
    for spec in (
        SetSpec("ltec", "LTEC, balanced 350 tweets", ("lv", "en"), LTEC_BALANCED),
        SetSpec("ltec_full", "LTEC, all 812 tweets", ("lv", "en"), _LTEC_FULL),
        SetSpec(
            "ltec_en_mt",
            "LTEC, balanced 350, machine translation into English",
            ("mt",),
            LTEC_BALANCED,
            "The machine translations of the paper were not published. Translate the 350 Latvian "
            "texts with a system of your choice, write a UTF-8 TSV with the header "
            "'tweet_id<TAB>text' and one line a tweet, and run\n"
            "    itr-bench data build ltec_en_mt --tweets FILE.tsv --system NAME",
        ),
        SetSpec(
            "tirt",
            "TIRT, balanced tweets in English",
            ("en",),
            None,
            "TIRT is published as tweet ids and labels; texts and images have to be fetched from "
            "X by id, under its terms. With the tweets at hand, write a UTF-8 TSV with the header "
            "'relation<TAB>tweet_id<TAB>text', put the images into a folder as <tweet_id>.jpg, "
            "and run\n    itr-bench data build tirt --tweets FILE.tsv --images FOLDER",
        ),
        SetSpec("demo", "demo, 24 made-up tweets", ("lv", "en"), (6, 6, 6, 6), bundled=True),
    )
}

TASKS = {
    spec.name: spec
    for spec in (
        TaskSpec("ltec_itr_lv", "ltec", "lv"),
        TaskSpec("ltec_itr_en_manual", "ltec", "en"),
        TaskSpec("ltec_itr_en_mt", "ltec_en_mt", "mt"),
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


def get_set(name: str) -> SetSpec:
    """Return the data set called *name*, or raise :class:`DataError` with the nearest name."""
    if name not in SETS:
        raise DataError(unknown_name("data set", name, SETS))
    return SETS[name]


def get_task(name: str) -> TaskSpec:
    """Return the task called *name*, a variant included.

    Raises:
        DataError: there is none of that name; the message names the nearest.
    """
    base = base_task(name)
    if base not in TASKS:
        raise DataError(unknown_name("task", name, TASKS))
    task = TASKS[base]
    return replace(task, parser="likelihood") if name.endswith(LIKELIHOOD) else task


def base_task(name: str) -> str:
    """The task that *name* is a variant of, or *name* itself."""
    return name.removesuffix(EXPLAINED).removesuffix(LIKELIHOOD)
