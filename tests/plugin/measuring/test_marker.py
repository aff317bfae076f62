"""The marker repeats a test's body and judges it."""

from __future__ import annotations

import pytest
from scripting import Project


def test_a_body_within_its_budget_passes_and_one_beyond_it_fails(each_way: Project) -> None:
    result = each_way.run("""
@pytest.mark.perf_budget(p95_ms=50)
def test_quick():
    advance(ms=10)

@pytest.mark.perf_budget(p95_ms=50)
def test_slow():
    advance(ms=60)
""")
    result.assert_outcomes(passed=1, failed=1)
    assert each_way.verdicts() == {"test_quick p95": "within", "test_slow p95": "exceeded"}
    result.stdout.fnmatch_lines(
        [
            "p95 60 ms exceeds its budget of 50 ms (120%)",
            "  p95 lies above 60 ms (99 % sure); * rounds in *s",
            "  limit p95_ms=50 from perf_budget marker in test_it.py:8",
            "FAILED test_it.py::test_slow - Failed: p95 60 ms exceeds its budget*",
        ]
    )


@pytest.mark.parametrize(
    "tests",
    [
        """
class TestApi:
    @pytest.mark.perf_budget(p95_ms=50)
    def test_it(self): advance(ms={ms})
""",
        """
@pytest.mark.perf_budget(p95_ms=50)
class TestApi:
    def test_it(self): advance(ms={ms})
""",
        """
pytestmark = pytest.mark.perf_budget(p95_ms=50)
def test_it(): advance(ms={ms})
""",
        """
@pytest.mark.perf_budget(p95_ms=50)
@pytest.mark.parametrize("ms", [{ms}])
def test_it(ms): advance(ms)
""",
        """
@pytest.mark.parametrize("ms", [pytest.param({ms}, marks=pytest.mark.perf_budget(p95_ms=50))])
def test_it(ms): advance(ms)
""",
        """
import unittest
class TestApi(unittest.TestCase):
    @pytest.mark.perf_budget(p95_ms=50)
    def test_it(self): advance(ms={ms})
""",
    ],
    ids=["method", "class", "module", "parametrized", "param", "unittest"],
)
def test_the_marker_holds_wherever_it_stands(project: Project, tests: str) -> None:
    project.run(tests.format(ms=10)).assert_outcomes(passed=1)
    assert list(project.verdicts().values()) == ["within"]
    project.run(tests.format(ms=60)).assert_outcomes(failed=1)
    assert list(project.verdicts().values()) == ["exceeded"]


def test_the_marker_nearest_to_the_test_wins_metric_by_metric(project: Project) -> None:
    result = project.run("""
pytestmark = pytest.mark.perf_budget(p95_ms=5, median_ms=100)

@pytest.mark.perf_budget(max_ms=100)
class TestApi:
    @pytest.mark.perf_budget(p95_us=50_000)
    def test_it(self): advance(ms=10)
""")
    result.assert_outcomes(passed=1)
    (one,) = project.report["measurements"]
    sources = {budget["metric"]: (budget["keyword"], budget["source"]) for budget in one["budgets"]}
    assert sources == {
        "p95": ("p95_us", "perf_budget marker in test_it.py:8"),
        "max": ("max_ms", "perf_budget marker in test_it.py:6"),
        "median": ("median_ms", "perf_budget marker in test_it.py:4"),
    }


def test_fixtures_are_set_up_once_and_the_body_is_repeated(project: Project) -> None:
    result = project.run("""
calls = []

@pytest.fixture
def server():
    calls.append("setup")
    yield "server"
    calls.append("teardown")

@pytest.mark.perf_budget(p95_ms=50)
def test_it(server):
    calls.append(server)

def test_after():
    assert calls[0] == "setup"
    assert calls[-1] == "teardown"
    assert calls.count("setup") == calls.count("teardown") == 1
    assert calls.count("server") > 59
""")
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("repetition", [1, 2, 40])
def test_an_assertion_that_fails_in_any_repetition_fails_the_test(project: Project, repetition: int) -> None:
    """Nothing is recorded then."""
    result = project.run(f"""
calls = []

@pytest.mark.perf_budget(p95_ms=50)
def test_it():
    calls.append(1)
    advance(ms=1)
    assert len(calls) < {repetition}
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*assert {repetition} < {repetition}"])
    # The test's own lines and none of ours.
    assert "pytest_perfbudget" not in result.stdout.str().partition("short test summary")[0]
    assert project.report["measurements"] == []


def test_a_bare_marker_measures_without_a_verdict(project: Project) -> None:
    project.run("""
@pytest.mark.perf_budget
def test_it(): advance(ms=3)
""").assert_outcomes(passed=1)
    (one,) = project.report["measurements"]
    assert one["budgets"] == []
    assert one["statistics"]["median"] == 3e6


def test_tests_without_marker_run_once_and_are_not_reported(project: Project) -> None:
    result = project.run("""
calls = []

def test_plain(): calls.append(1)

@pytest.mark.perf_budget(p95_ms=50)
def test_it(): assert calls == [1]
""")
    result.assert_outcomes(passed=2)
    assert [one["nodeid"] for one in project.report["measurements"]] == ["test_it.py::test_it"]


def test_calls_and_memory_are_counted_in_passes_of_their_own(project: Project) -> None:
    result = project.run("""
def work():
    return len(bytearray(2_000_000))

@pytest.mark.perf_budget(peak_mb=3, max_calls=3)
def test_modest(): work()

@pytest.mark.perf_budget(peak_mb=1, max_calls=2, p95_ms=50)
def test_greedy(): work()
""")
    result.assert_outcomes(passed=1, failed=1)
    assert project.verdicts() == {
        "test_modest peak": "within",
        "test_modest calls": "within",
        "test_greedy peak": "exceeded",
        "test_greedy calls": "exceeded",
        "test_greedy p95": "within",
    }
    result.stdout.fnmatch_lines(
        [
            "peak 2.00 MB exceeds its budget of 1 MB (2.00x)",
            "calls 3 exceeds its budget of 2 (150%)",
        ]
    )


def test_cpu_time_has_budgets_of_its_own(project: Project) -> None:
    project.run("""
@pytest.mark.perf_budget(cpu_p95_ms=5, p95_ms=50)
def test_waits(): advance(ms=10, cpu_ms=1)

@pytest.mark.perf_budget(cpu_p95_ms=5)
def test_burns(): advance(ms=10, cpu_ms=8)
""").assert_outcomes(passed=1, failed=1)
    assert project.verdicts() == {
        "test_waits cpu_p95": "within",
        "test_waits p95": "within",
        "test_burns cpu_p95": "exceeded",
    }


def test_a_marker_that_a_fixture_adds_holds_in_a_session_that_knows_of_no_other(project: Project) -> None:
    """Nothing else would have begun anything."""
    tests = """
@pytest.fixture(autouse=True)
def marked(request):
    request.node.add_marker(pytest.mark.perf_budget(p50_us=1))

def test_slow():
    sum(range(10_000))
"""
    project.run(tests, output=False).assert_outcomes(failed=1)
