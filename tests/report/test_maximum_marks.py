"""The mark of percentiles that are just the slowest round, because there are too few rounds."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from full_result import result_of
from html_session import payload_of
from results import MS, budget, measurement

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import is_just_maximum
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.formats import junit
from pytest_perfbudget.report.formats.table import render_table

NOTE = "* is the slowest round: too few rounds for the percentile"


def measured(rounds: int, **more: Any) -> Measurement:
    """Return a measurement of so many rounds, with a budget that holds."""
    limit = budget(BudgetVerdict.WITHIN, estimate=9 * MS, rounds=rounds)
    found = {"median": 5 * MS, "p95": 9 * MS, "p99": 12 * MS, "max": 12 * MS}
    return measurement(limit, rounds=rounds, statistics=found, **more)


def table(one: Measurement) -> str:
    return render_table([one], width=120, color=False, unicode=False, policy=Policy(), verbosity=1)


@pytest.mark.parametrize(
    ("metric", "rounds", "expected"),
    [
        ("p95", 19, True), ("p95", 20, False), ("p99", 40, True), ("p99", 100, False), ("p999", 999, True),
        ("p999", 1000, False), ("cpu_p95", 19, True), ("median", 1, True), ("median", 2, False),
        ("max", 1, False), ("mean", 1, False), ("peak", 1, False), ("unknown", 1, False), ("p95", 0, False),
    ],
)  # fmt: skip
def test_a_percentile_is_the_maximum_if_no_round_lies_beyond_it(metric: str, rounds: int, expected: bool) -> None:
    assert is_just_maximum(metric, rounds) is expected


def test_a_percentile_of_spans_is_of_any_number_of_spans() -> None:
    assert not is_just_maximum("p95", 19, "db.query")


def test_the_table_marks_it_and_says_what_the_mark_is() -> None:
    few = table(measured(12))
    assert few.count("9 ms*") == 2  # the value of the budget, and the column of p95
    assert few.count(NOTE) == 1
    assert "*" not in table(measured(20))


def test_numbers_stay_aligned_beside_a_marked_number() -> None:
    tests = [measured(12, nodeid="a.py::test_a"), measured(20, nodeid="a.py::test_b")]
    rows = render_table(tests, width=120, color=False, unicode=False, policy=Policy(), verbosity=1).splitlines()[2:4]
    assert len({row.index("9 ms") for row in rows}) == 1


def test_html_says_of_how_many_rounds_it_is_the_maximum() -> None:
    text = formats.render(result_of(measured(40)), "html")
    (entry,) = payload_of(text)["entries"]
    assert dict(entry["statistics"]) == {"median": "5 ms", "p95": "9 ms", "p99": "12 ms, max of 40 rounds", "max": "12 ms"}  # fmt: skip
    assert NOTE not in text
    few = formats.render(result_of(measured(12)), "html")
    (entry,) = payload_of(few)["entries"]
    assert (entry["p95"], entry["budgets"][0]["measured"]) == ("9 ms*", "9 ms (max of 12 rounds)")
    assert NOTE in few


def test_markdown_says_of_how_many_rounds_it_is_the_maximum() -> None:
    assert "| 9 ms (max of 12 rounds) |" in formats.render(result_of(measured(12)), "md")
    assert "max of" not in formats.render(result_of(measured(20)), "md")


def test_csv_has_a_column_for_it() -> None:
    rows = csv.DictReader(io.StringIO(formats.render(result_of(measured(40)), "csv")))
    assert {row["metric"]: row["just the maximum"] for row in rows} == {"median": "", "p95": "", "p99": "yes", "max": ""}  # fmt: skip


def test_json_has_it_for_statistics_and_budgets() -> None:
    def marks(rounds: int) -> tuple[Any, Any]:
        (one,) = json.loads(formats.render(result_of(measured(rounds)), "json"))["measurements"]
        return one.get("just_maximum"), one["budgets"][0].get("is_just_maximum")

    assert [marks(rounds) for rounds in (12, 40, 100)] == [(["p95", "p99"], True), (["p99"], None), (None, None)]


def test_openmetrics_has_a_gauge_for_it() -> None:
    def marks(rounds: int) -> list[str]:
        text = formats.render(result_of(measured(rounds)), "prom")
        return [
            line.partition("metric=")[2] for line in text.splitlines() if line.startswith("perfbudget_just_maximum{")
        ]

    assert [marks(rounds) for rounds in (12, 40, 100)] == [['"p95"} 1', '"p99"} 1'], ['"p99"} 1'], []]


def test_junit_says_of_how_many_rounds_it_is_the_maximum() -> None:
    few, more = (junit.properties([measured(rounds)])[0][1] for rounds in (12, 20))
    assert "9 ms (18%, max of 12 rounds); limit 50 ms" in few
    assert "9 ms (18%); limit 50 ms" in more


def test_the_metrics_report_has_no_percentile_that_could_be_a_maximum() -> None:
    assert formats.render(result_of(measured(12)), "metrics") == formats.render(result_of(measured(100)), "metrics")
