"""Work of the CPU for what comes next, done in a thread while the device computes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Ahead(Generic[Item, Result]):
    """Prepares items one after the other, in one thread, at most one batch of them ahead.

    Args:
        prepare: makes of an item what is needed; what it raises is raised where the item is needed.
    """

    def __init__(self, prepare: Callable[[Item], Result]) -> None:
        self._prepare = prepare
        self._pool: ThreadPoolExecutor | None = None
        self._items: list[Item] = []
        self._futures: list[Future[Result]] = []

    def start(self, items: Sequence[Item]) -> None:
        """Begin with *items* in place of others that were started and not taken."""
        if self._items == list(items):
            return
        for future in self._futures:
            future.cancel()
        self._items, self._futures = list(items), []
        if items:
            self._pool = self._pool or ThreadPoolExecutor(1, "itr_bench-ahead")
            self._futures = [self._pool.submit(self._prepare, item) for item in items]

    def take(self, items: Sequence[Item]) -> list[Future[Result]]:
        """What comes of *items*, which are begun with now if they were not started."""
        self.start(items)
        taken = self._futures
        self._items, self._futures = [], []
        return taken

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """End the thread with the block, unless something is started that was not taken."""
        try:
            yield
        except BaseException:
            self.stop()
            raise
        if not self._items:
            self.stop()

    def stop(self) -> None:
        """Give up what is not done, wait for what cannot be given up, and end the thread."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._items, self._futures = None, [], []
