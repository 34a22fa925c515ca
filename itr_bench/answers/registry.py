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
    (parser.name, parser.version): parser
    for parser in (Parser("yes-no", 1, read_answer), Parser("likelihood", 1, read_likelihood))
}


def parser_versions(name: str) -> tuple[int, ...]:
    """Return the versions of the parser called *name*, the oldest first; empty for no name."""
    return tuple(sorted(version for known, version in _PARSERS if known == name))


def get_parser(name: str, version: int | None = None) -> Parser:
    """Return the parser called *name*.

    Args:
        name: of the parser.
        version: of it; ``None`` for the newest.

    Raises:
        ScoreError: there is none of that name, or not in that version; the message names those
            that are there.
    """
    versions = parser_versions(name)
    if not versions:
        raise ScoreError(unknown_name("parser", name, {known for known, _ in _PARSERS}))
    if version is not None and version not in versions:
        known = ", ".join(map(str, versions))
        raise ScoreError(f"unknown version {version} of the parser {name!r}. Known: {known}")
    return _PARSERS[name, versions[-1] if version is None else version]


DEFAULT_PARSER = get_parser("yes-no")
