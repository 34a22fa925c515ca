"""What the forked commands import and read, for the process that is forked: see ``forked``."""

from __future__ import annotations

import gc
import importlib
import warnings

from tests.own_tasks import read_own_tasks_once

_OF_LMMS_EVAL = (
    *("__main__", "api.metrics", "models.chat.async_openai", "models.chat.llava_hf"),
    *("models.simple.llama_vision", "models.simple.llava_hf", "models.simple.qwen2_vl"),
)
with warnings.catch_warnings():  # some hide all that is to come
    for _module in (
        *("itr_bench.models.baseline", "itr_bench.lmms.hooks", "itr_bench.models.vlm"),
        *("itr_bench.scoring.metrics", "transformers.models.auto.modeling_auto"),
        *("itr_bench.cli.run", "itr_bench.runs.generation", "itr_bench.runs.workers"),
        *("tests.adapters", "tests.forked", "nltk"),
        *(f"lmms_eval.{name}" for name in _OF_LMMS_EVAL),
    ):
        importlib.import_module(_module)
read_own_tasks_once()
gc.collect()
gc.freeze()  # what is here is collected in none of the forked processes
