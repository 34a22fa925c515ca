"""What boards say: badges, states, findings."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache

from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.site.board import Board, Group
from itr_bench.leaderboard.site.rows import Row
from itr_bench.nouns import count
from itr_bench.report.words import NOT_AVAILABLE, interval, percent
from itr_bench.scoring.metrics import UNIFORM_CHANCE
from itr_bench.scoring.power import smallest_difference
from itr_bench.scoring.references import Side
from itr_bench.scoring.significance import LEVEL

SAW_DATA = "saw this data"
"""The mark at a model that was trained on the tweets or their labels, as its submitter says."""

NOT_OBSERVED = "settings not observed"
"""The mark at a result of an adapter whose calls could not be watched."""


def sent(entry: Entry) -> str | None:
    """What was sent in place of what was asked, in a sentence; ``None`` for nothing."""
    if entry.not_observed:
        return (
            "Not observed: the adapter called nothing that could be watched, so these settings are "
            "those that it was asked for. Whether it sent them is not known."
        )
    if not isinstance(entry.sent, dict) or not entry.sent:
        return None
    values = ", ".join(
        f"{name} {'as asked, or not sent' if value is None else value}"
        for name, value in sorted(entry.sent.items())
    )
    return f"The run allowed the adapter to differ from the task in these: {values}."


BADGES = {
    Badge.REPORTED: "Figures only: nobody here could compute them.",
    Badge.RECOMPUTED: "Computed here from the submitted responses, against the data of the task.",
    Badge.RERUN: "Recomputed, and a maintainer's own run of the model agrees.",
}
"""What each badge says."""


def state(value: str | None) -> str:
    """A state of a model, short: the first digits of a commit, or the snapshot."""
    text = value or ""
    return text[:10] if len(text) == 40 and "--" not in text else text.replace("--", ", ")


def against(row: Row) -> str:
    """Where a row stands against chance and the majority class."""
    if row.kind == "baseline":
        return "reference"
    if row.sides is not None:
        chance, majority = row.sides.chance, row.sides.majority
        if chance is majority:
            joint = "or" if chance is Side.NOT_DIFFERENT else "and"
            return f"{chance.value} chance {joint} the majority class"
        return f"{chance.value} chance, {majority.value} the majority class"
    if row.reference_level is not None:
        return row.reference_level.value
    if row.accuracy is None:
        return NOT_AVAILABLE
    return "claimed only, no test" if row.kind == "entry" else "reported only, no test"


def against_short(row: Row) -> str:
    """The same for a narrow column."""
    if row.sides is None:
        return NOT_AVAILABLE if row.reference_level is None else "too few tweets"
    chance, majority = row.sides.chance, row.sides.majority
    if majority is Side.ABOVE:
        return "above majority"
    return {
        Side.ABOVE: "above chance",
        Side.NOT_DIFFERENT: "n.s. from chance",
        Side.BELOW: "below chance",
    }[chance]


def leader(board: Board) -> str:
    """Who leads a board, and how far that can be trusted."""
    group = board.main
    if group.comparable:
        best = group.comparable[0].row
        tied = best.tied - 1
        trust = (
            f"{count(tied, 'other result is', 'other results are')} not significantly different "
            "from it"
            if tied
            else "every other result is significantly different from it"
        )
        if len(group.comparable) == 1:
            trust = "there is no other result with responses to test it against"
        ends = "" if best.interval is None else f" (95 % interval {interval(best.interval)})"
        return f"{best.name} leads with {percent(best.accuracy)} %{ends}, {against(best)}; {trust}."
    figures = [row for row in group.rows if row.kind == "published" and row.accuracy is not None]
    if not figures:
        return "No result is known here yet."
    best = max(figures, key=lambda row: row.accuracy or 0)
    return (
        f"No result with responses has been submitted yet. The best reported figure is that of "
        f"{best.name}, {percent(best.accuracy)} %; it cannot be tested."
    )


def finding(board: Board) -> list[str]:
    """What a board shows, in numbers, a sentence each."""
    group = board.main
    scored = [row for row in group.entries if row.reference_level is not None]
    figures = [
        row.accuracy for row in group.rows if row.kind == "published" and row.accuracy is not None
    ]
    majority = group.references.majority
    sentences = [_levels(scored, majority), _tiers(group)] if scored else [_nothing(board, figures)]
    if figures and majority is not None:
        above = sum(figure > majority for figure in figures)
        verb = "lies" if above == 1 else "lie"
        sentences.append(
            f"Of {count(len(figures), 'figure')} reported by papers, without responses, {above} "
            f"{verb} above the majority class ({percent(majority)} %); no interval and no test can "
            "be computed for them."
        )
    elif figures:
        sentences.append(
            f"{count(len(figures), 'figure is', 'figures are')} reported by papers, without "
            "responses: no interval and no test can be computed for them."
        )
    if group.trained:
        number = count(len(group.trained), "result")
        verb = "stands" if len(group.trained) == 1 else "stand"
        sentences.append(f"{number} of models that were trained on this data {verb} apart.")
    if board.claimed:
        their = "its figure is a claim" if board.claimed == 1 else "their figures are claims"
        sentences.append(
            f"{count(board.claimed, 'submission')} could not be recomputed here; {their}."
        )
    return [sentence for sentence in sentences if sentence]


def _nothing(board: Board, figures: list[float]) -> str:
    if figures or board.claimed:
        return "No result with responses that can be scored here has been submitted yet."
    return "No result is known here yet."


def _levels(scored: list[Row], majority: float | None) -> str:
    tested = [row.sides for row in scored if row.sides is not None]
    over = Counter(one.majority for one in tested)
    chance = Counter(one.chance for one in tested)
    level = "" if majority is None else f" ({percent(majority)} %)"
    text = (
        f"Of {count(len(scored), 'result')} with responses, {_above(over)} the majority class"
        f"{level}, {over[Side.NOT_DIFFERENT]} not significantly different from it and "
        f"{over[Side.BELOW]} below it. "
        f"{_above(chance)} chance ({percent(UNIFORM_CHANCE)} %), "
        f"{chance[Side.NOT_DIFFERENT]} not significantly different from it and "
        f"{chance[Side.BELOW]} below it."
    )
    few = len(scored) - len(tested)
    if few:
        text += f" {count(few, 'is', 'are')} on too few tweets to say."
    return text


def _above(found: Counter[Side]) -> str:
    return f"{count(found[Side.ABOVE], 'is', 'are')} above"


def _tiers(group: Group) -> str:
    ranked = len(group.comparable)
    if ranked < 2:
        return ""
    first = sum(one.row.tier == 1 for one in group.comparable)
    if group.tiers == 1:
        return (
            "None of them is significantly different from the best: they are all tied, in one tier."
        )
    ties = (
        "the best stands alone in the first"
        if first == 1
        else f"the first holds {first}, which are not significantly different from the best"
    )
    return f"They fall into {group.tiers} tiers; {ties}."


def power(group: Group) -> str:
    """What difference the tweets of a board can show."""
    if group.discordant is None or group.tweets is None:
        return ""
    share = (
        f"On this board, on {percent(group.discordant)} % of its {group.tweets} tweets exactly one "
        "of two results is right (median over pairs). "
    )
    alone = _smallest(group.discordant, group.tweets)
    if alone is None:
        return share + (
            "Where two models differ on only this share of tweets, no difference is found 8 times "
            "out of 10."
        )
    pairs = math.comb(len(group.comparable), 2)
    text = share + (
        f"Then a true difference under {percent(alone)} percentage points is found less than 8 "
        "times out of 10 where only one pair is tested"
    )
    if pairs < 2:
        return text + "."
    corrected = _smallest(group.discordant, group.tweets, LEVEL / pairs)
    if corrected is None:
        return text + f"; as one of its {pairs} pairs, corrected: no difference is."
    return (
        text + f"; as one of its {pairs} pairs, corrected: {percent(corrected)} percentage points."
    )


@lru_cache(maxsize=64)
def _smallest(discordant: float, tweets: int, level: float = LEVEL) -> float | None:
    return smallest_difference(discordant, tweets, level) if discordant else None


def power_table(tweets: int) -> list[tuple[float, float | None, float | None]]:
    """Rows of the table on power: share of discordant tweets, smallest difference alone and
    as one of ten pairs.
    """
    return [
        (share, _smallest(share, tweets), _smallest(share, tweets, LEVEL / 10))
        for share in (0.1, 0.2, 0.3, 0.4)
    ]
