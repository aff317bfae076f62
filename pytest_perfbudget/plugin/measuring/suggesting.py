"""A plugin for a session that suggests budgets: measurements without a limit take as many rounds as a bound needs.

Nothing is compared. The command that started the session reads from standard error which test runs.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import pytest

from pytest_perfbudget.plugin.keys import is_xdist_worker
from pytest_perfbudget.report.progress import SUGGESTING_PREFIX

FEWEST_ROUNDS: Final = 64
"""More than the 59 rounds whose maximum bounds a p95."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Any:  # noqa: ANN401 - the result of the hook
    """Number the tests that run; of a session with pytest-xdist, the controller numbers those of all workers."""
    if not is_xdist_worker(session.config):
        session.config.pluginmanager.register(_Counter(session))
    return (yield)


class _Counter:
    """The number of tests that have begun."""

    def __init__(self, session: pytest.Session) -> None:
        self._total = len(session.items)
        self._capture: Any = session.config.pluginmanager.getplugin("capturemanager")
        self._begun: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Take the number of tests from a worker: each collects all of them, and the controller none."""
        self._total = len(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write which test of how many begins; a rerun is no further test."""
        self._begun.add(nodeid)
        line = f"{SUGGESTING_PREFIX}test {len(self._begun)} of {self._total}: {nodeid}"
        with self._capture.global_and_fixture_disabled():
            sys.stderr.write(f"{line}\n".encode("ascii", "backslashreplace").decode("ascii"))
            sys.stderr.flush()
