"""Commands in processes forked from one that has imported what they need already.

Importing it takes as long as a whole run on 24 tweets. The server that forks has no threads and has
set up nothing but imports, so a fork is what a process of its own would be after them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
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
    errors: Path | None = None,
    stdin: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    own_group: bool = False,
) -> BaseProcess:
    """Start *main*, which a module defines.

    Args:
        arguments: what *main* is called with.
        output: the file that gets its output.
        errors: the file that gets what goes to standard error; by default *output*.
        stdin: the file that it reads.
        cwd: the folder where it runs; by default that of *output*.
        env: all variables of the process; by default those of this one.
        own_group: whether it leads a process group.
    """
    files = (stdin or Path(os.devnull), output, errors or output)
    for file in files[1:]:
        file.touch()
    process: BaseProcess = context().Process(
        target=_work,
        args=(
            main,
            arguments,
            files,
            cwd or output.parent,
            dict(os.environ if env is None else env),
            own_group,
        ),
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


def serve(*arguments: str) -> None:
    """`transformers serve`, with the command's own code."""
    sys.argv = ["transformers", "serve", *arguments]
    from transformers.cli.transformers import main

    main()


def execute(*command: str) -> None:
    """Any other command, in place of the process."""
    os.execvp(command[0], command)


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
    files: tuple[Path, Path, Path],
    cwd: Path,
    env: dict[str, str],
    own_group: bool,
) -> None:
    if own_group:
        os.setsid()
    for stream, file in enumerate(files):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND if stream else os.O_RDONLY), stream)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")  # the other was closed
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    try:
        main(*arguments)
    finally:
        atexit._run_exitfuncs()  # which a forked process leaves out
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
