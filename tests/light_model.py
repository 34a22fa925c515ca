"""A model that is there at once, for tests whose work is killing it: no PyTorch, no lmms-eval."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from itr_bench.errors import RunError
from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.plan import Request, TaskPlan

FOLDER = "ITR_BENCH_TEST_FOLDER"
"""The folder of the file ``pause``, seconds a response, and ``done``, what each node did."""


def text(request: Request) -> str:
    """What the model says."""
    return f"{'Yes' if request.seed % 2 else 'No'}, {request.doc_id} {request.seed}"


class Light:
    """Answers by document and seed alone.

    What its node of Ray is like, the node's name says; outside Ray, the strategy of `itr_baseline`
    says what becomes of it.
    """

    observed = None

    def __init__(self, spec: ModelSpec, plans: Sequence[TaskPlan]) -> None:
        self._node = _node() or str(spec.arguments.get("strategy", "plain"))
        self._folder = Path(os.environ[FOLDER])
        self._note("loads")
        if "distributed_executor_backend" in spec.arguments:
            self._note(f"{spec.arguments['distributed_executor_backend']} {_bundles()}")
        if self._node == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._node == "broken":
            print("the driver of this GPU is too old", file=sys.stderr, flush=True)
            os._exit(3)
        if self._node == "bare":
            raise RunError("lmms-eval is not installed")
        self.configuration: dict[str, Any] = {
            **dict.fromkeys(("adapter_class", "content", "dtype"), "light"),
            "device": "cpu",
            "engine": {},
            "libraries": {"itr-bench": "0", "torch": "9.9" if self._node == "odd" else "2.15"},
        }

    def _note(self, what: str) -> None:
        with (self._folder / "done").open("a") as file:
            file.write(f"{self._node} {what}\n")

    def respond(
        self,
        task: str,
        requests: Sequence[Request],
        on_responses: Any,
        *,
        batch_size: int | None,
    ) -> None:
        for request in requests:
            start = time.monotonic()
            while time.monotonic() - start < float((self._folder / "pause").read_text()):
                time.sleep(0.01)  # a test may shorten the pause meanwhile
            self._note("answers")
            on_responses([(request, Output(text=text(request), tokens=2))])


def _node() -> str | None:
    """The name of this node of Ray; ``None`` outside Ray."""
    if "ray" not in sys.modules:
        return None
    import ray

    here = ray.get_runtime_context().get_node_id()
    (name,) = [str(one["NodeName"]) for one in ray.nodes() if one["NodeID"] == here]
    return name


def _bundles() -> list[dict[str, float]]:
    """What the group that this actor stands in, with all that it starts, has of GPUs and cores."""
    from ray.util import get_current_placement_group

    group = get_current_placement_group()
    bundles = group.bundle_specs if group is not None else []
    return [dict(sorted(bundle.items())) for bundle in bundles]  # Ray's order varies


def pause(folder: Path, seconds: float) -> None:
    """Change the pause of models that may be reading it at this moment."""
    (folder / "pause.new").write_text(str(seconds))
    (folder / "pause.new").replace(folder / "pause")


def install() -> None:
    """Put it in the place of all models of this process, which then need no package."""
    from itr_bench.runs import execute

    execute.check_machine = lambda model: None
    module: Any = ModuleType("itr_bench.runs.generation")
    module.Model = Light
    sys.modules[module.__name__] = module


def run(*arguments: Any) -> None:
    """A run of a plan, with it in the place of all models."""
    from itr_bench.runs import queue

    install()
    queue._run(*arguments)
