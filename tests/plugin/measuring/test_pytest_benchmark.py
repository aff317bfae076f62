"""pytest-benchmark's fixture, unchanged, is judged from its raw data."""

from __future__ import annotations

import pytest
from scripting import BENCHMARK, TWO_WORKERS, Project

TIMER = """
import scripted
from pytest_perfbudget.plugin.measuring.pytest_benchmark import WALL_CLOCKS
def seconds():
    return scripted.now_ns / 1e9
WALL_CLOCKS.add(seconds)
"""


def test_a_benchmark_is_judged_by_marker_or_table_and_left_alone_otherwise(project: Project) -> None:
    result = project.run(
        TIMER
        + """
@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=50)
def test_marked(benchmark):
    assert benchmark.pedantic(lambda: advance(ms=10) or 5, rounds=70) == 5

@pytest.mark.benchmark(timer=seconds)
def test_listed(benchmark):
    benchmark.pedantic(advance, args=(60,), rounds=70)

@pytest.mark.benchmark(timer=seconds)
def test_other(benchmark):
    benchmark.pedantic(advance, args=(60,), rounds=70)
""",
        pyproject='[tool.perfbudget.budgets]\n"test_it.py::test_listed" = { p95_ms = 50 }\n',
    )
    result.assert_outcomes(passed=2, failed=1)
    assert project.verdicts() == {"test_marked p95": "within", "test_listed p95": "exceeded"}
    kinds = {one["kind"] for one in project.report["measurements"]}
    assert kinds == {"pedantic"}
    result.stdout.fnmatch_lines(["*benchmark: 3 tests*"])


@pytest.mark.parametrize(("limit_ms", "is_shown"), [(50, True), (70, False)])
def test_an_exceeded_budget_says_where_the_time_goes(project: Project, limit_ms: int, *, is_shown: bool) -> None:
    result = project.run(
        TIMER
        + f"""
@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms={limit_ms})
def test_it(benchmark):
    benchmark.pedantic(advance, args=(60,), rounds=70)
"""
    )
    assert ("Where the time goes, in one profiled call" in result.stdout.str()) is is_shown
    assert ("1 call of scripted:advance" in result.stdout.str()) is is_shown


def test_too_few_rounds_are_undecided_and_the_number_needed_is_said(project: Project) -> None:
    result = project.run(
        TIMER
        + """
@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=50)
def test_it(benchmark):
    benchmark.pedantic(advance, args=(10,), rounds=5)
"""
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["undecided: *test_it: p95 needs 59 rounds, had 5: raise the rounds of benchmark.pedantic()"]
    )


def test_percentiles_of_means_are_refused_and_a_mean_is_judged(project: Project) -> None:
    result = project.run(
        TIMER
        + """
@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=50, mean_ms=50)
def test_it(benchmark):
    benchmark.pedantic(advance, args=(10,), rounds=100, iterations=3)
"""
    )
    result.assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it p95": "unmeasured", "test_it mean": "within"}
    result.stdout.fnmatch_lines(["*each sample is the mean of 3 calls, which has no p95 of calls: budget mean_ms*"])


def test_limits_on_resources_that_pytest_benchmark_does_not_record_are_a_mistake(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(cpu_p95_ms=50, p95_ms=50)
def test_it(benchmark):
    benchmark.pedantic(advance, args=(10,), rounds=5)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["perf_budget marker in *: cpu_p95_ms is never judged here: pytest-benchmark records *"]
    )


@pytest.mark.parametrize("strict", [False, True])
def test_a_benchmark_that_did_not_measure_is_unmeasured(project: Project, strict: bool) -> None:
    arguments = ["--benchmark-disable", *(["--perf-strict"] if strict else [])]
    result = project.run(
        """
@pytest.mark.perf_budget(p95_ms=50)
def test_it(benchmark):
    benchmark(advance, 10)
""",
        *arguments,
    )
    result.assert_outcomes(failed=1) if strict else result.assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it p95": "unmeasured"}
    result.stdout.fnmatch_lines(["*pytest-benchmark did not measure (--benchmark-disable)*"])


def test_a_benchmark_fixture_that_is_never_called_is_unmeasured(project: Project) -> None:
    result = project.run(
        """
@pytest.mark.perf_budget(p95_ms=50)
def test_it(benchmark): pass
""",
        "-Wignore",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unmeasured:*the test asks for the benchmark fixture but never called it"])


def test_another_plugins_fixture_of_the_name_is_not_trusted(project: Project) -> None:
    project.arguments = ("-p", "no:benchmark")
    result = project.run("""
@pytest.fixture
def benchmark():
    return lambda function, *args: function(*args)

@pytest.mark.perf_budget(p95_ms=50)
def test_it(benchmark):
    benchmark(advance, 10)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unmeasured:*its benchmark fixture is not pytest-benchmark's*"])


def test_a_benchmark_of_a_perf_test_is_measured_under_xdist(lean: Project) -> None:
    """A perf test runs alone; elsewhere pytest-benchmark disables itself under xdist."""
    result = lean.run(
        TIMER
        + """
@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=50)
def test_quick(benchmark):
    benchmark.pedantic(advance, args=(10,), rounds=70)

@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=50)
def test_slow(benchmark):
    benchmark.pedantic(advance, args=(60,), rounds=70)

def test_other(benchmark):
    assert benchmark.disabled
    benchmark(advance, 1)
""",
        *BENCHMARK,
        *TWO_WORKERS,
        "--benchmark-json=b.json",
    )
    result.assert_outcomes(passed=2, failed=1)
    assert lean.verdicts() == {"test_quick p95": "within", "test_slow p95": "exceeded"}
    # A worker writes no file, neither ours nor pytest-benchmark's.
    assert not (lean.pytester.path / "b.json").exists()


def test_an_explicit_disable_stays_in_force_with_xdist(lean: Project) -> None:
    lean.run(
        """
@pytest.mark.perf_budget(p95_ms=50)
def test_it(benchmark): benchmark(advance, 10)
""",
        *BENCHMARK,
        *TWO_WORKERS,
        "--benchmark-disable",
    ).assert_outcomes(passed=1)
    assert lean.verdicts() == {"test_it p95": "unmeasured"}


def test_rounds_of_another_clock_are_not_judged_as_wall_clock_time(project: Project) -> None:
    result = project.run("""
import time

@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.perf_budget(p95_ms=5)
def test_cpu(benchmark): benchmark.pedantic(advance, args=(20,), rounds=60)
""")
    assert project.verdicts() == {"test_cpu p95": "unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *its rounds are timed by process_time, which is no wall clock: *"])


def test_a_limit_on_a_function_whose_result_has_done_nothing_yet_fails(project: Project) -> None:
    result = project.run(
        TIMER
        + """
def rows():
    yield advance(20)

@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=5)
def test_rows(benchmark): benchmark.pedantic(rows, rounds=70)

@pytest.mark.benchmark(timer=seconds)
@pytest.mark.perf_budget(p95_ms=5)
def test_all(benchmark): benchmark.pedantic(lambda: list(rows()), rounds=70)
"""
    )
    result.assert_outcomes(failed=2)
    assert project.verdicts() == {"test_rows p95": "unmeasured", "test_all p95": "exceeded"}
    result.stdout.fnmatch_lines(["unmeasured: *returned before its work was done; its result is a generator*"])


@pytest.mark.parametrize("way", ["--benchmark-disable", "--benchmark-skip"])
def test_benchmarks_that_addopts_switches_off_are_measured_if_perf_tests_are_asked_for(
    project: Project, way: str
) -> None:
    tests = TIMER + (
        "@pytest.mark.benchmark(timer=seconds)\n@pytest.mark.perf_budget(p95_ms=50)\n"
        "def test_it(benchmark): benchmark.pedantic(advance, args=(1,), rounds=60)\n"
    )
    settings = "asyncio_default_fixture_loop_scope = function\npythonpath = ."
    project.file("pytest.ini", f"[pytest]\n{settings}\naddopts = {way}\n")
    project.run(tests, "--perf-only").assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it p95": "within"}
    project.run(tests)
    assert project.verdicts().get("test_it p95") != "within"
    project.run(tests, "--perf-only", way)  # the command line's own switch stays in force
    assert project.verdicts().get("test_it p95") != "within"


def test_the_warning_that_benchmarks_are_disabled_under_xdist_gets_an_answer(project: Project) -> None:
    """pytest-benchmark cannot know that the perf tests run alone."""
    tests = "@pytest.mark.perf_budget(p95_ms=50)\ndef test_it(benchmark): benchmark.pedantic(advance, args=(10,), rounds=60)\n"
    note = "note: pytest-benchmark measured 1 perf test under xdist: no other test ran beside it"
    result = project.run(tests, "-n", "2")
    result.assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it p95": "within"}
    result.stdout.fnmatch_lines([note])
    assert note not in project.run(tests).stdout.str()
