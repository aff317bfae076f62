from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_perfbudget.config import parse_limits, parse_settings
from pytest_perfbudget.core.limits import pattern_matches
from pytest_perfbudget.core.precedence import EffectiveLimits, resolve

TABLE = {
    "max_time": "2s",
    "p99_ms": 400,
    "p95_ms": 300,
    "median_ms": 200,
    "budgets": {
        "tests/*": {"p95_ms": 100, "mean_ms": 100},
        "tests/test_api.py::test_login": {"p95_ms": 50, "max_time": "5s"},
        "tests/test_api.py::*": {"p95_ms": 80},
    },
    "components": {
        "api": {"match": ["tests/test_api.py"], "p95_ms": 70, "median_ms": 70},
        "jwt": {"match": "tests/test_jwt.py", "p90_ms": 60},
    },
}
SETTINGS = parse_settings(TABLE, "pyproject.toml")
LOGIN = "tests/test_api.py::test_login"


def limits(effective: EffectiveLimits) -> dict[str, float]:
    return {budget.metric.name: budget.limit / 1e6 for budget in effective.budgets}


def test_the_most_specific_entry_then_the_component_then_the_table() -> None:
    effective = resolve(SETTINGS, LOGIN, [], name="")
    assert limits(effective) == {"p95": 50, "mean": 100, "median": 70, "p99": 400}
    assert (effective.component, effective.max_time_ns) == ("api", 5_000_000_000)
    assert {budget.metric.name: budget.source for budget in effective.budgets} == {
        "p95": 'pyproject.toml [tool.perfbudget.budgets] "tests/test_api.py::test_login"',
        "mean": 'pyproject.toml [tool.perfbudget.budgets] "tests/*"',
        "median": 'pyproject.toml [tool.perfbudget.components."api"]',
        "p99": "pyproject.toml [tool.perfbudget]",
    }


def test_the_marker_nearest_to_the_test_comes_before_the_tables() -> None:
    markers = [parse_limits({"p95_ms": 10}, "function"), parse_limits({"p95_ms": 20, "mean_ms": 20}, "class")]
    assert limits(resolve(SETTINGS, LOGIN, markers, name=""))["p95"] == 10
    assert limits(resolve(SETTINGS, LOGIN, markers, name=""))["mean"] == 20


def test_terms_that_name_a_measurement_hold_for_it_alone() -> None:
    markers = [parse_limits({"p95_ms": 10}, "function"), parse_limits({"p95_ms": 5}, "named", name="parse")]
    assert limits(resolve(SETTINGS, LOGIN, markers, name="parse"))["p95"] == 5
    assert limits(resolve(SETTINGS, LOGIN, markers, name="render"))["p95"] == 10


def test_the_command_line_comes_before_all() -> None:
    markers = [parse_limits({"max_time": "1ms"}, "function")]
    assert resolve(SETTINGS, LOGIN, markers, name="").max_time_ns == 1_000_000
    assert resolve(SETTINGS, LOGIN, markers, name="", max_time_ns=7).max_time_ns == 7


def test_a_marker_moves_a_test_to_another_component_with_its_limits() -> None:
    effective = resolve(SETTINGS, LOGIN, [parse_limits({"component": "jwt"}, "function")], name="")
    assert effective.component == "jwt"
    assert limits(effective) == {"p95": 50, "mean": 100, "p90": 60, "median": 200, "p99": 400}


def test_a_component_without_a_table_is_a_name_only() -> None:
    effective = resolve(SETTINGS, "x.py::t", [parse_limits({"component": "new"}, "function")], name="")
    assert (effective.component, effective.max_time_ns) == ("new", 2_000_000_000)


@pytest.mark.parametrize(
    ("pattern", "nodeid", "matches"),
    [
        ("tests/test_api.py", "tests/test_api.py::test_login", True),
        ("tests/test_api.py::TestA", "tests/test_api.py::TestA::test_b", True),
        ("tests/test_api.py::test_b", "tests/test_api.py::test_b[1-x]", True),
        ("tests/test_api.py::test_b", "tests/test_api.py::test_bc", False),
        ("tests", "tests/test_api.py::test_b", True),
        ("tests/*::test_log*", "tests/test_api.py::test_login", True),
        ("*[big]", "tests/test_api.py::test_b[big]", True),
        ("*[big]", "tests/test_api.py::test_g", False),
        ("tests/test_b?.py", "tests/test_bc.py", True),
        ("tests/*_benchmarks.py", "tests/test_url_benchmarks.py::test_join", True),
        ("tests/*_benchmarks.py", "tests/test_url.py::test_join_benchmarks", False),
        ("tests/*.py", "tests/[api]/test_user.py::test_login[a::b]", True),
        ("tests/*/test_user.py", "tests/[api]/test_user.py::test_login[a::b]", True),
        ("test*/api", "tests/api/v1/test_user.py::test_login", True),
        ("*::Test?", "tests/test_api.py::TestA::test_b", True),
        ("*::test_b?", "tests/test_api.py::test_bc[1-x]", True),
        ("*::test_b?", "tests/test_api.py::test_bcd[1-x]", False),
        ("test_login", "tests/test_api.py::test_login", False),
    ],
)
def test_patterns(pattern: str, nodeid: str, matches: bool) -> None:
    assert pattern_matches(pattern, nodeid) is matches


@given(
    st.text(st.characters(exclude_characters="*?", codec="utf-8"), min_size=1).filter(
        lambda text: not text.startswith("./")  # only a pattern begins so, and is read as the path behind it
    )
)
@example("a/")
@example("/")
def test_every_node_id_without_wildcards_matches_itself(nodeid: str) -> None:
    assert pattern_matches(nodeid, nodeid)
