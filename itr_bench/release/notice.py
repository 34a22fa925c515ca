"""The notice of a release, and the texts of the licences that its sources state."""

from __future__ import annotations

from importlib import resources

from itr_bench.data.release_files import LICENCES, Release
from itr_bench.release import licences
from itr_bench.release.metadata import TEXTS, families

_KEYS = (("url", "address"), ("revision", "revision"), ("sha256", "SHA-256"))


def notice(release: Release) -> str:
    """Return the text of ``NOTICE``: sources, licences, and what was changed."""
    configs = release.configs
    parts = [f"NOTICE of the data release, version {release.version}", TEXTS["changes"]]
    ids_only = ", ".join(config.name for config in configs if config.ids_only)
    if ids_only:
        parts.append(f"Ids, labels and hashes only, texts and images left out: {ids_only}.")
    if families(configs) != ["demo"]:
        parts.append(TEXTS["licences"])
    texts = licence_texts(release)
    if texts:
        parts.append("Texts of licences: " + ", ".join(texts))
    others = [f"{one.spdx}: {one.url}" for one in _licences(release) if not one.with_text]
    if others:
        parts.append("Texts of other licences:\n" + "\n".join(others))
    for config in configs:
        lines = [f"Sources of {config.name}:"]
        for source in config.sources:
            name = source.get("name") or "not available"
            lines.append(f"  {source.get('what') or 'source'}: {name}")
            lines += [f"    {word}: {source[key]}" for key, word in _KEYS if source.get(key)]
            lines.append(f"    licence: {licences.stated_by(source)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def licence_texts(release: Release) -> dict[str, str]:
    """The texts of the licences in use, by path; of those that have to be passed on with data."""
    folder = resources.files("itr_bench.release") / "texts"
    return {
        f"{LICENCES}/{licence.spdx}.txt": (folder / f"{licence.spdx}.txt").read_text("utf-8")
        for licence in _licences(release)
        if licence.with_text
    }


def _licences(release: Release) -> list[licences.Licence]:
    names = sorted({name for config in release.configs for name in config.licences})
    return [found for name in names if (found := licences.find(name)) is not None]
