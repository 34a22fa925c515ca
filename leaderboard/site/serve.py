"""A local server for a built site."""

from __future__ import annotations

import errno
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from itr_bench.errors import ItrBenchError


class _Handler(SimpleHTTPRequestHandler):
    """Files of the folder, no listings, and no line a request."""

    extensions_map = {  # noqa: RUF012
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json; charset=utf-8",
        ".csv": "text/csv; charset=utf-8",
        ".bib": "application/x-bibtex; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        "": "application/octet-stream",
    }

    def list_directory(self, path: Any) -> None:
        self.send_error(404, "File not found")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def server(folder: Path, host: str = "127.0.0.1", *, port: int) -> ThreadingHTTPServer:
    """A server of the built site in *folder* that listens; *port* 0 takes any that is free.

    Raises:
        ItrBenchError: there is no site in the folder, or the port cannot be had.
    """
    if not (folder / "index.html").is_file():
        raise ItrBenchError(
            f"{folder} holds no index.html: build the site first, with "
            f"itr-bench leaderboard build --out {folder}"
        )
    try:
        return ThreadingHTTPServer((host, port), partial(_Handler, directory=str(folder)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ItrBenchError(
                f"port {port} of {host} is in use by another program: choose another port, "
                "or 0 for any that is free"
            ) from error
        raise ItrBenchError(f"cannot listen at {host}, port {port}: {error}") from error


def serve(folder: Path, host: str, port: int) -> None:
    """Serve *folder* until Ctrl-C, and print the address.

    Raises:
        ItrBenchError: as :func:`server`.
    """
    with server(folder, host, port=port) as running:
        print(f"http://{host}:{running.server_address[1]}/  (Ctrl-C ends it)", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
