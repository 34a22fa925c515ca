"""lmms-eval's command line in processes forked from one that has imported it already.

Importing it takes as long as a whole run on 24 tweets. The server that forks has no threads and has
set up nothing but imports, so a fork is what a process of its own would be after them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import multiprocessing
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

TIMEOUT_S = 600


def run(arguments: Sequence[str], output: Path, env: Mapping[str, str], processes: int = 1) -> int:
    """Run ``lmms-eval`` with *arguments* in the folder of *output*, its output there.

    Several *processes* find each other as torchrun's do.

    Returns:
        The highest exit status.
    """
    output.touch()
    started = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for rank in range(processes):
        group = {
            **dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank)),
            **dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes)),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        given = {**env, **(group if processes > 1 else {})}
        started.append(_server().Process(target=_work, args=(list(arguments), str(output), given)))
        started[-1].start()
    for process in started:
        process.join(TIMEOUT_S)
    late = [process.kill() for process in started if process.exitcode is None]
    if late:
        raise TimeoutError(f"no end after {TIMEOUT_S} s:\n{output.read_text()[-6000:]}")
    return max(abs(process.exitcode) for process in started)


@functools.cache
def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.forked_imports"])
    before = dict(os.environ)
    # What is read while importing; the rest is set in each process.
    os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def _work(arguments: list[str], output: str, env: dict[str, str]) -> None:
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(Path(output).parent)
    sys.argv = ["lmms-eval", *arguments]
    from lmms_eval.cli.dispatch import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # which a forked process leaves out
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
