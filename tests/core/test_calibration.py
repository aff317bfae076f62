from __future__ import annotations

import pytest

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.calibration import (
    BLOCK_NS,
    iterations,
    needs_single_calls,
    rounds_per_block,
    rounds_per_turn,
)


@pytest.mark.parametrize(
    ("call_ns", "single", "expected"),
    [(80, False, 75), (80, True, 1), (3_000, False, 1), (2_999, False, 3), (0, False, 6000)],
)
def test_calls_too_fast_to_time_share_a_round(call_ns: float, single: bool, expected: int) -> None:
    assert iterations(call_ns, 60, single=single) == expected


@pytest.mark.parametrize(
    ("limits", "single"),
    [
        ({"p95_ms": 50}, True),
        ({"p95_ns": 1200}, True),
        ({"p95_ns": 1199}, False),
        ({"mean_ns": 100}, False),
        ({"cpu_max_ms": 1}, True),
        ({"peak_mb": 1}, False),
        ({}, False),
    ],
)
def test_a_percentile_wide_enough_for_the_clock_wants_single_calls(limits: dict[str, float], single: bool) -> None:
    assert needs_single_calls(parse_budgets(limits, "here"), 60) is single


@pytest.mark.parametrize(
    ("round_ns", "wanted", "expected"),
    [(BLOCK_NS / 4, 100, 4), (BLOCK_NS / 4, 3, 4), (BLOCK_NS * 9, 100, 1), (1, 7, 80), (1, 900, 900)],
)
def test_a_block_holds_about_20_ms_of_rounds(round_ns: float, wanted: int, expected: int) -> None:
    assert rounds_per_block(round_ns, wanted) == expected


@pytest.mark.parametrize(
    ("round_ns", "expected"),
    [(0.0, 3_000_000), (1e4, 300), (1e6, 3), (1.6e6, 2), (2.9e6, 2), (3e6, 2), (25e6, 2), (26e6, 1), (170e6, 1)],
)
def test_a_turn_has_3_ms_and_two_rounds_unless_these_take_long(round_ns: float, expected: int) -> None:
    """The first round of a turn finds the caches with the data of the other side."""
    assert rounds_per_turn(round_ns) == expected
