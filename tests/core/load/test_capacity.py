"""The search for the highest rate that is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.load.capacity import CapacitySearch, Probe


def search(capacity: float, first: float) -> CapacitySearch:
    found = CapacitySearch(first)
    while (rate := found.next_rate()) is not None:
        found.note(Probe(rate, rate <= capacity))
    return found


@given(st.floats(0.1, 1e6), st.floats(0.1, 1e5))
def test_the_interval_holds_the_capacity_and_is_narrow(capacity: float, first: float) -> None:
    found = search(capacity, first)
    assert found.upper is not None
    assert found.lower <= capacity <= found.upper <= 1.05 * found.lower
    assert found.lower <= found.estimate <= found.upper
    assert len(found.probes) <= 40


def test_a_probe_that_is_kept_by_luck_above_a_broken_one_does_not_count() -> None:
    found = CapacitySearch(100, [Probe(100, is_kept=True), Probe(200, is_kept=False), Probe(400, is_kept=True)])
    assert (found.lower, found.upper) == (100, 200)


def test_without_a_broken_limit_the_interval_is_open() -> None:
    found = CapacitySearch(100, [Probe(100, is_kept=True)])
    assert (found.lower, found.upper, found.estimate, found.next_rate()) == (100, None, 100, 200)
