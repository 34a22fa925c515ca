"""Connecting to a cluster of Ray: what listens at an address, and whether it asks for a token.

No Ray is started here: gRPC servers answer as Ray 2.60 was seen to.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from itr_bench.errors import RunError
from itr_bench.models.spec import resolve_model
from itr_bench.runs import ray_cluster
from itr_bench.runs.queue import Queue
from itr_bench.runs.ray_replicas import RayReplicas
from tests.conftest import needs

pytestmark = needs("ray", "grpc")

TOKEN = "a" * 64
HEAD, CLIENT = "/ray.rpc.NodeInfoGcsService/CheckAlive", "/ray.rpc.RayletDriver/ClusterInfo"

Listening = Callable[..., str]


@pytest.fixture
def listening() -> Iterator[Listening]:
    """Starts a server of one method that asks for a token or not; gives HOST:PORT."""
    import grpc

    servers = []

    def start(method: str, token: str | None = None) -> str:
        def answer(_: bytes, context: Any) -> bytes:
            sent = dict(context.invocation_metadata()).get("authorization")
            if token is not None and sent != f"Bearer {token}":
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
            if method == CLIENT:
                context.abort(grpc.StatusCode.NOT_FOUND, "Failed to serialize response!")
            return b""

        class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
            def service(self, details: Any) -> Any:
                if details.method == method:
                    return grpc.unary_unary_rpc_method_handler(answer)
                return None

        server = grpc.server(ThreadPoolExecutor(1), [Handler()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """In Ray's place: keeps with what token mode it was asked to connect."""
    modes: list[str | None] = []

    def init(address: str, **_: Any) -> None:
        modes.append(os.environ.get("RAY_AUTH_MODE"))
        module.connected(address)

    context = SimpleNamespace(gcs_address="")
    module = SimpleNamespace(
        init=init,
        connected=lambda address: None,
        modes=modes,
        shut_down=0,
        is_initialized=lambda: False,
        get_runtime_context=lambda: context,
        context=context,
    )

    def shutdown() -> None:
        module.shut_down += 1

    module.shutdown = shutdown
    monkeypatch.setitem(sys.modules, "ray", module)  # type: ignore[arg-type]
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_USE_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "")  # so that it is as before afterwards
    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.setenv("HOME", str(tmp_path))
    return module


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize(
    ("asked", "mode", "seen"),
    [
        (None, None, "disabled"),
        (None, "token", "disabled"),  # else no actor would ever start
        (TOKEN, None, "token"),
        (TOKEN, "disabled", "token"),
        (TOKEN, "token", "token"),
    ],
)
def test_a_token_is_sent_where_one_is_asked_for(
    scheme: str,
    asked: str | None,
    mode: str | None,
    seen: str,
    listening: Listening,
    ray: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    assert ray_cluster.connect(scheme + listening(CLIENT if scheme else HEAD, asked))
    assert ray.modes == [seen]


def test_auto_is_what_ray_address_says(
    listening: Listening, ray: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would try a cluster that is gone for two minutes, and send a token unasked."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RunError, match=r"--ray 127\.0\.0\.1:1: nobody answers there"):
        ray_cluster.connect("auto")
    monkeypatch.setenv("RAY_ADDRESS", listening(HEAD))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert ray_cluster.connect("auto")
    assert ray.modes == ["disabled"]


def test_where_the_token_is(
    listening: Listening, ray: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = listening(HEAD, TOKEN)
    default = tmp_path / ".ray" / "auth_token"

    def refusal() -> str:
        with pytest.raises(RunError) as caught:
            ray_cluster.connect(address)
        return str(caught.value)

    start = f"--ray {address}: the cluster "
    assert refusal() == (
        f"{start}asks for a token, and there is none in {default}: copy the file "
        "~/.ray/auth_token of the cluster's head there"
    )
    default.parent.mkdir()
    default.write_text("b" * 64)
    assert refusal() == (
        f"{start}refuses the token of {default}: have that of the cluster's head there, the "
        "content of its ~/.ray/auth_token"
    )
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "elsewhere"))
    assert f"none in {tmp_path / 'elsewhere'}" in refusal()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "c")
    assert "the token of RAY_AUTH_TOKEN" in refusal()
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    (tmp_path / "elsewhere").write_text(f"{TOKEN}\n")
    assert ray_cluster.connect(address)
    assert ray.modes == ["token"]


@pytest.mark.parametrize(
    ("method", "scheme", "message"),
    [
        (CLIENT, "", "who listens there is no head of a cluster"),
        (HEAD, "ray://", "who listens there is no server of Ray's client"),
    ],
)
def test_the_port_of_the_other(
    method: str, scheme: str, message: str, listening: Listening, ray: SimpleNamespace
) -> None:
    address = scheme + listening(method)
    with pytest.raises(RunError) as caught:
        ray_cluster.connect(address)
    assert f"--ray {address}: {message}" in str(caught.value)
    assert "ray://HOST:10001 from any other" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://host", "'host' is no port"),
        ("127.0.0.1:0", "'0' is no port"),
        ("127.0.0.1:65537", "'65537' is no port"),  # which the socket would take for 1
        ("127.0.0.1:\N{FULLWIDTH DIGIT ONE}", "'\N{FULLWIDTH DIGIT ONE}' is no port"),
        ("[::1]:1", "nobody answers there"),
        ("a..b:1", "nobody answers there"),
    ],
)
def test_addresses_of_nobody(address: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        ray_cluster.prepare(address)
    assert str(caught.value).startswith(f"--ray {address}: {message}")


def test_a_plan_begins_nothing_where_nobody_answers(ray: SimpleNamespace, tmp_path: Path) -> None:
    run = SimpleNamespace(name="r", processes=None)
    with pytest.raises(RunError, match="nobody answers there"):
        Queue([run], tmp_path, at_once=1, ray="127.0.0.1:1").__enter__()  # type: ignore[list-item]


@pytest.mark.parametrize("failures", [2, 3])
def test_a_server_of_rays_client_that_does_not_start(
    failures: int, listening: Listening, ray: SimpleNamespace
) -> None:
    said = "Initialization failure from server:\nStarting Ray client server failed. See the log"

    def connected(address: str) -> None:
        if len(ray.modes) <= failures:
            raise ConnectionError(said)

    ray.connected = connected
    address = f"ray://{listening(CLIENT)}"
    if failures == 2:
        assert ray_cluster.connect(address)
    else:
        with pytest.raises(RunError, match="Starting Ray client server failed"):
            ray_cluster.connect(address)
    assert len(ray.modes) == 3


@pytest.mark.parametrize("rpc", [True, False])
def test_a_cluster_that_goes(rpc: bool, ray: SimpleNamespace) -> None:
    import grpc

    node = {"Alive": True, "NodeID": "a", "NodeName": "here", "Resources": {"CPU": 0.0}}
    ray.nodes, ray.put = lambda: [node], lambda _: None
    model = resolve_model("itr_baseline")
    backend = RayReplicas("auto", model, [], count=None, gpus_each=None, log=lambda _: None)

    class Lost(grpc.RpcError):  # type: ignore[misc]
        def __str__(self) -> str:
            return "<Lost of RPC:\n\tdetails = ...\n>"

        def details(self) -> str:
            return "Socket closed"

    def gone() -> list[object]:
        raise Lost if rpc else ConnectionError("Socket closed")

    ray.nodes = gone
    backend._looked = 0.0
    with pytest.raises(RunError) as caught:
        list(backend.messages())
    assert str(caught.value) == (
        "the cluster is gone: Socket closed. What was answered is kept; give the same command "
        "again when it is there"
    )


def test_a_machine_without_room(ray: SimpleNamespace) -> None:
    node = {"Alive": True, "NodeID": "a", "NodeName": "here", "Resources": {"CPU": 2.0}}
    ray.nodes, ray.put = lambda: [node], lambda _: None
    model = resolve_model("itr_vlm", model_args={"pretrained": "a/b"})
    with pytest.raises(RunError) as caught:
        RayReplicas("local", model, [], count=None, gpus_each=1.0, log=lambda _: None)
    assert str(caught.value) == (
        "there is no room for a replica, which takes 1 GPU. The nodes, some of which may be busy "
        "with other work:\n  - here: 0 GPU, 2 CPU"
    )
    assert ray.shut_down == 1


def test_no_grpc_at_all(ray: SimpleNamespace) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        with pytest.raises(RunError, match="who listens there is no head of a cluster"):
            ray_cluster.connect(f"127.0.0.1:{server.server_port}")
        server.shutdown()


def test_a_head_that_hangs(ray: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_WAIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # which accepts, and says nothing
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(RunError, match="who listens there did not answer within"):
            ray_cluster.connect(address)


@pytest.mark.parametrize("address", ["auto", "ray://"])
def test_ray_that_does_not_come_back(
    address: str, listening: Listening, ray: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_CONNECT_S", 0.05)
    ray.connected = lambda address: threading.Event().wait()
    if address != "auto":
        address += listening(CLIENT)
    with pytest.raises(RunError) as caught:
        ray_cluster.connect(address)
    assert str(caught.value) == (
        f"--ray {address}: not connected within 0.05 s. See whether the head of the cluster is in "
        "order: `ray status` there. Where it is gone, `ray stop` lets `auto` forget it"
    )


@pytest.mark.parametrize("kind", [RuntimeError, Exception, ConnectionError, KeyboardInterrupt])
def test_what_ray_raises(kind: type[BaseException], ray: SimpleNamespace) -> None:
    def refuse(address: str) -> None:
        raise kind("Version mismatch")

    ray.connected = refuse
    if kind is KeyboardInterrupt:  # of the user
        with pytest.raises(KeyboardInterrupt):
            ray_cluster.connect("auto")
        return
    with pytest.raises(RunError, match="--ray auto: Version mismatch") as caught:
        ray_cluster.connect("auto")
    assert ("Expected `local`" in str(caught.value)) == (kind is ConnectionError)


def test_auto_sends_a_token_to_a_cluster_without(
    listening: Listening, ray: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray.context.gcs_address = listening(HEAD)
    assert ray_cluster.connect("auto")
    ray.connected = lambda address: monkeypatch.setenv("RAY_AUTH_MODE", "token")  # as Ray does
    with pytest.raises(RunError) as caught:
        ray_cluster.connect("auto")
    assert str(caught.value) == (
        f"--ray auto: the cluster at {ray.context.gcs_address} asks for no token, but Ray sends "
        "one, and no replica would start: set RAY_AUTH_MODE=disabled"
    )
    assert ray.shut_down == 1
