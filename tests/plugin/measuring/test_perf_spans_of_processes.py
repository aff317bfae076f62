"""One tree across processes: a test calls a server in another process, which says where the time went."""

from __future__ import annotations

import pytest
from scripting import Project

SERVER = """
import http.server
from pytest_perfbudget.tracing import continued, track

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with continued(self.headers), track("server"):
            for number in range(2):
                with track("db.query", statement=f"SELECT {number}"):
                    pass
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""

WITH_SDK = """
import http.server
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("shop")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        carrier = {name.lower(): value for name, value in self.headers.items()}
        with tracer.start_as_current_span("server", context=propagate.extract(carrier)):
            for number in range(2):
                with tracer.start_as_current_span("db.query", attributes={"db.statement": f"SELECT {number}"}):
                    pass
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""

TESTS = """
import os, subprocess, sys, urllib.request
from pytest_perfbudget.tracing import headers, track

@pytest.fixture(scope="session")
def url():
    with subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, text=True) as server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        server.kill()

def call(url):
    with track("client"):
        urllib.request.urlopen(urllib.request.Request(url, headers=headers()), timeout=10).read()

@pytest.mark.perf_budget(spans={"db.query": {"max_count": 1}, "server": {"max_count": 1}})
def test_body(url):
    call(url)

def test_load(url, perf_load):
    perf_load(lambda: call(url), name="load", users=2, requests=20, spans={"db.query": {"max_count": 2}})
"""


def tree(project: Project, place: int) -> dict[str, int]:
    spans = project.report["measurements"][place]["spans"]
    return {"/".join(node["path"]): node["count"] / spans["executions"] for node in spans["nodes"]}


@pytest.fixture
def real(each_way: Project) -> Project:
    """The project on the system's clock, as other processes have it."""
    each_way.file("conftest.py", "")
    return each_way


def test_a_server_in_another_process_is_part_of_the_tree(real: Project) -> None:
    real.file("server.py", SERVER)
    result = real.run(TESTS, subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "2 spans of db.query in one execution, over the budget of 1 (2x)",
            "  2 x SELECT [?]",
            "    at server.py:9",
        ]
    )
    expected = {"client": 1, "client/server": 1, "client/server/db.query": 2}
    assert [tree(real, place) for place in (0, 1)] == [expected, expected]
    assert [one["spans"]["lost"] for one in real.report["measurements"]] == [0, 0]


def test_a_server_with_opentelemetrys_own_exporter_is_part_of_the_tree(lean: Project) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    lean.file("conftest.py", "")
    lean.file("server.py", WITH_SDK)
    lean.run(TESTS, subprocess=True).assert_outcomes(passed=1, failed=1)
    expected = {"client": 1, "client/server": 1, "client/server/db.query": 2}
    assert [tree(lean, place) for place in (0, 1)] == [expected, expected]


def test_a_process_that_an_execution_starts_is_part_of_it(lean: Project) -> None:
    lean.file("conftest.py", "")
    lean.file("child.py", "from pytest_perfbudget import track\nwith track('child'):\n    pass\n")
    lean.run(
        """
import subprocess, sys
@pytest.mark.perf_budget(max_time="100ms", spans={"child": {"max_count": 1}})
def test_it():
    subprocess.run([sys.executable, "child.py"], check=True)
""",
        subprocess=True,
    ).assert_outcomes(passed=1)
    assert tree(lean, 0) == {"child": 1}


def test_a_process_that_a_block_starts_is_part_of_each_timer_around_it(lean: Project) -> None:
    lean.file("conftest.py", "")
    lean.file("child.py", "from pytest_perfbudget import track\nwith track('child'):\n    pass\n")
    lean.run(
        """
import subprocess, sys
LIMIT = {"child": {"max_count": 1}}
def test_it(perf):
    with perf.timer("outer", spans=LIMIT):
        with perf.timer("inner", spans=LIMIT):
            subprocess.run([sys.executable, "child.py"], check=True)
""",
        subprocess=True,
    ).assert_outcomes(passed=1)
    assert [tree(lean, place) for place in (0, 1)] == [{"child": 1}, {"child": 1}]


def test_without_limits_on_spans_no_receiver_runs(lean: Project) -> None:
    lean.run("""
import os
@pytest.mark.perf_budget(p95_ms=5)
def test_it():
    assert not [name for name in os.environ if name.startswith(("OTEL_", "PERFBUDGET_SPANS"))]
""").assert_outcomes(passed=1)
