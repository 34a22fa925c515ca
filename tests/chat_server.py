"""A server with OpenAI's interface for tests: what it answers, and how, is a function's choice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """What is sent back.

    Attributes:
        body: of a status 200, an object is sent as JSON.
        status, headers: of the answer.
        delay_s: seconds before it.
        cut: after how many bytes of the body the connection closes; ``None`` for not at all.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    cut: int | None = None


def completion(content: Any = "Yes", finish: Any = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


def prompt_of(body: dict[str, Any]) -> str:
    """The text of the last turn of a request."""
    content = body["messages"][-1]["content"]
    return str(next(part["text"] for part in content if part["type"] == "text"))


def by_prompt_and_seed(body: dict[str, Any]) -> Answer:
    """Yes or No, as prompt and seed decide."""
    return Answer(completion("Yes" if (body.get("seed", 0) + len(prompt_of(body))) % 2 else "No"))


Behaviour = Callable[[dict[str, Any]], Answer]


class ChatServer:
    """A running server.

    Attributes:
        requests: the bodies of the requests for chat completions, pictures included.
        behaviour: what answers them.
        others: the answers at other paths, such as ``/v1/models``.
        url: where it is, with ``/v1``.
        most_at_once: how many requests were under way at the same time, at most.
    """

    def __init__(self, behaviour: Behaviour, *, keep: bool = True) -> None:
        self.behaviour, self.keep = behaviour, keep
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.count = self.at_once = self.most_at_once = 0
        self.others: dict[str, Answer] = {}
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)

        async def start() -> None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=2**24)
            self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

        self._loop.run_until_complete(start())
        ready.set()
        self._loop.run_forever()

    def close(self) -> None:
        async def end() -> None:
            assert self._server is not None
            self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        path = first.split(" ")[1]
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        self.paths.append(path)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._send(writer, self._answer(path, content))
        finally:
            self.at_once -= 1

    def _answer(self, path: str, content: bytes) -> Answer:
        if not path.endswith("/chat/completions"):
            return self.others.get(path, Answer({"error": {"message": "no such path"}}, 404))
        body = json.loads(content)
        self.count += 1
        if self.keep:
            self.requests.append(body)
        return self.behaviour(body)

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers = {"Content-Type": "application/json", **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {answer.status} x\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[: answer.cut])
        await writer.drain()
        return answer.cut is None


@contextlib.contextmanager
def serving(behaviour: Behaviour = by_prompt_and_seed, **more: Any) -> Iterator[ChatServer]:
    """A server while the block runs."""
    server = ChatServer(behaviour, **more)
    try:
        yield server
    finally:
        server.close()
