"""Slowdowns by pairs whose processes have measured other tests: a pair of new processes has to agree."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.shared_pairs import contradict

TEST = PairedSlowdownTest(0.03, 0.001)
LIMIT = TEST.limit


def pair(log_ratio: float, *, shared: bool = False, error: float = 0.004) -> Pair:
    return Pair(log_ratio, error, 1e6, is_shared=shared)


def shared(*log_ratios: float) -> list[Pair]:
    return [pair(one, shared=True) for one in log_ratios]


FAR = shared(0.2, 0.21)
"""Two pairs so far beyond the limit that the early look decides."""


def suspect() -> PairedSlowdownTest:
    return TEST.after(pair(0.2))


def test_pairs_of_new_processes_decide_by_themselves() -> None:
    new = [replace(one, is_shared=False) for one in FAR]
    assert not suspect().needs_fresh(new)
    assert not suspect().needs_new(new)
    assert suspect().confirmed(new).verdict is RegressionVerdict.REGRESSED


def test_a_slowdown_by_shared_pairs_needs_a_pair_of_new_processes() -> None:
    assert suspect().needs_fresh(FAR)
    assert suspect().needs_new(FAR)


def test_a_new_pair_that_agrees_changes_nothing_of_the_result() -> None:
    """The early look has decided by two pairs, and would not decide by three."""
    both = [*FAR, pair(0.15)]
    assert not suspect().needs_fresh(both)
    assert suspect().confirmed(both) == suspect().confirmed(FAR)


def test_what_an_earlier_test_has_left_behind_makes_no_test_slower() -> None:
    both = [*FAR, pair(0.0)]
    assert suspect().needs_new([*both]) or not suspect().needs_fresh(both)
    assert suspect().confirmed(both).verdict is not RegressionVerdict.REGRESSED
    cleared = [*both, pair(0.0), pair(0.005), pair(0.0)]
    assert not suspect().needs_fresh(cleared)
    assert suspect().confirmed(cleared).verdict is RegressionVerdict.UNCONFIRMED


def test_new_pairs_decide_after_a_contradiction() -> None:
    runs = [*FAR, pair(-0.01)]
    test = suspect()
    while test.needs_fresh(runs):
        assert test.needs_new(runs)
        runs.append(pair(0.08))
    found = test.confirmed(runs)
    assert found.verdict is RegressionVerdict.REGRESSED
    assert found.runs == len(runs) - len(FAR)


def test_what_shared_pairs_clear_needs_no_new_pair() -> None:
    test = TEST.after(pair(0.04))
    runs = shared(-0.004)
    while test.needs_fresh(runs):
        assert not test.needs_new(runs)
        runs += shared(0.002)
    assert test.confirmed(runs).verdict is RegressionVerdict.UNCONFIRMED


@pytest.mark.parametrize(
    ("new", "expected"),
    [(0.0, True), (0.1, False), (0.2, False), (0.025, True), (0.031, False)],
    ids=["nothing", "less", "as slow", "within the limit", "just beyond"],
)
def test_a_new_pair_contradicts_that_is_within_the_limit_and_clearly_faster(new: float, *, expected: bool) -> None:
    assert contradict([pair(new)], FAR, LIMIT) is expected


def test_a_new_pair_that_is_unsure_contradicts_nothing() -> None:
    assert not contradict([pair(0.0, error=0.1)], FAR, LIMIT)
    assert not contradict([pair(0.0)], shared(0.02), LIMIT)


@pytest.mark.parametrize("seed", range(3))
def test_hardly_any_true_slowdown_is_lost_by_the_new_pair(seed: int) -> None:
    """Of pairs of code that is 10 % slower, the verdict is that of the shared pairs in nearly all cases."""
    draw = random.Random(seed)
    lost = 0
    for _ in range(200):
        runs = shared(*(draw.gauss(0.095, 0.012) for _ in range(4)))
        if TEST.after(pair(0.1)).confirmed(runs).verdict is RegressionVerdict.REGRESSED:
            both = [*runs, pair(draw.gauss(0.095, 0.012))]
            lost += TEST.after(pair(0.1)).confirmed(both).verdict is not RegressionVerdict.REGRESSED
    assert lost <= 1
