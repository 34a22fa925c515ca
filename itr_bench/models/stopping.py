"""How an error of ours ends a run of lmms-eval."""

from __future__ import annotations

import sys
from typing import NoReturn

from itr_bench.errors import ItrBenchError


def stop(error: ItrBenchError) -> NoReturn:
    """Raise *error*; under lmms-eval's command line, end it with the message alone.

    That command line prints a traceback for every exception and exits with status 0.
    """
    if under_command_line():
        raise SystemExit(f"itr-bench: {error}") from error
    raise error


def under_command_line() -> bool:
    """Whether this process is lmms-eval's command line, not a program that calls it."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return "lmms_eval.__main__" in sys.modules or (
        spec is not None and spec.name == "lmms_eval.__main__"
    )
