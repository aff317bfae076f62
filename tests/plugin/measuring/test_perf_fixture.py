"""The perf fixture: calls and ratios, several of them in a test."""

from __future__ import annotations

from scripting import Project


def test_a_call_returns_the_functions_result_and_is_judged(each_way: Project) -> None:
    each_way.run("""
def work(ms):
    advance(ms)
    return ms * 2

def test_quick(perf):
    assert perf(work, 10, p95_ms=50) == 20

def test_slow(perf):
    assert perf(work, 60, p95_ms=50) == 120
""").assert_outcomes(passed=1, failed=1)
    assert each_way.verdicts() == {"test_quick work p95": "within", "test_slow work p95": "exceeded"}


def test_several_measurements_of_a_test_are_judged_together(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=50)
@pytest.mark.perf_budget("parse", p95_ms=5)
@pytest.mark.perf_budget("render", p95_ms=20)
def test_it(perf):
    perf(advance, 10, name="parse")
    perf(advance, 10)
    perf(advance, 10)
    perf(advance, 10, name="own", p95_ms=8)
    for _ in range(60):
        with perf.timer("render"):
            advance(ms=30)
""")
    result.assert_outcomes(failed=1)
    assert project.verdicts() == {
        "test_it parse p95": "exceeded",
        "test_it advance p95": "within",
        "test_it advance#2 p95": "within",
        "test_it own p95": "exceeded",
        "test_it render p95": "exceeded",
    }
    result.stdout.fnmatch_lines(
        [
            "parse: p95 10 ms exceeds its budget of 5 ms (2x)",
            "own: p95 10 ms exceeds its budget of 8 ms (125%)",
            "  limit p95_ms=8 from perf() in test_it.py:11",
            "render: p95 30 ms exceeds its budget of 20 ms (150%)",
        ]
    )


def test_budgets_of_named_measurements_may_stand_in_pyproject(project: Project) -> None:
    project.run(
        """
def test_it(perf):
    perf(advance, 10)
""",
        pyproject='[tool.perfbudget.budgets]\n"test_it.py::*" = { p95_ms = 5 }\n',
    ).assert_outcomes(failed=1)
    (one,) = project.report["measurements"]
    assert one["budgets"][0]["source"] == 'pyproject.toml [tool.perfbudget.budgets] "test_it.py::*"'


def test_the_setup_of_a_call_runs_before_each_round_untimed(project: Project) -> None:
    project.run("""
def test_it(perf):
    made = []
    def make():
        made.append(1)
        advance(ms=1)
        return (len(made),), {}
    got = []
    perf(got.append, setup=make, p95_ms=0.5)
    assert got == list(range(1, len(made) + 1)) and len(made) > 59
""").assert_outcomes(passed=1)


def test_a_ratio_needs_no_number_of_the_machine(each_way: Project) -> None:
    each_way.run("""
def quick(): advance(ms=1)
def slow(): advance(ms=4)

def test_within(perf):
    assert perf.ratio(quick, slow, max_ratio=0.5) == pytest.approx(0.25)

def test_exceeded(perf):
    perf.ratio(slow, quick, max_ratio=2, name="new")
""").assert_outcomes(passed=1, failed=1)
    assert each_way.verdicts() == {"test_within quick ratio": "within", "test_exceeded new ratio": "exceeded"}


def test_perf_that_is_requested_at_run_time_is_judged(project: Project) -> None:
    project.run("""
def test_it(request):
    perf = request.getfixturevalue("perf")
    perf(advance, 60, p95_ms=50)
""").assert_outcomes(failed=1)
    assert project.verdicts() == {"test_it advance p95": "exceeded"}


def test_a_call_is_judged_under_a_profiler_of_the_whole_test(project: Project) -> None:
    project.run("""
import cProfile

@pytest.fixture(autouse=True)
def profiled():
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()

def test_it(perf): perf(advance, 1, p95_ms=50)
""").assert_outcomes(passed=1)
