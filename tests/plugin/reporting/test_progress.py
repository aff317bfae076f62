"""How far a measurement is, on a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from programs import FEW_RUNS, shop
from repositories import Repository
from scripting import TWO_WORKERS, Project

from pytest_perfbudget.plugin.reporting.update import Update
from pytest_perfbudget.report.progress import fitted

SLOW = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def on_terminal(project: Project, *arguments: str, columns: int = 100) -> str:
    """Run pytest on a pseudo-terminal, and return everything that it writes."""
    import pexpect

    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "PY_COLORS": "0"}
    command = ["-m", "pytest", "-p", "no:benchmark", *arguments]
    child = pexpect.spawn(sys.executable, command, cwd=str(project.pytester.path), env=environment, timeout=60)
    output: str = child.read().decode()
    child.close()
    return output


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_is_shown_on_a_terminal_and_taken_away(project: Project) -> None:
    project.write_tests(SLOW)
    output = on_terminal(project, "--perf-max-time=30s")
    assert "perf: " in output
    shown, _, after = output.rpartition("perf: ")
    assert "\0337" in shown
    assert "of 30 s" in after
    assert after.count("\0338") >= 2  # the note, and the spaces that take it away


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_load_shows_its_requests_latency_and_users(project: Project) -> None:
    project.write_tests("""
import time

def test_load(perf_load): perf_load(lambda: time.sleep(0.01), users=3, duration="900ms", max_ms=60_000)
""")
    output = on_terminal(project)
    assert re.search(r"perf: \d+ requests, \d+/s, p95 [\d.]+ ms, 3 users, \d of 1 s", output)
    assert "1 passed" in output


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_search_for_the_capacity_shows_its_loads(project: Project) -> None:
    project.write_tests("""
def test_load(perf_load):
    perf_load.capacity(lambda: None, first_rate=20, probe="300ms", duration="300ms", max_ms=60_000)
""")
    output = on_terminal(project)
    assert "perf: a load of 20/s for 0.3 s" in output
    assert "1 passed" in output


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_no_progress_with_q(project: Project) -> None:
    project.write_tests(SLOW)
    output = on_terminal(project, "--perf-max-time=30s", "-q")
    assert "1 failed" in output
    assert "perf: " not in output


def test_no_progress_in_a_pipe(project: Project) -> None:
    result = project.run(SLOW, "--perf-max-time=30s")
    assert "perf: " not in result.stdout.str() + result.stderr.str()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_comparison_shows_its_test_and_its_process(lean: Project) -> None:
    repository = Repository(lean.pytester)
    tests = "import shop\n\ndef test_call(perf): perf(shop.work)\n"
    repository.commit({"shop.py": shop()}, tests=tests)
    repository.file("shop.py", shop(3))
    output = on_terminal(lean, "--perf-against", "HEAD")
    assert "perf: starting a process of HEAD and another of the working tree" in output
    assert "perf: comparing test 1 of 1: test_it.py::test_call" in output
    assert "perf: fresh pair 1 of at most 20, " in output
    assert "1 failed" in output


def two_slower_tests(project: Project) -> Repository:
    repository = Repository(project.pytester)
    tests = "import shop\n\ndef test_a(perf): perf(shop.work)\n\ndef test_b(perf): perf(shop.work)\n"
    repository.commit({"shop.py": shop()}, tests=tests)
    repository.file("shop.py", shop(3))
    return repository


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_comparison_in_workers_of_xdist_shows_the_tests_of_all_workers(lean: Project) -> None:
    pytest.importorskip("xdist")
    two_slower_tests(lean)
    output = on_terminal(lean, *TWO_WORKERS, "--perf-against", "HEAD")
    assert "perf: comparing test 1 of 2: test_it.py::test_" in output
    assert re.search(r"perf: comparing test 2 of 2, about \d+ s left in all: test_it.py::test_", output)
    assert "perf: fresh pair 1 of at most 20, " in output
    assert "2 failed" in output


def test_a_log_of_workers_of_xdist_has_the_lines_that_a_session_without_workers_has(lean: Project) -> None:
    pytest.importorskip("xdist")
    result = two_slower_tests(lean).against_base(*TWO_WORKERS, subprocess=True)
    lines = [line for line in result.errlines if " stands out: " in line]
    assert [re.findall(r"^perf: test_it.py::test_[ab] .*\(test (\d) of 2", line) for line in lines] == [["1"], ["2"]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_log_that_cannot_be_written_fails_no_test(lean: Project) -> None:
    """The disk of a CI job may be full, and standard error may be closed."""
    pytest.importorskip("xdist")
    two_slower_tests(lean)
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", *TWO_WORKERS, "--perf-against", "HEAD"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(
            command, cwd=lean.pytester.path, stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert "2 failed" in ended.stdout
    assert len(re.findall(r"^work: .* slower than HEAD", ended.stdout, re.MULTILINE)) == 2
    assert "OSError" not in ended.stdout


@pytest.mark.parametrize(("quiet", "lines"), [((), 1), (("-q",), 1), (("-q", "-q"), 0)], ids=["", "-q", "-q -q"])
def test_a_log_without_a_terminal_has_a_line_when_a_confirmation_begins(
    lean: Project, quiet: tuple[str, ...], lines: int
) -> None:
    """Confirmations may take minutes, in which somebody who reads the log of a job would think that it hangs."""
    repository = Repository(lean.pytester)
    repository.commit({"shop.py": shop()}, tests="import shop\n\ndef test_call(perf): perf(shop.work)\n")
    repository.file("shop.py", shop(3))
    result = repository.against_base(*quiet, subprocess=True)
    found = [line for line in result.outlines if line.startswith("perf: test_it.py::test_call stands out: ")]
    assert len(found) == lines
    assert all("in at most 20 fresh pairs, " in line for line in found)


def test_a_log_without_a_terminal_has_a_line_while_a_baseline_is_measured(lean: Project) -> None:
    tests = "def test_a(perf): perf(advance, 1)\n\ndef test_b(perf): perf(advance, 2)\n"
    result = lean.run(tests, "-q", "--perf-update-baseline", pyproject=FEW_RUNS)
    (line,) = (one for one in result.outlines if one.startswith("perf: "))
    assert line.startswith("perf: 2 tests measured for the baseline in process 1 of 2, ")


def test_a_log_has_a_further_line_each_half_minute_while_a_baseline_is_measured() -> None:
    lines: list[str] = []
    progress = SimpleNamespace(note=lambda _: None, log=lines.append)
    option = SimpleNamespace(perf_reason="", perf_prune=False)
    session: Any = SimpleNamespace(progress=progress, config=SimpleNamespace(option=option))
    update = Update(session)
    for done in range(1, 11):
        update._show_progress(done, 2, 5, 8.0 * done)
    processes = [re.findall(r"process (\d) of 5", line)[0] for line in lines]
    assert processes == ["1", "3"]  # after 16 s and 48 s; after 80 s the update ends


def test_a_note_is_cut_to_the_line() -> None:
    assert fitted("perf: comparing", 15) == "perf: comparing"
    assert fitted("perf: comparing", 14) == "perf: compa..."
