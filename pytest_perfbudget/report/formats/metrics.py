"""GitLab's metrics report (metrics.txt): the numbers that stay the same as long as the code does.

GitLab shows the differences between the files of two commits, and a difference has to mean that the code or a limit has
changed. So times are left out, and the verdicts between which noise moves unchanged code. A number that is unchanged by
the gate's tolerance is the number in the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME, Metric, counts
from pytest_perfbudget.core.results import BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult, budget_tally, regression_tally
from pytest_perfbudget.report.formats.exposition import Exposition
from pytest_perfbudget.report.formats.openmetrics import labels_of

_CHANCE: Final = (
    RegressionVerdict.UNDECIDED,
    RegressionVerdict.UNCONFIRMED,
    RegressionVerdict.IMPROVED,
    RegressionVerdict.UNCHANGED,
)
"""Verdicts on changes between which the noise of a session moves unchanged code."""

_CERTAIN: Final = (BudgetVerdict.EXCEEDED, BudgetVerdict.UNMEASURED)
"""Verdicts on budgets that noise does not give: the probability of a false `exceeded` is at most alpha. A limit on a
load is unmeasured where the generator was late, as on a busy machine, so this verdict on a load does not count."""


def render(result: RunResult) -> str:
    """Return counts, limits and verdicts as gauges, in the order of their names."""
    text = Exposition()
    budgets = budget_tally(result.measurements)
    by_chance = budget_tally([one for one in result.measurements if one.kind is LOAD])[BudgetVerdict.UNMEASURED.value]
    for verdict in _CERTAIN:
        count = budgets[verdict.value] - (by_chance if verdict is BudgetVerdict.UNMEASURED else 0)
        if count or verdict is not BudgetVerdict.UNMEASURED:  # a zero would deny those that do not count
            text.add("perfbudget_budgets", "Budgets by verdict.", {"verdict": verdict.value}, count)
    text.add("perfbudget_limits", "Budgets with any verdict.", {}, sum(budgets.values()))
    changes = regression_tally(result.measurements, len(result.missing))
    changes[RegressionVerdict.UNMEASURED.value] -= _untimed(result)
    for one in RegressionVerdict:
        if one not in _CHANCE and (changes[one.value] or one is not RegressionVerdict.UNMEASURED):
            text.add("perfbudget_changes", "Compared numbers by verdict.", {"verdict": one.value}, changes[one.value])
    for measurement in sorted(result.measurements, key=lambda one: one.id):
        for name, unit, value in _counts(measurement):
            labels = {**labels_of(measurement), "metric": name}
            text.add_quantity("perfbudget_measured", "The counted value.", labels, value, unit)
        for budget in measurement.budgets:
            labels = {**labels_of(measurement), "metric": budget.label}
            text.add_quantity("perfbudget_limit", "The limit of a budget.", labels, budget.limit, budget.unit)
    return "".join(f"{line}\n" for line in text.lines())


def _untimed(result: RunResult) -> int:
    """Return the number of unmeasured times, as a machine leaves them that is far slower than at the baseline."""
    changes = [change for one in result.measurements for change in one.changes if change.metric == TIME.name]
    return sum(one.verdict is RegressionVerdict.UNMEASURED for one in changes)


def _counts(measurement: Measurement) -> Iterator[tuple[str, str, float]]:
    changes = {one.metric: one for one in measurement.changes}
    for metric in counts():
        change = changes.get(metric.name)
        value = _steady(metric, change)
        if value is None and metric.is_exact:
            value = measurement.statistics.get(metric.name, None if change is None else change.after)
        if value is not None:
            yield metric.name, metric.unit, value


def _steady(metric: Metric, change: RegressionResult | None) -> float | None:
    """Return the number of a comparison with the baseline, as exact as the comparison is; None without such a number.

    The other commit of a session is measured again in each session, so its numbers differ as the session's own do.
    """
    if change is None or change.against or change.before is None or change.after is None:
        return None
    if change.verdict is RegressionVerdict.UNCHANGED:
        return change.before
    step = max(metric.allowed(change.before, change.limit) - change.before, 1)
    return change.before + step * math.trunc((change.after - change.before) / step)
