"""What only shows between submissions: copies, cards that differ, folders alike but for case.

Models that say the same few words to everything may well agree. What is refused for another reason
takes no other submission with it; of two that contradict each other, the one that was there, or was
submitted earlier, stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.findings import Finding, Severity
from itr_bench.leaderboard.layout import RESPONSES, SUBMISSION
from itr_bench.leaderboard.schema import ModelCard
from itr_bench.leaderboard.validate import Checked
from itr_bench.tasks.spec import family, is_without_image

NEARLY = 0.95
"""So many equal responses are worth a look."""

_SCREENS = ((5, 0.8), (1, 0.9))
"""First samples alone are compared first: every fifth, then all of what agrees on so many."""

_FIXED = ("saw_this_data", "parameters", "licence", "open_weights")
"""What one state of a model has once."""

_CALLED = ("name", "organisation")


def compared(checked: Sequence[Checked], others: Sequence[Checked]) -> list[Checked]:
    """Check submissions against each other.

    Args:
        checked: what came, sorted by folder.
        others: what is there already; that of the same folder gives way, so it does not count.

    Returns:
        *checked* with what was found; the findings are about these alone.
    """
    coming = {one.folder for one in checked}
    others = [other for other in others if other.folder not in coming]
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in (
        *_same_but_for_case(checked, others),
        *_cards(checked, others),
        *_copies(checked, others),
        *_near_copies(checked, others),
    ):
        found[finding.path.rpartition("/")[0]].append(finding)
    return [_with(one, found.get(one.folder, [])) for one in checked]


def _with(checked: Checked, findings: Sequence[Finding]) -> Checked:
    refused = any(finding.severity is Severity.ERROR for finding in findings)
    return replace(
        checked,
        findings=(*checked.findings, *findings),
        entry=None if refused else checked.entry,
    )


def _same_but_for_case(checked: Sequence[Checked], others: Sequence[Checked]) -> Iterator[Finding]:
    """Folders that some file systems cannot tell from others; within one tree, finding them is
    part of reading it."""
    known: dict[str, str] = {}
    for other in others:
        for part in _parts(other.folder):
            known.setdefault(part.casefold(), part)
    for one in checked:
        for part in _parts(one.folder):
            twin = known.get(part.casefold(), part)
            if twin != part:
                said = f"its folder {part} differs from {twin}, which is there, only in case"
                yield _error("same-but-for-case", f"{one.folder}/{SUBMISSION}", said)
                break


def _parts(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


# Cards


def _cards(checked: Sequence[Checked], others: Sequence[Checked]) -> Iterator[Finding]:
    """Cards of one model that differ: of one state in its facts, of any in what it is called."""
    by_model: dict[str, list[tuple[str, Entry]]] = defaultdict(list)
    for one in (*checked, *others):
        if one.entry is not None:
            by_model[one.entry.submission.model.id].append((one.folder, one.entry))
    there = {other.folder for other in others}
    for one in checked:
        if one.entry is None:
            continue
        card = one.entry.submission.model
        twins = [twin for twin in by_model[card.id] if twin[0] != one.folder]
        for name in (*_CALLED, *_FIXED):
            differing = [
                (folder, entry)
                for folder, entry in twins
                if getattr(entry.submission.model, name) != getattr(card, name)
                and (name in _CALLED or entry.submission.model.state == card.state)
            ]
            if not differing:
                continue
            weighty = [
                twin for twin in differing if _gives_way(one.entry, twin[1], twin[0] in there)
            ]
            folder, entry = min(weighty or differing, key=lambda twin: twin[0])
            severity = Severity.ERROR if weighty and name in _FIXED else Severity.LOOK
            said = _differing(name, card, entry.submission.model, folder)
            yield Finding(severity, "card", f"{one.folder}/{SUBMISSION}", None, said)


def _differing(name: str, card: ModelCard, other: ModelCard, folder: str) -> str:
    mine, theirs = getattr(card, name), getattr(other, name)
    what = "one state of a model has one" if name in _FIXED else "the same model"
    return f"model.{name} is {mine!r}, in {folder}/{SUBMISSION} it is {theirs!r}: {what}"


def _gives_way(entry: Entry, twin: Entry, is_there: bool) -> bool:
    """Whether *entry* is the one to refuse; of two of the same day, both are."""
    return is_there or twin.submission.submitted <= entry.submission.submitted


# Copies


def _copies(checked: Sequence[Checked], others: Sequence[Checked]) -> Iterator[Finding]:
    """The same responses under different models: refused, or to be looked at. With and without the
    image they are of one model as well to be looked at: one run may stand for both.
    """
    alike: dict[tuple[str, str | None], list[Checked]] = defaultdict(list)
    for one in (*checked, *others):
        if one.entry is not None:
            alike[_task(one), one.fingerprint].append(one)
    there = {other.folder for other in others}
    for one in checked:
        same = alike.get((_task(one), one.fingerprint), ())
        own = [twin.folder for twin in same if _kinship(one, twin) not in (None, _ANOTHER)]
        few = one.distinct <= 2
        if own and not few:
            said = f"the same responses as {min(own)}, which is {_counterpart(one)}"
            yield Finding(Severity.LOOK, "identical", f"{one.folder}/{RESPONSES}", None, said)
        twins = {
            twin.folder: twin.entry
            for twin in same
            if twin.entry is not None and _kinship(one, twin) == _ANOTHER
        }
        if not twins:
            continue
        weighty = [
            folder
            for folder, twin in twins.items()
            if one.entry is None or _gives_way(one.entry, twin, folder in there)
        ]
        said = f"the same responses as {min(weighty or twins)}, which is {_ANOTHER}"
        if few:
            said += f" (only {one.distinct} different texts, so it may be chance)"
        elif not weighty:
            said += ", submitted later"
        severity = Severity.ERROR if weighty and not few else Severity.LOOK
        yield Finding(severity, "identical", f"{one.folder}/{RESPONSES}", None, said)


def _task(checked: Checked) -> str:
    return family(checked.folder.rsplit("/", 1)[-1])


def _model(checked: Checked) -> str:
    return checked.folder.split("/")[0]


_ANOTHER = "another model"


def _kinship(one: Checked, twin: Checked) -> str | None:
    """What *twin* is to *one*, in words, where the two should not say the same."""
    if _model(one) != _model(twin):
        return _ANOTHER
    return _counterpart(one) if _without_image(one) != _without_image(twin) else None


def _counterpart(checked: Checked) -> str:
    return f"the same model {'with' if _without_image(checked) else 'without'} the image"


def _without_image(checked: Checked) -> bool:
    return is_without_image(checked.folder.rsplit("/", 1)[-1])


Texts = NDArray[np.uint16]
"""Of one submission: a hash of each response, shape (items, samples); 0 is an empty one."""


def _near_copies(checked: Sequence[Checked], others: Sequence[Checked]) -> Iterator[Finding]:
    """Nearly the same responses where :func:`_copies` looks for the same ones, of those that say
    much: to be looked at.
    """
    groups: dict[tuple[str, int], list[tuple[Checked, Texts]]] = defaultdict(list)
    for one in (*checked, *others):
        if one.entry is not None and one.texts:
            texts = np.frombuffer(one.texts, "<u2").reshape(-1, one.entry.submission.run.samples)
            groups[_task(one), len(texts)].append((one, texts))
    coming = {one.folder for one in checked}
    for group in groups.values():
        first = np.stack([texts[:, 0] for _, texts in group])
        (step, least), (_, least_of_all) = _SCREENS
        some = np.ascontiguousarray(first[:, ::step].T)  # counting down columns is fast
        for number, (one, texts) in enumerate(group):
            if one.folder not in coming:
                break  # those that came stand first
            same = (some == some[:, number, None]).sum(axis=0, dtype=np.uint32)
            left = np.flatnonzero(same / len(some) >= least)
            left = left[(first[left] == first[number]).mean(axis=1) >= least_of_all]
            near: dict[str, list[tuple[float, str]]] = defaultdict(list)
            for i in left:
                twin = group[i][0]
                kinship = _kinship(one, twin)
                if kinship is not None and twin.fingerprint != one.fingerprint:
                    near[kinship].append((_agreement(texts, group[i][1]), twin.folder))
            for kinship, found in sorted(near.items()):
                share, folder = max(found)
                if share >= NEARLY:
                    said = f"nearly identical: {100 * share:.1f} % of the responses are those of "
                    said += f"{folder}, which is {kinship}"
                    path = f"{one.folder}/{RESPONSES}"
                    yield Finding(Severity.LOOK, "nearly-identical", path, None, said)


def _agreement(one: Texts, other: Texts) -> float:
    """Share of equal responses among those with text, in the samples that both have."""
    samples = min(one.shape[1], other.shape[1])
    one, other = one[:, :samples], other[:, :samples]
    said = (one != 0) | (other != 0)
    return float(((one == other) & said).sum() / max(said.sum(), 1))


def _error(code: str, path: str, message: str) -> Finding:
    return Finding(Severity.ERROR, code, path, None, message)
