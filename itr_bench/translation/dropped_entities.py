"""The links, mentions, hashtags and emoji that a translation made elsewhere dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from itr_bench.answers.text import message
from itr_bench.errors import DataError
from itr_bench.translation.entities import entities, has_letters

_LEAST_ALIKE = 3
_SHARE_ALIKE = 0.05


def doubts(translations: Mapping[str, str]) -> tuple[str, ...]:
    """What makes *translations*, by tweet id, look like something else; needs no sources."""
    said = []
    marked = [tweet for tweet, text in translations.items() if message(text) != text.strip()]
    if marked:
        said.append(
            f"{len(marked)} of {len(translations)} translations hold a model's reasoning or marks "
            f"of its chat template, tweet {marked[0]} for example: take them out first"
        )
    for words, tweets in alike(translations, _SHARE_ALIKE).items():
        said.append(
            f"{len(tweets)} of {len(translations)} translations are alike, {words!r:.60}, tweets "
            f"{tweets[0]} and {tweets[1]} for example: is it an answer and no translation?"
        )
    return tuple(said)


def alike(translations: Mapping[str, str], share: float) -> dict[str, list[str]]:
    """The tweets that more than *share* of all have the same translation, by its words.

    Links, mentions, hashtags and emoji do not count: they are the source's.
    """
    by_words: dict[str, list[str]] = {}
    for tweet, text in translations.items():
        if has_letters(text):
            kept = set(entities(text))
            words = " ".join(word for word in text.casefold().split() if word not in kept)
            by_words.setdefault(words, []).append(tweet)
    least = max(_LEAST_ALIKE, share * len(translations) + 1)
    return {words: tweets for words, tweets in by_words.items() if len(tweets) >= least}


def dropped_entities(
    sources: Mapping[str, str], translations: Mapping[str, str]
) -> tuple[str, ...]:
    """Compare *translations* with their *sources*, both by tweet id.

    Returns:
        A sentence each on translations that equal their source, and on those that lack links,
        mentions, hashtags or emoji of it.

    Raises:
        DataError: every one of them is its source itself.
    """
    shared = [tweet for tweet in sources if tweet in translations]
    with_letters = [tweet for tweet in shared if has_letters(sources[tweet])]
    same = [t for t in with_letters if sources[t].split() == translations[t].split()]
    if same and len(same) == len(with_letters):
        raise DataError(
            f"all {len(same)} translations are the Latvian texts themselves: was the right column "
            "written?"
        )
    notes = []
    if same:
        notes.append(f"{len(same)} translations equal their source, tweet {same[0]} for example")
    dropped = {
        tweet: missing
        for tweet in shared
        if (missing := Counter(entities(sources[tweet])) - Counter(entities(translations[tweet])))
    }
    if dropped:
        total = sum(missing.total() for missing in dropped.values())
        notes.append(
            f"{len(dropped)} translations lack links, mentions, hashtags or emoji of their source "
            f"({total} in all), tweet {min(dropped)} for example"
        )
    return (*notes, *doubts(translations))
