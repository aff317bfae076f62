"""The wording of the verdict on a whole session: whether it fails, and the reasons in one sentence."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.numbers import counted


class Outcome(enum.Enum):
    """The outcome of a session's gate; the value is the word for it."""

    FAILED = "failed"
    WARNED = "would fail"
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
    """

    outcome: Outcome
    reason: str
    remarks: Sequence[str] = ()


_TESTS_FAILED: Final = 1
_ENDED: Final = {
    2: "The session was interrupted, so this report may lack tests.",
    3: "pytest ended with an internal error, so this report may lack tests.",
}


def verdict_on(result: RunResult) -> SessionVerdict:
    """Return the verdict on a session."""
    failing = [one for one in result.findings if one.is_failure]
    remarks = tuple(_remarks(result, failing))
    if result.session.gate == GateMode.OFF.value:
        return SessionVerdict(Outcome.OFF, "The gate was off: tests ran once, untimed.", remarks)
    if failing:
        return SessionVerdict(Outcome.FAILED, f"{_who(failing, result)}: {_kinds(failing)}.", remarks)
    would = [one for one in result.findings if one.is_gated] if result.session.gate == GateMode.WARN.value else []
    if would:
        reason = f"{_who(would, result)} with the gate on: {_kinds(would)}."
        return SessionVerdict(Outcome.WARNED, reason, ("Nothing fails because of --perf-gate=warn.", *remarks))
    if not any(not one.unmeasured for one in result.measurements):
        return SessionVerdict(Outcome.EMPTY, "The session measured nothing.", remarks)
    return SessionVerdict(Outcome.PASSED, "No test fails by a budget or by a comparison.", remarks)


def _who(failing: Sequence[Finding], result: RunResult) -> str:
    tests = {one.test for one in failing if one.belongs_to_test}
    if not tests:
        return "The session fails"
    measured = {one.nodeid for one in result.measurements}
    verb = "fails" if len(tests) == 1 else "fail"
    return f"{len(tests):,} of {counted(len(measured | tests), 'perf test')} {verb}"


def _kinds(failing: Sequence[Finding]) -> str:
    kinds = Counter(one.kind.replace("_", " ") for one in failing)
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())


def _remarks(result: RunResult, failing: Sequence[Finding]) -> Iterator[str]:
    status = result.session.exit_status
    if status in _ENDED:
        yield _ENDED[status]
    elif status == _TESTS_FAILED and not failing:
        yield "pytest ended with exit code 1, because tests failed for other reasons."
