"""The OpenMetrics text, by the parser of Prometheus's own client; and GitLab's metrics report."""

from __future__ import annotations

from full_result import FULL, HOSTILE, many, result_of
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from results import budget, change, measurement

from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats.openmetrics import render
from pytest_perfbudget.report.printable import printable


def samples(result: RunResult) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the labels and values of each family, as the parser reads them."""
    families = text_string_to_metric_families(render(result))  # type: ignore[no-untyped-call]
    return {one.name: [(sample.labels, sample.value) for sample in one.samples] for one in families}


def test_every_verdict_and_name_is_read() -> None:
    found = samples(FULL)
    names = {labels.get("name", "") for labels, _ in found["perfbudget_limit_seconds"]}
    assert {printable(name, unicode=True) for name in HOSTILE} <= names
    verdicts = {labels["verdict"]: value for labels, value in found["perfbudget_budgets"]}
    assert verdicts == {"exceeded": 6, "undecided": 1, "unmeasured": 1, "within": 14}


def test_values_have_the_units_that_prometheus_recommends() -> None:
    found = samples(result_of(measurement(budget(), change())))
    ((labels, value),) = found["perfbudget_limit_seconds"]
    assert (labels["metric"], value) == ("p95", 0.05)
    assert [value for _, value in found["perfbudget_change_ratio"]] == [1.124]
    assert [value for _, value in found["perfbudget_base_seconds"]] == [0.00164]


def test_many_tests_are_read() -> None:
    assert len(samples(many(500))["perfbudget_limit_seconds"]) == 500


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_name_is_read(test: str, name: str) -> None:
    ((labels, _),) = samples(result_of(measurement(budget(), nodeid=test, name=name)))["perfbudget_limit_seconds"]
    assert labels.get("name", "") == printable(name, unicode=True)
