"""What ``async_openai`` of lmms-eval lacks: a seed a request, and responses as they come."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from itr_bench.errors import ItrBenchError
from itr_bench.models.completion import filtered, read_completion
from itr_bench.models.output import Output
from itr_bench.models.service import Service

_REQUEST: contextvars.ContextVar[tuple[int, object, list[Any]]] = contextvars.ContextVar("request")
"""Seed and chat of the request that is under way, and what the server answered to it."""

_NO_PARAMETERS_OF_OPENAI = ("top_k", "min_p", "repetition_penalty")


class StopError(BaseException):
    """An error of ours on its way through an adapter that tries again after every exception."""

    def __init__(self, error: ItrBenchError) -> None:
        super().__init__(str(error))
        self.error = error


def sent(payload: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What ``async_openai`` would send, with the *settings* that it would drop or replace."""
    found = dict(payload)
    sampled = settings.get("do_sample")
    if sampled is False:
        found["temperature"] = 0
    elif sampled and "temperature" not in settings:
        found.pop("temperature", None)  # the server's own; the adapter would send 0
    if "top_p" in settings:
        found["top_p"] = settings["top_p"]
    if settings.get("until"):
        until = settings["until"]
        found["stop"] = [until] if isinstance(until, str) else list(until)
    more = {name: settings[name] for name in _NO_PARAMETERS_OF_OPENAI if name in settings}
    return {**found, "extra_body": more} if more else found


@contextlib.contextmanager
def seeded(
    lm: Any,
    settings: Mapping[str, Any],
    on_response: Callable[[int, Output], None],
) -> Iterator[None]:
    """Put seed and settings into what ``async_openai`` sends, and take responses as they come.

    The adapter drops the seed, and returns nothing before the last response is there.
    """
    from openai import APIError
    from openai.types.chat import ChatCompletion

    # Its connections belong to the event loop of the call before, which is closed.
    lm.client = type(lm.client)(api_key=lm.api_key, base_url=lm.base_url, timeout=lm.timeout)
    create, forward = lm.client.chat.completions.create, lm.maybe_forward_with_tool
    service = Service(str(lm.client.base_url))

    def failed(error: Exception | str, chat: object) -> None:
        try:
            service.failed(error, chat)
        except ItrBenchError as fatal:
            raise StopError(fatal) from None

    async def create_seeded(**payload: Any) -> Any:
        seed, chat, completions = _REQUEST.get()
        try:
            completion = await create(**sent(payload, settings), seed=seed)
        except APIError as error:
            in_its_place = filtered(error)
            if in_its_place is None:
                failed(error, chat)
                raise
            completion = ChatCompletion.model_validate(in_its_place)
        completions.append(completion)
        return completion

    async def forward_seeded(request: Any, place: int) -> Any:
        completions: list[Any] = []
        chat = request.args[3]
        _REQUEST.set((request.args[2]["seed"], chat, completions))
        text, place, counts = await forward(request, place)
        output = read_completion(completions[-1].model_dump(warnings=False))
        if output.failure is not None:
            failed(output.failure, chat)
            raise RuntimeError(output.failure)
        service.succeeded()
        try:
            on_response(place, output)
        except ItrBenchError as error:
            raise StopError(error) from error
        return text, place, counts

    lm.client.chat.completions.create = create_seeded
    lm.maybe_forward_with_tool = forward_seeded
    try:
        yield
    finally:
        lm.maybe_forward_with_tool = forward
