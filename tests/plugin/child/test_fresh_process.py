"""What a fresh process takes from the session, and what it leaves alone."""

from __future__ import annotations

import sys

import pytest
from programs import FAST, TWO, lines
from scripting import Project, add_to_conftest, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def _forget_helpers() -> None:
    """As a new pytest process would: these run in ours."""
    for name in ("helpers", "test_a", "test_b"):
        sys.modules.pop(name, None)


def test_a_fresh_process_ends_as_a_session_does(project: Project) -> None:
    """What a conftest has to stop at the end of a session is stopped there, too."""
    hook = "\ndef pytest_sessionfinish(session):\n    print('x', file=open(session.config.rootpath / 'ended', 'a'))\n"
    add_to_conftest(project, hook)
    project.run(TWO, "--perf-update-baseline", pyproject=FAST)
    assert (project.pytester.path / "ended").read_text("utf-8").split() == ["x"] * 3


def test_each_fresh_process_has_a_hash_seed_and_an_order_of_its_own(project: Project) -> None:
    """Each begins with another test, and every other one goes backwards."""
    note = "\n@pytest.fixture(autouse=True)\ndef note(request):\n    if 'bootstrap' in sys.argv[0]:\n"
    note += (
        "        with open('notes', 'a') as file: print(os.environ['PYTHONHASHSEED'], request.node.name, file=file)\n"
    )
    project.run(TWO + "\ndef test_z(perf): perf(advance, 1)\n" + note, "--perf-update-baseline", pyproject=FAST)
    notes = [line.split() for line in (project.pytester.path / "notes").read_text("utf-8").splitlines()]
    assert [name for _, name in notes] == ["test_body", "test_call", "test_z", "test_call", "test_body", "test_z"]
    assert notes[0][0] == notes[2][0] != notes[3][0] == notes[5][0]


def test_fresh_processes_inherit_the_invocation_and_survive_what_prints(project: Project) -> None:
    project.file("mark.ini", "[pytest]\npythonpath = .\npython_functions = check_*\n")
    project.file("more.py", "import pytest\n@pytest.fixture\ndef extra():\n    return 1\n")
    conftest = project.pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text("utf-8") + "\nimport os\nprint('loud'); os.write(1, b'louder')\n", "utf-8")
    tests = """
@pytest.mark.perf_budget
def check_it(extra, capfd):
    print("in the test")
    advance(0.1)
"""
    arguments = ("-c", "mark.ini", "-p", "more", "-o", "python_files=test_*.py", "-s")
    result = project.run(tests, "--perf-update-baseline", *arguments, pyproject=FAST)
    assert result.ret == 0, result.stdout.str()
    assert set(lines(project)) == {"check_it"}


def test_the_sessions_own_files_are_left_alone_by_fresh_processes(project: Project) -> None:
    tests = """
def test_keeps(tmp_path, perf):
    perf(advance, 1)
    logging.error("said %s", "bootstrap" in sys.argv[0])
    (tmp_path / str("bootstrap" in sys.argv[0])).write_text("x")
"""
    files = ("--junitxml=j.xml", "--log-file=log.txt", "--basetemp=base")
    result = project.run("import logging\n" + TWO + tests, "--perf-update-baseline", "--lf", *files, pyproject=FAST)
    assert result.ret == 0, result.stdout.str()
    assert (project.pytester.path / "base" / "test_keeps0" / "False").exists()
    assert (project.pytester.path / "log.txt").read_text("utf-8").count("said False") == 1
    assert 'tests="3"' in (project.pytester.path / "j.xml").read_text("utf-8")


def test_files_that_do_not_go_together_are_measured_apart(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services of one repository, each with a module `helpers` of its own, tested folder by folder."""
    for service, cost in (("a", 1.0), ("b", 2.0)):
        project.file(f"{service}/helpers.py", f"cost = {cost}\n")
        project.file(
            f"{service}/test_{service}.py",
            "import helpers, os, pytest\nfrom scripted import advance\n@pytest.mark.perf_budget\n"
            f"def test_{service}(): advance(helpers.cost * float(os.environ.get('SLOW', 1)))\n",
        )
    for service in "ab":
        _forget_helpers()
        project.run("", service, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=1)
    found = lines(project)
    assert (found["test_a"]["time"]["time_ns"], found["test_b"]["time"]["time_ns"]) == (1_000_000, 2_000_000)
    monkeypatch.setenv("SLOW", "1.5")
    _forget_helpers()
    project.run("", "b").assert_outcomes(failed=1)


def test_conftests_of_several_folders_are_no_other_code(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest calls each of them `conftest`, and the one that was loaded last has the name."""
    for folder in ("one", "two"):
        project.file(f"{folder}/conftest.py", "")
        project.file(
            f"{folder}/test_{folder}.py",
            "import os\nfrom scripted import advance\n"
            f"def test_{folder}(perf): perf(advance, float(os.environ.get('SLOW', 1)))\n",
        )
    project.run("", "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=2)
    monkeypatch.setenv("SLOW", "2")
    project.run("").assert_outcomes(failed=2)


def test_a_file_of_the_baseline_that_does_not_go_with_this_one_is_left_out(
    based: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    based.file("test_more.py", "from scripted import advance\ndef test_more(perf): perf(advance, 1)\n")
    based.run(TWO, "--perf-update-baseline")
    based.file("test_more.py", "import os, sys\nif 'bootstrap' in sys.argv[0]: os._exit(3)\n")
    monkeypatch.setenv("SLOW", "2")
    based.run(TWO, "test_it.py").assert_outcomes(passed=2, failed=1)


def test_a_hook_that_leaves_tests_out_does_not_in_a_fresh_process(
    based: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that runs a share of the tests, by their number."""
    left_out = "items[:0 if 'bootstrap' in sys.argv[0] else 1]"
    hook = f"\nimport sys\ndef pytest_collection_modifyitems(items):\n    items[:] = {left_out}\n"
    add_to_conftest(based, hook)
    monkeypatch.setenv("SLOW", "2")
    based.run(TWO).assert_outcomes(failed=1)


def test_what_another_file_brings_about_when_imported_is_the_same_in_a_session_without_it(project: Project) -> None:
    project.file("work.py", "from scripted import advance\ncost = 1.0\ndef run(): advance(cost)\n")
    project.file(
        "test_fast.py",
        "import pytest, work\nwork.cost = 0.5\n@pytest.mark.perf_budget\ndef test_fast(): work.run()\n",
    )
    tests = "import work\n@pytest.mark.perf_budget\ndef test_it(): work.run()\n"
    project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=2)
    project.run(tests, "test_it.py").assert_outcomes(passed=1)
    assert times(project) == {"test_it": "unconfirmed"}
