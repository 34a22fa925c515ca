"""Connecting to a cluster of Ray: is it one, does it answer, and does it ask for a token?

Ray itself takes half a minute for each refusal, whose reason it keeps. So the cluster is asked
before Ray is imported, which is when Ray decides whether to send a token. Needs the extra ``ray``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from itr_bench.errors import RunError
from itr_bench.packages import explained

LOCAL = "local"
"""The address of a Ray of the run's own, on this machine."""

_CLIENT = "ray://"

_WAIT_S = 10
"""So long an address is tried."""

_CONNECT_S = 120
"""So long Ray may take to connect; by itself it tries on for a quarter of an hour."""

_TRIES = 3

_STORE_BYTES = 100 * 2**20
"""Memory for Ray's objects on this machine: they are requests and responses, all small."""

# What is asked of a head, and of the server of Ray's client; any answer but a refusal will do.
_OF_HEAD = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_OF_CLIENT = "/ray.rpc.RayletDriver/ClusterInfo"

_MODE = "RAY_AUTH_MODE"

_EXPECTED = (
    "Expected `local`, or the address of a cluster: start one with `ray start --head`, and give "
    "`auto` on one of its machines (which takes RAY_ADDRESS where that is set), HOST:6379 from a "
    "machine that is part of it, or "
    "ray://HOST:10001 from any other"
)

_IN_ORDER = (
    "See whether the head of the cluster is in order: `ray status` there. Where it is gone, `ray "
    "stop` lets `auto` forget it"
)


def connect(address: str) -> bool:
    """Connect this process to Ray; return whether the connection is the run's own.

    Args:
        address: ``local``, ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``; where this process is
            connected to Ray already, that connection is used.

    Raises:
        RunError: Ray is missing, or there is no cluster at that address that would take this run.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "ray" in sys.modules and import_module("ray").is_initialized():
        return False
    prepare(address)
    try:
        import ray
    except ImportError as error:
        raise RunError(explained("--ray", error)) from error
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {"object_store_memory": _STORE_BYTES, "include_dashboard": False}
    with _patience(address):
        try:
            _init(address, options)
        except (ConnectionError, ValueError, OSError) as error:
            raise RunError(f"--ray {address}: {error}\n{_EXPECTED}") from error
        except Exception as error:  # another version, no token, a start that takes too long
            raise RunError(f"--ray {address}: {str(error).strip()}") from error
    if address == "auto" and os.environ.get(_MODE) == "token":  # which Ray sets where a token is
        found = ray.get_runtime_context().gcs_address
        if not asks_for_token(found):
            ray.shutdown()
            raise RunError(
                f"--ray auto: the cluster at {found} asks for no token, but Ray sends one, and no "
                f"replica would start: set {_MODE}=disabled"
            )
    return True


@contextlib.contextmanager
def shared_cluster() -> Iterator[str]:
    """A Ray of this machine for several runs at once, by its address.

    Raises:
        RunError: Ray is missing, or does not start.
    """
    connect(LOCAL)
    import ray

    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()


def _init(address: str, options: dict[str, Any]) -> None:
    """Connect Ray, anew where the server of its client could not start one for this run.

    It forks in a process with threads, and the child of Ray 2.60 dies now and then at once.
    """
    import ray

    for left in reversed(range(_TRIES)):
        try:
            ray.init(address, **options)
        except ConnectionError as error:
            if not left or "Starting Ray client server failed" not in str(error):
                raise
        else:
            return


@contextlib.contextmanager
def _patience(address: str) -> Iterator[None]:
    """Interrupt Ray where it waits for a cluster that answers no more; `local` ends by itself."""
    over, main = threading.Event(), threading.main_thread()

    def interrupt() -> None:
        over.set()
        signal.pthread_kill(main.ident or 0, signal.SIGINT)  # also wakes what waits for a lock

    timer = threading.Timer(_CONNECT_S, interrupt)
    timer.daemon = True
    try:
        if address != LOCAL and threading.current_thread() is main:
            timer.start()
        yield
    except KeyboardInterrupt:
        if not over.is_set():
            raise
        raise RunError(
            f"--ray {address}: not connected within {_CONNECT_S} s. {_IN_ORDER}"
        ) from None
    finally:
        timer.cancel()


def prepare(address: str) -> None:
    """Check that a cluster answers at an address, and let Ray send a token if it asks for one.

    `auto` is what RAY_ADDRESS says; without, nothing is known before Ray looks for a cluster.

    `ray start` asks for the token that it finds. Of the ways to connect, only `auto` sends it by
    itself; without it, Ray 2.60 takes the refusal for a cluster that is not ready. A driver that
    sends one to a cluster without is connected, but whatever the cluster asks of it is refused, and
    each of its actors ends before it starts.

    Raises:
        RunError: Ray's client is missing, nobody answers there, it is no cluster, or the token is
            missing or another one.
    """
    try:
        import_module("grpc")
    except ImportError as error:
        raise RunError(explained("--ray", error)) from error
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    if ":" not in address:
        return
    mode = os.environ.get(_MODE) or "disabled"
    if "RAY_USE_TLS" in os.environ or mode not in ("token", "disabled"):
        return
    if not asks_for_token(address):
        os.environ[_MODE] = "disabled"
        return
    token, source = _token()
    if token is None:
        raise RunError(
            f"--ray {address}: the cluster asks for a token, and there is none in {source}: copy "
            "the file ~/.ray/auth_token of the cluster's head there"
        )
    if asks_for_token(address, token):
        raise RunError(
            f"--ray {address}: the cluster refuses the token of {source}: have that of the "
            "cluster's head there, the content of its ~/.ray/auth_token"
        )
    os.environ[_MODE] = "token"


def _token() -> tuple[str | None, str]:
    """The token that Ray would send, and where it is from."""
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token, "RAY_AUTH_TOKEN"
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    try:
        return path.read_text("utf-8").strip() or None, str(path)
    except (OSError, ValueError):
        return None, str(path)


def asks_for_token(address: str, token: str | None = None) -> bool:
    """Whether the cluster at an address refuses one who sends no token, or *token*.

    Args:
        address: ``HOST:PORT`` or ``ray://HOST:PORT``.

    Raises:
        RunError: nobody answers there, or it is no cluster.
    """
    import grpc

    of_client = address.startswith(_CLIENT)
    place = address.removeprefix(_CLIENT)
    host, _, port = place.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 2**16):
        raise RunError(f"--ray {address}: {port!r} is no port. {_EXPECTED}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_WAIT_S).close()
    except (OSError, ValueError) as error:  # the latter of a name that there cannot be
        raise RunError(f"--ray {address}: nobody answers there ({error}). {_EXPECTED}") from error
    with grpc.insecure_channel(place, [("grpc.enable_http_proxy", 0)]) as channel:
        call = channel.unary_unary(_OF_CLIENT if of_client else _OF_HEAD)
        sent = [("authorization", f"Bearer {token}")] if token else None
        try:
            call(b"", timeout=_WAIT_S, metadata=sent)
        except grpc.RpcError as error:
            code, found = error.code(), str(error.details())
        else:
            return False
    kinds = grpc.StatusCode
    if code == kinds.DEADLINE_EXCEEDED:
        raise RunError(
            f"--ray {address}: who listens there did not answer within {_WAIT_S} s. {_IN_ORDER}"
        )
    if code in (kinds.UNAVAILABLE, kinds.UNIMPLEMENTED):
        what = "server of Ray's client" if of_client else "head of a cluster"
        raise RunError(
            f"--ray {address}: who listens there is no {what} ({found or code.name}). {_EXPECTED}"
        )
    return bool(code == kinds.UNAUTHENTICATED)
