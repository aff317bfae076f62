"""The wording of the verdict on a whole session: whether it fails, and the reasons in one sentence."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.finding import KNOWN_TO_BE_WRONG, Finding
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.run_result import NO_TESTS, RunResult, SessionFacts
from pytest_perfbudget.report.findings import headline_of
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import printable


class Outcome(enum.Enum):
    """The outcome of a session's gate; the value is the word for it."""

    FAILED = "failed"
    WARNED = "would fail"
    INCOMPLETE = "incomplete"
    OTHERWISE = "failed for other reasons"
    PASSED = "passed"
    EMPTY = "nothing measured"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SessionVerdict:
    """The verdict on a session.

    Attributes:
        outcome: the outcome of the gate.
        reason: the reason in one sentence.
        remarks: what else a reader of the verdict has to know, a sentence for each.
        failed: the tests that failed by something other than a number, at most 20 of them, and a text that counts the
            others.
    """

    outcome: Outcome
    reason: str
    remarks: Sequence[str] = ()
    failed: Sequence[str] = ()


_MOST_NAMED: Final = 20
_MOST_LINES: Final = 9
_ENDED: Final = {
    2: "The session was interrupted",
    3: "pytest ended with an internal error",
}


def verdict_on(result: RunResult) -> SessionVerdict:
    """Return the verdict on a session."""
    failing = [one for one in result.findings if one.is_failure]
    verdict = _verdict_on(result, failing)
    names = [*result.session.other_failed]
    more = [f"and {len(names) - _MOST_NAMED:,} more"] if len(names) > _MOST_NAMED else []
    return replace(verdict, failed=(*names[:_MOST_NAMED], *more))


def failure_lines(result: RunResult) -> Iterator[str]:
    """Yield the verdict on a session, and then a line for each test that fails, nine at most, with its first reason."""
    verdict = _verdict_on(result, [one for one in result.findings if one.is_failure])
    yield " ".join([f"{verdict.outcome.value}: {verdict.reason}", *verdict.remarks])
    failures: dict[str, list[Finding]] = {}
    for one in result.findings:
        if one.is_failure:
            failures.setdefault(one.test or one.headline, []).append(one)
    lines = []
    for first, *others in failures.values():
        more = f" (and {counted(len(others), 'further failure')})" if others else ""
        lines.append(f"FAILED {headline_of(first)}{more}")
    named = (printable(test, unicode=True) for test in result.session.other_failed)
    lines += [f"FAILED {test}: not by a budget or a comparison" for test in named]
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES:,} more"


def _verdict_on(result: RunResult, failing: Sequence[Finding]) -> SessionVerdict:
    ending, others = ending_text(result.session), others_failed_text(result.session)
    remarks = tuple(one for one in (ending, others) if one)
    if result.session.gate == GateMode.OFF.value:
        return SessionVerdict(Outcome.OFF, "The gate was off: tests ran once, untimed.", remarks)
    if failing:
        return SessionVerdict(Outcome.FAILED, f"{_who(failing, result)}: {_kinds(failing)}.", remarks)
    would = [one for one in result.findings if one.is_gated] if result.session.gate == GateMode.WARN.value else []
    if would:
        reason = f"{_who(would, result)} with the gate on: {_kinds(would)}."
        return SessionVerdict(Outcome.WARNED, reason, ("Nothing fails because of --perf-gate=warn.", *remarks))
    if ending:
        return SessionVerdict(Outcome.INCOMPLETE, ending, remarks[1:])
    return _without_failures(result, others)


def _without_failures(result: RunResult, others: str) -> SessionVerdict:
    """Return the verdict on a session that ran to its end, and of which no number fails."""
    if otherwise := others or _exit_text(result.session):
        return SessionVerdict(Outcome.OTHERWISE, f"{_NOTHING_FAILS} {otherwise}")
    if not any(not one.unmeasured for one in result.measurements):
        return SessionVerdict(Outcome.EMPTY, "The session measured nothing.")
    return SessionVerdict(Outcome.PASSED, _NOTHING_FAILS)


_NOTHING_FAILS: Final = "No test fails by a budget or by a comparison."


def ending_text(session: SessionFacts) -> str:
    """Return the sentence about a session that ended before its last test; empty for any other session."""
    if not (session.is_cut_short or session.exit_status in _ENDED):
        return ""
    how = _ENDED.get(session.exit_status, f"The session ended early, with exit code {session.exit_status}")
    if session.not_run and session.perf_tests:
        verb = "has" if session.not_run == 1 else "have"
        return f"{how}: {session.not_run:,} of {counted(session.perf_tests, 'perf test')} {verb} not run."
    return f"{how}, so tests may be missing here."


def others_failed_text(session: SessionFacts) -> str:
    """Return the sentence about the tests that failed by something other than a number; empty if there are none."""
    if session.other_failures:
        return f"{counted(session.other_failures, 'test')} failed for other reasons."
    return ""


def _exit_text(session: SessionFacts) -> str:
    """Return the sentence about an exit status that nothing else explains; empty if there is nothing to explain."""
    is_failed = session.exit_status not in (0, NO_TESTS)
    return f"pytest ended with exit code {session.exit_status} for other reasons." if is_failed else ""


def _who(failing: Sequence[Finding], result: RunResult) -> str:
    tests = {one.test for one in failing if one.belongs_to_test}
    is_failing = any(one.is_failure for one in failing)
    if not tests:
        return "The session fails" if is_failing else "The session would fail"
    measured = {one.nodeid for one in result.measurements}
    number = max(len(measured | tests), result.session.perf_tests or 0)
    verb = "would fail" if not is_failing else "fails" if len(tests) == 1 else "fail"
    return f"{len(tests):,} of {counted(number, 'perf test')} {verb}"


def _kinds(failing: Sequence[Finding]) -> str:
    """Return how many failures there are of each kind, those that are known to be wrong first."""
    kinds = sorted(Counter(one.kind for one in failing).items(), key=lambda one: one[0] not in KNOWN_TO_BE_WRONG)
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in kinds)
