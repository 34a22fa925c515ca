"""A model with and without the image, on the same tweets and prompts: what may be said of it."""

from __future__ import annotations

from itr_bench.leaderboard.entry import Entry, differing
from itr_bench.leaderboard.site import words
from itr_bench.leaderboard.site.across import told
from itr_bench.leaderboard.site.rows import Row, entry_row
from itr_bench.scoring import Comparison, compare

_VERDICTS = {
    1: "Without the image the accuracy is lower, by both tests",
    -1: "Without the image the accuracy is higher, by both tests: this score does not show "
    "that the image is of use to the model",
    0: "Without the image the accuracy is not told from that with it: this score does not show "
    "that the image is used",
}
"""By whether the result with the image is told to be better, worse, or neither."""


def sentences(sighted: Entry, blind: Entry) -> list[str]:
    """What one model's results with and without the image say, a sentence each."""
    rows = entry_row(sighted), entry_row(blind)
    unlike = differing(sighted, blind)
    start = f"Without the image: {words.percent(rows[1].accuracy)} %"
    if sighted.predictions is None or blind.predictions is None:
        return [
            f"{start}, as claimed. Nothing could be computed here, so the two are not compared.",
            *unlike.sentences,
        ]
    found = compare(sighted.predictions, blind.predictions)
    return [
        f"{start}, with it {words.percent(rows[0].accuracy)} %.",
        *_tested(found, alike=unlike.harmless),
        *_unread(*rows),
        *unlike.sentences,
    ]


def _tested(found: Comparison, *, alike: bool) -> list[str]:
    if found.interval is None:
        return ["On too few tweets to say whether they differ."]
    ends = found.interval.low, found.interval.high
    p_value, mean_p_value = _equals(found.p_value), _equals(found.mean_p_value)
    larger = max(found.p_value, found.mean_p_value)
    better = told(larger, found.difference, found.only_a, found.only_b)
    reading = ": this score depends on the image being there" if better > 0 and alike else ""
    return [
        f"That is a difference of {words.points(found.difference)} points (95 % interval over "
        f"{found.tweets} tweets, paired: {words.points_interval(ends)}; exact McNemar test, of "
        f"this pair by itself: {found.only_a} right only with the image, {found.only_b} only "
        f"without, {p_value}; t test of the difference, over tweets and seeds: {mean_p_value}).",
        f"{_VERDICTS[better]}{reading}.",
    ]


def _equals(p_value: float) -> str:
    text = words.p_value(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _unread(sighted: Row, blind: Row) -> list[str]:
    """A model may be at a loss without an image, and say nothing that can be read."""
    if sighted.unread == blind.unread:
        return []
    return [
        f"Unread: {words.percent(sighted.unread)} % with the image, "
        f"{words.percent(blind.unread)} % without."
    ]
