from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.ratio import LOOKS, decide_ratio, quad_log_ratio
from pytest_perfbudget.core.results import BudgetVerdict

ERRORS = Errors(exceeded=0.01, within=0.05)


def recorded_quads(data: Callable[[str], Any]) -> dict[tuple[int, str], list[float]]:
    """Quads of two blocks a side from processes that ran identical code."""
    quads = {}
    for row in data("identical_code.json")["rows"]:
        head, base = row["head"], row["base"]
        pairs = range(0, len(head) - 1, 2)
        quads[row["pair"], row["workload"]] = [quad_log_ratio(head[at : at + 2], base[at : at + 2]) for at in pairs]
    return quads


def test_on_recorded_identical_code_the_ratio_is_judged_right(data: Callable[[str], Any]) -> None:
    quads = recorded_quads(data)
    # Two processes differ by up to some per cent for good; so much room has a ratio budget.
    for (_, workload), found in quads.items():
        if workload == "zlib":
            continue  # 53 to 110 us by heap layout alone: see the next test
        assert decide_ratio(found, 1.25, ERRORS).verdict is not BudgetVerdict.EXCEEDED, workload
        assert decide_ratio(found, 1 / 1.25, ERRORS).verdict is not BudgetVerdict.WITHIN, workload


def test_on_recorded_code_twice_as_slow_the_budget_fires(data: Callable[[str], Any]) -> None:
    for (_, workload), found in recorded_quads(data).items():
        slowed = [one + math.log(2) for one in found]
        assert decide_ratio(slowed, 1.25, ERRORS).verdict is BudgetVerdict.EXCEEDED, workload
        assert decide_ratio(found, 2.0, ERRORS).verdict is BudgetVerdict.WITHIN, workload


@pytest.mark.parametrize("spread", [0.002, 0.05, 0.5])
def test_errors_over_all_looks_stay_within_what_is_stated(spread: float) -> None:
    draw = np.random.default_rng(3)
    trials = 1500
    verdicts = [decide_ratio(draw.normal(0, spread, LOOKS[-1]).tolist(), 1.0, ERRORS).verdict for _ in range(trials)]
    assert verdicts.count(BudgetVerdict.WITHIN) / trials <= ERRORS.within + 3 * (ERRORS.within / trials) ** 0.5
    assert verdicts.count(BudgetVerdict.EXCEEDED) / trials <= ERRORS.exceeded + 3 * (ERRORS.exceeded / trials) ** 0.5


def test_fewer_quads_than_the_first_look_decide_nothing() -> None:
    decision = decide_ratio([0.0] * (LOOKS[0] - 1), 100.0, ERRORS)
    assert (decision.verdict, decision.lower, decision.upper) == (BudgetVerdict.UNDECIDED, None, None)
    assert decide_ratio([0.0] * LOOKS[0], 100.0, ERRORS).verdict is BudgetVerdict.WITHIN


def test_a_quad_cancels_a_steady_drift() -> None:
    # The machine slows down by 1 % from block to block; ABBA sees equal code as equal.
    a1, b1, b2, a2 = (100 * 1.01**block for block in range(4))
    assert quad_log_ratio([a1, a2], [b1, b2]) == pytest.approx(0, abs=1e-12)


def test_swapping_the_sides_inverts_the_ratio() -> None:
    assert quad_log_ratio([2.0, 3.0], [5.0, 7.0]) == -quad_log_ratio([5.0, 7.0], [2.0, 3.0])
