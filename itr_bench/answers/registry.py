"""The parsers by name, each with the version that enters a score's signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from itr_bench.answers.asked import Asked
from itr_bench.answers.both import read_both
from itr_bench.answers.choice import read_choice
from itr_bench.answers.likelihood import Likelihood, parse_likelihood, read_likelihood
from itr_bench.answers.negated import read_negated, read_negated_likelihood
from itr_bench.answers.parser import Reading, read_answer
from itr_bench.errors import ScoreError, unknown_name


@dataclass(frozen=True)
class Parser:
    """A parser with its identity.

    ``version`` is raised with every change that can turn any response's answer.

    Attributes:
        name, version: the identity.
        rules: take response and language, and what was asked where it ``needs_question``.
        needs_question: whether the reading depends on tweet and question.
        of_likelihoods: whether it reads P(yes) and P(no) in place of words.
        is_negated: whether it turns answers round.
    """

    name: str
    version: int
    rules: Callable[..., Reading]
    needs_question: bool = False
    of_likelihoods: bool = False
    is_negated: bool = False

    @property
    def signature(self) -> str:
        """The identity as it stands in a score's signature, such as ``yes-no.1``."""
        return f"{self.name}.{self.version}"

    def read(self, response: str | None, language: str, asked: Asked | None = None) -> Reading:
        """Read one raw response.

        Args:
            response: the text as generated; ``None`` where a framework gave none.
            language: that it is expected in.
            asked: which question about which tweet it answers.

        Raises:
            ScoreError: the reading depends on what was asked, and nothing says it.
        """
        if not self.needs_question:
            return self.rules(response, language)
        if asked is None:
            raise ScoreError(f"the parser {self.name!r} has to know which question was asked")
        return self.rules(response, language, asked)

    def judge(self, response: str | None) -> Likelihood | None:
        """P(yes) and P(no) to the question as the task without variant asks it.

        ``None`` where the response states none, or this parser reads words.
        """
        found = parse_likelihood(response) if self.of_likelihoods else None
        if found is None or not self.is_negated:
            return found
        return Likelihood(yes=found.no, no=found.yes)


def _parsers(*parsers: Parser) -> dict[tuple[str, int], Parser]:
    return {(parser.name, parser.version): parser for parser in parsers}


_PARSERS = _parsers(
    Parser("yes-no", 1, read_answer),
    Parser("likelihood", 1, read_likelihood, of_likelihoods=True),
    Parser("negated", 1, read_negated, needs_question=True, is_negated=True),
    Parser("negated-likelihood", 1, read_negated_likelihood, of_likelihoods=True, is_negated=True),
    Parser("both", 1, read_both, needs_question=True),
    Parser("choice", 1, read_choice, needs_question=True),
)


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
