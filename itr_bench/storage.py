"""What several processes may want at once: the lock on a file."""

from __future__ import annotations

from filelock import FileLock, Timeout

__all__ = ["Lock", "Timeout"]


class Lock(FileLock):
    """A lock on a file that one holder has at a time; ``acquire`` raises :class:`Timeout`.

    A class of our own, because lmms-eval's evaluator makes ``FileLock`` itself reentrant: after
    ``lmms_eval.evaluator._enable_reentrant_filelocks`` the thread that holds a ``FileLock`` gets a
    second one on the same file, while subclasses are left as they are.
    """
