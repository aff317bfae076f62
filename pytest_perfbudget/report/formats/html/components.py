"""The components of a session: their health, their measurements, and the budget of each that is used most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.health import FAIR, GOOD, ComponentHealth, Health
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
        score: the health score; empty if nothing was judged.
        health: the urgency of the score.
        apdex: the Apdex; empty without times that have a target.
    """

    name: str
    urgency: Urgency
    counts: Sequence[tuple[Urgency, int]]
    most: UsedBudget | None
    score: str = ""
    health: Urgency = Urgency.CALM
    apdex: str = ""


def component_rows(found: Iterable[Assessment], health: Health | None) -> list[ComponentRow]:
    """Return the components, the most urgent first, and among these in the order of their names."""
    scores = {} if health is None else {one.component: one for one in health.components}
    by_name: dict[str, list[Assessment]] = {}
    for one in found:
        if one.measurement.component:
            by_name.setdefault(one.measurement.component, []).append(one)
    rows = [_row(name, members, scores.get(name)) for name, members in by_name.items()]
    return sorted(rows, key=lambda row: (row.urgency, row.name))


def _row(name: str, members: Sequence[Assessment], score: ComponentHealth | None) -> ComponentRow:
    counts = Counter(one.urgency for one in members)
    budgets = [one for member in members for one in member.budgets if one.result.used is not None]
    most = max(budgets, key=lambda one: one.result.used or 0.0, default=None)
    used = None if most is None else _used(most)
    if score is None:
        return ComponentRow(name, min(counts), sorted(counts.items()), used)
    apdex = "" if score.apdex is None else f"{score.apdex:.2f}"
    return ComponentRow(name, min(counts), sorted(counts.items()), used, f"{score.score}", _urgency(score.score), apdex)


def _urgency(score: int) -> Urgency:
    return Urgency.CALM if score >= GOOD else Urgency.WARNING if score >= FAIR else Urgency.FAILING


def _used(found: TableFinding[BudgetResult]) -> UsedBudget:
    budget = found.result
    return UsedBudget(
        found.urgency,
        budget.label,
        quantity(budget.estimate or 0.0, budget.unit, beside=budget.limit),
        quantity(budget.limit, budget.unit, beside=budget.estimate),
        share_text(budget.used or 0.0),
        budget.source,
        bar(budget),
    )
