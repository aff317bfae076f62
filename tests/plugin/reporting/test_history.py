"""`history` and `--perf-history`: each session appends its result, and a history that cannot be written fails nothing."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from repositories import commit
from scripting import Project, add_to_conftest

from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.history.store import sessions

TESTS = """
import pytest
from scripted import advance

@pytest.mark.perf_budget(p95_ms=20)
def test_it():
    advance(4)

@pytest.mark.perf_budget(p95_ms=2)
def test_slow():
    advance(4)
"""
TABLE = '[tool.perfbudget]\nhistory = ".perfbudget/history.db"\n'
BY_DEFAULT = Path(".perfbudget", "history.db")


def kept(project: Project, file: Path = BY_DEFAULT) -> list[HistorySession]:
    return sessions(project.pytester.path / file, 0)


def test_a_session_appends_its_result_once(each_way: Project) -> None:
    each_way.file("pyproject.toml", TABLE)
    each_way.run(TESTS).assert_outcomes(passed=1, failed=1)
    (session,) = kept(each_way)
    found = {(one.test.partition("::")[2], one.metric): (one.value, one.verdict) for one in session.points}
    assert found["test_it", "p95"] == (4e6, "within")
    assert found["test_slow", "p95"] == (4e6, "exceeded")
    assert session.circumstances.python.startswith("CPython 3")
    assert session.circumstances.machine


def test_the_commit_the_branch_and_the_changes_are_kept(lean: Project) -> None:
    folder = lean.pytester.path
    first = commit(folder, {".gitignore": "*.db\n__pycache__\n.pytest_cache\nreport.json\n", "code.py": "1\n"})
    lean.run(TESTS, "--perf-history=history.db")
    lean.file("code.py", "2\n")
    lean.run(TESTS, "--perf-history=history.db")
    clean, dirty = (one.circumstances for one in kept(lean, Path("history.db")))
    assert (clean.commit, clean.branch, clean.is_dirty) == (first, "main", False)
    assert (dirty.commit, dirty.is_dirty) == (first, True)
    assert clean.id != dirty.id
    assert clean.lock == dirty.lock != ""


IMPORTS = """
@pytest.mark.perf_budget(p95_ms=5)
def test_it():
    advance(4)

@pytest.mark.perf_budget(p95_ms=5)
def test_late():
    import filelock
    advance(4)
"""


def test_the_versions_of_what_the_tests_use_are_kept(each_way: Project) -> None:
    """A module that is imported in one worker of pytest-xdist is used by the session, and a linter is not."""
    each_way.file("pyproject.toml", TABLE)
    each_way.run(IMPORTS)
    (session,) = kept(each_way)
    found = dict(one.split() for one in session.circumstances.lock.split(", "))
    assert found["filelock"] == version("filelock")
    assert not {"pytest", "ruff", "mypy"} & {*found}


def test_a_lock_file_stands_for_the_versions(lean: Project) -> None:
    lean.file("uv.lock", "1")
    lean.run(TESTS, "--perf-history=history.db")
    (session,) = kept(lean, Path("history.db"))
    assert re.fullmatch("[0-9a-f]{8}", session.circumstances.lock)


WAITS = """
waited_ns = [0]

@pytest.fixture(autouse=True)
def busy_machine(request, scripted_clock):
    session = request.config.pluginmanager.getplugin("perfbudget-session")
    session.clock = Clock(scripted.wall, scripted.cpu, lambda: waited_ns[0])

@pytest.fixture
def wait():
    def wait(ms):
        scripted.advance(ms)
        waited_ns[0] += round(ms * 1e6)

    return wait
"""
ON_A_BUSY_MACHINE = """
rounds = 0

@pytest.mark.perf_budget(p95_ms=200)
def test_it(wait):
    global rounds
    rounds += 1
    advance(4)
    wait(100 * (rounds % 5 == 0))
"""


def test_time_in_which_other_processes_held_the_cpu_is_no_number_of_the_history(lean: Project) -> None:
    """A fifth of the calls wait for 100 ms. The report has them in its p95; the history has the time of the code."""
    add_to_conftest(lean, WAITS)
    lean.run(ON_A_BUSY_MACHINE, "--perf-history=history.db").assert_outcomes(passed=1)
    (measured,) = lean.report["measurements"]
    assert measured["statistics"]["p95"] == 104e6
    (session,) = kept(lean, Path("history.db"))
    found = {one.metric: one for one in session.points}
    assert (found["p95"].value, found["p95"].limit) == (4e6, 200e6)
    assert found["p95"].std_error == pytest.approx(3.3, rel=0.1)  # the logarithm of 104 / 4, and that of the rounds
    assert found["median"].value == 4e6


COMMITS = """
from pathlib import Path
from repositories import commit

def test_commits():
    commit(Path.cwd(), {"code.py": "2"})
"""


def test_a_commit_during_the_session_does_not_take_its_numbers(lean: Project) -> None:
    folder = lean.pytester.path
    first = commit(folder, {".gitignore": "*.db\n__pycache__\n.pytest_cache\nreport.json\n"})
    lean.run(TESTS + COMMITS, "--perf-history=history.db")
    (session,) = kept(lean, Path("history.db"))
    assert (session.circumstances.commit, session.circumstances.is_dirty) == (first, True)


def test_a_file_that_a_test_writes_is_no_change_of_the_code(lean: Project) -> None:
    folder = lean.pytester.path
    commit(folder, {".gitignore": "*.db\n__pycache__\n.pytest_cache\nreport.json\ntest_it.py\n", "golden.txt": "1\n"})
    writes = "def test_writes(): open('golden.txt', 'w').close()\n"
    lean.run(TESTS + writes, "--perf-history=history.db")
    lean.run(TESTS + writes, "--perf-history=history.db")
    assert [one.circumstances.is_dirty for one in kept(lean, Path("history.db"))] == [False, True]


@pytest.mark.parametrize("option", ["--perf-history=", "--perf-gate=off", "--collect-only"])
def test_some_sessions_append_nothing(lean: Project, option: str) -> None:
    lean.file("pyproject.toml", TABLE)
    lean.run(TESTS, option)
    assert not (lean.pytester.path / BY_DEFAULT).exists()


def test_a_session_that_measures_nothing_appends_nothing(lean: Project) -> None:
    lean.file("pyproject.toml", TABLE)
    lean.run("def test_plain(): pass").assert_outcomes(passed=1)
    assert not (lean.pytester.path / BY_DEFAULT).exists()


def test_a_history_that_cannot_be_written_is_a_warning_of_the_session(lean: Project) -> None:
    lean.file("history.db", "name,value\n" * 99)
    result = lean.run(TESTS.replace("p95_ms=2)", "p95_ms=20)"), "--perf-history=history.db")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["history *history.db: this file is of another program: name another file"])
    assert (lean.pytester.path / "history.db").read_text("utf-8").startswith("name")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("history = 5", "history must be the path of a .db file, from this file's folder, found 5"),
        ('history = "history.json"', "history must be the path of a .db file*"),
        ("history_days = 0", "history_days must be a whole number of days from 1 to 3650, found 0"),
        ("history_days = true", "history_days must be a whole number of days from 1 to 3650, found True"),
    ],
)
def test_a_wrong_setting_is_one_line(lean: Project, line: str, problem: str) -> None:
    lean.file("pyproject.toml", f"[tool.perfbudget]\n{line}\n")
    result = lean.run(TESTS)
    result.stderr.fnmatch_lines([f"ERROR: pyproject.toml [[]tool.perfbudget]: {problem}"])
