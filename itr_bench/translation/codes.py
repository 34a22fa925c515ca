"""How the families of translation models are told their languages.

NLLB, M2M100 and mBART-50 begin each output with a token of the language, forced by its id; OPUS-MT
models of several target languages expect it in front of the text, as ``>>deu<<``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itr_bench.data.languages import LANGUAGES, Language
from itr_bench.errors import DataError

_MBART = {"lv": "lv_LV", "en": "en_XX", "fr": "fr_XX", "de": "de_DE", "it": "it_IT", "es": "es_XX"}
_LATVIAN = ("lav", "lvs")  # the macrolanguage, which OPUS-MT says, and the standard, of FLORES


def language_marks(
    tokenizer: Any, source: Language, target: Language, model: str
) -> tuple[str, int | None]:
    """What tells a model its languages: a prefix of the texts, and a first token by force.

    The source language is set in the tokenizer, where it takes one.

    Args:
        tokenizer: of the model.
        source: language of the texts.
        target: language to translate into.
        model: its name, for errors.

    Raises:
        DataError: the model does not know one of them.
    """
    named = getattr(tokenizer, "supported_language_codes", None)
    if named is not None:
        return _marian(tokenizer, named, source, target, model), None
    if not hasattr(tokenizer, "set_src_lang_special_tokens"):
        raise DataError(
            f"{model}: its tokenizer ({type(tokenizer).__name__}) has no languages. Expected a "
            "model of the families NLLB, OPUS-MT, M2M100 or mBART-50"
        )
    tokens = []
    for language in (source, target):
        spellings = {
            language.flores: language.flores,
            _MBART.get(language.code, language.code): _MBART.get(language.code, language.code),
            language.code: f"__{language.code}__",
        }
        vocabulary = {*tokenizer.get_vocab(), *getattr(tokenizer, "lang_token_to_id", ())}
        known = [(code, token) for code, token in spellings.items() if token in vocabulary]
        if not known:
            raise DataError(
                f"{model} does not know {language.name}: its tokenizer has none of "
                f"{', '.join(spellings.values())}"
            )
        tokens.append(known[0])
    tokenizer.src_lang = tokens[0][0]
    return "", int(tokenizer.convert_tokens_to_ids(tokens[1][1]))


def _marian(
    tokenizer: Any, named: Sequence[str], source: Language, target: Language, model: str
) -> str:
    """The prefix of a Marian model, ``>>deu<<`` where it has several targets."""
    for given, language in ((tokenizer.source_lang, source), (tokenizer.target_lang, target)):
        others = {code for other in LANGUAGES.values() for code in _codes(other)}
        if given in others - {*_codes(language)}:
            raise DataError(
                f"{model} translates {tokenizer.source_lang} to {tokenizer.target_lang}, not "
                f"{source.name} to {target.name}; choose another model, or --from and --to"
            )
    if not named:
        return ""
    for code in _codes(target):
        if f">>{code}<<" in named:
            return f">>{code}<< "
    raise DataError(
        f"{model} does not translate into {target.name}: it knows {', '.join(sorted(named)[:20])}"
    )


def _codes(language: Language) -> tuple[str, ...]:
    """The codes of a language as OPUS-MT spells it: ISO 639-3, in older models ISO 639-1."""
    three = _LATVIAN if language.code == "lv" else (language.flores.partition("_")[0],)
    return (*three, language.code)
