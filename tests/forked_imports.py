"""What each run of lmms-eval imports and reads, for the process that is forked: see ``forked``."""

from __future__ import annotations

import importlib

from tests.own_tasks import read_own_tasks_once

for _module in (
    *("itr_bench.models.baseline", "itr_bench.lmms.hooks", "itr_bench.models.vlm"),
    *("itr_bench.scoring.metrics", "transformers.models.auto.modeling_auto"),
):
    importlib.import_module(_module)
read_own_tasks_once()
