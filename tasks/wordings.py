"""The prompts of the variants, put together from a task's own and one file of wordings."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from itr_bench.tasks.variants import Variant
from itr_bench.yaml_file import read_yaml

_TEXT = " \n{{ text }}"
_QUESTION = "{{ question }}"


@functools.cache
def wordings() -> Mapping[str, Mapping[str, Any]]:
    """The wordings by name, as ``tasks/_itr_variants`` has them."""
    file = resources.files("itr_bench.tasks") / "_itr_variants"
    found: dict[str, dict[str, Any]] = read_yaml(Path(str(file)))
    return found


def worded(kwargs: Mapping[str, Mapping[str, Any]], variant: Variant) -> dict[str, dict[str, Any]]:
    """Return a task's ``lmms_eval_specific_kwargs`` as they are in *variant*.

    Args:
        kwargs: by model name, or ``default``: prompt, questions, answer formats, order.
    """
    return {model: _worded(dict(own), variant) for model, own in kwargs.items()}


def _worded(own: dict[str, Any], variant: Variant) -> dict[str, Any]:
    if variant.order is not None:
        own["order"] = list(variant.order)
    if variant.wording is None:
        return own
    wording = wordings()[variant.wording]
    lead, text, rest = own["prompt"].partition(_TEXT)
    before, question, after = rest.partition(_QUESTION)
    own["prompt"] = "".join(
        (wording.get("lead", lead), text, before, wording.get("ask", question), after)
    )
    own["questions"] = wording.get("questions", own["questions"])
    own["answer_formats"] = {
        name: _as_long(wording.get("answer_formats", {}).get(name, given), given)
        for name, given in own["answer_formats"].items()
    }
    return own


def _as_long(text: str, given: str) -> str:
    """*text*, with as many line breaks at its end as the task's own has: part of the layout."""
    return text.rstrip("\n") + given[len(given.rstrip("\n")) :]
