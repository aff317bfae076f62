"""The result of a session in the OpenMetrics format, for Prometheus and the tools that read its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.core.run_result import RunResult, budget_tally, regression_tally
from pytest_perfbudget.report.formats.exposition import Exposition

_JUST_MAXIMUM: Final = "A percentile that is just the slowest round, because there are too few rounds; always 1."


def render(result: RunResult) -> str:
    """Return all numbers of a session as gauges."""
    text = Exposition()
    for one in result.measurements:
        _add(text, one)
    for verdict, count in budget_tally(result.measurements).items():
        text.add("perfbudget_budgets", "Budgets by verdict.", {"verdict": verdict}, count)
    for verdict, count in regression_tally(result.measurements, len(result.missing)).items():
        text.add("perfbudget_changes", "Compared numbers by verdict.", {"verdict": verdict}, count)
    session = result.session
    facts = {
        "commit": session.commit,
        "branch": session.branch,
        "python": session.python,
        "machine": session.machine,
        "started_at": session.started_at,
    }
    text.add("perfbudget_session", "The circumstances of the session; always 1.", facts, 1)
    text.add("perfbudget_session_failed", "1 if pytest's exit status is not 0.", {}, int(session.exit_status != 0))
    text.add_quantity("perfbudget_session_duration", "The length of the session.", {}, session.duration_s * 1e9, "ns")
    return "".join(f"{line}\n" for line in (*text.lines(), "# EOF"))


def labels_of(measurement: Measurement) -> Mapping[str, str]:
    """Return the labels that name a measurement."""
    return {"test": measurement.nodeid, "name": measurement.name, "component": measurement.component}


def _add(text: Exposition, measurement: Measurement) -> None:
    named = labels_of(measurement)
    for name, value in measurement.statistics.items():
        unit = METRICS[name].unit if name in METRICS else "ns"
        text.add_quantity("perfbudget_measured", "The measured value.", {**named, "metric": name}, value, unit)
    for name in measurement.just_maximum:
        text.add("perfbudget_just_maximum", _JUST_MAXIMUM, {**named, "metric": name}, 1)
    for budget in measurement.budgets:
        labels = {**named, "metric": budget.label}
        text.add_quantity("perfbudget_limit", "The limit of a budget.", labels, budget.limit, budget.unit)
        text.add("perfbudget_used_ratio", "The share of a limit that is used up.", labels, budget.used, "ratio")
        verdict = {**labels, "verdict": budget.verdict.value}
        text.add("perfbudget_budget_verdict", "The verdict on a budget; always 1.", verdict, 1)
    for change in measurement.changes:
        labels = {**named, "metric": change.metric}
        text.add_quantity("perfbudget_base", "The value on the other side.", labels, change.before, change.unit)
        text.add_quantity("perfbudget_head", "The value now, as compared.", labels, change.after, change.unit)
        for name, meaning, ratio in _ratios(change):
            text.add(name, meaning, labels, ratio, "ratio")
        text.add("perfbudget_change_p_value", "The one-sided p-value of the change.", labels, change.p_value)
        verdict = {**labels, "verdict": change.verdict.value}
        text.add("perfbudget_change_verdict", "The verdict on a change; always 1.", verdict, 1)


def _ratios(change: RegressionResult) -> Iterator[tuple[str, str, float | None]]:
    yield "perfbudget_change_ratio", "Now, divided by the other side.", change.ratio
    yield "perfbudget_change_low_ratio", "The lower bound of the 95 % interval of the change.", change.lower
    yield "perfbudget_change_high_ratio", "The upper bound of the 95 % interval of the change.", change.upper
    yield "perfbudget_change_allowed_ratio", "The largest change for the worse that is allowed.", change.limit
