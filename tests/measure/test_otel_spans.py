"""Spans of OpenTelemetry's SDK in the test's process, unmodified."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from pytest_perfbudget.measure.spans import SpanGatherer

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("shop")

def execution():
    with tracer.start_as_current_span("page"):
        with tracer.start_as_current_span("query", attributes={"db.statement": "SELECT 1"}):
            pass

gatherer = SpanGatherer(Path(), ["query"])
execution()
for _ in range(2):
    with gatherer.listening():
        for _ in range(3):
            with gatherer.execution():
                execution()
        gatherer.keep()
execution()
gatherer.finish()
store = gatherer.store
assert store.executions == 6
assert list(store.series("query").counts) == [1] * 6
assert store.series("query").statements == {("SELECT 1", ""): 1}
assert [node.path for node in store.tree.nodes()] == [("page",), ("page", "query")]
assert store.lost == 0

outer, inner = SpanGatherer(Path()), SpanGatherer(Path())
with outer.listening(), outer.execution():
    with inner.listening(), inner.execution():
        execution()
    execution()
for gatherer, paths in ((inner, 1), (outer, 2)):
    gatherer.keep()
    gatherer.finish()
    assert len(gatherer.store.series("query").counts) == 1
    assert list(gatherer.store.series("query").counts) == [paths]
"""

BOTH_KINDS = """
import contextvars, threading
from contextlib import ExitStack
from pathlib import Path
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pytest_perfbudget import track
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.tracing import headers, is_tracking

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("shop")
otel = tracer.start_as_current_span

def by_turns():
    with track("a"), otel("b"), track("c"), track("d"), otel("e"), otel("f"), track("g"):
        pass
    with otel("b"):
        with track("c"):
            pass
        with otel("f"):
            pass
    with track("d"):
        pass

def thread():
    def work():
        with otel("in thread"), track("deeper"), otel("deepest"):
            pass
    with track("starts"), otel("request"):
        one = threading.Thread(target=work)
        one.start()
        one.join()

def chosen_parent():
    carrier = {}
    with otel("client"):
        TraceContextTextMapPropagator().inject(carrier)
    with track("loop"):
        with otel("server", context=TraceContextTextMapPropagator().extract(carrier)):
            with track("handler"):
                pass
        with otel("no headers", context=TraceContextTextMapPropagator().extract({})):
            pass

def headers_name_the_innermost():
    with track("a"), otel("b") as span:
        assert headers()["traceparent"].split("-")[2] == f"{span.get_span_context().span_id:016x}"

def paths(function):
    gatherer = SpanGatherer(Path())
    with gatherer.listening():
        with gatherer.execution():
            function()
        gatherer.keep()
    gatherer.finish()
    assert gatherer.store.lost == 0
    return {"/".join(node.path) for node in gatherer.store.tree.nodes()}

assert paths(by_turns) == {
    "a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e", "a/b/c/d/e/f", "a/b/c/d/e/f/g", "b", "b/c", "b/f", "d",
}, paths(by_turns)
assert paths(thread) == {
    "starts", "starts/request", "starts/request/in thread", "starts/request/in thread/deeper",
    "starts/request/in thread/deeper/deepest",
}, paths(thread)
assert paths(chosen_parent) == {
    "client", "client/server", "client/server/handler", "loop", "loop/no headers",
}, paths(chosen_parent)
paths(headers_name_the_innermost)
processor = trace.get_tracer_provider()._perfbudget_processor
assert not processor.nesting._open
for _ in range(20_000):
    processor.nesting.begin(tracer.start_span("never ends"))
assert len(processor.nesting._open) == 10_000

with otel("outside") as span, track("off"):
    assert headers() == {} and not is_tracking()
"""


@pytest.mark.parametrize("program", [PROGRAM, BOTH_KINDS], ids=["of the SDK alone", "of both kinds in turn"])
def test_spans_of_the_sdk_belong_to_executions(program: str) -> None:
    pytest.importorskip("opentelemetry.sdk.trace")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_without_the_sdk_nothing_is_imported() -> None:
    program = (
        "import sys; from pathlib import Path; from pytest_perfbudget.measure.spans import SpanGatherer\n"
        "gatherer = SpanGatherer(Path())\n"
        "with gatherer.listening(), gatherer.execution(): pass\n"
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry', 'http.server', 'urllib.request'))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=Path(__file__).parent)
