"""Two modes of times: found where there are two, and not where there is one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.modes import modes_of

Draw = Callable[[random.Random], float]
RUNS = 200

ONE_MODE: dict[str, Draw] = {
    "normal": lambda draw: max(draw.gauss(100, 8), 1),
    "log-normal": lambda draw: draw.lognormvariate(3, 0.6),
    "exponential": lambda draw: 100 + draw.expovariate(0.05),
    "uniform": lambda draw: draw.uniform(1, 3),
    "gamma": lambda draw: draw.gammavariate(3, 2),
    "Pareto": lambda draw: draw.paretovariate(1.5),
    "tail": lambda draw: 100 * (1 + (draw.gauss(0, 0.01) if draw.random() < 0.9 else draw.expovariate(2))),
}


def found(draw_one: Draw, number: int) -> int:
    """Return in how many of the simulations the times have two modes."""
    draw = random.Random(number)
    return sum(modes_of([draw_one(draw) for _ in range(number)]) is not None for _ in range(RUNS))


@pytest.mark.parametrize("name", ONE_MODE)
def test_times_with_one_mode_have_one(name: str) -> None:
    assert all(found(ONE_MODE[name], number) <= 0.02 * RUNS for number in (40, 100, 300))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_two_groups_have_two(share: float) -> None:
    def two(draw: random.Random) -> float:
        return (150 if draw.random() < share else 100) * draw.lognormvariate(0, 0.03)

    assert found(two, 100) >= 0.9 * RUNS


def test_modes_have_their_times_and_the_share_of_the_slow() -> None:
    modes = modes_of([10.0, 10.1, 9.9, 10.2] * 20 + [30.0, 30.1] * 10)
    assert modes is not None
    assert (modes.slow_share, round(modes.slow / modes.fast, 1)) == (0.2, 3.0)


def test_two_ticks_of_the_clock_are_no_modes() -> None:
    assert modes_of([41.0] * 50 + [42.0] * 50) is None


def test_a_few_outliers_are_no_mode() -> None:
    assert modes_of([10.0 + number % 7 / 10 for number in range(200)] + [900.0] * 4) is None


@given(st.lists(st.floats(1, 1e9), max_size=120), st.floats(0.01, 1e6))
def test_the_unit_does_not_matter(times: list[float], unit: float) -> None:
    here, there = modes_of(times), modes_of([one * unit for one in times])
    if here is not None and there is not None:
        assert there.slow_share == here.slow_share
        assert there.slow == pytest.approx(here.slow * unit)
