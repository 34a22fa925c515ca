"""The links, mentions, hashtags and emoji that a translation made elsewhere dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from itr_bench.errors import DataError
from itr_bench.translation.entities import entities, has_letters


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
    return tuple(notes)
