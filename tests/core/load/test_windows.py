"""The windows of a load, by which loads are compared."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.config.load import parse_plan
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.core.load.windows import WINDOWS, block_of, blocks_of, doubt, why_not_timed, window_of
from pytest_perfbudget.core.units import NS_PER

SECOND = NS_PER["s"]


def plan(**keywords: object) -> LoadPlan:
    return parse_plan(keywords, "perf_load()")


def record(load: LoadPlan, *latencies_ms: float, late_ms: float = 0.0) -> LoadRecord:
    facts = GeneratorFacts(lateness_p50_ns=late_ms * 1e6)
    return LoadRecord(load, Latencies(int(one * 1e6) for one in latencies_ms), array("b"), generator=facts)


def test_an_open_load_has_windows_with_intended_starts_of_their_own() -> None:
    load = plan(rate=100, duration="10s", arrival="poisson", warm_up="1s")
    first, second = window_of(load, 0, 1), window_of(load, 0, 2)
    assert (first.duration_ns, first.warm_up_ns, first.stages[0].before) == (SECOND // 2, 0, 100)
    assert first.duration_ns == second.duration_ns
    assert first.seed != second.seed


def test_both_turns_of_a_quad_have_the_same_arrivals() -> None:
    """The order of a quad (ABBA) cancels the advantage of a side that follows itself only if the arrivals are equal."""
    load = plan(rate=100, duration="10s", arrival="poisson")
    seeds = [window_of(load, 0, turn).seed for turn in range(6)]
    assert seeds[0::2] == seeds[1::2]
    assert len({*seeds}) == 3


def test_a_window_of_a_low_rate_is_as_long_as_five_requests() -> None:
    assert window_of(plan(rate=5, duration="10s"), 0, 1).duration_ns == SECOND


def test_a_short_load_of_users_is_a_window_as_a_whole() -> None:
    load = plan(users=10, requests=20)
    assert window_of(load, SECOND // 20, 1) == load
    longer = window_of(load, 10 * SECOND, 1)
    assert (longer.requests, longer.duration_ns) == (0, SECOND // 2)


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"rate": 50, "duration": "10s"}, "50/s for 10 s"),
        ({"rate": 50, "duration": "10s", "arrival": "poisson"}, "50/s for 10 s, poisson arrivals"),
        ({"users": 10, "requests": 20}, "10 users, 20 requests each"),
        ({"users": 10, "duration": "1s", "think_time": "100ms"}, "10 users, for 1 s, think time 0.1 s"),
        ({"stages": [(50, "5s"), (500, "20s")]}, "0 to 50/s in 5 s, 50 to 500/s in 20 s"),
    ],
)
def test_a_load_is_known_by_its_parameters(keywords: dict[str, object], text: str) -> None:
    assert plan(**keywords).text == text


def test_a_load_whose_rate_changes_has_no_windows_that_are_alike() -> None:
    assert not plan(stages=[(50, "5s"), (500, "20s")]).is_steady
    assert plan(rate=50, duration="5s").is_steady
    assert plan(users=1, requests=1).is_steady


def test_the_block_of_a_window_is_its_median() -> None:
    block = block_of([1_000, 3_000, 2_000, 90_000])
    assert (block.time_ns, block.mean_ns) == (2_500, 24_000)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=500))
def test_the_blocks_of_a_load_hold_each_request_once(values: list[int]) -> None:
    found = blocks_of(Latencies(values), (1.0,), (2.0,))
    assert 1 <= len(found) <= WINDOWS
    sizes = np.diff([len(values) * at // len(found) for at in range(len(found) + 1)])
    assert sum(one.mean_ns * size for one, size in zip(found, sizes, strict=True)) == pytest.approx(sum(values))


LOAD = plan(rate=100, duration="1s")


def test_a_side_without_answers_is_not_timed() -> None:
    assert why_not_timed([record(LOAD, 2, 3)]) == ""
    assert why_not_timed([record(LOAD)]) == "no request of the load was answered"


def test_a_late_generator_is_a_doubt() -> None:
    assert doubt(record(LOAD, 2, 3, late_ms=0.5)) == ""
    assert doubt(record(LOAD, 2, 3, late_ms=1)).startswith("half of the requests started more than 1 ms late")


def test_users_are_never_late() -> None:
    assert doubt(record(plan(users=1, requests=1), 2, late_ms=1)) == ""
