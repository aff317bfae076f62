"""The perf fixture: calls, timers, ratios, several of them in a test."""

from __future__ import annotations

import pytest
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


def test_set_up_runs_before_each_round_untimed(project: Project) -> None:
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


def test_a_timer_takes_a_round_per_block(project: Project) -> None:
    result = project.run("""
def test_loop(perf):
    for _ in range(59):
        with perf.timer("render", p95_ms=50, cpu_p95_ms=5):
            advance(ms=10, cpu_ms=1)

def test_once(perf):
    with perf.timer("render", p95_ms=50):
        advance(ms=10)

def test_slow(perf):
    for _ in range(2):
        with perf.timer("render", p95_ms=50):
            advance(ms=60)
""")
    result.assert_outcomes(passed=2, failed=1)
    assert project.verdicts() == {
        "test_loop render p95": "within",
        "test_loop render cpu_p95": "within",
        "test_once render p95": "undecided",
        "test_slow render p95": "exceeded",
    }
    result.stdout.fnmatch_lines(
        ["undecided: test_it.py::test_once render p95: p95 needs 59 rounds, had 1: loop the timer"]
    )


def test_a_block_that_raises_is_no_round_and_collection_comes_back(project: Project) -> None:
    project.run("""
import gc
def test_it(perf):
    for number in range(70):
        try:
            with perf.timer("render", p95_ms=50):
                assert not gc.isenabled()
                advance(ms=500 if number % 2 else 1)
                if number % 2:
                    raise KeyError
        except KeyError:
            assert gc.isenabled()
    assert gc.isenabled()
""").assert_outcomes(passed=1)
    (one,) = project.report["measurements"]
    assert (one["rounds"], one["statistics"]["max"]) == (35, 1e6)


def test_what_a_timer_cannot_measure_is_said(project: Project) -> None:
    project.run("""
@pytest.mark.perf_budget(peak_mb=5, p95_ms=50)
def test_it(perf):
    for _ in range(59):
        with perf.timer("render"): pass
""").assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it render peak": "unmeasured", "test_it render p95": "within"}


def test_a_general_limit_that_a_timer_cannot_hold_is_left_out_with_a_note(project: Project) -> None:
    result = project.run(
        """
def test_it(perf):
    for _ in range(59):
        with perf.timer("render", p95_ms=50): pass

@pytest.mark.perf_budget(p95_ms=50)
def test_benchmark(benchmark): benchmark.pedantic(advance, args=(1,), rounds=59)
""",
        "--perf-strict",
        pyproject="[tool.perfbudget]\npeak_mb = 500\n",
    )
    result.assert_outcomes(passed=2)
    assert project.verdicts() == {"test_it render p95": "within", "test_benchmark p95": "within"}
    result.stdout.fnmatch_lines(
        [
            "note: *::test_it render: peak_mb of pyproject.toml [[]tool.perfbudget] is left out: a timer's block*",
            "note: *::test_benchmark: peak_mb of * is left out: pytest-benchmark records wall-clock time only*",
        ]
    )


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


def test_measured_but_never_called_is_unmeasured(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=5)
def test_forgot(perf): pass

@pytest.mark.perf_budget("parse", p95_ms=5)
def test_other_name(perf):
    perf(advance, 1, name="parze", p95_ms=5)
""")
    result.assert_outcomes(passed=2)
    assert project.verdicts() == {
        "test_forgot p95": "unmeasured",
        "test_other_name parze p95": "within",
        "test_other_name parse p95": "unmeasured",
    }
    result.stdout.fnmatch_lines(
        [
            "unmeasured: test_it.py::test_forgot p95: the test asks for the perf fixture but never called it",
            "unmeasured: *::test_other_name parse p95: the test has no measurement of the name 'parse'; it has 'parze'",
        ]
    )
    project.arguments = ("--perf-strict",)
    project.run("""
@pytest.mark.perf_budget(p95_ms=5)
def test_forgot(perf): pass
""").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("perf(co)", "perf(): co is a coroutine function: write `await perf.aio(co, ...)` in an async test"),
        ("perf(lambda: co())", "perf: the function returned something to await, *"),
        ("perf(gen)", "perf(): gen is a generator function, its body would not run: consume it, *"),
        ("perf(advance(1))", "perf(): expected a function, found None: write perf(fn, *args), not perf(fn(*args))"),
        (
            "perf(advance, ms=1)",
            "perf() in test_it.py:7: unknown keyword 'ms'*; keywords of the function itself go into functools*",
        ),
        (
            "perf(advance, 1, p59_ms=1)",
            "perf() in test_it.py:7: 'p59_ms' has no such statistic 'p59': use one of min, mean, median, p75*",
        ),
        ("perf(advance, 1, p95_ms=True)", "perf() in test_it.py:7: p95_ms must be a number, found True*"),
        (
            "perf(advance, 1, name='a'); perf(advance, 1, name='a')",
            "perf() in test_it.py:7: two measurements of this test are called 'a'*",
        ),
        (
            "perf.ratio(advance, advance, max_ratio=-1)",
            "perf.ratio() in test_it.py:7: max_ratio must be a number above zero*",
        ),
        ("perf.ratio(co, co, max_ratio=1)", "perf.ratio(): co is a coroutine function*"),
        (
            "perf.ratio(len, len, max_ratio=1, p95_ms=4)",
            "perf.ratio() in test_it.py:7: takes max_ratio only, found p95_ms: budget it with perf()",
        ),
        (
            "with perf.timer('a') as t: pass\n    t = perf.timer('a')\n    with t:\n        with t: pass",
            "perf.timer: this timer is running already*",
        ),
    ],
)
def test_misuse_fails_the_test_with_one_line(project: Project, body: str, message: str) -> None:
    result = project.run(f"""
async def co(): pass
def gen(): yield
def test_it(perf):
    {body}
""")
    result.assert_outcomes(failed=1)
    escaped = message.replace("[", "[[]")
    result.stdout.fnmatch_lines([escaped])
    assert "Traceback" not in result.stdout.str()
    assert "During handling" not in result.stdout.str()
    assert "coroutine 'co' was never awaited" not in result.stdout.str()


def test_what_raised_or_was_never_awaited_is_unmeasured(project: Project) -> None:
    result = project.run(
        """
@pytest.mark.asyncio
async def test_it(perf):
    async def work(): pass
    with pytest.raises(ZeroDivisionError):
        perf(lambda: 1 / 0, p95_ms=5)
    perf.aio(work, p95_ms=5).close()
    await perf.aio(work, p95_ms=5, name="awaited")
"""
    )
    result.assert_outcomes(passed=1)
    assert project.verdicts() == {
        "test_it awaited p95": "within",
        "test_it lambda p95": "unmeasured",
        "test_it work p95": "unmeasured",
    }
    result.stdout.fnmatch_lines(["unmeasured: *what it measured raised, or perf.aio was not awaited"])


def test_awaiting_a_plain_function_is_misuse(project: Project) -> None:
    result = project.run("""
@pytest.mark.asyncio
async def test_it(perf):
    await perf.aio(advance, 1)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf.aio: the function returned nothing to await: use `perf(...)`*"])


def test_a_wider_fixture_cannot_use_it(project: Project) -> None:
    result = project.run("""
@pytest.fixture(scope="session")
def server(perf): pass
def test_it(server): pass
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ScopeMismatch*function scoped*perf*session scope*"])


def test_a_fixture_of_the_tests_scope_can(project: Project) -> None:
    project.run("""
@pytest.fixture
def server(perf):
    perf(advance, 60, p95_ms=50, name="start")
def test_it(server): pass
""").assert_outcomes(failed=1)
    assert project.verdicts() == {"test_it start p95": "exceeded"}


def test_after_the_test_it_is_too_late(project: Project) -> None:
    result = project.run("""
@pytest.fixture
def server(perf):
    yield
    perf(advance, 60, p95_ms=50)
def test_it(server): pass
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["perf() in test_it.py:*: used after its test has ended: measure within the test or its set-up"]
    )


def test_requested_at_run_time_it_works_too(each_way: Project) -> None:
    each_way.run("""
def test_it(request):
    perf = request.getfixturevalue("perf")
    perf(advance, 60, p95_ms=50)
""").assert_outcomes(failed=1)
    assert each_way.verdicts() == {"test_it advance p95": "exceeded"}
