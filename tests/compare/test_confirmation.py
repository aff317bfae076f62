"""What looks slower is measured again by fresh processes, in the midst of the test."""

from __future__ import annotations

import subprocess
import sys

import pytest
from baselines import baseline_file
from programs import FEW_RUNS, perf_program
from scripting import IMPATIENT, TWO_WORKERS, Project, add_to_conftest, times


def test_a_slowdown_that_only_the_session_shows_is_unconfirmed(based: Project) -> None:
    """The cause may be a noisy neighbour who has left since."""
    result = based.run(perf_program(slow=2, when="not FRESH"))
    result.assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unconfirmed"
    result.stdout.fnmatch_lines(
        ["unconfirmed: test_it.py::test_body: looked slower here, but +0.0 % in 1 fresh process"]
    )


def test_a_change_of_the_environment_by_a_test_reaches_no_fresh_process(based: Project) -> None:
    tests = perf_program(slow=2, when="not FRESH or 'LEAK' in os.environ", around="monkeypatch.setenv('LEAK', '1')")
    based.run(tests).assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unconfirmed"


def test_a_test_that_keeps_processes_from_starting_is_unmeasured(based: Project) -> None:
    """Whatever a test replaces, the session goes on."""
    odd = """import tempfile, time
monkeypatch.setattr(tempfile, 'tempdir', '/nonexistent')
monkeypatch.setattr(time, 'monotonic', lambda: 1e12)
"""
    result = based.run(perf_program(slow=2, around=odd))
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["unmeasured: *test_body: *: no fresh process: FileNotFoundError: *"])


def test_a_test_that_stops_the_clock_of_time_is_confirmed_all_the_same(based: Project) -> None:
    """By that clock the test took a million years, which must not become the patience with a process."""
    frozen = "import time\nmonkeypatch.setattr(time, 'monotonic', lambda: 1e13)"
    based.run(perf_program(slow=2, around=frozen)).assert_outcomes(passed=2, failed=1)


def test_a_test_that_mocks_what_removes_folders_is_confirmed_all_the_same(based: Project) -> None:
    mocked = "from unittest import mock\nwith mock.patch('os.open'): yield"
    based.run(perf_program(slow=2, around=mocked), subprocess=True).assert_outcomes(passed=2, failed=1)


def test_the_timeout_of_a_test_does_not_run_while_it_is_confirmed(based: Project) -> None:
    """The session calls the hook of pytest-timeout."""
    add_to_conftest(
        based,
        "\nclass Specs:\n    @pytest.hookspec(firstresult=True)\n    def pytest_timeout_cancel_timer(item): pass\n"
        "def pytest_addhooks(pluginmanager): pluginmanager.add_hookspecs(Specs)\n"
        "def pytest_timeout_cancel_timer(item):\n    with open('cancelled', 'a') as file: print(item.name, file=file)\n"
        "    return True\n",
    )
    based.run(perf_program()).assert_outcomes(passed=3)
    assert not (based.pytester.path / "cancelled").exists()
    based.run(perf_program(slow=2)).assert_outcomes(passed=2, failed=1)
    assert (based.pytester.path / "cancelled").read_text("utf-8").split() == ["test_body"]


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_suspect_whose_fixture_can_live_once_is_confirmed_after_the_last_test(
    based: Project, workers: tuple[str, ...]
) -> None:
    port = "os.mkdir('../taken')\nyield\nos.rmdir('../taken')"
    based.run(perf_program(around=port), *workers).assert_outcomes(passed=3)
    result = based.run(perf_program(slow=2, around=port), *workers)
    result.assert_outcomes(passed=3, failed=1)
    assert times(based)["test_body"] == "regressed"
    result.stdout.fnmatch_lines(
        [
            "2.0 times slower than the baseline*",
            "note: test_it.py::test_body: failed in a fresh process beside the session, so it was confirmed after *",
        ]
    )
    result = based.run(perf_program(slow=2, when="not FRESH", around=port), *workers)
    result.assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unconfirmed"


def test_a_suspect_that_cannot_be_confirmed_is_unmeasured(based: Project) -> None:
    tests = perf_program(slow=2, at_import="if FRESH: 1 / 0")
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    assert times(based)["test_body"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *test_body: looked slower, and could not be confirmed: *ZeroDivisionError*"]
    )
    based.run(tests, "--perf-strict").assert_outcomes(passed=2, failed=1)


def test_a_fresh_process_that_hangs_is_ended(based: Project) -> None:
    add_to_conftest(based, IMPATIENT.format(seconds=1.0))
    result = based.run(perf_program(slow=2, at_import="if FRESH: signal.pause()"))
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["unmeasured: *: a fresh process said nothing for 1 s and was ended*"])


def test_after_two_fresh_processes_that_hung_no_other_is_started(lean: Project) -> None:
    """The session may hold the lock or the port that they waited for."""
    tests = """
import os, signal
if {slow} > 1 and os.environ.get("PERFBUDGET_FRESH"): signal.pause()
@pytest.mark.perf_budget
@pytest.mark.parametrize("name", "abc")
def test_it(name): advance(0.2 * {slow})
"""
    lean.run(tests.format(slow=1), "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=3)
    add_to_conftest(lean, IMPATIENT.format(seconds=1.0))
    lean.run(tests.format(slow=2)).stdout.fnmatch_lines(
        [
            "unmeasured: *test_it[[]a], *test_it[[]b]: *confirmed: a fresh process said nothing for 1 s and was ended",
            "unmeasured: *test_it[[]c]: *an earlier fresh process hung (*), so none was*",
        ]
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_while_confirming_leaves_nothing(based: Project) -> None:
    pids = based.pytester.path / "pids"
    interrupting = f"""
if FRESH:
    open({str(pids)!r}, 'a').write(str(os.getpid()) + ' ')
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
else:  # a shell's background job ignores it, and Python with it
    signal.signal(signal.SIGINT, signal.default_int_handler)
"""
    before = baseline_file(based).read_bytes()
    result = based.run(perf_program(slow=2, at_import=interrupting), subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    for pid in pids.read_text("utf-8").split():
        shown = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
        assert not shown.strip() or shown.startswith("Z")
    assert baseline_file(based).read_bytes() == before
    left = [one.name for one in based.pytester.path.iterdir() if "lock" in one.name]
    assert left == []
