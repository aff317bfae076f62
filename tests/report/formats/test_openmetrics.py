"""The OpenMetrics text, by the parser of Prometheus's own client; and GitLab's metrics report."""

from __future__ import annotations

from dataclasses import replace

from full_result import FULL, HOSTILE, many, result_of
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from results import MS, budget, change, measurement

from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats import metrics
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


class TestMetricsReport:
    """GitLab shows each line that differs from the target branch's."""

    LOGIN = measurement(
        budget(BudgetVerdict.WITHIN, estimate=40 * MS),
        budget(BudgetVerdict.WITHIN, metric="peak", keyword="peak_mb", unit="bytes", limit=64e6, estimate=12.4e6),
        change(RegressionVerdict.UNCHANGED, ratio=1.01),
        change(RegressionVerdict.UNCHANGED, metric="calls", unit="calls", before=120, after=120, ratio=1.0),
        statistics={"median": 1.8e6, "peak": 12.4e6},
    )

    def test_unchanged_code_has_the_same_bytes(self) -> None:
        login = self.LOGIN
        noisy = replace(
            login,
            budgets=[replace(login.budgets[0], estimate=43 * MS), login.budgets[1]],
            changes=[replace(login.changes[0], verdict=RegressionVerdict.UNDECIDED, ratio=1.07), login.changes[1]],
            statistics={"median": 1.9e6, "peak": 12.4e6 + 300},
        )
        other = measurement(budget(BudgetVerdict.WITHIN), nodeid="tests/test_api.py::test_other")
        before, after = result_of(login, other), result_of(other, noisy)
        after = replace(after, session=replace(after.session, commit="other", duration_s=99.0))
        assert metrics.render(before) == metrics.render(after)

    def test_changed_code_has_not(self) -> None:
        login = self.LOGIN
        more = replace(login, changes=[login.changes[0], replace(login.changes[1], after=121)])
        assert metrics.render(result_of(login)) != metrics.render(result_of(more))
        limit = replace(login, budgets=[replace(login.budgets[0], limit=60 * MS), login.budgets[1]])
        assert metrics.render(result_of(login)) != metrics.render(result_of(limit))

    def test_it_has_calls_memory_limits_and_verdicts_only(self) -> None:
        lines = metrics.render(result_of(self.LOGIN)).splitlines()
        assert {line.partition("{")[0] for line in lines if not line.startswith("#")} == {
            "perfbudget_budgets", "perfbudget_changes", "perfbudget_limit_seconds", "perfbudget_limit_bytes",
            "perfbudget_measured_bytes", "perfbudget_measured_calls",
        }  # fmt: skip
