"""The confirmation of a test that is far slower ends early, also where its counts have grown."""

from __future__ import annotations

import math

from comparing import context, recording

from pytest_perfbudget.compare.confirm import FRESH_COUNTS, Attempt, confirm
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import RegressionVerdict


def confirmed(ratio: float, *, screened: float, calls: int) -> tuple[int, RegressionVerdict]:
    """Return the number of fresh pairs and the verdict on the time, of a base with 100 calls."""
    suspects = {"": PairedSlowdownTest(0.05, 0.001).after(Pair(math.log(screened), 0.005, 1e6))}
    sides = {"": Sides(recording(calls=calls), recording(calls=100))}

    def measure(*, own_file_only: bool) -> Attempt[Pair]:
        del own_file_only
        return Attempt({"": Pair(math.log(ratio), 0.005, 1e6)}, sides)

    found = confirm(context(), "a.py::t", suspects, {"": 0.05} if calls > 100 else {}, measure)
    return len(found.attempts), found.times[""].verdict


def test_a_test_that_is_far_slower_takes_one_pair() -> None:
    assert confirmed(2.5, screened=2.5, calls=100) == (1, RegressionVerdict.REGRESSED)


def test_more_calls_of_a_test_that_is_far_slower_take_no_further_pair() -> None:
    assert confirmed(2.5, screened=2.5, calls=200) == (1, RegressionVerdict.REGRESSED)


def test_more_calls_of_a_test_that_is_not_slower_take_all_pairs() -> None:
    assert confirmed(1.0, screened=1.07, calls=200) == (FRESH_COUNTS, RegressionVerdict.UNCONFIRMED)
