"""The parsers by name, each with the version that enters a score's signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from itr_bench.answers.likelihood import read_likelihood
from itr_bench.answers.parser import Reading, read_answer
from itr_bench.errors import ScoreError, unknown_name


@dataclass(frozen=True)
class Parser:
    """A parser with its identity.

    ``version`` is raised with every change that can turn any response's answer.
    """

    name: str
    version: int
    read: Callable[[str | None, str], Reading]

    @property
    def signature(self) -> str:
        """The identity as it stands in a score's signature, such as ``yes-no.1``."""
        return f"{self.name}.{self.version}"


_PARSERS = {
    parser.name: parser
    for parser in (Parser("yes-no", 1, read_answer), Parser("likelihood", 1, read_likelihood))
}

DEFAULT_PARSER = _PARSERS["yes-no"]


def get_parser(name: str) -> Parser:
    """Return the parser called *name*.

    Raises:
        ScoreError: there is none of that name; the message names the nearest.
    """
    try:
        return _PARSERS[name]
    except KeyError:
        raise ScoreError(unknown_name("parser", name, _PARSERS)) from None
