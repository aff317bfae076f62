"""Rounds in a report: small, and read back as they were."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.round_times import LEAST_WAIT, MOST_KEPT, STEPS, RoundTimes

SHARE = st.floats(0, 1.2).filter(lambda share: abs(share - LEAST_WAIT) > 1e-6)
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


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, DAY_NS), SHARE), min_size=1, max_size=50), st.integers(1, 1_000))
def test_the_waits_of_rounds_are_read_back(rounds: list[tuple[int, float]], iterations: int) -> None:
    times_ns = [float(time_ns) for time_ns, _ in rounds]
    waited_ns = [time_ns * share for time_ns, share in rounds]
    kept = RoundTimes.of(times_ns, iterations, waited_ns)
    assert kept is not None
    again = RoundTimes.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert again == kept
    wanted = [
        min(one, whole) if one >= LEAST_WAIT * whole else 0 for one, whole in zip(waited_ns, times_ns, strict=True)
    ]
    assert again.waits_ns() == pytest.approx(wanted, abs=0.51 * kept.unit_ns / iterations, rel=1e-12)


def test_a_round_that_did_little_else_than_wait_has_no_time_of_its_own() -> None:
    kept = RoundTimes.of([1_000, 5_000, 11_000], waited_ns=[0, 4_000, 10_000])
    assert kept is not None
    assert kept.times_ns() == [1_000, 5_000, 11_000]
    assert kept.own_times_ns() == [1_000, 1_000]


def test_rounds_that_never_waited_keep_no_waits() -> None:
    kept = RoundTimes.of([1e6] * 9, waited_ns=[0.9 * LEAST_WAIT * 1e6] * 9)
    assert kept == RoundTimes.of([1e6] * 9)
    assert kept is not None
    assert "waited" not in kept.to_dict()


def test_waits_of_a_few_rounds_take_little_space() -> None:
    draw = random.Random(1)
    times_ns = [draw.lognormvariate(0, 0.1) * 1.8e6 for _ in range(MOST_KEPT)]
    waits_ns = [4e6 * draw.random() if at % 10 == 0 else 0 for at in range(MOST_KEPT)]
    kept = RoundTimes.of([sum(pair) for pair in zip(times_ns, waits_ns, strict=True)], waited_ns=waits_ns)
    assert kept is not None
    assert len(kept.waited) < 0.3 * len(kept.packed)


def test_waits_of_fewer_rounds_than_there_are_times_are_damaged() -> None:
    one, two = RoundTimes.of([9_000], waited_ns=[4_000]), RoundTimes.of([9_000, 9_000])
    assert one is not None
    assert two is not None
    with pytest.raises(ValueError, match="1 rounds have waits, and 2 have times"):
        replace(two, waited=one.waited).own_times_ns()


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
