"""The table of a Markdown report: a line for each budget and each comparison, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetResult, RegressionResult
from pytest_perfbudget.report.formats.markdown_text import code_in_table
from pytest_perfbudget.report.formats.table_rows import Assessment, TableFinding, Urgency
from pytest_perfbudget.report.numbers import maximum_of, quantity, share_text
from pytest_perfbudget.report.regressions import limit_text, ratio_text

_COLUMNS: Final = ("verdict", "component", "test", "metric", "base", "measured", "limit", "used", "change")
_NUMBERS: Final = frozenset({"base", "measured", "limit", "used", "change"})


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table; `cells` are by column, and a column may be missing."""

    urgency: Urgency
    verdict: str
    cells: dict[str, str]

    @property
    def is_pressing(self) -> bool:
        """Whether a reader should see the line first."""
        return self.urgency <= Urgency.WARNING


def lines_of(assessments: Iterable[Assessment]) -> list[Line]:
    """Return the lines for measurements, pressing lines first and otherwise in the order of the measurements."""
    lines = [line for one in assessments for line in _lines(one)]
    return sorted(lines, key=lambda line: (not line.is_pressing, line.urgency if line.is_pressing else 0))


def columns_of(lines: Sequence[Line]) -> list[str]:
    """Return the columns that are not blank."""
    return [name for name in _COLUMNS if any(line.cells.get(name) for line in lines)]


def heading(columns: Sequence[str]) -> str:
    """Return the two lines with which a table begins."""
    rule = " | ".join("---:" if name in _NUMBERS else "---" for name in columns)
    return f"| {' | '.join(columns)} |\n| {rule} |"


def row(line: Line, columns: Sequence[str]) -> str:
    """Return a line of the table."""
    return f"| {' | '.join(line.cells.get(name, '') for name in columns)} |"


def _lines(assessment: Assessment) -> Iterator[Line]:
    measurement = assessment.measurement
    for budget in assessment.budgets:
        yield _line(measurement, budget, _budget(budget.result, measurement.kind.sample))
    for change in assessment.changes:
        yield _line(measurement, change, _change(change.result))
    if not (assessment.budgets or assessment.changes):
        metric = next((name for name in ("median", "mean") if name in measurement.statistics), "")
        cells = {"metric": metric, "measured": quantity(measurement.shown_statistics[metric], "ns")} if metric else {}
        verdict, urgency = assessment.otherwise
        yield Line(urgency, verdict, {"verdict": verdict, **_named(measurement), **cells})


def _line(
    measurement: Measurement,
    finding: TableFinding[BudgetResult] | TableFinding[RegressionResult],
    cells: dict[str, str],
) -> Line:
    verdict = f"**{finding.verdict}**" if finding.urgency is Urgency.FAILING else finding.verdict
    return Line(finding.urgency, finding.verdict, {"verdict": verdict, **_named(measurement), **cells})


def _named(measurement: Measurement) -> dict[str, str]:
    return {"component": code_in_table(measurement.component), "test": code_in_table(measurement.id)}


def _budget(budget: BudgetResult, sample: str) -> dict[str, str]:
    metric = f"{code_in_table(budget.span)} {budget.metric}" if budget.span else budget.metric
    cells = {"metric": metric, "limit": quantity(budget.limit, budget.unit, beside=budget.estimate)}
    if budget.estimate is not None:
        cells["measured"] = quantity(budget.estimate, budget.unit, beside=budget.limit)
        if budget.is_just_maximum:
            cells["measured"] += f" ({maximum_of(budget.rounds, sample)})"
    if budget.used is not None:
        cells["used"] = share_text(budget.used)
    return cells


def _change(change: RegressionResult) -> dict[str, str]:
    cells = {"metric": change.metric, "limit": limit_text(change)}
    if change.before is not None:
        cells["base"] = quantity(change.before, change.unit)
    if change.after is not None:
        cells["measured"] = quantity(change.after, change.unit)
    return {**cells, "change": ratio_text(change)}
