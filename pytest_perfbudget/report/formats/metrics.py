"""GitLab's metrics report (metrics.txt): the numbers that stay the same as long as the code does.

GitLab shows the differences between the files of two commits. So times, whose every run differs, are left out, and peak
memory is rounded up to the step that is always allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import counts
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult, budget_tally, regression_tally
from pytest_perfbudget.report.formats.exposition import Exposition
from pytest_perfbudget.report.formats.openmetrics import labels_of

_CHANCE: Final = (
    RegressionVerdict.UNDECIDED,
    RegressionVerdict.UNCONFIRMED,
    RegressionVerdict.IMPROVED,
    RegressionVerdict.UNCHANGED,
)
"""Verdicts between which the noise of a session moves unchanged code."""


def render(result: RunResult) -> str:
    """Return counts, limits and verdicts as gauges, in the order of their names."""
    text = Exposition()
    for verdict, count in budget_tally(result.measurements).items():
        text.add("perfbudget_budgets", "Budgets by verdict.", {"verdict": verdict}, count)
    changes = regression_tally(result.measurements, len(result.missing))
    for one in RegressionVerdict:
        if one not in _CHANCE:
            text.add("perfbudget_changes", "Compared numbers by verdict.", {"verdict": one.value}, changes[one.value])
    for measurement in sorted(result.measurements, key=lambda one: one.id):
        for name, unit, value in _counts(measurement):
            labels = {**labels_of(measurement), "metric": name}
            text.add_quantity("perfbudget_measured", "The counted value.", labels, value, unit)
        for budget in measurement.budgets:
            labels = {**labels_of(measurement), "metric": budget.label}
            text.add_quantity("perfbudget_limit", "The limit of a budget.", labels, budget.limit, budget.unit)
    return "".join(f"{line}\n" for line in text.lines())


def _counts(measurement: Measurement) -> Iterator[tuple[str, str, float]]:
    compared = {one.metric: one.after for one in measurement.changes}
    for metric in counts():
        value = measurement.statistics.get(metric.name, compared.get(metric.name))
        if value is not None:
            step = 1 if metric.is_exact else max(metric.floor, 1)
            yield metric.name, metric.unit, step * math.ceil(value / step)
