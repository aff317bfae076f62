"""The rows of the terminal table: the findings on each measurement, and the order of the measurements."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from pytest_perfbudget.core.decision import is_near, is_unsuspicious, judge_budget, judge_change, told_changes
from pytest_perfbudget.core.finding import UNMEASURED, Severity
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import GateMode, Judgement, Policy
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.regressions import UNSUSPICIOUS

_Result = TypeVar("_Result", BudgetResult, RegressionResult)


class Urgency(enum.IntEnum):
    """The urgency of a row for a reader; `FAILING` and `WARNING` rows are never left out.

    `NOTED` rows are good news, or they may concern thousands of measurements for one reason, such as `new` or
    `foreign`. A note below the table gives that reason.
    """

    FAILING = 0
    WARNING = 1
    NOTED = 2
    CALM = 3


_BUDGETS: Final = {
    BudgetVerdict.EXCEEDED: Urgency.FAILING,
    BudgetVerdict.UNDECIDED: Urgency.WARNING,
    BudgetVerdict.UNMEASURED: Urgency.WARNING,
    BudgetVerdict.WITHIN: Urgency.CALM,
}
_CHANGES: Final = dict.fromkeys(RegressionVerdict, Urgency.NOTED) | {
    RegressionVerdict.REGRESSED: Urgency.FAILING,
    RegressionVerdict.WRONG_CODE: Urgency.FAILING,
    RegressionVerdict.UNCHANGED: Urgency.CALM,
}
_BUDGET_ORDER: Final = {verdict: place for place, verdict in enumerate(BudgetVerdict)}
_CHANGE_ORDER: Final = {verdict: place for place, verdict in enumerate(RegressionVerdict)}


@dataclass(frozen=True, slots=True)
class TableFinding(Generic[_Result]):
    """A budget or a change with its verdict in the table's words."""

    urgency: Urgency
    verdict: str
    result: _Result

    @property
    def is_pressing(self) -> bool:
        """Whether the table always shows the finding."""
        return self.urgency <= Urgency.WARNING


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; the first line of a measurement also shows a budget and a change that are not pressing.

    Attributes:
        measurement: the measurement that the line is about.
        verdict: the word for the verdict.
        urgency: the urgency of the verdict.
        budget: the finding for the columns on a budget; None leaves them blank.
        change: the finding for the column on a change; None leaves it blank.
        is_first: whether the line is the first line of the measurement.
    """

    measurement: Measurement
    verdict: str
    urgency: Urgency
    budget: TableFinding[BudgetResult] | None = None
    change: TableFinding[RegressionResult] | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """The findings on a measurement; budgets and changes each begin with the most pressing finding.

    Attributes:
        measurement: the measurement.
        budgets: the findings on its budgets.
        changes: the findings on its comparisons.
        otherwise: the verdict and its urgency if there is neither a budget nor a comparison.
    """

    measurement: Measurement
    budgets: Sequence[TableFinding[BudgetResult]]
    changes: Sequence[TableFinding[RegressionResult]]
    otherwise: tuple[str, Urgency] = ("no budget", Urgency.CALM)

    @property
    def _first(self) -> TableFinding[Any] | None:
        findings: list[TableFinding[Any]] = [*self.budgets[:1], *self.changes[:1]]
        return min(findings, key=lambda one: one.urgency, default=None)

    @property
    def verdict(self) -> str:
        """The most pressing verdict; of two equally urgent verdicts, the budget's and not the change's."""
        return self._first.verdict if self._first else self.otherwise[0]

    @property
    def urgency(self) -> Urgency:
        """The urgency of the verdict."""
        return self._first.urgency if self._first else self.otherwise[1]

    @property
    def used(self) -> float:
        """The largest share of a limit that is used."""
        return max((one.result.used or 0.0 for one in self.budgets), default=0.0)

    def rows(self) -> list[Row]:
        """Return a line with the verdict, and a further line for each other pressing finding."""
        found = [Row(self.measurement, one.verdict, one.urgency, budget=one) for one in self.budgets if one.is_pressing]
        found += [
            Row(self.measurement, one.verdict, one.urgency, change=one) for one in self.changes if one.is_pressing
        ]
        found.sort(key=lambda row: row.urgency)
        first = found[0] if found else Row(self.measurement, self.verdict, self.urgency)
        # Beside a pressing change a budget that holds would look like the number that fails.
        budget = first.budget if first.change else next(iter(self.budgets), None)
        change = next((one for one in self.changes[:1] if not one.is_pressing), first.change)
        return [replace(first, budget=budget, change=change, is_first=True), *found[1:]]

    def further(self) -> Iterator[BudgetResult]:
        """Yield the budgets that no line shows."""
        shown = [row.budget for row in self.rows()]
        for one in self.budgets:
            if one not in shown:
                yield one.result


def assess(measurements: Iterable[Measurement], policy: Policy) -> list[Assessment]:
    """Return the findings on all measurements, the most urgent first, and among these the most used first."""
    # A failure is shown with the same urgency if the gate only warns.
    gated = replace(policy, gate=GateMode.FAIL)
    found = [_assess(one, gated) for one in measurements]
    found.sort(key=lambda one: (one.urgency, -one.used))
    return found


def _assess(measurement: Measurement, policy: Policy) -> Assessment:
    most = Urgency.WARNING if measurement.is_expected_to_fail else Urgency.FAILING
    budgets = [_at_most(most, _judged(one, policy)) for one in measurement.budgets]
    budgets.sort(key=lambda one: (one.urgency, _BUDGET_ORDER[one.result.verdict], -(one.result.used or 0.0)))
    changes = [_at_most(most, _compared(measurement, one, policy)) for one in told_changes(measurement)]
    changes.sort(key=lambda one: (one.urgency, _CHANGE_ORDER[one.result.verdict]))
    if measurement.unmeasured:
        urgency = max(Urgency.FAILING, most) if policy.strict else Urgency.NOTED
        return Assessment(measurement, budgets, changes, (UNMEASURED, urgency))
    return Assessment(measurement, budgets, changes)


def _at_most(most: Urgency, finding: TableFinding[_Result]) -> TableFinding[_Result]:
    """Return a finding that is at most so urgent; the first urgency is the highest."""
    return replace(finding, urgency=max(most, finding.urgency))


def _fails(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.severity is Severity.FAILURE


def _judged(budget: BudgetResult, policy: Policy) -> TableFinding[BudgetResult]:
    if _fails(judge_budget(budget, policy)):
        return TableFinding(Urgency.FAILING, budget.verdict.value, budget)
    if is_near(budget, policy.warn_at):
        return TableFinding(Urgency.WARNING, "near limit", budget)
    return TableFinding(_BUDGETS[budget.verdict], budget.verdict.value, budget)


def _compared(measurement: Measurement, change: RegressionResult, policy: Policy) -> TableFinding[RegressionResult]:
    if is_unsuspicious(measurement, change):
        return TableFinding(Urgency.CALM, UNSUSPICIOUS, change)
    urgency = _CHANGES[change.verdict]
    if _fails(judge_change(change, policy)):
        urgency = Urgency.FAILING
    elif change.verdict is RegressionVerdict.UNDECIDED and change.runs:
        urgency = Urgency.WARNING  # the measurement looked slower in fresh processes, too, but may not be
    return TableFinding(urgency, change.verdict.value, change)
