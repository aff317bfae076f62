"""Wherever a budget is declared, it is judged, or the summary says that it was not."""

from __future__ import annotations

import pytest
from scripting import CONFTEST, TWO_WORKERS, Project

SLOW = "\ndef test_slow(): advance(ms=60)\n"


@pytest.mark.parametrize("output", [True, False], ids=["configured", "lazy"])
def test_a_marker_that_a_conftest_adds_is_judged(project: Project, output: bool) -> None:
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


ADDED = (
    CONFTEST
    + """
def pytest_collection_modifyitems(items):
    parent = items[0].parent
    items += [pytest.Function.from_parent(parent, name=f"test_{made.__name__}", callobj=made) for made in parent.obj.MADE]
"""
)
ADDED_TESTS = """
def quick(perf): perf(advance, 10, p95_ms=50)
def slow(): advance(ms=60)
def slow_perf(perf): perf(advance, 60, p95_ms=50)
MADE = [slow, slow_perf]
def test_other(): pass
"""
ADDED_LIMIT = '[tool.perfbudget.budgets]\n"test_it.py::test_slow" = { p95_ms = 50 }\n'


def test_tests_that_a_conftest_adds_after_collection_are_judged(project: Project) -> None:
    project.file("conftest.py", ADDED)
    project.run(ADDED_TESTS, pyproject=ADDED_LIMIT).assert_outcomes(failed=2, passed=1)
    assert project.verdicts() == {"test_slow p95": "exceeded", "test_slow_perf advance p95": "exceeded"}


@pytest.mark.parametrize(("option", "outcomes"), [("--perf-only", {"failed": 2}), ("--perf-skip", {"passed": 1})])
def test_tests_that_a_conftest_adds_are_selected_as_perf_tests(
    project: Project, option: str, outcomes: dict[str, int]
) -> None:
    project.file("conftest.py", ADDED)
    project.run(ADDED_TESTS, option, pyproject=ADDED_LIMIT).assert_outcomes(
        **outcomes, deselected=3 - sum(outcomes.values())
    )


def test_a_marker_that_a_fixture_adds_is_judged(project: Project) -> None:
    project.run("""
@pytest.fixture(autouse=True)
def limit(request):
    request.node.add_marker(pytest.mark.perf_budget(p95_ms=50))

def test_slow(): advance(ms=60)

@pytest.mark.perf_budget(median_s=5)
def test_marked(): advance(ms=60)
""").assert_outcomes(failed=2)


@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_perf_requested_at_run_time_is_judged_where_nothing_announced_it(
    lean: Project, arguments: tuple[str, ...]
) -> None:
    tests = """
import scripted
def test_it(request):
    perf = request.getfixturevalue("perf")
    session = request.config.pluginmanager.getplugin("perfbudget-session")
    session.clock = type(session.clock)(scripted.wall, scripted.cpu)
    perf(advance, 60, p95_ms=50)
"""
    result = lean.run(tests, *arguments, output=False)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*1 budget of 1 measurement: 1 exceeded"])


def test_a_marked_body_and_the_perf_of_its_fixture_are_both_judged(project: Project) -> None:
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


def test_a_time_limit_on_a_ratio_is_unmeasured(project: Project) -> None:
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
def test_every_spelling_of_the_table_is_read(project: Project, table: str) -> None:
    project.run(SLOW, pyproject=table, output=False).assert_outcomes(failed=1)


def test_perf_only_in_a_session_without_budgets_is_pytests_exit_code_5(project: Project) -> None:
    assert project.run("def test_it(): pass", "--perf-only", output=False).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_perf_fixture_of_the_projects_own_stays_what_it_is(project: Project) -> None:
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


def test_a_perf_load_fixture_of_the_projects_own_stays_what_it_is(project: Project) -> None:
    tests = """
@pytest.fixture
def perf_load(): return 2

@pytest.fixture
def client(perf_load): return perf_load

def test_own(perf_load): assert perf_load == 2

def test_through_a_fixture(client): assert client == 2
"""
    result = project.run(tests, "--perf-strict")
    result.assert_outcomes(passed=2)
    assert project.report["measurements"] == []
    result.stdout.no_fnmatch_line("*never called it*")


@pytest.mark.parametrize("name", ["perf", "perf_load"])
def test_a_fixture_that_replaces_the_plugins_and_uses_it_measures(project: Project, name: str) -> None:
    tests = f"""
@pytest.fixture
def {name}({name}): return {name}

def test_own({name}): pass
"""
    result = project.run(tests, "--perf-strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"unmeasured: the test asks for the {name} fixture but never called it"])


def test_a_folder_of_the_markers_name_is_no_marker(project: Project) -> None:
    project.file("perf_budget/test_in.py", "calls = []\ndef test_in():\n    calls.append(1)\n    assert calls == [1]\n")
    project.run("def test_it(): pass").assert_outcomes(passed=2)


TABLE = '[tool.perfbudget.budgets]\n"test_it.py" = { p95_ms = 5 }\n'


def test_a_table_above_the_root_folder_is_named(pytester: pytest.Pytester) -> None:
    """A pytest.ini in tests/ makes that folder the root folder, and no budget of the table would hold."""
    pytester.makepyprojecttoml(TABLE)
    (pytester.mkdir("tests") / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (pytester.path / "tests/test_it.py").write_text("def test_it(): pass\n")
    result = pytester.runpytest_inprocess("-Wdefault", "tests")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*pyproject.toml has [[]tool.perfbudget] and is not read, because *tests is the root*"]
    )
    assert pytester.runpytest_inprocess("--perf-strict", "tests").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("file", "section", "is_refused"),
    [
        ("setup.cfg", "[tool:perfbudget]", True),
        ("tox.ini", "[tool.perfbudget.budgets]", True),
        ("tox.ini", "[testenv:perfbudget]", False),
    ],
)
def test_a_table_in_an_ini_file_is_a_usage_error(
    project: Project, file: str, section: str, *, is_refused: bool
) -> None:
    project.file(file, f"{section}\nmax_time = 1s\n")
    result = project.run("def test_it(): pass\n", output=False)
    assert (result.ret == pytest.ExitCode.USAGE_ERROR) is is_refused
    if is_refused:
        said = "which is not read: move the table to pyproject.toml as [[]tool.perfbudget]"
        result.stderr.fnmatch_lines([f"ERROR: {file} has a table of perfbudget, {said}"])


def test_a_pyproject_of_its_own_makes_the_root_folder_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(TABLE)
    inner = pytester.mkdir("inner")
    (inner / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\nasyncio_default_fixture_loop_scope = 'function'\n"
    )
    (inner / "test_it.py").write_text("def test_it(): pass\n")
    pytester.runpytest_inprocess("-Wdefault", "inner").assert_outcomes(passed=1, warnings=0)
