"""Wherever a budget is declared, it is judged, or the summary says that it was not."""

from __future__ import annotations

import pytest
from scripting import CONFTEST, Project

SLOW = "\ndef test_slow(): advance(ms=60)\n"


@pytest.mark.parametrize("output", [True, False], ids=["configured", "lazy"])
def test_a_marker_that_a_conftest_adds(project: Project, output: bool) -> None:
    project.file(
        "conftest.py",
        CONFTEST
        + """
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.perf_budget(p95_ms=50))
""",
    )
    project.run(SLOW, output=output).assert_outcomes(failed=1)


def test_a_marker_that_a_fixture_adds(project: Project) -> None:
    project.run("""
@pytest.fixture(autouse=True)
def limit(request):
    request.node.add_marker(pytest.mark.perf_budget(p95_ms=50))

def test_slow(): advance(ms=60)

@pytest.mark.perf_budget(median_s=5)
def test_marked(): advance(ms=60)
""").assert_outcomes(failed=2)


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["plain", "n2"])
def test_perf_that_is_asked_for_at_run_time_in_a_session_that_knows_nothing_of_it(
    project: Project, arguments: tuple[str, ...]
) -> None:
    tests = """
import scripted
def test_it(request):
    perf = request.getfixturevalue("perf")
    session = request.config.pluginmanager.getplugin("perfbudget-session")
    session.clock = type(session.clock)(scripted.wall, scripted.cpu)
    perf(advance, 60, p95_ms=50)
"""
    result = project.run(tests, *arguments, output=False)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*1 budget of 1 measurement: 1 exceeded"])


def test_a_marked_body_whose_fixture_uses_perf(project: Project) -> None:
    project.run("""
@pytest.fixture
def client(perf):
    for _ in range(60):
        with perf.timer("connect"):
            advance(ms=1)

@pytest.mark.perf_budget(p95_ms=50)
@pytest.mark.perf_budget("connect", p95_s=5)
def test_slow(client): advance(ms=60)
""").assert_outcomes(failed=1)
    assert project.verdicts() == {"test_slow connect p95": "within", "test_slow p95": "exceeded"}


def test_an_autouse_fixture_with_perf_makes_no_demands_on_tests_without_budget(project: Project) -> None:
    project.run(
        """
@pytest.fixture(autouse=True)
def client(perf):
    for _ in range(60):
        with perf.timer("connect", p95_ms=50): pass

def test_plain(): pass
""",
        "--perf-strict",
        pyproject="[tool.perfbudget]\npeak_mb = 500\n",
    ).assert_outcomes(passed=1)


def test_limits_that_a_ratio_cannot_hold(project: Project) -> None:
    tests = """
@pytest.mark.perf_budget(p95_ms=5)
def test_it(perf):
    perf.ratio(lambda: advance(1), lambda: advance(1), max_ratio=3)
"""
    project.run(tests).assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it lambda ratio": "within", "test_it p95": "unmeasured"}
    project.run(tests, "--perf-strict").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    "table",
    [
        '[tool]\nperfbudget.budgets."test_it.py" = { p95_ms = 50 }\n',
        '[tool."perfbudget".budgets]\n"test_it.py" = { p95_ms = 50 }\n',
        '[ tool . perfbudget . budgets ]\n"test_it.py" = { p95_ms = 50 }\n',
    ],
)
def test_every_spelling_of_the_table(project: Project, table: str) -> None:
    project.run(SLOW, pyproject=table, output=False).assert_outcomes(failed=1)


def test_only_perf_tests_where_there_are_none(project: Project) -> None:
    assert project.run("def test_it(): pass", "--perf-only", output=False).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_limits_of_a_timer_hold_together(project: Project) -> None:
    project.run("""
def test_it(perf):
    for _ in range(60):
        with perf.timer("parse", p95_ms=50): advance(ms=60)
    with perf.timer("parse", cpu_p95_s=5): advance(ms=60)
""").assert_outcomes(failed=1)
    assert project.verdicts()["test_it parse p95"] == "exceeded"


def test_a_project_with_a_perf_fixture_of_its_own(project: Project) -> None:
    tests = """
@pytest.fixture
def perf(): return 5

def test_own(perf): assert perf == 5

@pytest.mark.parametrize("perf", [7])
def test_parameter(perf): assert perf == 7

@pytest.mark.perf_budget(p95_ms=50)
def test_slow(perf): advance(ms=60)
"""
    table = "[tool.perfbudget]\nstrict = true\npeak_mb = 500\n"
    project.run(tests, pyproject=table).assert_outcomes(passed=2, failed=1)
    assert project.verdicts()["test_slow p95"] == "exceeded"


def test_a_folder_of_the_markers_name_is_no_marker(project: Project) -> None:
    project.file("perf_budget/test_in.py", "calls = []\ndef test_in():\n    calls.append(1)\n    assert calls == [1]\n")
    project.run("def test_it(): pass").assert_outcomes(passed=2)


def test_a_rerun_of_a_late_perf_begins_anew(project: Project) -> None:
    project.run(
        """
calls = []
def test_it(request):
    perf = request.getfixturevalue("perf")
    perf(advance, 1, p95_ms=50)
    calls.append(1)
    assert len(calls) == 2
""",
        "--reruns=1",
    ).assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it advance p95": "within"}


def test_a_rerun_that_fails_by_itself_takes_back_what_the_run_before_it_found(project: Project) -> None:
    project.run(
        """
runs = []

@pytest.fixture
def attempt():
    runs.append(1)
    return len(runs)

@pytest.mark.perf_budget(p95_ms=50)
def test_it(attempt):
    advance(ms=60)
    assert attempt == 1
""",
        "--reruns=1",
    )
    assert project.report["measurements"] == []


def test_a_timer_that_is_never_left_does_not_keep_collection_off(project: Project) -> None:
    project.run("""
import gc

def test_it(perf):
    perf.timer("open").__enter__()
    assert not gc.isenabled()

def test_after(): assert gc.isenabled()
""").assert_outcomes(passed=2)


def test_perf_within_a_repeated_body_is_refused(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=50)
def test_it(request): request.getfixturevalue("perf")(advance, 1)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the whole body is repeated already: ask for perf as an argument of the test"])


def test_names_that_are_enums_of_strings_cross_to_the_controller(project: Project) -> None:
    project.run(
        """
import enum
class Part(str, enum.Enum):
    API = "api"

@pytest.mark.perf_budget(p95_ms=50, component=Part.API)
def test_it(): advance(ms=1)
""",
        "-n2",
    ).assert_outcomes(passed=1)
    assert project.report["measurements"][0]["component"] == "api"


@pytest.mark.parametrize("limit", ["10**400", "1e308"])
def test_a_limit_beyond_all_numbers_is_refused(project: Project, limit: str) -> None:
    result = project.run(f"@pytest.mark.perf_budget(p95_ms={limit})\ndef test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *p95_ms must be a number above zero, found *"])


def test_under_a_profiler_of_the_whole_run(project: Project) -> None:
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
