"""The notes that a comparison shows on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

from comparing import Notes, context

from pytest_perfbudget.compare.confirm import Attempt, confirm
from pytest_perfbudget.compare.progress import Pace, note_fresh, note_screening
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.slowdown import MOST_FRESH


def paced(step_s: float) -> Pace:
    """Return a pace whose steps all take the same time."""
    clock = ticks(step_s)
    return Pace(lambda: next(clock))


def ticks(step_s: float) -> Iterator[int]:
    at = 0
    while True:
        yield at
        at += int(step_s * 1e9)


def shown(step_s: float, steps: int, *, most_fresh: int = MOST_FRESH, nodeid: str = "a.py::t") -> str:
    notes, pace = Notes(), paced(step_s)
    for _ in range(steps):
        with pace.step():
            pass
    note_fresh(notes, nodeid, pace, 15, most_fresh, noun="fresh pair")
    return notes.shown[-1]


def test_a_note_tells_the_pair_and_the_most_time_left() -> None:
    assert shown(4, 0) == "perf: fresh pair 1 of at most 10, at most 2 min: a.py::t"
    assert shown(4, 1) == "perf: fresh pair 2 of at most 10, at most 36 s left: a.py::t"
    assert shown(60, 4) == "perf: fresh pair 5 of at most 10, at most 6 min left: a.py::t"
    assert shown(4, 10, most_fresh=20) == "perf: fresh pair 11 of at most 20, at most 40 s left: a.py::t"


def test_a_note_leaves_the_folders_out_so_that_the_name_of_the_test_is_not_cut() -> None:
    note = shown(4, 1, nodeid="tests/perf/test_a.py::TestMenu::test_call[a/b::c]")
    assert note == "perf: fresh pair 2 of at most 10, at most 36 s left: test_a.py::TestMenu::test_call[a/b::c]"


def logged(step_s: float, steps: int, expected_s: float = 0.0) -> list[str]:
    """Return the lines in a log about a test whose processes all take the same time."""
    notes, pace = Notes(), paced(step_s)
    for _ in range(steps):
        note_fresh(notes, "a.py::t", pace, expected_s)
        with pace.step():
            pass
    return notes.logged


def test_a_log_has_a_line_when_a_confirmation_begins_and_each_half_minute() -> None:
    begin = "perf: a.py::t stands out: measuring it again in at most 10 fresh processes"
    assert logged(4, 7) == [begin]
    assert logged(4, 9) == [begin, "perf: a.py::t: fresh process 9 of at most 10, at most 8 s left"]
    assert logged(16, 6, expected_s=15) == [
        f"{begin}, at most 2 min",
        "perf: a.py::t: fresh process 3 of at most 10, at most 2 min left",
        "perf: a.py::t: fresh process 5 of at most 10, at most 2 min left",
    ]
    assert logged(2, 3, expected_s=0.4) == [f"{begin}, at most 4 s"]


def test_a_screening_tells_the_test_and_a_repeated_test_is_no_further_one() -> None:
    notes, pace = Notes(), paced(2)
    for name in "abcc":
        note_screening(notes, f"a.py::{name}", pace, 3)
        with pace.step():
            pass
    assert notes.shown == [
        "perf: comparing test 1 of 3: a.py::a",
        "perf: comparing test 2 of 3, 4 s left: a.py::b",
        "perf: comparing test 3 of 3, 2 s left: a.py::c",
        "perf: comparing test 3 of 3, 0 s left: a.py::c",
    ]


def test_a_confirmation_counts_its_processes() -> None:
    def measure(*, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[Pair]:
        del own_file_only, counting, is_timed, needs_new
        return Attempt({"": Pair(math.log(1.1), 0.005, 1e6)})

    asking = context()
    confirm(asking, "a.py::t", {"": PairedSlowdownTest(0.05, 0.001)}, {}, measure, noun="fresh pair")
    assert isinstance(asking.progress, Notes)
    assert [one.partition(" of ")[0] for one in asking.progress.shown] == [
        f"perf: fresh pair {number}" for number in (1, 2, 3, 4)
    ]
