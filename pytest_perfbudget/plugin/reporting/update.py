"""The update of the baseline: when all tests have run, those that passed are measured in fresh processes."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from pytest_perfbudget.baseline import store
from pytest_perfbudget.baseline.call_profiles import Calls, change_calls
from pytest_perfbudget.baseline.code_digest import code_digest, files_of
from pytest_perfbudget.baseline.commit import DIRTY, commit_of, missing_commits
from pytest_perfbudget.baseline.instruction_profiles import change_instructions
from pytest_perfbudget.baseline.machine import Machine, this_machine
from pytest_perfbudget.baseline.new_line import Provenance, measured
from pytest_perfbudget.baseline.reader import check_line
from pytest_perfbudget.baseline.schema import Baseline, Key
from pytest_perfbudget.baseline.update import LineUpdate, apply, update_line, with_uncertainty
from pytest_perfbudget.compare.obstacles import ADDRESS_IN_NAME
from pytest_perfbudget.core.baseline_update import UpdateAction, UpdateSummary
from pytest_perfbudget.core.cost_graph import calmest
from pytest_perfbudget.core.instructions import total_of
from pytest_perfbudget.core.kinds import NONE
from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.load_errors import exceeded_by
from pytest_perfbudget.core.measurement import Measurement, file_of, has_address
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import prior_of
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.weather import calm
from pytest_perfbudget.errors import BaselineError, WorkerError
from pytest_perfbudget.installed import installed_versions
from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.progress import update_log_text, update_progress_text

_LOGGED_S: Final = 30.0
"""The time in s after which a log gets a further line."""

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
        self._timed: set[tuple[str, str]] = set()
        self._budgets: dict[tuple[str, str], Sequence[BudgetResult]] = {}
        self._lines: list[LineUpdate] = []
        self._problem = "the session ended early: the baseline is unchanged"
        self._kept_out: dict[str, str] = {}
        self._left_out: dict[str, str] = {}
        self._began_with = ("", "")
        self._logged_s = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which perf tests passed in all their phases."""
        self._session.launcher.note_duration(report.duration)
        data = getattr(report, "perfbudget", None)
        if report.when in ("setup", "call"):
            self._passed.pop(report.nodeid, None)
            self._kept_out.pop(report.nodeid, None)
        if data:
            found = list(map(Measurement.from_dict, data))
            self._passed[report.nodeid] = report.passed
            if why := _why_untimed(found):
                self._passed[report.nodeid] = False
                self._kept_out[report.nodeid] = why
            for one in found:
                # Under xdist a report's node id may have a group's name at its end.
                self._tests[report.nodeid] = one.nodeid
                self._budgets[one.nodeid, one.name] = one.budgets
                if one.max_regression is not None:
                    self._shares[one.nodeid, one.name] = one.max_regression
                if one.rounds:
                    self._timed.add((one.nodeid, one.name))
        if report.failed:
            self._passed[report.nodeid] = False
            self._kept_out[report.nodeid] = "the test failed"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Measure when all tests have run: nothing else does then, under xdist neither."""
        result = yield
        if self._session.config.option.collectonly:
            return result
        self._problem = "the update was interrupted: the baseline is unchanged"
        tests = [self._tests[nodeid] for nodeid, passed in self._passed.items() if passed]
        self._began_with = self._origin()
        try:
            found = self._measure(tests) if tests else {}
            self._write(found)
            self._problem = ""
        except (BaselineError, WorkerError) as error:
            self._lines = []
            self._problem = f"the baseline was not updated: {error}"
        return result

    def summary(self) -> UpdateSummary:
        """Return the outcome as reports show it."""
        lines = [one.result() for one in self._lines]
        file = self._session.settings.baseline
        return UpdateSummary(
            file,
            lines,
            self._kept_out,
            self._problem,
            left_out=self._left_out,
            is_accepting=bool(self._reason),
            is_uncommitted=any(
                one.action.writes_line and one.line is not None and one.line.commit.endswith(DIRTY)
                for one in self._lines
            ),
        )

    def _measure(self, tests: Sequence[str]) -> dict[tuple[str, str], list[Recording]]:
        runs = self._session.settings.baseline_runs
        here = this_machine().key
        known = [key.test for key in self._session.baseline.lines if key.machine == here]
        launcher = self._session.launcher
        launcher.companion_files = {file_of(test) for test in (*known, *tests)}
        done, start_s = 0, time.monotonic()
        found: dict[tuple[str, str], list[Recording]] = {}
        try:
            own_file_only = not self._goes_with_companions(tests)
            for run in range(runs):
                # Another test comes first each time, and every other time they go backwards: what one does
                # to the next is to be part of the spread.
                start, is_reversed = run * len(tests) // runs, run % 2 == 1
                for answer in launcher.measure(
                    tests, start=start, is_reversed=is_reversed, own_file_only=own_file_only
                ):
                    done += 1
                    self._show_progress(done, len(tests), runs, time.monotonic() - start_s)
                    if answer.problem:
                        self._kept_out[answer.nodeid] = answer.problem
                    for one in map(Measurement.from_dict, answer.measurements):
                        if has_address(one.name):
                            self._kept_out[one.nodeid] = f"{one.name}: {ADDRESS_IN_NAME}"
                        elif one.recording is not None and one.recording.untimed and not one.recording.counts:
                            # A benchmark that may not be called twice can have a result, and no line.
                            is_whole = one.kind is not NONE and (one.nodeid, one.name) in self._timed
                            away = self._left_out if is_whole else self._kept_out
                            away[one.nodeid] = one.recording.untimed
                        elif one.recording is not None:
                            found.setdefault((one.nodeid, one.name), []).append(one.recording)
        finally:
            self._session.progress.clear()
        for place, recordings in found.items():
            if why := self._why_failed(place, recordings):
                self._kept_out[place[0]] = why
        return {place: recordings for place, recordings in found.items() if place[0] not in self._kept_out}

    def _show_progress(self, done: int, tests: int, runs: int, spent_s: float) -> None:
        total = runs * tests
        left_s = spent_s / done * (total - done)
        run = (done - 1) // tests + 1
        self._session.progress.note(update_progress_text(run, runs, done, total, left_s))
        if done == tests < total or (done < total and spent_s - self._logged_s >= _LOGGED_S):
            self._logged_s = spent_s
            self._session.progress.log(update_log_text(done, tests, runs, left_s))

    def _why_failed(self, place: tuple[str, str], recordings: Sequence[Recording]) -> str:
        """Return that a load had more errors in the fresh processes than its limits allow; empty if it had not."""
        count = ErrorCount.together(one.load_errors for one in recordings)
        alpha = self._session.settings.alpha
        if not exceeded_by(self._budgets.get(place, ()), count, alpha):
            return ""
        return f"{place[1]}: {count.text} in fresh processes, and a baseline of a load needs its answers"

    def _goes_with_companions(self, tests: Sequence[str]) -> bool:
        """Return whether the files of all tests of the baseline can be collected together with these."""
        launcher = self._session.launcher
        if (
            not any(launcher.has_companions(test) for test in tests)
            or launcher.companion_files <= self._session.tests.collected.files
        ):
            return True
        try:
            return not any(answer.problem for answer in launcher.measure(tests[:1]))
        except WorkerError:
            return False

    def _origin(self) -> tuple[str, str]:
        """Return the commit and the digest of the code that is measured."""
        root, file = self._session.config.rootpath, self._session.baseline_file
        commit = commit_of(root, files_of(file), [*map(Path, own_modules(root).values())])
        return commit, code_digest(root, file) if commit else ""

    def _write(self, found: _Measured) -> None:
        session, machine = self._session, this_machine()
        root = session.config.rootpath
        commit, code = self._origin()
        if (commit, code) != self._began_with:  # edited meanwhile, so nobody knows which code was measured
            commit, code = f"{commit.removesuffix(DIRTY)}{DIRTY}" if commit else "", ""
        made = Provenance(commit, dt.date.today().isoformat(), code=code)  # noqa: DTZ011 - the user's day
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
            compared = len({*fitted, *(key for key in before.lines if key.machine == machine.key)})
            commits = {one.commit for key, one in before.lines.items() if key in fitted}
            lost = missing_commits(root, commits)
            allowed = session.settings.max_regression.share
            tolerances = {key: self._shares.get((key.test, key.name), allowed) for key in fitted}
            self._lines = [
                update_line(
                    before.lines.get(key),
                    line,
                    found[key.test, key.name],
                    prior=prior,
                    tolerance=tolerances[key],
                    reason=self._reason,
                    is_lost=key in before.lines and before.lines[key].commit in lost,
                    sharing=len(fitted),
                    compared=compared,
                )
                for key, line in fitted.items()
            ]
            self._lines += [
                LineUpdate(key, UpdateAction.REMOVED, None, line)
                for key, line in before.lines.items()
                if key.machine == machine.key and self._is_gone(key, found)
            ]
            after = apply(before.lines, self._lines)
            times = [line.time for key, line in after.items() if key.machine == machine.key and line.time]
            self._lines = with_uncertainty(self._lines, times, tolerances, session.settings.alpha)
            return Baseline({**before.machines, machine.key: machine}, after)

        store.change(session.baseline_file, edit, self._write_calls(found, machine))

    def _write_calls(self, found: _Measured, machine: Machine) -> store.Beside:
        def write(after: Baseline) -> None:
            replaced = {one.key[:2] for one in self._lines if one.action.writes_line}
            kept = {key[:2] for key in after.lines}
            removed = {one.key[:2] for one in self._lines if one.action is UpdateAction.REMOVED} - kept
            profiles = {
                (*place, machine.python): _profile(found[place], machine)
                for place in replaced
                if any(one.functions for one in found[place])
            }
            versions = {}
            if self._vouches_for_all(after, machine):
                versions[machine.key] = installed_versions(self._session.config.rootpath)
            change_calls(self._session.baseline_file, profiles, removed, versions)
            executed = {
                (*place, machine.python): max((one.instructions for one in found[place]), key=total_of)
                for place in replaced
            }
            change_instructions(self._session.baseline_file, executed, removed)

        return write

    def _vouches_for_all(self, after: Baseline, machine: Machine) -> bool:
        """Return whether all times of this machine are those of the code that is installed now.

        A line that is kept although its test is slower now, or that was not measured, may be of older versions.
        """
        vouched = {one.key for one in self._lines if one.action.writes_line or one.action is UpdateAction.UNCHANGED}
        return all(key in vouched for key in after.lines if key.machine == machine.key)

    def _is_gone(self, key: Key, found: _Measured) -> bool:
        """Return whether a line is to be pruned: its test is not there, or was measured without it."""
        if not self._prune or (key.test, key.name) in found:
            return False
        if [key.test, key.name] in self._session.tests.expectations.get("absent", ()):
            return True
        return any(test == key.test for test, _ in found)


def _profile(recordings: Sequence[Recording], machine: Machine) -> Calls:
    """Return the calls of the run with the most calls, and the costs of the calmest profiles."""
    costs = [one.costs for one in recordings if one.costs is not None]
    functions = max((one.functions for one in recordings), key=_total)
    return Calls.from_functions(functions, machine.key, calmest(costs) if costs else None)


def _why_untimed(measurements: Sequence[Measurement]) -> str:
    """Return the reason why nothing of a test was timed in the session; empty if something was."""
    if not all(one.kind is NONE for one in measurements):
        return ""
    reasons = [one.unmeasured or next((budget.reason for budget in one.budgets), "") for one in measurements]
    return reasons[0] if reasons else ""


def _total(functions: Mapping[str, int]) -> int:
    return sum(functions.values())
