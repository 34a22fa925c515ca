"""The Croissant description of a release: version 1.0 with the responsible-AI fields.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html and
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html

Written without `mlcroissant`, which the tests read it with: for one JSON file it would bring
pandas, rdflib and networkx into the core, and it imports torch where that is there. Its version 1.1
has no name for `isLiveDataset`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from itr_bench.data.release_files import HASHES, Config, Release
from itr_bench.release import card, licences, metadata
from itr_bench.release.tables import COLUMNS, HASHES_HEADER, described

_TYPES = {"Value": "sc:Text", "ClassLabel": "sc:Integer", "Image": "sc:ImageObject"}


def croissant(release: Release, features: card.Features, hashes: tuple[int, str]) -> str:
    """Return the text of ``croissant.json``; addresses of files are relative to it.

    Args:
        release: the release.
        features: of each config.
        hashes: size in bytes and SHA-256 of ``hashes.tsv``.
    """
    configs, texts = release.configs, metadata.TEXTS
    found = [licences.find(name) for config in configs for name in config.licences]
    urls = list(dict.fromkeys(licence.url for licence in found if licence is not None))
    context = resources.files("itr_bench.release") / "croissant_context.json"
    document = {
        "@context": json.loads(context.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": "itr-bench",
        "description": (
            "TRIAL, not the data set: placeholder pictures or demo data. " if release.trial else ""
        )
        + f"{texts['description']} {metadata.licensing(configs)}",
        "version": release.version,
        **({"datePublished": release.date} if release.date else {}),
        **({"license": urls} if urls else {}),
        **(
            {"url": f"https://huggingface.co/datasets/{release.repo_id}"} if release.repo_id else {}
        ),
        "creator": [
            {"@type": f"sc:{kind}", "name": name}
            for family in metadata.of_families("creators", configs)
            for kind, name in family
        ],
        "publisher": {"@type": "sc:Organization", "name": "The itr-bench authors"},
        "keywords": ["image-text relation", "tweets", "vision-language models", "benchmark"],
        "inLanguage": metadata.languages(configs),
        "isLiveDataset": False,
        "citeAs": "\n\n".join(metadata.citations(configs)),
        "rai:dataCollection": " ".join(metadata.of_families("collection", configs)),
        "rai:dataAnnotationProtocol": metadata.annotation(configs),
        "rai:dataBiases": " ".join(metadata.of_families("biases", configs)),
        "rai:dataLimitations": " ".join(metadata.limitations(configs)),
        "rai:dataUseCases": texts["uses"],
        "rai:personalSensitiveInformation": metadata.personal(release),
        "rai:dataReleaseMaintenancePlan": texts["maintenance"],
        "distribution": [
            *(
                _file(config.path, "application/x-parquet", config.size, config.sha256)
                for config in configs
            ),
            _file(HASHES, "text/tab-separated-values", *hashes),
        ],
        "recordSet": [*(_records(config, features[config.name]) for config in configs), _hashes()],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _file(path: str, encoding: str, size: int, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def _records(config: Config, features: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    fields = []
    for column, feature in features.items():
        what = described(column)
        if feature["_type"] == "ClassLabel":
            what += ": " + ", ".join(f"{i} {name}" for i, name in enumerate(feature["names"]))
        field = _field(config.name, column, what, _TYPES[feature["_type"]], config.path)
        if feature["_type"] == "Image":
            field["source"]["transform"] = {"jsonPath": "bytes"}
        fields.append(field)
    return {
        "@type": "cr:RecordSet",
        "@id": config.name,
        "name": config.name,
        "description": f"{config.tweets} tweets, split test. Licences of its sources: "
        f"{licences.shown(config.sources)}.",
        "key": {"@id": f"{config.name}/tweet_id"},
        "field": fields,
    }


def _hashes() -> dict[str, Any]:
    columns = {
        "config": "name of the config",
        "tweet_id": COLUMNS["tweet_id"],
        "relation": COLUMNS["relation"],
        "text_sha256": COLUMNS["text_sha256"] + "; of several texts, joined with +",
        "image_sha256": COLUMNS["image_sha256"],
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "hashes",
        "name": "hashes",
        "description": "Relation and hashes of every tweet of every config.",
        "field": [
            _field("hashes", column, columns[column], "sc:Text", HASHES) for column in HASHES_HEADER
        ],
    }


def _field(records: str, column: str, what: str, kind: str, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": column,
        "description": what,
        "dataType": kind,
        "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
    }
