"""The charts of a load over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from html_session import order_load, timed
from results import budget

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.report.formats.html.load_charts import load_charts


def charts(measurement: Measurement) -> dict[str, dict[str, Any]]:
    found = load_charts(measurement)
    assert found is not None
    assert found["at"] == sorted(found["at"])
    assert 0 < found["at"][0] < found["at"][-1] < 1
    for chart in found["charts"]:
        assert all(len(places) == len(found["at"]) for _, places in chart["curves"])
        assert all(0 <= at <= 1000 for at, _ in chart["ticks"])
    return {chart["title"]: chart for chart in found["charts"]}


def test_latency_rate_errors_and_users_have_a_chart_with_their_limits() -> None:
    found = charts(order_load())
    limits = {title: [line["label"] for line in chart["lines"]] for title, chart in found.items()}
    assert limits == {
        "Latency": ["p95 limit 25 ms"],
        "Rate": ["rps limit 100 rps"],
        "Errors": ["error_rate limit 1 %"],
        "Users": [],
    }
    assert found["Errors"]["lines"][0]["source"] == "perf_load() in tests/test_load.py:14"


def test_a_limit_on_the_success_rate_leaves_room_for_errors_and_the_cpu_has_no_line_there() -> None:
    success = budget(BudgetVerdict.WITHIN, metric="success_rate", unit="%", limit=97.0, direction=Direction.HIGHER)
    cpu = budget(BudgetVerdict.WITHIN, metric="cpu_percent", unit="%", limit=80.0)
    chart = charts(replace(order_load(), budgets=[success, cpu]))["Errors"]
    (line,) = chart["lines"]
    ((_, errors),) = chart["curves"]
    assert line["label"] == "success_rate limit 97 %"
    assert line["at"] == round(max(errors) * 3 / 12)  # of the windows with errors, each has 12 %


def test_a_window_without_an_answer_has_no_latency() -> None:
    median, p95 = charts(order_load())["Latency"]["curves"]
    for _, places in (median, p95):
        assert [at for at, place in enumerate(places) if place is None] == [20]
    assert all(low < high for low, high in zip(median[1], p95[1], strict=True) if low is not None)


def test_the_errors_are_the_share_of_the_requests() -> None:
    ((_, places),) = charts(order_load())["Errors"]["curves"]
    assert [at for at, place in enumerate(places) if place] == list(range(10, 16))


def test_users_that_nobody_knows_have_no_chart() -> None:
    load = order_load()
    assert load.load is not None
    windows = [replace(one, users=None, median_ns=None, p95_ns=None) for one in load.load.over_time]
    found = charts(replace(load, load=replace(load.load, over_time=windows)))
    assert set(found) == {"Rate", "Errors"}


def test_a_load_without_its_windows_has_none() -> None:
    load = order_load()
    assert load.load is not None
    assert load_charts(replace(load, load=replace(load.load, over_time=load.load.over_time[:2]))) is None
    assert load_charts(timed("a.py::test", 1)) is None
