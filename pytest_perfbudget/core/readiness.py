"""The readiness of a session: whether its numbers say that the code can ship, with every reason against it.

- `not_ready`: something is known to be wrong, or too little ran to know anything.
- `conditional`: nothing is known to be wrong, and something that should be known is not, or a budget loses ground.
- `ready`: every budget holds, and every comparable number was compared.

The rule looks at verdicts, not at what fails: a limit that `xfail` or `--perf-gate=warn` forgives is unmet all the
same. A worse verdict never makes a session readier.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_perfbudget.core.decision import has_numbers, is_unsuspicious
from pytest_perfbudget.core.finding import DRIFT, KNOWN_TO_BE_WRONG, NOT_READY, NOT_UPDATED, Finding, Severity
from pytest_perfbudget.core.health import mark_of_budget
from pytest_perfbudget.core.kinds import LOAD as LOAD_KIND
from pytest_perfbudget.core.measurement import Measurement, measurement_id
from pytest_perfbudget.core.metrics import LOAD, METRICS, TIME, WALL
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult

_LOST_POINTS: Final = 1.0
"""The points of a budget's mark whose loss is worth a reason."""


class Grade(enum.Enum):
    """The readiness in a word; the members go from the best to the worst."""

    READY = "ready"
    CONDITIONAL = "conditional"
    NOT_READY = "not_ready"

    @property
    def words(self) -> str:
        """The grade as reports show it."""
        return self.value.replace("_", " ")

    def meets(self, required: Grade) -> bool:
        """Return whether this grade is as good as the required grade."""
        order = list(Grade)
        return order.index(self) <= order.index(required)


class Cause(enum.Enum):
    """The kind of a reason against shipping; the members go from the gravest to the lightest."""

    EXCEEDED = "exceeded"
    REGRESSED = "regressed"
    WRONG_CODE = "wrong_code"
    DRIFT_EXCEEDED = "drift_exceeded"
    TESTS_FAILED = "tests_failed"
    SESSION_FAILED = "session_failed"
    FAILED = "failed"
    ENDED_EARLY = "ended_early"
    NOTHING_MEASURED = "nothing_measured"
    LOAD_NOT_RUN = "load_not_run"
    UNMEASURED = "unmeasured"
    UNFINISHED = "unfinished"
    MISSING = "missing"
    REMOVED = "removed"
    NOT_RUN = "not_run"
    PART_MISSING = "part_missing"
    LEFT_OUT = "left_out"
    LOAD_TOO_SHORT = "load_too_short"
    TOO_FEW_ROUNDS = "too_few_rounds"
    BUSY_MACHINE = "busy_machine"
    UNDECIDED = "undecided"
    NOT_CONFIRMED = "not_confirmed"
    UNCERTAIN_BASELINE = "uncertain_baseline"
    NO_BASELINE = "no_baseline"
    NOT_COMPARED = "not_compared"
    DRIFTED = "drifted"
    DRIFT_NOT_JUDGED = "drift_not_judged"
    HEALTH_FALLING = "health_falling"

    @property
    def grade(self) -> Grade:
        """The best grade of a session with this reason."""
        return Grade.NOT_READY if self in _GRAVE else Grade.CONDITIONAL


_GRAVE: Final = frozenset(
    {
        Cause.EXCEEDED,
        Cause.REGRESSED,
        Cause.WRONG_CODE,
        Cause.DRIFT_EXCEEDED,
        Cause.TESTS_FAILED,
        Cause.SESSION_FAILED,
        Cause.FAILED,
        Cause.ENDED_EARLY,
        Cause.NOTHING_MEASURED,
    }
)
_HAVE_CAUSES: Final = (*KNOWN_TO_BE_WRONG, NOT_READY)
"""The kinds of findings that are no cause of their own."""

_NOT_JUDGED: Final = {one.value for one in (*BudgetVerdict, *RegressionVerdict)}.difference(_HAVE_CAUSES)
"""The kinds of findings whose places are those of lighter causes. If they fail, the whole session is not ready."""

_BY_CHANGE: Final = {
    RegressionVerdict.REGRESSED: Cause.REGRESSED,
    RegressionVerdict.WRONG_CODE: Cause.WRONG_CODE,
    RegressionVerdict.UNMEASURED: Cause.UNMEASURED,
    RegressionVerdict.FOREIGN: Cause.NO_BASELINE,
    RegressionVerdict.NEW: Cause.NO_BASELINE,
    RegressionVerdict.CHANGED: Cause.NOT_COMPARED,
}

_FOLLOW: Final = (Cause.LOAD_NOT_RUN, Cause.UNMEASURED, Cause.NO_BASELINE)
"""The causes that follow from a measurement without numbers."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason against shipping.

    Attributes:
        cause: the kind of the reason.
        names: the measurements, tests or other places that the reason is about; empty for the whole session.
    """

    cause: Cause
    names: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the reason as builtins."""
        return {"cause": self.cause.value, "grade": self.cause.grade.value, "names": list(self.names)}


@dataclass(frozen=True, slots=True)
class Readiness:
    """The readiness of a session, with its reasons, the gravest first."""

    reasons: Sequence[Reason] = ()

    @property
    def grade(self) -> Grade:
        """The readiness in a word: that of the gravest reason."""
        grades = {one.cause.grade for one in self.reasons}
        return next((one for one in reversed(Grade) if one in grades), Grade.READY)

    def to_dict(self) -> dict[str, Any]:
        """Return the readiness as builtins."""
        return {"grade": self.grade.value, "reasons": [one.to_dict() for one in self.reasons]}


def readiness_of(result: RunResult) -> Readiness | None:
    """Return the readiness of a session; None if the gate was off, so that nothing was measured on purpose."""
    if result.session.gate == GateMode.OFF.value:
        return None
    names: dict[Cause, dict[str, None]] = {}
    for cause, name in _causes(result):
        names.setdefault(cause, {})[name] = None
    return Readiness(tuple(Reason(cause, tuple(filter(None, names[cause]))) for cause in Cause if cause in names))


def find_not_ready(found: Readiness, required: Grade, policy: Policy, headline: str) -> list[Finding]:
    """Return a finding if a session is less ready than required.

    Args:
        found: the readiness of the session.
        required: the least readiness.
        policy: the user's policy.
        headline: the readiness with its reasons, in words.
    """
    if found.grade.meets(required):
        return []
    judged = policy.judge(fails=True, otherwise=Severity.WARNING)
    return [Finding(NOT_READY, judged.severity, "", is_gated=judged.is_gated, headline=headline)]


def _causes(result: RunResult) -> Iterator[tuple[Cause, str]]:
    for measurement in result.measurements:
        yield from _causes_of(measurement)
    session = result.session
    for name in session.other_failed or [""] * bool(session.other_failures):
        yield Cause.TESTS_FAILED, name
    if result.fails_otherwise:
        yield Cause.SESSION_FAILED, ""
    only_warns = session.gate == GateMode.WARN.value
    known = {one.test for one in result.findings if one.kind in KNOWN_TO_BE_WRONG} | {*session.other_failed}
    for finding in result.findings:
        if finding.kind == NOT_UPDATED and finding.test in known:
            continue  # the baseline is not updated by a test that fails for a reason that is told
        fails = finding.is_failure or (only_warns and finding.is_gated)
        if finding.kind == DRIFT:
            yield from _causes_of_drift(finding, fails=fails)
        elif fails and finding.kind not in _HAVE_CAUSES:
            yield Cause.FAILED, "" if finding.kind in _NOT_JUDGED else finding.id or finding.headline
    if session.is_unfinished:
        yield Cause.ENDED_EARLY, ""
    if not any(has_numbers(one) for one in result.measurements):
        yield Cause.NOTHING_MEASURED, ""
    yield from _causes_of_comparison(result)


def _causes_of_drift(finding: Finding, *, fails: bool) -> Iterator[tuple[Cause, str]]:
    if finding.test:
        yield Cause.DRIFT_EXCEEDED if fails else Cause.DRIFTED, finding.id
        return
    # A finding of no test says that drift was not judged, or is undecided. A note says so of the anchor itself, which
    # cannot drift.
    if fails:
        yield Cause.FAILED, ""
    if fails or finding.severity is Severity.WARNING:
        yield Cause.DRIFT_NOT_JUDGED, ""


def _causes_of(measurement: Measurement) -> Iterator[tuple[Cause, str]]:
    name, is_load = measurement.id, measurement.kind is LOAD_KIND
    if measurement.unmeasured or measurement.is_pending:
        yield Cause.LOAD_NOT_RUN if is_load else Cause.UNMEASURED, name
    for cause, place in _causes_of_results(measurement, is_load=is_load):
        if has_numbers(measurement) or cause not in _FOLLOW:
            yield cause, place
        else:  # a test without numbers counts once, however many budgets and comparisons it has
            yield Cause.LOAD_NOT_RUN if is_load else Cause.UNMEASURED, name
    told = [one for one in measurement.changes if one.verdict is not RegressionVerdict.REGRESSED]
    for budget in measurement.budgets:
        if budget.verdict is not BudgetVerdict.EXCEEDED and lost_points(budget, told) >= _LOST_POINTS:
            yield Cause.HEALTH_FALLING, f"{name}: {budget.label}"


def _causes_of_results(measurement: Measurement, *, is_load: bool) -> Iterator[tuple[Cause, str]]:
    for budget in measurement.budgets:
        cause = _cause_of_budget(budget, is_load=is_load)
        if cause is not None:
            yield cause, f"{measurement.id}: {budget.label}"
    for change in () if measurement.is_pending else measurement.changes:
        cause = _cause_of_change(measurement, change)
        if cause is not None:
            yield cause, measurement.id if change.metric == TIME.name else f"{measurement.id}: {change.metric}"


def _cause_of_budget(budget: BudgetResult, *, is_load: bool) -> Cause | None:
    if budget.verdict is BudgetVerdict.WITHIN:
        return None
    if budget.verdict is BudgetVerdict.EXCEEDED:
        return Cause.EXCEEDED
    if budget.verdict is BudgetVerdict.UNMEASURED:
        metric = METRICS.get(budget.metric)
        return Cause.LOAD_NOT_RUN if is_load or (metric is not None and metric.series == LOAD) else Cause.UNMEASURED
    if is_load:
        return Cause.LOAD_TOO_SHORT
    if budget.without_waits is not None:
        return Cause.BUSY_MACHINE
    is_short = budget.needs_rounds is not None and budget.rounds < budget.needs_rounds
    return Cause.TOO_FEW_ROUNDS if is_short else Cause.UNDECIDED


def _cause_of_change(measurement: Measurement, change: RegressionResult) -> Cause | None:
    if change.verdict is RegressionVerdict.UNDECIDED:
        if is_unsuspicious(measurement, change):
            return None
        if change.smallest_found is not None:
            return Cause.UNCERTAIN_BASELINE
        if measurement.kind is LOAD_KIND:
            return Cause.LOAD_TOO_SHORT
        # More rounds do not help where fresh processes differ from those of the baseline, but pairs in turns do.
        is_by_runs = change.runs and not (change.in_pairs or change.against or change.reason)
        return Cause.NOT_CONFIRMED if is_by_runs else Cause.UNDECIDED
    if change.verdict is RegressionVerdict.NEW and change.against:
        return None  # the other commit will never have the test
    return _BY_CHANGE.get(change.verdict)


def _causes_of_comparison(result: RunResult) -> Iterator[tuple[Cause, str]]:
    compared = result.compared_with
    for number in result.session.missing_parts:
        yield Cause.PART_MISSING, f"part {number}"
    known = {one.test for one in result.missing}
    known |= set() if compared is None else {test for test, _ in compared.others}
    for test in result.session.left_out or ():
        if test not in known:
            yield Cause.LEFT_OUT, test
    gone = Cause.MISSING if compared is None or compared.is_baseline else Cause.REMOVED
    for missing in result.missing:
        yield gone if missing.is_gone else Cause.UNFINISHED, missing.id
    if compared is not None:
        for test, name in compared.others:
            yield Cause.NOT_RUN, measurement_id(test, name)
        return
    is_updated = result.update is not None and not result.update.problem
    comparable = any(has_numbers(one) and one.max_regression is not None for one in result.measurements)
    if comparable and not is_updated:
        yield Cause.NO_BASELINE, ""


def lost_points(budget: BudgetResult, changes: Sequence[RegressionResult]) -> float:
    """Return the points that the mark of a budget has credibly lost since the other side; see `core.health`.

    A change is credible if its interval lies on the worse side, even if the change is within the tolerance. A change
    of a count has no interval and is exact.

    Args:
        budget: the result of the budget now.
        changes: the comparisons of the same measurement.
    """
    metric = METRICS.get(budget.metric)
    if budget.span or metric is None or budget.estimate is None:
        return 0.0
    of = TIME.name if metric.series == WALL else metric.name
    ratio = next((one.ratio for one in changes if one.metric == of and _is_worse(one)), None)
    if not ratio:
        return 0.0
    before = replace(budget, estimate=budget.estimate / ratio)
    return mark_of_budget(before) - mark_of_budget(budget)


def _is_worse(change: RegressionResult) -> bool:
    nearest = change.lower if change.lower is not None else change.ratio
    return nearest is not None and nearest > 1
