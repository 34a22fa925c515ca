"""A server of Python's own, which serves while a test runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer

_POLL_S = 0.02
"""How long its end takes; by default 0.5 s, for each test."""


@contextmanager
def served(server: HTTPServer) -> Iterator[str]:
    """Yield the address of *server*, which ends after the block."""
    threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
