"""What came of one request to a model: a response, or why there is none."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from itr_bench.answers.text import is_failure

FinishReason = Literal["stop", "length", "refusal", "content_filter"]
"""Why a response ended. The last two hold no answer."""


class Output(NamedTuple):
    """A response, or the failure in its place.

    Attributes:
        text: the raw response.
        tokens: how many tokens were generated, ``None`` where that is not known.
        finish_reason: why it ended: ``stop``, ``length``, ``refusal`` or ``content_filter``;
            ``None`` where that is not known.
        failure: why there is no response; ``None`` where there is one.
    """

    text: str = ""
    tokens: int | None = None
    finish_reason: FinishReason | None = None
    failure: str | None = None


def output_of(returned: Any) -> Output:
    """What an adapter of lmms-eval *returned* for one request.

    Nothing, or a framework's mark, is a failure. The word *None* is a response.
    """
    from lmms_eval.api.instance import unwrap_generation_output

    if returned is None:
        return Output(failure="the adapter returned nothing")
    text, counts = unwrap_generation_output(returned)
    if text is None:
        return Output(failure="the adapter returned nothing")
    if text.strip() != "None" and is_failure(text):
        return Output(failure=text)
    tokens = counts.output_tokens if counts is not None else None
    # Servers that do not count say 0.
    return Output(text, tokens if tokens or not text else None)
