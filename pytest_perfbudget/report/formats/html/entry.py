"""The entry of a measurement: the texts and numbers from which the page's script makes its row and its details."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_perfbudget.core.blame import Blame
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.metrics import METRICS, is_just_maximum
from pytest_perfbudget.core.results import BudgetResult, Growth, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.budgets import rounds_text
from pytest_perfbudget.report.closing import MAXIMUM_MARK
from pytest_perfbudget.report.culprits import cause_text, gained_text
from pytest_perfbudget.report.findings import evidence_parts, finding_words
from pytest_perfbudget.report.formats.html.charts import bar, course, distribution, forest
from pytest_perfbudget.report.formats.html.flame import flame
from pytest_perfbudget.report.formats.html.links import well_formed
from pytest_perfbudget.report.formats.html.load_entry import load_entry
from pytest_perfbudget.report.formats.html.sides_chart import sides_chart
from pytest_perfbudget.report.formats.html.span_entry import span_entry
from pytest_perfbudget.report.formats.html.statuses import status_of
from pytest_perfbudget.report.formats.table_rows import Assessment, TableFinding
from pytest_perfbudget.report.numbers import (
    change_interval,
    counted,
    maximum_of,
    quantity,
    share_text,
    tolerance_text,
)
from pytest_perfbudget.report.regressions import allowance_text, limit_text, ratio_text

_STATISTICS: Final = ("min", "mean", "median", "p75", "p90", "p95", "p99", "p999", "max")


def entry(found: Assessment, findings: Sequence[Finding], report: str | None = None) -> dict[str, Any]:
    """Return the entry of a measurement, without empty parts.

    Args:
        found: the measurement with its budgets and its comparisons.
        findings: the findings on the measurement, with texts.
        report: the name of the report, beside which the profiles are files; None if they are not.
    """
    measurement = found.measurement
    first_change = next(iter(found.changes), None)
    statistics = measurement.statistics
    shown = measurement.shown_statistics
    p50 = shown.get("median", shown.get("mean"))
    parts: dict[str, Any] = {
        "id": well_formed(measurement.id),
        "file": file_of(measurement.nodeid),
        "title": title_of(measurement),
        "component": measurement.component,
        "kind": measurement.kind.name,
        "urgency": int(found.urgency),
        "verdict": found.verdict,
        "p50": "" if p50 is None else f"{_mean_mark(measurement)}{quantity(p50, 'ns')}",
        "p50_ns": _rounded(p50),
        "p95": _marked_p95(measurement) if "p95" in statistics else "",
        "used": _rounded(found.used) or None,
        "change": "" if first_change is None else _change_text(first_change.result),
        "ratio": None if first_change is None else _rounded(first_change.result.ratio and first_change.result.badness),
        "shown": _shown(found),
        "budgets": [_budget(one, measurement) for one in found.budgets],
        "changes": list(_changes(found)),
        "findings": [_finding(one) for one in findings],
        "distribution": distribution(measurement),
        "course": None if measurement.load is not None and measurement.load.over_time else course(measurement),
        "sides": sides_chart(measurement),
        "facts": list(_facts(measurement)),
        "statistics": [(name, _statistic(name, measurement)) for name in _STATISTICS if name in statistics],
        "profile": [
            {"function": row.function, "calls": f"{row.calls:,}", "text": f"{row.share:.0%}"}
            | {"share": round(row.share, 4)}
            for row in measurement.profile
        ],
        "load": load_entry(measurement),
        "spans": span_entry(measurement),
        "flame": flame(measurement, report),
        "unmeasured": measurement.unmeasured,
    }
    return {name: value for name, value in parts.items() if value not in ("", None, [], {})}


def _rounded(value: float | None) -> float | None:
    """Return a number by which the rows are sorted without the digits that the order does not need."""
    return None if value is None else float(f"{value:.5g}")


def title_of(measurement: Measurement) -> str:
    """Return the name of a measurement without the file of its test."""
    _, _, test = measurement.nodeid.partition("::")
    return f"{test or measurement.nodeid} {measurement.name}".rstrip()


def _marked_p95(measurement: Measurement) -> str:
    mark = MAXIMUM_MARK if is_just_maximum("p95", measurement.rounds) else ""
    return f"{quantity(measurement.shown_statistics['p95'], 'ns')}{mark}"


def _statistic(name: str, measurement: Measurement) -> str:
    text = quantity(measurement.statistics[name], "ns")
    if (own_ns := (measurement.without_waits or {}).get(name)) is not None:
        text = f"{text} ({quantity(own_ns, 'ns')} without waits for a CPU)"
    if not is_just_maximum(name, measurement.rounds):
        return text
    return f"{text}, {maximum_of(measurement.rounds, measurement.kind.sample)}"


def _mean_mark(measurement: Measurement) -> str:
    is_mean = measurement.iterations > 1 and measurement.kind is not RATIO
    return "~" if is_mean or "median" not in measurement.statistics else ""


def _shown(found: Assessment) -> dict[str, Any]:
    """Return the number in the row of a measurement, as in the terminal: a failed comparison before a budget."""
    row = found.rows()[0]
    if row.budget is not None:
        budget = row.budget.result
        if budget.estimate is None:
            return {"metric": budget.label, "measured": "-", "limit": quantity(budget.limit, budget.unit)}
        return {"budget": found.budgets.index(row.budget)}
    if row.change is not None and row.change.is_pressing and row.change.result.after is not None:
        change = row.change.result
        return {"metric": change.metric, "measured": quantity(change.after or 0.0, change.unit)}
    return {}


def _finding(finding: Finding) -> dict[str, Any]:
    """Return a finding without the lists in its evidence, for which the details have tables."""
    return {
        "status": status_of(finding),
        "kind": finding_words(finding),
        "headline": finding.headline,
        "evidence": [part[0] for part in evidence_parts(finding.evidence) if not part[0].endswith(":")],
        "remedy": finding.remedy,
    }


def _budget(found: TableFinding[BudgetResult], measurement: Measurement) -> dict[str, Any]:
    budget = found.result
    metric = METRICS.get(budget.metric)
    parts: dict[str, Any] = {
        "urgency": int(found.urgency),
        "verdict": found.verdict,
        "metric": budget.label,
        "words": metric.words if metric is not None else budget.metric,
        "measured": _measured(budget, measurement),
        "interval": _interval(budget),
        "limit": quantity(budget.limit, budget.unit, beside=budget.estimate),
        "direction": budget.direction.value,
        "used": "" if budget.used is None else share_text(budget.used),
        "source": f"{budget.keyword} from {budget.source}",
        "data": "" if budget.estimate is None else rounds_text(budget, measurement).rstrip(","),
        "reason": budget.reason,
        "bar": bar(budget),
    }
    return {name: value for name, value in parts.items() if value not in ("", None)}


def _measured(budget: BudgetResult, measurement: Measurement) -> str:
    if budget.estimate is None:
        return ""
    text = quantity(budget.estimate, budget.unit, beside=budget.limit)
    return f"{text} ({maximum_of(budget.rounds, measurement.kind.sample)})" if budget.is_just_maximum else text


def _interval(budget: BudgetResult) -> str:
    if budget.needs_rounds is None:  # nothing is inferred from an extreme or a count
        return ""
    low, high = (None if one is None else quantity(one, budget.unit) for one in (budget.lower, budget.upper))
    if low is not None and high is not None:
        return f"{low} .. {high}"
    if low is not None:
        return f"above {low}"
    return "" if high is None else f"up to {high}"


def _changes(found: Assessment) -> Iterator[dict[str, Any]]:
    """Yield the comparisons; a function that explains several of them is named at the first."""
    told: set[tuple[str, int]] = set()
    for one in found.changes:
        grown = [growth for growth in one.result.grown if (growth.function, growth.after) not in told]
        yield _change(one, grown)
        told |= {(growth.function, growth.after) for growth in grown}


def _change(found: TableFinding[RegressionResult], grown: Sequence[Growth]) -> dict[str, Any]:
    change = found.result
    metric = METRICS.get(change.metric)
    before, after = (None if one is None else quantity(one, change.unit) for one in (change.before, change.after))
    low, high = change.lower, change.upper
    processes = "pair" if change.in_pairs else "fresh process"
    parts: dict[str, Any] = {
        "urgency": int(found.urgency),
        "verdict": found.verdict,
        "metric": change.metric,
        "words": metric.words if metric is not None else change.metric,
        "before": before,
        "after": after,
        "change": _change_text(change),
        "interval": "" if low is None or high is None else change_interval(low, high, change.ratio or 1),
        "limit": limit_text(change) if change.limit else "",
        "allowance": allowance_text(change),
        "source": change.source,
        "against": _other_side(change),
        "runs": counted(change.runs, processes, "es" if processes.endswith("s") else "s") if change.runs else "",
        "reason": change.reason,
        "forest": forest(change),
        "blamed": [_blame(one) for one in change.blamed],
        "grown": [_growth(one) for one in grown],
    }
    return {name: value for name, value in parts.items() if value not in ("", None, [])}


def _change_text(change: RegressionResult) -> str:
    unsure = (RegressionVerdict.CHANGED, RegressionVerdict.UNDECIDED, RegressionVerdict.UNCONFIRMED)
    return f"{text} ?" if (text := ratio_text(change)) and change.verdict in unsure else text


def _other_side(change: RegressionResult) -> str:
    known = [change.against or "baseline", f"commit {change.commit}" if change.commit else "", change.date]
    return ", ".join(filter(None, known))


def _growth(growth: Growth) -> Mapping[str, str]:
    return {
        "function": f"{growth.function}, by {growth.caller}" if growth.caller else growth.function,
        "before": "few" if growth.before is None else f"{growth.before:,}",
        "after": f"{growth.after:,}",
    }


def _blame(one: Blame) -> Mapping[str, str]:
    return {"function": one.function, "how": cause_text(one), "gained": gained_text(one)}


def _facts(measurement: Measurement) -> Iterator[tuple[str, str]]:
    if measurement.file:
        yield "place", measurement.file if measurement.line is None else f"{measurement.file}:{measurement.line}"
    if measurement.component:
        yield "component", measurement.component
    yield "kind", measurement.kind.name
    if measurement.rounds:
        each = "" if measurement.iterations == 1 else f" of {measurement.iterations:,} calls"
        spent = f" in {quantity(measurement.elapsed_ns, 'ns')}" if measurement.elapsed_ns else ""
        noun = measurement.kind.sample
        yield f"{noun}s", f"{measurement.rounds:,}{each}{spent}"
    if measurement.overhead_ns is not None:
        yield "cost of a round", f"{quantity(measurement.overhead_ns, 'ns')} beyond its call"
    if measurement.max_regression is not None:
        yield "tolerance", tolerance_text(measurement.max_regression)
