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
assert store.series("query").statements == {"SELECT 1": 1}
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


def test_spans_of_the_sdk_belong_to_executions() -> None:
    pytest.importorskip("opentelemetry.sdk.trace")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_without_the_sdk_nothing_is_imported() -> None:
    program = (
        "import sys; from pathlib import Path; from pytest_perfbudget.measure.spans import SpanGatherer\n"
        "gatherer = SpanGatherer(Path())\n"
        "with gatherer.listening(), gatherer.execution(): pass\n"
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry', 'http.server', 'urllib.request'))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=Path(__file__).parent)
