"""The columns of a built set, typed so that `datasets` reads the file as it is meant."""

from __future__ import annotations

import json

import pyarrow as pa

from itr_bench.data.sets import SetSpec
from itr_bench.relation import RELATIONS

RELATION_NAMES = tuple(relation.name.lower() for relation in RELATIONS)


def schema(spec: SetSpec) -> pa.Schema:
    """Return the Arrow schema of a set, with the features of `datasets` in its metadata."""
    texts = [f"text_{language}" for language in spec.texts]
    fields = [pa.field("tweet_id", pa.string()), pa.field("relation", pa.int64())]
    fields += [pa.field(text, pa.string()) for text in texts]
    features: dict[str, object] = {
        "tweet_id": {"dtype": "string", "_type": "Value"},
        "relation": {"names": list(RELATION_NAMES), "_type": "ClassLabel"},
        **{text: {"dtype": "string", "_type": "Value"} for text in texts},
    }
    if not spec.is_translation:
        fields.append(pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])))
        features["image"] = {"mode": "RGB", "_type": "Image"}
    fields.append(pa.field("image_sha256", pa.string()))
    features["image_sha256"] = {"dtype": "string", "_type": "Value"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(fields, metadata=metadata)


def compression(layout: pa.Schema) -> dict[str, str]:
    """The compression by column: image files are compressed already."""
    return {name: "zstd" for name in layout.names if name != "image"}
