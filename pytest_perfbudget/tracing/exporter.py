"""The export of spans from a child process of a test to the receiver in the test's process."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import urllib.request
from collections import deque
from pathlib import Path
from typing import ClassVar, Final

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.otlp import to_json

ENDPOINT: Final = "PERFBUDGET_SPANS_ENDPOINT"
"""The environment variable by which a test's child processes know the receiver."""

_INTERVAL_S: Final = 0.05
_TIMEOUT_S: Final = 2.0
_MOST_WAITING: Final = 20_000
_MOST_AT_ONCE: Final = 500


class SpanExporter:
    """The export of the spans of this process, in batches, by a thread of its own.

    If the receiver does not answer, spans are dropped, and the process goes on undisturbed.

    Args:
        endpoint: the address of the receiver, such as `http://127.0.0.1:43123`.

    Attributes:
        is_running: whether this process exports spans, as only child processes of a test do.
    """

    is_running: ClassVar[bool] = False

    def __init__(self, endpoint: str) -> None:
        self._url = f"{endpoint}/v1/traces"
        self._service = Path(sys.argv[0] if sys.argv else "").name or "python"
        self._waiting: deque[spans.Record] = deque(maxlen=_MOST_WAITING)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfbudget-spans", daemon=True)
        # A proxy of the environment is for other hosts.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self) -> None:
        """Take the spans of this process from now on, and tell the receiver that this process exists."""
        from pytest_perfbudget.tracing.threads import inherit  # noqa: PLC0415 - brings in logging, in this process only

        spans.add_sink(self._waiting.append, needs_line=True)
        self._thread.start()
        SpanExporter.is_running = True
        inherit()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Send what is left, and take no more spans."""
        spans.remove_sink(self._waiting.append)
        self._is_over.set()
        self._thread.join(2 * _TIMEOUT_S)

    def _run(self) -> None:
        is_greeting = True
        while True:
            is_over = self._is_over.wait(0 if is_greeting else _INTERVAL_S)
            while self._waiting or is_greeting:
                is_greeting = False
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
                if not self._send(to_json(map(spans.Span._make, batch), self._service)):
                    self._waiting.clear()
            if is_over:
                return

    def _send(self, body: bytes) -> bool:
        """Return whether the receiver took a batch."""
        # An address of this machine, from an environment variable of this package.
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S):
                return True
        except OSError:
            return False


def start_from_environment() -> SpanExporter | None:
    """Begin to export if a test has started this process; return the exporter."""
    endpoint = os.environ.get(ENDPOINT, "")
    if not endpoint.startswith("http://127.0.0.1:"):
        return None
    exporter = SpanExporter(endpoint)
    exporter.start()
    return exporter


def continue_after_fork() -> None:
    """Export from a forked child, whose copies of the test's sinks nobody reads."""
    if os.environ.get(ENDPOINT):
        spans.forget_sinks()
        start_from_environment()
