"""What a system's output has lost of its source, for translations that were made elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from itr_bench.errors import DataError
from itr_bench.translation.entities import entities, has_letters


def losses(sources: Mapping[str, str], translations: Mapping[str, str]) -> tuple[str, ...]:
    """What a user may want to know of *translations*, both by tweet id.

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
    lost = {
        tweet: gone
        for tweet in shared
        if (gone := Counter(entities(sources[tweet])) - Counter(entities(translations[tweet])))
    }
    if lost:
        notes.append(
            f"{len(lost)} translations lack links, mentions, hashtags or emoji of their source "
            f"({sum(gone.total() for gone in lost.values())} in all), tweet {min(lost)} for example"
        )
    return tuple(notes)
