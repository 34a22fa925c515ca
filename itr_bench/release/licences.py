"""Which licences let data be passed on, and what a config needs of its sources.

One table decides. What a licence of model weights says of the model's output is for lawyers: here
a translation is treated as under the licence that its system states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from itr_bench.errors import DataError, unknown_name

IDS_ONLY = ("tirt",)
"""Sets of which texts and images are not ours to pass on: ids, labels and hashes only."""

NOT_STATED = "NOASSERTION"
"""What SPDX says where no licence is stated, or one that is not known here."""


@dataclass(frozen=True)
class Licence:
    """A licence.

    Attributes:
        spdx: its SPDX identifier.
        hub: what the Hub calls it.
        shared: whether changed copies may be passed on. The columns of a release are such copies.
        terms: what users have to heed.
    """

    spdx: str
    hub: str
    shared: bool
    terms: str

    @property
    def url(self) -> str:
        """Where its text is."""
        return f"https://spdx.org/licenses/{self.spdx}.html"

    @property
    def with_text(self) -> bool:
        """Whether its text has to go along; it is then in this package's folder ``texts``."""
        return self.terms.startswith(_NOTICE)


_NOTICE, _NAME = "keep the licence notice", "name the authors"

LICENCES = {
    licence.spdx.lower(): licence
    for licence in (
        Licence("MIT", "mit", True, _NOTICE),
        Licence("Apache-2.0", "apache-2.0", True, f"{_NOTICE}, say what was changed"),
        Licence("BSD-3-Clause", "bsd-3-clause", True, _NOTICE),
        Licence("CC0-1.0", "cc0-1.0", True, "none"),
        Licence("CC-BY-4.0", "cc-by-4.0", True, _NAME),
        Licence("CC-BY-SA-4.0", "cc-by-sa-4.0", True, f"{_NAME}, share alike"),
        Licence("CC-BY-NC-4.0", "cc-by-nc-4.0", True, f"{_NAME}, no commercial use"),
        Licence(
            "CC-BY-NC-SA-4.0",
            "cc-by-nc-sa-4.0",
            True,
            f"{_NAME}, no commercial use, share alike",
        ),
        Licence("CC-BY-ND-4.0", "cc-by-nd-4.0", False, f"{_NAME}, no changes"),
        Licence("CC-BY-NC-ND-4.0", "cc-by-nc-nd-4.0", False, f"{_NAME}, no changes"),
    )
}


def find(name: str) -> Licence | None:
    """Return the licence of that SPDX identifier, in any case; ``None`` if it is not known here."""
    return LICENCES.get(name.strip().lower())


def read_stated(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=SPDX`` pairs, NAME being a translation system or a set.

    Raises:
        DataError: not such a pair, a name twice, or a licence that is not in the table.
    """
    out = {}
    for pair in pairs:
        name, equals, given = pair.partition("=")
        licence = find(given)
        if not equals or not name:
            raise DataError(f"--licence {pair}: expected NAME=SPDX, as in opus-mt=Apache-2.0")
        if licence is None:
            known = [known.spdx for known in LICENCES.values()]
            raise DataError(f"--licence {pair}: " + unknown_name("licence", given, known))
        if name in out:
            raise DataError(f"--licence {name}=...: named twice")
        out[name] = licence.spdx
    return out


def with_licences(
    sources: Sequence[Mapping[str, Any]], name: str, stated: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return *sources*, those without a known licence with what the user *stated* of *name*.

    What such a source says itself is kept as ``licence_of_source``.
    """
    out = []
    for source in sources:
        if name not in stated or find(spelled(source)) is not None:
            out.append(dict(source))
            continue
        own = {"licence_of_source": source["licence"]} if spelled(source) else {}
        given = {"licence": stated[name], "licence_stated_by": "exporter"}
        out.append({**source, **given, **own})
    return out


def spelled(source: Mapping[str, Any], key: str = "licence") -> str:
    """What a source says of its licence, as one string; empty where it says nothing."""
    stated = source.get(key) or ""
    return ", ".join(map(str, stated)) if isinstance(stated, list | tuple) else str(stated)


def shown(sources: Sequence[Mapping[str, Any]]) -> str:
    """The licences of *sources* in words, each once."""
    names = [spelled(source) or "none stated" for source in sources]
    known = [(find(name), name) for name in names]
    return ", ".join(dict.fromkeys(name if one is None else one.spdx for one, name in known))


def stated_by(source: Mapping[str, Any]) -> str:
    """The licence of a source in words, and who states it where that is not the publisher."""
    if not source.get("licence_stated_by"):
        return shown([source])
    own = spelled(source, "licence_of_source") or "none"
    return f"{spelled(source)}, as the exporter states; the source states: {own}"


def settle(
    sources: Sequence[Mapping[str, Any]], name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the licences of *sources* (SPDX) and what keeps the data from being published.

    Args:
        sources: each with its ``name`` and ``licence``.
        name: the set or system that a licence could be stated of.
    """
    licences: list[str] = []
    obstacles = []
    for source in sources:
        own = spelled(source)
        licence = find(own)
        what = f"{source.get('what', 'source')} {source.get('name', 'without a name')}"
        if licence is None:
            problem = f"licence {own!r} is not in the table" if own else "no licence stated"
            obstacles.append(f"{what}: {problem}; if you know it: --licence {name}=SPDX")
        elif not licence.shared:
            obstacles.append(f"{what}: {licence.spdx} does not let it be passed on in this form")
        spdx = NOT_STATED if licence is None else licence.spdx
        if spdx not in licences:
            licences.append(spdx)
    return tuple(licences), tuple(obstacles)
