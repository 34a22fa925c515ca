"""What the forked commands import and read, for the process that is forked: see ``forked``."""

from __future__ import annotations

import importlib

from tests.own_tasks import read_own_tasks_once

for _module in (
    *("itr_bench.models.baseline", "itr_bench.lmms.hooks", "itr_bench.models.vlm"),
    *("itr_bench.scoring.metrics", "transformers.models.auto.modeling_auto"),
    *("itr_bench.cli.run", "itr_bench.runs.generation", "itr_bench.runs.workers"),
    *("tests.adapters", "tests.forked"),
):
    importlib.import_module(_module)
read_own_tasks_once()
