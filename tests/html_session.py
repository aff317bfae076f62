"""Sessions for the HTML report: a small session with every part of a page, and large sessions."""

from __future__ import annotations

import random
import re
from array import array
from dataclasses import replace
from typing import Any, Final

from results import MS, budget, change
from traces import span

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.kept_blocks import MOST_KEPT as MOST_BLOCKS
from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.kinds import BODY, CALL, LOAD
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.over_time import TimeWindow
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import describe_load
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Growth, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.round_times import MOST_KEPT, RoundTimes
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.session_findings import find_missing
from pytest_perfbudget.core.side_times import SideTimes
from pytest_perfbudget.core.spans import Execution
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.series import SpanStore
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats.html.columns import from_column
from pytest_perfbudget.report.formats.html.payload import unpacked

HOSTILE: Final = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
QUERY: Final = f"SELECT '{HOSTILE}' FROM orders WHERE a < 1 && b > 2"

CALM: Final = 15
"""The number of measurements at the beginning of `small_measurements` about which there is nothing to say."""

WITHIN, EXCEEDED, UNDECIDED = BudgetVerdict.WITHIN, BudgetVerdict.EXCEEDED, BudgetVerdict.UNDECIDED
FACTS: Final = SessionFacts(
    started_at="2026-11-26T10:00:00+00:00",
    duration_s=41.7,
    exit_status=1,
    versions={"pytest": "9.1.0", "pytest-perfbudget": "0.1.0"},
    python="3.11.7",
    implementation="CPython",
    machine_key="amd-epyc-linux-cpython3.11",
    machine="AMD EPYC, x86_64, Linux, CPython 3.11",
    cpus=2,
    workers=2,
    commit="3f2a91c7de8b90aa12cc",
    branch="faster-orders",
    is_dirty=True,
)


PAYLOAD: Final = re.compile(r'(<script type="application/x-gzip-base64" id="payload">)(.*?)(</script>)', re.DOTALL)
"""The data for the script in a page."""


def payload_of(text: str) -> dict[str, Any]:
    """Return the data for the script in a page."""
    found = PAYLOAD.search(text)
    assert found
    data: dict[str, Any] = unpacked(found[2])
    return {**data, "entries": from_column(data["entries"])}


def statistics(median_ns: float) -> dict[str, float]:
    """Return the statistics of a distribution with a tail."""
    factors = {"min": 0.9, "mean": 1.08, "median": 1, "p75": 1.06, "p90": 1.16, "p95": 1.3, "p99": 1.9, "p999": 2.4, "max": 2.6}  # fmt: skip
    return {name: factor * median_ns for name, factor in factors.items()}


def timed(nodeid: str, median_ms: float, *results: BudgetResult | RegressionResult, **more: Any) -> Measurement:
    given: dict[str, Any] = {
        "kind": BODY, "file": nodeid.partition("::")[0], "line": 12, "rounds": 720, "overhead_ns": 60.0,
        "elapsed_ns": 990_000_000, "statistics": statistics(median_ms * MS), "max_regression": 0.05,
        "budgets": [one for one in results if isinstance(one, BudgetResult)],
        "changes": [one for one in results if isinstance(one, RegressionResult)],
    }  # fmt: skip
    return Measurement(nodeid=nodeid, **{"name": "", **given, **more})


def p95(limit_ms: float, verdict: BudgetVerdict = WITHIN, *, median_ms: float, **more: Any) -> BudgetResult:
    estimate = 1.3 * median_ms * MS
    bounds = {"estimate": estimate, "lower": 0.94 * estimate, "upper": 1.07 * estimate, "rounds": 720}
    return budget(verdict, limit=limit_ms * MS, source="perf_budget marker", **{**bounds, **more})


def moved(ratio: float, verdict: RegressionVerdict, **more: Any) -> RegressionResult:
    bounds = {"ratio": ratio, "after": 1.64e6 * ratio, "lower": ratio * 0.97, "upper": ratio * 1.03}
    return change(verdict, **{"weather": None, "source": "pyproject.toml", **bounds, **more})


def traced() -> Measurement:
    """Return a measurement with spans, and a limit on the time of its queries."""
    store = SpanStore()
    for number in range(40):
        wait = number % 11 * 10**6
        page = span("page", 0, 8 * 10**6 + wait, id=1, cpu_ns=7 * 10**6)
        queries = [
            span(QUERY, 10**6, 2 * 10**6, id=2, parent=1, cpu_ns=0, waits=(0, 0, 0)),
            span(QUERY, 3 * 10**6, wait, id=3, parent=1, cpu_ns=0, waits=(0, 0, 0)),
            span("decode", 4 * 10**6, 10**6, id=5, parent=3, cpu_ns=10**6),
        ]
        store.add(Execution(0, 10 * 10**6 + wait, [page, *queries, span("log", 9 * 10**6 + wait, 1_000, id=4)]))
    limit = budget(
        WITHIN,
        metric="p95",
        span=QUERY,
        limit=12e6,
        estimate=9e6,
        lower=8e6,
        upper=10e6,
        rounds=80,
        source="the marker spans",
    )
    return timed("tests/orders/test_queries.py::test_shows_a_page", 14.6, limit, component="orders", spans=SpanFacts.of(store))  # fmt: skip


def graph(slow_ms: float) -> CallGraph:
    """Return the graph of a call whose function `load_customer` takes a given time."""
    edges = [
        ("", "test_queries:test_lists_open_orders", 1, 30.0 + slow_ms),
        ("test_queries:test_lists_open_orders", "orders.queries:list_open", 1, 29.0 + slow_ms),
        ("orders.queries:list_open", "orders.queries:load_customer", 1 if slow_ms < 5 else 10_000, 8.0 + slow_ms),
        ("orders.queries:list_open", "json.decoder:decode", 1, 12.0),
        ("orders.queries:load_customer", "built-in method _sqlite3.execute", 1 if slow_ms < 5 else 10_000, 5.0),
        ("json.decoder:decode", f"json.decoder:{HOSTILE}", 40, 7.0),
    ]
    files = dict.fromkeys(["orders.queries:list_open", "orders.queries:load_customer"], "orders/queries.py")
    found = (CallEdge(caller, callee, calls, time_ms * MS) for caller, callee, calls, time_ms in edges)
    return CallGraph.of(found, files=files)


def two_sides() -> SideTimes | None:
    """Return the times of both sides: the head has a slow mode that the base does not have."""
    draw = random.Random(3)
    base = RoundTimes.of([35e6 * draw.lognormvariate(0, 0.04) for _ in range(300)])
    head = RoundTimes.of([(110e6 if at % 5 == 0 else 36e6) * draw.lognormvariate(0, 0.04) for at in range(300)])
    assert head is not None
    assert base is not None
    return SideTimes.of([head], [base])


def order_load() -> Measurement:
    draw = random.Random(7)
    latencies = Latencies(int(1e6 * draw.lognormvariate(2.4, 0.45)) for _ in range(3000))
    plan = LoadPlan(users=20, requests=3000)
    errors = (
        ErrorGroup("HTTPError", "503 Service Unavailable", 4_200_000_000, 9_800_000_000, 'Traceback\n  File "client.py", line 7, in call\nHTTPError: 503', 71),
        ErrorGroup("DatabaseError", QUERY, 6_100_000_000, 6_100_000_000, "", 1),
    )  # fmt: skip
    windows = [
        TimeWindow(
            offset_ns=at * 400_000_000, length_ns=400_000_000, requests=100, errors=12 if 10 <= at < 16 else 0,
            rps=244.0 - 3 * at, median_ns=None if at == 20 else 11e6 + at * 2e5, p95_ns=None if at == 20 else 22e6 + at * 3e5,
            users=min(20, 4 * at + 4),
        )
        for at in range(30)
    ]  # fmt: skip
    record = LoadRecord(plan, latencies, array("b", [0] * 2928 + [1] * 72), errors, 12_000_000_000, over_time=windows)
    facts = replace(LoadFacts.of(record), lateness_p99_ns=110_000.0, generator_cpu=0.18)
    found = describe_load(record)
    limit = p95(
        25,
        WITHIN,
        median_ms=1,
        estimate=found["p95"],
        lower=found["p95"] * 0.98,
        upper=found["p95"] * 1.02,
        rounds=3000,
    )
    rate = budget(
        EXCEEDED, metric="error_rate", keyword="max_error_rate", unit="%", limit=1.0, source="perf_load() in tests/test_load.py:14",
        estimate=2.4, lower=1.9, upper=3.0, rounds=3000,
    )  # fmt: skip
    rps = budget(
        WITHIN, metric="rps", keyword="min_rps", unit="rps", limit=100.0, direction=Direction.HIGHER, estimate=found["rps"],
        source="component gateway in pyproject.toml", lower=210.0, upper=None, rounds=3000,
    )  # fmt: skip
    return timed(
        "tests/test_load.py::test_gateway_under_load", 11, rate, limit, rps, name="order", kind=LOAD,
        component="gateway", load=facts, errors=errors, statistics=found, elapsed_ns=12_000_000_000, rounds=3000,
        times=RoundTimes.of(latencies.sequence), overhead_ns=None,
    )  # fmt: skip


def small_measurements() -> list[Measurement]:
    slow = timed(
        "tests/orders/test_queries.py::test_lists_open_orders[10000]",
        47,
        p95(50, EXCEEDED, median_ms=47),
        budget(WITHIN, metric="peak", keyword="peak_mb", unit="bytes", limit=500e6, estimate=61.2e6, lower=None, upper=None, rounds=2, needs_rounds=None, source="pyproject.toml"),
        moved(1.34, RegressionVerdict.REGRESSED, before=35.1 * MS, after=47 * MS, blamed=[Blame("orders.queries:list_open", Cause.MORE_CALLS, 55 * MS, 58 * MS, "orders.queries:load_customer", 1, 10_000)]),
        change(
            RegressionVerdict.REGRESSED, metric="calls", unit="calls", before=1210, after=41_300, ratio=34.13, lower=None, upper=None,
            p_value=None, source="pyproject.toml", grown=[Growth("orders.queries:load_customer", 1, 10_000), Growth("json.decoder:decode", 1, 10_000)],
        ),
        component="orders",
        call_graphs=CallGraphs(graph(60), graph(2)),
        side_times=two_sides(),
        profile=[ProfileRow("orders.queries:load_customer", 10_000, 0.61), ProfileRow("json.decoder:decode", 10_000, 0.22), ProfileRow("orders.queries:list_open", 1, 0.09)],
    )  # fmt: skip
    hostile = timed(
        f"tests/test_hostile.py::test_case[{HOSTILE}]",
        1.5,
        p95(2, WITHIN, median_ms=1.5),
        name=QUERY,
        component="a & b <i>",
        kind=CALL,
        warnings=[f"a doubt about {HOSTILE}"],
    )
    names = ["verifies_a_signature", "resolves_a_role", "claims_a_task", "renders_a_page", "finds_an_agent"]
    calm = [
        timed(
            f"tests/{area}/test_{area}.py::test_{name}",
            size,
            p95(20, WITHIN, median_ms=size),
            moved(1 + (place - 2) / 90, RegressionVerdict.UNCHANGED),
            component=area,
        )
        for area in ("gateway", "security", "orders")
        for place, name in enumerate(names)
        for size in [0.4 + 2.3 * place]
    ]
    return [
        *calm,
        slow,
        traced(),
        timed(
            "tests/security/test_tokens.py::test_verifies_a_token",
            1.84,
            p95(50, WITHIN, median_ms=1.84),
            moved(1.124, RegressionVerdict.REGRESSED, weather=1.2),
            component="security",
            name="signature",
        ),
        order_load(),
        timed("tests/gateway/test_pages.py::test_renders_a_long_page", 36.9, p95(50, WITHIN, median_ms=36.9), component="gateway"),
        timed("tests/gateway/test_pages.py::test_searches", 19, p95(25, UNDECIDED, median_ms=19, needs_rounds=59, rounds=40), component="gateway"),
        timed("tests/security/test_tokens.py::test_issues_a_token", 0.7, p95(5, WITHIN, median_ms=0.7), moved(0.49, RegressionVerdict.IMPROVED), component="security"),
        timed("tests/orders/test_orders.py::test_new", 0.7, change(RegressionVerdict.NEW, before=None, after=None, ratio=None, lower=None, upper=None, reason="the baseline does not have this measurement"), component="orders"),
        hostile,
        timed("tests/test_tools.py::test_unlimited", 0.02),
    ]  # fmt: skip


def session_of(measurements: list[Measurement], gate: str = "fail", **facts: Any) -> RunResult:
    missing = [Missing("tests/orders/test_orders.py::test_gone", "", "the test did not run to its end")]
    policy = Policy(GateMode(gate))
    found = worded(find(measurements, policy), alpha=0.01)
    found += find_missing(missing, policy, can_be_mended=True)
    compared = ComparedWith("the baseline", "", [("tests/test_other.py::test_other", "")])
    return RunResult(replace(FACTS, gate=gate, **facts), compared, measurements, found, missing)


def small(gate: str = "fail", **facts: Any) -> RunResult:
    """Return a session with every part of a page."""
    return session_of(small_measurements(), gate, **facts)


def counted(metric: str, unit: str, number: int) -> RegressionResult:
    """Return the comparison of a count that has not changed; a count has no interval, no p-value and no weather."""
    nothing = dict.fromkeys(("lower", "upper", "p_value", "alpha", "weather"))
    numbers: dict[str, Any] = {"unit": unit, "before": number, "after": number, "ratio": 1.0, "runs": 0}
    return change(RegressionVerdict.UNCHANGED, metric=metric, **numbers, **nothing)


def many(number: int) -> RunResult:
    """Return a session of so many tests with all that a report keeps of each test.

    One in a hundred fails, and one in ten looked slower or faster at first, which has a note.
    """
    draw = random.Random(number)
    noise = [1 + draw.expovariate(8) for _ in range(10_000)]
    weather = [tuple(draw.lognormvariate(10.5, 0.05) for _ in range(3)) for _ in range(97)]
    measurements = []
    for at in range(number):
        size = draw.lognormvariate(0, 1.5)
        is_slow = at % 100 == 7
        verdict = RegressionVerdict.REGRESSED if is_slow else RegressionVerdict.UNCHANGED
        ratio = draw.uniform(1.1, 2.5) if is_slow else draw.lognormvariate(0, 0.01)
        limit = p95(1.2 * size if is_slow else 2 * size, EXCEEDED if is_slow else WITHIN, median_ms=size)
        runs = 5 if at % 10 == 7 else 0
        moving = moved(ratio, verdict, before=size * MS, after=size * MS * ratio, runs=runs)
        counts = [counted(metric, unit, at) for metric, unit in (("calls", "calls"), ("peak", "bytes"))]
        spread = {name: value * draw.uniform(0.98, 1.02) for name, value in statistics(size * MS).items()}
        nodeid = f"tests/area_{at % 40}/test_module_{at % 200}.py::TestClass::test_case_{at}[param]"
        component = f"area.{at % 40}"
        times, base = (RoundTimes.of([size * MS * one for one in draw.choices(noise, k=MOST_KEPT)]) for _ in range(2))
        assert times is not None
        assert base is not None
        blocks = [
            BlockTime(
                size * MS * draw.lognormvariate(0, 0.03), weather[(7 * at + place) % 97], weather[(at + place) % 97]
            )
            for place in range(MOST_BLOCKS)
        ]
        sides = SideTimes.of([times], [base])
        more: dict[str, Any] = {"times": times, "side_times": sides, "blocks": KeptBlocks.of(blocks)}
        if is_slow:
            more["call_graphs"] = CallGraphs(graph(60), graph(2))
        measurements.append(timed(nodeid, size, limit, moving, *counts, component=component, statistics=spread, **more))
    return session_of(measurements)
