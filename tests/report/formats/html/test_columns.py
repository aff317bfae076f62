"""Records as columns: nothing is lost, and alike records become small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.report.formats.html.columns import from_column, to_column
from pytest_perfbudget.report.formats.html.payload import packed

NAMES = st.sampled_from(["id", "urgency", "budgets", "bar"])
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=30,
)


@given(st.lists(DATA, max_size=5))
def test_the_values_come_back_as_they_were(values: list[Any]) -> None:
    assert from_column(json.loads(json.dumps(to_column(values)))) == values


def test_the_records_with_a_field_are_told_by_runs() -> None:
    column = to_column([{"id": 1}, {"id": 2, "load": "a"}, {"id": 3, "load": "b"}, {"id": 4}])
    assert column == {
        "count": 4,
        "fields": {"id": {"values": [1, 2, 3, 4]}, "load": {"values": ["a", "b"]}},
        "runs": {"load": [0, 1, 2, 1]},
    }


def test_lists_of_records_are_joined() -> None:
    column = to_column([{"budgets": [{"limit": 1}, {"limit": 2}]}, {"budgets": []}])
    lists = {"count": 2, "fields": {"limit": {"values": [1, 2]}}, "runs": {}}
    assert column["fields"]["budgets"] == {"lengths": [2, 0], "lists": lists}


@pytest.mark.parametrize("values", [[], [[], []], [{"a": 1}, 2], [[{"a": 1}], [2]]])
def test_values_that_are_not_all_records_stay_as_they_are(values: list[Any]) -> None:
    assert to_column(values) == {"values": values}


def test_columns_of_alike_records_are_smaller_than_the_records() -> None:
    records = [
        {"id": f"test_{at}", "used": f"{at * 37 % 101}%", "verdict": "within", "ms": at * 73 % 997}
        for at in range(1000)
    ]
    assert len(packed(to_column(records))) < 0.75 * len(packed(records))
