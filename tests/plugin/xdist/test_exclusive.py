"""Under xdist nothing else runs while a perf test measures."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from scripting import TWO_WORKERS, Project

from pytest_perfbudget.plugin.lock import ExclusiveLock

THREE_WORKERS = ("-p", "xdist.plugin", "-n", "3")

# Each test notes in a file of all workers when it begins and ends; the order of the lines tells.
BUSY = """
import os, pathlib

LOG = pathlib.Path("log.txt")

def note(text):
    with LOG.open("a") as log:
        log.write(text + chr(10))

def churn(times=1500):
    for _ in range(times):
        sum(range(2000))

def test_busy(number):
    note("busy begins")
    churn()
    note("busy ends")

def test_perf(number, {fixture}):
    note("perf begins")
    {fixture}({arguments})
    note("perf ends")

# One perf test after three ordinary ones, so that both kinds are always under way.
def pytest_generate_tests(metafunc):
    metafunc.parametrize("number", range({perf} if metafunc.function is test_perf else {busy}))
"""

MIXED = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.callspec.params["number"] * (3 if "perf" in item.name else 1))
"""


def overlaps(log: str) -> int:
    """Count the lines that fall between the begin and the end of a perf test."""
    inside = found = 0
    for line in log.splitlines():
        if line == "perf begins":
            found += inside
            inside = 1
        elif line == "perf ends":
            inside = 0
        else:
            found += inside
    return found


@pytest.mark.parametrize(
    ("fixture", "arguments"), [("perf", "churn, 30"), ("perf_load", "lambda: churn(30), users=2, requests=15")]
)
def test_an_ordinary_test_never_overlaps_a_measurement(lean: Project, fixture: str, arguments: str) -> None:
    tests = BUSY.format(busy=24, perf=8, fixture=fixture, arguments=arguments)
    lean.file("conftest.py", MIXED)
    result = lean.run(tests, *THREE_WORKERS, "--dist=load")
    result.assert_outcomes(passed=32)
    log = (lean.pytester.path / "log.txt").read_text("utf-8")
    assert log.count("perf begins") == 8
    assert log.count("busy begins") == 24
    assert overlaps(log) == 0


def test_without_the_lock_ordinary_tests_overlap_a_measurement(lean: Project) -> None:
    """The twin: the same tests with the lock taken away."""
    lean.file(
        "conftest.py",
        MIXED
        + """

@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    config = session.config
    if not hasattr(config, "workerinput"):
        return
    from pytest_perfbudget.plugin.lock import ExclusiveLock
    session = config.pluginmanager.getplugin("perfbudget-session")
    assert session.lock.is_needed
    session.lock = ExclusiveLock('')
""",
    )
    for _ in range(5):
        (lean.pytester.path / "log.txt").unlink(missing_ok=True)
        lean.run(BUSY.format(busy=24, perf=8, fixture="perf", arguments="churn, 30"), *THREE_WORKERS).assert_outcomes(
            passed=32
        )
        if overlaps((lean.pytester.path / "log.txt").read_text("utf-8")):
            return
    message = "five sessions without the lock, and never an overlap"
    raise AssertionError(message)


def test_the_folder_of_the_lock_is_gone_after_the_session(lean: Project, tmp_path: Path) -> None:
    lean.file("conftest.py", "import tempfile\ntempfile.tempdir = %r\n" % str(tmp_path))  # noqa: UP031
    tests = "@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): pass"
    lean.run(tests, *TWO_WORKERS, subprocess=True).assert_outcomes(passed=1)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("perfbudget-")] == []


def test_readers_share_and_a_writer_waits_for_them(tmp_path: Path) -> None:
    # Two objects stand for two processes: the lock is on the file.
    first, second = ExclusiveLock(str(tmp_path)), ExclusiveLock(str(tmp_path))
    order: list[str] = []

    def measure() -> None:
        with second.exclusive():
            order.append("measured")

    waiting = threading.Thread(target=measure)
    with first.shared():
        waiting.start()
        waiting.join(timeout=0.2)  # a writer that did not wait would be done by now
        order.append("ordinary")
    waiting.join(timeout=30)
    assert order == ["ordinary", "measured"]


def test_a_session_without_xdist_needs_no_lock() -> None:
    alone = ExclusiveLock("")
    assert not alone.is_needed
    with alone.exclusive(), alone.shared():
        assert alone._lock is None
