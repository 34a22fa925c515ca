"""Writing a data set: tweets and images, checked against each other, to one Parquet file.

A set is written whole or not at all. What is wrong with lines or images is said in one go.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from itr_bench.data import home
from itr_bench.data.image_sources import ImageSource
from itr_bench.data.images import ImageFacts, as_eight_bits, check_image
from itr_bench.data.manifest import PARQUET, Manifest, content_hash, file_hash
from itr_bench.data.schema import compression, schema
from itr_bench.data.sets import SetSpec, check_system, get_set
from itr_bench.data.tsv import Row
from itr_bench.data.tweet_set import TweetSet
from itr_bench.errors import DataError, bullet_list
from itr_bench.grouped import grouped
from itr_bench.relation import RELATIONS

ROWS_A_GROUP = 32


def refuse_existing(name: str, replace: bool) -> None:
    """Raise :class:`DataError` where set *name* is there and is not to be replaced."""
    if home.is_built(name) and not replace:
        raise DataError(
            f"the data set {name!r} is there already, at {home.set_folder(name)}. "
            "To build it anew, add --replace; to look at it: itr-bench data stats " + name
        )


def write(
    spec: SetSpec,
    rows: Sequence[Row],
    source: ImageSource,
    list_facts: Mapping[str, Any],
    notes: tuple[str, ...] = (),
) -> Path:
    """Check list and images against each other and write the set. The lock is held.

    Args:
        rows: the tweets: ``relation``, ``tweet_id`` and a ``text_<language>`` for each text.
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


def write_translation(
    name: str,
    texts: Mapping[str, str],
    base: TweetSet,
    *,
    system: str,
    facts: Mapping[str, Any],
    where: Path,
    notes: tuple[str, ...] = (),
    replace: bool = False,
) -> Path:
    """Write the set of machine translations ``name@system`` over the images of *base*.

    Args:
        name: a set of translations, such as ``ltec_en_mt``.
        texts: the translations by tweet id, exactly the tweets of *base*.
        base: the set that they are translations of, with the images.
        system: name of the translation system, as scores will state it.
        facts: what the manifest is to say of the system, JSON values: ``what``, ``name`` and
            such as ``revision``, ``licence`` and settings.
        where: the file that the translations are in, for errors.

    Raises:
        DataError: other tweets than those of *base*, an empty translation, or it is there already.
    """
    spec = get_set(f"{name}@{check_system(system)}")
    for other in home.systems(name):
        if other != system and other.lower() == system.lower():
            raise DataError(
                f"translations of {other!r} are here; a system {system!r} beside it would be the "
                "same on some file systems. Use the same spelling, or another name"
            )
    problems = _difference(set(texts), set(base.tweet_ids), base.spec.name)
    problems += [f"tweet {tweet}: empty" for tweet, text in texts.items() if not text.strip()]
    if problems:
        named = base.spec.name
        raise DataError(f"{where} does not fit the set {named!r}:\n{bullet_list(problems)}")
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
            base={"set": base.spec.name, "content_sha256": base.manifest.content_sha256},
        )


def _difference(listed: set[str], found: set[str] | frozenset[str], where: str) -> list[str]:
    problems = [f"tweet {tweet}: in the list, not in {where}" for tweet in sorted(listed - found)]
    problems += [f"tweet {tweet}: in {where}, not in the list" for tweet in sorted(found - listed)]
    return problems


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
        with pq.ParquetWriter(
            path, layout, compression=compression(layout), use_dictionary=False
        ) as writer:
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
        Manifest(
            set_name=spec.name,
            kind="placeholder" if any(facts.placeholder for facts in images) else kind,
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
    by_image = grouped(identity, lambda one: one[3])
    shared = [twins for twins in by_image.values() if len(twins) > 1]
    if not shared:
        return ()
    first = " and ".join(tweet for tweet, *_ in shared[0][:2])
    return (
        f"{sum(map(len, shared))} tweets share {len(shared)} images, {first} for example: look "
        "whether each image belongs to its tweet",
    )
