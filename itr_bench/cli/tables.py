"""Scores as people read them: percentages, with the references beside them."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from itr_bench.relation import RELATIONS
from itr_bench.results.run import Run
from itr_bench.scoring import Score
from itr_bench.scoring.intervals import Interval

DASH = "-"


def percent(value: float | None) -> str:
    """A share as a percentage, one digit; a dash for what does not exist."""
    return DASH if value is None else f"{100 * value:.1f}"


def interval(value: Interval | None) -> str:
    """An interval of shares in per cent."""
    return DASH if value is None else f"{percent(value.low)} to {percent(value.high)}"


def verdict(score: Score) -> str:
    """What the interval says of the references, in words."""
    if score.interval is None:
        return "too few tweets to say"
    low, high = score.interval.low, score.interval.high
    if low > score.majority_class:
        return "above the majority class"
    if high < score.uniform_chance:
        return "below chance"
    if low > score.uniform_chance:
        return "above chance, not above the majority class"
    return "not told from chance"


def summary(runs: Sequence[Run]) -> str:
    """One line a run, and below them the references of each task."""
    rows = [
        [
            run.task,
            run.model + (" [STAND-IN DATA]" if run.stand_in else ""),
            f"{run.score.tweets} x {run.score.samples}",
            percent(run.score.accuracy),
            interval(run.score.interval),
            percent(run.score.accuracy_sd),
            percent(run.score.adds_accuracy),
            percent(run.score.represented_accuracy),
            percent(run.score.unread_rate + run.score.failed_rate),
            verdict(run.score),
        ]
        for run in runs
    ]
    header = ["task", "model", "tweets", "accuracy", "95 % interval", "sd", "adds", "repr."]
    header += ["no answer", "verdict"]
    align = ["left", "left", *["right"] * 7, "left"]
    table = tabulate(rows, header, tablefmt="simple", colalign=align, disable_numparse=True)
    references = {
        f"{run.task}: majority class {percent(run.score.majority_class)}, "
        f"uniform chance {percent(run.score.uniform_chance)}"
        for run in runs
    }
    return "\n".join(
        [
            table,
            "",
            "All in per cent. Accuracy: both answers right; what could not be read is wrong.",
            "Tweets x samples a question; sd: of the accuracy over samples.",
            *sorted(references),
        ]
    )


def details(run: Run) -> str:
    """Everything about one run."""
    score = run.score
    lines = [
        f"{run.model} on {run.task}: {score.tweets} tweets, {score.samples} samples a question",
        "",
        f"  accuracy (4 classes)   {percent(score.accuracy)} %, 95 % interval "
        f"{interval(score.interval)}, sd over samples {percent(score.accuracy_sd)}",
        f"  references             majority class {percent(score.majority_class)} %, "
        f"uniform chance {percent(score.uniform_chance)} %: {verdict(score)}",
        f"  macro F1               {percent(score.macro_f1)} %",
        f"  by question            adds {percent(score.adds_accuracy)} %, "
        f"represented {percent(score.represented_accuracy)} %",
        f"  no answer              {percent(score.unread_rate)} % could not be read, "
        f"{percent(score.failed_rate)} % of requests failed (both count as wrong)",
        f"  samples agree          {percent(score.sample_agreement)} % of pairs",
    ]
    if score.unpaired:
        lines.append(f"  left out               {score.unpaired} tweets with one question missing")
    if run.stand_in:
        lines.append("  STAND-IN DATA: the pictures are drawn, this is not a result of the model")
    header = ["relation", "recall %", *[f"as {int(r)}" for r in RELATIONS], "unread"]
    rows = [
        [f"{int(r)} {r.label}", percent(score.recall[r]), *score.confusion[r]] for r in RELATIONS
    ]
    table = tabulate(rows, header, tablefmt="github", disable_numparse=True, stralign="right")
    return "\n".join([*lines, "", table, "", f"signature: {run.signature}"])
