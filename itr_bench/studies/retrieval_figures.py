"""The claims, figures and limits of the study ``retrieval``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from itr_bench.nouns import count
from itr_bench.report import words
from itr_bench.report.drawing import Bar, Reference
from itr_bench.studies.encoders.ranking import recall
from itr_bench.studies.ranked import DIRECTIONS, FEW, MEASURES, Gap, Ranked, scores
from itr_bench.studies.section import Claim, Column, Figure, Table, Value
from itr_bench.studies.statistics import FEWEST, detectable
from itr_bench.studies.wording import ZERO, bar, charts, not_told, p_of


def score_figure(title: str, ranked: Sequence[Ranked]) -> Figure:
    groups = []
    table: list[tuple[Value, ...]] = []
    for direction, name in DIRECTIONS.items():
        bars = []
        for one in ranked:
            found = scores(one.values(direction))
            bars.append(bar(_label(one, ranked), found[0].value, found[0].interval))
            row: list[Value] = [one.result.task, one.name, name, len(one.tweets)]
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
    twins = [other for other in among if other.name == one.name]
    return one.name if len(twins) == 1 else f"{one.name}, {one.result.task}"


def gap_figure(title: str, found: Sequence[Gap]) -> Figure:
    bars: dict[str, list[Bar]] = {}
    table: list[tuple[Value, ...]] = []
    for one in found:
        a, b = one.a.name, one.b.name
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


def gap_claims(title: str, found: Sequence[Gap]) -> list[Claim]:
    claims, untold = [], []
    for one in found:
        a, b = one.a.name, one.b.name
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
                f"{a}, {one.only_b} only in {b}; p {p_of(one.p_value)}, by Holm's method over the "
                f"{count(one.tests, 'gap')} of this encoder {p_of(one.adjusted)}; 95 % "
                f"interval of {a} less {b} {words.points_interval(first.interval)} points",
                told=True,
            )
        )
    return claims + not_told(untold, title, "a gap between languages")


def limits(every: Sequence[Ranked], found: Sequence[Gap]) -> list[str]:
    said = [
        "A rank depends on what else is in the set: figures of sets of different sizes, or of "
        "parts of one, do not compare."
    ]
    if any(one.right_pairs > len(one.tweets) for one in every):
        said.append(
            "Some tweets share their image or text. They are resampled as if each were a query of "
            "its own, so that where there are many copies, intervals are too narrow and p values "
            "too small."
        )
    few = [one for one in found if one.p_value is None]
    if few:
        said.append(
            f"{count(len(few), 'gap is', 'gaps are')} on fewer than {FEWEST} tweets: no test "
            "and no interval was computed."
        )
    tested = [one for one in found if one.p_value is not None]
    if any(one.only_a + one.only_b < FEW for one in tested):
        said.append(
            f"Where two languages differ at rank 1 on fewer than {FEW} queries, the interval of "
            "the difference is too narrow; where they differ on none, it says 0.0 to 0.0."
        )
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
