"""The receiver of spans from child processes: an OTLP/HTTP server on the loopback interface.

The environment tells child processes the address: in the variables of OpenTelemetry, for its unmodified SDK, and in
one of this package, for `track`.
"""

from __future__ import annotations

import gzip
import importlib
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from io import BytesIO
from typing import Any, Final

from pytest_perfbudget.tracing import Span
from pytest_perfbudget.tracing.announced import TRACEPARENT
from pytest_perfbudget.tracing.exporter import DROPPED, ENDED, ENDPOINT, STATE, TESTING, follow_forks
from pytest_perfbudget.tracing.otlp import from_json, span_of
from pytest_perfbudget.tracing.span import EPOCH, EPOCH_NS

MOST_BYTES: Final = 8_000_000
_MOST_DISCARDED: Final = 100_000_000
_CHUNK: Final = 65_536
_JSON: Final = "application/json"
_PROTOBUF: Final = "application/x-protobuf"
_PATH: Final = "/v1/traces"
_DETECTORS: Final = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"
LINE_DETECTOR: Final = "perfbudget"
"""The entry point of `tracing.otel_lines`, which the SDK of a child process loads."""

_QUIET_S: Final = 0.25
"""The time without a batch after which no more spans are on their way; exporters send several times in this time."""
_LONGEST_S: Final = 3.0
_FIRST_S: Final = 1.0
"""The time in which an exporter of another process should have sent its first batch."""
_POLL_S: Final = 0.02
_MESSAGE_OF_PROTO: Final = "opentelemetry.proto.collector.trace.v1.trace_service_pb2"

Take = Callable[[Sequence[Span]], None]
"""A function that takes a batch of spans, in a thread of the receiver."""


class SpanReceiver:
    """The receiver, which hands spans to the measurement that is running.

    Attributes:
        take: the function that takes the spans; None drops them.
        endpoint: the address of the receiver.
        dropped: the number of spans so far that other processes had no room for.
        vanished: the number of processes so far that ended without a goodbye, and perhaps without sending all spans.
        refused: the number of batches so far that were not taken, from senders that do not count their losses.
    """

    def __init__(self) -> None:
        self.take: Take | None = None
        self.dropped = 0
        self.vanished = 0
        self.refused = 0
        self._counting = threading.Lock()
        self._last_s: float | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def has_clients(self) -> bool:
        """Whether another process has sent something."""
        return self._last_s is not None

    def received(self, spans: Sequence[Span]) -> None:
        """Hand over a batch."""
        self._last_s = time.monotonic()
        take = self.take
        if take is not None and spans:
            take(spans)

    def lose(self, *, dropped: int = 0, vanished: int = 0, refused: int = 0) -> None:
        """Count spans, processes and batches that are lost."""
        self._last_s = time.monotonic()
        with self._counting:
            self.dropped += dropped
            self.vanished += vanished
            self.refused += refused

    def settle(self, *, is_expected: bool = False) -> None:
        """Wait until no more spans are on their way, if there is another process at all.

        Args:
            is_expected: whether another process should have spans that this process lacks.
        """
        began_s = time.monotonic()
        while is_expected and self._last_s is None and time.monotonic() - began_s < _FIRST_S:
            time.sleep(_POLL_S)
        while self._last_s is not None and time.monotonic() - began_s < _LONGEST_S:
            left_s = max(self._last_s, began_s) + _QUIET_S - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(left_s)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Receive spans within the block, and let the environment of child processes say so."""
        self._thread.start()
        try:
            with _environment(self._variables()):
                follow_forks()
                yield
        finally:
            self._server.shutdown()
            self._server.close_lasting()
            self._server.server_close()
            self._thread.join()

    def _variables(self) -> dict[str, str]:
        found = {
            ENDPOINT: self.endpoint,
            TESTING: str(os.getpid()),
            EPOCH: str(EPOCH_NS),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf" if reads_protobuf() else "http/json",
            "OTEL_TRACES_EXPORTER": "otlp",
        }
        if "OTEL_BSP_SCHEDULE_DELAY" not in os.environ:
            found["OTEL_BSP_SCHEDULE_DELAY"] = "100"  # ms; after the default of 5 s a test is over
        others = os.environ.get(_DETECTORS, "")
        found[_DETECTORS] = ",".join(filter(None, [others, LINE_DETECTOR]))
        return found


@cache
def reads_protobuf() -> bool:
    """Return whether the messages of the protocol can be read in their binary form: extra `otel`."""
    try:
        return find_spec(_MESSAGE_OF_PROTO) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (*variables, TRACEPARENT)}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: SpanReceiver

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.lasting: set[socket.socket] = set()
        """The connections of processes that send spans for as long as they run."""

    def close_lasting(self) -> None:
        """End the connections that would last."""
        for one in tuple(self.lasting):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the class it extends
        """Say nothing about a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 10
    _state = ""

    def finish(self) -> None:
        """Count a process that has ended without a goodbye."""
        if self._state and self._state != ENDED:
            self.server.receiver.lose(vanished=1)
        self.server.lasting.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        """Take a batch of spans."""
        length = self.headers.get("Content-Length", "")
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if self.path != _PATH:
            self._answer(404, f"this receiver takes spans at {_PATH} only")
        elif not length.isdecimal():
            self._answer(411, "the length of the body is missing")
        elif int(length) > MOST_BYTES:
            self._discard(int(length))
            self._answer(413, f"a batch has at most {MOST_BYTES:,} bytes")
        elif kind not in (_JSON, _PROTOBUF) or (kind == _PROTOBUF and not reads_protobuf()):
            self._discard(int(length))
            self._answer(415, f"{kind or 'no type'}: JSON is understood, and protobuf with the extra otel")
        else:
            self._take(self.rfile.read(int(length)), kind)

    def _discard(self, length: int) -> None:
        """Read a body that is refused: a client that still sends sees a broken connection instead of the answer."""
        left = min(length, _MOST_DISCARDED)
        while left > 0 and (part := self.rfile.read(min(left, _CHUNK))):
            left -= len(part)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the class it extends
        """Write no log."""

    def _take(self, body: bytes, kind: str) -> None:
        try:
            if self.headers.get("Content-Encoding", "") == "gzip":
                body = _unpacked(body)
            spans = from_json(body) if kind == _JSON else _from_protobuf(body)
        except OverflowError:
            self._answer(413, f"a batch has at most {MOST_BYTES:,} bytes")
        except ValueError as error:
            self._answer(400, str(error))
        else:
            self.server.receiver.received(spans)
            self._note_state()
            self._answer(200, "", b"{}" if kind == _JSON else b"", kind)

    def _note_state(self) -> None:
        """Note what an exporter of this package says about its process."""
        self._state = self.headers.get(STATE, "")
        if self._state:
            self.connection.settimeout(None)
            self.server.lasting.add(self.connection)
        dropped = self.headers.get(DROPPED, "")
        if dropped.isdecimal() and int(dropped):
            self.server.receiver.lose(dropped=int(dropped))

    def _answer(self, status: int, message: str, body: bytes = b"", kind: str = "text/plain") -> None:
        body = body or message.encode()
        if status != 200:
            self.close_connection = True  # the body may be unread
            if self.path == _PATH and not self.headers.get(STATE):  # `track` tells the number with its next batch
                self.server.receiver.lose(refused=1)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _unpacked(body: bytes) -> bytes:
    """Return the content of a compressed body.

    Raises:
        ValueError: the body is not compressed.
        OverflowError: the content is too large.
    """
    try:
        with gzip.open(BytesIO(body)) as packed:
            content = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        message = f"no gzip: {error}"
        raise ValueError(message) from None
    if len(content) > MOST_BYTES:
        raise OverflowError
    return content


def _value(value: Any) -> object:  # noqa: ANN401 - generated classes
    return getattr(value, value.WhichOneof("value") or "string_value")


def _from_protobuf(body: bytes) -> list[Span]:
    """Return the spans in the binary form of an export request.

    Raises:
        ValueError: the body is no such request.
    """
    messages: Any = importlib.import_module(_MESSAGE_OF_PROTO)
    problem: type[Exception] = importlib.import_module("google.protobuf.message").DecodeError
    try:
        request = messages.ExportTraceServiceRequest.FromString(body)
    except problem as error:
        message = f"no export request of OTLP: {error}"
        raise ValueError(message) from None
    return [
        span_of(
            name=span.name,
            trace_id=int.from_bytes(span.trace_id, "big"),
            span_id=int.from_bytes(span.span_id, "big"),
            parent_id=int.from_bytes(span.parent_span_id, "big"),
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            attributes={one.key: _value(one.value) for one in span.attributes},
            error=(span.status.message or "error") if span.status.code == 2 else "",
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
