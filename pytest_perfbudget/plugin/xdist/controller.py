"""The xdist controller's side: it collects and runs nothing, and hears from its workers."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.checkout.worktree import checked_out
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.plugin.hooks import ACCOUNT_OUTPUT, ARGUMENTS_INPUT, ERROR_OUTPUT, SESSION, TREE_INPUT, begin
from pytest_perfbudget.plugin.xdist.exclusive import LOCK_INPUT


class Controller:
    """Gives the workers their lock, takes their usage errors, and begins when a result arrives."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lock_folder = ""
        self._worker_error = ""
        self._tree: str | None = None
        self._running = ExitStack()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist may be absent
        """Tell each worker where the lock is that lets a perf test run alone."""
        self._lock_folder = self._lock_folder or tempfile.mkdtemp(prefix="perfbudget-")
        node.workerinput[LOCK_INPUT] = self._lock_folder
        if self._config.option.perf_against is not None:
            node.workerinput[TREE_INPUT] = self._checkout()
        node.workerinput[ARGUMENTS_INPUT] = [os.fspath(one) for one in self._config.invocation_params.args]

    def _checkout(self) -> str:
        """Check the base out, once for all workers; empty if it cannot be: they say why."""
        if self._tree is None:
            self._tree = ""
            with suppress(GitError):
                base = find_base(self._config.rootpath, self._config.option.perf_against)
                self._tree = str(self._running.enter_context(checked_out(base)))
        return self._tree

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Begin with the first result; later ones find the summary registered."""
        if SESSION not in self._config.stash and hasattr(report, "perfbudget"):
            begin(self._config)
            self._config.pluginmanager.getplugin("perfbudget-summary").pytest_runtest_logreport(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401
        """Take a worker's usage error, and which tests the baseline made it expect."""
        output = getattr(node, "workeroutput", {})
        self._worker_error = output.get(ERROR_OUTPUT, self._worker_error)
        if ACCOUNT_OUTPUT in output:
            expectations = begin(self._config).expectations
            for kind, tests in output[ACCOUNT_OUTPUT].items():
                known = dict.fromkeys(map(tuple, expectations.get(kind, ())))
                expectations[kind] = [list(one) for one in known | dict.fromkeys(map(tuple, tests))]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a worker's usage error be the session's."""
        if self._worker_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show a worker's usage error as pytest shows its own."""
        if self._worker_error:
            terminalreporter.write_line(f"ERROR: {self._worker_error}", red=True)

    def pytest_unconfigure(self) -> None:
        """Remove the lock's folder and the checkout."""
        self._running.close()
        if self._lock_folder:
            shutil.rmtree(self._lock_folder, ignore_errors=True)
