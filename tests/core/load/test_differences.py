"""Loads of one name are compared by their parameters, and a load that became easier is known to be easier."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.config.load import parse_plan
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.differences import Effect, LoadDifference, load_differences, other_load
from pytest_perfbudget.core.load.plan import LoadPlan

S = 1_000_000_000
CLOSED = LoadPlan(10, requests=20)
TIMED = LoadPlan(10, duration_ns=10 * S)
OPEN = LoadPlan(stages=(Stage(50, 50, 10 * S),), duration_ns=10 * S)
EASIER, HARDER, OTHER = Effect.EASIER, Effect.HARDER, Effect.OTHER


def found(before: LoadPlan, after: LoadPlan) -> list[tuple[str, str, Effect]]:
    return [(one.before, one.after, one.effect) for one in load_differences(before.identity, after.identity)]


def steady(rate: float, seconds: int = 10) -> LoadPlan:
    return replace(OPEN, stages=(Stage(rate, rate, seconds * S),), duration_ns=seconds * S)


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (CLOSED, replace(CLOSED, users=9), ("10 users", "9 users", EASIER)),
        (CLOSED, replace(CLOSED, users=1), ("10 users", "1 user", EASIER)),
        (CLOSED, replace(CLOSED, requests=19), ("20 requests each", "19 requests each", EASIER)),
        (TIMED, replace(TIMED, duration_ns=9 * S), ("for 10 s", "for 9 s", EASIER)),
        (TIMED, replace(TIMED, think_time_ns=S), ("think time 0 s", "think time 1 s", EASIER)),
        (TIMED, replace(TIMED, warm_up_ns=S), ("warm-up 0 s", "warm-up 1 s", EASIER)),
        (OPEN, steady(40), ("50/s", "40/s", EASIER)),
        (OPEN, steady(50, 9), ("for 10 s", "for 9 s", EASIER)),
        (replace(OPEN, arrival=Arrival.POISSON), OPEN, ("poisson arrivals", "constant arrivals", EASIER)),
    ],
)
def test_a_load_that_became_easier_and_one_that_became_harder(
    before: LoadPlan, after: LoadPlan, difference: tuple[str, str, Effect]
) -> None:
    assert found(before, after) == [difference]
    assert found(after, before) == [(difference[1], difference[0], HARDER)]


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (CLOSED, replace(CLOSED, timeout_ns=5 * S), ("timeout 30 s", "timeout 5 s", OTHER)),
        (CLOSED, replace(CLOSED, has_user=True), ("without user=", "with user=", OTHER)),
        (CLOSED, TIMED, ("20 requests each", "for 10 s", OTHER)),
        (TIMED, OPEN, ("10 users", "50/s", OTHER)),
        (CLOSED, OPEN, ("10 users, 20 requests each", "50/s, for 10 s", OTHER)),
    ],
)
def test_a_load_that_may_be_easier(before: LoadPlan, after: LoadPlan, difference: tuple[str, str, Effect]) -> None:
    assert found(before, after) == [difference]
    assert found(after, before) == [(difference[1], difference[0], OTHER)]


def test_every_parameter_that_differs_is_named() -> None:
    after = replace(CLOSED, users=12, requests=5, warm_up_ns=S)
    assert [one[2] for one in found(CLOSED, after)] == [HARDER, EASIER, EASIER]


def test_only_a_harder_load_needs_no_reason() -> None:
    assert [LoadDifference("", "", one).needs_reason for one in (HARDER, EASIER, OTHER)] == [False, True, True]


@pytest.mark.parametrize("plan", [CLOSED, TIMED, OPEN])
def test_a_line_of_an_older_version_lacks_parameters_and_is_the_same_load(plan: LoadPlan) -> None:
    """Lines once held users, requests, rate, duration, arrival and think time alone, and wrote `1 users`."""
    now = replace(plan, warm_up_ns=2 * S, timeout_ns=S, has_user=True)
    assert load_differences(plan.text, now.identity) == []
    assert load_differences("1 users, 20 requests each", replace(CLOSED, users=1).identity) == []
    easier = replace(now, users=9) if plan.users else steady(40)
    assert [one.effect for one in load_differences(plan.text, easier.identity)] == [EASIER]


def test_a_measurement_that_was_no_load_may_have_been_anything() -> None:
    assert load_differences("", "") == []
    (one,) = load_differences("", CLOSED.identity)
    assert (one.before, one.effect) == ("no load", OTHER)
    (one,) = load_differences(CLOSED.identity, "")
    assert (one.after, one.effect) == ("no load", OTHER)


def test_the_words_name_both_sides() -> None:
    after = replace(CLOSED, users=9, timeout_ns=5 * S)
    assert other_load("the baseline", CLOSED.identity, after.identity) == (
        "another load than in the baseline: 9 users instead of 10 users (easier), timeout 5 s instead of timeout 30 s"
    )
    assert other_load("the baseline", CLOSED.identity, CLOSED.identity) == ""


def test_words_of_a_newer_version_are_another_load() -> None:
    assert [one.effect for one in load_differences(f"{CLOSED.identity}, retries 3", CLOSED.identity)] == [OTHER]


TIMES = st.sampled_from(["1us", "20ms", "1.5s", "2s", "100s"])
ANY = st.one_of(
    st.fixed_dictionaries(
        {"users": st.integers(1, 10**6), "requests": st.integers(1, 10**6)},
        optional={"think_time": TIMES, "warm_up": TIMES, "timeout": TIMES},
    ),
    st.fixed_dictionaries(
        {"rate": st.floats(0.1, 1e4), "duration": TIMES},
        optional={"arrival": st.sampled_from(["constant", "poisson"]), "warm_up": TIMES, "timeout": TIMES},
    ),
)


@given(ANY, ANY)
def test_the_other_way_round_a_harder_load_is_easier(before: dict[str, object], after: dict[str, object]) -> None:
    plans = [parse_plan(one, "perf_load()") for one in (before, after)]
    there, back = found(*plans), found(*plans[::-1])
    opposite = {EASIER: HARDER, HARDER: EASIER, OTHER: OTHER}
    assert back == [(after, before, opposite[effect]) for before, after, effect in there]
    assert bool(there) is (plans[0].identity != plans[1].identity)
    assert found(plans[0], plans[0]) == []
