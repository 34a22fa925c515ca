"""Asking a server with OpenAI's interface for responses: vLLM, SGLang, a proxy, an API.

Needs neither torch nor lmms-eval, so that a run through it stays small.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import random
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from openai import APIError, AsyncOpenAI, HttpxBinaryResponseContent
from PIL import ExifTags, Image

from itr_bench.errors import ItrBenchError, RunError, unknown_name
from itr_bench.models.completion import filtered, read_body, read_completion
from itr_bench.models.output import Output
from itr_bench.models.service import Service
from itr_bench.tasks import documents
from itr_bench.tasks.spec import find_task

CONCURRENT = 16
_PICTURES_KEPT = 64
_ARGUMENTS = (
    *("model", "base_url", "api_key", "concurrent", "timeout", "max_retries", "seeds"),
    *("limit_name", "system_prompt"),
)
_LIMIT_NAMES = ("auto", "max_tokens", "max_completion_tokens")
_OF_OPENAI = ("temperature", "top_p")
_MORE = ("top_k", "min_p", "repetition_penalty")
"""Settings that are no parameters of OpenAI's; vLLM, SGLang and others take them."""

OnOutput = Callable[[int, Output], None]


class Asking(NamedTuple):
    """One request.

    Attributes:
        place: what its output is called by.
        chat: what the chat is called by; requests one after the other may share one.
        turns: makes the turns of the chat, each picture decoded or as :func:`picture_to_send`.
        document: what the chat is about.
        settings: of the generation, the seed among them.
    """

    place: int
    chat: object
    turns: Callable[[], Sequence[Mapping[str, Any]]]
    document: Mapping[str, Any]
    settings: Mapping[str, Any]


class Chat(NamedTuple):
    """A chat as it is sent.

    Attributes:
        messages: its messages.
        encoded: these as JSON, made once for all requests with the chat.
    """

    messages: list[dict[str, Any]]
    encoded: bytes


class _Request(NamedTuple):
    """A request, ready to be sent: its chat, what the chat is called by, and its parameters."""

    place: int
    key: object
    chat: Chat
    parameters: dict[str, Any]


class ServerClient:
    """A model behind a server.

    Args:
        model: the model's name, as the server calls it.
        base_url: where the server is, with its ``/v1``; by default the variable OPENAI_BASE_URL.
        api_key: by default the variable OPENAI_API_KEY; many servers of one's own need none.
        concurrent: so many requests are under way at a time.
        timeout: seconds that a request may take.
        max_retries: how often a request is repeated after a lost connection, an overload
            (``Retry-After`` is honoured) or a broken answer.
        limit_name: what the server calls the limit of tokens: ``max_tokens``,
            ``max_completion_tokens``, or ``auto`` to take the one that it does not refuse.
        system_prompt: stands before each chat.

    Attributes:
        served: what the server tells of itself.

    Raises:
        ItrBenchError: an argument is wrong; the server cannot be reached, or refuses the key.
    """

    def __init__(
        self,
        model: str = "",
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        concurrent: int = CONCURRENT,
        timeout: float = 600,
        max_retries: int = 4,
        limit_name: str = "auto",
        system_prompt: str | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise ItrBenchError(
                unknown_name("argument of itr_server", next(iter(unknown)), _ARGUMENTS)
            )
        address = base_url or os.environ.get("OPENAI_BASE_URL") or ""
        if not model or not urlsplit(address).netloc:
            raise ItrBenchError(
                "itr_server needs a model and an address: --model_args "
                "model=NAME,base_url=http://HOST:PORT/v1"
            )
        if limit_name not in _LIMIT_NAMES:
            raise ItrBenchError(unknown_name("limit_name", str(limit_name), _LIMIT_NAMES))
        if not isinstance(concurrent, int) or concurrent < 1:
            raise ItrBenchError(f"concurrent={concurrent}: expected a whole number from 1")
        self.name, self.base_url = model, address.rstrip("/")
        self._api_key = api_key or os.environ.get("OPENAI_API_KEY") or "none"
        self._concurrent, self._timeout, self._retries = concurrent, timeout, max_retries
        self._limit_name = "max_tokens" if limit_name == "auto" else limit_name
        self._may_rename = limit_name == "auto"
        self._system_prompt = system_prompt
        self._service = Service(self.base_url)
        self._pictures: OrderedDict[str, str] = OrderedDict()
        self.served: dict[str, Any] = _run(self._ask_server())

    # What the server is

    async def _ask_server(self) -> dict[str, Any]:
        """The server's own words on the model and its version.

        Raises:
            RunError: it cannot be reached, or refuses the key.
        """
        async with self._client() as client:
            asking = client.with_options(timeout=20, max_retries=0)
            listed: Any = {}  # where it has no list of models
            try:
                listed = json.loads((await asking.models.with_raw_response.list()).content)
            except ValueError:
                pass
            except APIError as error:
                if getattr(error, "status_code", 401) in (401, 403):
                    self._service.failed(error, None)
            version = await self._version(asking)
        entries = listed.get("data") if isinstance(listed, dict) else None
        entry = next(
            (one for one in entries or () if isinstance(one, dict) and one.get("id") == self.name),
            {},
        )
        kept = ("id", "root", "owned_by", "max_model_len", "quantization", "revision")
        return {
            "model": {name: entry[name] for name in kept if name in entry} or None,
            "version": version,
        }

    async def _version(self, client: Any) -> str | None:
        """The version where the server tells one at ``/version``, as vLLM does."""
        root = self.base_url.removesuffix("/v1")
        try:
            answer = await client.get(f"{root}/version", cast_to=object)
        except (APIError, ValueError, TypeError):
            return None
        found = answer.get("version") if isinstance(answer, dict) else None
        return found if isinstance(found, str) else None

    def _client(self) -> AsyncOpenAI:
        return AsyncOpenAI(
            api_key=self._api_key,
            base_url=self.base_url,
            timeout=self._timeout,
            max_retries=self._retries,
        )

    # Responses

    def answer(self, askings: Iterable[Asking], on_output: OnOutput) -> None:
        """Answer requests, some at a time and in their order; each output as it comes.

        Raises:
            ItrBenchError: the server refuses what all requests have in common, or is gone; or what
                *on_output* raises.
        """
        _run(self._answer(self._requests(askings), on_output))

    async def _answer(self, requests: Iterator[_Request], on_output: OnOutput) -> None:
        loop = asyncio.get_running_loop()
        # Outputs are taken one by one in a thread: the disk is waited for while requests go on.
        with ThreadPoolExecutor(1) as taking:
            async with self._client() as client:

                async def work() -> None:
                    for request in requests:
                        output = await self._ask(client, request)
                        taken = loop.run_in_executor(taking, on_output, request.place, output)
                        await asyncio.shield(taken)  # also where another request ends all

                workers = [asyncio.ensure_future(work()) for _ in range(self._concurrent)]
                try:
                    await asyncio.gather(*workers)
                finally:
                    for worker in workers:
                        worker.cancel()
                    await asyncio.gather(*workers, return_exceptions=True)

    def _requests(self, askings: Iterable[Asking]) -> Iterator[_Request]:
        """The requests; a chat is made once for all its seeds."""
        known, chat = None, None
        for asking in askings:
            if chat is None or known != asking.chat:
                try:
                    messages = self._messages(asking.turns())
                except ItrBenchError:
                    raise
                except Exception as error:
                    raise RunError(
                        f"{asking.document.get('task')}, tweet {asking.document.get('tweet_id')}: "
                        f"its image cannot be read ({type(error).__name__}: {error})"
                    ) from error
                known, chat = asking.chat, Chat(messages, json.dumps(messages).encode())
            parameters = {"model": self.name, **self._payload(dict(asking.settings))}
            yield _Request(asking.place, asking.chat, chat, parameters)

    def _payload(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a request.

        Raises:
            ItrBenchError: a setting that cannot be sent.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        sampled = given.pop("do_sample", None)
        payload: dict[str, Any] = {}
        if "max_new_tokens" in given:
            payload[self._limit_name] = given.pop("max_new_tokens")
        if until := given.pop("until", None):
            payload["stop"] = [until] if isinstance(until, str) else list(until)
        if (seed := given.pop("seed", None)) is not None:
            payload["seed"] = seed
        if sampled is False:
            given["temperature"] = 0
        payload |= {name: given.pop(name) for name in _OF_OPENAI if name in given}
        more = {name: given.pop(name) for name in _MORE if name in given}
        if given.get("num_beams") == 1:
            del given["num_beams"]
        if given:
            raise ItrBenchError(
                f"--gen_kwargs {min(given)}=...: itr_server cannot send it; it sends "
                f"max_new_tokens, do_sample, until, {', '.join((*_OF_OPENAI, *_MORE))}"
            )
        return {**payload, **more}

    async def _ask(self, client: Any, request: _Request) -> Output:
        """What comes of one request.

        Raises:
            RunError: the next ones will fail, too.
        """
        output = Output(failure="not asked")
        for attempt in range(self._retries + 1):
            try:
                body = await self.send(client, request.chat, request.parameters)
            except APIError as error:
                if self._renames_limit(error, request.parameters):
                    return await self._ask(client, request)
                in_its_place = filtered(error)
                if in_its_place is not None:
                    self._service.succeeded()
                    return read_completion(in_its_place)
                self._service.failed(error, request.key)
                return Output(failure=self._service.about(error))
            output = read_body(body)
            if output.failure is None:
                self._service.succeeded()
                return output
            if attempt < self._retries:
                await asyncio.sleep(min(8.0, 0.25 * 2**attempt) * (1 + random.random() / 4))
        self._service.failed(str(output.failure), request.key)
        return output._replace(failure=f"{self.base_url}: {output.failure}")

    async def send(self, client: Any, chat: Chat, parameters: Mapping[str, Any]) -> bytes:
        """Send one request, and return the body of the answer. What leaves is watched here.

        The SDK would copy and encode the pictures of a chat for each of its requests.

        Raises:
            APIError: of the package ``openai``: no connection, or a status of an error.
        """
        head = json.dumps(parameters).encode()
        content = b'%b,"messages":%b}' % (head[:-1], chat.encoded)
        answer = await client.post(
            "/chat/completions", body=content, cast_to=HttpxBinaryResponseContent
        )
        return bytes(answer.content)

    def _renames_limit(self, error: Any, parameters: dict[str, Any]) -> bool:
        """Whether the server wants another name for the limit of tokens, which is given then."""
        if not self._may_rename or getattr(error, "status_code", None) not in (400, 422):
            return False
        other = "max_completion_tokens"
        if "max_tokens" not in parameters or other not in str(error):
            return False
        parameters[other] = parameters.pop("max_tokens")
        self._limit_name = other
        return True

    # Chats

    def _messages(self, turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The messages of a chat."""
        messages: list[dict[str, Any]] = []
        if self._system_prompt:
            messages.append({"role": "system", "content": self._system_prompt})
        for turn in turns:
            content = [
                self._picture(part["url"]) if part["type"] == "image" else dict(part)
                for part in turn["content"]
            ]
            if turn["role"] == "assistant":
                messages.append({"role": "assistant", "content": content[0]["text"]})
            else:
                messages.append({"role": turn["role"], "content": content})
        return messages

    def _picture(self, picture: Image.Image | bytes) -> dict[str, Any]:
        """A picture as a part of a chat: its file, or as PNG, which loses nothing."""
        if isinstance(picture, bytes):
            key = hashlib.sha256(picture).hexdigest()
        else:
            key = f"{picture.size} {hashlib.sha256(picture.tobytes()).hexdigest()}"
        if key in self._pictures:
            self._pictures.move_to_end(key)
        else:
            file = picture if isinstance(picture, bytes) else _png(picture)
            kind = "jpeg" if file.startswith(b"\xff\xd8") else "png"
            data = base64.b64encode(file).decode()
            self._pictures[key] = f"data:image/{kind};base64,{data}"
            if len(self._pictures) > _PICTURES_KEPT:
                self._pictures.popitem(last=False)
        return {"type": "image_url", "image_url": {"url": self._pictures[key]}}


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run *coroutine* to its end, also from within an event loop, as notebooks have one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def picture_to_send(document: Mapping[str, Any]) -> Image.Image | bytes | None:
    """The picture of a document of ours: its file, or decoded; ``None`` for none."""
    return picture_file(document) or documents.image(document)


def picture_file(document: Mapping[str, Any]) -> bytes | None:
    """The file of a document's picture, where it can be sent in the place of its pixels."""
    task = find_task(document.get("task", ""))
    if task is None or document.get("image_row") is None or task.variant.picture == "grey":
        return None
    data = documents.task_data(task)
    file, _ = data.images.image_file(data.image_rows[document["image_row"]])
    return file if is_upright_rgb(file) else None


def is_upright_rgb(file: bytes) -> bool:
    """Whether whoever decodes *file* gets the pixels that models get from this package.

    It is a JPEG or PNG of one frame, in RGB without transparency, and not to be turned.
    """
    with Image.open(io.BytesIO(file)) as picture:
        return (
            picture.format in ("JPEG", "PNG")
            and picture.mode == "RGB"
            and "transparency" not in picture.info
            and not getattr(picture, "is_animated", False)
            and picture.getexif().get(ExifTags.Base.Orientation, 1) == 1
        )
