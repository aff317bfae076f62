"""Budgets on spans: the keywords, and the mistakes in them."""

from __future__ import annotations

import pytest

from pytest_perfbudget.config import parse_limits, parse_settings
from pytest_perfbudget.core.metrics import METRICS, SPAN_COUNT, SPAN_SHARE
from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.span_budgets import parse_span_budgets
from pytest_perfbudget.errors import ConfigError

PLACE = "perf_budget marker of a.py::test"


def test_each_keyword_becomes_a_limit_in_base_units() -> None:
    found = parse_span_budgets({"db.query": {"p95_ms": 5, "max_ms": 9, "max_count": 3, "max_share": 0.5}}, PLACE)
    assert {(one.span, one.budget.metric, one.budget.limit) for one in found} == {
        ("db.query", METRICS["p95"], 5e6),
        ("db.query", METRICS["max"], 9e6),
        ("db.query", SPAN_COUNT, 3),
        ("db.query", SPAN_SHARE, 50),
    }
    assert {one.budget.source for one in found} == {f'{PLACE} spans "db.query"'}


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        (["db"], "spans must be a table by name of the span, such as"),
        ({"db": 5}, "spans 'db' must be a table of limits, such as"),
        ({"db": {}}, "spans 'db' must be a table of limits, such as"),
        ({5: {"p95_ms": 1}}, "the name of a span must be a text"),
        ({"db": {"max_cuont": 3}}, "unknown keyword 'max_cuont' of a span (did you mean 'max_count'?)"),
        ({"db": {"peak_mb": 3}}, "use max_count, max_share or a time such as p95_ms"),
        ({"db": {"max_count": 2.5}}, "max_count must be a whole number, found 2.5"),
        ({"db": {"max_share": 50}}, "max_share must be at most 1, found 50"),
        ({"db": {"p95_ms": -1}}, "p95_ms must be a number above zero, found -1"),
        ({"db": {"max_share": 0}}, "max_share must be a number above zero, found 0"),
        ({"db": {"max_count": -1}}, "max_count must be a number of zero or more, found -1"),
        ({"db": {"p95_ms": "5"}}, "p95_ms must be a number without quotes, found '5'"),
        ({"db": {"p50_ms": 1, "median_us": 9}}, "p50_ms and median_us limit the same number: keep one"),
    ],
)
def test_a_mistake_is_one_line_with_place_and_remedy(spans: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_limits({"spans": spans}, PLACE)
    assert str(caught.value).startswith(PLACE)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_keywords_of_spans_are_none_of_the_test_itself() -> None:
    with pytest.raises(ConfigError, match="'max_count'"):
        parse_limits({"max_count": 3}, PLACE)


def test_the_nearest_place_wins_for_each_name_and_metric() -> None:
    settings = parse_settings(
        {
            "spans": {"db": {"p95_ms": 50, "max_count": 9}, "http": {"max_count": 1}},
            "budgets": {"a.py": {"spans": {"db": {"p95_ms": 20}}}},
        },
        "pyproject.toml",
    )
    call = parse_limits({"spans": {"db": {"p95_us": 5}}}, "perf() in a.py:3")
    for given, limit, source in (
        ([call], 5e3, 'perf() in a.py:3 spans "db"'),
        ([], 20e6, 'pyproject.toml [tool.perfbudget.budgets] "a.py" spans "db"'),
    ):
        found = {
            (one.span, one.budget.metric.name): one.budget for one in resolve(settings, "a.py::t", given, name="").spans
        }
        assert set(found) == {("db", "p95"), ("db", "count"), ("http", "count")}
        assert (found["db", "p95"].limit, found["db", "p95"].source) == (limit, source)
        assert found["db", "count"].source == 'pyproject.toml [tool.perfbudget.spans."db"]'
        assert found["db", "count"].general


def test_a_mistake_in_the_table_names_the_table() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings({"spans": {"db": {"max_cuont": 1}}}, "pyproject.toml")
    assert str(caught.value).startswith('pyproject.toml [tool.perfbudget.spans."db"]: unknown keyword')
