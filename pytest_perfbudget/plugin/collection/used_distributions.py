"""The versions of the distributions that tests use, as a process of the session knows them after its last test."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_perfbudget.history.lock_file import lock_digest
from pytest_perfbudget.installed import used_distributions
from pytest_perfbudget.plugin.collection.perf_tests import PerfTests


class UsedDistributions:
    """An observer of a process that runs tests; a worker of pytest-xdist tells its controller.

    Args:
        root: the folder of the project.
        tests: the tests of the process, which get the names and the versions, unless a lock file has these.
    """

    def __init__(self, root: Path, tests: PerfTests) -> None:
        self._root = root
        self._tests = tests

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Look after the last test: a test may import a module."""
        result = yield
        if not lock_digest(self._root):
            self._tests.expectations["used"] = [*map(list, used_distributions(self._root).items())]
        return result
