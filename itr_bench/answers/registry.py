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

    ``version`` is raised with every change that can turn any response's answer. Only the newest is
    here: what an older one read is read again.

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


_PARSERS = {
    parser.name: parser
    for parser in (
        Parser("yes-no", 2, read_answer),
        Parser("likelihood", 1, read_likelihood, of_likelihoods=True),
        Parser("negated", 3, read_negated, needs_question=True, is_negated=True),
        Parser(
            "negated-likelihood", 1, read_negated_likelihood, of_likelihoods=True, is_negated=True
        ),
        Parser("both", 2, read_both, needs_question=True),
        Parser("choice", 2, read_choice, needs_question=True),
    )
}


def get_parser(name: str) -> Parser:
    """Return the parser called *name*.

    Raises:
        ScoreError: there is none; the message names those that are there.
    """
    if name not in _PARSERS:
        raise ScoreError(unknown_name("parser", name, _PARSERS))
    return _PARSERS[name]


DEFAULT_PARSER = get_parser("yes-no")
