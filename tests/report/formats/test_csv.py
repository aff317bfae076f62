"""The CSV report, as a spreadsheet or a data frame reads it."""

from __future__ import annotations

import csv
import io

from full_result import FULL, HOSTILE, result_of
from hypothesis import given, settings
from hypothesis import strategies as st
from results import budget, change, measurement

from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats.csv import COLUMNS, render


def read(result: RunResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(result))))


def test_a_metric_that_is_limited_and_compared_has_one_row() -> None:
    calls = budget(metric="calls", keyword="max_calls", unit="calls", limit=30, estimate=31)
    grown = change(metric="calls", unit="calls", before=20, after=31, ratio=1.55)
    (row,) = [one for one in read(result_of(measurement(calls, grown))) if one["metric"] == "calls"]
    assert (row["measured [unit]"], row["limit [unit]"], row["base [unit]"], row["head [unit]"]) == (
        "31",
        "30",
        "20",
        "31",
    )
    assert (row["budget verdict"], row["change verdict"]) == ("exceeded", "regressed")


def test_the_percentiles_of_a_busy_session_are_all_without_waits() -> None:
    """A limited p95 is the estimate of the budget, which is without waits; a p90 with waits would lie above it."""
    judged = budget(BudgetVerdict.WITHIN, estimate=2e6)
    statistics, without = {"p90": 4e6, "p95": 5e6, "p99": 6e6}, {"p90": 1e6, "p95": 2e6, "p99": 3e6}
    rows = read(result_of(measurement(judged, statistics=statistics, without_waits=without)))
    assert {one["metric"]: float(one["measured [unit]"]) for one in rows} == without


def test_each_part_of_a_comparison_has_its_column() -> None:
    (row,) = [one for one in read(result_of(measurement(change()))) if one["metric"] == "time"]
    parts = ("ratio [head/base]", "low [head/base]", "high [head/base]", "p [probability]", "alpha [probability]")
    assert [float(row[part]) for part in parts] == [1.124, 1.098, 1.151, 8.1e-6, 4.17e-4]
    assert (row["tolerance"], row["tolerance from"]) == ("5 %", "the default")


def test_rows_have_all_columns_and_are_single_lines() -> None:
    text = render(FULL)
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == len(text.splitlines())


def test_what_was_not_measured_has_a_row_with_the_reason() -> None:
    reasons = {one["test"]: one["reason"] for one in read(FULL) if one["reason"]}
    assert reasons["tests/test_sort.py::test_silent"] == "the test asks for the perf fixture but never called it"
    assert reasons["tests/test_api.py::test_gone"] == "the test did not run to its end"


def test_no_text_is_a_formula() -> None:
    assert any(name.startswith(("=", "+", "-", "@")) for name in HOSTILE)
    texts = [cell for row in read(FULL) for name, cell in row.items() if "[" not in name]
    assert [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert "'=1+1" in texts


@settings(deadline=None)
@given(st.text())
def test_any_name_is_one_cell_of_one_line(name: str) -> None:
    text = render(result_of(measurement(nodeid="a.py::test", name=name)))
    assert {len(row) for row in csv.reader(text.split("\n")[:-1])} == {len(COLUMNS)}
