"""Checking all submissions of a folder, each by itself and then against each other."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from itr_bench.data.manifest import content_of
from itr_bench.errors import DataError
from itr_bench.leaderboard import files
from itr_bench.leaderboard.arrivals import arrivals
from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.findings import Finding, Severity
from itr_bench.leaderboard.layout import SUBMISSION
from itr_bench.leaderboard.neighbours import compared
from itr_bench.leaderboard.reviewed import read_reviewed
from itr_bench.leaderboard.validate import Checked, check
from itr_bench.scoring.comparison import Comparison, compare

FEW = 10
"""So many are checked before a progress bar could be read."""


@dataclass(frozen=True)
class Collected:
    """All submissions of a folder.

    Attributes:
        checked: each with what was found, by path.
        findings: about the way they lie there.
    """

    checked: tuple[Checked, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        """What the leaderboard takes."""
        return [one.entry for one in self.checked if one.entry is not None]

    @property
    def refused(self) -> list[str]:
        """The folders of those that are refused."""
        return [one.folder for one in self.checked if one.entry is None]

    @property
    def all_findings(self) -> list[Finding]:
        """The findings about the folder and about each."""
        return [*self.findings, *(f for one in self.checked for f in one.findings)]

    @property
    def accepted(self) -> bool:
        """Whether none is refused."""
        return all(finding.severity is not Severity.ERROR for finding in self.all_findings)


def collect(
    path: Path,
    *,
    trial: bool = False,
    progress: bool = False,
    others: Sequence[Checked] = (),
    today: datetime.date | None = None,
) -> Collected:
    """Check all submissions at or below *path*.

    Args:
        path: the folder of all submissions, one of its folders, or one submission.
        trial: whether demo and placeholder data is admitted.
        others: those that are there already, of which none may be a copy.
        today: the day by UTC, after which nothing can have been submitted; ``None`` asks the clock.

    Raises:
        DataError: *path* is no folder, or the data of a task that anybody can fetch is not here
            and cannot be fetched.
    """
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder of submissions, or one submission")
    folders, findings = files.discover(path)
    is_quiet = not progress or len(folders) < FEW
    shown = tqdm(folders, desc="checking", unit=" submissions", disable=is_quiet)
    checked = sorted((_check(folder, trial) for folder in shown), key=lambda one: one.folder)
    today = today or datetime.datetime.now(datetime.timezone.utc).date()
    came = arrivals(path)
    checked = [replace(_dated(one, today), arrived=came.get(one.folder)) for one in checked]
    checked = [_lying_well(one, findings) for one in checked]
    reviewed = read_reviewed(path)
    return Collected(tuple(compared(checked, others, reviewed)), tuple(findings))


def _lying_well(checked: Checked, findings: Sequence[Finding]) -> Checked:
    """Refuse what lies in a folder, or beside something, that is not as it should be."""
    if checked.entry is None:
        return checked
    for finding in findings:
        around = finding.path.rpartition("/")[0]
        if finding.code == "same-but-for-case" or not around:
            around = finding.path
        if finding.severity is Severity.ERROR and f"{checked.folder}/".startswith(f"{around}/"):
            return replace(checked, entry=None)
    return checked


def _check(folder: Path, trial: bool) -> Checked:
    """Check one; what nobody foresaw refuses this one and stops no other."""
    try:
        return check(folder, trial=trial)
    except DataError:
        raise
    except Exception as error:
        name = files.shown(folder)
        said = f"the check itself failed ({type(error).__name__}: {error}); please report this"
        return Checked(name, (Finding(Severity.ERROR, "internal", name, None, said),))


FIRST_DAY = datetime.date(2025, 5, 1)
"""The benchmark's paper is of May 2025: nothing can have been submitted before."""


def _dated(checked: Checked, today: datetime.date) -> Checked:
    """Refuse what says that it was submitted before there was a benchmark, or after *today*.

    The day is another by time zone.
    """
    if checked.entry is None:
        return checked
    submission = checked.entry.submission
    findings = []
    for name, given, first in (
        ("submitted", submission.submitted, FIRST_DAY),
        ("model.date", submission.model.date, datetime.date.min),
    ):
        if given is None:
            continue
        day = datetime.date.fromisoformat(given)
        if day > today + datetime.timedelta(days=1):
            said = f"{name}: {given} is yet to come, it is {today}"
        elif day < first:
            said = f"{name}: {given} is before the benchmark, which is of {first}"
        else:
            continue
        path = f"{checked.folder}/{SUBMISSION}"
        findings.append(Finding(Severity.ERROR, name.rpartition(".")[2], path, None, said))
    if not findings:
        return checked
    return replace(checked, findings=(*checked.findings, *findings), entry=None)


def with_reruns(collected: Collected, reruns: Sequence[Entry]) -> tuple[list[Entry], list[Finding]]:
    """Give the badge *rerun* to the entries that a maintainer's run agrees with.

    Returns:
        the entries, and a finding for each rerun that disagrees or belongs to none.
    """
    by_place = {_place(entry): entry for entry in reruns}
    entries, findings = [], []
    for entry in collected.entries:
        rerun = by_place.pop(_place(entry), None)
        found = None if rerun is None else agreement(entry, rerun)
        if found is not None and found.why:
            findings.append(_of_rerun(entry, found.why))
        agrees = found is not None and found.agrees
        entries.append(replace(entry, badge=Badge.RERUN) if agrees else entry)
    findings += [_of_rerun(left, "a rerun of no submission here") for left in by_place.values()]
    return entries, findings


def _place(entry: Entry) -> tuple[str, str]:
    return entry.path, content_of(entry.submission.run.data)


@dataclass(frozen=True)
class Agreement:
    """Whether a rerun agrees with what it reruns.

    Attributes:
        comparison: of the rerun with the entry; ``None`` where they cannot be compared.
        agrees: whether the 95 % interval of the paired difference holds zero.
        why: why it does not.
    """

    comparison: Comparison | None
    agrees: bool
    why: str


def agreement(entry: Entry, rerun: Entry) -> Agreement:
    """Compare an entry with a *rerun* of it."""
    if entry.predictions is None or rerun.predictions is None:
        return Agreement(None, False, "the rerun could not be compared: no data here")
    if rerun.submission.run.prompt != entry.submission.run.prompt:
        return Agreement(None, False, "the rerun was asked in other words")
    found = compare(rerun.predictions, entry.predictions)
    agrees = found.interval is not None and found.interval.low <= 0 <= found.interval.high
    said = f"the rerun's accuracy differs by {100 * found.difference:+.1f} percentage points"
    return Agreement(found, agrees, "" if agrees else said)


def _of_rerun(entry: Entry, message: str) -> Finding:
    return Finding(Severity.LOOK, "rerun", f"{entry.path}/{SUBMISSION}", None, message)
