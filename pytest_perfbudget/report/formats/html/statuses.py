"""The status of each verdict on the page, for which the list of tests and the warnings have the same sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.finding import Finding, Severity
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.report.formats.table_rows import Assessment, Urgency

STATUSES: Final = {
    Urgency.FAILING: "failing",
    Urgency.WARNING: "warning",
    Urgency.NOTED: "noted",
    Urgency.CALM: "passing",
}
"""The words for the urgencies, which are the values of the filter by status in a link."""


def status_words(gate: str) -> Mapping[str, str]:
    """Return the words for the statuses as the page shows them; nothing fails where the gate only warns."""
    failing = "would fail" if gate == GateMode.WARN.value else "failing"
    return {one: failing if one == STATUSES[Urgency.FAILING] else one for one in STATUSES.values()}


_URGENCIES: Final = {Severity.FAILURE: Urgency.FAILING, Severity.WARNING: Urgency.WARNING}


def status_of(finding: Finding) -> str:
    """Return the status of a finding; a slowdown that fresh processes refuted has that of its test, which passes."""
    is_refuted = finding.kind == RegressionVerdict.UNCHANGED.value
    return STATUSES[_URGENCIES.get(finding.severity, Urgency.CALM if is_refuted else Urgency.NOTED)]


def agreeing(found: Assessment, findings: Sequence[Finding]) -> Assessment:
    """Return an assessment in which each verdict is at least as urgent as the warning or the failure about it.

    The terminal's table may leave verdicts out that hold for thousands of measurements, such as unmeasured, because a
    warning below it names them. The page has filters, and calls them what the warning calls them.
    """
    urgencies = {(one.kind, one.metric): _URGENCIES[one.severity] for one in findings if one.severity in _URGENCIES}

    def raised(kind: str, metric: str, urgency: Urgency) -> Urgency:
        return min(urgency, urgencies.get((kind, metric), urgency))

    budgets = [replace(one, urgency=raised(one.verdict, one.result.label, one.urgency)) for one in found.budgets]
    changes = [replace(one, urgency=raised(one.verdict, one.result.metric, one.urgency)) for one in found.changes]
    verdict, urgency = found.otherwise
    return replace(
        found,
        budgets=sorted(budgets, key=lambda one: one.urgency),
        changes=sorted(changes, key=lambda one: one.urgency),
        otherwise=(verdict, raised(verdict, "", urgency)),
    )
