"""The wording of a session's readiness: every reason in a few words, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.readiness import Cause, Grade, Readiness, Reason, find_not_ready, readiness_of
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import printable

_MOST_NAMED: Final = 5
"""The most places that the long text names for each reason."""

_COUNTED: Final = {
    Cause.EXCEEDED: ("budget", "exceeded"),
    Cause.REGRESSED: ("number", "regressed"),
    Cause.WRONG_CODE: ("number", "of the wrong code"),
    Cause.DRIFT_EXCEEDED: ("number", "drifted above max_drift"),
    Cause.TESTS_FAILED: ("test", "failed for other reasons"),
    Cause.FAILED: ("further failure", "of the gate"),
    Cause.LOAD_NOT_RUN: ("load target", "not measured"),
    Cause.UNMEASURED: ("number", "not measured"),
    Cause.UNFINISHED: ("measurement", "of the other side not made"),
    Cause.MISSING: ("measurement", "of the baseline that no test makes any more"),
    Cause.REMOVED: ("measurement", "of the other commit that no test makes any more"),
    Cause.NOT_RUN: ("measurement", "of the baseline not run"),
    Cause.PART_MISSING: ("part", "of the suite missing"),
    Cause.LEFT_OUT: ("perf test", "deselected, skipped or xfailed"),
    Cause.LOAD_TOO_SHORT: ("load target", "undecided"),
    Cause.TOO_FEW_ROUNDS: ("budget", "with too few rounds"),
    Cause.BUSY_MACHINE: ("budget", "undecided only because other processes held the CPU"),
    Cause.UNDECIDED: ("number", "undecided"),
    Cause.NOT_CONFIRMED: ("number", "undecided after fresh processes"),
    Cause.UNCERTAIN_BASELINE: ("number", "undecided beside an uncertain baseline"),
    Cause.NO_BASELINE: ("number", "without a baseline"),
    Cause.NOT_COMPARED: ("changed test", "not compared"),
    Cause.DRIFTED: ("number", "that drifted from the anchor"),
    Cause.HEALTH_FALLING: ("budget", "closer to the limit than before"),
}
WHOLE: Final = {
    Cause.TESTS_FAILED: "tests failed for other reasons",
    Cause.SESSION_FAILED: "the session failed by something else than its tests, such as another plugin",
    Cause.FAILED: "what could not be judged fails the session",
    Cause.ENDED_EARLY: "the session ended early",
    Cause.NOTHING_MEASURED: "nothing was measured",
    Cause.NO_BASELINE: "no baseline",
    Cause.DRIFT_NOT_JUDGED: "drift not decided",
}
"""The words for reasons that are about the whole session."""

_ACTIONS: Final = {
    Cause.UNFINISHED: "let every test run to its end",
    Cause.MISSING: "to remove: pytest --perf-update-baseline --perf-prune",
    Cause.NOT_RUN: "run the whole suite",
    Cause.PART_MISSING: "merge the reports of all parts",
    Cause.LEFT_OUT: "run the whole suite",
    Cause.LOAD_TOO_SHORT: "make the load longer",
    Cause.TOO_FEW_ROUNDS: "raise max_time, or loop the timer",
    Cause.BUSY_MACHINE: "run again, or on a calmer machine",
    Cause.UNDECIDED: "raise max_time",
    Cause.NOT_CONFIRMED: 'compare in turns: confirm = "duet" or pytest --perf-against COMMIT',
    Cause.UNCERTAIN_BASELINE: "update the baseline on a calm machine: pytest --perf-update-baseline",
    Cause.NO_BASELINE: "pytest --perf-update-baseline",
    Cause.DRIFT_NOT_JUDGED: "the line on drift says why",
}
"""The action that removes a reason, where no other line of a report names it."""


def readiness_text(readiness: Readiness, required: str = "") -> str:
    """Return the readiness and its reasons in one line.

    Args:
        readiness: the readiness of a session.
        required: the least readiness, if the session is less ready.
    """
    grade = grade_text(readiness, required)
    reasons = "; ".join(map(_reason_text, readiness.reasons))
    return f"{grade}: {reasons}" if reasons else grade


def grade_text(readiness: Readiness, required: str = "") -> str:
    """Return the readiness in a word or two; `required` is the least readiness, if the session is less ready."""
    return f"{readiness.grade.words}, but {required} is required" if required else readiness.grade.words


def reason_lines(reason: Reason) -> Iterator[str]:
    """Yield a reason, and then a line for each place that the reason is about."""
    yield _reason_text(reason)
    yield from (printable(name, unicode=True) for name in reason.names[:_MOST_NAMED])
    if len(reason.names) > _MOST_NAMED:
        yield f"and {len(reason.names) - _MOST_NAMED:,} more"


def with_readiness(result: RunResult) -> RunResult:
    """Return a session's result, with a finding if the session is less ready than its settings require."""
    session, readiness = result.session, readiness_of(result)
    if not session.require or readiness is None:
        return result
    policy = Policy(GateMode(session.gate), session.strict, session.warn_at)
    required = Grade(session.require)
    found = find_not_ready(readiness, required, policy, readiness_text(readiness, session.require))
    return replace(result, findings=[*result.findings, *found]) if found else result


def _reason_text(reason: Reason) -> str:
    if reason.cause in WHOLE and not (reason.names and reason.cause in _COUNTED):
        text = WHOLE[reason.cause]
    else:  # a damaged report may have a place without a name
        noun, rest = _COUNTED[reason.cause]
        text = f"{counted(max(len(reason.names), 1), noun)} {rest}"
    action = _ACTIONS.get(reason.cause, "")
    return f"{text} ({action})" if action else text
