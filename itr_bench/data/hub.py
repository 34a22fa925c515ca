"""The Hugging Face Hub: what it refuses, in words, and never with the token."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from itr_bench.errors import DataError, ItrBenchError

TIMEOUT_S = 20
"""How long the Hub may take to say what is in a repository."""

COMMIT_TIMEOUT_S = 120
"""How long it may be silent during an upload."""


@contextlib.contextmanager
def asking(repo: str, what: str, *, unsure: str = "") -> Iterator[None]:
    """Turn what goes wrong with the Hub into an error that says what to do.

    Args:
        what: what was to be done with it, as in "cannot be read".
        unsure: what to add where the Hub may have done it and not said so.
    """
    try:
        yield
    except ItrBenchError:
        raise
    except Exception as error:  # the Hub's client has no common base class of its errors
        reason, refused = _reason(error)
        text = f"{repo} {what}: {reason}" + ("" if refused or not unsure else f" {unsure}")
        raise DataError(_without_token(text)) from error


def is_repo_id(name: str) -> bool:
    """Whether the Hub can have a data set repository *name*, spelled ORG/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return name.count("/") == 1


def is_missing(error: BaseException) -> bool:
    """Whether the Hub says that there is no such repository, or none that it shows us."""
    from huggingface_hub.errors import RepositoryNotFoundError

    return isinstance(error, RepositoryNotFoundError)


def _reason(error: BaseException) -> tuple[str, bool]:
    """What went wrong, in words, and whether the Hub said itself that it did nothing."""
    chain = [error]
    while (deeper := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(deeper)
    for link in chain:
        status = getattr(getattr(link, "response", None), "status_code", None)
        if isinstance(status, int):
            said = " ".join(str(getattr(link, "server_message", None) or "").split())[:200]
            quoted = f' The Hub says: "{said}"' if said else ""
            return _of_status(status, said) + quoted, status < 500
    for link in chain:
        if "Timeout" in type(link).__name__:
            return "the Hub does not answer in time. Try again later.", False
        if type(link).__name__ == "OfflineModeIsEnabled":
            return (
                "HF_HUB_OFFLINE is set, and this revision is not in the cache of the Hub. Name one "
                "that is, or unset it where there is a network.",
                True,
            )
    said = " ".join(str(chain[-1]).split())[:200]
    name = type(chain[-1]).__name__
    return f"the Hub cannot be reached ({name}: {said}). Try again with a network.", False


_SAID = {
    401: "the Hub refuses the token, or there is none and it shows no such repository without "
    "(401). Log in with `hf auth login`, or set HF_TOKEN to a valid token.",
    403: "the token may not do this (403). It needs write access to this repository.",
    404: "there is no such data set repository, file or revision, or the token may not see it "
    "(404).",
    429: "too many requests (429). Try again in some minutes.",
}
"""What a status means, and what to do."""


def _of_status(status: int, said: str) -> str:
    if status in {413, 507} or any(word in said.lower() for word in ("storage limit", "quota")):
        return f"the Hub is full or the files are too large for the account ({status}). Make room."
    if status in {409, 412}:
        return (
            f"the repository has changed meanwhile ({status}), and nothing was published. Run the "
            "command again: it compares with what is there now."
        )
    if status >= 500:
        return f"the Hub is down ({status}). Try again later."
    return _SAID.get(status, f"the Hub refuses it ({status}).")


def _without_token(text: str) -> str:
    from huggingface_hub import get_token

    token = get_token()
    return text.replace(token, "(token)") if token else text
