"""Replicas as processes of this machine, each with a GPU or a share of the cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Collection, Iterator, Sequence
from multiprocessing.connection import Connection, wait

from itr_bench.errors import ItrBenchError, RunError
from itr_bench.models.machine import gpu_count
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.plan import TaskPlan
from itr_bench.runs.replicas import Backend, Block, Died, Failed, Message, Ready, serve

_PATIENCE_S = 5


class Processes(Backend):
    """The backend of one machine: processes that end with their parent.

    A worker that dies ends the run, since what killed it, memory as a rule, would kill the next.
    """

    def __init__(self, model: ModelSpec, plans: Sequence[TaskPlan], processes: int) -> None:
        """Start so many *processes*."""
        context = multiprocessing.get_context("spawn")
        self._processes = []
        self._pipes: list[Connection] = []
        self._loading = set(range(processes))
        gpus = gpu_count()
        try:
            for number in range(processes):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_work,
                    args=(theirs, model, list(plans), environment(number, processes, gpus)),
                    daemon=True,
                )
                process.start()
                theirs.close()
                self._processes.append(process)
                self._pipes.append(ours)
        except BaseException:
            self.end(at_once=True)
            raise

    @property
    def loading(self) -> Collection[int]:
        return self._loading

    def messages(self) -> Iterator[tuple[int, Message]]:
        for pipe in wait(self._pipes):
            assert isinstance(pipe, Connection)
            number = self._pipes.index(pipe)
            try:
                message: Message = pipe.recv()
            except (EOFError, OSError):
                process = self._processes[number]
                process.join(_PATIENCE_S)
                message = Died(_ending(process.exitcode))
            if isinstance(message, Ready | Failed):
                self._loading.discard(number)
            yield number, message

    def ask(self, replica: int, block: Block) -> None:
        try:
            self._pipes[replica].send(block)
        except OSError:
            return  # it died, which its pipe says, too

    def where(self, replica: int) -> str:
        return f"worker {replica}"

    def refuse(self, replica: int, error: ItrBenchError) -> None:
        raise type(error)(f"{self.where(replica)} of {len(self._pipes)}: {error}")

    def replace(self, replica: int, why: str) -> None:
        raise RunError(
            f"{self.where(replica)} of {len(self._pipes)} died ({why}). What was answered is kept; "
            "give the same command again, with fewer --processes if memory ran out."
        )

    def end(self, *, at_once: bool) -> None:
        # Without a pipe to the parent, each ends by itself when it is idle.
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if at_once:
                process.terminate()
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"status {status}"


def environment(number: int, processes: int, gpus: int) -> dict[str, str]:
    """What sets a worker apart: its GPU, or its share of the processor cores."""
    if gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").strip()
        names = visible.split(",") if visible else [str(place) for place in range(gpus)]
        return {"CUDA_VISIBLE_DEVICES": names[number % gpus].strip()}
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"OMP_NUM_THREADS": str(max(1, (cores or 1) // processes))}


def _work(
    pipe: Connection, spec: ModelSpec, plans: list[TaskPlan], environment: dict[str, str]
) -> None:
    """A worker: a replica at the end of a pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    os.environ.update(environment)  # before anything imports PyTorch
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        serve(spec, plans, pipe.recv, pipe.send)
    except (EOFError, ConnectionError):
        return  # the parent closed the pipe


def end_with_parent() -> None:
    """End this process when its parent is gone, also from within a long generation."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
