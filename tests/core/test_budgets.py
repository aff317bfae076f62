from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.budgets import Budget, merge_budgets, parse_budgets
from pytest_perfbudget.core.metrics import KEYWORDS, METRICS
from pytest_perfbudget.errors import ConfigError

P95 = METRICS["p95"]


def test_a_keyword_becomes_a_limit_in_base_units_that_knows_its_source() -> None:
    assert parse_budgets({"p95_ms": 50}, "here") == [Budget(P95, 50_000_000.0, "p95_ms", "here")]


@pytest.mark.parametrize(
    ("keyword", "name", "limit"),
    [
        ("median_us", "median", 1e3),
        ("p50_us", "median", 1e3),
        ("p999_s", "p999", 1e9),
        ("cpu_mean_ms", "cpu_mean", 1e6),
        ("peak_mb", "peak", 1e6),
        ("max_calls", "calls", 1.0),
        ("max_ns", "max", 1.0),
    ],
)
def test_metrics_have_one_name_however_they_are_written(keyword: str, name: str, limit: float) -> None:
    (budget,) = parse_budgets({keyword: 1}, "here")
    assert (budget.metric.name, budget.limit) == (name, limit)


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("max_rps", "here: 'max_rps' limits the wrong side of this number: write min_rps"),
        ("min_error_rate", "here: 'min_error_rate' limits the wrong side of this number: write max_error_rate"),
        ("p95_m", "here: 'p95_m' has no such unit 'm': use one of ns, us, ms, s"),
        ("cpu_mean_minutes", "here: 'cpu_mean_minutes' has no such unit 'minutes': use one of ns, us, ms, s"),
        ("p95ms", "here: unknown keyword 'p95ms' (did you mean 'p95_ms'?)"),
        ("peak_MB", "here: unknown keyword 'peak_MB' (did you mean 'peak_mb'?)"),
        ("componet", "here: unknown keyword 'componet' (did you mean 'component'?)"),
        ("max_cals", "here: unknown keyword 'max_cals' (did you mean 'max_calls'?)"),
        ("zzz", "here: unknown keyword 'zzz'"),
    ],
)
def test_an_unknown_keyword_names_the_place_and_the_nearest_known_one(keyword: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_budgets({keyword: 50}, "here", ["component"])
    assert str(error.value) == message


@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan, math.inf, True, False, "50", None, [50]])
def test_a_limit_is_a_finite_number_above_zero(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^here: p95_ms must be a number"):
        parse_budgets({"p95_ms": value}, "here")


def test_two_keywords_for_one_number_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="p50_ms and median_us limit the same number"):
        parse_budgets({"p50_ms": 1, "median_us": 900}, "here")


def test_the_nearer_place_wins_metric_by_metric() -> None:
    near = parse_budgets({"p95_us": 1}, "near")
    far = parse_budgets({"p95_ms": 1, "mean_ms": 2}, "far")
    assert [(one.keyword, one.source) for one in merge_budgets(near, far)] == [("p95_us", "near"), ("mean_ms", "far")]


@given(st.sampled_from(sorted(KEYWORDS.keys() - {"max_calls", "max_instructions"})), st.floats(1e-6, 1e9))
def test_every_keyword_accepts_every_positive_number_that_has_a_meaning(keyword: str, value: float) -> None:
    metric, factor = KEYWORDS[keyword]
    value = min(value, metric.most / factor)
    (budget,) = parse_budgets({keyword: value}, "here")
    assert budget.limit == pytest.approx(value * factor)
