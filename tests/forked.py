"""Commands in processes forked from one that has imported what they need already.

Importing it takes as long as a whole run on 24 tweets. The server that forks has no threads and has
set up nothing but imports, so a fork is what a process of its own would be after them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import multiprocessing
import os
import runpy
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

TIMEOUT_S = 600


def start(
    main: Callable[..., None],
    *arguments: str,
    output: Path,
    env: Mapping[str, str] | None = None,
    own_group: bool = False,
) -> BaseProcess:
    """Start *main*, which a module defines, in the folder of *output*, which gets its output.

    Args:
        arguments: what *main* is called with.
        env: all variables of the process; by default those of this one.
        own_group: whether it leads a process group.
    """
    output.touch()
    given = dict(os.environ if env is None else env)
    process: BaseProcess = context().Process(
        target=_work, args=(main, arguments, str(output), given, own_group)
    )
    process.start()
    return process


def end(process: BaseProcess, output: Path) -> int:
    """Wait for the end of a *process*; its exit status, or the signal that ended it below 0."""
    process.join(TIMEOUT_S)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"no end after {TIMEOUT_S} s:\n{output.read_text()[-6000:]}")
    return process.exitcode


def run(main: Callable[..., None], *arguments: str, output: Path, **options: Any) -> int:
    """Run *main* to its end, as :func:`start` does; its exit status."""
    return end(start(main, *arguments, output=output, **options), output)


def run_together(arguments: Sequence[str], output: Path, env: Mapping[str, str], count: int) -> int:
    """Run lmms-eval in so many processes, which find each other as torchrun's do.

    Returns:
        The highest exit status.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    started = []
    for rank in range(count):
        given = {**group, "RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1"}
        variables = {**env, **{name: str(value) for name, value in given.items()}}
        started.append(start(lmms_eval, *arguments, output=output, env=variables))
    return max(abs(end(process, output)) for process in started)


def lmms_eval(*arguments: str) -> None:
    sys.argv = ["lmms-eval", *arguments]
    from lmms_eval.cli.dispatch import main

    main()


def itr_bench(*arguments: str) -> None:
    sys.argv = ["itr-bench", *arguments]
    from itr_bench.cli.main import main

    main()


def script(path: str) -> None:
    sys.argv = [path]
    runpy.run_path(path, run_name="__main__")


@functools.cache
def context() -> Any:
    """What starts processes that are forked from one server."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.forked_imports"])
    before = dict(os.environ)
    # What is read while importing; the rest is set in each process.
    os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return found


def _work(
    main: Callable[..., None],
    arguments: tuple[str, ...],
    output: str,
    env: dict[str, str],
    own_group: bool,
) -> None:
    if own_group:
        os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(Path(output).parent)
    try:
        main(*arguments)
    finally:
        atexit._run_exitfuncs()  # which a forked process leaves out
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
