"""The dashboard of a service elsewhere as a page for a browser, served to this machine only."""

from __future__ import annotations

import contextlib
import html
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from threading import Event
from typing import Any, Final

from pytest_perfbudget.errors import MonitorError

EVERY_S: Final = 2.0
HOST: Final = "127.0.0.1"

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
)
"""The page loads nothing but its events."""

Fetch = Callable[[], dict[str, Any]]
"""A function that returns the summary of the service."""


def page(service: str) -> str:
    """Return the page, which needs no other file; `service` is the address that the page names."""
    text = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    return text.replace("<body>", f'<body data-service="{html.escape(service)}">', 1)


class PageServer(ThreadingHTTPServer):
    """The server of the page and of its events.

    Args:
        port: the port on this machine; 0 lets the system choose.
        service: the address of the service, which the page names.
        fetch: the function that asks the service.

    Raises:
        MonitorError: the port is in use.
    """

    daemon_threads = True

    def __init__(self, port: int, service: str, fetch: Fetch) -> None:
        self.text = page(service).encode()
        self.fetch = fetch
        self.ended = Event()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            message = f"--serve: port {port} cannot be used: {error.strerror}"
            raise MonitorError(message) from None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def server_close(self) -> None:
        """Close the port, and end the streams of events."""
        self.ended.set()
        super().server_close()

    def event(self) -> bytes:
        """Return the present summary, or the reason why there is none, as a server-sent event."""
        try:
            data = self.fetch()
        except MonitorError as error:
            data = {"problem": str(error)}
        return f"data: {json.dumps(data)}\n\n".encode()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        """Answer a request for the page or for its events."""
        # A page of another site could point its own name at this machine.
        if self.headers.get("Host", "").rpartition(":")[0] not in (HOST, "localhost"):
            self.send_error(403)
        elif self.path == "/":
            self._begin("text/html; charset=utf-8")
            self.wfile.write(self.server.text)
        elif self.path == "/events":
            self._begin("text/event-stream")
            with contextlib.suppress(OSError):  # the browser is gone
                self._stream()
        else:
            self.send_error(404)

    def _begin(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()

    def _stream(self) -> None:
        while True:
            self.wfile.write(self.server.event())
            self.wfile.flush()
            if self.server.ended.wait(EVERY_S):
                return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has
        """Log nothing: the terminal has the address of the page."""
