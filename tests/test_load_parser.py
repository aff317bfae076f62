"""A load is a closed model of users or an open model of arrivals; everything else is refused in one line."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.config.load import PARAMETERS, parse_plan
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.errors import ConfigError

S = 1_000_000_000
PLACE = "perf_load() in test_it.py:3"


def test_the_closed_model_has_users() -> None:
    assert parse_plan({"users": 10, "requests": 20}, PLACE) == LoadPlan(10, requests=20)
    found = parse_plan({"users": 10, "duration": "10s", "think_time": "100ms", "warm_up": "1s"}, PLACE)
    assert found == LoadPlan(10, duration_ns=10 * S, think_time_ns=S // 10, warm_up_ns=S)
    assert not found.is_open


def test_the_open_model_has_a_rate_or_stages() -> None:
    found = parse_plan({"rate": 50, "duration": "10s", "arrival": "poisson", "timeout": "2s"}, PLACE)
    constant = (Stage(50, 50, 10 * S),)
    assert found == LoadPlan(duration_ns=10 * S, stages=constant, arrival=Arrival.POISSON, timeout_ns=2 * S)
    assert found.is_open
    ramped = parse_plan({"stages": [(50, "5s"), (500, "20s")]}, PLACE)
    assert ramped.stages == (Stage(0, 50, 5 * S), Stage(50, 500, 20 * S))
    assert ramped.duration_ns == 25 * S


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({}, "give users= (closed model), or rate= or stages= (open model): found none of them"),
        ({"users": 1, "rate": 5, "duration": "1s"}, "give users= * found users and rate"),
        ({"rate": 5, "stages": [(5, "1s")]}, "give users= * found rate and stages"),
        ({"rate": 10**400, "duration": "1s"}, "rate must be a number of requests per second, at most 1,000,000,000, *"),
        ({"rate": float("inf"), "duration": "1s"}, "rate must be * at most 1,000,000,000, found inf"),
        ({"stages": [(10**400, "1s")]}, "the rate of stage 1 must be * at most 1,000,000,000, found 1000*"),
        ({"users": 0, "requests": 1}, "users must be a whole number above zero, found 0"),
        ({"users": -1, "requests": 1}, "users must be a whole number above zero, found -1"),
        ({"users": True, "requests": 1}, "users must be a whole number above zero, found True"),
        ({"users": 1.5, "requests": 1}, "users must be a whole number above zero, found 1.5"),
        ({"users": 1, "requests": 0}, "requests must be a whole number above zero, found 0"),
        ({"users": 1}, "users need requests= (for each user) or duration= (such as '10s'), found neither"),
        ({"users": 1, "requests": 1, "duration": "1s"}, "users need requests= * not both"),
        (
            {"users": 1, "duration": 10},
            "duration: expected a duration above zero in s, ms, us or ns, such as '1s' * found 10",
        ),
        (
            {"users": 1, "requests": 1, "think_time": "1"},
            "think_time: expected a duration above zero in s, ms, us or ns*",
        ),
        ({"users": 1, "requests": 1, "arrival": "poisson"}, "users decide when their requests start*"),
        ({"rate": 5}, "rate needs duration=, such as '10s'"),
        ({"rate": 0, "duration": "1s"}, "rate must be a number of requests per second, above zero, found 0"),
        ({"rate": -5, "duration": "1s"}, "rate must be a number of requests per second, above zero, found -5"),
        ({"rate": float("nan"), "duration": "1s"}, "rate must be a number * found nan"),
        ({"rate": "5", "duration": "1s"}, "rate must be a number * found '5'"),
        ({"rate": 5, "duration": "1s", "requests": 3}, "requests is the number for each user*"),
        ({"rate": 5, "duration": "1s", "think_time": "1s"}, "think_time is the pause of a user*"),
        ({"rate": 5, "duration": "1s", "arrival": "random"}, "arrival must be 'constant' or 'poisson', found 'random'"),
        ({"stages": []}, "stages must be a list such as [(50, '5s'), (500, '20s')], found []"),
        ({"stages": "50"}, "stages must be a list *"),
        ({"stages": [("5s", 50)]}, "stage 1 must be (rate, duration), such as (50, '5s'), found ('5s', 50)"),
        ({"stages": [(5, "1s"), 7]}, "stage 2 must be (rate, duration)* found 7"),
        (
            {"stages": [(5, "1s"), (-7, "1s")]},
            "the rate of stage 2 must be a number of requests per second, zero or more*",
        ),
        ({"stages": [(5, 1)]}, "the duration of stage 1: expected a duration above zero in s, ms, us or ns*"),
        ({"stages": [(0, "1s")]}, "stages make no request*"),
        ({"stages": [(5, "1s")], "think_time": "1s"}, "think_time is the pause of a user, and stages= has no users"),
        ({"stages": [(5, "1s")], "requests": 3}, "requests is the number for each user, and stages= has no users"),
        (
            {"rate": 10**9, "duration": "10s"},
            "rate= makes 10,000,000,000 requests, and at most 50,000,000 can be planned",
        ),
        ({"stages": [(5, "1s")], "duration": "1s"}, "each stage has its own duration*"),
    ],
)
def test_an_impossible_load_is_one_line(keywords: dict[str, Any], said: str) -> None:
    pattern = re.escape(f"{PLACE}: {said}").replace(r"\*", ".*")
    with pytest.raises(ConfigError, match=f"^{pattern}$"):
        parse_plan(keywords, PLACE)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "1s", "poisson"]),
    st.lists(st.integers()),
)


@given(st.dictionaries(st.sampled_from(PARAMETERS), VALUES))
def test_any_keywords_are_a_load_or_refused(keywords: dict[str, object]) -> None:
    try:
        plan = parse_plan(keywords, PLACE)
    except ConfigError as error:
        assert str(error).startswith(PLACE)  # noqa: PT017 - most keywords are refused
    else:
        assert plan.is_open is not bool(plan.users)
        assert plan.requests or plan.duration_ns
