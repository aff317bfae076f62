"""The confirmation of a test that is far slower ends early, also where its counts have grown."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from comparing import context, recording

from pytest_perfbudget.compare.confirm import Attempt, confirm
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.core.counts import FRESH_COUNTS, Counting
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.weather import BlockTime

ALL, CALLS, NONE = Counting.ALL, Counting.CALLS, Counting.NONE


def confirmed(ratio: float, *, screened: float, calls: int) -> tuple[int, RegressionVerdict]:
    """Return the number of fresh pairs and the verdict on the time, of a base with 100 calls."""
    suspects = {"": PairedSlowdownTest(0.05, 0.001).after(Pair(math.log(screened), 0.005, 1e6))}
    sides = {"": Sides(recording(calls=calls), recording(calls=100))}

    def measure(*, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[Pair]:
        del own_file_only, counting, is_timed, needs_new
        return Attempt({"": Pair(math.log(ratio), 0.005, 1e6)}, sides)

    found = confirm(context(), "a.py::t", suspects, {"": 0.05} if calls > 100 else {}, measure)
    return len(found.attempts), found.times[""].verdict


def test_one_pair_of_slow_calls_counts_and_profiles_unless_a_count_has_grown() -> None:
    """Counting takes as long as several calls, which for slow code is most of a pair's time."""
    assert counted(call_ns=50e6, grown={}) == [CALLS, NONE, NONE, NONE]
    assert counted(call_ns=50e6, grown={"": 0.05}) == [ALL, ALL, ALL, NONE]


@pytest.mark.parametrize(("suspect", "expected"), [(1.1, [True] * 4), (None, [False] * 3)])
def test_a_pair_that_only_counts_is_not_timed(suspect: float | None, expected: list[bool]) -> None:
    """Its turns would take most of its time."""
    timed = []
    sides = {"": Sides(recording(calls=200), recording(calls=100))}

    def measure(*, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[Pair]:
        del own_file_only, counting, needs_new
        timed.append(is_timed)
        return Attempt({"": Pair(math.log(1.1), 0.005, 1e6)}, sides)

    suspects = {} if suspect is None else {"": PairedSlowdownTest(0.05, 0.001)}
    confirm(context(), "a.py::t", suspects, {"": 0.05}, measure)
    assert timed == expected


@pytest.mark.parametrize(
    ("grown", "expected"), [({}, [True, *[False] * 3]), ({"": 0.05}, [True] * 4)], ids=["slower", "grown counts"]
)
def test_the_first_pair_is_new_and_so_are_those_of_grown_counts(grown: dict[str, float], expected: list[bool]) -> None:
    """Pairs that have measured other tests may have what these left behind."""
    asked = []
    sides = {"": Sides(recording(calls=200), recording(calls=100))}

    def measure(*, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[Pair]:
        del own_file_only, counting, is_timed
        asked.append(needs_new)
        return Attempt({"": Pair(math.log(1.1), 0.005, 1e6)}, sides)

    confirm(context(), "a.py::t", {"": PairedSlowdownTest(0.05, 0.001)}, grown, measure)
    assert asked == expected


def test_three_pairs_of_quick_calls_do() -> None:
    """The calmest of several profiles err less, and a name rests on them."""
    assert counted(call_ns=1e6, grown={}) == [CALLS, CALLS, CALLS, NONE]


def counted(call_ns: float, grown: dict[str, float]) -> list[Counting]:
    """Return for each fresh pair of a test that is 10 % slower which counts the pair takes."""
    asked = []
    blocks = [BlockTime(call_ns, (), ())]

    def measure(*, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[Pair]:
        del own_file_only, is_timed, needs_new
        asked.append(counting)
        head, base = (recording(calls=calls) if counting is not NONE else recording() for calls in (200, 100))
        sides = Sides(replace(head, blocks=blocks), base)
        return Attempt({"": Pair(math.log(1.1), 0.005, call_ns)}, {"": sides})

    confirm(context(), "a.py::t", {"": PairedSlowdownTest(0.05, 0.001)}, grown, measure)
    return asked


def test_a_test_that_is_far_slower_takes_one_pair() -> None:
    assert confirmed(2.5, screened=2.5, calls=100) == (1, RegressionVerdict.REGRESSED)


def test_more_calls_of_a_test_that_is_far_slower_take_no_further_pair() -> None:
    assert confirmed(2.5, screened=2.5, calls=200) == (1, RegressionVerdict.REGRESSED)


def test_more_calls_of_a_test_that_is_not_slower_take_all_pairs() -> None:
    assert confirmed(1.0, screened=1.07, calls=200) == (FRESH_COUNTS, RegressionVerdict.UNCONFIRMED)
