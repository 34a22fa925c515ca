"""What a pull request is answered: accepted or not, why, and how the result compares."""

from __future__ import annotations

from collections.abc import Sequence

from itr_bench.data.manifest import content_of
from itr_bench.leaderboard.collect import Collected, agreement
from itr_bench.leaderboard.entry import Badge, Entry, differing
from itr_bench.leaderboard.findings import as_markdown, code, fewer
from itr_bench.leaderboard.site import wording
from itr_bench.report import words
from itr_bench.scoring.comparison import compare
from itr_bench.scoring.intervals import Interval
from itr_bench.scoring.references import reference_level
from itr_bench.scoring.significance import decide

NEAREST = 5
LONGEST = 60_000
"""In characters; GitHub takes 65,536."""


def comment(collected: Collected, others: Sequence[Entry], *, reruns: bool = False) -> str:
    """Word the comment, in Markdown; whatever a submission says is shown, never rendered.

    Args:
        collected: what the pull request brings.
        others: what the leaderboard has.
        reruns: whether what it brings are reruns, each of what lies at the same path.
    """
    entries = collected.entries
    verdict = "accepted" if collected.accepted and entries else "not accepted yet"
    count = len(collected.checked)
    noun = "submission" if count == 1 else "submissions"
    lines = [f"**{count} {noun} checked: {verdict}.**", ""]
    if entries:
        lines += [
            "| task | model | accuracy | 95 % interval | SD across seeds | unparseable | "
            "majority class | against the references | badge |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |",
            *map(_row, entries),
            "",
        ]
    there = {other.path: other for other in others}
    for entry in entries:
        lines += _rerun(entry, there.get(entry.path), reruns)
        if entry.without_image:
            lines += _against_with_image(entry, [*entries, *others])
        else:
            lines += _against(entry, others)
    findings = fewer(collected.all_findings)
    lines += ["What was found:", ""] if findings else []
    lines += as_markdown(findings).splitlines()
    return _fitting(lines)


def _fitting(lines: Sequence[str]) -> str:
    """As many of *lines* as a comment can have, and how many were left out."""
    kept: list[str] = []
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > LONGEST:
            kept += ["", f"And {len(lines) - len(kept)} lines more: see `itr-bench validate`."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _row(entry: Entry) -> str:
    submission, score = entry.submission, entry.score
    name = submission.model.name
    if submission.training is not None:
        name += f", fine-tuned on {submission.training.words}"
    start = [code(submission.run.task), code(name)]
    if score is None:
        claimed = submission.score
        low, high = claimed.interval or (None, None)
        figures = [_percent(claimed.accuracy), f"{_percent(low)} to {_percent(high)}"]
        figures += [
            _percent(claimed.accuracy_sd),
            _percent(claimed.unparseable_rate),
            "",
            "as claimed",
        ]
    else:
        figures = [_percent(score.accuracy), _interval(score.interval), _percent(score.accuracy_sd)]
        figures += [_percent(score.unparseable_rate), _percent(score.majority_class)]
        figures.append(reference_level(score).value)
    return "| " + " | ".join([*start, *figures, entry.badge.value]) + " |"


def _rerun(entry: Entry, there: Entry | None, reruns: bool) -> list[str]:
    """Whether it agrees with what is there at the same path, and the badge that follows."""
    if there is None:
        said = f"{code(entry.path)}: no submission there that it could be a rerun of."
        return [said, ""] if reruns else []
    found = agreement(there, entry)
    badge = (Badge.RERUN if found.agrees else there.badge).value
    start = f"{code(entry.path)} against the submission at the same path"
    if found.comparison is None:
        return [f"{start}: {found.why}. As a rerun it leaves the badge *{badge}*.", ""]
    zero = "holds zero" if found.agrees else "does not hold zero"
    follows = "gives" if found.agrees else "leaves"
    return [
        f"{start}: accuracy {100 * found.comparison.difference:+.1f} percentage points, "
        f"95 % interval {_interval(found.comparison.interval)}, which {zero}. As a "
        f"rerun it {follows} the badge *{badge}*.",
        "",
    ]


_VERDICTS = {
    1: "significantly better",
    -1: "significantly worse",
    0: words.NOT_DIFFERENT,
}


def _against(entry: Entry, others: Sequence[Entry]) -> list[str]:
    """The comparison with the best and the nearest others on the same tweets; models that were
    fine-tuned with cross-validation are compared with each other alone.
    """
    if entry.predictions is None or entry.score is None:
        return []
    run = entry.submission.run
    own = entry.score.accuracy
    rivals = [
        (other, other.predictions, other.score.accuracy)
        for other in others
        if other.predictions is not None
        and other.score is not None
        and other.path != entry.path
        and other.is_fine_tuned == entry.is_fine_tuned
        and other.submission.run.task == run.task
        and other.submission.run.version == run.version
        and content_of(other.submission.run.data) == content_of(run.data)
    ]
    if not rivals:
        return [f"Nothing else on {code(run.task)} to compare {code(entry.path)} with yet.", ""]
    best = max(rivals, key=lambda rival: rival[2])
    nearest = sorted(rivals, key=lambda rival: (abs(rival[2] - own), rival[0].path))[:NEAREST]
    shown = nearest if best in nearest else [best, *nearest]
    found = [compare(entry.predictions, predictions) for _, predictions, _ in shown]
    lines = [
        f"{code(entry.path)} against the best and the nearest on the same tweets (exact McNemar "
        f"test and t test over tweets and seeds, each by Holm's method over these {len(shown)}; a "
        "difference is significant where both reject and agree on which is better):",
        "",
        "| other | difference | 95 % interval | only this right | only the other right | "
        "McNemar p | t test p | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for (other, _, _), one, decided in zip(shown, found, decide(found), strict=True):
        state = wording.state(other.submission.state)
        name = f"{code(other.submission.model.name)} {code(state)}"
        lines.append(
            f"| {name} | {100 * one.difference:+.1f} | {_interval(one.interval)} | {one.only_a} | "
            f"{one.only_b} | {words.p_value(decided.p_value)} | "
            f"{words.p_value(decided.mean_p_value)} | {_VERDICTS[decided.better]} |"
        )
    return [*lines, ""]


def _against_with_image(entry: Entry, others: Sequence[Entry]) -> list[str]:
    """The comparison of a result without the image with the model's own with it."""
    start = f"{code(entry.path)} against the same model with the image"
    for other in others:
        if other.without_image or other.pair != entry.pair:
            continue
        if entry.predictions is None or other.predictions is None:
            return [f"{start}: not compared, the figures are as claimed.", ""]
        found = compare(entry.predictions, other.predictions)
        return [
            f"{start}: accuracy {100 * found.difference:+.1f} percentage points, 95 % interval "
            f"{_interval(found.interval)}, exact McNemar {words.p_equals(found.p_value)}, t test "
            f"{words.p_equals(found.mean_p_value)}.",
            *differing(other, entry).sentences,
            "",
        ]
    return [f"{start}: no such result on the same tweets and prompts.", ""]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def _interval(value: Interval | None) -> str:
    return "" if value is None else f"{_percent(value.low)} to {_percent(value.high)}"
