"""The notes that a comparison shows on a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from comparing import Notes, context

from pytest_perfbudget.compare.confirm import Attempt, confirm
from pytest_perfbudget.compare.progress import Pace, note_fresh, note_screening
from pytest_perfbudget.compare.session_pace import SessionPace
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
    note_fresh(notes, nodeid, pace, SessionPace(), step_s=15, most_fresh=most_fresh, noun="fresh pair")
    return notes.shown[-1]


def test_a_note_tells_the_pair_and_the_most_time_left() -> None:
    assert shown(4, 0) == "perf: fresh pair 1 of at most 10, 2 min if all run: a.py::t"
    assert shown(4, 1) == "perf: fresh pair 2 of at most 10, 36 s if all run: a.py::t"
    assert shown(60, 4) == "perf: fresh pair 5 of at most 10, 6 min if all run: a.py::t"
    assert shown(4, 10, most_fresh=20) == "perf: fresh pair 11 of at most 20, 40 s if all run: a.py::t"


def test_a_note_leaves_the_folders_out_so_that_the_name_of_the_test_is_not_cut() -> None:
    note = shown(4, 1, nodeid="tests/perf/test_a.py::TestMenu::test_call[a/b::c]")
    assert note == "perf: fresh pair 2 of at most 10, 36 s if all run: test_a.py::TestMenu::test_call[a/b::c]"


def session(total: int, *durations_s: float) -> SessionPace:
    """Return the pace of a session whose first perf tests took so long."""
    times = iter([at for duration_s in durations_s for at in (0, int(duration_s * 1e9))])
    pace = SessionPace(wall_ns=lambda: next(times))
    pace.total = total
    for _ in durations_s:
        with pace.test():
            pass
    return pace


def logged(step_s: float, steps: int, expected_s: float = 0.0) -> list[str]:
    """Return the lines in a log about the eighth test of twenty, whose processes all take the same time."""
    notes, pace = Notes(), paced(step_s)
    so_far = session(20, *[10.0] * 7)
    for _ in range(steps):
        note_fresh(notes, "a.py::t", pace, so_far, step_s=expected_s)
        with pace.step():
            pass
    return notes.logged


def test_a_log_has_a_line_when_a_confirmation_begins_and_each_half_minute() -> None:
    begin = "perf: a.py::t stands out: measuring it again in at most 10 fresh processes"
    place = "(test 8 of 20, then about 2 min)"
    assert logged(4, 7) == [f"{begin} {place}"]
    assert logged(4, 9) == [
        f"{begin} {place}",
        f"perf: a.py::t: fresh process 9 of at most 10, 8 s if all run {place}",
    ]
    assert logged(16, 6, expected_s=15) == [
        f"{begin}, 2 min if all run {place}",
        f"perf: a.py::t: fresh process 3 of at most 10, 2 min if all run {place}",
        f"perf: a.py::t: fresh process 5 of at most 10, 2 min if all run {place}",
    ]
    assert logged(2, 3, expected_s=0.4) == [f"{begin}, 4 s if all run {place}"]


def screening(pace: SessionPace) -> str:
    notes = Notes()
    note_screening(notes, "a.py::t", pace)
    return notes.shown[-1]


def test_a_screening_tells_the_test_and_the_time_left_for_the_session() -> None:
    assert screening(session(3)) == "perf: comparing test 1 of 3: a.py::t"
    assert screening(session(3, 2)) == "perf: comparing test 2 of 3, about 4 s left in all: a.py::t"
    assert screening(session(3, 2, 30)) == "perf: comparing test 3 of 3, about 16 s left in all: a.py::t"


def test_a_repeated_test_is_no_further_one() -> None:
    assert screening(session(3, 2, 2, 2)) == "perf: comparing test 3 of 3: a.py::t"


def test_workers_of_xdist_add_to_one_pace(tmp_path: Path) -> None:
    times = iter(range(0, 60_000_000_000, 10_000_000_000))
    first, second = (SessionPace(str(tmp_path), lambda: next(times)) for _ in range(2))
    first.total = second.total = 8
    assert (first.number, first.left_s()) == (1, 0)
    for worker in (first, second, first):
        with worker.test():
            pass
    assert (second.number, second.left_s()) == (4, 50)


@pytest.mark.parametrize("content", [None, "\0\n"], ids=["no folder", "no numbers"])
def test_a_file_that_is_of_no_use_leaves_the_own_pace(tmp_path: Path, content: str | None) -> None:
    """As where somebody has cleaned the folder for temporary files: no test fails by its progress."""
    times = iter([0, 7_000_000_000])
    pace = SessionPace(str(tmp_path / "gone" if content is None else tmp_path), lambda: next(times))
    pace.total = 3
    with pace.test():
        pass
    if content is not None:
        (tmp_path / "durations.txt").write_text(content, "utf-8")
    assert (pace.number, pace.left_s()) == (2, 14)


def test_pairs_that_do_not_count_leave_room_for_as_many_more() -> None:
    """The first pair shows no slowdown, and those that have measured other tests show one: new pairs decide."""
    seen: list[bool] = []

    def measure(*, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[Pair]:
        del own_file_only, counting, is_timed
        seen.append(needs_new)
        return Attempt({"": Pair(0.04 if needs_new else 0.3, 0.005, 1e6, is_shared=not needs_new)})

    asking = context()
    test = PairedSlowdownTest(0.05, 0.001).after(Pair(0.06, 0.005, 1e6))
    confirm(asking, "a.py::t", {"": test}, {}, measure, noun="fresh pair")
    assert isinstance(asking.progress, Notes)
    assert seen[:3] == [True, False, True]
    numbers = [re.findall(r"pair (\d+) of at most (\d+)", one)[0] for one in asking.progress.shown]
    assert numbers[:3] == [("1", "20"), ("2", "20"), ("3", "21")]


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
