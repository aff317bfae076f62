"""The properties of a test in JUnit files: a property for each budget and each comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetResult, RegressionResult
from pytest_perfbudget.report.numbers import maximum_of, percent, quantity, share_text
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.regressions import interval, limit_text

PREFIX: Final = "perfbudget."
"""The start of each property's name."""


def properties(measurements: Iterable[Measurement]) -> list[tuple[str, str]]:
    """Return the names and values of the properties of a test's measurements."""
    return [
        (printable(f"{PREFIX}{one.name}.{what}" if one.name else f"{PREFIX}{what}", unicode=True), text)
        for one in measurements
        for what, text in _texts(one)
    ]


def _texts(measurement: Measurement) -> Iterator[tuple[str, str]]:
    yield from ((one.label, _budget(one, measurement.kind.sample)) for one in measurement.budgets)
    yield from ((f"{one.metric}.change", _change(one)) for one in measurement.changes)
    if measurement.unmeasured:
        yield "unmeasured", measurement.unmeasured


def _budget(budget: BudgetResult, sample: str) -> str:
    limit = f"limit {quantity(budget.limit, budget.unit, beside=budget.estimate)} from {budget.source}"
    if budget.estimate is None:
        return f"{budget.verdict.value}: {budget.reason}; {limit}"
    remarks = [] if budget.used is None else [share_text(budget.used)]
    remarks += [maximum_of(budget.rounds, sample)] if budget.is_just_maximum else []
    remark = f" ({', '.join(remarks)})" if remarks else ""
    return f"{budget.verdict.value}: {quantity(budget.estimate, budget.unit, beside=budget.limit)}{remark}; {limit}"


def _change(change: RegressionResult) -> str:
    if change.ratio is None:
        return f"{change.verdict.value}: {change.reason}" if change.reason else change.verdict.value
    limit = f"limit {limit_text(change)} from {change.source}"
    return f"{change.verdict.value}: {percent(change.ratio)}{interval(change)}; {limit}"
