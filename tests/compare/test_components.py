"""The components that a regression is in: both sides record spans in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from baselines import baseline_file, lines
from comparing import context, recording
from programs import FEW_RUNS
from programs import tracked_shop as shop
from repositories import Repository
from results import change, measurement
from scripting import TWO_WORKERS, Project, times

import pytest_perfbudget
from pytest_perfbudget import tracing
from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.compare.components import ComponentChanges, has_tracked_code
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.compare.unpaired_components import NO_RUN_HAS_SPANS, NO_SPANS, UNRECORDED, lack_of_spans
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.spans.batches import SpanBatch, SpanPart
from pytest_perfbudget.core.spans.reference import SpanMean, SpanReference

TESTS = """
import shop

@pytest.mark.perf_budget
def test_body():
    shop.work()
"""

SERVICE = """
import time
from pytest_perfbudget import track

def work():
    with track("jwt"):
        time.sleep({jwt})
    with track("query"):
        time.sleep(0.002)

@track("service")
async def answer():
    work()
"""

ASYNC_LOAD = """async def main():
        await perf_load(shop.answer, rate=50, duration="600ms")
    asyncio.run(main())"""


JWT = SpanBatch(4, 3.0e6, {"jwt": SpanPart(1.0e6, 1.0, None)})
WHOLE = SpanReference(3, SpanMean(3.0e6, 0.0), {"jwt": SpanMean(1.0e6, 0.0)})
NO_TURN = "no turn has spans of both sides"


def recording_with(spans: Sequence[SpanBatch]) -> Recording:
    return replace(recording(), spans=spans)


def sides(base: Sequence[SpanBatch], head: Sequence[SpanBatch]) -> Sides:
    return Sides(recording_with(head), recording_with(base))


def components(repository: Repository) -> dict[str, Any]:
    found = repository.report["measurements"][0]["changes"][0].get("components")
    return {one["name"]: round(one["difference_ns"]) for one in found["components"]} if found else {}


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_regression_names_the_component_that_it_is_in(repository: Repository, arguments: tuple[str, ...]) -> None:
    repository.commit({"shop.py": shop()}, tests=TESTS)
    repository.file("shop.py", shop(2, more='part("cache", 0.25)'))
    result = repository.against_base(*arguments, tests=TESTS)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines_random(
        [
            r"  Components that moved since HEAD, by the spans of a typical execution:",
            r"    jwt              1 ms -> 2 ms        \+1 ms \[\+9\d\d us, \+1.0\d ms\] +CPU",
            r"    cache            none -> 250 us      \+250 us \[\+2\d\d us, \+2\d\d us\] +new, CPU",
            r"    2 others         2.50 ms -> 2.50 ms  \+0 ns +may be chance",
            r"    whole execution  3.50 ms -> 4.75 ms  \+1.25 ms \[\+1.1\d ms, \+1.3\d ms\]",
        ]
    )
    assert components(repository) == {"jwt": 1_000_000, "cache": 250_000, "query": 0, "": 0}


TIMER = """
import shop

def test_timer(perf):
    for _ in range(60):
        with perf.timer("loop"):
            shop.work()
"""

BENCHMARK = """
import shop

@pytest.mark.perf_budget
def test_benchmark(benchmark):
    benchmark(shop.work)
"""

PEDANTIC = """
import shop

@pytest.mark.perf_budget
def test_pedantic(benchmark):
    benchmark.pedantic(shop.work, rounds=5)
"""


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    ("tests", "whole"),
    [(TIMER, "block"), (BENCHMARK, "execution"), (PEDANTIC, "execution")],
    ids=["timer", "benchmark", "pedantic"],
)
def test_a_regression_of_a_timer_and_of_a_benchmark_names_its_component(
    repository: Repository, tests: str, whole: str
) -> None:
    repository.commit({"shop.py": shop()}, tests=tests)
    repository.file("shop.py", shop(2))
    result = repository.against_base("-p", "pytest_benchmark.plugin")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            rf"  Components that moved since HEAD, by the spans of a typical {whole}:",
            r"    jwt +1 ms -> 2 ms +\+1 ms \[.*\] +CPU",
            r"    2 others +2.50 ms -> 2.50 ms +\+0 ns +may be chance",
        ]
    )
    assert components(repository) == {"jwt": 1_000_000, "query": 0, "": 0}


@pytest.mark.parametrize("tests", [TIMER, BENCHMARK], ids=["timer", "benchmark"])
def test_an_unchanged_timer_and_benchmark_show_no_component_moved(repository: Repository, tests: str) -> None:
    repository.commit({"shop.py": shop()}, tests=tests)
    repository.file("shop.py", shop(more="pass"))
    result = repository.against_base("--perf-spans", "-p", "pytest_benchmark.plugin")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"  No component moved since HEAD, by the spans of a typical .*:"])
    assert components(repository) == {"jwt": 0, "query": 0, "": 0}


@pytest.mark.usefixtures("brief")
def test_each_timer_of_a_test_has_components_of_its_own(repository: Repository) -> None:
    """Timers share their turns. An outer block has the spans of the inner block; a block that raises does not count."""
    tests = """
import shop

def test_timers(perf):
    for number in range(60):
        with perf.timer("outer"):
            shop.part("load", 1)
            with perf.timer("inner"):
                shop.work()
        try:
            with perf.timer("inner"):
                raise ValueError
        except ValueError:
            pass
"""
    repository.commit({"shop.py": shop()}, tests=tests)
    repository.file("shop.py", shop(2))
    repository.against_base().assert_outcomes(failed=1)
    found = {
        one["name"]: {
            part["name"]: round(part["difference_ns"]) for part in one["changes"][0]["components"]["components"]
        }
        for one in repository.report["measurements"]
    }
    inner = {"jwt": 1_000_000, "query": 0, "": 0}
    assert found == {"inner": inner, "outer": {**inner, "load": 0}}


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    "load",
    [
        pytest.param("perf_load(shop.work, rate=50, duration='600ms')", id="a fixed rate"),
        pytest.param("perf_load(shop.work, users=2, requests=10)", id="users", marks=pytest.mark.slow),
        pytest.param(ASYNC_LOAD, id="a fixed rate of coroutines", marks=pytest.mark.slow),
    ],
)
def test_a_regression_of_a_load_names_its_component(repository: Repository, load: str) -> None:
    """Each window of the load in a turn is a batch of requests; the times are real."""
    tests = f"import asyncio, shop\n\ndef test_load(perf_load):\n    {load}\n"
    repository.commit({"conftest.py": "", "shop.py": SERVICE.format(jwt=0.002)}, tests=tests)
    repository.file("shop.py", SERVICE.format(jwt=0.009))
    result = repository.against_base()
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"  Components that moved since HEAD, by the spans of (the mean of all requests|a typical request):",
            r"    jwt .*\[\+.*, \+.*\] +I/O or sleep",
            r"    \d others .*may be chance",
            r"    whole request .*\[\+.*, \+.*\]",
        ]
    )
    found = repository.report["measurements"][0]["changes"][0]["components"]
    parts = sum(one["difference_ns"] for one in found["components"])
    assert parts == pytest.approx(found["total"]["difference_ns"])


def test_processes_whose_times_are_judged_record_no_spans(repository: Repository) -> None:
    """Recording would be a part of the times of both sides, and make the difference smaller."""
    tests = """
import os
from pytest_perfbudget.tracing import is_tracking
LIMIT = {"part": {"max_count": 3}}

def work():
    assert not (is_tracking() and "PERFBUDGET_FRESH" in os.environ)
    advance(1)

def test_timer(perf):
    with perf.timer("part", spans=LIMIT):
        work()

def test_load(perf_load):
    perf_load(work, users=1, requests=5, spans=LIMIT)

@pytest.mark.perf_budget(spans=LIMIT)
def test_benchmark(benchmark):
    benchmark(work)
"""
    repository.commit(tests=tests)
    repository.file("code.py", "")
    result = repository.against_base("-p", "pytest_benchmark.plugin")
    result.assert_outcomes(passed=3)
    changes = [one["changes"][0]["verdict"] for one in repository.report["measurements"]]
    assert "unmeasured" not in changes


def test_a_component_that_waits_longer_says_so(repository: Repository) -> None:
    """On the system's clock, as only there the CPU time of a thread means something."""

    def waiting(ms: float) -> str:
        return f"""
import time
from pytest_perfbudget import track

def work():
    with track("wait"):
        time.sleep({ms} / 1000)
    with track("sum"):
        sum(range(1000))
"""

    repository.commit({"conftest.py": "", "shop.py": waiting(1)}, tests=TESTS)
    repository.file("shop.py", waiting(9))
    result = repository.against_base("--perf-max-time", "300ms", tests=TESTS)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"  Components that moved since HEAD, .*",
            r"    wait   .*\[\+.*, \+.*\] +I/O or sleep",
            r"    the test's thread, in the mean of all executions: \+.* of waiting for I/O, a timer, an idle lock .*",
        ]
    )


def test_unchanged_code_shows_no_component_moved(repository: Repository) -> None:
    repository.commit({"shop.py": shop()}, tests=TESTS)
    repository.file("shop.py", shop(more="pass"))
    result = repository.against_base("--perf-spans", tests=TESTS)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "  No component moved since HEAD, by the spans of a typical execution:",
            "    jwt                1 ms -> 1 ms        +0 ns [[]-* us, +* us]  *may be chance",
        ]
    )
    assert components(repository) == {"jwt": 0, "query": 0, "": 0}
    assert times(repository) == {"test_body": "unchanged"}


def test_no_processes_record_spans_that_nobody_asks_for(repository: Repository) -> None:
    repository.commit({"shop.py": shop()}, tests=TESTS)
    repository.file("shop.py", shop(more="pass"))
    repository.against_base(tests=TESTS).assert_outcomes(passed=1)
    assert components(repository) == {}


SPANS = "spans={'jwt': {'max_count': 9}}"


class TestNotRepeated:
    """A load and a timer run once, so one process after the other records spans only where the session does."""

    TIMER = TIMER.replace('"loop"', f'"loop", {SPANS}')
    LOAD = f"import shop\n\ndef test_load(perf_load):\n    perf_load(shop.work, users=1, requests=20, {SPANS})\n"

    @pytest.mark.parametrize("tests", [TIMER, BENCHMARK], ids=["timer", "benchmark"])
    def test_a_regression_since_the_baseline_names_its_component(self, lean: Project, tests: str) -> None:
        arguments = ("-p", "pytest_benchmark.plugin")
        lean.file("shop.py", shop())
        lean.run(tests, *arguments, "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=1)
        lean.file("shop.py", shop(2))
        result = lean.run(tests, *arguments)
        result.assert_outcomes(failed=1)
        result.stdout.re_match_lines(
            [
                r"  Components that moved since the baseline, by the spans of a typical (block|execution):",
                r"    jwt +1 ms -> 2 ms +\+1 ms \[.*\] +CPU",
            ]
        )

    @pytest.mark.slow
    def test_a_load_that_is_slower_than_in_the_baseline_names_its_component(self, lean: Project) -> None:
        """The times are real."""
        lean.file("conftest.py", "")
        lean.file("shop.py", SERVICE.format(jwt=0.002))
        lean.run(self.LOAD, "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=1)
        lean.file("shop.py", SERVICE.format(jwt=0.012))
        result = lean.run(self.LOAD)
        result.assert_outcomes(failed=1)
        result.stdout.re_match_lines(
            [
                r"  Components that moved since the baseline, by the spans of a typical request:",
                r"    jwt .*\[\+.*, \+.*\] +(I/O or sleep|waiting)",  # a busy machine may have interrupted the looks
            ]
        )

    def test_without_recorded_spans_the_failure_says_how_to_record_them(self, lean: Project) -> None:
        lean.file("shop.py", shop())
        lean.run(TIMER, "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=1)
        lean.file("shop.py", shop(2))
        result = lean.run(TIMER)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"note: test_it.py::test_timer loop: {UNRECORDED.format('a timer')}"])
        assert "Components that moved" not in result.stdout.str()


class TestBaseline:
    @pytest.fixture
    def based(self, lean: Project) -> Project:
        lean.file("shop.py", shop())
        lean.run(TESTS, "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=1)
        return lean

    def test_a_regression_names_the_component_that_it_is_in(self, based: Project) -> None:
        names = lines(based)["test_body"]["spans"]["names"]
        assert names == {"query": [2e6, 0, 1, 2e6], "jwt": [1e6, 0, 1, 1e6], "": [500_000, 0, 1, None]}
        based.file("shop.py", shop(2))
        result = based.run(TESTS)
        result.assert_outcomes(failed=1)
        result.stdout.re_match_lines_random(
            [
                r"  Components that moved since the baseline, by the spans of a typical execution:",
                r"    jwt              1 ms -> 2 ms        \+1 ms \[.*\] +CPU",
                r"    2 others         2.50 ms -> 2.50 ms  \+0 ns +may be chance",
            ]
        )

    def test_unchanged_code_shows_no_component_moved(self, based: Project) -> None:
        result = based.run(TESTS, "--perf-spans")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["  No component moved since the baseline, by the spans of a typical execution:"])

    def test_an_older_baseline_is_read_and_the_failure_says_what_it_lacks(self, based: Project) -> None:
        document = json.loads(baseline_file(based).read_text("utf-8"))
        for line in document["measurements"]:
            del line["spans"]
        baseline_file(based).write_text(json.dumps(document), "utf-8")
        based.file("shop.py", shop(2))
        result = based.run(TESTS)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"note: test_it.py::test_body: {NO_SPANS}"])
        assert "Components that moved" not in result.stdout.str()


@pytest.mark.usefixtures("brief")
def test_a_duet_with_the_commit_of_the_baseline_names_the_component(repository: Repository) -> None:
    duet = f'{FEW_RUNS}confirm = "duet"\n'
    repository.commit({"shop.py": shop(), "pyproject.toml": duet}, tests=TESTS)
    repository.run(TESTS, "--perf-update-baseline").assert_outcomes(passed=1)
    repository.file("shop.py", shop(2))
    result = repository.run(TESTS)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"  Components that moved since .*:", r"    jwt +1 ms -> 2 ms +\+1 ms \[.*\] +CPU"])
    assert components(repository) == {"jwt": 1_000_000, "query": 0, "": 0}


def explained(found: Attempt[Pair]) -> Measurement:
    """Return a regression with what a pair that recorded spans has found."""
    session = context(looks_at_spans=lambda: True)
    regressed = measurement(change(), nodeid="a.py::t")
    (one,) = ComponentChanges(session).explain("a.py::t", [regressed], lambda: found)
    return one


class TestNotCompared:
    """A regression of code with spans has the components, or the reason why not."""

    def test_the_components_of_a_turn_with_spans_of_both_sides(self) -> None:
        found = explained(Attempt(sides={"": sides(base=[JWT], head=[JWT])}))
        assert found.changes[0].components is not None
        assert found.warnings == []

    @pytest.mark.parametrize(
        ("found", "why"),
        [
            (Attempt[Pair](problem="the process died"), "the process died"),
            (Attempt[Pair](), "the pair that recorded spans did not take this measurement"),
            (Attempt[Pair](sides={"": sides(base=[JWT], head=[replace(JWT, turn=1)])}), NO_TURN),
            (Attempt[Pair](sides={"": sides(base=[JWT], head=[replace(JWT, executions=0)])}), NO_TURN),
        ],
        ids=["a problem", "no measurement", "other turns", "no executions"],
    )
    def test_the_reason(self, found: Attempt[Pair], why: str) -> None:
        assert explained(found).warnings == [f"its components could not be compared: {why}"]

    def test_code_without_spans_needs_no_reason(self) -> None:
        without = replace(JWT, parts={})
        assert explained(Attempt(sides={"": sides(base=[without], head=[without])})).warnings == []

    @pytest.mark.parametrize(
        ("baseline", "run", "note"),
        [(WHOLE, [], NO_RUN_HAS_SPANS), (None, [JWT], NO_SPANS), (None, [], ""), (WHOLE, [JWT], "")],
        ids=["only the baseline has spans", "only the run has spans", "no spans", "both"],
    )
    def test_the_reason_beside_a_baseline(
        self, baseline: SpanReference | None, run: list[SpanBatch], note: str
    ) -> None:
        known = KnownData(Line(Key("a.py::t", "", "m"), spans=baseline), None, None, is_known_elsewhere=True)
        assert lack_of_spans(known, [change()], [recording_with(run)]) == note
        assert lack_of_spans(known, [change(RegressionVerdict.UNCHANGED)], [recording_with(run)]) == ""


class TestTrackedCode:
    @pytest.fixture
    def module(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
        made = ModuleType("shop_of_a_test")
        made.__file__ = str(tmp_path / "shop_of_a_test.py")
        monkeypatch.setitem(sys.modules, made.__name__, made)
        return made

    @pytest.mark.parametrize(
        "used",
        [pytest_perfbudget, pytest_perfbudget.track, pytest_perfbudget.track("part"), tracing, ModuleType("opentelemetry")],
        ids=["the package", "track", "a block", "a module", "OpenTelemetry"],
    )  # fmt: skip
    def test_a_module_of_the_project_that_uses_spans_has_tracked_code(
        self, module: ModuleType, tmp_path: Path, used: object
    ) -> None:
        assert not has_tracked_code(tmp_path)
        vars(module)["used"] = used
        assert has_tracked_code(tmp_path)
        assert not has_tracked_code(tmp_path / "elsewhere")
