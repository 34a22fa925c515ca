"""A model with and without the image, on the same tweets and prompts: what may be said of it."""

from __future__ import annotations

from itr_bench.leaderboard.entry import Entry, differing
from itr_bench.leaderboard.site.rows import Row, entry_row
from itr_bench.report import words
from itr_bench.scoring.comparison import Comparison, compare
from itr_bench.scoring.significance import decide

_VERDICTS = {
    1: "Without the image the accuracy is lower, by both tests",
    -1: "Without the image the accuracy is higher, by both tests: this score does not show "
    "that the image is of use to the model",
    0: "Without the image the accuracy is not significantly different: this score does not show "
    "that the image is used",
}
"""By whether the result with the image is significantly better, worse, or neither."""


def sentences(with_image: Entry, without: Entry) -> list[str]:
    """What one model's results with and without the image say, a sentence each."""
    rows = entry_row(with_image), entry_row(without)
    unlike = differing(with_image, without)
    start = f"Without the image: {words.percent(rows[1].accuracy)} %"
    if with_image.predictions is None or without.predictions is None:
        return [
            f"{start}, as claimed. Nothing could be computed here, so the two are not compared.",
            *unlike.sentences,
        ]
    found = compare(with_image.predictions, without.predictions)
    return [
        f"{start}, with it {words.percent(rows[0].accuracy)} %.",
        *_tested(found, alike=unlike.harmless),
        *_unparseable(*rows),
        *unlike.sentences,
    ]


def _tested(found: Comparison, *, alike: bool) -> list[str]:
    if found.interval is None:
        return ["On too few tweets to say whether they differ."]
    ends = found.interval.low, found.interval.high
    p_value, mean_p_value = words.p_equals(found.p_value), words.p_equals(found.mean_p_value)
    (decided,) = decide([found])
    reading = (
        ": this score depends on the image being there" if decided.better > 0 and alike else ""
    )
    return [
        f"That is a difference of {words.points(found.difference)} percentage points (95 % "
        f"interval over {found.tweets} tweets, paired: {words.points_interval(ends)}; exact "
        f"McNemar test, of this pair by itself: {found.only_a} right only with the image, "
        f"{found.only_b} only without, {p_value}; t test of the difference, over tweets "
        f"and seeds: {mean_p_value}).",
        f"{_VERDICTS[decided.better]}{reading}.",
    ]


def _unparseable(with_image: Row, without: Row) -> list[str]:
    """A model may be at a loss without an image, and say nothing that can be read."""
    if with_image.unparseable == without.unparseable:
        return []
    return [
        f"Unparseable: {words.percent(with_image.unparseable)} % with the image, "
        f"{words.percent(without.unparseable)} % without."
    ]
