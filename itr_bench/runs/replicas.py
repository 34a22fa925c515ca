"""Replicas of a model, each in a process of its own: fixed blocks of tweets to whoever is free.

The process that started the run, here, alone writes. Where the replicas run is a matter of the
backend: ``workers`` on this machine, ``ray_replicas`` wherever Ray finds room.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from itr_bench.errors import ItrBenchError, RunError, bullet_list
from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec
from itr_bench.nouns import count
from itr_bench.runs.manifest import difference_lines, differences
from itr_bench.runs.plan import Request, TaskPlan, open_blocks

if TYPE_CHECKING:
    from itr_bench.runs.asked import Observed, OnResponses

LOSSES = 3
"""So many replicas may be lost over one block before the run ends."""


class Ready(NamedTuple):
    """A replica has loaded the model."""

    configuration: dict[str, Any]


class Answered(NamedTuple):
    """What came of requests, and what was seen to leave the adapter by then."""

    came: Sequence[tuple[Request, Output]]
    observed: Observed | None


class Done(NamedTuple):
    """A replica is through with its block."""


class Failed(NamedTuple):
    """A replica ends with an error that the user can fix."""

    error: ItrBenchError


class Died(NamedTuple):
    """A replica is gone."""

    why: str


Message = Ready | Answered | Done | Failed | Died


class Block(NamedTuple):
    """What a replica is asked for at a time: requests of whole tweets."""

    task: str
    requests: Sequence[Request]
    batch_size: int | None


class Backend(Protocol):
    """Where replicas run. Each has a number that no other gets."""

    @property
    def loading(self) -> Collection[int]:
        """The replicas that are loading the model now."""

    def messages(self) -> Iterable[tuple[int, Message]]:
        """Wait for what replicas say; may return with nothing after a while.

        Raises:
            RunError: nothing is left to wait for.
        """

    def ask(self, replica: int, block: Block) -> None:
        """Give a replica a block; one at a time."""

    def where(self, replica: int) -> str:
        """Which replica it is, for messages."""

    def refuse(self, replica: int, error: ItrBenchError) -> None:
        """Do without a replica that cannot serve this run.

        Raises:
            ItrBenchError: the run cannot do without it.
        """

    def replace(self, replica: int, why: str) -> None:
        """See to it that another replica starts in place of one that is gone.

        Raises:
            RunError: none will.
        """

    def end(self, *, at_once: bool) -> None:
        """End all replicas, *at_once* also in the middle of a block."""


@dataclass
class _Share:
    """A block that is waiting or under way: what of it is open, and how often it was lost."""

    requests: dict[Request, None]
    losses: int = 0


class Replicas:
    """Replicas that answer as one :class:`~itr_bench.runs.generation.Model`.

    Use it as a context: the replicas end with it.

    Attributes:
        configuration: what of a run's configuration is known only once the model is loaded.
        observed: what was seen to leave the adapter.
    """

    def __init__(
        self,
        backend: Backend,
        model: ModelSpec,
        plans: Sequence[TaskPlan],
        log: Callable[[str], None],
        known: Mapping[str, Any] | None = None,
    ) -> None:
        """Wait until the model is loaded wherever it is being loaded.

        Args:
            known: the configuration of an earlier session, which decides which replicas fit.

        Raises:
            ItrBenchError: the model cannot be loaded, or replicas of two kinds are equally many.
        """
        self.observed: Observed | None = None
        self._backend = backend
        self._model = model
        self._log = log
        self._plans = {plan.task: plan for plan in plans}
        self._idle: list[int] = []
        self._busy: dict[int, _Share] = {}
        try:
            self.configuration = self._begin(known)
        except BaseException:
            backend.end(at_once=True)
            raise

    def __enter__(self) -> Replicas:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._backend.end(at_once=kind is not None)

    @property
    def count(self) -> int:
        """How many replicas there are now."""
        return len(self._idle) + len(self._busy)

    def respond(
        self,
        task: str,
        requests: Sequence[Request],
        on_responses: OnResponses,
        *,
        batch_size: int | None,
    ) -> None:
        """As ``Model.respond``; a block that was lost with its replica goes to another one."""
        waiting = deque(self._shares(task, requests, batch_size))
        while waiting or self._busy:
            while waiting and self._idle:
                replica, share = self._idle.pop(0), waiting.popleft()
                self._busy[replica] = share
                self._backend.ask(replica, Block(task, list(share.requests), batch_size))
            for replica, message in self._backend.messages():
                lost = self._take(replica, message, on_responses)
                if lost is not None:
                    waiting.appendleft(lost)

    def _shares(
        self, task: str, requests: Sequence[Request], batch_size: int | None
    ) -> list[_Share]:
        plan, asked = self._plans[task], set(requests)
        size = batch_size or self._model.handling.batch
        if size is None:
            rows = self.configuration["engine"]["rows_in_flight"]
        else:
            rows = min(size, -(-len(requests) // self.count))
        return [
            _Share({one: None for one in block if one in asked})
            for block in open_blocks(plan, rows, requests)
        ]

    def _take(self, replica: int, message: Message, on_responses: OnResponses) -> _Share | None:
        """Act on a message; return the block that was lost, if one was."""
        if isinstance(message, Answered):
            share = self._busy.get(replica)
            if share is not None:
                came = [one for one in message.came if one[0] in share.requests]
                for request, _ in came:
                    del share.requests[request]
                self.observed = message.observed
                on_responses(came)
        elif isinstance(message, Done):
            del self._busy[replica]
            self._idle.append(replica)
        elif isinstance(message, Ready):
            unlike = differences(self.configuration, message.configuration)
            if unlike:
                self._backend.refuse(replica, _unlike(unlike))
            else:
                self._idle.append(replica)
                self._log(f"{self._backend.where(replica)} is ready; {self.count} at work")
        elif isinstance(message, Failed):
            if replica in self._busy:
                raise type(message.error)(f"{self._backend.where(replica)}: {message.error}")
            self._backend.refuse(replica, message.error)
        else:
            return self._lose(replica, message.why)
        return None

    def _lose(self, replica: int, why: str) -> _Share | None:
        self._backend.replace(replica, why)
        if replica in self._idle:
            self._idle.remove(replica)
        share = self._busy.pop(replica, None)
        if share is None or not share.requests:
            return None
        share.losses += 1
        if share.losses == LOSSES:
            raise RunError(
                f"{LOSSES} replicas died over the same {len(share.requests)} requests, the last "
                f"one: {why}. What was answered is kept; fix the cause and give the same command "
                "again."
            )
        return share

    def _begin(self, known: Mapping[str, Any] | None) -> dict[str, Any]:
        """Wait for the first replicas, and decide which configuration is the run's."""
        ready: dict[int, dict[str, Any]] = {}
        while not ready or self._backend.loading:
            for replica, message in self._backend.messages():
                if isinstance(message, Ready):
                    ready[replica] = message.configuration
                elif isinstance(message, Failed):
                    self._backend.refuse(replica, message.error)
                elif isinstance(message, Died):
                    ready.pop(replica, None)
                    self._backend.replace(replica, message.why)
        chosen = _chosen(ready, known, self._backend.where)
        for replica, configuration in ready.items():
            unlike = differences(chosen, configuration)
            if unlike:
                self._backend.refuse(replica, _unlike(unlike))
            else:
                self._idle.append(replica)
        self._log(f"{count(self.count, 'replica')} at work")
        return chosen


def _chosen(
    ready: Mapping[int, dict[str, Any]],
    known: Mapping[str, Any] | None,
    where: Callable[[int], str],
) -> dict[str, Any]:
    """The configuration of the run: the one that is *known*, else that of most replicas."""
    kinds: list[list[int]] = []
    for replica, configuration in ready.items():
        alike = [kind for kind in kinds if ready[kind[0]] == configuration]
        alike[0].append(replica) if alike else kinds.append([replica])
    kinds.sort(key=lambda kind: (known is None or ready[kind[0]] != known, -len(kind)))
    first = ready[kinds[0][0]]
    if known != first and len(kinds) > 1 and len(kinds[0]) == len(kinds[1]):
        raise RunError(
            f"{where(kinds[1][0])} is configured unlike {where(kinds[0][0])}:\n"
            f"{_listed(differences(first, ready[kinds[1][0]]))}\nAs many replicas are of the one "
            "kind as of the other: give the run GPUs and installations of one kind."
        )
    return first


def _unlike(unlike: Mapping[str, tuple[Any, Any]]) -> RunError:
    return RunError(f"it is configured unlike the others:\n{_listed(unlike)}")


def _listed(unlike: Mapping[str, tuple[Any, Any]]) -> str:
    return bullet_list(difference_lines(unlike, "here"), most=30)


def serve(
    model: ModelSpec,
    plans: Sequence[TaskPlan],
    receive: Callable[[], Block],
    send: Callable[[Message], None],
) -> None:
    """Be a replica: load the model, then answer one block after the other until it fails.

    Args:
        receive: waits for the next block.
        send: takes each message.
    """
    from itr_bench.runs.generation import Model

    try:
        loaded = Model(model, plans)
        send(Ready(loaded.configuration))
        while True:
            task, requests, batch_size = receive()
            loaded.respond(
                task,
                requests,
                lambda came: send(Answered(came, loaded.observed)),
                batch_size=batch_size,
            )
            send(Done())
    except (EOFError, ConnectionError):
        raise  # nobody is left to be told
    except Exception as error:
        send(Failed(_told(error)))


def _told(error: Exception) -> ItrBenchError:
    """What a replica tells of *error*; the traceback of a fault goes to stderr."""
    if isinstance(error, ItrBenchError):
        return type(error)(str(error))
    traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return RunError(
        f"a worker raised {type(error).__name__}: {error} ({Path(frame.filename).name}, line "
        f"{frame.lineno}); its whole traceback stands above. What was answered is kept; fix the "
        "cause and give the same command again."
    )
