"""The plugin's side in the xdist controller, which collects and runs no test and receives its workers' results."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.plugin.keys import (
    ARGUMENTS_INPUT,
    ENVIRONMENT_INPUT,
    ERROR_OUTPUT,
    EXPECTATIONS_OUTPUT,
    KNOWN_SPANS_OUTPUT,
    LATE_OUTPUT,
    LOCK_INPUT,
    REMARK_OUTPUT,
    SESSION,
    SHARING_OUTPUT,
    SUMMARY,
    TREE_INPUT,
)
from pytest_perfbudget.plugin.start_state import start_of
from pytest_perfbudget.processes.scratch import Scratch

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


class Controller:
    """The plugin of the controller: it gives the workers a lock, takes their usage errors, and receives results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lock_folder: Scratch | None = None
        self._worker_error = ""
        self._tree: str | None = None
        self._running = ExitStack()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist may be absent
        """Tell each worker the folder of the lock, the folder of the base's checkout, and the command line."""
        if self._lock_folder is None:
            self._lock_folder = Scratch()
            self._running.callback(self._lock_folder.close)
        node.workerinput[LOCK_INPUT] = self._lock_folder.name
        if self._config.option.perf_against is not None:
            node.workerinput[TREE_INPUT] = self._checkout()
        node.workerinput[ENVIRONMENT_INPUT] = dict(start_of(self._config).environment)
        node.workerinput[ARGUMENTS_INPUT] = [os.fspath(one) for one in self._config.invocation_params.args]

    def _checkout(self) -> str:
        """Check the base out once for all workers; return an empty text on failure, which the workers will report."""
        from pytest_perfbudget.checkout.revision import find_base  # noqa: PLC0415 - needed for --perf-against only
        from pytest_perfbudget.checkout.worktree import checked_out  # noqa: PLC0415

        if self._tree is None:
            self._tree = ""
            with suppress(GitError):
                base = find_base(self._config.rootpath, self._config.option.perf_against)
                self._tree = str(self._running.enter_context(checked_out(base)))
        return self._tree

    def _begin(self) -> PerfSession:
        from pytest_perfbudget.plugin.activation import begin  # noqa: PLC0415 - only if there is a perf test

        return begin(self._config)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Begin the session at the first result; later results reach the registered summary without this method."""
        if not self._config.pluginmanager.hasplugin(SESSION) and hasattr(report, "perfbudget"):
            self._begin()
            self._config.pluginmanager.getplugin(SUMMARY).pytest_runtest_logreport(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401
        """Take a worker's usage error, and add its expectations from the baseline to the session's."""
        output = getattr(node, "workeroutput", {})
        self._worker_error = output.get(ERROR_OUTPUT, self._worker_error)
        if output.get(LATE_OUTPUT):
            from pytest_perfbudget.core.measurement import Measurement  # noqa: PLC0415 - rarely needed

            late, hook = output[LATE_OUTPUT], self._config.hook
            for test, found in late["measurements"].items():
                self._begin().late[test] = [Measurement.from_dict(one) for one in found]
            for data in late["reports"]:
                report = hook.pytest_report_from_serializable(config=self._config, data=data)
                report.node = node
                hook.pytest_runtest_logreport(report=report)
        if output.get(KNOWN_SPANS_OUTPUT):
            self._begin().known_spans.note(output[KNOWN_SPANS_OUTPUT])
        if REMARK_OUTPUT in output:
            comparison = self._begin().comparison
            if comparison is not None:
                comparison.remark = output[REMARK_OUTPUT] or comparison.remark
                comparison.sharing = output[SHARING_OUTPUT]
        if EXPECTATIONS_OUTPUT in output:
            expectations = self._begin().tests.expectations
            for kind, tests in output[EXPECTATIONS_OUTPUT].items():
                known = dict.fromkeys(map(tuple, expectations.get(kind, ())))
                expectations[kind] = [list(one) for one in known | dict.fromkeys(map(tuple, tests))]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Make a worker's usage error the session's exit code."""
        if self._worker_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show a worker's usage error as pytest shows its own."""
        if self._worker_error:
            terminalreporter.write_line(f"ERROR: {self._worker_error}", red=True)

    def pytest_unconfigure(self) -> None:
        """Remove the lock's folder and the checkout."""
        self._running.close()
