"""Which descriptions hold of a release: by the families of its sets, and by what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import yaml

from itr_bench.data.release_files import Config, Release
from itr_bench.data.sets import get_set
from itr_bench.data.tirt_labels import PUBLISHED
from itr_bench.release import licences

TEXTS: Mapping[str, Any] = yaml.safe_load(
    (resources.files("itr_bench.release") / "descriptions.yaml").read_text(encoding="utf-8")
)
"""What is said of the data; some of it by family."""


def families(configs: Sequence[Config]) -> list[str]:
    """The families in a release, in the order met.

    ``ltec``; ``tirt``, where the labels are the published ones; ``own``, where they are those of
    another list; ``demo``.
    """
    return list(dict.fromkeys(map(_family, configs)))


def _family(config: Config) -> str:
    name = config.set_name.partition("_")[0]
    if name == "tirt" and not any(
        source.get(key) == PUBLISHED[key] for source in config.sources for key in ("sha256", "url")
    ):
        return "own"
    return name


def of_families(what: str, configs: Sequence[Config]) -> list[Any]:
    """What is said of each family in a release: a key of :data:`TEXTS` such as ``biases``."""
    return [TEXTS[what][family] for family in families(configs)]


def languages(configs: Sequence[Config]) -> list[str]:
    """The languages of the texts in the release."""
    codes = (code for config in configs for code in get_set(config.set_name).texts)
    return list(dict.fromkeys(codes))


def is_translated(configs: Sequence[Config]) -> bool:
    """Whether machine translations are in the release."""
    return any(get_set(config.set_name).is_translation for config in configs)


def annotation(configs: Sequence[Config]) -> str:
    """How the labels were made, as far as it is known."""
    return " ".join([TEXTS["questions"], *of_families("annotation", configs)])


def limitations(configs: Sequence[Config]) -> list[str]:
    """What the data cannot do."""
    found = families(configs)
    sets = [get_set(config.set_name) for config in configs]
    ltec = [spec for spec in sets if spec.name.startswith("ltec")]
    holds = {
        "food": "ltec" in found,
        "balanced": any("ltec" in {spec.name, spec.base} for spec in ltec),
        "english": any("en" in spec.texts and not spec.is_translation for spec in ltec),
        "translation": is_translated(configs),
        "deleted": "tirt" in found,
    }
    return [*(TEXTS[name] for name in holds if holds[name]), *TEXTS["limitations"]]


def personal(release: Release) -> str:
    """What of the data is personal, and what can be done about it."""
    found = families(release.configs)
    owner = "the owner of its repository"
    if release.repo_id:
        owner += f" ({release.repo_id.partition('/')[0]})"
    texts = [TEXTS["personal"], TEXTS["take_down"].format(owner=owner)] if found != ["demo"] else []
    return " ".join([*texts, *([TEXTS["made_up"]] if "demo" in found else [])])


def citations(configs: Sequence[Config]) -> list[str]:
    """What to cite, in BibTeX."""
    return [TEXTS["bibtex"][key] for key in ("ltec", "all") if key in (*families(configs), "all")]


def licensing(configs: Sequence[Config]) -> str:
    """Which licence covers what, in sentences."""
    shown = "; ".join(f"{c.name}: {licences.shown(c.sources)}" for c in configs)
    scope = "" if families(configs) == ["demo"] else f"{TEXTS['licences']} "
    return f"{scope}Licences by config: {shown}."
