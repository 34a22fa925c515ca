"""What only shows between submissions: copies, names of others, cards that differ, folders alike
but for case.

Models that say the same few words to everything may well agree. What is refused for another reason
takes no other submission with it. Of two that contradict each other, the one that was there, or
came first by the repository's history, stays; where the history does not say, neither does.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.findings import Finding, Severity
from itr_bench.leaderboard.layout import RESPONSES, SUBMISSION
from itr_bench.leaderboard.reviewed import NAME as REVIEWED
from itr_bench.leaderboard.schema import ModelCard
from itr_bench.leaderboard.validate import Checked
from itr_bench.tasks.spec import TaskSpec, find_task

NEARLY = 0.95
"""So many equal responses hold a submission back until a maintainer has looked."""

_SCREEN, _LEAST = 5, 0.8
"""Every fifth item is compared first, then all of what agrees on so many there."""

_RESERVED = frozenset(
    (
        *("majorityclass", "uniformchance", "chance", "alwaysyes", "alwaysno", "random"),
        *("human", "humans", "humanannotators", "annotators", "gold", "baseline"),
    )
)
"""Names of references, by their letters and digits: a model of that name would mislead."""

_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""Alphabets with letters that look the same."""

_FIXED = ("saw_before", "parameters", "licence", "open_weights")
"""What one state of a model has once."""

_CALLED = ("name", "organisation")

_BEFORE = -1
"""When what is there already arrived: before all that comes."""


def compared(
    checked: Sequence[Checked], others: Sequence[Checked], reviewed: frozenset[str] = frozenset()
) -> list[Checked]:
    """Check submissions against each other.

    Args:
        checked: what came, sorted by folder.
        others: what is there already; that of the same folder gives way, so it does not count.
        reviewed: folders of near copies that a maintainer has looked at and let pass.

    Returns:
        *checked* with what was found; the findings are about these alone.
    """
    coming = {one.folder for one in checked}
    there = [replace(other, arrived=_BEFORE) for other in others if other.folder not in coming]
    everyone = (*checked, *there)
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in (
        *_same_but_for_case(checked, there),
        *_cards(checked, everyone),
        *_copies(checked, everyone),
        *_same_answers(checked, everyone),
        *_near_copies(checked, everyone, reviewed),
        *_names(checked, everyone),
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
                path = f"{one.folder}/{SUBMISSION}"
                yield Finding(Severity.ERROR, "same-but-for-case", path, None, said)
                break


def _parts(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


# Cards


def _cards(checked: Sequence[Checked], everyone: Sequence[Checked]) -> Iterator[Finding]:
    """Cards of one model that differ: of one state in its facts, of any in what it is called."""
    by_model: dict[str, list[tuple[Checked, Entry]]] = defaultdict(list)
    for one in everyone:
        if one.entry is not None:
            by_model[one.entry.submission.model.id].append((one, one.entry))
    for one in checked:
        if one.entry is None:
            continue
        card = one.entry.submission.model
        twins = [twin for twin in by_model[card.id] if twin[0].folder != one.folder]
        for name in (*_CALLED, *_FIXED):
            differing = [
                (twin, entry)
                for twin, entry in twins
                if getattr(entry.submission.model, name) != getattr(card, name)
                and (name in _CALLED or entry.submission.model.state == card.state)
            ]
            if not differing:
                continue
            weighty = [pair for pair in differing if _gives_way(one, pair[0])]
            twin, entry = min(weighty or differing, key=lambda pair: pair[0].folder)
            severity = Severity.ERROR if weighty and name in _FIXED else Severity.LOOK
            said = _differing(name, card, entry.submission.model, twin.folder)
            yield Finding(severity, "card", f"{one.folder}/{SUBMISSION}", None, said)


def _differing(name: str, card: ModelCard, other: ModelCard, folder: str) -> str:
    mine, theirs = getattr(card, name), getattr(other, name)
    what = "one state of a model has one" if name in _FIXED else "the same model"
    if name == "saw_before":
        name = "saw_this_data" if card.base_saw_this_data is None else "base_saw_this_data"
    return f"model.{name} is {mine!r}, in {folder}/{SUBMISSION} it is {theirs!r}: {what}"


def _gives_way(one: Checked, twin: Checked) -> bool:
    """Whether *one* is the one to refuse; where the history does not say, both are."""
    if twin.arrived is None:
        return one.arrived is None
    return one.arrived is None or twin.arrived <= one.arrived


# Copies


def _copies(checked: Sequence[Checked], everyone: Sequence[Checked]) -> Iterator[Finding]:
    """The same responses under different models: refused, or to be looked at. With and without the
    image or fine-tuning, they are of one model as well to be looked at: one run may stand for both.
    """
    alike: dict[tuple[str, str | None], list[Checked]] = defaultdict(list)
    for one in everyone:
        if one.entry is not None:
            alike[_task(one), one.fingerprint].append(one)
    for one in checked:
        same = alike.get((_task(one), one.fingerprint), ())
        own = {twin.folder: kin for twin in same if (kin := _kinship(one, twin))}
        own = {folder: kin for folder, kin in own.items() if kin != _ANOTHER}
        few = one.distinct <= 2
        if own and not few:
            said = f"the same responses as {min(own)}, which is {own[min(own)]}"
            yield Finding(Severity.LOOK, "identical", f"{one.folder}/{RESPONSES}", None, said)
        twins = {twin.folder: twin for twin in same if _kinship(one, twin) == _ANOTHER}
        if not twins:
            continue
        weighty = [folder for folder, twin in twins.items() if _gives_way(one, twin)]
        said = f"the same responses as {min(weighty or twins)}, which is {_ANOTHER}"
        if few:
            said += f" (only {one.distinct} different texts, so it may be chance)"
        elif not weighty:
            said += ", which came later"
        severity = Severity.ERROR if weighty and not few else Severity.LOOK
        yield Finding(severity, "identical", f"{one.folder}/{RESPONSES}", None, said)


def _spec(checked: Checked) -> TaskSpec | None:
    return find_task(checked.folder.rpartition("/")[2])


def _task(checked: Checked) -> str:
    task = _spec(checked)
    return checked.folder.rpartition("/")[2] if task is None else task.family


_ANOTHER = "another model"


def _kinship(one: Checked, twin: Checked) -> str | None:
    """What *twin* is to *one*, in words, where the two should not say the same."""
    if one.folder.split("/")[0] != twin.folder.split("/")[0]:
        return _ANOTHER
    if _fine_tuned(one) != _fine_tuned(twin):
        return f"the same model {'without' if _fine_tuned(one) else 'after'} fine-tuning"
    if _without_image(one) != _without_image(twin):
        return f"the same model {'with' if _without_image(one) else 'without'} the image"
    return None


def _fine_tuned(checked: Checked) -> bool:
    return checked.entry is not None and checked.entry.submission.training is not None


def _without_image(checked: Checked) -> bool:
    task = _spec(checked)
    return task is not None and task.without_image


def _same_answers(checked: Sequence[Checked], everyone: Sequence[Checked]) -> Iterator[Finding]:
    """The same parsed answers in other words under another model: to be looked at."""
    alike: dict[tuple[str, str], list[Checked]] = defaultdict(list)
    for one in everyone:
        if one.entry is not None and one.answers is not None:
            alike[_task(one), one.answers].append(one)
    for one in checked:
        twins = [
            twin.folder
            for twin in alike.get((_task(one), one.answers or ""), ())
            if _kinship(one, twin) == _ANOTHER and twin.fingerprint != one.fingerprint
        ]
        if twins:
            said = f"the same answers in other words as {min(twins)}, which is {_ANOTHER}"
            yield Finding(Severity.LOOK, "same-answers", f"{one.folder}/{RESPONSES}", None, said)


Keys = NDArray[np.uint32]
"""Of one submission: its different responses by item and text, sorted; no empty ones."""


def _near_copies(
    checked: Sequence[Checked], everyone: Sequence[Checked], reviewed: frozenset[str]
) -> Iterator[Finding]:
    """Nearly the same responses where :func:`_copies` looks for the same ones, of those that say
    much: held back until a maintainer has looked.
    """
    groups: dict[tuple[str, int], list[tuple[Checked, Keys, Keys]]] = defaultdict(list)
    for one in everyone:
        if one.entry is not None and one.texts:
            texts = np.frombuffer(one.texts, "<u2").reshape(-1, one.entry.submission.run.samples)
            group = groups[_task(one), len(texts)]
            group.append((one, _keys(texts), _keys(texts[::_SCREEN])))
    coming = {one.folder for one in checked}
    for group in groups.values():
        for one, keys, some in group:
            if one.folder not in coming:
                break  # those that came stand first
            near: dict[str, list[tuple[float, str, bool]]] = defaultdict(list)
            for twin, other_keys, other_some in group:
                kinship = _kinship(one, twin)
                if kinship is None or twin.fingerprint == one.fingerprint:
                    continue
                if _agreement(some, other_some) < _LEAST:
                    continue
                share = _agreement(keys, other_keys)
                if share >= NEARLY:
                    near[kinship].append((share, twin.folder, _gives_way(one, twin)))
            for kinship, found in sorted(near.items()):
                share, folder, _ = max(found)
                said = f"nearly identical: {100 * share:.1f} % of the responses are those of "
                said += f"{folder}, which is {kinship}"
                held = (
                    kinship == _ANOTHER
                    and any(gives_way for *_, gives_way in found)
                    and one.folder not in reviewed
                )
                if held:
                    said += (
                        f". Held back until a maintainer has looked: who finds it to be no copy "
                        f"adds it to {REVIEWED}, with the reason"
                    )
                severity = Severity.ERROR if held else Severity.LOOK
                path = f"{one.folder}/{RESPONSES}"
                yield Finding(severity, "nearly-identical", path, None, said)


def _keys(texts: NDArray[np.uint16]) -> Keys:
    places = np.arange(len(texts), dtype=np.uint32)[:, None] << np.uint32(16)
    return np.unique((places | texts)[texts != 0])


def _agreement(one: Keys, other: Keys) -> float:
    """Share of the different responses of the shorter one that the other has as well."""
    fewer = min(len(one), len(other))
    return len(np.intersect1d(one, other, assume_unique=True)) / fewer if fewer else 0.0


# Names


def _names(checked: Sequence[Checked], everyone: Sequence[Checked]) -> Iterator[Finding]:
    """Names that are another model's, or a reference's, or may look like one: to be looked at."""
    known: dict[str, dict[str, str]] = defaultdict(dict)
    for one in everyone:
        if one.entry is not None:
            card = one.entry.submission.model
            known[_bare(card.name)].setdefault(card.id, card.name)
    for one in checked:
        if one.entry is None:
            continue
        card = one.entry.submission.model
        name = _bare(card.name)
        said = None
        if name in _RESERVED:
            said = f"model.name {card.name!r} is that of a reference, not of a model"
        elif twins := sorted(other for other in known[name] if other != card.id):
            said = f"model.name {card.name!r} is that of {twins[0]} as well"
        elif mixed := _mixed(card.name):
            said = f"model.name {card.name!r} mixes {mixed} letters in one word"
        if said:
            yield Finding(Severity.LOOK, "name", f"{one.folder}/{SUBMISSION}", None, said)


def _mixed(name: str) -> str:
    """The alphabets of a word of *name* that has letters of several which look alike."""
    for word in name.split():
        scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}
        if len(scripts & _ALIKE) > 1:
            return " and ".join(script.capitalize() for script in sorted(scripts & _ALIKE))
    return ""


def _bare(name: str) -> str:
    """The letters and digits of a name, case folded."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
