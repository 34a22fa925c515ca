"""Building a data set: from its published sources, a release, or files of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from itr_bench.data import home, published, released
from itr_bench.data.drawn import TWEETS, draw
from itr_bench.data.image_sources import PlaceholderImages, local_images
from itr_bench.data.manifest import file_hash
from itr_bench.data.sets import DRAWN, SetSpec, check_system, get_set
from itr_bench.data.tsv import read_tweets
from itr_bench.data.tweet_set import read_set
from itr_bench.data.writing import refuse_existing, write, write_translation
from itr_bench.errors import DataError

_TEXT_COLUMNS = {"lv": "text", "en": "english"}


def fetch(name: str, *, replace: bool = False) -> Path:
    """Build set *name* from its published sources, or draw it, if it is not there yet.

    Raises:
        DataError: it has no published source, or cannot be fetched.
    """
    spec = get_set(name)
    if spec.bundled:
        raise DataError(f"the data set {name!r} is bundled; there is nothing to build")
    if home.is_built(name) and not replace:
        return home.set_folder(home.located(name))
    if name == DRAWN:
        return build_drawn(replace=replace, keep=True)
    systems = home.systems(name)
    if systems:
        raise DataError(
            f"translations {name!r} of {len(systems)} systems are here; name one: "
            + ", ".join(f"{name}@{system}" for system in systems)
            + f". Of a task likewise: ltec_itr_{spec.texts[0]}_mt@{systems[0]}"
        )
    if released.place() is not None:
        return released.fetch(name, replace=replace)
    with home.locked(name):
        if home.is_built(name) and not replace:  # by the process that held the lock
            return home.set_folder(name)
        if name not in published.LISTS:
            raise DataError(
                f"the data set {name!r} cannot be fetched. {spec.supply or ''}".rstrip()
            )
        rows = read_tweets(published.fetch_list(name), _texts(spec))
        return write(spec, rows, published.HubImages(name), published.LISTS[name].facts)


def build(
    name: str,
    tweets: Path,
    images: Path | None,
    *,
    placeholder: bool = False,
    replace: bool = False,
) -> Path:
    """Build set *name* from local files.

    Args:
        name: a set with images of its own (``ltec``, ``ltec_full``, ``tirt``).
        tweets: the tweet list, TSV with ``relation``, ``tweet_id``, ``text`` and, for LTEC,
            ``English``.
        images: a folder or zip file with ``<tweet_id>.<ending>``, or in the Hub's layout.
        placeholder: draw placeholder pictures instead; the set is marked as such.

    Returns:
        The folder of the set.

    Raises:
        DataError: anything wrong with the input, or it is there already.
    """
    spec = get_set(name)
    if spec.is_translation or spec.bundled or name == DRAWN:
        raise DataError(f"the data set {name!r} is not built from tweets and images")
    if (images is None) is not placeholder:
        raise DataError("give either --images FOLDER_OR_ZIP or --placeholder-images")
    source = PlaceholderImages() if images is None else local_images(images)
    rows = read_tweets(tweets, _texts(spec))
    facts = _list_facts(name, tweets)
    with home.locked(name):
        refuse_existing(name, replace)
        return write(spec, rows, source, facts)


def build_drawn(
    tweets: int = TWEETS,
    *,
    seed: int = 0,
    shifted: bool = False,
    replace: bool = False,
    keep: bool = False,
) -> Path:
    """Build the set ``drawn``.

    Args:
        tweets, seed, shifted: as :func:`itr_bench.data.drawn.draw` takes them.
        keep: return what another process built while this one waited, whatever it drew.

    Returns:
        The folder of the set.

    Raises:
        DataError: too few or too many tweets, or it is there already.
    """
    rows, pictures, facts = draw(tweets, seed=seed, shifted=shifted)
    with home.locked(DRAWN):
        if keep and home.is_built(DRAWN) and not replace:
            return home.set_folder(DRAWN)
        refuse_existing(DRAWN, replace)
        return write(get_set(DRAWN), rows, pictures, facts)


def build_translation(
    name: str,
    tweets: Path,
    *,
    system: str,
    look: Callable[[Mapping[str, str], Mapping[str, str]], tuple[str, ...]] | None = None,
    replace: bool = False,
) -> Path:
    """Build the set of machine translations *name* from a system's output.

    Args:
        name: a set of translations, such as ``ltec_en_mt``.
        tweets: TSV with ``tweet_id`` and ``text``, exactly the tweets of ``ltec``.
        system: name of the translation system, as scores will state it.
        look: gives what is to be noted of the Latvian texts and their translations, by tweet id.

    Returns:
        The folder of the set ``name@system``.

    Raises:
        DataError: anything wrong with the input, ``ltec`` cannot be had, or it is there already.
    """
    spec = get_set(f"{name}@{check_system(system)}")
    (column,) = _texts(spec)
    rows = read_tweets(tweets, {column: "text"}, labelled=False)
    texts = {row.values["tweet_id"]: row.values[column] for row in rows}
    assert spec.base is not None
    fetch(spec.base)
    base = read_set(spec.base)
    notes: tuple[str, ...] = ()
    if look is not None:
        notes = look(dict(zip(base.tweet_ids, base.texts("lv"), strict=True)), texts)
    return write_translation(
        name,
        texts,
        base,
        system=system,
        facts=_list_facts(name, tweets),
        where=tweets,
        notes=notes,
        replace=replace,
    )


def _texts(spec: SetSpec) -> dict[str, str]:
    """The list's columns by the name of the set's: a single text stands in ``text``."""
    if len(spec.texts) == 1:
        return {f"text_{spec.texts[0]}": "text"}
    return {f"text_{language}": _TEXT_COLUMNS[language] for language in spec.texts}


def _list_facts(name: str, tweets: Path) -> Mapping[str, Any]:
    sha256 = file_hash(tweets)
    pinned = published.LISTS.get(name)
    if pinned is not None and pinned.sha256 == sha256:
        return pinned.facts
    return {"what": "tweet list", "name": tweets.name, "sha256": sha256}
