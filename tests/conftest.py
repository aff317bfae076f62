"""A scripted clock, and pytester projects whose tests run on one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.measure.clock import Clock

pytest_plugins = ["pytester"]

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


class ScriptedClock:
    """A clock for unit tests: `advance` moves it, reading it costs `reading_ns`."""

    def __init__(self, reading_ns: int = 0) -> None:
        self.now_ns = 0
        self.cpu_now_ns = 0
        self.reading_ns = reading_ns
        self.clock = Clock(self._wall, self._cpu)

    def advance(self, ns: float, cpu_ns: float = 0) -> None:
        self.now_ns += round(ns)
        self.cpu_now_ns += round(cpu_ns)

    def _wall(self) -> int:
        self.now_ns += self.reading_ns
        return self.now_ns

    def _cpu(self) -> int:
        self.cpu_now_ns += 1
        return self.cpu_now_ns


@pytest.fixture
def scripted() -> ScriptedClock:
    return ScriptedClock()


@dataclass
class Project:
    """A pytester project with the scripted clock."""

    pytester: pytest.Pytester
    arguments: tuple[str, ...] = ()

    def file(self, name: str, text: str) -> Path:
        path = self.pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, tests: str, *arguments: str, pyproject: str = "") -> pytest.RunResult:
        """Write the tests, run them, and return the result; `report` has the JSON."""
        self.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        if pyproject:
            self.file("pyproject.toml", pyproject)
        return self.pytester.runpytest_inprocess(
            "-p", "no:randomly", "--perf-output", "report.json", *self.arguments, *arguments
        )

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


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    made = Project(pytester)
    made.file("scripted.py", SCRIPTED)
    made.file("conftest.py", CONFTEST)
    # A root of its own, so that no pyproject.toml above it is read.
    made.file("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n")
    return made


@pytest.fixture(params=[(), ("-n", "0"), ("-n", "2")], ids=["plain", "n0", "n2"])
def each_way(project: Project, request: pytest.FixtureRequest) -> Project:
    """The project, run without xdist, with `-n 0` and with `-n 2`."""
    project.arguments = request.param
    return project


@pytest.fixture
def data() -> Callable[[str], Any]:
    """Reads a file of recorded timings."""

    def read(name: str) -> Any:
        return json.loads((Path(__file__).parent / "data" / name).read_text("utf-8"))

    return read
