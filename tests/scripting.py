"""A scripted clock, and pytester projects whose tests run on one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_perfbudget.measure.clock import Clock

SCRIPTED = '''
"""A clock that moves only when a test says so: verdicts do not depend on the machine."""
now_ns = 0
cpu_ns = 0

def advance(ms, cpu_ms=0):
    global now_ns, cpu_ns
    now_ns += round(ms * 1e6)
    cpu_ns += round(cpu_ms * 1e6)

def wall():
    return now_ns

def cpu():
    global cpu_ns
    cpu_ns += 1
    return cpu_ns
'''

CONFTEST = """
import pytest
import scripted
from pytest_perfbudget.measure.clock import Clock

@pytest.fixture(autouse=True)
def scripted_clock(request):
    session = request.config.pluginmanager.getplugin("perfbudget-session")
    if session is not None:
        session.clock = Clock(scripted.wall, scripted.cpu)
"""

IMPATIENT = """
@pytest.fixture(autouse=True)
def impatient(request):
    request.config.pluginmanager.getplugin("perfbudget-session").launcher.patience_s = lambda: {seconds}
"""
"""For a conftest: a fresh process counts as hanging after some seconds, in which others have to start."""


Neighbour = Callable[[str], None]
"""The fixture `with_neighbour`: a function that lets subprocesses run where a module is installed."""

TWO_WORKERS: Final = ("-p", "xdist.plugin", "-n", "2")
BENCHMARK: Final = ("-p", "pytest_benchmark.plugin")
"""What a lean project has to name in its command line to have it."""

OUTER_RUN: Final = (
    "PYTEST_ADDOPTS",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
    "PYTEST_XDIST_TESTRUNUID",
    "COLUMNS",
    "FORCE_COLOR",
    "PY_COLORS",
    "CI",
    "BUILD_NUMBER",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
)
"""Environment variables by which the run of this suite would change the output of a run inside a test."""


def leave_the_outer_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of `OUTER_RUN` for the duration of a test."""
    for name in OUTER_RUN:
        monkeypatch.delenv(name, raising=False)


class ScriptedClock:
    """A clock for unit tests: `advance` moves it, reading it costs `reading_ns`."""

    def __init__(self, reading_ns: int = 0) -> None:
        self.now_ns = 0
        self.cpu_now_ns = 0
        self.reading_ns = reading_ns
        self.waited_ns = 0
        self.clock = Clock(self._wall, self._cpu, lambda: self.waited_ns)

    def advance(self, ns: float, cpu_ns: float = 0, waited_ns: float = 0) -> None:
        """Let time pass, for some of which another process has the CPU."""
        self.now_ns += round(ns + waited_ns)
        self.cpu_now_ns += round(cpu_ns)
        self.waited_ns += round(waited_ns)

    def _wall(self) -> int:
        self.now_ns += self.reading_ns
        return self.now_ns

    def _cpu(self) -> int:
        self.cpu_now_ns += 1
        return self.cpu_now_ns


@dataclass
class Project:
    """A pytester project with the scripted clock."""

    pytester: pytest.Pytester
    arguments: tuple[str, ...] = ()

    def file(self, name: str, text: str) -> Path:
        path = self.pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before_s = path.stat().st_mtime if path.exists() else None
        path.write_text(text, encoding="utf-8")
        if before_s is not None:
            # Compiled code is looked up by the second and the size of its source: of two texts of one size that
            # are written in one second, the first would run twice.
            os.utime(path, (before_s + 2, before_s + 2))
        return path

    def write_tests(self, tests: str) -> None:
        """Write the file of tests, with the imports that all of them have."""
        self.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)

    def run(
        self, tests: str, *arguments: str, pyproject: str = "", subprocess: bool = False, output: bool = True
    ) -> pytest.RunResult:
        """Write the tests, run them, and return the result; `report` has the JSON.

        Without `output` nothing configures the plugin: it begins when it is first needed.
        """
        self.write_tests(tests)
        if pyproject:
            self.file("pyproject.toml", pyproject)
        run = self.pytester.runpytest_subprocess if subprocess else self.pytester.runpytest_inprocess
        written = ("--perf-output", "report.json") if output else ()
        return run(*written, *self.arguments, *arguments)

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.pytester.path / "report.json").read_text("utf-8"))
        return document

    def verdicts(self) -> dict[str, str]:
        """Return the verdict of each budget, by test name, measurement name and metric."""
        return {
            f"{one['id'].partition('::')[2]} {budget['metric']}": budget["verdict"]
            for one in self.report["measurements"]
            for budget in one["budgets"]
        }


def regression_verdicts(project: Project) -> dict[str, str]:
    return {
        f"{one['id'].partition('::')[2]} {change['metric']}": change["verdict"]
        for one in project.report["measurements"]
        for change in one["changes"]
    }


def times(project: Project) -> dict[str, str]:
    return {
        key.removesuffix(" time"): value for key, value in regression_verdicts(project).items() if key.endswith(" time")
    }


def add_to_conftest(project: Project, text: str) -> None:
    """Add to the project's conftest."""
    conftest = project.pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text("utf-8") + text, "utf-8")
