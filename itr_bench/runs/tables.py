"""Scores as people read them: percentages, with the references beside them."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from itr_bench.relation import RELATIONS
from itr_bench.runs.response import ENDED
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import NOT_OBSERVED
from itr_bench.runs.training import how_trained
from itr_bench.scoring.intervals import Interval
from itr_bench.scoring.likelihood import likelihood_scores
from itr_bench.scoring.references import ReferenceLevel, reference_level

DASH = "-"


def percent(value: float | None) -> str:
    """A share as a percentage, one digit; a dash for what does not exist."""
    return DASH if value is None else f"{100 * value:.1f}"


def interval(value: Interval | None) -> str:
    """An interval of shares in per cent."""
    return DASH if value is None else f"{percent(value.low)} to {percent(value.high)}"


_MODEL = 22
"""So wide is a model's name; a longer one continues in the next line."""

_SHORT = {
    ReferenceLevel.ABOVE_MAJORITY: "> majority",
    ReferenceLevel.ABOVE_CHANCE: "> chance",
    ReferenceLevel.NOT_DIFFERENT: "n.s.",
    ReferenceLevel.BELOW_CHANCE: "< chance",
    ReferenceLevel.UNKNOWN: "too few",
}


def note(run: Run) -> str:
    """Why a run's score is not yet a result; nothing where it is one."""
    score = run.score
    found = []
    if run.placeholder:
        found.append("PLACEHOLDER DATA, no result")
    if (run.training or {}).get("shuffled_labels"):
        found.append("TRAINED ON SHUFFLED LABELS, a control and no result")
    if score.failed_rate:
        found.append(f"{percent(score.failed_rate)} % of requests failed: run again")
    if run.is_part:
        found.append(f"PART OF THE SET, {score.tweets} of {run.set_size} tweets")
    return "; ".join(found)


def remarks(run: Run) -> list[str]:
    """What a reader of a run's score should know beside it."""
    settings = run.generation or {}
    found = []
    if run.training is not None:
        found.append(
            f"fine-tuned with cross-validation on {how_trained(run.training)}: each tweet is "
            "predicted by a model that did not see it"
        )
    sent = settings.get("sent")
    if sent == NOT_OBSERVED:
        found.append("NOT OBSERVED: what its adapter sent to the model could not be seen")
    elif sent:
        values = ", ".join(f"{name} {'not' if v is None else v}" for name, v in sent.items())
        found.append(f"sent otherwise than asked: {values}")
    if settings.get("seeding") == "none":
        found.append("samples without seeds: they differ from run to run")
    ended = [f"{n} {ENDED[r]}" for r, n in run.finish_reasons.items() if r in ENDED]
    return found + ([f"of the responses, {', '.join(ended)}"] if ended else [])


def verdict(run: Run) -> str:
    """What may be said of a run's score, in words."""
    if found := note(run):
        return found
    level = reference_level(run.score)
    if level is ReferenceLevel.BELOW_CHANCE and run.score.unparseable_rate:
        return f"{level.value}, unparseable counts as wrong"
    return level.value


def summary(runs: Sequence[Run]) -> str:
    """A table a task, with its references; at most 100 columns wide."""
    tasks = dict.fromkeys(run.task for run in runs)
    parts = [_task_table([run for run in runs if run.task == task]) for task in tasks]
    legend = "All in per cent. Accuracy: both answers right; what is unparseable counts as wrong."
    return "\n\n".join(
        [*parts, f"{legend}\nSD: of the accuracy across seeds. n.s.: not significantly different."]
    )


def _task_table(runs: Sequence[Run]) -> str:
    rows = [
        [
            run.model,
            f"{run.score.tweets} x {run.score.samples}",
            percent(run.score.accuracy),
            interval(run.score.interval),
            percent(run.score.accuracy_sd),
            percent(run.score.adds_accuracy),
            percent(run.score.represented_accuracy),
            percent(run.score.unparseable_rate + run.score.failed_rate),
            "see note" if note(run) else _SHORT[reference_level(run.score)],
        ]
        for run in runs
    ]
    header = ["model", "tweets", "accuracy", "95 % interval", "SD", "adds", "repr.", "no answer"]
    table = tabulate(
        rows,
        [*header, "against"],
        tablefmt="simple",
        colalign=["left", *["right"] * 7, "left"],
        disable_numparse=True,
        maxcolwidths=[_MODEL, *[None] * 8],
    )
    references = dict.fromkeys(
        f"majority class {percent(run.score.majority_class)}, "
        f"chance {percent(run.score.uniform_chance)}"
        for run in runs
    )
    notes = [f"{run.model}: {found}" for run in runs if (found := note(run))]
    notes += [f"{run.model}: {remark}" for run in runs for remark in remarks(run)]
    return "\n".join([f"{runs[0].task}: {'; '.join(references)}", "", table, *notes])


def signatures(runs: Sequence[Run]) -> str:
    """The signatures of several runs: what they share once, then what is each one's own."""
    fields = [run.signature.fields() for run in runs]
    shared = {
        key: value for key, value in fields[0].items() if all(f.get(key) == value for f in fields)
    }
    lines = ["signature, in common: " + "|".join(f"{key}:{v}" for key, v in shared.items())]
    for run, own in zip(runs, fields, strict=True):
        rest = "|".join(f"{key}:{value}" for key, value in own.items() if key not in shared)
        lines.append(f"  {run.model}: {rest}")
    return "\n".join(lines)


def details(run: Run, *, signature: bool = False) -> str:
    """Everything about one run; with its *signature*, where it is asked for."""
    score = run.score
    samples = "1 sample" if score.samples == 1 else f"{score.samples} samples"
    deviation = (
        "" if score.accuracy_sd is None else f", SD across seeds {percent(score.accuracy_sd)}"
    )
    lines = [
        f"{run.model} on {run.task}: {score.tweets} tweets, {samples} a question",
        "",
        f"  accuracy (4 classes)   {percent(score.accuracy)} %, 95 % interval "
        f"{interval(score.interval)}{deviation}",
        f"  references             majority class {percent(score.majority_class)} %, "
        f"uniform chance {percent(score.uniform_chance)} %: {verdict(run)}",
        f"  macro F1               {percent(score.macro_f1)} % (mean of the relations' F1)",
        f"  by question            adds {percent(score.adds_accuracy)} %, "
        f"represented {percent(score.represented_accuracy)} %",
        f"  no answer              {percent(score.unparseable_rate)} % unparseable, "
        f"{percent(score.failed_rate)} % of requests failed (both count as wrong)",
    ]
    if score.sample_agreement is not None:
        lines.append(
            f"  samples agree          {percent(score.sample_agreement)} % of the pairs of a tweet"
        )
    for question, found in likelihood_scores(run.likelihoods).items():
        auc = DASH if found.auc is None else f"{found.auc:.3f}"
        lines.append(
            f"  P(yes), {question.value:<14} AUC {auc} (chance 0.5), calibration error "
            f"{found.calibration_error:.3f}, mass of yes and no {percent(found.mass)} %"
        )
    if score.unpaired:
        lines.append(f"  left out               {score.unpaired} with one question missing")
    lines += [f"  {'note':22} {remark}" for remark in remarks(run)]
    header = ["relation", "recall %", *[f"as {int(r)}" for r in RELATIONS], "unparseable"]
    rows = [
        [f"{int(r)} {r.label}", percent(score.recall[r]), *score.confusion[r]] for r in RELATIONS
    ]
    table = tabulate(rows, header, tablefmt="simple", disable_numparse=True, stralign="right")
    title = "Right relations by row, as they were answered by column, counted over samples:"
    end = ["", f"signature: {run.signature}"] if signature else []
    return "\n".join([*lines, "", title, "", table, *end])


def new_forms(runs: Sequence[Run]) -> list[str]:
    """What the parsers do not know in the responses of *runs*, a line each."""
    return [
        f"itr-bench: warning: {run.model} on {run.task}: {form}; look at them with "
        "`itr-bench parse --explain`"
        for run in runs
        for form in run.new_forms
    ]
