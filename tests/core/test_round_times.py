"""Rounds in a report: small, and read back as they were."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.round_times import MOST_KEPT, STEPS, RoundTimes

DAY_NS = 86_400 * 10**9


@settings(deadline=None)
@given(st.lists(st.integers(0, DAY_NS), min_size=1, max_size=MOST_KEPT))
def test_times_are_read_back_in_their_order_to_four_digits(times_ns: list[int]) -> None:
    kept = RoundTimes.of(times_ns)
    assert kept is not None
    again = RoundTimes.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert again == kept
    assert again.times_ns() == pytest.approx(times_ns, rel=1 / 16_384, abs=0)


@settings(deadline=None)
@given(st.lists(st.integers(0, 2 * STEPS - 1), min_size=1, max_size=MOST_KEPT))
def test_short_rounds_are_kept_to_the_nanosecond(times_ns: list[int]) -> None:
    for ordered in (times_ns, sorted(times_ns)):
        kept = RoundTimes.of(ordered)
        assert kept is not None
        assert (kept.times_ns(), kept.unit_ns) == (ordered, 1)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50), st.integers(1, 10_000))
@example([16_504.5], 1)
def test_a_mean_of_several_calls_keeps_the_digits_of_the_whole_round(times: list[float], iterations: int) -> None:
    kept = RoundTimes.of(times, iterations)
    assert kept is not None
    assert kept.times_ns() == pytest.approx(times, abs=0.51 / iterations, rel=1.01 / 16_384)


@pytest.mark.parametrize(("shortest_ns", "unit_ns"), [(16_383, 1), (16_384, 2), (10**6, 100), (35 * 10**6, 2_000)])
def test_the_unit_is_a_round_number(shortest_ns: int, unit_ns: int) -> None:
    kept = RoundTimes.of([shortest_ns, 3 * shortest_ns])
    assert kept is not None
    assert kept.unit_ns == unit_ns
    assert kept.times_ns() == pytest.approx([shortest_ns, 3 * shortest_ns], abs=unit_ns / 2)


def test_times_in_order_take_less_space_as_differences() -> None:
    draw = random.Random(1)
    times_ns = [draw.lognormvariate(0, 0.1) * 1.8e6 for _ in range(MOST_KEPT)]
    mixed, ordered = RoundTimes.of(times_ns), RoundTimes.of(sorted(times_ns))
    assert mixed is not None
    assert ordered is not None
    assert len(ordered.packed) < 0.6 * len(mixed.packed)
    assert ordered.times_ns() == sorted(mixed.times_ns())


def test_times_of_an_older_report_are_read() -> None:
    """Older reports state no unit, and pack ascending times like others."""
    older = {"packed": "eJxjZGJmYWBgYGbAAQABlwAO", "iterations": 2, "every": 1}
    assert RoundTimes.from_dict(older).rounds_ns() == [1, 2, 3, 772]


def test_many_rounds_are_thinned_out_evenly() -> None:
    kept = RoundTimes.of(range(20_000))
    assert kept is not None
    assert kept.every == 40
    assert kept.times_ns() == list(range(0, 20_000, 40))


def test_no_rounds_are_no_times() -> None:
    assert RoundTimes.of([]) is None


@pytest.mark.parametrize("packed", ["", "?", "AAAA", "eJwDAAAAAAE"])
def test_a_damaged_text_is_one_error(packed: str) -> None:
    with pytest.raises(ValueError, match=r"^the rounds cannot be unpacked: "):
        RoundTimes(packed).times_ns()
