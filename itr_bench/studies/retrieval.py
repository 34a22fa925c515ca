"""Does an encoder find the image of a text, and the text of an image? In which language better?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from itr_bench.data.catalog import TASKS, base_task, get_task
from itr_bench.data.manifest import text_hash
from itr_bench.encoders.embed import Pairs
from itr_bench.encoders.ranking import TIE, ranks, recall
from itr_bench.errors import DataError
from itr_bench.scoring.signature import digest
from itr_bench.site import words
from itr_bench.site.drawing import Bar, Reference
from itr_bench.studies.encoder_work import Work, notices
from itr_bench.studies.ranked import (
    DIRECTIONS,
    MEASURES,
    NAME,
    Gap,
    Ranked,
    gaps,
    means,
    read_ranks,
)
from itr_bench.studies.section import Claim, Column, Figure, Section, Table, Value
from itr_bench.studies.statistics import FEWEST, detectable
from itr_bench.studies.study import Job, Material, Study
from itr_bench.studies.wording import ZERO, bar, charts, not_told

# Making the ranks


def conduct(job: Job) -> list[Path]:
    """Rank all images for each text and all texts for each image, in all languages of each set."""
    if job.seeds is not None:
        raise DataError("the study retrieval draws no samples: leave --seeds away")
    work = Work(job, NAME)
    written = []
    for base in dict.fromkeys(task for asked in job.bases for task in tasks(asked)):
        data, pairs = work.pairs(base)
        encoder = work.encoder
        facts = {
            "method": "cosine in fp32, exact",
            "right": "an image and a text that stand together in any tweet",
            "tie": TIE,
            "pictures": digest(sorted(zip(pairs.tweet_ids, pairs.image_keys, strict=True))),
            "encoder": dict(encoder.facts),
        }
        written.append(work.result(encoder.name, base, data, facts, partial(_content, work, pairs)))
    return written


def _content(work: Work, pairs: Pairs) -> dict[str, Any]:
    embedded = work.embedded(pairs)
    with tqdm(total=len(pairs.texts), desc="ranks", disable=None, leave=False) as bar_:
        found = ranks(
            embedded.images,
            embedded.texts,
            pairs.image_keys,
            [text_hash(text) for text in pairs.texts],
            progress=bar_.update,
        )
    return {
        "tweets": list(pairs.tweet_ids),
        "relations": pairs.relations.tolist(),
        "text_to_image": found.text_to_image.tolist(),
        "image_to_text": found.image_to_text.tolist(),
        "right_pairs": found.right_pairs,
        "truncated": embedded.truncated,
    }


# What they show


def analyse(material: Material) -> Section | None:
    """Recall and MRR of each encoder and language, and the gaps between languages."""
    every = sorted(
        map(read_ranks, material.results_of(NAME)),
        key=lambda one: (one.result.model, _order(one.result.task), one.result.path),
    )
    if not every:
        return None
    by_encoder: dict[str, list[Ranked]] = {}
    for one in every:
        by_encoder.setdefault(digest(one.result.facts.get("encoder")), []).append(one)
    names = [group[0].result.model for group in by_encoder.values()]
    figures: list[Figure] = []
    claims: list[Claim] = []
    found: list[Gap] = []
    for number, ranked in enumerate(by_encoder.values(), 1):
        name = ranked[0].result.model
        title = name if names.count(name) == 1 else f"{name} [{number}]"
        figures.append(_scores(title, ranked))
        own = gaps(ranked)
        if own:
            figures.append(_gaps(title, own))
            claims += _claims(title, own)
            found += own
    return Section(
        paragraphs=(
            "Each text is a query for its image among the images of all tweets of the set, and "
            "each image one for its text. Recall at k is the share of queries with a right answer "
            "among the first k; MRR is the mean of one divided by the rank of the first right one.",
            "An image and a text are right for each other where they stand together in any tweet, "
            "in whichever copy; the best placed right one counts. A wrong candidate that is as "
            "similar as the right one (to "
            f"{TIE:.6f}) stands before it, so that an encoder that tells nothing apart finds "
            "nothing. Intervals resample queries; the candidates stay the same.",
        ),
        claims=claims,
        figures=figures,
        limits=_limits(every, found),
        notices=notices([(one.result.model, one.result) for one in every]),
    )


def _order(task: str) -> tuple[int, str]:
    """The order of the catalogue: Latvian before English."""
    known = list(TASKS)
    plain = base_task(task).partition("@")[0]
    return (known.index(plain) if plain in known else len(known), task)


def _scores(title: str, ranked: Sequence[Ranked]) -> Figure:
    groups = []
    table: list[tuple[Value, ...]] = []
    for direction, name in DIRECTIONS.items():
        bars = []
        for one in ranked:
            found = means(one.values(direction))
            bars.append(bar(_label(one, ranked), found[0].value, found[0].interval))
            row: list[Value] = [one.result.task, one.language, name, len(one.tweets)]
            for mean in found:
                row += [mean.value, mean.interval]
            shown = one.relations % 2 == 0
            for chosen in (shown, ~shown):
                of_these = recall(one.ranks[direction][chosen], 1)
                row.append(float(of_these.mean()) if len(of_these) else None)
            row += [float(np.median(one.ranks[direction])), one.chance]
            table.append(tuple(row))
        groups.append((name, bars))
    return Figure(
        f"Retrieval by {title}",
        "Recall at 1 with its 95 % interval over tweets.",
        Table(
            f"{title}: image-text retrieval",
            (
                Column("Task"),
                Column("Language"),
                Column("Direction"),
                Column("Tweets", "count"),
                *(
                    column
                    for measure in MEASURES
                    for column in (
                        Column(f"{measure[:1].upper()}{measure[1:]} %", "percent"),
                        Column("95 % interval", "interval"),
                    )
                ),
                Column("Recall at 1, represented %", "percent"),
                Column("Recall at 1, not represented %", "percent"),
                Column("Median rank", "number"),
                Column("Recall at 1 by chance %", "percent"),
            ),
            tuple(table),
        ),
        charts(groups, _chance(ranked), "Recall at 1, %"),
    )


def _chance(ranked: Sequence[Ranked]) -> list[Reference]:
    """What a random order finds, one line where all figures have it in common."""
    if len({one.chance for one in ranked}) == 1:
        return [Reference("chance", 100 * ranked[0].chance)]
    return [Reference(f"chance, {_label(one, ranked)}", 100 * one.chance) for one in ranked]


def _label(one: Ranked, among: Sequence[Ranked]) -> str:
    twins = [other for other in among if other.language == one.language]
    return one.language if len(twins) == 1 else f"{one.language}, {one.result.task}"


def _pair(one: Gap) -> tuple[str, str]:
    a, b = one.a, one.b
    return (a.language, b.language) if a.language != b.language else (a.result.task, b.result.task)


def _gaps(title: str, found: Sequence[Gap]) -> Figure:
    bars: dict[str, list[Bar]] = {}
    table: list[tuple[Value, ...]] = []
    for one in found:
        a, b = _pair(one)
        first, direction = one.differences[0], DIRECTIONS[one.direction]
        bars.setdefault(direction, []).append(bar(f"{a} − {b}", first.value, first.interval))
        row: list[Value] = [a, b, direction, one.tweets]
        for mean in one.differences:
            row += [mean.value, mean.interval]
        table.append((*row, one.only_a, one.only_b, one.p_value, one.adjusted))
    return Figure(
        f"Gap between languages, {title}",
        "Recall at 1 in the first language less that in the second, paired by tweet, with its 95 % "
        "interval.",
        Table(
            f"{title}: the first language less the second, paired by tweet",
            (
                Column("First"),
                Column("Second"),
                Column("Direction"),
                Column("Tweets", "count"),
                *(
                    column
                    for measure in MEASURES
                    for column in (
                        Column(f"{measure[:1].upper()}{measure[1:]}, difference", "points"),
                        Column("95 % interval", "points-interval"),
                    )
                ),
                Column("Only first at rank 1", "count"),
                Column("Only second at rank 1", "count"),
                Column("p, alone", "p"),
                Column("p, Holm", "p"),
            ),
            tuple(table),
        ),
        charts([*bars.items()], [ZERO], "Difference of recall at 1, points", symmetric=True),
    )


def _claims(title: str, found: Sequence[Gap]) -> list[Claim]:
    claims, untold = [], []
    for one in found:
        a, b = _pair(one)
        direction, first = DIRECTIONS[one.direction], one.differences[0]
        if not one.told or one.p_value is None or one.adjusted is None or first.interval is None:
            untold.append(f"{a} and {b} ({direction})")
            continue
        better, worse = (a, b) if one.told > 0 else (b, a)
        claims.append(
            Claim(
                f"{title}, {direction}: recall at 1 is {words.percent(abs(first.value))} points "
                f"higher in {better} than in {worse}.",
                f"exact McNemar test on {one.tweets} tweets: {one.only_a} right at rank 1 only in "
                f"{a}, {one.only_b} only in {b}; p {_p(one.p_value)}, by Holm's method over the "
                f"{words.count(one.tests, 'gap')} of this encoder {_p(one.adjusted)}; 95 % "
                f"interval of {a} less {b} {words.points_interval(first.interval)} points",
                told=True,
            )
        )
    return claims + not_told(untold, title, "a gap between languages")


def _p(value: float) -> str:
    text = words.p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _limits(every: Sequence[Ranked], found: Sequence[Gap]) -> list[str]:
    said = [
        "A rank depends on what else is in the set: figures of sets of different sizes, or of "
        "parts of one, do not compare."
    ]
    none = [len(one.tweets) for one in every for ranks_ in one.ranks.values() if min(ranks_) > 1]
    if none:
        said.append(
            "Where no query is right at rank 1, the bootstrap has nothing to resample and says 0.0 "
            f"to 0.0; the true share may be up to {words.percent(3 / min(none))} % (rule of three)."
        )
    few = [one for one in found if one.p_value is None]
    if few:
        said.append(
            f"{words.count(len(few), 'gap is', 'gaps are')} on fewer than {FEWEST} tweets: no test "
            "and no interval was computed."
        )
    tested = [one for one in found if one.p_value is not None]
    for tweets in sorted({one.tweets for one in tested}):
        own = [one for one in tested if one.tweets == tweets]
        discordant = max((one.only_a + one.only_b) / tweets for one in own)
        least = detectable(discordant, tweets)
        text = (
            "no gap is found 8 times out of 10"
            if least is None
            else (
                f"a true gap under {words.percent(least)} points is found less than 8 times out of "
                "10 by one test"
            )
        )
        said.append(
            f"Two languages differ at rank 1 on up to {words.percent(discordant)} % of the "
            f"{tweets} queries; then {text}. What is not told may still be there."
        )
    return said


def tasks(base: str) -> tuple[str, ...]:
    """The task, and one for each other language in which its set has the texts."""
    own = get_task(base)
    names = {own.text: base}
    for name, other in TASKS.items():
        if other.set_name == own.set_name:
            names.setdefault(other.text, name)
    return tuple(names.values())


STUDY = Study(
    name=NAME,
    title="Retrieval",
    question="Does an encoder find the image of a text and the text of an image, and in which "
    "language better?",
    tasks=tasks,
    analyse=analyse,
    conduct=conduct,
)
