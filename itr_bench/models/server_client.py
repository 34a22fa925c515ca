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

from openai import APIError, AsyncOpenAI
from PIL import ExifTags, Image

from itr_bench.errors import ItrBenchError, RunError, unknown_name
from itr_bench.models.completion import read_body
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
        turns: makes the turns of the chat, pictures decoded.
        document: what the chat is about.
        settings: of the generation, the seed among them.
    """

    place: int
    chat: object
    turns: Callable[[], Sequence[Mapping[str, Any]]]
    document: Mapping[str, Any]
    settings: Mapping[str, Any]


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
                    self._service.failed(error)
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
        _run(self._answer(self._payloads(askings), on_output))

    async def _answer(
        self, payloads: Iterator[tuple[int, dict[str, Any]]], on_output: OnOutput
    ) -> None:
        async with self._client() as client:

            async def work() -> None:
                for place, payload in payloads:
                    on_output(place, await self._ask(client, payload))

            workers = [asyncio.ensure_future(work()) for _ in range(self._concurrent)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _payloads(self, askings: Iterable[Asking]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The requests by place, each with its payload; a chat is made once for all its seeds."""
        known, messages = None, []
        for asking in askings:
            if known != asking.chat:
                try:
                    turns = asking.turns()
                except ItrBenchError:
                    raise
                except Exception as error:
                    raise RunError(
                        f"{asking.document.get('task')}, tweet {asking.document.get('tweet_id')}: "
                        f"its image cannot be read ({type(error).__name__}: {error})"
                    ) from error
                messages = self._chat(turns, _file_of(asking.document))
                known = asking.chat
            payload = {"model": self.name, "messages": messages}
            yield asking.place, {**payload, **self._payload(dict(asking.settings))}

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
        return {**payload, **({"extra_body": more} if more else {})}

    async def _ask(self, client: Any, payload: dict[str, Any]) -> Output:
        """What comes of one request.

        Raises:
            RunError: the next ones will fail, too.
        """
        output = Output(failure="not asked")
        for attempt in range(self._retries + 1):
            try:
                answer = await client.chat.completions.with_raw_response.create(**payload)
            except APIError as error:
                if self._renames_limit(error, payload):
                    return await self._ask(client, payload)
                self._service.failed(error)
                return Output(failure=self._service.about(error))
            output = read_body(answer.content)
            if output.failure is None:
                self._service.succeeded()
                return output
            if attempt < self._retries:
                await asyncio.sleep(min(8.0, 0.25 * 2**attempt) * (1 + random.random() / 4))
        self._service.failed(str(output.failure))
        return output._replace(failure=f"{self.base_url}: {output.failure}")

    def _renames_limit(self, error: Any, payload: dict[str, Any]) -> bool:
        """Whether the server wants another name for the limit of tokens, which is given then."""
        if not self._may_rename or getattr(error, "status_code", None) not in (400, 422):
            return False
        other = "max_completion_tokens"
        if "max_tokens" not in payload or other not in str(error):
            return False
        payload[other] = payload.pop("max_tokens")
        self._limit_name = other
        return True

    # Chats

    def _chat(self, turns: Sequence[Mapping[str, Any]], file: bytes | None) -> list[dict[str, Any]]:
        """A chat as it is sent; the last picture as *file* where that may be sent as it is."""
        chat: list[dict[str, Any]] = []
        if self._system_prompt:
            chat.append({"role": "system", "content": self._system_prompt})
        for number, turn in enumerate(turns, start=1):
            own = file if number == len(turns) else None
            content = [
                self._picture(part["url"], own) if part["type"] == "image" else dict(part)
                for part in turn["content"]
            ]
            if turn["role"] == "assistant":
                chat.append({"role": "assistant", "content": content[0]["text"]})
            else:
                chat.append({"role": turn["role"], "content": content})
        return chat

    def _picture(self, picture: Image.Image, file: bytes | None) -> dict[str, Any]:
        """A picture as a part of a chat: *file*, or as PNG, which loses nothing."""
        content = picture.tobytes() if file is None else file
        key = f"{picture.size} {hashlib.sha256(content).hexdigest()} {file is None}"
        if key in self._pictures:
            self._pictures.move_to_end(key)
        else:
            kind = "jpeg" if file is not None and file.startswith(b"\xff\xd8") else "png"
            data = base64.b64encode(_png(picture) if file is None else file).decode()
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


def _file_of(document: Mapping[str, Any]) -> bytes | None:
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
