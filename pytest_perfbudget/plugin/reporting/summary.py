"""The reporting half of the plugin: gathers results on the controller, shows and writes them."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pytest_perfbudget.core.gate import tally
from pytest_perfbudget.core.results import Measurement
from pytest_perfbudget.plugin.collection.collected import typed
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.changes import (
    change_notes,
    changes_text,
    others_text,
    regression_verdicts,
    standings_text,
)
from pytest_perfbudget.report.formats import json as document
from pytest_perfbudget.report.view import counts_text, failure_text, notes, off_text

_MOST_CALM = 40
"""Budgets well within that the table shows; none with -q, all with -v."""


class Summary:
    """The results of a session, by test; a test that is run again replaces its own."""

    def __init__(self, session: PerfSession) -> None:
        self._session = session
        self._config = session.config
        self._settings = session.settings
        self._results: dict[str, list[Measurement]] = {}
        self._write_errors: list[str] = []
        self._is_cut_short = False

    @property
    def measurements(self) -> list[Measurement]:
        """All measurements in the order their tests ended."""
        return [measurement for found in self._results.values() for measurement in found]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results off a report, be it from here or from an xdist worker."""
        data: list[dict[str, Any]] | None = getattr(report, "perfbudget", None)
        if report.when == "call":
            self._results.pop(report.nodeid, None)  # of a run before a rerun
        if data is not None:
            found = [Measurement.from_dict(entry) for entry in data]
            if hasattr(report, "wasxfail"):
                found = [
                    replace(one, warnings=[*one.warnings, "the test is expected to fail (xfail)"]) for one in found
                ]
            self._results[report.nodeid] = found

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files; here and not in the summary, so that it works without a terminal."""
        ended = session.exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        self._is_cut_short = ended or bool(session.shouldfail or session.shouldstop)  # -x
        strict = self._session.strict and self._session.gate == "fail"
        if strict and self._fails_missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._config.option.perf_output:
            self._write(session)

    def _write(self, session: pytest.Session) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - 40 ms, only to write a file

        option = self._config.option
        facts = document.session_facts(
            self._settings,
            gate=option.perf_gate,
            strict=option.perf_strict or self._settings.strict,
            workers=len(getattr(self._config.option, "tx", None) or ()),
            exit_status=int(session.exitstatus),
            versions={name: version(name) for name in ("pytest", "pytest-perfbudget")},
        )
        built = document.build(self.measurements, facts, self._missing())
        for path in option.perf_output:
            try:
                document.write(built, self._config.invocation_params.dir / path)
            except OSError as error:
                self._write_errors.append(f"--perf-output: {path} cannot be written: {error.strerror}")
        if self._write_errors and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table, the notes and the counts."""
        for error in self._write_errors:
            terminalreporter.write_line(error, red=True)
        if self._config.option.perf_gate == "off":
            if self._results:
                terminalreporter.write_line(off_text(len(self._results)))
            return
        measurements = self.measurements
        if measurements or self._missing():
            self._show(measurements, terminalreporter)

    def _show(self, measurements: list[Measurement], terminal: pytest.TerminalReporter) -> None:
        from pytest_perfbudget.report.formats.terminal import render_table  # noqa: PLC0415 - rich, only to show something

        warn_at = self._settings.warn_at
        terminal.section("performance budgets")
        table = render_table(
            measurements,
            width=shown_width(terminal),
            color=terminal.hasmarkup,
            unicode=shows_blocks(),
            warn_at=warn_at,
            most_calm=None if terminal.verbosity > 0 else _MOST_CALM if terminal.verbosity == 0 else 0,
        )
        terminal.write(table)
        for note in notes(measurements, warn_at):
            terminal.write_line(note)
        if self._config.option.perf_gate == "warn":
            text = failure_text(measurements, strict=False, errors=self._settings.errors)
            for line in text.splitlines():
                terminal.write_line(line)
        self._show_changes(measurements, terminal)
        for note in self._settings.notes:
            terminal.write_line(f"note: {note}", yellow=True)
        verdicts = tally(judgement.verdict for one in measurements for judgement in one.judgements)
        text = counts_text(verdicts, measurements)
        if verdicts["exceeded"] and self._config.option.perf_gate == "warn":
            text += " (nothing fails: --perf-gate=warn)"
        calm = not (verdicts["exceeded"] or verdicts["undecided"] or verdicts["unmeasured"])
        terminal.write_line(text, red=bool(verdicts["exceeded"]), green=calm)

    def _show_changes(self, measurements: list[Measurement], terminal: pytest.TerminalReporter) -> None:
        """Show how the session stands against the baseline, if there is one."""
        if self._session.comparison is None:
            return
        from pytest_perfbudget.report.formats.terminal import render_changes  # noqa: PLC0415 - rich

        missing = self._missing()
        table = render_changes(
            measurements,
            width=shown_width(terminal),
            color=terminal.hasmarkup,
            unicode=shows_blocks(),
            all_rows=terminal.verbosity > 0,
        )
        terminal.write(table)
        for note in change_notes(measurements, missing):
            terminal.write_line(note)
        if self._session.gate == "warn":
            text = changes_text(measurements, strict=False, named=True, typed=partial(typed, self._config))
            for line in text.splitlines():
                terminal.write_line(line)
        if others := len(self._session.expectations.get("others", ())):
            terminal.write_line(others_text(others))
        counts = regression_verdicts(measurements, len(missing))
        terminal.write_line(standings_text(counts, self._session.comparison.against), red=bool(counts["regressed"]))
        if self._session.comparison.remark:
            terminal.write_line(self._session.comparison.remark, yellow=True)
        if self._fails_missing() and self._session.strict and self._session.gate == "fail":
            terminal.write_line(
                "What is missing fails the session because of --perf-strict (or strict = true).", red=True
            )

    def _fails_missing(self) -> bool:
        """Return whether something is missing that can be put right: another commit keeps its tests for ever."""
        return bool(self._missing()) and self._config.option.perf_against is None

    def _missing(self) -> list[tuple[str, str]]:
        """Return what the baseline has and this session should have measured, with the reason why it has not."""
        option = self._config.option
        runs_nothing = option.collectonly or option.setuponly or option.setupplan
        if self._is_cut_short or self._session.is_updating or runs_nothing:
            return []
        measured = {(one.nodeid, one.name) for one in self.measurements if one.changes}
        expectations = self._session.expectations
        missing = [
            (f"{test} {name}".rstrip(), "it did not run to its end, or has no such measurement any more")
            for test, name in expectations.get("expected", ())
            if (test, name) not in measured
        ]
        gone = self._session.comparison.gone if self._session.comparison is not None else ""
        absent = [one for one in expectations.get("absent", ()) if tuple(one) not in measured]
        return missing + [(f"{test} {name}".rstrip(), gone) for test, name in absent]


def shown_width(terminal: pytest.TerminalReporter) -> int:
    """Return the columns for the table: the terminal's, and enough for node ids when there is none."""
    return terminal.config.get_terminal_writer().fullwidth if terminal.isatty else 120


def shows_blocks() -> bool:
    """Return whether standard output can show block characters and lines."""
    try:
        "█░─".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
