"""The export of spans from a child process of a test to the receiver in the test's process."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.open_span import add_sampler, remove_sampler
from pytest_perfbudget.tracing.otlp import to_json
from pytest_perfbudget.tracing.receiver_connection import ReceiverConnection
from pytest_perfbudget.tracing.wait_clock import WaitClock
from pytest_perfbudget.tracing.wait_sampling import WaitSampler

ENDPOINT: Final = "PERFBUDGET_SPANS_ENDPOINT"
"""The environment variable by which a test's child processes know the receiver."""

TESTING: Final = "PERFBUDGET_SPANS_PROCESS"
"""The environment variable with the id of the test's process, whose other children may be waited for."""

STATE: Final = "Perfbudget-State"
"""The header that says whether a process goes on to send spans: `running`, or `ended`."""

ENDED: Final = "ended"
DROPPED: Final = "Perfbudget-Dropped"
"""The header with the number of spans that a process has dropped since its last batch."""

_HOST: Final = "http://127.0.0.1:"
_INTERVAL_S: Final = 0.05
_LONGEST_END_S: Final = 4.0
_MOST_WAITING: Final = 20_000
_MOST_AT_ONCE: Final = 500


class SpanExporter:
    """The export of the spans of this process, in batches, by a thread of its own.

    The connection lasts as long as the process: the receiver knows by a connection that ends without a goodbye that
    spans may be lost. If the receiver does not answer, or not fast enough, spans are dropped and counted, and the
    process goes on undisturbed.

    Args:
        endpoint: the address of the receiver, such as `http://127.0.0.1:43123`.

    Attributes:
        running: the exporter of this process; None if the process exports no spans, as only child processes of a test
            do.
    """

    running: ClassVar[SpanExporter | None] = None

    def __init__(self, endpoint: str) -> None:
        self._connection = ReceiverConnection(endpoint)
        self._service = Path(sys.argv[0] if sys.argv else "").name or "python"
        self._process = os.getpid()
        self._waiting: deque[spans.Record] = deque()
        self._dropped = 0
        self._has_spans = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfbudget-spans", daemon=True)
        self._thread_clock: int | None = None
        testing = os.environ.get(TESTING, "")
        self._waiting_clock = WaitClock(int(testing) if testing.isdecimal() else None, self._own_cpu_ns)
        self._sampler: WaitSampler | None = None

    def start(self) -> None:
        """Take the spans of this process from now on, and tell the receiver that this process exists."""
        from pytest_perfbudget.tracing.threads import inherit  # noqa: PLC0415 - brings in logging, in this process only

        SpanExporter.running = self
        self._waiting_clock.find_processes()
        self._sampler = WaitSampler(self._waiting_clock.look)
        add_sampler(self._sampler)
        spans.add_sink(self._take, needs_line=True)
        # At once, not in the thread: a process may end before its thread runs, and must not end unnoticed.
        try:
            self._post([])
        except OSError:
            self._connection.close()
        self._thread.start()
        inherit()
        follow_forks()
        atexit.register(self.stop)
        _stop_before_exec()
        _stop_with_multiprocessing(self)

    def stop(self) -> None:
        """Send what is left, say goodbye, and take no more spans."""
        if self._process != os.getpid():  # a forked child has its own
            return
        spans.remove_sink(self._take)
        if self._sampler is not None:
            remove_sampler(self._sampler)
            self._sampler = None
        self._is_over.set()
        self._has_spans.set()
        self._thread.join(_LONGEST_END_S)

    def abandon(self) -> None:
        """Close this process's copy of the connection, in a forked child."""
        self._connection.close()

    def _take(self, record: spans.Record) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(record)
            if not self._has_spans.is_set():
                self._has_spans.set()
        else:
            self._dropped += 1

    def _own_cpu_ns(self) -> int:
        """Return the CPU time of the export, which no span of the application waits for."""
        if self._thread_clock is not None:
            with suppress(OSError):  # the thread has ended
                return time.clock_gettime_ns(self._thread_clock)
        return 0

    def _run(self) -> None:
        clock_of: Callable[[int], int] | None = getattr(time, "pthread_getcpuclockid", None)  # not on Windows
        self._thread_clock = None if clock_of is None else clock_of(threading.get_ident())
        self._is_taken()
        while True:
            self._has_spans.wait()
            self._has_spans.clear()
            self._waiting_clock.find_processes()
            is_over = self._is_over.is_set()
            while self._waiting:
                self._send([self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))])
            if is_over:
                self._send([], ENDED)
                self._connection.close()
                return
            self._is_over.wait(_INTERVAL_S)

    def _send(self, batch: list[spans.Record], state: str = "running") -> None:
        dropped = self._dropped
        try:
            self._post(batch, state, dropped)
            is_taken = self._is_taken()
        except OSError:
            self._connection.close()  # the next batch tries again
            is_taken = False
        self._dropped += -dropped if is_taken else len(batch)

    def _post(self, batch: list[spans.Record], state: str = "running", dropped: int = 0) -> None:
        body = to_json(map(spans.Span._make, batch), self._service)
        headers = {"Content-Type": "application/json", STATE: state, DROPPED: str(dropped)}
        self._connection.post("/v1/traces", body, headers)

    def _is_taken(self) -> bool:
        """Return whether the receiver took the last batch."""
        try:
            return self._connection.is_taken()
        except (OSError, ValueError):  # ValueError: another server has the port by now
            self._connection.close()
            return False


def start_from_environment() -> SpanExporter | None:
    """Begin to export if a test has started this process; return the exporter."""
    endpoint = os.environ.get(ENDPOINT, "")
    if not endpoint.startswith(_HOST):
        return None
    exporter = SpanExporter(endpoint)
    exporter.start()
    return exporter


_is_following = False
_is_watching_exec = False


def follow_forks() -> None:
    """Let forked children export, once for this process: the registration cannot be undone."""
    global _is_following  # noqa: PLW0603 - as above
    if not _is_following and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_continue_after_fork)
        _is_following = True


def _continue_after_fork() -> None:
    """Export from a forked child, whose copies of the test's sinks nobody reads."""
    if SpanExporter.running is not None:
        SpanExporter.running.abandon()
        SpanExporter.running = None
    if os.environ.get(ENDPOINT):
        spans.forget_sinks()
        start_from_environment()


def _stop_before_exec() -> None:
    """Say goodbye before another program takes the place of this one."""
    global _is_watching_exec  # noqa: PLW0603 - a hook cannot be taken away
    if not _is_watching_exec:
        sys.addaudithook(_on_event)
        _is_watching_exec = True


def _on_event(event: str, _: object) -> None:
    if event == "os.exec" and SpanExporter.running is not None:
        SpanExporter.running.stop()


def _stop_with_multiprocessing(exporter: SpanExporter) -> None:
    """Say goodbye at the end of a child of multiprocessing, which leaves out the functions of `atexit`.

    Such a child forgets at its start what it is to do at its end, and calls what is registered for that start.
    """
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(exporter, _finalize)


def _finalize(exporter: SpanExporter) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, exporter.stop, exitpriority=-100)
