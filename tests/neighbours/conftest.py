"""Projects that use other plugins and libraries, which are really installed: `python .ci/do.py` installs them."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from programs import shop
from repositories import IGNORED, Repository
from scripting import Neighbour, Project

_PYTHON = Path(sys.prefix, "neighbours", "Scripts/python.exe" if sys.platform == "win32" else "bin/python")


@cache
def _has(module: str) -> bool:
    return subprocess.run([str(_PYTHON), "-c", f"import {module}"], check=False, capture_output=True).returncode == 0


@pytest.fixture
def with_neighbour(monkeypatch: pytest.MonkeyPatch) -> Neighbour:
    """Return a function that lets subprocesses of this test run where a module of another project is installed."""

    def choose(module: str) -> None:
        if not _PYTHON.exists() or not _has(module):
            pytest.skip(f"{module} is not installed in {_PYTHON.parents[1]}: python .ci/do.py tests installs it")
        monkeypatch.setattr(sys, "executable", str(_PYTHON))

    return choose


@pytest.fixture
def repository(lean: Project) -> Repository:
    """A project in a repository, with the code `shop` and without other plugins."""
    made = Repository(lean.pytester)
    made.commit({".gitignore": IGNORED, "shop.py": shop()})
    return made


@pytest.fixture
def crowded(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The repository, with all installed plugins in each process."""
    for name in ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name)
    return repository
