"""How a server is doing: which of its errors end a run at once, and with what words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from itr_bench.errors import RunError
from itr_bench.models.arguments import text_without_secrets
from itr_bench.relation import QUESTIONS

MANY = 20
"""So many requests in a row that all fail mean that the next ones will, too."""

REFUSED_AT_FIRST = 3
"""So many requests refused for what they are, and none answered, mean that all will be."""

_PREFIX = re.compile(r"Error code: \d+ - ")

_WAYS = {
    400: "it refuses a setting (--gen_kwargs NAME=null takes one away), an argument or the key",
    401: "the key is wrong or missing: set OPENAI_API_KEY, or give --model_args api_key=KEY",
    403: "the key may not use this model: ask for access, or take another key or model",
    404: "no such model or no such path: --model_args model=NAME,base_url=http://HOST:PORT/v1",
    422: "it refuses a field: take the setting away (--gen_kwargs NAME=null), or give seeds=none",
}


@dataclass
class Failures:
    """Requests in a row that failed.

    Attributes:
        requests: how many.
    """

    requests: int = 0
    _chats: set[object] = field(default_factory=set)

    def add(self, chat: object) -> None:
        """Count a request with *chat*."""
        self.requests += 1
        self._chats.add(chat)

    def clear(self) -> None:
        """Begin anew: a request was answered."""
        self.requests = 0
        self._chats.clear()

    def at_least(self, count: int) -> bool:
        """Whether there are so many, and not of one tweet alone, whose fault is its own."""
        return self.requests >= count and len(self._chats) > len(QUESTIONS)


@dataclass
class Service:
    """A server that is asked for responses.

    Attributes:
        address: where it is.
        answered: how many requests it has answered.
        failures: how many requests failed since the last one that was answered.
    """

    address: str
    answered: int = 0
    failures: Failures = field(default_factory=Failures)

    def succeeded(self) -> None:
        """Count a request that was answered."""
        self.answered += 1
        self.failures.clear()

    def failed(self, error: Exception | str, chat: object) -> None:
        """Count a request with *chat* that failed for good.

        Raises:
            RunError: the next ones will fail, too; with the address, the status and what to do.
        """
        self.failures.add(chat)
        status = getattr(error, "status_code", None)
        if status in (401, 403, 404):
            raise RunError(self.about(error))
        if not self.answered:
            if is_unreachable(error):
                raise RunError(
                    f"{self.about(error)}: start the server, or correct --model_args base_url=..."
                )
            if status in (400, 422) and self.failures.at_least(REFUSED_AT_FIRST):
                raise RunError(self.about(error))
        if self.failures.at_least(MANY):
            raise RunError(
                f"{self.failures.requests} requests in a row failed, the last one so: "
                f"{self.about(error)}. Is the server up? What was answered is kept; give the same "
                "command again when it is, with another base_url if it moved."
            )

    def about(self, error: Exception | str) -> str:
        """Address, status and message in one line, with what can be done about the status."""
        status = getattr(error, "status_code", None)
        cause = getattr(error, "__cause__", None)
        said = f"{error} ({cause})" if is_unreachable(error) and cause else str(error)
        said = _PREFIX.sub("", " ".join(said.split()))
        shown = said if len(said) <= 300 else f"{said[:300]}..."
        way = f"; {_WAYS[status]}" if status in _WAYS else ""
        address = text_without_secrets(self.address)
        return f"{address}: {f'status {status}: ' if status else ''}{shown}{way}"


def is_unreachable(error: object) -> bool:
    """Whether *error* of the ``openai`` package says that there is no connection at all."""
    return type(error).__name__ in ("APIConnectionError", "APITimeoutError")
