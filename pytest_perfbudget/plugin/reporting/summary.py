"""The reporting half of the plugin: it takes results from test reports, and shows and writes the session's result."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.session_findings import fails_session
from pytest_perfbudget.plugin.collection.collected import typed
from pytest_perfbudget.plugin.collection.neighbours import is_measured_by_codspeed
from pytest_perfbudget.plugin.reporting.failure_texts import FailureTexts
from pytest_perfbudget.plugin.reporting.gather import WAS_SKIPPED, Start, run_result, runs_nothing
from pytest_perfbudget.plugin.reporting.history import SessionHistory, history_of, with_unjudged_drift
from pytest_perfbudget.plugin.reporting.output import (
    add_to_step_summary,
    empty_files,
    tell_without_terminal,
    workflow_commands,
    write_files,
)
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.bars import shows_bars
from pytest_perfbudget.report.readiness import with_readiness

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.reporting.update import Update


_NO_CASE: Final = f"{WAS_SKIPPED}: got empty parameter set"
"""The beginning of the reason with which pytest skips a test that has no case, so that nothing was left out."""


class Summary:
    """The results of a session, by test; the results of a rerun replace earlier results of the same test.

    Args:
        session: the session.
        update: the update of the baseline; None if there is no update.
    """

    def __init__(self, session: PerfSession, update: Update | None) -> None:
        self._session = session
        self._config = session.config
        self._update = update
        self._start = Start()
        self._results: dict[str, Sequence[Measurement]] = {}
        self._exceeded_before: dict[str, dict[str, list[str]]] = {}
        self._expected_to_fail: set[str] = set()
        self._unfinished: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._ended: set[str] = set()
        self._is_interrupted = False
        self._write_errors: list[str] = []
        self._doubts: list[str] = []
        is_recorded = session.policy.gate is not GateMode.OFF and not runs_nothing(session)
        self._history: SessionHistory | None = history_of(session) if is_recorded else None
        self._result: RunResult | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results from a report of this process or of an xdist worker."""
        data: list[dict[str, Any]] | None = getattr(report, "perfbudget", None)
        if report.when in ("setup", "call"):
            # A rerun must not keep the results of the run before, but a trace of them.
            self._note_attempt(report.nodeid, self._results.pop(report.nodeid, ()))
        if hasattr(report, "wasxfail"):
            self._expected_to_fail.add(report.nodeid)
        if report.skipped and isinstance(report.longrepr, tuple):
            self._unfinished[report.nodeid] = f"{WAS_SKIPPED}: {report.longrepr[2].removeprefix('Skipped: ')}"
        elif report.failed:
            self._unfinished[report.nodeid] = "the test failed"
            self._failed[report.nodeid] = report.when or ""
        if report.when not in ("setup", "call"):  # a test whose worker crashed has no phase
            self._ended.add(report.nodeid)
        if data is not None:
            found = [Measurement.from_dict(entry) for entry in data]
            if hasattr(report, "wasxfail"):
                self._expected_to_fail.update(one.nodeid for one in found)
                passed = ", and passed" if report.passed else ""
                warning = f"the test is expected to fail (xfail){passed}"
                found = [replace(one, warnings=[*one.warnings, warning]) for one in found]
            before = self._exceeded_before.get(report.nodeid, {})
            self._results[report.nodeid] = [
                replace(one, exceeded_before=before[one.name]) if one.name in before else one for one in found
            ]

    def _note_attempt(self, nodeid: str, measurements: Sequence[Measurement]) -> None:
        """Note which budgets an attempt exceeded that is run again, beside those of the attempts before."""
        before = self._exceeded_before.setdefault(nodeid, {}) if measurements else {}
        for one in measurements:
            if exceeded := [result.label for result in one.budgets if result.verdict is BudgetVerdict.EXCEEDED]:
                before[one.name] = [*dict.fromkeys((*before.get(one.name, ()), *exceeded))]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected, which fails the session as a test does."""
        if report.failed:
            self._failed[report.nodeid] = "collect"

    def pytest_keyboard_interrupt(self) -> None:
        """Note an interruption: `pytest.exit` chooses the exit status freely, so it does not tell."""
        self._is_interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Gather and write the result. The terminal summary would be too late: it does not run without a terminal."""
        late = self._session.late
        for nodeid, found in self._results.items():
            self._results[nodeid] = next((late[one.nodeid] for one in found if one.nodeid in late), found)
        ended = session.exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        ended |= self._is_interrupted
        running = [test for test, _ in self._session.tests.expectations.get("running", ())]
        not_run = len(set(running) - self._ended - {one.rpartition("@")[0] for one in self._ended})  # @: loadgroup
        result = run_result(
            self._session,
            [measurement for found in self._results.values() for measurement in found],
            self._expected_to_fail,
            self._unfinished,
            start=self._start,
            exit_status=int(session.exitstatus),
            is_cut_short=ended or bool(not_run or session.shouldfail or session.shouldstop),  # -x
            update=None if self._update is None else self._update.summary(),
        )
        is_on = self._session.policy.gate is not GateMode.OFF
        if self._history is not None:
            result = self._history.with_drift(result)
        elif is_on and not runs_nothing(self._session):
            result = with_unjudged_drift(self._session, result, has_history=False)
        failed = list(self._other_failures(result.findings))
        facts = replace(
            result.session,
            is_cut_short=ended or not_run > 0 or (not running and bool(session.shouldfail or session.shouldstop)),
            perf_tests=len(running) if running else None,
            not_run=not_run if running else None,
            left_out=list(self._left_out(running)),
            other_failures=len(failed),
            other_failed=failed,
        )
        result = self._with_readiness(replace(result, session=facts))
        is_gated = self._session.policy.gate is GateMode.FAIL
        is_left = is_gated and any(one.is_pending for one in result.measurements)
        if (fails_session(result.findings) or is_left) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        result = replace(result, session=replace(result.session, exit_status=int(session.exitstatus)))
        self._result = result
        self._config.pluginmanager.register(FailureTexts(result.findings))
        if runs_nothing(self._session):
            return  # the reports of a session that ran are worth more than this result
        self._write_errors = write_files(self._config, result)
        if is_on:
            self._doubts = [*empty_files(self._config, result), *filter(None, (add_to_step_summary(result),))]
        if self._history is not None:
            self._doubts += filter(None, (self._history.append(result),))
        if self._write_errors and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        tell_without_terminal(self._config, [*self._write_errors, *self._doubts], self._commands(result))

    def _left_out(self, running: Sequence[str]) -> Iterator[str]:
        """Yield the node ids of the perf tests that were deselected, or skipped or xfailed without a measurement."""
        yield from (test for test, _ in self._session.tests.expectations.get("deselected", ()))
        skipped = {
            test
            for test, why in self._unfinished.items()
            if why.startswith(WAS_SKIPPED) and not why.startswith(_NO_CASE)
        }
        unmeasured = [test for test in skipped | self._expected_to_fail if not self._results.get(test)]
        names = {*unmeasured, *(one.rpartition("@")[0] for one in unmeasured)}  # @: loadgroup
        yield from (test for test in running if test in names)

    def _commands(self, result: RunResult) -> Iterable[str]:
        return () if self._session.policy.gate is GateMode.OFF else workflow_commands(result)

    def _with_readiness(self, result: RunResult) -> RunResult:
        """Return the result, with a finding if the session is less ready than it has to be.

        The setting holds for sessions of perf tests, and the option for every session that runs tests.
        """
        is_asked = self._config.option.perf_require or result.measurements or result.session.perf_tests
        return result if runs_nothing(self._session) or not is_asked else with_readiness(result)

    def _other_failures(self, findings: Iterable[Finding]) -> Iterator[str]:
        """Yield the node ids of the tests that failed by something other than a finding."""
        failing = {one.test for one in findings if one.is_failure}
        for nodeid, when in self._failed.items():
            if when != "call" or not any(one.nodeid in failing for one in self._results.get(nodeid, ())):
                yield nodeid

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table, the findings and the counts."""
        for error in self._write_errors:
            terminalreporter.write_line(error, red=True)
        for warning in self._doubts:
            terminalreporter.write_line(warning, yellow=True)
        if self._result is None:
            return
        from pytest_perfbudget.report.formats import terminal  # noqa: PLC0415 - imports rich, needed for output only

        if self._session.policy.gate is GateMode.OFF:
            because = "pytest-codspeed measures this session" if is_measured_by_codspeed(self._config) else ""
            if self._results:
                terminalreporter.write(terminal.render_off(len(self._results), because))
            return
        layout = terminal.Layout(
            _width(terminalreporter),
            terminalreporter.hasmarkup,
            shows_bars(sys.stdout.encoding),
            terminalreporter.verbosity,
            partial(typed, self._config),
        )
        sections = {
            "performance budgets": terminal.render(self._result, layout),
            "performance spans": terminal.render_spans(self._result) if self._config.option.perf_spans else "",
            "performance baseline": terminal.render_update(self._result, layout),
        }
        for title, text in sections.items():
            if text:
                terminalreporter.section(title)
                terminalreporter.write(text)
        for command in self._commands(self._result):
            terminalreporter.write_line(command)


def _width(terminal: pytest.TerminalReporter) -> int:
    """Return the width of the table in columns: the terminal's or that of COLUMNS, else enough for node ids."""
    is_known = terminal.isatty or "COLUMNS" in os.environ
    return terminal.config.get_terminal_writer().fullwidth if is_known else 120
