"""Updates the baseline: when the session's tests have run, those that passed are measured in fresh processes."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Generator, Mapping, Sequence
from functools import partial

import pytest

from pytest_perfbudget.baseline import store
from pytest_perfbudget.baseline.call_profiles import Calls, change_calls
from pytest_perfbudget.baseline.commit import current_commit
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.reader import check_line
from pytest_perfbudget.baseline.schema import Baseline, Key
from pytest_perfbudget.baseline.update import LineUpdate, Provenance, UpdateAction, apply, measured, update_line
from pytest_perfbudget.core.reference import prior_of
from pytest_perfbudget.core.results import Measurement, Recording
from pytest_perfbudget.core.weather import calm
from pytest_perfbudget.errors import BaselineError, WorkerError
from pytest_perfbudget.plugin.collection.collected import typed
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.changes import update_progress_text, update_text

_Measured = Mapping[tuple[str, str], Sequence[Recording]]


class Update:
    """Measures at the end of a session, writes the baseline and reports what changed."""

    def __init__(self, session: PerfSession) -> None:
        self._session = session
        option = session.config.option
        self._reason: str = option.perf_reason or ""
        self._prune: bool = option.perf_prune
        self._passed: dict[str, bool] = {}
        self._tests: dict[str, str] = {}
        self._shares: dict[tuple[str, str], float] = {}
        self._revisions: list[LineUpdate] = []
        self._problems = ["the session ended early: the baseline stands as it was"]
        self._kept_out: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which perf tests passed in all their phases."""
        self._session.fresh.saw(report.duration)
        data = getattr(report, "perfbudget", None)
        if report.when == "call":
            self._passed.pop(report.nodeid, None)
        if data:
            self._passed[report.nodeid] = report.passed
            for one in map(Measurement.from_dict, data):
                # Under xdist a report's node id may have a group's name at its end.
                self._tests[report.nodeid] = one.nodeid
                if one.max_regression is not None:
                    self._shares[one.nodeid, one.name] = one.max_regression
        if report.failed:
            self._passed[report.nodeid] = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Measure when all tests have run: nothing else does then, under xdist neither."""
        result = yield
        if self._session.config.option.collectonly:
            return result
        self._problems = ["the update was interrupted: the baseline stands as it was"]
        tests = [self._tests[nodeid] for nodeid, passed in self._passed.items() if passed]
        try:
            found = self._measure(tests) if tests else {}
            self._write(found)
            self._problems.clear()
        except (BaselineError, WorkerError) as error:
            self._revisions.clear()
            self._problems = [f"the baseline was not updated: {error}"]
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the exit code say that something was not updated."""
        # With a reason, what cannot be told from noise was to be accepted as well.
        kept = (UpdateAction.REFUSED, UpdateAction.UNDECIDED) if self._reason else (UpdateAction.REFUSED,)
        refused = any(one.action in kept for one in self._revisions)
        if (refused or self._problems or self._kept_out) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what changed."""
        from pytest_perfbudget.plugin.reporting.summary import shown_width, shows_blocks  # noqa: PLC0415
        from pytest_perfbudget.report.formats.terminal import render_revisions  # noqa: PLC0415 - rich

        terminalreporter.section("performance baseline")
        if self._revisions:
            width, color = shown_width(terminalreporter), terminalreporter.hasmarkup
            terminalreporter.write(render_revisions(self._revisions, width=width, color=color, unicode=shows_blocks()))
        for nodeid, why in self._kept_out.items():
            terminalreporter.write_line(f"not updated: {nodeid}: {why}", yellow=True)
        shown = partial(typed, self._session.config)
        for line in self._problems or update_text(self._revisions, self._session.settings.baseline, shown):
            terminalreporter.write_line(line, red=bool(self._problems))

    def _measure(self, tests: Sequence[str]) -> dict[tuple[str, str], list[Recording]]:
        runs = self._session.settings.baseline_runs
        here = this_machine().key
        known = [key.test for key in self._session.baseline.lines if key.machine == here]
        self._session.fresh.company = {test.partition("::")[0] for test in (*known, *tests)}
        total, done, start_s = runs * len(tests), 0, time.monotonic()
        found: dict[tuple[str, str], list[Recording]] = {}
        try:
            alone = not self._goes_with_company(tests)
            for run in range(runs):
                # Another test comes first each time, and every other time they go backwards: what one does
                # to the next is to be part of the spread.
                start, is_reversed = run * len(tests) // runs, run % 2 == 1
                for answer in self._session.fresh.measure(tests, start=start, is_reversed=is_reversed, alone=alone):
                    done += 1
                    left_s = (time.monotonic() - start_s) / done * (total - done)
                    self._session.progress.note(update_progress_text(run + 1, runs, done, total, left_s))
                    if answer.problem:
                        self._kept_out[answer.nodeid] = answer.problem
                    for one in map(Measurement.from_dict, answer.measurements):
                        if one.recording is not None:
                            found.setdefault((one.nodeid, one.name), []).append(one.recording)
        finally:
            self._session.progress.clear()
        return {place: recordings for place, recordings in found.items() if place[0] not in self._kept_out}

    def _goes_with_company(self, tests: Sequence[str]) -> bool:
        """Return whether the files of all tests of the baseline can be collected together with these."""
        fresh = self._session.fresh
        if not any(fresh.has_company(test) for test in tests) or fresh.company <= self._session.collected.files:
            return True
        try:
            return not any(answer.problem for answer in fresh.measure(tests[:1]))
        except WorkerError:
            return False

    def _write(self, found: _Measured) -> None:
        session, machine = self._session, this_machine()
        made = Provenance(current_commit(session.config.rootpath), dt.date.today().isoformat())  # noqa: DTZ011 - the user's day
        blocks = [block for recordings in found.values() for one in recordings for block in one.blocks]
        calm_ns = calm(blocks) if blocks else ()
        fitted = {
            Key(*place, machine.key): measured(Key(*place, machine.key), recordings, calm_ns, made)
            for place, recordings in found.items()
        }

        for key, line in list(fitted.items()):
            try:
                check_line(machine, line)
            except BaselineError as error:
                self._kept_out[key.test] = f"its runs are too far apart to be of use: {error}"
                del fitted[key]

        def edit(before: Baseline) -> Baseline:
            here = [line.time for key, line in before.lines.items() if key.machine == machine.key and line.time]
            prior = prior_of(here)
            self._revisions = [
                update_line(
                    before.lines.get(key),
                    line,
                    found[key.test, key.name],
                    prior=prior,
                    share=self._shares.get((key.test, key.name), session.settings.max_regression.share),
                    reason=self._reason,
                )
                for key, line in fitted.items()
            ]
            self._revisions += [
                LineUpdate(key, UpdateAction.REMOVED, None, line)
                for key, line in before.lines.items()
                if key.machine == machine.key and self._is_gone(key, found)
            ]
            return Baseline({**before.machines, machine.key: machine}, apply(before.lines, self._revisions))

        store.change(session.baseline_file, edit, self._write_calls(found, machine.python))

    def _write_calls(self, found: _Measured, python: str) -> store.Beside:
        def write(after: Baseline) -> None:
            replaced = {
                one.key[:2]
                for one in self._revisions
                if one.action
                in (UpdateAction.ACCEPTED, UpdateAction.NEW, UpdateAction.FASTER, UpdateAction.MORE_PRECISE)
            }
            kept = {key[:2] for key in after.lines}
            removed = {one.key[:2] for one in self._revisions if one.action is UpdateAction.REMOVED} - kept
            profiles = {
                (*place, python): Calls.from_functions(max((one.functions for one in found[place]), key=_total))
                for place in replaced
                if any(one.functions for one in found[place])
            }
            change_calls(self._session.baseline_file, profiles, removed)

        return write

    def _is_gone(self, key: Key, found: _Measured) -> bool:
        """Return whether a line is to be pruned: its test is not there, or was measured without it."""
        if not self._prune or (key.test, key.name) in found:
            return False
        if [key.test, key.name] in self._session.expectations.get("absent", ()):
            return True
        return any(test == key.test for test, _ in found)


def _total(functions: Mapping[str, int]) -> int:
    return sum(functions.values())
