"""The runs of a plan, each in a process of its own: one that fails stops no other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shlex
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from itr_bench.errors import ItrBenchError, RunError, bullet_list
from itr_bench.models.machine import gpu_count
from itr_bench.runs.plan_file import PlannedRun
from itr_bench.runs.response_log import RESPONSES, make_folder
from itr_bench.runs.state import is_running
from itr_bench.runs.workers import end_with_parent, environment

LOG = "log.txt"
"""What the last session of a run of a plan printed, in the run's folder."""

_ERROR = "itr-bench: error: "
_LOOK_S = 0.5
_PATIENCE_S = 60


@dataclass
class _Running:
    """A run under way.

    Attributes:
        place: its place among those that run at once, from 0.
    """

    run: PlannedRun
    place: int
    process: Any


class Queue:
    """Runs, some at once; used as a context, with which they end.

    Attributes:
        running: the runs under way.
        done: the runs that ended with every response there.
        failed: why others ended, by name.
    """

    def __init__(
        self, runs: Sequence[PlannedRun], out: Path, *, at_once: int, ray: str | None
    ) -> None:
        """Prepare to run.

        Args:
            out: the folder of all runs.
            ray: the address of the Ray that they run on; ``None`` for this machine.

        Raises:
            RunError: so many runs at once would share GPUs, or want several each.
        """
        gpus = gpu_count() if ray is None and at_once > 1 else 0
        if gpus and at_once > gpus:
            raise RunError(f"--at-once {at_once}: this machine has {gpus} GPUs; give fewer")
        several = [run.name for run in runs if (run.processes or 1) > 1]
        if ray is None and at_once > 1 and several:
            raise RunError(
                f"--at-once {at_once}: {several[0]} has several processes of its own; let Ray "
                "share the GPUs out, by --ray local or an address, or leave --at-once away"
            )
        self.running: list[_Running] = []
        self.done: list[str] = []
        self.failed: dict[str, str] = {}
        self._waiting = deque(runs)
        self._out, self._at_once, self._ray, self._gpus = out, at_once, ray, gpus
        self._local: contextlib.ExitStack = contextlib.ExitStack()

    def __enter__(self) -> Queue:
        if self._ray is not None:
            from itr_bench.runs.ray_cluster import LOCAL, prepare, shared_cluster

            prepare(self._ray)
            if self._ray == LOCAL and self._at_once > 1:  # one for all of them
                self._ray = self._local.enter_context(shared_cluster())
        return self

    def __exit__(self, *_: object) -> None:
        with self._local:
            for one in self.running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.process.pid, signal.SIGINT)
            for one in self.running:
                one.process.join(_PATIENCE_S)
                one.process.kill()
                one.process.join()

    def run(self, on_change: Callable[[], None]) -> None:
        """Run all; *on_change* is called now and then, and whenever a run begins or ends."""
        while self._waiting or self.running:
            while self._waiting and len(self.running) < self._at_once:
                self._start(self._waiting.popleft())
            on_change()
            time.sleep(_LOOK_S)
            for one in list(self.running):
                if one.process.exitcode is not None:
                    self._end(one)
        on_change()

    def responses(self, runs: Sequence[PlannedRun]) -> int:
        """How many responses of *runs* are on the disk."""
        return sum(
            log.read_bytes().count(b"\n")
            for run in runs
            for task in run.tasks
            if (log := self._out / run.name / task.name / RESPONSES).is_file()
        )

    def _start(self, run: PlannedRun) -> None:
        folder = self._out / run.name
        if any(is_running(folder / task.name) for task in run.tasks):
            self.failed[run.name] = f"another process is running in {folder}"
            return
        make_folder(folder)
        place = min(set(range(self._at_once)) - {one.place for one in self.running})
        shared = self._ray is None and self._at_once > 1
        own = environment(place, self._at_once, self._gpus) if shared else {}
        process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(self._alone(run), self._out, self._ray, own)
        )
        process.start()
        self.running.append(_Running(run, place, process))

    def _alone(self, run: PlannedRun) -> PlannedRun:
        """A run among others: with one replica, unless the plan asks for more."""
        return replace(run, processes=1) if self._at_once > 1 and run.processes is None else run

    def _end(self, one: _Running) -> None:
        self.running.remove(one)
        log, status = self._out / one.run.name / LOG, one.process.exitcode
        if status == 0:
            self.done.append(one.run.name)
            return
        if status < 0:
            with log.open("a") as file:
                file.write(f"{_ERROR}ended by {signal.Signals(-status).name}\n")
        self.failed[one.run.name] = failure(log.parent) or f"status {status}"


def failure(folder: Path) -> str | None:
    """Why the last session of the run in *folder* failed, as its log has it."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    found = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
    return "\n".join(lines[found[-1] :]).removeprefix(_ERROR) if found else None


def _run(run: PlannedRun, out: Path, ray: str | None, own: Mapping[str, str]) -> None:
    """A run in a process of its own, which prints to its log."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches the parent, which ends its runs
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ.update(own)  # before anything imports PyTorch
    with (out / run.name / LOG).open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    with contextlib.suppress(KeyboardInterrupt):
        problem = _problem(run, out, ray)
        if problem is None:
            return
        print(f"{_ERROR}{problem}", file=sys.stderr, flush=True)
    sys.exit(1)


def _problem(run: PlannedRun, out: Path, ray: str | None) -> str | None:
    """Do a run; what is missing at its end, if anything is."""
    from itr_bench.runs.configuring import configure
    from itr_bench.runs.execute import execute

    try:
        config = configure(
            run.model,
            run.tasks,
            run.seeds,
            out / run.name,
            command=f"{run.command} --out {shlex.quote(str(out))}",
            limit=run.limit,
            processes=run.processes,
            batch_size=run.batch_size,
            ray=ray,
            gpus_per_replica=run.gpus_per_replica if ray else None,
        )
        done = execute(config, lambda line: print(line, file=sys.stderr, flush=True))
    except ItrBenchError as error:
        return str(error)
    return bullet_list(one.lacking for one in done if one.lacking) or None
