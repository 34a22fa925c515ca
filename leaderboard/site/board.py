"""From results to the tables of the tasks. No HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from itr_bench.data.manifest import content_of
from itr_bench.data.sets import SETS
from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.published import Published
from itr_bench.leaderboard.site.rows import (
    TITLES,
    ModelKey,
    References,
    Reported,
    Row,
    all_figures,
    baseline_rows,
    by_accuracy,
    entry_key,
    entry_row,
    published_rows,
)
from itr_bench.relation import RELATIONS
from itr_bench.scoring.crossed import seed_noise
from itr_bench.scoring.predictions import Predictions
from itr_bench.scoring.ranking import rank
from itr_bench.tasks.spec import LEADERBOARD, TASKS, TRIAL, TRIALS, get_task

WithoutImage = Mapping[tuple[str | None, ...], Entry]
"""The results without the image, by :attr:`Entry.pair`."""

Key = tuple[str | None, str, str | None]
"""What results must share to stand in one table: version, content of the data, parser."""


@dataclass(frozen=True)
class Comparable:
    """A result with responses, on the same tweets as the others of its group."""

    row: Row
    predictions: Predictions
    hits: NDArray[np.int64]
    """How many of its samples have a tweet right, shape (T,)."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of its samples, those that have a tweet right, shape (T,)."""
        return self.hits / self.predictions.samples

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which tweets are right in more than half of the samples, shape (T,)."""
        return np.asarray(2 * self.hits > self.predictions.samples)


@dataclass(frozen=True)
class Group:
    """Results that stand in one table."""

    version: str | None
    data: str
    parser: str | None
    """``None`` in a main table, where the task as it is here decides."""
    rows: tuple[Row, ...]
    references: References
    tiers: int
    discordant: float | None
    """Median over pairs: share of tweets on which exactly one of two models is right."""
    tweets: int | None
    comparable: tuple[Comparable, ...]
    """The rows with a tier, in the same order."""
    better: NDArray[np.int8] = field(compare=False)
    """Of each pair of these: 1 where the first is significantly better, -1 worse, else 0."""
    p_values: NDArray[np.float64] = field(compare=False)
    """Of each pair: the exact McNemar test and the t test, both adjusted; shape (2, M, M)."""
    trained: tuple[Row, ...] = ()
    """Results of models that were trained on the tweets or labels: in no tier, test or count."""
    fine_tuned: tuple[Row, ...] = ()
    """Results of models that were fine-tuned with cross-validation, likewise."""

    @property
    def entries(self) -> tuple[Row, ...]:
        """The rows that were submitted."""
        return tuple(row for row in self.rows if row.kind == "entry")


@dataclass(frozen=True)
class Board:
    """All results of one task."""

    task: str
    main: Group
    """The results on the task as it is here, with reported figures and baselines."""
    others: tuple[Group, ...]
    """All other results, those that could be scored first."""
    unplaced: tuple[Reported, ...]
    """Figures of which the source, as known here, does not say on which text they were."""

    @property
    def claimed(self) -> int:
        """How many submissions could not be recomputed here."""
        rows = [row for group in (self.main, *self.others) for row in group.entries]
        return sum(row.reference_level is None for row in rows)

    @property
    def fine_tuned(self) -> int:
        """How many results are of models that were fine-tuned with cross-validation."""
        return sum(len(group.fine_tuned) for group in (self.main, *self.others))

    @property
    def short(self) -> str:
        """The title for tabs."""
        return TITLES[self.task][0]

    @property
    def title(self) -> str:
        """The title for headings."""
        return TITLES[self.task][1]


def make_boards(
    entries: Sequence[Entry], published: Sequence[Published], *, trial: bool
) -> tuple[Board, ...]:
    """The boards of the four tasks, and in a trial those to try things out on that have entries."""
    without_image = {entry.pair: entry for entry in entries if entry.without_image}
    by_task: dict[str, list[Entry]] = {}
    for entry in (one for one in entries if not one.without_image):
        by_task.setdefault(get_task(entry.submission.run.task).family, []).append(entry)
    tasks = [*LEADERBOARD, *(task for task in TRIAL if trial and task in by_task)]
    mains = {task: _main(by_task.get(task, [])) for task in tasks}
    placed = [entry for some in mains.values() for entry in some]
    complete = set[ModelKey]().union(
        *(complete_keys(placed, some) for some in (LEADERBOARD, *(TRIALS if trial else ())))
    )
    return tuple(
        _board(task, mains[task], by_task.get(task, []), published, complete, without_image)
        for task in tasks
    )


def _main(entries: Sequence[Entry]) -> list[Entry]:
    """The results on the task as it is here.

    What is claimed of version or data decides nothing: the validator says what is current. Where
    translations of several systems are here, each is a task of its own: the main table has that
    with the most results, fine-tuned ones only where there are no others.
    """
    by_data: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.current:
            by_data.setdefault(content_of(entry.submission.run.data), []).append(entry)

    def results(some: Sequence[Entry]) -> tuple[int, int, str]:
        without = sum(not one.is_fine_tuned for one in some)
        return (without, len(some), some[0].submission.run.data)

    return max(by_data.values(), key=results, default=[])


def complete_keys(entries: Iterable[Entry], tasks: Sequence[str]) -> set[ModelKey]:
    """The states of models that have a score on every one of *tasks*, in one answer format."""
    done: dict[ModelKey, set[str]] = {}
    for entry in entries:
        if entry.score is not None and not entry.is_fine_tuned:
            done.setdefault(entry_key(entry), set()).add(get_task(entry.submission.run.task).family)
    return {key for key, found in done.items() if found.issuperset(tasks)}


def _board(
    task: str,
    current: Sequence[Entry],
    entries: Sequence[Entry],
    published: Sequence[Published],
    complete: set[ModelKey],
    without_image: WithoutImage,
) -> Board:
    groups: dict[Key, list[Entry]] = {}
    main_table = set(map(id, current))
    for entry in entries:
        if id(entry) not in main_table:
            run = entry.submission.run
            groups.setdefault((run.version, content_of(run.data), run.parser), []).append(entry)

    def place(key: Key) -> tuple[bool, tuple[int, str], str, str]:
        scored = any(entry.score is not None for entry in groups[key])
        return (scored, _newer(key[0]), key[1], key[2] or "")

    main: Key = (None, "", None)
    if current:
        run = current[0].submission.run
        main = (run.version, content_of(run.data), None)
    figures = [row for one in published for row in published_rows(task, one)]
    relations = SETS[TASKS[task].set_name].relations
    return Board(
        task=task,
        main=_group(task, main, current, figures, complete, without_image, relations),
        others=tuple(
            _group(task, key, groups[key], [], complete, without_image, None)
            for key in sorted(groups, key=place, reverse=True)
        ),
        unplaced=tuple(
            one
            for one in all_figures(published)
            if one.figure.task is None and task in one.possible
        ),
    )


def _newer(version: str | None) -> tuple[int, str]:
    """Sorts versions: numbers as numbers, unknown ones first."""
    text = version or ""
    return (int(text) if text.isdecimal() else -1, text)


def _group(
    task: str,
    key: Key,
    entries: Sequence[Entry],
    figures: Sequence[Row],
    complete: set[ModelKey],
    without_image: WithoutImage,
    relations: tuple[int, ...] | None,
) -> Group:
    """The table of *entries*; *relations* are the task's, where no responses tell them."""
    fine_tuned = [one for one in entries if one.is_fine_tuned]
    entries = [one for one in entries if not one.is_fine_tuned]
    untrained = {one.pair: one for one in entries}
    trained = [one for one in entries if one.saw_data == "yes"]
    entries = [one for one in entries if one.saw_data != "yes"]
    scored = [(entry, entry.predictions) for entry in entries if entry.score and entry.predictions]
    same = Counter(predictions.tweet_ids for _, predictions in scored).most_common(1)
    ranked = [
        (entry, predictions, predictions.correct)
        for entry, predictions in scored
        if predictions.tweet_ids == same[0][0]
    ]
    tiers: list[int] = []
    discordant = None
    apart = np.zeros((len(ranked), len(ranked)), dtype=bool)
    p_values = np.ones((2, len(ranked), len(ranked)))
    if ranked:
        ranking = rank(
            np.stack([correct.mean(axis=1) for *_, correct in ranked]),
            [seed_noise(correct) for *_, correct in ranked],
        )
        tiers = [int(tier) for tier in ranking.tiers]
        discordant = ranking.median_discordant
        apart = ranking.apart
        p_values = np.stack([ranking.p_values, ranking.mean_p_values])
    tied = Counter(tiers)
    tier_of = {id(entry): tier for (entry, *_), tier in zip(ranked, tiers, strict=True)}
    rows = {}
    for entry in entries:
        tier = tier_of.get(id(entry))
        rows[id(entry)] = entry_row(
            entry,
            complete=entry_key(entry) in complete,
            tier=tier,
            tied=0 if tier is None else tied[tier],
            without_image=without_image.get(entry.pair),
        )
    comparable = [
        Comparable(rows[id(entry)], predictions, correct.sum(axis=1))
        for entry, predictions, correct in ranked
    ]
    order = sorted(range(len(comparable)), key=lambda i: by_accuracy(comparable[i].row))
    accuracy = np.array([comparable[i].row.accuracy or 0 for i in order])
    side = np.sign(accuracy[:, None] - accuracy).astype(np.int8)
    references = References(_relations(comparable) or relations)
    everything = [*rows.values(), *figures, *baseline_rows(task, references)]
    return Group(
        version=key[0],
        data=key[1],
        parser=key[2],
        rows=tuple(sorted(everything, key=by_accuracy)),
        references=references,
        tiers=len(tied),
        discordant=discordant,
        tweets=len(same[0][0]) if same else None,
        comparable=tuple(comparable[i] for i in order),
        better=np.where(apart[np.ix_(order, order)], side, 0).astype(np.int8),
        p_values=p_values[:, order][:, :, order],
        trained=_apart(trained, without_image),
        fine_tuned=_apart(fine_tuned, without_image, untrained),
    )


def _apart(
    entries: Sequence[Entry],
    without_image: WithoutImage,
    untrained: Mapping[tuple[str | None, ...], Entry] = MappingProxyType({}),
) -> tuple[Row, ...]:
    """The rows of results that stand apart: in no tier."""
    rows = (
        entry_row(
            one,
            without_image=without_image.get(one.pair),
            untrained=untrained.get(one.untrained_pair),
        )
        for one in entries
    )
    return tuple(sorted(rows, key=by_accuracy))


def _relations(ranked: Sequence[Comparable]) -> tuple[int, ...] | None:
    if not ranked:
        return None
    gold = ranked[0].predictions.gold
    return tuple(int(count) for count in np.bincount(gold, minlength=len(RELATIONS)))
