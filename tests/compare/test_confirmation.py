"""What looks slower is measured again by fresh processes, in the midst of the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from programs import FAST, TWO
from scripting import IMPATIENT, Project, add_to_conftest, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_a_slowdown_of_one_process_alone_is_not_confirmed(based: Project) -> None:
    """Such as a noisy neighbour's who has left since."""
    tests = TWO.replace("SLOW =", "SLOW = 2.0 if 'bootstrap' not in sys.argv[0] else")
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unconfirmed"
    result.stdout.fnmatch_lines(["unconfirmed: test_it.py::test_body: looked slower here; +0.0 % in 1 fresh process"])


def test_what_a_test_does_to_the_environment_is_not_passed_on_to_fresh_processes(based: Project) -> None:
    tests = TWO.replace("SLOW =", "SLOW = 2 if 'bootstrap' not in sys.argv[0] or 'LEAK' in os.environ else 1 #")
    tests = tests.replace("def test_body():", "def test_body(leak):")
    tests += "\n@pytest.fixture\ndef leak(monkeypatch):\n    monkeypatch.setenv('LEAK', '1')\n"
    based.run(tests).assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unconfirmed"


def test_a_test_that_replaces_what_we_use_is_unmeasured_and_breaks_nothing(based: Project) -> None:
    tests = TWO.replace("SLOW =", "SLOW = 2 #").replace("def test_body():", "def test_body(odd):")
    tests += (
        "\n@pytest.fixture\ndef odd(monkeypatch):\n    import tempfile, time\n"
        "    monkeypatch.setattr(tempfile, 'tempdir', '/nonexistent')\n"
        "    monkeypatch.setattr(time, 'monotonic', lambda: 1e12)\n"
    )
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["unmeasured: *test_body: *: no fresh process: FileNotFoundError: *"])


def test_a_test_that_stops_the_clock_of_time_is_confirmed_all_the_same(based: Project) -> None:
    """And what it took by that clock, a million years, is not how long a fresh process may be silent."""
    tests = TWO.replace("SLOW =", "SLOW = 2 #").replace("def test_body():", "def test_body(frozen):")
    tests += "\n@pytest.fixture\ndef frozen(monkeypatch):\n    import time\n    monkeypatch.setattr(time, 'monotonic', lambda: 1e13)\n"
    based.run(tests).assert_outcomes(passed=2, failed=1)


def test_a_test_that_mocks_what_removes_folders_is_confirmed_all_the_same(based: Project) -> None:
    tests = TWO.replace("SLOW =", "SLOW = 2 #").replace("def test_body():", "def test_body(mocked):")
    tests += "\n@pytest.fixture\ndef mocked():\n    from unittest import mock\n    with mock.patch('os.open'): yield\n"
    based.run(tests, subprocess=True).assert_outcomes(passed=2, failed=1)


def test_the_timeout_of_a_test_does_not_run_while_it_is_confirmed(
    based: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hook of pytest-timeout."""
    add_to_conftest(
        based,
        "\nclass Specs:\n    @pytest.hookspec(firstresult=True)\n    def pytest_timeout_cancel_timer(item): pass\n"
        "def pytest_addhooks(pluginmanager): pluginmanager.add_hookspecs(Specs)\n"
        "def pytest_timeout_cancel_timer(item):\n    with open('cancelled', 'a') as file: print(item.name, file=file)\n"
        "    return True\n",
    )
    based.run(TWO).assert_outcomes(passed=3)
    assert not (based.pytester.path / "cancelled").exists()
    monkeypatch.setenv("SLOW", "2")
    based.run(TWO).assert_outcomes(passed=2, failed=1)
    assert (based.pytester.path / "cancelled").read_text("utf-8").split() == ["test_body"]


def test_a_suspect_that_cannot_be_confirmed_is_unmeasured(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "2")
    tests = TWO.replace("SLOW =", "if 'bootstrap' in sys.argv[0]: 1 / 0\nSLOW =")
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *test_body: it looked slower, and could not be confirmed: *ZeroDivisionError*"]
    )
    based.run(tests, "--perf-strict").assert_outcomes(passed=2, failed=1)


def test_a_worker_that_hangs_is_ended(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "2")
    add_to_conftest(based, IMPATIENT)
    tests = TWO.replace(
        "SLOW =",
        "import signal\nif 'bootstrap' in sys.argv[0]: signal.pause()\nSLOW =",
    )
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["unmeasured: *: a fresh process said nothing for 3 s and was ended*"])


def test_after_two_that_hung_no_other_is_started(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they waited for, a lock or a port, the session holds to its end."""
    tests = """
import os, signal, sys
SLOW = float(os.environ.get("SLOW", "1"))
if SLOW > 1 and "bootstrap" in sys.argv[0]: signal.pause()
@pytest.mark.perf_budget
@pytest.mark.parametrize("name", "abc")
def test_it(name): advance(0.2 * SLOW)
"""
    project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=3)
    monkeypatch.setenv("SLOW", "2")
    add_to_conftest(project, IMPATIENT)
    result = project.run(tests)
    result.stdout.fnmatch_lines(
        [
            "unmeasured: *test_it[[]a], *test_it[[]b]: *confirmed: a fresh process said nothing for 3 s and was ended",
            "unmeasured: *test_it[[]c]: *an earlier fresh process hung (*), so none was*",
        ]
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_while_confirming_leaves_nothing(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "2")
    pids = based.pytester.path / "pids"
    tests = TWO.replace(
        "SLOW =",
        "import signal, time\nif 'bootstrap' in sys.argv[0]:\n"
        f"    open({str(pids)!r}, 'a').write(str(os.getpid()) + ' ')\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n    signal.pause()\n"
        # A shell's background job ignores it, and Python with it.
        "else: signal.signal(signal.SIGINT, signal.default_int_handler)\nSLOW =",
    )
    before = (based.pytester.path / "perf-baseline.json").read_bytes()
    result = based.run(tests, subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    for pid in pids.read_text("utf-8").split():
        shown = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
        assert not shown.strip() or shown.startswith("Z")
    assert (based.pytester.path / "perf-baseline.json").read_bytes() == before
    left = [one.name for one in Path(based.pytester.path).iterdir() if "lock" in one.name]
    assert left == []
