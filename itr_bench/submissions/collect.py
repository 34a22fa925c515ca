"""Checking all submissions of a folder, each by itself and then against each other."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from itr_bench.errors import DataError
from itr_bench.scoring import compare
from itr_bench.submissions import files
from itr_bench.submissions.cache import Cache
from itr_bench.submissions.entry import Badge, Entry
from itr_bench.submissions.findings import Finding, Severity
from itr_bench.submissions.layout import RESPONSES, SUBMISSION
from itr_bench.submissions.reference import content_of
from itr_bench.submissions.validate import Checked, check

FEW = 32
"""A process takes as long to start as it takes to check so many submissions."""


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
    cache: Path | None = None,
    progress: bool = False,
    others: Sequence[Checked] = (),
) -> Collected:
    """Check all submissions at or below *path*.

    Args:
        path: the folder of all submissions, one of its folders, or one submission.
        trial: whether demo and stand-in data is admitted.
        cache: a folder that keeps what was found for the next time.
        progress: whether to show a bar.
        others: those that are there already, of which none may be a copy.

    Raises:
        DataError: *path* is no folder, or the data of a task that anybody can fetch is not here
            and cannot be fetched.
    """
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder of submissions, or one submission")
    folders, findings = files.discover(path)
    kept = Cache(cache, trial=trial)
    keys = {folder: kept.key(folder) for folder in folders}
    found = {folder: kept.get(key) for folder, key in keys.items()}
    waiting = [folder for folder, one in found.items() if one is None]
    for folder, one in _bar(_check_all(waiting, trial), len(waiting), progress):
        found[folder] = one
        kept.put(keys[folder], one)
    kept.close({key for key in keys.values() if key is not None})
    checked = [one for one in found.values() if one is not None]
    return Collected(tuple(_without_copies(checked, others)), tuple(findings))


def _check_all(folders: Sequence[Path], trial: bool) -> Iterator[tuple[Path, Checked]]:
    workers = min(os.cpu_count() or 1, len(folders) // FEW)
    if workers < 2:
        for folder in folders:
            yield folder, _check(folder, trial)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
        jobs = {pool.submit(_check, folder, trial): folder for folder in folders}
        for job in concurrent.futures.as_completed(jobs):
            yield jobs.pop(job), job.result()


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


def _bar(
    found: Iterable[tuple[Path, Checked]], total: int, progress: bool
) -> Iterable[tuple[Path, Checked]]:
    if not progress:
        return found
    from tqdm import tqdm

    bar: Iterable[tuple[Path, Checked]] = tqdm(
        found, total=total, desc="checking", unit=" submissions", disable=total < FEW
    )
    return bar


def _without_copies(checked: Sequence[Checked], others: Sequence[Checked]) -> Iterator[Checked]:
    """Find the same responses under different models: refused, or to be looked at.

    Models that say the same few words to everything may well agree. What is refused for another
    reason takes no other submission with it.
    """
    alike: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for one in (*checked, *others):
        if one.entry is not None:
            alike[_task(one), one.fingerprint].append(one.folder)
    for one in sorted(checked, key=lambda c: c.folder):
        found = alike.get((_task(one), one.fingerprint), ())
        twins = [folder for folder in found if folder.split("/")[0] != one.folder.split("/")[0]]
        if not twins:
            yield one
            continue
        few = one.distinct <= 2
        finding = Finding(
            Severity.LOOK if few else Severity.ERROR,
            "identical",
            f"{one.folder}/{RESPONSES}",
            None,
            f"the same responses as {min(twins)}, which is another model"
            + (f" (only {one.distinct} different texts, so it may be chance)" if few else ""),
        )
        entry = one.entry if few else None
        yield replace(one, findings=(*one.findings, finding), entry=entry)


def _task(checked: Checked) -> str:
    return checked.folder.rsplit("/", 1)[-1]


def with_reruns(collected: Collected, reruns: Sequence[Entry]) -> tuple[list[Entry], list[Finding]]:
    """Give the badge *rerun* to the entries that a maintainer's run agrees with.

    It agrees where the 95 % interval of the paired difference holds zero.

    Returns:
        the entries, and a finding for each rerun that disagrees or belongs to none.
    """
    by_place: dict[tuple[str, str], Entry] = {
        (entry.path, content_of(entry.submission.run.data)): entry for entry in reruns
    }
    entries, findings = [], []
    for entry in collected.entries:
        rerun = by_place.pop((entry.path, content_of(entry.submission.run.data)), None)
        if rerun is None:
            entries.append(entry)
            continue
        if entry.outcomes is None or rerun.outcomes is None:
            findings.append(_of_rerun(entry, "the rerun could not be compared: no data here"))
            entries.append(entry)
            continue
        if rerun.submission.run.prompt != entry.submission.run.prompt:
            findings.append(_of_rerun(entry, "the rerun was asked in other words"))
            entries.append(entry)
            continue
        found = compare(entry.outcomes, rerun.outcomes)
        low, high = (found.interval.low, found.interval.high) if found.interval else (1.0, -1.0)
        if low <= 0 <= high:
            entries.append(replace(entry, badge=Badge.RERUN))
        else:
            entries.append(entry)
            said = f"the rerun's accuracy differs by {-100 * found.difference:+.1f} points"
            findings.append(_of_rerun(entry, said))
    findings += [_of_rerun(left, "a rerun of no submission here") for left in by_place.values()]
    return entries, findings


def _of_rerun(entry: Entry, message: str) -> Finding:
    return Finding(Severity.LOOK, "rerun", f"{entry.path}/{SUBMISSION}", None, message)
