"""The one progress bar of a run, or a line now and then where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import NoReturn, TextIO

from tqdm import tqdm

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"


class Progress:
    """How far a task of a run is: tweets done, rate, time left, unparseable so far."""

    def __init__(
        self,
        task: str,
        *,
        total: int,
        done: int,
        a_tweet: int,
        unparseable: int,
        stream: TextIO | None = None,
        every_s: float = 30,
    ) -> None:
        """Begin.

        Args:
            total: responses that make it complete.
            done: how many of them are there.
            a_tweet: responses that make a tweet complete.
            unparseable: how many of those that are there are unparseable.
            stream: where to write, standard error by default.
            every_s: seconds between lines where *stream* is no terminal.
        """
        self.task = task
        self._stream = stream or sys.stderr
        self._total, self._done, self._begun_at = total, done, done
        self._a_tweet, self._unparseable, self._every_s = a_tweet, unparseable, every_s
        self._start = self._last = time.monotonic()
        self._bar: tqdm[NoReturn] | None = None
        if self._stream.isatty():
            self._bar = bar = tqdm(
                total=total,
                initial=done,
                unit=" gen",
                file=self._stream,
                bar_format=_BAR,
                dynamic_ncols=True,
                disable=False,
            )
            bar.set_description_str(self._description())

    def add(self, *, unparseable: bool) -> None:
        """Count a response that is on the disk."""
        self._done += 1
        self._unparseable += unparseable
        if self._bar is not None:
            self._bar.set_description_str(self._description(), refresh=False)
            self._bar.update()
        elif time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            self.write(self.line())

    def _description(self) -> str:
        tweets, of = self._done // self._a_tweet, self._total // self._a_tweet
        unparseable = (
            f", {100 * self._unparseable / self._done:.1f} % unparseable" if self._done else ""
        )
        return f"{self.task}: {tweets} of {of} tweets{unparseable}"

    def line(self) -> str:
        """The state in one line."""
        seconds = time.monotonic() - self._start
        rate = (self._done - self._begun_at) / seconds if seconds else 0.0
        left = tqdm.format_interval((self._total - self._done) / rate) if rate else "?"
        return (
            f"{self._description()}; {self._done} of {self._total} generations, {rate:.1f}/s, "
            f"{left} left"
        )

    def write(self, message: str) -> None:
        """Write a line without tearing the bar."""
        if self._bar is not None:
            self._bar.write(message, file=self._stream)
        else:
            print(message, file=self._stream, flush=True)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
