"""The receiver of spans from other processes: what it takes, what it refuses, and what it leaves behind."""

from __future__ import annotations

import gzip
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from pytest_perfbudget.measure import span_receiver
from pytest_perfbudget.measure.span_receiver import SpanReceiver
from pytest_perfbudget.tracing import Span, SpanContext, exporter, span
from pytest_perfbudget.tracing.announced import announced_to_children
from pytest_perfbudget.tracing.otlp import to_json
from pytest_perfbudget.tracing.span import EPOCH_NS

SPAN = Span("query", 1, 2, 0, 3, 4, None)
JSON = "application/json"


@pytest.fixture
def received() -> list[Span]:
    return []


@pytest.fixture
def receiver(received: list[Span]) -> Iterator[SpanReceiver]:
    made = SpanReceiver()
    made.take = received.extend
    with made.running():
        yield made


def post(receiver: SpanReceiver, body: bytes, path: str = "/v1/traces", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(receiver.endpoint.removeprefix("http://"), timeout=10)
    given = {"Content-Type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("POST", path, body, given)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_batch_is_handed_over(receiver: SpanReceiver, received: list[Span]) -> None:
    assert not receiver.has_clients
    assert post(receiver, to_json([SPAN], "shop.py"), Content_Type="application/json; charset=utf-8") == (200, "{}")
    assert received == [SPAN]
    assert receiver.has_clients


def test_a_compressed_batch_is_unpacked(receiver: SpanReceiver, received: list[Span]) -> None:
    assert post(receiver, gzip.compress(to_json([SPAN], "shop.py")), Content_Encoding="gzip")[0] == 200
    assert received == [SPAN]


def test_without_a_measurement_a_batch_is_dropped(receiver: SpanReceiver, received: list[Span]) -> None:
    receiver.take = None
    assert post(receiver, to_json([SPAN], "shop.py"))[0] == 200
    assert received == []


def test_the_binary_form_is_understood(receiver: SpanReceiver, received: list[Span]) -> None:
    messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    request = messages.ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.name, span.trace_id, span.span_id = "query", (1).to_bytes(16, "big"), (2).to_bytes(8, "big")
    span.start_time_unix_nano, span.end_time_unix_nano = 3, 7
    assert post(receiver, request.SerializeToString(), Content_Type="application/x-protobuf")[0] == 200
    assert received == [SPAN]
    assert post(receiver, b"\xff\xff\xff", Content_Type="application/x-protobuf")[0] == 400


def test_without_the_extra_the_binary_form_is_refused_by_name(
    receiver: SpanReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_receiver, "reads_protobuf", lambda: False)
    status, text = post(receiver, b"", Content_Type="application/x-protobuf")
    assert status == 415
    assert "extra otel" in text


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"plain", {"Content_Encoding": "gzip"}, 400),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"path": "/v1/logs"}, 404),
        (b"{}", {"Content_Length": "-1"}, 411),
        (b"{}", {"Content_Length": "\xb2"}, 411),
        (to_json([SPAN._replace(start_ns=10**30)], "shop.py"), {}, 400),
    ],
)
def test_a_bad_request_is_refused_and_the_next_is_taken(
    receiver: SpanReceiver, received: list[Span], body: bytes, headers: dict[str, str], status: int
) -> None:
    assert post(receiver, body, **headers)[0] == status
    assert receiver.refused == (status != 404)  # at another path there are no spans
    assert post(receiver, body, **{**headers, exporter.STATE: "running"})[0] == status
    assert receiver.refused == (status != 404)  # `track` tells the number of these spans itself
    assert post(receiver, to_json([SPAN], "shop.py"))[0] == 200
    assert received == [SPAN]


def test_a_batch_that_is_too_large_is_refused(receiver: SpanReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_receiver, "MOST_BYTES", 1_000)
    assert receiver.refused == 0
    assert post(receiver, b" " * 1_001)[0] == 413
    assert receiver.refused == 1
    assert post(receiver, gzip.compress(b" " * 100_000), Content_Encoding="gzip")[0] == 413


@pytest.mark.parametrize(("kind", "status"), [(JSON, 413), ("text/plain", 415)])
def test_a_client_that_still_sends_gets_the_answer(receiver: SpanReceiver, kind: str, status: int) -> None:
    """Otherwise an exporter sees a broken connection, and sends the batch again and again."""
    most = span_receiver.MOST_BYTES
    assert post(receiver, b" " * (2 * most if status == 413 else most), Content_Type=kind)[0] == status
    assert receiver.refused == 1


def test_the_environment_names_the_receiver_and_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process")
    monkeypatch.delenv("TRACEPARENT", raising=False)
    before = dict(os.environ)
    receiver = SpanReceiver()
    with receiver.running():
        assert os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] == receiver.endpoint
        assert os.environ["OTEL_TRACES_EXPORTER"] == "otlp"
        assert os.environ["OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"] == "process,perfbudget"
        with announced_to_children(SpanContext(1, 2)):
            assert os.environ["TRACEPARENT"].startswith("00-0000")
        assert "TRACEPARENT" not in os.environ
        monkeypatch.setenv("TRACEPARENT", "of the caller")
        with announced_to_children(SpanContext(1, 2)):
            pass
        assert os.environ.pop("TRACEPARENT") == "of the caller"
    assert dict(os.environ) == before


def test_nothing_is_left_of_a_receiver() -> None:
    before = threading.active_count()
    receiver = SpanReceiver()
    with receiver.running():
        post(receiver, b"{}")
    assert threading.active_count() <= before + 1  # the thread of a request may be ending
    with pytest.raises(ConnectionRefusedError):
        post(receiver, b"{}")


CHILD = """
from pytest_perfbudget import track
with track("outer", attributes={"size": 3}):
    with track("inner"):
        pass
"""


@pytest.mark.usefixtures("receiver")
def test_track_in_a_child_process_exports_by_itself(received: list[Span]) -> None:
    with announced_to_children(SpanContext(77, 5)):
        subprocess.run([sys.executable, "-c", CHILD], check=True, timeout=60)
    outer, inner = sorted(received, key=lambda span: span.name, reverse=True)
    assert (outer.name, inner.name) == ("outer", "inner")
    assert {outer.trace_id, inner.trace_id} == {77}
    assert (outer.parent_id, inner.parent_id) == (5, outer.span_id)
    assert outer.attributes == {"size": 3}
    assert outer.cpu_ns is not None


@pytest.mark.parametrize("set_back_ns", [0, 3_600_000_000_000])
def test_a_child_has_the_clock_of_the_test_though_the_machines_clock_was_set(
    monkeypatch: pytest.MonkeyPatch, received: list[Span], set_back_ns: int
) -> None:
    """Otherwise its spans would lie outside the executions, whose whole time would be outside all spans."""
    epoch_ns = EPOCH_NS - set_back_ns
    monkeypatch.setattr(span_receiver, "EPOCH_NS", epoch_ns)
    receiver = SpanReceiver()
    receiver.take = received.extend
    with receiver.running():
        began_ns = time.perf_counter_ns()
        subprocess.run([sys.executable, "-c", CHILD], check=True, timeout=60)
        ended_ns = time.perf_counter_ns()
    assert len(received) == 2
    assert all(began_ns <= one.start_ns - epoch_ns <= ended_ns for one in received)


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "9" * 40, "\u0665"])
def test_another_value_than_a_number_is_no_clock(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(span.EPOCH, value)
    assert abs(span._epoch_ns() + time.perf_counter_ns() - time.time_ns()) < 3_600_000_000_000


def test_a_child_process_without_a_receiver_goes_on_undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFBUDGET_SPANS_ENDPOINT", "http://127.0.0.1:9")
    done = subprocess.run([sys.executable, "-c", CHILD], check=True, timeout=60, capture_output=True)
    assert done.stderr == b""


def test_an_endpoint_elsewhere_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFBUDGET_SPANS_ENDPOINT", "http://192.0.2.1:80")
    program = "from pytest_perfbudget.tracing import is_tracking; assert not is_tracking()"
    subprocess.run([sys.executable, "-c", "import pytest_perfbudget.tracing;" + program], check=True, timeout=60)


FORKS = """
import multiprocessing, os, sys
from pytest_perfbudget import track

def job(name):
    with track(name):
        pass

def forked(name, end):
    pid = os.fork()
    if pid == 0:
        job(name)
        end()
    os.waitpid(pid, 0)

forked("exit", sys.exit)
forked("exec", lambda: os.execv("/bin/true", ["true"]))
child = multiprocessing.get_context("fork").Process(target=job, args=("process",))
child.start()
child.join()
if len(sys.argv) > 1:
    forked("killed", lambda: os._exit(0))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("killed", [0, 1])
def test_forked_children_export_until_their_end_and_are_missed_otherwise(
    receiver: SpanReceiver, received: list[Span], killed: int
) -> None:
    program = [sys.executable, "-W", "ignore", "-c", FORKS, *["killed"] * killed]
    subprocess.run(program, check=True, timeout=60)
    receiver.settle()
    assert {"exit", "exec", "process"} <= {span.name for span in received}
    assert receiver.vanished == killed


SILENT = """
import os, socket
server = socket.create_server(("127.0.0.1", 0))
os.environ["PERFBUDGET_SPANS_ENDPOINT"] = f"http://127.0.0.1:{server.getsockname()[1]}"
import pytest_perfbudget.tracing
connection, _ = server.accept()
connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n")  # and never the two bytes
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_may_fork_while_its_exporter_waits_for_an_answer() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", SILENT], check=True, timeout=20)


def test_spans_beyond_the_room_of_an_exporter_are_counted(
    receiver: SpanReceiver, received: list[Span], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_MOST_WAITING", 3)
    sender = exporter.SpanExporter(receiver.endpoint)
    for _ in range(5):
        sender._take(SPAN)
    sender._thread.start()
    sender.stop()
    assert received == [SPAN] * 3
    assert receiver.dropped == 2


def test_spans_of_a_batch_that_nobody_took_are_counted_with_the_next(
    receiver: SpanReceiver, received: list[Span], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = exporter.SpanExporter(receiver.endpoint)
    with monkeypatch.context() as patched:
        patched.setattr(span_receiver, "MOST_BYTES", 1)
        sender._send([SPAN] * 7)
    sender._send([SPAN])
    assert received == [SPAN]
    assert receiver.dropped == 7
    sender.abandon()
