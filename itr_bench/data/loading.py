"""Sets opened, fetched where they are not there yet."""

from __future__ import annotations

from itr_bench.data import build, home
from itr_bench.data.sets import get_set
from itr_bench.data.tweet_set import TweetSet, read_set
from itr_bench.errors import DataError


def open_set(name: str) -> TweetSet:
    """Open the set *name*; a published one is fetched on first use and kept.

    Raises:
        DataError: an unknown name, or a set that is not there and cannot be fetched.
    """
    if not get_set(name).bundled:
        build.fetch(name)
    return read_set(home.located(name))


def base_of(translations: TweetSet) -> TweetSet:
    """Open the set that *translations* were made for.

    Raises:
        DataError: it is in another state now.
    """
    base = translations.manifest.base
    assert base is not None
    found = open_set(base["set"])
    if found.manifest.content_sha256 != base["content_sha256"]:
        name, _, system = translations.spec.name.partition("@")
        raise DataError(
            f"the translations {translations.spec.name!r} were made for another state of the set "
            f"{base['set']!r}; make them again: itr-bench data translate --replace, or "
            f"itr-bench data build {name} --tweets FILE.tsv --system {system} --replace"
        )
    return found
