"""The languages of texts. A line here makes a language of machine translation: set and tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        code: ISO 639-1, as names of sets, tasks and columns spell it.
        name: in English, as prompts say it.
        flores: its code in FLORES-200, which NLLB takes.
    """

    code: str
    name: str
    flores: str


LANGUAGES = {
    language.code: language
    for language in (
        Language("lv", "Latvian", "lvs_Latn"),
        Language("en", "English", "eng_Latn"),
        Language("fr", "French", "fra_Latn"),
        Language("de", "German", "deu_Latn"),
        Language("it", "Italian", "ita_Latn"),
        Language("es", "Spanish", "spa_Latn"),
    )
}

TARGETS = tuple(code for code in LANGUAGES if code != "lv")
"""The languages that the Latvian texts can be translated into."""
