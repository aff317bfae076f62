"""Pairs whose processes have measured other tests: the first pair, of new processes, has to agree with them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.shared_pairs import credible, is_contradicted

TEST = PairedSlowdownTest(0.03, 0.001)
LIMIT = TEST.limit
SPREAD = 0.011


def pair(log_ratio: float, *, shared: bool = False) -> Pair:
    return Pair(log_ratio, 0.004, 1e6, is_shared=shared)


def pairs(new: float, *shared: float) -> list[Pair]:
    return [pair(new), *(pair(one, shared=True) for one in shared)]


def test_pairs_of_new_processes_decide_by_themselves() -> None:
    new = [pair(one) for one in (0.0, 0.2, -0.1)]
    assert credible(new, LIMIT) == new
    assert not TEST.needs_new(new)


def test_shared_pairs_that_agree_with_the_first_pair_decide_with_it() -> None:
    runs = pairs(0.2, 0.21)
    test = TEST.after(pair(0.2))
    assert not test.needs_fresh(runs)
    alike = [replace(one, is_shared=False) for one in runs]
    assert test.confirmed(runs) == test.confirmed(alike)


@pytest.mark.parametrize(
    ("new", "shared", "expected"),
    [(0.0, 0.2, True), (0.2, 0.0, True), (0.029, 0.031, True), (0.0, -0.1, False), (0.04, 0.2, False)],
    ids=["slower", "cleared", "close to the limit", "both faster", "both slower"],
)
def test_pairs_on_different_sides_of_the_limit_contradict_each_other(
    new: float, shared: float, *, expected: bool
) -> None:
    runs = pairs(new, shared, shared)
    assert is_contradicted(runs, LIMIT) is expected
    assert TEST.needs_new(runs) is expected
    assert credible(runs, LIMIT) == (runs[:1] if expected else runs)
    assert TEST.discarded(runs) == (2 if expected else 0)


def test_shared_pairs_alone_decide_nothing() -> None:
    assert is_contradicted(pairs(0.0, 0.2)[1:], LIMIT)
    assert TEST.needs_fresh(pairs(0.0, 0.2)[1:])


def decided(first: float, shared: float, new: float) -> tuple[RegressionVerdict, int]:
    """The verdict on a suspect whose shared pairs, and whose pairs of new processes, show this, and its new pairs."""
    test, runs = TEST.after(pair(0.2)), [pair(first)]
    while test.needs_fresh(runs):
        runs.append(pair(new) if test.needs_new(runs) else pair(shared, shared=True))
    return test.confirmed(runs).verdict, sum(not one.is_shared for one in runs)


def test_what_an_earlier_test_has_left_behind_makes_no_test_slower() -> None:
    assert decided(0.0, 0.2, 0.0)[0] is RegressionVerdict.UNCONFIRMED


def test_what_an_earlier_test_has_left_behind_clears_no_slower_test() -> None:
    verdict, new = decided(0.08, 0.0, 0.08)
    assert verdict is RegressionVerdict.REGRESSED
    assert new >= 4


def test_a_first_run_that_is_slower_in_the_first_pair_is_contradicted_by_shared_pairs() -> None:
    """The teardown of a fixture may take the slow path away for later runs in a process."""
    first = replace(pair(0.02), first=pair(0.22), gap=0.21, places=0.03)
    runs = [first, *pairs(0.0, 0.0, 0.0)[1:]]
    assert TEST.needs_new(runs)
    assert credible(runs, LIMIT) == [first]
    test = TEST.after(pair(0.22))
    while test.needs_fresh(runs):
        assert test.needs_new(runs)
        runs.append(first)
    assert test.confirmed(runs).verdict is RegressionVerdict.REGRESSED


@given(
    st.lists(
        st.builds(pair, st.floats(-0.3, 0.3), shared=st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_any_row_of_pairs_comes_to_an_end(known: list[Pair]) -> None:
    """Whatever pairs follow: new ones where these are asked for, or where no other is there."""
    test = TEST.after(pair(0.1))
    runs: list[Pair] = []
    while test.needs_fresh(runs):
        one = known[len(runs) % len(known)]
        runs.append(replace(one, is_shared=False) if not runs or test.needs_new(runs) else one)
        assert len(runs) <= 45
    judged = credible(runs, LIMIT)
    assert test.confirmed(runs) == test.confirmed(judged)
    assert judged == runs or not any(one.is_shared for one in judged)


def share_of_slower(true: float, left: float, number: int = 300) -> float:
    """The share of tests that are called slower, of code that is so much slower, where an earlier test has left so much
    behind in the shared pairs.
    """
    draw = random.Random(5)
    slower = 0
    for _ in range(number):
        test, runs = TEST.after(pair(draw.gauss(true, SPREAD))), [pair(draw.gauss(true, SPREAD))]
        while test.needs_fresh(runs):
            is_shared = not test.needs_new(runs) and len(runs) < 10
            runs.append(pair(draw.gauss(true + left * is_shared, SPREAD), shared=is_shared))
        slower += test.confirmed(runs).verdict is RegressionVerdict.REGRESSED
    return slower / number


@pytest.mark.parametrize("left", [0.05, 0.06, 0.08, 0.2])
def test_unchanged_code_is_not_called_slower_by_what_is_left_behind(left: float) -> None:
    assert share_of_slower(0.0, left) <= 0.01


@pytest.mark.parametrize("left", [-0.04, -0.1, 0.0, 0.05])
def test_slower_code_is_found_whatever_is_left_behind(left: float) -> None:
    assert share_of_slower(0.08, left) >= 0.98
