"""Several processes, each with the model and a share of the tweets; the parent alone writes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from itr_bench.errors import ItrBenchError, RunError
from itr_bench.models.machine import gpu_count
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.manifest import differences
from itr_bench.runs.plan import Request, TaskPlan, open_blocks

if TYPE_CHECKING:
    from itr_bench.models.output import Output
    from itr_bench.runs.asked import Observed, OnResponse

_PATIENCE_S = 5


class _Response(NamedTuple):
    """What came of a request, with what was seen to leave the adapter by then."""

    request: Request
    output: Output
    observed: Observed | None


class _Done(NamedTuple):
    """A worker's last word on a share."""


class Pool:
    """Processes that answer as one :class:`~itr_bench.runs.generation.Model`.

    Use it as a context: its processes end with it, and with the parent.

    Attributes:
        configuration: what of a run's configuration is known only once the model is loaded.
        observed: what was seen to leave the adapter.
    """

    def __init__(self, model: ModelSpec, plans: Sequence[TaskPlan], processes: int) -> None:
        """Start *processes* and wait until each has loaded the model.

        Raises:
            ItrBenchError: one could not load it, died, or is configured unlike another.
        """
        context = multiprocessing.get_context("spawn")
        self.observed: Observed | None = None
        self._plans = {plan.task: plan for plan in plans}
        self._in_blocks = model.handling.batch is None
        self._processes = []
        self._pipes: list[Connection] = []
        gpus = gpu_count()
        try:
            for number in range(processes):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_work,
                    args=(theirs, model, list(plans), _environment(number, processes, gpus)),
                    daemon=True,
                )
                process.start()
                theirs.close()
                self._processes.append(process)
                self._pipes.append(ours)
            ready = dict(self._messages(self._pipes))
        except BaseException:
            self._end()
            raise
        self.configuration: dict[str, Any] = ready[self._pipes[0]]
        for number, pipe in enumerate(self._pipes):
            other = differences(self.configuration, ready[pipe])
            if other:
                self._end()
                raise RunError(
                    f"worker {number} is configured unlike worker 0: {other}; give fewer "
                    "--processes, or choose equal GPUs by CUDA_VISIBLE_DEVICES"
                )

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._end(at_once=kind is not None)

    def respond(
        self,
        task: str,
        requests: Sequence[Request],
        on_response: OnResponse,
        *,
        batch_size: int | None,
    ) -> None:
        """As ``Model.respond``, every process with its share of the tweets."""
        rows = self.configuration["engine"]["rows_in_flight"] if self._in_blocks else 0
        shares = shared(self._plans[task], rows, requests, len(self._pipes))
        for pipe, share in zip(self._pipes, shares, strict=True):
            with contextlib.suppress(OSError):  # a dead worker is found below
                pipe.send((task, share, batch_size))
        for _, message in self._messages(self._pipes, end=_Done):
            if isinstance(message, _Response):
                self.observed = message.observed
                on_response(message.request, message.output)

    def _messages(
        self, pipes: Sequence[Connection], *, end: type = object
    ) -> Iterator[tuple[Connection, Any]]:
        """What the workers send, until each has sent a message of the type *end*."""
        waiting = list(pipes)
        while waiting:
            for pipe in wait(waiting):
                assert isinstance(pipe, Connection)
                message = self._receive(pipe)
                if isinstance(message, ItrBenchError):
                    raise message
                if isinstance(message, end):
                    waiting.remove(pipe)
                yield pipe, message

    def _receive(self, pipe: Connection) -> Any:
        try:
            return pipe.recv()
        except (EOFError, OSError):
            process = self._processes[self._pipes.index(pipe)]
            process.join(_PATIENCE_S)
            raise RunError(
                f"worker {self._pipes.index(pipe)} of {len(self._pipes)} died "
                f"({_ending(process.exitcode)}). What was answered is kept; give the same command "
                "again, with fewer --processes if memory ran out."
            ) from None

    def _end(self, *, at_once: bool = True) -> None:
        """End the workers; without a pipe to the parent, each ends by itself when it is idle."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if at_once:
                process.terminate()
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()


def shared(
    plan: TaskPlan, rows: int, requests: Sequence[Request], workers: int
) -> list[list[Request]]:
    """What of *requests* each of so many *workers* gets: whole blocks, one after the other."""
    asked = set(requests)
    shares: list[list[Request]] = [[] for _ in range(workers)]
    for number, block in enumerate(open_blocks(plan, rows, requests)):
        shares[number % workers] += [request for request in block if request in asked]
    return shares


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"status {status}"


def _environment(number: int, processes: int, gpus: int) -> dict[str, str]:
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
    """A worker: load the model, then answer one share after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    os.environ.update(environment)  # before anything imports PyTorch
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from itr_bench.runs.generation import Model

        model = Model(spec, plans)
        pipe.send(model.configuration)
        while True:
            task, requests, batch_size = pipe.recv()
            model.respond(
                task,
                requests,
                lambda request, output: pipe.send(_Response(request, output, model.observed)),
                batch_size=batch_size,
            )
            pipe.send(_Done())
    except (EOFError, ConnectionError):
        return  # the parent closed the pipe
    except Exception as error:
        with contextlib.suppress(ConnectionError):
            pipe.send(_told(error))


def _told(error: Exception) -> ItrBenchError:
    """What a worker tells its parent of *error*; the traceback of a fault goes to stderr."""
    if isinstance(error, ItrBenchError):
        return type(error)(str(error))
    traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return RunError(
        f"a worker raised {type(error).__name__}: {error} ({Path(frame.filename).name}, line "
        f"{frame.lineno}); its whole traceback stands above. What was answered is kept; fix the "
        "cause and give the same command again."
    )


def _end_with_parent() -> None:
    """End this process when its parent is gone, also from within a long generation."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
