"""The fixtures of all tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 - pytester unloads what a run inside this process loaded, which numpy cannot stand
import pytest
import scipy.special  # noqa: F401
from programs import FEW_RUNS, perf_program
from scripting import CONFTEST, SCRIPTED, TWO_WORKERS, Project, ScriptedClock, leave_the_outer_run

pytest_plugins = ["pytester"]


@pytest.fixture
def scripted() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    leave_the_outer_run(monkeypatch)
    made = Project(pytester)
    made.file("scripted.py", SCRIPTED)
    made.file("conftest.py", CONFTEST)
    # A root of its own, so that no pyproject.toml above it is read.
    made.file("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n")
    return made


@pytest.fixture
def lean(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project without other plugins, which take half of the start of a process: for tests that start many."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    project.file("pytest.ini", "[pytest]\npythonpath = .\n")
    return project


@pytest.fixture(params=[(), ("-p", "xdist.plugin", "-n", "0"), TWO_WORKERS], ids=["plain", "n0", "n2"])
def each_way(lean: Project, request: pytest.FixtureRequest) -> Project:
    """The project, run without xdist, with `-n 0` and with `-n 2`."""
    lean.arguments = request.param
    return lean


_BASELINE: dict[str, str] = {}


@pytest.fixture
def based(lean: Project) -> Project:
    """A project with a baseline of `perf_program()`; made once, for on the scripted clock it is always the same."""
    lean.file("pyproject.toml", FEW_RUNS)
    if not _BASELINE:
        lean.run(perf_program(), "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
        for name in ("perf-baseline.json", "perf-baseline.calls.json"):
            _BASELINE[name] = (lean.pytester.path / name).read_text("utf-8")
    for name, text in _BASELINE.items():
        lean.file(name, text)
    return lean


@pytest.fixture
def data() -> Callable[[str], Any]:
    """Reads a file of recorded timings."""

    def read(name: str) -> Any:
        return json.loads((Path(__file__).parent / "data" / name).read_text("utf-8"))

    return read
