"""The windows of services in the history's file: appended, merged to hours, removed, and killed while written."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from histories import SERVICE_S, START_S, point, process, session, window
from history_writers import assert_minutes_whole, started
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.history.service_window import DAY_S, HOUR_S, MINUTE_S, ServiceWindow
from pytest_perfbudget.core.tally import Tally
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history.store import append, sessions
from pytest_perfbudget.history.windows import append_windows, last_processes, window_components, windows_since


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".perfbudget" / "history.db"


def wrote(file: Path, *windows: ServiceWindow, writer: str = "a", now_s: float = 0, oldest_s: float = 0) -> None:
    at_s = now_s or max((one.end_s for one in windows), default=SERVICE_S)
    append_windows(file, windows, process(writer, at_s), oldest_s)


def day_window(day: int) -> ServiceWindow:
    return window(day * DAY_S // MINUTE_S)


def days(file: Path) -> list[int]:
    """Return the days of all windows; the hour of a window begins a little before the window."""
    return sorted(round((one.start_s - SERVICE_S) / DAY_S) for one in windows_since(file, 0))


class TestMinutes:
    """What a process appends is read again, together with the minutes of the others."""

    def test_minutes_are_read_as_they_were_appended(self, file: Path) -> None:
        failed = ServiceWindow("storage", SERVICE_S, MINUTE_S, Tally.of([2_000_000, 10**13], errors=1))
        wrote(file, window(1), window(0), failed)
        assert windows_since(file, SERVICE_S) == [window(0), failed, window(1)]
        assert windows_since(file, SERVICE_S, "storage") == [failed]
        assert window_components(file, SERVICE_S) == ["gateway", "storage"]

    def test_the_minutes_of_two_processes_add_up(self, file: Path) -> None:
        wrote(file, window(0, durations_ms=[1]), writer="a")
        wrote(file, window(0, durations_ms=[2, 3]), writer="b")
        assert windows_since(file, SERVICE_S) == [window(0, durations_ms=[1, 2, 3])]

    def test_a_minute_that_a_process_appends_again_counts_once(self, file: Path) -> None:
        wrote(file, window(0, durations_ms=[1]))
        wrote(file, window(0, durations_ms=[1, 2]))
        assert windows_since(file, SERVICE_S) == [window(0, durations_ms=[1, 2])]

    def test_minutes_before_a_time_are_left_out(self, file: Path) -> None:
        wrote(file, *map(window, range(5)))
        assert windows_since(file, SERVICE_S + 3 * MINUTE_S) == [window(3), window(4)]

    def test_the_state_of_a_process_is_that_of_its_last_minute(self, file: Path) -> None:
        for minute in range(3):
            append_windows(file, [], process("a", SERVICE_S + minute * MINUTE_S, errors=[minute]), 0)
        append_windows(file, [], process("b", SERVICE_S), 0)
        found = last_processes(file, DAY_S)
        assert [(one.writer, one.state) for one in found] == [("a", {"errors": [2]}), ("b", {})]
        assert [one.writer for one in last_processes(file, MINUTE_S)] == ["a"]

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2**43), st.booleans())))
    def test_a_histogram_survives_the_file(self, requests: list[tuple[int, bool]]) -> None:
        every, failed = Tally.of(one for one, _ in requests), Tally.of(one for one, is_error in requests if is_error)
        tally = Tally(every.count, failed.count, every.total_ns, every.most_ns, every.packed, failed.packed)
        sums = tally.count, tally.errors, tally.total_ns, tally.most_ns
        assert Tally.of_histogram(*sums, tally.histogram()) == tally


class TestHours:
    """Minutes are merged to hours when they are two hours old, so that the file stays small."""

    def test_old_minutes_become_hours_and_no_request_is_lost(self, file: Path) -> None:
        hour_s = -(-SERVICE_S // HOUR_S) * HOUR_S  # the first full hour
        first = (hour_s - SERVICE_S) // MINUTE_S
        minutes = [window(first + at, name) for at in range(0, 180, 20) for name in ("gateway", "storage", "mail")]
        for writer in ("a", "b"):
            wrote(file, *minutes, writer=writer)
        for _ in range(6):  # two show that b lives no more; each further time two components of one hour
            wrote(file, now_s=hour_s + 4 * HOUR_S)
        found = windows_since(file, SERVICE_S)
        merged = {(one.component, one.start_s): one.tally.count for one in found if one.seconds == HOUR_S}
        hours = (hour_s, hour_s + HOUR_S)
        assert merged == {(name, one): 2 * 3 * 3 for name in ("gateway", "storage", "mail") for one in hours}
        assert sum(one.tally.count for one in found) == 2 * 3 * len(minutes)
        assert min(one.start_s for one in found if one.seconds == MINUTE_S) == hour_s + 2 * HOUR_S

    def test_a_late_minute_is_added_to_its_hour(self, file: Path) -> None:
        for writer in ("a", "b"):
            wrote(file, window(0), writer=writer)
            for _ in range(3):
                wrote(file, now_s=SERVICE_S + DAY_S)
        (hour,) = windows_since(file, 0)
        assert (hour.seconds, hour.tally.count) == (HOUR_S, 6)

    def test_minutes_of_the_last_two_hours_stay_minutes(self, file: Path) -> None:
        wrote(file, window(0))
        wrote(file, now_s=SERVICE_S // HOUR_S * HOUR_S + 3 * HOUR_S - 1)
        assert windows_since(file, 0) == [window(0)]


class TestRemoval:
    """Windows that are too old are removed; a date alone is no proof of age, because a clock may be wrong."""

    @pytest.mark.parametrize("is_by_a_session", [False, True])
    def test_old_windows_and_processes_are_removed_and_later_ones_stay(
        self, file: Path, *, is_by_a_session: bool
    ) -> None:
        for day in range(0, 21, 2):
            wrote(file, day_window(day), writer=f"{day}")
        now_s = SERVICE_S + 20 * DAY_S + HOUR_S
        if is_by_a_session:
            append(file, [], now_s - 10 * DAY_S, now_s=now_s)
        else:
            wrote(file, writer="20", now_s=now_s, oldest_s=now_s - 10 * DAY_S)
        assert days(file) == [*range(8, 21, 2)]
        assert len(last_processes(file, 100 * DAY_S)) == 7

    @pytest.mark.parametrize("ahead", [3, 30, 365])
    def test_a_monitor_whose_clock_is_ahead_removes_nothing_of_others_that_is_young(
        self, file: Path, ahead: int
    ) -> None:
        for day in range(11):
            wrote(file, day_window(day), writer="a")
        for day in range(3):  # then a process with another clock goes on
            now_s = SERVICE_S + (10 + day + ahead) * DAY_S + HOUR_S
            wrote(file, day_window(10 + day + ahead), writer="b", now_s=now_s, oldest_s=now_s - 10 * DAY_S)
        assert {*range(2, 11)} <= {*days(file)}
        assert {one.writer for one in last_processes(file, 400 * DAY_S)} == {"a", "b"}

    @pytest.mark.parametrize("is_alive", [True, False])
    def test_a_live_process_whose_clock_is_weeks_behind_keeps_its_minutes_and_its_days(
        self, file: Path, *, is_alive: bool
    ) -> None:
        ahead, number = 21, 40
        for day in range(0, number, 2):
            for writer, place in (("a", day), ("b", day + ahead), ("b", day + ahead)):  # in the order of no clock
                if writer == "b" or is_alive or day < number - 4:
                    now_s = SERVICE_S + place * DAY_S + HOUR_S
                    wrote(file, day_window(place), writer=writer, now_s=now_s, oldest_s=now_s - 30 * DAY_S)
        kept = [one for one in windows_since(file, 0) if one.start_s < SERVICE_S + number * DAY_S]
        latest = max(kept, key=lambda one: one.start_s)
        assert latest.seconds == (MINUTE_S if is_alive else HOUR_S)
        assert (min(days(file)) <= number - 30) is is_alive

    def test_windows_beyond_a_long_gap_stay_and_those_after_the_gap_are_removed(self, file: Path) -> None:
        for day in (0, *range(10, 31)):
            wrote(file, day_window(day))
        wrote(file, now_s=SERVICE_S + 30 * DAY_S + HOUR_S, oldest_s=SERVICE_S + 20 * DAY_S)
        assert days(file) == [0, *range(17, 31)]


class TestOtherFiles:
    """A history without windows has none, and a damaged window is one line."""

    def test_a_history_of_sessions_has_no_windows(self, file: Path) -> None:
        append(file, [session()], START_S)
        assert windows_since(file, 0) == []
        assert last_processes(file, DAY_S) == []
        assert window_components(file, 0) == []

    def test_sessions_and_windows_share_a_file(self, file: Path) -> None:
        append(file, [session(0, [point()])], START_S)
        wrote(file, window())
        assert sessions(file, START_S) == [session(0, [point()])]
        assert windows_since(file, SERVICE_S) == [window()]

    @pytest.mark.parametrize("damage", ["x'00'", "'text'", "x'789c030000000001'"])
    def test_a_damaged_window_is_one_line(self, file: Path, damage: str) -> None:
        wrote(file, window())
        with closing(sqlite3.connect(file)) as other, other:
            other.execute(f"UPDATE service_window SET histogram = {damage}")
        with pytest.raises(HistoryError, match=r"^history .*: the windows of services are damaged \(damaged histogram"):
            windows_since(file, 0)

    def test_a_damaged_state_is_one_line(self, file: Path) -> None:
        wrote(file, window())
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("UPDATE service_process SET state = '{'")
        with pytest.raises(HistoryError, match=r"^history .*: the windows of services are damaged .*: remove the file"):
            last_processes(file, DAY_S)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither SIGKILL nor limits on files")
class TestAccidents:
    """Whatever happens to a process, each minute that it appended is there, with all components."""

    def test_nothing_is_lost_when_processes_are_killed(self, file: Path) -> None:
        with started(file, "kill_writers(sys.argv[1], 5, append_minute)") as writers:
            assert writers.stdout is not None
            written = {int(line) for line in writers.stdout if line.endswith("\n")}
        assert writers.returncode == 0
        assert {at // 1000 for at in written} == set(range(5))
        assert_minutes_whole(file, written)

    def test_a_full_disk_loses_only_the_minute_that_has_no_room(self, file: Path) -> None:
        limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
        with started(file, f"{limit}; write(sys.argv[1], 0, 1000, append_minute)") as writers:
            assert writers.stdout is not None
            *written, problem = writers.stdout.read().splitlines()
        assert problem.endswith("full: nothing was written")
        assert len(written) > 3
        assert_minutes_whole(file, set(map(int, written)))
