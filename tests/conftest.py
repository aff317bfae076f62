"""The fixtures of all tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 - pytester unloads what a run inside this process loaded, which numpy cannot stand
import pytest
import scipy.special  # noqa: F401
from scripting import CONFTEST, SCRIPTED, Project, ScriptedClock

pytest_plugins = ["pytester"]


@pytest.fixture
def scripted() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    # The suite itself may run under xdist, which pytest-benchmark would notice in the projects.
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
    made = Project(pytester)
    made.file("scripted.py", SCRIPTED)
    made.file("conftest.py", CONFTEST)
    # A root of its own, so that no pyproject.toml above it is read.
    made.file("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n")
    return made


@pytest.fixture
def lean(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project without the plugins that take half of the start of a process: for tests that start many."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks,pytest_benchmark.plugin")
    project.file("pytest.ini", "[pytest]\npythonpath = .\n")
    return project


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
