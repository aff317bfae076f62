"""What a fresh process takes from the session, and what it leaves alone."""

from __future__ import annotations

import signal
import sys

import pytest
from baselines import lines
from programs import FEW_RUNS, perf_program
from scripting import Project, add_to_conftest, times


def test_a_fresh_process_ends_as_a_session_does(lean: Project) -> None:
    """What a conftest has to stop at the end of a session is stopped there, too."""
    hook = "\ndef pytest_sessionfinish(session):\n    print('x', file=open(session.config.rootpath / 'ended', 'a'))\n"
    add_to_conftest(lean, hook)
    lean.run(perf_program(), "--perf-update-baseline", pyproject=FEW_RUNS)
    assert (lean.pytester.path / "ended").read_text("utf-8").split() == ["x"] * 3


def test_each_fresh_process_has_a_hash_seed_and_an_order_of_its_own(lean: Project) -> None:
    """Each begins with another test, and every other one goes backwards."""
    more = """
def test_z(perf): perf(advance, 1)

@pytest.fixture(autouse=True)
def note(request):
    if FRESH:
        with open("notes", "a") as file: print(os.environ["PYTHONHASHSEED"], request.node.name, file=file)
"""
    lean.run(perf_program(more=more), "--perf-update-baseline", pyproject=FEW_RUNS)
    notes = [line.split() for line in (lean.pytester.path / "notes").read_text("utf-8").splitlines()]
    assert [name for _, name in notes] == ["test_body", "test_call", "test_z", "test_call", "test_body", "test_z"]
    assert notes[0][0] == notes[2][0] != notes[3][0] == notes[5][0]


def test_fresh_processes_inherit_the_invocation_and_survive_what_prints(lean: Project) -> None:
    lean.file("mark.ini", "[pytest]\npythonpath = .\npython_functions = check_*\n")
    lean.file("more.py", "import pytest\n@pytest.fixture\ndef extra():\n    return 1\n")
    add_to_conftest(lean, "\nimport os\nprint('loud'); os.write(1, b'louder')\n")
    tests = """
@pytest.mark.perf_budget
def check_it(extra, capfd):
    print("in the test")
    advance(0.1)
"""
    arguments = ("-c", "mark.ini", "-p", "more", "-o", "python_files=test_*.py", "-s")
    result = lean.run(tests, "--perf-update-baseline", *arguments, pyproject=FEW_RUNS)
    assert result.ret == 0, result.stdout.str()
    assert set(lines(lean)) == {"check_it"}


def test_the_sessions_own_files_are_left_alone_by_fresh_processes(lean: Project) -> None:
    keeps = """
import logging

def test_keeps(tmp_path, perf):
    perf(advance, 1)
    logging.error("said %s", FRESH)
    (tmp_path / str(FRESH)).write_text("x")
"""
    files = ("--junitxml=j.xml", "--log-file=log.txt", "--basetemp=base")
    result = lean.run(perf_program(more=keeps), "--perf-update-baseline", "--lf", *files, pyproject=FEW_RUNS)
    assert result.ret == 0, result.stdout.str()
    assert (lean.pytester.path / "base" / "test_keeps0" / "False").exists()
    assert (lean.pytester.path / "log.txt").read_text("utf-8").count("said False") == 1
    assert 'tests="3"' in (lean.pytester.path / "j.xml").read_text("utf-8")


def test_files_that_cannot_be_imported_together_are_measured_apart(lean: Project) -> None:
    """Two services of one repository, each with a module `helpers` of its own, tested folder by folder."""

    def run(service: str, *arguments: str) -> pytest.RunResult:
        for name in ("helpers", "test_a", "test_b"):  # as a new pytest process would: these run in ours
            sys.modules.pop(name, None)
        return lean.run("", service, *arguments, pyproject=FEW_RUNS)

    for service, ms in (("a", 1.0), ("b", 2.0)):
        lean.file(f"{service}/helpers.py", f"cost = {ms}\n")
        lean.file(
            f"{service}/test_{service}.py",
            "import helpers, pytest\nfrom scripted import advance\n@pytest.mark.perf_budget\n"
            f"def test_{service}(): advance(helpers.cost)\n",
        )
    for service in "ab":
        run(service, "--perf-update-baseline").assert_outcomes(passed=1)
    found = lines(lean)
    assert (found["test_a"]["time"]["time_ns"], found["test_b"]["time"]["time_ns"]) == (1_000_000, 2_000_000)
    lean.file("b/helpers.py", "cost = 3.0\n")
    run("b").assert_outcomes(failed=1)


def test_conftests_of_several_folders_are_not_taken_for_other_code(lean: Project) -> None:
    """pytest calls each of them `conftest`, and the one that was loaded last has the name."""
    for ms, arguments in ((1, ["--perf-update-baseline"]), (2, ["-x"])):
        for folder in ("one", "two"):
            lean.file(f"{folder}/conftest.py", "")
            lean.file(
                f"{folder}/test_{folder}.py",
                f"from scripted import advance\ndef test_{folder}(perf): perf(advance, {ms})\n",
            )
        result = lean.run("", *arguments, pyproject=FEW_RUNS)
        result.assert_outcomes(passed=2 if ms == 1 else 0, failed=0 if ms == 1 else 1)


def test_a_file_of_the_baseline_that_breaks_fresh_processes_is_left_out(based: Project) -> None:
    based.file("test_more.py", "from scripted import advance\ndef test_more(perf): perf(advance, 1)\n")
    based.run(perf_program(), "--perf-update-baseline")
    based.file("test_more.py", "import os\nif os.environ.get('PERFBUDGET_FRESH'): os._exit(3)\n")
    based.run(perf_program(slow=2), "test_it.py").assert_outcomes(passed=2, failed=1)


def test_a_hook_leaves_no_test_out_that_a_fresh_process_is_asked_for(based: Project) -> None:
    """The hook here runs a share of the tests, by their number."""
    left_out = "items[:0 if os.environ.get('PERFBUDGET_FRESH') else 1]"
    hook = f"\nimport os\ndef pytest_collection_modifyitems(items):\n    items[:] = {left_out}\n"
    add_to_conftest(based, hook)
    based.run(perf_program(slow=2)).assert_outcomes(failed=1)


def test_a_fresh_process_imports_the_files_of_all_tests_of_the_baseline(lean: Project) -> None:
    lean.file("work.py", "from scripted import advance\ncost = 1.0\ndef run(): advance(cost)\n")
    lean.file(
        "test_fast.py",
        "import pytest, work\nwork.cost = 0.5\n@pytest.mark.perf_budget\ndef test_fast(): work.run()\n",
    )
    tests = "import work\n@pytest.mark.perf_budget\ndef test_it(): work.run()\n"
    lean.run(tests, "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=2)
    lean.run(tests, "test_it.py").assert_outcomes(passed=1)
    assert times(lean) == {"test_it": "unconfirmed"}


def test_a_fresh_process_does_not_ignore_the_interrupt_signal_also_if_the_session_does(lean: Project) -> None:
    """In a job of the background; asyncio.run calls more functions where the signal is not ignored."""
    note = "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, file=file)"
    noting = f"with open('states', 'a') as file: {note}"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lean.run(perf_program(at_import=noting), "--perf-update-baseline", pyproject=FEW_RUNS)
    finally:
        signal.signal(signal.SIGINT, before)
    session, *fresh = (lean.pytester.path / "states").read_text("utf-8").split()
    assert (session, {*fresh}) == ("True", {"False"})
