"""The outcome of a pull request's gate: a single word for the session, so that a failed tool is no regression."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.finding import LOOSENED, NOT_READY, NOTHING_COMPARED, Finding
from pytest_perfbudget.core.loosening import by_label
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult


class Outcome(enum.Enum):
    """The outcome of the gate; the value is the word in the outputs of the action."""

    PASSED = "passed"
    REGRESSED = "regressed"
    EXCEEDED = "exceeded"
    WRONG_CODE = "wrong_code"
    ERROR = "error"


EXIT_CODES: Final = {
    Outcome.PASSED: 0,
    Outcome.REGRESSED: 1,
    Outcome.ERROR: 2,
    Outcome.EXCEEDED: 3,
    Outcome.WRONG_CODE: 4,
}
"""The exit codes of the command; 2 is the code of any error of `perfbudget`."""

_TESTS_FAILED: Final = 1
_NOT_STARTED: Final = 4
_NOTHING_COLLECTED: Final = 5
_ENDED: Final = {
    2: "pytest was interrupted.",
    3: "pytest ended with an internal error.",
    _NOT_STARTED: "pytest could not start: its message in the log names the mistake.",
    _NOTHING_COLLECTED: "No perf test was collected: restore those of the base, or mark tests with "
    "perf_budget, or name them in [tool.perfbudget.budgets].",
}
_HELD: Final = (
    "The limits of the base were held; after the merge, those of the pull request hold: a reviewer has to agree."
)
_ACCEPTED: Final = "The limits of the pull request were held, because they are accepted."
_MOST_NAMED: Final = 3
_LONGEST_NAME: Final = 100
_LONGEST_PROBLEM: Final = 350
_OF_TESTS: Final = {
    RegressionVerdict.WRONG_CODE.value: "ran other code",
    BudgetVerdict.EXCEEDED.value: "over a budget",
    LOOSENED: "left out or with a looser limit",
}
"""The words for tests by the kinds of their findings, where the kind itself is no such word."""
_SWITCHED: Final = "a conftest.py or a plugin of the pull request sets it"
_NOT_JUDGED: Final = (BudgetVerdict.UNDECIDED, BudgetVerdict.UNMEASURED)
_JUDGED: Final = (
    (RegressionVerdict.REGRESSED.value, Outcome.REGRESSED),
    (BudgetVerdict.EXCEEDED.value, Outcome.EXCEEDED),
    (RegressionVerdict.WRONG_CODE.value, Outcome.WRONG_CODE),
)
"""The kinds of findings that are a verdict on the pull request, the gravest first."""


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The verdict of the gate.

    Attributes:
        outcome: the outcome.
        reason: the reason in a sentence or two.
        loosened: the number of limits that the pull request loosens, whether or not they decide the outcome.
        left_out: the number of the base's perf tests that the pull request leaves out with acceptance.
    """

    outcome: Outcome
    reason: str
    loosened: int = 0
    left_out: int = 0


def classify(
    result: RunResult | None, exit_code: int, *, problem: str = "", is_accepted: bool = False, label: str = ""
) -> GateVerdict:
    """Return the verdict on a session.

    Args:
        result: the session's result; None if pytest wrote no report.
        exit_code: the exit code of pytest.
        problem: the error with which pytest refused to start; empty if it is not known.
        is_accepted: whether the limits of the pull request hold, and not those of the base.
        label: the label by which a reviewer accepts them; empty if it is not known.
    """
    found = _classified(result, exit_code, problem, label)
    loosened = loosened_count(result.findings) if result is not None else 0
    if loosened and found.outcome is Outcome.PASSED:
        found = replace(found, reason=f"{found.reason} {_ACCEPTED if is_accepted else _HELD}")
    accepted = {one.test for one in result.findings if one.is_accepted} if result is not None else ()
    return replace(found, loosened=loosened, left_out=len(accepted))


def loosened_count(findings: Iterable[Finding]) -> int:
    """Return the number of limits that a pull request loosens; a limit of many tests in one place counts once."""
    return len({one.headline for one in findings if one.kind == LOOSENED and one.is_of_limit})


def _classified(result: RunResult | None, exit_code: int, problem: str, label: str) -> GateVerdict:
    kinds = Counter(one.kind for one in result.findings if one.is_failure) if result is not None else Counter()
    # A pull request that leaves out every perf test is told so, and not to write one.
    if exit_code in _ENDED and not (exit_code == _NOTHING_COLLECTED and kinds[LOOSENED]):
        is_known = exit_code == _NOT_STARTED and problem
        reason = f"pytest could not start: {problem[:_LONGEST_PROBLEM]}" if is_known else _ENDED[exit_code]
        return GateVerdict(Outcome.ERROR, reason)
    if result is None:
        return GateVerdict(Outcome.ERROR, f"pytest wrote no report, and ended with exit code {exit_code}.")
    if result.session.gate != GateMode.FAIL.value:
        return GateVerdict(Outcome.ERROR, f"Nothing can fail with --perf-gate={result.session.gate}: {_SWITCHED}.")
    outcome = next((outcome for kind, outcome in _JUDGED if kinds[kind]), None)
    if outcome is not None:
        return GateVerdict(outcome, f"{_numbers(result.findings)}.")
    if not (kinds or exit_code or result.session.is_cut_short):
        return GateVerdict(Outcome.PASSED, f"No test fails by a budget or by a comparison.{_not_judged(result)}")
    return GateVerdict(Outcome.ERROR, _problem(result, kinds, exit_code, label))


def _not_judged(result: RunResult) -> str:
    """Return a sentence about tests that pass although a limit or a comparison of theirs is not judged."""
    tests = {
        one.nodeid
        for one in result.measurements
        if one.unmeasured
        or any(budget.verdict in _NOT_JUDGED for budget in one.budgets)
        or any(change.verdict is RegressionVerdict.UNMEASURED for change in one.changes)
    }
    if not tests:
        return ""
    count = "1 test has numbers that are" if len(tests) == 1 else f"{len(tests):,} tests have numbers that are"
    return f" {count} not judged."


def _problem(result: RunResult, kinds: Counter[str], exit_code: int, label: str) -> str:
    """Return the reason why a session that fails says nothing about the speed of the code."""
    if kinds[LOOSENED] and set(kinds) <= {LOOSENED, NOTHING_COMPARED}:  # nothing is compared because of that
        count = kinds[LOOSENED]
        places = f"{count:,} place{'s' if count != 1 else ''}"
        accept = f"undo that, or let a reviewer accept it {by_label(label)}"
        return f"The pull request weakens its own gate in {places}, listed with this verdict: {accept}."
    if set(kinds) == {NOT_READY}:
        headline = next(one.headline for one in result.findings if one.kind == NOT_READY)
        return f"The pull request is less ready than it has to be: {headline}."
    if kinds:
        return f"The pull request could not be judged: {_numbers(result.findings)}."
    if result.session.is_cut_short:
        return f"The session ended before its last test, with exit code {exit_code}."
    if exit_code == _TESTS_FAILED:
        return f"Tests failed, for other reasons than their numbers{_named(result.session.other_failed)}."
    return f"pytest ended with exit code {exit_code}."


def _named(names: Sequence[str]) -> str:
    """Return the first names after a colon, each cut; empty if there are none."""
    shown = ", ".join(one[:_LONGEST_NAME] for one in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED:,} more" if names[_MOST_NAMED:] else ""
    return f": {shown}{more}" if names else ""


def _numbers(findings: Iterable[Finding]) -> str:
    """Return the number of tests by the kind of their failing findings; time and calls of one test count once."""
    tests: dict[str, dict[str, None]] = {}
    for one in findings:
        if one.is_failure:
            tests.setdefault(one.kind, {})[one.test] = None
    return ", ".join(_counted(kind, list(filter(None, found))) for kind, found in tests.items())


def _counted(kind: str, tests: Sequence[str]) -> str:
    words = _OF_TESTS.get(kind, kind.replace("_", " "))
    if not tests:
        return words  # the finding is about the whole session
    return f"{len(tests):,} test{'s' if len(tests) != 1 else ''} {words}"
