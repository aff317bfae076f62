"""What perf refuses, and what it was asked for and did not measure."""

from __future__ import annotations

import pytest
from scripting import Project

FORGOT = """
@pytest.mark.perf_budget(p95_ms=5)
def test_forgot(perf): pass
"""


def test_a_limit_that_its_test_never_measures_fails(each_way: Project) -> None:
    result = each_way.run(FORGOT)
    result.assert_outcomes(failed=1)
    assert each_way.verdicts() == {"test_forgot p95": "unmeasured"}
    result.stdout.fnmatch_lines(
        [
            "unmeasured: p95: the test asks for the perf fixture but never called it",
            "  its budget is 5 ms",
            "  limit p95_ms=5 from perf_budget marker in test_it.py:*",
            "A limit that its test never measures fails: measure the code, call pytest.skip() where there is nothing *",
            "What this means: perfbudget guide unmeasured",
        ]
    )


@pytest.mark.parametrize(
    ("table", "outcome"),
    [
        ("unmeasured = 'warn'\n", {"passed": 1}),
        ("budgets.'test_it.py' = { unmeasured = 'warn' }\n", {"passed": 1}),
        ("unmeasured = 'warn'\nstrict = true\n", {"failed": 1}),
    ],
)
def test_a_setting_allows_a_limit_that_is_never_measured(project: Project, table: str, outcome: dict[str, int]) -> None:
    project.run(FORGOT, pyproject=f"[tool.perfbudget]\n{table}").assert_outcomes(**outcome)


def test_a_limit_of_the_table_that_a_test_never_measures_fails_too(project: Project) -> None:
    """The test passes however slow the code is, wherever the limit stands."""
    project.run("def test_forgot(perf): pass", pyproject="[tool.perfbudget]\np95_ms = 5\n").assert_outcomes(failed=1)


def test_a_test_that_skips_or_is_expected_to_fail_need_not_measure(project: Project) -> None:
    result = project.run("""
pytestmark = pytest.mark.perf_budget(p95_ms=5)

def test_skips(perf): pytest.skip("nothing to measure here")

@pytest.mark.xfail
def test_is_expected_to_fail(perf): pass

@pytest.mark.parametrize("rounds", [0, 1])
def test_cases(perf, rounds):
    for _ in range(rounds): perf(advance, 1)
""")
    result.assert_outcomes(passed=1, failed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_cases[[]0] - *"])


@pytest.mark.parametrize("gate", ["warn", "off"])
def test_a_gate_that_fails_nothing_lets_a_limit_pass_that_is_never_measured(project: Project, gate: str) -> None:
    project.run(FORGOT, f"--perf-gate={gate}").assert_outcomes(passed=1)


def test_a_limit_of_a_class_on_a_measurement_that_one_test_does_not_make_is_no_mistake(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget("parse", p95_ms=5)
class TestParser:
    def test_other_name(self, perf):
        perf(advance, 1, name="parze", p95_ms=5)
""")
    result.assert_outcomes(passed=1)
    assert project.verdicts() == {
        "TestParser::test_other_name parze p95": "within",
        "TestParser::test_other_name parse p95": "unmeasured",
    }
    why = "p95: the test has no measurement of the name 'parse'; it has 'parze'"
    result.stdout.fnmatch_lines([f"unmeasured: *::test_other_name parse: {why}"])


UNMEASURED = """
def test_forgot(perf): pass

def test_empty_loop(perf):
    for _ in []:
        with perf.timer("part", p95_ms=5): pass

def test_raised(perf):
    with pytest.raises(ZeroDivisionError): perf(lambda: 1 / 0, name="ratio")

@pytest.mark.perf_budget("parse", max_regression="5%")
def test_other_name(perf): perf(advance, 1, name="parze", p95_ms=5)
"""


def test_a_test_that_asks_for_perf_and_measures_nothing_says_so_without_a_limit(each_way: Project) -> None:
    result = each_way.run(UNMEASURED, "-Wignore")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines_random(
        [
            "unmeasured *test_forgot",
            "unmeasured *test_empty_loop",
            "unmeasured: *::test_forgot*: the test asks for the perf fixture but never called it",
            "unmeasured: *::test_raised ratio: the measured code raised",
            "unmeasured: *::test_other_name parse: the test has no measurement of the name 'parse'; it has 'parze'",
            "1 budget of 1 measurement: 1 within",
        ]
    )


def test_a_test_that_measures_nothing_fails_if_strict(each_way: Project) -> None:
    result = each_way.run(UNMEASURED, "-Wignore", "--perf-strict")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "unmeasured: the test asks for the perf fixture but never called it",
            "*A test that measures nothing fails because of --perf-strict (or strict = true).",
            "What this means: perfbudget guide unmeasured",
        ]
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "perf(co)",
            "perf() in test_it.py:7: co is a coroutine function: write `await perf.aio(co, ...)` in an async test",
        ),
        (
            "perf(lambda: co())",
            "perf() in test_it.py:7: *its result is something to await: write `await perf.aio(...)` in an async test",
        ),
        ("perf(gen)", "perf() in test_it.py:7: gen is a generator function, its body would not run: consume it, *"),
        (
            "perf(advance(1))",
            "perf() in test_it.py:7: expected a function, found None: write perf(fn, *args), not perf(fn(*args))",
        ),
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
        ("perf.ratio(len, len)", "perf.ratio() in test_it.py:7: give the largest ratio allowed, such as max_ratio=0.5"),
        ("perf.timer()", "perf.timer() in test_it.py:7: give the block a name, such as perf.timer('parse')"),
        ("perf.timer(p95_ms=5)", "perf.timer() in test_it.py:7: give the block a name, such as perf.timer('parse')"),
        ("perf(advance, 1, setup=3)", "perf() in test_it.py:7: setup= must be a function, found 3"),
        ("perf.aio(co, setup=3)", "perf.aio() in test_it.py:7: setup= must be a function, found 3"),
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


def test_a_limit_on_code_that_raised_fails(project: Project) -> None:
    result = project.run(
        """
def test_it(perf):
    with pytest.raises(ZeroDivisionError):
        perf(lambda: 1 / 0, p95_ms=5)
    with pytest.raises(ZeroDivisionError):
        perf.ratio(lambda: 1 / 0, advance, max_ratio=1)
    perf(advance, 1, p95_ms=5)
"""
    )
    result.assert_outcomes(failed=1)
    assert project.verdicts() == {"test_it advance p95": "within", "test_it lambda p95": "unmeasured"}
    result.stdout.fnmatch_lines(["lambda: unmeasured: p95: the measured code raised"])


def test_a_limit_on_code_that_raised_and_was_measured_again_holds_for_the_second_try(project: Project) -> None:
    result = project.run(
        """
def test_it(perf):
    for exception in (ZeroDivisionError, None):
        def flaky():
            advance(1)
            if exception: raise exception
        try: perf(flaky, p95_ms=5)
        except ZeroDivisionError: pass
"""
    )
    result.assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it flaky p95": "unmeasured", "test_it flaky#2 p95": "within"}


def test_a_measurement_that_was_never_awaited_fails_the_test(project: Project) -> None:
    result = project.run(
        """
@pytest.mark.asyncio
async def test_it(perf):
    async def work(): pass
    perf.aio(work, p95_ms=5).close()
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf.aio() in test_it.py:*: never awaited: write `await perf.aio(...)`"])


def test_awaiting_a_plain_function_is_misuse(project: Project) -> None:
    result = project.run("""
@pytest.mark.asyncio
async def test_it(perf):
    await perf.aio(advance, 1)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf.aio: the function returned nothing to await: use `perf(...)`*"])


def test_a_fixture_of_wider_scope_cannot_use_perf(project: Project) -> None:
    result = project.run("""
@pytest.fixture(scope="session")
def server(perf): pass
def test_it(server): pass
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ScopeMismatch*function scoped*perf*session scope*"])


def test_a_fixture_of_function_scope_can_use_perf(project: Project) -> None:
    project.run("""
@pytest.fixture
def server(perf):
    perf(advance, 60, p95_ms=50, name="start")
def test_it(server): pass
""").assert_outcomes(failed=1)
    assert project.verdicts() == {"test_it start p95": "exceeded"}


def test_perf_after_the_end_of_its_test_is_an_error(project: Project) -> None:
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


def test_perf_within_a_repeated_body_is_refused(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=50)
def test_it(request): request.getfixturevalue("perf")(advance, 1)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the whole body is repeated already: ask for perf as an argument of the test"])


GATHERED = """
import asyncio
def test_it(perf):
    async def waits():
        await asyncio.sleep(0)
        advance(1)
    async def run():
        {how}
    asyncio.run(run())
"""
TOGETHER = (
    "await asyncio.gather(perf.aio(waits, name='one', p95_ms=50), perf.aio(waits, name='other', p95_ms=50){more})"
)
IN_TURN = "[await perf.aio(waits, name=name, p95_ms=50) for name in ('one', 'other')]"
THREADS = """
import threading
def test_it(perf):
    begun, ended = threading.Event(), threading.Event()
    def first():
        begun.set()
        ended.wait(60)
        advance(1)
    thread = threading.Thread(target=lambda: perf(first, name="one", p95_ms=50))
    thread.start()
    begun.wait(60)
    try: perf(advance, 1, name="other", p95_ms=50)
    except Exception: pass
    ended.set()
    thread.join()
"""
NESTED = """
def test_it(perf):
    perf(lambda: perf(advance, 1, name="other", p95_ms=50), name="one", p95_ms=50)
"""


@pytest.mark.parametrize(
    "tests",
    [
        GATHERED.format(how=TOGETHER.format(more="")),
        GATHERED.format(how=TOGETHER.format(more=", return_exceptions=True")),
        THREADS,
        NESTED,
    ],
    ids=["gather", "gather, swallowed", "threads, swallowed", "nested"],
)
def test_two_measurements_at_once_are_refused(project: Project, tests: str) -> None:
    result = project.run(tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*test_it.py:*: 'other' would be measured while 'one' still is: let each measurement end before *"]
    )


def test_measurements_of_a_coroutine_that_follow_each_other_are_judged(project: Project) -> None:
    project.run(GATHERED.format(how=IN_TURN)).assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it one p95": "within", "test_it other p95": "within"}
