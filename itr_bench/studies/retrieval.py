"""Does an encoder find the image of a text, and the text of an image? In which language better?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from itr_bench.data.manifest import text_hash
from itr_bench.errors import DataError
from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.report.drawing import Bar, Reference
from itr_bench.report.words import p_equals, percent
from itr_bench.scoring.signature import digest
from itr_bench.studies.comparisons import ZERO, bar, charts, not_significant, p_cells
from itr_bench.studies.encoder_job import (
    EncoderJob,
    Planned,
    execute,
    result_notices,
    results_kept_apart,
)
from itr_bench.studies.encoders.embed import Pairs
from itr_bench.studies.encoders.ranking import TIE, ranks, recall
from itr_bench.studies.formatting import in_points, interval_in_points
from itr_bench.studies.grouping import numbered
from itr_bench.studies.retrieval_scores import (
    DIRECTIONS,
    FEW,
    MEASURES,
    NAME,
    Gap,
    Ranked,
    gaps,
    not_compared,
    read_ranks,
    scores,
)
from itr_bench.studies.section import Cell, Claim, Figure, Row, Section, Table, difference, share
from itr_bench.studies.statistics import FEWEST, Estimate, Interval, detectable
from itr_bench.studies.study import Job, Material, Result, Study
from itr_bench.tasks.spec import TASKS, get_task

# Making the ranks


def _execute(job: Job) -> list[Path]:
    """Rank all images for each text and all texts for each image, in all languages of each set."""
    if job.seeds is not None:
        raise DataError("the study retrieval draws no samples: leave --seeds away")
    return execute(job, NAME, _planned, tasks=tasks)


def _planned(work: EncoderJob, pairs: Pairs) -> Iterator[Planned]:
    metadata = {
        "method": "cosine in fp32, exact",
        "right": "an image and a text that stand together in any tweet",
        "tie": TIE,
        "pictures": digest(sorted(zip(pairs.tweet_ids, pairs.image_keys, strict=True))),
        "encoder": dict(work.encoder.metadata),
    }
    yield Planned(work.encoder.name, metadata, lambda: _content(work, pairs))


def _content(work: EncoderJob, pairs: Pairs) -> dict[str, Any]:
    embedded = work.embedded(pairs)
    with tqdm(total=len(pairs.texts), desc="ranks", disable=None, leave=False) as progress:
        ranked = ranks(
            embedded.images,
            embedded.texts,
            pairs.image_keys,
            [text_hash(text) for text in pairs.texts],
            progress=progress.update,
        )
    return {
        "tweets": list(pairs.tweet_ids),
        "relations": pairs.relations.tolist(),
        "text_to_image": ranked.text_to_image.tolist(),
        "image_to_text": ranked.image_to_text.tolist(),
        "right_pairs": ranked.right_pairs,
        "truncated": embedded.truncated,
    }


# What they show


def analyse(material: Material) -> Section | None:
    """Recall and MRR of each encoder and language, and the gaps between languages."""
    by_encoder, notices = _by_encoder(material.results_of(NAME))
    if not by_encoder:
        return None
    every = [one for ranked in by_encoder.values() for one in ranked]
    figures: list[Figure] = []
    claims: list[Claim] = []
    all_gaps: list[Gap] = []
    for title, ranked in by_encoder.items():
        figures.append(_score_figure(title, ranked))
        own = gaps(ranked)
        notices += not_compared(ranked)
        if own:
            figures.append(_gap_figure(title, own))
            claims += _gap_claims(title, own)
            all_gaps += own
    return Section(
        claims=claims,
        paragraphs=(
            "Each text is a query for its image among the images of all tweets of the set, and "
            "each image one for its text. Recall at k is the share of queries with a right answer "
            "among the first k; MRR is the mean of one divided by the rank of the first right one.",
            "An image and a text are right for each other where they stand together in any tweet, "
            "in whichever copy; the best placed right one counts. A wrong candidate that is as "
            f"similar as the right one (to {TIE:.6f}) stands before it, so that an encoder that "
            "gives everything the same vector finds nothing. Intervals resample queries; the "
            f"candidates stay the same. A recall with fewer than {FEW} queries right, or wrong, "
            "has the exact binomial interval.",
        ),
        figures=figures,
        limits=_limits(every, all_gaps),
        notices=[
            *result_notices([(f"{one.result.model}{one.number}", one.result) for one in every]),
            *notices,
        ],
    )


def _by_encoder(results: Sequence[Result]) -> tuple[dict[str, list[Ranked]], list[str]]:
    """The results of each encoder, by its title; and what sets those of one name apart."""
    ordered = sorted(results, key=lambda one: (one.model, _order(one.task), one.path))
    ranked: dict[str, list[Ranked]] = {}
    groups: list[tuple[str, Sequence[Mapping[str, Any]]]] = []
    for model, of_model in grouped(ordered, lambda one: one.model).items():
        by_metadata = grouped(of_model, lambda one: digest(one.metadata.get("encoder")))
        metadata = [own[0].metadata.get("encoder", {}) for own in by_metadata.values()]
        groups.append((f"Encoders called {model}", metadata))
        for own, number in numbered(by_metadata.values()):
            title = model + number
            ranked[title] = []
            for task, alike in grouped(own, lambda one: one.task).items():
                ranked[title] += [read_ranks(*one) for one in numbered(alike)]
                metadata = [{"data": one.data, **one.metadata} for one in alike]
                groups.append((f"Results of {title} on {task}", metadata))
    return ranked, results_kept_apart(groups)


def _order(task: str) -> tuple[int, str]:
    """The order of the catalogue: Latvian before English."""
    return (list(TASKS).index(get_task(task).family), task)


def _measures(
    means: Sequence[Estimate],
    cells: Callable[[str, float, Interval | None], Row],
    ending: str = "",
) -> Row:
    """The cells of all measures."""
    return [
        cell
        for name, mean in zip(MEASURES, means, strict=True)
        for cell in cells(f"{name[:1].upper()}{name[1:]}{ending}", mean.value, mean.interval)
    ]


def _score_figure(title: str, ranked: Sequence[Ranked]) -> Figure:
    groups = []
    rows = []
    for direction, name in DIRECTIONS.items():
        bars = []
        for one in ranked:
            means = scores(one.values(direction))
            bars.append(bar(_label(one, ranked), means[0].value, means[0].interval))
            row = [
                Cell("Task", one.result.task),
                Cell("Language", one.name),
                Cell("Direction", name),
                Cell("Tweets", len(one.tweets), "count"),
                *_measures(means, share),
            ]
            represented = one.relations % 2 == 0
            for which, chosen in (("represented", represented), ("not represented", ~represented)):
                first = recall(one.ranks[direction][chosen], 1)
                value = float(first.mean()) if len(first) else None
                row.append(Cell(f"Recall at 1, {which} %", value, "percent"))
            row.append(Cell("Median rank", float(np.median(one.ranks[direction])), "number"))
            row.append(Cell("Recall at 1 by chance %", one.chance, "percent"))
            rows.append(row)
        groups.append((name, bars))
    return Figure(
        f"Retrieval by {title}",
        "Recall at 1 with its 95 % interval over tweets.",
        Table.of(f"{title}: image-text retrieval", rows),
        charts(groups, _chance(ranked), "Recall at 1, %"),
    )


def _chance(ranked: Sequence[Ranked]) -> list[Reference]:
    """What a random order finds, one line where all figures have it in common."""
    if len({one.chance for one in ranked}) == 1:
        return [Reference("chance", 100 * ranked[0].chance)]
    return [Reference(f"chance, {_label(one, ranked)}", 100 * one.chance) for one in ranked]


def _label(one: Ranked, among: Sequence[Ranked]) -> str:
    twins = [other for other in among if other.name == one.name]
    return one.name if len(twins) == 1 else f"{one.name}, {one.result.task}"


def _gap_figure(title: str, found: Sequence[Gap]) -> Figure:
    bars: dict[str, list[Bar]] = {}
    rows = []
    for gap in found:
        a, b, direction = gap.first.name, gap.second.name, DIRECTIONS[gap.direction]
        drawn = bar(f"{a} − {b}", gap.difference, gap.interval)
        bars.setdefault(direction, []).append(drawn)
        rows.append(
            [
                Cell("First", a),
                Cell("Second", b),
                Cell("Direction", direction),
                Cell("Tweets", gap.tweets, "count"),
                *_measures(gap.differences, difference, ", difference"),
                Cell("Only first at rank 1", gap.only_a, "count"),
                Cell("Only second at rank 1", gap.only_b, "count"),
                *p_cells(gap),
            ]
        )
    return Figure(
        f"Gap between languages, {title}",
        "Recall at 1 in the first language less that in the second, paired by tweet, with its 95 % "
        "interval.",
        Table.of(f"{title}: the first language less the second, paired by tweet", rows),
        charts(
            [*bars.items()],
            [ZERO],
            "Difference of recall at 1, percentage points",
            symmetric=True,
        ),
    )


def _gap_claims(title: str, found: Sequence[Gap]) -> list[Claim]:
    claims, others = [], []
    for gap in found:
        a, b, direction = gap.first.name, gap.second.name, DIRECTIONS[gap.direction]
        if not gap.significant or gap.adjusted is None or gap.mean_adjusted is None:
            others.append(f"{a} and {b} ({direction})")
            continue
        better, worse = (a, b) if gap.significant > 0 else (b, a)
        claims.append(
            Claim(
                f"{title}, {direction}: recall at 1 is {in_points(gap.difference)} higher in "
                f"{better} than in {worse}.",
                f"exact McNemar test on {gap.tweets} tweets: {gap.only_a} right at rank 1 only in "
                f"{a}, {gap.only_b} only in {b}; {p_equals(gap.adjusted)}; t test of the "
                f"difference over queries {p_equals(gap.mean_adjusted)}; each by Holm's method "
                f"over the {count(gap.tests, 'gap')} of this encoder; 95 % interval of {a} less "
                f"{b} {interval_in_points(gap.interval)}",
                finding=True,
            )
        )
    return claims + not_significant(others, title, "gap between languages")


def _limits(every: Sequence[Ranked], found: Sequence[Gap]) -> list[str]:
    limits = [
        "A rank depends on what else is in the set: figures of sets of different sizes, or of "
        "parts of one, do not compare."
    ]
    if any(one.right_pairs > len(one.tweets) for one in every):
        limits.append(
            "Some tweets share their image or text. They are resampled as if each were a query of "
            "its own, so that where there are many copies, intervals are too narrow and p values "
            "too small."
        )
    few = sum(gap.p_value is None for gap in found)
    if few:
        limits.append(
            f"{count(few, 'gap is', 'gaps are')} on fewer than {FEWEST} tweets: no test "
            "and no interval was computed."
        )
    tested = [gap for gap in found if gap.p_value is not None]
    if any(gap.only_a + gap.only_b < FEW for gap in tested):
        limits.append(
            f"Where two languages differ at rank 1 on fewer than {FEW} queries, the interval of "
            "the difference is too narrow; where they differ on none, it says 0.0 to 0.0."
        )
    for tweets in sorted({gap.tweets for gap in tested}):
        own = [gap for gap in tested if gap.tweets == tweets]
        discordant = max((gap.only_a + gap.only_b) / tweets for gap in own)
        least = detectable(discordant, tweets)
        text = (
            "no gap is found 8 times out of 10"
            if least is None
            else f"a true gap under {in_points(least)} is found less than 8 times out of 10 by one "
            "test"
        )
        limits.append(
            f"Two languages differ at rank 1 on up to {percent(discordant)} % of the "
            f"{tweets} queries; then {text}. A gap that is not significant may still exist."
        )
    return limits


def tasks(base: str) -> tuple[str, ...]:
    """The task, and one for each other language in which its set has the texts."""
    own = get_task(base)
    names = {own.language: base}
    for name, other in TASKS.items():
        if other.set_name == own.set_name:
            names.setdefault(other.language, name)
    return tuple(names.values())


STUDY = Study(
    name=NAME,
    title="Retrieval",
    question="Does an encoder find the image of a text and the text of an image, and in which "
    "language better?",
    tasks=tasks,
    analyse=analyse,
    execute=_execute,
)
