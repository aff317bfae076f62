"""The components of a session: their measurements, their verdicts, and the budget of each that is used most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.report.formats.html.charts import bar
from pytest_perfbudget.report.formats.table_rows import Assessment, TableFinding, Urgency
from pytest_perfbudget.report.numbers import quantity, share_text


@dataclass(frozen=True, slots=True)
class UsedBudget:
    """A budget with a number, in words.

    Attributes:
        urgency: the urgency of its verdict.
        metric: the metric.
        measured: the number.
        limit: the limit.
        used: the share of the limit that is used.
        source: the place of the limit.
        bar: the positions of the numbers on a bar; None if there is no bar.
    """

    urgency: Urgency
    metric: str
    measured: str
    limit: str
    used: str
    source: str
    bar: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component.

    Attributes:
        name: the name of the component.
        urgency: the most pressing urgency of its measurements.
        counts: the number of its measurements for each urgency that it has, the most pressing first.
        most: the budget that is used most; None if there is no budget with a number.
    """

    name: str
    urgency: Urgency
    counts: Sequence[tuple[Urgency, int]]
    most: UsedBudget | None


def component_rows(found: Iterable[Assessment]) -> list[ComponentRow]:
    """Return the components, the most urgent first, and among these in the order of their names."""
    by_name: dict[str, list[Assessment]] = {}
    for one in found:
        if one.measurement.component:
            by_name.setdefault(one.measurement.component, []).append(one)
    rows = [_row(name, members) for name, members in by_name.items()]
    return sorted(rows, key=lambda row: (row.urgency, row.name))


def _row(name: str, members: Sequence[Assessment]) -> ComponentRow:
    counts = Counter(one.urgency for one in members)
    budgets = [one for member in members for one in member.budgets if one.result.used is not None]
    most = max(budgets, key=lambda one: one.result.used or 0.0, default=None)
    return ComponentRow(name, min(counts), sorted(counts.items()), None if most is None else _used(most))


def _used(found: TableFinding[BudgetResult]) -> UsedBudget:
    budget = found.result
    return UsedBudget(
        found.urgency,
        budget.metric,
        quantity(budget.estimate or 0.0, budget.unit),
        quantity(budget.limit, budget.unit),
        share_text(budget.used or 0.0),
        budget.source,
        bar(budget),
    )
