"""The card of a release: YAML metadata for the Hub, and the text that people read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from itr_bench.data.languages import LANGUAGES
from itr_bench.data.release_files import Config, Release
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS
from itr_bench.release import licences, metadata
from itr_bench.release.tables import described

_TYPES = {"Value": "string", "ClassLabel": "ClassLabel", "Image": "Image"}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_FROM_HUB = "https://huggingface.co/datasets/"

Features = Mapping[str, Mapping[str, dict[str, Any]]]
"""The columns of each config, as :func:`itr_bench.release.tables.columns` gives them."""


def card(release: Release, features: Features, agreement: Sequence[Sequence[str]]) -> str:
    """Return the card of *release*.

    Args:
        release: the release.
        features: of each config.
        agreement: rows of a table of agreement, empty where none was measured.
    """
    import jinja2

    configs = release.configs
    environment = jinja2.Environment(
        undefined=jinja2.ChainableUndefined, keep_trailing_newline=True, autoescape=False
    )
    template = resources.files("itr_bench.release") / "card.md.j2"
    text = environment.from_string(template.read_text(encoding="utf-8")).render(
        release=release,
        texts=metadata.TEXTS,
        metadata=metadata,
        relations=RELATIONS,
        columns=_columns(features),
        ids_only=[config for config in configs if config.ids_only],
        sources=_sources(configs),
        agreement=[[_cell(value) for value in row] for row in agreement],
        not_ours=licences.IDS_ONLY,
        shown=licences.shown,
        stated_by=licences.stated_by,
        text_of=_text_of,
        linked=_linked,
        cell=_cell,
        terms=_terms,
    )
    return f"---\n{_metadata(release, features)}\n---\n\n{text}"


def _metadata(release: Release, features: Features) -> str:
    import datasets
    from huggingface_hub import DatasetCardData

    configs = release.configs
    languages = metadata.languages(configs)
    tweets = sum(config.tweets for config in configs)
    data = DatasetCardData(
        language=languages,
        license=_hub_licences(configs),
        annotations_creators=["other"],
        language_creators=[
            "found",
            *(["machine-generated"] if metadata.is_translated(configs) else []),
        ],
        multilinguality=["multilingual", "translation"] if len(languages) > 1 else ["monolingual"],
        size_categories=[next((name for most, name in _SIZES if tweets < most), "n>1M")],
        source_datasets=_source_datasets(configs),
        task_categories=["visual-question-answering", "image-text-to-text"],
        pretty_name=("TRIAL: " if release.trial else "") + metadata.TEXTS["title"],
        tags=[
            "benchmark",
            "image-text-relation",
            "tweets",
            "vision-language",
            *(["trial"] if release.trial else []),
            *(["arxiv:2505.05040"] if "ltec" in metadata.families(configs) else []),
        ],
    )
    infos = {}
    for config in configs:
        split = {"name": "test", "num_bytes": config.num_bytes, "num_examples": config.tweets}
        infos[config.name] = datasets.DatasetInfo(
            features=datasets.Features.from_dict(dict(features[config.name])),
            splits=[split],
            download_size=config.size,
            dataset_size=config.num_bytes,
            config_name=config.name,
        )
    datasets.info.DatasetInfosDict(infos).to_dataset_card_data(data)
    data.configs = [
        {
            "config_name": config.name,
            "data_files": [{"split": "test", "path": config.path}],
            **({"default": True} if number == 0 else {}),
        }
        for number, config in enumerate(configs)
    ]
    return str(data.to_yaml(line_break="\n"))


def read_agreement(path: Path) -> list[list[str]]:
    """Return the table of agreement out of what ``data agreement --json`` wrote.

    Raises:
        DataError: it is not such a file.
    """
    try:
        found = json.loads(path.read_bytes())
        return [
            [
                str(table["what"]),
                str(int(table["tweets_with_two_or_more"])),
                str(name).replace("_", " "),
                _number(one["value"]),
                f"{_number(one['low'])} to {_number(one['high'])}",
            ]
            for table in found["tables"]
            for name, one in table["coefficients"].items()
        ]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (
        *(ValueError, TypeError, KeyError, AttributeError),
        *(OverflowError, RecursionError),  # numbers without an end, brackets without an end
    ) as error:
        raise DataError(
            f"{path}: not what `itr-bench data agreement --json` writes ({type(error).__name__}: "
            f"{error})"
        ) from error


def _number(value: float | None) -> str:
    if value is None:
        return "not available"
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number between -1 and 1")
    return f"{value:.3f}"


def _hub_licences(configs: Sequence[Config]) -> list[str]:
    names = dict.fromkeys(name for config in configs for name in config.licences)
    found = [licences.find(name) for name in names]
    return list(dict.fromkeys("unknown" if one is None else one.hub for one in found))


def _source_datasets(configs: Sequence[Config]) -> list[str]:
    urls = (str(source.get("url", "")) for config in configs for source in config.sources)
    found = [url.removeprefix(_FROM_HUB) for url in urls if url.startswith(_FROM_HUB)]
    return list(dict.fromkeys(found)) or ["original"]


def _columns(features: Features) -> list[tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for columns in features.values():
        for name, feature in columns.items():
            found[name] = (name, _TYPES[feature["_type"]], described(name))
    return list(found.values())


def _sources(configs: Sequence[Config]) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for config in configs:
        for source in config.sources:
            if all(source != other for _, other in found):
                found.append((config.set_name, source))
    return found


def _cell(value: Any) -> str:
    return "" if value is None else " ".join(str(value).replace("|", "\\|").split())


def _linked(source: Mapping[str, Any]) -> str:
    name = _cell(source.get("name") or "not available")
    return f"[{name}]({_cell(source['url'])})" if source.get("url") else name


def _text_of(config: Config) -> str:
    language = LANGUAGES[config.text].name
    if config.ids_only:
        return f"{language}, hashes only"
    return f"{language}, machine translation by {config.system}" if config.system else language


def _terms(config: Config) -> str:
    found = [licences.find(name) for name in config.licences]
    terms = ", ".join(licence.terms for licence in found if licence is not None).split(", ")
    return ", ".join(dict.fromkeys(terms)) or "not available"
