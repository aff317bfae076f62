"""The result of a session, gathered from the measurements of all its processes."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from pytest_perfbudget.baseline.commit import current_branch, current_commit, folder_in_repository, is_dirty
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.core.baseline_update import UpdateSummary
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.kinds import BENCHMARK, NONE, PEDANTIC
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.session_findings import (
    find_loosened,
    find_missing,
    find_not_recorded,
    find_not_updated,
    find_nothing_compared,
)
from pytest_perfbudget.measure.system_load import busy_load
from pytest_perfbudget.plugin.collection.typed_options import deselecting_settings
from pytest_perfbudget.plugin.reporting.base_tests import adds_xfail, find_left_out
from pytest_perfbudget.plugin.reporting.output import leaves_the_terminal
from pytest_perfbudget.plugin.reporting.part import part_of
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.closing import benchmarks_measured_text, busy_machine_text

_NOT_RUN = "the test did not run to its end"
_LOST = "the test no longer makes this measurement"
_UNMARKED = "the test is no perf test any more: it has no marker, no entry and no fixture that measures"
_SKIPPED = "the file of the test was skipped"
WAS_SKIPPED = "the test was skipped"
_SAYS_WHY = (RegressionVerdict.UNMEASURED, RegressionVerdict.WRONG_CODE)


@dataclass(frozen=True)
class Start:
    """The start of a session."""

    at: datetime = field(default_factory=lambda: datetime.now(timezone.utc).astimezone())


def run_result(
    session: PerfSession,
    measurements: Sequence[Measurement],
    expected_to_fail: Collection[str],
    unfinished: Mapping[str, str],
    *,
    start: Start,
    exit_status: int,
    is_cut_short: bool,
    update: UpdateSummary | None,
) -> RunResult:
    """Return everything that a session found.

    Args:
        session: the session.
        measurements: of all its processes.
        expected_to_fail: the tests that xfail lets fail, whose findings fail nothing.
        unfinished: the tests that were skipped or failed, each with the reason.
        start: of the session.
        exit_status: pytest's.
        is_cut_short: whether the session ended before its last test.
        update: of the baseline; None if there was none.
    """
    forgiven = _forgiven(session, expected_to_fail)
    measurements = [replace(one, is_expected_to_fail=one.nodeid in forgiven) for one in measurements]
    missing = _missing(session, measurements, unfinished, is_cut_short=is_cut_short)
    can_be_mended = session.config.option.perf_against is None
    findings = session.worded(measurements)
    if session.base_policy is not None:
        policy = session.base_policy
        others = [("", "", one) for one in policy.loosened]
        others += [(key.test, key.name, one) for key, one in policy.raised_baseline()]
        findings = [*find_loosened(measurements, others, session.policy, is_enforced=policy.is_enforced), *findings]
    against: str | None = session.config.option.perf_against
    if against is not None and session.comparison is not None:
        both = session.tests.expectations.get("both")  # None: the other commit was not asked, and may have any test
        ended = (session.comparison.gone, _LOST)
        not_run = [one.test for one in missing if one.reason not in ended and one.test not in expected_to_fail]
        # A measurement may have another name on each side, such as that of a function that a decorator has renamed.
        reported = {one.nodeid for one in measurements}
        findings += find_nothing_compared(
            measurements,
            session.policy,
            against,
            is_lost=any(both is None or [test, ""] in both for test in not_run)
            or any(one.test in reported for one in missing),
            has_perf_tests=runs_nothing(session) or is_cut_short or "collected" in session.tests.expectations,
            deselected=0 if runs_nothing(session) or is_cut_short else _deselected(session),
            settings=_left_out_by(session),
            may_compare_nothing=session.settings.unmeasured == "warn",
        )
    if measurements and not is_cut_short and not _is_part(session):
        limits, known = session.settings.limits.spans, session.known_spans
        findings += find_not_recorded(limits, measurements, session.policy, known)
    not_made = find_missing(missing, session.policy, can_be_mended=can_be_mended)
    if session.base_policy is not None:  # whoever removes a perf test, or skips it, loosens its limits
        left_out = [one for one in not_made if _is_left_out(session, one.headline)]
        skipped = [test for test, reason in unfinished.items() if reason.startswith(WAS_SKIPPED)]
        # Under --dist loadgroup, pytest-xdist appends the group of a test to its node id.
        taken = {*unfinished, *(one.rpartition("@")[0] for one in unfinished), *expected_to_fail}
        taken |= {one.nodeid for one in measurements}
        findings = [*find_left_out(session, left_out, expected_to_fail, skipped, taken), *findings]
        not_made = [one for one in not_made if one not in left_out]
    findings += not_made
    findings += find_not_updated(update) if update is not None else []
    return RunResult(
        _facts(session, start, exit_status, measurements),
        _compared_with(session),
        measurements,
        findings,
        missing,
        update,
    )


def _forgiven(session: PerfSession, expected_to_fail: Collection[str]) -> Collection[str]:
    """Return the tests whose findings fail nothing; a pull request cannot forgive itself by a new xfail."""
    policy = session.base_policy
    if policy is None or not policy.is_enforced:
        return expected_to_fail
    return [one for one in expected_to_fail if not adds_xfail(session, one)]


def _is_left_out(session: PerfSession, reason: str) -> bool:
    """Return whether a measurement is missing because the working tree has left its test out."""
    gone = session.comparison.gone if session.comparison is not None else ""
    return reason in (gone, _LOST, _UNMARKED, _SKIPPED) or reason.startswith(WAS_SKIPPED)


def _left_out_by(session: PerfSession) -> str:
    """Return what leaves perf tests out, other than the command line; empty if there is nothing."""
    if found := deselecting_settings(session.config):
        return f"{found} of addopts: give the option on the command line, too"
    if session.tests.expectations.get("by conftest"):
        return "a conftest.py: add the option that makes the conftest.py run them"
    return ""


def _deselected(session: PerfSession) -> int:
    """Return the number of perf tests, if all of them were deselected; else 0."""
    expectations = session.tests.expectations
    return 0 if expectations.get("chosen") else len(expectations.get("collected", ()))


def _is_part(session: PerfSession) -> bool:
    """Return whether the command line selects tests, so that others may record what these do not."""
    option = session.config.option
    selects = any(getattr(option, name, None) for name in ("keyword", "markexpr", "lf", "deselect"))
    return selects or any("::" in one or one.endswith(".py") for one in session.config.args)


def runs_nothing(session: PerfSession) -> bool:
    """Return whether the command line asks for no test to run."""
    option = session.config.option
    return bool(option.collectonly or option.setuponly or option.setupplan)


def _missing(
    session: PerfSession,
    measurements: Sequence[Measurement],
    unfinished: Mapping[str, str],
    *,
    is_cut_short: bool,
) -> list[Missing]:
    """Return what the other side has and this session should have measured, with the reason why it has not.

    A measurement that has another name here is not named twice: the measurement of the other name says so.
    """
    if is_cut_short or session.is_updating or runs_nothing(session):
        return []
    measured = {(one.nodeid, one.name) for one in measurements if one.changes}
    reported = {one.nodeid for one in measurements}
    # A test that measured nothing, or something else, has a measurement that says why.
    unmeasured = {one.nodeid for one in measurements for change in one.changes if change.verdict in _SAYS_WHY}
    explained = unmeasured | (reported - {one.nodeid for one in measurements if one.kind is not NONE})
    expectations = session.tests.expectations

    def reason(test: str) -> str:
        return unfinished.get(test, _LOST if test in reported else _NOT_RUN)

    gone = session.comparison.gone if session.comparison is not None else ""
    return [
        *(
            Missing(test, name, reason(test), is_gone=reason(test) == _LOST)
            for test, name in expectations.get("expected", ())
            if (test, name) not in measured and test not in explained
        ),
        *(
            Missing(test, name, _LOST if test in reported else gone, is_gone=True)
            for test, name in expectations.get("absent", ())
            if (test, name) not in measured and not (test in explained and name)
        ),
        *(Missing(test, "", _UNMARKED, is_gone=True) for test, _ in expectations.get("unmarked", ())),
        *(Missing(test, "", _SKIPPED) for test, _ in expectations.get("skipped", ())),
        *(Missing(test, "", reason(test)) for test, _ in expectations.get("chosen", ()) if test not in reported),
    ]


def _compared_with(session: PerfSession) -> ComparedWith | None:
    if session.comparison is None:
        return None
    others = [(test, name) for test, name in session.tests.expectations.get("others", ())]
    comparison = session.comparison
    return ComparedWith(comparison.against, comparison.remark, others, comparison.sharing)


def _notes(session: PerfSession, measurements: Sequence[Measurement]) -> list[str]:
    """Return notes about the session: on its machine, and the answer to pytest-benchmark's warning under xdist."""
    found = list(session.settings.notes)
    if pending := [one.nodeid for one in measurements if one.is_pending]:
        found.append(f"{', '.join(dict.fromkeys(pending))}: the comparison after the last test did not come to an end")
    measured = {one.nodeid for one in measurements if one.kind in {BENCHMARK, PEDANTIC} and one.rounds}
    if measured and getattr(session.config.option, "dist", "no") != "no":
        found.append(benchmarks_measured_text(len(measured)))
    if session.comparison is not None and (busy := busy_load()) is not None:
        found.append(busy_machine_text(*busy))
    return found


def _facts(session: PerfSession, start: Start, exit_status: int, measurements: Sequence[Measurement]) -> SessionFacts:
    config, settings, policy = session.config, session.settings, session.policy
    part = part_of(config)
    facts = SessionFacts(
        started_at=start.at.isoformat(timespec="seconds"),
        duration_s=round((datetime.now(timezone.utc) - start.at).total_seconds(), 3),
        exit_status=exit_status,
        part=None if part is None else part.number,
        parts=None if part is None else part.total,
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        cpus=os.cpu_count(),
        workers=len(getattr(config.option, "tx", None) or ()),
        gate=policy.gate.value,
        strict=policy.strict,
        alpha=settings.alpha,
        confidence=settings.confidence,
        max_time_ns=session.max_time_ns or settings.max_time_ns,
        warn_at=settings.warn_at,
        require=config.option.perf_require or settings.require,
        notes=_notes(session, measurements),
    )
    return _for_a_file(facts, config.rootpath) if leaves_the_terminal(config) else facts


def _for_a_file(facts: SessionFacts, root: Path) -> SessionFacts:
    """Return the facts with those that only files have: git is asked four times, a package's version takes 40 ms."""
    machine = this_machine()
    return replace(
        facts,
        versions={name: version(name) for name in ("pytest", "pytest-perfbudget")},
        machine_key=machine.key,
        machine=str(machine),
        commit=current_commit(root),
        branch=current_branch(root),
        folder=folder_in_repository(root),
        is_dirty=is_dirty(root),
    )
