"""Translation by a server that speaks OpenAI's protocol: ``POST URL/chat/completions``.

One request a text, several at a time, with temperature 0. What a server answers is on the disk
before the next is asked, and a server that is down or slow is asked again, ever more patiently.
An answer that cannot be used is asked for again, now and by the next command: it may be another.
The key comes from ``OPENAI_API_KEY``; it is sent and neither printed nor stored.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from itr_bench.answers.text import message
from itr_bench.data.languages import LANGUAGES
from itr_bench.data.manifest import text_hash
from itr_bench.errors import DataError
from itr_bench.translation.output_log import LENGTH, STOP, Output
from itr_bench.translation.translate import Outputs

if TYPE_CHECKING:
    from itr_bench.translation.job import Job

KEY = "OPENAI_API_KEY"
PROMPT = (
    "Translate the following tweet from {source} to {target}. Marks such as [1] stand for links, "
    "names and emoji: keep each of them exactly once, where it belongs. Reply with the "
    "translation alone, without quotes or comments.\n\n{text}"
)

_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LONGEST_PAUSE_S = 120.0
_MOST_ANSWERS = 3
_AGAIN = frozenset({408, 409, 425, 429})


class ServerTranslator:
    """A model behind a chat completion server.

    Args:
        job: with the address of the server, up to the version, ``http://localhost:8000/v1``.
        timeout_s: patience with one answer, in seconds.
        pauses_s: before each new try of a request, in seconds.

    Raises:
        DataError: the address is none.
    """

    mark = "[{}]"
    by_sentence = False
    whole_batches = False
    repeats = False
    advice = (
        "The same command asks for these alone. Where that does not help: a larger "
        "--max-new-tokens for what was cut off, or another model."
    )
    longest = None

    def __init__(
        self, job: Job, *, timeout_s: float = 300, pauses_s: Sequence[float] = _PAUSES_S
    ) -> None:
        url = job.server or ""
        check_address(url)
        self._url = f"{url.rstrip('/')}/chat/completions"
        self.name, self.batch_size = job.model, job.batch_size
        languages = {"source": job.source, "target": job.target}
        self._languages = {which: LANGUAGES[code].name for which, code in languages.items()}
        self._timeout_s, self._pauses_s = timeout_s, pauses_s
        self._key = os.environ.get(KEY, "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise DataError(f"the key in {KEY} has characters that no key has; set it again")

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What could change an output. The limit changes only where one is cut off."""
        return {"settings": self.settings, "server": self._url, "mark": self.mark}

    @property
    def settings(self) -> Mapping[str, Any]:
        """How the model is asked, as the manifest states it."""
        prompt = PROMPT.format(**self._languages, text="{text}")
        return {
            "temperature": 0,
            "prompt": prompt,
            "prompt_sha256": text_hash(prompt),
        }

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the manifest says of the model; a server tells no revision and no licence."""
        return {
            "name": self.name,
            "revision": None,
            "licence": None,
            "settings": self.settings,
        }

    def translate(self, strings: Sequence[str], limit: int) -> Outputs:
        """Ask for *strings* at once; yield each answer as it comes, then say what failed."""
        answers = SimpleQueue[tuple[str, Output | Exception]]()
        stop = threading.Event()

        def ask(string: str) -> None:
            try:
                answers.put((string, self._ask(string, limit, stop)))
            except Exception as error:  # raised again in the thread that waits
                answers.put((string, error))

        failed = []
        try:
            for string in strings:
                # A daemon: a process that is to end does not wait for a server.
                threading.Thread(target=ask, args=(string,), daemon=True).start()
            for _ in strings:
                string, answer = answers.get()
                if isinstance(answer, Output):
                    yield [(string, answer)]
                else:
                    failed.append(answer)
        finally:
            stop.set()
        if failed:
            raise failed[0]

    def _ask(self, string: str, limit: int, stop: threading.Event) -> Output:
        """Ask for one translation, again and again where that may help, until *stop*."""
        answers = 0
        for pause in (*self._pauses_s, None):
            answer, problem, wished = self._try(string, limit)
            if answer is not None:
                answers += 1
                if answer.end in (STOP, LENGTH) or answers == _MOST_ANSWERS or pause is None:
                    return answer
            if pause is None or stop.wait(min(max(pause, wished), _LONGEST_PAUSE_S)):
                break
        raise DataError(
            f"{self._url}: {problem}, after {len(self._pauses_s) + 1} tries. What was translated "
            "is kept; give the same command when the server is well."
        )

    def _try(self, string: str, limit: int) -> tuple[Output | None, str, float]:
        """Ask once: the answer, or what was wrong and how long the server asks to wait, in s.

        Raises:
            DataError: the server refuses, and would again.
        """
        import requests

        body = {
            "model": self.name,
            "messages": [
                {"role": "user", "content": PROMPT.format(**self._languages, text=string)}
            ],
            "temperature": 0,
            "max_tokens": limit,
        }
        try:
            reply = requests.post(
                self._url,
                json=body,
                auth=self._authorised,
                timeout=(10, self._timeout_s),
                allow_redirects=False,  # the key is for this address
            )
        except requests.RequestException as error:
            return None, self._hidden(f"no answer ({type(error).__name__}: {error})"), 0.0
        if reply.status_code >= 500 or reply.status_code in _AGAIN:
            wished = reply.headers.get("Retry-After", "")
            seconds = float(wished) if wished.isdecimal() else 0.0
            return None, self._hidden(f"status {reply.status_code}: {reply.text}"), seconds
        if reply.status_code != 200:
            hint = ""
            if reply.status_code in (401, 403):
                hint = f" The key in {KEY} is {'not accepted' if self._key else 'not set'}."
            said = self._hidden(f"status {reply.status_code}: {reply.text}")
            raise DataError(f"{self._url} refuses: {said}.{hint}")
        try:
            found = reply.json()
            choice = found["choices"][0]
            text, end = choice["message"]["content"], choice.get("finish_reason") or STOP
            if not isinstance(text, str | None) or not isinstance(end, str):
                raise TypeError("no text")
        except (ValueError, LookupError, TypeError, AttributeError):
            return None, self._hidden(f"no chat completion: {reply.text}"), 0.0
        return self._output(message(text or ""), end, str(found.get("model") or "")), "", 0.0

    def _output(self, text: str, end: str, served: str) -> Output:
        """An answer as it is kept, with the reason where it cannot be used."""
        if end not in (STOP, LENGTH):
            end = f"the server ended it with {self._hidden(end)[:80]!r}"
        elif any("\ud800" <= character <= "\udfff" for character in text):
            end = "the answer is no Unicode text (half of a surrogate pair)"
        elif end == STOP and not text.strip():
            end = "the translation is empty"
        return Output(text if end in (STOP, LENGTH) else "", end, self._hidden(served))

    def _authorised(self, request: Any) -> Any:
        """Put the key into *request*; a function, so that no ``.netrc`` takes its place."""
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def _hidden(self, said: str) -> str:
        """What a server *said*, short, printable, without the key."""
        if self._key:
            said = said.replace(self._key, "***")
        said = "".join(c if c.isprintable() else " " for c in said)
        return " ".join(said.split())[:200]


def check_address(url: str) -> None:
    """Refuse what is no address of a server; one that may hold a secret is not quoted.

    Raises:
        DataError: the address is none, or more than an address.
    """
    if "@" in url or "?" in url:
        raise DataError(f"--server takes an address alone; the key goes into {KEY}")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise DataError(f"--server {url!r}, expected an address such as http://localhost:8000/v1")
