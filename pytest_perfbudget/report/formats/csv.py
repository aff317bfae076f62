"""The table of a session as CSV: a row for each measurement and metric, for spreadsheets and data frames.

Numbers are unrounded and in the base unit that the row names; limits also stand there as other reports show them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final

from pytest_perfbudget.core.finding import MISSING, Missing
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS, is_just_maximum
from pytest_perfbudget.core.results import BudgetResult, RegressionResult
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats.csv_text import cell_text
from pytest_perfbudget.report.numbers import quantity
from pytest_perfbudget.report.regressions import limit_text

COLUMNS: Final = (
    "test",
    "name",
    "component",
    "kind",
    "file",
    "line",
    "metric",
    "unit",
    "measured [unit]",
    "rounds",
    "just the maximum",
    "budget verdict",
    "limit [unit]",
    "limit",
    "limit from",
    "used [share of the limit]",
    "lower bound [unit]",
    "upper bound [unit]",
    "change verdict",
    "base [unit]",
    "head [unit]",
    "ratio [head/base]",
    "low [head/base]",
    "high [head/base]",
    "p [probability]",
    "alpha [probability]",
    "tolerance [share]",
    "tolerance",
    "tolerance from",
    "against",
    "expected to fail",
    "reason",
)
"""The columns. Numbers have their unit in brackets; `unit` is the unit that the row names."""

_Cells = Mapping[str, object]


def render(result: RunResult) -> str:
    """Return the table; every row is one line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for measurement in result.measurements:
        writer.writerows(_safe(row) for row in _rows(measurement))
    writer.writerows(_safe(_missing(one)) for one in result.missing)
    return text.getvalue()


def _rows(measurement: Measurement) -> Iterator[_Cells]:
    """Yield a row for each metric that was measured, limited or compared, and a row if there is none."""
    start = {
        "test": measurement.nodeid,
        "name": measurement.name,
        "component": measurement.component,
        "kind": measurement.kind.name,
        "file": measurement.file,
        "line": measurement.line,
        "expected to fail": "yes" if measurement.is_expected_to_fail else "",
        "rounds": measurement.rounds,
    }
    statistics = {**measurement.statistics, **(measurement.without_waits or {})}  # as the estimates of budgets
    metrics = [
        *(one.label for one in measurement.budgets),
        *(one.metric for one in measurement.changes),
        *measurement.statistics,
    ]
    for metric in dict.fromkeys(metrics):
        budgets = [one for one in measurement.budgets if one.label == metric]
        changes = [one for one in measurement.changes if one.metric == metric]
        known = METRICS.get(metric)
        measured = {
            "metric": metric,
            "unit": known.unit if known is not None else next((one.unit for one in budgets), "ns"),
            "measured [unit]": statistics.get(metric),
            "just the maximum": _maximum(metric, measurement.rounds),
        }
        for budget, change in zip_longest(budgets, changes) if budgets or changes else [(None, None)]:
            yield {**start, **measured, **_budget(budget), **_change(change), "reason": _reason(budget, change)}
    if not metrics:
        yield {**start, "reason": measurement.unmeasured}


def _budget(budget: BudgetResult | None) -> _Cells:
    if budget is None:
        return {}
    return {
        "unit": budget.unit,
        "measured [unit]": budget.estimate,
        "rounds": budget.rounds,
        "just the maximum": _maximum(budget.metric, budget.rounds, budget.span),
        "budget verdict": budget.verdict.value,
        "limit [unit]": budget.limit,
        "limit": quantity(budget.limit, budget.unit, beside=budget.estimate),
        "limit from": budget.source,
        "used [share of the limit]": budget.used,
        "lower bound [unit]": budget.lower,
        "upper bound [unit]": budget.upper,
    }


def _maximum(metric: str, rounds: int, span: str = "") -> str:
    """Return whether a percentile is just the slowest round, because there are too few rounds."""
    return "yes" if is_just_maximum(metric, rounds, span) else ""


def _change(change: RegressionResult | None) -> _Cells:
    if change is None:
        return {}
    return {
        "unit": change.unit,
        "change verdict": change.verdict.value,
        "base [unit]": change.before,
        "head [unit]": change.after,
        "ratio [head/base]": change.ratio,
        "low [head/base]": change.lower,
        "high [head/base]": change.upper,
        "p [probability]": change.p_value,
        "alpha [probability]": change.alpha,
        "tolerance [share]": change.limit,
        "tolerance": limit_text(change),
        "tolerance from": change.source,
        "against": change.against or "the baseline",
    }


def _reason(*results: BudgetResult | RegressionResult | None) -> str:
    return "; ".join(one.reason for one in results if one is not None and one.reason)


def _missing(missing: Missing) -> _Cells:
    return {"test": missing.test, "name": missing.name, "change verdict": MISSING, "reason": missing.reason}


def _safe(row: _Cells) -> _Cells:
    """Return a row whose texts are no formulas and have no line breaks; None becomes an empty cell."""
    return {name: cell_text(value) if isinstance(value, str) else value for name, value in row.items()}
