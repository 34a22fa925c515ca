"""Replicas as actors of Ray, wherever it finds room: on this machine or on many.

Ray starts them, tells of their end and of nodes that come and go. Needs the extra ``ray``.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from itr_bench.errors import ItrBenchError, RunError, bullet_list
from itr_bench.models.machine import gpus
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.plan import TaskPlan
from itr_bench.runs.ray_cluster import LOCAL, connect
from itr_bench.runs.replicas import LOSSES, Backend, Block, Died, Failed, Message, Ready, serve
from itr_bench.version import __version__

PATIENCE_S = 600
"""So long a run waits for room for its first replica, or for one after it lost all."""

_TICK_S = 2
"""How often it is looked whether more replicas fit."""

_LINES = 30
"""How much of the log of a replica is shown."""


class Placed(NamedTuple):
    """Where a replica is, said before it loads anything."""

    node: str
    host: str
    gpus: tuple[str, ...]
    log: str | None
    version: str


class Replica:
    """The actor: a replica in a thread of its own, which leaves Ray's threads to messages."""

    def __init__(self) -> None:
        self._blocks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def place(self) -> Placed:
        """Where it is."""
        import ray

        log = Path("/proc/self/fd/2")
        return Placed(
            ray.get_runtime_context().get_node_id(),
            socket.gethostname(),
            gpus() if ray.get_gpu_ids() else (),
            str(log.readlink()) if log.exists() else None,
            __version__,
        )

    def load(self, what: tuple[ModelSpec, Sequence[TaskPlan]], folder: str, threads: str) -> None:
        """Begin to load the model, in the *folder* of the driver where there is one here."""
        os.environ["OMP_NUM_THREADS"] = threads  # before anything imports PyTorch
        with contextlib.suppress(OSError):
            os.chdir(folder)
        threading.Thread(target=self._serve, args=what, daemon=True).start()

    def ask(self, block: Block) -> None:
        """Take a block."""
        self._blocks.put(block)

    def messages(self) -> list[Message]:
        """Wait for messages, and give all there are."""
        found = [self._messages.get()]
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._messages.get_nowait())
        return found

    def _serve(self, model: ModelSpec, plans: Sequence[TaskPlan]) -> None:
        try:
            check_node(model, plans)
            serve(model, plans, self._blocks.get, self._messages.put)
        except ItrBenchError as error:
            self._messages.put(Failed(type(error)(str(error))))
        except BaseException as error:
            traceback.print_exc()
            sys.stderr.flush()
            self._messages.put(Died(f"{type(error).__name__}: {error}"))


def check_node(model: ModelSpec, plans: Sequence[TaskPlan]) -> None:
    """Check that this node has what the model needs and the very data that was planned with.

    Raises:
        ItrBenchError: it has not.
    """
    from itr_bench.runs.execute import check_machine
    from itr_bench.tasks import documents

    check_machine(model)
    for plan in plans:
        here = documents.identity(plan.settings.task)
        there = plan.configuration["data"]
        if here != there:
            raise RunError(f"{plan.task}: its data here is {here}, and {there} where the run began")


@dataclass(frozen=True)
class Room:
    """What a replica takes of a node.

    Attributes:
        gpus: GPUs of a replica, or of each of its *parts*.
        cpus: processor cores, likewise.
        parts: over how many GPUs an engine lays one model; each is a bundle of a placement group.
    """

    gpus: float
    cpus: float = 1
    parts: int = 1

    def fits(self, nodes: Sequence[Mapping[str, float]]) -> int:
        """How many replicas fit on *nodes* of these resources, were they empty."""
        return sum(map(self._on, nodes)) // self.parts

    def _on(self, node: Mapping[str, float]) -> int:
        cores = int(node.get("CPU", 0) // self.cpus)
        if not self.gpus:
            return cores
        whole = int(node.get("GPU", 0))
        on_gpus = whole * int(1 / self.gpus) if self.gpus < 1 else int(whole // self.gpus)
        return min(cores, on_gpus)


def room(
    model: ModelSpec,
    nodes: Sequence[Mapping[str, float]],
    count: int | None,
    gpus_each: float | None,
) -> Room:
    """What a replica of *model* takes, on *nodes* of these resources.

    Args:
        nodes: the resources of each node.

    Raises:
        RunError: the engine spreads over another number of GPUs than is asked for.
    """
    parts = tensor_parallel(model)
    if parts > 1:
        if gpus_each not in (None, parts):
            raise RunError(
                f"--gpus-per-replica {gpus_each:g}: {model.adapter} lays this model over {parts} "
                "GPUs, by its tensor_parallel_size and pipeline_parallel_size; leave the option out"
            )
        return Room(1, parts=parts)
    on_cpu = model.adapter == "itr_baseline" or model.arguments.get("device") == "cpu"
    if gpus_each is None:
        gpus_each = float(not on_cpu and any(node.get("GPU") for node in nodes))
    if gpus_each:
        return Room(gpus_each)
    cores = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1] or [1]
    # Without GPUs a model has a node to itself, unless more replicas are asked for than nodes.
    share = sum(cores) // count if count else min(cores)
    return Room(0, max(1, min(share, max(cores))))


def tensor_parallel(model: ModelSpec) -> int:
    """Over how many GPUs the engine of *model* lays it by itself."""
    if model.adapter != "vllm":
        return 1
    sizes = ("tensor_parallel_size", "pipeline_parallel_size")
    tensor, pipeline = (int(model.arguments.get(name, 1)) for name in sizes)
    return tensor * pipeline


@dataclass
class _Actor:
    """A replica, pending until Ray finds room for it."""

    handle: Any
    group: Any
    place: Placed | None = None
    loading: bool = False


class RayReplicas(Backend):
    """The backend of Ray: as many replicas as are asked for, or as fit at any time.

    One that dies is started anew, where there is room. A node that cannot serve the run is named
    and not used again.
    """

    def __init__(
        self,
        address: str,
        model: ModelSpec,
        plans: Sequence[TaskPlan],
        *,
        count: int | None,
        gpus_each: float | None,
        log: Callable[[str], None],
    ) -> None:
        """Connect to Ray and ask it for replicas.

        Args:
            address: as of :func:`~itr_bench.runs.ray_cluster.connect`.
            count: how many replicas; by default as many as fit.
            gpus_each: GPUs of each, also a part of one; by default one, or all that its engine
                lays it over.

        Raises:
            RunError: Ray is missing or cannot be reached.
        """
        self._ours = connect(address)
        self._count, self._log = count, log
        self._actors: dict[int, _Actor] = {}
        self._replies: dict[Any, int] = {}
        self._refused: set[str] = set()
        self._failed_starts: Counter[str] = Counter()
        self._never_placed = 0
        self._next = 0
        self._last_death = ""
        self._waiting_since, self._looked = time.monotonic(), float("-inf")
        try:
            import ray

            nodes = [node["Resources"] for node in self._nodes()]
            self._room = room(model, nodes, count, gpus_each)
            if self._room.parts > 1:
                arguments = {**model.arguments, "distributed_executor_backend": "ray"}
                model = replace(model, arguments=arguments)
            self._load = ray.put((model, list(plans)))
            fitting = self._fitting()
            if address == LOCAL and not fitting:  # and no node will join
                raise RunError(f"there is no room {self._no_room()}")
            if count is not None and fitting < count:
                log(f"of {count} replicas {fitting} fit; the others start where there is room")
            self._fill()
        except BaseException:
            self.end(at_once=True)
            raise

    @property
    def loading(self) -> Collection[int]:
        return [number for number, actor in self._actors.items() if actor.loading]

    def messages(self) -> Iterator[tuple[int, Message]]:
        import grpc

        try:
            yield from self._messages()
        except (ConnectionError, grpc.RpcError) as error:  # of Ray's client
            why = getattr(error, "details", lambda: None)() or _reason(error)
            raise RunError(
                f"the cluster is gone: {why}. What was answered is kept; give the same "
                "command again when it is there"
            ) from error

    def _messages(self) -> Iterator[tuple[int, Message]]:
        import ray

        self._fill()
        refs = list(self._replies)
        if not refs:
            time.sleep(_TICK_S)
            return
        ready = ray.wait(refs, timeout=_TICK_S)[0]
        if ready:  # and what else has come meanwhile
            ready = ray.wait(refs, num_returns=len(refs), timeout=0)[0]
        for ref in ready:
            number = self._replies.pop(ref)
            if number not in self._actors:
                continue
            try:
                reply = ray.get(ref)
            except (ray.exceptions.RayError, ConnectionError) as error:
                if _of_creation(error):  # the package is not there, or is another version's
                    raise RunError(
                        f"a replica cannot be created: {_reason(error)}. Every node needs the "
                        f"packages of this one, itr-bench {__version__} among them"
                    ) from error
                yield number, Died(_reason(error))
                continue
            if isinstance(reply, Placed):
                self._place(number, reply)
                continue
            for message in reply:
                if isinstance(message, Ready):
                    self._actors[number].loading = False
                    self._failed_starts.clear()
                yield number, message
                if number not in self._actors:
                    break
            else:
                self._replies[self._actors[number].handle.messages.remote()] = number

    def ask(self, replica: int, block: Block) -> None:
        self._actors[replica].handle.ask.remote(block)

    def where(self, replica: int) -> str:
        place = self._actors[replica].place
        if place is None:
            return f"replica {replica}"
        names = "".join(f", {name}" for name in dict.fromkeys(place.gpus))
        return f"replica {replica} on node {self._node_name(place.node)} ({place.host}{names})"

    def refuse(self, replica: int, error: ItrBenchError) -> None:
        # The node is not used again.
        actor, where = self._actors[replica], self.where(replica)
        self._remove(replica)
        assert actor.place is not None
        known = actor.place.node in self._refused  # by another replica there
        self._refused.add(actor.place.node)
        if not self._fitting() and not self._actors:
            raise type(error)(f"{where}: {error}")
        if not known:
            self._log(f"{where} is not used: {error}")

    def replace(self, replica: int, why: str) -> None:
        actor, where = self._actors[replica], self.where(replica)
        lines = self._tail(actor.place)
        shown = f"\nThe end of its log:\n{lines}" if lines else ""
        if actor.loading and actor.place is not None:
            self._failed_starts[actor.place.node] += 1
            if self._failed_starts[actor.place.node] == LOSSES:
                self.refuse(
                    replica, RunError(f"{LOSSES} replicas died while starting: {why}{shown}")
                )
                return
        self._remove(replica)
        self._last_death = f"{where} died: {why}"
        if actor.place is None:
            self._never_placed += 1
            if self._never_placed >= LOSSES * max(1, len(self._actors)):
                raise RunError(
                    f"{self._never_placed} replicas in a row died before a node had any, the last: "
                    f"{why}. What was answered is kept; see whether the cluster is in order: "
                    "`ray status`, and the logs of its head"
                )
        else:
            self._log(f"{self._last_death}. What it had not answered goes to another.{shown}")

    def end(self, *, at_once: bool) -> None:
        import ray

        for replica in list(self._actors):
            self._remove(replica)
        if self._ours:
            ray.shutdown()

    # Room

    def _nodes(self) -> list[Mapping[str, Any]]:
        """The nodes that are there and may be used."""
        import ray

        return [
            node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in self._refused
        ]

    def _fitting(self) -> int:
        return self._room.fits([node["Resources"] for node in self._nodes()])

    def _fill(self) -> None:
        """Ask Ray for the replicas that are missing, and give up where there is no room for any."""
        now = time.monotonic()
        if any(actor.place for actor in self._actors.values()):
            self._waiting_since = now
        elif now - self._waiting_since > PATIENCE_S:
            raise RunError(
                f"for {PATIENCE_S:g} s there was no room {self._no_room()}\n"
                "What was answered is kept; give the same command again when there is room."
            )
        if now - self._looked < _TICK_S:
            return
        self._looked = now
        target, there = self._count, len(self._actors)
        if target is None:
            target = self._fitting()
            places = [actor.place for actor in self._actors.values()]
            there -= sum(place is not None and place.node in self._refused for place in places)
        for _ in range(target - there):
            self._start()

    def _no_room(self) -> str:
        each, unit = (self._room.gpus, "GPU") if self._room.gpus else (self._room.cpus, "core")
        wanted = f"{each:g} {unit}{'' if each == 1 else 's'}"
        lines = [
            f"{node['NodeName']}: {found.get('GPU', 0):g} GPU, {found.get('CPU', 0):g} CPU"
            for node in self._nodes()
            for found in [node["Resources"]]
        ]
        return (
            f"for a replica, which takes {wanted}"
            + (f" {self._room.parts} times" if self._room.parts > 1 else "")
            + (f". {self._last_death}" if self._last_death else "")
            + f". The nodes, some of which may be busy with other work:\n{bullet_list(lines)}"
        )

    def _start(self) -> None:
        """Ask Ray for one more replica."""
        import ray
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        others = ",".join(sorted(self._refused))  # a space would be part of a name
        labels = {"label_selector": {"ray.io/node-id": f"!in({others})"}} if others else {}
        options: dict[str, Any] = {"num_cpus": self._room.cpus, "num_gpus": self._room.gpus}
        group = None
        if self._room.parts > 1:
            bundle = {"GPU": self._room.gpus, "CPU": self._room.cpus}
            more = {"bundle_" + name: [one] * self._room.parts for name, one in labels.items()}
            group = placement_group([bundle] * self._room.parts, strategy="PACK", **more)
            strategy = PlacementGroupSchedulingStrategy(
                group, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
            )
            # The GPUs are the engine's own workers', which it starts within the group.
            options = {"num_cpus": 0, "num_gpus": 0, "scheduling_strategy": strategy}
            labels = {}
        handle = ray.remote(Replica).options(max_concurrency=2, **options, **labels).remote()
        number, self._next = self._next, self._next + 1
        self._actors[number] = _Actor(handle, group)
        self._replies[handle.place.remote()] = number

    def _place(self, number: int, place: Placed) -> None:
        """Let a replica that was placed load the model, if its node may serve."""
        actor = self._actors[number]
        actor.place, actor.loading, self._never_placed = place, True, 0
        if place.version != __version__:
            self.refuse(
                number, RunError(f"it has itr-bench {place.version}, the run {__version__}")
            )
            return
        threads = os.environ.get("OMP_NUM_THREADS") or str(self._threads(place))
        actor.handle.load.remote(self._load, str(Path.cwd()), threads)
        self._replies[actor.handle.messages.remote()] = number

    def _threads(self, place: Placed) -> int:
        """The share of its node's cores that a replica computes with."""
        for node in self._nodes():
            if node["NodeID"] == place.node:
                found = node["Resources"]
                return max(1, int(found.get("CPU", 1)) // max(1, self._room.fits([found])))
        return 1

    def _remove(self, replica: int) -> None:
        import ray
        from ray.util.placement_group import remove_placement_group

        actor = self._actors.pop(replica)
        with contextlib.suppress(Exception):  # it or its node may be gone
            ray.kill(actor.handle)
        if actor.group is not None:
            with contextlib.suppress(Exception):
                remove_placement_group(actor.group)

    # What is said of a replica

    def _node_name(self, node: str) -> str:
        import ray

        names = {one["NodeID"]: str(one["NodeName"]) for one in ray.nodes()}
        return names.get(node, node)

    def _tail(self, place: Placed | None) -> str:
        """The end of a replica's log, read on its node; nothing where the node is gone."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if place is None or place.log is None:
            return ""
        on_node = NodeAffinitySchedulingStrategy(place.node, soft=False)
        read = ray.remote(_end_of).options(num_cpus=0, scheduling_strategy=on_node)
        with contextlib.suppress(Exception):
            return str(ray.get(read.remote(place.log), timeout=10))
        return ""


def _end_of(path: str) -> str:
    lines = Path(path).read_text(errors="replace").splitlines()
    lines = [line for line in lines if not line.startswith((":job_id:", ":actor_name:"))]
    return "\n".join(f"    {line}" for line in lines[-_LINES:])


def _of_creation(error: Exception) -> bool:
    """Whether a replica could not so much as be made from its class."""
    import ray

    return isinstance(error, ray.exceptions.RayTaskError) or getattr(
        error, "actor_init_failed", False
    )


def _reason(error: Exception) -> str:
    """What Ray says of an end: ids and a traceback come before."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
