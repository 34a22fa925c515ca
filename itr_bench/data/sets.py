"""Which data sets there are."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.errors import DataError, unknown_name

# No underscore: it begins the suffix.
SYSTEM = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.+-]{0,62}[A-Za-z0-9+])?")
"""How a machine translation system is spelled in the names of sets and tasks, after an ``@``."""


@dataclass(frozen=True)
class SetSpec:
    """A data set.

    Attributes:
        name: as commands and folders spell it; of machine translations, with ``@SYSTEM`` where
            one of several is meant.
        title: what it is, for tables.
        texts: the languages of its texts, each a column ``text_<language>``.
        relations: the expected number of tweets by relation, ``None`` where any will do.
        supply: what to do where it cannot be fetched; ``None`` for what is fetched, made or
            bundled.
        bundled: whether it comes with the package.
        base: for machine translations, the set that holds the tweets' images.
    """

    name: str
    title: str
    texts: tuple[str, ...]
    relations: tuple[int, int, int, int] | None
    supply: str | None = None
    bundled: bool = False
    base: str | None = None

    @property
    def is_translation(self) -> bool:
        """Whether it holds machine translations only, over the images of another set."""
        return self.base is not None


DRAWN = "drawn"
"""The set that a generator makes, with its defaults where it is first opened."""

_LTEC_FULL = (392, 72, 296, 52)
LTEC_BALANCED = (113, 72, 113, 52)


def _translation(code: str) -> SetSpec:
    language = LANGUAGES[code].name
    return SetSpec(
        f"ltec_{code}_mt",
        f"LTEC, balanced 350, machine translation into {language}",
        (code,),
        LTEC_BALANCED,
        ("The machine translations of the paper were not published. " if code == "en" else "")
        + f"A translation system of your choice makes the 350 tweets in {language}:\n"
        f"    itr-bench data translate --to {code} --model NAME\n"
        "or give any system's output, a UTF-8 TSV with the header 'tweet_id<TAB>text' and one line "
        "a tweet:\n"
        f"    itr-bench data build ltec_{code}_mt --tweets FILE.tsv --system NAME",
        base="ltec",
    )


SETS = {
    spec.name: spec
    for spec in (
        SetSpec("ltec", "LTEC, balanced 350 tweets", ("lv", "en"), LTEC_BALANCED),
        SetSpec("ltec_full", "LTEC, all 812 tweets", ("lv", "en"), _LTEC_FULL),
        *(_translation(code) for code in TARGETS),
        SetSpec(
            "tirt",
            "TIRT, balanced tweets in English",
            ("en",),
            None,
            "TIRT is published as tweet ids and labels; you fetch texts and images from X by id, "
            "under its terms. From the published textimage.csv:\n"
            "    itr-bench data hydrate-plan --labels textimage.csv --out tirt-ids/\n"
            "    itr-bench data build tirt --labels textimage.csv --tweets FETCHED_FOLDER\n"
            "or from a UTF-8 TSV with the header 'relation<TAB>tweet_id<TAB>text' and images named "
            "<tweet_id>.jpg:\n"
            "    itr-bench data build tirt --tweets FILE.tsv --images FOLDER",
        ),
        SetSpec(DRAWN, "made by a generator, to try training out", ("lv", "en"), None),
        SetSpec("demo", "demo, 24 made-up tweets", ("lv", "en"), (6, 6, 6, 6), bundled=True),
    )
}


def get_set(name: str) -> SetSpec:
    """Return the data set called *name*, ``ltec_en_mt@SYSTEM`` included.

    Raises:
        DataError: there is none of that name; the message names the nearest.
    """
    plain, at, system = name.partition("@")
    if plain not in SETS:
        raise DataError(unknown_name("data set", plain, SETS))
    if not at:
        return SETS[plain]
    check_has_system(name, system, SETS[plain])
    return replace(SETS[plain], name=name)


def build_again(name: str) -> str:
    """What to do about a set that is damaged, in words for the end of an error."""
    spec = get_set(name)
    if spec.supply is None:
        return f"Build the set again: itr-bench data build {name} --replace"
    return f"Build the set again, with --replace. {spec.supply}"


def check_has_system(name: str, system: str, spec: SetSpec) -> None:
    if not spec.is_translation:
        raise DataError(f"{name!r}: only machine translations have a system, {spec.name!r} has not")
    check_system(system)


def check_system(system: str) -> str:
    """Return *system*, the name of a translation system, or raise :class:`DataError`."""
    if not SYSTEM.fullmatch(system):
        raise DataError(
            f"translation system {system!r}: spell it in letters, digits and .+- (at most 64, "
            "the last one no . or -), as it stands in the names of tasks and in the signature of "
            "scores"
        )
    return system
