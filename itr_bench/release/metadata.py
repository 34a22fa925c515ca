"""Which descriptions hold of a release: by the families of its sets, and by what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from itr_bench.data.release_files import Config, Release
from itr_bench.data.sets import get_set
from itr_bench.data.tirt_labels import PUBLISHED
from itr_bench.release import descriptions, licences


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


def languages(configs: Sequence[Config]) -> list[str]:
    """The languages of the texts in the release."""
    codes = (code for config in configs for code in get_set(config.set_name).texts)
    return list(dict.fromkeys(codes))


def is_translated(configs: Sequence[Config]) -> bool:
    """Whether machine translations are in the release."""
    return any(get_set(config.set_name).is_translation for config in configs)


def collection(configs: Sequence[Config]) -> list[str]:
    """Where the tweets come from."""
    return [descriptions.COLLECTION[family] for family in families(configs)]


def annotation(configs: Sequence[Config]) -> str:
    """How the labels were made, as far as it is known."""
    return _joined(
        [descriptions.QUESTIONS, *(descriptions.ANNOTATION[family] for family in families(configs))]
    )


def limitations(configs: Sequence[Config]) -> list[str]:
    """What the data cannot do."""
    found = families(configs)
    sets = [get_set(config.set_name) for config in configs]
    ltec = [spec for spec in sets if spec.name.startswith("ltec")]
    cases = (
        ("ltec" in found, descriptions.FOOD),
        (any("ltec" in {spec.name, spec.base} for spec in ltec), descriptions.BALANCED),
        (
            any("en" in spec.texts and not spec.is_translation for spec in ltec),
            descriptions.ENGLISH,
        ),
        (is_translated(configs), descriptions.TRANSLATION),
        ("tirt" in found, descriptions.DELETED),
    )
    return [*(text for holds, text in cases if holds), *descriptions.LIMITATIONS]


def biases(configs: Sequence[Config]) -> str:
    """Whom the tweets stand for."""
    return _joined(descriptions.BIASES[family] for family in families(configs))


def personal(release: Release) -> str:
    """What of the data is personal, and what can be done about it."""
    found = families(release.configs)
    owner = "the owner of its repository"
    if release.repo_id:
        owner += f" ({release.repo_id.partition('/')[0]})"
    real = [descriptions.PERSONAL, descriptions.TAKE_DOWN.format(owner=owner)]
    return _joined(
        [
            *(real if set(found) != {"demo"} else []),
            *([descriptions.MADE_UP] if "demo" in found else []),
        ]
    )


def citations(configs: Sequence[Config]) -> list[str]:
    """What to cite, in BibTeX."""
    own = [descriptions.BIBTEX["ltec"]] if "ltec" in families(configs) else []
    return [*own, descriptions.BIBTEX["all"]]


def creators(configs: Sequence[Config]) -> list[tuple[str, str]]:
    """Who made the data: schema.org type and name."""
    return [creator for family in families(configs) for creator in descriptions.CREATORS[family]]


def licensing(configs: Sequence[Config]) -> str:
    """Which licence covers what, in sentences."""
    shown = "; ".join(f"{c.name}: {licences.shown(c.sources)}" for c in configs)
    scope = "" if set(families(configs)) == {"demo"} else f"{descriptions.LICENCES} "
    return f"{scope}Licences by config: {shown}."


def _joined(texts: Iterable[str]) -> str:
    return " ".join(texts)
