"""Building a data set: a tweet list and images, checked against each other, to one Parquet file.

A set is written whole or not at all. What is wrong with lines or images is said in one go.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from itr_bench.data import home, published
from itr_bench.data.catalog import SetSpec, check_system, get_set
from itr_bench.data.image_sources import ImageSource, StandInImages, local_images
from itr_bench.data.images import ImageFacts, as_eight_bits, check_image
from itr_bench.data.manifest import PARQUET, Manifest, content_hash, file_hash
from itr_bench.data.schema import compression, schema
from itr_bench.data.tsv import Row, read_tweets
from itr_bench.data.tweet_set import read_set
from itr_bench.errors import DataError, bullet_list
from itr_bench.relation import RELATIONS

ROWS_A_GROUP = 32

_TEXT_COLUMNS = {"lv": "text", "en": "english"}


def fetch(name: str, *, replace: bool = False) -> Path:
    """Build set *name* from its published sources, if it is not there yet.

    Raises:
        DataError: it has no published source, or cannot be fetched.
    """
    spec = get_set(name)
    if spec.bundled:
        raise DataError(f"the data set {name!r} is bundled; there is nothing to build")
    if home.is_built(name) and not replace:
        return home.set_folder(home.located(name))
    systems = home.systems(name)
    if systems:
        raise DataError(
            f"translations {name!r} of {len(systems)} systems are here; name one: "
            + ", ".join(f"{name}@{system}" for system in systems)
            + f". Of a task likewise: ltec_itr_{spec.texts[0]}_mt@{systems[0]}"
        )
    from itr_bench.data import released  # which builds with this module

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
    name: str, tweets: Path, images: Path | None, *, stand_in: bool = False, replace: bool = False
) -> Path:
    """Build set *name* from local files.

    Args:
        name: a set with images of its own (``ltec``, ``ltec_full``, ``tirt``).
        tweets: the tweet list, TSV with ``relation``, ``tweet_id``, ``text`` and, for LTEC,
            ``English``.
        images: a folder or zip file with ``<tweet_id>.<ending>``, or in the Hub's layout.
        stand_in: draw stand-in pictures instead; the set is marked as such.
        replace: build it even where it is there already.

    Returns:
        The folder of the set.

    Raises:
        DataError: anything wrong with the input, or it is there already.
    """
    spec = get_set(name)
    if spec.is_translation or spec.bundled:
        raise DataError(f"the data set {name!r} is not built from tweets and images")
    if (images is None) is not stand_in:
        raise DataError("give either --images FOLDER_OR_ZIP or --stand-in-images")
    source = StandInImages() if images is None else local_images(images)
    rows = read_tweets(tweets, _texts(spec))
    facts = _list_facts(name, tweets)
    with home.locked(name):
        refuse_existing(name, replace)
        return write(spec, rows, source, facts)


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
        replace: build it even where it is there already.

    Returns:
        The folder of the set ``name@system``.

    Raises:
        DataError: anything wrong with the input, ``ltec`` cannot be had, or it is there already.
    """
    spec = get_set(f"{name}@{check_system(system)}")
    (column,) = _texts(spec)
    rows = read_tweets(tweets, {column: "text"}, labelled=False)
    texts = {row.values["tweet_id"]: row.values[column] for row in rows}
    notes: tuple[str, ...] = ()
    if look is not None and spec.base is not None:
        fetch(spec.base)
        base = read_set(spec.base)
        notes = look(dict(zip(base.tweet_ids, base.texts("lv"), strict=True)), texts)
    return write_translation(
        name,
        texts,
        system=system,
        facts=_list_facts(name, tweets),
        where=tweets,
        notes=notes,
        replace=replace,
    )


def write_translation(
    name: str,
    texts: Mapping[str, str],
    *,
    system: str,
    facts: Mapping[str, Any],
    where: Path,
    notes: tuple[str, ...] = (),
    replace: bool = False,
) -> Path:
    """Write the set of machine translations ``name@system`` over the images of ``ltec``.

    Args:
        name: a set of translations, such as ``ltec_en_mt``.
        texts: the translations by tweet id, exactly the tweets of ``ltec``.
        system: name of the translation system, as scores will state it.
        facts: what the manifest is to say of the system, JSON values: ``what``, ``name`` and
            such as ``revision``, ``licence`` and settings.
        where: the file that the translations are in, for errors.
        notes: what a user may want to know.
        replace: write it even where it is there already.

    Raises:
        DataError: other tweets than those of ``ltec``, an empty translation, ``ltec`` cannot
            be had, or it is there already.
    """
    spec = get_set(f"{name}@{check_system(system)}")
    assert spec.base is not None
    for other in home.systems(name):
        if other != system and other.lower() == system.lower():
            raise DataError(
                f"translations of {other!r} are here; a system {system!r} beside it would be the "
                "same on some file systems. Use the same spelling, or another name"
            )
    fetch(spec.base)
    base = read_set(spec.base)
    problems = _difference(set(texts), set(base.tweet_ids), spec.base)
    problems += [f"tweet {tweet}: empty" for tweet, text in texts.items() if not text.strip()]
    if problems:
        raise DataError(f"{where} does not fit the set {spec.base!r}:\n{bullet_list(problems)}")
    records = (
        {
            "tweet_id": tweet,
            "relation": relation,
            "image_sha256": image,
            f"text_{spec.texts[0]}": texts[tweet],
        }
        for tweet, relation, image in zip(
            base.tweet_ids, base.relations, base.image_hashes, strict=True
        )
    )
    with home.locked(spec.name):
        refuse_existing(spec.name, replace)
        return _finish(
            spec,
            records,
            kind=base.manifest.kind,
            sources=(facts,),
            notes=notes,
            system=system,
            base={"set": spec.base, "content_sha256": base.manifest.content_sha256},
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


def refuse_existing(name: str, replace: bool) -> None:
    """Raise :class:`DataError` where set *name* is there and is not to be replaced."""
    if home.is_built(name) and not replace:
        raise DataError(
            f"the data set {name!r} is there already, at {home.set_folder(name)}. "
            "To build it anew, add --replace; to look at it: itr-bench data stats " + name
        )


def _difference(listed: set[str], found: set[str] | frozenset[str], where: str) -> list[str]:
    problems = [f"tweet {tweet}: in the list, not in {where}" for tweet in sorted(listed - found)]
    problems += [f"tweet {tweet}: in {where}, not in the list" for tweet in sorted(found - listed)]
    return problems


def write(
    spec: SetSpec,
    rows: Sequence[Row],
    source: ImageSource,
    list_facts: Mapping[str, Any],
    notes: tuple[str, ...] = (),
) -> Path:
    """Check list and images against each other and write the set. The lock is held.

    Args:
        spec: the set.
        rows: the tweets: ``relation``, ``tweet_id`` and a ``text_<language>`` for each text.
        source: their images.
        list_facts: what the manifest is to say of the list.
        notes: what a user may want to know, beside what is noticed here.

    Raises:
        DataError: all that does not fit.
    """
    problems = _conflicts(spec, rows, source)
    if problems:
        raise DataError(f"the data set {spec.name!r} cannot be built:\n{bullet_list(problems)}")
    notes += _notes(rows, source)
    images: list[ImageFacts] = []
    records = _records(rows, source, images)
    return _finish(
        spec,
        records,
        kind=source.kind,
        sources=(list_facts, source.facts),
        notes=notes,
        images=images,
    )


def _conflicts(spec: SetSpec, rows: Sequence[Row], source: ImageSource) -> list[str]:
    listed = {row.values["tweet_id"] for row in rows}
    problems = []
    counts = Counter(int(row.values["relation"]) for row in rows)
    found_counts = tuple(counts[r] for r in RELATIONS)
    if spec.relations is not None and found_counts != spec.relations:
        problems.append(
            f"the list is not the published one: tweets by relation 0 to 3 are {found_counts}, "
            f"expected {spec.relations}"
        )
    available = source.ids()
    if available is not None:
        problems += [f"tweet {t}: no image" for t in sorted(listed - available)]
        if source.kind == "hub" and spec.name == "ltec_full":
            problems += [f"tweet {t}: image, but not listed" for t in sorted(available - listed)]
    problems += [
        f"tweet {row.values['tweet_id']}: relation {row.values['relation']} in the list (line "
        f"{row.line}), {source.labels[row.values['tweet_id']]} beside the images"
        for row in rows
        if source.labels.get(row.values["tweet_id"], row.values["relation"])
        != row.values["relation"]
    ]
    return problems


def _notes(rows: Sequence[Row], source: ImageSource) -> tuple[str, ...]:
    notes = []
    available = source.ids()
    if available is not None and len(available) > len(rows):
        notes.append(f"{len(available) - len(rows)} images belong to tweets that are not listed")
    differing = sum(
        source.texts.get(row.values["tweet_id"], row.values.get("text_lv"))
        != row.values.get("text_lv")
        for row in rows
    )
    if source.texts and differing:
        notes.append(f"{differing} texts differ between the list, which is used, and the images")
    return tuple(notes)


def _records(
    rows: Sequence[Row], source: ImageSource, images: list[ImageFacts]
) -> Iterator[dict[str, Any]]:
    """The records of a set, each image checked; raises at the end, with all that was wrong."""
    problems: list[str] = []
    for row in tqdm(rows, desc="images", unit="tweet", disable=None, leave=False):
        tweet = row.values["tweet_id"]
        try:
            content, file = source.read(tweet)
            facts = check_image(content, f"tweet {tweet}, {file}")
        except DataError as error:
            problems.append(str(error))
            continue
        images.append(facts)
        sha256 = facts.sha256
        if facts.scaled:
            content, file = as_eight_bits(content), f"{Path(file).stem}.png"
            sha256 = hashlib.sha256(content).hexdigest()
        yield {
            **row.values,
            "relation": int(row.values["relation"]),
            "image": {"bytes": content, "path": file},
            "image_sha256": sha256,
        }
    if problems:
        raise DataError(f"{len(problems)} images cannot be used:\n{bullet_list(problems)}")


def _finish(
    spec: SetSpec,
    records: Iterator[dict[str, Any]],
    *,
    kind: str,
    sources: tuple[Mapping[str, Any], ...],
    notes: tuple[str, ...],
    system: str | None = None,
    base: Mapping[str, str] | None = None,
    images: Sequence[ImageFacts] = (),
) -> Path:
    """Write Parquet and manifest, memory bounded by one row group."""
    counts: Counter[int] = Counter()
    identity: list[tuple[str, int, list[str], str]] = []
    columns = [f"text_{language}" for language in spec.texts]
    layout = schema(spec)
    with home.replacing(spec.name) as folder:
        path = folder / PARQUET
        with (
            home.writing(f"the data set {spec.name!r}"),
            pq.ParquetWriter(
                path, layout, compression=compression(layout), use_dictionary=False
            ) as writer,
        ):
            while group := list(itertools.islice(records, ROWS_A_GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema=layout))
                for record in group:
                    counts[record["relation"]] += 1
                    texts = [record[column] for column in columns]
                    identity.append(
                        (record["tweet_id"], record["relation"], texts, record["image_sha256"])
                    )
        if not spec.is_translation:
            notes += _twins(identity)
        if scaled := sum(facts.scaled for facts in images):
            notes += (f"{scaled} images have 16 bits of grey and are stored scaled to 8",)
        with home.writing(f"the data set {spec.name!r}"):
            Manifest(
                set_name=spec.name,
                kind="stand-in" if any(facts.stand_in for facts in images) else kind,
                tweets=len(identity),
                relations=tuple(counts[r] for r in RELATIONS),
                content_sha256=content_hash(identity),
                parquet_sha256=file_hash(path),
                sources=sources,
                notes=notes,
                system=system,
                base=base,
            ).write(folder)
    return home.set_folder(spec.name)


def _twins(identity: Sequence[tuple[str, int, list[str], str]]) -> tuple[str, ...]:
    """A note where tweets share an image, which may be another tweet's or a placeholder."""
    by_image: dict[str, list[str]] = {}
    for tweet, _, _, image in identity:
        by_image.setdefault(image, []).append(tweet)
    shared = [tweets for tweets in by_image.values() if len(tweets) > 1]
    if not shared:
        return ()
    first = " and ".join(shared[0][:2])
    return (
        f"{sum(map(len, shared))} tweets share {len(shared)} images, {first} for example: look "
        "whether each image belongs to its tweet",
    )
